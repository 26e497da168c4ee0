"""Registration takes position, turn and size of a face away and leaves its expression; the grid
holds no face that was not seen."""

import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from skimage.transform import SimilarityTransform

from softaer import video_features as stage
from softaer.core import tables
from softaer.core.schema import landmarks as landmarks_schema
from softaer.signals.functionals import functional_names
from softaer.signals.markup import POINTS, REFERENCE, columns, place_and_width, positions
from softaer.video_features import register, video_features

STABLE = positions(REFERENCE)
MOBILE = np.setdiff1d(np.arange(len(POINTS)), STABLE)


def reference_like(count, seed=0):
    """Faces whose stable points are the reference's own, shape (count, 49, 2)."""
    shapes = np.random.default_rng(seed).normal(size=(count, len(POINTS), 2))
    shapes[:, STABLE] = list(REFERENCE.values())
    return shapes


def moved(shapes, seed=0, turns=np.pi, widths=(20, 200), places=1000):
    """Each face turned, scaled and shifted at random."""
    rng = np.random.default_rng(seed)
    turn = rng.uniform(-turns, turns, len(shapes))
    scale = rng.uniform(*widths, len(shapes))
    shift = rng.uniform(0, places, (len(shapes), 1, 2))
    cos, sin = scale * np.cos(turn), scale * np.sin(turn)
    matrices = np.array([[cos, -sin], [sin, cos]]).transpose(2, 0, 1)
    return shapes @ matrices.transpose(0, 2, 1) + shift


def restless(shapes):
    """A head that moves from frame to frame, and by less than the width of its face."""
    return moved(shapes, turns=0.3, widths=(80, 120), places=30)


def test_a_planted_similarity_is_undone():
    shapes = reference_like(200)
    np.testing.assert_allclose(register(moved(shapes)), shapes, rtol=0, atol=1e-9)


def test_what_is_registered_does_not_depend_on_the_faces_place():
    shapes = np.random.default_rng(1).normal(size=(200, len(POINTS), 2))
    expected = register(shapes)
    for seed in range(3):
        np.testing.assert_allclose(register(moved(shapes, seed)), expected, rtol=0, atol=1e-9)


def test_registration_is_the_least_squares_fit_of_scikit_image():
    rng = np.random.default_rng(2)
    faces = reference_like(50)
    faces[:, STABLE] += rng.normal(scale=0.1, size=(50, len(STABLE), 2))
    shapes = moved(faces)
    for shape, registered in zip(shapes, register(shapes), strict=True):
        fit = SimilarityTransform.from_estimate(shape[STABLE], np.array([*REFERENCE.values()]))
        np.testing.assert_allclose(registered, fit(shape), rtol=0, atol=1e-9)


def test_a_mirrored_face_is_not_turned_inside_out():
    mirrored = reference_like(20) * (-1, 1)
    for shape, registered in zip(mirrored, register(mirrored), strict=True):
        edges, kept = np.diff(shape, axis=0), np.diff(registered, axis=0)
        area = edges[0, 0] * edges[1, 1] - edges[0, 1] * edges[1, 0]
        kept_area = kept[0, 0] * kept[1, 1] - kept[0, 1] * kept[1, 0]
        assert np.sign(area) == np.sign(kept_area)


def test_expressions_survive_registration():
    neutral = np.repeat(reference_like(1), 30, axis=0)
    expressive = neutral.copy()
    change = 0.2 * np.random.default_rng(3).normal(size=(30, len(MOBILE), 2))
    expressive[:, MOBILE] += change
    difference = register(moved(expressive, seed=4)) - register(moved(neutral, seed=5))
    np.testing.assert_allclose(difference[:, MOBILE], change, rtol=0, atol=1e-9)
    np.testing.assert_allclose(difference[:, STABLE], 0, rtol=0, atol=1e-9)


@pytest.mark.filterwarnings("error")
def test_missing_faces_stay_missing_and_touch_no_other():
    shapes = moved(reference_like(5))
    shapes[[1, 4]] = np.nan
    registered = register(shapes)
    assert np.isnan(registered[[1, 4]]).all()
    np.testing.assert_allclose(registered[[0, 2, 3]], reference_like(5)[[0, 2, 3]], atol=1e-9)


@pytest.mark.filterwarnings("error")
def test_faces_without_extent_are_missing():
    shapes = reference_like(2)
    shapes[0, STABLE] = (100.0, 50.0)
    registered = register(shapes)
    assert np.isnan(registered[0]).all()
    assert np.isfinite(registered[1]).all()


def test_no_faces():
    assert register(np.empty((0, len(POINTS), 2))).shape == (0, len(POINTS), 2)


def frames(count, rate=25.0):
    """Times and faces whose coordinates grow linearly, each at its own pace."""
    time = np.arange(count) / rate
    pace = np.arange(2 * len(POINTS)).reshape(len(POINTS), 2) + 1.0
    return time, 100 + pace * time[:, None, None]


