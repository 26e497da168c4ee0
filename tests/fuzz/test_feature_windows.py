"""Features: what reaches the grid is what a loop over the frames around each grid point finds,
and standardisation is that of all frames together."""

import statistics
from math import nan

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from softaer.audio_features import audio_features
from softaer.core.grid import grid, index, interpolate
from softaer.signals.functionals import functional_names, windowed_functionals
from softaer.signals.markup import POINTS, REFERENCE, columns, place_and_width, positions
from softaer.standardisation import fit_standardisation, standardise
from softaer.video_features import register, video_features

from .generators import assert_close, clocks, fuzz, grid_points, interpolated, numbers, seconds

widths = st.integers(0, 40).map(lambda n: 100 * n) | st.integers(0, 2000).map(lambda n: 2 * n)
"""Windows [ms] whose halves are whole, many as wide as some grid points."""


@st.composite
def series(draw, largest, min_size=0, width=None):
    """Increasing times [ms] and values of shape (n, d), constant columns among them."""
    times = draw(clocks(min_size))
    shape = (len(times), draw(st.integers(1, 3)) if width is None else width)
    fill = st.nothing() if draw(st.booleans()) else numbers(largest)
    return times, draw(hnp.arrays(np.float64, shape, elements=numbers(largest), fill=fill))


def size(values):
    """The largest number, and not nothing."""
    return max(np.abs(values).max(initial=0.0), 1e-300)


errors = st.floats(-9e-7, 9e-7)
"""Less than times may differ and still be the same [s]."""


@fuzz
@given(end=st.integers(-2000, 10_000_000) | st.integers(0, 9).map(lambda n: 100 * n), error=errors)
def test_the_grid_has_every_tenth_of_a_second_up_to_its_end(end, error):
    assert grid(end / 1000 + error).tolist() == [point / 1000 for point in range(0, end + 1, 100)]


@fuzz
@given(points=st.lists(st.integers(-(10**9), 10**9), max_size=10), error=errors)
def test_index_finds_the_grid_point_within_the_tolerance(points, error):
    found = index(np.array(points, dtype=np.float64) / 10 + error)
    assert found.dtype == np.int64
    assert found.tolist() == points


@fuzz
@given(times=st.lists(st.floats(-1e17, 1e17) | st.sampled_from([nan, np.inf]), min_size=1))
@pytest.mark.filterwarnings("ignore:invalid value")
def test_index_is_near_every_time_or_refuses(times):
    try:
        found = index(np.array(times))
    except ValueError:
        return
    for time, position in zip(times, found.tolist(), strict=True):
        assert abs(position / 10 - time) <= 1e-6


@fuzz
@given(
    series=series(1e300),
    at=clocks(),
    max_gap=st.integers(0, 20).map(lambda n: 100 * n) | st.integers(0, 3000),
    hold=st.booleans(),
)
def test_interpolation_is_that_of_a_loop(series, at, max_gap, hold):
    time, values = series
    found = interpolate(seconds(time), values, seconds(at), max_gap / 1000, previous=hold)
    expected = np.full((len(at), values.shape[1]), nan)
    for column in range(values.shape[1]):
        samples = dict(zip(time, values[:, column].tolist(), strict=True))
        expected[:, column] = [interpolated(samples, t, max_gap, hold) for t in at]
    assert_close(found, expected, size(values))
    if values.shape[1] == 1:
        flat = interpolate(seconds(time), values[:, 0], seconds(at), max_gap / 1000, previous=hold)
        np.testing.assert_array_equal(flat, found[:, 0])


@fuzz
@given(series=series(1e300), error=errors, hold=st.booleans())
def test_samples_are_met_within_the_tolerance(series, error, hold):
    time, values = series
    found = interpolate(seconds(time), values, seconds(time) + error, 0.0, previous=hold)
    np.testing.assert_array_equal(found, values)


