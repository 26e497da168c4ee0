"""Contributions: what each modality adds to a late fusion.

Of each fused modality, the score alone, the score of the fusion, and that of the fusion of all
others (leave one out). The difference of the last two is what the modality adds to the others: it
is small for a modality that is good but says the same as another one. Everything is fitted on dev
as in the fusion itself.
"""

import itertools
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.concordance import ccc
from softaer.core.correction import Trace, possible
from softaer.core.experiment import Experiment, Postprocessing
from softaer.core.places import PREDICTION, SCORES, within
from softaer.core.schema import CONTRIBUTIONS
from softaer.core.targets import as_scored, read_panels
from softaer.core.tasks import JOIN
from softaer.corpus import rated, read_recordings
from softaer.coverage import scored, shares
from softaer.fuse import fuse, missing
from softaer.postprocess import read_corpus, read_predictions, read_traces

KEYS = ["dimension", "target", "task", "seed", "partition"]


def without_each(
    target: str,
    modalities: Mapping[str, Sequence[Trace]],
    partition_of: Mapping[str, str],
    dev: Collection[str],
    shares_of: Mapping[str, Mapping[str, float]],
    search: Postprocessing,
    experiment: Experiment,
    panel_of: Mapping[str, int] = MappingProxyType({}),
) -> pd.DataFrame:
    """Scores of the fusions that lack one modality.

    Parameters
    ----------
    target
        ``E`` or ``sigma``.
    modalities
        Raw predictions of each fused modality, for the same recordings in the same order.
    partition_of
        Partition of each scored recording.
    dev
        Recordings that coefficients are fitted to.
    shares_of
        See :func:`softaer.fuse.missing`.
    search, experiment
        Post-processing of the modalities; and the method of the fusion.
    panel_of
        Panel of raters of each recording, within which sigma is scored; all are one by default.

    Returns
    -------
    ``modality`` (the one left out), ``partition`` and ``without``, the CCC: on dev out of fold, NaN
    if there is no estimate for all frames.
    """
    first = next(iter(modalities.values()))
    names = [trace.recording for trace in first]
    rows = []
    for left_out in modalities:
        others = {name: traces for name, traces in modalities.items() if name != left_out}
        absent, weak = missing(shares_of, names, others)
        found = fuse(
            *(others, lambda trace: trace.recording in dev, search, experiment.fusion),
            *(absent, weak),
        )
        for partition, predictions in (("dev", found.out_of_fold), ("test", found.fused)):
            here = [k for k, name in enumerate(names) if partition_of.get(name) == partition]
            if not here:
                continue
            label = np.concatenate([first[k].label for k in here])
            fused = np.concatenate([predictions[k] for k in here])
            fused = possible(target, fused).astype(np.float32)
            known = not np.isnan(fused[~np.isnan(label)]).any()
            frames = pd.DataFrame({"label": label, "fused": fused})
            if panel_of:
                lengths = [len(first[k].label) for k in here]
                frames["panel"] = np.repeat([panel_of[names[k]] for k in here], lengths)
            frames = frames.dropna(subset=["label"])
            label, fused = (as_scored(target, frames, frames[c]) for c in ("label", "fused"))
            score = ccc(label, fused) if known else np.nan
            rows.append({"modality": left_out, "partition": partition, "without": score})
    return pd.DataFrame(rows, columns=["modality", "partition", "without"])


def contributions(scores: pd.DataFrame, without: pd.DataFrame, fusion: str) -> pd.DataFrame:
    """Scores with and without each modality, and alone.

    Parameters
    ----------
    scores
        Table of the stage ``score``.
    without
        :data:`KEYS`, ``modality``, ``without``.
    fusion
        Name of the fusion.

    Returns
    -------
    :data:`KEYS`, ``fusion``, ``modality``, ``alone``, ``fused``, ``without`` and ``adds``: fused
    minus without. On dev, all of them are out of fold.
    """
    on_dev = scores["partition"] == "dev"
    value = scores["ccc_out_of_fold"].where(on_dev, scores["ccc"])
    scores = scores.assign(value=value)
    single = scores[scores["fusion"].isna()].set_index([*KEYS, "modality"])["value"]
    # Beside the configured method stands the plain mean, in a row of its own.
    whole = scores[scores["modality"] == fusion].drop_duplicates([*KEYS, "modality"])
    whole = whole.set_index(KEYS)["value"]
    found = without.assign(
        fusion=fusion,
        alone=single.reindex(pd.MultiIndex.from_frame(without[[*KEYS, "modality"]])).to_numpy(),
        fused=whole.reindex(pd.MultiIndex.from_frame(without[KEYS])).to_numpy(),
    )
    return found.assign(adds=found["fused"] - found["without"])


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_final_predictions(arguments)
    cli.add_panels(arguments)
    cli.add_settings(arguments, Postprocessing)
    cli.add_output(arguments)
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    search = cli.settings(options, Postprocessing)
    recordings = rated(read_recordings(options.recordings))
    partition_of = {r.recording: r.given("partition") for r in scored(recordings, options.coverage)}
    shares_of = {path.stem: shares(path) for path in options.coverage}
    fusion = experiment.fused[-1]
    parts = []
    for dimension in experiment.dimensions:
        dev, fold_of, targets = read_corpus(
            options.recordings, options.coverage, options.dataset, dimension
        )
        panel_of = {}
        if options.rater_weights is not None:
            panel_of = read_panels(options.rater_weights, recordings, dimension)
        for task, seed in itertools.product(experiment.tasks, experiment.seeds):
            model = {"dimension": dimension, "task": task, "seed": seed}
            raw = {
                name: read_predictions(within(options.results, PREDICTION, modality=name, **model))
                for name in fusion.split(JOIN)
            }
            for target in experiment.targets:
                traces = {m: read_traces(p, targets, target, fold_of) for m, p in raw.items()}
                found = without_each(
                    *(target, traces, partition_of, dev, shares_of, search, experiment, panel_of)
                )
                parts.append(found.assign(**model, target=target))
    scores = tables.read(within(options.results, SCORES))
    table = contributions(scores, pd.concat(parts, ignore_index=True), fusion)
    tables.write(table, CONTRIBUTIONS, options.output)


if __name__ == "__main__":
    cli.run(main)
