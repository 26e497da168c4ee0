"""A face and a tone that appear at one instant do so in the tables, in whatever file they come."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import tour_clips
from tour_clips import HUM, WHISTLE, Clip, Made

from softaer.audio_lld import HOP, compute_lld
from softaer.landmarks import track
from softaer.signals.pictures import video_frames
from softaer.signals.sound import AUDIO_RATE, audio_blocks

NTSC = Fraction(30_000, 1001)
FIFTY = Fraction(50)
PAL_SIZE, NTSC_SIZE, CIF = (720, 576), (720, 480), (352, 288)

CLIPS = [
    # ISO base media: edit lists cut off the sound that primes the decoder.
    Clip("mp4", "libx264", "aac"),
    Clip("mp4", "libx264", "aac", b_frames=0, rate=44_100, layout="stereo"),
    Clip("mp4", "libx264", "aac", fps=NTSC, b_frames=3),
    Clip("mp4", "libx264", "ac3", layout="5.1"),
    Clip("mp4", "libx264", "alac", fps=FIFTY),
    Clip("mp4", "libx264", "flac"),
    Clip("mp4", "libx265", "aac"),
    Clip("mp4", "mpeg4", "libmp3lame", rate=44_100, layout="stereo"),
    Clip("mp4", "mpeg2video", "mp2"),
    Clip("mp4", "mpeg1video", "libmp3lame", rate=32_000),
    Clip("mp4", "libvpx-vp9", "libopus"),
    Clip("mp4", "libsvtav1", "libopus"),
    Clip(
        "mp4",
        "libx264",
        "aac",
        b_frames=3,
        options={"movflags": "frag_keyframe+empty_moov+delay_moov"},
    ),
    Clip(
        "mp4",
        "libx264",
        "aac",
        b_frames=0,
        zero="priming",
        options={"movflags": "frag_keyframe+empty_moov"},
    ),
    Clip(
        "mp4",
        "libx264",
        "aac",
        b_frames=3,
        zero="decoding",
        options={"movflags": "frag_keyframe+empty_moov"},
    ),
    Clip("ismv", "libx264", "aac", b_frames=0, zero="priming"),
    Clip("f4v", "libx264", "aac", zero="priming"),
    Clip("ipod", "libx264", "aac"),
    Clip("3gp", "h263", "libopencore_amrnb", rate=8_000, size=CIF, bit_rate=12_200),
    Clip("3gp", "mpeg4", "aac", rate=16_000),
    Clip("3g2", "libx264", "aac", rate=32_000),
    Clip("mov", "libx264", "alac", b_frames=2),
    Clip("mov", "libx265", "aac"),
    Clip("mov", "prores_ks", "pcm_s24le"),
    Clip("mov", "dnxhd", "pcm_s16be"),
    Clip("mov", "mjpeg", "pcm_s16le"),
    Clip("mov", "mpeg2video", "pcm_s16be", b_frames=2),
    Clip("mov", "dvvideo", "pcm_s16be", size=PAL_SIZE),
    Clip("mov", "cfhd", "pcm_alaw", rate=8_000),
    Clip("mov", "qtrle", "adpcm_ima_qt"),
    Clip("mov", "png", "pcm_f32le", layout="5.1"),
    Clip("mov", "tiff", "pcm_s16le"),
    Clip("mov", "v210", "pcm_s32le"),
    Clip("mov", "rawvideo", "pcm_u8", pixels="uyvy422"),
    # Matroska and Ogg say how long that sound is.
    Clip("matroska", "libx264", "aac"),
    Clip("matroska", "libx264", "flac", fps=NTSC),
    Clip("matroska", "libx264", "wavpack", rate=44_100, layout="stereo"),
    Clip("matroska", "libx265", "eac3"),
    Clip("matroska", "libsvtav1", "libopus"),
    Clip("matroska", "ffv1", "pcm_s16le", fps=FIFTY),
    Clip("matroska", "mpeg2video", "mp2", b_frames=2),
    Clip("matroska", "mpeg4", "libmp3lame", b_frames=2),
    Clip("matroska", "mjpeg", "ac3", layout="5.1"),
    Clip("matroska", "vc2", "tta"),
    Clip("matroska", "prores", "pcm_f32le"),
    Clip("matroska", "rawvideo", "pcm_f64le"),
    Clip("webm", "libvpx", "libopus"),
    Clip("webm", "libvpx-vp9", "libopus", fps=FIFTY, layout="stereo"),
    Clip("webm", "libvpx", "vorbis", layout="stereo"),
    Clip("webm", "libsvtav1", "libopus"),
    Clip("ogg", "libvpx", "libopus"),
    Clip("ogg", "libvpx", "flac"),
    Clip("ogv", "libvpx", "vorbis", layout="stereo"),
    # AVI stores no times; pictures and sound are counted. The priming is played.
    Clip("avi", "libx264", "pcm_s16le", b_frames=0, zero="priming"),
    Clip("avi", "libx264", "pcm_s16le", b_frames=3, zero="priming"),
    Clip("avi", "libx264", "libmp3lame", b_frames=0, zero="priming"),
    Clip("avi", "mpeg4", "libmp3lame", b_frames=0, rate=22_050, zero="priming"),
    Clip("avi", "mpeg4", "pcm_s16le", b_frames=2, zero="priming"),
    Clip("avi", "mpeg4", "ac3", zero="priming"),
    Clip("avi", "mpeg1video", "mp2", zero="priming"),
    Clip("avi", "msmpeg4", "wmav2", rate=44_100, bit_rate=64_000, zero="priming"),
    Clip("avi", "mjpeg", "pcm_s16le", rate=11_025),
    Clip("avi", "huffyuv", "pcm_u8", rate=22_050),
    Clip("avi", "ffv1", "adpcm_ms"),
    Clip("avi", "ffvhuff", "adpcm_ima_wav"),
    Clip("avi", "utvideo", "flac"),
    Clip("avi", "rawvideo", "pcm_s24le", pixels="bgr24"),
    Clip("avi", "zlib", "pcm_mulaw", rate=8_000),
    Clip("avi", "dvvideo", "pcm_s16le", size=NTSC_SIZE, fps=NTSC, pixels="yuv411p"),
    Clip("amv", "amv", "adpcm_ima_amv", rate=22_050, codec_options={"block_size": "882"}),
    # Broadcast and discs: the priming is played, and the pictures' times begin after it.
    Clip("mpegts", "libx264", "aac", zero="priming"),
    Clip(
        "mpegts",
        "libx264",
        "aac",
        b_frames=3,
        fps=FIFTY,
        rate=44_100,
        layout="stereo",
        zero="priming",
    ),
    Clip("mpegts", "libx264", "libmp3lame", zero="priming"),
    Clip("mpegts", "libx264", "libopus", zero="priming"),
    Clip("mpegts", "libx265", "ac3", zero="priming"),
    Clip("mpegts", "mpeg2video", "mp2", b_frames=2, zero="priming"),
    Clip("mpegts", "mpeg2video", "eac3", fps=NTSC, zero="priming"),
    Clip("mpegts", "mpeg4", "mp2", zero="priming"),
    Clip("mpegts", "libx264", "ac3", zero="priming", options={"mpegts_m2ts_mode": "1"}),
    Clip(
        "mpegts",
        "libx264",
        "pcm_bluray",
        layout="stereo",
        zero="priming",
        options={"mpegts_m2ts_mode": "1"},
    ),
    Clip("mpeg", "mpeg1video", "mp2", b_frames=2, rate=44_100, zero="priming"),
    Clip("mpeg", "mpeg2video", "libmp3lame", zero="priming"),
    Clip("vob", "mpeg2video", "ac3", b_frames=2, layout="stereo", zero="priming"),
    Clip("vob", "mpeg2video", "pcm_dvd", layout="stereo", zero="priming"),
    Clip("dvd", "mpeg2video", "mp2", size=PAL_SIZE, layout="stereo", zero="priming"),
    Clip("svcd", "mpeg2video", "mp2", rate=44_100, layout="stereo", zero="priming"),
    Clip("wtv", "mpeg2video", "ac3", zero="priming"),
    Clip("mxf", "mpeg2video", "pcm_s16le", b_frames=2),
    Clip("mxf", "dnxhd", "pcm_s16le"),
    Clip("mxf", "prores_ks", "pcm_s24le", fps=FIFTY),
    Clip("mxf", "jpeg2000", "pcm_s16le", fps=NTSC),
    Clip("mxf", "dvvideo", "pcm_s16le", size=PAL_SIZE),
    Clip("gxf", "mpeg2video", "pcm_s16le", size=PAL_SIZE, block=32_768),
    Clip("dv", "dvvideo", "pcm_s16le", size=PAL_SIZE, layout="stereo"),
    Clip("dv", "dvvideo", "pcm_s16le", size=NTSC_SIZE, fps=NTSC, layout="stereo", pixels="yuv411p"),
    # The web of its day, players, and FFmpeg's own.
    Clip("flv", "flv", "libmp3lame", rate=44_100, zero="priming"),
    Clip("flv", "flv", "nellymoser", rate=22_050, zero="priming"),
    Clip("flv", "libx264", "aac", b_frames=3, rate=44_100, layout="stereo", zero="priming"),
    Clip("flv", "flashsv", "pcm_s16le", rate=44_100),
    Clip("flv", "flashsv2", "adpcm_swf", rate=22_050),
    Clip("asf", "wmv2", "wmav2", rate=44_100, layout="stereo", bit_rate=128_000, zero="priming"),
    Clip("asf", "wmv1", "wmav1", rate=44_100, bit_rate=64_000, zero="priming"),
    Clip("asf", "msmpeg4", "libmp3lame", zero="priming"),
    Clip("asf", "mpeg4", "ac3", zero="priming"),
    Clip("asf", "libx264", "aac", b_frames=0, zero="priming"),
    Clip("swf", "flv", "libmp3lame", rate=44_100, zero="priming"),
    Clip("rm", "rv10", "ac3", rate=44_100, zero="priming"),
    Clip("rm", "rv20", "real_144", rate=8_000, bit_rate=8_000, zero="priming"),
    Clip("nut", "libx264", "aac", b_frames=3, zero="priming"),
    Clip("nut", "mpeg4", "libopus", zero="priming"),
    Clip("nut", "utvideo", "pcm_s16le"),
    Clip("nut", "ffv1", "flac"),
]
"""Every combination is made; one that cannot be made is a failure."""

ORDERED_BY_DECODING = [
    Clip("avi", "libx264", "pcm_s16le", b_frames=3),
    Clip("asf", "libx264", "pcm_s16le", b_frames=3),
    Clip("mxf", "libx264", "pcm_s16le", b_frames=3),
]
"""Files whose times follow the order of decoding, although pictures are shown in another order."""

OFF_THE_CLOCK = [
    Clip("mp4", "libx264", "aac"),
    Clip("matroska", "ffv1", "pcm_s16le"),
    Clip("webm", "libvpx", "libopus"),
    Clip("mpegts", "libx264", "aac", zero="priming"),
    Clip("avi", "mjpeg", "pcm_s16le"),
]

ACCURACY = 0.001
"""Clocks of some containers tick in milliseconds, and the onset is read as finely [s]."""

CROSSINGS = (HUM + WHISTLE) / AUDIO_RATE
"""Zero crossings per sample of a frame that is half hum, half whistle; a sine has 2 per period."""


@dataclass(frozen=True)
class Read:
    """What the tables of a clip say: seconds, but for the number of pictures."""

    face: float
    click: float
    pictures: int
    sound: float
    faces_stay: bool


def one_frame(clip: Clip) -> float:
    """Limit for what lies within one frame [s]; a stream that is late by a whole frame does not."""
    return float(1 / clip.fps) - ACCURACY


def onset(lld: pd.DataFrame) -> float:
    """When the whistle begins in a table of descriptors [s].

    The zero-crossing rate comes from 60 ms frames, and ``time`` is their centre. The rate rises
    linearly while the frame slides over the onset, and the smoothing over 3 frames is symmetric.
    Halfway up, the centre is therefore at the onset; this is interpolated between two rows. The
    whistle is the longest stretch above, since priming noise may also cross zero often.
    """
    rate = lld["pcm_zcr_sma"].to_numpy()
    edges = np.diff((rate > CROSSINGS).astype(int), prepend=0, append=0)
    starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    assert len(starts), "no whistle"
    first = starts[np.argmax(ends - starts)]
    assert first > 0, "the whistle is there from the first row on"
    share = (CROSSINGS - rate[first - 1]) / (rate[first] - rate[first - 1])
    return float(lld["time"].iloc[first - 1] + share * HOP)


def read(made: Made) -> Read:
    """Take a clip through the stages."""
    landmarks = pd.concat(track(video_frames(made.path), refine=False), ignore_index=True)
    blocks = list(audio_blocks(made.path))
    assert landmarks["face"].any(), "no face in any picture"
    face = float(landmarks["time"][landmarks["face"]].iloc[0])
    return Read(
        face=face,
        click=onset(pd.concat(compute_lld(blocks), ignore_index=True)),
        pictures=len(landmarks),
        sound=sum(map(len, blocks)) / AUDIO_RATE,
        faces_stay=bool((landmarks["face"] == (landmarks["time"] >= face)).all()),
    )


@pytest.fixture(scope="module", params=CLIPS, ids=str)
def stop(request, tmp_path_factory):
    """A stop of the tour: the clip, what was put into the file and what the tables say."""
    clip = request.param
    made = tour_clips.make(tmp_path_factory.mktemp("clip"), clip)
    return clip, made, read(made)


def test_flash_and_click_of_one_instant_lie_within_one_frame(stop):
    clip, _, found = stop
    assert abs(found.face - found.click) < one_frame(clip)


def test_flash_and_click_lie_where_the_file_has_them(stop):
    clip, made, found = stop
    assert abs(found.face - made.instant) < one_frame(clip)
    assert abs(found.click - made.instant) < one_frame(clip)


def test_all_pictures_and_all_sound_come_out(stop):
    _, made, found = stop
    assert found.pictures == made.pictures
    assert made.seconds[0] <= found.sound <= made.seconds[1]
    assert found.faces_stay


def test_the_tour_is_long_and_no_clip_is_in_it_twice():
    names = {str(clip) for clip in CLIPS}
    assert len(names) == len(CLIPS) >= 40
    assert len({clip.container for clip in CLIPS}) >= 20


@pytest.mark.parametrize("clip", ORDERED_BY_DECODING, ids=str)
def test_no_picture_is_lost_where_times_follow_the_order_of_decoding(clip, tmp_path):
    made = tour_clips.make(tmp_path, clip)
    times = [time for time, _ in video_frames(made.path)]
    assert len(times) == made.pictures
    np.testing.assert_allclose(np.diff(times), float(1 / clip.fps), rtol=0, atol=ACCURACY)


@pytest.mark.parametrize("late", [-0.2, 0.2])
@pytest.mark.parametrize("clip", OFF_THE_CLOCK, ids=str)
def test_a_click_off_the_flash_is_found_off_the_flash(clip, late, tmp_path):
    found = read(tour_clips.make(tmp_path, clip, late))
    assert abs(found.click - found.face) > one_frame(clip)
    assert found.click - found.face == pytest.approx(late, abs=one_frame(clip))


@pytest.mark.parametrize("instant", [0.8, 0.802, 0.8055, 0.8093])
def test_the_onset_is_read_off_the_table_without_bias(instant):
    samples = tour_clips.sound(1.6, AUDIO_RATE, instant)
    lld = pd.concat(compute_lld([samples]), ignore_index=True)
    assert onset(lld) == pytest.approx(instant, abs=ACCURACY)


def test_the_face_is_seen_in_the_first_portrait_and_not_before():
    images = tour_clips.pictures(6, first=4)
    table = pd.concat(track((index / 25, image) for index, image in enumerate(images)))
    assert table["face"].tolist() == [False] * 4 + [True] * 2
