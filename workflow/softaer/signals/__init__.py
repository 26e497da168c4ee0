"""Media files: what is in them, and sound and pictures on one clock."""
