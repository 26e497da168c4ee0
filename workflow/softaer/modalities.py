"""Modalities: the kinds of sources that features come from, and the modalities of an experiment.

A modality has a name and a source. The source says which stages make its features, which settings
they take, which column of recordings.csv they read, and what a frame with features is said to have.
:data:`SOURCES` is the registry; rules, the packed model, ``check`` and the report take everything
from it. To add a source, add its line there.

A source of one's own is a module with an attribute ``SOURCE``, see :class:`Source`. The
configuration names its file (``source: loudness.py``), or the name of an entry point of the group
``softaer.modalities``.

This module is imported when the Snakefile is parsed, so it imports nothing heavy.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from annotated_types import MinLen, Predicate

from softaer.core.errors import InputError
from softaer.core.experiment import (
    Audio,
    FaceFeatures,
    FeatureTable,
    Speech,
    TableFeatures,
    Tracking,
    Video,
)
from softaer.core.fields import EACH_ONCE, Section, expected, found, read, types
from softaer.core.own_code import module_of
from softaer.core.tasks import FACE, JOIN, SPEECH

if TYPE_CHECKING:
    import pandas as pd

Settings = TypeVar("Settings", bound=Section)

GROUP = "softaer.modalities"
"""Entry points of packages that bring sources."""

RECORDING = "{recording}"
"""Stands for the name of a recording in the path of a table."""


def names_a_recording(path: str) -> bool:
    """Whether a path has ``{recording}``, and no other braces."""
    return RECORDING in path and not set("{}") & set(path.replace(RECORDING, ""))


@dataclass(frozen=True)
class Files(Section):
    """One file per recording."""

    files: Annotated[
        str, Predicate(names_a_recording), "a path with {recording} for a recording's name"
    ]
    """path of the tables; {recording} stands for the name of a recording"""


@dataclass(frozen=True)
class Table(TableFeatures, FeatureTable, Files):
    """Feature tables of one's own, one file per recording."""


@dataclass(frozen=True)
class Concatenation(Section):
    """Features of other modalities side by side."""

    of: Annotated[
        tuple[Annotated[str, MinLen(1), "names of modalities"], ...], MinLen(2), EACH_ONCE
    ]
    """names of modalities whose features are put side by side (early fusion)"""


@dataclass(frozen=True)
class Source:
    """A kind of source.

    A source of one's own gives only ``name``, ``settings``, ``column``, ``features`` and ``read``.
    Its rows are brought to the grid by the stage ``table_features``.

    Attributes
    ----------
    name
        The value of the key ``source``.
    settings
        Its keys: a dataclass that is a :class:`softaer.core.fields.Section`. That of a source of
        one's own is a subclass of :class:`softaer.core.experiment.TableFeatures`.
    column
        Column of recordings.csv with the file that is read: ``audio`` or ``video``; None if
        nothing of a recording's media is read.
    features
        Names of the features with some settings; only of a source of one's own.
    read
        Rows of one recording: ``read(path, settings, choice, account)``, with the file, the
        settings as a dataclass, the subject's stream (:class:`softaer.signals.media.Choice`) and
        an :class:`softaer.signals.media.Account`, to whose ``notes`` oddities are added. Returns a
        pandas table with ``time`` [s], optionally ``start`` and ``end`` [s], and the features.
        Heavy packages are imported within it. Only of a source of one's own.
    unit
        What a frame with features has, in words.
    first
        Stage that opens the user's files; None if there is none.
    folder
        Folder of its results, with ``{name}`` for the modality's.
    last
        Stage that makes the features.
    evidence
        Column that says how much of it there is in a frame, see :mod:`softaer.signals.evidence`;
        None without.
    of_sound, packages
        Only of a built-in source whose rows are brought to the grid by ``table_features``: module
        and function that makes them of a recording's sound, in place of ``read``, and packages that
        it needs.
    cached
        Whether its stages are shared between experiments with Snakemake's cache.
    only
        The one modality that can have this source; None if any can.
    places
        Keys that say where files are, and nothing of the features.
    """

    name: str
    settings: type[Section]
    column: str | None = None
    features: Callable[[Any], Sequence[str]] | None = None
    read: "Callable[..., pd.DataFrame] | None" = None
    unit: str = "values"
    first: str | None = "source_table"
    folder: str | None = "{name}_table"
    last: str = "table_features"
    evidence: str | None = None
    of_sound: str | None = None
    packages: tuple[str, ...] = ()
    cached: bool = False
    only: str | None = None
    places: tuple[str, ...] = ()

    @property
    def stages(self) -> list[str]:
        """Stages of a modality with this source, in order."""
        return [*filter(None, [self.first]), self.last]

    @property
    def absent(self) -> str:
        """Why a recording of which nothing was read has no features."""
        return f"no {self.column} in the table of recordings" if self.column else "no feature table"


