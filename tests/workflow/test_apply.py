"""What was learnt is applied to recordings that nobody rated."""

import itertools
import json
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import av
import numpy as np
import pandas as pd
import pytest
from projects import Project, copied

from softaer.commands import pack
from softaer.core import schema, tables
from softaer.corpus import read_recordings
from softaer.predictor import Predictor
from softaer.viewing.at_hand import pages

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def applied(finished_project, tmp_path_factory) -> Project:
    """A copy of the finished project, whose models are applied to copies of two recordings."""
    project = copied(finished_project, tmp_path_factory.mktemp("applied") / "run")
    for name in ("rec01", "rec04"):
        shutil.copy2(
            project.path(f"results/corpus/media/{name}.mp4"), project.path(f"new_{name}.mp4")
        )
    names = ("new_rec01", "new_rec04")
    rows = [{"recording": n, "media": f"{n}.mp4", "batch": "new"} for n in names]
    write(project, "new.csv", rows)
    outcome = project.run("apply", config={"apply": {"recordings": "new.csv", "video": True}})
    assert outcome.returncode == 0, outcome.output
    # Nothing was trained again.
    assert outcome.rules == {
        *("audio_lld", "audio_features", "landmarks", "video_features"),
        *("apply_batch", "apply_page", "apply_video"),
    }
    return project


def write(project, name, rows):
    pd.DataFrame(rows).to_csv(project.path(name), index=False)


def test_every_recording_has_traces_a_plot_and_a_video(applied):
    for name in ("new_rec01", "new_rec04"):
        table = pd.read_csv(applied.path(f"results/apply/new/{name}.csv"))
        assert list(table.columns) == [
            *("time", "arousal_E", "arousal_sigma", "arousal_spread"),
            *("valence_E", "valence_sigma", "valence_spread"),
            *("speech", "face", "audio_distance", "video_distance"),
        ]
        assert table["speech"].between(0, 1).all()
        assert 0.1 < table["speech"].mean() < 1
        assert (table["face"] == 1).mean() > 0.9
        assert len(table) >= 100
        assert np.isfinite(table.drop(columns=["face", "video_distance"])).all(axis=None)
        assert (table[["arousal_sigma", "valence_sigma"]] >= 0).all(axis=None)
        np.testing.assert_allclose(table["time"], np.arange(len(table)) / 10)
        whole = tables.read(applied.path("results/apply/new.parquet"))
        parquet = whole[whole["recording"] == name]
        np.testing.assert_allclose(parquet.drop(columns="recording"), table, rtol=1e-4, atol=1e-6)
        plot = ElementTree.parse(applied.path(f"results/apply/new/{name}.svg"))
        assert name in "".join(plot.getroot().itertext())
        with (
            av.open(str(applied.path(f"{name}.mp4"))) as source,
            av.open(str(applied.path(f"results/apply_video/{name}.mp4"))) as made,
        ):
            frames = [f.time for f in made.decode(video=0)]
            assert len(frames) == len(list(source.decode(video=0)))
            assert frames[-1] == pytest.approx(10, abs=0.1)
            assert made.streams.video[0].height > made.streams.video[0].width
            assert float(made.streams.audio[0].duration * made.streams.audio[0].time_base) > 9.5


def test_the_packed_model_predicts_what_the_workflow_has_predicted(applied):
    """On the same frames: the workflow's end where the labels do."""
    predictor = Predictor.load(applied.path("results/packed_model"))
    recordings = read_recordings(applied.path("results/corpus/recordings.csv"))
    for dimension in ("arousal", "valence"):
        fused = tables.read(applied.path(f"results/fuse/{dimension}/multi/seed1.parquet"))
        for recording in recordings:
            own = fused[fused["recording"] == recording.recording].sort_values("time")
            features = {}
            for modality in ("audio", "video"):
                path = applied.path(f"results/{modality}_features/{recording.batch}.parquet")
                table = dict(tables.by_recording(path))[recording.recording]
                features[modality] = table[table["time"] <= own["time"].max() + 1e-6]
            found = predictor.predict_features(features).set_index("time").loc[own["time"]]
            np.testing.assert_allclose(found[f"{dimension}_E"], own["E"], atol=1e-5)
            np.testing.assert_allclose(
                found[f"{dimension}_sigma"], own["sigma"].clip(lower=0), atol=1e-5
            )


