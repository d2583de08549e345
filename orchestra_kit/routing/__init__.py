"""Floor 2: from a request to a decision, without I/O and without a clock."""
