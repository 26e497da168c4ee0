"""Recordings of an experiment, as the rules ask for them."""

import functools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from softaer.core.errors import InputError
from softaer.core.places import LISTED_TABLE, PACKED_FILES, SIMULATED_TABLE
from softaer.corpus import (
    PARTITIONS,
    Recording,
    check_batches,
    check_files,
    rated,
    read_rows,
    resolve,
    validate_rows,
)
from softaer.layouts import Layout
from softaer.page.published import own_table
from softaer.running.snakemake_private import as_it_lies
from softaer.simulate.plan import plan


@dataclass(frozen=True)
class Recordings:
    """Recordings of an experiment.

    Attributes
    ----------
    table
        Path of the corpus table; a result where the corpus is simulated or listed by its layout.
    all
        Those of the corpus.
    new
        Those of a table of their own that a model is applied to.
    applied
        All that a model is applied to.
    simulated, listed
        Whether the corpus is made by this run, or listed by its layout.
    """

    table: str
    all: list[Recording]
    new: list[Recording]
    applied: list[Recording]
    simulated: bool
    listed: bool

    @functools.cached_property
    def rated(self) -> list[Recording]:
        """Those with annotations."""
        return rated(self.all)

    @functools.cached_property
    def batches(self) -> list[str]:
        """Batches of the corpus, sorted."""
        return sorted({recording.batch for recording in self.all})

    @functools.cached_property
    def subject_of(self) -> dict[str, str | None]:
        """Subject of each recording of the corpus."""
        return {recording.recording: recording.subject for recording in self.all}

    # Every job asks, so they are sorted once.
    @functools.cached_property
    def _by_batch(self) -> dict[str, list[Recording]]:
        return _by_batch([*self.all, *self.new])

    @functools.cached_property
    def _rated_by_batch(self) -> dict[str, list[Recording]]:
        return _by_batch(self.rated)

    @functools.cached_property
    def _applied_by_batch(self) -> dict[str, list[Recording]]:
        return _by_batch(self.applied)

    @functools.cached_property
    def _applied_by_name(self) -> dict[str, Recording]:
        return {recording.recording: recording for recording in self.applied}

    def of(self, batch: str) -> list[Recording]:
        """Recordings of a batch."""
        return self._in(self._by_batch, batch)

    def rated_of(self, batch: str) -> list[Recording]:
        """Rated recordings of a batch."""
        return self._in(self._rated_by_batch, batch)

    def applied_of(self, batch: str) -> list[Recording]:
        """Recordings of a batch that a model is applied to."""
        return self._in(self._applied_by_batch, batch)

    def _in(self, batches: Mapping[str, list[Recording]], batch: str) -> list[Recording]:
        if batch not in batches:
            raise InputError(f"{self.table}: no such recordings in a batch {batch!r}")
        return batches[batch]

    def applied_named(self, name: str) -> Recording:
        """A recording that a model is applied to."""
        if name not in self._applied_by_name:
            raise InputError(f"no recording {name!r} to apply a model to")
        return self._applied_by_name[name]

    def require_applied(self) -> list[Recording]:
        """All that a model is applied to, at least one."""
        if not self.applied:
            raise InputError(
                f"{self.table}: no recording without annotations; expected some, or a table of "
                "recordings in 'apply.recordings'"
            )
        return self.applied

    def with_turns(self, batch: str) -> list[Recording]:
        """Recordings with sound of a batch, each of which has to say when its subject speaks."""
        recordings = [recording for recording in self.of(batch) if recording.audio]
        for recording in recordings:
            if recording.turns is None:
                raise InputError(
                    f"recording {recording.recording!r} has no turns; expected a path in its "
                    "table's column 'turns' (audio.turns)"
                )
        return recordings

    @functools.cache  # noqa: B019 - there is one for each experiment
    def rated_in(self, *partitions: str) -> list[Recording]:
        """Rated recordings of some partitions, or why there is no experiment without them."""
        if not self.rated:
            raise InputError(
                f"{self.table}: no recording has annotations; expected paths in column "
                "'annotations' (only the target 'extract' does without)"
            )
        for recording in self.rated:
            if recording.partition is None or recording.subject is None:
                lacking = "partition" if recording.partition is None else "subject"
                raise InputError(
                    f"{self.table}: recording {recording.recording!r} has annotations but no "
                    f"{lacking}"
                )
        for partition in partitions:
            if not any(r.partition == partition for r in self.rated):
                raise InputError(
                    f"{self.table}: no rated recording in partition {partition!r}; "
                    "expected at least one"
                )
        return [r for r in self.rated if r.partition in (partitions or PARTITIONS)]

    @functools.cache  # noqa: B019
    def rated_batches(self, *partitions: str) -> list[str]:
        """Batches with rated recordings of some partitions, sorted."""
        return sorted({r.batch for r in self.rated_in(*partitions)})

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    def where(self, paths: Iterable[str | None], simulated: bool = False) -> list[str]:
        """Paths of recordings as input of a rule; those of a simulated corpus are results.

        Parameters
        ----------
        paths
            Of files; ``None`` is left out, and each is there once.
        simulated
            Whether they are results if the corpus is simulated.
        """
        found = dict.fromkeys(path for path in paths if path)
        if simulated and self.simulated:
            own = self._simulated_files
            return [path if path in own else as_it_lies(path) for path in found]
        return [as_it_lies(path) for path in found]

    def files(self, config: Mapping[str, Any]) -> list[str]:
        """All files of the user's own that an experiment reads, each once.

        Parameters
        ----------
        config
            The configuration, filled, with paths as seen from the working directory.
        """
        model = config["apply"]["model"]
        found = [config["apply"]["recordings"], own_table(config["report"]["published"])]
        found += [os.path.join(model, name) for name in PACKED_FILES] if model else []
        own = self.new
        if not self.simulated:
            own = [*self.all, *self.new]
            found += [] if self.listed else [self.table]
        for recording in own:
            found += [recording.audio, recording.video, recording.turns]
            if recording.annotations is not None:
                found += recording.annotation_files(config["dimensions"])
        return [path for path in dict.fromkeys(found) if path]

    @functools.cached_property
    def _simulated_files(self) -> set[str | None]:
        return {path for r in self.all for path in (r.audio, r.video, r.annotations)}


