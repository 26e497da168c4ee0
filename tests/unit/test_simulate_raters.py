"""What was planted can be found again in the ratings: lags, E and sigma."""

import numpy as np
import pandas as pd
import pytest

from softaer.core import tables
from softaer.core.errors import InputError
from softaer.simulate import raters, truth
from softaer.simulate.noise import smooth_noise

RECORDINGS = [f"rec{number:02d}" for number in range(1, 25)]
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
    """Traces that answer to GRID, shape (raters, n), late by one delay or each by its own."""
    traces = [trace for _, trace in ratings[ratings["dimension"] == dimension].groupby("rater")]
    delays = np.broadcast_to(delay, len(traces))
    return np.stack(
        [
            np.interp(GRID + own, trace["time"], trace["value"])
            for own, trace in zip(delays, traces, strict=True)
        ]
    )


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


def test_raters_disagree_independently_and_by_sigma_on_average():
    """Not by exactly sigma at every instant, which no real panel does."""
    time = np.arange(0, 600.1, 0.1)
    _, traces = raters.draw(
        np.random.default_rng(0), time, np.zeros(len(time)), np.full(len(time), 0.2)
    )
    reliable = [rater.reliability == 1 for rater in raters.RATERS]
    disagreement = (traces[reliable, 500::20] - traces[reliable].mean(axis=1, keepdims=True)) / 0.2
    correlation = np.corrcoef(disagreement)[np.triu_indices(sum(reliable), 1)]
    assert np.abs(correlation).max() < 0.15
    variance = disagreement.var(axis=0, ddof=1)
    assert variance.mean() == pytest.approx(1, abs=0.1)
    assert variance.std() > 0.5


def distance(traces, emotion):
    return np.sqrt(np.mean((traces.mean(axis=0) - emotion) ** 2))


@pytest.mark.parametrize("dimension", truth.DIMENSIONS)
def test_an_aligned_mean_is_nearer_to_the_truth(dimension, planted, ratings):
    reliable = [rater for rater in raters.RATERS if rater.reliability == 1]
    emotion = planted_track(planted.values(), dimension, "E")

    def together(delays):
        traces = [panel(ratings[name], dimension, delays) for name in RECORDINGS]
        return np.hstack(traces)[: len(reliable)]

    aligned = together([rater.lag for rater in raters.RATERS])
    assert distance(aligned, emotion) < 0.97 * distance(together(DELAY), emotion)


def test_centred_disagreement_would_favour_raters_that_are_not_aligned(planted):
    """The control: disagreements that cancel at every instant of the raters' clocks."""
    reliable = [rater for rater in raters.RATERS if rater.reliability == 1]
    rng = np.random.default_rng(0)
    found = {"aligned": [], "as they are": []}
    for name in RECORDINGS:
        rows = planted[name]["arousal"]
        time, emotion, sigma = (rows[track].to_numpy() for track in ("time", "E", "sigma"))
        noise = np.stack([smooth_noise(rng, len(time), 4) for _ in reliable])
        noise -= noise.mean(axis=0)
        for rater, own in zip(reliable, noise, strict=True):
            seen = time - rater.lag
            trace = np.interp(seen, time, emotion) + np.interp(seen, time, sigma) * own
            found["aligned"].append(np.interp(GRID + rater.lag, time, trace))
            found["as they are"].append(np.interp(GRID + DELAY, time, trace))
    emotion = planted_track(planted.values(), "arousal", "E")
    parts = {
        how: np.hstack(np.split(np.array(traces), len(RECORDINGS))) for how, traces in found.items()
    }
    assert distance(parts["as they are"], emotion) < 0.97 * distance(parts["aligned"], emotion)


@pytest.mark.parametrize("sharing", [True, False])
def test_sigma_follows_the_state_of_e_only_if_they_share_it(sharing):
    """The expression turns against what is felt where the person masks."""
    parts = [truth.plant(f"rec{n}", 1, 200.0, sharing) for n in range(6)]
    rows = pd.concat(parts)[lambda table: table["dimension"] == "arousal"]
    turned = rows["expression"] * rows["E"] < 0
    certain = rows["expression"].abs() > 0.7
    relation = np.corrcoef(turned[certain], rows["sigma"][certain])[0, 1]
    assert relation > 0.7 if sharing else abs(relation) < 0.25


def test_the_switch_changes_sigma_alone_and_not_its_distribution():
    on, off = (
        pd.concat([truth.plant(f"rec{n}", 1, 300.0, sharing) for n in range(20)])
        for sharing in (True, False)
    )
    pd.testing.assert_frame_equal(on.drop(columns="sigma"), off.drop(columns="sigma"))
    for _, pair in pd.concat([on, off], keys=["on", "off"]).groupby("dimension"):
        one, other = (pair.loc[which, "sigma"] for which in ("on", "off"))
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.15
        low, high = pair["sigma"].min(), pair["sigma"].max()
        assert abs(one.mean() - other.mean()) < 0.05 * (high - low)
        assert one.std() == pytest.approx(other.std(), rel=0.05)


@pytest.mark.parametrize("dimension", truth.DIMENSIONS)
def test_e_cannot_be_read_from_the_expression_alone(dimension):
    parts = [truth.plant(f"rec{n}", 1, 300.0) for n in range(20)]
    rows = pd.concat(parts)[lambda table: table["dimension"] == dimension]
    felt = rows["E"].groupby(rows["recording"]).shift(-10)  # E is late by the leaky integrator
    known = felt.notna()
    assert np.corrcoef(rows["expression"][known], felt[known])[0, 1] < 0.7
    masking = rows["sigma"] > np.mean(truth.SIGMA_RANGE[dimension])
    for state, bound in ((~masking, 0.8), (masking, 0.0)):
        here = known & state
        relation = np.corrcoef(rows["expression"][here], felt[here])[0, 1]
        assert relation > bound if bound else relation < bound


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
    assert ccc(traces.mean(axis=0), emotion) > 0.92
    assert ccc(undelayed.mean(axis=0), emotion) < 0.7
    spread = traces.std(axis=0, ddof=1)
    assert np.corrcoef(spread, sigma)[0, 1] > 0.6
    assert 0.6 < ccc(spread, sigma) < 0.85


def test_the_unreliable_rater_agrees_least(ratings):
    parts = [panel(ratings[name], d, DELAY) for name in RECORDINGS for d in truth.DIMENSIONS]
    traces = np.hstack(parts)
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
