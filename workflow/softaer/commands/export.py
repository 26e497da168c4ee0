"""Exports labels and predictions for NOVA, ELAN or as long CSV, or a packed model to ONNX.

E and sigma of each dimension are tracks of their own. Times are seconds from the recording's start.
"""

import argparse
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from softaer.commands import track_files
from softaer.commands.tracks import (
    KINDS,
    LABELLED,
    PREDICTED,
    PREFERRED,
    Key,
    Model,
    Tracks,
    add_file,
    add_results,
    declared_range,
    of_recordings,
)
from softaer.core.errors import InputError
from softaer.core.grid import RATE, TOLERANCE
from softaer.core.listing import first_few
from softaer.core.places import PACKED_FILES, PACKED_MODEL, RESULTS

NOVA, NOVA_BINARY, ELAN, CSV, ONNX = FORMATS = ("nova", "nova_binary", "elan", "csv", "onnx")

STEP = 1.0
"""Length of ELAN's annotations [s]."""


def read_sources(options: argparse.Namespace) -> Tracks:
    """Tracks of the files and folders named on the command line.

    Raises
    ------
    InputError
        If a source cannot be read, has another kind than the requested one, or lacks a requested
        recording or dimension.
    """
    tracks = Tracks()
    kinds, dimensions = options.what or [], options.dimension or []
    model = Model(options.modality, options.task, options.seed)
    for source in options.sources:
        if source.is_dir():
            for line in add_results(tracks, source, kinds, dimensions, options.delay, model):
                print(line, file=sys.stderr)
        elif not source.exists():
            raise InputError(
                f"{source}: no such file or folder; expected {RESULTS}, or a table of labels or "
                "predictions"
            )
        else:
            kind = add_file(tracks, source, dimensions, options.delay)
            if kinds and kind not in kinds:
                raise InputError(f"{source}: found {kind}; expected {kinds[0]}, by --what")
    tracks = of_recordings(tracks, options.recording or [])
    found = {key.dimension for own in tracks.values.values() for key in own}
    if missing := [name for name in dimensions if name not in found]:
        raise InputError(f"--dimension: found {missing[0]!r}; expected one of {_known(options)}")
    return tracks


def _known(options: argparse.Namespace) -> str:
    """Names of the sources, for errors."""
    return f"those in {first_few(map(str, options.sources))}"


def limits(tracks: Tracks, declared: tuple[float, float] | None) -> dict[Key, tuple[float, float]]:
    """Range of each track over all recordings, see :func:`track_files.limits_of`."""
    low: dict[Key, float] = {}
    high: dict[Key, float] = {}
    for own in tracks.values.values():
        for key, values in own.items():
            low[key] = min(low.get(key, np.inf), float(np.nanmin(values)))
            high[key] = max(high.get(key, -np.inf), float(np.nanmax(values)))
    return {key: track_files.limits_of(key, low[key], high[key], declared) for key in low}