PROBABILITY = "speech"
"""Feature of the source ``speech``: the probability that somebody speaks, 0 to 1."""

EMBEDDING = tuple(f"e{place:02d}" for place in range(96))
"""Features of the source ``speech-embedding``."""

CONCAT = "concat"
TABLE = "table"

SOURCES = {
    source.name: source
    for source in (
        Source(
            "lld",
            Audio,
            "audio",
            first="audio_lld",
            folder="{name}_lld",
            last="audio_features",
            evidence=SPEECH,
            cached=True,
        ),
        Source(
            "landmarks",
            Video,
            "video",
            unit="a face",
            first="landmarks",
            folder="landmarks",
            last="video_features",
            evidence=FACE,
            cached=True,
            only="video",
        ),
        Source(
            "face",
            FaceFeatures,
            "video",
            unit="a face",
            first="landmarks",
            folder="landmarks",
            last="face_features",
            evidence=FACE,
            cached=True,
        ),
        Source(
            "speech",
            Speech,
            "audio",
            features=lambda settings: [PROBABILITY],
            of_sound="signals.speech:probabilities",
            packages=("silero-vad",),
        ),
        Source(
            "speech-embedding",
            Speech,
            "audio",
            features=lambda settings: EMBEDDING,
            of_sound="signals.speech_embedding:embeddings",
            packages=("onnxruntime", "openwakeword"),
        ),
        Source(TABLE, Table, first="feature_table", places=("files",)),
        Source(CONCAT, Concatenation, first=None, folder=None, last="concatenated_features"),
    )
}
"""Sources by name."""

BUILT_IN = {"audio": "lld", "video": "landmarks"}
"""Sources of the modalities that need no settings. Their defaults are the sections of the
configuration with the same names."""

NAME = re.compile(r"[a-z][a-z0-9-]*")

RESERVED = frozenset({"all", "band", "fusion", "label", "media", "none", "raters", "turns"})
"""Names with another meaning in results and figures."""

FIRST_STAGES = (
    "ratings",
    *dict.fromkeys(s.first for s in SOURCES.values() if s.first not in (None, "source_table")),
)
"""Stages that read user files, whose commands say which column they read."""

KEY = "modalities"


@dataclass(frozen=True, eq=False)
class Modality:
    """A modality of an experiment.

    Attributes
    ----------
    name
        Its name.
    source
        Its source.
    settings
        Every key of the source with its value, as YAML would give it.
    origin
        The source as the configuration names it.
    """

    name: str
    source: Source
    settings: Mapping[str, Any]
    origin: str

    @property
    def reader(self) -> str | None:
        """Folder of the results of its first stage, of which it has a status; None without."""
        return self.source.folder and self.source.folder.format(name=self.name)

    @property
    def parts(self) -> list[str]:
        """Modalities that it puts side by side; empty if it has features of its own."""
        return list(self.settings["of"]) if self.source.name == CONCAT else []

    @property
    def meshed(self) -> bool:
        """Whether its features come from the vertices of the face mesh."""
        return self.source.last == "face_features"

    @property
    def extraction(self) -> dict[str, Any]:
        """Settings that decide its features, for the packed model."""
        kept = {k: v for k, v in self.settings.items() if k not in self.source.places}
        return kept if self.name in BUILT_IN else {"source": self.source.name} | kept

    def file_of(self, recording: str) -> str | None:
        """Path of a recording's table; None if its source reads no tables."""
        files = self.settings.get("files") if self.source.name == TABLE else None
        return files and files.replace(RECORDING, recording)

    @property
    def reading(self) -> dict[str, Any]:
        """Settings of a source of one's own, without those of the stage ``table_features``."""
        later = {key.name for key in fields(TableFeatures)}
        return {k: v for k, v in self.settings.items() if k not in later}

    def words(self, section: type[Section]) -> list:
        """Arguments of a command that takes a section's keys; null keys are left out."""
        words: list[Any] = []
        for key in fields(section):  # type: ignore[arg-type]
            value = self.settings[key.name]
            if value is not None:
                words += [f"--{key.name.replace('_', '-')}"]
                words += value if isinstance(value, list | tuple) else [value]
        return words


def evidence_of(modalities: Iterable[Modality]) -> dict[str, Modality]:
    """Columns of evidence, and for each the first modality whose source tells it."""
    found: dict[str, Modality] = {}
    for modality in modalities:
        if modality.source.evidence:
            found.setdefault(modality.source.evidence, modality)
    return found


