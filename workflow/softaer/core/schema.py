"""Declared Arrow schemas, one per stage, with units in the fields' metadata.

A stage imports its output schema by name. ``code_digest`` follows such imports name by name, so
a change to one stage's schema reruns only that stage.
"""

from collections.abc import Mapping, Sequence

import pyarrow as pa

from softaer.core.tasks import DISTANCE, FACE, SPEECH


def field(name: str, type_: pa.DataType, unit: str = "1", nullable: bool = False) -> pa.Field:
    """Arrow field with its unit in the metadata (``1`` for numbers without a unit)."""
    return pa.field(name, type_, nullable=nullable, metadata={"unit": unit})


RECORDING = field("recording", pa.string(), unit="")
TIME = field("time", pa.float64(), unit="s")


LLD_FRAMES = {
    "F0": ("0.060", "0.000"),
    "voicingFinalUnclipped": ("0.060", "0.000"),
    "pcm_zcr": ("0.060", "0.000"),
    "HNRdBACF": ("0.060", "0.000"),
    "logRelF0-H1-H2": ("0.060", "0.000"),
    "logRelF0-H1-A3": ("0.060 at a formant of 0.020", "0.000, of the formant -0.020"),
    "F1amplitude": ("0.060 at a formant of 0.020", "0.000, of the formant -0.020"),
    "F2amplitude": ("0.060 at a formant of 0.020", "0.000, of the formant -0.020"),
    "F3amplitude": ("0.060 at a formant of 0.020", "0.000, of the formant -0.020"),
    "jitter": ("0.010 or two periods", "starts at -0.030"),
    "shimmer": ("0.010 or two periods", "starts at -0.030"),
    "logHNR": ("0.010 or two periods", "starts at -0.030"),
    "pcm_fftMag_spectralFlux": ("0.020 and the one before", "-0.025"),
    "spectralFlux": ("0.020 and the one before", "-0.025"),
    "audSpec_Rfilt": ("0.020 and, by RASTA filtering, those before", "-0.020"),
    "audspecRasta": ("0.020 and, by RASTA filtering, those before", "-0.020"),
    "": ("0.020", "-0.020"),
}
"""By prefix of a descriptor's name: the length of its frame of sound [s], and the position of the
frame's centre relative to the row's time [s].

From openSMILE's ComParE and GeMAPS feature sets, which agree in this. The frames of 60 ms and 20 ms
start together, and the row's time is the centre of the longer one. Jitter, shimmer and ComParE's
HNR are measured in the waveform: in the periods from about the start of the frame to the start of
the next frame, or over two periods of F0, whichever is longer."""

LLD_UNITS = {
    "F0semitone": "semitone above 27.5 Hz",
    "jitterLocal_sma3nz": "1",
    "shimmerLocaldB": "dB",
    "HNRdBACF": "dB",
    "logRelF0": "dB",
    **dict.fromkeys(("F1amplitude", "F2amplitude", "F3amplitude"), "dB"),
    **dict.fromkeys(("F1", "F2", "F3"), "Hz"),
    "alphaRatio": "dB",
    "hammarbergIndex": "dB",
    "": "openSMILE",
}
"""Unit by prefix of a descriptor's name; ``openSMILE`` where it has none of its own."""


def audio_lld(descriptors: Sequence[str]) -> pa.Schema:
    """Low-level descriptors; units as in :data:`LLD_UNITS`.

    The metadata give the frame of each descriptor, ``frame`` and ``centre`` of
    :data:`LLD_FRAMES`. The moving average over three rows is symmetric and shifts no centre.
    """
    return pa.schema([RECORDING, TIME, *map(_descriptor, descriptors)])


def _descriptor(name: str) -> pa.Field:
    frame, centre = next(LLD_FRAMES[start] for start in LLD_FRAMES if name.startswith(start))
    unit = next(LLD_UNITS[start] for start in LLD_UNITS if name.startswith(start))
    plain = field(name, pa.float32(), unit)
    return plain.with_metadata(plain.metadata | {"frame": frame, "centre": centre})


