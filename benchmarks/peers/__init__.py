"""One script a peer, run by the interpreter of `.venv-peers`: measures, prints one line of JSON."""
