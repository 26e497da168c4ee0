"""The command softaer: what it lists, hands on, and says where something is missing."""

import json
import os
import subprocess
import sys
import warnings

import pandas as pd
import pytest
import yaml

import media_files
from softaer import __main__ as door
from softaer import __version__, landmarks
from softaer.commands import predict
from softaer.commands.run import command
from softaer.core.errors import InputError, MissingPackageError
from softaer.core.home import PROFILES, PROJECT
from softaer.corpus import read_recordings
from softaer.predictor import NothingToPredictError, OddInputWarning
from softaer.signals import face_mesh


def softaer(*words):
    return subprocess.run(
        [sys.executable, "-m", "softaer", *map(str, words)], capture_output=True, text=True
    )


@pytest.mark.parametrize("words", [[], ["--help"]])
def test_help_lists_every_command_with_what_it_does(words):
    done = softaer(*words)
    assert (done.returncode, done.stderr) == (0, "")
    lines = dict(line.split(maxsplit=1) for line in done.stdout.splitlines() if "  " in line[:2])
    assert set(door.MODULES) <= set(lines)
    assert all(len(lines[name]) > 20 for name in door.MODULES)
    assert "`" not in done.stdout


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nsys.argv = ['softaer', '--help']\nfrom softaer.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print(*sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stdout.splitlines()[-1].split())
    assert "softaer.core.cli" in modules
    assert not modules & {"numpy", "pandas", "pyarrow", "torch", "mediapipe", "snakemake", "av"}


def test_the_version_is_told():
    assert softaer("--version").stdout == f"softaer {__version__}\n"


@pytest.mark.parametrize("name", door.MODULES)
def test_every_command_explains_itself(name):
    done = softaer(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: softaer {name} ")


@pytest.mark.parametrize(
    ("words", "said"),
    [(["predcit"], "invalid choice: 'predcit'"), (["batch", "t.csv", "--hour"], "--hour")],
)
def test_what_is_mistyped_is_told(words, said):
    done = softaer(*words)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_run_hands_all_words_on_in_their_order(elsewhere, monkeypatch):
    became = []
    monkeypatch.setattr(os, "execve", lambda *call: became.append(call))
    words = ["extract", "-np", "--cores=2", "--config", "delay=3", "--", "results/ccc.csv"]
    monkeypatch.setattr(sys, "argv", ["softaer", "run", *words])
    door.main()
    ((program, arguments, environment),) = became
    assert program == sys.executable
    snakefile = ["--snakefile", str(PROJECT / "Snakefile")]
    assert arguments == [sys.executable, "-m", "snakemake", *snakefile, *words]
    assert environment["PYTHONSAFEPATH"] == "1"


@pytest.mark.parametrize(
    ("words", "all_cores"),
    [
        ([], True),
        (["extract", "--dry-run"], True),
        (["--config", "x=c"], True),
        (["--cores", "3"], False),
        (["--cores=3"], False),
        (["-c3"], False),
        (["-c", "3"], False),
        (["-j", "8"], False),
        (["--profile", "mine"], False),
        (["--workflow-profile=slurm"], False),
        (["--executor", "slurm"], False),
        (["--configfile", "my.yaml"], True),
    ],
)
def test_all_cores_are_used_unless_something_else_is_said(words, all_cores):
    assert ("all" in command(words)) is all_cores


def test_what_the_package_brings_may_be_named(elsewhere):
    slurm, quick = str(PROFILES / "slurm"), str(PROJECT / "QUICK.yaml")
    (elsewhere / "PAPER.yaml").touch()
    words = ["--workflow-profile", "slurm", "--configfile", "PAPER.yaml", "QUICK.yaml", "no.yaml"]
    assert command(words)[-6:] == [
        *("--workflow-profile", slurm, "--configfile", "PAPER.yaml", quick, "no.yaml")
    ]
    assert command(["--workflow-profile=profiles/slurm"])[-1] == f"--workflow-profile={slurm}"
    assert command(["--configfile", "x.yaml", "-n", "slurm"])[-1] == "slurm"


def test_run_ends_as_snakemake_does(elsewhere):
    done = softaer("run", "no_such_target", "--dry-run")
    assert done.returncode == 1
    assert "no_such_target" in done.stdout + done.stderr
    profile = PROJECT / "profiles/default"
    assert f"workflow specific profile {profile}" in done.stderr
    assert yaml.safe_load((profile / "config.yaml").read_text())["nolock"]


class Model:
    """Says of some files that they cannot be predicted, and of others that they are odd."""

    outputs = ("arousal_E",)
    modalities = ("audio", "video")

    def predict(self, file, **choices):
        os.write(2, b"W0000 a library says much\n")
        if file.stem == "empty":
            raise NothingToPredictError("no features")
        if file.stem == "faces":
            raise MissingPackageError("type: pip install")
        if file.stem == "odd":
            warnings.warn(f"{file}: silent", OddInputWarning, stacklevel=1)
            warnings.warn("not for users", FutureWarning, stacklevel=1)
        return pd.DataFrame({"time": [0.0, 0.1], "arousal_E": [0.123456789, float(len(choices))]})


@pytest.fixture
def predicted(elsewhere, monkeypatch, capfd):
    monkeypatch.setattr(predict.Predictor, "load", lambda folder, network_file: Model())

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["softaer", "predict", "model", *words])
        try:
            door.main()
        except SystemExit as end:
            return end.code, *capfd.readouterr()
        return 0, *capfd.readouterr()

    return run


