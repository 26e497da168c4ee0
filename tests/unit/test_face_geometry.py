"""Pose is found whatever the face does, and what the face does whatever its pose: exactly where the
vertices are exact, and within known errors where FaceMesh finds them in a picture."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from skimage.transform import SimilarityTransform

from face_table import (
    MOVES,
    PAGE,
    expressions,
    found,
    heads_of,
    leaks,
    rotations,
    slope,
)
from heads import Head, turn
from softaer.core.experiment import FaceFeatures
from softaer.signals.face_geometry import (
    BROWS,
    CHIN,
    CORNERS,
    GROUPS,
    IRISES,
    LIDS,
    MESH,
    MIDDLE,
    MOUTH_CORNERS,
    REFERENCE_HEAD,
    SIDES,
    angles,
    face_geometry,
    fit_heads,
    places,
    units,
)
from softaer.signals.face_mesh import open_face_mesh
from softaer.simulate import portraits
from softaer.simulate.face import Pose

ALL = list(GROUPS)
NAMES = list(units(ALL))
OF_FACE = [name for name in NAMES if not name.startswith("pose")]
STABLE = places(REFERENCE_HEAD)
MOBILE = np.setdiff1d(np.arange(len(MESH)), STABLE)
TURNS = [
    (yaw, pitch, roll)
    for yaw in range(-40, 41, 20)
    for pitch in range(-40, 41, 20)
    for roll in range(-40, 41, 20)
]


def resting(count, seed=0):
    """Faces in head coordinates whose stable vertices are the reference's own."""
    points = np.random.default_rng(seed).normal(size=(1, len(MESH), 3)).repeat(count, axis=0)
    points[:, STABLE] = list(REFERENCE_HEAD.values())
    return points


def seen(points, turns, seed=0):
    """Faces turned, and scaled and placed at random, with rotations, scales and positions."""
    rng = np.random.default_rng(seed)
    rotation = np.array([turn(*angles) for angles in turns])
    scale = rng.uniform(20, 200, len(turns))
    position = rng.uniform(-500, 500, (len(turns), 3))
    mesh = scale[:, None, None] * (points @ rotation.transpose(0, 2, 1)) + position[:, None]
    return mesh, rotation, scale, position


def sizes(count):
    return np.tile((640, 480), (count, 1))


def geometry(mesh, groups=ALL):
    return face_geometry(mesh, sizes(len(mesh)), groups)


def column(values, name):
    return values[:, NAMES.index(name)]