def linear(features):
    """What :func:`frames` says at the times of a table."""
    pace = np.arange(2 * len(POINTS)) + 1.0
    return 100 + pace * features["time"].to_numpy()[:, None]


def test_points_are_interpolated_to_the_grid():
    features = video_features(*frames(75), registration="none")
    assert list(features) == ["time", *columns()]
    assert (features.dtypes.iloc[1:] == np.float32).all()
    assert np.array_equal(features["time"], np.arange(30) / 10)
    np.testing.assert_allclose(features[columns()], linear(features), rtol=1e-6)


def test_points_of_a_variable_frame_rate_are_taken_at_their_times():
    time, _ = frames(75)
    keep = np.sort(np.random.default_rng(0).permutation(75)[:44])
    keep[[0, -1]] = 0, 74
    whole, some = (
        video_features(time[k], frames(75)[1][k], registration="none")
        for k in (np.arange(75), keep)
    )
    np.testing.assert_allclose(some, whole, rtol=1e-6)


def without_face(count, first, last):
    """Linear faces that are away from frame ``first`` to frame ``last``."""
    time, shapes = frames(count)
    shapes[first : last + 1] = np.nan
    return time, shapes


def test_short_absences_are_bridged():
    # Frames 10 and 22 lie 0.48 s apart.
    features = video_features(*without_face(75, 11, 21), max_gap=0.5, registration="none")
    np.testing.assert_allclose(features[columns()], linear(features), rtol=1e-6)


def test_long_absences_are_missing_and_nothing_else():
    # The face is seen up to frame 10 (0.40 s) and again from frame 25 (1.00 s).
    features = video_features(*without_face(75, 11, 24), max_gap=0.5, registration="none")
    missing = features[columns()].isna()
    assert np.array_equal(missing.all(axis=1), missing.any(axis=1))
    assert features["time"][missing.any(axis=1)].tolist() == [0.5, 0.6, 0.7, 0.8, 0.9]
    np.testing.assert_allclose(
        features[columns()][~missing.any(axis=1)],
        linear(features)[~missing.any(axis=1)],
        rtol=1e-6,
    )
    bridged = video_features(*without_face(75, 11, 24), max_gap=0.6, registration="none")
    assert bridged.notna().all(axis=None)


@pytest.mark.parametrize(("first", "last", "seen"), [(0, 9, slice(4, 30)), (60, 74, slice(0, 24))])
def test_faces_are_not_extrapolated_to_the_ends(first, last, seen):
    features = video_features(*without_face(75, first, last), max_gap=5.0, registration="none")
    assert len(features) == 30
    known = features[columns()].notna().all(axis=1).to_numpy()
    expected = np.zeros(30, dtype=bool)
    expected[seen] = True
    assert np.array_equal(known, expected)


@pytest.mark.parametrize(
    ("times", "points"),
    [([0.0, 2.96], 30), ([0.0, 3.0], 31), ([0.0, 3.0 - 1e-9], 31), ([0.0, 0.08], 1), ([0.0], 1)],
)
def test_the_grid_ends_with_the_last_frame(times, points):
    features = video_features(np.array(times), reference_like(len(times)))
    assert np.array_equal(features["time"], np.arange(points) / 10)


def test_the_grid_ends_with_the_last_frame_even_if_it_shows_no_face():
    assert len(video_features(*without_face(76, 30, 75))) == 31


@pytest.mark.parametrize("window", [0.0, 1.0])
def test_a_recording_without_any_face_is_missing_throughout(window):
    features = video_features(*without_face(50, 0, 49), window=window)
    assert len(features) == 20
    assert features.drop(columns="time").isna().all(axis=None)


@pytest.mark.parametrize(("window", "width"), [(0.0, 98), (1.0, 196)])
def test_no_frames_give_no_rows_but_all_columns(window, width):
    features = video_features(np.empty(0), np.empty((0, 49, 2)), window=window)
    assert features.shape == (0, 1 + width)


def test_window_gives_mean_and_variance_of_the_frames_in_it():
    time, shapes = frames(100)
    shapes = shapes + np.random.default_rng(0).normal(size=shapes.shape)
    features = video_features(time, shapes, window=1.0, registration="none")
    assert list(features) == ["time", *functional_names(columns())]
    for row in (0, 1, 17, 39):
        inside = np.abs(time - features["time"][row]) <= 0.5 + 1e-6
        window = shapes[inside].reshape(-1, 98)
        expected = np.concatenate([window.mean(axis=0), window.var(axis=0)])
        np.testing.assert_allclose(features.iloc[row, 1:].astype(float), expected, rtol=1e-5)


