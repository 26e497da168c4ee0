"""Stills: single frames of a recording as small JPEGs, on the clock of the features."""

from pathlib import Path

from softaer.core.experiment import Media
from softaer.corpus import Recording, number_of
from softaer.signals.media import DEFAULT_LIMITS
from softaer.signals.pictures import frame_at

QUALITY = 80
"""Quality of the JPEG in per cent."""


def still_of(
    recording: Recording, time: float, width: int, limits: Media = DEFAULT_LIMITS
) -> bytes:
    """The frame of a recording with pictures that is shown at a time of the features [s].

    See :func:`still`.
    """
    return still(
        recording.given("video"),
        time,
        width,
        limits,
        stream=number_of(recording.video_stream),
        beside=recording.audio if recording.audio != recording.video else None,
    )


def still(
    path: Path | str,
    time: float,
    width: int,
    limits: Media = DEFAULT_LIMITS,
    *,
    stream: int | None = None,
    beside: Path | str | None = None,
) -> bytes:
    """The frame shown at a time as a JPEG.

    Parameters
    ----------
    path, time, limits, stream, beside
        See :func:`softaer.signals.pictures.frame_at`.
    width
        Wider frames are reduced to this width [pixel].

    Raises
    ------
    InputError
        See :func:`softaer.signals.pictures.frame_at`.
    """
    import cv2

    image = frame_at(path, time, limits, stream=stream, beside=beside)
    height, own = image.shape[:2]
    if own > width:
        size = (width, max(1, round(height * width / own)))
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()
