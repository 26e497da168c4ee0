"""The experiment: every key of the configuration, with its default, bounds, unit and remark.

A section of the configuration is a class, a key a field of it. What stands here once becomes the
flags of the commands (:func:`softaer.core.cli.add_settings`), the checks and their words
(:mod:`softaer.running.configuration`), ``config.yaml``, its JSON schema and the documentation
(``python tests/configuration_reference.py``). Defaults of functions refer to it.

See :mod:`softaer.core.fields` for how a field says what it may be. A stage depends on the code of
the classes that it uses: what two extractions use apart stands in two classes, which their section
joins, so that a new key of the one does not rerun the other.

Read while the Snakefile is parsed and by every job, so this module imports nothing heavy.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Interval, MinLen, Predicate, Unit

from softaer.core.fields import EACH_ONCE, Section
from softaer.core.tasks import JOIN, TARGETS, Target, Task


def with_state(targets: Sequence[str]) -> bool:
    """Whether E is among the targets, which is learnt wherever sigma is."""
    return "E" in targets


Seconds = Annotated[float, Unit("s")]
Count = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0)]
Share = Annotated[float, Interval(ge=0, le=1)]
Amount = Annotated[float, Ge(0)]

DIMENSION = re.compile(r"[A-Za-z][A-Za-z0-9-]*")

OnBadRecording = Literal["fail", "skip"]
ON_BAD_RECORDING: OnBadRecording = "fail"
Step = Literal["median_filter", "centring", "scaling", "time_shift"]


@dataclass(frozen=True)
class Corpus(Section):
    """Where the recordings come from."""

    recordings: Annotated[str, MinLen(1), "'simulated', or the path of a recordings.csv"] = (
        "simulated"
    )
    """simulated: a small corpus with planted truth is made. Your own: the path of a
    recordings.csv, see docs/corpus.md."""
    layout: Annotated[str, MinLen(1), "the name of a layout, see docs/corpora.md"] = "table"
    """A corpus as it was delivered: its layout (docs/corpora.md) and, in root, the folder it lies
    in, instead of a table. With a table as well, that says which recordings there are, and the
    layout how ratings are read."""
    root: Annotated[str, MinLen(1), "the folder of a corpus"] | None = None


@dataclass(frozen=True)
class Simulate(Section):
    """The simulated corpus."""

    recordings: Annotated[int, Interval(ge=3, le=1000)] = 16
    """how many"""
    duration: Annotated[Seconds, Interval(ge=8, le=3600)] = 40
    """of each"""
    seed: Seed = 1


@dataclass(frozen=True)
class Media(Section):
    """What a media file may ask for; more is refused."""

    max_size: Annotated[float, Gt(0), Unit("GB")] = 20.0
    """of a file"""
    max_duration: Annotated[Seconds, Gt(0)] = 14_400.0
    """of a recording"""
    max_streams: Count = 16
    """in a file"""
    max_pixels: Annotated[int, Interval(ge=1, le=2**31 - 1)] = 7680 * 4320
    """of a picture: 7680 x 4320"""


@dataclass(frozen=True)
class Descriptors(Section):
    """The low-level descriptors of the sound."""

    feature_set: Literal["IS13_ComParE", "ComParE_2016"] = "IS13_ComParE"
    """or ComParE_2016: 65 low-level descriptors every 10 ms"""


@dataclass(frozen=True)
class AudioFeatures(Section):
    """What is made of the descriptors."""

    window: Annotated[Seconds, Interval(gt=0, le=60)] = 4.0
    """of mean and variance, centred on each grid point"""
    turns: Literal["ignore", "only", "flag"] = "ignore"
    """where it is known when the subject speaks: only (leave out all other sound),
    or flag (one more feature)"""


@dataclass(frozen=True)
class Audio(AudioFeatures, Descriptors):
    """From sound to features."""


@dataclass(frozen=True)
class Tracking(Section):
    """How the facial points are found."""

    rate: Annotated[float, Gt(0), Unit("1/s"), "frames per second, above 0"] | None = None
    """frames per second that are looked at, well above 1 / max_gap; null: every frame"""
    refine: bool = True
    """FaceMesh's refinement of eyes and lips"""
    min_detection_confidence: Share = 0.5
    min_tracking_confidence: Share = 0.5


@dataclass(frozen=True)
class VideoFeatures(Section):
    """What is made of the facial points."""

    registration: Literal["similarity", "none"] = "similarity"
    """to a reference face; or none (pixels)"""
    max_gap: Annotated[Seconds, Ge(0)] = 0.5
    """longest loss of the face that is interpolated over"""
    window: Annotated[Seconds, Interval(ge=0, le=60)] = 0.0
    """0: the points themselves; else mean and variance over so long"""


