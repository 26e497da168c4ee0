"""Made-up corpora in the layouts of delivered ones: their names and formats, none of their data."""

import csv
import wave
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np

SECONDS = 12.0
"""Length of the recordings [s]."""


def write_sound(path: Path, seed: int) -> None:
    """A second-long gesture of noise over and over, louder and softer; 16-bit WAV."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(SECONDS * 16_000)) / 16_000
    loudness = 0.2 + 0.1 * np.sin(2 * np.pi * time / (4 + seed % 3))
    samples = np.sin(2 * np.pi * 150 * time) + 0.3 * rng.standard_normal(len(time))
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((loudness * samples * 8_000).astype("<i2").tobytes())


def write_pictures(path: Path) -> None:
    """Grey pictures, ten a second; nobody's face."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(int(SECONDS * 10)):
            picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), "rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def trace(seed: int, rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Times [s] and a smooth trace between -1 and 1."""
    time = np.arange(int(SECONDS * rate) + 1) / rate
    rng = np.random.default_rng(seed)
    return time, 0.5 * np.sin(2 * np.pi * (time / 8 + rng.random())) + 0.1 * rng.random()


def write_rows(path: Path, rows: Sequence[Sequence], separator: str = ";") -> None:
    """Write cells as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        csv.writer(file, delimiter=separator, quoting=csv.QUOTE_NONE, quotechar=None).writerows(
            rows
        )


AVEC_NAMES = {
    "avec2017_sewa": ["Train_01", "Train_2", "Devel_01", "Test_01"],
    "avec2018": ["Train_DE_01", "Train_DE_02", "Devel_DE_01", "Test_DE_01", "Test_HU_01"],
    "avec2019": ["Train_DE_01", "Train_HU_01", "Devel_HU_01", "Test_CN_01", "Test_DE_01"],
}
"""Recordings of the made-up corpora; one number is written without its zero."""


def avec(root: Path, year: str) -> None:
    """Labels at 10 Hz: quoted name, time, arousal, valence, liking; a header from 2019 on."""
    for seed, name in enumerate(AVEC_NAMES[year]):
        write_sound(root / f"audio/{name}.wav", seed)
        write_pictures(root / f"video/{name}.avi")
        if name.startswith("Test_CN"):
            continue  # withheld
        time, value = trace(seed, 10)
        rows = [
            (f"'{name}'", f"{t:.1f}", f"{v:.4f}", f"{-v:.4f}", "0.1")
            for t, v in zip(time, value, strict=True)
        ]
        if year == "avec2019":
            rows.insert(0, ("name", "timestamp", "arousal", "valence", "liking"))
        write_rows(root / f"labels/{name}.csv", rows, "," if year == "avec2018" else ";")
        write_rows(root / f"turns/{name}.csv", [("0.5", "4.0"), ("6.0", "11.0")])


def sewa_raters(root: Path) -> None:
    """Six raters (DE) or five (HU) for each of three dimensions, columns side by side."""
    for seed, name in enumerate(["Train_DE_01", "Train_HU_01", "Devel_DE_01", "Test_HU_01"]):
        culture = name.split("_")[1]
        write_sound(root / f"audio/{name}.wav", seed)
        write_pictures(root / f"video/{name}.avi")
        raters = {"DE": 6, "HU": 5}[culture]
        time, value = trace(seed, 10)
        rows = [
            (
                name,
                f"{t:.1f}",
                *(f"{v + 0.1 * d + 0.01 * k:.4f}" for d in range(3) for k in range(raters)),
            )
            for t, v in zip(time, value, strict=True)
        ]
        write_rows(root / f"{culture}/labels_annos/std/{name}.csv", rows)


def recola(root: Path, original: bool = False) -> None:
    """Rater files at 25 Hz with blanks in the header, one for each dimension."""
    names = ["P16", "P17", "P19"] if original else ["train_1", "train_2", "dev_1", "test_1"]
    folders = (
        (
            "RECOLA-Audio-recordings",
            "RECOLA-Video-recordings",
            "RECOLA-Annotation/emotional_behaviour",
        )
        if original
        else ("recordings_audio", "recordings_video", "ratings_individual")
    )
    for seed, name in enumerate(names):
        write_sound(root / folders[0] / f"{name}.wav", seed)
        write_pictures(root / folders[1] / f"{name}.mp4")
        for shift, dimension in enumerate(("arousal", "valence")):
            time, value = trace(seed + 10 * shift, 25)
            rows = [("time", "FM1 ", "FM2 ", "FM3 ", "FF1 ", "FF2 ", "FF3")]
            rows += [
                (f"{t:.2f}", *(f"{v + 0.02 * k:.4f}" for k in range(6)))
                for t, v in zip(time, value, strict=True)
            ]
            write_rows(root / folders[2] / dimension / f"{name}.csv", rows)


def muse_car(root: Path) -> None:
    """Times in milliseconds, four samples a second, raters named by numbers."""
    partitions = {"1": "train", "2": "train", "3": "devel", "7": "test"}
    write_rows(root / "metadata/partition.csv", [("id", "partition"), *partitions.items()], ",")
    for seed, name in enumerate(partitions):
        write_sound(root / f"audio/{name}.wav", seed)
        write_pictures(root / f"video/{name}.mp4")
        # Features that a release brings along are no ratings.
        write_rows(root / f"features/loud/{name}.csv", [("timestamp", "loudness"), ("0", "1")], ",")
        for shift, dimension in enumerate(("arousal", "valence")):
            time, value = trace(seed + 10 * shift, 4)
            rows = [("timestamp", "2", "4", "9")]
            rows += [
                (f"{1000 * t:.0f}", *(f"{v + 0.02 * k:.4f}" for k in range(3)))
                for t, v in zip(time, value, strict=True)
            ]
            write_rows(root / f"annotations/{dimension}/{name}.csv", rows, ",")


DEAM_SECONDS = 45.0
"""Length of the songs [s]; ratings begin at 15 s."""

DEAM_LEVELS = (0.0, 0.02, 0.1, 0.25, 0.3)
"""By how much each rater rates higher."""


def write_song(path: Path, seed: int) -> None:
    """A tone that becomes louder and softer, as MP3."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(DEAM_SECONDS * 44_100)) / 44_100
    loudness = 0.3 + 0.2 * np.sin(2 * np.pi * time / (4 + seed % 3))
    samples = loudness * (np.sin(2 * np.pi * 220 * time) + 0.1 * rng.standard_normal(len(time)))
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mp3", rate=44_100, layout="mono")
        frame = av.AudioFrame.from_ndarray(
            (samples * 20_000).astype("<i2")[np.newaxis], format="s16", layout="mono"
        )
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def deam(root: Path) -> None:
    """A row per rater, two values a second from 15 s on; averages beside, as in the release."""
    songs = ["3", "4", "5", "16"]
    time = np.arange(15, DEAM_SECONDS, 0.5)
    samples = [f"sample_{1000 * t:.0f}ms" for t in time]
    dynamic = root / "annotations/annotations per each rater/dynamic (per second annotations)"
    averaged = root / "annotations/annotations averaged per song/dynamic (per second annotations)"
    for seed, song in enumerate(songs):
        write_song(root / "MEMD_audio" / f"{song}.mp3", seed)
        for shift, dimension in enumerate(("arousal", "valence")):
            value = 0.6 * np.sin(2 * np.pi * (time / 8 + (seed + shift) / 5))
            # Some files of the release have no column with the raters' numbers.
            named = seed != 1
            rows: list[Sequence] = [["WorkerId", *samples] if named else samples]
            for k in range(5):
                cells = [f"{v:.4f}" for v in np.clip(value + DEAM_LEVELS[k], -1, 1)]
                rows.append([f"w{k}", *cells] if named else cells)
            write_rows(dynamic / dimension / f"{song}.csv", rows, ",")
    for dimension in ("arousal", "valence"):
        rows = [["song_id", *samples], *([song, *["0.1"] * len(samples)] for song in songs)]
        write_rows(averaged / f"{dimension}.csv", rows, ",")