def test_a_packed_model_works_elsewhere_without_the_workflow(applied, tmp_path):
    shutil.copytree(applied.path("results/packed_model"), tmp_path / "model")
    table = Predictor.load(tmp_path / "model").predict(applied.path("new_rec01.mp4"))
    expected = pd.read_csv(applied.path("results/apply/new/new_rec01.csv"))
    np.testing.assert_allclose(table, expected, rtol=1e-4, atol=1e-6)
    sound = Predictor.load(tmp_path / "model").predict(audio=applied.path("new_rec01.mp4"))
    assert sound["face"].isna().all()
    np.testing.assert_allclose(sound["speech"], expected["speech"][: len(sound)], atol=1e-6)
    assert np.isfinite(sound[["arousal_E", "valence_sigma", "audio_distance"]]).all(axis=None)
    assert not np.allclose(sound["arousal_E"], expected["arousal_E"][: len(sound)])


def softaer(*words):
    return subprocess.run(
        [sys.executable, "-m", "softaer", *map(str, words)], capture_output=True, text=True
    )


def test_predict_gives_what_apply_gives_byte_by_byte(applied, tmp_path, clips):
    films = [applied.path(f"{name}.mp4") for name in ("new_rec01", "new_rec04")]
    broken = clips / "derived_zero_bytes.mp4"
    words = ("predict", applied.path("results/packed_model"), films[0], broken, films[1])
    done = softaer(*words, "--output-dir", tmp_path)
    assert done.returncode == 1
    assert str(broken) in done.stderr
    for film in films:
        for suffix in (".csv", ".svg"):
            expected = applied.path(f"results/apply/new/{film.stem}{suffix}").read_bytes()
            assert (tmp_path / f"{film.stem}{suffix}").read_bytes() == expected
    assert not list(tmp_path.glob(f"{broken.stem}*"))
    page = (tmp_path / "predictions.html").read_text(encoding="utf-8")
    for film in films:
        assert f'<a href="#trace/{film.stem}">' in page
    assert f"No predictions: {broken}" in page


