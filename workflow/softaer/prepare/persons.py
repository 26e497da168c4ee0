"""Proposes the subject of each recording from the names of files and folders.

Nothing here is certain. A proposal states its rule, and :func:`doubts` reports where a person may
be in the names of several proposed subjects.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from softaer.core.errors import InputError

KINDS = frozenset({"audio", "faces", "media", "pictures", "sound", "speech", "video", "videos"})
"""Names of folders that describe a kind of file, not a person."""

PERSONS = (
    *("actor", "child", "participant", "pat", "patient", "person", "pp", "ppt", "proband"),
    *("sbj", "speaker", "spk", "sub", "subj", "subject", "suj", "user", "vp", "vpn"),
)
"""Words before the numbers of persons."""

INITIALS = ("p", "s")
"""Letters before numbers that may be those of persons, but also of parts and sessions."""

SESSIONS = (
    *("block", "cam", "camera", "clip", "cond", "condition", "day", "exp", "experiment", "mic"),
    *("phase", "rec", "recording", "round", "run", "scene", "ses", "sess", "session", "t", "take"),
    *("tape", "task", "trial", "vid", "video", "visit", "wave", "week"),
    *("audio", "dsc", "dscn", "file", "gopr", "gx", "img", "mov", "mvi", "pxl", "zoom"),
)
"""Words before the numbers of sessions, takes and devices."""

CONDITIONS = (
    *("amused", "amusement", "anger", "angry", "anxiety", "anxious", "bored", "boredom", "calm"),
    *("contempt", "content", "disgust", "disgusted", "excited", "excitement", "fear", "fearful"),
    *("frustrated", "frustration", "happiness", "happy", "joy", "joyful", "neutral", "pride"),
    *("relaxed", "relief", "sad", "sadness", "shame", "stress", "stressed", "surprise"),
    *("surprised", "ang", "dis", "exc", "fea", "fru", "hap", "neu", "sur"),
    *("angst", "ekel", "freude", "trauer", "wut"),
    *("after", "base", "baseline", "before", "control", "ctrl", "during", "follow-up", "followup"),
    *("intervention", "mid", "pilot", "placebo", "post", "practice", "pre", "rest", "resting"),
    *("treatment", "warmup", "cold", "easy", "hard", "hi", "high", "lo", "low", "md", "medium"),
    *("neg", "negative", "pos", "positive", "warm"),
    *("center", "close", "front", "frontal", "left", "right", "side"),
    *("conversation", "dialog", "dialogue", "game", "impro", "improvisation", "improvised"),
    *("interview", "monolog", "monologue", "read", "reading", "script", "scripted", "sentence"),
    *("sing", "song", "speech", "spontaneous", "story", "talk"),
)
"""Emotions, conditions, views and tasks; with or without a number, they are not persons."""

TOGETHER = (
    "class",
    "cohort",
    "couple",
    "dyad",
    "group",
    "grp",
    "lab",
    "pair",
    "site",
    "study",
    "team",
)
"""Words before the numbers of groups of people."""

PARTITIONS = frozenset({"train", "dev", "devel", "development", "val", "valid", "validation"})
PARTITIONS |= {"test", "eval"}
"""Parts of a name that are partitions, not persons."""

NEARLY_ALL = 0.8
"""A part in the names of more than this share of the recordings does not distinguish persons."""

_NUMBERED = re.compile(r"(?<![^\W\d_])([^\W\d_]+)[-_ ]?(\d+)")
_DATE = re.compile(r"(19|20)\d\d[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])", re.ASCII)
_SESSION = re.compile(
    # Session1a is a part of a session; Ses01F is a speaker in it.
    rf"({'|'.join((*SESSIONS, *CONDITIONS))})s?([-_ ]?\d+[a-e]?)?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(19|20)\d\d", re.ASCII)
_MEASURE = re.compile(r"(?i)\d{3,4}[pi]\d*|\d+(fps|k?hz|s|sec|min|st|nd|rd|th)")
_HASH = re.compile(r"(?i)[0-9a-f]{8,}")
_CAPITAL = re.compile(r"[^\W\d_]*?[^\W\d_A-Z](?=[A-Z])")


def composed(path: Path) -> Path:
    """A path in the composed form of Unicode (NFC), whichever form the system uses."""
    return Path(unicodedata.normalize("NFC", str(path)))


def name_of(path: Path) -> str:
    """Name of a recording from that of its file: letters, digits, ``_``, ``-`` and ``.``.

    Examples
    --------
    >>> name_of(Path("video/P 01 (take 2).mp4"))
    'P_01_take_2'
    """
    stem = unicodedata.normalize("NFC", path.stem)
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", stem).strip("_.-")[:100] or "recording"


def propose_subjects(paths: Sequence[Path]) -> tuple[list[str], str]:
    """Subject of each file, and the rule that was used.

    1. A number after a word for a person, such as ``subject03`` or ``sub-01``.
    2. The first folder or part of a name (parts end at ``_``, ``-``, ``.`` or a blank) in which
       files differ. Some files must share it, unless it is a folder.
    3. If that looks like a session, a date, a take or a condition: a number that may be a person's,
       such as ``P05``, or else the next part in which files differ.
    4. One subject per file.

    The two encodings of accented letters in Unicode are equivalent.

    Parameters
    ----------
    paths
        Paths of the files below the corpus's folder.

    Examples
    --------
    >>> propose_subjects([Path("a_1.wav"), Path("a_2.wav"), Path("b_1.wav")])[0]
    ['a', 'a', 'b']
    >>> propose_subjects([Path("P1/s1/x.wav"), Path("P1/s2/x.wav"), Path("P2/s1/x.wav")])[0]
    ['P1', 'P1', 'P2']
    >>> propose_subjects([Path("sess1_P05.wav"), Path("sess2_P05.wav"), Path("sess1_P06.wav")])[0]
    ['P05', 'P05', 'P06']
    >>> propose_subjects([Path("anna.wav"), Path("ben.wav")])[0]
    ['anna', 'ben']
    """
    paths = [composed(path) for path in paths]
    numbers = _numbers(paths, PERSONS)
    if numbers is not None:
        return numbers, f"the person's number in each path, such as {numbers[0]!r}"
    session: tuple[list[str], str] | None = None
    for values, rule, is_folder in _places(paths):
        distinct = set(values)
        if len(distinct) == 1:
            continue
        if any(value.lower() in PARTITIONS for value in distinct):
            break  # numbers start again in each partition
        # The time of day follows the date.
        dated = session is not None and all(map(_DATE.fullmatch, session[0]))
        clock = dated and all(re.fullmatch(r"\d{4}|\d{6}", value) for value in distinct)
        if _mostly(looks_like_session, distinct) or clock:
            numbers = _numbers(paths, INITIALS)
            if numbers is not None:
                return numbers, (
                    f"a number in each path that may be a person's, such as {numbers[0]!r}, "
                    f"because {rule} looks like a session or a condition ({values[0]!r})"
                )
            session = session or (
                values,
                f"{rule}, although it looks like a session or a condition",
            )
        elif len(distinct) == len(paths) and not is_folder:
            break
        elif session is None or not _mostly(lambda value: len(value) < 2, distinct):
            return values, rule
    if session is not None and len(set(session[0])) < len(paths):
        return session
    names = [name_of(path) for path in paths]
    if len(set(names)) < len(names):
        names = ["_".join(path.with_suffix("").parts) for path in paths]
    return names, "one subject per file"


def from_pattern(pattern: str, option: str, names: Sequence[Sequence[str]]) -> list[str | None]:
    """Match of a regular expression in the paths of each recording's files.

    Parameters
    ----------
    pattern
        Searched in each path. The result is the first group that takes part in the match, or the
        whole match if the pattern has no groups.
    option
        Option that sets the pattern, for errors.
    names
        For each recording the paths of its files as text, below the folder, without extensions.

    Returns
    -------
    The match of each recording; ``None`` if there is none.

    Raises
    ------
    InputError
        If it is not a regular expression, matches nothing in any recording, or has different
        matches in the two files of a recording.
    """
    try:
        compiled = re.compile(unicodedata.normalize("NFC", pattern))
    except re.error as error:
        raise InputError(
            f"{option}: found {pattern!r}; expected a regular expression: {error}"
        ) from error
    values: list[str | None] = []
    for files in names:
        found = {}
        for name in files:
            match = compiled.search(unicodedata.normalize("NFC", name))
            groups = () if match is None else (match.groups() or (match[0],))
            value = next(filter(None, groups), "").strip()
            if value:
                found[value] = name
        if len(found) > 1:
            raise InputError(
                f"{option}: {pattern!r} finds {list(found)} in {list(found.values())}, two files "
                "of one recording; expected the same in both"
            )
        values.append(next(iter(found), None))
    if not any(values):
        raise InputError(
            f"{option}: {pattern!r} matches no path, such as {names[0][0]!r}; expected a match in "
            "some of them"
        )
    return values


def doubts(
    paths: Sequence[Path], subjects: Sequence[str], partition_of: Mapping[str, str]
) -> list[str]:
    """Evidence against proposed subjects: parts of names that may be a person in several of them.

    A part is reported if it occurs in the files of several subjects (and in several partitions, if
    partitions are proposed) and

    * it is another subject, and not just a number;
    * or it looks like a person's number (:data:`PERSONS`, or ``P05``), also within a word
      (``P05a``, ``p5s1``), and the subjects do not;
    * or it is not in nearly all recordings, and the subjects look like sessions or conditions, or
      there are more parts of its kind (``P05``, ``P06``, ...) than subjects, which are not numbers
      such as 1001. Plain numbers count if the subjects are numbers too, or if they have three or
      more digits and do not start at 1;
    * or it is not in nearly all recordings, and is a part of several subjects' names, or each
      recording is its own subject. This includes beginnings of words (``anna1``, ``03a01``) if half
      of the recordings share one with others.

    Parts that look like sessions, dates, takes, devices, emotions, conditions or tasks are not
    reported. Leading zeros of a number are ignored.

    Parameters
    ----------
    paths, subjects
        For each recording a file below the folder, and the proposed subject.
    partition_of
        Partition of each subject; empty if there are none.

    Returns
    -------
    One line per doubt.
    """
    where: dict[str, dict[int, None]] = {}
    spelled: dict[str, dict[str, None]] = {}
    whole: set[str] = set()
    for place, path in enumerate(map(composed, paths)):
        for part, is_word in _parts(path):
            spelled.setdefault(_plain(part), {})[part] = None
            where.setdefault(_plain(part), {})[place] = None
            whole |= {_plain(part)} if is_word else set()
    people = set(subjects)
    names = {_plain(subject) for subject in people}
    sessions = _mostly(looks_like_session, people)
    persons = _mostly(_looks_like_person, people)
    numbered = _mostly(str.isdigit, people)
    identities = _mostly(_looks_like_identity, people)
    alone = len(people) == len(paths)
    of_subjects = {_plain(part) for who in people for part, _ in _parts(Path(f"{who}."))}
    kinds: dict[str, list[str]] = {}
    for part in where:
        kinds.setdefault(_kind(part), []).append(part)
    lines, beginnings, pairs = [], [], []
    begun: set[int] = set()
    for kind, parts in kinds.items():
        recurring = []
        for part in parts:
            own = list(dict.fromkeys(subjects[place] for place in where[part]))
            partitions = [p for p in ("train", "dev", "test") if p in map(partition_of.get, own)]
            if len(own) > 1 and (not partition_of or len(partitions) > 1):
                recurring.append((part, own, partitions))
        many = len(recurring) > len(people) and not persons and not identities
        if kind == "digits" and many and not numbered:
            # Takes are numbered from 1.
            numbers = [part for part, _, _ in recurring]
            many = all(map(_looks_like_identity, numbers)) and min(map(int, numbers)) > 1
        suspects = []
        for part, own, partitions in recurring:
            common = len(where[part]) > NEARLY_ALL * len(paths)
            if part in names and not part.isdigit():
                pairs.append((next(iter(spelled[part])), own))
                continue
            by_kind = not persons and kind in (*PERSONS, "p")
            by_crossing = part in whole and not common and (sessions or many)
            own_name = not persons and (alone or part in of_subjects)
            by_beginning = own_name and not common and len(part) > 1
            known = looks_like_session(part) or kind in TOGETHER
            if not known and (by_kind or by_crossing or by_beginning):
                suspects.append((part, own, partitions))
        if not suspects:
            continue
        first, own, partitions = suspects[0]
        more = f" ({len(suspects) - 1} more parts of this kind)" if len(suspects) > 1 else ""
        number = kind not in ("word", "digits")
        letters = {spelling.rstrip("0123456789") for spelling in spelled[first]}
        any_case = "(?i)" if len(letters) > 1 else ""
        pattern = rf"'{any_case}{min(letters)}\d+'" if number else "and a pattern for it"
        line = (
            f"part {' or '.join(map(repr, spelled[first]))} of the names is in "
            f"{_and(partitions or own)}{more}; if it is the person, run again with "
            f"--subject {pattern}"
        )
        if kind in (*PERSONS, "p") or first in whole:
            lines.append(line)
        else:
            beginnings.append(line)
            begun |= {place for part, _, _ in suspects for place in where[part]}
    # A few names begin alike by chance.
    if not lines and 2 * len(begun) >= len(paths):
        lines = beginnings
    for name, own in pairs:
        others = [other for other in own if _plain(other) != _plain(name)]
        if others:
            lines.append(
                f"subject {name!r} is also in file names of {_and(others)}; "
                "if these recordings show both people, keep them together with --group"
            )
    return lines + _lookalikes(sorted(people))


def looks_like_session(part: str) -> bool:
    """Whether a part of a name is a session, date, take, device or condition, not a person.

    Examples
    --------
    >>> [looks_like_session(part) for part in ("sess1", "2024-01-31", "cam2", "happy", "pre")]
    [True, True, True, True, True]
    >>> [looks_like_session(part) for part in ("P05", "anna", "1001", "Ses01F")]
    [False, False, False, False]
    """
    return any(form.fullmatch(part) for form in (_SESSION, _DATE, _MEASURE))


def _looks_like_identity(part: str) -> bool:
    """Whether a part is a number of three or more digits, but not a year or a date."""
    number = part.isdigit() and len(part) > 2
    return number and not (_YEAR.fullmatch(part) or _DATE.fullmatch(part))


def _looks_like_person(part: str) -> bool:
    number = _NUMBERED.fullmatch(part)
    return number is not None and number[1].lower() in (*PERSONS, "p")


def _mostly(holds: Callable[[str], bool], values: set[str]) -> bool:
    return 2 * sum(map(holds, values)) > len(values)


def _words(name: str) -> list[str]:
    """Parts of a name; a date is one part."""
    name = re.sub(r"(?<!\d)((?:19|20)\d\d)[-_.](\d\d)[-_.](\d\d)(?!\d)", r"\1\2\3", name)
    name = re.sub(r"(?<!\d)(\d\d)[-_.](\d\d)[-_.]((?:19|20)\d\d)(?!\d)", r"\3\2\1", name)
    return [word for word in re.split(r"[\s_.,()+-]+", name) if word]


def _plain(part: str) -> str:
    """A part in lower case, without zeros between letters and a number: ``P01`` is ``p1``."""
    return re.sub(r"(?<=[^\W\d_])[-_ ]?0+(?=\d)", "", unicodedata.normalize("NFC", part).lower())


def _parts(path: Path) -> Iterator[tuple[str, bool]]:
    """Parts of a path, without :data:`KINDS` and :data:`PARTITIONS`; and whether each is a word."""
    for name in [*path.parent.parts, path.stem]:
        words = [word for word in _words(name) if word.lower() not in KINDS | PARTITIONS]
        for word in words:
            yield word, True
            if not (looks_like_session(word) or _HASH.fullmatch(word)):
                yield from ((part, False) for part in _within(word))
        # A word and its number with a separator in between: sub-01
        for match in _NUMBERED.finditer(name):
            if match[1] in words and match[1].lower() in PERSONS:
                yield match[0], True


def _within(word: str) -> Iterator[str]:
    """Beginning of a word and persons' numbers in it, split where letters and digits meet.

    Examples
    --------
    >>> [list(_within(word)) for word in ("P01", "s01p05", "03a01Fa", "anna1", "AnnaTalk")]
    [[], ['s01', 'p05'], ['03'], ['anna'], ['Anna']]
    """
    persons = [m[0] for m in _NUMBERED.finditer(word) if m[1].lower() in (*PERSONS, "p")]
    letters_digits = re.match(r"[^\W\d_]+\d+(?=[^\W\d_])", word)
    letters = re.match(r"[^\W\d_]+(?=\d)", word)
    first = letters_digits or re.match(r"\d+", word) or letters or _CAPITAL.match(word)
    if first and len(first[0]) > 1 and first[0].lower() not in PERSONS:
        persons.insert(0, first[0])
    yield from dict.fromkeys(part for part in persons if part != word)


def _kind(part: str) -> str:
    """``digits`` for a number, the letters before a number, or ``word``."""
    if part.isdigit():
        return "digits"
    number = _NUMBERED.fullmatch(part)
    return "word" if number is None else number[1]


def _numbers(paths: Sequence[Path], beginnings: Sequence[str]) -> list[str] | None:
    """The only number after such a word in each path; ``None`` if some have none or two."""
    for beginning in beginnings:
        values: list[str] = []
        for path in paths:
            found: dict[str, str] = {}
            for name in [*path.parent.parts, path.stem]:
                for match in _NUMBERED.finditer(name):
                    if match[1].lower() == beginning:
                        found.setdefault(match[0].lower(), match[0])
            if len(found) != 1:
                break
            values += found.values()
        if len(values) == len(paths):
            return values
    return None


def _places(paths: Sequence[Path]) -> Iterator[tuple[list[str], str, bool]]:
    """Folders and parts of all names, from the left: values, rule, and whether it is a folder."""
    for level in range(min(len(path.parent.parts) for path in paths)):
        folders = [path.parts[level] for path in paths]
        if KINDS & {folder.lower() for folder in folders}:
            continue
        if len(set(folders)) == len(folders):
            # One folder per file may be named after person and take.
            split = [_words(folder) for folder in folders]
            first = [words[0] if words else "" for words in split]
            if 1 < len(set(first)) < len(first):
                yield first, "the beginning of the folder's name", False
        yield folders, "the first folder in which the paths differ", True
    split = [_words(path.stem) for path in paths]
    for place in range(min(map(len, split))):
        values = [words[place] for words in split]
        if place == 0:
            rule = "the beginning of the file's name, up to '_', '-', '.' or a blank"
        else:
            rule = f"part {place + 1} of the file's name, split at '_', '-', '.' and blanks"
        yield values, rule, False


def _lookalikes(subjects: Sequence[str]) -> list[str]:
    alike: dict[str, list[str]] = {}
    for subject in subjects:
        plain = re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", subject.lower())
        plain = re.sub(r"(?<=[^\W\d_])[\s_.-]+(?=\d)", "", plain)
        alike.setdefault(plain, []).append(subject)
    return [
        f"subjects {_and(same)} may be the same person: only the spelling differs"
        for same in alike.values()
        if len(same) > 1
    ]


def _and(words: Sequence[str]) -> str:
    """Words joined by "and"; only the first few if there are many."""
    shown = [word if word in ("train", "dev", "test") else repr(word) for word in words[:4]]
    more = len(words) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
