"""What is there after a whole run, and that it can be reproduced."""

import os
import re
import subprocess
import sys
import zipfile

import av
import numpy as np
import pandas as pd
import plotly.offline
import pytest
from projects import TINY, copied, digest
from scipy.io import wavfile
from scipy.ndimage import gaussian_filter1d

from softaer.core.tasks import HUMAN

pytestmark = pytest.mark.workflow

STAGES_PER_BATCH = [
    "audio_lld",
    "audio_features",
    "landmarks",
    "video_features",
    "ratings",
    "labels",
    "dataset/audio",
    "dataset/video",
]


def test_the_table_has_every_score_once(finished_project):
    scores = pd.read_csv(finished_project.path("results/ccc.csv"))
    keys = ["dimension", "target", "modality", "task", "fusion", "partition", "seed"]
    assert {*keys, "ccc", "ccc_raw", "ccc_out_of_fold"} <= set(scores.columns)
    # Audio, video, their fusion and their mean; two tasks and two baselines.
    assert len(scores) == 2 * 2 * 4 * 4 * 2
    assert not scores.duplicated(keys).any()
    assert set(scores["modality"]) == {"audio", "video", "audio+video"}
    assert set(scores["task"]) == {"single", "multi", "ridge", "constant"}
    baseline = scores["task"].isin(["ridge", "constant"])
    assert ((scores["seed"] == 0) == baseline).all()
    assert (scores.loc[scores["task"] == "constant", "ccc"] == 0).all()
    fused = scores["modality"] == "audio+video"
    assert set(scores.loc[fused, "fusion"]) == {"least_squares", "mean"}
    assert scores.loc[~fused, "fusion"].isna().all()
    assert set(scores["partition"]) == {"dev", "test"}
    assert scores["ccc"].between(-1, 1).all()


def test_csv_and_parquet_say_the_same(finished_project):
    from_csv = pd.read_csv(finished_project.path("results/ccc.csv"))
    from_parquet = pd.read_parquet(finished_project.path("results/ccc.parquet"))
    pd.testing.assert_frame_equal(from_csv, from_parquet, atol=1e-6, check_dtype=False)


@pytest.mark.parametrize("stage", STAGES_PER_BATCH)
def test_tables_of_batches_begin_with_recording_and_time(finished_project, stage):
    files = sorted(finished_project.path(f"results/{stage}").glob("*.parquet"))
    assert [file.stem for file in files] == ["dev1", "test1", "train1"]
    for file in files:
        assert list(pd.read_parquet(file).columns[:2]) == ["recording", "time"]


def test_numbers_of_features(finished_project):
    audio = pd.read_parquet(finished_project.path("results/audio_features/train1.parquet"))
    video = pd.read_parquet(finished_project.path("results/video_features/train1.parquet"))
    assert audio.shape[1] - 2 == 130
    assert video.shape[1] - 2 == 98


def test_the_report_is_one_self_contained_page_that_says_what_it_is_about(finished_project):
    page = finished_project.path("results/report.html").read_text(encoding="utf-8")
    page = page.replace(plotly.offline.get_plotlyjs(), "")
    assert "Simulated corpus" in page
    assert "ublished scores" not in page
    assert page.count("<svg") == 6
    assert page.count('<img src="data:image/jpeg;base64,') >= 4
    assert re.search(r"<td[^>]*>landmarks</td><td>3</td>", page), "run times"
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", page)
    scores = pd.read_parquet(finished_project.path("results/ccc.parquet"))
    for value in scores["ccc"]:
        assert f"{value:.3f}".replace("-", "−") in page
    for claim in ("multi-task &gt; single-task", "fusion &gt; better modality"):
        assert claim in page


def test_figures_and_table_for_a_paper_lie_beside_the_report(finished_project):
    names = ["agreement", "frame_pairs", "learning_curves", "raters", "scores", "traces"]
    names += ["uncertainty"]
    files = sorted(path.name for path in finished_project.path("results/figures").iterdir())
    assert files == [f"{name}.{kind}" for name in names for kind in ("pdf", "svg")]
    for path in finished_project.path("results/figures").iterdir():
        assert path.read_bytes().startswith((b"%PDF", b"<?xml"))
    scores = pd.read_parquet(finished_project.path("results/ccc.parquet"))
    table = finished_project.path("results/ccc.tex").read_text()
    for value in scores["ccc"]:
        assert f"{value:.3f}" in table


