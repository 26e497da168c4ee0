"""Shared parts of all command lines: the form of arguments and the reporting of errors."""

import argparse
import contextlib
import dataclasses
import errno
import json
import os
import select
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeVar, get_args, get_origin

from annotated_types import MinLen

from softaer.core import fields, lock
from softaer.core.errors import InputError
from softaer.core.experiment import Experiment
from softaer.core.tasks import TARGETS

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")

READER_GONE = 128 + signal.SIGPIPE
"""Exit status if the reader of the output has gone: that of a command ended by the signal."""


class _Help(argparse.ArgumentDefaultsHelpFormatter):
    """Shows defaults, except for empty ones."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        silent = action.default is None or action.default is False or action.default == []
        return action.help if silent else super()._get_help_string(action)


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Argument parser whose description is the first paragraph of a stage's docstring."""
    return argparse.ArgumentParser(
        description=(doc or "").strip().split("\n\n")[0],
        formatter_class=_Help,
    )


def add_settings(
    arguments: argparse.ArgumentParser, section: "type[DataclassInstance]", *names: str
) -> None:
    """Add a flag for each key of a section of the experiment, or for some of them.

    Parameters
    ----------
    section
        A class of :mod:`softaer.core.experiment`. Keys without a default are required.
    names
        Keys; default: all.
    """
    said, types = fields.remarks(section), fields.types(section)
    for key in dataclasses.fields(section):
        if names and key.name not in names:
            continue
        words = " ".join([*said.get(key.name, "").split(), *_unit(types[key.name])])
        made = key.default_factory is not dataclasses.MISSING
        required = key.default is dataclasses.MISSING and not made
        if not (required or made):
            words = f"{words} (default: {_shown(key.default)})".strip()
        arguments.add_argument(
            f"--{key.name.replace('_', '-')}",
            default=argparse.SUPPRESS,
            required=required,
            help=words.replace("%", "%%"),
            **_form(types[key.name]),
        )


def settings(options: argparse.Namespace, section: type[Settings]) -> Settings:
    """A section from the arguments of :func:`add_settings`, with defaults for missing ones."""
    given = vars(options)
    found = {key.name: given[key.name] for key in dataclasses.fields(section) if key.name in given}
    return section(**{k: tuple(v) if isinstance(v, list) else v for k, v in found.items()})


def _unit(kind: Any) -> list[str]:
    unit = fields.unit(kind)
    return [f"[{unit}]"] if unit else []


def _shown(default: Any) -> str:
    return " ".join(map(str, default)) if isinstance(default, tuple) else str(default)


def _form(kind: Any) -> dict[str, Any]:
    """Arguments for argparse to read values of a type."""
    forms = [part for part in fields.alternatives(kind) if part is not NoneType]
    if len(forms) > 1:
        return {"type": _one_of(forms)}
    kind, notes = fields.bare(forms[0])
    if kind is bool:
        return {"action": argparse.BooleanOptionalAction}
    if get_origin(kind) is dict:
        return {"type": _mapping, "metavar": "JSON"}
    if get_origin(kind) is Literal:
        return {"choices": get_args(kind)}
    if get_origin(kind) is tuple:
        first, *others = get_args(kind)
        if others != [...]:
            return _form(first) | {"nargs": 1 + len(others)}
        some = any(isinstance(note, MinLen) for note in notes)
        return _form(first) | {"nargs": "+" if some else "*", "action": "extend"}
    return {"type": kind}


def _one_of(forms: Sequence[Any]) -> Callable[[str], Any]:
    """Reads a number or a mapping in JSON, or one of the given words."""
    words = [word for form in forms if get_origin(form) is Literal for word in get_args(form)]
    (other,) = (fields.bare(form)[0] for form in forms if get_origin(form) is not Literal)
    read = _mapping if get_origin(other) is dict else other

    def value(text: str) -> Any:
        return text if text in words else read(text)

    return value


def _mapping(text: str) -> dict[str, Any]:
    """Keys and values, as JSON."""
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError(text)
    return found


def add_recordings(arguments: argparse.ArgumentParser, what: str) -> None:
    """Add ``--recording NAME PATH``, given once per recording of a batch.

    Parameters
    ----------
    what
        Content of ``PATH``, for the help text.
    """
    arguments.add_argument(
        "--recording",
        dest="recordings",
        metavar=("NAME", "PATH"),
        nargs=2,
        action="append",
        default=[],
        help=f"a recording and its {what}; once per recording of the batch",
    )


