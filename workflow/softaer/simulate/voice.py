"""A synthetic voice: syllables without meaning from a source and a filter (Fant, 1960).

A pulse train with noise is shaped by four formants that move from vowel to vowel. Arousal raises
pitch, pitch range, loudness and speech rate, makes the glottal pulse more pressed and the spectrum
flatter. Valence spreads the lips: formants rise, front vowels come more often, and a band around
2.5 kHz brightens while loudness and tilt stay what arousal makes them. In a display
of masking, the voice is rough and breathy (jitter, shimmer, aspiration), and clear in a display of
its absence. In those of distraction, a band around 1 kHz is louder or softer.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from softaer.simulate.channel import Cues
from softaer.simulate.noise import smooth, smooth_noise
from softaer.simulate.subjects import Voice

SAMPLE_RATE = 16000
"""Samples per second [Hz]."""

HOP = 80
"""Samples between control points: 5 ms."""

CONTROL_RATE = SAMPLE_RATE / HOP

FORMANTS = np.array(
    [
        [730, 1090, 2440, 3400],
        [530, 1840, 2480, 3500],
        [270, 2290, 3010, 3600],
        [570, 840, 2410, 3300],
        [300, 870, 2240, 3300],
        [660, 1720, 2410, 3500],
        [490, 1350, 1690, 3300],
        [520, 1190, 2390, 3400],
    ],
    dtype=np.float64,
)
"""Formants of eight vowels of men [Hz]: three after Peterson and Barney (1952), one assumed."""

BANDWIDTHS = np.array([70.0, 90.0, 130.0, 200.0])
"""Of the four formants [Hz]."""

OPENING = np.array([1.0, 0.55, 0.25, 0.7, 0.3, 0.8, 0.45, 0.6])
"""How far each vowel opens the mouth."""

FRONTNESS = (FORMANTS[:, 1] - FORMANTS[:, 1].mean()) / FORMANTS[:, 1].std()
"""Position of each vowel between back and front, standardised."""

FILLER_VOWEL, REST_VOWEL = 6, 7

FILLERS = 0.05
"""Share of the syllables that are fillers."""

SMILE = np.array([0.05, 0.13, 0.12, 0.07])
"""Relative rise of the formants at valence 1."""

LEVEL = 0.035
"""Root mean square of speech at arousal 0, full scale 1."""

FLOOR = 4e-4
"""Standard deviation of the room's noise."""


class Syllable(NamedTuple):
    """A syllable of a phrase.

    ``start`` and ``length`` in seconds, ``vowel`` an index into :data:`FORMANTS`, ``onset`` one of
    :data:`ONSETS`, ``position`` in the phrase from 0 to 1.
    """

    start: float
    length: float
    vowel: int
    onset: str
    position: float


ONSETS = ("vowel", "voiced", "fricative")
"""How a syllable begins: with its vowel, with a voiced or with a noisy consonant."""


@dataclass(frozen=True)
class Articulation:
    """What the speech organs do at each control point; all arrays have n rows.

    ``formants`` (n, 4) [Hz] of a man's neutral voice; ``voicing``, ``frication`` and ``jaw`` run
    from 0 to 1; ``melody`` is in units of the pitch range.
    """

    formants: np.ndarray
    voicing: np.ndarray
    frication: np.ndarray
    jaw: np.ndarray
    melody: np.ndarray


@dataclass(frozen=True)
class Speech:
    """``waveform``: float32, 16 kHz, in (-1, 1); ``jaw``: opening of the mouth at ``time`` [s]."""

    waveform: np.ndarray
    time: np.ndarray
    jaw: np.ndarray


