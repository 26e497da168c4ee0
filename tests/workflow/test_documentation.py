"""What the documentation says to type, typed; and that its picture is that of the workflow.

Commands that would install packages, or need a whole cluster, are tried as far as they go without:
the table below says how. A command that it does not know fails.
"""

import io
import re
import shutil
from pathlib import Path

import delivered
import pandas as pd
import pytest
import yaml
from pages import blocks, commands, run, run_until_ended
from projects import SMALL, new_project

import workflow_picture

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
TYPED_HERE = [page for page in PAGES if page.name != "first-study.md"]
"""All pages but the one that test_first_study.py types from top to bottom."""

BY_OTHER_TESTS = {
    "source .venv/bin/activate": "what the Makefile has made; continuous integration starts there",
    "snakemake --workflow-profile profiles/slurm": "tests/cluster",
    "mypy": "make check, which comes before the tests",
    "pip install snakemake-logger-plugin-rich": "is installed for the tests",
    "pip install .": "test_wheel.py",
    "pip install --no-deps mediapipe": "what the Makefile does",
    "unzip -d DEAM": "the archives of a corpus, which are not here",
}
"""Commands that are not tried here, and where or why not."""


RECOLA_TABLE = "python -m softaer init RECOLA --layout recola --output recola.csv --force"
FREEZE = "python -m softaer freeze my_run -o my_run.zip"
DEAM_TABLE = "python -m softaer init DEAM --layout deam --output DEAM.csv --force"

ALL_COMMANDS = sorted({(page.name, command) for page in TYPED_HERE for command in commands(page)})


@pytest.fixture(scope="module")
def clone(finished_project, tmp_path_factory) -> Path:
    """A copy of the project in which the small experiment has run, beside a corpus of one's own."""
    project = new_project(ROOT, tmp_path_factory.mktemp("clone"))
    folder = project.source
    for name in ("Makefile", "PAPER.yaml", "QUICK.yaml", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("results", ".snakemake"):
        shutil.copytree(finished_project.path(name), folder / name, symlinks=True)
    own = folder / "corpus"
    own_corpus(folder / "results/corpus", own, blocks(PAGES[0], "csv")[0])
    experiment = yaml.safe_load(blocks(PAGES[0], "yaml")[0])
    experiment["corpus"]["recordings"] = "corpus/recordings.csv"
    (folder / "my_experiment.yaml").write_text(yaml.safe_dump(experiment))
    shutil.copy2(own / "video/p01_t1.mp4", folder / "new.mp4")
    shutil.copy2(own / "recordings.csv", folder / "recordings.csv")
    for name in ("video", "ratings"):
        shutil.copytree(own / name, folder / name)
    delivered.recola(folder / "RECOLA")
    delivered.deam(folder / "DEAM")
    files_of_tools(folder)
    (folder / "cache").mkdir()
    (folder / "small.yaml").write_text(yaml.safe_dump(SMALL))
    (folder / "two.yaml").write_text(blocks(ROOT / "docs/comparing.md", "yaml")[0])
    for name in ("four", "two", "gru", "my_run", "another_run"):
        shutil.copytree(folder / "results", folder / name / "results", symlinks=True)
    shutil.copytree(folder / ".snakemake/log", folder / "my_run/.snakemake/log")
    return folder


def files_of_tools(folder: Path) -> None:
    """What docs/ratings.md names: a file per rater, a log of many, a clip, and a reader."""
    for name in pd.read_csv(folder / "recordings.csv")["recording"]:
        for rater in ("anna", "ben"):
            path = folder / "RATINGS" / f"rater_{rater}" / f"{name}_arousal.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("time;value\n0;0,1\n1;0,3\n2;0,2\n")
    (folder / "log.csv").write_text(
        "OriginalName,DatabaseName,Participant,SessionID,Timestamp,VideoTime,Value\n"
        "clip.mp4,d,anna,s1,1,0,0\nclip.mp4,d,ben,s2,1,500,1\n"
    )
    shutil.copy2(folder / "new.mp4", folder / "clip.mp4")
    (reader,) = blocks(ROOT / "docs" / "ratings.md", "py")
    (folder / "my_reader.py").write_text(reader)


def own_corpus(simulated: Path, folder: Path, table: str) -> None:
    """The corpus that the README's table names, from simulated recordings."""
    rows = pd.read_csv(io.StringIO(table))
    for number, row in enumerate(rows.itertuples(), start=1):
        for path, source in (
            (row.media, simulated / f"media/rec{number:02d}.mp4"),
            (row.annotations, simulated / f"annotations/rec{number:02d}.csv"),
        ):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, folder / path)
    (folder / "recordings.csv").write_text(table)


