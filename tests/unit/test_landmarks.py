"""The points sit where they should on one and the same face, at the times of the stream."""

import os
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
import skimage.data

from patience import SILENT
from softaer.core import tables
from softaer.landmarks import FRAMES_AT_ONCE, track
from softaer.signals.markup import EYES, POINTS, columns, positions
from softaer.signals.pictures import video_frames

GRID_CLIPS = [
    "grid_bbaf2n.mpg",
    "grid_brbk7n.mpg",
    "grid_lbax4n.mpg",
    "grid_lrwp9a.mpg",
    "grid_pwij3p.mpg",
    "grid_sbia1a.mpg",
]


def follow(path):
    return pd.concat(track(video_frames(path)), ignore_index=True)


def shapes_of(table):
    """Points, shape (n, 49, 2)."""
    return table[columns()].to_numpy(dtype=np.float64).reshape(-1, len(POINTS), 2)


def points_in(image):
    """Points of the face in one picture, shape (49, 2)."""
    return shapes_of(next(track([(0.0, image)])))[0]


@pytest.fixture(scope="module")
def tracked(clips):
    """Tables of the six speakers by clip."""
    return {name: follow(clips / name) for name in GRID_CLIPS}


@pytest.fixture(scope="module")
def dropout(clips):
    return follow(clips / "derived_grid_face_dropout_frames20-39.mp4")


@pytest.fixture(scope="module")
def portrait():
    return skimage.data.astronaut()


@pytest.fixture(scope="module")
def portrait_points(portrait):
    return points_in(portrait)


@pytest.mark.parametrize("name", GRID_CLIPS)
def test_a_face_is_found_in_every_frame_of_a_portrait_recording(name, tracked):
    table = tracked[name]
    assert list(table) == ["time", "face", *columns()]
    assert table["face"].all()
    np.testing.assert_allclose(table["time"], np.arange(75) / 25, rtol=0, atol=1e-6)
    shapes = shapes_of(table)
    assert ((shapes >= 0) & (shapes < (360, 288))).all()


@pytest.mark.parametrize("name", GRID_CLIPS)
def test_points_keep_the_order_of_a_face(name, tracked):
    x, y = (
        dict(zip(POINTS, axis, strict=True)) for axis in shapes_of(tracked[name]).mean(axis=0).T
    )

    def rises(axis, *points):
        return bool((np.diff([axis[point] for point in points]) > 0).all())

    assert rises(x, *range(18, 28))
    assert rises(x, 37, 38, 39, 40, 43, 44, 45, 46)
    assert rises(x, 37, 42, 41, 40, 43, 48, 47, 46)
    for brow, upper, lower in [(19, 38, 42), (21, 39, 41), (24, 44, 48), (26, 45, 47)]:
        assert rises(y, brow, upper, lower)
    assert rises(y, 28, 29, 30, 31, 34, 52, 63, 67, 58)
    assert rises(x, *range(32, 37))
    assert rises(x, *range(49, 56))
    assert rises(x, 49, *range(60, 54, -1))
    assert rises(x, 62, 63, 64)
    assert rises(x, 68, 67, 66)
    assert max(y[point] for point in range(37, 49)) < y[31]
    assert x[40] < x[28] < x[43]


@pytest.mark.parametrize("name", GRID_CLIPS)
def test_points_move_smoothly_from_frame_to_frame(name, tracked):
    centres = shapes_of(tracked[name]).mean(axis=1)
    assert np.linalg.norm(np.diff(centres, axis=0), axis=1).max() < 3


def test_lips_move_in_speech_more_than_the_corners_of_the_eyes(tracked):
    for table in tracked.values():
        shapes = shapes_of(table)
        bridge = shapes[:, positions((28,))]
        relative = (shapes - bridge).std(axis=0).mean(axis=1)
        assert (
            relative[positions((57, 58, 59, 67))].mean()
            > relative[positions((37, 40, 43, 46))].mean()
        )


def test_frames_without_a_face_are_marked_and_only_they(dropout):
    # Exact to the frame: without a face in the picture the mesh loses it at once, and as its place
    # is unknown then, each next frame is searched until one shows it again.
    assert np.flatnonzero(~dropout["face"]).tolist() == list(range(20, 40))
    missing = np.isnan(shapes_of(dropout))
    assert np.array_equal(missing.all(axis=(1, 2)), ~dropout["face"])
    assert np.array_equal(missing.any(axis=(1, 2)), ~dropout["face"])
    assert dropout["time"].notna().all()


def test_the_face_comes_back_in_its_place(dropout):
    shapes = shapes_of(dropout)
    assert np.linalg.norm(shapes[40] - shapes[19], axis=1).max() < 10


def test_of_two_faces_the_same_one_is_followed_throughout(clips):
    table = follow(clips / "derived_grid_twofaces.mp4")
    assert table["face"].all()
    shapes = shapes_of(table)
    centres = shapes.mean(axis=1)
    assert np.linalg.norm(np.diff(centres, axis=0), axis=1).max() < 3
    on_the_left = shapes[..., 0] < 360
    assert on_the_left.all() or not on_the_left.any()


def test_times_are_those_of_the_stream(clips):
    path = clips / "derived_grid_vfr.mp4"
    table = follow(path)
    assert table["time"].tolist() == [time for time, _ in video_frames(path)]
    assert table["time"].iloc[-1] == pytest.approx(2.96)
    assert len(table) == 44
    assert table["face"].all()