def audio_features(features: Sequence[str]) -> pa.Schema:
    """Functionals of the descriptors on the grid; null if the window contains no frame, and the
    slope also if it contains only one."""
    return pa.schema(
        [RECORDING, TIME, *(field(n, pa.float32(), "openSMILE", nullable=True) for n in features)]
    )


def landmarks(points: Sequence[str]) -> pa.Schema:
    """Facial points per video frame; null where no face was found."""
    return pa.schema(
        [
            RECORDING,
            TIME,
            field("face", pa.bool_()),
            *(field(name, pa.float32(), "pixel", nullable=True) for name in points),
        ]
    )


def video_features(features: Sequence[str]) -> pa.Schema:
    """Registered points on the grid; null where the face was lost for too long."""
    return pa.schema(
        [
            RECORDING,
            TIME,
            *(field(n, pa.float32(), "interocular distance", nullable=True) for n in features),
        ]
    )


def face_mesh(vertices: Sequence[int]) -> pa.Schema:
    """Vertices of the face per video frame; null where no face was found.

    ``mesh`` has x, y and z of each vertex, one after the other: x and y are those of the picture,
    to the right and downwards; z is FaceMesh's depth, away from the camera, on the same scale. Its
    metadata list the vertices. A single column, because hundreds would take a second for a minute
    of short clips.
    """
    places = pa.list_(pa.field("element", pa.float32()), 3 * len(vertices))
    mesh = field("mesh", places, "pixel", nullable=True)
    numbers = {"vertices": " ".join(map(str, vertices))}
    return pa.schema(
        [
            RECORDING,
            TIME,
            field("width", pa.int32(), "pixel"),
            field("height", pa.int32(), "pixel"),
            mesh.with_metadata(mesh.metadata | numbers),
        ]
    )


def face_features(features: Sequence[str], units: Sequence[str]) -> pa.Schema:
    """Geometry of the face on the grid; null where the face was lost for too long."""
    named = zip(features, units, strict=True)
    columns = (field(name, pa.float32(), unit, nullable=True) for name, unit in named)
    return pa.schema([RECORDING, TIME, *columns])


def feature_table(features: Sequence[str]) -> pa.Schema:
    """Rows of feature tables of one's own, each with the time for which it holds.

    ``time`` is the centre of a row's frame; units of the features are the file's own.
    """
    return pa.schema(
        [
            RECORDING,
            TIME,
            field("start", pa.float64(), unit="s"),
            field("end", pa.float64(), unit="s"),
            *(field(name, pa.float32(), "of the table", nullable=True) for name in features),
        ]
    )


def table_features(features: Sequence[str]) -> pa.Schema:
    """Features from a table of one's own on the grid; null if no row is there."""
    of_table = [field(name, pa.float32(), "of the table", nullable=True) for name in features]
    return pa.schema([RECORDING, TIME, *of_table])


def concatenated_features(parts: Mapping[str, pa.Schema]) -> pa.Schema:
    """Features of several modalities side by side; null if a part has no value there."""
    columns = [
        field.with_name(f"{part}_{field.name}").with_nullable(True)
        for part, schema in parts.items()
        for field in schema
        if field.name not in (RECORDING.name, TIME.name)
    ]
    return pa.schema([RECORDING, TIME, *columns])


STATUS = pa.schema(
    [
        RECORDING,
        field("reason", pa.string(), unit="", nullable=True),
        field("frames", pa.int64()),
        field("missing", pa.int64()),
        field("end", pa.float64(), unit="s", nullable=True),
        field("promised", pa.float64(), unit="s", nullable=True),
        field("decoded", pa.float64(), unit="s", nullable=True),
        field("dropped", pa.int64()),
        field("other_face", pa.int64()),
        field("notes", pa.string(), unit="", nullable=True),
    ]
)
"""Outcome of the extraction of a recording: the reason why it was skipped, or null; its number of
frames, how many of them have no values, and the time of the last; the length of the stream
according to its header, and the decoded length; dropped frames or pieces of sound; frames that show
a face other than the subject's; notes on unusual input, or null."""

