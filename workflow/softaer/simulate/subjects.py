"""The eight identities of the default corpus: portrait, voice and partition of each.

Both photographs show women, so all voices lie in the range of women's voices. Each partition has
identities made from either photograph. The order is such that the first three subjects already
fill the three partitions.
"""

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


SUBJECTS = {
    "s1": Subject(
        partition="train",
        portrait=Portrait(ASTRONAUT, smile=-0.5, brow=-0.35),
        voice=Voice(pitch=205.0, formants=1.12),
    ),
    "s2": Subject(
        partition="dev",
        portrait=Portrait(HOPPER, face_width=0.05, jaw_width=0.06, saturation=0.8, brow=0.35),
        voice=Voice(pitch=190.0, formants=1.09),
    ),
    "s3": Subject(
        partition="test",
        portrait=Portrait(
            ASTRONAUT,
            mirrored=True,
            face_width=0.05,
            jaw_width=0.06,
            nose_length=0.08,
            mouth_width=0.05,
            eye_size=0.03,
            hue=4.0,
            saturation=0.8,
            gamma=1.25,
            light=0.15,
            smile=-0.5,
            brow=-0.35,
        ),
        voice=Voice(pitch=198.0, formants=1.14),
    ),
    "s4": Subject(
        partition="train",
        portrait=Portrait(HOPPER, brow=0.35),
        voice=Voice(pitch=178.0, formants=1.07),
    ),
    "s5": Subject(
        partition="train",
        portrait=Portrait(
            ASTRONAUT,
            face_width=-0.07,
            jaw_width=-0.08,
            nose_length=-0.08,
            mouth_width=-0.05,
            eye_size=-0.03,
            hue=-3.0,
            saturation=1.2,
            gamma=0.85,
            light=-0.15,
            smile=-0.5,
            brow=-0.35,
        ),
        voice=Voice(pitch=222.0, formants=1.15),
    ),
    "s6": Subject(
        partition="dev",
        portrait=Portrait(
            ASTRONAUT,
            mirrored=True,
            face_width=-0.04,
            jaw_width=0.05,
            nose_length=0.06,
            mouth_width=0.04,
            eye_size=0.03,
            saturation=0.4,
            gamma=1.4,
            light=-0.2,
            smile=-0.5,
            brow=-0.35,
        ),
        voice=Voice(pitch=214.0, formants=1.11),
    ),
    "s7": Subject(
        partition="test",
        portrait=Portrait(
            HOPPER,
            face_width=-0.05,
            jaw_width=0.05,
            nose_length=-0.06,
            mouth_width=0.05,
            eye_size=0.03,
            saturation=0.7,
            gamma=1.2,
            light=-0.15,
            brow=0.35,
        ),
        voice=Voice(pitch=184.0, formants=1.1),
    ),
    "s8": Subject(
        partition="train",
        portrait=Portrait(
            HOPPER,
            mirrored=True,
            face_width=0.06,
            jaw_width=-0.05,
            nose_length=0.06,
            mouth_width=-0.04,
            eye_size=0.04,
            hue=3.0,
            saturation=0.8,
            gamma=0.85,
            light=0.15,
            brow=0.35,
        ),
        voice=Voice(pitch=170.0, formants=1.13),
    ),
}


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