def own_parts(modalities: Mapping[str, Modality], name: str) -> list[Modality]:
    """Modalities with features of their own that a modality consists of: itself, or its parts."""
    return [modalities[part] for part in modalities[name].parts or [name]]


def as_section(section: type[Settings], settings: Mapping[str, Any]) -> Settings:
    """A section from settings that may have further keys, or lack keys that have a default."""
    names = [key.name for key in fields(section) if key.name in settings]  # type: ignore[arg-type]
    values = {name: settings[name] for name in names}
    return section(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def source_named(name: str) -> Source:
    """A source by its name, the path of its file, or the name of its entry point.

    Raises
    ------
    InputError
        If there is none, or the file does not define one.
    """
    if name in SOURCES:
        return SOURCES[name]
    return _of_file(name) if name.endswith(".py") else _of_entry_point(name)


@cache
def _of_file(path: str) -> Source:
    return _checked(getattr(module_of(path), "SOURCE", None), path)


@cache
def _of_entry_point(name: str) -> Source:
    from importlib.metadata import entry_points

    known = entry_points(group=GROUP)
    if name not in known.names:
        raise InputError(
            f"found {name!r}; expected one of {sorted([*SOURCES, *known.names])}, or the path of "
            "a module that ends in .py"
        )
    entry = known[name]
    try:
        source = entry.load()
    except Exception as error:  # of user code
        raise InputError(f"entry point {name!r}: {type(error).__name__}: {error}") from error
    return _checked(source, f"entry point {name!r} ({entry.value})")


def version_of(name: str) -> str | None:
    """Version of the package that brings an entry point."""
    from importlib.metadata import entry_points

    (entry,) = entry_points(group=GROUP, name=name)
    return None if entry.dist is None else entry.dist.version


def _checked(source: object, where: str) -> Source:
    if not isinstance(source, Source):
        raise InputError(
            f"{where}: found {type(source).__name__} as SOURCE; expected a "
            "softaer.modalities.Source"
        )
    if source.name in SOURCES or not NAME.fullmatch(source.name):
        raise InputError(
            f"{where}: found the source {source.name!r}; expected a name of lower-case letters, "
            f"digits and '-' that is none of {sorted(SOURCES)}"
        )
    if not issubclass(source.settings, TableFeatures):
        raise InputError(
            f"{where}: settings {source.settings.__name__} are no subclass of "
            "softaer.core.experiment.TableFeatures, which has 'window' and 'functionals'"
        )
    without = [key.name for key in fields(source.settings) if key.default is MISSING]
    if without:
        raise InputError(f"{where}: settings without a default: {without}; expected one for each")
    if source.column not in ("audio", "video"):
        raise InputError(f"{where}: found the column {source.column!r}; expected audio or video")
    for name in ("features", "read"):
        if not callable(getattr(source, name)):
            raise InputError(f"{where}: no function {name!r}; expected one")
    return source


def configured(config: Mapping[str, Any], check: bool = False) -> dict[str, Modality]:
    """The modalities of an experiment by name: audio and video first, the others as written.

    Parameters
    ----------
    config
        The complete configuration; ``modalities`` is a list of built-in ones, or a mapping from
        names to settings.
    check
        Whether to check the settings.

    Raises
    ------
    InputError
        Names the first wrong key.
    """
    given = config[KEY]
    entries = given if isinstance(given, Mapping) else {name: {} for name in given}
    order = [*(name for name in BUILT_IN if name in entries), *entries]
    modalities = {
        name: _modality(name, entries[name], config, check) for name in dict.fromkeys(order)
    }
    for name, modality in modalities.items():
        if modality.meshed:
            tracking = _tracking(config, modalities)
            modalities[name] = replace(modality, settings={**tracking, **modality.settings})
            if check and "gaze" in modality.settings["features"] and not tracking["refine"]:
                raise InputError(
                    f"config key '{KEY}.{name}.features': found 'gaze' with 'refine: false' of "
                    "video, which finds no irises; expected 'refine: true', or other features"
                )
    for modality in modalities.values():
        for part in modality.parts:
            if part not in modalities or modalities[part].parts:
                own = [name for name, other in modalities.items() if not other.parts]
                raise InputError(
                    f"config key '{KEY}.{modality.name}.of': found {part!r}; expected names of "
                    f"modalities with features of their own, {own}"
                )
    return modalities


def _tracking(config: Mapping[str, Any], modalities: Mapping[str, Modality]) -> dict[str, Any]:
    """How faces are found: the settings of video, whether or not it is a modality."""
    settings = modalities["video"].settings if "video" in modalities else config["video"]
    return asdict(as_section(Tracking, settings))


def _modality(name: str, entry: Mapping[str, Any], config: Mapping[str, Any], check: bool) -> Any:
    key = f"config key '{KEY}.{name}'"
    if not NAME.fullmatch(name) or name in RESERVED:
        raise InputError(
            f"{key}: not a name of a modality; expected lower-case letters, digits and '-', "
            f"starting with a letter, and none of {sorted(RESERVED)}"
        )
    origin = entry.get("source", BUILT_IN.get(name))
    if origin is None:
        raise InputError(f"{key}: no 'source'; expected one of {sorted(SOURCES)}, or a module's")
    if not isinstance(origin, str) or origin != BUILT_IN.get(name, origin):
        raise InputError(
            f"config key '{KEY}.{name}.source': found {origin!r}; expected "
            + (f"{BUILT_IN[name]!r}, or another name" if name in BUILT_IN else "text")
        )
    try:
        source = source_named(origin)
    except InputError as error:
        raise InputError(f"config key '{KEY}.{name}.source': {error}") from error
    if source.only not in (None, name):
        raise InputError(
            f"config key '{KEY}.{name}.source': found {origin!r}, which only the modality "
            f"{source.only!r} can have"
        )
    defaults = config[name] if name in BUILT_IN else _defaults(source.settings)
    settings = {**defaults, **{k: v for k, v in entry.items() if k != "source"}}
    if check:
        _check(source.settings, settings, f"{KEY}.{name}")
    return Modality(name, source, settings, origin)


def _defaults(section: type[Section]) -> dict[str, Any]:
    return {
        key.name: list(key.default) if isinstance(key.default, tuple) else key.default
        for key in fields(section)  # type: ignore[arg-type]
        if key.default is not MISSING
    }


def defaults_of(name: str | None) -> dict[str, Any]:
    """Settings of a source that have a default, as YAML would give them; of one's own: none."""
    return _defaults(SOURCES[name].settings) if name in SOURCES else {}


def _check(section: type[Section], settings: Mapping[str, Any], key: str) -> None:
    """Check settings key by key, so that the error names the wrong one."""
    from pydantic import ValidationError

    kinds = types(section)  # type: ignore[arg-type]
    for name in settings:
        if name not in kinds:
            raise InputError(
                f"config key '{key}.{name}': not known; expected one of {sorted(kinds)}"
            )
    for name, kind in kinds.items():
        if name not in settings:
            raise InputError(f"config key '{key}.{name}': missing; expected {expected(kind)}")
        try:
            read(kind, settings[name])
        except (ValidationError, TypeError):
            raise InputError(f"config key '{key}.{name}': {found(settings[name], kind)}") from None


def from_extraction(name: str, settings: Mapping[str, Any]) -> Modality:
    """A modality of a packed model, from its :attr:`Modality.extraction`.

    Settings that are newer than the model get their defaults.

    Raises
    ------
    InputError
        If its source is not known here.
    """
    origin = settings.get("source", BUILT_IN.get(name))
    source = _registered.get(str(origin)) or source_named(str(origin))
    kept = {key: value for key, value in settings.items() if key != "source"}
    return Modality(name, source, _defaults(source.settings) | kept, str(origin))


_registered: dict[str, Source] = {}


def register(source: Source | str) -> Source:
    """Make a source of one's own known to packed models: the source, or the path of its file.

    A packed model holds the name and the settings of its sources, but no code.
    """
    if isinstance(source, str):
        source = _of_file(source)
    _registered[source.name] = _checked(source, source.name)
    return source


PALETTE = (
    ("#CC79A7", "#f0b3d3"),
    ("#56B4E9", "#cfe8ff"),
    ("#E69F00", "#ffe08a"),
    ("#882255", "#d889b3"),
    ("#999933", "#d0d070"),
    ("#44AA99", "#8adccc"),
)
"""Colours of further modalities on light and on dark, by their place (Okabe and Ito, 2008; Tol)."""

COLOURS = {"audio": ("#0072B2", "#56b4e9"), "video": ("#D55E00", "#e69f00")}
"""Colours of the built-in modalities on light and on dark."""


def colours(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """Colour of each modality on light and on dark.

    Parameters
    ----------
    names
        Modalities of the experiment in their order; fusions are left out.

    Examples
    --------
    >>> colours(["audio", "w2v", "audio+w2v"])
    {'audio': ('#0072B2', '#56b4e9'), 'w2v': ('#CC79A7', '#f0b3d3')}
    """
    single = [name for name in names if JOIN not in name]
    others = [name for name in single if name not in COLOURS]
    place = {name: PALETTE[k % len(PALETTE)] for k, name in enumerate(others)}
    return {name: COLOURS.get(name) or place[name] for name in single}
