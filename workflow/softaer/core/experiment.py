"""The experiment: every key of the configuration, with its default, bounds, unit and description.

Each section of the configuration is a class, and each key is a field of that class. This module is
the only source for the flags of the commands (:func:`softaer.core.cli.add_settings`), the checks
and their messages (:mod:`softaer.running.configuration`), ``config.yaml``, its JSON schema and the
documentation (``python tests/configuration_reference.py``). Default arguments of functions refer
to it.

:mod:`softaer.core.fields` explains how a field declares its allowed values. A stage depends on the
code of the classes that it uses. Settings of two different extraction stages are therefore in two
classes, combined by their section, so that a new key for one stage does not rerun the other.

This module is imported when the Snakefile is parsed and by every job, so it imports nothing heavy.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, Literal, NamedTuple

from annotated_types import Ge, Gt, Interval, MinLen, Predicate, Unit

from softaer.core.fields import EACH_ONCE, Section
from softaer.core.tasks import (
    BASELINE_SEED,
    BASELINES,
    JOIN,
    PLAIN_MEAN,
    TARGETS,
    Baseline,
    FusionMethod,
    Target,
    Task,
)


def with_state(targets: Sequence[str]) -> bool:
    """Whether the targets include E. Sigma is never learnt without it."""
    return "E" in targets


Seconds = Annotated[float, Unit("s")]
Count = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0)]
Share = Annotated[float, Interval(ge=0, le=1)]
Amount = Annotated[float, Ge(0)]
Layers = Annotated[int, Interval(ge=1, le=16)]
Cells = Annotated[int, Interval(ge=1, le=4096)]
Dropout = Annotated[float, Interval(ge=0, lt=1)]
Heads = Annotated[int, Interval(ge=1, le=64)]
Reach = Annotated[float, Unit("s"), Interval(ge=0.1, le=120)]


def is_odd(number: int) -> bool:
    """Whether a number is odd."""
    return number % 2 == 1


Kernel = Annotated[int, Interval(ge=3, le=31), Predicate(is_odd), "an odd number from 3 to 31"]

DIMENSION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")

OnBadRecording = Literal["fail", "skip"]
ON_BAD_RECORDING: OnBadRecording = "fail"
Functional = Literal[
    "mean", "variance", "sd", "min", "max", "range", "p10", "p25", "p50", "p75", "p90", "slope"
]
FaceGroup = Literal["pose", "gaze", "eyes", "mouth", "brows"]
ReportSection = Literal[
    "scores",
    "claims",
    "traces",
    "pairs",
    "uncertainty",
    "raters",
    "data",
    "curves",
    "selection",
    "postprocessing",
    "fusion",
    "run-times",
    "configuration",
    "versions",
]
Step = Literal["median_filter", "centring", "scaling", "time_shift"]


@dataclass(frozen=True)
class Corpus(Section):
    """Source of the recordings."""

    recordings: Annotated[str, MinLen(1), "'simulated', or the path of a recordings.csv"] = (
        "simulated"
    )
    """simulated: a small corpus with known truth is generated. For your own corpus: the path of a
    recordings.csv, see docs/corpus.md."""
    layout: Annotated[str, MinLen(1), "the name of a layout, see docs/corpora.md"] = "table"
    """For a corpus as it was delivered: its layout (docs/corpora.md), and its folder in root
    instead of a table. If you also give a table, the table lists the recordings, and the layout
    decides how ratings are read."""
    root: Annotated[str, MinLen(1), "the folder of a corpus"] | None = None


@dataclass(frozen=True)
class Simulate(Section):
    """The simulated corpus."""

    recordings: Annotated[int, Interval(ge=3, le=1000)] = 72
    """number of recordings, each of another subject up to 72"""
    duration: Annotated[Seconds, Interval(ge=8, le=3600)] = 24
    """of each recording"""
    sharing: bool = True
    """E and sigma depend on a common state, so that multi-task learning helps;
    false: on independent ones"""
    seed: Seed = 1


@dataclass(frozen=True)
class Media(Section):
    """Limits for media files; files beyond them are refused."""

    max_size: Annotated[float, Gt(0), Unit("GB")] = 20.0
    """of a file"""
    max_duration: Annotated[Seconds, Gt(0)] = 14_400.0
    """of a recording"""
    max_streams: Count = 16
    """in a file"""
    max_pixels: Annotated[int, Interval(ge=1, le=2**31 - 1)] = 7680 * 4320
    """of a frame: 7680 x 4320"""


@dataclass(frozen=True)
class Descriptors(Section):
    """The low-level descriptors of the sound."""

    feature_set: Literal["IS13_ComParE", "ComParE_2016", "GeMAPSv01b", "eGeMAPSv02"] = (
        "IS13_ComParE"
    )
    """or ComParE_2016, both with 65 low-level descriptors every 10 ms;
    GeMAPSv01b (18) or eGeMAPSv02 (25)"""


@dataclass(frozen=True)
class AudioFeatures(Section):
    """Features computed from the descriptors."""

    window: Annotated[Seconds, Interval(gt=0, le=60)] = 4.0
    """for the functionals, centred on each grid point"""
    functionals: Annotated[tuple[Literal[Functional, "voiced"], ...], MinLen(1), EACH_ONCE] = (
        "mean",
        "variance",
    )
    """of each descriptor in the window; p10 to p90: percentiles;
    slope: per second; voiced: one feature, the share of rows with F0"""
    turns: Literal["ignore", "only", "flag"] = "ignore"
    """if the subject's turns are known: only (use only the subject's speech),
    or flag (add the share of speech as a feature)"""


@dataclass(frozen=True)
class Audio(AudioFeatures, Descriptors):
    """Audio features."""


@dataclass(frozen=True)
class Tracking(Section):
    """Detection of the facial points."""

    rate: Annotated[float, Gt(0), Unit("1/s"), "frames per second, above 0"] | None = None
    """frames analysed per second, well above 1 / max_gap; null: every frame"""
    refine: bool = True
    """FaceMesh's refinement of eyes and lips"""
    min_detection_confidence: Share = 0.5
    min_tracking_confidence: Share = 0.5


