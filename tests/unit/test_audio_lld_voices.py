"""However high a voice is, however long it holds: openSMILE's own values, and never a hang."""

import itertools
import os
import re
import subprocess
import sys
import threading
import time
import wave
from pathlib import Path

import numpy as np
import opensmile
import pandas as pd
import pyarrow.parquet as pq
import pytest
from lld_reference import lld_of, reference_lld
from opensmile.core.lib import OpenSMILE, OpenSmileException
from sounds import clicks, gliding, music, noise, silence, sweep, tone, voice, within

from patience import SILENT
from softaer import audio_lld
from softaer.audio_lld import FEATURE_SETS, WAITING_RINGS, OpenSmileError, compute_lld
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.schema import audio_lld as lld_schema
from softaer.signals.sound import AUDIO_RATE

SHORT_RINGS = "shared/BufferModeRb.conf.inc"
"""Five frames: too short for what waits for the smoothed pitch."""

CONFIGURATIONS = Path(opensmile.__file__).parent / "core" / "config"


def together(*sounds):
    return np.concatenate(sounds)


def vibrato(seconds, frequency, depth, rate):
    t = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    return gliding(frequency * (1 + depth * np.sin(2 * np.pi * rate * t)))


def steps(count, seed=0):
    """Tones of 0.2 s at random."""
    frequencies = np.random.default_rng(seed).uniform(50, 4000, count)
    return gliding(np.repeat(frequencies, AUDIO_RATE // 5))


def bursts(make, seed=0):
    """Sounds of 0.05 to 2 s with pauses of the same kind, for some 18 s."""
    lengths = np.random.default_rng(seed).uniform(0.05, 2.0, 12)
    return together(*(part for s in lengths for part in (make(s), silence(s / 2))))


SOUNDS = {
    **{f"tone of {f} Hz": lambda f=f: tone(10, f) for f in (50, 220, 470, 500, 530, 560, 590)},
    **{f"tone of {f} Hz": lambda f=f: tone(10, f) for f in (620, 1000, 1100, 2000, 4000)},
    **{f"voice at {f} Hz": lambda f=f: voice(10, f) for f in (60, 120, 300, 600, 900)},
    "sweep up and down": lambda: together(sweep(6, 50, 4000), sweep(6, 4000, 50)),
    "fast sweeps": lambda: np.tile(sweep(1, 400, 700), 10),
    "steps": lambda: steps(60),
    "vibrato": lambda: together(vibrato(6, 580, 0.05, 6), vibrato(6, 580, 0.3, 3)),
    "noise": lambda: noise(10),
    "music": lambda: music(10),
    "tone in noise": lambda: tone(10, 590) // 2 + noise(10) // 8,
    "clicks": lambda: clicks(10, 0.5),
    "bursts of a tone": lambda: bursts(lambda s: tone(s, 590)),
    "bursts of a voice": lambda: bursts(lambda s: voice(s, 600), seed=1),
    "bursts of noise": lambda: bursts(lambda s: noise(s), seed=2),
    "a high word in a low voice": lambda: together(voice(6, 220), voice(0.3, 600), voice(6, 220)),
    "silence between": lambda: together(tone(10, 590), silence(15), tone(10, 1000), silence(5)),
    "silence of half a minute, then a tone": lambda: together(silence(30), tone(10, 560)),
    "a minute without a pause": lambda: tone(60, 590),
    "a tone to the end of a short sound": lambda: together(noise(3), tone(5, 590)),
    "a tone of a second": lambda: tone(1, 590),
}


SHORT_SOUNDS = {
    "steady pitch": lambda: tone(3, 590),
    "pitch above the search": lambda: tone(2, 2000),
    "voice": lambda: voice(3, 120),
    "high voice": lambda: voice(3, 600),
    "sweep": lambda: sweep(4, 50, 4000),
    "bursts": lambda: bursts(lambda s: voice(s, 600), seed=1)[: 6 * AUDIO_RATE],
    "a tone to the end": lambda: together(noise(1), tone(3, 590)),
    "silence between": lambda: together(voice(1, 220), silence(2), music(2)),
}
"""Fewer and shorter, because openSMILE takes nearly twice as long for GeMAPS as for ComParE."""

CASES = [
    pytest.param(sound, feature_set, id=f"{name}-{feature_set}")
    for feature_set in FEATURE_SETS
    for name, sound in (SOUNDS if "ComParE" in feature_set else SHORT_SOUNDS).items()
]


@pytest.mark.parametrize(("sound", "feature_set"), CASES)
def test_any_voice_gets_the_values_of_opensmile(sound, feature_set):
    samples = sound()
    ours = within(lambda: lld_of(samples, feature_set)).drop(columns="time")
    assert np.array_equal(ours.to_numpy(), reference_lld(samples, feature_set).to_numpy())


def test_the_tones_find_rings_that_are_too_short(monkeypatch):
    """The comparison above can fail, both by a hang and by values."""
    monkeypatch.setattr(audio_lld, "WAITING_RINGS", SHORT_RINGS)
    with pytest.raises(OpenSmileError, match="neither taken sound nor given rows"):
        within(lambda: lld_of(tone(30, 590), patience=1))
    samples = SOUNDS["a tone to the end of a short sound"]()
    ours, reference = lld_of(samples), reference_lld(samples, "IS13_ComParE")
    assert not np.array_equal(ours.drop(columns="time").to_numpy(), reference.to_numpy())


def test_gemaps_too_finds_rings_that_are_too_short(monkeypatch):
    monkeypatch.setattr(audio_lld, "WAITING_RINGS", SHORT_RINGS)
    with pytest.raises(OpenSmileError, match="neither taken sound nor given rows"):
        within(lambda: lld_of(tone(15, 590), "eGeMAPSv02", patience=1))


@pytest.mark.parametrize("feature_set", FEATURE_SETS)
def test_the_rings_hold_what_waits_for_the_pitch(feature_set):
    files = FEATURE_SETS[feature_set].files
    descriptors = "".join((CONFIGURATIONS / file).read_text() for file in files)
    (smoother,) = re.findall(r"^bufferLength *= *(\d+)", descriptors, flags=re.M)
    (window,) = set(re.findall(r"^smaWin *= *(\d+)", descriptors, flags=re.M))
    (ring,) = re.findall(
        r"^writer.levelconf.nT *= *(\d+)", (CONFIGURATIONS / WAITING_RINGS).read_text(), flags=re.M
    )
    assert int(ring) > int(smoother) + int(window) // 2


def test_a_standstill_is_an_error_that_names_sound_and_time(monkeypatch):
    monkeypatch.setattr(audio_lld, "WAITING_RINGS", SHORT_RINGS)
    threads = threading.active_count()
    samples = together(voice(5, 200), tone(30, 590))
    stream = compute_lld([samples], name="recording 'x': /path/x.wav", patience=1)
    with pytest.raises(OpenSmileError) as caught:
        within(lambda: list(stream))
    message = str(caught.value)
    assert message.startswith(
        "recording 'x': /path/x.wav: openSMILE has neither taken sound nor given rows for 1 s, at "
    )
    assert 4.5 < float(re.search(r"at ([\d.]+) s of sound", message)[1]) < 6.0
    # `skip` leaves out what is an InputError; this sound has descriptors.
    assert not isinstance(caught.value, InputError)
    assert threading.active_count() == threads


def test_a_standstill_at_the_end_is_an_error(monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(OpenSMILE, "run", lambda self: ended.wait())
    with pytest.raises(OpenSmileError, match=r"neither taken .* for 0.3 s, at 0.00 s of sound"):
        within(lambda: lld_of(noise(2), patience=0.3))
    ended.set()


def test_slow_blocks_and_a_slow_caller_are_no_standstill():
    patience = 1.0

    def slowly():
        for k in range(65):
            if k in (0, 30):
                time.sleep(2 * patience)
            yield noise(1, seed=k)

    parts = []
    for table in compute_lld(slowly(), patience=patience):
        parts.append(table)
        time.sleep(2 * patience)
    at_once = lld_of(together(*(noise(1, seed=k) for k in range(65))))
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), at_once, check_exact=True)


@pytest.mark.parametrize("f0", [97, 99])
def test_no_frame_of_jitter_is_lost_where_sound_comes_faster_than_it_is_worked_off(monkeypatch, f0):
    """A period longer than a hop, and sound by the sample: a ring that may be full is full."""
    receive = audio_lld._Run._receive

    def slowly(self, values, meta):
        time.sleep(0.002)
        receive(self, values, meta)

    monkeypatch.setattr(audio_lld._Run, "_receive", slowly)
    monkeypatch.setattr(audio_lld, "SOUND_RING", 4.0)
    samples = voice(9, f0)
    parts = compute_lld(samples[k : k + 1] for k in range(len(samples)))
    ours = pd.concat(within(lambda: list(parts))).drop(columns="time")
    assert np.array_equal(ours.to_numpy(), reference_lld(samples, "IS13_ComParE").to_numpy())
    assert (ours["F0final_sma"] > 0).mean() > 0.9


def test_rows_that_come_slowly_are_no_standstill(monkeypatch):
    receive = audio_lld._Run._receive

    def slowly(self, values, meta):
        time.sleep(0.002)
        receive(self, values, meta)

    monkeypatch.setattr(audio_lld._Run, "_receive", slowly)
    assert len(lld_of(noise(9), patience=0.5)) == 896  # 2 s, of which none is without a row


def test_lost_rows_are_an_error(monkeypatch):
    receive = audio_lld._Run._receive

    calls = itertools.count()

    def lose_one(self, values, meta):
        if next(calls) != 50:
            receive(self, values, meta)

    monkeypatch.setattr(audio_lld._Run, "_receive", lose_one)
    with pytest.raises(OpenSmileError, match="sound x: openSMILE has given 95 rows instead of 96"):
        lld_of(noise(1), name="sound x")


@pytest.mark.parametrize("seconds", [1, 30])
def test_a_failure_of_opensmile_names_the_sound(monkeypatch, seconds):
    def fail(self):
        raise OpenSmileException(1, "no memory")

    monkeypatch.setattr(OpenSMILE, "run", fail)
    with pytest.raises(OpenSmileError, match=r"sound x: openSMILE has .*no memory.*at 0.00 s"):
        within(lambda: lld_of(noise(seconds), name="sound x"))


def write_wav(path, samples):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, AUDIO_RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())


