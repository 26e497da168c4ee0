"""Labels by the model of the panel: who follows it, and what that does to E and sigma."""

import numpy as np
import pandas as pd
import pytest
from planted_panels import MILD, ODD, STRONG, planted
from rating_tables import table_of
from test_labels import as_table, real_ratings

from softaer.core.concordance import ccc
from softaer.core.errors import InputError
from softaer.core.experiment import Labels
from softaer.core.grid import index
from softaer.labels import label
from softaer.panels.steps import prepared_ratings
from softaer.rater_lags import align, estimate_lags, panel
from softaer.rater_statistics import of_panel, rater_levels
from softaer.rater_weights import corpus_weights
from softaer.running.configuration import filled

SEEDS = range(4)


def ratings_of(of):
    parts = [table_of(traces, f"rec{k:02d}") for k, traces in enumerate(of.ratings)]
    return pd.concat(parts, ignore_index=True)


def labels_of(ratings, estimator):
    """Labels as the stages make them, with the lags taken out."""
    settings = Labels(estimator=estimator, scale="panel" if estimator == "panel" else "none")
    if estimator == "panel":
        ratings = prepared_ratings(ratings, settings, rater_levels(ratings, "panel"))
    raters, traces = panel(ratings)
    ratings = align(ratings, estimate_lags(traces).assign(rater=raters, dimension="m"))
    weights = corpus_weights(ratings, estimator="panel") if estimator == "panel" else None
    return {
        recording: label(rows, estimator=estimator, corpus_weights=weights)[0]
        for recording, rows in ratings.groupby("recording")
    }


def scores(of, estimator):
    """CCC of E and of sigma with the planted ones."""
    found = [[], [], [], []]
    for k, table in enumerate(labels_of(ratings_of(of), estimator).values()):
        table = table[index(table["time"].to_numpy()) < len(of.emotion[k])].dropna()
        frames = index(table["time"].to_numpy())
        columns = (table["E"], of.emotion[k][frames], table["sigma"], of.sigma[k][frames])
        for place, values in zip(found, columns, strict=True):
            place.append(np.asarray(values))
    e, emotion, sigma, planted_sigma = map(np.concatenate, found)
    return ccc(e, emotion), ccc(sigma, planted_sigma)


@pytest.mark.parametrize(
    ("raters", "fault", "gain_of_sigma", "loss_of_e"),
    [
        (MILD, "none", 0.0, 0.005),
        (MILD, "noise", 0.3, 0.0),
        (STRONG, "none", 0.3, 0.005),
        (STRONG, "inverted", 0.3, 0.0),
    ],
    ids=["mild", "mild, one noise", "strong", "strong, one inverted"],
)
def test_sigma_gains_where_raters_use_the_scale_differently(
    raters, fault, gain_of_sigma, loss_of_e
):
    """And E loses nothing, as docs/raters.md says."""
    pairs = [
        [scores(planted(seed, raters, fault), estimator) for estimator in ("ewe", "panel")]
        for seed in SEEDS
    ]
    ewe, of_panel = np.mean(pairs, axis=0)
    assert of_panel[0] > ewe[0] - loss_of_e
    assert of_panel[1] > ewe[1] + gain_of_sigma


@pytest.mark.parametrize("fault", ["none", "noise", "inverted", "dead"])
def test_gains_and_biases_are_those_planted_in_who_follows(fault):
    errors = []
    for seed in SEEDS:
        of = planted(seed, STRONG, fault)
        table = of_panel(ratings_of(of))
        honest = np.arange(len(of.gain)) != ODD if fault != "none" else np.ones(6, dtype=bool)
        gain = of.gain / of.gain[honest].mean()
        bias = of.bias - of.bias[honest].mean()
        errors.append([table["gain"] - gain, table["bias"] - bias])
        if fault in ("inverted", "dead"):  # a random walk may follow a little
            assert table.loc[ODD, ["gain", "bias"]].tolist() == [1, 0]
    errors = np.array(errors)[..., honest]
    gain, bias = np.sqrt((errors**2).mean(axis=(0, 2)))
    assert gain < 0.12
    assert bias < 0.06


@pytest.mark.parametrize("fault", ["noise", "inverted", "dead"])
def test_who_does_not_follow_has_weight_zero(fault):
    ratings = ratings_of(planted(0, MILD, fault))
    weights = corpus_weights(ratings, estimator="panel")
    assert list(np.flatnonzero(weights["weight"] == 0)) == [ODD]
    assert weights["weight"].max() == 1
    assert not weights["fallback"].any()


def test_a_noisy_rater_counts_for_less():
    weights = corpus_weights(ratings_of(planted(1, MILD)), estimator="panel")["weight"]
    assert weights.idxmin() == len(MILD) - 1  # whose reliability is 0.7
    assert weights.min() < 0.5


def test_whom_the_screen_leaves_out_has_no_part():
    ratings = ratings_of(planted(0, STRONG))
    screen = pd.DataFrame(
        {
            "dimension": "m",
            "rater": [f"r{k}" for k in range(6)],
            "excluded": [True] + [False] * 5,
            "verdict": "flat",
        }
    )
    with_all = rater_levels(ratings, "panel").set_index("rater")
    without = rater_levels(ratings, "panel", screen=screen).set_index("rater")
    assert without.loc["r0", ["gain", "bias"]].tolist() == [1, 0]
    own = of_panel(ratings[ratings["rater"] != "r0"]).set_index("rater")
    pd.testing.assert_frame_equal(without.loc[own.index, ["gain", "bias"]], own[["gain", "bias"]])
    assert abs(with_all.loc["r1", "gain"] - without.loc["r1", "gain"]) > 0.01


@pytest.mark.parametrize("raters", [1, 2])
def test_few_raters_stay_as_they_are(raters):
    traces = np.tile(np.sin(np.arange(300) / 30), (raters, 1))
    traces[1:] = 0.0
    table = of_panel(table_of(traces))
    assert (table["gain"] == 1).all()
    assert (table["bias"] == 0).all()
    weights = corpus_weights(table_of(traces), estimator="panel")
    assert weights["fallback"].all()


@pytest.mark.parametrize(("task", "ewe"), [("TaskA", 0.775), ("TaskB", 0.953)])
def test_real_raters_are_not_read_worse_than_by_ewe(booth, task, ewe):
    path = booth / task / "objective_truth" / f"{task}_normalized_10hz.csv"
    truth = pd.read_csv(path)["Data"].to_numpy()
    ratings = as_table(real_ratings(booth, task)).assign(recording="x", dimension="m")
    levels = rater_levels(ratings, "panel")
    ratings = prepared_ratings(ratings, Labels(scale="panel", estimator="panel"), levels)
    weights = corpus_weights(ratings, estimator="panel")
    table, _ = label(ratings, estimator="panel", corpus_weights=weights)
    length = min(len(truth), len(table))
    r = np.corrcoef(truth[:length], table["E"][:length])[0, 1]
    assert r > ewe - 0.005


def test_the_estimator_brings_its_scale():
    assert filled({"labels": {"estimator": "panel"}})["labels"]["scale"] == "panel"
    assert filled({"labels": {"estimator": "mean"}})["labels"]["scale"] == "none"
    with pytest.raises(ValueError, match="needs weights over the corpus"):
        label(table_of(np.zeros((2, 5))), estimator="panel")


def test_another_scale_beside_it_is_refused():
    with pytest.raises(InputError, match=r"labels\.scale.*'rater'.*expected panel"):
        filled({"labels": {"estimator": "panel", "scale": "rater"}})
