"""Networks and what trains them, without files."""
