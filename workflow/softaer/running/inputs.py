"""Inputs of the rules that read user files, and the arguments that name them.

An input function returns a job's files to Snakemake. A function for params returns arguments of
its command, with the paths at which the job finds the files.
"""

import functools
import os
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from snakemake.exceptions import WorkflowError

from softaer.core.errors import InputError
from softaer.core.places import FEATURE_TABLE, LENGTHS, filled_in
from softaer.corpus import Recording
from softaer.modalities import Modality
from softaer.running.recordings import Recordings
from softaer.running.words import choice_flags, media_read, recording_flags, whereabouts

if TYPE_CHECKING:
    from snakemake.iocontainers import InputFiles, Wildcards


def told(function: Callable) -> Callable:
    """The same function, with errors that Snakemake reports in one line."""

    @functools.wraps(function)
    def with_errors_told(*values: Any, **named: Any) -> Any:
        try:
            return function(*values, **named)
        except InputError as error:
            raise WorkflowError(str(error)) from None

    return with_errors_told


class Inputs:
    """Input functions and functions for params of one experiment.

    Parameters
    ----------
    recordings
        Of the experiment.
    dimensions
        Rated dimensions.
    made
        Whether a result exists; always true for results in a storage.
    modalities
        By name: those of the experiment, and the built-in ones.
    """

    def __init__(
        self,
        recordings: Recordings,
        dimensions: Sequence[str],
        made: Callable[[str], bool],
        modalities: Mapping[str, Modality],
    ) -> None:
        self._recordings, self._dimensions, self._made = recordings, dimensions, made
        self._modalities = modalities
        self._of, self._rated_of = told(recordings.of), told(recordings.rated_of)
        self._with_turns = told(recordings.with_turns)

    def media(self, kind: str) -> Callable:
        """Input: media files opened by the stage for a kind of stream (``audio``, ``video``)."""
        return lambda wildcards: self._recordings.where(
            media_read(self._of(wildcards.batch), kind), simulated=True
        )

    def media_flags(self, kind: str, limits: str) -> Callable:
        """For params: these files, the subject's streams in them, and the limits for bad files.

        Files that have been read stay valid under other limits and are not read again.
        """

        def words(wildcards: "Wildcards", input: "InputFiles") -> str:
            some = self._of(wildcards.batch)
            lies = whereabouts(media_read(some, kind), input)
            files = recording_flags(some, lambda recording: getattr(recording, kind), lies)
            return f"{files} {choice_flags(some, kind, lies)} {limits}"

        return words

    def tables(self, wildcards: "Wildcards") -> list[str]:
        """Input: feature tables of a batch, and the media of their recordings, for their length."""
        tables, media = self._tables(wildcards)
        paths = [*tables.values(), *(path for _, path in media)]
        return self._recordings.where(paths, simulated=True)

    def table_flags(self, limits: str) -> Callable:
        """For params: these files, and the limits for bad ones.

        The first table of the corpus says which columns all others must have. It is no input, since
        it decides over errors only: another first recording must not redo all others.
        """

        def words(wildcards: "Wildcards", input: "InputFiles") -> str:
            tables, media = self._tables(wildcards)
            planned = list(dict.fromkeys([*tables.values(), *(path for _, path in media)]))
            lies = whereabouts(planned, input)
            named: list[tuple[str, ...]]
            named = [("--recording", name, lies[path]) for name, path in tables.items()]
            named += [("--media", name, lies[path]) for name, path in media]
            first = self._recordings.first_table(self._modalities[wildcards.modality])
            named += [("--like", first)] if first else []
            return f"{shlex.join(word for words in named for word in words)} {limits}"

        return words

    def _tables(self, wildcards: "Wildcards") -> tuple[dict[str, str], list[tuple[str, str]]]:
        modality = self._modalities[wildcards.modality]
        some = self._of(wildcards.batch)
        tables = self._recordings.tables(modality, some)
        output = filled_in(FEATURE_TABLE, modality=modality.name, batch=wildcards.batch)
        known = self._recordings.simulated or self._made(output)
        media = [
            (r.recording, path)
            for r in some
            if r.recording in tables
            for path in dict.fromkeys(filter(None, (r.audio, r.video)))
            if known or os.path.exists(path)
        ]
        return tables, media

    def turns(self, wildcards: "Wildcards") -> list[str]:
        """Input: files with the turns of the subjects of a batch, if they are used."""
        if not self._uses_turns(wildcards):
            return []
        return self._recordings.where(r.turns for r in self._with_turns(wildcards.batch))

    def turn_flags(self, wildcards: "Wildcards") -> str:
        """For params: these files."""
        if not self._uses_turns(wildcards):
            return ""
        return recording_flags(self._with_turns(wildcards.batch), lambda r: r.turns, {})

    def _uses_turns(self, wildcards: "Wildcards") -> bool:
        return self._modalities[wildcards.modality].settings["turns"] != "ignore"

    def measured(self, wildcards: "Wildcards") -> list[str]:
        """Input: media of a batch's rated recordings, without files that never existed."""
        paths = [path for r in self._rated_of(wildcards.batch) for path in (r.audio, r.video)]
        measured = self._recordings.simulated or self._made(
            filled_in(LENGTHS, batch=wildcards.batch)
        )
        paths = [path for path in paths if path and (measured or os.path.exists(path))]
        return self._recordings.where(paths, simulated=True)

    def measured_flags(self, path: Callable[[Recording], str | None]) -> Callable:
        """For params: the measured files that a function selects."""

        def words(wildcards: "Wildcards", input: "InputFiles") -> str:
            lies = whereabouts(self.measured(wildcards), input)
            return recording_flags(self._rated_of(wildcards.batch), path, lies)

        return words

    def annotations(self, wildcards: "Wildcards") -> list[str]:
        """Input: annotation files of a batch."""
        some = self._rated_of(wildcards.batch)
        paths = [path for r in some for path in r.annotation_files(self._dimensions)]
        return self._recordings.where(paths, simulated=True)

    def annotation_flags(self) -> Callable:
        """For params: these files."""

        def words(wildcards: "Wildcards", input: "InputFiles") -> str:
            lies = whereabouts(self.annotations(wildcards), input.annotations)
            return recording_flags(self._rated_of(wildcards.batch), lambda r: r.annotations, lies)

        return words

    def shown(self, wildcards: "Wildcards") -> list[str]:
        """Input: media whose frames the report shows, of a batch or of all."""
        batch = wildcards.get("batch")
        some = told(self._recordings.rated_in)() if batch is None else self._rated_of(batch)
        shown = [r for r in some if r.video]
        paths = sorted({path for r in shown for path in (r.video, r.audio) if path})
        return self._recordings.where(paths, simulated=True)
