"""Extraction against the bare libraries, on the same files, side by side in one run.

    python tests/benchmarks/extraction.py FILE... [--repeat 5]
    python tests/benchmarks/extraction.py FILE --memory --minutes 30

The first form times ``audio_lld`` and ``landmarks`` from file to Parquet against the shortest
loop over PyAV and openSMILE or FaceMesh that a user would write, which keeps its results in
memory. The two take turns, so that a ratio (bare time / stage time; 1 means no overhead) survives
a machine that changes its speed. The second form loops a file to the given length and prints the
memory of both commands as they go through it, and the processor time beside the time that has
passed: a command that takes more than one has more threads than its rule asks for (Linux).
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import numpy as np
import opensmile
from mediapipe.python.solutions.face_mesh import FaceMesh
from side_by_side import Setting, compare, markdown

from softaer.audio_lld import compute_lld, descriptor_names
from softaer.core import tables
from softaer.core.experiment import Media
from softaer.core.schema import audio_lld as lld_schema
from softaer.core.schema import face_mesh as mesh_schema
from softaer.core.schema import landmarks as landmarks_schema
from softaer.landmarks import track
from softaer.signals.extraction import Extraction, extract
from softaer.signals.face_geometry import MESH
from softaer.signals.markup import columns
from softaer.signals.media import Choice
from softaer.signals.pictures import video_frames
from softaer.signals.sound import AUDIO_RATE, audio_blocks

SETS = {
    "IS13_ComParE": opensmile.FeatureSet.IS13,
    "GeMAPSv01b": opensmile.FeatureSet.GeMAPSv01b,
    "eGeMAPSv02": opensmile.FeatureSet.eGeMAPSv02,
}
"""Sets of descriptors that are timed."""


def bare_lld(path: Path, feature_set: str) -> None:
    """Decode, resample, and hand the whole sound to ``opensmile.Smile``."""
    smile = opensmile.Smile(SETS[feature_set], opensmile.FeatureLevel.LowLevelDescriptors)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=AUDIO_RATE)
    blocks = []
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            blocks += [block.to_ndarray()[0] for block in resampler.resample(frame)]
        blocks += [block.to_ndarray()[0] for block in resampler.resample(None)]
    signal = np.concatenate(blocks).astype(np.float32) / 32768
    smile.process_signal(signal, AUDIO_RATE)


def bare_landmarks(path: Path) -> None:
    """Decode, and hand each picture to FaceMesh."""
    points = []
    with FaceMesh(refine_landmarks=True) as mesh, av.open(str(path)) as container:
        for frame in container.decode(video=0):
            faces = mesh.process(frame.to_ndarray(format="rgb24")).multi_face_landmarks
            points.append([(p.x, p.y) for p in faces[0].landmark] if faces else None)


def stage_lld(path: Path, feature_set: str) -> None:
    """The stage, from file to Parquet."""
    with tempfile.TemporaryDirectory() as folder:
        schema = lld_schema(descriptor_names(feature_set))
        with tables.writer(Path(folder) / "lld.parquet", schema) as sink:
            for table in compute_lld(audio_blocks(path), feature_set):
                table.insert(0, "recording", "benchmark")
                sink.append(table)


def stage_landmarks(path: Path, mesh: bool = False) -> dict[str, int]:
    """The stage, from file to Parquet, with or without the mesh; sizes of the tables [byte]."""
    with tempfile.TemporaryDirectory() as folder:
        task = Extraction(
            [("benchmark", str(path))],
            {"benchmark": Choice("benchmark")},
            Media(),
            "fail",
            Path(folder) / "landmarks.parquet",
            Path(folder) / "status.parquet",
        )
        extract(
            task,
            lambda file, *_: track(video_frames(file), mesh=mesh),
            landmarks_schema(columns()),
            beside=(Path(folder) / "mesh.parquet", mesh_schema(MESH)) if mesh else None,
        )
        return {table.stem: table.stat().st_size for table in Path(folder).glob("*.parquet")}


def bytes_per_frame(path: Path) -> str:
    """What a frame takes in both tables."""
    sizes = stage_landmarks(path, mesh=True)
    frames = sum(1 for _ in video_frames(path))
    return f"{sizes['mesh'] / frames:.0f} and {sizes['landmarks'] / frames:.0f} bytes a frame"


def rows(setting: Setting) -> list[dict]:
    """Both stages on all files, from file to Parquet."""
    sound = [
        compare(
            f"audio_lld, {name}",
            *(partial(_each, work, setting.files, name) for work in (bare_lld, stage_lld)),
            setting.repeat,
            "against a loop over PyAV and openSMILE",
        )
        for name in SETS
    ]
    pictures = compare(
        "landmarks",
        *(partial(_each, work, setting.files) for work in (bare_landmarks, stage_landmarks)),
        setting.repeat,
        "against a loop over PyAV and FaceMesh",
    )
    mesh = compare(
        "landmarks with the mesh",
        *(partial(_each, stage_landmarks, setting.files, mesh) for mesh in (False, True)),
        setting.repeat,
        f"against landmarks alone; {bytes_per_frame(setting.files[0])}",
    )
    return [*sound, pictures, mesh]


def _each(work: Callable[..., object], files: list[Path], *arguments: Any) -> None:
    for file in files:
        work(file, *arguments)


def loop(source: Path, target: Path, seconds: float) -> None:
    """Write a file's packets again and again, with times moved on, up to a length."""
    with av.open(str(target), "w") as writer:
        copies, offset = {}, 0.0
        written: dict[int, int] = {}
        while offset < seconds:
            with av.open(str(source)) as reader:
                streams = [s for s in reader.streams if s.type in ("audio", "video")]
                copies = copies or {s.index: writer.add_stream_from_template(s) for s in streams}
                for packet in reader.demux(streams):
                    if packet.dts is not None:
                        shift = round(offset / packet.time_base)
                        packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                        # A copy's sound may begin before time zero, that is, before this one's end.
                        if packet.dts <= written.get(packet.stream.index, packet.dts - 1):
                            continue
                        written[packet.stream.index] = packet.dts
                        packet.stream = copies[packet.stream.index]
                        writer.mux(packet)
                offset += reader.duration / av.time_base


