"""Files of annotation tools with tracks: NOVA, ELAN, and long CSV.

The annotator of a track is ``labels`` or ``predictions``; E and sigma of a dimension are tracks of
their own. Times of writing are left out, so that the same tracks give the same bytes.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from softaer.commands.tracks import Key
from softaer.core.files import complete
from softaer.core.grid import RATE
from softaer.readers.tools.elan import imported

Values = Mapping[Key, np.ndarray]
"""Tracks of a recording: float32, shape (T,) each, NaN where there is no value."""

UNDATED = "1970-01-01T00:00:00+00:00"
"""Date of ELAN documents, which must have one."""


def nova_path(folder: Path, recording: str, key: Key) -> Path:
    """NOVA's file of a track: a folder for each recording, which NOVA calls a session."""
    return folder / recording / f"{key.name}.{key.kind}.annotation"


def write_nova(
    path: Path, key: Key, values: np.ndarray, limits: tuple[float, float], binary: bool
) -> None:
    """Write a track as a continuous annotation of NOVA and SSI, 10 frames a second from 0 s.

    Parameters
    ----------
    path
        File; its data are beside it, with ``~`` added.
    key
        Names scheme and annotator.
    values
        float32, shape (T,). A frame without a value is NaN and has confidence 0.
    limits
        Lowest and highest value of the scheme.
    binary
        Two float32 a frame instead of a line of text.
    """
    confidence = np.isfinite(values).astype(np.float32)
    data = path.with_name(f"{path.name}~")
    with complete(data) as partial:
        if binary:
            pairs = np.stack([values, confidence], axis=1).astype("<f4")
            partial.write_bytes(pairs.tobytes())
        else:
            lines = [
                f"{'NaN' if np.isnan(value) else f'{value:.9g}'};{sure:g}\n"
                for value, sure in zip(values, confidence, strict=True)
            ]
            partial.write_text("".join(lines), encoding="utf-8")
    root = ElementTree.Element("annotation", {"ssi-v": "3"})
    form = "BINARY" if binary else "ASCII"
    ElementTree.SubElement(root, "info", {"ftype": form, "size": str(len(values))})
    ElementTree.SubElement(root, "meta", {"annotator": key.kind, "role": "subject"})
    low, high = (f"{limit:.9g}" for limit in limits)
    scheme = {"name": key.name, "type": "CONTINUOUS", "sr": str(RATE), "min": low, "max": high}
    ElementTree.SubElement(root, "scheme", scheme)
    ElementTree.indent(root)
    with complete(path) as partial:
        ElementTree.ElementTree(root).write(partial, encoding="utf-8", xml_declaration=True)


def limits_of(
    key: Key, low: float, high: float, declared: tuple[float, float] | None
) -> tuple[float, float]:
    """Range of a scheme of NOVA, which no value leaves.

    Parameters
    ----------
    key
        Of the track.
    low, high
        Lowest and highest value in all recordings, so that these can be compared.
    declared
        Range of the corpus's scale. It counts for E; a prediction beyond it widens the range. The
        range of sigma starts at 0.

    Returns
    -------
    Both rounded outwards, by a hundredth of the span at most.

    Examples
    --------
    >>> limits_of(Key("labels", "arousal", "E"), -0.4123, 0.5551, None)
    (-0.413, 0.556)
    >>> limits_of(Key("labels", "arousal", "E"), -0.4123, 1.0001, (-1, 1))
    (-1.0, 1.01)
    >>> limits_of(Key("labels", "arousal", "sigma"), 0.1, 0.25, (-1, 1))
    (0.0, 0.25)
    """
    if key.target == "sigma":
        low = min(low, 0.0)
    elif declared is not None:
        low, high = min(low, declared[0]), max(high, declared[1])
    if not low < high:
        low, high = low - 0.5, high + 0.5
    step = 10.0 ** (np.floor(np.log10(high - low)) - 2)
    start, stop = np.floor(low / step) * step, np.ceil(high / step) * step
    start, stop = (float(f"{limit:.9g}") for limit in (start, stop))
    if start > low or stop < high:  # by the rounding of the product
        start, stop = start - step, stop + step
    return float(start) + 0.0, float(stop) + 0.0


