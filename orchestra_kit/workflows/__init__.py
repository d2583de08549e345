"""Floor 3: patterns of several steps."""
