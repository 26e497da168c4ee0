"""Layouts: the files of corpora as they are delivered.

A layout is one module of this package, named in the configuration (``corpus: {layout: NAME, root:
PATH}``). It lists the recordings of a corpus and reads its annotation files:

``RATERS``
    Whether the release has the traces of individual raters. Without them, E can be learnt but not
    sigma.
``rows(root)``
    Rows in the form of recordings.csv (see :mod:`softaer.corpus`), with paths below ``root``. This
    is called when the Snakefile is parsed, so it imports nothing heavy.
``read_annotations(path, dimension)``
    One file as a table ``time`` [s], ``rater``, ``dimension``, ``value``. ``dimension`` is the
    dimension of the file if its path contains ``{dimension}``, or the only requested one.

``FORMS``, optional
    Whether annotation files may be of any form that :mod:`softaer.readers.forms` knows, and of one
    rater each. Then ``read_annotations`` is not used for experiments.

If scores on the same corpus have been published, one more attribute adds them to the report:

``PUBLISHED``
    Their table, a name in :data:`softaer.page.published.SHIPPED`. The report then describes the
    release by the first sentence of the module's docstring.

To add a layout, add a module here; no other change is needed.
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
    """Names of all layouts."""
    return sorted(m.name for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def layout(name: str) -> Layout:
    """The module of a layout.

    Raises
    ------
    InputError
        If there is no layout with that name.
    """
    if name not in names():
        raise InputError(
            f"config key 'corpus.layout': found {name!r}; expected one of {names()}, or a module "
            f"of that name in {__path__[0]}"
        )
    module: Any = importlib.import_module(f"{__name__}.{name}")
    return module
