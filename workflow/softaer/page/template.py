"""Templates of the pages: the report, and the comparison of experiments.

A page is one file that needs nothing else. Style, cells and tables are shared.
"""

import json
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from markupsafe import Markup

from softaer.core.home import TEMPLATE

ALONE = Markup(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:"
)
"""Policy of a page with a script: it asks nobody for anything."""

NO_MEDIA = Markup('<script type="application/json" id="explorer-media">null</script>')
"""Element of such a page that :mod:`softaer.viewing` fills in when it serves the page."""


def render(template: Path, **content: Any) -> str:
    """Fill in a template of the folder of pages, or one of one's own.

    Parameters
    ----------
    template
        The file. It may include the parts that lie beside :data:`softaer.core.home.TEMPLATE`.
    content
        Its variables; one that is missing is an error. Text is escaped.
    """
    environment = jinja2.Environment(
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        loader=jinja2.FileSystemLoader(TEMPLATE.parent),
    )
    page = environment.from_string(template.read_text(encoding="utf-8"))
    return page.render(policy=ALONE, no_media=NO_MEDIA, **content)


def as_rows(frame: pd.DataFrame) -> dict[str, list]:
    """A table as ``header`` and ``rows`` for a template, NaN as ``None``."""
    return {
        "header": list(frame.columns),
        "rows": frame.astype(object).where(frame.notna(), None).to_numpy().tolist(),
    }


def in_page(content: dict) -> Markup:
    """JSON whose content cannot end the HTML element that contains it."""
    text = json.dumps(content, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))
