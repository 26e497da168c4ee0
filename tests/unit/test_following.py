"""Of several faces the subject's is followed, and no other one is taken for it."""

import numpy as np
import pytest

from softaer.signals.following import PROVEN, TAKEN_UP, Subject, distance
from softaer.signals.markup import EYES, LIPS, POINTS, WIDTH_OF_FACE, place_and_width, positions

RATE = 25
WIDTH = 720


def face(x, size=50.0, y=100.0):
    """A face whose eyes are so many pixels apart, as is its mouth below them."""
    points = np.zeros((len(POINTS), 2))
    points[positions(EYES[0])] = (-0.5, -0.5)
    points[positions(EYES[1])] = (0.5, -0.5)
    points[positions(LIPS)] = (0.0, 0.5)
    return points * size + (x, y)


def follow(pictures, face=None):
    """Where the subject is in each picture (None: nowhere), and what followed it."""
    subject = Subject(face)
    places = []
    for k, faces in enumerate(pictures):
        own = subject.among(faces, k / RATE, WIDTH)
        places.append(None if own is None else round(float(place_and_width(own)[0][0])))
    return places, subject


LEFT, RIGHT = face(180), face(540)


def test_the_width_of_a_face_is_that_of_its_larger_distance():
    place, width = place_and_width(face(200, 50))
    assert place.tolist() == [200, 100]
    assert width == pytest.approx(50 * WIDTH_OF_FACE)
    turned = face(200, 50)
    turned[:, 0] = 200 + 0.3 * (turned[:, 0] - 200)
    assert place_and_width(turned)[1] == pytest.approx(50 * WIDTH_OF_FACE)
    assert distance(face(100, 50), face(100 + 2.1 * 50, 50)) == pytest.approx(1)


def test_nobody_takes_the_subjects_place_while_it_is_away():
    pictures = 50 * [[LEFT, RIGHT]] + 200 * [[RIGHT]] + 50 * [[RIGHT, LEFT]]
    places, subject = follow(pictures)
    assert places == 50 * [180] + 200 * [None] + 50 * [180]
    assert subject.other_faces == 200
    assert subject.notes() == [
        "200 of 300 video frames show only a face other than the subject's and have no points "
        "(column 'face' selects the subject; 'largest' if the subject changes place)"
    ]


def test_a_picture_without_faces_is_no_picture_of_somebody_else():
    places, subject = follow(50 * [[LEFT]] + 20 * [[]] + 50 * [[LEFT]])
    assert places == 50 * [180] + 20 * [None] + 50 * [180]
    assert subject.other_faces == 0
    assert subject.notes() == []


def test_a_face_that_moves_is_followed_across_the_picture():
    steps = np.linspace(100, 600, 120)
    places, subject = follow([[face(x)] for x in steps])
    assert places == [round(x) for x in steps]
    assert subject.other_faces == 0


def test_after_a_loss_the_subject_may_be_back_less_than_a_width_away():
    near, far = face(180 + 0.9 * 105), face(180 + 1.1 * 105)
    assert follow(50 * [[LEFT]] + 9 * [[]] + [[near]])[0][-1] is not None
    assert follow(50 * [[LEFT]] + 9 * [[]] + [[far]])[0][-1] is None


def test_after_a_cut_the_largest_face_is_taken_up_again_and_only_if_that_was_asked_for():
    cut = 50 * [[LEFT]] + 50 * [[RIGHT]]
    waits = round(TAKEN_UP * RATE)
    places, subject = follow(cut, "largest")
    assert places == 50 * [180] + waits * [None] + (50 - waits) * [540]
    assert subject.notes()[-1] == "the subject was found again at another place once"
    places, subject = follow(cut)
    assert places == 50 * [180] + 50 * [None]
    assert "'largest' if the subject changes place" in subject.notes()[0]


def test_only_known_sides_may_be_asked_for():
    with pytest.raises(ValueError, match="found 'lft'"):
        Subject("lft")


def test_somebody_else_who_comes_near_keeps_being_somebody_else():
    walk = [[face(x)] for x in np.linspace(540, 200, 80)]
    places, _ = follow(50 * [[LEFT, RIGHT]] + walk)
    assert places[50:] == 80 * [None]


def test_what_was_seen_for_a_moment_is_not_the_subject():
    moment, long = round(PROVEN * RATE) - 2, round(PROVEN * RATE) + 2
    assert follow(moment * [[RIGHT]] + 20 * [[LEFT]])[0][-1] == 180
    assert follow(long * [[RIGHT]] + 20 * [[LEFT]])[0][-1] is None


@pytest.mark.parametrize(("side", "own"), [("left", 180), ("right", 540)])
def test_of_people_side_by_side_the_one_at_the_side_is_followed(side, own):
    present, away = [LEFT, RIGHT], [RIGHT if side == "left" else LEFT]
    pictures = 10 * [away] + 40 * [present] + 100 * [away] + 40 * [present[::-1]] + 30 * [[]]
    places, subject = follow(pictures, side)
    assert places == 10 * [None] + 40 * [own] + 100 * [None] + 40 * [own] + 30 * [None]
    assert subject.other_faces == 110


def test_one_at_the_side_may_be_alone_there():
    assert follow(20 * [[LEFT]], "left")[0] == 20 * [180]
    assert follow(20 * [[LEFT]], "right")[0] == 20 * [None]


def test_of_three_people_the_outermost_is_followed():
    middle = face(360)
    assert follow(20 * [[middle, RIGHT, LEFT]], "left")[0] == 20 * [180]
    # Only the middle one is away from the side where nobody is left of it.
    places = follow(20 * [[middle, RIGHT, LEFT]] + 20 * [[middle, RIGHT]], "left")[0]
    assert places[20:] == 20 * [None]


def test_the_largest_face_is_taken_up_again_where_it_is():
    large, larger = face(180, 60), face(540, 80)
    pictures = 20 * [[large, RIGHT]] + 50 * [[larger]]
    places, subject = follow(pictures, "largest")
    waits = round(TAKEN_UP * RATE)
    assert places == 20 * [180] + waits * [None] + (50 - waits) * [540]
    assert subject.moves == 1
    assert subject.notes()[1] == "the subject was found again at another place once"


def test_a_face_that_becomes_larger_than_the_subjects_changes_nothing():
    pictures = [[face(180, 60), face(540, 40 + k)] for k in range(60)]
    places, subject = follow(pictures, "largest")
    assert places == 60 * [180]
    assert subject.moves == 0
