"""Media files: their contents, and decoding of sound and video on one clock."""
