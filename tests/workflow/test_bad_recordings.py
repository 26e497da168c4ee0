"""Recordings that cannot be read: they stop the run, or are left out and accounted for."""

import shutil

import numpy as np
import pandas as pd
import pytest
from projects import Project, digests

from softaer.core import tables
from softaer.predictor import Predictor

pytestmark = pytest.mark.workflow


def corpus_of(project: Project, finished: Project, bad: dict[str, dict]) -> dict:
    """Lay out the small corpus as a table; some cells of some recordings are replaced.

    Returns
    -------
    Its configuration.
    """
    made = finished.path("results/corpus")
    shutil.copytree(made / "annotations", project.path("annotations"))
    rows = []
    for row in pd.read_csv(made / "recordings.csv").drop(columns="batch").to_dict("records"):
        row |= {"audio": made / row["media"], "video": made / row.pop("media")}
        rows.append(row | bad.get(row["recording"], {}))
    pd.DataFrame(rows).to_csv(project.path("recordings.csv"), index=False)
    return {
        "corpus": {"recordings": "recordings.csv"},
        "tasks": ["multi"],
        "dimensions": ["arousal"],
    }


def test_a_broken_clip_is_named_in_the_output_of_the_run(empty_project):
    empty_project.path("broken.mp4").write_bytes(b"not a film")
    pd.DataFrame([{"recording": "a", "media": "broken.mp4"}]).to_csv(
        empty_project.path("recordings.csv"), index=False
    )
    outcome = empty_project.run("extract", config={"corpus": {"recordings": "recordings.csv"}})
    assert outcome.returncode != 0
    assert "recording 'a': broken.mp4: cannot be decoded" in outcome.output
    assert not list(empty_project.path("results").rglob("*.parquet*"))
    # The last lines say it without the commands.
    *_, last = outcome.output.partition(" failed:\n")
    assert "  audio_lld/a: recording 'a': broken.mp4: cannot be decoded" in last
    assert "    log: results/logs/audio_lld/a.log" in last
    assert "python -m" not in last


def test_skipped_recordings_are_left_out_and_accounted_for(empty_project, finished_project):
    """One of the test recordings lacks both modalities, one of train has no sound."""
    for name in ("broken.mp4", "silent.wav"):
        empty_project.path(name).write_bytes(b"not a film")
    bad = {
        "rec01": {"audio": "silent.wav"},
        "rec03": {"audio": "broken.mp4", "video": "broken.mp4"},
    }
    config = corpus_of(empty_project, finished_project, bad)
    more = pd.read_csv(empty_project.path("recordings.csv"))
    good = more[more["recording"] == "rec03"].assign(
        recording="rec05",
        audio=finished_project.path("results/corpus/media/rec03.mp4"),
        video=finished_project.path("results/corpus/media/rec03.mp4"),
    )
    pd.concat([more, good]).to_csv(empty_project.path("recordings.csv"), index=False)

    refused = empty_project.run(config=config)
    assert refused.returncode != 0
    assert "cannot be decoded" in refused.output
    extracted = {
        path: path.stat().st_mtime_ns
        for path in empty_project.path("results/audio_lld").glob("*.parquet")
    }

    config |= {"on_bad_recording": "skip"}
    outcome = empty_project.run("all", "results/status.csv", config=config)
    assert outcome.returncode == 0, outcome.output
    assert {path: path.stat().st_mtime_ns for path in extracted} == extracted

    status = pd.read_csv(empty_project.path("results/status.csv")).set_index(["recording", "stage"])
    skipped = status[status["reason"].notna()]
    assert set(skipped.index) == {
        ("rec01", "audio_lld"),
        ("rec03", "audio_lld"),
        ("rec03", "landmarks"),
    }
    assert (skipped["frames"] == 0).all()

    dataset = pd.read_parquet(empty_project.path("results/dataset/audio/rec01.parquet"))
    assert dataset["F0final_sma_mean"].isna().all()
    page = empty_project.path("results/report.html").read_text(encoding="utf-8")
    assert "Without features" in page
    assert "silent.wav: cannot be decoded" in page
    assert f'<td class="text">audio</td><td>{len(dataset)}</td><td>yes</td>' in page
    assert '<td class="text">rec03</td>' in page

    scores = pd.read_csv(empty_project.path("results/ccc.csv"))
    test = scores[scores["partition"] == "test"]
    assert (test["recordings"] == 1).all()

    # The file is mended: it alone is read, and counts.
    before = digests(empty_project.path("results/landmarks"))
    media = finished_project.path("results/corpus/media/rec03.mp4")
    shutil.copyfile(media, empty_project.path("broken.mp4"))
    outcome = empty_project.run(config=config)
    assert outcome.returncode == 0, outcome.output
    assert outcome.count("landmarks") == 1
    after = digests(empty_project.path("results/landmarks"))
    assert {name for name in after if after[name] != before[name]} == {"rec03.parquet"}
    scores = pd.read_csv(empty_project.path("results/ccc.csv"))
    assert (scores.loc[scores["partition"] == "test", "recordings"] == 2).all()


