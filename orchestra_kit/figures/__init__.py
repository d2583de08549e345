"""Floor 5: one figure a file; a frame in, a matplotlib Figure out."""
