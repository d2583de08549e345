"""Floor 3: one request from arrival to trace."""
