"""A run with every step on the way to labels chosen, none of them the default's."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from projects import TINY

from label_truth import CHAINS, made

pytestmark = pytest.mark.workflow


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
