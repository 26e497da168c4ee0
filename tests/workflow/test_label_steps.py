"""A run with every step on the way to labels chosen, none of them the default's."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from projects import TINY

from label_truth import CHAINS, made
from softaer.core.experiment import Labels
from softaer.labels import label
from softaer.panels.steps import prepared_ratings
from softaer.rater_lags import align
from softaer.rater_statistics import rater_levels
from softaer.rater_weights import corpus_weights

pytestmark = pytest.mark.workflow


def test_labels_of_a_run_by_the_model_of_the_panel(empty_project):
    """One key, with which the scale comes."""
    chosen = {"estimator": "panel", "alignment": "estimated", "screen": ["flat"]}
    outcome = empty_project.run("labels", config=TINY | {"labels": chosen})
    assert outcome.returncode == 0, outcome.output
    made_by = {"rater_screen", "rater_statistics", "rater_traces", "rater_lags", "rater_weights"}
    assert made_by | {"labels_batch"} <= outcome.rules

    def read(name):
        table = pd.read_parquet(empty_project.path(f"results/{name}"))
        return table.sort_values("recording", kind="stable") if "recording" in table else table

    ratings, labels = read("ratings"), read("labels")
    levels = rater_levels(ratings, "panel")
    known = read("rater_statistics.parquet")
    np.testing.assert_allclose(known[["gain", "bias"]], levels[["gain", "bias"]], atol=1e-9)
    assert (known["gain"] - 1).abs().max() > 0.01
    traces = prepared_ratings(ratings, Labels(scale="panel"), levels)
    traces = align(traces, read("rater_lags.parquet"))
    weights = corpus_weights(traces, estimator="panel")
    for recording, rows in labels.groupby("recording"):
        own = traces[traces["recording"] == recording]
        expected, _ = label(own, estimator="panel", corpus_weights=weights)
        np.testing.assert_allclose(rows["E"], expected["E"], atol=1e-6)
        np.testing.assert_allclose(rows["sigma"], expected["sigma"], atol=1e-6)


def test_labels_of_a_run_are_those_of_its_steps(empty_project):
    chosen = {
        "scale": "rater",
        "smoothing": "savitzky_golay",
        "smoothing_window": 0.7,
        "alignment": "estimated",
        "elastic": "ctw",
        "max_lag": 2.0,
        "measure": "ccc",
        "against": "pairs",
        "smooth_estimate": 1.5,
    }
    outcome = empty_project.run("labels", config=TINY | {"labels": chosen})
    assert outcome.returncode == 0, outcome.output
    assert {"rater_statistics", "rater_traces", "rater_lags", "labels_batch"} <= outcome.rules
    read = [
        pd.read_parquet(empty_project.path(f"results/{name}")) for name in ("ratings", "labels")
    ]
    ratings, labels = (table.sort_values("recording", kind="stable") for table in read)
    expected = made(ratings, replace(CHAINS["EWE (default)"], **chosen))
    for recording, rows in labels.groupby("recording"):
        estimate = expected[recording]
        np.testing.assert_allclose(rows["E"], estimate[~np.isnan(estimate)], atol=1e-9)
    # sigma is in standard deviations of the raters.
    assert 0 < labels["sigma"].mean() < 1.5
    assert labels["E"].abs().max() > 1