def test_planted_poses_are_found():
    mesh, rotation, scale, position = seen(resting(len(TURNS)), TURNS)
    heads = fit_heads(mesh, sizes(len(mesh)))
    np.testing.assert_allclose(heads.rotation, rotation, rtol=0, atol=1e-9)
    np.testing.assert_allclose(heads.scale, scale, rtol=1e-9)
    np.testing.assert_allclose(heads.position, position, rtol=0, atol=1e-6)
    np.testing.assert_allclose(heads.points, resting(len(TURNS)), rtol=0, atol=1e-9)
    values = geometry(mesh)
    np.testing.assert_allclose(values[:, :3], TURNS, rtol=0, atol=1e-7)
    aside = (position[:, :2] - (320, 240)) / scale[:, None]
    np.testing.assert_allclose(values[:, 3:5], aside, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(column(values, "pose_distance"), 640 / scale, rtol=1e-9)
    yaw, pitch = np.radians(TURNS)[:, :2].T
    frontal = np.cos(yaw) * np.cos(pitch)
    np.testing.assert_allclose(column(values, "pose_frontal"), frontal, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    ("planted", "axis", "sign"),
    [((20, 0, 0), 0, 1), ((0, 20, 0), 1, -1), ((-20, 0, 0), 0, -1), ((0, -20, 0), 1, 1)],
    ids=["right", "up", "left", "down"],
)
def test_the_nose_points_where_the_angles_say(planted, axis, sign):
    tip, bridge = (np.array(REFERENCE_HEAD[vertex]) for vertex in (4, 168))
    towards = turn(*planted) @ [0, 0, -1]
    assert np.sign(towards[axis]) == sign
    mesh, *_ = seen(resting(1), [planted])
    np.testing.assert_allclose(geometry(mesh)[0, :3], planted, atol=1e-7)
    assert tip[2] < bridge[2] < 0, "the nose is in front"


def test_clockwise_is_what_a_person_sees():
    left, right = (np.array(REFERENCE_HEAD[vertex]) for vertex in (33, 263))
    eyes = turn(roll=20) @ (right - left)
    assert (eyes[:2] > 0).all(), "the eye on the right is lower in the picture"


def test_pose_does_not_leak_into_the_face():
    values = geometry(seen(resting(len(TURNS)), TURNS)[0])
    face = values[:, NAMES.index("gaze_x_left") :]
    np.testing.assert_allclose(face, face[:1].repeat(len(face), axis=0), rtol=0, atol=1e-9)
    assert np.abs(face).min() > 1e-3


def test_the_face_does_not_leak_into_the_pose():
    points = resting(len(TURNS))
    points[:, MOBILE] += np.random.default_rng(1).normal(size=(len(TURNS), len(MOBILE), 3))
    mesh, *_ = seen(points, TURNS)
    np.testing.assert_allclose(geometry(mesh)[:, :3], TURNS, rtol=0, atol=1e-7)


EYE = np.linalg.norm(np.subtract(REFERENCE_HEAD[263], REFERENCE_HEAD[362]))
"""Width of an eye of the reference head."""

PLANTED = {
    "iris to the right": ([IRISES[0]], (0.04, 0, 0), {"gaze_x_left": 0.04 * 2 / EYE}),
    "iris down": ([IRISES[1]], (0, 0.03, 0), {"gaze_y_right": 0.03 * 2 / EYE}),
    "brow up": (BROWS["outer_left"], (0, -0.1, 0), {"brows_outer_left": 0.1}),
    "inner brow down": (BROWS["inner_right"], (0, 0.07, 0), {"brows_inner_right": -0.07}),
    "corner up": ([MOUTH_CORNERS[0]], (0, -0.05, 0), {"mouth_corner_left": 0.05}),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_movements_are_measured_in_every_pose(name):
    vertices, shift, expected = PLANTED[name]
    points = resting(len(TURNS))
    still = geometry(seen(points, TURNS)[0])
    points[:, places(vertices)] += shift
    change = geometry(seen(points, TURNS, seed=1)[0]) - still
    for feature in NAMES:
        if feature in expected:
            measured = column(change, feature)
            np.testing.assert_allclose(measured, expected[feature], rtol=1e-6)
            np.testing.assert_allclose(measured, measured[0], rtol=1e-6)
        elif feature in OF_FACE and feature != "mouth_width":
            assert np.abs(column(change, feature)).max() < 1e-9, feature


def test_lids_and_jaw_are_measured_in_every_pose():
    points = resting(len(TURNS))
    lids = LIDS[0]
    corners = np.array([REFERENCE_HEAD[vertex] for vertex in CORNERS[0]])
    width = np.linalg.norm(corners[1] - corners[0])
    for opening in (0.0, 0.05, 0.15):
        for upper, lower in lids:
            points[:, places([upper])] = points[:, places([lower])] - (0, opening, 0)
        points[:, places([CHIN])] = np.add(REFERENCE_HEAD[2], (0, 1 + opening, 0))
        values = geometry(seen(points, TURNS)[0])
        np.testing.assert_allclose(column(values, "eyes_open_left"), opening / width, atol=1e-9)
        np.testing.assert_allclose(column(values, "mouth_chin"), 1 + opening, atol=1e-9)


def test_the_fit_is_that_of_scikit_image():
    rng = np.random.default_rng(2)
    turns = TURNS[::7]
    mesh, *_ = seen(resting(len(turns)), turns)
    mesh += rng.normal(scale=3, size=mesh.shape)
    heads = fit_heads(mesh, sizes(len(mesh)))
    reference = np.array(list(REFERENCE_HEAD.values()))
    for number, face in enumerate(mesh):
        fit = SimilarityTransform.from_estimate(reference, face[STABLE])
        assert heads.scale[number] == pytest.approx(fit.scale, rel=1e-9)
        own = heads.scale[number] * heads.rotation[number]
        np.testing.assert_allclose(own, fit.params[:3, :3], rtol=0, atol=1e-9)
        np.testing.assert_allclose(heads.position[number], fit.params[:3, 3], rtol=0, atol=1e-6)


def test_angles_are_those_of_scipy():
    rotation = Rotation.random(500, rng=0)
    yaw, pitch, roll = rotation.as_euler("YXZ", degrees=True).T
    expected = np.stack([-yaw, -pitch, roll], axis=-1)
    np.testing.assert_allclose(angles(rotation.as_matrix()), expected, rtol=0, atol=1e-6)


def test_a_mirrored_face_is_not_turned_inside_out():
    mesh, *_ = seen(resting(9), TURNS[:9])
    rotation = fit_heads(mesh * (-1, 1, 1), sizes(9)).rotation
    np.testing.assert_allclose(np.linalg.det(rotation), 1, rtol=1e-9)


@pytest.mark.filterwarnings("error")
def test_missing_faces_and_faces_without_extent_are_missing_and_touch_no_other():
    mesh, *_ = seen(resting(6), TURNS[:6])
    whole = geometry(mesh)
    mesh[1] = np.nan
    mesh[2] = (100.0, 50.0, 3.0)
    mesh[4] = np.linspace(0, 1, len(MESH))[:, None] * (3, 4, 5)
    values = geometry(mesh)
    assert np.isnan(values[[1, 2, 4]]).all()
    np.testing.assert_allclose(values[[0, 3, 5]], whole[[0, 3, 5]], rtol=1e-12)


def test_no_faces():
    assert geometry(np.empty((0, len(MESH), 3))).shape == (0, len(NAMES))


def test_groups_can_be_chosen_in_any_order():
    mesh, *_ = seen(resting(3), TURNS[:3])
    whole = dict(zip(NAMES, geometry(mesh).T, strict=True))
    some = ["brows", "pose"]
    for name, values in zip(units(some), geometry(mesh, some).T, strict=True):
        np.testing.assert_array_equal(values, whole[name])


def test_the_configuration_has_all_groups():
    assert FaceFeatures.features == tuple(GROUPS)


def test_the_page_lists_the_features(root):
    table = PAGE.read_text(encoding="utf-8").split("## Method")[0]
    for group, content in GROUPS.items():
        assert f"| `{group}` |" in table
        for name in content.units:
            assert f"`{name}`" in table


# FaceMesh on pictures.


@pytest.fixture(scope="module")
def mesh():
    with open_face_mesh(
        static_image_mode=True, refine_landmarks=True, max_num_faces=1
    ) as face_mesh:
        yield face_mesh


@pytest.fixture(scope="module")
def heads(mesh) -> list[Head]:
    """Two identities, without glasses and with them."""
    return heads_of(mesh, ("s01", "s02"))


def similarity(points, target):
    """Least-squares similarity from points to a target, applied to the points."""
    return SimilarityTransform.from_estimate(points, target)(points)


def test_the_reference_head_is_made_from_two_portraits(mesh):
    faces = []
    for name in ("astronaut", "grace_hopper"):
        photograph = portraits.photograph(name)
        for image in (photograph, np.ascontiguousarray(photograph[:, ::-1])):
            upright = portraits.upright(image, portraits.find_landmarks(mesh, image))
            faces.append(portraits.find_landmarks(mesh, upright).astype(np.float64))
    mean = faces[0]
    for _ in range(20):
        mean = np.mean([similarity(face, mean) for face in faces], axis=0)
    left, right = (mean[[*eye]].mean(axis=0) for eye in EYES)
    across = (right - left) / np.linalg.norm(right - left)
    down = mean[CHIN] - mean[10]
    down -= down @ across * across
    down /= np.linalg.norm(down)
    axes = np.stack([across, down, np.cross(across, down)], axis=-1)
    head = (mean - (left + right) / 2) @ axes / np.linalg.norm(right - left)
    made = {vertex: (0, *head[vertex, 1:]) for vertex in MIDDLE}
    for one, other in SIDES:
        x, y, z = (head[other] + head[one] * (-1, 1, 1)) / 2
        made |= {one: (-x, y, z), other: (x, y, z)}
    difference = np.array([np.subtract(made[v], REFERENCE_HEAD[v]) for v in REFERENCE_HEAD])
    assert np.abs(difference).max() < 0.03
    # Control: the portraits themselves are no symmetric heads.
    assert np.abs(head[[*MIDDLE], 0]).max() < 0.03 < np.abs(faces[0][[*MIDDLE], 0]).max()


EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))


@pytest.mark.parametrize(
    ("axis", "reach", "bounds"),
    [("yaw", 40, (0.8, 1.0)), ("pitch", 30, (0.85, 1.15)), ("roll", 40, (0.97, 1.03))],
)
def test_drawn_heads_turn_as_planted(axis, reach, bounds, mesh, heads):
    turns = [
        tuple(angle * (name == axis) for name in ("yaw", "pitch", "roll"))
        for angle in (-reach, -reach / 2, reach / 2, reach)
    ]
    rows = rotations(mesh, heads, turns)
    assert rows.notna().all(axis=None)
    assert bounds[0] < slope(rows[axis], rows[f"found_{axis}"]) < bounds[1]
    assert rows["error"].mean() < 6
    for other in {"yaw", "pitch", "roll"} - {axis}:
        assert rows[f"found_{other}"].abs().max() < 8


BOUNDS = {
    "lids close": (0.25, 1.0),
    "brows": (0.5, 1.1),
    "smile": (0.6, 1.3),
    "jaw opens": (0.6, 1.4),
    "irises sideways": (0.35, 1.0),
    "irises up and down": (0.05, 1.0),
}


@pytest.mark.parametrize("move", MOVES)
def test_drawn_expressions_are_measured(move, mesh, heads):
    rows = expressions(mesh, heads, [(0, 0, 0)], [move])
    low, high = BOUNDS[move]
    for name, own in rows.groupby("feature"):
        assert low < slope(own["planted"], own["found"]) < high, name


def test_turns_of_drawn_heads_hardly_change_the_face(mesh, heads):
    turned = leaks(mesh, heads, [(-30, 0, 0), (30, 0, 0), (0, 0, 30), (0, 0, -30)])
    assert np.sqrt((turned[OF_FACE] ** 2).mean()).max() < 0.15
    # Control: in the picture, the corners of the mouth turn with the head.
    for head in heads:
        picture = head.draw(turn(roll=30))
        face = fit_heads(found(mesh, picture), sizes(1))
        flat = replace(face, points=found(mesh, picture) / face.scale[0])
        left, right = (GROUPS["mouth"].measure(flat)[k][0] for k in (2, 3))
        assert abs(left - right) > 0.3


def test_a_planted_expression_moves_the_vertices(heads):
    head = heads[0]
    rest = head.planted(Pose())
    np.testing.assert_allclose(rest, head.landmarks, rtol=0, atol=1e-4)
    opened = head.planted(Pose(jaw=1)) - rest
    assert opened[14, 1] > 10 > abs(opened[13, 1])
    assert head.planted(Pose(lids=1))[159, 1] == pytest.approx(rest[145, 1], abs=1)
