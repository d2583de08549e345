"""Floor 1: one module a wire protocol, and the sources that answer without calling anybody."""
