"""What features of the stimulus add to the raters: labels smoothed by a regression on the picture.

    python tests/benchmarks/rater_features.py VIDEO ANNOTATIONS TRUTH

VIDEO shows a screen whose green changes, ANNOTATIONS is the folder of the traces of that green at
10 Hz, TRUTH the green that was planted (the data of Booth & Narayanan, TaskB). EWE of the traces
is compared with the truth at its best delay, and so is a ridge regression of EWE on the mean colour
of the frames and its changes, fitted on the other half of the recording. Prints both, and their
mean.
"""

import argparse
from pathlib import Path

import av
import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeCV

from softaer.core.concordance import ccc, pearson
from softaer.core.grid import RATE
from softaer.labels import label

LONGEST_DELAY = 6.0
"""Of the raters behind the stimulus [s]."""


def read_ratings(folder: Path) -> pd.DataFrame:
    """All traces, each in a file with time and value."""
    parts = []
    for path in sorted(folder.glob("*.csv")):
        values = pd.read_csv(path).iloc[:, 1].to_numpy(dtype=np.float64)
        trace = {"time": np.arange(len(values)) / RATE, "rater": path.stem, "value": values}
        parts.append(pd.DataFrame(trace))
    return pd.concat(parts, ignore_index=True)


def colours(video: Path, count: int) -> np.ndarray:
    """Mean colour of the picture at grid points and its changes, standardised, shape (count, 6)."""
    rows = []
    with av.open(str(video)) as container:
        for frame in container.decode(video=0):
            picture = frame.to_ndarray(format="rgb24")[::8, ::8]
            rows.append((frame.time, *picture.reshape(-1, 3).mean(axis=0)))
    table = np.array(rows)
    grid = np.arange(count) / RATE
    means = np.stack([np.interp(grid, table[:, 0], column) for column in table[:, 1:].T], axis=1)
    features = np.hstack([means, np.diff(means, axis=0, prepend=means[:1])])
    return (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-9)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    for name in ("video", "annotations", "truth"):
        arguments.add_argument(name, type=Path)
    options = arguments.parse_args()

    truth = pd.read_csv(options.truth).iloc[:, 1].to_numpy(dtype=np.float64)
    emotion = label(read_ratings(options.annotations))[0]["E"].to_numpy()
    count = min(len(truth), len(emotion))
    delays = range(int(LONGEST_DELAY * RATE))
    delay = max(delays, key=lambda d: pearson(emotion[d:count], truth[: count - d]))
    emotion, truth = emotion[delay:count], truth[: count - delay]
    features = colours(options.video, count)[: count - delay]
    first = np.arange(len(emotion)) < len(emotion) // 2
    regressed = np.empty(len(emotion))
    for half in (first, ~first):
        model = RidgeCV(alphas=np.logspace(-2, 4, 13)).fit(features[~half], emotion[~half])
        regressed[half] = model.predict(features[half])
    both = (emotion + regressed) / 2
    for name, found in (("EWE", emotion), ("regression", regressed), ("mean of both", both)):
        print(f"{name}: r {pearson(truth, found):.3f}, CCC {ccc(truth, found):.3f}")


if __name__ == "__main__":
    main()