@dataclass(frozen=True)
class Video(VideoFeatures, Tracking):
    """From pictures to features."""


@dataclass(frozen=True)
class Ratings(Section):
    """How ratings are read."""

    interpolation: Literal["linear", "hold"] = "linear"
    """or hold, for tools that store changes only: a value holds until the next"""
    max_gap: Annotated[Seconds, Ge(0)] = 1.0
    """if linear: longest pause of a rater that is bridged"""
    last_holds: Annotated[Seconds, Ge(0)] | Literal["end"] = "end"
    """with hold: a rater's last value, to the end of the recording; or for so long"""
    range: Annotated[tuple[float, float], "[lowest, highest]"] | None = None
    """[lowest, highest] possible rating; others are an error"""
    missing: Annotated[tuple[float, ...], EACH_ONCE] = ()
    """values that mean that there is no rating, such as -999"""
    raters: (
        Annotated[
            tuple[Annotated[str, MinLen(1), "names (numbers in quotes)"], ...],
            MinLen(1),
            EACH_ONCE,
        ]
        | None
    ) = None
    """who counts, [r1, r2, ...]; null: all"""
    scales: Literal["same", "free"] = "same"
    """raters whose ranges do not belong to one scale are an error; free: they may differ"""

    @property
    def hold(self) -> bool:
        """Whether a value is held until the next."""
        return self.interpolation == "hold"


@dataclass(frozen=True)
class Labels(Section):
    """How E and sigma are made of the ratings."""

    estimator: Literal["ewe", "mean", "median"] = "ewe"
    """or mean, median"""
    weights: Literal["recording", "corpus"] = "recording"
    """a rater's weight per recording, or over the whole corpus"""
    against: Literal["others", "all"] = "others"
    """correlate a rater with the mean of the others, or of all"""
    spread: Literal["sample", "population"] = "sample"
    """sigma divides by K - 1; population: by K"""
    spread_about: Literal["E", "mean"] = "E"
    """or the plain mean"""
    alignment: Literal["none", "estimated"] = "none"
    """estimated: find each rater's lag against the others, and take it out"""
    max_lag: Annotated[Seconds, Interval(gt=0, le=20)] = 3.0
    """largest lag that is looked for"""


@dataclass(frozen=True)
class Model(Section):
    """What a network is built of."""

    cell: Literal["lstm", "gru"] = "lstm"
    """or gru (Cho et al., 2014)"""
    layers: Annotated[int, Interval(ge=1, le=16)] = 2
    cells: Annotated[int, Interval(ge=1, le=4096)] = 240
    """per layer and direction"""
    dropout: Annotated[float, Interval(ge=0, lt=1)] = 0.0
    """between the layers"""


@dataclass(frozen=True)
class Training(Section):
    """How a network is trained."""

    learning_rate: Annotated[float, Gt(0)] = 0.001
    """of Adam"""
    batch_size: Count = 4
    """recordings per step"""
    max_epochs: Count = 20
    patience: Count = 5
    """epochs without a better CCC on dev before training stops"""
    input_noise: Amount = 0.1
    """standard deviation, on standardised features"""
    weight_decay: Amount = 0.0
    """L2 penalty of Adam"""
    max_gradient_norm: Annotated[float, Gt(0)] = 1.0
    """longer gradients are shortened"""
    loss: Literal["mse", "ccc"] = "mse"
    """or ccc: 1 - CCC"""
    task_weights: Literal["fixed", "learned"] = "fixed"
    """learned: by the noise of each task"""
    weight_sigma: Annotated[float, Interval(ge=0, le=2)] = 1.0
    """w_sigma of multi-task learning; w_E = 2 - w_sigma"""
    standardise_targets: bool = True
    """learn E and sigma in units of their spread on train"""
    piece: Annotated[Seconds, Ge(0)] = 0.0
    """0: learn from whole recordings; else from pieces side by side, of about so long"""
    precision: Literal["float32", "bfloat16"] = "float32"
    """bfloat16: faster where the processor has it, with pieces;
    results differ with the processor"""


@dataclass(frozen=True)
class Postprocessing(Section):
    """Corrections of the predictions, and what they search through."""

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
    """tried"""
    max_shift: Annotated[Seconds, Interval(ge=0, le=20)] = 2.0
    """either way"""


@dataclass(frozen=True)
class Apply(Section):
    """What the model is applied to."""

    recordings: Annotated[str, MinLen(1), "the path of a table of recordings"] | None = None
    """a table of their own; null: those of the corpus without annotations"""
    model: Annotated[str, MinLen(1), "the folder of a packed model"] | None = None
    """folder of a packed model; null: what this experiment learns"""
    task: Task | None = None
    """whose networks; null: the last of tasks"""
    video: bool = False
    """also the recording with the traces drawn below it"""