def writers(
    tracks: Tracks,
    form: str,
    folder: Path,
    step: float = STEP,
    declared: tuple[float, float] | None = None,
) -> dict[Path, Callable[[Path], None]]:
    """Path of each file, and what writes it.

    Parameters
    ----------
    tracks
        Recordings without any are left out.
    form
        One of :data:`FORMATS` except ONNX.
    folder
        Output folder.
    step
        Of ELAN's annotations [s].
    declared
        Range of the corpus's scale, for NOVA.
    """
    found: dict[Path, Callable[[Path], None]] = {}
    spans = limits(tracks, declared)
    for recording, own in tracks.values.items():
        if not own:
            continue
        if form == ELAN:
            path = track_files.elan_path(folder, recording)
            found[path] = partial(track_files.write_elan, tracks=own, step=step)
        elif form == CSV:
            path = track_files.csv_path(folder, recording)
            found[path] = partial(track_files.write_csv, recording=recording, tracks=own)
        else:
            for key, values in own.items():
                found[track_files.nova_path(folder, recording, key)] = partial(
                    track_files.write_nova,
                    key=key,
                    values=values,
                    limits=spans[key],
                    binary=form == NOVA_BINARY,
                )
    return found


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the sources, the format, and what of them is exported."""
    arguments.add_argument(
        "sources",
        type=Path,
        nargs="+",
        metavar="SOURCE",
        help=f"{RESULTS}, the folder of a run; CSV or Parquet of softaer predict or apply; tables "
        f"of {RESULTS}/labels; or {PACKED_MODEL}, which becomes ONNX",
    )
    arguments.add_argument(
        "--format",
        choices=FORMATS,
        help="nova: continuous annotations, 10 values a second, as text; nova_binary: the same in "
        "binary; elan: a tier per track, annotations with means; csv: a row per value "
        "(default: onnx for a packed model; required otherwise)",
    )
    arguments.add_argument(
        "--output-dir", type=Path, help="output folder (default: annotations, or onnx)"
    )
    arguments.add_argument("--force", action="store_true", help="overwrite existing annotations")
    some = arguments.add_argument_group("what of it")
    some.add_argument("--what", nargs="+", choices=KINDS, help="default: what there is")
    some.add_argument("--recording", nargs="+", metavar="NAME", help="default: all")
    some.add_argument("--dimension", nargs="+", metavar="NAME", help="default: all")
    some.add_argument(
        "--delay",
        type=float,
        default=0.0,
        help="move labels back by this time [s]. Raters react late: a prediction at t belongs to "
        "the label at t + delay",
    )
    some.add_argument(
        "--range",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="scale of E in NOVA (default: the one that the run's configuration declares, or from "
        "the lowest to the highest value)",
    )
    some.add_argument(
        "--step",
        type=float,
        help=f"length of ELAN's annotations [s], each with the mean (default: {STEP:g})",
    )
    model = arguments.add_argument_group("predictions of a run")
    model.add_argument(
        "--modality", help="modality, or fusion such as audio+video (default: fusion of all)"
    )
    model.add_argument("--task", help=f"default: the first that was run of {', '.join(PREFERRED)}")
    model.add_argument("--seed", type=int, help="default: the lowest")
    arguments.add_argument_group("packed model").add_argument(
        "--network-file", type=Path, help="Python file with the model's network, if it is your own"
    )


def is_model(source: Path) -> bool:
    """Whether a path is a packed model: its folder, or a zip file."""
    return source.suffix == ".zip" or all((source / name).is_file() for name in PACKED_FILES)


def main(options: argparse.Namespace) -> None:
    """Export what is named on the command line."""
    first = options.sources[0]
    if options.format == ONNX or (options.format is None and is_model(first)):
        if len(options.sources) > 1:
            raise InputError(f"{options.sources[1]}: found with {first}; expected one packed model")
        from softaer.commands.export_onnx import export_model

        export_model(first, options.output_dir or Path(ONNX), options.network_file)
        return
    if options.format is None:
        raise InputError(
            f"{first}: no packed model; expected --format, {', '.join(FORMATS[:-1])}, for labels "
            "and predictions"
        )
    _require_usual(options)
    tracks = read_sources(options)
    results = [source for source in options.sources if source.is_dir()]
    ranges = [span for source in results if (span := declared_range(source)) is not None]
    declared = tuple(options.range) if options.range else next(iter(ranges), None)
    folder = options.output_dir or Path("annotations")
    step = STEP if options.step is None else options.step
    files = writers(tracks, options.format, folder, step, declared)
    empty = [name for name, own in tracks.values.items() if not own]
    if empty:
        print(f"without any value, not written: {first_few(empty)}", file=sys.stderr)
    if not files:
        raise InputError(f"{first}: no values; expected labels or predictions")
    beside = [Path(f"{path}~") for path in files if path.suffix == ".annotation"]
    existing = [str(path) for path in [*files, *beside] if path.exists()]
    if existing and not options.force:
        raise InputError(
            f"{first_few(existing)}: exists already; expected --force, or another --output-dir"
        )
    for path, write in files.items():
        write(path)
    kinds = {key.kind for own in tracks.values.values() for key in own}
    if kinds == set(KINDS) and not options.delay:
        print(
            f"{LABELLED} are at the times of the ratings, {PREDICTED} at those of the media: the "
            "ratings lag by the annotation delay (--delay moves them back)",
            file=sys.stderr,
        )
    number = len(tracks.values) - len(empty)
    print(f"{folder}: {len(files)} files of {number} recordings")


def _require_usual(options: argparse.Namespace) -> None:
    """Refuse options without effect or sense."""
    if options.step is not None and options.format != ELAN:
        raise InputError(f"--step with --format {options.format}; expected it with elan")
    if options.range is not None:
        if options.format not in (NOVA, NOVA_BINARY):
            raise InputError(f"--range with --format {options.format}; expected it with nova")
        low, high = options.range
        if not (np.isfinite(options.range).all() and low < high):
            raise InputError(f"--range: found {low:g} {high:g}; expected the lowest value first")
    for name, value in (("step", options.step), ("delay", options.delay)):
        frames = 0.0 if value is None else value * RATE
        if not (np.isfinite(frames) and abs(frames - round(frames)) <= TOLERANCE * RATE):
            raise InputError(
                f"--{name}: found {value:g} s; expected a multiple of {1 / RATE:g} s, the grid's "
                "step"
            )
    if options.step is not None and round(options.step * RATE) < 1:
        raise InputError(f"--step: found {options.step:g} s; expected at least {1 / RATE:g} s")