FAULTS = {
    "rings too short": f"audio_lld.WAITING_RINGS = {SHORT_RINGS!r}",
    "a call that never returns": "OpenSMILE.run = lambda self: ctypes.CDLL(None).pause()",
    "none": "",
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_command_ends_with_an_error_where_opensmile_stands_still(fault, root, tmp_path):
    """``skip`` too stops: the recording is not bad."""
    write_wav(tmp_path / "low.wav", voice(2, 200))
    write_wav(tmp_path / "high.wav", tone(30, 590))
    program = (
        "import ctypes; from opensmile.core.lib import OpenSMILE\n"
        "from softaer import audio_lld\nfrom softaer.core import cli\n"
        f"audio_lld.PATIENCE = 1\n{FAULTS[fault]}\ncli.run(audio_lld.main)\n"
    )
    recordings = [tmp_path / f"{name}.wav" for name in ("low", "high")]
    arguments = [word for path in recordings for word in ("--recording", path.stem, path)]
    output = tmp_path / "out" / "lld.parquet"
    output.parent.mkdir()
    arguments += ["--on-bad-recording", "skip", "--output", output]
    arguments += ["--status-output", output.with_suffix(".status")]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(root / "workflow")},
        capture_output=True,
        text=True,
        check=False,
        timeout=SILENT,
    )
    if fault == "none":
        assert done.returncode == 0, done.stderr
        assert len(dict(tables.by_recording(output))["high"]) == 2996
        return
    stuck = recordings[1] if fault == "rings too short" else recordings[0]
    assert done.returncode == 1
    assert f"recording {stuck.stem!r}: {stuck}: openSMILE has neither taken" in done.stderr
    assert "is left out" not in done.stdout
    assert list(output.parent.iterdir()) == []


