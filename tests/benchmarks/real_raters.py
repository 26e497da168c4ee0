"""Labels from few real raters against a planted truth, and how many raters E and sigma need.

    python tests/benchmarks/real_raters.py LOG TRUTH [DRAWS]

LOG is what people drew with PAGAN while they heard a tone, TRUTH the pitch of that tone, 60 values
a second (the data of Barthet et al., "Knowing Your Annotator", ACII 2023: Raw_Audio_Logs.csv and
Pitch_values.csv). Prints the tables of docs/raters.md: reliability, as ``softaer raters`` gives it,
and panels of six that are drawn at random, in which one may be a rater who never moved, or one who
had nothing to do with the others or moved against them. E is compared with the pitch at the best
common delay. Sigma, for which there is no truth, is compared with that of the raters who were not
drawn, all of them on the scale of their own standard deviation.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from softaer import layouts
from softaer.agreement import panels, reliability_tables
from softaer.core.experiment import Evaluation, Labels, Ratings
from softaer.core.grid import RATE, index
from softaer.labels import label
from softaer.panels.steps import prepared_ratings
from softaer.rater_lags import align, estimate_lags, panel, without_excluded
from softaer.rater_screen import screen_corpus
from softaer.rater_statistics import rater_levels
from softaer.rater_weights import corpus_weights
from softaer.ratings import read_recording

RECORDING, DIMENSION = "tone", "pitch"
SIX = 6
SCREEN = ("flat", "inverted", "unrelated")
TRUTH_RATE = 60
LONGEST_DELAY = 4.0
"""Of the raters behind the tone [s]."""

WAYS = {
    "mean": Labels(estimator="mean"),
    "EWE": Labels(),
    "EWE, lags estimated": Labels(alignment="estimated"),
    "EWE, lags after the screen": Labels(alignment="estimated", screen=SCREEN),
    "the same, z per rater": Labels(alignment="estimated", screen=SCREEN, scale="rater"),
    "panel, lags after the screen": Labels(
        alignment="estimated", screen=SCREEN, scale="panel", estimator="panel"
    ),
}
"""Ways to make labels."""


def read(log: Path, seconds: float) -> pd.DataFrame:
    """All traces on the grid, as the stage ``ratings`` gives them."""
    settings = Ratings(interpolation="hold")
    _, table = read_recording(
        *(RECORDING, str(log), layouts.layout("table"), [DIMENSION], settings),
        length=seconds,
        note=lambda line: None,
    )
    return table.assign(recording=RECORDING)


def labels_of(ratings: pd.DataFrame, way: Labels) -> pd.DataFrame:
    """Labels as the stages make them, one after the other."""
    screen = screen_corpus(ratings, way)
    if way.scale != "none":
        levels = rater_levels(ratings, way.scale, way.max_lag, screen)
        ratings = prepared_ratings(ratings, way, levels)
    if way.screen:
        ratings = without_excluded(ratings, screen)
    if way.alignment == "estimated":
        raters, traces = panel(ratings)
        ratings = align(ratings, estimate_lags(traces).assign(rater=raters, dimension=DIMENSION))
    weights = corpus_weights(ratings, estimator="panel") if way.estimator == "panel" else None
    return label(ratings, estimator=way.estimator, corpus_weights=weights)[0]


def follows(labels: pd.DataFrame, truth: np.ndarray) -> float:
    """Correlation of E with the truth at the best delay."""
    emotion = np.full(len(truth), np.nan)
    frames = index(labels["time"].to_numpy())
    inside = frames < len(truth)
    emotion[frames[inside]] = labels["E"].to_numpy()[inside]
    found = []
    for delay in range(int(LONGEST_DELAY * RATE) + 1):
        late, early = emotion[delay:], truth[: len(truth) - delay]
        known = ~np.isnan(late)
        found.append(np.corrcoef(late[known], early[known])[0, 1])
    return max(found)


def print_reliability(traces: pd.DataFrame) -> None:
    """Reliability of E and sigma against the number of raters, of raw and standardised traces."""
    sizes = (1, 2, 3, 6, 15, 24)
    print("| traces | target |", " | ".join(f"K = {k}" for k in sizes), "| for 0.7 | 0.8 | 0.9 |")
    print("|---" * (5 + len(sizes)) + "|")
    screened = without_excluded(traces, screen_corpus(traces, WAYS["the same, z per rater"]))
    z = prepared_ratings(screened, Labels(scale="rater"), rater_levels(screened, "rater"))
    for name, rows in (("as drawn", screened), ("z per rater", z)):
        whole, curve = reliability_tables(panels(rows), [RECORDING], Evaluation())
        for target, own in whole.groupby("target", sort=False):
            measured = curve[curve["target"] == target].groupby("raters")["measured"].first()
            cells = [f"{measured.get(k, np.nan):.2f}" for k in sizes]
            needed = own[["raters_70", "raters_80", "raters_90"]].astype(int)
            cells += [" to ".join(map(str, sorted({*needed[key]}))) for key in needed]
            print(f"| {name} | {target} | " + " | ".join(cells) + " |")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("log", type=Path)
    arguments.add_argument("truth", type=Path)
    arguments.add_argument("draws", type=int, nargs="?", default=40)
    options = arguments.parse_args()

    planted = pd.read_csv(options.truth)["Value"].to_numpy(dtype=np.float64)
    seconds = len(planted) / TRUTH_RATE
    truth = np.interp(
        np.arange(int(seconds * RATE)) / RATE, np.arange(len(planted)) / TRUTH_RATE, planted
    )
    traces = read(options.log, seconds)
    verdict = screen_corpus(traces, Labels()).set_index("rater")["verdict"]
    print(verdict.value_counts().to_string())
    print_reliability(traces)

    of = {kind: verdict.index[verdict == kind].to_numpy() for kind in verdict.unique()}
    kinds = {"six who agree": None, "one flat": "flat", "one unrelated": "unrelated"}
    found = {(way, kind): [] for way in WAYS for kind in kinds}
    for draw in range(options.draws):
        rng = np.random.default_rng(draw)
        honest = rng.choice(of["agrees"], SIX, replace=False)
        rest = traces[traces["rater"].isin(np.setdiff1d(of["agrees"], honest))]
        others = labels_of(rest, WAYS["the same, z per rater"]).set_index("time")["sigma"]
        for kind, odd in kinds.items():
            who = honest if odd is None else [*honest[1:], rng.choice(of[odd])]
            some = traces[traces["rater"].isin(who)]
            for name, way in WAYS.items():
                labels = labels_of(some, way)
                sigma = labels.set_index("time")["sigma"].dropna()
                both = pd.concat([sigma, others], axis=1, join="inner").dropna().to_numpy()
                r = np.corrcoef(both.T)[0, 1]
                found[name, kind].append((follows(labels, truth), r))
    print("| labels |", " | ".join(f"E, {kind}" for kind in kinds), "|", end=" ")
    print(" | ".join(f"sigma, {kind}" for kind in kinds), "|")
    print("|---" * (1 + 2 * len(kinds)) + "|")
    for name in WAYS:
        cells = [np.nanmean(found[name, kind], axis=0) for kind in kinds]
        numbers = [cell[target] for target in (0, 1) for cell in cells]
        print(f"| {name} | " + " | ".join(f"{value:.3f}" for value in numbers) + " |")


if __name__ == "__main__":
    main()
