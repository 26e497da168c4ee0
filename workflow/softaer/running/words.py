"""Arguments of the stages' commands, as the rules write them."""

import json
import os
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from softaer.core.code_digest import file_digest
from softaer.core.experiment import FOUND, READERS, is_own_file
from softaer.corpus import Recording, choices


def flag(name: str, value: object) -> list:
    """Arguments ``NAME VALUE...`` of a command; empty without a value.

    Examples
    --------
    >>> flag("--rate", 10.0), flag("--raters", ["a", "b"]), flag("--rate", None)
    (['--rate', 10.0], ['--raters', 'a', 'b'], [])
    """
    if value is None or value == []:
        return []
    return [name, *(value if isinstance(value, list) else [value])]


def options(section: Mapping) -> list:
    """Arguments of a command from a section of the configuration.

    Examples
    --------
    >>> options({"learning_rate": 0.001, "standardise_targets": False, "steps": ["a", "b"]})
    ['--learning-rate', 0.001, '--no-standardise-targets', '--steps', 'a', 'b']
    >>> options({"settings": {"width": 8}})
    ['--settings', '{"width": 8}']
    """
    words = []
    for key, value in section.items():
        name = key.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        elif isinstance(value, list):
            words += [f"--{name}", *value]
        elif isinstance(value, dict):
            words += [f"--{name}", json.dumps(value)]
        else:
            words += [f"--{name}", value]
    return words


def reading_flags(section: Mapping[str, Any]) -> str:
    """Arguments of the stage ``ratings`` that have keys and values, quoted for the shell.

    Parameters
    ----------
    section
        The section ``ratings`` of the configuration.

    Examples
    --------
    >>> reading_flags({"format": "carma", "called": None, "scale": "ranks"})
    '--format carma --scale ranks'
    """
    flags = [] if section["format"] == FOUND else ["--format", section["format"]]
    for key in ("called", "scale"):
        if section[key] is not None:
            flags += [f"--{key}", json_or_word(section[key])]
    return shlex.join(flags)


def label_flags(section: Mapping[str, Any], keys: Sequence[str]) -> list:
    """Arguments of a stage on the way to the labels: those keys that have an effect.

    Parameters
    ----------
    section
        The section ``labels`` of the configuration.
    keys
        Of the stage.

    Examples
    --------
    >>> section = {"estimator": "mean", "trim": 0.2, "elastic": "none", "smoothing": "none"}
    >>> label_flags(section, ("elastic", "estimator", "trim"))
    ['--estimator', 'mean']
    """
    return options({key: section[key] for key in keys if has_effect(section, key)})


def has_effect(section: Mapping[str, Any], key: str) -> bool:
    """Whether a key of the section ``labels`` has an effect beside the others' values."""
    needs = {
        "trim": section["estimator"] == "trimmed_mean",
        "max_lag": section["elastic"] != "none",
        "smoothing_window": section["smoothing"] != "none",
    }
    return needs[key] if key in needs else section[key] not in ("none", 0.0)


def json_or_word(value: Any) -> str:
    """A value of the configuration as one word of a command: text, or JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def other_readers(form: str) -> list[str]:
    """What identifies the code of readers that are not in this package, for a rule's params.

    Parameters
    ----------
    form
        ``ratings.format``.

    Returns
    -------
    Digest of a user's file, or name and version of each package with readers.
    """
    if is_own_file(form):
        return [file_digest(Path(form))]
    entries = metadata.entry_points(group=READERS)
    return sorted({f"{e.dist.name}=={e.dist.version}" for e in entries if e.dist is not None})


def recording_flags(
    recordings: Iterable[Recording],
    path: Callable[[Recording], str | None],
    lies: Mapping[str, str],
) -> str:
    """Arguments ``--recording NAME PATH`` of the recordings that have a path, quoted for the shell.

    They are quoted here because Snakemake formats each command three times, which is slow for
    thousands of arguments.

    Parameters
    ----------
    recordings
        Of a batch.
    path
        Returns a recording's file, or ``None``.
    lies
        Paths of the files for the job, where they differ from the plan; see :func:`whereabouts`.
    """
    files = [(recording.recording, path(recording)) for recording in recordings]
    return shlex.join(
        word
        for name, file in files
        if file is not None
        for word in ("--recording", name, lies.get(file, file))
    )


def choice_flags(recordings: Iterable[Recording], kind: str, lies: Mapping[str, str]) -> str:
    """Arguments ``--choose NAME WHAT VALUE``: the subject's part of each recording's media."""
    return shlex.join(
        word
        for recording in recordings
        if getattr(recording, kind)
        for what, value in chosen(recording, kind)
        for word in ("--choose", recording.recording, what, lies.get(value, value))
    )


def whereabouts(planned: Sequence[str], given: Sequence[str]) -> dict[str, str]:
    """Paths of planned files for a job: a prefix or a storage provider may have moved them."""
    return dict(zip(planned, given, strict=True))


def media_read(recordings: Iterable[Recording], kind: str) -> list[str]:
    """Media files that a stage opens: its own, and those that share their clock.

    Parameters
    ----------
    recordings
        Of a batch.
    kind
        ``audio`` or ``video``.
    """
    files = []
    for recording in recordings:
        path = getattr(recording, kind)
        if path:
            files += [path, dict(chosen(recording, kind)).get("beside", path)]
    return list(dict.fromkeys(files))


def chosen(recording: Recording, kind: str) -> list[tuple[str, str]]:
    """The subject's part of a recording's media; a second file is dropped if only it is missing.

    An experiment with only sound does not need the video. If both files were removed after
    extraction, nothing has changed.
    """
    own = getattr(recording, kind)
    return [
        (name, value)
        for name, value in choices(recording, kind)
        if name != "beside" or os.path.exists(value) or not os.path.exists(own)
    ]


def per_modality(name: str, modalities: Sequence[str], paths: Sequence[str]) -> list[str]:
    """Arguments ``NAME MODALITY PATH``, once per modality."""
    return [
        word
        for modality, path in zip(modalities, paths, strict=True)
        for word in (name, modality, path)
    ]
