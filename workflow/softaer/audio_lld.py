"""Low-level descriptors of the voice, every 10 ms, computed by openSMILE: the 65 of ComParE, or
those of GeMAPS.

The Interspeech 2013 ComParE set (Schuller et al., 2013; Weninger et al., 2013) takes F0, voicing
and zero crossings from frames of 60 ms, jitter, shimmer and HNR from the periods at the start of
such a frame, and the rest from frames of 20 ms. The Geneva sets (Eyben et al., 2016) take F0, HNR
and the harmonics from frames of 60 ms, jitter and shimmer from periods, and the rest, formants
included, from frames of 20 ms. openSMILE runs with its own configuration of these descriptors.
Functionals over the whole recording are left out, and its buffers are rings, so that sound is
streamed and memory does not grow. The values are identical, bit for bit, to those of
``opensmile.Smile.process_signal``.

Length of the rings: A row is complete when its pitch is, and the pitch is late. openSMILE
smooths it by a Viterbi search that decides on a frame once all paths agree, at the latest when 30
frames have been read (``bufferLength`` of ``cPitchSmootherViterbi``; 40 in GeMAPS). For most
voices they agree within a few frames; a steady pitch above about 470 Hz can take all 30. The moving
average that follows looks one frame ahead. So up to 31 frames of the other descriptors wait, 41 in
GeMAPS: in ComParE in the levels ``is13_lldA_smo`` and ``is13_lldB_smo``, whose size is
``bufferModeConf``, in GeMAPS in the levels before the moving average, whose size is
``bufferModeRbLagConf``. A full ring stops the component that writes to it, and in turn the 60 ms
frames that the pitch needs. If the rings are too short, openSMILE hangs; if the sound ends in this
state, openSMILE decides on the pitch too early and returns other values. So these levels have the
ring that openSMILE itself uses for data joined with a smoothed pitch: 150 frames, at least three
times what is needed. No level of ``bufferModeRbConf`` has to hold more than a moving average;
openSMILE's 5 frames are enough there.

Jitter is measured in the waveform when the pitch is available: up to 0.5 s back, in a ring of 10 s.
That ring must never be full. Jitter may start again from the sample where its last reading started,
which a full ring no longer protects. If that sample is overwritten, openSMILE silently drops the
frame's jitter, shimmer and HNR and moves all later ones up by one row.
"""

import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import opensmile
import pandas as pd
from opensmile.core.lib import OpenSMILE, OpenSmileException

from softaer.core import cli
from softaer.core.experiment import Descriptors, Media
from softaer.core.schema import audio_lld as lld_schema
from softaer.signals.extraction import add_extraction, asked, extract
from softaer.signals.media import Account, Choice
from softaer.signals.sound import AUDIO_RATE, audio_blocks


class FeatureSet(NamedTuple):
    """A set of descriptors as openSMILE defines it."""

    files: tuple[str, ...]
    """Its configuration of the descriptors, in the order in which the files are read."""

    levels: tuple[str, ...]
    """The levels that are joined to the rows."""

    centre: float
    """Time of a row, counted from the start of its frames [s]: the centre of the longest frame."""


COMPARE = ("is13_lld_nzsmo", "is13_lldA_smo", "is13_lldB_smo")
GEMAPS = "gemaps/v01b/GeMAPSv01b_core.lld.conf.inc"

FEATURE_SETS = {
    "IS13_ComParE": FeatureSet(("is09-13/IS13_ComParE_core.lld.conf.inc",), COMPARE, 0.030),
    "ComParE_2016": FeatureSet(("compare/ComParE_2016_core.lld.conf.inc",), COMPARE, 0.030),
    "GeMAPSv01b": FeatureSet(
        (GEMAPS,), ("gemapsv01b_lldsetE_smo", "gemapsv01b_lldsetF_smo"), 0.030
    ),
    "eGeMAPSv02": FeatureSet(
        (GEMAPS, "egemaps/v02/eGeMAPSv02_core.lld.conf.inc"),
        ("egemapsv02_lldsetE_smo", "egemapsv02_lldsetF_smo"),
        0.030,
    ),
}
"""Feature sets by name."""

HOP = 0.010
"""Time from one row to the next [s]."""

HOP_SAMPLES = round(HOP * AUDIO_RATE)
"""The same in samples."""

SOUND_RING = 10.0
"""Length of sound that fits into openSMILE's buffer [s]."""

SOUND_RESERVE = 1.0
"""Part of that buffer that stays free [s]. openSMILE still reads sound from less than 0.1 s before
the next row that it returns."""

WAITING_RINGS = "shared/BufferModeRbLag.conf.inc"
"""openSMILE's definition of rings for levels that wait for the smoothed pitch: ``bufferModeConf``
of ComParE and ``bufferModeRbLagConf`` of GeMAPS."""

ROWS_AT_ONCE = 6_000
"""Frames that are returned together: one minute."""