@dataclass(frozen=True)
class VideoFeatures(Section):
    """Features computed from the facial points."""

    registration: Literal["similarity", "none"] = "similarity"
    """similarity transform to a reference face; or none (pixels)"""
    max_gap: Annotated[Seconds, Ge(0)] = 0.5
    """longest gap without a face that is interpolated"""
    window: Annotated[Seconds, Interval(ge=0, le=60)] = 0.0
    """0: the points themselves; otherwise their mean and variance over this window"""


@dataclass(frozen=True)
class Video(VideoFeatures, Tracking):
    """Video features."""


@dataclass(frozen=True)
class FaceFeatures(Section):
    """Features computed from the geometry of the face."""

    features: Annotated[tuple[FaceGroup, ...], MinLen(1), EACH_ONCE] = (
        "pose",
        "gaze",
        "eyes",
        "mouth",
        "brows",
    )
    """pose: rotation and position of the head; gaze: offset of the irises; eyes: how open they are;
    mouth: opening, width, corners, chin; brows: their heights"""
    window: Annotated[Seconds, Interval(ge=0, le=60)] = 1.0
    """for the functionals, centred on each grid point; 0: the features themselves"""
    functionals: Annotated[tuple[Functional, ...], MinLen(1), EACH_ONCE] = ("mean", "variance")
    """over the frames in the window"""
    max_gap: Annotated[Seconds, Ge(0)] = 0.5
    """longest gap without a face that is interpolated"""


def is_expression(text: str) -> bool:
    """Whether a text is a regular expression."""
    try:
        re.compile(text)
    except re.error:
        return False
    return True


@dataclass(frozen=True)
class FeatureTable(Section):
    """Reading of feature tables of one's own."""

    unit: Literal["found", "s", "ms", "samples"] = "found"
    """of the times in the table; found: from the name of their column, their size and the length
    of the media; samples: numbers of samples (or frames), divided by rate"""
    time: Annotated[str, MinLen(1), "the name of a column"] | None = None
    """column of the times; null: found by its name"""
    rate: Annotated[float, Interval(gt=0, le=1000), Unit("1/s"), "rows per second, up to 1000"] | (
        None
    ) = None
    """rows per second of a table without times; times in the table are then not used"""
    anchor: Literal["start", "centre"] = "centre"
    """whether a time is the start or the centre of a row's frame"""
    frame: Annotated[Seconds, Ge(0)] = 0.0
    """length of a row's frame; 0: unknown"""
    columns: Annotated[str, MinLen(1), Predicate(is_expression), "a regular expression"] | None = (
        None
    )
    """features to use; null: all columns of numbers that are not known as metadata"""
    face: Literal["confident", "first"] | Annotated[int, Ge(0)] = "confident"
    """of several faces: the one with the largest sum of confidence, the first, or its face_id"""
    confidence: Annotated[str, MinLen(1), "the name of a column"] = "confidence"
    """column of the confidence, if there is one"""
    min_confidence: Amount = 0.0
    """rows with less, or with 0, have no values"""
    max_gap: Annotated[Seconds, Gt(0)] = 1.0
    """a row without an end holds until the next one, but not longer"""


