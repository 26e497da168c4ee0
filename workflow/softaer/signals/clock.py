"""The clock of a recording: the times of its packets, across streams, parts and files.

Time zero is the earliest start of the recording's files and is common to all streams. Time stamps
that restart, because a camera or ``cat`` has joined parts, are continued: a part begins when the
previous part has ended in all streams, and streams keep their offsets within a part.
"""

import mmap
import os
import re
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import overload

import av

from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.core.listing import first_few
from softaer.signals.media import (
    DEFAULT_LIMITS,
    Account,
    audio_streams,
    formats_of,
    open_media,
    pass_on,
    tick_of,
    video_streams,
)

STREAMED = frozenset({"mpeg", "mpegts"})
"""Formats whose clock starts at an arbitrary time."""

ONE_CLOCK = 60.0
"""Two such files share a clock if their starts differ by at most this [s]."""

STEP_BACK = 0.06
"""A decoding time that goes back by more than this starts a new part [s]."""

STEP_BACK_SHOWN = 1.0
"""The same for packets with only a presentation time, which video reorders [s]."""


UNRELATED = frozenset({"mp3", "mpeg", "mpegts"})
"""FFmpeg's names of formats whose start says nothing about other files: the clock of a transport or
program stream starts anywhere, that of MP3 counts the encoder's delay."""

DECODING_TIMES = frozenset({"asf", "avi", "gxf"})
"""Containers that store one time per frame, in decoding order. FFmpeg invents the presentation
times; the first frame shown has the first time, and so on."""

UNTIDY = 0.05
"""Maximum share of damaged packets; beyond it, the file is refused."""

SHORTFALL = 0.03
"""Share of the stated length that may be missing without a note."""

TAIL = 10.0
"""Time before the end of a file that is read if the header lacks the ends of the streams [s]."""

ONE_HEADER = frozenset(
    {"aiff", "asf", "avi", "caf", "flv", "gxf", "matroska", "mov", "mxf", "w64", "wav"}
)
"""Containers that begin with a header that lists the content of the file."""

LONGEST_INDEX = 64 * 2**20
"""Maximum size of the index and header between the packets of two joined files [byte]."""

LEAST_SHORTFALL = 0.25
"""Time that may always be missing [s]: encoder delays, the last frames."""


def stated_start(container: av.container.InputContainer) -> float:
    """Start of a file on a clock shared by files [s]; 0 if its clock is unrelated to others."""
    if UNRELATED & formats_of(container):
        return 0.0
    return own_start(container)


def share_a_clock(one: av.container.InputContainer, other: av.container.InputContainer) -> bool:
    """Whether two open files are transport or program streams that were cut from one.

    Their clocks start at arbitrary times, so starts that are close together are not a coincidence.
    """
    streams = STREAMED & formats_of(one) and STREAMED & formats_of(other)
    return bool(streams) and abs(own_start(one) - own_start(other)) < ONE_CLOCK


def own_start(container: av.container.InputContainer) -> float:
    """Start of a file on its own clock [s]."""
    return (container.start_time or 0) / av.time_base


def origin(
    container: av.container.InputContainer,
    beside: Path | str | None = None,
    limits: Media = DEFAULT_LIMITS,
    account: Account | None = None,
) -> float:
    """Time zero of the recording on the clock of an open file [s].

    Parameters
    ----------
    container
        The open file.
    beside
        The recording's other file, if sound and video are in two files.
    limits
        Limits for that file.
    account
        Gets a note if the other file cannot be opened. Its start is then unknown, and the start of
        this file is used.
    """
    if beside is None:
        return own_start(container)
    try:
        with open_media(beside, limits) as other:
            if share_a_clock(container, other):
                return min(own_start(container), own_start(other))
            zero = min(stated_start(container), stated_start(other))
    except InputError as error:
        if account is not None:
            account.notes.append(f"the offset to the other file is unknown: {error}")
        return own_start(container)
    return own_start(container) - stated_start(container) + zero


def stated_length(container: av.container.InputContainer, stream: av.stream.Stream) -> float | None:
    """Length of a stream, or of the file, according to the header [s]; ``None`` if unknown.

    Transport and program streams have no common header; FFmpeg's values are guesses.
    """
    if STREAMED & formats_of(container):
        return None
    if stream.duration and stream.duration > 0:
        return float(stream.duration * tick_of(stream))
    # Matroska: when the last packet of the stream ends, on the clock of the file.
    end = re.fullmatch(r"(\d+):(\d+):([\d.]+)", stream.metadata.get("DURATION", ""))
    if end is not None:
        hours, minutes, seconds = map(float, end.groups())
        start = float((stream.start_time or 0) * tick_of(stream))
        return max(3600 * hours + 60 * minutes + seconds - start, 0.0)
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    return None


