"""Sections of the report: their titles, and which of them a page has."""

from collections.abc import Iterable, Mapping

from softaer.core.experiment import ReportSection

TITLES: dict[ReportSection, str] = {
    "scores": "Scores",
    "claims": "Claims",
    "traces": "Traces",
    "pairs": "Pairs of frames",
    "uncertainty": "Uncertainty",
    "raters": "Raters",
    "data": "Data",
    "curves": "Learning curves",
    "selection": "Selection",
    "postprocessing": "Post-processing",
    "fusion": "Late fusion",
    "run-times": "Run times",
    "configuration": "Configuration",
    "versions": "Versions",
}
"""Titles in the navigation, in the order of the page."""


def on_page(without: Iterable[str], filled: Mapping[str, bool]) -> dict[str, str]:
    """Sections of a page with their titles.

    Parameters
    ----------
    without
        Sections that are switched off.
    filled
        Whether there is anything to say, for sections that may have nothing.

    Examples
    --------
    >>> list(on_page(["claims", "traces"], {"pairs": False}))[:3]
    ['scores', 'uncertainty', 'raters']
    """
    left_out = {*without, *(name for name, there in filled.items() if not there)}
    return {name: title for name, title in TITLES.items() if name not in left_out}