def test_pages_of_predictions_are_shown_with_their_media(applied, tmp_path):
    names = ["new_rec01", "new_rec04"]
    of_run, _ = pages(applied.directory)
    assert list(of_run) == ["report", "apply"]
    assert list(of_run["apply"].recordings) == names
    film = applied.path("new_rec01.mp4")
    done = softaer("predict", applied.path("results/packed_model"), film, "--output-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    alone, config = pages(tmp_path)
    assert (list(alone), config) == (["predictions"], {})
    assert alone["predictions"].recordings["new_rec01"].video == str(film)
    assert '"here":["new_rec01"]' in alone["predictions"].text("predictions")


def test_predict_writes_the_table_of_apply(applied, tmp_path):
    film = applied.path("new_rec01.mp4")
    words = ("predict", applied.path("results/packed_model"), film, "--format", "parquet")
    done = softaer(*words, "--output-dir", tmp_path)
    assert done.returncode == 0, done.stderr
    whole = tables.read(applied.path("results/apply/new.parquet"))
    own = whole[whole["recording"] == film.stem].reset_index(drop=True)
    pd.testing.assert_frame_equal(tables.read(tmp_path / f"{film.stem}.parquet"), own)


@pytest.mark.parametrize("name", ["given", "given.zip"])
def test_a_packed_experiment_is_handed_on(name, applied, tmp_path):
    done = softaer("pack", applied.path("results"), tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == [name]
    model = Predictor.load(tmp_path / name)
    assert model.description == Predictor.load(applied.path("results/packed_model")).description
    folder = tmp_path / name
    if folder.suffix:
        shutil.unpack_archive(folder, tmp_path / "unpacked")
        folder = tmp_path / "unpacked"
    card = (folder / "README.md").read_text()
    assert "# arousal and valence" in card
    assert "2 to train on, 1 to choose by (dev)" in card
    scores = pd.read_csv(applied.path("results/ccc.csv"))
    own = scores.query("modality == 'audio+video' and partition == 'test'")
    counts = own["recordings"].unique()
    keys = ["dimension", "target", "task", "fusion"]
    ccc = own.set_index(keys)["ccc"]
    models = [("multi", "least_squares"), ("multi", "mean")]
    models += [("ridge", "least_squares"), ("constant", "least_squares")]
    for dimension, target in itertools.product(("arousal", "valence"), ("E", "sigma")):
        cells = [f"{ccc[dimension, target, task, fusion]:.3f}" for task, fusion in models]
        assert f"| {' | '.join([dimension, target, *cells, str(*counts)])} |" in card
    assert "| dimension | target | CCC | plain mean | ridge | mean of train | recordings |" in card
    assert "say nothing about people" in card


def test_the_same_model_packs_to_the_same_bytes(applied, tmp_path):
    for name in ("a.zip", "b.zip"):
        pack.pack(applied.path("results"), tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_what_is_there_is_not_packed_over(applied, tmp_path):
    (tmp_path / "mine").mkdir()
    done = softaer("pack", applied.path("results"), tmp_path / "mine")
    assert done.returncode == 1
    assert f"{tmp_path / 'mine'}: is there already" in done.stderr


def test_of_real_recordings_it_is_not_said_that_they_are_simulated(applied, tmp_path):
    results = tmp_path / "results"
    shutil.copytree(applied.path("results"), results)
    for path in (results / "coverage").iterdir():
        table = tables.read(path)
        tables.write(table.replace({"recording": {"rec01": "p01"}}), schema.COVERAGE, path)
    card = pack.card(Predictor.load(results / "packed_model"), results)
    assert "CCC" in card
    assert "simulated" not in card


def test_the_model_says_what_it_is(applied):
    model = json.loads(applied.path("results/packed_model/model.json").read_text())
    assert model["task"] == "multi"
    assert model["fusion_method"] == "least_squares"
    assert model["trained_on"] == {"train": 2, "dev": 1}
    assert model["delay"] == {"arousal": 4.0, "valence": 4.0}
    assert model["software"]["torch"].startswith("2.")
    assert [len(names) for names in model["features"].values()] == [130, 98]


def test_another_experiment_applies_the_model_without_training(applied, empty_project):
    shutil.copytree(applied.path("results/packed_model"), empty_project.path("model"))
    shutil.copy2(applied.path("new_rec01.mp4"), empty_project.path("new_rec01.mp4"))
    rows = [{"recording": "new_rec01", "media": "new_rec01.mp4", "batch": "new"}]
    write(empty_project, "new.csv", rows)
    config = {"apply": {"recordings": "new.csv", "model": "model"}}
    outcome = empty_project.run("apply", config=config)
    assert outcome.returncode == 0, outcome.output
    assert "packed_model" not in outcome.rules
    assert empty_project.path("results/apply/new/new_rec01.csv").read_bytes() == (
        applied.path("results/apply/new/new_rec01.csv").read_bytes()
    )
    outcome = empty_project.run("apply", config=config | {"audio": {"window": 2.0}})
    assert outcome.returncode != 0
    assert "'audio.window': found 2.0; expected 4.0, with which the model" in outcome.output


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"recording": "rec01", "media": "a.mp4"}], "found 'rec01', which"),
        ([{"recording": "a", "media": "a.mp4", "batch": "train1"}], "found 'train1', which"),
        ([{"recording": "a b", "media": "a.mp4"}], "found 'a b'; expected a name"),
    ],
)
def test_names_of_the_corpus_are_not_given_again(rows, said, empty_project):
    write(empty_project, "new.csv", rows)
    outcome = empty_project.run("apply", config={"apply": {"recordings": "new.csv"}})
    assert outcome.returncode != 0
    assert said in outcome.output


def test_without_anything_to_apply_to_it_says_so(empty_project):
    outcome = empty_project.run("apply")
    assert outcome.returncode != 0
    assert "no recording without annotations" in outcome.output


def test_real_clips_have_finite_traces(applied, clips):
    recordings = sorted(clips.glob("grid_*.mpg"))
    write(
        applied,
        "grid.csv",
        [{"recording": c.stem, "media": str(c), "batch": "grid"} for c in recordings],
    )
    outcome = applied.run("apply", config={"apply": {"recordings": "grid.csv"}})
    assert outcome.returncode == 0, outcome.output
    for clip in recordings:
        table = pd.read_csv(applied.path(f"results/apply/grid/{clip.stem}.csv"))
        assert len(table) == 30
        assert np.isfinite(table.filter(regex="_E$|_sigma$")).all(axis=None)
