"""Face features come from the pass of the landmarks, and hold no face that was not seen."""

import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from heads import Head, turn
from media_files import write
from softaer import face_features as stage
from softaer import landmarks
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import FaceFeatures
from softaer.core.schema import face_mesh as mesh_schema
from softaer.face_features import face_features, meshes, output_schema
from softaer.landmarks import mesh_vertices, track
from softaer.signals.face_geometry import (
    FACE,
    GROUPS,
    IRISES,
    MESH,
    POINTS_IN_MESH,
    face_geometry,
    units,
)
from softaer.signals.face_mesh import open_face_mesh
from softaer.signals.functionals import functional_names, windowed_functionals
from softaer.signals.markup import columns
from softaer.simulate import portraits
from softaer.simulate.subjects import subject

ALL = list(GROUPS)


def run(monkeypatch, module, *words):
    monkeypatch.setattr(sys, "argv", ["command", *map(str, words)])
    module.main()


@pytest.fixture(scope="module")
def pictures():
    """A head that turns to the right, away for four pictures, and comes back."""
    with open_face_mesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1) as mesh:
        head = Head(*portraits.make(mesh, subject("s01").portrait))
    away = np.full_like(head.portrait, 128)
    shown = [head.draw(turn(yaw=2 * k))[:, :320] for k in range(12)]
    return [*shown[:6], *[away[:, :320]] * 4, *shown[6:]]


@pytest.fixture(scope="module")
def frames(pictures):
    """Landmarks and mesh of the pictures, ten per second."""
    timed = [(k / 10, picture) for k, picture in enumerate(pictures)]
    return pd.concat(track(timed, mesh=True), ignore_index=True)


@pytest.fixture(scope="module")
def film(pictures, tmp_path_factory):
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return write(path, [(k / 10, picture) for k, picture in enumerate(pictures)])


def test_the_mesh_is_that_of_the_landmarks(frames):
    own = meshes(frames)
    points = frames[columns()].to_numpy().reshape(len(frames), -1, 2)
    np.testing.assert_array_equal(own[:, POINTS_IN_MESH, :2], points)
    assert (frames[["width", "height"]].to_numpy() == (320, 352)).all()
    assert list(frames["face"]) == [True] * 6 + [False] * 4 + [True] * 6
    assert np.array_equal(np.isnan(own).all(axis=(1, 2)), ~frames["face"])
    nose, temple = (own[:6, MESH.index(vertex), 2] for vertex in (4, 234))
    assert (temple - nose > 20).all(), "z is away from the camera"


def test_the_landmarks_are_the_same_to_the_byte_with_the_mesh(film, tmp_path, monkeypatch):
    written = {}
    for name in ("without", "with"):
        folder = tmp_path / name
        folder.mkdir()
        words = ["--recording", "a", film, "--recording", "b", film]
        words += ["--output", folder / "landmarks.parquet"]
        words += ["--status-output", folder / "status.parquet"]
        words += ["--mesh-output", folder / "mesh.parquet"] if name == "with" else []
        run(monkeypatch, landmarks, *words)
        written[name] = {path.name: path.read_bytes() for path in folder.iterdir()}
    mesh = written["with"].pop("mesh.parquet")
    assert written["with"] == written["without"]
    assert len(mesh) > 1000
    schema = pq.read_schema(tmp_path / "with/mesh.parquet")
    assert schema.field("mesh").metadata[b"vertices"].split()[-2:] == [b"468", b"473"]
    assert schema.equals(mesh_schema(MESH), check_metadata=True)
    assert [name for name, _ in tables.by_recording(tmp_path / "with/mesh.parquet")] == ["a", "b"]


def test_a_recording_that_is_left_out_is_in_neither_table(film, tmp_path, monkeypatch):
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(b"no film")
    words = ["--recording", "bad", broken, "--recording", "good", film]
    words += ["--on-bad-recording", "skip", "--output", tmp_path / "landmarks.parquet"]
    words += ["--status-output", tmp_path / "status.parquet"]
    run(monkeypatch, landmarks, *words, "--mesh-output", tmp_path / "mesh.parquet")
    for name in ("landmarks", "mesh"):
        assert set(tables.read(tmp_path / f"{name}.parquet")["recording"]) == {"good"}


def test_features_are_functionals_over_the_window(frames):
    features = face_features(frames, ["pose", "eyes"], 0.4, ["mean", "slope"])
    names = list(units(["pose", "eyes"]))
    assert list(features) == ["time", *functional_names(names, ["mean", "slope"])]
    seen = frames[frames["face"]]
    values = face_geometry(meshes(seen), seen[["width", "height"]].to_numpy(), ["pose", "eyes"])
    at = features["time"].to_numpy()
    expected = windowed_functionals(seen["time"].to_numpy(), values, at, 0.4, ["mean", "slope"])
    here = np.isin(at, seen["time"])
    found = features.to_numpy()[:, 1:]
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    # The face is away for 0.5 s, which may be bridged; at its edges, a window has only one frame.
    assert np.isfinite(found[:, : len(names)]).all()
    assert np.isnan(found[:, len(names) :]).all(axis=1).sum() == 2
    shorter = face_features(frames, ["pose", "eyes"], 0.4, ["mean"], max_gap=0.4)
    assert np.array_equal(shorter["pose_yaw_mean"].isna(), ~here)


