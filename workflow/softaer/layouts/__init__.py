"""Layouts: how corpora lie on the disk, as they are delivered.

A layout is one module of this package, named in the configuration (``corpus: {layout: NAME, root:
PATH}``). It lists the recordings of a corpus and reads its annotation files:

``RATERS``
    Whether the release has the traces of individual raters. Without them there is an E to learn,
    but no sigma.
``rows(root)``
    Rows as recordings.csv has them (see :mod:`softaer.corpus`), with paths below ``root``. Read
    while the Snakefile is parsed: it imports nothing heavy.
``read_annotations(path, dimension)``
    One file as a table ``time`` [s], ``rater``, ``dimension``, ``value``. ``dimension`` is what the
    file rates where its path tells (``{dimension}`` in it), or the only one that is asked for.

Where scores on the same corpus have been published, one more puts them beside those of a run:

``PUBLISHED``
    Their table, a name in :data:`softaer.page.published.SHIPPED`. The report then tells what the
    release is by the first sentence of the module's docstring.

A layout of one's own is one more module here; nothing else has to know of it.
"""

import importlib
import pkgutil
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from softaer.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd


class Layout(Protocol):
    """What every layout offers; see above."""

    __doc__: str | None
    RATERS: bool

    def rows(self, root: Path) -> list[dict[str, str]]: ...

    def read_annotations(self, path: Path, dimension: str | None = None) -> "pd.DataFrame": ...


def names() -> list[str]:
    """Layouts that there are."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def layout(name: str) -> Layout:
    """The module of a layout.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in names():
        raise InputError(
            f"config key 'corpus.layout': found {name!r}; expected one of {names()}, or a module "
            f"of that name in {__path__[0]}"
        )
    module: Any = importlib.import_module(f"{__name__}.{name}")
    return module