def segments(values: np.ndarray, step: float) -> pd.DataFrame:
    """Means of a track over steps of time.

    Parameters
    ----------
    values
        Shape (T,), 10 a second.
    step
        Length of a segment, a multiple of 0.1 s [s].

    Returns
    -------
    ``start``, ``end`` [ms] and ``mean``, a row for each segment with at least one value. The mean
    is over its frames with a value, start <= t < end; the last segment ends after its last frame.
    """
    size = round(step * RATE)
    known = np.flatnonzero(np.isfinite(values))
    number = known // size
    means = pd.Series(values[known].astype(np.float64)).groupby(number).mean()
    start = means.index.to_numpy() * size
    end = np.minimum(start + size, len(values))
    return pd.DataFrame(
        {"start": start * 1000 // RATE, "end": end * 1000 // RATE, "mean": means.to_numpy()}
    )


def elan_path(folder: Path, recording: str) -> Path:
    """ELAN's document of a recording."""
    return folder / f"{recording}.eaf"


def write_elan(path: Path, tracks: Values, step: float) -> None:
    """Write the tracks of a recording as tiers of an ELAN document, with pympi-ling.

    Parameters
    ----------
    path
        The document.
    tracks
        Each becomes a tier ``arousal_E_labels``, whose annotations are means.
    step
        Length of an annotation [s], see :func:`segments`.
    """
    tiers = {}
    for key, values in tracks.items():
        rows = segments(values, step)
        tiers[f"{key.name}_{key.kind}", key.kind] = [
            (int(row.start), int(row.end), f"{row.mean:.6g}") for row in rows.itertuples()
        ]
    _write_tiers(path, tiers)


def write_tasks(path: Path, tasks: Mapping[str, pd.DataFrame]) -> None:
    """Write stretches to rate as tiers of an ELAN document, with empty annotations.

    Parameters
    ----------
    path
        The document.
    tasks
        ``start`` and ``end`` [s] for each tier, which do not overlap.
    """
    tiers = {
        (name, ""): [
            (round(1000 * row.start), round(1000 * row.end), "") for row in rows.itertuples()
        ]
        for name, rows in tasks.items()
    }
    _write_tiers(path, tiers)


def _write_tiers(
    path: Path, tiers: Mapping[tuple[str, str], Sequence[tuple[int, int, str]]]
) -> None:
    """Write start, end [ms] and text of annotations, by name and annotator of their tiers."""
    document = imported().Eaf(author="softaer")
    document.adocument["DATE"] = UNDATED
    for (tier, annotator), annotations in tiers.items():
        document.add_tier(tier, ann=annotator or None)
        for annotation in annotations:
            document.add_annotation(tier, *annotation)
    document.remove_tier("default", clean=False)
    document.properties = [("lastUsedAnnotationId", document.maxaid)]
    _order_slots(document)
    with complete(path) as partial:
        document.to_file(str(partial))


def _order_slots(document: Any) -> None:
    """Number the time slots by their times, over all tiers, as ELAN's format requires."""
    times = document.timeslots
    ordered = sorted(times, key=lambda slot: (times[slot], int(slot.removeprefix("ts"))))
    new = {slot: f"ts{number}" for number, slot in enumerate(ordered, start=1)}
    document.timeslots = {new[slot]: times[slot] for slot in ordered}
    for aligned, *_ in document.tiers.values():
        for name, (start, end, *others) in aligned.items():
            aligned[name] = (new[start], new[end], *others)


def csv_path(folder: Path, recording: str) -> Path:
    """Long table of a recording."""
    return folder / f"{recording}.csv"


def write_csv(path: Path, recording: str, tracks: Values) -> None:
    """Write the tracks of a recording as a long table.

    Its columns are ``recording``, ``annotator``, ``dimension`` (``arousal_E``), ``time`` [s] and
    ``value``, a row for each frame with a value.
    """
    parts = []
    for key, values in tracks.items():
        known = np.flatnonzero(np.isfinite(values))
        names = {"recording": recording, "annotator": key.kind, "dimension": key.name}
        parts.append(pd.DataFrame({"time": known / RATE, "value": values[known]}).assign(**names))
    table = pd.concat(parts, ignore_index=True)
    columns = ["recording", "annotator", "dimension", "time", "value"]
    text = {
        "time": table["time"].map("{:.1f}".format),
        "value": table["value"].map("{:.9g}".format),
    }
    with complete(path) as partial:
        table.assign(**text)[columns].to_csv(partial, index=False)
