"""Targets, tasks and objectives: what is learnt, and which network predicts what.

A dimension has two targets, the emotional state E and the perception uncertainty sigma. The
single-task approach trains one network for each, the multi-task approach one for both; what one
network learns is called its objective. Read while the Snakefile is parsed, so this module imports
nothing.
"""

TARGETS = ("E", "sigma")
"""Emotional state and perception uncertainty."""

OBJECTIVES = {"E": ("E",), "sigma": ("sigma",), "E+sigma": ("E", "sigma")}
"""Outputs of a network, by objective."""

TASKS = {"single": {"E": "E", "sigma": "sigma"}, "multi": {"E": "E+sigma", "sigma": "E+sigma"}}
"""Objective of the network that predicts each target, by task."""

FUSED = "+"
"""Joins the names of fused modalities: ``audio+video``."""
