"""Pictures have square pixels, and come from the stream that players would show."""

from fractions import Fraction

import av
import numpy as np
import pytest

import media_files
from media_files import grey
from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.signals import pictures
from softaer.signals.media import Account
from softaer.signals.pictures import frame_at, video_frames
from softaer.signals.probe import probe

RATIOS = [Fraction(*r) for r in ((4, 3), (16, 15), (64, 45), (10, 11), (40, 33), (8, 9), (1, 2))]


def disc(ratio=Fraction(1), height=240, width=320):
    """A white disc on black, stored with pixels of a shape."""
    y, x = np.mgrid[:height, :width].astype(float)
    inside = ((x - width / 2) * float(ratio)) ** 2 + (y - height / 2) ** 2 < 60**2
    return np.repeat((255 * inside).astype(np.uint8)[..., None], 3, axis=2)


def roundness(image):
    """Width of the disc over its height."""
    white = image[..., 0] > 128
    return np.ptp(np.flatnonzero(white.any(axis=0))) / np.ptp(np.flatnonzero(white.any(axis=1)))


def clip(path, pictures, ratio=None, codec="libx264", **stream_options):
    """Pictures at 25 a second whose codec states the shape of pixels."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = stream_options.get("pix_fmt", "yuv420p")
        if ratio is not None:
            stream.codec_context.sample_aspect_ratio = ratio
        for image in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("unsorted", [frozenset(), frozenset({"h264"})], ids=["raw", "unsorted"])
def test_a_picture_without_a_time_is_refused(tmp_path, monkeypatch, unsorted):
    monkeypatch.setattr(pictures, "UNSORTED_TIMES", unsorted)
    path = clip(tmp_path / "m.h264", 3 * [disc()])
    with pytest.raises(InputError, match="without a time stamp"):
        list(video_frames(path))


@pytest.mark.parametrize("ratio", RATIOS, ids=str)
@pytest.mark.parametrize(
    ("suffix", "codec"),
    [("mp4", "libx264"), ("ts", "libx264"), ("mkv", "mpeg4"), ("mov", "mpeg4"), ("avi", "mpeg4")],
)
def test_a_disc_is_round_whatever_the_shape_of_pixels(suffix, codec, ratio, tmp_path):
    path = clip(tmp_path / f"m.{suffix}", 3 * [disc(ratio)], ratio, codec)
    images = [image for _, image in video_frames(path)]
    assert len(images) == 3
    for image in images:
        assert roundness(image) == pytest.approx(1, abs=0.03)
        # No pixel is given away: the shorter side is stretched.
        assert image.shape[0] >= 240
        assert image.shape[1] >= 320
    assert roundness(frame_at(path, 0.04)) == pytest.approx(1, abs=0.03)


def test_without_a_shape_pixels_are_square_and_untouched(tmp_path):
    pictures = [disc()]
    for ratio in (None, Fraction(1)):
        path = clip(tmp_path / "m.mkv", pictures, ratio, "ffv1", pix_fmt="bgr0")
        ((_, image),) = video_frames(path)
        assert np.array_equal(image, pictures[0])
    stretched = clip(tmp_path / "n.mkv", pictures, None, "ffv1", pix_fmt="bgr0")
    assert roundness(next(video_frames(stretched))[1]) == pytest.approx(1, abs=0.02)


def test_dv_of_both_systems_is_shown_as_on_a_screen(tmp_path):
    for height, ratio in ((576, Fraction(64, 45)), (576, Fraction(16, 15))):
        pictures = 3 * [disc(ratio, height, 720)]
        form = "yuv420p" if height == 576 else "yuv411p"
        path = clip(tmp_path / "m.avi", pictures, ratio, "dvvideo", pix_fmt=form)
        for _, image in video_frames(path):
            assert roundness(image) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize(("first", "second"), [("4/3", "1"), ("1", "4/3"), ("4/3", "16/15")])
@pytest.mark.parametrize("frames", [3, 30])
def test_the_shape_of_pixels_may_change_midway(first, second, frames, tmp_path):
    ratios = Fraction(first), Fraction(second)
    parts = [
        clip(tmp_path / f"{k}.ts", frames * [disc(ratio)], ratio) for k, ratio in enumerate(ratios)
    ]
    path = tmp_path / "m.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    images = [image for _, image in video_frames(path)]
    assert len(images) == 2 * frames
    for k, image in enumerate(images):
        assert image.shape[1] == round(320 * ratios[k >= frames])
        assert roundness(image) == pytest.approx(1, abs=0.03)


def test_a_container_may_state_the_shape_alone(tmp_path):
    path = clip(tmp_path / "m.mp4", 3 * [disc(Fraction(4, 3))], Fraction(4, 3))
    content = bytearray(path.read_bytes())
    place = content.index(b"pasp")
    content[place + 4 : place + 12] = (2).to_bytes(4, "big") + (1).to_bytes(4, "big")
    path.write_bytes(content)
    for _, image in video_frames(path):
        assert image.shape == (240, 640, 3)


def test_a_shape_that_cannot_be_is_refused(tmp_path):
    path = clip(tmp_path / "m.mp4", 3 * [disc()], Fraction(40, 1))
    with pytest.raises(InputError, match=r"m\.mp4: pixels of 40:1; expected a shape from 1:8 to"):
        list(video_frames(path))


def test_stretched_pictures_keep_to_the_limit(tmp_path):
    path = clip(tmp_path / "m.mp4", 3 * [disc(Fraction(4, 3))], Fraction(4, 3))
    limits = Media(max_pixels=320 * 240 * 4 // 3)
    assert len(list(video_frames(path, limits))) == 3
    with pytest.raises(InputError, match=r"media\.max_pixels"):
        list(video_frames(path, Media(max_pixels=320 * 240)))


def streams(path, levels, default):
    """A file with a stream of pictures of each grey level, one of them marked as default."""
    with av.open(str(path), "w") as container:
        made = []
        for k, _ in enumerate(levels):
            stream = container.add_stream("mpeg4", rate=25)
            stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
            stream.disposition = av.stream.Disposition.default if k == default else 0
            made.append(stream)
        for _ in range(10):
            for stream, level in zip(made, levels, strict=True):
                frame = av.VideoFrame.from_ndarray(grey(level), format="rgb24")
                container.mux(stream.encode(frame))
        for stream in made:
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize("default", [0, 1, 2, None])
def test_the_stream_marked_as_default_is_taken(default, tmp_path):
    levels = [40, 120, 200]
    path = streams(tmp_path / "m.mkv", levels, default)
    taken = 0 if default is None else default
    assert all(abs(im.mean() - levels[taken]) < 3 for _, im in video_frames(path))
    assert probe(path).stream("video").number == taken + 1
    for number in (1, 2, 3):
        chosen = [image.mean() for _, image in video_frames(path, stream=number)]
        assert chosen == pytest.approx(10 * [levels[number - 1]], abs=3)
    with pytest.raises(
        InputError, match=r"found stream 4 \(column 'video_stream'\); expected a number from 1 to 3"
    ):
        list(video_frames(path, stream=4))


def test_cover_art_is_no_stream_of_pictures(faults):
    path = faults / "cover_first" / "covudta.mp4"
    with av.open(str(path)) as container:
        assert container.streams.video[0].disposition & av.stream.Disposition.attached_pic
    assert len(list(video_frames(path))) == 75
    assert [(s.kind, s.number) for s in probe(path).streams] == [("audio", 1), ("video", 1)]
    with pytest.raises(InputError, match="expected a number from 1 to 1"):
        list(video_frames(path, stream=2))


def test_pictures_that_stay_away_are_told(tmp_path):
    times = [*np.arange(0, 1, 0.04), *np.arange(4, 5, 0.04)]
    path = media_files.write(tmp_path / "m.mkv", [(t, grey(90)) for t in times])
    account = Account()
    list(video_frames(path, account=account))
    assert "no video frame for 3.0 s after 1.0 s" in account.notes[0]