def functionals_by_loop(time, values, at, window):
    """Exact mean and variance of the frames in each window, all in milliseconds."""
    width = values.shape[1]
    out = np.full((len(at), 2 * width), nan)
    for row, centre in zip(out, at, strict=True):
        inside = [abs(t - centre) <= window // 2 for t in time]
        for column, samples in enumerate(values[inside].T.tolist()):
            if samples:
                row[column] = statistics.mean(samples)
                row[width + column] = statistics.pvariance(samples)
    return out


def assert_functionals(found, expected, values):
    """Means and variances, constant series without any but that of rounding."""
    width = expected.shape[1] // 2
    assert_close(found[:, :width], expected[:, :width], size(values), digits=14)
    np.testing.assert_allclose(
        found[:, width:], expected[:, width:], rtol=1e-9, atol=(1e-14 * size(values)) ** 2
    )


@fuzz
@given(series=series(1e150), at=clocks(), window=widths)
@example(series=([0, 20], np.array([[1e8], [1e8 + 1]])), at=[0], window=100)
def test_functionals_are_those_of_a_loop(series, at, window):
    time, values = series
    found = windowed_functionals(seconds(time), values, seconds(at), window / 1000)
    assert_functionals(found, functionals_by_loop(time, values, at, window), values)


def as_float32(expected, found):
    assert (found.dtypes.iloc[1:] == np.float32).all()
    atol = max(1e-7 * np.nanmax(np.abs(expected), initial=0.0), np.finfo(np.float32).tiny)
    np.testing.assert_allclose(found.iloc[:, 1:], expected, rtol=1e-6, atol=atol)


@fuzz
@given(series=series(1e15), window=widths)
def test_audio_features_are_the_functionals_on_the_grid(series, window):
    time, values = series
    names = [f"lld{n}" for n in range(values.shape[1])]
    lld = pd.DataFrame(values, columns=names)
    lld.insert(0, "time", seconds(time))
    features = audio_features(lld, window / 1000)
    at = grid_points(time)
    assert list(features) == ["time", *functional_names(names)]
    np.testing.assert_array_equal(features["time"], seconds(list(at)))
    as_float32(functionals_by_loop(time, values, at, window), features)


@st.composite
def videos(draw):
    """Frames [ms] and faces as five coordinates, which the others repeat; NaN without a face."""
    time, some = draw(series(1e3, width=5))
    some[draw(st.lists(st.booleans(), min_size=len(time), max_size=len(time)))] = nan
    return time, some


def repeated(some):
    """All 98 coordinates of faces, shape (n, 98), from some of them."""
    return some[:, np.arange(2 * len(POINTS)) % some.shape[1]]


def without_jumps(shapes):
    """Runs of frames within which no face lies further than its width from the one before."""
    runs = [[]]
    for k in range(len(shapes)):
        if k:
            places, widths = place_and_width(shapes[k - 1 : k + 1])
            if np.linalg.norm(places[1] - places[0]) > widths.max():
                runs.append([])
        runs[-1].append(k)
    return runs


@fuzz
@given(video=videos(), max_gap=st.integers(0, 3000), window=widths)
def test_video_features_are_those_of_the_frames_with_a_face(video, max_gap, window):
    time, some = video
    pixels = repeated(some).reshape(-1, len(POINTS), 2)
    features = video_features(
        seconds(time), pixels, max_gap / 1000, window / 1000, registration="none"
    )
    face = ~np.isnan(some[:, 0])
    seen, some = [t for t, here in zip(time, face, strict=True) if here], some[face]
    at = grid_points(time)
    expected = np.full((len(at), some.shape[1]), nan)
    for column, values in enumerate(some.T.tolist()):
        for part in without_jumps(pixels[face]):
            samples = {seen[k]: values[k] for k in part}
            for row, t in enumerate(at):
                if np.isnan(expected[row, column]):
                    expected[row, column] = interpolated(samples, t, max_gap)
    names, halves = columns(), [expected]
    if window:
        away = np.isnan(expected[:, 0])
        functionals = functionals_by_loop(seen, some, at, window)
        functionals[away] = nan
        names, halves = functional_names(names), np.split(functionals, 2, axis=1)
    assert list(features) == ["time", *names]
    np.testing.assert_array_equal(features["time"], seconds(list(at)))
    as_float32(np.concatenate([repeated(half) for half in halves], axis=1), features)


STABLE = positions(REFERENCE)
poses = st.tuples(
    st.floats(-np.pi, np.pi),
    st.floats(1, 300),
    st.floats(-1000, 1000),
    st.floats(-1000, 1000),
)


@st.composite
def faces(draw):
    """A face like the reference, its 49 points in complex numbers."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    points = random.normal(size=(len(POINTS), 2))
    points[STABLE] = list(REFERENCE.values())
    points[STABLE] += draw(st.floats(0, 0.2)) * random.normal(size=(len(STABLE), 2))
    return points @ (1, 1j)


def posed(face, pose):
    turn, scale, x, y = pose
    moved = scale * np.exp(1j * turn) * face + complex(x, y)
    return np.stack([moved.real, moved.imag], axis=-1)


@fuzz
@given(face=faces(), one=poses, other=poses)
def test_registration_is_the_least_squares_fit_whatever_the_pose(face, one, other):
    shapes = np.stack([posed(face, one), posed(face, other)])
    registered = register(shapes)
    np.testing.assert_allclose(registered[0], registered[1], rtol=0, atol=1e-9)
    # x' = c x - s y + u, y' = s x + c y + v
    x, y = posed(face, (0, 1, 0, 0)).T
    one, zero = np.ones_like(x), np.zeros_like(x)
    design = np.stack([np.stack([x, -y, one, zero], 1), np.stack([y, x, zero, one], 1)], 1)
    target = np.array(list(REFERENCE.values())).ravel()
    fit = np.linalg.lstsq(design[STABLE].reshape(-1, 4), target, rcond=None)[0]
    np.testing.assert_allclose(registered[0], design @ fit, rtol=0, atol=1e-9)


@fuzz
@given(face=faces(), x=st.floats(-1e4, 1e4), y=st.floats(-1e4, 1e4), dtype=st.sampled_from("fd"))
@example(face=np.zeros(len(POINTS)), x=0.1, y=0.0, dtype="d")
def test_a_face_whose_stable_points_coincide_is_none(face, x, y, dtype):
    shapes = posed(face, (0, 1, 0, 0))[None].astype(dtype)
    shapes[0, STABLE] = (x, y)
    assert np.isnan(register(shapes)).all()


single = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)
shapes = st.tuples(st.integers(0, 20), st.integers(1, 4))
features = hnp.arrays(
    np.float64, shapes, elements=single | st.integers(-3, 3).map(float) | st.just(nan)
) | hnp.arrays(np.float64, shapes, elements=st.integers(5000, 5009).map(float))


def as_features(values):
    return pd.DataFrame(values, columns=[f"f{n}" for n in range(values.shape[1])])


@fuzz
@given(values=features, cuts=st.lists(st.integers(0, 20), max_size=4).map(sorted))
def test_standardisation_is_that_of_all_frames_together(values, cuts):
    pieces = np.split(values, [min(cut, len(values)) for cut in cuts])
    table = fit_standardisation(as_features(piece) for piece in pieces)
    assert list(table["feature"]) == list(as_features(values))
    out = standardise(values, table)
    assert out.dtype == np.float32
    np.testing.assert_array_equal(np.isnan(out), np.isnan(values))
    for column, row in enumerate(table.itertuples()):
        known = values[~np.isnan(values[:, column]), column]
        assert row.frames == len(known)
        if len(known) == 0:
            assert row.scale == 1
            continue
        mean, scale = statistics.mean(known.tolist()), statistics.pstdev(known.tolist())
        rounding = 1e-14 * size(known)
        assert row.mean == pytest.approx(mean, rel=0, abs=rounding)
        assume(not 0.99 < scale / (abs(mean) * np.finfo(np.float32).eps or np.inf) < 1.01)
        if scale <= abs(mean) * np.finfo(np.float32).eps:
            assert row.scale == 1
            scale = 1.0
        assert row.scale == pytest.approx(scale, rel=1e-6, abs=rounding)
        expected = (values[:, column] - mean) / scale
        np.testing.assert_allclose(
            out[:, column], expected, rtol=1e-5, atol=1e-5 + rounding / scale
        )


@fuzz
@given(
    values=st.lists(single | st.floats(-1e6, 1e6), min_size=1, max_size=4),
    frames=st.lists(st.integers(0, 20), min_size=1, max_size=3).filter(any),
)
def test_constant_features_become_zero(values, frames):
    pieces = [np.tile(values, (count, 1)) for count in frames]
    table = fit_standardisation(map(as_features, pieces))
    assert (table["scale"] == 1).all()
    out = standardise(np.concatenate(pieces), table)
    assert (np.abs(out) <= 1e-14 * np.abs(values)).all()
