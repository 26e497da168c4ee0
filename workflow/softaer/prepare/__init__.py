"""What a person runs before an experiment: a table of recordings, and a look at it."""