@dataclass(frozen=True)
class TableFeatures(Section):
    """Features computed from a feature table."""

    window: Annotated[Seconds, Interval(ge=0, le=60)] = 1.0
    """for the functionals, centred on each grid point; 0: the row that holds there"""
    functionals: Annotated[tuple[Functional, ...], MinLen(1), EACH_ONCE] = ("mean",)
    """over the rows in the window"""


@dataclass(frozen=True)
class Speech(TableFeatures):
    """Features of speech by a network; window and functionals are those of feature tables."""


MAPS = "{from: [lowest, highest], to: [lowest, highest]}, or such by dimension or rater"


def holds_some(interpolation: str | Mapping[str, str]) -> bool:
    """Whether ``ratings.interpolation`` lets the values of some traces hold."""
    chosen = [interpolation] if isinstance(interpolation, str) else interpolation.values()
    return "hold" in chosen


FOUND = "found"
"""``ratings.format`` if the form of a file is found by its content."""

READERS = "softaer.readers"
"""Group of the entry points with which installed packages add readers of ratings."""


def is_own_file(form: str) -> bool:
    """Whether ``ratings.format`` is the path of a Python file."""
    return form.endswith(".py")


@dataclass(frozen=True)
class Ratings(Section):
    """Reading of the raters' traces."""

    interpolation: (
        Literal["linear", "hold"]
        | Annotated[dict[str, Literal["linear", "hold"]], "one of them by form or rater"]
    ) = "linear"
    """or hold, for tools that store only changes: a value holds until the next one;
    or one of them for some forms or raters by name, {pagan: hold}"""
    max_gap: Annotated[Seconds, Ge(0)] = 1.0
    """with linear: longest pause of a rater that is interpolated"""
    last_holds: Annotated[Seconds, Ge(0)] | Literal["end"] = "end"
    """with hold: the last value holds to the end of the recording, or for this long"""
    range: Annotated[tuple[float, float], "[lowest, highest]"] | None = None
    """[lowest, highest] possible rating, on the corpus's scale; values outside are an error"""
    missing: Annotated[tuple[float, ...], EACH_ONCE] = ()
    """codes for missing ratings, such as -999"""
    raters: (
        Annotated[
            tuple[Annotated[str, MinLen(1), "names (numbers in quotes)"], ...],
            MinLen(1),
            EACH_ONCE,
        ]
        | None
    ) = None
    """raters to use, [r1, r2, ...]; null: all"""
    scales: Literal["same", "free"] = "same"
    """same: raters whose ranges do not fit one scale are an error; free: scales may differ"""
    format: Annotated[str, MinLen(1), "found, the name of a form, or the path of a reader"] = (
        "found"
    )
    """of the files: found by their content, a name (docs/ratings.md), or a
    Python file with a reader of your own"""
    files: Annotated[str, MinLen(1), "a path with {recording}"] | None = None
    """instead of the column annotations: path of every recording's files,
    with {recording}, {rater} and {dimension}"""
    called: Annotated[dict[str, str], "names in the files by dimension"] | None = None
    """names of dimensions in the files, if they differ: {arousal: Activation}"""
    scale: Annotated[dict[str, Any], MAPS] | Literal["standardised", "ranks"] | None = None
    """From the raters' scale to the corpus's: {from: [0, 100], to: [-1, 1]}; with from: declared,
    the file has the range. Or standardised (mean 0 and standard deviation 1 in each trace, for
    tools without limits), or ranks (0 to 1 in each trace). Or one of these for each dimension or
    rater by name."""

    def holds(self, form: str, rater: str) -> bool:
        """Whether a rater's values hold until the next ones; the rater's key wins."""
        if isinstance(self.interpolation, str):
            return self.interpolation == "hold"
        chosen = self.interpolation.get(rater, self.interpolation.get(form, "linear"))
        return chosen == "hold"

    @property
    def hold(self) -> bool:
        """Whether the values of some traces hold until the next ones."""
        return holds_some(self.interpolation)