NOTES = pa.schema(
    [
        field("recording", pa.string(), unit="", nullable=True),
        field("note", pa.string(), unit=""),
    ]
)
"""Notes on unusual input that did not stop the stage, one per row."""

RECORDING_LENGTHS = pa.schema([RECORDING, field("seconds", pa.float64(), "s", nullable=True)])
"""Lengths of recordings according to their files; null if unknown."""

RATINGS = pa.schema(
    [
        RECORDING,
        TIME,
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("value", pa.float64(), unit="rating"),
    ]
)

RATING_SCALES = pa.schema(
    [
        RECORDING,
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("low", pa.float64(), unit="rating"),
        field("high", pa.float64(), unit="rating"),
    ]
)

RATER_WEIGHTS = pa.schema(
    [
        field("recording", pa.string(), unit="", nullable=True),
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("agreement", pa.float64(), nullable=True),
        field("weight", pa.float64()),
        field("fallback", pa.bool_()),
    ]
)

AGREEMENT_PAIRS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("other", pa.string(), unit=""),
        field("correlation", pa.float64(), nullable=True),
        field("frames", pa.int64(), unit="frames"),
    ]
)

AGREEMENT_RATERS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("recordings", pa.int64(), unit="recordings"),
        field("frames", pa.int64(), unit="frames"),
        field("correlation", pa.float64(), nullable=True),
        field("weight", pa.float64(), nullable=True),
        field("weight_low", pa.float64(), nullable=True),
        field("weight_high", pa.float64(), nullable=True),
        field("fallbacks", pa.int64(), unit="recordings"),
    ]
)

AGREEMENT_DIMENSIONS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("raters", pa.int64(), unit="raters"),
        field("recordings", pa.int64(), unit="recordings"),
        field("frames", pa.int64(), unit="frames"),
        field("correlation", pa.float64(), nullable=True),
        field("alpha", pa.float64(), nullable=True),
        field("icc_single", pa.float64(), nullable=True),
        field("icc_mean", pa.float64(), nullable=True),
        field("icc_frames", pa.int64(), unit="frames"),
    ]
)
"""Agreement in each dimension; ICC(2,1) and ICC(2,k) over the frames that all raters rated."""

AGREEMENT_RELIABILITY = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("rule", pa.string(), unit=""),
        field("raters", pa.int64(), unit="raters"),
        field("half", pa.int64(), unit="raters"),
        field("splits", pa.int64()),
        field("recordings", pa.int64(), unit="recordings"),
        field("split_half", pa.float64(), nullable=True),
        field("within", pa.float64(), nullable=True),
        field("reliability", pa.float64(), nullable=True),
        field("low", pa.float64(), nullable=True),
        field("high", pa.float64(), nullable=True),
        field("raters_70", pa.int64(), unit="raters", nullable=True),
        field("raters_80", pa.int64(), unit="raters", nullable=True),
        field("raters_90", pa.int64(), unit="raters", nullable=True),
    ]
)
"""Reliability of the labels from two halves of the panel: their correlation over all frames, and
with each recording centred; the reliability of the whole panel; the number of raters for a
reliability of 0.7, 0.8 and 0.9, null if none reaches it. The rule says what the prophecy of
Spearman and Brown multiplies: ``K`` or ``K - 1``."""

AGREEMENT_CURVE = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("rule", pa.string(), unit=""),
        field("raters", pa.int64(), unit="raters"),
        field("reliability", pa.float64(), nullable=True),
        field("low", pa.float64(), nullable=True),
        field("high", pa.float64(), nullable=True),
        field("measured", pa.float64(), nullable=True),
    ]
)
"""Reliability against the number of raters, and the correlation of two panels of this size."""

FRAME_PAIRS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("pair", pa.int64()),
        field("agreement", pa.string(), unit=""),
        RECORDING,
        TIME,
        field("E", pa.float64(), unit="rating"),
        field("sigma", pa.float64(), unit="rating"),
        field("picture", pa.binary(), unit="", nullable=True),
    ]
)
"""Pairs of frames with similar E: one on which raters agree and one on which they disagree; the
picture is a JPEG."""

