"""The descriptors are openSMILE's own, bit for bit, however the sound arrives, and none is lost."""

import os
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from lld_reference import REFERENCE_SETS, lld_of, reference_lld
from sounds import noise, voice, within

from patience import SILENT
from softaer.audio_lld import ROWS_AT_ONCE, compute_lld, descriptor_names
from softaer.core import tables
from softaer.signals.sound import AUDIO_RATE, audio_blocks

GRID_CLIPS = ["grid_bbaf2n.mpg", "grid_lrwp9a.mpg", "grid_pwij3p.mpg"]


def cut(sound, size):
    return [sound[start : start + size] for start in range(0, len(sound), size)]


def cut_at_random(sound, seed=0):
    places = np.random.default_rng(seed).integers(0, len(sound), 60)
    return np.split(sound, np.sort(places))


@pytest.fixture(params=[*GRID_CLIPS, "noise", "noise and silence"])
def sound(request):
    if request.param == "noise":
        return noise(3.3)
    if request.param == "noise and silence":
        return np.concatenate([noise(1), np.zeros(AUDIO_RATE, dtype=np.int16), noise(1, seed=1)])
    return np.concatenate(list(audio_blocks(request.getfixturevalue("clips") / request.param)))


@pytest.mark.parametrize("feature_set", REFERENCE_SETS)
def test_descriptors_are_opensmiles_bit_for_bit(sound, feature_set):
    ours, reference = lld_of(sound, feature_set), reference_lld(sound, feature_set)
    assert list(ours.columns) == ["time", *reference.columns]
    assert np.array_equal(ours.drop(columns="time").to_numpy(), reference.to_numpy())
    starts = reference.index.get_level_values("start").total_seconds()
    # openSMILE stamps the row that it flushes at the end with the time of the row before.
    np.testing.assert_allclose(ours["time"][:-1], starts[:-1] + 0.03, rtol=0, atol=1e-9)


@pytest.mark.parametrize(
    "blocks",
    [
        lambda sound: cut(sound, 100),
        lambda sound: cut(sound, 1024),
        lambda sound: cut(sound, 50_000),
        cut_at_random,
        lambda sound: [part for block in cut(sound, 999) for part in (block, block[:0])],
    ],
    ids=["shorter than a hop", "1024", "longer than a second", "random", "with empty ones"],
)
def test_it_does_not_matter_how_the_sound_is_cut(blocks):
    sound = noise(4.0)
    parts = pd.concat(compute_lld(blocks(sound)), ignore_index=True)
    pd.testing.assert_frame_equal(parts, lld_of(sound), check_exact=True)


COMPARE = (65, {"F0final_sma", "jitterLocal_sma", "mfcc_sma[1]", "pcm_RMSenergy_sma"})
GENEVA = {"F0semitoneFrom27.5Hz_sma3nz", "Loudness_sma3", "F1frequency_sma3nz"}
KNOWN = {
    "IS13_ComParE": COMPARE,
    "ComParE_2016": COMPARE,
    "GeMAPSv01b": (18, GENEVA),
    "eGeMAPSv02": (25, GENEVA | {"mfcc1_sma3", "spectralFlux_sma3"}),
}


@pytest.mark.parametrize("feature_set", REFERENCE_SETS)
def test_descriptors_have_opensmiles_names(feature_set):
    names = descriptor_names(feature_set)
    assert names == list(reference_lld(noise(0.2), feature_set).columns)
    number, some = KNOWN[feature_set]
    assert len(set(names)) == number
    assert some <= set(names)


@pytest.mark.parametrize("seconds", [0.3, 1.0, 10.0])
def test_frames_come_every_10_ms_at_their_centres(seconds):
    lld = lld_of(noise(seconds))
    assert lld["time"].dtype == np.float64
    assert lld["time"].is_unique
    np.testing.assert_allclose(lld["time"], 0.03 + np.arange(len(lld)) / 100, rtol=0, atol=1e-9)
    assert lld["time"].iloc[-1] == pytest.approx(seconds - 0.03, abs=0.011)
    assert (lld.drop(columns="time").dtypes == np.float32).all()


def test_sound_shows_at_its_time():
    quiet = np.zeros(2 * AUDIO_RATE, dtype=np.int16)
    lld = lld_of(np.concatenate([quiet, noise(1.0), quiet]))
    loud = lld["time"][lld["pcm_RMSenergy_sma"] > lld["pcm_RMSenergy_sma"].max() / 2]
    assert loud.iloc[0] == pytest.approx(2.0, abs=0.03)
    assert loud.iloc[-1] == pytest.approx(3.0, abs=0.03)


@pytest.mark.parametrize("f0", [110.0, 220.0, 330.0])
def test_pitch_of_a_planted_pulse_train_is_found(f0):
    lld = lld_of(voice(2.0, f0))
    steady = lld.query("0.3 < time < 1.7")
    assert steady["F0final_sma"].median() == pytest.approx(f0, rel=0.01)
    assert (np.abs(steady["F0final_sma"] - f0) < 0.03 * f0).mean() > 0.95
    assert (steady["voicingFinalUnclipped_sma"] > 0.7).mean() > 0.95


