"""Floor 1: the ledger, decisions, queues and runs, in SQLite or PostgreSQL."""