@dataclass(frozen=True)
class Labels(Section):
    """From the ratings to E and sigma: steps in this order, see docs/labels.md."""

    screen: (
        Annotated[tuple[Literal["flat", "inverted", "unrelated"], ...], MinLen(1), EACH_ONCE] | None
    ) = None
    """raters to leave out: [flat, inverted, unrelated], or some of them; see docs/raters.md"""
    flat_below: Annotated[float, Interval(ge=0, le=1)] = 0.01
    """flat: standard deviation below this share of the panel's median"""
    unrelated_below: Annotated[float, Interval(ge=0, le=1)] = 0.3
    """unrelated: correlation with the others below this, and no higher than chance reaches"""
    scale: Literal["none", "rater", "range", "centre", "panel", "recording"] = "none"
    """of each rater over the corpus: rater (mean 0, standard deviation 1), range (-1 to 1),
    centre (mean 0), panel (gain and bias by the model of the panel, see docs/raters.md);
    recording: mean 0 and standard deviation 1 of each trace"""
    smoothing: Literal["none", "median", "savitzky_golay"] = "none"
    """of each trace: or median, savitzky_golay"""
    smoothing_window: Annotated[Seconds, Interval(ge=0.5, le=60)] = 1.0
    relative: Literal["none", "changes"] = "none"
    """changes: each trace is replaced by its change per second, for scales without limits"""
    alignment: Literal["none", "estimated"] = "none"
    """estimated: find each rater's lag relative to the others and remove it"""
    elastic: Literal["none", "dtw", "ctw"] = "none"
    """dtw, ctw: also remove delays that vary within a recording,
    by dynamic or canonical time warping"""
    max_lag: Annotated[Seconds, Interval(gt=0, le=20)] = 3.0
    """largest lag that is searched, and largest delay of the elastic alignment"""
    estimator: Literal["ewe", "mean", "median", "trimmed_mean", "panel"] = "ewe"
    """or mean, median, trimmed_mean, panel (the model of the panel, with scale: panel)"""
    trim: Annotated[float, Interval(ge=0, lt=0.5)] = 0.2
    """of trimmed_mean: share of the raters that is left out at either end"""
    weights: Literal["recording", "corpus"] = "recording"
    """each rater has a weight per recording; corpus: one weight for the whole corpus"""
    measure: Literal["pearson", "ccc", "spearman", "changes"] = "pearson"
    """weights: Pearson's correlation, concordance, correlation of ranks, or of changes"""
    against: Literal["others", "all", "pairs"] = "others"
    """weights: with the mean of the others; all: with the mean of all raters;
    pairs: mean over the others one by one"""
    smooth_estimate: Annotated[Seconds, Interval(ge=0, le=60)] = 0.0
    """moving average of E over this window; 0: none"""
    spread: Literal["sample", "population"] = "sample"
    """sigma divides by K - 1; population: by K"""
    spread_about: Literal["E", "mean"] = "E"
    """sigma is the spread about E; mean: about the plain mean"""
    min_raters: Count = 1
    """frames with fewer raters present have no label; sigma needs 2"""


OVER_CORPUS = ("rater", "range", "centre", "panel")
"""Each ``labels.scale`` that needs the raters' levels over the corpus."""

PREPARATION = ("scale", "smoothing", "smoothing_window", "relative")
"""Keys of :class:`Labels` for the stage ``rater_traces``."""

WEIGHTING = ("elastic", "max_lag", "measure", "against", "estimator")
"""Keys of :class:`Labels` for the stage ``rater_weights``."""


def weighs_over_corpus(estimator: str, weights: str) -> bool:
    """Whether raters have one weight for the corpus, given two keys of :class:`Labels`."""
    return estimator == "panel" or (estimator, weights) == ("ewe", "corpus")


ESTIMATION = (
    *("elastic", "max_lag", "estimator", "trim", "measure", "against"),
    *("smooth_estimate", "spread", "spread_about", "min_raters"),
)
"""Keys of :class:`Labels` for the estimator, which :func:`softaer.labels.label` accepts."""


@dataclass(frozen=True)
class RecurrentSettings(Section):
    """Settings of the recurrent networks, ``blstm`` and ``gru``."""

    cell: Literal["lstm", "gru"] = "lstm"
    layers: Layers = 2
    cells: Cells = 240
    dropout: Dropout = 0.0


@dataclass(frozen=True)
class ConvolutionSettings(Section):
    """Settings of the temporal convolutional network, ``tcn``."""

    layers: Layers = 8
    cells: Cells = 128
    kernel: Kernel = 3
    dropout: Dropout = 0.1


