"""Files that are there whole or not at all, whatever happens to the process that writes them."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from softaer.errors import InputError


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Give a name to write to; the file gets its own name only if the block ends without an error.

    The contents are on the disk before the name changes. What killed writers of the same file have
    left behind is removed; one that is still alive, cut off from the run that started it, fails at
    its end instead of writing over the new file.

    Parameters
    ----------
    path
        File to write; its folder is made.

    Yields
    ------
    A hidden name beside ``path`` with the same ending.

    Raises
    ------
    InputError
        If another process has taken over the writing of the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in path.parent.glob(f".partial-*.{escape(path.name)}"):
        abandoned.unlink(missing_ok=True)
    partial = path.with_name(f".partial-{uuid.uuid4().hex[:8]}.{path.name}")
    try:
        yield partial
        try:
            with open(partial, "rb") as file:
                os.fsync(file.fileno())
            os.replace(partial, path)
        except FileNotFoundError as error:
            raise InputError(
                f"{path}: another process has begun to write this file; "
                "expected one run in a folder at a time"
            ) from error
    finally:
        partial.unlink(missing_ok=True)
