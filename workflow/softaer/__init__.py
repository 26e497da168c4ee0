"""Perception uncertainty in continuous emotion recognition, as stages of a workflow.

Each module is one stage: a pure function on tables and arrays, and a command line
(``python -m softaer.<stage>``) that reads and writes files. The rules in ``workflow/rules`` call
only these command lines.
"""

__version__ = "0.1.0"
