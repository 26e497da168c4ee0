"""Modalities of all kinds, from the configuration to the report and to new recordings."""

import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from projects import TINY, Project, copied, digest, digests, new_project, once
from rerun_cases import FILES

from softaer import modalities
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.predictor import Predictor

pytestmark = pytest.mark.workflow

RECORDINGS = ["rec01", "rec02", "rec03"]
LACKING = "rec03"
"""A recording of test without a feature table."""

ANOTHER_PROCESS = """
import csv, math, random, sys
for path in sys.argv[1:]:
    draw = random.Random(path[-9:])
    with open(path, "w", newline="") as file:
        rows = csv.writer(file, delimiter=";")
        rows.writerow(["name", "time_ms", "x", "y"])
        for k in range(200):
            rows.writerow([path, 40 * k, math.sin(k / 9) + draw.random(), draw.random()])
"""
"""Writes a feature table at 25 rows per second for each path."""

MODALITIES = {
    "voice": {"source": "lld", "feature_set": "eGeMAPSv02", "functionals": ["mean", "variance"]},
    "audio": {},
    "video": {},
    "w2v": {"source": "table", "files": "features/{recording}.csv", "functionals": ["mean", "sd"]},
    "loud": {"source": "loudness.py", "frame": 0.05},
    "head": {"source": "face", "features": ["pose", "eyes"], "functionals": ["mean", "sd"]},
    "early": {"source": "concat", "of": ["audio", "w2v"]},
}
ORDER = ["audio", "video", "voice", "w2v", "loud", "head", "early"]
ALL = "+".join(ORDER)
SUBSETS = [["video", "audio"], ["w2v", "early"], ORDER]
FUSIONS = ["audio+video", "w2v+early", ALL]
CONFIG = TINY | {"modalities": MODALITIES, "fusion": {"of": SUBSETS}}


def write_tables(project: Project, names) -> None:
    """Feature tables of some recordings, written by another process."""
    project.path("features").mkdir(exist_ok=True)
    paths = [str(project.path(f"features/{name}.csv")) for name in names]
    subprocess.run([sys.executable, "-I", "-c", ANOTHER_PROCESS, *paths], check=True)


