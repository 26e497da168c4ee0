"""Post-processing: a chain of simple corrections of a prediction, fitted on dev.

Median filter, centring, scaling and time shift (Valstar et al., 2016), in this order. A step is
kept only if it improves the CCC on dev out of fold: fitted without a subject and applied to that
subject, for each subject in turn. A step that helps only the frames it was fitted on is dropped.
A sigma below 0 is set to 0 at the end.

    centring      y + (mean of labels - mean of y)
    scaling       mean(y) + (y - mean(y)) sd of labels / sd of y
    time shift    y(t - s)
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from softaer.core import cli, tables
from softaer.core.correction import Search, Step, Trace, apply_chain, names_of, possible
from softaer.core.experiment import Postprocessing
from softaer.core.schema import POSTPROCESSED, POSTPROCESSING_STEPS
from softaer.core.targets import read_targets
from softaer.corpus import folds, rated, read_recordings
from softaer.coverage import having


def postprocess(
    dev: Sequence[Trace], search: Postprocessing
) -> tuple[list[Step], dict[str, float], list[Trace]]:
    """Choose and fit a chain on dev, and estimate it out of fold.

    Parameters
    ----------
    dev
        Recordings of the development partition.
    search
        Steps to try, and their search ranges.

    Returns
    -------
    chain
        Fitted on all of dev.
    gains
        See :meth:`softaer.core.correction.Search.choose`.
    out_of_fold
        Every recording of dev, corrected by a chain that was chosen and fitted without its subject.
    """
    found = Search(dev, search)
    kept, gains = found.choose()
    chains = {subject: found.chain(without=subject) for subject in found.subjects}
    out_of_fold = [replace(t, prediction=apply_chain(chains[t.subject], t.prediction)) for t in dev]
    return found.fit(kept), gains, out_of_fold


def read_predictions(path: Path) -> pd.DataFrame:
    """Predictions sorted by recording and time."""
    return tables.read(path).sort_values(["recording", "time"], ignore_index=True)


def read_traces(
    predictions: pd.DataFrame, targets: pd.DataFrame, target: str, subject_of: dict[str, str]
) -> list[Trace]:
    """Traces of the recordings of a prediction that is sorted by recording and time."""
    both = predictions.merge(
        targets, on=["recording", "time"], suffixes=("", "_label"), validate="one_to_one"
    )
    return [
        Trace(
            recording,
            subject_of[recording],
            rows[target].to_numpy(dtype=np.float64),
            rows[f"{target}_label"].to_numpy(dtype=np.float64),
        )
        for recording, rows in both.groupby("recording", sort=False)
    ]


def read_corpus(
    recordings: Path, coverage: Sequence[Path], dataset: Path, dimension: str
) -> tuple[set[str], dict[str, str], pd.DataFrame]:
    """Recordings of dev, the fold of every recording, and the targets of a dimension.

    A fold is left out as a whole: a subject, or all subjects joined by groups. Recordings of dev
    have at least one of the modalities whose coverage is given.

    Parameters
    ----------
    recordings
        The corpus table.
    coverage
        Table of each modality.
    dataset
        Folder with the targets.
    dimension
        Dimension of the targets.
    """
    table = rated(read_recordings(recordings))
    there = set().union(*map(having, coverage))
    dev = {r.recording for r in table if r.partition == "dev" and r.recording in there}
    return dev, folds(table), read_targets(dataset, table, dimension)


def with_absent(predictions: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """Predictions with additional null columns for targets that were not predicted."""
    absent = [name for name in schema.names if name not in predictions]
    return predictions.assign(**dict.fromkeys(absent, np.float32(np.nan)))


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    arguments.add_argument("--dimension", required=True)
    arguments.add_argument("--predictions", type=Path, required=True)
    cli.add_settings(arguments, Postprocessing)
    cli.add_targets(arguments)
    cli.add_coverage(arguments)
    cli.add_output(arguments)
    cli.add_output(arguments, "--steps-output")
    options = arguments.parse_args()

    dev, subject_of, targets = read_corpus(
        options.recordings, options.coverage, options.dataset, options.dimension
    )
    table = read_predictions(options.predictions)
    search = cli.settings(options, Postprocessing)
    steps = []
    for target in options.targets:
        traces = read_traces(table, targets, target, subject_of)
        chain, gains, out_of_fold = postprocess([t for t in traces if t.recording in dev], search)
        estimates = {t.recording: t.prediction for t in out_of_fold}
        final = [apply_chain(chain, t.prediction) for t in traces]
        held_out = [estimates.get(t.recording, y) for t, y in zip(traces, final, strict=True)]
        table[f"{target}_raw"] = table[target]
        for column, parts in ((target, final), (f"{target}_out_of_fold", held_out)):
            table[column] = possible(target, np.concatenate(parts)).astype(np.float32)
        fitted = {step.name: step.value for step in chain}
        for name in names_of(search):
            steps.append(
                {
                    "target": target,
                    "step": name,
                    "kept": name in fitted,
                    "value": fitted[name][-1] if name in fitted else None,
                    # Scaling also has a mean as its centre.
                    "about": fitted[name][0] if len(fitted.get(name, ())) > 1 else None,
                    "gain": gains.get(name),
                }
            )
    tables.write(with_absent(table, POSTPROCESSED), POSTPROCESSED, options.output)
    columns = ["target", "step", "kept", "value", "about", "gain"]
    tables.write(pd.DataFrame(steps, columns=columns), POSTPROCESSING_STEPS, options.steps_output)


if __name__ == "__main__":
    cli.run(main)
