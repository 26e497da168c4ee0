"""Agreement of the raters."""

import itertools

import numpy as np
import pandas as pd
import pytest

from softaer.agreement import pairs_table, raters_table
from softaer.core.reliability import correlations
from softaer.figures.agreement import draw, matrix
from softaer.rater_weights import traces_of_corpus


def ratings(**traces):
    """Ratings of two recordings, ten frames each; None where a rater is silent."""
    rows = [
        ("ab"[place // 10], place % 10 / 10, rater, value)
        for rater, values in traces.items()
        for place, value in enumerate(values)
        if value is not None
    ]
    return pd.DataFrame(rows, columns=["recording", "time", "rater", "value"])


@pytest.fixture
def traces():
    rng = np.random.default_rng(3)
    first = rng.normal(size=20)
    second = first + rng.normal(size=20)
    third = [None] * 10 + list(-first[10:])
    return traces_of_corpus(ratings(x=first, y=second, z=third))


def test_each_pair_is_correlated_over_what_both_have_rated(traces):
    table = pairs_table(traces).set_index(["rater", "other"])
    assert list(table.index) == list(itertools.combinations("xyz", 2))
    values = traces.to_numpy()
    expected = np.corrcoef(values[0], values[1])[0, 1]
    assert table.loc[("x", "y"), "correlation"] == pytest.approx(expected)
    assert table.loc[("x", "z"), "correlation"] == pytest.approx(-1)
    assert table["frames"].to_dict() == {("x", "y"): 20, ("x", "z"): 10, ("y", "z"): 10}


def test_a_constant_trace_has_no_correlation():
    correlation, frames = correlations(np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 2.0]]))
    assert np.isnan(correlation).all()
    assert frames[0, 1] == 3


def test_raters_are_told_with_their_weights(traces):
    weights = pd.DataFrame(
        [("x", 0.2, False), ("x", 0.6, False), ("y", 0.5, True), ("z", 0.0, False)],
        columns=["rater", "weight", "fallback"],
    )
    pairs = pairs_table(traces)
    table = raters_table(traces, pairs, weights).set_index("rater")
    assert table.loc["x", ["recordings", "frames"]].tolist() == [2, 20]
    assert table.loc["z", ["recordings", "frames"]].tolist() == [1, 10]
    assert table.loc["x", ["weight", "weight_low", "weight_high"]].tolist() == [0.4, 0.2, 0.6]
    assert table["fallbacks"].tolist() == [0, 1, 0]
    own = pairs[(pairs["rater"] == "y") | (pairs["other"] == "y")]["correlation"].mean()
    assert table.loc["y", "correlation"] == pytest.approx(own)


def test_the_matrix_is_symmetric_with_nothing_on_its_diagonal(traces):
    table = matrix(pairs_table(traces))
    assert list(table.index) == list(table.columns) == list("xyz")
    assert np.isnan(np.diag(table)).all()
    np.testing.assert_array_equal(table.to_numpy(), table.to_numpy().T)


def pairs_of(count):
    rows = [("mood", str(a), str(b), 0.5) for a, b in itertools.combinations(range(count), 2)]
    return pd.DataFrame(rows, columns=["dimension", "rater", "other", "correlation"])


def test_too_many_raters_for_a_matrix_are_told():
    words = [text.get_text() for text in draw(pairs_of(31)).axes[0].texts]
    assert words == ["31 raters are too many for a matrix. All pairs are in results/agreement."]
    assert draw(pairs_of(3)).axes[0].get_title() == "mood"
    assert "There are no two raters" in draw(pairs_of(1)).axes[0].texts[0].get_text()
