"""Names of columns in tables of ratings that people and their scripts write."""

from collections.abc import Sequence

from softaer.readers.raters import DIMENSIONS, plain
from softaer.readers.traces import Request

TIME = frozenset([
    "time", "times", "timesec", "timesecs", "timesecond", "timeseconds", "timeins", "timeinsec",
    "timeinseconds", "second", "seconds", "sec", "secs", "timestamp", "timestamps", "timestamps",
    "timestampsec", "timestampseconds", "mediatimes", "videotimes", "ms", "msec", "millisecond",
    "milliseconds", "timems", "timemsec", "timemillisecond", "timemilliseconds", "timeinms",
    "timestampms", "videotimems", "mediatimems",
    "zeit", "zeits", "zeitsek", "zeitsekunden", "sekunde", "sekunden", "zeitms", "temps", "tempss",
    "tiempo", "tiempos", "tempo", "tempos",
])  # fmt: skip
"""Times of a sample, in lower case, letters and digits only."""

START = frozenset(["start", "begin", "onset", "from", "starttime", "starts", "startsec", "startms",
                   "starttimes", "begins", "xmin", "tmin"])  # fmt: skip
END = frozenset(["end", "stop", "offset", "to", "endtime", "ends", "endsec", "endms", "endtimes",
                 "xmax", "tmax"])  # fmt: skip
"""Start and end of a segment."""

RATER = frozenset(["rater", "raterid", "annotator", "annotatorid", "participant", "participantid",
                   "worker", "workerid", "coder", "coderid", "observer", "observerid", "judge",
                   "listener", "listenerid"])  # fmt: skip
"""The rater of a row."""

RECORDING = frozenset(["recording", "clip", "clipid", "clipname", "video", "videoid", "videoname",
                       "file", "fileid", "filename", "media", "mediafile", "stimulus", "stimulusid",
                       "song", "songid", "audio", "audiofile", "wav", "wavfile", "session"]
                      )  # fmt: skip
"""The recording of a row."""

DIMENSION = frozenset(["dimension", "dim", "scale", "construct", "attribute"])
"""The dimension of a row."""

VALUE = frozenset(["value", "values", "rating", "ratings", "score", "vote", "label"])
"""The rating of a row."""

ROLES = {
    "time": TIME,
    "start": START,
    "end": END,
    "rater": RATER,
    "recording": RECORDING,
    "dimension": DIMENSION,
    "value": VALUE,
}


def roles(names: Sequence[str]) -> dict[str, int]:
    """Places of the columns whose role is known by their names; the first of each role.

    Examples
    --------
    >>> roles(["Clip", "Rater", "Second", "Rating"])
    {'recording': 0, 'rater': 1, 'time': 2, 'value': 3}
    """
    found: dict[str, int] = {}
    for place, name in enumerate(names):
        for role, known in ROLES.items():
            if plain(name) in known and role not in found:
                found[role] = place
    return found


def dimension_columns(names: Sequence[str], taken: Sequence[int], request: Request) -> list[int]:
    """Places of the columns that are named after dimensions: requested ones, or common ones."""
    rest = [place for place in range(len(names)) if place not in taken]
    asked = [p for p in rest if request.dimension_named(names[p]) in request.dimensions]
    return asked or [p for p in rest if plain(names[p]) in DIMENSIONS]