ROOM_PAUSE = 0.001
"""Pause before sound is offered again if the buffer is full [s]."""

END_PAUSE = 0.05
"""Pause between checks while waiting for openSMILE to finish [s]."""

PATIENCE = 60.0
"""Longest time in which openSMILE may neither accept sound nor return rows [s]."""

CONFIGURATION = r"""
[componentInstances:cComponentManager]
instance[dataMemory].type = cDataMemory
instance[source].type = cExternalAudioSource
instance[lldconcat].type = cVectorConcat
instance[sink].type = cExternalSink

[source:cExternalAudioSource]
writer.dmLevel = wave
writer.levelconf.growDyn = 0
writer.levelconf.isRb = 1
writer.levelconf.nT = {buffer}
sampleRate = {rate}
nBits = 16
channels = 1

{includes}

[lldconcat:cVectorConcat]
reader.dmLevel = {levels}
writer.dmLevel = lld
includeSingleElementFields = 1

[sink:cExternalSink]
reader.dmLevel = lld
blocksize = 1
"""
"""Sound in, descriptors out."""


class OpenSmileError(RuntimeError):
    """openSMILE has failed, hangs or has lost rows.

    This is not an :class:`~softaer.core.errors.InputError`: any sound has descriptors, so the cause
    is openSMILE, this stage or the machine, and the recording must not be skipped.
    """


def compute_lld(
    blocks: Iterable[np.ndarray],
    feature_set: str = Descriptors.feature_set,
    *,
    name: str = "",
    patience: float = PATIENCE,
) -> Iterator[pd.DataFrame]:
    """Low-level descriptors of a sound that arrives in blocks.

    Parameters
    ----------
    blocks
        int16 arrays of shape (n,), mono at 16 kHz.
    feature_set
        A key of :data:`FEATURE_SETS`.
    name
        Name of the sound, for errors.
    patience
        Longest time in which openSMILE may neither accept sound nor return rows [s]. The time spent
        waiting for blocks or for the caller does not count.

    Yields
    ------
    Tables of up to a minute: ``time`` (float64, s, the centre of the longest frame, 60 ms in all
    sets) and one float32 column per descriptor, in openSMILE's order and with its names; none if
    the sound is shorter than this frame.

    Raises
    ------
    OpenSmileError
        If openSMILE fails, hangs for longer than ``patience``, or does not return one row per frame
        of the sound.

    Examples
    --------
    >>> tone = (8000 * np.sin(np.arange(16000) * 2 * np.pi * 220 / 16000)).astype(np.int16)
    >>> lld = pd.concat(compute_lld([tone]))
    >>> lld.shape
    (96, 66)
    """
    chosen = FEATURE_SETS[feature_set]
    run = _Run(_open_smile(chosen), chosen.centre, name, patience)
    try:
        yield from _stream_through(run, blocks)
    finally:
        run.close()


def descriptor_names(feature_set: str = Descriptors.feature_set) -> list[str]:
    """Names of the descriptors of a feature set, from openSMILE."""
    smile = _open_smile(FEATURE_SETS[feature_set])
    try:
        return _names(smile)
    finally:
        smile.free()


def _open_smile(feature_set: FeatureSet) -> OpenSMILE:
    root = Path(opensmile.__file__).parent / "core" / "config"
    smile = OpenSMILE()
    with TemporaryDirectory() as folder:
        configuration = Path(folder) / "lld.conf"
        configuration.write_text(
            CONFIGURATION.format(
                buffer=round(SOUND_RING * AUDIO_RATE),
                rate=AUDIO_RATE,
                includes="\n".join(f"\\{{{root / file}}}" for file in feature_set.files),
                levels=";".join(feature_set.levels),
            )
        )
        smile.initialize(
            config_file=str(configuration),
            options={
                "bufferModeRbConf": str(root / "shared" / "BufferModeRb.conf.inc"),
                "bufferModeConf": str(root / WAITING_RINGS),
                "bufferModeRbLagConf": str(root / WAITING_RINGS),
            },
            loglevel=1,
            log_file=None,
            debug=False,
        )
    return smile


def _names(smile: OpenSMILE) -> list[str]:
    count = smile.external_sink_get_num_elements("sink")
    return [smile.external_sink_get_element_name("sink", i) for i in range(count)]


