"""The figure and the measured tables of docs/labels.md: labels against what was planted.

    python tests/label_truth.py           measures, and writes tables and figure (20 minutes)
    python tests/label_truth.py --draw    draws the figure again from the tables of the page

Every way to make labels meets the same raters: people who traced the pitch of a tone (pagan_qa,
Barthet et al., 2023), and simulated panels with one trouble each, or none. It also meets the traces
that the MuSe-Toolbox fused from three raters. Without the ratings beside the project only the
simulated panels are measured. ``tests/unit/test_label_truth.py`` holds the statements of the page.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from fault_table import ROOT
from softaer import layouts, ratings
from softaer.core.concordance import ccc
from softaer.core.experiment import OVER_CORPUS, Labels, Ratings
from softaer.core.grid import RATE, index
from softaer.figures import UNDATED, style
from softaer.labels import label, traces_of
from softaer.panels.scaling import statistics
from softaer.panels.smoothing import changes
from softaer.panels.steps import prepared_ratings
from softaer.panels.weighting import rater_agreement, weights_from_agreement
from softaer.rater_lags import align, estimate_lags, panel
from softaer.simulate.noise import smooth_noise

PAGE = ROOT / "docs" / "labels.md"
FIGURE = ROOT / "docs" / "labels.svg"
MARK = "<!-- {}: measured by tests/label_truth.py -->"
END = "<!-- end of the table -->"
RATED = ROOT.parent / "shared" / "data" / "ratings"

ESTIMATED = ("elastic", "max_lag", "estimator", "trim", "measure", "against", "smooth_estimate")

CHAINS = {
    "mean": Labels(estimator="mean"),
    "median": Labels(estimator="median"),
    "trimmed mean": Labels(estimator="trimmed_mean"),
    "EWE (default)": Labels(),
    "EWE, pairs": Labels(against="pairs"),
    "EWE, CCC": Labels(measure="ccc"),
    "EWE, CCC, pairs": Labels(measure="ccc", against="pairs"),
    "EWE, Spearman": Labels(measure="spearman"),
    "EWE, changes": Labels(measure="changes"),
    "z, mean": Labels(scale="rater", estimator="mean"),
    "z, EWE": Labels(scale="rater"),
    "z, trimmed mean": Labels(scale="rater", estimator="trimmed_mean"),
    "z, median filter, mean": Labels(scale="rater", smoothing="median", estimator="mean"),
    "z, lags, mean": Labels(scale="rater", alignment="estimated", estimator="mean"),
    "z, DTW, mean (DBA)": Labels(scale="rater", elastic="dtw", estimator="mean"),
    "z, CTW, mean": Labels(scale="rater", elastic="ctw", estimator="mean"),
    "z, lags, EWE": Labels(scale="rater", alignment="estimated"),
    "changes, EWE ¹": Labels(relative="changes"),
    "RAAW": Labels(
        scale="range",
        smoothing="savitzky_golay",
        elastic="ctw",
        measure="ccc",
        against="pairs",
        smooth_estimate=1.5,
    ),
}
"""Ways to make labels."""


def made(table: pd.DataFrame, settings: Labels) -> dict[str, np.ndarray]:
    """E of each recording on the grid, NaN where there is none, as the workflow makes it.

    Parameters
    ----------
    table
        Ratings of one dimension: ``recording``, ``time``, ``dimension``, ``rater``, ``value``.
    """
    levels = statistics(table) if settings.scale in OVER_CORPUS else None
    table = prepared_ratings(table, settings, levels)
    if settings.alignment == "estimated":
        raters, recordings = panel(table)
        lags = estimate_lags(recordings, settings.max_lag).assign(rater=raters)
        table = align(table, lags.assign(dimension=table["dimension"].iloc[0]))
    chosen = {key: getattr(settings, key) for key in ESTIMATED}
    found = {}
    for recording, rows in table.groupby("recording", sort=False):
        labels, _ = label(rows, **chosen)
        found[recording] = np.full(index(labels["time"].to_numpy()).max() + 1, np.nan)
        found[recording][index(labels["time"].to_numpy())] = labels["E"]
    return found


def correlation(estimate: np.ndarray, truth: np.ndarray) -> float:
    """Pearson's correlation of two series that start together, where both have values."""
    length = min(len(estimate), len(truth))
    x, y = estimate[:length], truth[:length]
    known = ~(np.isnan(x) | np.isnan(y))
    return float(np.corrcoef(x[known], y[known])[0, 1])


def seen(truth: np.ndarray, settings: Labels) -> np.ndarray:
    """What E should follow: the truth, or its changes."""
    return truth if settings.relative == "none" else changes(truth)


