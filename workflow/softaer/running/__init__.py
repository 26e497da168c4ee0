"""Support for a run outside its jobs: configuration, lock, input checks."""
