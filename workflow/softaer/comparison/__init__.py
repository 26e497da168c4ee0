"""Comparison of finished experiments, on the frames that all of them score."""
