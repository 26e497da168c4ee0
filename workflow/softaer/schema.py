"""Declared Arrow schemas, one per stage, with units in the fields' metadata.

A stage imports the schema it writes by name; ``code_digest`` follows such imports name by name, so
a change to one stage's schema reruns that stage and not the others.
"""

from collections.abc import Sequence

import pyarrow as pa


def field(name: str, type_: pa.DataType, unit: str = "1", nullable: bool = False) -> pa.Field:
    """Arrow field with its unit in the metadata (``1`` for numbers without a unit)."""
    return pa.field(name, type_, nullable=nullable, metadata={"unit": unit})


RECORDING = field("recording", pa.string(), unit="")
TIME = field("time", pa.float64(), unit="s")


def audio_lld(descriptors: Sequence[str]) -> pa.Schema:
    """Low-level descriptors; units are openSMILE's own."""
    return pa.schema(
        [RECORDING, TIME, *(field(name, pa.float32(), "openSMILE") for name in descriptors)]
    )


def audio_features(features: Sequence[str]) -> pa.Schema:
    """Functionals of the descriptors on the grid; null where the window holds no frame."""
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
    """Registered points on the grid; null where the face was away for too long."""
    return pa.schema(
        [
            RECORDING,
            TIME,
            *(field(n, pa.float32(), "interocular distance", nullable=True) for n in features),
        ]
    )


RATINGS = pa.schema(
    [
        RECORDING,
        TIME,
        field("dimension", pa.string(), unit=""),
        field("rater", pa.string(), unit=""),
        field("value", pa.float64(), unit="rating"),
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
        field("epoch", pa.int32(), unit="epochs"),
        field("train_loss", pa.float64()),
        field("target", pa.string(), unit=""),
        field("dev_ccc", pa.float64(), nullable=True),
        field("best", pa.bool_()),
    ]
)

PREDICTIONS = pa.schema(
    [
        RECORDING,
        TIME,
        field("E", pa.float32(), unit="rating", nullable=True),
        field("sigma", pa.float32(), unit="rating", nullable=True),
    ]
)

FUSION = pa.schema(
    [
        field("target", pa.string(), unit=""),
        field("term", pa.string(), unit=""),
        field("coefficient", pa.float64()),
        field("frames", pa.int64(), unit="frames"),
    ]
)

CCC = pa.schema(
    [
        field("dimension", pa.string(), unit=""),
        field("target", pa.string(), unit=""),
        field("modality", pa.string(), unit=""),
        field("task", pa.string(), unit=""),
        field("partition", pa.string(), unit=""),
        field("seed", pa.int64()),
        field("ccc", pa.float64(), nullable=True),
        field("recordings", pa.int64(), unit="recordings"),
        field("frames", pa.int64(), unit="frames"),
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
