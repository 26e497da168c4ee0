"""Sound and pictures of a recording lie on one clock, whatever the container does with its time."""

import errno
import itertools
import os
import socket
import tracemalloc
from collections import deque
from fractions import Fraction

import av
import cv2
import numpy as np
import processes
import pytest

import media_files
import softaer.signals.pictures
from media_files import grey, tone
from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.signals.pictures import video_frames
from softaer.signals.sound import AUDIO_RATE, MAX_AUDIO_JITTER, SILENCE_AT_ONCE, audio_blocks

SECOND = [(k / 25, grey(10 * k)) for k in range(25)]
"""A second of pictures, told apart by their grey levels."""

BROKEN = [
    "derived_grid_truncated_moovless.mp4",
    "derived_text_named_mp4.mp4",
    "derived_zero_bytes.mp4",
    "mpf_video_01_invalid.mp4",
]


def sound_of(path):
    """All sound of a file as float."""
    blocks = list(audio_blocks(path))
    assert all(block.dtype == np.int16 and block.ndim == 1 for block in blocks)
    return np.concatenate(blocks).astype(float)


def times_of(path):
    return [time for time, _ in video_frames(path)]


def loud_stretches(sound):
    """Starts and ends [s] of what is louder than a fifth of the tone and unbroken for 10 ms."""
    loud = np.flatnonzero(np.abs(sound) > 1600)
    breaks = np.flatnonzero(np.diff(loud) > 0.01 * AUDIO_RATE)
    starts = [loud[0], *loud[breaks + 1]]
    ends = [*loud[breaks], loud[-1]]
    return [(start / AUDIO_RATE, end / AUDIO_RATE) for start, end in zip(starts, ends, strict=True)]


def test_lossless_sound_comes_back_sample_by_sample(tmp_path):
    samples = np.random.default_rng(0).integers(-30_000, 30_000, 20_001).astype(np.int16)
    path = media_files.write(tmp_path / "m.mkv", sound=[(0, samples)])
    assert np.array_equal(sound_of(path), samples)


@pytest.mark.parametrize(
    ("name", "audio_codec", "video_codec"),
    [("late.mkv", "pcm_s16le", "ffv1"), ("late.mp4", "aac", "libx264")],
)
def test_sound_that_starts_later_than_the_pictures_is_preceded_by_silence(
    name, audio_codec, video_codec, tmp_path
):
    path = media_files.write(
        tmp_path / name,
        pictures=SECOND,
        sound=[(0.5, tone(1.0))],
        audio_codec=audio_codec,
        video_codec=video_codec,
    )
    ((start, end),) = loud_stretches(sound_of(path))
    assert start == pytest.approx(0.5, abs=0.005)
    assert end == pytest.approx(1.5, abs=0.005)
    assert times_of(path)[0] == 0


def test_pictures_that_start_later_than_the_sound_keep_their_distance(tmp_path):
    late = [(0.7 + time, image) for time, image in SECOND]
    path = media_files.write(tmp_path / "m.mkv", pictures=late, sound=[(0, tone(1.0))])
    assert times_of(path) == pytest.approx([time for time, _ in late])
    assert len(sound_of(path)) == AUDIO_RATE


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_a_hole_in_the_sound_becomes_silence(rate, tmp_path):
    pieces = [(0.0, tone(0.5, rate)), (1.2, tone(0.5, rate)), (2.5, tone(0.25, rate))]
    path = media_files.write(tmp_path / "m.mkv", sound=pieces, rate=rate)
    sound = sound_of(path)
    expected = [(0.0, 0.5), (1.2, 1.7), (2.5, 2.75)]
    np.testing.assert_allclose(loud_stretches(sound), expected, rtol=0, atol=0.0004)
    assert not sound[round(0.51 * AUDIO_RATE) : round(1.19 * AUDIO_RATE)].any()
    assert len(sound) == pytest.approx(2.75 * AUDIO_RATE, abs=20)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_sound_before_time_zero_is_cut(rate, tmp_path, monkeypatch):
    pieces = [(0.0, tone(0.5, rate)), (0.5, np.zeros(rate, dtype=np.int16))]
    path = media_files.write(tmp_path / "m.mkv", sound=pieces, rate=rate)
    monkeypatch.setattr("softaer.signals.sound.origin", lambda *rest: 0.3)
    sound = sound_of(path)
    ((start, end),) = loud_stretches(sound)
    assert start == pytest.approx(0, abs=0.002)
    assert end == pytest.approx(0.2, abs=MAX_AUDIO_JITTER + 0.002)
    assert len(sound) / AUDIO_RATE == pytest.approx(1.2, abs=MAX_AUDIO_JITTER + 0.002)


