"""What a prediction rests on, for sound and pictures of which that is known."""

import numpy as np
import pandas as pd
import pytest
import skimage.data

from softaer.audio_lld import compute_lld
from softaer.landmarks import track
from softaer.signals.evidence import WINDOW, evidence
from softaer.simulate.voice import SAMPLE_RATE

SECONDS = 6


def sound_of(kind):
    """A second half that is voiced, or noise; the first is silent."""
    time = np.arange(SECONDS * SAMPLE_RATE // 2) / SAMPLE_RATE
    rng = np.random.default_rng(1)
    pulses = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 20))
    late = {"vowel": pulses, "noise": rng.standard_normal(len(time))}[kind]
    return (8000 * np.concatenate([np.zeros(len(time)), late / np.abs(late).max()])).astype("int16")


@pytest.mark.parametrize("feature_set", ["ComParE_2016", "eGeMAPSv02"])
@pytest.mark.parametrize(("kind", "share"), [("vowel", 1.0), ("noise", 0.0)])
def test_speech_is_the_share_of_voiced_sound(feature_set, kind, share):
    rows = pd.concat(compute_lld([sound_of(kind)], feature_set), ignore_index=True)
    table = evidence("speech", rows).set_index("time")["speech"]
    assert table.index[-1] == pytest.approx(SECONDS, abs=0.2)
    assert (table[: SECONDS / 2 - WINDOW / 2 - 0.2] == 0).all()
    late = table[SECONDS / 2 + WINDOW / 2 + 0.2 :]
    assert late.mean() == pytest.approx(share, abs=0.1)


def test_at_an_onset_the_share_rises_over_the_window():
    rows = pd.DataFrame({"time": np.arange(1000) / 100})
    rows["F0final_sma"] = np.where(rows["time"] >= 5, 120.0, 0.0)
    table = evidence("speech", rows).set_index("time")["speech"]
    np.testing.assert_allclose(table.loc[[4.4, 5.0, 5.6]], [0, 51 / 101, 1], atol=1e-6)
    assert table.dtype == np.float32


def test_face_is_the_share_of_pictures_with_a_face():
    portrait = skimage.data.astronaut()
    blank = np.zeros_like(portrait)
    pictures = [(k / 10, portrait if k >= 20 else blank) for k in range(40)]
    rows = pd.concat(track(pictures), ignore_index=True)
    table = evidence("face", rows).set_index("time")["face"]
    assert (table[:1.4] == 0).all()
    assert (table[2.6:] == 1).all()
    assert 0.3 < table[2.0] < 0.7


def test_without_rows_there_is_nothing():
    assert evidence("face", pd.DataFrame({"time": [], "face": []})).empty