@pytest.fixture(scope="module")
def finished(root, tmp_path_factory) -> Project:
    """A small corpus with modalities of all kinds, carried to the report."""

    def make(folder):
        project = new_project(root, folder)
        write_tables(project, [name for name in RECORDINGS if name != LACKING])
        page = (root / "docs/modalities.md").read_text(encoding="utf-8")
        (source,) = re.findall(r"^```py\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
        project.path("loudness.py").write_text(source)
        outcome = project.run(config=CONFIG)
        assert outcome.returncode == 0, outcome.output

    made = once(tmp_path_factory, "modalities", make)
    return copied(Project(made / "project", made / "run"), tmp_path_factory.mktemp("m") / "run")


def test_every_modality_and_every_fusion_is_scored(finished):
    scores = pd.read_csv(finished.path("results/ccc.csv"))
    assert list(scores["modality"].unique()) == [*ORDER, *FUSIONS]
    assert scores["ccc"].notna().all()
    fused = scores[scores["modality"].isin(FUSIONS)]
    assert set(fused["fusion"]) == {"least_squares", "mean"}
    counts = fused.groupby("modality").size()
    assert counts.nunique() == 1
    page = finished.path("results/report.html").read_text(encoding="utf-8")
    for name in ORDER:
        assert len(re.findall(rf"--of-{name}: #", page)) == 2, name
    for stage in (
        "feature_table",
        "source_table",
        "table_features",
        "face_features",
        "concatenated_features",
    ):
        assert f">{stage}<" in page


def test_features_have_the_columns_of_their_source(finished):
    def columns(name):
        return tables.columns(finished.path(f"results/{name}_features/train1.parquet"))[2:]

    assert len(columns("audio")) == 130
    assert len(columns("voice")) == 2 * 25
    assert columns("w2v") == ["x_mean", "y_mean", "x_sd", "y_sd"]
    assert columns("loud") == ["level_mean"]
    assert len(columns("head")) == 2 * 9
    assert {"pose_yaw_mean", "pose_yaw_sd"} <= set(columns("head"))
    own = [f"{part}_{name}" for part in ("audio", "w2v") for name in columns(part)]
    assert columns("early") == own


def test_table_features_are_those_of_numpy(finished):
    found = tables.read(finished.path("results/w2v_features/train1.parquet")).set_index("time")
    rows = pd.read_csv(finished.path("features/rec01.csv"), sep=";")
    time = rows["time_ms"].to_numpy() / 1000
    for at in (0.0, 1.3, 5.0):
        inside = rows.loc[np.abs(time - at) <= 0.5 + 1e-9, ["x", "y"]].to_numpy()
        expected = [*inside.mean(axis=0), *inside.std(axis=0)]
        np.testing.assert_allclose(found.loc[at].drop("recording").to_list(), expected, rtol=1e-5)


def test_parts_lie_side_by_side(finished):
    path = "results/{}_features/train1.parquet"
    whole = tables.read(finished.path(path.format("early"))).set_index("time")
    for part in ("audio", "w2v"):
        own = tables.read(finished.path(path.format(part))).set_index("time")
        own = own.drop(columns="recording").add_prefix(f"{part}_")
        pd.testing.assert_frame_equal(
            whole.loc[own.index, own.columns], own, check_index_type=False
        )


def test_a_recording_without_a_table_lacks_the_modality(finished):
    coverage = tables.read(finished.path("results/coverage/w2v.parquet")).set_index("recording")
    assert coverage.loc[LACKING, "present"] == 0
    assert coverage.loc[LACKING, "reason"] == "no feature table"
    assert (coverage.drop(LACKING)["present"] > 0).all()
    early = tables.read(finished.path("results/coverage/early.parquet")).set_index("recording")
    assert early.loc[LACKING, "reason"].endswith("; w2v: no feature table")
    scores = pd.read_csv(finished.path("results/ccc.csv"))
    on_test = scores[scores["partition"] == "test"].groupby("modality")["lacking"].max()
    assert on_test.to_dict() == {
        **dict.fromkeys([*ORDER, "audio+video"], 0),
        **dict.fromkeys(["w2v", "early", "w2v+early", ALL], 1),
    }
    assert "no feature table" in finished.path("results/report.html").read_text(encoding="utf-8")


def test_a_fusion_is_that_of_an_experiment_with_its_modalities_alone(finished, undisturbed):
    path = "fuse/arousal/{}/seed{}{}.parquet"
    for task, seed in (("multi", 1), ("ridge", 0)):
        for end in ("", ".coefficients"):
            own = finished.path("results") / path.format(f"{task}/audio+video", seed, end)
            assert digest(own) == undisturbed[path.format(task, seed, end)]


def test_a_recording_without_any_fused_modality_is_scored_from_zeros(finished):
    path = "results/fuse/arousal/multi/w2v+early/seed1{}.parquet"
    fused = tables.read(finished.path(path.format("")))
    fused = fused[fused["recording"] == LACKING]
    terms = tables.read(finished.path(path.format(".coefficients")))
    terms = terms[terms["target"] == "E"].set_index("term")["coefficient"]
    expected = terms["intercept"]
    for name in ("w2v", "early"):
        table = tables.read(
            finished.path(f"results/postprocess/arousal/{name}/multi/seed1.parquet")
        )
        own = table.loc[table["recording"] == LACKING, "E"].to_numpy()
        expected = expected + terms[name] * own
    np.testing.assert_allclose(fused["E"], expected, atol=1e-5)


def test_what_each_modality_adds(finished):
    table = tables.read(finished.path("results/contributions.parquet"))
    scores = tables.read(finished.path("results/ccc.parquet"))
    on_test = scores[(scores["partition"] == "test") & (scores["task"] == "multi")]
    own = table[(table["partition"] == "test") & (table["target"] == "E")].set_index("modality")
    assert list(own.index) == ORDER
    on_test = on_test[on_test["target"] == "E"].drop_duplicates("modality").set_index("modality")
    np.testing.assert_allclose(own["alone"], on_test.loc[ORDER, "ccc"])
    np.testing.assert_allclose(own["fused"], on_test.loc[ALL, "ccc"])
    np.testing.assert_allclose(own["adds"], own["fused"] - own["without"])
    assert own["without"].nunique() > 2
    # A dev partition of one subject has no estimate out of fold of fitted coefficients.
    assert table.loc[table["partition"] == "dev", "without"].isna().all()
    page = finished.path("results/report.html").read_text(encoding="utf-8")
    assert "What each modality adds" in page
    assert finished.path("results/figures/contributions.pdf").stat().st_size > 1000


def test_without_a_modality_it_is_the_fusion_of_the_others(finished, tmp_path):
    project = copied(finished, tmp_path / "run")
    others = [name for name in ORDER if name != "loud"]
    config = CONFIG | {"fusion": {"of": [others]}}
    outcome = project.run("results/ccc.csv", config=config)
    assert outcome.returncode == 0, outcome.output
    assert outcome.rules == {"fuse_subset", "score"}
    scores = tables.read(project.path("results/ccc.parquet"))
    own = scores[(scores["modality"] == "+".join(others)) & (scores["task"] == "multi")]
    own = own[(own["partition"] == "test") & (own["fusion"] == "least_squares")]
    table = tables.read(finished.path("results/contributions.parquet"))
    left_out = table[(table["modality"] == "loud") & (table["partition"] == "test")]
    np.testing.assert_allclose(left_out["without"].to_list(), own["ccc"].to_list(), atol=1e-9)


def test_audio_and_video_are_those_of_an_experiment_without_the_others(finished, undisturbed):
    own = digests(finished.path("results"))
    parts = r"(audio_lld|landmarks|(audio|video)_features|dataset/(audio|video)|labels)/"
    parts += (
        r"|(train|predict|postprocess|baselines|select|standardisation)/(.*/)?(audio|video)[/.]"
    )
    same = [path for path in undisturbed if re.match(parts, path)]
    assert len(same) > 30
    assert {path: own[path] for path in same} == {path: undisturbed[path] for path in same}


def test_a_modality_more_reruns_no_job_of_the_others(finished, tmp_path):
    project = copied(finished, tmp_path / "run")
    more = MODALITIES | {"late": MODALITIES["w2v"] | {"window": 2.0}}
    outcome = project.run("--dry-run", config=TINY | {"modalities": more})
    assert outcome.returncode == 0, outcome.output
    of_one = {
        **{"feature_table": 3, "table_features": 3, "standardisation": 1, "dataset_batch": 3},
        **{"coverage": 1, "train_network": 1, "select": 1, "predict": 1, "baselines": 1},
        "postprocess": 3,
    }
    assert outcome.rules == FILES["new modality"].rules
    assert {rule: outcome.count(rule) for rule in of_one} == of_one


def test_settings_of_a_modality_rerun_its_own_jobs_alone(finished, tmp_path):
    project = copied(finished, tmp_path / "run")
    for name, key, value, first in (
        ("voice", "feature_set", "GeMAPSv01b", "audio_lld"),
        ("loud", "frame", 0.1, "source_table"),
        ("w2v", "columns", "x", "feature_table"),
        ("w2v", "window", 2.0, "table_features"),
    ):
        changed = MODALITIES | {name: MODALITIES[name] | {key: value}}
        outcome = project.run("--dry-run", config=CONFIG | {"modalities": changed})
        firsts = {"audio_lld", "source_table", "feature_table", "landmarks", "video_features"}
        assert outcome.rules & firsts == {first} & firsts
        assert outcome.count(first) == 3
        # Those of the sources side by side follow.
        assert outcome.count("standardisation") == (2 if name == "w2v" else 1)
    path = project.path("loudness.py")
    path.write_text(path.read_text().replace("np.log1p", "np.sqrt"))
    outcome = project.run("--dry-run", config=CONFIG)
    assert outcome.count("source_table") == 3
    assert not outcome.rules & {"audio_lld", "feature_table", "landmarks"}


@pytest.fixture(scope="module")
def applied(finished, tmp_path_factory) -> Project:
    """The model applied to copies of two recordings; of one there is no table."""
    project = copied(finished, tmp_path_factory.mktemp("applied") / "run")
    rows = []
    for name in ("rec01", "rec02"):
        media = project.path(f"results/corpus/media/{name}.mp4")
        shutil.copy2(media, project.path(f"new_{name}.mp4"))
        rows.append({"recording": f"new_{name}", "media": f"new_{name}.mp4", "batch": "new"})
    write_tables(project, ["new_rec01"])
    pd.DataFrame(rows).to_csv(project.path("new.csv"), index=False)
    outcome = project.run("apply", config=CONFIG | {"apply": {"recordings": "new.csv"}})
    assert outcome.returncode == 0, outcome.output
    assert "train_network" not in outcome.rules
    return project


@pytest.mark.parametrize("name", ["new_rec01", "new_rec02"])
def test_the_packed_model_predicts_what_apply_does(applied, name, monkeypatch):
    monkeypatch.setattr(modalities, "_registered", {})
    table = applied.path(f"features/{name}.csv")
    given = {"w2v": table} if table.exists() else {}
    predictor = Predictor.load(applied.path("results/packed_model"))
    assert predictor.modalities == ORDER
    assert predictor.description["sources"]["w2v"]["functionals"] == ["mean", "sd"]
    assert "features/" not in json.dumps(predictor.description["sources"])
    with pytest.raises(InputError, match="modality 'loud': found 'loudness'"):
        predictor.predict(applied.path(f"{name}.mp4"), tables=given)
    modalities.register(str(applied.path("loudness.py")))
    found = predictor.predict(applied.path(f"{name}.mp4"), tables=given)
    both = predictor.predict(applied.path(f"{name}.mp4"), tables=given, fusion="audio+video")
    assert not np.allclose(both["arousal_E"], found["arousal_E"], atol=1e-4)
    with pytest.raises(InputError, match=r"found 'audio\+w2v'; expected one of \['audio', "):
        predictor.predict_features({}, fusion="audio+w2v")
    expected = pd.read_csv(applied.path(f"results/apply/new/{name}.csv"))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("known", [True, False])
def test_the_command_takes_a_source_of_ones_own(known, applied, tmp_path):
    words = ["predict", "results/packed_model", "new_rec01.mp4", "--output-dir", tmp_path]
    words += ["--table", "w2v", "features/{recording}.csv"]
    words += ["--source", "loudness.py"] if known else []
    done = subprocess.run(
        [sys.executable, "-m", "softaer", *map(str, words)],
        cwd=applied.directory,
        capture_output=True,
        text=True,
    )
    if not known:
        assert done.returncode != 0
        assert "modality 'loud': found 'loudness'" in done.stdout + done.stderr
        return
    assert done.returncode == 0, done.stdout + done.stderr
    expected = pd.read_csv(applied.path("results/apply/new/new_rec01.csv"))
    found = pd.read_csv(tmp_path / "new_rec01.csv")
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_other_settings_than_those_of_the_training_are_refused(applied):
    changed = MODALITIES | {"w2v": MODALITIES["w2v"] | {"window": 2.0}}
    model = {"model": str(applied.path("results/packed_model")), "recordings": "new.csv"}
    config = CONFIG | {"modalities": changed, "apply": model}
    outcome = applied.run("apply", config=config)
    assert outcome.returncode != 0
    assert (
        "config key 'modalities.w2v.window': found 2.0; expected 1.0, with which the model was "
        "trained" in outcome.output
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name;time_ms;x;y", "name;time_ms;x;z", "lacks 'y' and has additional 'z'"),
        ("\n", "\nq;high;0;0\n", "line 2, column 'time_ms': found 'high'"),
    ],
)
def test_an_error_names_the_recording_and_its_file(finished, tmp_path, old, new, words):
    project = copied(finished, tmp_path / "run")
    path = project.path("features/rec02.csv")
    path.write_text(path.read_text().replace(old, new, 1))
    before = project.path("results/w2v_table/dev1.parquet").read_bytes()
    outcome = project.run("results/w2v_features/dev1.parquet", config=CONFIG)
    assert outcome.returncode != 0
    assert re.search(rf"recording 'rec02': features/rec02\.csv.*{re.escape(words)}", outcome.output)
    if "lacks" in words:  # seen before the job; rows are read by the job alone
        assert project.path("results/w2v_table/dev1.parquet").read_bytes() == before


