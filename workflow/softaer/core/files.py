"""Files that are complete or absent, whatever happens to the process that writes them."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path

from softaer.core.errors import InputError


@contextmanager
def complete(path: Path) -> Iterator[Path]:
    """Provide a temporary path; the file gets its final name only if the block succeeds.

    The contents are on the disk before the file is renamed. Leftovers of killed writers of the same
    file are removed. A writer that is still alive but whose run has ended fails at its end instead
    of overwriting the new file.

    Parameters
    ----------
    path
        File to write; its folder is created.

    Yields
    ------
    The same name in a hidden folder next to ``path``.

    Raises
    ------
    InputError
        If another process has taken over the writing of the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    for abandoned in path.parent.glob(f".partial-*.{escape(path.name)}"):
        shutil.rmtree(abandoned, ignore_errors=True)
    # A folder, so that a writer that has lost it cannot create its file again.
    folder = Path(tempfile.mkdtemp(prefix=".partial-", suffix=f".{path.name}", dir=path.parent))
    partial = folder / path.name
    try:
        yield partial
        with open(partial, "rb") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    except FileNotFoundError as error:
        if folder.exists():
            raise
        raise InputError(
            f"{path}: another process has begun to write this file; "
            "expected one run in a folder at a time"
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
