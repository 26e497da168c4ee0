"""Predicts E and sigma of media files with a packed model, in one process and without a workflow.

Each file gets a table with its name, ten rows per second, and a plot; predictions.html shows all
files, and softaer view plays them there. A file that cannot be read is reported and left out, and
the exit status is 1. Output of libraries goes to predict.log.
"""

import argparse
import json
import os
import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from softaer.audio_lld import OpenSmileError
from softaer.core import tables
from softaer.core.errors import InputError, MissingPackageError
from softaer.core.files import complete
from softaer.core.places import PACKED_MODEL, PREDICTED_TABLE, PREDICTIONS
from softaer.core.schema import applied
from softaer.core.tasks import JOIN
from softaer.corpus import CHOICES
from softaer.figures.predictions import predictions
from softaer.modalities import RECORDING, register
from softaer.page.predicted import predicted_page
from softaer.predictor import OddInputWarning, Predictor
from softaer.signals.following import FACES

FORMATS = ("csv", "parquet")


@dataclass
class Outcome:
    """Outcome for a file.

    Attributes
    ----------
    file
        The media file.
    table
        Path of its predictions; ``None`` if there are none.
    frames
        Number of rows of that table.
    notes
        Notes on what is unusual about the file.
    error
        Reason why there are no predictions.
    """

    file: str
    table: str | None = None
    frames: int = 0
    notes: list[str] = field(default_factory=list)
    error: str | None = None


def write(table: pd.DataFrame, name: str, path: Path) -> None:
    """Write the predictions of a recording in the format of the path's suffix, and a plot.

    The values are those that the stage ``apply`` writes: six digits in CSV, the column
    ``recording`` and all digits in Parquet.
    """
    if path.suffix == ".parquet":
        schema = applied([column for column in table.columns if column != "time"])
        tables.write(table.assign(recording=name), schema, path)
    else:
        with complete(path) as partial:
            table.to_csv(partial, index=False, float_format="%.6g")
    with complete(path.with_suffix(".svg")) as partial:
        partial.write_text(predictions(table, name), encoding="utf-8")


def write_page(
    found: Mapping[str, pd.DataFrame],
    failed: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    series: str,
    folder: Path,
) -> None:
    """Write the page of all files, and the table of recordings that says where they are.

    Parameters
    ----------
    found, failed, series
        See :func:`softaer.page.predicted.predicted_page`.
    rows
        Of the table.
    folder
        Folder of the predictions.
    """
    with complete(folder / PREDICTIONS) as partial:
        partial.write_text(predicted_page(found, series, failed), encoding="utf-8")
    with complete(folder / PREDICTED_TABLE) as partial:
        pd.DataFrame(rows).to_csv(partial, index=False)


def row_of(file: Path, choices: Mapping[str, Any]) -> dict[str, Any]:
    """A file as a row of a table of recordings, with what was chosen of it."""
    audio = choices.get("audio") or file
    paths = {"audio": os.path.abspath(audio), "video": os.path.abspath(file)}
    chosen = {name: choices[name] for name in CHOICES if name in choices}
    return {"recording": file.stem, **paths, **chosen}


@contextmanager
def errors_to(path: Path) -> Iterator[None]:
    """Redirect the error stream of the process to a file, because MediaPipe prints a lot."""
    path.parent.mkdir(parents=True, exist_ok=True)
    stream = os.dup(2)
    with open(path, "a", encoding="utf-8") as log:
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stream, 2)
            os.close(stream)


def predict_file(
    predictor: Predictor, file: Path, output: Path, **choices: Any
) -> tuple[Outcome, pd.DataFrame | None]:
    """Predict one file, and write its table and its plot.

    Parameters
    ----------
    predictor
        The model.
    file
        Media file.
    output
        Its table, ``.csv`` or ``.parquet``.
    **choices
        Arguments of :meth:`softaer.predictor.Predictor.predict`.

    Returns
    -------
    What has become of it, and its predictions; ``None`` if there are none.

    Raises
    ------
    MissingPackageError
        If faces must be detected and MediaPipe is not installed.
    """
    outcome, table = Outcome(str(file)), None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", OddInputWarning)
        try:
            with errors_to(output.with_name("predict.log")):
                table = predictor.predict(file, **choices)
        except MissingPackageError:
            raise
        except (InputError, OpenSmileError) as error:
            named = str(file) in str(error)
            outcome.error = str(error) if named else f"{file}: {error}"
        else:
            write(table, file.stem, output)
            outcome.table, outcome.frames = str(output), len(table)
    outcome.notes = [str(w.message) for w in caught if issubclass(w.category, OddInputWarning)]
    return outcome, table


