"""Sigma is scored within panels of raters: levels of panels neither help nor harm a model.

In the corpus of these tests, raters of one panel are farther apart than those of the other, at all
moments. One model knows the moments, another one only who rated.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import coverage_tables
import numpy as np
import pandas as pd
import pytest

from softaer import evaluate, group_scores, score
from softaer.core import schema, tables
from softaer.core.concordance import ccc, within_panels
from softaer.core.places import final_prediction
from softaer.core.targets import panels, read_targets
from softaer.corpus import read_recordings
from softaer.score import score_predictions

NAMES = [f"r{number:02d}" for number in range(16)]
FRAMES = 80
LEVELS = {"near": 0.2, "far": 0.8}
RATERS = {"near": ["a", "b", "c"], "far": ["c", "d", "e"]}
MODELS = {"audio": "moments", "video": "levels"}


def partition_of(name: str) -> str:
    return "dev" if name < "r06" else "test"


def panel_of(name: str) -> str:
    return "near" if int(name[1:]) % 2 else "far"


@dataclass
class Corpus:
    """Where it lies, and its labels and predictions by model."""

    folder: Path
    truth: pd.DataFrame

    def scored(self, model: str, target: str, within: bool) -> float:
        """CCC on test, over all frames or within panels."""
        here = self.truth[self.truth["recording"].map(partition_of) == "test"]
        label, prediction = here[target].to_numpy(), here[f"{target}_{model}"].to_numpy()
        if within:
            panel = here["recording"].map(panel_of).eq("far").to_numpy().astype(int)
            label, prediction = (within_panels(values, panel) for values in (label, prediction))
        return ccc(label, prediction)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("panels")
    rng = np.random.default_rng(1)
    lines = ["recording,subject,partition,sex,media,annotations"]
    lines += [f"{n},s{n},{partition_of(n)},{'fm'[n < 'r10']},{n}.mp4,{n}.csv" for n in NAMES]
    (folder / "recordings.csv").write_text("\n".join(lines) + "\n")
    parts = []
    for name in NAMES:
        moments = 0.08 * rng.standard_normal(FRAMES)
        level = LEVELS[panel_of(name)]
        table = pd.DataFrame({"recording": name, "time": np.arange(FRAMES) / 10})
        for target, mean in (("E", 0.0), ("sigma", level)):
            table[target] = mean + moments
            table[f"{target}_moments"] = 0.5 + moments + 0.03 * rng.standard_normal(FRAMES)
            table[f"{target}_levels"] = level + 0.03 * rng.standard_normal(FRAMES)
        parts.append(table.astype(dict.fromkeys(table.columns[2:], np.float32)))
        dataset = table[["recording", "time", "E", "sigma"]]
        dataset = dataset.rename(columns={"E": "m_E", "sigma": "m_sigma"}).assign(f=0.0)
        layout = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(dataset, layout, folder / "dataset" / f"{name}.parquet")
        raters = pd.DataFrame({"rater": RATERS[panel_of(name)]})
        raters = raters.assign(
            recording=name, dimension="m", agreement=0.5, weight=1.0, fallback=False
        )
        tables.write(raters, schema.RATER_WEIGHTS, folder / "weights" / f"{name}.parquet")
    truth = pd.concat(parts, ignore_index=True)
    for modality, model in MODELS.items():
        for seed in (1, 2):
            table = truth[["recording", "time"]].copy()
            for target in ("E", "sigma"):
                for suffix in ("", "_raw", "_out_of_fold"):
                    table[f"{target}{suffix}"] = truth[f"{target}_{model}"]
            path = final_prediction(folder, "m", modality, "multi", seed)
            tables.write(table, schema.POSTPROCESSED, path)
    return Corpus(folder, truth)


def run(stage, corpus, monkeypatch, within, *outputs):
    folder = corpus.folder
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--results", folder, "--dimensions", "m", "--modalities", *MODELS]
    words += ["--tasks", "multi", "--seeds", 1, 2]
    words += ["--coverage", *coverage_tables.write(folder / "coverage", NAMES)]
    words += ["--rater-weights", folder / "weights"] if within else []
    monkeypatch.setattr(sys, "argv", [stage.__name__, *map(str, (*words, *outputs))])
    stage.main()


@pytest.mark.parametrize("within", [True, False])
def test_all_stages_score_sigma_within_panels_if_they_are_known(corpus, within, monkeypatch):
    folder = corpus.folder
    outputs = ["--output", folder / "ccc.parquet", "--csv-output", folder / "ccc.csv"]
    run(score, corpus, monkeypatch, within, *outputs)
    table = tables.read(folder / "ccc.parquet")
    outputs = [
        part
        for name in ("intervals", "claims", "hypotheses", "power")
        for part in (f"--{name}-output", folder / f"{name}.parquet")
    ]
    run(evaluate, corpus, monkeypatch, within, *outputs, "--draws", 200)
    intervals = tables.read(folder / "intervals.parquet")
    on_test = table[table["partition"] == "test"].set_index(["modality", "target", "seed"])
    points = intervals[intervals["partition"] == "test"].set_index(["modality", "target"])
    for modality, model in MODELS.items():
        for target in ("E", "sigma"):
            expected = corpus.scored(model, target, within and target == "sigma")
            found = on_test.loc[(modality, target, 1)]
            assert found["ccc"] == pytest.approx(expected, abs=1e-6)
            assert points.loc[(modality, target), "ccc"] == pytest.approx(expected, abs=1e-6)
            known = within and target == "sigma"
            assert found["panels"] == 2 if known else np.isnan(found["panels"])
    rows = (folder / "ccc.csv").read_text().splitlines()
    ends = {(row.split(",")[1], row.rpartition(",")[2]) for row in rows[1:]}
    assert ends == {("E", ""), ("sigma", "2" if within else "")}, "a count"
    sigma = on_test.xs("sigma", level="target")["ccc"].groupby("modality").first()
    if within:
        assert sigma["audio"] > 0.9, "it knows the moments"
        assert abs(sigma["video"]) < 0.1, "it only knows who rated"
    else:
        assert sigma["audio"] < 0.3
        assert sigma["video"] > 0.9


def test_groups_are_scored_in_the_same_way(corpus, monkeypatch):
    folder = corpus.folder
    outputs = ["--output", folder / "ccc.parquet", "--csv-output", folder / "ccc.csv"]
    found = {}
    for within in (True, False):
        run(score, corpus, monkeypatch, within, *outputs)
        words = ["--scores", folder / "ccc.parquet", "--groups", "sex", "--draws", 200]
        words += ["--output", folder / "groups.parquet", "--csv-output", folder / "groups.csv"]
        run(group_scores, corpus, monkeypatch, within, *words)
        table = tables.read(folder / "groups.parquet")
        found[within] = table[table["target"] == "sigma"].set_index("value")
    assert set(found[True]["modality"]) == {"audio"}
    assert (found[True]["ccc"] > 0.9).all()
    assert set(found[False]["modality"]) == {"video"}, "the model that knows who rated"


def test_a_single_panel_changes_nothing(corpus):
    """Not a byte, and not what single recordings are worth."""
    truth = corpus.truth
    recordings = read_recordings(corpus.folder / "recordings.csv")
    predictions = truth[["recording", "time"]].assign(sigma=truth["sigma_moments"])
    targets = truth[["recording", "time", "sigma"]]
    without = score_predictions(targets, predictions, recordings, "sigma")
    one = score_predictions(targets.assign(panel=7), predictions, recordings, "sigma")
    pd.testing.assert_frame_equal(
        one.drop(columns="panels"), without.drop(columns="panels"), check_exact=True
    )
    assert set(one["panels"]) == {1}
    two = targets.assign(panel=targets["recording"].map(panel_of).eq("far").astype(int))
    found = score_predictions(two, predictions, recordings, "sigma")
    single = ["ccc_recording_mean", "ccc_recording_worst", "worst_recording"]
    pd.testing.assert_frame_equal(found[single], without[single], check_exact=True)
    assert (found["ccc"] > without["ccc"] + 0.5).all()
    assert (found["pearson"] > without["pearson"] + 0.5).all()
    assert (found["rmse"] < without["rmse"]).all()


def test_a_panel_is_a_set_of_raters(corpus):
    weights = tables.read_batches(
        corpus.folder / "weights", read_recordings(corpus.folder / "recordings.csv")
    )
    found = panels(weights)
    assert list(found) == NAMES
    assert {found[name] for name in NAMES if panel_of(name) == "near"} == {found["r01"]}
    assert len(set(found.values())) == 2
    shuffled = weights.sample(frac=1, random_state=0).sort_values("recording", kind="stable")
    assert panels(shuffled) == found, "in any order"
    some = read_recordings(corpus.folder / "recordings.csv")[:4]
    frames = read_targets(corpus.folder / "dataset", some, "m", corpus.folder / "weights")
    assert frames.groupby("recording")["panel"].first().tolist() == [0, 1, 0, 1]
    assert "panel" not in read_targets(corpus.folder / "dataset", some, "m")


def test_levels_by_hand():
    panel = np.array([0, 0, 1, 1, 1])
    found = within_panels(np.array([1.0, 3.0, 10.0, np.nan, 14.0]), panel)
    np.testing.assert_array_equal(found, [6.0, 8.0, 5.0, np.nan, 9.0])
    same = np.array([1.0, np.nan, 2.0], dtype=np.float32)
    np.testing.assert_array_equal(within_panels(same, np.array([3, 3, 3])), same)
    nothing = within_panels(np.full(2, np.nan), np.array([0, 1]))
    assert np.isnan(nothing).all()
    assert len(within_panels(np.array([]), np.array([], dtype=int))) == 0
