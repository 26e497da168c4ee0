"""Commands of ``softaer`` that run, apply or pass on a model."""
