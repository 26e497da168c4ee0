"""Who is in which recording, as far as the names of files and folders tell.

Nothing here is sure. A proposal comes with its rule, and :func:`doubts` says where a person may
stand in the names of several proposed subjects.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from softaer.core.errors import InputError

KINDS = frozenset({"audio", "faces", "media", "pictures", "sound", "speech", "video", "videos"})
"""Folders that say what is in a file, and not who."""

PERSONS = (
    *("actor", "child", "participant", "pat", "patient", "person", "pp", "ppt", "proband"),
    *("sbj", "speaker", "spk", "sub", "subj", "subject", "suj", "user", "vp", "vpn"),
)
"""What numbers of persons begin with."""

INITIALS = ("p", "s")
"""Numbers that begin with these may be of persons; or of parts and sessions."""

SESSIONS = (
    *("block", "cam", "camera", "clip", "cond", "condition", "day", "exp", "experiment", "mic"),
    *("phase", "rec", "recording", "round", "run", "scene", "ses", "sess", "session", "t", "take"),
    *("tape", "task", "trial", "vid", "video", "visit", "wave", "week"),
    *("audio", "dsc", "dscn", "file", "gopr", "gx", "img", "mov", "mvi", "pxl", "zoom"),
)
"""What numbers of sessions, takes and devices begin with."""

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
"""Emotions, conditions, views and tasks: with or without a number, no person."""

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
"""What numbers of several persons begin with."""

PARTITIONS = frozenset({"train", "dev", "devel", "development", "val", "valid", "validation"})
PARTITIONS |= {"test", "eval"}
"""Parts of a name that are a partition, not a person."""

NEARLY_ALL = 0.8
"""A part of names in so many of the recordings tells no person from another."""

_NUMBERED = re.compile(r"(?<![^\W\d_])([^\W\d_]+)[-_ ]?(\d+)")
_DATE = re.compile(r"(19|20)\d\d[-_.]?(0[1-9]|1[0-2])[-_.]?(0[1-9]|[12]\d|3[01])", re.ASCII)
_SESSION = re.compile(
    # Session1a is a part of one; Ses01F is who speaks in it.
    rf"({'|'.join((*SESSIONS, *CONDITIONS))})s?([-_ ]?\d+[a-e]?)?",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(19|20)\d\d", re.ASCII)
_MEASURE = re.compile(r"(?i)\d{3,4}[pi]\d*|\d+(fps|k?hz|s|sec|min|st|nd|rd|th)")
_HASH = re.compile(r"(?i)[0-9a-f]{8,}")
_CAPITAL = re.compile(r"[^\W\d_]*?[^\W\d_A-Z](?=[A-Z])")


def composed(path: Path) -> Path:
    """A path whose letters and accents are one character each (NFC), however a system wrote it."""
    return Path(unicodedata.normalize("NFC", str(path)))


def name_of(path: Path) -> str:
    """A recording's name from its file's: letters, digits, ``_``, ``-`` and ``.``.

    Examples
    --------
    >>> name_of(Path("video/P 01 (take 2).mp4"))
    'P_01_take_2'
    """
    stem = unicodedata.normalize("NFC", path.stem)
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", stem).strip("_.-")[:100] or "recording"


def propose_subjects(paths: Sequence[Path]) -> tuple[list[str], str]:
    """Who is seen and heard in some files, and by what rule.

    1. A number that is a person's by what it begins with, such as ``subject03`` or ``sub-01``.
    2. The first folder or part of a name (parts end at ``_``, ``-``, ``.`` or a blank) in which
       files differ, if some have it in common; folders also without.
    3. If that looks like a session, a date, a take or a condition: a number that may be a person's,
       such as ``P05``, or else the next part in which files differ.
    4. Each file by itself.

    Accents count as they look, in whichever of their two encodings (NFC).

    Parameters
    ----------
    paths
        Of the files, below the corpus's folder.

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
        return numbers, f"the number of a person in each path, such as {numbers[0]!r}"
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
                    f"the number that may be a person's in each path, such as {numbers[0]!r}, "
                    f"since {rule} looks like a session's or a condition's ({values[0]!r})"
                )
            session = session or (
                values,
                f"{rule}, though it looks like a session's or a condition's",
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
    return names, "each file by itself"


def from_pattern(pattern: str, option: str, names: Sequence[Sequence[str]]) -> list[str | None]:
    """What a regular expression finds in the paths of each recording's files.

    Parameters
    ----------
    pattern
        Searched in each path. Of its groups the first that takes part is what is found; without
        groups it is all that matches.
    option
        That gives the pattern, for errors.
    names
        For each recording the paths of its files as text, below the folder, without endings.

    Returns
    -------
    What is found in each recording, ``None`` where nothing is.

    Raises
    ------
    InputError
        If it is no regular expression, finds nothing in all recordings, or finds two things in the
        two files of one.
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
            f"{option}: {pattern!r} is in no path, such as {names[0][0]!r}; expected it in some"
        )
    return values


def doubts(
    paths: Sequence[Path], subjects: Sequence[str], partition_of: Mapping[str, str]
) -> list[str]:
    """What speaks against proposed subjects: a part of names that may be a person, and is in two.

    Told are parts that are in files of two subjects or more, and in two partitions or more if some
    are proposed, if they

    * are another subject, not a number alone;
    * look like a person's number (:data:`PERSONS`, or ``P05``), also within a word (``P05a``,
      ``p5s1``), and the subjects do not;
    * are not in nearly all recordings, and the subjects look like sessions or conditions, or there
      are more parts of the kind (``P05``, ``P06``, ...) than subjects, which are no numbers such as
      1001. Numbers alone count if the subjects are numbers too, or if they have three digits or
      more and do not start at 1;
    * are not in nearly all recordings, and are a part of several subjects' names, or each recording
      is a subject by itself. That includes what words begin with (``anna1``, ``03a01``), if half of
      the recordings have one in common with others.

    Parts that look like sessions, dates, takes, devices, emotions, conditions or tasks are not. A
    zero in front of a number makes no other part of it.

    Parameters
    ----------
    paths, subjects
        Of each recording: a file below the folder, and who is proposed.
    partition_of
        Of each subject; empty if there are none.
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
            # Takes are counted from 1.
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
        more = f" ({len(suspects) - 1} more like it)" if len(suspects) > 1 else ""
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
    # By chance some names begin alike.
    if not lines and 2 * len(begun) >= len(paths):
        lines = beginnings
    for name, own in pairs:
        others = [other for other in own if _plain(other) != _plain(name)]
        if others:
            lines.append(
                f"subject {name!r} is also in the names of files of {_and(others)}; "
                "if both are in them, keep them together with --group"
            )
    return lines + _lookalikes(sorted(people))


