"""The house: what stands on what. An import goes to the same floor or down, never up."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from softaer.core.home import PACKAGE

FLOORS = [
    {"core", "corpus", "modalities"},
    {"signals", "readers", "panels", "networks"},
    {"layouts", "page"},
    {"stages", "figures", "simulate", "predictor"},
    {"running", "prepare"},
    {"comparison", "viewing"},
    {"commands"},
]
"""Rooms from the ground up. Modules at the top level that are no rooms are stages."""

ROOMS = set().union(*FLOORS)


def room(parts: tuple[str, ...]) -> str:
    """Room of a module, whose name is given in parts without the package."""
    return parts[0] if parts and parts[0] in ROOMS else "stages"


def floor(name: str) -> int:
    return next(level for level, rooms in enumerate(FLOORS) if name in rooms)


def imports(path: Path) -> set[tuple[str, ...]]:
    """First-party modules that a file imports, at its top or within functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "softaer":
            base = node.module.split(".")[1:]
            for alias in node.names:
                name = (*base, alias.name)
                if len(name) > 1 or alias.name != "__version__":
                    found.add(name)
    return found


MODULES = sorted(
    path.relative_to(PACKAGE)
    for path in PACKAGE.rglob("*.py")
    if path.relative_to(PACKAGE).parts != ("__init__.py",)
)


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_import_goes_up(module):
    if module.name == "__main__.py":
        return  # the door, above all floors
    own = floor(room(module.with_suffix("").parts))
    above = {name for name in imports(PACKAGE / module) if floor(room(name)) > own}
    assert not above


def test_stages_stand_alone_at_the_top(root):
    """Every module at the top is a command of a rule, but for these."""
    rules = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    top = {path.stem for path in PACKAGE.glob("*.py")}
    stages = {name for name in top if f'python -m softaer.{name}"' in rules}
    assert top - stages == {"__init__", "__main__", "corpus", "modalities", "predictor"}


def test_every_room_says_what_it_holds():
    for folder in PACKAGE.iterdir():
        if any(folder.glob("*.py")):
            text = (folder / "__init__.py").read_text()
            assert ast.get_docstring(ast.parse(text)), folder.name


PUBLIC = {"basedir", "current_basedir", "enable_cache", "is_main_process", "source_path"}
"""What the rules may ask Snakemake's workflow itself; all else is asked in one module."""

OF_ITS_OWN = {"package.smk": {"sourcecache"}}
"""What a file may ask besides; its docstring says what for."""


def beyond_public(text: str, allowed: set[str] = PUBLIC) -> list[str]:
    """What source asks of a workflow, a rule or a job that Snakemake keeps to itself."""
    asked = re.findall(r"\b(?:workflow|rules?|job)(?:\.\w+)*\._\w+", text)
    asked += [f"workflow.{n}" for n in re.findall(r"\bworkflow\.(\w+)", text) if n not in allowed]
    return asked + re.findall(r"\b[gs]etattr\((?:workflow|rule|job)\b", text)


def test_only_one_module_looks_into_snakemake(root):
    endings = ("Snakefile", ".smk", ".py")
    files = [path for path in (root / "workflow").rglob("*") if path.name.endswith(endings)]
    assert len(files) > 100
    found = {}
    for path in [root / "Snakefile", *files]:
        asked = beyond_public(path.read_text(), PUBLIC | OF_ITS_OWN.get(path.name, set()))
        if asked and path != PACKAGE / "running/snakemake_private.py":
            found[str(path)] = asked
    assert found == {}


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("workflow.dag.needrun_jobs()", ["workflow.dag"]),
        ("workflow.sourcecache", ["workflow.sourcecache"]),
        ("rules.report.rule._benchmark = None", ["rules.report.rule._benchmark"]),
        ("getattr(workflow, name)", ["getattr(workflow"]),
        ("for job in jobs: job._inputsize", ["job._inputsize"]),
        ("workflow.basedir, job.rule.name", []),
    ],
)
def test_what_looks_into_snakemake_is_found(text, asked):
    assert beyond_public(text) == asked


def test_that_module_needs_to():
    assert beyond_public((PACKAGE / "running/snakemake_private.py").read_text())


def test_no_two_files_of_tests_have_one_name(root):
    """pytest imports a file outside a package by its name alone, and refuses a second."""
    folders = [folder for folder in (root / "tests").iterdir() if folder.is_dir()]
    names = Counter(
        path.name
        for folder in folders
        if not (folder / "__init__.py").exists()
        for path in folder.glob("test_*.py")
    )
    assert {name for name, count in names.items() if count > 1} == set()