def test_a_corpus_of_tables_without_media(empty_project):
    """As some corpora are delivered: features and ratings, but no recordings of people."""
    write_tables(empty_project, "abc")
    seconds = np.arange(80) / 10
    for k, name in enumerate("abc"):
        raters = [np.sin(seconds + k + 0.1 * r) + 0.01 * r * seconds for r in range(3)]
        lines = [",".join(f"{x:.4f}" for x in row) for row in zip(seconds, *raters, strict=True)]
        empty_project.path(f"{name}.csv").write_text("\n".join(["time,a,b,c", *lines]) + "\n")
    rows = [f"{n},s{n},{p},{n}.csv" for n, p in zip("abc", ("train", "dev", "test"), strict=True)]
    header = "recording,subject,partition,annotations"
    empty_project.path("recordings.csv").write_text("\n".join([header, *rows]) + "\n")
    config = TINY | {"corpus": {"recordings": "recordings.csv"}, "delay": 1.0}
    del config["simulate"]
    tables_only = {"modalities": {"w2v": MODALITIES["w2v"]}}
    outcome = empty_project.run(config=config | tables_only)
    assert outcome.returncode == 0, outcome.output
    scores = pd.read_csv(empty_project.path("results/ccc.csv"))
    assert set(scores["modality"]) == {"w2v"}
    assert not {"landmarks", "audio_lld"} & outcome.rules
    outcome = empty_project.run("--dry-run", config=config)
    assert outcome.returncode != 0
    assert "recording 'a' has no file" in outcome.output
    gone = {"w2v": {"source": "table", "files": "elsewhere/{recording}.csv"}}
    outcome = empty_project.run("--dry-run", config=config | {"modalities": gone})
    assert "'modalities.w2v.files': none of 3 recordings has a table" in outcome.output
    assert "elsewhere/a.csv" in outcome.output


def test_check_shows_all_modalities(finished):
    path = finished.path("experiment.yaml")
    path.write_text(yaml.safe_dump(CONFIG))
    words = ["results/corpus/recordings.csv", "--configfile", "experiment.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "softaer", "check", *words],
        cwd=finished.directory,
        capture_output=True,
        text=True,
    )
    for said in (
        "modality audio: source lld, from the audio of 3 of 3 recordings",
        "modality video: source landmarks, from the video of 3 of 3 recordings",
        "modality loud: source loudness, from the audio of 3 of 3 recordings",
        "modality w2v: tables of 2 of 3 recordings",
        "modality early: audio and w2v side by side",
    ):
        assert said in done.stdout
    (row,) = re.findall(r"^ *rec01 +2 +200 +(\S+) +True +(\S+)", done.stdout, re.MULTILINE)
    assert row == ("25.00", "8.00")
    assert "recording 'rec03': no table of modality 'w2v': features/rec03.csv" in done.stderr