SHOW_CLICKS = {
    "Loudness_sma3": -0.020,
    "alphaRatio_sma3": -0.020,
    "mfcc1_sma3": -0.020,
    "F1frequency_sma3nz": -0.020,
    "spectralFlux_sma3": -0.025,
    "pcm_RMSenergy_sma": -0.020,
    "audspec_lengthL1norm_sma": -0.020,
    "pcm_fftMag_fband1000-4000_sma": -0.020,
    "pcm_fftMag_spectralFlux_sma": -0.025,
    "pcm_zcr_sma": 0.0,
}


def centre_of(values):
    """Mean time, weighted by how far a value lies from that of silence."""
    weights = (values - values.iloc[:50].mean()).abs()
    return (weights.index * weights).sum() / weights.sum()


@pytest.fixture(scope="module")
def offsets():
    """How long before the row's time the sound lies that descriptors show: mean over events at all
    places between two rows, since each event shows in whole rows."""
    places = np.arange(0, 160, 16)
    found = []
    for place in places:
        samples, start = silence(2), AUDIO_RATE + place
        samples[start : start + 16] = 20_000 * np.resize([1, -1], 16)  # centre: start + 8
        sets = [lld_of(samples, name).set_index("time") for name in ("IS13_ComParE", "eGeMAPSv02")]
        shown = pd.concat(sets, axis=1)[list(SHOW_CLICKS)].apply(centre_of)
        found.append((start + 8) / AUDIO_RATE - shown)
    return pd.concat(found, axis=1).mean(axis=1)


@pytest.mark.parametrize("descriptor", SHOW_CLICKS)
def test_a_click_shows_where_the_metadata_say(offsets, descriptor):
    assert offsets[descriptor] == pytest.approx(SHOW_CLICKS[descriptor], abs=0.002)
    metadata = lld_schema([descriptor]).field(descriptor).metadata
    assert float(metadata[b"centre"]) == SHOW_CLICKS[descriptor]