def test_window_leaves_out_frames_without_a_face_and_long_absences():
    time, shapes = without_face(100, 11, 34)
    features = video_features(time, shapes, max_gap=0.5, window=1.0, registration="none")
    missing = features.drop(columns="time").isna()
    assert np.array_equal(missing.all(axis=1), missing.any(axis=1))
    assert np.flatnonzero(missing.any(axis=1)).tolist() == list(range(5, 14))
    inside = (np.abs(time - 0.4) <= 0.5 + 1e-6) & (time <= 0.4)
    expected = shapes[inside, 0, 0].mean()
    assert features["x_18_mean"][4] == pytest.approx(expected, rel=1e-6)


def test_features_are_registered_unless_told_otherwise():
    faces = np.repeat(reference_like(1), 75, axis=0)
    time = np.arange(75) / 25
    features = video_features(time, restless(faces))
    expected = np.broadcast_to(faces[0].reshape(-1), (30, 98))
    np.testing.assert_allclose(features[columns()], expected, rtol=0, atol=1e-6)


def landmarks_file(path, recordings):
    parts = []
    for name, (time, shapes) in recordings.items():
        table = pd.DataFrame(shapes.reshape(len(time), -1).astype(np.float32), columns=columns())
        table.insert(0, "face", ~np.isnan(shapes[:, 0, 0]))
        table.insert(0, "time", time)
        table.insert(0, "recording", name)
        parts.append(table)
    tables.write(pd.concat(parts), landmarks_schema(columns()), path)
    return path


def run(monkeypatch, tmp_path, recordings, *arguments):
    landmarks = landmarks_file(tmp_path / "landmarks.parquet", recordings)
    output = tmp_path / "features.parquet"
    flags = ["--landmarks", landmarks, "--output", output, *arguments]
    monkeypatch.setattr(sys, "argv", ["video_features", *map(str, flags)])
    stage.main()
    return output


def test_command_line_leaves_pixels_without_registration(monkeypatch, tmp_path):
    recordings = {"b": frames(75), "a": frames(30)}
    output = run(monkeypatch, tmp_path, recordings, "--registration", "none")
    parts = dict(tables.by_recording(output))
    assert list(parts) == ["b", "a"]
    assert [len(part) for part in parts.values()] == [30, 12]
    for part in parts.values():
        np.testing.assert_allclose(part[columns()], linear(part), rtol=1e-6)


def test_command_line_registers_by_default_and_writes_absences_as_null(monkeypatch, tmp_path):
    faces = np.repeat(reference_like(1), 75, axis=0)
    shapes = restless(faces)
    shapes[11:25] = np.nan
    output = run(monkeypatch, tmp_path, {"r": (np.arange(75) / 25, shapes)})
    written = pq.read_table(output)
    assert written["x_18"].null_count == 5
    row = [written[name][29].as_py() for name in columns()]
    np.testing.assert_allclose(row, faces[0].reshape(-1), rtol=0, atol=1e-4)


def test_command_line_hands_on_gap_and_window(monkeypatch, tmp_path):
    recording = {"r": without_face(75, 11, 24)}
    flags = ["--max-gap", "0.7", "--window", "0.8", "--registration", "none"]
    table = tables.read(run(monkeypatch, tmp_path, recording, *flags))
    assert list(table) == ["recording", "time", *functional_names(columns())]
    assert table.notna().all(axis=None)


def test_registered_real_faces_resemble_the_reference(clips):
    from softaer.landmarks import track
    from softaer.signals.pictures import video_frames

    table = pd.concat(track(video_frames(clips / "grid_bbaf2n.mpg")))
    shapes = table[columns()].to_numpy().reshape(-1, len(POINTS), 2)
    registered = register(shapes)
    difference = registered[:, STABLE].mean(axis=0) - list(REFERENCE.values())
    assert np.abs(difference).max() < 0.15
    brows, lips = positions(range(18, 28)), positions(range(49, 61))
    assert registered[:, brows, 1].max() < -0.1
    assert registered[:, lips, 1].min() > 0.7
    assert np.abs(registered).max() < 2


def test_nothing_is_interpolated_over_a_jump():
    time = np.arange(50) / 25
    faces = 60 * np.repeat(reference_like(1), 50, axis=0) + 200
    width = place_and_width(faces)[1][0]
    for jump, broken in ((0.9, False), (1.1, True)):
        shapes = faces.copy()
        shapes[25:, :, 0] += jump * width
        shapes[24] = np.nan  # lost between two grid points
        features = video_features(time, shapes)
        between = features[(features["time"] > time[23]) & (features["time"] < time[25])]
        shapes[24] = faces[24]
        assert len(between) == 0 or between.isna().any(axis=None) == broken
        gap = video_features(np.delete(time, range(20, 30)), np.delete(shapes, range(20, 30), 0))
        inside = gap[(gap["time"] > time[19]) & (gap["time"] < time[30])]
        assert len(inside) == 4
        assert inside["x_18"].isna().all() == broken
        outside = gap.drop(inside.index)
        assert outside["x_18"].notna().all()