def at_best_delay(estimate: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Highest correlation over delays of the label up to 4 s, and that delay [s]."""
    found = [correlation(estimate[delay:], truth) for delay in range(4 * RATE + 1)]
    return max(found), int(np.argmax(found)) / RATE


# People who traced a tone.


def tone(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Ratings of the tone and its pitch on the grid [Hz]."""
    pitch = pd.read_csv(folder / "Pitch_values.csv")["Value"].to_numpy()
    length = len(pitch) / 60
    _, table = ratings.read_recording(
        *("tone", str(folder / "Raw_Audio_Logs.csv"), layouts.layout("table"), ["pitch"]),
        Ratings(interpolation="hold"),
        length=length,
        note=lambda words: None,
    )
    time = np.arange(int(length * RATE) + 1) / RATE
    return table.assign(recording="tone"), np.interp(time, np.arange(len(pitch)) / 60, pitch)


def of_people(
    folder: Path, chains: Mapping[str, Labels] = CHAINS, panels: int = 40, raters: int = 6
) -> pd.DataFrame:
    """Correlation with the pitch from all people, and from random panels of some."""
    table, pitch = tone(folder)
    everyone = sorted(table["rater"].unique())
    rng = np.random.default_rng(0)
    drawn = [rng.choice(everyone, raters, replace=False) for _ in range(panels)]
    rows = []
    for name, settings in chains.items():
        truth = seen(pitch, settings)
        r, delay = at_best_delay(made(table, settings)["tone"], truth)
        some = [
            at_best_delay(made(table[table["rater"].isin(who)], settings)["tone"], truth)[0]
            for who in drawn
        ]
        low, middle, high = np.percentile(some, [10, 50, 90]) if some else [np.nan] * 3
        rows.append((name, r, delay, low, middle, high))
        print(rows[-1], flush=True)
    return pd.DataFrame(rows, columns=["labels", "all", "delay", "low", "median", "high"])


# Simulated panels.

FRAMES, RECORDINGS, RATERS = 900, 3, 6
NOISE = 0.35
"""Standard deviation of the disagreement; that of the truth is 1."""


def plainly(rng: np.random.Generator, truth: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Raters who disagree, and nothing else."""
    return traces


def own_scales(rng: np.random.Generator, truth: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Raters with gains from a third to three, and levels."""
    gain = np.array([0.33, 0.5, 0.8, 1.2, 2.0, 3.0])[:, None]
    return gain * traces + np.array([0.5, -1, 1, -0.5, 0, 0.3])[:, None]


def own_lags(rng: np.random.Generator, truth: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Raters of whom each is early or late by up to 2 s."""
    late = (RATE * np.array([-2, -1.2, -0.4, 0.4, 1.2, 2])).astype(int)
    return np.stack(
        [moved(trace, np.full(FRAMES, s)) for trace, s in zip(traces, late, strict=True)]
    )


def varying_delays(rng: np.random.Generator, truth: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Raters whose delay varies slowly within a recording, by 1.5 s."""
    delays = 1.5 * RATE * np.stack([smooth_noise(rng, FRAMES, 150) for _ in traces])
    delays -= delays.mean(axis=0)
    return np.stack([moved(trace, own) for trace, own in zip(traces, delays, strict=True)])


def unreliable(rng: np.random.Generator, truth: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Two of the raters draw something else, one of them with a large range."""
    other = np.stack([smooth_noise(rng, FRAMES, 30) for _ in range(2)])
    return np.concatenate([traces[:4], other * np.array([[1.0], [2.0]])])


def spikes(rng: np.random.Generator, truth: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """A trace jumps far away for a moment, in two of a hundred frames."""
    return np.where(rng.random(traces.shape) < 0.02, rng.choice([-4, 4], traces.shape), traces)


def drift(rng: np.random.Generator, truth: np.ndarray, traces: np.ndarray) -> np.ndarray:
    """Raters who wander off, as on a scale without limits."""
    steps = rng.normal(0, 0.12, traces.shape)
    return traces + np.cumsum(steps, axis=1)


TROUBLES: dict[str, Callable[[np.random.Generator, np.ndarray, np.ndarray], np.ndarray]] = {
    "none (control)": plainly,
    "scales": own_scales,
    "lags": own_lags,
    "varying delays": varying_delays,
    "unreliable raters": unreliable,
    "spikes": spikes,
    "drift": drift,
}
"""What is wrong with a simulated panel."""


def moved(trace: np.ndarray, delay: np.ndarray) -> np.ndarray:
    """A trace that is late by some frames, which may vary."""
    frames = np.arange(len(trace))
    return np.interp(frames - delay, frames, trace)


class Panel(NamedTuple):
    """Ratings, and the truth of each recording, shape (T,)."""

    table: pd.DataFrame
    truth: dict[str, np.ndarray]


def simulated(trouble: str, seed: int) -> Panel:
    """A panel of six raters in three recordings of 90 s."""
    rng = np.random.default_rng(seed)
    parts, truths = [], {}
    for number in range(RECORDINGS):
        name = f"p{number}"
        truths[name] = truth = smooth_noise(rng, FRAMES, 30)
        noise = NOISE * np.stack([smooth_noise(rng, FRAMES, 8) for _ in range(RATERS)])
        traces = TROUBLES[trouble](rng, truth, truth + noise)
        parts.append(
            pd.DataFrame(
                {
                    "recording": name,
                    "time": np.tile(np.arange(FRAMES) / RATE, RATERS),
                    "dimension": "planted",
                    "rater": np.repeat([f"r{k}" for k in range(RATERS)], FRAMES),
                    "value": traces.ravel(),
                }
            )
        )
    return Panel(pd.concat(parts, ignore_index=True), truths)


def of_panel(found: Panel, settings: Labels) -> float:
    """Mean correlation of E with the truth over the recordings of a panel."""
    estimates = made(found.table, settings)
    return float(
        np.mean(
            [correlation(estimates[name], seen(t, settings)) for name, t in found.truth.items()]
        )
    )


def of_simulated(
    chains: Mapping[str, Labels] = CHAINS,
    troubles: Sequence[str] = tuple(TROUBLES),
    panels: int = 12,
) -> pd.DataFrame:
    """Correlation with the truth, mean over panels: a row per way, a column per trouble."""
    table = pd.DataFrame(index=pd.Index(chains, name="labels"), columns=troubles, dtype=float)
    for trouble in troubles:
        drawn = [simulated(trouble, seed) for seed in range(panels)]
        for name, settings in chains.items():
            table.loc[name, trouble] = np.mean([of_panel(found, settings) for found in drawn])
        print(trouble, table[trouble].round(3).to_dict(), flush=True)
    return table


# The traces that the MuSe-Toolbox fused.

FILMS = (11, 32, 47)
STEP = 0.5
"""Time between the toolbox's samples [s]."""

OF_TOOLBOX = Labels(
    smoothing="savitzky_golay",
    smoothing_window=2.5,
    elastic="ctw",
    measure="ccc",
    against="pairs",
    smooth_estimate=7.5,
)
"""RAAW with the toolbox's windows of 5 and 15 samples, in the unit of the ratings."""

MUSE_CHAINS = {
    "EWE (default)": Labels(),
    "RAAW without scaling": OF_TOOLBOX,
    "the same, not aligned": Labels(**{**vars(OF_TOOLBOX), "elastic": "none"}),
    "RAAW, range of the three examples": Labels(**{**vars(OF_TOOLBOX), "scale": "range"}),
}


def films(folder: Path) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Ratings of the three films on the grid, and the fused traces, sample by sample."""
    parts, fused = [], {}
    for film in FILMS:
        raw = pd.read_csv(folder / f"raw_arousal_{film}.csv")
        time = raw.pop("timestamp").to_numpy() - STEP
        grid = np.arange(int(time[-1] * RATE + 1e-6) + 1) / RATE
        name = str(film)
        fused[name] = pd.read_csv(folder / f"fused_arousal_{film}.csv")["value"].to_numpy()
        for rater in raw:
            values = np.interp(grid, time, raw[rater])
            rows = {"recording": name, "time": grid, "dimension": "arousal", "rater": rater}
            parts.append(pd.DataFrame({**rows, "value": values}))
    return pd.concat(parts, ignore_index=True), fused


def fitted_scales(table: pd.DataFrame, fused: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """E of RAAW if each rater's gain and level are fitted to the fused traces of all films.

    These are six numbers for 1,814 samples. In the toolbox they come from the raters' least and
    largest values in all of MuSe-CaR, of which the examples are three films.
    """
    settings = Labels(**{**vars(OF_TOOLBOX), "elastic": "none", "smooth_estimate": 0.0})
    smooth = prepared_ratings(table, settings)
    by_film = {name: traces_of(rows)[1] for name, rows in smooth.groupby("recording", sort=False)}
    window = round(OF_TOOLBOX.smooth_estimate * RATE) // 2

    def estimates(numbers: np.ndarray) -> dict[str, np.ndarray]:
        found = {}
        for name, traces in by_film.items():
            scaled = numbers[:3, None] * traces + numbers[3:, None]
            weights, _ = weights_from_agreement(rater_agreement(scaled, "pairs", "ccc"))
            estimate = weights @ scaled / weights.sum()
            kernel = np.ones(2 * window + 1)
            counts = np.convolve(np.ones_like(estimate), kernel, "same")
            found[name] = np.convolve(estimate, kernel, "same") / counts
        return found

    def apart(numbers: np.ndarray) -> np.ndarray:
        found = estimates(numbers)
        return np.concatenate([sampled(found[name], fused[name]) - fused[name] for name in fused])

    return estimates(least_squares(apart, [1.2, 1.2, 1.2, 0, 0, 0]).x)


def sampled(estimate: np.ndarray, fused: np.ndarray) -> np.ndarray:
    """E at the toolbox's samples."""
    return estimate[:: round(STEP * RATE)][: len(fused)]


def of_films(folder: Path) -> pd.DataFrame:
    """CCC and correlation of labels with the toolbox's fused traces, per film."""
    table, fused = films(folder)
    found = {name: made(table, settings) for name, settings in MUSE_CHAINS.items()}
    found["RAAW, not aligned, gains and levels fitted"] = fitted_scales(table, fused)
    rows = []
    for name, estimates in found.items():
        row = {"labels": name}
        for film, target in fused.items():
            estimate = sampled(estimates[film], target)
            row[f"CCC {film}"], row[f"r {film}"] = (
                ccc(target, estimate),
                correlation(estimate, target),
            )
        rows.append(row)
    return pd.DataFrame(rows)


# The page.


def written(table: pd.DataFrame, digits: int = 3) -> str:
    """A table in Markdown."""
    lines = [" | ".join(["", *map(str, table.columns), ""]).strip()]
    lines.append("|" + "---|" * len(table.columns))
    for row in table.itertuples(index=False):
        cells = [f"{v:.{digits}f}" if isinstance(v, float) else str(v) for v in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def replaced(page: str, name: str, body: str) -> str:
    """The page with a table between its marks."""
    start = MARK.format(name)
    before, rest = page.split(start, 1)
    _, after = rest.split(END, 1)
    return f"{before}{start}\n{body}\n{END}{after}"


def shown(page: str, name: str) -> pd.DataFrame:
    """A table of the page, with numbers as such, by its first column."""
    body = page.split(MARK.format(name), 1)[1].split(END, 1)[0].strip()
    lines = [line.strip("| ").split(" | ") for line in body.splitlines()]
    table = pd.DataFrame(lines[2:], columns=lines[0]).set_index(lines[0][0])
    return table.astype(float)


TICKS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]


def draw(page: str, path: Path) -> None:
    """Distance from the truth, 1 - r, of each way to make labels, from the tables of the page."""
    planted = 1 - shown(page, "simulated panels")
    people = 1 - shown(page, "people").loc[planted.index]
    everyone, _, low, middle, high = (people[name] for name in people)
    place = np.arange(len(planted))[::-1]
    with style():
        figure, axes = plt.subplots(
            1, 2, figsize=(9.5, 5.2), sharey=True, width_ratios=[1, 1.5], layout="constrained"
        )
        axes[0].hlines(place, high, low, color="#56B4E9", lw=3, label="panels of 6, 10 to 90 %")
        axes[0].plot(middle, place, "|", color="#0072B2", ms=9, label="their median")
        axes[0].plot(everyone, place, "o", color="#222222", ms=4, label="all 71 people")
        axes[0].set(xlabel="1 − r with the pitch of a tone", yticks=place)
        axes[0].set_yticklabels(planted.index)
        marks = ["o", "s", "D", "^", "v", "P", "X"]
        colours = ["#222222", "#E69F00", "#56B4E9", "#009E73", "#D55E00", "#CC79A7", "#999999"]
        for trouble, mark, colour in zip(planted, marks, colours, strict=True):
            axes[1].plot(planted[trouble], place, mark, color=colour, ms=5, label=trouble)
        axes[1].set(xlabel="1 − r with the planted truth, simulated panels")
        for axis in axes:
            axis.set(xscale="log", xticks=TICKS)
            axis.set_xticklabels([f"{tick:g}" for tick in TICKS])
            axis.minorticks_off()
            axis.legend(fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4)
        figure.savefig(path, metadata=UNDATED["svg"])
        plt.close(figure)


def main() -> None:
    measured = {}
    if "--draw" not in sys.argv[1:]:
        measured["simulated panels"] = written(of_simulated().reset_index())
        if RATED.is_dir():
            measured["people"] = written(named(of_people(RATED / "pagan_qa")))
            measured["films"] = written(of_films(RATED / "muse_toolbox_examples"), 4)
        else:
            print(f"no ratings of people at {RATED}: their tables stay as they are")
    page = PAGE.read_text(encoding="utf-8")
    for name, body in measured.items():
        page = replaced(page, name, body)
    PAGE.write_text(page, encoding="utf-8")
    draw(page, FIGURE)


def named(people: pd.DataFrame) -> pd.DataFrame:
    """The table of :func:`of_people` with the page's words."""
    columns = {"all": "all 71, r", "delay": "at [s]", "low": "panels of 6: 10 %"}
    columns |= {"median": "median", "high": "90 %"}
    seconds = people["delay"].map("{:.1f}".format)
    return people.assign(delay=seconds).rename(columns=columns)


if __name__ == "__main__":
    main()