THUMBNAILS = pa.schema(
    [
        RECORDING,
        TIME,
        field("picture", pa.binary(), unit=""),
    ]
)
"""Frames of a recording as small JPEGs."""

COVERAGE = pa.schema(
    [
        RECORDING,
        field("frames", pa.int64(), unit="frames"),
        field("present", pa.int64(), unit="frames"),
        field("gaps", pa.list_(pa.field("element", pa.float64(), nullable=False)), unit="s"),
        field("reason", pa.string(), unit="", nullable=True),
    ]
)
"""``gaps``: start and end of each stretch of labelled frames without features, in a row."""

LABELS = pa.schema(
    [
        RECORDING,
        TIME,
        field("dimension", pa.string(), unit=""),
        field("E", pa.float64(), unit="rating"),
        field("sigma", pa.float64(), unit="rating", nullable=True),
        field("raters", pa.int32(), unit="raters"),
    ]
)

PANEL_MOMENTS = pa.schema(
    [
        RECORDING,
        TIME,
        field("dimension", pa.string(), unit=""),
        field("number", pa.int32(), unit="ratings"),
        field("mean", pa.float64(), unit="rating"),
        field("squares", pa.float64(), unit="rating²"),
    ]
)
"""What the raters said of each frame; ``squares`` is the sum of squares about the mean."""

STANDARDISATION = pa.schema(
    [
        field("feature", pa.string(), unit=""),
        field("mean", pa.float64(), unit="feature"),
        field("scale", pa.float64(), unit="feature"),
        field("frames", pa.int64(), unit="frames"),
    ]
)


def dataset(targets: Sequence[str], features: Sequence[str]) -> pa.Schema:
    """Targets and standardised features on the grid."""
    return pa.schema(
        [
            RECORDING,
            TIME,
            *(field(name, pa.float32(), "rating", nullable=True) for name in targets),
            *(field(name, pa.float32(), nullable=True) for name in features),
        ]
    )


LEARNING_CURVE = pa.schema(
    [
        field("step", pa.int32(), unit="steps"),
        field("train_loss", pa.float64()),
        field("output", pa.string(), unit=""),
        field("dev_ccc", pa.float64(), nullable=True),
        field("best", pa.bool_()),
    ]
)

RATER_STATISTICS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("mean", pa.float64(), unit="rating"),
        field("deviation", pa.float64(), unit="rating"),
        field("low", pa.float64(), unit="rating"),
        field("high", pa.float64(), unit="rating"),
        field("gain", pa.float64(), unit="1"),
        field("bias", pa.float64(), unit="rating"),
    ]
)
"""Level and spread of each rater over all recordings; gain and bias in the panel, 1 and 0 if they
are not asked for."""

RATER_LAGS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("lag", pa.float64(), unit="s"),
        field("agreement", pa.float64(), nullable=True),
        field("note", pa.string(), unit="", nullable=True),
    ]
)
"""Lags of the raters relative to each other, each with its correlation with the mean of the others;
the note explains why a lag is not trusted and is therefore 0."""

RATER_SCREEN = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("spread", pa.float64(), unit="rating"),
        field("agreement", pa.float64(), nullable=True),
        field("opposite", pa.float64(), nullable=True),
        field("chance", pa.float64(), nullable=True),
        field("verdict", pa.string(), unit=""),
        field("reason", pa.string(), unit="", nullable=True),
        field("excluded", pa.bool_()),
    ]
)
"""What each rater's traces look like against those of the others: standard deviation about the mean
of each recording; highest and lowest correlation with the mean of the raters who agree, over lags,
and the one that chance reaches; ``agrees``, ``flat``, ``inverted``, ``unrelated`` or ``unknown``;
and whether this rater is left out of the labels."""

