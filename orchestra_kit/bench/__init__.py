"""Floor 4: scenarios, scorers, runs and generated traffic."""