def speak(rng: np.random.Generator, cues: Cues, voice: Voice, duration: float) -> Speech:
    """Speech of one recording.

    Parameters
    ----------
    cues
        What the voice shows.
    voice
        Whose voice it is.
    duration
        Length [s].
    """
    samples = round(duration * SAMPLE_RATE)
    time = np.arange(samples // HOP + 1) / CONTROL_RATE
    syllables = utter(rng, cues, duration)
    cues = cues.at(time)
    moves = articulate(rng, syllables, len(time))
    loudness = 10 ** (7 * cues.arousal / 20)
    source = phonate(rng, cues, moves, voice, loudness, samples)
    formants = moves.formants * voice.formants * (1 + SMILE * cues.valence[:, None])
    waveform = resonate(source, formants, cues)
    hiss = over_samples(moves.frication * loudness, samples) * rng.standard_normal(samples)
    waveform += 0.35 * high_pass(hiss, 3000.0)
    intended = np.sqrt(np.mean(over_samples(moves.voicing * loudness, samples) ** 2))
    waveform *= LEVEL * intended / np.sqrt(np.mean(waveform**2))
    waveform += FLOOR * rng.standard_normal(samples)
    return Speech(np.clip(waveform, -0.99, 0.99).astype(np.float32), time, moves.jaw)


def utter(rng: np.random.Generator, cues: Cues, duration: float) -> list[Syllable]:
    """Draw phrases of syllables: faster when aroused."""
    syllables: list[Syllable] = []
    time = rng.uniform(0.1, 0.5)
    while time < duration - 0.3:
        length_of_phrase = int(rng.integers(5, 14))
        for number in range(length_of_phrase):
            syllable = draw_syllable(rng, cues, time, number / length_of_phrase)
            if time + syllable.length > duration - 0.1:
                break
            syllables.append(syllable)
            time += syllable.length
        arousal = np.interp(time, cues.time, cues.arousal)
        time += rng.uniform(0.25, 0.6) * (1 - 0.35 * arousal)
    return syllables


def draw_syllable(rng: np.random.Generator, cues: Cues, time: float, position: float) -> Syllable:
    """One syllable, or a filler: a long central vowel."""
    arousal, valence = (np.interp(time, cues.time, track) for track in (cues.arousal, cues.valence))
    if rng.random() < FILLERS:
        return Syllable(time, rng.uniform(0.35, 0.6), FILLER_VOWEL, "vowel", position)
    preference = np.exp(1.0 * valence * FRONTNESS)
    return Syllable(
        time,
        rng.uniform(0.75, 1.25) / (4.6 + 1.3 * arousal),
        int(rng.choice(len(FORMANTS), p=preference / preference.sum())),
        ONSETS[rng.integers(len(ONSETS))],
        position,
    )


def articulate(rng: np.random.Generator, syllables: list[Syllable], count: int) -> Articulation:
    """Lay the syllables out on ``count`` control points."""
    formants = np.tile(FORMANTS[REST_VOWEL], (count, 1))
    voicing, frication, jaw, melody = np.zeros((4, count))
    for syllable in syllables:
        span = slice(
            int(syllable.start * CONTROL_RATE),
            min(count, int((syllable.start + syllable.length) * CONTROL_RATE)),
        )
        steps = span.stop - span.start
        phase = (np.arange(steps) + 0.5) / steps
        consonant = 0.05 if syllable.onset == "vowel" else 0.22
        formants[span] = FORMANTS[syllable.vowel]
        rise = np.clip((phase - 0.6 * consonant) / 0.18, 0, 1)
        voicing[span] = rise * np.clip((1 - phase) / 0.22, 0, 1) ** 0.7
        if syllable.onset == "fricative":
            frication[span] = 0.5 * np.sin(np.pi * np.clip(phase / consonant, 0, 1))
        jaw[span] = OPENING[syllable.vowel] * np.sin(np.pi * phase) ** 0.8
        accent = rng.uniform(-0.3, 1.0) * np.sin(np.pi * phase)
        melody[span] = 1.4 * (0.5 - syllable.position) + accent
    return Articulation(
        formants=smooth(formants, 6),
        voicing=smooth(voicing, 2),
        frication=smooth(frication, 1.5),
        jaw=smooth(jaw, 4),
        melody=melody,
    )


def phonate(
    rng: np.random.Generator,
    cues: Cues,
    moves: Articulation,
    voice: Voice,
    loudness: np.ndarray,
    samples: int,
) -> np.ndarray:
    """Glottal flow derivative with aspiration noise, shape (samples,).

    The pulse resembles Rosenberg's (1971), with a faster closure. ``cues`` and ``loudness`` are at
    control points.
    """
    count = len(moves.melody)
    semitones = 4.5 * cues.arousal + (2.0 + 1.3 * cues.arousal) * moves.melody
    semitones = smooth(semitones + 0.25 * smooth_noise(rng, count, 8), 4)
    pitch = over_samples(voice.pitch * 2 ** (semitones / 12), samples)
    roughness = np.clip(0.5 + 0.5 * cues.mask, 0, 1)
    jitter = (0.003 + 0.025 * roughness) * rng.standard_normal(count)
    cycles = np.cumsum(pitch * (1 + over_samples(jitter, samples)) / SAMPLE_RATE)
    number = np.floor(cycles).astype(np.intp)
    phase = cycles - number
    open_phase = phase / over_samples(0.62 - 0.10 * cues.arousal, samples)
    closing = -3.0 * np.clip((open_phase - 0.7) / 0.3, 0, 1) ** 2
    pulse = np.where(open_phase < 0.7, np.sin(np.pi * open_phase / 0.7), closing)
    pulse[open_phase >= 1] = 0
    shimmer = (0.02 + 0.16 * over_samples(roughness, samples)) * (
        rng.standard_normal(number[-1] + 1)[number]
    )
    breath = over_samples(0.01 + 0.40 * roughness, samples) * rng.standard_normal(samples)
    breath *= np.where(open_phase < 1, 1.0, 0.4)
    return over_samples(moves.voicing * loudness, samples) * (pulse * (1 + shimmer) + breath)


def over_samples(track: np.ndarray, samples: int) -> np.ndarray:
    """Interpolate a track from the control points to the samples, shape (samples,)."""
    return np.interp(np.arange(samples), np.arange(len(track)) * HOP, track)


def spectral_envelope(frequency: np.ndarray, formants: np.ndarray, cues: Cues) -> np.ndarray:
    """Transfer function of the vocal tract.

    Parameters
    ----------
    frequency
        Shape (f,) [Hz].
    formants
        Shape (b, 4) [Hz].
    cues
        At the b blocks.

    Returns
    -------
    complex128 array of shape (b, f)
    """
    s = 2j * np.pi * frequency
    response = np.ones((len(formants), len(frequency)), dtype=np.complex128)
    for centre, bandwidth in zip(2 * np.pi * formants.T, 2 * np.pi * BANDWIDTHS, strict=True):
        squared = centre[:, None] ** 2
        response *= squared / (squared + bandwidth * s + s**2)
    octaves = np.log2(np.maximum(frequency, 1.0) / 500)
    tilt = -(4.0 - 4.0 * cues.arousal[:, None]) * np.clip(octaves, 0, None)
    bright = 9.0 * cues.valence[:, None] * np.exp(-0.5 * ((octaves - 2.3) / 0.5) ** 2)
    nasal = 9.0 * cues.distraction[:, None] * np.exp(-0.5 * ((octaves - 1.0) / 0.4) ** 2)
    return response * 10 ** ((tilt + bright + nasal) / 20)


def resonate(source: np.ndarray, formants: np.ndarray, cues: Cues) -> np.ndarray:
    """Filter with the moving formants: overlapping blocks of 20 ms every 10 ms, in frequency.

    Parameters
    ----------
    source
        Shape (samples,).
    formants
        At control points, shape (n, 4) [Hz].
    cues
        At control points.
    """
    hop, length = 2 * HOP, 512
    window = np.hanning(2 * hop + 1)[:-1]
    blocks = len(source) // hop + 2
    padded = np.concatenate([np.zeros(hop), source, np.zeros(3 * hop)])
    starts = np.arange(blocks) * hop
    centres = np.clip(starts // HOP, 0, len(formants) - 1)
    pieces = padded[starts[:, None] + np.arange(2 * hop)] * window
    response = spectral_envelope(
        np.fft.rfftfreq(length, 1 / SAMPLE_RATE), formants[centres], cues.at(cues.time[centres])
    )
    filtered = np.fft.irfft(np.fft.rfft(pieces, length, axis=1) * response, length, axis=1)
    filtered = np.pad(filtered, ((0, 0), (0, -length % hop)))
    out = np.zeros((blocks + filtered.shape[1] // hop, hop))
    for part in range(filtered.shape[1] // hop):
        out[part : part + blocks] += filtered[:, part * hop : (part + 1) * hop]
    return out.ravel()[hop : hop + len(source)]


def high_pass(signal: np.ndarray, cutoff: float) -> np.ndarray:
    """Second-order Butterworth magnitude, without delay; ``cutoff`` in Hz."""
    frequency = np.fft.rfftfreq(len(signal), 1 / SAMPLE_RATE)
    ratio = (frequency / cutoff) ** 2
    return np.fft.irfft(np.fft.rfft(signal) * ratio / np.sqrt(1 + ratio**2), len(signal))
