"""Labels: E and sigma are those of the equations, raters have no order, and units carry over."""

from fractions import Fraction
from math import nan, sqrt
from statistics import median
from typing import get_args

import numpy as np
import pandas as pd
from hypothesis import assume, example, given
from hypothesis import strategies as st

from softaer.core.experiment import Labels
from softaer.core.fields import types
from softaer.labels import label
from softaer.panels.estimators import median_estimate, perception_uncertainty, weighted_estimate
from softaer.panels.weighting import rater_agreement, weights_from_agreement
from softaer.rater_lags import align, estimate_lags, shift

from .generators import assert_close, fuzz, numbers

eighths = (st.integers(-8, 8) | st.integers(-1, 1)).map(lambda n: n / 8)
"""Ratings whose sums are exact, so that what is constant or uncorrelated is known."""


@st.composite
def panels(draw, values=eighths, min_raters=1):
    """Ratings of shape (K, T): raters that vary, are constant or absent; frames without any."""
    raters, frames = draw(st.integers(min_raters, 5)), draw(st.integers(1, 10))
    kinds = {
        "varies": st.lists(values | st.just(nan), min_size=frames, max_size=frames),
        "whole": st.lists(values, min_size=frames, max_size=frames),
        "constant": values.map(lambda value: [value] * frames),
        "absent": st.just([nan] * frames),
    }
    kind = st.sampled_from(["varies", "varies", "whole", "constant", "absent"])
    traces = np.array([draw(kinds[draw(kind)]) for _ in range(raters)])
    traces[:, draw(st.lists(st.integers(0, frames - 1), max_size=2))] = nan
    return traces


def as_table(traces, names=None):
    """Ratings as :func:`label` takes them."""
    rater, frame = np.nonzero(~np.isnan(traces))
    names = np.array(names or [f"r{k}" for k in range(len(traces))])
    return pd.DataFrame({"time": frame / 10, "rater": names[rater], "value": traces[rater, frame]})


def present(traces):
    """For each frame the ratings that are there, exactly, by rater."""
    return [
        {k: Fraction(trace[t]) for k, trace in enumerate(traces) if not np.isnan(trace[t])}
        for t in range(traces.shape[1])
    ]


def mean(values):
    return sum(values) / Fraction(len(values))


def agreement_by_loop(traces, against):
    """Pearson correlation of each rater with the mean of the others, or of all, or with each."""
    agreement = []
    if against == "pairs":
        return [
            mean_of_known(
                correlation([(y[k], y[j]) for y in present(traces) if k in y and j in y])
                for j in range(len(traces))
                if j != k
            )
            for k in range(len(traces))
        ]
    for k in range(len(traces)):
        pairs = []
        for ratings in present(traces):
            heard = [y for j, y in ratings.items() if against == "all" or j != k]
            if k in ratings and heard:
                pairs.append((ratings[k], mean(heard)))
        agreement.append(correlation(pairs))
    return agreement


def mean_of_known(values):
    known = [value for value in values if value == value]
    return sum(known) / len(known) if known else nan


def correlation(pairs):
    if len(pairs) < 2:
        return nan
    of_x, of_y = (mean(series) for series in zip(*pairs, strict=True))
    xy = sum((x - of_x) * (y - of_y) for x, y in pairs)
    xx = sum((x - of_x) ** 2 for x, _ in pairs)
    yy = sum((y - of_y) ** 2 for _, y in pairs)
    return float(xy) / sqrt(xx * yy) if xx and yy else nan


def label_by_loop(traces, estimator, against, spread, spread_about):
    """Rows (time, E, sigma, raters), and agreement, weights and fallback."""
    agreement = agreement_by_loop(traces, against)
    weights = [max(r, 0.0) if r == r else 0.0 for r in agreement]
    fallback = estimator == "ewe" and not any(weights)
    if fallback or estimator != "ewe":
        weights = [1.0] * len(traces)
    rows = []
    for frame, ratings in enumerate(present(traces)):
        if not ratings:
            continue
        plain = mean(ratings.values())
        total = sum(Fraction(weights[k]) for k in ratings)
        estimate = plain
        if estimator == "median":
            estimate = median(ratings.values())
        elif estimator == "trimmed_mean":
            cut = int(len(ratings) / 5)
            estimate = mean(sorted(ratings.values())[cut : len(ratings) - cut])
        elif total:
            estimate = sum(Fraction(weights[k]) * y for k, y in ratings.items()) / total
        # Raters of weight 0 count only where there are no others.
        heard = [y for k, y in ratings.items() if weights[k] > 0] or list(ratings.values())
        about = estimate if spread_about == "E" else mean(heard)
        squares = sum((y - about) ** 2 for y in heard)
        sigma = nan
        if len(heard) > 1:
            sigma = sqrt(squares / (len(heard) - (spread == "sample")))
        rows.append((frame / 10, float(estimate), sigma, len(heard)))
    return rows, agreement, weights, fallback


