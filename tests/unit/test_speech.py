"""Speech by silero-vad: where it is, as a source of a modality and as turns."""

import builtins
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import media_files
from softaer import __main__ as door
from softaer import source_table
from softaer.core.errors import InputError, MissingPackageError
from softaer.core.experiment import Media, Speech
from softaer.modalities import configured, source_named
from softaer.prepare.turns import find_turns
from softaer.signals import speech_embedding
from softaer.signals.media import Account, Choice
from softaer.signals.sound import AUDIO_RATE, audio_blocks
from softaer.signals.speech import FRAME, PROBABILITY, probabilities, speech_turns
from softaer.signals.turns import read_turns, within
from softaer.table_features import from_rows

CLIPS = ["bbaf2n", "brbk7n", "lbax4n", "lrwp9a", "pwij3p", "sbia1a"]
SILENCE = 2.0


def speech_between_silence(clips, name, noise):
    """A sentence between silence, and which frames have it: within 20 dB of the loudest."""
    sound = np.concatenate(list(audio_blocks(clips / f"grid_{name}.mpg"))).astype(float)
    quiet = np.zeros(round(SILENCE * AUDIO_RATE))
    whole = np.concatenate([quiet, sound, quiet])
    frames = whole[: len(whole) // FRAME * FRAME].reshape(-1, FRAME)
    level = np.sqrt((frames**2).mean(axis=1))
    loud = np.flatnonzero(level > 0.1 * level.max())
    spoken = np.zeros(len(frames), dtype=bool)
    spoken[loud[0] : loud[-1] + 1] = True
    whole += noise * np.random.default_rng(0).standard_normal(len(whole))
    return whole.clip(-(2**15), 2**15 - 1).astype(np.int16), spoken


@pytest.mark.parametrize("noise", [0, 30, 300])
def test_real_speech_is_told_from_silence_and_noise(noise, clips):
    right = []
    for name in CLIPS:
        sound, spoken = speech_between_silence(clips, name, noise)
        rows = probabilities([sound])[: len(spoken)]
        right.append(((rows[PROBABILITY] > 0.5) == spoken).mean())
    assert np.mean(right) > 0.95
    assert min(right) > 0.85


@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_what_nobody_says_is_no_speech(kind):
    rng = np.random.default_rng(1)
    sound = {
        "silence": np.zeros(3 * AUDIO_RATE, dtype=np.int16),
        "noise": (1000 * rng.standard_normal(3 * AUDIO_RATE)).astype(np.int16),
        "tone": media_files.tone(3.0, AUDIO_RATE),
    }[kind]
    rows = probabilities([sound])
    assert rows[PROBABILITY].mean() < 0.1
    assert len(speech_turns(rows)) == 0


def test_how_the_sound_is_cut_into_blocks_does_not_matter():
    sound = (3000 * np.random.default_rng(2).standard_normal(5000)).astype(np.int16)
    whole = probabilities([sound])
    for size in (100, FRAME, 1333):
        parts = [sound[k : k + size] for k in range(0, len(sound), size)]
        pd.testing.assert_frame_equal(probabilities(parts), whole)
    assert len(whole) == -(-5000 // FRAME)
    assert whole["end"].iloc[-1] == 5000 / AUDIO_RATE
    np.testing.assert_allclose(whole["start"][1:], whole["end"][:-1])
    assert probabilities([]).empty


def test_turns_follow_the_probabilities():
    count = 200
    rows = pd.DataFrame({"start": np.arange(count) * 0.032, PROBABILITY: np.float32(0.05)})
    rows["end"] = rows["start"] + 0.032
    rows.loc[50:99, PROBABILITY] = 0.9
    rows.loc[70:71, PROBABILITY] = 0.1  # shorter than a pause
    rows.loc[150:153, PROBABILITY] = 0.9  # shorter than speech
    np.testing.assert_allclose(
        speech_turns(rows), [[50 * 0.032 - 0.03, 100 * 0.032 + 0.03]], atol=1e-3
    )
    assert len(speech_turns(rows, pause=0.01)) == 2
    assert len(speech_turns(rows, shortest=0.05)) == 2
    assert len(speech_turns(rows, threshold=0.95)) == 0
    assert speech_turns(rows[:0]).shape == (0, 2)


def test_the_number_of_threads_stays_as_it_was():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        probabilities([np.zeros(FRAME, dtype=np.int16)])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_without_the_package_it_is_said_how_to_get_it(monkeypatch):
    real = builtins.__import__

    def absent(name, *words, **more):
        if name.startswith("silero_vad"):
            raise ImportError(name)
        return real(name, *words, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingPackageError, match=r"pip install 'softaer\[deep\]'"):
        probabilities([np.zeros(FRAME, dtype=np.int16)])


@pytest.fixture
def sentence(clips, tmp_path):
    """A file of speech between silence, and when it is spoken."""
    sound, spoken = speech_between_silence(clips, "pwij3p", 30)
    path = media_files.write(tmp_path / "a.wav", sound=[(0, sound)])
    start, *_, end = np.flatnonzero(spoken) * FRAME / AUDIO_RATE
    return path, (start, end)


def test_it_is_a_source_of_a_modality(sentence):
    path, (start, end) = sentence
    modality = configured({"modalities": {"talk": {"source": "speech", "window": 1.0}}}, check=True)
    settings = modality["talk"].settings
    assert settings["functionals"] == ["mean"]
    account = Account()
    rows = source_table.read_rows(
        source_named("speech"), str(path), Speech(), Choice("a"), account, Media()
    )
    features = from_rows(rows, Speech()).set_index("time")["speech_mean"]
    assert features[start + 0.6 : end - 0.6].mean() > 0.8
    assert features[: start - 0.6].mean() < 0.1
    with pytest.raises(InputError, match="expected at most 2"):
        source_table.read_rows(
            source_named("speech"), str(path), Speech(), Choice("a"), account, Media(max_duration=2)
        )


def test_turns_are_written_and_named_in_the_table(sentence, tmp_path):
    _, (start, end) = sentence
    (tmp_path / "b.turns").write_text("1,2\n")
    (tmp_path / "bad.wav").write_bytes(b"no sound")
    table = tmp_path / "recordings.csv"
    table.write_text("recording,audio,turns\na,a.wav,\nb,a.wav,b.turns\nc,bad.wav,\n")
    said = []
    unread = find_turns(table, table, tmp_path / "turns", say=said.append)
    assert unread == ["c"]
    assert table.read_text().splitlines() == [
        "recording,audio,turns",
        "a,a.wav,turns/a.csv",
        "b,a.wav,b.turns",
        "c,bad.wav,",
    ]
    turns = read_turns(tmp_path / "turns/a.csv", 7)
    time = np.arange(0, 7, 0.01)
    spoken = (time >= start) & (time <= end)
    assert (within(time, turns) == spoken).mean() > 0.93
    assert "b: has turns" in said
    assert any(line.startswith("c: no turns: ") for line in said)
    # Again: nothing is left to do but what cannot be read.
    before = Path(tmp_path / "turns/a.csv").stat().st_mtime_ns
    find_turns(table, table, tmp_path / "turns", say=said.append)
    assert Path(tmp_path / "turns/a.csv").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--threshold", "1.5"], "expected 0 to 1"), (["--pause", "-1"], "expected 0 s or more")],
)
def test_what_is_no_threshold_is_named(words, message, tmp_path, monkeypatch):
    monkeypatch.setattr("sys.argv", ["softaer", "turns", str(tmp_path / "x.csv"), *words])
    with pytest.raises(InputError, match=message):
        door.main()


def test_embeddings_do_not_depend_on_blocks(clips):
    sound = np.concatenate(list(audio_blocks(clips / "grid_pwij3p.mpg")))
    sound = np.concatenate([sound] * 3)
    whole = speech_embedding.embeddings([sound])
    assert len(whole) == (len(sound) - speech_embedding.LENGTH) // speech_embedding.HOP + 1
    for size in (999, 50_000):
        parts = [sound[k : k + size] for k in range(0, len(sound), size)]
        pd.testing.assert_frame_equal(speech_embedding.embeddings(parts), whole)
    assert list(whole)[3:] == speech_embedding.columns()
    np.testing.assert_allclose(np.diff(whole["time"]), 0.08)
    assert speech_embedding.embeddings([sound[: speech_embedding.LENGTH - 1]]).empty


def test_embeddings_are_those_of_the_package(clips):
    """As openwakeword computes them, on the spectrogram of the whole sound."""
    sound = np.concatenate(list(audio_blocks(clips / "grid_pwij3p.mpg")))
    mel, embedding = speech_embedding._networks()
    spectrum = (
        np.squeeze(mel.run(None, {"input": sound[np.newaxis].astype(np.float32)})[0]) / 10 + 2
    )
    windows = [spectrum[k : k + 76] for k in range(0, len(spectrum) - 75, 8)]
    batch = np.array(windows)[..., np.newaxis].astype(np.float32)
    expected = embedding.run(None, {"input_1": batch})[0].squeeze()
    found = speech_embedding.embeddings([sound])[speech_embedding.columns()].to_numpy()
    np.testing.assert_allclose(found, expected[: len(found)], atol=1e-3)
    assert len(expected) - len(found) in (0, 1)


def test_without_the_embedding_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setattr(speech_embedding, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=r"openwakeword.*not for commercial use"):
        speech_embedding.embeddings([])


def test_the_embedding_is_a_source_of_a_modality(sentence):
    path, _ = sentence
    source = source_named("speech-embedding")
    assert list(source.features(Speech())) == speech_embedding.columns()
    rows = source_table.read_rows(source, str(path), Speech(), Choice("a"), Account(), Media())
    features = from_rows(rows, Speech())
    assert features.shape[1] == 1 + speech_embedding.COUNT
    assert np.isfinite(features.iloc[5:-10]).all(axis=None)
