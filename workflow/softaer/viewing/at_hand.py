"""Media at hand: the pages of a run, and where the media of their recordings are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from softaer.comparison.finished import corpus_table
from softaer.core.errors import InputError
from softaer.core.places import (
    APPLIED_PAGE,
    EXPERIMENT,
    PREDICTED_TABLE,
    PREDICTIONS,
    REPORT,
    RESULTS,
    within,
)
from softaer.corpus import Recording, read_recordings
from softaer.viewing.server import Page

SHOWN = 5
"""Recordings without media that are named one by one."""


def pages(folder: Path, others: Sequence[Path] = ()) -> tuple[dict[str, Page], dict[str, Any]]:
    """Pages of a run or of ``softaer predict``, with the media of their recordings.

    Parameters
    ----------
    folder
        Folder of a run, of its results, or of predictions.
    others
        Folders in which files are looked for by their names, where they are not at their paths.

    Returns
    -------
    pages, config
        By name, and the configuration of the run.

    Raises
    ------
    InputError
        If there is no page, or the run does not say what it was made with.
    """
    if (folder / PREDICTIONS).is_file():
        page = page_of(folder / PREDICTIONS, folder / PREDICTED_TABLE, others)
        return {"predictions": page}, {}
    results = folder / RESULTS if (folder / RESULTS).is_dir() else folder
    record, report, applied = (within(results, one) for one in (EXPERIMENT, REPORT, APPLIED_PAGE))
    if not (report.is_file() or applied.is_file()):
        raise InputError(f"{folder}: no {REPORT}; expected the folder of a run that has ended")
    if not record.is_file():
        raise InputError(f"{folder}: no {record}, which says where the media are; expected one")
    config = yaml.safe_load(record.read_text(encoding="utf-8"))["configuration"]
    found = {}
    table = corpus_table(config, results)
    if report.is_file():
        found["report"] = page_of(report, table, others)
    if applied.is_file():
        own = config["apply"]["recordings"]
        found["apply"] = page_of(applied, results.parent / own if own else table, others)
    return found, config


def that_can_be_served(found: Mapping[str, Page]) -> tuple[dict[str, Page], list[InputError]]:
    """Pages with an explorer, and why the others have none.

    Raises
    ------
    InputError
        If no page has one.
    """
    served, refused = {}, []
    for name, page in found.items():
        try:
            page.text(name)
        except InputError as error:
            refused.append(error)
        else:
            served[name] = page
    if not served:
        raise refused[0]
    return served, refused


def page_of(path: Path, table: Path, others: Sequence[Path] = ()) -> Page:
    """A page, with the media of the recordings of a table.

    Parameters
    ----------
    path
        The page.
    table
        Of its recordings; without the file, no media are shown.
    others
        See :func:`pages`.
    """
    if not table.is_file():
        return Page(path, {}, {"": f"no {table}, the table of the recordings"})
    here, absent = at_hand(read_recordings(table), others)
    return Page(path, here, absent)


def at_hand(
    recordings: Iterable[Recording], others: Sequence[Path] = ()
) -> tuple[dict[str, Recording], dict[str, str]]:
    """Recordings with all their files, and why others lack theirs.

    Parameters
    ----------
    recordings
        Of a table, with its paths.
    others
        See :func:`pages`.
    """
    here, absent = {}, {}
    for recording in recordings:
        files = {kind: getattr(recording, kind) for kind in ("audio", "video")}
        found = {kind: _find(path, others) for kind, path in files.items() if path is not None}
        lacking = [files[kind] for kind, place in found.items() if place is None]
        if lacking:
            absent[recording.recording] = f"no file {lacking[0]}" + "".join(
                f", nor one of its name in {folder}" for folder in others
            )
        elif not found:
            absent[recording.recording] = "the table names no media of it"
        else:
            here[recording.recording] = replace(
                recording, audio=found.get("audio"), video=found.get("video")
            )
    return here, absent


def _find(path: str, others: Sequence[Path]) -> str | None:
    """Where a file is: at its path, or by its name in one of some folders."""
    places = [Path(path), *(folder / Path(path).name for folder in others)]
    return next((str(place) for place in places if place.is_file()), None)


def told(name: str, page: Page) -> list[str]:
    """What a person should know about the media of a page, in lines."""
    count = len(page.recordings) + len([key for key in page.absent if key])
    lines = [f"{name}: media of {len(page.recordings)} of {count} recordings"]
    lines += [f"  {key or 'no media'}: {why}" for key, why in list(page.absent.items())[:SHOWN]]
    if len(page.absent) > SHOWN:
        lines.append(f"  and {len(page.absent) - SHOWN} more")
    return lines
