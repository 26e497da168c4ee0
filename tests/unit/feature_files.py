"""Feature tables in the forms in which corpora and tools deliver them, with made-up values."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def values(rows: int, columns: int, seed: int = 0) -> np.ndarray:
    """Made-up features that CSV with six digits and float32 hold exactly."""
    return np.random.default_rng(seed).integers(-4000, 4000, (rows, columns)) / 256


def lines(path: Path, header: str | None, rows: list[list[object]], separator: str = ",") -> Path:
    text = [] if header is None else [header]
    text += [separator.join(map(str, row)) for row in rows]
    path.write_text("\n".join(text) + "\n")
    return path


def muse(path: Path, x: np.ndarray, step: int = 250) -> Path:
    """MuSe: times in ms, a column of segments, features named by numbers."""
    header = ",".join(["timestamp", "segment_id", *map(str, range(x.shape[1]))])
    rows = [[k * step, 1 + k // 20, *row] for k, row in enumerate(x)]
    return lines(path, header, rows)


def avec(path: Path, x: np.ndarray, separator: str = ";", header: bool = True) -> Path:
    """AVEC 2018 and 2019: a quoted name, the time [s], features; header or not."""
    names = separator.join(["name", "timeStamp", *(f"x{k}" for k in range(x.shape[1]))])
    rows = [["'Train_DE_01'", f"{k / 10:.2f}", *row] for k, row in enumerate(x)]
    return lines(path, names if header else None, rows, separator)


def openface(path: Path, faces: dict[int, np.ndarray], lost: tuple[int, ...] = ()) -> Path:
    """OpenFace: 25 frames/s, blanks after commas, several faces; lost frames of all are zeros."""
    width = next(iter(faces.values())).shape[1]
    header = "frame, face_id, timestamp, confidence, success, "
    header += ", ".join(["pose_Tx", "AU01_r", "AU12_r"][:width])
    rows = []
    for k in range(max(map(len, faces.values()))):
        for face, x in faces.items():
            if k in lost:
                rows.append([k + 1, face, f"{k / 25:.3f}", 0.0, 0, *[0.0] * width])
            elif k < len(x):
                rows.append([k + 1, face, f"{k / 25:.3f}", 0.98 - 0.1 * face, 1, *x[k]])
    return lines(path, header, rows, ", ")


def opensmile(path: Path, x: np.ndarray) -> Path:
    """openSMILE's SMILExtract: a quoted name, the start of each frame of 60 ms every 10 ms."""
    header = ";".join(["name", "frameTime", *(f"lld{k}_sma" for k in range(x.shape[1]))])
    rows = [["'unknown'", f"{k / 100:.6f}", *row] for k, row in enumerate(x)]
    return lines(path, header, rows, ";")


def opensmile_python(path: Path, x: np.ndarray) -> Path:
    """opensmile in Python: an index of file, start and end, written by pandas."""
    start = pd.to_timedelta(np.arange(len(x)) / 100, unit="s")
    index = pd.MultiIndex.from_arrays(
        [["a.wav"] * len(x), start, start + pd.Timedelta(0.06, unit="s")],
        names=["file", "start", "end"],
    )
    pd.DataFrame(x, index, [f"lld{k}" for k in range(x.shape[1])]).to_csv(path)
    return path


def arff(path: Path, x: np.ndarray) -> Path:
    """openSMILE's ARFF: attributes, then rows; the class is unknown."""
    attributes = ["name string", "frameTime numeric"]
    attributes += [f"'lld {k}' numeric" for k in range(x.shape[1])] + ["class {a, b}"]
    head = ["@relation openSMILE", "", *(f"@attribute {a}" for a in attributes), "", "@data", ""]
    rows = [["'unknown'", k / 100, *row, "?"] for k, row in enumerate(x)]
    return lines(path, "\n".join(head), rows)


def parquet(path: Path, columns: dict[str, object]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path
