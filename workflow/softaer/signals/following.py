"""Following: which of the faces in a video is the subject's.

FaceMesh finds faces but does not know whose they are. People are told apart by their positions:
between two frames, a face moves by less than its width. While the subject's face is lost, no face
elsewhere is mistaken for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from softaer.signals.markup import place_and_width

FACES = ("left", "right", "largest")
"""Choices among several faces."""

PROVEN = 0.5
"""Minimum time for which the subject's face must be seen [s], because FaceMesh makes errors."""

TAKEN_UP = 1.0
"""With ``largest``, time after which the largest face becomes the subject's again [s]."""


@dataclass
class Person:
    """Last known position of a person.

    Attributes
    ----------
    points
        The face when it was last seen, shape (49, 2), pixels.
    since, last
        Times when it was first and last seen [s].
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
        Which face is the subject's. ``left`` and ``right``: the outermost of several faces in a
        frame; a single one must be in that half. ``largest``: the largest face of the first frame
        with a face, and again one second after it was lost. ``None``: the first face.
    other_faces
        Number of frames so far that show faces but not the subject's.
    moves
        Number of times that the subject was found again elsewhere.
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
        """Whether a face may be the subject's: the first face, or one at the subject's position."""
        subject = self._subject
        return subject is None or distance(points, subject.points) <= 1

    def among(self, faces: Sequence[np.ndarray], time: float, width: float) -> np.ndarray | None:
        """The subject's face in the next frame.

        Parameters
        ----------
        faces
            Points of each face, shape (49, 2), pixels.
        time
            Time of the frame [s].
        width
            Width of the frame [pixel].

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
        """Assign the nearest face within reach to each person; return the remaining faces."""
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
        """Notes on what was unusual."""
        notes = []
        if self.other_faces:
            notes.append(
                f"{self.other_faces} of {self.pictures} video frames show only a face other than "
                "the subject's and have no points (column 'face' selects the subject; 'largest' if "
                "the subject changes place)"
            )
        if self.moves:
            times = "once" if self.moves == 1 else f"{self.moves} times"
            notes.append(f"the subject was found again at another place {times}")
        return notes


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Distance of two faces in widths of the larger one, from their points of shape (49, 2)."""
    places, widths = place_and_width(np.stack([one, other]))
    return float(np.linalg.norm(places[1] - places[0]) / widths.max())