def test_bad_files_are_named_and_others_predicted(predicted, elsewhere):
    code, out, err = predicted("a.mp4", "empty.mp4", "odd.mp4")
    assert code == 1
    assert "empty.mp4: no features" in err
    assert "1 of 3" in err
    assert "odd.mp4: silent" in out
    assert "not for users" not in out + err
    folder = elsewhere / "predictions"
    names = {path.name for path in folder.iterdir()}
    pages = {"predictions.html", "predictions.recordings.csv"}
    assert names == {"a.csv", "a.svg", "odd.csv", "odd.svg", "predict.log"} | pages
    table = read_recordings(folder / "predictions.recordings.csv")
    assert {r.recording: r.video for r in table} == {
        name: str(elsewhere / f"{name}.mp4") for name in ("a", "odd")
    }
    page = (folder / "predictions.html").read_text(encoding="utf-8")
    assert "Predicted from audio+video" in page
    assert "No predictions: empty.mp4: no features" in page
    assert (folder / "a.csv").read_text().splitlines()[1] == "0,0.123457"
    assert "says much" not in out + err
    assert (folder / "predict.log").read_text().count("says much") == 3


def test_what_became_of_each_file_is_told_to_programs(predicted):
    code, out, _ = predicted("a.mp4", "empty.mp4", "odd.mp4", "--json", "--output-dir", "there")
    assert code == 1
    a, empty, odd = json.loads(out)
    assert a == {
        **{"file": "a.mp4", "table": "there/a.csv", "frames": 2},
        **{"notes": [], "error": None},
    }
    assert (empty["table"], empty["error"]) == (None, "empty.mp4: no features")
    assert odd["notes"] == ["odd.mp4: silent"]


def test_files_of_one_name_are_refused_before_any_is_predicted(predicted, elsewhere):
    with pytest.raises(InputError, match=r"a/x\.mp4 and of b/x\.wav"):
        predicted("a/x.mp4", "b/x.wav")
    assert not list(elsewhere.iterdir())


def test_choices_are_those_of_a_single_file(predicted, elsewhere):
    with pytest.raises(InputError, match="--audio-stream with 2 files"):
        predicted("a.mp4", "b.mp4", "--audio-stream", "2")
    assert predicted("a.mp4", "--audio-stream", "2", "--face", "left")[0] == 0
    assert (elsewhere / "predictions/a.csv").read_text().splitlines()[2] == "0.1,2"
    (row,) = read_recordings(elsewhere / "predictions/predictions.recordings.csv")
    assert (row.audio_stream, row.face) == ("2", "left")


def test_a_missing_package_is_told_once(predicted):
    with pytest.raises(MissingPackageError, match="type"):
        predicted("faces.mp4", "a.mp4")


def without_mediapipe(monkeypatch):
    """As if it were not installed, whatever has been imported before."""
    for name in ("mediapipe", "mediapipe.python.solutions.face_mesh"):
        monkeypatch.setitem(sys.modules, name, None)


def test_without_mediapipe_it_is_said_what_to_type(monkeypatch, root):
    without_mediapipe(monkeypatch)
    (pin,) = [
        line
        for line in (root / "envs/requirements-nodeps.txt").read_text().splitlines()
        if line.startswith("mediapipe")
    ]
    with pytest.raises(MissingPackageError, match=f"pip install --no-deps {pin}$"):
        list(landmarks.track([]))
    assert face_mesh.INSTALL.endswith(pin)


def test_no_recording_is_left_out_since_a_package_is_missing(tmp_path, monkeypatch):
    without_mediapipe(monkeypatch)
    film = media_files.write(tmp_path / "a.mkv", pictures=[(0, media_files.grey(90))])
    outputs = ["--output", tmp_path / "a.parquet", "--status-output", tmp_path / "status.parquet"]
    words = ["--recording", "a", film, "--on-bad-recording", "skip", *outputs]
    monkeypatch.setattr(sys, "argv", ["landmarks", *map(str, words)])
    with pytest.raises(MissingPackageError):
        landmarks.main()
    assert not (tmp_path / "a.parquet").exists()
