"""Parts of a file, and the two files of a recording, lie on one clock."""

from fractions import Fraction

import av
import numpy as np
import pytest

import media_files
from media_files import grey, tone
from softaer.core.errors import InputError
from softaer.signals.media import Account
from softaer.signals.pictures import frame_at, video_frames
from softaer.signals.probe import probe
from softaer.signals.sound import AUDIO_RATE, audio_blocks

RATE = 48_000

JOINED = {
    "ts": ("libx264", "aac"),
    "m2ts": ("libx264", "ac3"),
    "mpg": ("mpeg2video", "mp2"),
    "vob": ("mpeg2video", "ac3"),
    "mkv": ("libx264", "libopus"),
    "webm": ("libvpx", "libopus"),
    "avi": ("mpeg4", "mp2"),
}
"""Containers whose parts can be joined by writing one behind the other."""

TWO_AT_MOST = {"mkv", "webm"}
"""Those of which FFmpeg reads two parts."""


def part(path, seconds=2.0, level=0, pause=0.0, **codecs):
    """A clip whose picture turns white, and whose tone begins, after one second."""
    count = round(25 * seconds)
    pictures = [(pause + k / 25, grey(235 if k >= 25 else level)) for k in range(count)]
    sound = np.concatenate([np.zeros(RATE, dtype=np.int16), tone(seconds - 1, RATE)])
    return media_files.write(
        path, pictures, [(0, sound)], rate=RATE, clock=Fraction(1, 25), **codecs
    )


def joined(folder, suffix, count=2, **kwargs):
    video, audio = JOINED[suffix]
    one = part(folder / f"one.{suffix}", video_codec=video, audio_codec=audio, **kwargs)
    path = folder / f"joined.{suffix}"
    path.write_bytes(count * one.read_bytes())
    return one, path


def flashes(path, **kwargs):
    """Times at which the picture turns white, and their number in all."""
    seen = [(time, image.mean() > 120) for time, image in video_frames(path, **kwargs)]
    starts = [
        time for (time, white), (_, before) in zip(seen[1:], seen, strict=False) if white > before
    ]
    return starts, len(seen)


