"""A local server for the pages of a run, with the media of its recordings (softaer view)."""