def test_the_raters_agreement_is_there(finished_project):
    pairs = pd.read_parquet(finished_project.path("results/agreement/pairs.parquet"))
    raters = pd.read_parquet(finished_project.path("results/agreement/raters.parquet"))
    count = raters.groupby("dimension").size()
    assert (count == count.iloc[0]).all()
    assert len(pairs) == 2 * count.iloc[0] * (count.iloc[0] - 1) / 2
    assert (raters["recordings"] == 4).all()
    dimensions = pd.read_parquet(finished_project.path("results/agreement/dimensions.parquet"))
    for name in ("alpha", "icc_single", "icc_mean"):
        assert dimensions[name].between(-1, 1).all()
    reliability = pd.read_parquet(finished_project.path("results/agreement/reliability.parquet"))
    assert list(reliability["rule"]) == ["K", "K", "K - 1"] * len(dimensions)
    assert (reliability.loc[reliability["target"] == "E", "reliability"] > 0.5).all()
    curve = pd.read_parquet(finished_project.path("results/agreement/curve.parquet"))
    assert curve.groupby(["dimension", "target", "rule"]).size().min() >= 29


def test_what_sigma_is_worth_is_there(finished_project):
    scores = pd.read_parquet(finished_project.path("results/distribution.parquet"))
    assert set(scores["series"]) >= {"predicted", "constant spread", "ridge", "climatology"}
    assert scores[["crps", "nll", "width_80"]].notna().all(axis=None)
    own = scores[scores["series"] == "predicted"]
    assert (own["a"] > 0).all()
    for dimension, task in zip(own["dimension"], own["task"], strict=True):
        frames = pd.read_parquet(
            finished_project.path(f"results/predictive/{dimension}/{task}.parquet")
        )
        spread = frames["spread"]
        assert (spread >= frames["sigma"]).all()


