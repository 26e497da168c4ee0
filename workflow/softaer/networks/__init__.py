"""Networks and their training, without file access."""