@pytest.mark.parametrize(
    ("feature_set", "descriptor"),
    [
        ("IS13_ComParE", "F0final_sma"),
        ("eGeMAPSv02", "F0semitoneFrom27.5Hz_sma3nz"),
        ("eGeMAPSv02", "HNRdBACF_sma3nz"),
        ("eGeMAPSv02", "logRelF0-H1-H2_sma3nz"),
        ("eGeMAPSv02", "F1amplitudeLogRelF0_sma3nz"),
    ],
)
def test_pitch_shows_at_the_centre_of_its_frame(feature_set, descriptor):
    lld = lld_of(together(silence(1), voice(0.4, 200), silence(1)), feature_set)
    voiced = lld["time"][lld[descriptor] != lld[descriptor].iloc[0]]
    assert voiced.mean() == pytest.approx(1.2, abs=0.006)
    centre = lld_schema([descriptor]).field(descriptor).metadata[b"centre"].decode()
    assert centre.startswith("0.000")


def harmonics(*amplitudes):
    """Two seconds of harmonics of 200 Hz."""
    time = np.arange(2 * AUDIO_RATE) / AUDIO_RATE
    wave = sum(a * np.sin(400 * np.pi * k * time) for k, a in enumerate(amplitudes, 1))
    return (8000 * wave / np.abs(wave).max()).astype(np.int16)


def unequal_pulses(louder=1.0, earlier=0):
    """Two seconds of decaying pulses, one each 128 samples; every second one is louder, or earlier
    by samples."""
    wave = silence(2).astype(float)
    for k in range(240):
        time = np.arange(160) / AUDIO_RATE
        pulse = np.exp(-300 * time) * np.sin(1400 * np.pi * time) * (louder if k % 2 else 1)
        place = 128 * k - (earlier if k % 2 else 0)
        wave[max(place, 0) :][:160] += pulse
    return (15_000 * wave / np.abs(wave).max()).astype(np.int16)


PLANTED = [
    ("F0semitoneFrom27.5Hz_sma3nz", voice(2, 200), 12 * np.log2(200 / 27.5), 0.1),
    ("alphaRatio_sma3", tone(2, 500) // 2 + tone(2, 2000) // 4, -6.02, 0.1),
    ("hammarbergIndex_sma3", tone(2, 500) // 2 + tone(2, 3000) // 4, 6.02, 0.1),
    # openSMILE counts harmonics from F0 as the zeroth.
    ("logRelF0-H1-H2_sma3nz", harmonics(0.5, 1, 0.5, 0.2), 6.02, 0.1),
    ("logRelF0-H1-H2_sma3nz", harmonics(1, 0.5, 1, 0.2), -6.02, 0.1),
    ("shimmerLocaldB_sma3nz", unequal_pulses(louder=1.25), 1.94, 0.2),
    ("jitterLocal_sma3nz", unequal_pulses(earlier=2), 4 / 128, 0.002),
    ("F1frequency_sma3nz", unequal_pulses(), 700, 30),
]
UNITS = {
    **{"F0semitoneFrom27.5Hz_sma3nz": "semitone above 27.5 Hz", "jitterLocal_sma3nz": "1"},
    **{"F1frequency_sma3nz": "Hz"},
}


@pytest.mark.parametrize(("descriptor", "sound", "value", "error"), PLANTED)
def test_descriptors_of_gemaps_have_the_unit_of_the_metadata(descriptor, sound, value, error):
    steady = lld_of(sound, "eGeMAPSv02").query("0.5 < time < 1.5")[descriptor]
    assert steady.median() == pytest.approx(value, abs=error)
    unit = lld_schema([descriptor]).field(descriptor).metadata[b"unit"].decode()
    assert unit == UNITS.get(descriptor, "dB")


def test_the_table_keeps_what_descriptors_are_taken_from(tmp_path):
    names = audio_lld.descriptor_names()
    table = lld_of(noise(1))
    table.insert(0, "recording", "a")
    with tables.writer(tmp_path / "t.parquet", lld_schema(names)) as sink:
        sink.append(table)
    written = pq.read_schema(tmp_path / "t.parquet")
    frames = {name: written.field(name).metadata[b"frame"].decode() for name in names}
    assert [name for name in names if frames[name] == "0.060"] == [
        "F0final_sma",
        "voicingFinalUnclipped_sma",
        "pcm_zcr_sma",
    ]
    assert sum(frame.startswith("0.020") for frame in frames.values()) == 58
    assert all(written.field(name).metadata[b"unit"] == b"openSMILE" for name in names)
