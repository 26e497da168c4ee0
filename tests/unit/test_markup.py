"""The 49 points are the iBUG points that the paper names, on the right places of the mesh."""

import numpy as np
import pytest
from mediapipe.python.solutions import face_mesh_connections

from softaer.signals.markup import (
    EYES,
    POINTS,
    REFERENCE,
    VERTEX_OF_POINT,
    VERTICES,
    columns,
    positions,
)


def vertices_of(part):
    """Vertices that FaceMesh's own drawing of a part of the face joins."""
    return {vertex for edge in getattr(face_mesh_connections, part) for vertex in edge}


def test_the_49_points_are_the_68_without_jaw_and_inner_mouth_corners():
    assert list(POINTS) == sorted(set(range(18, 69)) - {61, 65})
    assert len(POINTS) == 49


def test_each_point_has_a_vertex_of_its_own():
    assert len(set(VERTICES)) == 49
    assert all(0 <= vertex < 468 for vertex in VERTICES)
    assert tuple(VERTEX_OF_POINT[point] for point in POINTS) == VERTICES


# FaceMesh names sides as the person has them, the markup as the picture does.
@pytest.mark.parametrize(
    ("points", "part"),
    [
        (range(18, 23), "FACEMESH_RIGHT_EYEBROW"),
        (range(23, 28), "FACEMESH_LEFT_EYEBROW"),
        (range(28, 32), "FACEMESH_NOSE"),
        (range(37, 43), "FACEMESH_RIGHT_EYE"),
        (range(43, 49), "FACEMESH_LEFT_EYE"),
        (sorted(set(range(49, 69)) - {61, 65}), "FACEMESH_LIPS"),
    ],
)
def test_points_lie_on_the_part_of_the_mesh_that_they_belong_to(points, part):
    assert {VERTEX_OF_POINT[point] for point in points} <= vertices_of(part)


def test_columns_are_the_coordinates_point_by_point():
    assert columns()[:4] == ["x_18", "y_18", "x_19", "y_19"]
    assert columns()[-2:] == ["x_68", "y_68"]
    assert len(set(columns())) == 98


def test_positions_find_points_among_the_49():
    assert positions((18, 60, 62, 66, 68)).tolist() == [0, 42, 43, 46, 48]
    assert positions(EYES[0]).tolist() == list(range(19, 25))
    assert [POINTS[p] for p in positions(REFERENCE)] == list(REFERENCE)


def test_reference_face_holds_only_what_expressions_hardly_move():
    nose, corners = set(range(28, 37)), {37, 40, 43, 46}
    assert set(REFERENCE) == nose | corners


def test_reference_face_is_symmetric_and_upright():
    mirror = {32: 36, 33: 35, 37: 46, 40: 43} | {point: point for point in (28, 29, 30, 31, 34)}
    mirror |= {right: left for left, right in mirror.items()}
    for point, (x, y) in REFERENCE.items():
        assert REFERENCE[mirror[point]] == pytest.approx((-x, y))
    assert REFERENCE[37][0] < REFERENCE[40][0] < 0 < REFERENCE[43][0] < REFERENCE[46][0]
    bridge = [REFERENCE[point][1] for point in (28, 29, 30, 31)]
    assert bridge == sorted(bridge)
    base = [REFERENCE[point][0] for point in range(32, 37)]
    assert base == sorted(base)
    assert min(REFERENCE[point][1] for point in range(32, 37)) > REFERENCE[31][1]


def test_reference_face_has_about_one_interocular_distance_between_its_eyes():
    left, right = (
        np.mean([REFERENCE[point] for point in REFERENCE if point in eye], axis=0) for eye in EYES
    )
    np.testing.assert_allclose(right - left, [1, 0], atol=0.05)
    np.testing.assert_allclose(right + left, [0, 0], atol=0.05)
