"""Following: which of the faces in a video is the subject's.

FaceMesh says where faces are, and not whose. People are told apart by their places: between two
pictures a face moves by less than its width. While the subject's face is lost, no face elsewhere is
taken for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from softaer.signals.markup import place_and_width

FACES = ("left", "right", "largest")
"""Which of several faces may be asked for."""

PROVEN = 0.5
"""A face that was seen for less is not yet the subject's [s]: FaceMesh may have been wrong."""

TAKEN_UP = 1.0
"""After so long without it, the largest face of a picture is the subject's anew [s], if that was
asked for."""


@dataclass
class Person:
    """Where somebody was seen last.

    Attributes
    ----------
    points
        The face as it was seen last, shape (49, 2), pixels.
    since, last
        When it was first and last seen [s].
    """

    points: np.ndarray
    since: float
    last: float


@dataclass
class Subject:
    """Follows the subject among the faces of a video.

    Attributes
    ----------
    face
        Who that is. ``left`` and ``right``: of several faces in a picture; a single one has to be
        in that half of it. ``largest``: of the first picture with a face, and again a second after
        it was lost. ``None``: who is seen first.
    other_faces
        Pictures so far that show faces, and not the subject's.
    moves
        How often the subject was taken up again in another place.
    """

    face: str | None = None
    other_faces: int = 0
    moves: int = 0
    pictures: int = 0
    _subject: Person | None = None
    _others: list[Person] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.face not in (None, *FACES):
            raise ValueError(f"face: found {self.face!r}; expected one of {FACES} or None")

    def may_be(self, points: np.ndarray) -> bool:
        """Whether a face may be the subject's: nobody was seen yet, or it is where that was."""
        subject = self._subject
        return subject is None or distance(points, subject.points) <= 1

    def among(self, faces: Sequence[np.ndarray], time: float, width: float) -> np.ndarray | None:
        """The subject's face in the next picture.

        Parameters
        ----------
        faces
            Points of each face, shape (49, 2), pixels.
        time
            Of the picture [s].
        width
            Of the picture [pixel].

        Returns
        -------
        One of ``faces``, or ``None``.
        """
        self.pictures += 1
        unknown = self._recognise(list(faces), time)
        if self._subject is None or self._subject.last < time:
            self._find_again(faces, unknown, time, width)
        for points in unknown:
            if self._subject is None or points is not self._subject.points:
                self._others.append(Person(points, time, time))
        if self._subject is not None and self._subject.last == time:
            return self._subject.points
        self.other_faces += bool(faces)
        return None

    def _recognise(self, faces: list[np.ndarray], time: float) -> list[np.ndarray]:
        """Give each person the nearest face within reach; those that are left over."""
        people = [*([self._subject] if self._subject else []), *self._others]
        pairs = sorted(
            (
                (distance(points, person.points), p, f)
                for p, person in enumerate(people)
                for f, points in enumerate(faces)
            ),
        )
        seen_people, seen_faces = set(), set()
        for apart, p, f in pairs:
            if apart <= 1 and p not in seen_people and f not in seen_faces:
                people[p].points, people[p].last = faces[f], time
                seen_people.add(p)
                seen_faces.add(f)
        return [points for f, points in enumerate(faces) if f not in seen_faces]

    def _find_again(
        self, faces: Sequence[np.ndarray], unknown: list[np.ndarray], time: float, width: float
    ) -> None:
        chosen = None
        if self.face in ("left", "right"):
            chosen = self._at_the_side(faces, unknown, width)
        elif unknown and self.face is None and self._is_unproven():
            chosen = unknown[0]
        elif faces and self.face == "largest" and self._is_away(time):
            chosen = max(faces, key=lambda points: place_and_width(points)[1])
            self.moves += self._subject is not None
        if chosen is not None:
            self._others = [person for person in self._others if person.points is not chosen]
            self._subject = Person(chosen, time, time)

    def _is_away(self, time: float) -> bool:
        return self._subject is None or time - self._subject.last > TAKEN_UP

    def _is_unproven(self) -> bool:
        subject = self._subject
        return subject is None or subject.last - subject.since < PROVEN

    def _at_the_side(
        self, faces: Sequence[np.ndarray], unknown: list[np.ndarray], width: float
    ) -> np.ndarray | None:
        if not unknown:
            return None
        sign = 1 if self.face == "left" else -1

        def place(points: np.ndarray) -> float:
            return sign * place_and_width(points)[0][0]

        first = min(unknown, key=place)
        if len(faces) > 1:
            return first if place(first) == min(map(place, faces)) else None
        alone = self._subject is None and place(first) < sign * width / 2
        return first if alone else None

    def notes(self) -> list[str]:
        """What was odd."""
        notes = []
        if self.other_faces:
            notes.append(
                f"a face elsewhere than the subject's in {self.other_faces} of {self.pictures} "
                "pictures, which have no points (column 'face' says who the subject is: 'largest' "
                "for one who changes place)"
            )
        if self.moves:
            places = "place" if self.moves == 1 else "places"
            notes.append(f"the subject was taken up again in {self.moves} other {places}")
        return notes


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Distance of two faces in widths of the larger one, from their points of shape (49, 2)."""
    places, widths = place_and_width(np.stack([one, other]))
    return float(np.linalg.norm(places[1] - places[0]) / widths.max())