RATERS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("recordings", pa.int64(), unit="recordings"),
        field("share", pa.float64()),
        *(
            field(f"{name}{end}", pa.float64(), unit, nullable=True)
            for name, unit in (("lag", "s"), ("gain", "1"), ("bias", "rating"), ("noise", "rating"))
            for end in ("", "_low", "_high")
        ),
        field("correlation", pa.float64(), nullable=True),
        field("agreement", pa.float64(), nullable=True),
        field("ccc", pa.float64(), nullable=True),
        field("weight", pa.float64(), nullable=True),
        field("weight_zero", pa.int64(), unit="recordings"),
        field("flat", pa.int64(), unit="recordings"),
        field("still", pa.float64()),
        field("inverted", pa.int64(), unit="recordings"),
        field("outliers", pa.int64(), unit="recordings"),
        field("outlier_recordings", pa.string(), unit="", nullable=True),
        field("bias_drift", pa.float64(), unit="rating", nullable=True),
        field("bias_drift_p", pa.float64(), nullable=True),
        field("gain_drift", pa.float64(), nullable=True),
        field("gain_drift_p", pa.float64(), nullable=True),
        field("verdict", pa.string(), unit=""),
        field("done", pa.string(), unit=""),
    ]
)
"""What is known of each rater: share of the rated time; parameters of the panel model with 95 %
intervals; mean correlation with each other rater, correlation within recordings and CCC with what
the others say; mean weight in E; numbers of recordings; share of the time in which the trace stands
still; change of bias and gain from the first to the last recording, with its p value; verdict of
the screen, and what was done."""

RATER_RECORDINGS = pa.schema(
    [
        RECORDING,
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("share", pa.float64()),
        field("agreement", pa.float64(), nullable=True),
        field("gain", pa.float64(), nullable=True),
        field("bias", pa.float64(), unit="rating", nullable=True),
        field("weight", pa.float64(), nullable=True),
        field("flat", pa.bool_()),
        field("still", pa.float64()),
        field("outlier", pa.string(), unit="", nullable=True),
    ]
)
"""The same of each rater in each recording; ``outlier`` says in what it differs from this rater's
other recordings."""

ANNOTATION_DELAY = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("delay", pa.float64(), unit="s"),
        field("correlation", pa.float64(), nullable=True),
        field("chosen", pa.bool_()),
    ]
)

SELECTION = pa.schema(
    [
        field("instance", pa.string(), unit=""),
        field("dev_ccc", pa.float64(), nullable=True),
        field("seeds", pa.int64(), unit="seeds"),
        field("chosen", pa.bool_()),
    ]
)


RIDGE = pa.schema(
    [
        field("target", pa.string(), unit=""),
        field("context", pa.float64(), unit="s"),
        field("penalty", pa.float64()),
        field("dev_ccc", pa.float64(), nullable=True),
        field("chosen", pa.bool_()),
    ]
)
"""Contexts and penalties of the ridge regression, tried on dev."""


def predictions(*suffixes: str) -> pa.Schema:
    """E and sigma per frame, each in as many versions as there are suffixes."""
    return pa.schema(
        [
            RECORDING,
            TIME,
            *(
                field(f"{target}{suffix}", pa.float32(), unit="rating", nullable=True)
                for suffix in suffixes
                for target in ("E", "sigma")
            ),
        ]
    )


PREDICTIONS = predictions("")
POSTPROCESSED = predictions("", "_raw", "_out_of_fold")
FUSED_PREDICTIONS = predictions("", "_out_of_fold", "_mean", "_mean_out_of_fold")
"""The fusion by the configured method, and the plain mean of the modalities."""


def applied(columns: Sequence[str]) -> pa.Schema:
    """Predictions of recordings without ratings, for all dimensions side by side; spread, band and
    what they rest on are null where nothing is known of them."""
    known = tuple(f"_{target}" for target in ("E", "sigma"))

    def unit(name: str) -> str:
        return "1" if name in (SPEECH, FACE) or name.endswith(DISTANCE) else "rating"

    return pa.schema(
        [
            RECORDING,
            TIME,
            *(
                field(name, pa.float32(), unit(name), nullable=not name.endswith(known))
                for name in columns
            ),
        ]
    )


