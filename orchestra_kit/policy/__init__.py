"""Floor 0: the file that decides, read, checked and versioned by its content."""
