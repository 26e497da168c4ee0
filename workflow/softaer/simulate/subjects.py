"""The identities of the default corpus: portrait, voice and partition of each.

They are variants of two photographs, drawn at random. Both show women, so all voices lie in the
range of women's voices. Each partition has identities made from either photograph. The order is
such that the first three subjects already fill the three partitions.
"""

import random
from dataclasses import dataclass

from softaer.core.errors import InputError

ASTRONAUT = "astronaut"
"""Sample image of scikit-image."""

HOPPER = "grace_hopper"
"""Sample image of matplotlib."""


@dataclass(frozen=True)
class Portrait:
    """How a photograph becomes another identity.

    The geometry is relative to the photograph (0 leaves it alone): ``face_width``, ``jaw_width``,
    ``mouth_width`` and ``eye_size`` are fractions of the size, ``nose_length`` is a fraction of an
    eighth of the face's height. ``hue`` is a shift in OpenCV's half degrees, ``saturation`` a
    factor, ``gamma`` an exponent, ``light`` the relative brightness added from left to right.
    ``smile`` and ``brow`` change the resting expression, in the units of
    :class:`softaer.simulate.face.Pose`, so that the two photographs rest more alike.
    """

    photograph: str
    mirrored: bool = False
    face_width: float = 0.0
    jaw_width: float = 0.0
    nose_length: float = 0.0
    mouth_width: float = 0.0
    eye_size: float = 0.0
    hue: float = 0.0
    saturation: float = 1.0
    gamma: float = 1.0
    light: float = 0.0
    smile: float = 0.0
    brow: float = 0.0


@dataclass(frozen=True)
class Voice:
    """``pitch``: mean fundamental frequency [Hz]; ``formants``: factor on a man's formants."""

    pitch: float
    formants: float


@dataclass(frozen=True)
class Subject:
    """One identity; all its recordings belong to one partition."""

    partition: str
    portrait: Portrait
    voice: Voice


PARTITIONS = ("train", "dev", "test", "train", "train", "test", "dev", "test")
"""Partitions of the first subjects, of the next as many, and so on."""

RESTING = {ASTRONAUT: {"smile": -0.5, "brow": -0.35}, HOPPER: {"brow": 0.35}}
"""What makes the two photographs rest more alike."""


def draw(number: int) -> Subject:
    """Draw identity ``number``, counted from 0; the two photographs take turns."""
    rng = random.Random(number)
    photograph = (ASTRONAUT, HOPPER)[(number + number // len(PARTITIONS)) % 2]

    def around(middle: float, reach: float) -> float:
        return round(rng.uniform(middle - reach, middle + reach), 3)

    portrait = Portrait(
        photograph,
        mirrored=rng.random() < 0.5,
        face_width=around(0, 0.07),
        jaw_width=around(0, 0.07),
        nose_length=around(0, 0.08),
        mouth_width=around(0, 0.05),
        eye_size=around(0, 0.04),
        hue=around(0, 4),
        saturation=around(0.9, 0.3),
        gamma=around(1.1, 0.25),
        light=around(0, 0.2),
        **RESTING[photograph],
    )
    voice = Voice(pitch=around(196, 26), formants=around(1.11, 0.04))
    return Subject(PARTITIONS[number % len(PARTITIONS)], portrait, voice)


SUBJECTS = {f"s{number + 1:02d}": draw(number) for number in range(72)}
"""All identities by name."""


def subject(name: str) -> Subject:
    """Identity of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in SUBJECTS:
        raise InputError(f"subject {name!r} is unknown; there are {', '.join(SUBJECTS)}")
    return SUBJECTS[name]