POSTPROCESSING_STEPS = pa.schema(
    [
        field("target", pa.string(), unit=""),
        field("step", pa.string(), unit=""),
        field("kept", pa.bool_()),
        field("value", pa.float64(), nullable=True),
        field("about", pa.float64(), nullable=True),
        field("gain", pa.float64(), nullable=True),
    ]
)

FUSION = pa.schema(
    [
        field("target", pa.string(), unit=""),
        field("term", pa.string(), unit=""),
        field("coefficient", pa.float64()),
        field("variance_inflation", pa.float64(), nullable=True),
    ]
)

CONTRIBUTIONS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("task", pa.string(), unit=""),
        field("seed", pa.int64()),
        field("partition", pa.string(), unit=""),
        field("fusion", pa.string(), unit=""),
        field("modality", pa.string(), unit=""),
        field("alone", pa.float64(), nullable=True),
        field("fused", pa.float64(), nullable=True),
        field("without", pa.float64(), nullable=True),
        field("adds", pa.float64(), nullable=True),
    ]
)
"""CCC of each fused modality alone, of the fusion, and of the fusion of all others; and the
difference of the last two. On dev, they are out of fold."""

CCC = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("modality", pa.string(), unit=""),
        field("task", pa.string(), unit=""),
        field("partition", pa.string(), unit=""),
        field("seed", pa.int64()),
        field("ccc", pa.float64(), nullable=True),
        field("ccc_raw", pa.float64(), nullable=True),
        field("ccc_out_of_fold", pa.float64(), nullable=True),
        field("recordings", pa.int64(), unit="recordings"),
        field("lacking", pa.int64(), unit="recordings"),
        field("frames", pa.int64(), unit="frames"),
        field("fusion", pa.string(), unit="", nullable=True),
        field("pearson", pa.float64(), nullable=True),
        field("rmse", pa.float64(), unit="rating"),
        field("mae", pa.float64(), unit="rating"),
        field("ccc_recording_mean", pa.float64(), nullable=True),
        field("ccc_recording_median", pa.float64(), nullable=True),
        field("ccc_recording_worst", pa.float64(), nullable=True),
        field("worst_recording", pa.string(), unit="", nullable=True),
        field("panels", pa.int64(), unit="panels", nullable=True),
    ]
)
"""Scores over the concatenated frames of a partition, and over its recordings one by one. Sigma is
scored within each of the ``panels``: recordings with the same raters."""


def recording_scores(modalities: Sequence[str]) -> pa.Schema:
    """Scores of every recording by the model that is best on dev, and what they depend on.

    ``bias`` is the mean of prediction minus label, ``seconds`` the length of the labelled part that
    has features, ``agreement`` the mean correlation of each two raters over the whole recording.
    """
    return pa.schema(
        [
            RECORDING,
            field("subject", pa.string(), unit=""),
            field("partition", pa.string(), unit=""),
            field("dimension", pa.string(), unit=""),
            field("target", pa.string(), unit=""),
            field("ccc", pa.float64(), nullable=True),
            field("rmse", pa.float64(), unit="rating"),
            field("bias", pa.float64(), unit="rating"),
            field("seconds", pa.float64(), unit="s"),
            field("raters", pa.int64(), unit="raters"),
            field("agreement", pa.float64(), nullable=True),
            *(field(f"coverage_{name}", pa.float64()) for name in modalities),
            field("modality", pa.string(), unit=""),
            field("task", pa.string(), unit=""),
            field("fusion", pa.string(), unit="", nullable=True),
            field("seeds", pa.int64(), unit="seeds"),
        ]
    )