def _by_batch(recordings: Iterable[Recording]) -> dict[str, list[Recording]]:
    batches: dict[str, list[Recording]] = {}
    for recording in recordings:
        batches.setdefault(recording.batch, []).append(recording)
    return batches


def read(config: Mapping[str, Any], layout: Layout, check: bool) -> Recordings:
    """Read the recordings of an experiment.

    Parameters
    ----------
    config
        The configuration, filled, with paths as seen from the working directory.
    layout
        Module of :mod:`softaer.layouts`.
    check
        Whether to look at the tables and at what they name. Jobs trust what the run has checked.

    Raises
    ------
    InputError
        If a table is wrong.
    """
    root = config["corpus"]["root"]
    # A table says which recordings there are; without one, the layout lists them.
    without_table = config["corpus"]["recordings"] == "simulated"
    simulated, listed = without_table and root is None, without_table and root is not None
    if simulated:
        table = SIMULATED_TABLE
        corpus = resolve(plan(config["simulate"]["recordings"]), os.path.dirname(table))
    else:
        if listed:
            table, where, folder = LISTED_TABLE, f"{root} as {config['corpus']['layout']}", ""
            rows = dict(enumerate(layout.rows(root), start=2))
        else:
            table = where = config["corpus"]["recordings"]
            rows, folder = read_rows(table), os.path.dirname(table)
        if check:
            validate_rows(rows, where)
        corpus = resolve(rows.values(), folder)
        if check:
            check_files(corpus, config["dimensions"], where)
            check_batches(corpus, where)
    new, applied = _applied(config, table, corpus, simulated, check)
    return Recordings(table, corpus, new, applied, simulated, listed)


def _applied(
    config: Mapping[str, Any],
    corpus_table: str,
    corpus: list[Recording],
    simulated: bool,
    check: bool,
) -> tuple[list[Recording], list[Recording]]:
    """New recordings of a table of their own, and all those that the model is applied to."""
    table = config["apply"]["recordings"]
    if table is None:
        return [], [recording for recording in corpus if recording.annotations is None]
    rows = read_rows(table)
    if check:
        validate_rows(rows, table)
        # The simulated corpus is of no concern to a model from elsewhere.
        others = [] if simulated and config["apply"]["model"] else corpus
        known = {recording.recording for recording in others}
        known |= {recording.batch for recording in others}
        for row in rows.values():
            for column in ("recording", "batch"):
                if row.get(column) in known:
                    raise InputError(
                        f"{table}, column {column!r}: found {row[column]!r}, which {corpus_table} "
                        "has too; expected names of its own"
                    )
    new = resolve(rows.values(), os.path.dirname(table))
    if check:
        check_batches(new, table)
        # Nobody has to have rated them.
        check_files([replace(recording, annotations=None) for recording in new], [], table)
    return new, new