@dataclass(frozen=True)
class AttentionSettings(Section):
    """Settings of the network with self-attention, ``attention``.

    Raises
    ------
    ValueError
        If the heads cannot share the cells.
    """

    layers: Layers = 3
    cells: Cells = 128
    heads: Heads = 4
    reach: Reach = 15.0
    dropout: Dropout = 0.1

    def __post_init__(self) -> None:
        if self.cells % self.heads:
            raise ValueError(
                f"found {self.cells} cells and {self.heads} heads; expected a number of cells that "
                "the heads can share"
            )


NetworkSettings = RecurrentSettings | ConvolutionSettings | AttentionSettings

NETWORKS: dict[str, NetworkSettings] = {
    "blstm": RecurrentSettings(),
    "gru": RecurrentSettings("gru"),
    "tcn": ConvolutionSettings(),
    "attention": AttentionSettings(),
}
"""Default settings of the networks that come with the package, by name; the networks themselves are
in :mod:`softaer.networks.architectures`."""

SIMULATED_CELLS = 64
"""Cells per layer and direction with the simulated corpus, if the configuration has none."""


@dataclass(frozen=True)
class Model(Section):
    """Architecture of the networks."""

    network: Annotated[
        str, MinLen(1), "'blstm', 'gru', 'tcn', 'attention', or the name of a network of your own"
    ] = "blstm"
    """blstm: bidirectional LSTM, as in the paper; gru: the same with GRU cells (Cho et al., 2014);
    tcn: dilated convolutions; attention: self-attention within a window; or the name of a network
    of your own, see docs/networks.md. A key that the network does not have is refused, and null
    stands for the network's own value."""
    cell: Literal["lstm", "gru"] = "lstm"
    """of blstm; gru: the same network as network: gru"""
    layers: Layers | None = None
    """null: 2 of blstm and gru, 8 of tcn, 3 of attention"""
    cells: Cells | None = None
    """per layer (and direction); null: 240 of blstm and gru as in the paper, 128 of tcn and
    attention, or 64 with the simulated corpus, for which they are enough"""
    dropout: Dropout | None = None
    """between the layers, or within those of tcn and attention;
    null: 0 of blstm and gru, 0.1 of tcn and attention"""
    kernel: Kernel | None = None
    """of tcn: frames that a convolution sees, twice as far apart in each layer; null: 3"""
    heads: Heads | None = None
    """of attention: heads, which share the cells; null: 4"""
    reach: Reach | None = None
    """of attention: how far a layer sees in either direction; null: 15"""
    network_file: Annotated[str, MinLen(1), "the path of a Python file"] | None = None
    """Python file with a network of your own"""
    settings: Annotated[dict[str, Any], "keys and values"] = field(default_factory=dict)
    """of a network of your own"""


ENTRY_POINTS = "softaer.networks"
"""Group of the entry points with which installed packages offer networks."""

OF_ANY_NETWORK = ("network", "network_file", "settings")
"""Keys of the section ``model`` that do not belong to a network of the package."""


def keys_of(network: str) -> tuple[str, ...]:
    """Keys of the section ``model`` that a network has.

    A network that does not come with the package has all of its keys in ``model.settings``.

    Examples
    --------
    >>> keys_of("blstm"), keys_of("gru")
    (('cell', 'layers', 'cells', 'dropout'), ('layers', 'cells', 'dropout'))
    >>> keys_of("mine")
    ()
    """
    if network not in NETWORKS:
        return ()
    keys = tuple(key.name for key in fields(NETWORKS[network]))
    return keys[1:] if network == "gru" else keys


def resolved(model: Mapping[str, Any], simulated: bool = False) -> dict[str, Any]:
    """The keys of the section ``model`` that count for its network, with the network's defaults.

    Parameters
    ----------
    model
        The section. Keys that the network does not have are left out.
    simulated
        Whether the corpus is the simulated one, for which fewer cells are enough.

    Examples
    --------
    >>> resolved({"network": "blstm", "layers": 1, "cells": None, "kernel": None}, simulated=True)
    {'network': 'blstm', 'cell': 'lstm', 'layers': 1, 'cells': 64, 'dropout': 0.0}
    """
    name = model["network"]
    if name not in NETWORKS:
        return {key: model[key] for key in OF_ANY_NETWORK if model.get(key) is not None}
    values = asdict(NETWORKS[name]) | ({"cells": SIMULATED_CELLS} if simulated else {})
    given = {key: model[key] for key in keys_of(name) if model.get(key) is not None}
    return {"network": name} | {key: (values | given)[key] for key in keys_of(name)}


