"""One file, one use: what people and other doors call."""