def ends_of(container: av.container.InputContainer) -> tuple[dict[int, float], list[float]]:
    """End times of the streams of an open file, on its clock [s], by index; and the file's seams.

    If the header does not state them all, packets are read: those of the last seconds, or all
    packets if parts may have been joined.
    """
    if may_be_joined(container):
        return _last_packets(container)
    streams = _watched(container)
    ends = {}
    for stream in streams:
        if stream.duration and stream.duration > 0:
            start = stream.start_time or 0
            ends[stream.index] = float((start + stream.duration) * tick_of(stream))
    if len(ends) == len(streams):
        return ends, []
    if container.duration:
        tail = own_start(container) + container.duration / av.time_base - TAIL
        if tail > 0:
            with suppress(av.error.FFmpegError):
                container.seek(int(tail * av.time_base))
    ends, seams = _last_packets(container)
    if len(ends) < len(streams):
        with suppress(av.error.FFmpegError):  # a raw stream has no times to look for
            container.seek(0)
            ends, seams = _last_packets(container)
    return ends, seams


def _last_packets(
    container: av.container.InputContainer,
) -> tuple[dict[int, float], list[float]]:
    ends: dict[int, float] = {}
    continuation = Continuation()
    for packet in _packets(container, continuation):
        if packet.pts is not None:
            end = float(packet.pts * packet.time_base) + _duration(packet)
            ends[packet.stream.index] = max(ends.get(packet.stream.index, end), end)
    return ends, continuation.seams


@dataclass
class _Part:
    """A part of a file with continuous time stamps.

    Attributes
    ----------
    shift
        Seconds from the file's clock to the recording's.
    front
        Latest time of the file's clock in any stream [s].
    """

    shift: float
    front: float