Precision = Literal["float32", "bfloat16"]

LIKELIHOOD = "panel"
"""The loss of training that looks at single ratings and learns E and sigma together."""


@dataclass(frozen=True)
class Training(Section):
    """Training settings."""

    learning_rate: Annotated[float, Gt(0)] = 0.001
    """of Adam"""
    batch_size: Count = 4
    """recordings per step"""
    max_steps: Count = 1000
    """of the optimiser, each with one mini-batch"""
    patience: Count = 100
    """steps without improvement of the CCC on dev before training stops"""
    evaluate_every: Count = 10
    """steps between two evaluations on dev"""
    score: Literal["frames", "recordings"] = "frames"
    """CCC on dev that selects weights and instances of the grid: over all
    frames; recordings: mean over recordings, each counts the same"""
    input_noise: Amount = 0.1
    """standard deviation of the Gaussian noise added to standardised features"""
    weight_decay: Amount = 0.0
    """L2 penalty of Adam"""
    max_gradient_norm: Annotated[float, Gt(0)] = 1.0
    """gradients with a larger norm are clipped"""
    loss: Literal["mse", "ccc", "panel"] = "mse"
    """or ccc: 1 - CCC; panel: likelihood of all single ratings, for networks that learn
    E and sigma together, which needs tasks without single"""
    task_weights: Literal["fixed", "learned"] = "fixed"
    """learned: weights of the tasks from their noise (Kendall et al., 2018); idle with
    the loss panel, as is weight_sigma"""
    weight_sigma: Annotated[float, Interval(ge=0, le=2)] = 1.0
    """w_sigma of multi-task learning; w_E = 2 - w_sigma"""
    standardise_targets: bool = True
    """learn E and sigma in units of their standard deviation on train"""
    piece: Annotated[Seconds, Ge(0)] = 0.0
    """0: train on whole recordings; otherwise on parallel pieces of about this length"""
    precision: Precision = "float32"
    """bfloat16: faster with pieces where the processor has it, and float32 elsewhere;
    results depend on the processor"""


def tried(config: Mapping[str, Any], key: str) -> list:
    """Values that an experiment tries of a key of the sections ``model`` and ``training``.

    Examples
    --------
    >>> config = {"training": {"loss": "mse", "piece": 0}, "grid": {"training.loss": ["ccc"]}}
    >>> tried(config, "training.loss"), tried(config, "training.piece")
    (['ccc'], [0])
    """
    section, _, name = key.partition(".")
    return list(config.get("grid", {}).get(key, [config[section][name]]))


@dataclass(frozen=True)
class Postprocessing(Section):
    """Corrections of the predictions, and their search ranges."""

    steps: Annotated[tuple[Step, ...], EACH_ONCE] = (
        "median_filter",
        "centring",
        "scaling",
        "time_shift",
    )
    median_windows: Annotated[tuple[Annotated[Seconds, Gt(0)], ...], MinLen(1)] = (
        0.5,
        1.0,
        2.0,
        4.0,
    )
    """windows that are tried"""
    max_shift: Annotated[Seconds, Interval(ge=0, le=20)] = 2.0
    """in either direction"""


@dataclass(frozen=True)
class Fusion(Section):
    """Late fusion of the modalities."""

    method: FusionMethod = "least_squares"
    """least_squares: the paper's. rescaled: the same, scaled to the mean and spread of the
    labels. nonnegative: least squares without negative coefficients. shrunk: least squares shrunk
    towards equal weights. mean: equal weights. The plain mean is always scored as well"""
    of: (
        Annotated[
            tuple[Annotated[tuple[str, ...], MinLen(2), EACH_ONCE], ...],
            MinLen(1),
            EACH_ONCE,
            "lists of names of modalities, such as [[audio, video]]",
        ]
        | None
    ) = None
    """subsets of the modalities, each fused by itself; null: all together.
    The last one is that of the packed model"""


@dataclass(frozen=True)
class Apply(Section):
    """Prediction of new recordings."""

    recordings: Annotated[str, MinLen(1), "the path of a table of recordings"] | None = None
    """table of new recordings; null: the recordings of the corpus without annotations"""
    model: Annotated[str, MinLen(1), "the folder of a packed model"] | None = None
    """folder of a packed model; null: the model that this experiment trains"""
    task: Task | None = None
    """task whose networks are used; null: the last of tasks"""
    video: bool = False
    """also make videos of the recordings with the traces below the picture"""