def test_without_pictures_the_sound_alone_is_scored_as_the_packed_model_predicts(
    empty_project, finished_project
):
    """One more recording each in dev and test, heard but not seen."""
    config = corpus_of(empty_project, finished_project, {})
    path = empty_project.path("recordings.csv")
    rows = pd.read_csv(path)
    dark = [
        rows[rows["partition"] == partition]
        .iloc[[0]]
        .assign(recording=f"dark_{partition}", subject=f"dark_{partition}", video=None)
        for partition in ("dev", "test")
    ]
    pd.concat([rows, *dark]).to_csv(path, index=False)
    outcome = empty_project.run(config=config)
    assert outcome.returncode == 0, outcome.output

    def result(name):
        table = tables.read(empty_project.path(f"results/{name}.parquet"))
        return table.set_index(["recording", "time"]).sort_index()

    fused = result("fuse/arousal/multi/seed1")
    alone = {m: result(f"postprocess/arousal/{m}/multi/seed1") for m in ("audio", "video")}
    predictor = Predictor.load(empty_project.path("results/packed_model"))
    for name, own in fused.groupby("recording"):
        is_dark = name.startswith("dark")
        for target in ("E", "sigma"):
            assert (own[target] == alone["audio"].loc[own.index, target]).all() == is_dark
        last = own.index.get_level_values("time").max() + 1e-6
        features = {}
        for modality in alone:
            table = tables.read(empty_project.path(f"results/{modality}_features/{name}.parquet"))
            features[modality] = table[table["time"] <= last]
        found = predictor.predict_features(features)
        np.testing.assert_allclose(found["arousal_E"], own["E"], atol=1e-5)
        np.testing.assert_allclose(found["arousal_sigma"], own["sigma"].clip(lower=0), atol=1e-5)

    scores = pd.read_csv(empty_project.path("results/ccc.csv"))
    lacking = scores.groupby("modality")["lacking"].agg(set).to_dict()
    assert lacking == {"audio": {0}, "video": {1}, "audio+video": {1}}
    assert (scores["recordings"] == 2).all()
    page = empty_project.path("results/report.html").read_text(encoding="utf-8")
    assert "no video in the table of recordings" in page


def test_tighter_limits_do_not_cost_what_has_been_extracted(empty_project, finished_project):
    config = corpus_of(empty_project, finished_project, {})
    assert empty_project.run("extract", config=config).returncode == 0
    before = digests(empty_project.path("results"))
    tight = config | {"media": {"max_duration": 1.0}}
    outcome = empty_project.run("extract", config=tight)
    assert outcome.returncode == 0, outcome.output
    assert "Nothing to be done" in outcome.output
    # Something that asks for extraction anew is refused before anything is given up.
    outcome = empty_project.run("extract", config=tight | {"video": {"refine": False}})
    assert outcome.returncode != 0
    assert "expected at most 1 (media.max_duration)" in outcome.output
    assert digests(empty_project.path("results")) == before