def onsets(path, **kwargs):
    """Times at which the tone begins, and the length of the sound."""
    sound = np.concatenate(list(audio_blocks(path, **kwargs)))
    frames = np.abs(sound[: len(sound) // 160 * 160].reshape(-1, 160)).max(axis=1) > 1600
    quiet = np.convolve(frames, np.ones(20), mode="full")[: len(frames)]
    return [k / 100 for k in range(20, len(frames)) if frames[k] and quiet[k - 1] == 0], len(
        sound
    ) / AUDIO_RATE


def copy_stream(path, kind, target, **options):
    """Write the stream of a kind into a file of its own, with the times that it has."""
    with av.open(str(path)) as source, av.open(str(target), "w", options=options) as sink:
        stream = source.streams.get({kind: 0})[0]
        copy = sink.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                sink.mux(packet)


@pytest.mark.parametrize("suffix", JOINED)
def test_joined_parts_are_continued_in_sound_and_pictures(suffix, tmp_path):
    count = 2 if suffix in TWO_AT_MOST else 3
    one, path = joined(tmp_path, suffix, count)
    account = Account()
    white, pictures = flashes(path, account=account)
    tones, seconds = onsets(path)
    assert pictures == count * flashes(one)[1]
    assert seconds == pytest.approx(count * onsets(one)[1], abs=0.12)
    assert white == pytest.approx([1, 3, 5][:count], abs=0.15)
    # What happens at one instant stays together, in every part.
    np.testing.assert_allclose(tones, white, rtol=0, atol=0.045)
    if suffix != "avi":  # FFmpeg continues its times by itself
        assert "restart at 2.0 s" in account.notes[0]
        assert account.dropped == 0


def test_a_file_of_one_part_is_left_as_it_is(tmp_path):
    one, _ = joined(tmp_path, "ts")
    account = Account()
    white, pictures = flashes(one, account=account)
    assert (len(white), pictures) == (1, 50)
    assert account.notes == []
    assert probe(one).seams == ()


@pytest.mark.parametrize("suffix", sorted(TWO_AT_MOST))
def test_what_ffmpeg_does_not_read_of_joined_parts_is_refused(suffix, tmp_path):
    _, path = joined(tmp_path, suffix, count=3)
    for read in (audio_blocks, video_frames):
        with pytest.raises(InputError, match=r"another file begins within it, and 3\d %"):
            list(read(path))


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
def test_the_length_of_joined_parts_is_that_of_all(suffix, tmp_path):
    one, path = joined(tmp_path, suffix, count=3)
    assert probe(path).seconds == pytest.approx(6, abs=0.2)
    assert len(probe(path).seams) == 2
    assert probe(one).seconds == pytest.approx(2, abs=0.1)


def test_a_picture_is_found_in_every_part(tmp_path):
    _, path = joined(tmp_path, "ts", count=3)
    for start in (0, 2, 4):
        assert frame_at(path, start + 0.5).mean() < 120
        assert frame_at(path, start + 1.5).mean() > 120


@pytest.mark.parametrize("suffix", ["opus", "ogg", "mka"])
def test_joined_sound_is_continued(suffix, tmp_path):
    codec = {"opus": "libopus", "ogg": "flac", "mka": "flac"}[suffix]
    sound = np.concatenate([np.zeros(RATE, dtype=np.int16), tone(1.0, RATE)])
    one = media_files.write(
        tmp_path / f"one.{suffix}", sound=[(0, sound)], rate=RATE, audio_codec=codec
    )
    path = tmp_path / f"two.{suffix}"
    path.write_bytes(2 * one.read_bytes())
    tones, seconds = onsets(path)
    assert tones == pytest.approx([1, 3], abs=0.04)
    assert seconds == pytest.approx(4, abs=0.05)


@pytest.mark.parametrize(
    ("suffix", "codecs"),
    [
        ("mp4", {"video_codec": "libx264", "audio_codec": "aac"}),
        ("mov", {"video_codec": "libx264", "audio_codec": "aac"}),
        ("wav", None),
    ],
)
def test_parts_that_cannot_be_continued_are_refused(suffix, codecs, tmp_path):
    one = tmp_path / f"one.{suffix}"
    if codecs is None:
        media_files.write(one, sound=[(0, tone(2.0))])
    else:
        part(one, **codecs)
    path = tmp_path / f"two.{suffix}"
    path.write_bytes(2 * one.read_bytes())
    reads = [audio_blocks] if codecs is None else [audio_blocks, video_frames]
    for read in reads:
        assert sum(1 for _ in read(one)) > 0
        with pytest.raises(InputError, match=rf"two\.{suffix}: another file begins within it"):
            list(read(path))


def test_one_wrong_time_stamp_is_no_seam(tmp_path):
    packets = []
    path = tmp_path / "m.ts"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg2video", rate=25)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        for k in range(50):
            frame = av.VideoFrame.from_ndarray(grey(4 * k), format="rgb24")
            frame.pts = k
            packets += stream.encode(frame)
        packets += stream.encode(None)
        container.mux(packets)
    content = bytearray(path.read_bytes())
    first, wrong = _stamps(content)[2], _stamps(content)[20]
    content[wrong : wrong + 5] = content[first : first + 5]
    path.write_bytes(content)
    account = Account()
    seen = [time for time, _ in video_frames(path, account=account)]
    assert len(seen) == 50
    assert np.diff(seen) == pytest.approx(49 * [0.04], abs=0.001)
    assert not any("restart" in note for note in account.notes)


def _stamps(content):
    """Places of the time stamps of a transport stream's PES packets that have one alone."""
    places, at = [], 0
    while (at := content.find(b"\x00\x00\x01\xe0", at)) >= 0:
        places.append(at + 9)
        at += 4
    return places


def test_two_files_keep_the_offset_that_their_containers_state(tmp_path):
    codecs = {"video_codec": "libx264", "audio_codec": "aac"}
    both = part(tmp_path / "both.mp4", pause=0.52, **codecs)
    pictures, sound = tmp_path / "pictures.mp4", tmp_path / "sound.mka"
    copy_stream(both, "video", pictures)
    copy_stream(both, "audio", sound)
    assert flashes(both)[0] == pytest.approx([1.52], abs=0.02)
    assert flashes(pictures)[0] == pytest.approx([1.0], abs=0.02)
    assert flashes(pictures, beside=sound)[0] == pytest.approx([1.52], abs=0.03)
    assert onsets(sound, beside=pictures)[0] == pytest.approx(onsets(both)[0], abs=0.03)


def test_the_clock_of_a_transport_stream_says_nothing_about_another_file(tmp_path):
    pictures = media_files.write(
        tmp_path / "m.ts",
        pictures=[(100 + k / 25, grey(4 * k)) for k in range(50)],
        video_codec="mpeg2video",
        clock=Fraction(1, 25),
    )
    sound = media_files.write(tmp_path / "m.wav", sound=[(0, tone(2.0))])
    times = [time for time, _ in video_frames(pictures, beside=sound)]
    assert times[0] == pytest.approx(0, abs=0.001)
    assert len(np.concatenate(list(audio_blocks(sound, beside=pictures)))) == 2 * AUDIO_RATE


def test_what_is_missing_of_the_stated_length_is_told(tmp_path):
    path = media_files.write(tmp_path / "m.mkv", [(k / 25, grey(k)) for k in range(200)])
    account = Account()
    list(video_frames(path, account=account))
    assert account.notes == []
    assert account.promised == pytest.approx(account.decoded, abs=0.05)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    account = Account()
    list(video_frames(path, account=account))
    assert "the file's header states 8.00 s" in account.notes[-1]
    assert account.decoded < 6


def test_damaged_packets_are_dropped_and_counted_up_to_a_few_per_cent(tmp_path):
    samples = np.random.default_rng(0).integers(-8000, 8000, 60 * AUDIO_RATE).astype(np.int16)
    path = media_files.write(tmp_path / "m.mka", sound=[(0, samples)], audio_codec="flac")
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux() if packet.size]
    content = bytearray(path.read_bytes())
    places = [content.index(packet[:64]) for packet in packets]
    for k in (40, 100):
        content[places[k] : places[k] + 4] = b"none"
    some = tmp_path / "some.mka"
    some.write_bytes(content)
    account = Account()
    length = sum(map(len, audio_blocks(some, account=account)))
    assert length == pytest.approx(60 * AUDIO_RATE, abs=0.1 * AUDIO_RATE)
    assert account.dropped == 2
    assert f"2 of {len(places)} packets are damaged" in account.notes[0]
    for place in places[::3]:
        content[place : place + 4] = b"none"
    many = tmp_path / "many.mka"
    many.write_bytes(content)
    with pytest.raises(InputError, match=r"many\.mka: cannot be decoded"):
        list(audio_blocks(many))


def test_a_bad_file_beside_does_not_take_the_good_one_with_it(tmp_path):
    sound = media_files.write(tmp_path / "m.wav", sound=[(0, tone(1.0))])
    for content in (None, b"not a film"):
        beside = tmp_path / "m.mp4"
        if content is not None:
            beside.write_bytes(content)
        account = Account()
        assert sum(map(len, audio_blocks(sound, beside=beside, account=account))) == AUDIO_RATE
        assert account.notes[0].startswith("the offset to the other file is unknown: ")
    good = media_files.write(tmp_path / "good.mkv", [(0, grey(9)), (0.04, grey(9))])
    account = Account()
    list(audio_blocks(sound, beside=good, account=account))
    assert account.notes == []


def test_a_riff_file_that_was_cut_off_is_told(tmp_path):
    path = media_files.write(
        tmp_path / "m.avi",
        pictures=[(k / 25, grey(k)) for k in range(100)],
        video_codec="mjpeg",
        pix_fmt="yuvj420p",
        clock=Fraction(1, 25),
    )
    account = Account()
    assert len(list(video_frames(path, account=account))) == 100
    assert account.notes == []
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    account = Account()
    decoded = len(list(video_frames(path, account=account)))
    assert 40 < decoded < 60
    assert any("the file was cut off: it has" in note for note in account.notes)


def test_a_first_part_without_sound_keeps_the_sound_of_the_second_in_its_place(tmp_path):
    codecs = {"video_codec": "libx264", "audio_codec": "aac"}
    silent = media_files.write(
        tmp_path / "silent.ts",
        pictures=[(k / 25, grey(9)) for k in range(50)],
        video_codec="libx264",
        clock=Fraction(1, 25),
    )
    heard = part(tmp_path / "heard.ts", **codecs)
    path = tmp_path / "joined.ts"
    path.write_bytes(silent.read_bytes() + heard.read_bytes())
    assert flashes(path)[0] == pytest.approx([3], abs=0.1)
    assert onsets(path)[0] == pytest.approx(flashes(path)[0], abs=0.045)


def test_two_streams_cut_from_one_keep_its_clock(tmp_path):
    """Sound and pictures of one transport stream, each in a file of its own."""
    both = part(tmp_path / "both.ts", pause=0.52, video_codec="libx264", audio_codec="aac")
    split = {}
    for kind in ("video", "audio"):
        split[kind] = tmp_path / f"{kind}.ts"
        copy_stream(both, kind, split[kind], muxdelay="0", muxpreload="0")
    with av.open(str(split["video"])) as video, av.open(str(split["audio"])) as audio:
        apart = (video.start_time - audio.start_time) / av.time_base
    assert apart == pytest.approx(0.5, abs=0.1)
    white = flashes(split["video"], beside=split["audio"])[0]
    assert white == pytest.approx(flashes(both)[0], abs=0.05)


@pytest.mark.parametrize("note", [None, b"INFO" + bytes(52), b"INFORIFFnone" + bytes(44)])
def test_what_follows_the_sound_of_a_whole_file_is_no_second_file(note, tmp_path):
    path = media_files.write(tmp_path / "m.wav", sound=[(0, tone(0.1))])
    if note is not None:
        path.write_bytes(path.read_bytes() + b"LIST" + len(note).to_bytes(4, "little") + note)
    assert sum(map(len, audio_blocks(path))) == AUDIO_RATE // 10


def test_a_stream_whose_kind_changes_is_refused(tmp_path):
    sound = media_files.write(
        tmp_path / "a.ts", sound=[(0, tone(1.0, RATE))], rate=RATE, audio_codec="aac"
    )
    path = tmp_path / "m.ts"
    both = part(tmp_path / "b.ts", video_codec="libx264", audio_codec="aac")
    path.write_bytes(sound.read_bytes() + both.read_bytes())
    for read in (lambda path: [probe(path)], audio_blocks, video_frames):
        with pytest.raises(InputError, match=r"m\.ts: "):
            list(read(path))


def test_a_file_without_a_sample_is_told(tmp_path):
    path = media_files.write(tmp_path / "m.wav", sound=[(0, tone(0.1))])
    content = path.read_bytes()
    place = content.index(b"data")
    path.write_bytes(content[: place + 4] + bytes(4))
    account = Account()
    assert sum(map(len, audio_blocks(path, account=account))) == 0
    assert "no sound was decoded" in account.notes