def tried_as(command: str) -> str:
    """How a command is tried."""
    command = command.replace("/data/RECOLA", "RECOLA").replace("/data/softaer-cache", "cache")
    command = command.replace("FOLDER", "corpus").replace("--media /data", "--media corpus")
    if command.startswith("make "):
        return command.replace("make", "make --dry-run", 1)
    if command.startswith("snakemake"):
        return command + " --dry-run" * ("--unlock" not in command and "--report" not in command)
    if command.startswith("python -m pytest"):
        return command + " --collect-only --quiet"
    if command.startswith("python tests/benchmarks/"):
        return re.sub(r"(\.py).*", r"\1 --help", command)
    if command.startswith("softaer "):
        command = f"python -m {command}"
        if " init " in command:
            return command + " --output made.csv" * ("--output" not in command) + " --force"
        if " verify " in command:
            # A finished run takes the place of one that would be repeated.
            return command.replace(" again", " another_run")
        if " import " in command:
            return command + " --output made.csv --force"
        if " view " in command:
            return command + " --no-browser"
        return command + " --dry-run" * (" run" in command)
    if command.startswith(("export ", "ruff ", "snakefmt ", "tail ", "python -m softaer.")):
        return command
    raise ValueError(f"nobody has said how to try {command!r}")


@pytest.mark.parametrize(("page", "command"), ALL_COMMANDS, ids=lambda value: value)
def test_a_command(page, command, clone):
    if any(command.startswith(known) for known in BY_OTHER_TESTS):
        return
    if "recola.csv" in command:
        run(RECOLA_TABLE, clone)
    if "DEAM.csv" in command:
        run(DEAM_TABLE, clone)
    if " my_run.zip" in command:
        run(FREEZE, clone)
    if "small.yaml" not in command and "--report" in command:
        command += " --configfile small.yaml"
    serves = command.startswith("softaer view ")
    done = (run_until_ended if serves else run)(tried_as(command), clone)
    assert done.returncode == 0, done.stdout + done.stderr


def test_python_that_is_shown_runs(clone):
    shown = [(page.name, block) for page in PAGES for block in blocks(page, "python")]
    makes_a_table = re.compile(r"^table = ", re.MULTILINE)
    assert any(makes_a_table.search(block) for _, block in shown)
    for page, block in shown:
        check = "\nassert len(table) > 50\nassert 'arousal_E' in table\n"
        (clone / "shown.py").write_text(block + (check if makes_a_table.search(block) else ""))
        done = run("python shown.py", clone)
        assert done.returncode == 0, f"{page}: {done.stderr}"


def test_configuration_that_is_shown_is_accepted(clone):
    shown = [(page.name, block) for page in TYPED_HERE for block in blocks(page, "yaml")]
    assert shown
    for page, block in shown:
        text = block.replace("/data/RECOLA", "RECOLA").replace("FOLDER", "corpus")
        if "recola.csv" in text:
            run(RECOLA_TABLE, clone)
        (clone / "shown.yaml").write_text(text)
        example = blocks(ROOT / "docs/networks.md", "python")[0]
        (clone / "frame_and_mean.py").write_text(example)
        (clone / "new.csv").write_text("recording,media\nnew,new.mp4\n")
        for pattern in re.findall(r'files: "(.*?)"', text):
            path = clone / pattern.replace("{recording}", "rec01")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        done = run("snakemake --cores 2 --configfile shown.yaml --dry-run", clone)
        assert done.returncode == 0, f"{page}: {block}\n{done.stdout}{done.stderr}"


def links(page: Path) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))


def anchors(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    for link in links(page):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in anchors(target), f"{page.name}: {link}"


def test_the_picture_is_that_of_the_workflow():
    expected = workflow_picture.reduced(workflow_picture.rule_graph())
    assert workflow_picture.drawn() == expected, "run: python tests/workflow_picture.py"