def outputs(files: Sequence[Path], folder: Path, form: str) -> list[Path]:
    """Table of each file.

    Raises
    ------
    InputError
        If two files would get the same table.
    """
    paths = [folder / f"{file.stem}.{form}" for file in files]
    named = defaultdict(list)
    for file, path in zip(files, paths, strict=True):
        named[path].append(str(file))
    for path, same in named.items():
        if len(same) > 1:
            raise InputError(
                f"{path} would be the table of {' and of '.join(same)}; expected names that "
                "differ, or one command with an --output-dir of its own for each"
            )
    return paths


def add_arguments(arguments: argparse.ArgumentParser) -> None:
    """Add the model, the files and the output options."""
    arguments.add_argument(
        "model", type=Path, metavar="MODEL", help=f"{PACKED_MODEL}, or what softaer pack made"
    )
    arguments.add_argument("files", type=Path, nargs="+", metavar="FILE", help="media files")
    arguments.add_argument(
        "--output-dir", type=Path, default=Path("predictions"), help="folder of tables and plots"
    )
    arguments.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="of the tables")
    arguments.add_argument(
        "--json", action="store_true", help="print what has become of each file as JSON"
    )
    arguments.add_argument(
        "--network-file", type=Path, help="Python file with the model's network, if it is your own"
    )
    arguments.add_argument(
        "--source",
        dest="sources",
        action="append",
        default=[],
        metavar="FILE",
        help="Python file with a source of the model's, if it is your own; repeatable",
    )
    arguments.add_argument(
        "--table",
        dest="tables",
        metavar=("MODALITY", "PATH"),
        nargs=2,
        action="append",
        default=[],
        help="feature table of a modality; {recording} in its path stands for a file's name "
        "without its ending",
    )
    arguments.add_argument(
        "--fusion", help="fusion or modality of the model to predict from (default: its last)"
    )
    single = arguments.add_argument_group("of a single FILE, as in recordings.csv")
    single.add_argument("--audio", type=Path, help="file with its sound, if that is kept apart")
    single.add_argument("--turns", type=Path, help="when the subject speaks")
    single.add_argument("--audio-stream", type=int, metavar="N", help="stream of sound, from 1")
    single.add_argument("--video-stream", type=int, metavar="N", help="stream of pictures, from 1")
    single.add_argument("--channel", type=int, metavar="N", help="the subject's microphone, from 1")
    single.add_argument("--face", choices=FACES, help="the subject's face")


def main(options: argparse.Namespace) -> None:
    """Predict the files named on the command line."""
    names = ("audio", "turns", "audio_stream", "video_stream", "channel", "face")
    choices = {name: value for name in names if (value := getattr(options, name)) is not None}
    if choices and len(options.files) > 1:
        raise InputError(
            f"--{next(iter(choices)).replace('_', '-')} with {len(options.files)} files; expected "
            "one, whose it is"
        )
    for name, path in options.tables:
        if len(options.files) > 1 and RECORDING not in path:
            raise InputError(
                f"--table {name} {path} with {len(options.files)} files; expected {RECORDING} in "
                "the path, which stands for the name of each"
            )
    paths = outputs(options.files, options.output_dir, options.format)
    for source in options.sources:
        register(source)
    predictor = Predictor.load(options.model, options.network_file)
    said = sys.stderr if options.json else sys.stdout
    outcomes = []
    found: dict[str, pd.DataFrame] = {}
    for file, path in tqdm(
        list(zip(options.files, paths, strict=True)),
        disable=not sys.stderr.isatty() or len(paths) == 1,
        unit="file",
    ):
        if options.tables:
            own = {name: table.replace(RECORDING, file.stem) for name, table in options.tables}
            choices["tables"] = own
        if options.fusion is not None:
            choices["fusion"] = options.fusion
        outcome, table = predict_file(predictor, file, path, **choices)
        outcomes.append(outcome)
        if table is not None:
            found[file.stem] = table
        for note in outcome.notes:
            tqdm.write(f"note: {note}", file=said)
        if outcome.error:
            tqdm.write(f"error: {outcome.error}", file=sys.stderr)
        else:
            tqdm.write(f"{path}: {outcome.frames} frames", file=said)
    if found:
        reasons = [outcome.error for outcome in outcomes if outcome.error]
        rows = [row_of(file, choices) for file in options.files if file.stem in found]
        series = options.fusion or JOIN.join(predictor.modalities)
        write_page(found, reasons, rows, series, options.output_dir)
        tqdm.write(f"{options.output_dir / PREDICTIONS}: the page of all", file=said)
    if options.json:
        print(json.dumps([asdict(outcome) for outcome in outcomes], indent=2))
    failed = sum(outcome.error is not None for outcome in outcomes)
    if failed:
        tqdm.write(f"{failed} of {len(outcomes)} files are not predicted", file=sys.stderr)
        sys.exit(1)
