"""Floor 1: retry, breaker and budgets of retries, as state machines on a clock."""
