"""Which channels become the sound of a recording, and what is told about them."""

import os
import struct
import subprocess
import sys

import numpy as np
import pytest

import media_files
from media_files import tone
from softaer.core.errors import InputError
from softaer.signals.media import Account
from softaer.signals.probe import levels
from softaer.signals.sound import AUDIO_RATE, audio_blocks

SILENT = np.zeros(2 * AUDIO_RATE, dtype=np.int16)
VOICE = tone(2.0)
OTHER = tone(2.0, frequency=1000.0)


def wav(path, *channels, mask=None, width=2):
    """A WAV file written by hand: PCM without a channel mask, or extensible with one."""
    samples = np.stack(channels, axis=1)
    count = samples.shape[1]
    data = {1: (samples // 256 + 128).astype(np.uint8), 2: samples}.get(width)
    if data is None:
        data = (samples.astype(np.int32) << 16) if width == 4 else None
    if data is None:
        data = np.frombuffer((samples.astype("<i4") << 8).tobytes(), np.uint8)
        data = data.reshape(-1, 4)[:, :3]
    raw = data.tobytes()
    block = width * count
    form = struct.pack("<HIIHH", count, AUDIO_RATE, AUDIO_RATE * block, block, 8 * width)
    if mask is None:
        header = struct.pack("<H", 1) + form
    else:
        guid = b"\x01\x00\x00\x00\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71"
        header = struct.pack("<H", 0xFFFE) + form + struct.pack("<HHI", 22, 8 * width, mask) + guid
    chunks = b"fmt " + struct.pack("<I", len(header)) + header
    chunks += b"data" + struct.pack("<I", len(raw)) + raw
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)
    return path


def sound(path, **kwargs):
    account = Account()
    blocks = np.concatenate(list(audio_blocks(path, account=account, **kwargs)))
    return blocks.astype(float), account.notes


@pytest.mark.parametrize("count", [3, 4, 5, 6, 7, 8])
@pytest.mark.parametrize("mask", [None, 0])
def test_microphones_are_mixed_to_their_mean_whichever_of_them_hears_something(
    count, mask, tmp_path
):
    for speaks in range(count):
        channels = [VOICE if k == speaks else OTHER // 4 for k in range(count)]
        heard, notes = sound(wav(tmp_path / "m.wav", *channels, mask=mask))
        expected = np.mean(np.stack(channels).astype(float), axis=0)
        np.testing.assert_allclose(heard, expected, rtol=0, atol=1.5)
        assert notes == []


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_the_mean_does_not_depend_on_the_format_of_the_samples(width, tmp_path):
    heard, _ = sound(wav(tmp_path / "m.wav", SILENT, SILENT, VOICE, width=width))
    np.testing.assert_allclose(heard, VOICE / 3, rtol=0, atol=100 if width == 1 else 1.5)


def test_a_layout_of_loudspeakers_is_mixed_as_such_and_its_subwoofer_is_told(tmp_path):
    front_left, front_right, subwoofer = 1, 2, 8
    mask = front_left | front_right | subwoofer
    heard, notes = sound(wav(tmp_path / "m.wav", VOICE, VOICE, OTHER, mask=mask))
    np.testing.assert_allclose(heard, VOICE, rtol=0, atol=2)
    assert "channel 3 of 3 is a subwoofer" in notes[0]
    _, notes = sound(wav(tmp_path / "m.wav", VOICE, VOICE, SILENT, mask=mask))
    assert not any("subwoofer" in note for note in notes)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_a_channel_that_is_named_is_taken_alone(count, width, tmp_path):
    for own in range(count):
        channels = [VOICE if k == own else OTHER for k in range(count)]
        heard, notes = sound(wav(tmp_path / "m.wav", *channels, width=width), channel=own + 1)
        np.testing.assert_allclose(heard, VOICE, rtol=0, atol=256 if width == 1 else 1.5)
        assert notes == []


@pytest.mark.parametrize(
    ("suffix", "codec"), [("m4a", "aac"), ("flac", "flac"), ("ogg", "libopus"), ("mka", "ac3")]
)
def test_a_channel_is_taken_from_other_codecs_too(suffix, codec, tmp_path):
    rate = 48_000
    stereo = np.stack([tone(2.0, rate), tone(2.0, rate, 1000.0)], axis=1).reshape(-1)
    path = media_files.write(
        tmp_path / f"m.{suffix}", sound=[(0, stereo)], rate=rate, layout="stereo", audio_codec=codec
    )
    for channel, frequency in ((1, 440), (2, 1000)):
        heard, _ = sound(path, channel=channel)
        spectrum = np.abs(np.fft.rfft(heard[:AUDIO_RATE]))
        assert abs(int(spectrum.argmax()) - frequency) <= 1


def test_channels_named_in_an_order_of_the_files_own_are_refused_and_the_process_lives(tmp_path):
    """Eight channels in AIFF: FFmpeg's list of their names must not be freed twice."""
    import av

    path = tmp_path / "m.aiff"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16be", rate=AUDIO_RATE, layout="7.1")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 8 * 800), np.int16), "s16", "7.1")
        frame.sample_rate = AUDIO_RATE
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    program = (
        "import sys\nfrom softaer.signals.sound import audio_blocks\n"
        "from softaer.core.errors import InputError\n"
        "try: print(sum(map(len, audio_blocks(sys.argv[1]))))\n"
        "except InputError as error: print(error)"
    )
    command = [sys.executable, "-c", program, str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    outcome = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert outcome.returncode == 0, outcome.stderr
    assert "m.aiff: found 8 channels (" in outcome.stdout or outcome.stdout.strip() == "800"


def test_a_channel_that_is_not_there_is_refused(tmp_path):
    path = wav(tmp_path / "m.wav", VOICE, OTHER)
    for channel in (3, 0, -1):
        with pytest.raises(InputError, match=rf"found channel {channel} .* a number from 1 to 2"):
            sound(path, channel=channel)


def test_good_stereo_is_nothing_to_speak_of(tmp_path):
    noise = np.random.default_rng(0).integers(-3000, 3000, (2, len(VOICE))).astype(np.int16)
    for channels in ((VOICE, VOICE), (VOICE, OTHER), (VOICE, VOICE // 20), tuple(noise)):
        assert sound(wav(tmp_path / "m.wav", *channels))[1] == []


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ((SILENT,), "the whole sound is digital silence"),
        ((SILENT, SILENT), "the whole sound is digital silence"),
        ((VOICE, SILENT), "silent channels (of 2): 2"),
        ((SILENT, SILENT, VOICE), "silent channels (of 3): 1, 2"),
        ((VOICE, -VOICE), "cancel each other"),
        ((VOICE, -VOICE + OTHER // 8), "cancel each other"),
        ((VOICE, VOICE // 20 * -20, SILENT), "cancel each other"),
        (
            (np.concatenate([SILENT, VOICE]), np.concatenate([SILENT, VOICE])),
            "digital silence for 2.0 of 4.0 s",
        ),
    ],
)
def test_what_is_odd_about_channels_is_told(channels, told, tmp_path):
    path = wav(tmp_path / "m.wav", *channels)
    _, notes = sound(path)
    assert any(told in note for note in notes)
    if "of 4.0 s" not in told:  # of which check hears the beginning alone
        assert any(told in note for note in levels(path).notes)


def test_a_named_channel_is_judged_alone(tmp_path):
    path = wav(tmp_path / "m.wav", VOICE, SILENT)
    assert sound(path, channel=1)[1] == []
    assert "channel 2 of 2 is digital silence" in sound(path, channel=2)[1][0]


def test_short_pauses_are_no_digital_silence(tmp_path):
    pause = np.zeros(AUDIO_RATE // 2, dtype=np.int16)
    assert sound(wav(tmp_path / "m.wav", np.concatenate([VOICE, pause, VOICE])))[1] == []


def test_levels_are_those_of_each_channel(tmp_path):
    half = (VOICE // 2).astype(np.int16)
    found = levels(wav(tmp_path / "m.wav", VOICE, half, SILENT)).decibels
    power = 20 * np.log10(8000 / 32768 / np.sqrt(2))
    assert found[0] == pytest.approx(power, abs=0.01)
    assert found[1] == pytest.approx(power - 6.02, abs=0.01)
    assert found[2] == -np.inf


def test_a_gap_that_became_silence_is_told(tmp_path):
    pieces = [(0.0, tone(0.5)), (3.0, tone(0.5))]
    path = media_files.write(tmp_path / "m.mkv", sound=pieces)
    assert any("gaps of 2.5 s" in note for note in sound(path)[1])
    whole = media_files.write(tmp_path / "n.mkv", sound=[(0.0, tone(3.5))])
    assert sound(whole)[1] == []