def watch(name: str, file: Path, folder: Path) -> None:
    """Run a stage's command on a file and print its memory ten times on the way."""
    command = [sys.executable, "-m", f"softaer.{name}", "--recording", "looped", str(file)]
    output = ["--output", str(folder / f"{name}.parquet")]
    output += ["--status-output", str(folder / f"{name}.status.parquet")]
    start, samples, before = time.monotonic(), [], _processor_time()
    with subprocess.Popen([*command, *output], stderr=subprocess.DEVNULL) as process:
        while process.poll() is None:
            statm = Path(f"/proc/{process.pid}/statm").read_text().split()
            if int(statm[1]):  # none once the process has ended
                samples.append((time.monotonic() - start, int(statm[1]) * 4096 / 2**20))
            time.sleep(0.2)
    if process.returncode:
        raise SystemExit(f"{name} ended with status {process.returncode}")
    taken = time.monotonic() - start
    settled = [s for s in samples if s[0] > 0.1 * samples[-1][0]]
    print(
        f"{name}: {taken:.0f} s, {(_processor_time() - before) / taken:.2f} processors, "
        f"highest {max(m for _, m in samples):.0f} MiB; on the way:"
    )
    for k in range(10):
        at, memory = settled[round(k * (len(settled) - 1) / 9)]
        print(f"  {at:7.1f} s  {memory:6.0f} MiB")


def _processor_time() -> float:
    """Of all commands that have ended [s]."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("files", type=Path, nargs="+")
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--memory", action="store_true")
    arguments.add_argument("--minutes", type=float, default=30.0)
    options = arguments.parse_args()
    if options.memory:
        with tempfile.TemporaryDirectory() as folder:
            looped = Path(folder) / "looped.mkv"
            loop(options.files[0], looped, options.minutes * 60)
            for name in ("audio_lld", "landmarks"):
                watch(name, looped, Path(folder))
        return
    print(markdown(rows(Setting(options.files, options.repeat))))


if __name__ == "__main__":
    main()
