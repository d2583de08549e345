"""Floor 0: values, errors, clock, money: what everything else speaks in."""