choices = st.fixed_dictionaries(
    {
        # The model of the panel needs a corpus.
        "estimator": st.sampled_from(sorted({*get_args(types(Labels)["estimator"])} - {"panel"})),
        "against": st.sampled_from(get_args(types(Labels)["against"])),
        "spread": st.sampled_from(get_args(types(Labels)["spread"])),
        "spread_about": st.sampled_from(["E", "mean"]),
    }
)
EWE = {"estimator": "ewe", "against": "others", "spread": "sample", "spread_about": "E"}
UNCORRELATED = np.array([[1, -1, 0, 1], [1, 0, 0, -1]])


@fuzz
@given(traces=panels(), options=choices, random=st.randoms(use_true_random=False))
def test_labels_are_those_of_the_equations(traces, options, random):
    there = ~np.isnan(traces).all(axis=1)
    assume(there.any())
    rows = as_table(traces)
    labels, table = label(rows.iloc[random.sample(range(len(rows)), len(rows))], **options)
    expected, agreement, weights, fallback = label_by_loop(traces[there], **options)
    expected = np.array(expected)
    assert list(labels) == ["time", "E", "sigma", "raters"]
    np.testing.assert_array_equal(labels["time"], expected[:, 0])
    np.testing.assert_array_equal(labels["raters"], expected[:, 3])
    assert list(table["rater"]) == [f"r{k}" for k in np.flatnonzero(there)]
    assert_close(table["agreement"], agreement, 1)
    assert_close(table["weight"], weights, 1)
    assert (table["fallback"] == fallback).all()
    assert_close(labels["E"], expected[:, 1], 1, digits=9)
    assert_close(labels["sigma"], expected[:, 2], 1, digits=9)


@fuzz
@given(
    traces=panels(),
    weights=st.lists(st.just(0.0) | st.floats(1e-9, 1), min_size=5, max_size=5),
)
def test_weighted_estimate_is_that_of_a_loop(traces, weights):
    weights = weights[: len(traces)]
    expected = []
    for ratings in present(traces):
        total = sum(Fraction(weights[k]) for k in ratings)
        share = weights if total else [1] * len(traces)
        some = sum(Fraction(share[k]) * y for k, y in ratings.items())
        expected.append(float(some / (total or len(ratings))) if ratings else nan)
    assert_close(weighted_estimate(traces, np.array(weights)), expected, 1)


@fuzz
@given(traces=panels(numbers(1e100)), options=choices)
def test_any_ratings_have_an_e_between_them_and_a_sigma_within_their_range(traces, options):
    assume(not np.isnan(traces).all())
    labels, table = label(as_table(traces), **options)
    heard = traces[:, ~np.isnan(traces).all(axis=0)]
    low, high = np.nanmin(heard, axis=0), np.nanmax(heard, axis=0)
    raters = labels["raters"].to_numpy()
    assert (raters >= 1).all()
    assert (raters <= (~np.isnan(heard)).sum(axis=0)).all()
    rounding = 1e-12 * np.nanmax(np.abs(heard))
    assert (labels["E"] >= low - rounding).all()
    assert (labels["E"] <= high + rounding).all()
    alone = raters < 2
    assert (labels["sigma"].isna() == alone).all()
    sigma = labels["sigma"][~alone]
    most = (high - low)[~alone] * np.sqrt(raters[~alone] / (raters[~alone] - 1))
    assert (sigma >= 0).all()
    assert (sigma <= most + rounding).all()
    assert table["weight"].between(0, 1 + 1e-12).all()
    assert (table["weight"] > 0).any()


@fuzz
@given(traces=panels(), options=choices, random=st.randoms(use_true_random=False))
def test_raters_have_no_order(traces, options, random):
    assume(not np.isnan(traces).all())
    traces = 0.8 * traces + 0.7  # tenths: rounding does not decide who is heard
    names = [f"r{k}" for k in range(len(traces))]
    others = random.sample(names, len(names))
    labels, table = label(as_table(traces), **options)
    renamed, weights = label(as_table(traces, others), **options)
    assert_close(renamed, labels, 1, digits=9)
    renaming = dict(zip(names, others, strict=True))
    weights = weights.set_index("rater").loc[table["rater"].map(renaming)]
    assert_close(weights["weight"], table["weight"], 1, digits=9)
    assert (weights["fallback"].to_numpy() == table["fallback"].to_numpy()).all()


@fuzz
@given(
    traces=panels(),
    options=choices,
    scale=st.sampled_from([0.001, 0.1, 1.0, 8.0, 1e6]),
    offset=st.sampled_from([-100.0, 0.0, 0.7, 3.0]),
)
@example(traces=UNCORRELATED, options=EWE, scale=0.1, offset=0.7)
def test_scale_and_offset_of_the_ratings_carry_over(traces, options, scale, offset):
    assume(not np.isnan(traces).all())
    labels, table = label(as_table(traces), **options)
    moved, weights = label(as_table(scale * traces + offset), **options)
    assert_close(weights["weight"], table["weight"], 1, digits=6)
    assert (weights["fallback"] == table["fallback"]).all()
    assert_close((moved["E"] - offset) / scale, labels["E"], 1, digits=6)
    assert_close(moved["sigma"] / scale, labels["sigma"], 1, digits=6)