@dataclass(frozen=True)
class Evaluation(Section):
    """Intervals of the scores."""

    resample: Literal["recording", "subject"] = "subject"
    """unit that intervals and tests draw; recording: only if no subject has several"""
    draws: Annotated[int, Ge(100)] = 1000
    bootstrap_seed: Seed = 1


@dataclass(frozen=True)
class EvaluationOfGroups(Evaluation):
    """Intervals of the scores, and groups."""

    groups: Annotated[
        tuple[Annotated[str, MinLen(1)], ...], EACH_ONCE, "names of columns of recordings.csv"
    ] = ()
    """columns of recordings.csv, as [sex, language], whose values are scored one by one"""


@dataclass(frozen=True)
class Inspect(Section):
    """Videos of rated recordings."""

    names: (
        Annotated[tuple[str, ...], MinLen(1), EACH_ONCE, "names of rated recordings with video"]
        | None
    ) = None
    """null: the worst of test"""
    worst: Count = 3
    """how many of these"""


@dataclass(frozen=True)
class Drawing(Section):
    """Size of the figures. It is apart from the report, so that its keys redraw no figure."""

    figure_width: Annotated[float, Unit("cm"), Interval(ge=7, le=100)] = 17.8
    """width of all figures, as 8.4 for a column; letters keep their size"""


@dataclass(frozen=True)
class Report(Drawing):
    """Content of the report besides the scores."""

    frames: bool | None = None
    """show video frames; null: only those of the simulated corpus, since pages with faces
    are easily sent on"""
    without: Annotated[tuple[ReportSection, ...], EACH_ONCE] = ()
    """sections that are left out, as [pairs, run-times]"""
    short_table: Annotated[tuple[Target, ...], MinLen(1), EACH_ONCE] = TARGETS
    """targets in the short LaTeX table, results/ccc_short.tex"""
    published: Annotated[str, MinLen(1), "han2017, the path of a table, none"] | None = None
    """published scores to compare with: han2017 (the paper's), the path of a table, or none.
    null: the paper's scores with a SEWA layout. Not possible with the simulated corpus"""


@dataclass(frozen=True)
class Configuration(Section):
    """The whole configuration, in the order in which it is written."""

    corpus: Corpus = Corpus()

    simulate: Simulate = Simulate()
    """The simulated corpus; ignored if you use your own."""

    on_bad_recording: OnBadRecording = ON_BAD_RECORDING
    """fail: a recording that cannot be read stops its job. skip: the recording is left out, and
    the report says so."""

    media: Media = Media()
    """limits; recordings beyond them count as bad"""

    dimensions: Annotated[
        tuple[
            Annotated[str, Predicate(DIMENSION.fullmatch), "names of letters, digits and '-'"],
            ...,
        ],
        MinLen(1),
        EACH_ONCE,
    ] = ("arousal", "valence")
    modalities: (
        Annotated[tuple[Literal["audio", "video"], ...], MinLen(1), EACH_ONCE]
        | Annotated[
            dict[str, dict[str, Any]],
            MinLen(1),
            "names with their settings, see docs/modalities.md",
        ]
    ) = ("audio", "video")
    """What E and sigma are predicted from. With several, their late fusion is scored as well. Or a
    mapping from names to sources and settings, see docs/modalities.md:
        modalities: {audio: {}, voice: {source: lld, feature_set: eGeMAPSv02}}"""
    targets: Annotated[
        tuple[Target, ...],
        MinLen(1),
        EACH_ONCE,
        Predicate(with_state),
        "[E, sigma], or [E] if there are no individual raters",
    ] = TARGETS
    """[E] if a corpus has no individual raters; then also set tasks: [single]"""
    tasks: Annotated[tuple[Task, ...], MinLen(1), EACH_ONCE] = ("single", "multi")
    """single: one network for E and one for sigma; multi: one for both; joint: one for both
    targets of all dimensions"""
    seeds: Annotated[tuple[Seed, ...], MinLen(1), EACH_ONCE] = (1, 2, 3)
    """one network is trained per seed"""

    audio: Audio = Audio()
    video: Video = Video()
    ratings: Ratings = Ratings()
    labels: Labels = Labels()

    delay: (
        Annotated[Seconds, Ge(0)]
        | Annotated[dict[str, Annotated[Seconds, Ge(0)]], "seconds for each dimension by name"]
        | Literal["estimated"]
    ) = 4.0
    """Reaction time of the raters: features at t are paired with the label at t + delay [s]. Or one
    delay per dimension, {arousal: 4.0, valence: 3.6}; or estimated, from features and labels of
    train."""
    max_delay: Annotated[Seconds, Interval(gt=0, le=60)] = 8.0
    """with delay: estimated, largest delay that is searched"""

    model: Model = Model()
    training: Training = Training()

    grid: Annotated[
        dict[str, Annotated[list[Any], MinLen(1), EACH_ONCE]],
        "lists of values by key, such as training.learning_rate",
    ] = field(default_factory=dict)
    """Several values for keys of model and training. Every combination is trained, and for each
    network the one with the highest CCC on dev (mean over seeds) is selected. PAPER.yaml has a
    full grid.
        grid: {training.learning_rate: [0.001, 0.0003], model.cells: [120, 240]}"""

    postprocessing: Postprocessing = Postprocessing()
    """Corrections of the predictions, in this order. They are fitted on dev, and each is kept only
    if it improves the CCC on dev out of fold."""

    fusion: Fusion = Fusion()
    """Late fusion, fitted on dev, for each dimension, target, task and seed."""

    apply: Apply = Apply()
    """The target "apply": predicts E and sigma of recordings without ratings, in results/apply."""

    inspect: Inspect = Inspect()
    """The target "inspect": videos of rated recordings with label, raters and prediction below the
    picture, in results/inspect."""

    evaluation: EvaluationOfGroups = EvaluationOfGroups()
    report: Report = Report()