def group_scores(modalities: Sequence[str]) -> pa.Schema:
    """Scores on test of groups of recordings by the model that is best on dev.

    ``low``, ``high`` and ``kind`` are as in the intervals; ``few`` marks groups with too few units
    for an interval.
    """
    return pa.schema(
        [
            field("column", pa.string(), unit=""),
            field("value", pa.string(), unit=""),
            field("dimension", pa.string(), unit=""),
            field("target", pa.string(), unit=""),
            field("ccc", pa.float64(), nullable=True),
            field("low", pa.float64(), nullable=True),
            field("high", pa.float64(), nullable=True),
            field("kind", pa.string(), unit=""),
            field("rmse", pa.float64(), unit="rating"),
            field("bias", pa.float64(), unit="rating"),
            field("units", pa.int64()),
            field("few", pa.bool_()),
            field("recordings", pa.int64(), unit="recordings"),
            field("frames", pa.int64(), unit="frames"),
            *(field(f"coverage_{name}", pa.float64()) for name in modalities),
            field("modality", pa.string(), unit=""),
            field("task", pa.string(), unit=""),
            field("fusion", pa.string(), unit="", nullable=True),
        ]
    )


def summary(modalities: Sequence[str]) -> pa.Schema:
    """The data-set table."""
    return pa.schema(
        [
            field("partition", pa.string(), unit=""),
            field("recordings", pa.int64(), unit="recordings"),
            field("subjects", pa.int64(), unit="subjects"),
            field("raters", pa.int64(), unit="raters"),
            field("frames", pa.int64(), unit="frames"),
            field("minutes", pa.float64(), unit="min"),
            *(field(f"coverage_{m}", pa.float64(), nullable=True) for m in modalities),
        ]
    )


INTERVALS = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("modality", pa.string(), unit=""),
        field("task", pa.string(), unit=""),
        field("partition", pa.string(), unit=""),
        field("ccc", pa.float64(), nullable=True),
        field("low", pa.float64(), nullable=True),
        field("high", pa.float64(), nullable=True),
        field("seeds", pa.int64(), unit="seeds"),
        field("resampled", pa.int64()),
        field("fusion", pa.string(), unit="", nullable=True),
        field("kind", pa.string(), unit=""),
    ]
)
"""Mean CCC over seeds. By ``kind``, ``low`` and ``high`` are a 95 % ``interval``, or the ``range``
of the scores of the units on their own; ``resampled`` is the number of units."""

_DIFFERENCE = [
    field("difference", pa.float64(), nullable=True),
    field("low", pa.float64(), nullable=True),
    field("high", pa.float64(), nullable=True),
    field("kind", pa.string(), unit=""),
    field("p_value", pa.float64(), nullable=True),
    field("p_holm", pa.float64(), nullable=True),
    field("answer", pa.string(), unit=""),
    field("effect_size", pa.float64(), nullable=True),
    field("effect_low", pa.float64(), nullable=True),
    field("effect_high", pa.float64(), nullable=True),
    field("resampled", pa.int64()),
    field("seeds", pa.int64(), unit="seeds", nullable=True),
]
"""Differences in CCC on test. ``kind`` is as in the intervals, with the differences of the units'
own scores; ``effect_size`` is their mean in units of their standard deviation over units."""

HYPOTHESES = pa.schema(
    [
        field("hypothesis", pa.string(), unit=""),
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("better", pa.string(), unit=""),
        field("worse", pa.string(), unit=""),
        *_DIFFERENCE,
    ]
)
"""Comparisons of two models."""

CLAIMS = pa.schema(
    [
        field("hypothesis", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("comparisons", pa.int64()),
        *_DIFFERENCE,
    ]
)
"""Mean differences over the ``comparisons`` of a hypothesis and target, on the same units."""

POWER = pa.schema(
    [
        field("hypothesis", pa.string(), unit=""),
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("better", pa.string(), unit=""),
        field("worse", pa.string(), unit=""),
        field("units", pa.int64()),
        field("comparisons", pa.int64()),
        field("gain", pa.float64()),
        field("power", pa.float64()),
        field("smallest_gain", pa.float64(), nullable=True),
    ]
)
"""Share of planned corpora of ``units`` test subjects (or recordings) in which ``gain``, the
difference of this run without its sign, would be answered with yes, and the smallest gain for which
80 % would."""

CEILING = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("reference", pa.string(), unit=""),
        field("partition", pa.string(), unit=""),
        field("ccc", pa.float64(), nullable=True),
        field("frames", pa.int64(), unit="frames"),
    ]
)