class _Run:
    """openSMILE in its own thread; every wait for it has a time limit."""

    def __init__(self, smile: OpenSMILE, centre: float, name: str, patience: float) -> None:
        self.smile, self.centre, self.name, self.patience = smile, centre, name, patience
        self.names = _names(smile)
        self.waiting: deque[np.ndarray] = deque()
        self.rows = 0
        self.samples = 0
        self.failure: Exception | None = None
        smile.external_sink_set_callback_ex("sink", self._receive)
        self.worker = threading.Thread(target=self._work, daemon=True)
        self.worker.start()

    def _receive(self, values: np.ndarray, _: object) -> None:
        self.waiting.append(values[0].copy())
        self.rows += 1

    def _work(self) -> None:
        try:
            self.smile.run()
        except OpenSmileException as error:
            self.failure = error

    def write(self, samples: np.ndarray) -> None:
        """Pass on sound, at most one second."""
        if not self._comes_true(lambda: self._offer(samples), ROOM_PAUSE):
            raise self._standstill()

    def _offer(self, samples: np.ndarray) -> bool:
        held = self.samples + len(samples) - self.rows * HOP_SAMPLES
        if held <= (SOUND_RING - SOUND_RESERVE) * AUDIO_RATE and (
            self.smile.external_audio_source_write_data("source", samples.tobytes())
        ):
            self.samples += len(samples)
            return True
        if not self.worker.is_alive():
            raise self._error(f"has stopped early ({self.failure})")
        return False

    def finish(self) -> None:
        """Let openSMILE process the remaining sound, and check that no row is missing."""
        self.smile.external_audio_source_set_eoi("source")
        if not self._comes_true(self._has_ended, END_PAUSE):
            raise self._standstill()
        if self.failure:
            raise self._error(f"has failed ({self.failure})")
        # At the end, the moving average adds one row to the number of frames.
        beyond = self.samples - round(2 * self.centre * AUDIO_RATE)  # the first frame
        expected = beyond // HOP_SAMPLES + 2 if beyond >= 0 else 0
        if self.rows != expected:
            raise self._error(f"has given {self.rows} rows instead of {expected}")

    def close(self) -> None:
        """Stop openSMILE, also after an error, and free it.

        If it cannot be stopped, it is not freed, because freeing it while it runs would crash. Its
        thread does not prevent the process from ending.
        """
        self.smile.external_audio_source_set_eoi("source")
        if not self._comes_true(self._has_ended, END_PAUSE):
            with suppress(OpenSmileException):
                self.smile.abort()
            self._comes_true(self._has_ended, END_PAUSE)
        if self._has_ended():
            self.smile.free()

    def _has_ended(self) -> bool:
        return not self.worker.is_alive()

    def _comes_true(self, condition: Callable[[], bool], pause: float) -> bool:
        """Wait; false if ``patience`` has passed without a new row.

        Pauses are counted instead of clock time, so that a process that was stopped, or gets no
        processor time, does not count as hanging.
        """
        waited, rows = 0.0, self.rows
        while not condition():
            if self.rows != rows:
                waited, rows = 0.0, self.rows
            if waited >= self.patience:
                return False
            self.worker.join(pause)
            waited += pause
        return True

    def _standstill(self) -> OpenSmileError:
        return self._error(
            f"has neither taken sound nor given rows for {self.patience:g} s",
            "; if it does so again, leave the recording out and report it",
        )

    def _error(self, what: str, advice: str = "") -> OpenSmileError:
        return OpenSmileError(
            f"{self.name}{': ' if self.name else ''}openSMILE {what}, "
            f"at {self.rows * HOP:.2f} s of sound{advice}"
        )


def _stream_through(run: _Run, blocks: Iterable[np.ndarray]) -> Iterator[pd.DataFrame]:
    """Feed openSMILE from this thread while it runs in another; return rows as they arrive.

    All tables except the last have :data:`ROWS_AT_ONCE` rows, however the threads are scheduled, so
    that the resulting file is always the same.
    """
    frames = itertools.count()

    def take(rows: int) -> pd.DataFrame:
        values = np.array([run.waiting.popleft() for _ in range(rows)], dtype=np.float32)
        table = pd.DataFrame(values, columns=run.names)
        # Counted, because openSMILE repeats a time stamp when it flushes its last frame.
        count = np.array(list(itertools.islice(frames, rows)))
        table.insert(0, "time", run.centre + HOP * count)
        return table

    for block in blocks:
        for start in range(0, len(block), AUDIO_RATE):
            run.write(block[start : start + AUDIO_RATE])
        while len(run.waiting) >= ROWS_AT_ONCE:
            yield take(ROWS_AT_ONCE)
    run.finish()
    while run.waiting:
        yield take(min(len(run.waiting), ROWS_AT_ONCE))


def main() -> None:
    arguments = cli.parser(__doc__)
    add_extraction(arguments, "media file with sound")
    cli.add_settings(arguments, Descriptors)
    options = arguments.parse_args()
    feature_set = cli.settings(options, Descriptors).feature_set

    def read(path: str, limits: Media, choice: Choice, account: Account) -> Iterator[pd.DataFrame]:
        blocks = audio_blocks(
            path,
            limits,
            stream=choice.stream,
            channel=choice.channel,
            beside=choice.beside,
            account=account,
        )
        return compute_lld(
            blocks,
            feature_set,
            name=f"recording {choice.recording!r}: {path}",
            patience=PATIENCE,
        )

    extract(asked(options), read, lld_schema(descriptor_names(feature_set)))


if __name__ == "__main__":
    cli.run(main)