class Continuation:
    """Shifts packets whose time stamps restart to the end of the previous part.

    Attributes
    ----------
    seams
        Where parts begin, on the continued clock [s].
    """

    def __init__(self) -> None:
        self.seams: list[float] = []
        self._parts = [_Part(0.0, float("-inf"))]
        self._part_of: dict[int, int] = {}
        self._last: dict[tuple[int, bool], float] = {}
        self._reordering: dict[int, float] = {}
        self._end = float("-inf")

    def packets(self, packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
        """The packets in their order, with continuous time stamps."""
        waiting: list[av.Packet] = []
        packets = iter(packets)
        while True:
            packet = waiting.pop(0) if waiting else next(packets, None)
            if packet is None:
                return
            time, index = _time(packet), packet.stream.index
            if time is None:
                yield packet
                continue
            if self._steps_back(packet, time):
                # A single wrong time stamp is not a seam; the next packet of the stream decides.
                after = _next_time(index, packets, waiting)
                if after is None or after > self._latest(packet):
                    time = self._latest(packet) + _duration(packet)
                    packet.dts = packet.pts = round(time / packet.time_base)
            self._place(packet, time)
            yield packet

    def _steps_back(self, packet: av.Packet, time: float) -> bool:
        tolerance = STEP_BACK_SHOWN if _is_shown(packet) else STEP_BACK
        own = self._last.get(_key(packet), float("-inf"))
        return time < own - tolerance or time < self._latest(packet) - STEP_BACK_SHOWN

    def _latest(self, packet: av.Packet) -> float:
        """Latest decoding or presentation time of a packet's stream in its part [s]."""
        index = packet.stream.index
        return max(self._last.get((index, shown), float("-inf")) for shown in (False, True))

    def _place(self, packet: av.Packet, time: float) -> None:
        index = packet.stream.index
        shown = time if packet.pts is None else float(packet.pts * packet.time_base)
        if shown < time - STEP_BACK:
            # At a seam a demuxer may give a part's last packet the time of the next part's first.
            shown = time + self._reordering.get(index, 0.0)
            packet.pts = round(shown / packet.time_base)
        self._reordering[index] = shown - time
        # A stream that is missing in the first part begins with the current part of the others.
        own = self._part_of.setdefault(index, len(self._parts) - 1)
        later = range(own + 1, len(self._parts))
        nearest = min(later, key=lambda p: abs(time - self._parts[p].front), default=None)
        if self._steps_back(packet, time):
            if nearest is None:
                nearest = len(self._parts)
                self._parts.append(_Part(self._end - shown, time))
                self.seams.append(self._end)
            own = nearest
        elif nearest is not None:
            # A stream that paused moves on to a part that another stream has begun.
            ahead = time - self._last.get(_key(packet), time)
            if abs(time - self._parts[nearest].front) + STEP_BACK_SHOWN < ahead:
                own = nearest
        if own != self._part_of[index]:
            for shown_clock in (False, True):
                self._last.pop((index, shown_clock), None)
        self._part_of[index], self._last[_key(packet)] = own, time
        part = self._parts[own]
        part.front = max(part.front, time)
        ticks = round(part.shift / packet.time_base) if part.shift else 0
        if ticks:
            packet.dts = None if packet.dts is None else packet.dts + ticks
            packet.pts = None if packet.pts is None else packet.pts + ticks
        self._end = max(self._end, shown + part.shift + _duration(packet))


def _time(packet: av.Packet) -> float | None:
    ticks = packet.pts if packet.dts is None else packet.dts
    return None if ticks is None else float(ticks * packet.time_base)


def _key(packet: av.Packet) -> tuple[int, bool]:
    # If some packets have no decoding time, the two clocks differ by the reordering of frames.
    return packet.stream.index, _is_shown(packet)


def _is_shown(packet: av.Packet) -> bool:
    """Whether the time of a packet may be a presentation time, which is not monotonic.

    Matroska has no decoding times. Where parts were joined, FFmpeg takes those of presentation.
    """
    reordered = getattr(packet.stream.codec_context, "has_b_frames", False)
    return packet.dts is None or (bool(reordered) and packet.dts == packet.pts)


def _duration(packet: av.Packet) -> float:
    if packet.duration:
        return float(packet.duration * packet.time_base)
    rate = getattr(packet.stream, "average_rate", None)
    return float(1 / rate) if rate else 0.0


def _next_time(index: int, packets: Iterator[av.Packet], waiting: list[av.Packet]) -> float | None:
    """The next time of a packet in a stream; packets read on the way are kept in ``waiting``."""
    for packet in waiting:
        if packet.stream.index == index and (time := _time(packet)) is not None:
            return time
    for packet in packets:
        waiting.append(packet)
        if packet.stream.index == index and (time := _time(packet)) is not None:
            return time
    return None


def cut_off(path: Path | str) -> str | None:
    """The size stated by a RIFF file (WAV, AVI), if the file is shorter than that; else ``None``.

    FFmpeg silently uses the actual size of such a file.
    """
    with open(path, "rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or len(head) < 12:
        return None
    stated, size = int.from_bytes(head[4:8], "little") + 8, os.path.getsize(path)
    # Recorders write 0 or all ones first, and may never fill in the size.
    unknown = stated <= 12 or stated >= 2**32 - 1
    if unknown or size >= (1 - SHORTFALL) * stated:
        return None
    return f"the file was cut off: it has {size} of the {stated} bytes that its header states"


def refuse_unread_parts(path: Path | str, end: int) -> None:
    """Refuse a file if another file of its kind begins after its last packet.

    Some containers have all times in a header. If such files were joined, FFmpeg reads only the
    first one.

    Parameters
    ----------
    path
        Media file.
    end
        End of its last packet [byte].

    Raises
    ------
    InputError
        States how much of the file was not read.
    """
    size = os.path.getsize(path)
    if size - end <= SHORTFALL * size:
        return
    with (
        open(path, "rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        # In MP4 the first four bytes are a length, and a name common to all such files follows. In
        # RIFF the kind of file follows after eight bytes.
        mov, riff = content[4:8] == b"ftyp", content[:4] == b"RIFF"
        beginning = content[4:8] if mov else content[:4]
        found = content.find(beginning, end, end + LONGEST_INDEX)
        again = found >= 0 and (mov or beginning.strip(b"\0 ") not in (b"", b"\x08"))
        again &= not riff or content[found + 8 : found + 12] == content[8:12]
    if again:
        raise InputError(
            f"{path}: another file begins within it, and {100 * (size - end) / size:.0f} % of its "
            "bytes were not read; expected one recording, or parts joined by a tool that rewrites "
            "the header (ffmpeg's concat demuxer)"
        )


def require_kind(stream: av.stream.Stream, kind: str, path: Path | str) -> None:
    """Refuse a stream that changes its kind where parts were joined."""
    if stream.type != kind:
        raise InputError(
            f"{path}: the {kind} stream becomes a stream of {stream.type}; expected the same kind "
            "throughout"
        )


def _watched(container: av.container.InputContainer) -> list[av.stream.Stream]:
    return [*audio_streams(container), *video_streams(container)]


def _packets(
    container: av.container.InputContainer, continuation: Continuation
) -> Iterator[av.Packet]:
    # Packets of both kinds are read, so that seams are the same for all streams.
    packets = container.demux(_watched(container))
    # Edit lists repeat and omit frames; parts of such files cannot be joined in this way.
    return packets if "mov" in formats_of(container) else continuation.packets(packets)


@overload
def decoded(
    container: av.container.InputContainer,
    stream: av.AudioStream,
    zero: float,
    path: Path | str,
    account: Account,
) -> Iterator[av.AudioFrame]: ...
@overload
def decoded(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    zero: float,
    path: Path | str,
    account: Account,
) -> Iterator[av.VideoFrame]: ...
def decoded(
    container: av.container.InputContainer,
    stream: av.AudioStream | av.VideoStream,
    zero: float,
    path: Path | str,
    account: Account,
) -> Iterator[av.AudioFrame | av.VideoFrame]:
    """Frames of a stream, on a clock that continues through the parts of a file.

    A packet of size zero repeats the last frame. A damaged packet is dropped and counted.

    Parameters
    ----------
    container, stream
        The open file and its stream.
    zero
        Time zero of the recording on the file's clock [s], see :func:`origin`.
    path
        Names the file in errors.
    account
        Gets notes on seams and damage.

    Raises
    ------
    InputError
        If the file continues with another one that cannot be read, more than a few packets are
        damaged, or a stream changes its kind.
    """
    continuation = Continuation()
    in_decoding_order = stream.type == "video" and container.format.name in DECODING_TIMES
    stamps: deque[int] = deque()
    kind, reason = stream.type, None
    count = damaged = end = 0
    last: av.AudioFrame | av.VideoFrame | None = None
    for packet in _packets(container, continuation):
        end = max(end, (packet.pos or 0) + packet.size)
        require_kind(stream, kind, path)
        if packet.stream.index != stream.index:
            continue
        count += packet.size > 0
        if packet.size == 0 and _time(packet) is not None:
            if isinstance(last, av.VideoFrame):
                last.pts = packet.dts if in_decoding_order or packet.pts is None else packet.pts
                last.time_base = packet.time_base
                yield last
            continue
        if in_decoding_order and packet.dts is not None:
            stamps.append(packet.dts)
        try:
            frames = stream.decode(packet)
        except av.error.FFmpegError as error:
            pass_on(error)
            damaged += 1
            if stamps:
                stamps.pop()
            reason = error.strerror
            continue
        for frame in frames:
            last = frame
            if stamps:
                frame.pts, frame.time_base = stamps.popleft(), packet.time_base or frame.time_base
            yield frame
    if end and ONE_HEADER & formats_of(container):
        refuse_unread_parts(path, end)
    if short := cut_off(path):
        account.notes.append(short)
    if damaged > 2 + UNTIDY * count or (damaged and last is None):
        raise InputError(
            f"{path}: cannot be decoded: {damaged} of {count} packets are damaged ({reason})"
        )
    if continuation.seams:
        account.promised = None  # the header describes only one part
        places = first_few(f"{seam - zero:.1f} s" for seam in continuation.seams)
        account.notes.append(
            f"time stamps restart at {places}, where parts were joined, and are continued"
        )
    if damaged:
        account.dropped += damaged
        account.notes.append(f"{damaged} of {count} packets are damaged and were dropped")


def may_be_joined(container: av.container.InputContainer) -> bool:
    """Whether time stamps may restart in the container of an open file."""
    # PyAV's stub takes the value of a flag for the flag.
    flag: int = av.format.Flags.ts_discont.value  # type: ignore[assignment]
    return bool(container.format.flags & flag)


def is_joined(container: av.container.InputContainer) -> bool:
    """Whether time stamps of a file restart; reads all of its packets."""
    continuation = Continuation()
    return any(continuation.seams for _ in _packets(container, continuation))


def compare_with_promise(account: Account, what: str) -> None:
    """Note if less, or much more, was decoded than the file states."""
    if account.promised is None:
        return
    missing = account.promised - account.decoded
    if abs(missing) > max(SHORTFALL * account.promised, LEAST_SHORTFALL):
        account.notes.append(
            f"{account.decoded:.2f} s of {what} were decoded; the file's header states "
            f"{account.promised:.2f} s"
        )