UNCERTAINTY = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("task", pa.string(), unit=""),
        field("figure", pa.string(), unit=""),
        field("series", pa.string(), unit=""),
        field("x", pa.float64()),
        field("y", pa.float64(), nullable=True),
    ]
)

PREDICTIVE = pa.schema(
    [
        field("modality", pa.string(), unit=""),
        RECORDING,
        TIME,
        field("E", pa.float32(), unit="rating"),
        field("sigma", pa.float32(), unit="rating"),
        field("spread", pa.float32(), unit="rating"),
        *(
            field(f"{end}_{nominal}", pa.float32(), unit="rating", nullable=True)
            for nominal in (80, 90)
            for end in ("lower", "upper")
        ),
    ]
)
"""The distribution of another rater's rating, per frame of dev and test, averaged over seeds:
normal about E with the standard deviation ``spread``, and bands that hold a nominal share [%]."""

PREDICTIVE_FIT = pa.schema(
    [
        field("modality", pa.string(), unit=""),
        field("a", pa.float64(), unit="rating"),
        field("constant", pa.float64(), unit="rating"),
        field("b_squared", pa.float64(), nullable=True),
        field("quantile_80", pa.float64(), nullable=True),
        field("few_80", pa.bool_()),
        field("quantile_90", pa.float64(), nullable=True),
        field("few_90", pa.bool_()),
        field("units", pa.int64()),
        field("ratings", pa.int64(), unit="ratings"),
        field("out_of_fold", pa.bool_()),
    ]
)
"""What was fitted on dev for the predictive distribution of each model."""

DISTRIBUTION = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("task", pa.string(), unit=""),
        field("modality", pa.string(), unit=""),
        field("series", pa.string(), unit=""),
        field("crps", pa.float64(), unit="rating"),
        field("skill", pa.float64(), nullable=True),
        field("crps_difference", pa.float64(), unit="rating", nullable=True),
        field("crps_low", pa.float64(), unit="rating", nullable=True),
        field("crps_high", pa.float64(), unit="rating", nullable=True),
        field("nll", pa.float64()),
        field("nll_difference", pa.float64(), nullable=True),
        field("nll_low", pa.float64(), nullable=True),
        field("nll_high", pa.float64(), nullable=True),
        *(
            field(f"{name}_{nominal}", pa.float64(), unit="rating" if name == "width" else "1")
            for nominal in (80, 90)
            for name in ("covered", "width")
        ),
        *(field(f"r_deviation{end}", pa.float64(), nullable=True) for end in ("", "_low", "_high")),
        field("a", pa.float64(), unit="rating", nullable=True),
        field("b_squared", pa.float64(), nullable=True),
        field("out_of_fold", pa.bool_(), nullable=True),
        field("ratings", pa.int64(), unit="ratings"),
        field("units", pa.int64()),
        field("panels", pa.int64()),
    ]
)
"""Scores of single ratings on test. ``skill`` is 1 - CRPS / CRPS of climatology. Differences are
those of the prediction to the series, below zero if the prediction is better. ``r_deviation``:
correlation of the series' sigma with how far a rater who was left out is from the label of the
others. ``a``, ``b_squared`` and ``out_of_fold`` are those of the fit on dev."""

COVERED = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("task", pa.string(), unit=""),
        field("modality", pa.string(), unit=""),
        field("nominal", pa.float64()),
        field("by", pa.string(), unit=""),
        field("level", pa.string(), unit=""),
        field("coverage", pa.float64()),
        field("low", pa.float64(), nullable=True),
        field("high", pa.float64(), nullable=True),
        field("width", pa.float64(), unit="rating"),
        field("few", pa.bool_()),
        field("ratings", pa.int64(), unit="ratings"),
        field("units", pa.int64()),
    ]
)
"""Share of the single ratings on test that bands hold: over all frames, by level of predicted
sigma, and by group of recordings."""