class System(NamedTuple):
    """A row of the tables of scores: everything that identifies a prediction but the seed.

    Attributes
    ----------
    modality
        A modality, or a fusion such as ``audio+video``.
    task
        Task of the networks, or a baseline.
    fusion
        Method of the fusion; None for a single modality.
    """

    modality: str
    task: str
    fusion: str | None = None

    def column(self, target: str) -> str:
        """Column of the final prediction in its file."""
        return f"{target}_mean" if self.fusion == PLAIN_MEAN else target


@dataclass(frozen=True)
class Experiment(Section):
    """The predictions of a run.

    Unlike in the configuration, the modalities include their fusion, such as ``audio+video``.
    """

    dimensions: Annotated[tuple[str, ...], MinLen(1)]
    modalities: Annotated[tuple[str, ...], MinLen(1)]
    tasks: Annotated[tuple[Task, ...], MinLen(1)]
    seeds: Annotated[tuple[int, ...], MinLen(1)]
    targets: Annotated[tuple[Target, ...], MinLen(1)] = TARGETS
    baselines: tuple[Baseline, ...] = ()
    fusion: FusionMethod = "least_squares"

    @property
    def systems(self) -> list[System]:
        """All predictions of a dimension, in the order of the tables; baselines after the tasks."""
        methods = dict.fromkeys((self.fusion, PLAIN_MEAN))
        return [
            System(modality, task, method)
            for modality in self.modalities
            for method in (methods if JOIN in modality else [None])
            for task in self.all_tasks
        ]

    @property
    def whole(self) -> str:
        """Name of the fusion of all modalities."""
        names = {part for name in self.modalities for part in name.split(JOIN)}
        of_all = [fusion for fusion in self.fused if set(fusion.split(JOIN)) == names]
        return of_all[0] if of_all else JOIN.join(self.single)

    @property
    def all_tasks(self) -> list[str]:
        """Tasks and baselines."""
        return [*self.tasks, *self.baselines]

    def seeds_of(self, task: str) -> tuple[int, ...]:
        """Seeds of a task; a baseline has only one."""
        return (BASELINE_SEED,) if task in BASELINES else self.seeds

    @property
    def single(self) -> list[str]:
        """Single modalities."""
        return [modality for modality in self.modalities if JOIN not in modality]

    @property
    def fused(self) -> list[str]:
        """Fusions of modalities."""
        return [modality for modality in self.modalities if JOIN in modality]


def defaults() -> dict[str, Any]:
    """Every key with its default, as YAML would give them."""
    return json.loads(json.dumps(asdict(Configuration())))


def differences(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a configuration that differ from the defaults, section by section.

    Examples
    --------
    >>> differences({"model": {"cells": 8, "layers": 2}}, {"model": {"cells": 240, "layers": 2}})
    {'model': {'cells': 8}}
    """
    found = {}
    for key, value in config.items():
        default = defaults.get(key)
        if isinstance(value, Mapping) and isinstance(default, Mapping) and default:
            value = differences(value, default)
            if value:
                found[key] = value
        elif value != default:
            found[key] = value
    return found