@fuzz
@given(value=numbers(1e100), raters=st.integers(2, 5), frames=st.integers(1, 10), options=choices)
def test_raters_who_say_the_same_are_certain(value, raters, frames, options):
    labels, table = label(as_table(np.full((raters, frames), value)), **options)
    assert table["agreement"].isna().all()
    assert_close(labels["E"], value, abs(value))
    assert_close(labels["sigma"], 0, abs(value))


@fuzz
@given(traces=panels(), spread=st.sampled_from(get_args(types(Labels)["spread"])))
def test_frames_without_raters_have_no_estimate(traces, spread):
    absent = np.isnan(traces).all(axis=0)
    weights, _ = weights_from_agreement(rater_agreement(traces))
    for estimate in (weighted_estimate(traces, weights), median_estimate(traces)):
        np.testing.assert_array_equal(np.isnan(estimate), absent)
        sigma = perception_uncertainty(traces, estimate, spread)
        np.testing.assert_array_equal(np.isnan(sigma), (~np.isnan(traces)).sum(axis=0) < 2)


@fuzz
@given(trace=st.lists(numbers(1e300) | st.just(nan), max_size=8), steps=st.integers(-10, 10))
def test_shift_is_that_of_a_loop(trace, steps):
    at = [k + steps for k in range(len(trace))]
    expected = [trace[k] if 0 <= k < len(trace) else nan for k in at]
    np.testing.assert_array_equal(shift(np.array(trace, dtype=np.float64), steps), expected)


late = st.dictionaries(st.sampled_from("abcdefg"), st.integers(-30, 30), min_size=1)


@fuzz
@given(steps=late, frames=st.lists(st.integers(0, 50), unique=True, min_size=1, max_size=5))
def test_lags_that_are_taken_out_leave_the_raters_in_step(steps, frames):
    rows = [((n + 100 + late) / 10, rater, n) for rater, late in steps.items() for n in frames]
    ratings = pd.DataFrame(rows, columns=["time", "rater", "value"]).assign(dimension="x")
    common = np.mean(list(steps.values()))  # not seen in the ratings; any part of a step
    lags = (np.array(list(steps.values())) - common) / 10
    aligned = align(ratings, pd.DataFrame({"dimension": "x", "rater": list(steps), "lag": lags}))
    assert list(aligned) == list(ratings)
    assert len(aligned) == len(ratings)
    times = aligned.groupby("value")["time"]
    assert (times.nunique() == 1).all()
    shared = (times.first() * 10 - 100 - times.first().index).round(9)
    assert shared.nunique() == 1
    assert abs(shared.iloc[0] - common) <= 0.5 + 1e-6


@fuzz
@given(frames=st.lists(st.integers(0, 40), unique=True, min_size=1), lag=st.integers(-30, 30))
def test_ratings_from_before_the_start_are_dropped(frames, lag):
    time = np.array(frames) / 10
    ratings = pd.DataFrame({"time": time, "dimension": "x", "rater": "a", "value": time})
    lags = pd.DataFrame({"dimension": ["x"], "rater": ["a"], "lag": [lag / 10]})
    expected = [((frame - lag) / 10, frame / 10) for frame in frames if frame >= lag]
    found = align(ratings, lags)[["time", "value"]].itertuples(index=False, name=None)
    assert list(found) == expected


@fuzz
@given(
    recordings=st.lists(
        panels(min_raters=3).map(lambda ratings: ratings[:3]), min_size=1, max_size=2
    ),
    max_lag=st.sampled_from([0.0, 0.1, 0.3]),
)
def test_estimated_lags_are_whole_steps_within_the_search(recordings, max_lag):
    found = estimate_lags(recordings, max_lag)
    steps = found["lag"] * 10
    np.testing.assert_allclose(steps, np.rint(steps), rtol=0, atol=1e-9)
    assert (found["lag"].abs() <= max_lag).all()
    assert (found.loc[found["note"].notna(), "lag"] == 0).all()


@fuzz
@given(recordings=st.lists(panels(), min_size=1, max_size=2), value=numbers(1e6))
def test_raters_who_never_change_have_no_lag(recordings, value):
    constant = [np.where(np.isnan(traces[:1]), nan, value) for traces in recordings]
    pairs = [np.concatenate(both) for both in zip(constant, constant, strict=True)]
    found = estimate_lags(pairs, 0.2)
    np.testing.assert_array_equal(found["lag"], [0, 0])
    assert found["note"].notna().all()


@fuzz
@given(seed=st.integers(0, 2**32 - 1), place=st.integers(0, 2))
def test_a_rater_who_is_never_there_with_others_has_no_lag(seed, place):
    walk = np.random.default_rng(seed).normal(size=60).cumsum()
    in_step, alone = [*walk, *[nan] * 70], [*[nan] * 80, *walk[:50]]
    panel = np.insert(np.array([in_step, in_step]), place, alone, axis=0)
    found = estimate_lags([panel], 0.5)
    np.testing.assert_array_equal(found["lag"], [0, 0, 0])
    assert found["note"][place] == "no frames in common with others who change"
