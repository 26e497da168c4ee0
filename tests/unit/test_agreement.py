"""Agreement of the raters."""

import itertools

import numpy as np
import pandas as pd
import pytest

from softaer.agreement import pairs_table, raters_table
from softaer.core.reliability import correlations
from softaer.core.schema import AGREEMENT_CURVE
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


def curve_of(*dimensions):
    rows = [
        (dimension, target, rule, n, n / (n + less), n / (n + 2), np.nan, 0.5 if n < 3 else np.nan)
        for dimension in dimensions
        for target, rule, less in (("E", "K", 0.5), ("sigma", "K", 9), ("sigma", "K - 1", 7))
        for n in range(1, 31)
    ]
    return pd.DataFrame(rows, columns=AGREEMENT_CURVE.names)


def test_too_many_raters_for_a_matrix_are_told_and_the_curves_stay():
    figure = draw(pairs_of(61), curve_of("mood"))
    words = [text.get_text() for text in figure.subfigs[0].texts]
    assert words == ["61 raters are too many for a matrix.\nAll pairs are in results/agreement."]
    assert len(figure.axes) == 1
    matrix_of_three, curves = draw(pairs_of(3), curve_of("mood")).axes
    assert matrix_of_three.get_title() == "mood"
    assert curves.get_title(loc="left") == "mood"
    assert "There are no two raters" in draw(pairs_of(1), curve_of()).axes[0].texts[0].get_text()


def test_the_curves_show_what_is_extended_and_what_is_measured():
    *_, curves = draw(pairs_of(3), curve_of("mood")).axes
    named = {line.get_label(): line for line in curves.lines if line.get_marker() == "None"}
    assert set(named) == {"E", "σ", "σ, by K - 1"}
    np.testing.assert_allclose(named["E"].get_ydata()[[0, 29]], [1 / 1.5, 30 / 30.5])
    dots = [line for line in curves.lines if line.get_marker() == "o"]
    assert all(np.isfinite(line.get_ydata()).sum() == 2 for line in dots)


def test_without_a_curve_there_is_an_empty_panel():
    assert len(draw(pairs_of(2), curve_of()).axes[-1].lines) == 0
