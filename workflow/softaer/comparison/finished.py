"""Finished experiments: the results of a run, read for a comparison."""

import html
import re
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from softaer.core import cli
from softaer.core.errors import InputError
from softaer.core.experiment import Evaluation, EvaluationOfGroups, Experiment
from softaer.core.fields import read
from softaer.core.places import (
    ANNOTATION_DELAY,
    COVERAGE,
    DATASET,
    EXPERIMENT,
    LISTED_TABLE,
    RATER_WEIGHTS,
    REPORT,
    RESULTS,
    SIMULATED_TABLE,
    within,
)
from softaer.core.tasks import BASELINES
from softaer.corpus import Recording, rated, read_recordings
from softaer.coverage import scored
from softaer.running import configuration
from softaer.running.recordings import is_simulated

CONFIGURATION = re.compile(r'<h2 id="configuration">.*?<pre>(.*?)</pre>', re.DOTALL)
"""The configuration in a report."""


@dataclass(frozen=True, eq=False)
class Finished:
    """A finished experiment.

    Attributes
    ----------
    name
        By which it is called.
    results
        Folder of all results.
    config
        Complete configuration that the report was made with.
    experiment
        Its predictions.
    rated, scored
        Rated recordings, and those with a prediction.
    delays
        Annotation delay of each dimension [s].
    code
        Version and commit.
    """

    name: str
    results: Path
    config: Mapping[str, Any]
    experiment: Experiment
    rated: Sequence[Recording]
    scored: Sequence[Recording]
    delays: Mapping[str, float]
    code: Mapping[str, str | None]

    @property
    def dataset(self) -> Path:
        """Folder of a dataset, for the targets."""
        return within(self.results, DATASET, modality=self.experiment.single[0], batch="").parent

    @property
    def rater_weights(self) -> Path | None:
        """Folder that tells who rated what; results of old versions have none."""
        folder = within(self.results, RATER_WEIGHTS, batch="").parent
        return folder if folder.is_dir() else None

    @property
    def evaluation(self) -> Evaluation:
        """Settings of the intervals."""
        return read(EvaluationOfGroups, self.config["evaluation"])


def names_of(folders: Sequence[Path]) -> list[str]:
    """Names of experiments: the ends of their paths, as long as it takes to tell them apart.

    Raises
    ------
    InputError
        If a folder is given twice.

    Examples
    --------
    >>> names_of([Path("/a/gru/results"), Path("/a/blstm")])
    ['gru', 'blstm']
    >>> names_of([Path("/a/x/results"), Path("/b/x/results")])
    ['a/x', 'b/x']
    """
    parts = [
        path.parts[:-1] if path.name == RESULTS else path.parts
        for path in (Path(folder).resolve() for folder in folders)
    ]
    twice = next((a for a, path in zip(folders, parts, strict=True) if parts.count(path) > 1), None)
    if twice is not None:
        raise InputError(f"{twice}: given twice; expected different experiments")
    length = 1
    while len({path[-length:] for path in parts}) < len(parts):
        length += 1
    return ["/".join(path[-length:]) for path in parts]


def read_finished(folder: Path, name: str) -> Finished:
    """Read a finished experiment.

    Parameters
    ----------
    folder
        Folder of the run, or that of its results.
    name
        By which it is called.

    Raises
    ------
    InputError
        If there is no finished run, or it was started again with another configuration and has not
        ended.
    """
    results = folder / RESULTS if (folder / RESULTS).is_dir() else folder
    record, report = within(results, EXPERIMENT), within(results, REPORT)
    for path in (record, report):
        if not path.is_file():
            raise InputError(f"{name}: no {path}; expected the folder of a run that has ended")
    told = yaml.safe_load(record.read_text(encoding="utf-8"))
    config = _configuration(report)
    if told["configuration"] != config:
        raise InputError(
            f"{name}: {record} and {report} have different configurations, so the run was started "
            "again and has not ended; expected a run that has ended"
        )
    filled = configuration.filled(config, check=False)
    single = list(configuration.modalities(filled, check=False))
    fused = configuration.fusions(filled, single, check=False)
    experiment = Experiment(
        dimensions=tuple(filled["dimensions"]),
        modalities=(*single, *fused),
        tasks=tuple(filled["tasks"]),
        seeds=tuple(filled["seeds"]),
        targets=tuple(filled["targets"]),
        baselines=BASELINES,
        fusion=filled["fusion"]["method"],
    )
    table = corpus_table(filled, results)
    if not table.is_file():
        raise InputError(f"{name}: no {table}, the table of its recordings; expected a file")
    recordings = rated(read_recordings(table))
    coverage = [within(results, COVERAGE, modality=modality) for modality in single]
    return Finished(
        *(name, results, filled, experiment, recordings, scored(recordings, coverage)),
        _delays(filled, results),
        {"softaer": told["softaer"], "commit": told["commit"]},
    )


def corpus_table(config: Mapping[str, Any], results: Path) -> Path:
    """The table of recordings that the stages of a run have read.

    Parameters
    ----------
    config
        Complete; paths are relative to the folder of the run.
    results
        Its results.
    """
    corpus = config["corpus"]
    if is_simulated(config):
        return within(results, SIMULATED_TABLE)
    if corpus["root"] is not None or config["ratings"]["files"] is not None:
        return within(results, LISTED_TABLE)
    return results.parent / corpus["recordings"]


def _configuration(report: Path) -> Any:
    """The configuration that a report was made with; results follow it, unlike the record."""
    found = CONFIGURATION.search(report.read_text(encoding="utf-8"))
    if found is None:
        raise InputError(f"{report}: has no configuration; expected a report of softaer")
    return yaml.safe_load(html.unescape(found[1]))


def _delays(config: Mapping[str, Any], results: Path) -> dict[str, float]:
    if config["delay"] == "estimated":
        return cli.delays(Namespace(delay_table=within(results, ANNOTATION_DELAY)))
    return configuration.delays(config)
