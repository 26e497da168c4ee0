"""Decoding of sound: 16 kHz, mono, on the clock of the recording.

A file that names loudspeakers is mixed according to its layout. Channels without names are
microphones, and their mean is used. Everything is streamed; memory does not grow with the length of
the recording.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np

from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.signals.clock import compare_with_promise, decoded, origin, stated_length
from softaer.signals.media import DEFAULT_LIMITS, Account, find_audio, open_media, require

AUDIO_RATE = 16_000
"""Sampling rate of decoded audio [Hz]; the ComParE descriptors are defined up to 8 kHz."""

MAX_AUDIO_JITTER = 0.05
"""Deviations of time stamps up to this are ignored [s], except at the start."""

SILENCE_AT_ONCE = 60 * AUDIO_RATE
"""Samples of silence that are returned together: one minute."""

SILENCE = 1.0
"""A note appears for digital silence of at least this length [s]; shorter pauses are common."""

APART = 0.9
"""If there is a gap before more than this share of the frames, their times are wrong."""

CUT = 0.1
"""A note appears if at least this much sound was cut [s]."""

WEAK = 1e-6
"""A channel with less than this share of the power of the strongest (-60 dB) counts as dead."""

CANCELLED = 0.1
"""A mix with less than this share of the power for unrelated channels counts as cancelled; for two
channels, their correlation is then -0.9 or less."""

LEVELS_AT_ONCE = 8
"""Number of frames whose levels are computed together."""


def audio_blocks(
    path: Path | str,
    limits: Media = DEFAULT_LIMITS,
    *,
    stream: int | None = None,
    channel: int | None = None,
    beside: Path | str | None = None,
    account: Account | None = None,
) -> Iterator[np.ndarray]:
    """Sound of a recording, resampled to 16 kHz mono.

    Parameters
    ----------
    path
        Media file.
    limits
        Limits for the file.
    stream
        Number of the audio stream, see :func:`softaer.signals.media.chosen`.
    channel
        Number of the channel, from 1; by default all are mixed.
    beside
        File with the recording's video, if it is separate.
    account
        Filled with the results of decoding.

    Yields
    ------
    int16 arrays of shape (n,); their concatenation starts at time zero of the recording. Gaps in
    the stream's time stamps become silence; sound before time zero, or stamped with a time that
    has passed, is cut.

    Raises
    ------
    InputError
        If the file cannot be opened or decoded, has no such stream or channel, or is beyond the
        limits.
    """
    account = Account() if account is None else account
    with open_media(path, limits) as container:
        source = find_audio(container, path, stream)
        account.promised = stated_length(container, source)
        zero = origin(container, beside, limits, account)
        mixer, silence = Mixer(path, channel), _Silence()
        resampler, form = None, None
        written, surplus, filled, cut_away = 0, 0, 0, 0
        frames, gaps, before = 0, 0, None
        for frame in decoded(container, source, zero, path, account):
            frames += 1
            account.decoded += frame.samples / frame.sample_rate
            if form != (form := (frame.format.name, frame.layout.name, frame.sample_rate)):
                for block in (tail := _drain(resampler, None)):
                    yield silence.watch(block)
                written += sum(map(len, tail))
                resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
            # A time that does not advance is ignored; sound continues.
            time = frame.time
            still = time is None or time == before
            before = time
            place = written if still or time is None else round((time - zero) * AUDIO_RATE)
            end = max(place, written) / AUDIO_RATE + frame.samples / frame.sample_rate
            require(path, end, limits, "max_duration", "s of sound")
            tolerance = MAX_AUDIO_JITTER * AUDIO_RATE if written else 0
            if place - written > tolerance:
                for block in (tail := _drain(resampler, None)):
                    yield silence.watch(block)
                written += sum(map(len, tail))
                resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
                filled += place - written if written else 0
                gaps += 1
                while written < place:
                    length = min(place - written, SILENCE_AT_ONCE)
                    yield np.zeros(length, dtype=np.int16)
                    written += length
            elif written - place > tolerance:
                surplus = written - place
            for block in _drain(resampler, mixer.mix(frame)):
                cut = min(surplus, len(block))
                surplus -= cut
                cut_away += cut
                written += len(block) - cut
                yield silence.watch(block[cut:])
        for block in _drain(resampler, None):
            yield silence.watch(block)
        seconds, promised = filled / AUDIO_RATE, account.promised
        apart = gaps > APART * frames and seconds > account.decoded
        if apart and promised and written > 2 * promised * AUDIO_RATE:
            raise InputError(
                f"{path}: {account.decoded:.1f} s of sound with time stamps up to "
                f"{written / AUDIO_RATE:.1f} s, in a file that states {promised:.1f} s; expected "
                "time stamps that match the sound"
            )
        if seconds >= SILENCE:
            account.notes.append(f"gaps of {seconds:.1f} s in the sound were filled with silence")
        if cut_away > CUT * AUDIO_RATE:
            account.dropped += 1
            account.notes.append(
                f"{cut_away / AUDIO_RATE:.1f} s of sound were cut because their time stamps "
                "overlap earlier sound"
            )
        compare_with_promise(account, "sound")
        if not account.decoded:
            account.notes.append("no sound was decoded")
        account.notes += mixer.notes()
        if mixer.power.any():
            account.notes += silence.notes(account.decoded)


def _drain(resampler: av.AudioResampler | None, frame: av.AudioFrame | None) -> list[np.ndarray]:
    """Blocks that a resampler returns for a frame, or for ``None`` at the end."""
    if resampler is None:
        return []
    return [block.to_ndarray()[0] for block in resampler.resample(frame)]


def channels_of(frame: av.AudioFrame) -> np.ndarray:
    """Samples of a frame by channel, shape (channels, n), in the type of the frame."""
    samples = frame.to_ndarray()
    return samples if frame.format.is_planar else samples.reshape(-1, frame.layout.nb_channels).T


def scaled(samples: np.ndarray) -> np.ndarray:
    """Samples of any type as float32 from -1 to 1."""
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    if samples.dtype == np.uint8:
        return samples.astype(np.float32) / 128 - 1
    return samples.astype(np.float32) / -float(np.iinfo(samples.dtype).min)


class Mixer:
    """Selects the subject's channel, or mixes channels without names; measures their levels.

    Parameters
    ----------
    path
        Names the file in errors.
    channel
        Number of the channel, from 1; ``None`` for all.

    Attributes
    ----------
    power
        Mean square of each channel of the last layout, 1 at full scale, shape (channels,).
    """

    def __init__(self, path: Path | str, channel: int | None = None) -> None:
        self._path, self._channel = path, channel
        self._waiting: list[np.ndarray] = []
        self._layout: av.AudioLayout | None = None
        self._squares = np.zeros(0)
        self._mixed = 0.0
        self._samples = 0

    def mix(self, frame: av.AudioFrame) -> av.AudioFrame:
        """The frame for the resampler, without a time stamp.

        Raises
        ------
        InputError
            If the frame has no such channel.
        """
        samples = channels_of(frame)
        if self._channel is not None and not 1 <= self._channel <= len(samples):
            raise InputError(
                f"{self._path}: found channel {self._channel} (column 'channel'); expected a "
                f"number from 1 to {len(samples)}"
            )
        self._watch(frame, samples)
        if self._channel is not None:
            mono = samples[self._channel - 1]
        elif len(samples) > 2 and re.fullmatch(r"\d+ channels", frame.layout.name):
            mono = scaled(samples).mean(axis=0)
        else:
            frame.pts = None
            return frame
        name = {"u1": "u8p", "i2": "s16p", "i4": "s32p", "i8": "s64p", "f4": "fltp", "f8": "dblp"}
        form = name[mono.dtype.str[1:]]
        single = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(mono[None]), format=form, layout="mono"
        )
        single.sample_rate = frame.sample_rate
        return single

    def _watch(self, frame: av.AudioFrame, samples: np.ndarray) -> None:
        if self._layout is None or frame.layout.name != self._layout.name:
            # Levels of different layouts cannot be compared; the last one is used.
            self._layout = frame.layout
            self._waiting, self._samples, self._mixed = [], 0, 0.0
            self._squares = np.zeros(len(samples))
        self._waiting.append(samples)
        if len(self._waiting) == LEVELS_AT_ONCE:
            self._add_up()

    def _add_up(self) -> None:
        if self._waiting:
            signal = scaled(np.concatenate(self._waiting, axis=1))
            self._waiting = []
            self._samples += signal.shape[1]
            self._squares += np.einsum("cn,cn->c", signal, signal, dtype=np.float64)
            mean = signal.mean(axis=0)
            self._mixed += float(np.dot(mean, mean))

    @property
    def power(self) -> np.ndarray:
        """Mean square of each channel; see the class."""
        self._add_up()
        return self._squares / max(self._samples, 1)

    def notes(self) -> list[str]:
        """Notes on unusual channels."""
        power = self.power
        count = len(power)
        if self._layout is None or not count:
            return []
        if self._channel is not None:
            power = power[[self._channel - 1]]
            dead = power == 0
            return [f"channel {self._channel} of {count} is digital silence"] if dead else []
        if not power.any():
            return ["the whole sound is digital silence"]
        dead = power <= WEAK * power.max()
        notes = []
        if dead.any():
            numbers = ", ".join(str(k + 1) for k in np.flatnonzero(dead))
            notes.append(
                f"silent channels (of {count}): {numbers}; they weaken the mix (column 'channel' "
                "selects a single one)"
            )
        alive = power[~dead]
        if len(alive) > 1:
            expected = alive.sum() / count**2
            if self._mixed / self._samples < CANCELLED * expected:
                notes.append(
                    f"the {count} channels have opposite phases and cancel each other in the mix "
                    "(column 'channel' selects a single one)"
                )
        names = [channel.name for channel in self._layout.channels]
        left_out = [k for k, name in enumerate(names) if name.startswith("LFE") and not dead[k]]
        if left_out and count > 1:
            notes.append(
                f"channel {left_out[0] + 1} of {count} is a subwoofer in the file's layout "
                f"({self._layout.name}) and not part of the mix"
            )
        return notes


class _Silence:
    """Measures digital silence."""

    def __init__(self) -> None:
        self._run = self._total = 0

    def watch(self, block: np.ndarray) -> np.ndarray:
        loud = np.flatnonzero(block)
        if len(loud):
            self._end_run(self._run + int(loud[0]))
            self._run = len(block) - 1 - int(loud[-1])
        else:
            self._run += len(block)
        return block

    def _end_run(self, length: int) -> None:
        if length >= SILENCE * AUDIO_RATE:
            self._total += length

    def notes(self, seconds: float) -> list[str]:
        self._end_run(self._run)
        self._run = 0
        silent = self._total / AUDIO_RATE
        return [f"digital silence for {silent:.1f} of {seconds:.1f} s"] if silent else []
