"""What was planted can be found again in the ratings: lags, E and sigma."""

import numpy as np
import pandas as pd
import pytest

from softaer.core import tables
from softaer.core.errors import InputError
from softaer.simulate import raters, truth

RECORDINGS = [f"rec{number:02d}" for number in range(1, 9)]
SEED, DURATION, DELAY = 1, 40.0, 4.0
GRID = np.arange(0, 35.5, 0.1)
"""Grid points that still have ratings four seconds later [s]."""


@pytest.fixture(scope="module")
def planted():
    """Truth by recording and dimension."""
    return {
        name: dict(list(truth.plant(name, SEED, DURATION).groupby("dimension")))
        for name in RECORDINGS
    }


@pytest.fixture(scope="module")
def ratings(planted):
    return {name: raters.rate(name, SEED, planted[name]) for name in RECORDINGS}


def ccc(a, b):
    covariance = np.mean((a - a.mean()) * (b - b.mean()))
    return 2 * covariance / (a.var() + b.var() + (a.mean() - b.mean()) ** 2)


def panel(ratings, dimension, delay):
    """Traces that answer to GRID, shape (raters, n); gaps are bridged."""
    traces = ratings[ratings["dimension"] == dimension].groupby("rater")
    return np.stack([np.interp(GRID + delay, trace["time"], trace["value"]) for _, trace in traces])


def planted_track(planted, dimension, track):
    return np.concatenate(
        [np.interp(GRID, rows[dimension]["time"], rows[dimension][track]) for rows in planted]
    )


def test_truth_is_within_its_bounds_and_differs_between_seeds_and_recordings():
    one = truth.plant("rec01", 1, DURATION)
    assert one["time"].max() == DURATION
    assert one["E"].between(-1, 1, inclusive="neither").all()
    for dimension, (low, high) in truth.SIGMA_RANGE.items():
        sigma = one.loc[one["dimension"] == dimension, "sigma"]
        assert sigma.between(low, high).all()
        assert np.ptp(sigma) > 0.5 * (high - low)
    for other in (truth.plant("rec01", 2, DURATION), truth.plant("rec02", 1, DURATION)):
        assert abs(np.corrcoef(one["E"], other["E"])[0, 1]) < 0.8


def test_truth_and_ratings_do_not_depend_on_what_was_drawn_before(planted, ratings):
    again = truth.plant("rec03", SEED, DURATION)
    pd.testing.assert_frame_equal(
        again, pd.concat(planted["rec03"].values()).reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(ratings["rec03"], raters.rate("rec03", SEED, planted["rec03"]))


def test_same_seed_gives_the_same_bytes(tmp_path, planted):
    for name in ("a", "b"):
        tables.write(truth.plant("rec01", SEED, 10.0), truth.TRUTH, tmp_path / f"{name}.parquet")
        raters.write(raters.rate("rec01", SEED, planted["rec01"]), tmp_path / f"{name}.csv")
    for suffix in ("parquet", "csv"):
        files = [tmp_path / f"{name}.{suffix}" for name in ("a", "b")]
        assert files[0].read_bytes() == files[1].read_bytes()


def test_traces_look_like_those_of_a_joystick_tool(ratings):
    everything = pd.concat(ratings.values(), keys=ratings)
    assert everything["value"].between(-1, 1).all()
    steps = everything.groupby([pd.Grouper(level=0), "rater", "dimension"])["time"].diff().dropna()
    assert (steps >= 0).all()
    assert (steps == 0).any(), "some time stamps are repeated"
    assert 0.04 < steps.median() < 0.05
    assert steps.max() > 1.0, "there are gaps"
    starts = everything.groupby([pd.Grouper(level=0), "rater", "dimension"])["time"].min()
    assert starts.nunique() > len(starts) / 2


def test_disagreement_of_the_panel_is_exactly_one_at_every_instant():
    noise = raters.disagreement(np.random.default_rng(0), 6, 500)
    np.testing.assert_allclose(noise.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(noise.std(axis=0, ddof=1), 1)


def test_mean_lag_is_four_seconds():
    assert np.mean([rater.lag for rater in raters.RATERS]) == pytest.approx(DELAY)


def test_lag_of_each_rater_is_found_by_cross_correlation(planted, ratings):
    lags = np.arange(2.0, 6.01, 0.1)
    emotion = np.concatenate(
        [planted_track(planted.values(), dimension, "E") for dimension in truth.DIMENSIONS]
    )
    agreement = []
    for lag in lags:
        parts = [
            panel(ratings[name], dimension, lag)
            for dimension in truth.DIMENSIONS
            for name in RECORDINGS
        ]
        rated = np.concatenate(parts, axis=1)
        agreement.append([np.corrcoef(emotion, trace)[0, 1] for trace in rated])
    found = lags[np.argmax(agreement, axis=0)]
    np.testing.assert_allclose(found, [rater.lag for rater in raters.RATERS], atol=0.3)


@pytest.mark.parametrize("dimension", truth.DIMENSIONS)
def test_mean_and_spread_of_the_panel_are_planted_e_and_sigma(dimension, planted, ratings):
    emotion = planted_track(planted.values(), dimension, "E")
    sigma = planted_track(planted.values(), dimension, "sigma")
    traces = np.hstack([panel(ratings[name], dimension, DELAY) for name in RECORDINGS])
    undelayed = np.hstack([panel(ratings[name], dimension, 0.0) for name in RECORDINGS])
    assert ccc(traces.mean(axis=0), emotion) > 0.97
    assert ccc(undelayed.mean(axis=0), emotion) < 0.7
    spread = traces.std(axis=0, ddof=1)
    assert np.corrcoef(spread, sigma)[0, 1] > 0.80
    assert ccc(spread, sigma) > 0.75


@pytest.mark.parametrize("dimension", truth.DIMENSIONS)
def test_the_unreliable_rater_agrees_least(dimension, ratings):
    traces = np.hstack([panel(ratings[name], dimension, DELAY) for name in RECORDINGS])
    mean_of_others = (traces.sum(axis=0) - traces) / (len(traces) - 1)
    agreement = [
        np.corrcoef(trace, others)[0, 1]
        for trace, others in zip(traces, mean_of_others, strict=True)
    ]
    reliability = [rater.reliability for rater in raters.RATERS]
    assert np.argmin(agreement) == np.argmin(reliability)


def test_missing_truth_and_truth_of_another_recording(tmp_path):
    path = tmp_path / "truth.parquet"
    with pytest.raises(InputError):
        truth.read(path, "rec01")
    tables.write(truth.plant("rec01", SEED, 5.0), truth.TRUTH, path)
    assert set(truth.read(path, "rec01")) == set(truth.DIMENSIONS)
    with pytest.raises(InputError):
        truth.read(path, "rec02")
