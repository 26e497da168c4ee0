"""ANVIL (Kipp, 2001): segments of a track, with attributes, in XML.

A track or an attribute named after a dimension has the ratings; its values are numbers. The file's
annotator, or the rest of the track's name, is the rater.
"""

from softaer.core.errors import InputError
from softaer.readers.cells import Head
from softaer.readers.markup import parse
from softaer.readers.tools.elan import Segment, of_tiers
from softaer.readers.traces import Request, Traces


def recognises(head: Head) -> bool:
    """Whether the file is XML with ``annotation``, ``body`` and ``track``."""
    return "<annotation" in head.text[:2000] and "<track" in head.text and "<body" in head.text


def read(request: Request) -> Traces:
    """Segments of the tracks that are named after dimensions.

    Raises
    ------
    InputError
        If the file is not such XML, or a value is not a number; names track and time.
    """
    root = parse(request.path)
    body = root.find("body")
    if body is None:
        raise InputError(f"{request.path}: found <{root.tag}>; expected <annotation> with <body>")
    tiers: dict[tuple[str, str], list[Segment]] = {}
    for track in body.iter("track"):
        name = track.get("name") or ""
        for element in track.iter("el"):
            start, end = element.get("start"), element.get("end")
            for attribute in element.iter("attribute"):
                # A track of an attribute "value" is named by the track alone.
                inner = attribute.get("name") or ""
                whole = name if inner.casefold() in ("value", "rating") else f"{name}.{inner}"
                segment = (start or "", end or "", attribute.text or "")
                tiers.setdefault((whole, ""), []).append(segment)
    return of_tiers(tiers, request)
