"""First screen of the report: what was done, the chosen models, and what follows, in sentences."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from softaer.core.experiment import Experiment, tried
from softaer.core.grid import RATE
from softaer.core.tasks import CONSTANT_SPREAD, RIDGE
from softaer.corpus import Recording
from softaer.page.against_ridge import AgainstRidge
from softaer.page.score_table import name_of, shown
from softaer.page.worth import of_predictions, verdict

SYMBOLS = {"E": "E", "sigma": "σ"}
"""Targets as pages show them."""

RIDGE_CLAIM = "network > ridge"
"""The hypothesis that asks whether networks beat the ridge regression."""


def joined(words: Iterable[str]) -> str:
    """Words as a sentence lists them.

    Examples
    --------
    >>> joined(["a", "b", "c"]), joined(["a"]), joined([])
    ('a, b and c', 'a', '')
    """
    words = list(words)
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def counted(number: int, word: str) -> str:
    """A number with its word.

    Examples
    --------
    >>> counted(1, "seed"), counted(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{number} {word}{'' if number == 1 else 's'}"


def networks_of(config: Mapping[str, Any]) -> list[str]:
    """Networks of a configuration, those of its grid included.

    Examples
    --------
    >>> networks_of({"model": {"network": "gru"}})
    ['gru']
    >>> networks_of({"model": {"network": "gru"}, "grid": {"model.network": ["tcn", "gru"]}})
    ['tcn', 'gru']
    """
    return tried(config, "model.network")


def what_was_done(
    experiment: Experiment,
    networks: Sequence[str],
    recordings: Sequence[Recording],
    raters: int,
    simulated: bool,
) -> str:
    """Corpus, raters, modalities, networks and seeds in one sentence.

    Parameters
    ----------
    experiment
        The predictions of the run.
    networks
        Their names.
    recordings
        Rated recordings.
    raters
        Number of raters.
    simulated
        Whether the corpus is the simulated one.
    """
    partitions = dict.fromkeys(r.partition for r in recordings)
    shares = [
        f"{sum(r.partition == p for r in recordings)} {p}"
        for p in sorted(partitions, key=("train", "dev", "test").index)
    ]
    subjects = len({r.subject for r in recordings})
    targets = joined(SYMBOLS[target] for target in experiment.targets)
    inputs = [*experiment.single, *(["their late fusion"] if experiment.fused else [])]
    by = f", rated by {counted(raters, 'rater')}" if raters else ""
    return (
        f"Networks ({', '.join(networks)}; {', '.join(experiment.tasks)}; "
        f"{counted(len(experiment.seeds), 'seed')}) predicted {targets} of "
        f"{joined(experiment.dimensions)} {RATE} times a second from "
        f"{joined(inputs)}, in {counted(len(recordings), 'recording')} ({', '.join(shares)}) of "
        f"{counted(subjects, 'subject')}{' of the simulated corpus' if simulated else ''}{by}."
    )


def chosen_rows(chosen: Sequence[Mapping[str, Any]], table: Mapping[str, list]) -> list[dict]:
    """The chosen model of each dimension and target, beside what it must be compared with.

    Parameters
    ----------
    chosen
        See :func:`softaer.page.headline.headline`.
    table
        See :func:`softaer.page.score_table.score_table`.

    Returns
    -------
    ``of`` (dimension and symbol), ``model``, ``out_of_fold`` (dev), ``test``, ``bounds``, ``best``
    (whether no model is higher on test), ``ridge`` (on the same features, test), ``human`` (one
    more rater, test) and ``highest`` (the model that is higher on test, with its CCC; None if there
    is none). A number that is not known is None.
    """
    rows = []
    for entry in chosen:
        place = table["columns"].index((entry["dimension"], entry["target"]))
        blocks = {(row["name"], row["task"]): row["blocks"][place] for row in table["rows"]}
        name = name_of(entry["modality"], entry["task"], entry["fusion"] or "")
        own = blocks[name, entry["task"]]
        higher = [(key, block["test"]) for key, block in blocks.items() if block.get("best")]
        highest = None if own["best"] or not higher else (", ".join(higher[0][0]), higher[0][1])
        rows.append(
            {
                "of": f"{entry['dimension']} {SYMBOLS[entry['target']]}",
                "model": f"{name}, {entry['task']}",
                **{key: own[key] for key in ("out_of_fold", "test", "bounds", "best")},
                "ridge": blocks.get((name, RIDGE), {}).get("test"),
                "human": entry["human"],
                "highest": highest,
            }
        )
    return rows


def not_the_highest(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Why the score of a chosen model is not the highest on test, or None if all are the highest.

    Parameters
    ----------
    rows
        See :func:`chosen_rows`.
    """
    others = [
        f"{row['of']} ({row['highest'][0]}: {shown(row['highest'][1])})"
        for row in rows
        if row["highest"]
    ]
    if not others:
        return None
    return (
        "Models are chosen on dev, out of fold; the bold number of the full table is the highest "
        "on test, which nobody could know beforehand. Another model is higher on test for "
        f"{joined(others)}."
    )


def ridge_beaten(claims: pd.DataFrame, ridge: AgainstRidge | None) -> str:
    """Whether the networks beat the ridge regression on the same features.

    Parameters
    ----------
    claims
        Table of the stage ``evaluate``.
    ridge
        Point estimates.
    """
    if ridge is None:
        return "Not known: no ridge regression stands beside the networks."
    answers = _answers(claims[claims["hypothesis"] == RIDGE_CLAIM]) or "Not tested"
    where = "on test" if ridge.partition == "test" else "on dev, out of fold"
    ahead = ridge.compared - len(ridge.behind)
    cases = f"{ahead} of {ridge.compared} cases {where}"
    return f"{answers}. The network has the higher CCC in {cases}."


def claims_hold(claims: pd.DataFrame) -> str:
    """The answers to the claims, but for that on the ridge regression.

    Parameters
    ----------
    claims
        Table of the stage ``evaluate``.
    """
    others = claims[claims["hypothesis"] != RIDGE_CLAIM]
    if others.empty:
        return "Not tested: there is no test partition, or nothing to compare."
    parts = [
        f"{hypothesis}: {_answers(rows)}"
        for hypothesis, rows in others.groupby("hypothesis", sort=False)
    ]
    return "; ".join(parts) + "."


def _answers(rows: pd.DataFrame) -> str:
    """Answers by target, one for all if they are the same."""
    if rows["answer"].nunique() == 1 and len(rows) > 1:
        return f"{rows['answer'].iloc[0]} for {joined(SYMBOLS[t] for t in rows['target'])}"
    return ", ".join(
        f"{row.answer} for {SYMBOLS[row.target]}" for row in rows.itertuples(index=False)
    )


def sigma_worth(scores: pd.DataFrame) -> str:
    """Whether the predicted σ says more than a spread that does not change.

    Parameters
    ----------
    scores
        Table ``DISTRIBUTION`` of the stage ``uncertainty``.
    """
    found = verdict(scores, CONSTANT_SPREAD)
    if found is None:
        return "Not known: no single ratings of test were scored."
    better, cases = found["crps"]["better"], found["cases"]
    where = "in every case" if better == cases else f"in {better} of {cases} cases"
    sure = (
        f"beyond chance in {found['crps']['clearly_better']}"
        if found["with_interval"]
        else "too few units to be certain"
    )
    first = (
        f"More than a constant spread {where} ({sure}), by the CRPS of single ratings"
        if better
        else "Not more than a constant spread, by the CRPS of single ratings"
    )
    r = of_predictions(scores)["r_deviation"]
    return f"{first}. With how far a left-out rater deviates, it correlates by {r}."
