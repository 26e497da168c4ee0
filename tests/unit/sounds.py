"""Sounds with known properties: int16, mono, 16 kHz; and a limit for what may hang."""

import threading

import numpy as np
import pytest

from patience import SILENT
from softaer.signals.sound import AUDIO_RATE

LOUD = 10_000


def noise(seconds, seed=0):
    samples = np.random.default_rng(seed).normal(scale=3000, size=round(seconds * AUDIO_RATE))
    return samples.astype(np.int16)


def silence(seconds):
    return np.zeros(round(seconds * AUDIO_RATE), dtype=np.int16)


def tone(seconds, frequency):
    """Sinusoid."""
    return gliding(np.full(round(seconds * AUDIO_RATE), frequency))


def gliding(frequencies):
    """Sinusoid whose frequency is given for each sample [Hz]."""
    return (LOUD * np.sin(2 * np.pi * np.cumsum(frequencies) / AUDIO_RATE)).astype(np.int16)


def sweep(seconds, first, last):
    """Sinusoid that glides, by the same interval in the same time."""
    return gliding(np.geomspace(first, last, round(seconds * AUDIO_RATE)))


def voice(seconds, f0):
    """Band-limited pulse train: all harmonics of ``f0`` up to 4 kHz."""
    phase = 2 * np.pi * f0 * np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    harmonics = range(1, int(4000 / f0) + 1)
    wave = sum(np.cos(harmonic * phase) for harmonic in harmonics)
    return (LOUD * wave / np.abs(wave).max()).astype(np.int16)


def music(seconds, seed=0):
    """Decaying notes at random, each of five harmonics, that overlap."""
    rng = np.random.default_rng(seed)
    wave, start = np.zeros(round(seconds * AUDIO_RATE)), 0
    while start < len(wave):
        time = np.arange(round(rng.uniform(0.1, 0.8) * AUDIO_RATE)) / AUDIO_RATE
        pitch = 55 * 2 ** (rng.integers(60) / 12)
        note = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 6)) * np.exp(
            -4 * time
        )
        wave[start : start + len(note)] += note[: len(wave) - start]
        start += round(0.6 * len(note))
    return (LOUD * wave / np.abs(wave).max()).astype(np.int16)


def clicks(seconds, every, width=16):
    """Short bursts at +-20000, the first after ``every`` seconds."""
    samples = silence(seconds)
    for start in range(round(every * AUDIO_RATE), len(samples) - width, round(every * AUDIO_RATE)):
        samples[start : start + width] = 20_000 * np.resize([1, -1], width)
    return samples


def within(function):
    """What ``function`` returns or raises; fails if it hangs."""
    outcome = []

    def call():
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(SILENT)
    if not outcome:
        pytest.fail(f"still running after {SILENT:.0f} s")
    value, error = outcome[0]
    if error is not None:
        raise error
    return value