def test_a_run_and_its_copy_do_not_differ(finished_project, tmp_path):
    copy = copied(finished_project, tmp_path / "copy")
    command = [sys.executable, "-m", "softaer", "compare"]
    command += [finished_project.directory, copy.directory, "--output", tmp_path / "out"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No key that affects scores differs" in (tmp_path / "out/comparison.html").read_text()
    table = pd.read_csv(tmp_path / "out/comparison.csv")
    assert (table["difference"].dropna() == 0).all()
    np.testing.assert_allclose(table["ccc"], table["ccc_own_frames"], atol=1e-6)
    scores = pd.read_csv(finished_project.path("results/ccc.csv"))
    assert set(table["modality"]) == set(scores["modality"])


def test_a_frozen_run_agrees_with_its_copy(finished_project, tmp_path):
    archive, copy = tmp_path / "run.zip", copied(finished_project, tmp_path / "copy")
    for words in (["freeze", finished_project.directory, "-o"], ["verify"]):
        command = [sys.executable, "-m", "softaer", *words, archive]
        command += [copy.directory] if words == ["verify"] else []
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert "not in the run" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[1:3] == ["configuration  the same", "software       the same"]
    assert re.fullmatch(r"The results agree: of (\d+) tables, \1 same bytes\.", lines[-1])
    with zipfile.ZipFile(archive) as file:
        assert not [name for name in file.namelist() if name.endswith((".mp4", ".html", ".svg"))]


def test_every_scored_recording_stands_in_its_table_with_the_scores_table_agrees(finished_project):
    each = pd.read_csv(finished_project.path("results/recordings.csv"))
    scores = pd.read_csv(finished_project.path("results/ccc.csv"))
    keys = ["dimension", "target", "modality", "task", "fusion", "partition"]
    rmse = scores.fillna({"fusion": ""}).groupby(keys)["rmse"].mean()
    for row in each[each["partition"] == "test"].fillna({"fusion": ""}).itertuples():
        # One recording in test: its error is that of the partition.
        assert row.rmse == pytest.approx(rmse[tuple(getattr(row, key) for key in keys)], abs=1e-5)
    assert len(each) == 2 * 2 * each["recording"].nunique()
    assert (each["raters"] > 1).all()


def test_a_video_of_a_rated_recording_has_its_traces_below(finished_project, tmp_path):
    project = copied(finished_project, tmp_path / "copy")
    outcome = project.run("inspect")
    assert outcome.returncode == 0, outcome.output
    assert outcome.rules == {"inspect_video"}
    each = pd.read_csv(project.path("results/recordings.csv"))
    names = sorted(each.loc[each["partition"] == "test", "recording"].unique())
    videos = sorted(project.path("results/inspect").glob("*.mp4"))
    assert [path.stem for path in videos] == names
    source = project.path(f"results/corpus/media/{names[0]}.mp4")
    with av.open(str(source)) as given, av.open(str(videos[0])) as made:
        assert len(list(made.decode(video=0))) == len(list(given.decode(video=0)))
        assert made.streams.video[0].height > made.streams.video[0].width
    outcome = project.run("inspect", config={"inspect": {"names": ["nobody"]}})
    assert outcome.returncode != 0
    assert "config key 'inspect.names': found 'nobody'; expected rated recordings" in outcome.output


def test_snakemakes_own_report_has_all_items_with_their_captions(finished_project, tmp_path):
    page = tmp_path / "snakemake_report.html"
    outcome = finished_project.run("--report", str(page))
    assert outcome.returncode == 0, outcome.output
    text = page.read_text(encoding="utf-8")
    for category in ("Figures", "Report", "Scores"):
        assert f'"{category}"' in text
    captions = sorted((finished_project.source / "workflow/report").glob("*.rst"))
    # It takes three modalities to ask what each adds, and the configuration to name groups.
    captions = [c for c in captions if c.stem not in ("contributions", "groups")]
    assert len(captions) == 11
    for caption in captions:
        first = caption.read_text().split("(")[0].split(";")[0].split("\n")[0][:40]
        assert first in text, caption.name


def test_extraction_tells_its_progress(finished_project):
    for stage in ("landmarks", "audio_lld"):
        log = finished_project.path(f"results/logs/{stage}/train1.log").read_text()
        assert re.search(r"^rec01 done: \d+ frames, \d+ frames/s, 10.* left$", log, re.MULTILINE)


def test_a_second_run_has_nothing_to_do(finished_project):
    outcome = finished_project.run()
    assert outcome.returncode == 0
    assert "Nothing to be done" in outcome.output


@pytest.mark.parametrize(
    "target",
    [
        "results/corpus/media/rec01.mp4",
        "results/landmarks/dev1.parquet",
        "results/audio_lld/dev1.parquet",
        "results/train/valence/video/E+sigma/cells~8/seed1/weights.safetensors",
        "results/ccc.csv",
        "results/intervals.parquet",
        "results/power.parquet",
        "results/report.html",
    ],
)
def test_a_forced_job_gives_the_same_bytes(finished_project, tmp_path, target):
    project = copied(finished_project, tmp_path / "run")
    stamp = project.path(target).stat().st_mtime_ns
    outcome = project.run("--force", target)
    assert outcome.returncode == 0, outcome.output
    assert project.path(target).stat().st_mtime_ns > stamp
    assert digest(project.path(target)) == digest(finished_project.path(target))


def test_a_printed_command_can_be_pasted(finished_project):
    outcome = finished_project.run("--forcerun", "standardisation", "--dry-run", "--printshellcmds")
    command = next(
        line.removeprefix("Shell command: ").strip()
        for line in outcome.output.splitlines()
        if "softaer.standardisation" in line
    )
    output = finished_project.path("results/standardisation/audio.parquet")
    pasted = command.replace("results/standardisation/", "pasted_").split(" > ")[0]
    subprocess.run(
        ["bash", "-c", pasted],
        cwd=finished_project.directory,
        env=os.environ
        | {
            "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
            "PYTHONPATH": str(finished_project.source / "workflow"),
        },
        check=True,
    )
    made = next(finished_project.directory.glob("pasted_*.parquet"))
    assert digest(made) == digest(output.with_name(made.name.removeprefix("pasted_")))


def test_intervals_and_answers_are_there_for_every_model(finished_project):
    intervals = pd.read_parquet(finished_project.path("results/intervals.parquet"))
    # A dev partition of one subject has no estimate out of fold of fitted coefficients.
    fused = intervals["fusion"] == "least_squares"
    assert set(intervals.loc[fused, "partition"]) == {"test"}
    scores = pd.read_parquet(finished_project.path("results/ccc.parquet"))
    systems = ["dimension", "target", "modality", "task", "fusion"]
    assert len(intervals[intervals["partition"] == "test"]) == len(
        scores[systems].drop_duplicates()
    )
    known = intervals.dropna(subset=["low", "high"])
    assert (known["low"] <= known["high"]).all()
    # Few subjects and one seed: a range, and nothing is decided.
    assert set(intervals["kind"]) == {"range"}
    hypotheses = pd.read_parquet(finished_project.path("results/hypotheses.parquet"))
    assert set(hypotheses["answer"]) == {"undecided (few units)"}
    compared = hypotheses["hypothesis"].value_counts().to_dict()
    assert compared["multi-task > single-task"] == 2 * 2 * 3
    assert compared["fusion > better modality"] == compared["fusion > plain mean"] == 2 * 2 * 2
    assert len(pd.read_parquet(finished_project.path("results/power.parquet"))) == 0


def test_the_ceiling_has_raters_and_planted_truth(finished_project):
    ceiling = pd.read_parquet(finished_project.path("results/ceiling.parquet"))
    assert set(ceiling["reference"]) == {HUMAN, "planted truth"}
    raters = ceiling[ceiling["reference"] == HUMAN]
    assert set(raters["partition"]) == {"train", "dev", "test"}
    assert raters["ccc"].between(-1, 1).all()


def test_variants_of_the_experiment_run_to_the_report(empty_project):
    config = {
        "tasks": ["multi", "joint"],
        "simulate": {"recordings": 6, "duration": 24},
        "video": {"rate": 10.0, "refine": False},
        "delay": {"arousal": 4.0, "valence": 4.5},
        "labels": {
            **{"alignment": "estimated", "estimator": "ewe", "weights": "corpus"},
            "screen": ["flat", "inverted", "unrelated"],
        },
        "model": {"cell": "gru", "layers": 1, "cells": 8},
        "training": {"max_steps": 4, "loss": "ccc", "task_weights": "learned"},
        "seeds": [1, 2],
    }
    outcome = empty_project.run(config=config)
    assert outcome.returncode == 0, outcome.output
    page = empty_project.path("results/report.html").read_text(encoding="utf-8")
    for words in ("Lags of the raters", "joint &gt; multi-task"):
        assert words in page
    scores = pd.read_csv(empty_project.path("results/ccc.csv"))
    assert set(scores["task"]) == {"multi", "joint", "ridge", "constant"}
    networks = scores["task"].isin(["multi", "joint"])
    assert set(scores.loc[networks, "seed"]) == {"1", "2", "mean"}
    lags = pd.read_parquet(empty_project.path("results/rater_lags.parquet"))
    assert lags["note"].isna().all()
    screen = pd.read_parquet(empty_project.path("results/rater_screen.parquet"))
    assert set(lags["rater"]) == set(screen.loc[~screen["excluded"], "rater"])
    assert lags["lag"].abs().max() < 2.0


def test_a_delay_is_estimated(empty_project):
    """Raters follow the loudness of a noise, four seconds late."""
    chance = np.random.default_rng(1)
    folder = empty_project.path("corpus")
    folder.mkdir()
    rows = ["recording,subject,partition,audio,annotations"]
    for number, partition in enumerate(("train", "train", "train", "dev", "test")):
        seconds = np.arange(60 * 16000) / 16000
        now = np.arange(-5, 60, 0.1)
        track = gaussian_filter1d(chance.standard_normal(len(now) + 50), 25)[: len(now)]
        track /= np.abs(track).max()
        loudness = np.interp(seconds, now, 0.5 + 0.4 * track)
        sound = loudness * chance.standard_normal(len(seconds)) * 6000
        wavfile.write(folder / f"r{number}.wav", 16000, sound.clip(-32767, 32767).astype(np.int16))
        times = np.arange(600) / 10
        raters = [np.interp(times - lag, now, track) for lag in (3.8, 4.0, 4.2)]
        lines = [",".join(f"{x:.4f}" for x in row) for row in zip(times, *raters, strict=True)]
        (folder / f"r{number}.csv").write_text("\n".join(["time,a,b,c", *lines]) + "\n")
        rows.append(f"r{number},s{number},{partition},r{number}.wav,r{number}.csv")
    (folder / "recordings.csv").write_text("\n".join(rows) + "\n")
    config = {"corpus": {"recordings": "corpus/recordings.csv"}, "dimensions": ["arousal"]}
    config |= {"modalities": ["audio"], "delay": "estimated"}
    outcome = empty_project.run("results/dataset/audio/r0.parquet", config=config)
    assert outcome.returncode == 0, outcome.output
    delays = pd.read_parquet(empty_project.path("results/annotation_delay.parquet"))
    assert delays.loc[delays["chosen"], "delay"].between(3.0, 5.0).all()


def test_a_delay_that_cannot_be_estimated_stops_the_run(empty_project):
    """Ten seconds of two subjects tell nothing, and no number is made up."""
    outcome = empty_project.run(
        "results/annotation_delay.parquet", config=TINY | {"delay": "estimated", "max_delay": 3.0}
    )
    assert outcome.returncode != 0
    assert "error: delay of 'arousal': " in outcome.output
    assert "or a fixed delay (config key 'delay'" in outcome.output
    assert not empty_project.path("results/annotation_delay.parquet").exists()


def test_the_best_of_a_grid_is_chosen(finished_project, tmp_path):
    project = copied(finished_project, tmp_path / "run")
    grid = {"training.learning_rate": [0.001, 0.01]}
    outcome = project.run(config={"grid": grid, "dimensions": ["arousal"], "tasks": ["multi"]})
    assert outcome.returncode == 0, outcome.output
    assert outcome.count("train_network") == 2 * 2
    selection = pd.read_parquet(project.path("results/select/arousal/audio/E+sigma.parquet"))
    assert len(selection) == 2
    assert selection["chosen"].sum() == 1
    best = selection.loc[selection["dev_ccc"].idxmax(), "instance"]
    assert selection.loc[selection["chosen"], "instance"].item() == best