def test_distant_people_give_frames_without_a_face_rather_than_an_error(clips):
    table = follow(clips / "mpf_face_h264_aac.mp4")
    assert len(table) == 31
    assert not table["face"].any()


def test_a_clip_of_three_frames(clips):
    assert len(follow(clips / "derived_grid_veryshort_3frames.mp4")) == 3


def test_a_picture_without_a_face_has_none():
    blank = np.full((120, 160, 3), 128, dtype=np.uint8)
    table = next(track([(0.0, blank), (0.04, blank)]))
    assert table["face"].tolist() == [False, False]
    assert np.isnan(shapes_of(table)).all()


def test_no_frames_give_an_empty_table():
    table = pd.concat(track([]))
    assert table.shape == (0, 100)


def test_long_videos_come_a_minute_at_a_time():
    blank = np.zeros((16, 16, 3), dtype=np.uint8)
    frames = ((k / 25, blank) for k in range(FRAMES_AT_ONCE + 5))
    parts = list(track(frames))
    assert [len(part) for part in parts] == [FRAMES_AT_ONCE, 5]
    assert pd.concat(parts)["time"].is_monotonic_increasing


@pytest.mark.parametrize(
    ("scale", "degrees", "shift"),
    [
        (1.0, 0, (40, 30)),
        (0.8, 0, (30, 20)),
        (1.2, 0, (-60, 0)),
        (0.9, 8, (20, 20)),
        (1.1, -6, (-30, 40)),
        (1.0, 12, (0, 60)),
    ],
)
def test_points_move_with_the_face(scale, degrees, shift, portrait, portrait_points):
    cos, sin = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    matrix = np.array([[cos, -sin, shift[0]], [sin, cos, shift[1]]])
    moved = cv2.warpAffine(portrait, matrix, (600, 540), borderMode=cv2.BORDER_REPLICATE)
    expected = portrait_points @ matrix[:, :2].T + matrix[:, 2]
    distance = np.linalg.norm(points_in(moved) - expected, axis=1)
    assert distance.mean() < 1.5
    assert distance.max() < 3


@pytest.mark.parametrize(
    ("points", "place"),
    [
        (EYES[0], (203, 101)),
        (EYES[1], (247, 104)),
        ((49,), (203, 140)),
        ((55,), (244, 141)),
        ((58,), (224, 155)),
    ],
    ids=["left eye", "right eye", "left mouth corner", "right mouth corner", "lower lip"],
)
def test_points_lie_where_a_person_sees_them_in_the_portrait(points, place, portrait_points):
    # Places were read off an enlargement of the photograph.
    found = portrait_points[positions(points)].mean(axis=0)
    assert np.linalg.norm(found - place) < 5


def test_a_mirrored_portrait_keeps_the_pictures_left_and_right(portrait, portrait_points):
    mirrored = points_in(np.ascontiguousarray(portrait[:, ::-1]))
    left, right = (mirrored[positions(eye)].mean(axis=0) for eye in EYES)
    assert left[0] < right[0]
    width = portrait.shape[1]
    expected = width - 1 - portrait_points[positions(EYES[0])].mean(axis=0)[0]
    assert right[0] == pytest.approx(expected, abs=4)


def test_of_so_many_frames_a_second_the_points_are_those_of_all_frames(
    clips, root, tmp_path, tracked
):
    output, name = tmp_path / "landmarks.parquet", GRID_CLIPS[0]
    words = ["--recording", "a", clips / name, "--rate", "10"]
    words += ["--output", output, "--status-output", tmp_path / "status.parquet"]
    subprocess.run(
        [sys.executable, "-m", "softaer.landmarks", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(root / "workflow")},
        check=True,
        timeout=SILENT,
    )
    ((_, sampled),) = tables.by_recording(output)
    every = tracked[name]
    kept = every["time"].isin(sampled["time"])
    assert len(sampled) == kept.sum() == 30
    assert (np.floor(sampled["time"] * 10 + 1e-3) == np.arange(30)).all()
    distance = np.linalg.norm(shapes_of(sampled) - shapes_of(every[kept]), axis=-1)
    assert distance.mean() < 1


def test_command_line_writes_a_batch(clips, root, tmp_path, tracked, dropout):
    expected = {
        "first": ("derived_grid_face_dropout_frames20-39.mp4", dropout),
        "second": (GRID_CLIPS[0], tracked[GRID_CLIPS[0]]),
    }
    output, status = tmp_path / "landmarks.parquet", tmp_path / "status.parquet"
    arguments = [
        str(item)
        for name, (clip, _) in expected.items()
        for item in ("--recording", name, clips / clip)
    ]
    arguments += ["--output", str(output), "--status-output", str(status)]
    subprocess.run(
        [sys.executable, "-m", "softaer.landmarks", *arguments],
        env=os.environ | {"PYTHONPATH": str(root / "workflow")},
        check=True,
        capture_output=True,
        timeout=SILENT,
    )
    parts = dict(tables.by_recording(output))
    assert list(parts) == ["first", "second"]
    for name, (_, direct) in expected.items():
        pd.testing.assert_frame_equal(parts[name], direct, check_exact=True)
    assert parts["first"][columns()].isna().any(axis=1).sum() == 20
