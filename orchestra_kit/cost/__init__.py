"""Floor 2: prices, estimates and spend budgets."""
