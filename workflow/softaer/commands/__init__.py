"""The commands of a person; the first is softaer itself."""