def test_jitter_of_time_stamps_inserts_nothing(tmp_path):
    samples = tone(2.0)
    jitter = np.random.default_rng(0).uniform(-0.004, 0.004, 40)
    pieces = [
        (0.05 * k + max(jitter[k], -0.05 * k), samples[800 * k : 800 * (k + 1)]) for k in range(40)
    ]
    path = media_files.write(tmp_path / "m.mkv", sound=pieces)
    assert np.array_equal(sound_of(path), samples)


def test_a_slow_sampling_clock_does_not_let_sound_and_pictures_drift_apart(tmp_path):
    # Each tenth of a second of samples is stamped to last one per cent longer.
    pieces = [(0.101 * k, tone(0.1)) for k in range(100)]
    path = media_files.write(tmp_path / "m.mkv", sound=pieces)
    assert len(sound_of(path)) / AUDIO_RATE == pytest.approx(10.1, abs=0.06)


@pytest.mark.parametrize(("audio_start", "video_start"), [(0.5, 0.24), (0.0, 0.4), (0.2, 0.2)])
def test_streams_share_time_zero_when_the_container_starts_elsewhere(
    audio_start, video_start, tmp_path
):
    offset = 100
    path = media_files.write(
        tmp_path / "m.ts",
        pictures=[(offset + video_start + time, image) for time, image in SECOND],
        sound=[(offset + audio_start, tone(1.0, 48_000))],
        rate=48_000,
        audio_codec="mp2",
        video_codec="mpeg2video",
        clock=Fraction(1, 25),
    )
    with av.open(str(path)) as container:
        assert container.start_time / av.time_base > 90
    zero = min(audio_start, video_start)
    # The MPEG audio encoder is early by the 10 ms of its delay.
    assert times_of(path)[0] == pytest.approx(video_start - zero, abs=0.015)
    assert np.diff(times_of(path)) == pytest.approx(0.04, abs=1e-6)
    start = loud_stretches(sound_of(path))[0][0]
    assert start == pytest.approx(audio_start - zero, abs=0.015)
    assert start - times_of(path)[0] == pytest.approx(audio_start - video_start, abs=0.005)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 48_000, 96_000])