@dataclass(frozen=True)
class Evaluation(Section):
    """Intervals of the scores."""

    resample: Literal["recording", "subject"] = "recording"
    """or subject: what the bootstrap draws"""
    draws: Annotated[int, Ge(100)] = 1000
    bootstrap_seed: Seed = 1


@dataclass(frozen=True)
class Report(Section):
    """What the report shows beside the scores."""

    frames: bool | None = None
    """show frames of the videos; null: not of a corpus as it was delivered, whose
    licence may forbid it"""
    published: Annotated[str, MinLen(1), "han2017, the path of a table, none"] | None = None
    """scores of others beside those of this run: han2017, the paper's; the path of a table;
    none. null: the paper's with a layout of SEWA. Not with the simulated corpus"""


@dataclass(frozen=True)
class Configuration(Section):
    """The whole configuration, in the order in which it is written."""

    corpus: Corpus = Corpus()

    simulate: Simulate = Simulate()
    """The simulated corpus; unused with a corpus of your own."""

    on_bad_recording: OnBadRecording = ON_BAD_RECORDING
    """A recording that cannot be read stops its job; skip: it is left out, and the report says
    so."""

    media: Media = Media()
    """recordings beyond these count as bad"""

    dimensions: Annotated[
        tuple[
            Annotated[str, Predicate(DIMENSION.fullmatch), "names of letters, digits and '-'"],
            ...,
        ],
        MinLen(1),
        EACH_ONCE,
    ] = ("arousal", "valence")
    modalities: Annotated[tuple[Literal["audio", "video"], ...], MinLen(1), EACH_ONCE] = (
        "audio",
        "video",
    )
    """with both, their late fusion is scored too"""
    targets: Annotated[
        tuple[Target, ...],
        MinLen(1),
        EACH_ONCE,
        Predicate(with_state),
        "[E, sigma], or [E] where there are no individual raters",
    ] = TARGETS
    """[E] where a corpus has no individual raters; then tasks: [single]"""
    tasks: Annotated[tuple[Task, ...], MinLen(1), EACH_ONCE] = ("single", "multi")
    """a network for E and one for sigma; one for both; joint: one for all dimensions"""
    seeds: Annotated[tuple[Seed, ...], MinLen(1), EACH_ONCE] = (1,)
    """one network is trained for each"""

    audio: Audio = Audio()
    video: Video = Video()
    ratings: Ratings = Ratings()
    labels: Labels = Labels()

    delay: (
        Annotated[Seconds, Ge(0)]
        | Annotated[dict[str, Annotated[Seconds, Ge(0)]], "seconds for each dimension by name"]
        | Literal["estimated"]
    ) = 4.0
    """Raters react late: features at t meet the label at t + delay [s]. Or one delay per dimension,
    {arousal: 4.0, valence: 3.6}; or estimated, from features and labels of train."""
    max_delay: Annotated[Seconds, Interval(gt=0, le=60)] = 8.0
    """largest delay that is looked for"""

    model: Model = Model()
    training: Training = Training()

    grid: Annotated[
        dict[str, Annotated[list[Any], MinLen(1), EACH_ONCE]],
        "lists of values by key, such as training.learning_rate",
    ] = field(default_factory=dict)
    """Keys of model and training with several values: every combination is trained, and for each
    network the one with the highest CCC on dev (mean over seeds) is chosen. PAPER.yaml has a full
    grid.
        grid: {training.learning_rate: [0.001, 0.0003], model.cells: [120, 240]}"""

    postprocessing: Postprocessing = Postprocessing()
    """Corrections of the predictions, in this order; fitted on dev, kept only where they help there
    out of fold."""

    apply: Apply = Apply()
    """The target "apply": E and sigma of recordings that nobody rated, in results/apply."""

    evaluation: Evaluation = Evaluation()
    report: Report = Report()


@dataclass(frozen=True)
class Experiment(Section):
    """What has been predicted.

    Unlike those of the configuration, the modalities have their fusion among them, such as
    ``audio+video``.
    """

    dimensions: Annotated[tuple[str, ...], MinLen(1)]
    modalities: Annotated[tuple[str, ...], MinLen(1)]
    tasks: Annotated[tuple[Task, ...], MinLen(1)]
    seeds: Annotated[tuple[int, ...], MinLen(1)]
    targets: Annotated[tuple[Target, ...], MinLen(1)] = TARGETS

    @property
    def single(self) -> list[str]:
        """Modalities by themselves."""
        return [modality for modality in self.modalities if JOIN not in modality]

    @property
    def fused(self) -> list[str]:
        """Fusions of modalities."""
        return [modality for modality in self.modalities if JOIN in modality]


def defaults() -> dict[str, Any]:
    """Every key with its default, as YAML would give them."""
    return json.loads(json.dumps(asdict(Configuration())))
