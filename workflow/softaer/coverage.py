"""Coverage: how many labelled frames of a recording have features of a modality, where there are
none, and the reason if there are none at all.

A recording without features in any modality is left out of fusion and scores, because nothing can
be predicted for it. A recording that lacks only one modality stays: fused scores use the others, as
a packed model does. Nothing is learnt from it for the missing modality. That modality is still
scored there, with what its network predicts from zeros, so that all modalities are scored on the
same frames.

Coverage is computed over labelled frames, because the networks see no other features. A packed
model uses the frames of its input in the same way.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.grid import gaps
from softaer.core.schema import COVERAGE
from softaer.core.targets import feature_columns
from softaer.corpus import Recording, rated, read_recordings

LEAST_SHARE = 0.5
"""Minimum share of frames with features for a recording to have a modality."""


def with_features(values: np.ndarray) -> np.ndarray:
    """Whether each frame has all features of a modality, shape (T, d) to (T,)."""
    return np.isfinite(values).all(axis=1)


def usable(shares: Mapping[str, float]) -> set[str]:
    """Modalities from which a recording is predicted.

    A network that sees zeros in most frames predicts poorly and would impair a fusion. A single
    stray face would be enough for that.

    Parameters
    ----------
    shares
        Share of the frames that have features, by modality.

    Returns
    -------
    Modalities with features in at least half of the frames; if there are none, those with any.

    Examples
    --------
    >>> sorted(usable({"audio": 1.0, "video": 0.02}))
    ['audio']
    >>> sorted(usable({"audio": 0.0, "video": 0.02}))
    ['video']
    """
    found = {modality for modality, share in shares.items() if share >= LEAST_SHARE}
    return found or {modality for modality, share in shares.items() if share > 0}


def coverage(dataset: pd.DataFrame) -> pd.DataFrame:
    """Number of labelled frames of each recording, and which of them have features.

    Parameters
    ----------
    dataset
        ``recording``, ``time`` [s], and the features of one modality.

    Returns
    -------
    Indexed by recording: ``frames``, ``present``, ``gaps`` (see :func:`softaer.core.grid.gaps`).
    """
    keys = dataset[["recording", "time"]]
    present = with_features(dataset.drop(columns=list(keys)).to_numpy())
    each = keys.assign(present=present).groupby("recording", sort=False)
    table = each["present"].agg(["size", "sum"]).set_axis(["frames", "present"], axis=1)
    table["gaps"] = [
        gaps(rows["time"].to_numpy(), rows["present"].to_numpy()).ravel() for _, rows in each
    ]
    return table


def why_absent(status: pd.Series | None, unit: str, absent: str) -> str:
    """Why a recording has no features at all.

    Parameters
    ----------
    status
        Its row in the status table of extraction; ``None`` if it has not been extracted.
    unit
        What a frame with features has, in words.
    absent
        The reason if it has not been extracted.
    """
    if status is None:
        return absent
    if status["reason"] is not None:
        return status["reason"]
    found = status["frames"] - status["missing"]
    frames = f"{found} of {status['frames']} extracted frames"
    return f"{frames} have {unit}, none where there are labels"


def _states(folder: Path, recordings: Sequence[Recording]) -> dict[str, pd.Series]:
    """Rows of the status table by recording, without NaN as a reason."""
    states = tables.read_batches(folder, recordings).astype({"reason": object})
    states["reason"] = states["reason"].where(states["reason"].notna(), None)
    return {row["recording"]: row for _, row in states.iterrows()}


def shares(path: Path) -> dict[str, float]:
    """Share of each recording's labelled frames that have features of a modality."""
    table = tables.read(path, ["recording", "frames", "present"])
    found = table["present"] / table["frames"].clip(lower=1)
    return dict(zip(table["recording"], found, strict=True))


def having(path: Path, least: float = LEAST_SHARE) -> set[str]:
    """Recordings that have a modality in at least a given share of their frames."""
    return {name for name, share in shares(path).items() if share > 0 and share >= least}


def scored(recordings: Iterable[Recording], paths: Sequence[Path]) -> list[Recording]:
    """Recordings that have features in at least one modality.

    Parameters
    ----------
    recordings
        Rated recordings.
    paths
        The coverage of each modality.
    """
    names = set().union(*(having(path, 0.0) for path in paths))
    return [recording for recording in recordings if recording.recording in names]


def _why(
    recording: str,
    parts: Sequence[tuple[str, str, str, str]],
    states: Mapping[str, Mapping[str, pd.Series]],
) -> str:
    """The reason; of several parts, what there is of each."""
    reasons = {
        name: why_absent(states[name].get(recording), unit, absent)
        for name, _, unit, absent in parts
    }
    if len(reasons) == 1:
        return reasons[parts[0][0]]
    return "; ".join(f"{name}: {reason}" for name, reason in reasons.items())


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder of batches")
    arguments.add_argument(
        "--part",
        dest="parts",
        metavar=("MODALITY", "STATUS", "UNIT", "ABSENT"),
        nargs=4,
        action="append",
        required=True,
        help="what was extracted: the modality (each of several that are side by side), the folder "
        "of its status, what a frame has, and the reason if a recording was not extracted",
    )
    cli.add_output(arguments)
    options = arguments.parse_args()

    recordings = rated(read_recordings(options.recordings))
    batches = list(dict.fromkeys(recording.batch for recording in recordings))
    counts = []
    for batch in batches:
        path = options.dataset / f"{batch}.parquet"
        names = feature_columns(tables.columns(path))
        counts.append(coverage(tables.read(path, ["recording", "time", *names])))
    table = pd.concat(counts)
    states = {name: _states(Path(status), recordings) for name, status, _, _ in options.parts}
    table["reason"] = [
        None if row.present else _why(row.Index, options.parts, states)
        for row in table.itertuples()
    ]
    tables.write(table.reset_index(), COVERAGE, options.output)


if __name__ == "__main__":
    cli.run(main)
