"""Low-level descriptors of the voice: the 65 of ComParE, every 10 ms, computed by openSMILE.

The Interspeech 2013 ComParE set (Schuller et al., 2013; Weninger et al., 2013) takes energy,
spectrum, cepstrum and voicing from frames of 60 ms (F0 and voice quality) and 20 ms (the rest).
openSMILE runs with its own configuration of these descriptors; functionals over the whole
recording are left out and its buffers are rings, so that sound streams through and memory stays
flat. The values are those of ``opensmile.Smile.process_signal``, bit for bit.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import opensmile
import pandas as pd
from opensmile.core.lib import OpenSMILE, OpenSmileException

from softaer import cli
from softaer.extraction import add_extraction, extract
from softaer.media import Account, Choice, Limits
from softaer.schema import audio_lld as lld_schema
from softaer.sound import AUDIO_RATE, audio_blocks

FEATURE_SETS = {
    "IS13_ComParE": "is09-13/IS13_ComParE_core.lld.conf.inc",
    "ComParE_2016": "compare/ComParE_2016_core.lld.conf.inc",
}
"""Feature sets by name, with openSMILE's own definition of their descriptors."""

HOP = 0.010
"""Time from one frame to the next [s]."""

FRAME_CENTRE = 0.030
"""Centre of openSMILE's 60 ms frame, counted from the frame's start [s]."""

ROWS_AT_ONCE = 6_000
"""Frames that are handed out together: one minute."""

BUFFER_FULL_WAIT = 0.001
"""Pause before sound is offered again to a full buffer [s]."""

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

\{{{descriptors}}}

[lldconcat:cVectorConcat]
reader.dmLevel = is13_lld_nzsmo;is13_lldA_smo;is13_lldB_smo
writer.dmLevel = lld
includeSingleElementFields = 1

[sink:cExternalSink]
reader.dmLevel = lld
blocksize = 1
"""
"""Sound in, descriptors out; the levels joined are those that both feature sets define."""


def compute_lld(
    blocks: Iterable[np.ndarray], feature_set: str = "IS13_ComParE"
) -> Iterator[pd.DataFrame]:
    """Low-level descriptors of a sound that arrives in blocks.

    Parameters
    ----------
    blocks
        int16 arrays of shape (n,), mono at 16 kHz.
    feature_set
        A key of :data:`FEATURE_SETS`.

    Yields
    ------
    Tables of up to a minute: ``time`` (float64, s, the centre of the 60 ms frame) and one float32
    column per descriptor, in openSMILE's order and under its names; none if the sound is shorter
    than a frame.

    Examples
    --------
    >>> tone = (8000 * np.sin(np.arange(16000) * 2 * np.pi * 220 / 16000)).astype(np.int16)
    >>> lld = pd.concat(compute_lld([tone]))
    >>> lld.shape
    (96, 66)
    """
    with _open_smile(feature_set) as smile:
        yield from _stream_through(smile, blocks)


def descriptor_names(feature_set: str = "IS13_ComParE") -> list[str]:
    """Names of the descriptors of a feature set, as openSMILE gives them."""
    with _open_smile(feature_set) as smile:
        return _names(smile)


@contextmanager
def _open_smile(feature_set: str) -> Iterator[OpenSMILE]:
    root = Path(opensmile.__file__).parent / "core" / "config"
    rings = str(root / "shared" / "BufferModeRb.conf.inc")
    smile = OpenSMILE()
    with TemporaryDirectory() as folder:
        configuration = Path(folder) / "lld.conf"
        configuration.write_text(
            CONFIGURATION.format(
                buffer=10 * AUDIO_RATE,
                rate=AUDIO_RATE,
                descriptors=root / FEATURE_SETS[feature_set],
            )
        )
        smile.initialize(
            config_file=str(configuration),
            options={"bufferModeRbConf": rings, "bufferModeConf": rings},
            loglevel=1,
            log_file=None,
            debug=False,
        )
    try:
        yield smile
    finally:
        smile.free()


def _names(smile: OpenSMILE) -> list[str]:
    count = smile.external_sink_get_num_elements("sink")
    return [smile.external_sink_get_element_name("sink", i) for i in range(count)]


def _stream_through(smile: OpenSMILE, blocks: Iterable[np.ndarray]) -> Iterator[pd.DataFrame]:
    """Feed openSMILE from this thread while it runs in another; hand out rows as they come.

    All tables but the last have :data:`ROWS_AT_ONCE` rows, however the threads are scheduled, so
    that the file written from them is the same every time.
    """
    names = _names(smile)
    received: deque[np.ndarray] = deque()
    frames = itertools.count()
    failures: list[OpenSmileException] = []

    def work() -> None:
        try:
            smile.run()
        except OpenSmileException as error:
            failures.append(error)

    def take(rows: int) -> pd.DataFrame:
        values = np.array([received.popleft() for _ in range(rows)], dtype=np.float32)
        table = pd.DataFrame(values, columns=names)
        # Counted, since openSMILE repeats a time stamp when it flushes its last frame.
        count = np.array(list(itertools.islice(frames, rows)))
        table.insert(0, "time", FRAME_CENTRE + HOP * count)
        return table

    smile.external_sink_set_callback_ex("sink", lambda values, _: received.append(values[0].copy()))
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        for block in blocks:
            for start in range(0, len(block), AUDIO_RATE):
                data = block[start : start + AUDIO_RATE].tobytes()
                while not smile.external_audio_source_write_data("source", data):
                    if not worker.is_alive():
                        raise RuntimeError(f"openSMILE stopped early: {failures}")
                    time.sleep(BUFFER_FULL_WAIT)
            while len(received) >= ROWS_AT_ONCE:
                yield take(ROWS_AT_ONCE)
    finally:
        # Also after an error in the sound: openSMILE must come to its end before it is freed.
        smile.external_audio_source_set_eoi("source")
        worker.join()
    if failures:
        raise failures[0]
    while received:
        yield take(min(len(received), ROWS_AT_ONCE))


def main() -> None:
    arguments = cli.parser(__doc__)
    add_extraction(arguments, "media file with sound")
    arguments.add_argument("--feature-set", choices=FEATURE_SETS, default="IS13_ComParE")
    options = arguments.parse_args()

    def read(path: str, limits: Limits, choice: Choice, account: Account) -> Iterator[pd.DataFrame]:
        blocks = audio_blocks(
            path,
            limits,
            stream=choice.stream,
            channel=choice.channel,
            beside=choice.beside,
            account=account,
        )
        return compute_lld(blocks, options.feature_set)

    extract(options, read, lld_schema(descriptor_names(options.feature_set)))


if __name__ == "__main__":
    cli.run(main)