def test_sound_is_resampled_to_16_khz_at_its_length_and_pitch(rate, tmp_path):
    path = media_files.write(tmp_path / "m.mkv", sound=[(0, tone(2.0, rate))], rate=rate)
    sound = sound_of(path)
    assert len(sound) == pytest.approx(2 * AUDIO_RATE, abs=20)
    middle = slice(AUDIO_RATE // 2, -AUDIO_RATE // 2)
    np.testing.assert_allclose(sound[middle], tone(2.0)[: len(sound)][middle], atol=200)


def test_stereo_is_mixed_to_the_mean_of_its_channels(tmp_path):
    both = np.stack([tone(1.0, 48_000), np.zeros(48_000, dtype=np.int16)], axis=1).ravel()
    path = media_files.write(tmp_path / "m.mkv", sound=[(0, both)], rate=48_000, layout="stereo")
    sound = sound_of(path)
    assert len(sound) == pytest.approx(AUDIO_RATE, abs=20)
    middle = slice(4000, 12000)
    np.testing.assert_allclose(sound[middle], tone(1.0)[: len(sound)][middle] / 2, atol=200)


@pytest.mark.parametrize(
    "second", [(48_000, "mono"), (44_100, "stereo")], ids=["sampling rate", "channels"]
)
def test_sound_whose_format_changes_on_the_way_is_decoded_to_its_end(second, tmp_path):
    parts = []
    for rate, layout in [(44_100, "mono"), second]:
        samples = tone(1.0, rate).repeat(2 if layout == "stereo" else 1)
        path = tmp_path / f"{rate}{layout}.aac"
        media_files.write(path, sound=[(0, samples)], rate=rate, layout=layout, audio_codec="aac")
        parts.append(path.read_bytes())
    path = tmp_path / "both.aac"
    path.write_bytes(b"".join(parts))
    assert len(sound_of(path)) == pytest.approx(2.1 * AUDIO_RATE, abs=0.1 * AUDIO_RATE)


@pytest.mark.parametrize(("name", "codec"), [("v.mkv", "ffv1"), ("v.mp4", "libx264")])
def test_times_of_a_variable_frame_rate_are_those_of_the_stream(name, codec, tmp_path):
    times = [0.0, 0.04, 0.2, 0.24, 1.0, 1.5]
    pictures = [(time, grey(40 * k)) for k, time in enumerate(times)]
    path = media_files.write(tmp_path / name, pictures=pictures, video_codec=codec)
    got = list(video_frames(path))
    assert [time for time, _ in got] == pytest.approx(times, abs=1e-6)
    assert [image.mean() for _, image in got] == pytest.approx([40 * k for k in range(6)], abs=3)


@pytest.mark.parametrize(
    ("frames", "rate", "kept"),
    [
        (25, 10, [0, 3, 5, 8, 10, 13, 15, 18, 20, 23]),
        (25, 25, range(25)),
        (25, 100, range(25)),
        (30, 15, range(0, 30, 2)),  # 30 per second are not whole milliseconds
        (30, 30, range(30)),
        (25, 0.5, [0]),
    ],
)
def test_the_first_picture_that_has_reached_each_multiple_is_kept(frames, rate, kept, tmp_path):
    pictures = [(k / frames, grey(8 * k)) for k in range(frames)]
    path = media_files.write(tmp_path / "m.mkv", pictures=pictures)
    got = list(video_frames(path, rate=rate))
    assert [time for time, _ in got] == pytest.approx([k / frames for k in kept], abs=1e-3)
    assert [image.mean() for _, image in got] == pytest.approx([8 * k for k in kept])


def test_jitter_of_time_stamps_does_not_change_which_pictures_are_kept(tmp_path):
    jitter = np.random.default_rng(0).uniform(-0.0009, 0.0009, 60)
    jitter[0] = 0
    pictures = [(k / 20 + jitter[k], grey(4 * k)) for k in range(60)]
    path = media_files.write(
        tmp_path / "m.mp4", pictures=pictures, video_codec="libx264", clock=Fraction(1, 90_000)
    )
    kept = [round(image.mean() / 4) for _, image in video_frames(path, rate=10)]
    assert kept == list(range(0, 60, 2))


def test_pictures_that_are_not_kept_are_not_converted(tmp_path, monkeypatch):
    path = media_files.write(tmp_path / "m.mkv", pictures=SECOND)
    converted = []
    turn = softaer.signals.pictures.upright
    monkeypatch.setattr(
        "softaer.signals.pictures.upright",
        lambda image, *rest: converted.append(1) or turn(image, *rest),
    )
    assert sum(1 for _ in video_frames(path, rate=5)) == len(converted) == 5


def test_pictures_come_back_pixel_by_pixel_in_rgb(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    path = media_files.write(tmp_path / "m.mkv", pictures=[(0, image), (0.04, image[::-1])])
    first, second = (picture for _, picture in video_frames(path))
    assert first.dtype == np.uint8
    assert np.array_equal(first, image)
    assert np.array_equal(second, image[::-1])


def test_times_never_step_back_or_repeat(tmp_path):
    times = [0.0, 0.04, 0.0401, 0.08]
    path = media_files.write(tmp_path / "m.mkv", pictures=[(t, grey(99)) for t in times])
    assert times_of(path) == pytest.approx([0.0, 0.04, 0.08])


QUADRANTS = np.kron([[20, 90], [160, 230]], np.ones((24, 32)))[..., None] * np.ones(3)
"""A picture whose four quarters are told apart by their grey."""


def shown(matrix):
    """The greys of the four quarters as a player shows the picture under a display matrix."""
    a, b, c, d = matrix
    quarters = {(-1, -1): 20, (1, -1): 90, (-1, 1): 160, (1, 1): 230}
    return {(a * x + c * y, b * x + d * y): grey for (x, y), grey in quarters.items()}


def quarters_of(image):
    height, width = image.shape[:2]
    return {
        (x, y): image[(2 + y) * height // 4, (2 + x) * width // 4].mean()
        for x in (-1, 1)
        for y in (-1, 1)
    }


def tagged(path, matrix):
    picture = QUADRANTS.astype(np.uint8)
    media_files.write(path, pictures=[(0, picture), (0.04, picture)], video_codec="libx264")
    media_files.tag(path, matrix)
    return path


@pytest.mark.parametrize(
    "matrix",
    [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)],
    ids=["upright", "quarter clockwise", "upside down", "quarter counterclockwise"],
)
def test_pictures_are_turned_as_their_display_matrix_says(matrix, tmp_path):
    for _, image in video_frames(tagged(tmp_path / "m.mp4", matrix)):
        assert image.shape == ((48, 64, 3) if matrix[0] else (64, 48, 3))
        assert image.flags.c_contiguous
        assert quarters_of(image) == pytest.approx(shown(matrix), abs=6)


@pytest.mark.parametrize(
    "matrix",
    [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, 1, 0)],
    ids=["left to right", "top to bottom", "diagonal"],
)
def test_pictures_with_a_mirroring_display_matrix_are_mirrored_or_refused(matrix, tmp_path):
    path = tagged(tmp_path / "m.mp4", matrix)
    try:
        _, image = next(video_frames(path))
    except InputError:
        return
    assert quarters_of(image) == pytest.approx(shown(matrix), abs=6)


def test_an_oblique_display_matrix_is_refused(tmp_path):
    half = 0.5**0.5
    path = tagged(tmp_path / "oblique.mp4", (half, half, -half, half))
    with pytest.raises(InputError, match=r"oblique\.mp4.*45"):
        list(video_frames(path))


def test_sound_streams_without_being_held_in_memory(tmp_path):
    path = media_files.write(tmp_path / "m.mkv", sound=[(0, tone(60.0))])
    tracemalloc.start()
    samples = sum(len(block) for block in audio_blocks(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert samples == 60 * AUDIO_RATE
    assert peak < 2 * samples / 10


def test_pictures_stream_without_being_held_in_memory(tmp_path):
    pictures = ((k / 25, grey(k % 256)) for k in range(250))
    path = media_files.write(tmp_path / "m.mkv", pictures=pictures)
    tracemalloc.start()
    count = sum(1 for _ in video_frames(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 250
    assert peak < 25 * grey(0).nbytes


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="Linux lists threads")
def test_pictures_are_decoded_and_converted_without_threads(tmp_path):
    pictures = [(k / 25, grey(k)) for k in range(100)]
    path = media_files.write(tmp_path / "m.mp4", pictures=pictures, video_codec="libx264")
    before = set(os.listdir("/proc/self/task"))
    started = [set(os.listdir("/proc/self/task")) - before for _ in video_frames(path)]
    assert len(started) == 100
    assert not any(started)


def test_a_file_may_be_left_before_its_end(tmp_path):
    path = media_files.write(tmp_path / "m.mkv", pictures=SECOND, sound=[(0, tone(1.0))])
    for stream in (audio_blocks(path), video_frames(path)):
        next(stream)
        stream.close()
    path.unlink()


@pytest.mark.parametrize("read", [audio_blocks, video_frames])
def test_a_file_that_is_not_there_is_named(read, tmp_path):
    with pytest.raises(InputError, match=r"absent\.mp4"):
        list(read(tmp_path / "absent.mp4"))


@pytest.mark.parametrize(
    ("read", "content", "missing", "found"),
    [
        (audio_blocks, {"pictures": SECOND}, "audio", "video"),
        (video_frames, {"sound": [(0, tone(0.2))]}, "video", "audio"),
    ],
    ids=["no sound", "no pictures"],
)
def test_a_missing_stream_is_named_with_what_was_found(read, content, missing, found, tmp_path):
    path = media_files.write(tmp_path / "half.mkv", **content)
    with pytest.raises(InputError) as error:
        list(read(path))
    for part in ("half.mkv", missing, found):
        assert part in str(error.value)


@pytest.mark.parametrize("read", [audio_blocks, video_frames])
@pytest.mark.parametrize("name", BROKEN)
def test_clips_that_cannot_be_opened_are_named(read, name, clips):
    with pytest.raises(InputError, match=name):
        list(read(clips / name))


def test_a_packet_of_size_zero_repeats_the_last_picture(clips):
    # ffmpeg decodes 30 pictures; its second packet, which is empty, shows the first again.
    pictures = list(video_frames(clips / "mpf_face_theora_vorbis.ogg"))
    assert [time for time, _ in pictures] == pytest.approx([k * 1001 / 30_000 for k in range(31)])
    same = [np.array_equal(a, b) for (_, a), (_, b) in itertools.pairwise(pictures)]
    assert same == [True] + 29 * [False]


@pytest.mark.parametrize(
    ("read", "name", "missing", "found"),
    [
        (audio_blocks, "derived_grid_noaudio.mp4", "audio", "video"),
        (video_frames, "mpf_video_02_audio_only.mp4", "video", "audio"),
        (audio_blocks, "mpf_test5-noaudio-novideo.mkv", "audio", "subtitle"),
        (video_frames, "mpf_test5-noaudio-novideo.mkv", "video", "subtitle"),
    ],
)
def test_clips_that_lack_a_stream_are_named(read, name, missing, found, clips):
    with pytest.raises(InputError) as error:
        list(read(clips / name))
    for part in (name, missing, found):
        assert part in str(error.value)


@pytest.mark.parametrize(
    ("name", "frames", "last", "seconds"),
    [
        ("grid_bbaf2n.mpg", 75, 2.96, 2.98),
        ("derived_grid_vfr.mp4", 44, 2.96, 3.0),
        ("derived_grid_audio_short_by_1s.mp4", 75, 2.96, 2.02),
        ("derived_grid_veryshort_3frames.mp4", 3, 0.08, 0.14),
        ("derived_grid_truncated40pct.mpg", 30, 1.16, 1.1),
        ("mpf_face_h264_aac.mp4", 31, 1.0, 1.02),
        ("mpf_face_vp8_opus.webm", 31, 1.0, 1.02),
        ("mpf_face_xvid_aac.avi", 31, 1.03, 1.07),
    ],
)
def test_clips_of_other_containers_and_codecs(name, frames, last, seconds, clips):
    times = times_of(clips / name)
    assert len(times) == frames
    assert times[-1] == pytest.approx(last, abs=0.01)
    assert len(sound_of(clips / name)) / AUDIO_RATE == pytest.approx(seconds, abs=0.01)


def test_clip_of_variable_frame_rate_has_the_times_of_its_packets(clips):
    path = clips / "derived_grid_vfr.mp4"
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.pts is not None]
        stamps = sorted(float(p.pts * p.time_base) for p in packets)
    assert times_of(path) == pytest.approx(stamps)
    assert np.ptp(np.diff(stamps)) > 0.03


def test_clip_with_a_rotation_tag_shows_an_upright_face(clips):
    from mediapipe.python.solutions.face_mesh import FaceMesh

    chin, forehead, left_eye, right_eye = 152, 10, 33, 263
    frames = itertools.islice(video_frames(clips / "mpf_new_face_video-90.mp4"), 0, 250, 25)
    upright = []
    with FaceMesh(static_image_mode=True, max_num_faces=1) as mesh:
        for _, image in frames:
            assert image.shape == (480, 640, 3)
            for face in mesh.process(image).multi_face_landmarks or []:
                points = face.landmark
                upright.append(points[forehead].y < points[left_eye].y < points[chin].y)
                upright.append(points[left_eye].x < points[right_eye].x)
    assert len(upright) >= 4
    assert all(upright)


def refused(read, path, limits, *words):
    """What was read before the file was refused with these words, its name among them."""
    items = []
    with pytest.raises(InputError) as caught:
        deque(map(items.append, read(path, limits)))
    for word in (str(path), *words):
        assert word in str(caught.value)
    return items


@pytest.fixture
def second(tmp_path):
    """A second of pictures of 64 x 48 pixels, and of sound."""
    return media_files.write(tmp_path / "second.mkv", pictures=SECOND, sound=[(0, tone(1.0))])


@pytest.mark.parametrize("read", [audio_blocks, video_frames])
@pytest.mark.parametrize(
    ("limit", "value", "words"),
    [
        ("max_size", 1e-5, ["GB; expected at most 1e-05"]),
        ("max_duration", 0.9, ["1 s; expected at most 0.9"]),
        ("max_streams", 1, ["2 streams; expected at most 1"]),
    ],
)
def test_files_beyond_a_limit_are_refused_unread(read, limit, value, words, second):
    assert refused(read, second, Media(**{limit: value}), f"media.{limit}", *words) == []


def test_pictures_that_are_too_large_are_refused_and_the_sound_is_not(second):
    words = ["3072 pixels; expected at most 3071", "media.max_pixels"]
    assert refused(video_frames, second, Media(max_pixels=3071), *words) == []
    assert sum(map(len, audio_blocks(second, Media(max_pixels=3071)))) == AUDIO_RATE


def test_files_at_the_limits_are_read(second):
    size = second.stat().st_size / 1e9
    limits = Media(max_size=size, max_duration=1.0, max_streams=2, max_pixels=3072)
    assert sum(map(len, audio_blocks(second, limits))) == AUDIO_RATE
    assert len(list(video_frames(second, limits))) == 25


def test_pictures_that_grow_on_the_way_are_refused(tmp_path):
    parts = []
    for number, (height, width) in enumerate([(48, 64), (240, 320)]):
        picture = np.full((height, width, 3), 99, dtype=np.uint8)
        pictures = [(number + k / 25, picture) for k in range(25)]
        path = tmp_path / f"{width}.ts"
        media_files.write(path, pictures, video_codec="mpeg2video", clock=Fraction(1, 25))
        parts.append(path.read_bytes())
    path = tmp_path / "growing.ts"
    path.write_bytes(b"".join(parts))
    assert {image.shape for _, image in video_frames(path)} == {(48, 64, 3), (240, 320, 3)}
    seen = refused(video_frames, path, Media(max_pixels=48 * 64), "cannot be decoded")
    assert {image.shape for _, image in seen} == {(48, 64, 3)}


def declared(path):
    with av.open(str(path)) as container:
        return (container.duration or 0) / av.time_base


def test_sound_that_goes_on_for_longer_than_declared_is_refused_on_the_way(tmp_path):
    pieces = [(k, tone(0.1)) for k in range(20)]
    path = media_files.write(tmp_path / "m.mkv", sound=pieces)
    media_files.without_duration(path)
    limits = Media(max_duration=5.0)
    assert declared(path) < 5
    blocks = refused(audio_blocks, path, limits, "s of sound; expected at most 5")
    assert 4 <= sum(map(len, blocks)) / AUDIO_RATE <= 5.1
    assert sum(map(len, audio_blocks(path))) / AUDIO_RATE == pytest.approx(19.1, abs=0.01)


def test_a_single_piece_of_sound_beyond_the_limit_is_refused(tmp_path):
    hour = np.zeros(3600, dtype=np.int16)
    path = media_files.write(tmp_path / "m.mkv", sound=[(0, hour)], rate=1, audio_codec="flac")
    media_files.without_duration(path)
    assert declared(path) < 100
    assert refused(audio_blocks, path, Media(max_duration=100.0), "s of sound") == []


def test_pictures_that_go_on_for_longer_than_declared_are_refused_on_the_way(tmp_path):
    path = media_files.write(tmp_path / "m.mkv", pictures=[(k, grey(9 * k)) for k in range(20)])
    media_files.without_duration(path)
    limits = Media(max_duration=5.0)
    assert declared(path) < 5
    pictures = refused(video_frames, path, limits, "s of video; expected at most 5")
    assert [time for time, _ in pictures] == [0, 1, 2, 3, 4, 5]
    assert len(times_of(path)) == 20


def test_a_jump_of_the_time_stamps_beyond_the_limit_is_not_filled_with_silence(tmp_path):
    hours = 100 * 3600
    path = media_files.write(tmp_path / "m.mkv", sound=[(0, tone(0.5)), (hours, tone(0.5))])
    media_files.without_duration(path)
    tracemalloc.start()
    blocks = refused(audio_blocks, path, Media(), "360000 s of sound", "media.max_duration")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(map(len, blocks)) <= AUDIO_RATE
    assert peak < 2e6


def test_a_jump_of_the_time_stamps_to_hours_later_is_refused_in_pictures_too(tmp_path):
    pictures = [(0, grey(0)), (0.04, grey(9)), (100 * 3600, grey(99))]
    path = media_files.write(tmp_path / "m.mkv", pictures=pictures)
    media_files.without_duration(path)
    seen = refused(video_frames, path, Media(), "360000 s of video", "media.max_duration")
    assert len(seen) == 2


def test_silence_comes_piece_by_piece(tmp_path):
    path = media_files.write(tmp_path / "m.mkv", sound=[(0, tone(0.5)), (900, tone(0.5))])
    tracemalloc.start()
    lengths = [len(block) for block in audio_blocks(path)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sum(lengths) == pytest.approx(900.5 * AUDIO_RATE, abs=2)
    assert max(lengths) == SILENCE_AT_ONCE
    # Two pieces live at once: the one handed out and the next.
    assert peak < 3 * 2 * SILENCE_AT_ONCE


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n"
    "#EXTINF:1,\n{url}\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile '{url}'\n",
    "list.mp4": "ffconcat version 1.0\nfile '{url}'\n",
}


@pytest.fixture(params=PLAYLISTS)
def playlist(request, tmp_path):
    """Writes a playlist that names a file or an address."""

    def write(url):
        path = tmp_path / request.param
        path.write_text(PLAYLISTS[request.param].format(url=url))
        return path

    return write


@pytest.mark.parametrize("read", [audio_blocks, video_frames])
def test_playlists_of_local_files_are_refused(read, playlist, tmp_path):
    media_files.write(
        tmp_path / "part.ts",
        pictures=SECOND,
        sound=[(0, tone(1.0, 48_000))],
        rate=48_000,
        audio_codec="mp2",
        video_codec="mpeg2video",
        clock=Fraction(1, 25),
    )
    path = playlist("part.ts")
    with av.open(str(path)) as container:
        assert len(container.streams) == 2, "without precautions it would be read"
    assert refused(read, path, Media(), "a playlist") == []


def connected(server):
    """Whether somebody has connected since the last time."""
    try:
        server.accept()[0].close()
    except TimeoutError:
        return False
    return True


@pytest.mark.parametrize("read", [audio_blocks, video_frames])
def test_addresses_in_a_playlist_are_not_connected_to(read, playlist):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        path = playlist(f"http://127.0.0.1:{server.getsockname()[1]}/part.ts")
        refused(read, path, Media())
        assert not connected(server)
        careless = {"protocol_whitelist": "file,http,tcp", "safe": "0"}
        with pytest.raises(av.error.FFmpegError):
            av.open(str(path), options=careless, timeout=0.2)
        assert connected(server), "without precautions there would be a connection"


ODD_NAMES = [
    "concat:a.mkv|b.mkv",
    "http:clip.mkv",
    "file:clip.mkv",
    "pipe:0",
    "subfile,,start,0,end,0,,:clip.mkv",
    "-clip.mkv",
    "a clip, 100 %.mkv",
    "Zoë\n.mkv",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_path_is_only_ever_the_name_of_a_file(name, second, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for part in ("a.mkv", "b.mkv", "clip.mkv"):
        (tmp_path / part).write_bytes(second.read_bytes())
    with pytest.raises(InputError, match="no such media file"):
        list(video_frames(name))
    late = [(time, image) for time, image in SECOND if time > 0.5]
    media_files.write(tmp_path / "other.mkv", pictures=late)
    (tmp_path / "other.mkv").rename(tmp_path / name)
    assert len(list(video_frames(name))) == len(late)


def test_an_address_is_no_media_file(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/clip.mkv"
        refused(audio_blocks, url, Media(), "no such media file")
        assert not connected(server)


@pytest.mark.parametrize("read", [audio_blocks, video_frames])
def test_a_folder_is_no_media_file(read, tmp_path):
    assert refused(read, tmp_path, Media(), "a folder; expected a media file") == []


@pytest.mark.parametrize("name", ["second.mkv/clip.mkv", "x" * 300 + ".mkv"])
def test_a_path_that_cannot_be_is_named(name, second, tmp_path):
    assert refused(audio_blocks, tmp_path / name, Media()) == []


def test_a_name_is_not_taken_for_a_pattern_of_pictures(tmp_path):
    for number in range(3):
        picture = [(0, grey(99))]
        path = tmp_path / f"{number}.png"
        media_files.write(path, picture, video_codec="png", pix_fmt="rgb24")
    (tmp_path / "%d.png").write_text("this is no picture")
    assert refused(video_frames, tmp_path / "%d.png", Media()) == []


READS_AND_TELLS_ITS_PEAK = """
import re, sys
from pathlib import Path
from softaer.core.errors import InputError
from softaer.core.experiment import Media

from softaer.signals.pictures import video_frames

def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])

before = peak()
try:
    list(video_frames(sys.argv[1], Media(max_pixels=10_000)))
except InputError:
    print(1000 * (peak() - before))
"""


def test_pictures_that_are_too_large_are_not_decoded_to_learn_their_size(tmp_path):
    picture = np.zeros((8000, 8000), dtype=np.uint8)
    path = tmp_path / "large.png"
    cv2.imwrite(str(path), picture)
    assert path.stat().st_size < 1e6
    with processes.python(READS_AND_TELLS_ITS_PEAK, path) as reader:
        assert int(reader.said) < picture.nbytes / 3


def test_a_named_pipe_is_no_media_file(tmp_path):
    os.mkfifo(tmp_path / "pipe.mkv")
    with processes.python(READS_AND_TELLS_ITS_PEAK, tmp_path / "pipe.mkv", wait=5) as reader:
        assert reader.said


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOMEM, errno.EACCES])
def test_what_is_the_fault_of_the_machine_is_not_held_against_the_file(
    number, tmp_path, monkeypatch
):
    path = media_files.write(tmp_path / "a.mkv", pictures=[(0.0, grey(9))])

    def fail(*args, **kwargs):
        av.error.err_check(-number)

    monkeypatch.setattr(av, "open", fail)
    with pytest.raises((OSError, MemoryError)) as caught:
        list(video_frames(path))
    assert not isinstance(caught.value, InputError)