def add_directory(arguments: argparse.ArgumentParser, what: str) -> None:
    """Add the folder of a run, by default the current one.

    Parameters
    ----------
    what
        Which folder, for the help text.
    """
    arguments.add_argument(
        "directory",
        type=Path,
        nargs="?",
        default=Path(),
        metavar="DIRECTORY",
        help=what,
    )


def add_output(arguments: argparse.ArgumentParser, flag: str = "--output") -> None:
    """Add a required output path."""
    arguments.add_argument(flag, type=Path, required=True)


def add_coverage(arguments: argparse.ArgumentParser) -> None:
    """Add ``--coverage PATH...``, one table per modality, named after it."""
    arguments.add_argument(
        "--coverage", type=Path, nargs="+", required=True, help="table of each modality"
    )


def add_delays(arguments: argparse.ArgumentParser) -> None:
    """Add ``--delay DIMENSION SECONDS``, given once per dimension, or ``--delay-table``."""
    either = arguments.add_mutually_exclusive_group(required=True)
    either.add_argument(
        "--delay",
        dest="delays",
        action="append",
        nargs=2,
        metavar=("DIMENSION", "SECONDS"),
        help="delay of the annotations; once per dimension",
    )
    either.add_argument("--delay-table", type=Path, help="delays that have been estimated")


def delays(options: argparse.Namespace) -> dict[str, float]:
    """Delay of each dimension [s], from the arguments of :func:`add_delays`."""
    if options.delay_table is None:
        return {dimension: float(seconds) for dimension, seconds in options.delays}
    from softaer.core import tables  # heavy, and few need it

    table = tables.read(options.delay_table)
    return table[table["chosen"]].set_index("dimension")["delay"].to_dict()


def add_targets(arguments: argparse.ArgumentParser) -> None:
    """Add the dimension and its targets."""
    arguments.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))


def add_final_predictions(arguments: argparse.ArgumentParser) -> None:
    """Add the folders of labels and final predictions, and the predictions of the experiment."""
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    add_settings(arguments, Experiment)
    add_coverage(arguments)


def add_panels(arguments: argparse.ArgumentParser) -> None:
    """Add the folder that tells which raters rated what, without which all are one panel."""
    arguments.add_argument("--rater-weights", type=Path, help="folder of batches")


def run(main: Callable[[], None]) -> None:
    """Run a stage.

    An :class:`~softaer.core.errors.InputError`, a full or failing disk, or a lack of memory ends
    it with one line and status 1. Any other error is a bug and shows its traceback. If the reader
    of the output closes the pipe (``... | head``), it ends silently with :data:`READER_GONE`,
    unless it already has another status.
    """
    try:
        _run(main)
    except BrokenPipeError:
        printed = [stream for stream in (sys.stdout, sys.stderr) if stream is not None]
        if not any(map(_has_no_reader, printed)):
            raise  # another pipe
        _write_out()
        sys.exit(READER_GONE)
    except BaseException:
        _write_out()
        raise
    if not _write_out():
        sys.exit(READER_GONE)


def _run(main: Callable[[], None]) -> None:
    try:
        lock.join()
        main()
        if sys.stdout is not None:
            sys.stdout.flush()  # the interpreter flushes too late to report an error
    except InputError as error:
        message = str(error)
    except MemoryError as error:
        message = (
            f"out of memory: {str(error) or 'a request was refused'}; this output is not written"
        )
    except OSError as error:
        if _says(error, errno.ENOSPC, errno.EDQUOT):
            message = f"{error.filename or 'output'}: the disk is full; this output is not written"
        elif _says(error, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EACCES):
            message = f"{error.filename or 'a file'}: {error.strerror or error}"
        else:
            raise
    except RuntimeError as error:
        # torch has no separate exception for failed allocations on the CPU.
        if "allocate memory" not in str(error) and "out of memory" not in str(error):
            raise
        message = f"out of memory: {error}; this output is not written"
    else:
        return
    with contextlib.suppress(BrokenPipeError):
        print(f"error: {message}", file=sys.stderr)
    sys.exit(1)


def _has_no_reader(stream: TextIO) -> bool:
    poll = select.poll()
    poll.register(stream.fileno(), select.POLLOUT)
    return any(event & select.POLLERR for _, event in poll.poll(0))


def _write_out() -> bool:
    """Flush the output; return whether it could be written.

    Output that cannot be written is discarded. Otherwise the interpreter would try again when it
    ends, and print an error.
    """
    read = True
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError as error:
            read &= not isinstance(error, BrokenPipeError)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
    return read


def _says(error: OSError, *numbers: int) -> bool:
    # pyarrow gives the number only in the text.
    return error.errno in numbers or any(f"[Errno {number}]" in str(error) for number in numbers)
