"""Floor 4: tables of recorded outcomes, and what can be learnt from them."""
