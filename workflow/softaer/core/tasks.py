"""Targets, tasks and networks: what networks learn, and which network predicts what.

A dimension has two targets, the emotional state E and the perception uncertainty sigma. The
single-task approach trains one network for each, the multi-task approach one for both, and the
joint approach one for both targets of all dimensions. A network is named by its scope (the
dimensions) and its objective (the targets). This module is imported when the Snakefile is parsed,
so it imports nothing but the standard library.
"""

from collections.abc import Sequence
from typing import Literal, get_args

Target = Literal["E", "sigma"]
TARGETS: tuple[Target, ...] = get_args(Target)
"""Emotional state and perception uncertainty."""

OBJECTIVES = {"E": ("E",), "sigma": ("sigma",), "E+sigma": ("E", "sigma")}
"""Targets that a network learns, by objective."""

Task = Literal["single", "multi", "joint"]
TASKS: tuple[Task, ...] = get_args(Task)

Baseline = Literal["ridge", "constant"]
BASELINES: tuple[Baseline, ...] = get_args(Baseline)
"""Predictions without a network, which go through the same stages as a task: a ridge regression on
the same features, and the mean of train."""

RIDGE: Baseline = "ridge"
CONSTANT: Baseline = "constant"

BASELINE_SEED = 0
"""A baseline does not depend on chance: it exists once, and its files have this seed."""

FusionMethod = Literal["least_squares", "rescaled", "mean", "nonnegative", "shrunk"]
"""Methods of late fusion, see :mod:`softaer.core.late_fusion`."""

PLAIN_MEAN: FusionMethod = "mean"
"""The fusion that is always scored beside the configured one."""

LEAST_CONTRIBUTING = 3
"""Modalities of a fusion from which it is asked what each adds; of two, the other one is alone."""

JOIN = "+"
"""Joins the names of fused modalities (``audio+video``) and of the dimensions of a scope."""


def networks(
    task: str, dimension: str, dimensions: Sequence[str], targets: Sequence[str] = TARGETS
) -> list[tuple[str, str]]:
    """Scope and objective of the networks that predict a dimension.

    Examples
    --------
    >>> networks("single", "valence", ["arousal", "valence"])
    [('valence', 'E'), ('valence', 'sigma')]
    >>> networks("single", "valence", ["arousal", "valence"], ["E"])
    [('valence', 'E')]
    >>> networks("joint", "valence", ["arousal", "valence"])
    [('arousal+valence', 'E+sigma')]
    """
    if task == "single":
        return [(dimension, target) for target in targets]
    return [(dimension if task == "multi" else JOIN.join(dimensions), JOIN.join(TARGETS))]


def all_networks_of(
    tasks: Sequence[str], dimensions: Sequence[str], targets: Sequence[str] = TARGETS
) -> list[tuple[str, str]]:
    """Scope and objective of all networks of some tasks, each once, sorted.

    Examples
    --------
    >>> all_networks_of(["multi"], ["valence", "arousal"])
    [('arousal', 'E+sigma'), ('valence', 'E+sigma')]
    """
    return sorted(
        {n for t in tasks for d in dimensions for n in networks(t, d, dimensions, targets)}
    )


def output_name(dimension: str, target: str) -> str:
    """Name of a target of a dimension, as an output of a network and a column of a dataset.

    Examples
    --------
    >>> output_name("valence", "sigma")
    'valence_sigma'
    """
    return f"{dimension}_{target}"


def output_names(scope: str, objective: str) -> list[str]:
    """Outputs of a network.

    Examples
    --------
    >>> output_names("arousal+valence", "sigma")
    ['arousal_sigma', 'valence_sigma']
    """
    return [output_name(d, t) for d in scope.split(JOIN) for t in OBJECTIVES[objective]]


PREDICTED, CONSTANT_SPREAD = "predicted", "constant spread"
ALONE, CLIMATOLOGY, LABEL = "sigma alone", "climatology", "other raters"
"""Distributions against which single ratings are scored, see :mod:`softaer.uncertainty`."""

OF_DISTRIBUTION = ("spread", "lower", "upper")
"""Endings of the columns that stand beside E and sigma in predictions of new recordings."""

SPEECH, FACE = "speech", "face"
"""Columns that say what predictions of new recordings rest on, see
:mod:`softaer.signals.evidence`."""

DISTANCE = "distance"
"""Ending of the columns that say how far each modality's features are from train."""

FAR = 2.0
"""Median distance from train beyond which a recording is reported as unlike it."""

HUMAN = "one more rater (no upper bound)"
"""Name of the score that a rater reaches against the label from the others."""

TRUTH = "planted truth"
"""Name of the score of the planted truth against the labels."""