def test_noise_and_silence_have_no_pitch():
    assert (lld_of(noise(2.0))["F0final_sma"] == 0).mean() > 0.9
    assert (lld_of(np.zeros(2 * AUDIO_RATE, dtype=np.int16))["F0final_sma"] == 0).all()


@pytest.mark.parametrize("feature_set", REFERENCE_SETS)
@pytest.mark.parametrize("level", [0, 1, 32_767, -32_768])
def test_digital_silence_and_constant_sound_give_finite_values(level, feature_set):
    lld = lld_of(np.full(2 * AUDIO_RATE, level, dtype=np.int16), feature_set)
    assert len(lld) == 196
    assert np.isfinite(lld.to_numpy()).all()


def test_silent_clip_gives_finite_values(clips):
    lld = pd.concat(compute_lld(audio_blocks(clips / "derived_grid_silentaudio.mp4")))
    assert len(lld) > 290
    assert np.isfinite(lld.to_numpy()).all()


@pytest.mark.parametrize("feature_set", REFERENCE_SETS)
@pytest.mark.parametrize("samples", [0, 1, 959])
def test_sound_shorter_than_a_frame_gives_no_table(samples, feature_set):
    assert within(lambda: list(compute_lld([noise(1)[:samples]], feature_set))) == []


def test_no_sound_at_all_gives_no_table():
    assert within(lambda: list(compute_lld([]))) == []


@pytest.mark.parametrize("feature_set", REFERENCE_SETS)
@pytest.mark.parametrize("samples", [960, 961, 1119, 1120, 1280, 4801])
def test_short_sounds_give_the_rows_of_opensmile(samples, feature_set):
    sound = voice(1, 200)[:samples]
    ours = lld_of(sound, feature_set).drop(columns="time")
    assert np.array_equal(ours.to_numpy(), reference_lld(sound, feature_set).to_numpy())


def test_very_short_clip(clips):
    lld = pd.concat(compute_lld(audio_blocks(clips / "derived_grid_veryshort_3frames.mp4")))
    assert 1 <= len(lld) <= 14


def test_long_sound_comes_a_minute_at_a_time():
    second = noise(1.0)
    lengths = [len(table) for table in compute_lld(second for _ in range(130))]
    assert lengths[:2] == [ROWS_AT_ONCE, ROWS_AT_ONCE]
    assert sum(lengths) == pytest.approx(13_000, abs=6)
    assert len(lengths) == 3


def test_rows_come_before_the_sound_has_ended_and_the_rest_may_be_left():
    threads = threading.active_count()
    heard = 0

    def endless():
        nonlocal heard
        while True:
            heard += 1
            yield noise(1.0, seed=heard)

    stream = compute_lld(endless())
    first = within(lambda: next(stream))
    assert len(first) == ROWS_AT_ONCE
    assert heard < 100
    within(stream.close)
    assert threading.active_count() == threads
    assert len(lld_of(noise(1.0))) == 96


@pytest.mark.parametrize("seconds", [0, 1, 25])
def test_an_error_in_the_sound_is_passed_on(seconds):
    threads = threading.active_count()

    def breaks():
        for _ in range(seconds):
            yield noise(1.0)
        raise ZeroDivisionError("in the sound")

    with pytest.raises(ZeroDivisionError, match="in the sound"):
        within(lambda: list(compute_lld(breaks())))
    assert threading.active_count() == threads


def command_line(root, output, *arguments):
    words = [*arguments, "--output", output, "--status-output", output.with_suffix(".status")]
    return subprocess.run(
        [sys.executable, "-m", "softaer.audio_lld", *map(str, words)],
        env=os.environ | {"PYTHONPATH": str(root / "workflow")},
        capture_output=True,
        text=True,
        check=False,
        timeout=SILENT,
    )


def recordings_of(clips, names):
    return [item for name in names for item in ("--recording", name[:-4], clips / name)]


def test_command_line_writes_a_batch_and_the_same_bytes_twice(clips, root, tmp_path):
    names = [GRID_CLIPS[1], GRID_CLIPS[0], "derived_grid_silentaudio.mp4"]
    outputs = [tmp_path / "first.parquet", tmp_path / "second.parquet"]
    for output in outputs:
        done = command_line(root, output, *recordings_of(clips, names))
        assert done.returncode == 0, done.stderr
    assert outputs[0].read_bytes() == outputs[1].read_bytes()

    assert pq.read_schema(outputs[0]).names == ["recording", "time", *descriptor_names()]
    parts = dict(tables.by_recording(outputs[0]))
    assert list(parts) == [name[:-4] for name in names]
    for name in names:
        direct = pd.concat(compute_lld(audio_blocks(clips / name)), ignore_index=True)
        pd.testing.assert_frame_equal(parts[name[:-4]], direct, check_exact=True)


def test_command_line_names_the_clip_that_lacks_sound_and_leaves_no_table(clips, root, tmp_path):
    names = [GRID_CLIPS[0], "derived_grid_noaudio.mp4"]
    done = command_line(root, tmp_path / "t.parquet", *recordings_of(clips, names))
    assert done.returncode == 1
    assert "derived_grid_noaudio.mp4" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []
