"""Commands that prepare an experiment: ``softaer init``, ``check`` and ``batch``."""