def looks_like_session(part: str) -> bool:
    """Whether a part of a name is of a session, date, take, device or condition, not of a person.

    Examples
    --------
    >>> [looks_like_session(part) for part in ("sess1", "2024-01-31", "cam2", "happy", "pre")]
    [True, True, True, True, True]
    >>> [looks_like_session(part) for part in ("P05", "anna", "1001", "Ses01F")]
    [False, False, False, False]
    """
    return any(form.fullmatch(part) for form in (_SESSION, _DATE, _MEASURE))


def _looks_like_identity(part: str) -> bool:
    """A number of three digits or more; not a year or a date."""
    number = part.isdigit() and len(part) > 2
    return number and not (_YEAR.fullmatch(part) or _DATE.fullmatch(part))


def _looks_like_person(part: str) -> bool:
    number = _NUMBERED.fullmatch(part)
    return number is not None and number[1].lower() in (*PERSONS, "p")


def _mostly(holds: Callable[[str], bool], values: set[str]) -> bool:
    return 2 * sum(map(holds, values)) > len(values)


def _words(name: str) -> list[str]:
    """Parts of a name; a date is one."""
    name = re.sub(r"(?<!\d)((?:19|20)\d\d)[-_.](\d\d)[-_.](\d\d)(?!\d)", r"\1\2\3", name)
    name = re.sub(r"(?<!\d)(\d\d)[-_.](\d\d)[-_.]((?:19|20)\d\d)(?!\d)", r"\3\2\1", name)
    return [word for word in re.split(r"[\s_.,()+-]+", name) if word]


def _plain(part: str) -> str:
    """A part in lower case, with a number after letters as one counts: ``P01`` is ``p1``."""
    return re.sub(r"(?<=[^\W\d_])[-_ ]?0+(?=\d)", "", unicodedata.normalize("NFC", part).lower())


def _parts(path: Path) -> Iterator[tuple[str, bool]]:
    """Parts of a path, except folders that say what is in a file; and whether each is a word."""
    for name in [*path.parent.parts, path.stem]:
        words = [word for word in _words(name) if word.lower() not in KINDS | PARTITIONS]
        for word in words:
            yield word, True
            if not (looks_like_session(word) or _HASH.fullmatch(word)):
                yield from ((part, False) for part in _within(word))
        # A letter and a number that are kept apart: sub-01
        for match in _NUMBERED.finditer(name):
            if match[1] in words and match[1].lower() in PERSONS:
                yield match[0], True


def _within(word: str) -> Iterator[str]:
    """What a word begins with, and persons' numbers in it, where letters and digits meet.

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
    """``digits``, what a number begins with, or ``word``."""
    if part.isdigit():
        return "digits"
    number = _NUMBERED.fullmatch(part)
    return "word" if number is None else number[1]


def _numbers(paths: Sequence[Path], beginnings: Sequence[str]) -> list[str] | None:
    """The one number with such a beginning in each path; ``None`` if some have none or two."""
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
    """Folders and parts of names that all files have, from the left: values, what, if a folder."""
    for level in range(min(len(path.parent.parts) for path in paths)):
        folders = [path.parts[level] for path in paths]
        if KINDS & {folder.lower() for folder in folders}:
            continue
        if len(set(folders)) == len(folders):
            # One for each file: it may be named after person and take.
            split = [_words(folder) for folder in folders]
            first = [words[0] if words else "" for words in split]
            if 1 < len(set(first)) < len(first):
                yield first, "the beginning of a folder's name", False
        yield folders, "the first folder in which the files' paths differ", True
    split = [_words(path.stem) for path in paths]
    for place in range(min(map(len, split))):
        values = [words[place] for words in split]
        if place == 0:
            rule = "the beginning of a file's name, up to '_', '-', '.' or a blank"
        else:
            rule = f"part {place + 1} of a file's name, as '_', '-', '.' and blanks divide it"
        yield values, rule, False


def _lookalikes(subjects: Sequence[str]) -> list[str]:
    alike: dict[str, list[str]] = {}
    for subject in subjects:
        plain = re.sub(r"\d+", lambda digits: digits[0].lstrip("0") or "0", subject.lower())
        plain = re.sub(r"(?<=[^\W\d_])[\s_.-]+(?=\d)", "", plain)
        alike.setdefault(plain, []).append(subject)
    return [
        f"subjects {_and(same)} may be one: they differ in how they are written"
        for same in alike.values()
        if len(same) > 1
    ]


def _and(words: Sequence[str]) -> str:
    """Some words, the first few if there are many."""
    shown = [word if word in ("train", "dev", "test") else repr(word) for word in words[:4]]
    more = len(words) - len(shown)
    if more:
        return f"{', '.join(shown)} and {more} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), shown[-1]]))