def test_without_a_window_they_are_the_values_themselves(frames):
    features = face_features(frames, window=0)
    assert list(features) == ["time", *units(ALL)]
    assert (features.dtypes.iloc[1:] == np.float32).all()
    yaw = features["pose_yaw"].to_numpy()
    assert np.isfinite(yaw).all()
    planted = np.array([*range(0, 12, 2), *range(12, 24, 2)])
    measured = np.delete(yaw, range(6, 10))
    assert np.polyfit(planted, measured, 1)[0] > 0.5
    middle = yaw[5] + (yaw[10] - yaw[5]) * np.arange(6) / 5
    np.testing.assert_allclose(yaw[5:11], middle, rtol=0, atol=1e-4)


def test_a_face_that_jumps_is_not_interpolated(frames):
    right = np.tile((2000, 0, 0), len(MESH))
    jumped = [mesh if k < 10 else mesh + right for k, mesh in enumerate(frames["mesh"])]
    features = face_features(frames.assign(mesh=jumped), window=0)
    assert features["pose_yaw"].isna().tolist() == (~frames["face"]).tolist()


def test_no_frames_give_an_empty_table():
    empty = pd.concat(track([], mesh=True))
    assert face_features(empty).shape == (0, 1 + 2 * len(units(ALL)))


def test_a_video_without_a_face_has_no_features(frames):
    away = frames[~frames["face"]].reset_index(drop=True)
    features = face_features(away.assign(time=np.arange(4) / 10))
    assert len(features) == 4
    assert features.iloc[:, 1:].isna().all(axis=None)


def test_without_refinement_there_is_all_but_gaze(pictures):
    rough = pd.concat(track([(0.0, pictures[0])], refine=False, mesh=True))
    assert mesh_vertices(refine=False) == FACE == tuple(v for v in MESH if v not in IRISES)
    others = face_features(rough, ["pose", "eyes", "mouth", "brows"], window=0)
    assert np.isfinite(others.to_numpy()).all()
    with pytest.raises(InputError, match=r"no irises.*refine: true"):
        face_features(rough, ["pose", "gaze"])
    short = rough.assign(mesh=[mesh[:9] for mesh in rough["mesh"]])
    with pytest.raises(InputError, match="9 coordinates; expected 228, or 222 without irises"):
        face_features(short, ["pose"])


@pytest.mark.parametrize("window", [0, 1.0])
def test_the_command_writes_what_the_function_returns(window, film, frames, tmp_path, monkeypatch):
    path, output = tmp_path / "mesh.parquet", tmp_path / "features.parquet"
    own = frames[["time", "width", "height", "mesh"]]
    both = [own.assign(recording=name) for name in ("b", "a")]
    tables.write(pd.concat(both), mesh_schema(MESH), path)
    words = ["--features", "brows", "pose", "--functionals", "mean", "variance", "slope"]
    run(monkeypatch, stage, "--mesh", path, *words, "--window", window, "--output", output)
    expected = face_features(own, ["brows", "pose"], window, ["mean", "variance", "slope"])
    parts = dict(tables.by_recording(output))
    assert list(parts) == ["b", "a"]
    for table in parts.values():
        pd.testing.assert_frame_equal(table, expected, check_exact=True)
    schema = pq.read_schema(output)
    unit = {field.name: field.metadata[b"unit"].decode() for field in schema}
    ending = "_slope" if window else ""
    assert unit[f"pose_yaw{ending}"] == ("degree/s" if window else "degree")
    assert unit.get("pose_yaw_variance", "(degree)^2") == "(degree)^2"
    functionals = ("mean", "variance", "slope")
    settings = FaceFeatures(("brows", "pose"), window, functionals)
    assert schema.equals(output_schema(settings), check_metadata=True)


def test_the_command_names_file_and_recording(frames, tmp_path, monkeypatch):
    path = tmp_path / "mesh.parquet"
    rough = [None if mesh is None else mesh[: 3 * len(FACE)] for mesh in frames["mesh"]]
    own = frames[["time", "width", "height"]].assign(recording="a", mesh=rough)
    tables.write(own, mesh_schema(FACE), path)
    with pytest.raises(InputError, match=r"mesh.parquet: recording 'a': no irises"):
        run(monkeypatch, stage, "--mesh", path, "--output", tmp_path / "features.parquet")
    assert not (tmp_path / "features.parquet").exists()
