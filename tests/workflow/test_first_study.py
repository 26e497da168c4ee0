"""The first study of the documentation, typed from top to bottom with smaller networks."""

import re
from functools import partial
from pathlib import Path

import pandas as pd
import pytest
import yaml
from pages import blocks, commands, environment, run, run_until_ended
from projects import TINY, new_project

import study

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/first-study.md"

RATED, NEW = 8, 2
SMALLER = {key: TINY[key] for key in ("tasks", "seeds", "model", "training", "evaluation", "video")}


def typed(command: str) -> str:
    """A command of the page, with smaller networks."""
    command = re.sub(r"^softaer", "python -m softaer", command)
    command = command.replace("--directory", "--cores 2 --directory")
    if " run " in command:
        return f"{command} smaller.yaml"
    return command + " --no-browser" * (" view " in command)


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """The folder at the end of the day, what each command said, and how to type another."""
    project = new_project(ROOT, tmp_path_factory.mktemp("study"))
    simulated = TINY | {"simulate": {"recordings": RATED + NEW, "duration": 12}}
    names = [f"rec{k:02d}" for k in range(1, RATED + NEW + 1)]
    files = [f"results/corpus/media/{name}.mp4" for name in names]
    files += [f"results/corpus/annotations/{name}.csv" for name in names]
    outcome = project.run(*files, config=simulated | {"dimensions": list(study.DIMENSIONS)})
    assert outcome.returncode == 0, outcome.output
    folder = tmp_path_factory.mktemp("day")
    study.build(project.path("results/corpus"), folder / "study", RATED)
    (folder / "smaller.yaml").write_text(yaml.safe_dump(SMALLER))
    for name, text in zip(
        ("study.yaml", "delay2.yaml", "gru.yaml"), blocks(PAGE, "yaml"), strict=True
    ):
        (folder / name).write_text(text)
    said = {}
    for command in commands(PAGE):
        if command.startswith("export "):
            assert command == "export SNAKEMAKE_OUTPUT_CACHE=$PWD/cache"
            assert environment(folder)["SNAKEMAKE_OUTPUT_CACHE"] == f"{folder}/cache"
            continue
        done = (run_until_ended if " view " in command else run)(
            typed(command), folder, project.source
        )
        said[command] = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{said[command]}"
    return folder, said, partial(run, folder=folder, source=project.source)


def test_init_finds_what_the_page_says(day):
    folder, said, _ = day
    table = pd.read_csv(folder / "study/recordings.csv")
    assert len(table) == RATED
    assert set(table["partition"]) == {"train", "dev", "test"}
    words = said["softaer init study"]
    settings = yaml.safe_load(re.search(r"in your configuration: (.*)", words)[1])["ratings"]
    written = yaml.safe_load((folder / "study.yaml").read_text())["ratings"]
    carla = written["scale"].pop("carla")
    assert settings == written
    assert carla == {"from": [0, 100], "to": [-1, 1]}
    for rater, tool in zip(
        study.TOOLS, ("carma", "continuum", "spreadsheet", "pagan"), strict=True
    ):
        assert f"{tool}: {rater}" in words


def test_without_carlas_scale_check_says_so(day):
    folder, _, type_ = day
    settings = yaml.safe_load((folder / "study.yaml").read_text())
    del settings["ratings"]["scale"]["carla"]
    (folder / "without.yaml").write_text(yaml.safe_dump(settings))
    done = type_("python -m softaer check --configfile without.yaml")
    assert done.returncode == 1
    assert "by raters 'carla', but from -1 to 1 by 'anna', 'ben', 'david'; expected one scale" in (
        done.stdout + done.stderr
    )


def test_extraction_is_shared(day):
    folder, *_ = day

    def extracted(name):
        return [
            path.resolve() for path in sorted((folder / name).glob("results/landmarks/*.parquet"))
        ]

    assert len(extracted("first")) == RATED
    assert all(path.parent == folder / "cache" for path in extracted("first"))
    assert extracted("first") == extracted("delay2") == extracted("gru")


def test_all_that_the_page_names_is_there(day):
    folder, *_ = day
    named = [
        "first/results/report.html",
        *("comparison/comparison.html", "comparison/comparison.csv", "comparison/comparison.tex"),
        *(f"first/results/{name}.csv" for name in ("ccc", "recordings", "distribution")),
        *("first/results/ccc_short.tex", "first/results/figures/scores.pdf"),
        *("predictions/P13_talk.csv", "predictions/predictions.html", "study.zip"),
    ]
    page = PAGE.read_text("utf-8")
    for name in named:
        assert (folder / name).stat().st_size > 0, name
        assert Path(name).name in page, name
    assert list((folder / "first/results/inspect").glob("*.mp4"))
    names = set(pd.read_csv(folder / "comparison/comparison.csv")["experiment"])
    assert names == {"first", "delay2", "gru"}
    predicted = pd.read_csv(folder / "predictions/P13_talk.csv")
    assert {"arousal_E", "arousal_sigma", "speech", "face", "audio_distance"} <= set(predicted)
    assert predicted["face"].mean() > 0.9
