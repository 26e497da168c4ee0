"""The digest of a stage's code changes with the code that the stage runs, and with nothing else."""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from softaer.core import code_digest as code_digest_module
from softaer.core.code_digest import ROOT, canonical, code_digest

STAGES = [
    "audio_lld",
    "audio_features",
    "landmarks",
    "video_features",
    "face_features",
    "feature_table",
    "source_table",
    "table_features",
    "concatenated_features",
    "status",
    "recording_lengths",
    "rating_scales",
    "ratings",
    "rater_screen",
    "rater_statistics",
    "rater_traces",
    "rater_lags",
    "labels",
    "rater_weights",
    "raters",
    "agreement",
    "ceiling",
    "standardisation",
    "annotation_delay",
    "panel_moments",
    "dataset",
    "coverage",
    "train",
    "select",
    "predict",
    "baselines",
    "postprocess",
    "fuse",
    "score",
    "recording_scores",
    "group_scores",
    "contributions",
    "evaluate",
    "predictive",
    "uncertainty",
    "summarise",
    "frame_pairs",
    "thumbnails",
    "latex_table",
    "figures.scores",
    "figures.traces",
    "figures.uncertainty",
    "figures.agreement",
    "figures.raters",
    "figures.frame_pairs",
    "figures.learning_curves",
    "figures.contributions",
    "report",
    "corpus_table",
    "packed_model",
    "apply",
    "apply_page",
    "apply_video",
    "inspect_video",
    "simulate.tables",
    "simulate.portraits",
    "simulate.truth",
    "simulate.raters",
    "simulate.media",
    "simulate.check",
]


class Package:
    """A copy of the package that can be edited."""

    def __init__(self, folder):
        self.root = folder / "softaer"
        ignored = shutil.ignore_patterns("__pycache__", ".partial-*")
        shutil.copytree(ROOT, self.root, ignore=ignored)

    def digests(self, stages=STAGES):
        code = (
            "import json, sys; from softaer.core.code_digest import code_digest; "
            "print(json.dumps({stage: code_digest(stage) for stage in sys.argv[1:]}))"
        )
        result = subprocess.run(
            [sys.executable, "-c", code, *stages],
            env={**os.environ, "PYTHONPATH": str(self.root.parent), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=self.root.parent,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(result.stdout)

    def edit(self, module, pattern, replacement):
        path = self.root / f"{module}.py"
        text, count = re.subn(pattern, replacement, path.read_text(), count=1, flags=re.MULTILINE)
        assert count == 1, f"{pattern!r} is not in {module}.py"
        path.write_text(text)

    def append(self, module, text):
        with open(self.root / f"{module}.py", "a") as file:
            file.write(text)


@pytest.fixture
def package(tmp_path):
    return Package(tmp_path)


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """Digests of the package as it is."""
    return Package(tmp_path_factory.mktemp("unchanged")).digests()


@pytest.fixture
def changed(package, before):
    """The stages whose digest an edit has changed."""

    def stages():
        after = package.digests()
        return {stage for stage in STAGES if after[stage] != before[stage]}

    return stages


def test_every_stage_of_the_rules_is_listed_here(root):
    rules = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    assert set(re.findall(r'code_digest\("([a-z_.]+)"\)', rules)) == set(STAGES)


def test_stages_have_digests_of_their_own(before):
    assert len(set(before.values())) == len(STAGES)
    assert all(re.fullmatch("[0-9a-f]{16}", digest) for digest in before.values())


def test_the_digest_does_not_depend_on_where_the_package_lies(before):
    assert {stage: code_digest(stage) for stage in STAGES} == before


def test_comments_docstrings_and_layout_do_not_count(package, changed):
    for path in package.root.rglob("*.py"):
        lines = path.read_text().replace('"""', '"""Once upon a time. ', 1).split("\n")
        assert lines[0].startswith('"""Once')
        path.write_text("\n# The end.\n".join(["", "\n".join(lines), ""]) + "\n\n\n")
    package.edit(
        "panels/weighting",
        r"^    present = ~np.isnan\(ratings\)$",
        "    present = ~np.isnan( ratings )  # !",
    )
    package.edit("panels/weighting", r'"""Pearson\'s correlation', '"""Correlation, after Pearson')
    package.edit("core/grid", r'"""Grid points per second', '"""Points per second')
    assert changed() == set()


def test_a_change_to_labels_reruns_what_uses_it(package, changed):
    package.edit("panels/weighting", r"both\.sum\(\) < 2", "both.sum() < 3")
    assert changed() == {"labels", "rater_weights", "ceiling", "uncertainty"}


def test_a_change_to_what_only_labels_are_made_of_leaves_the_weights_alone(package, changed):
    package.edit("panels/estimators", r"count >= 2", "count >= 3")
    assert changed() == {"labels", "ceiling", "uncertainty"}


def test_a_change_to_one_schema_reruns_the_stages_that_write_it(package, changed):
    package.edit(
        "core/schema",
        r'field\("raters", pa.int32\(\), unit="raters"\)',
        'field("raters", pa.int64())',
    )
    assert changed() == {"labels"}


def test_a_schema_may_serve_two_stages(package, changed):
    package.edit(
        "core/schema", r'field\("fallback", pa.bool_\(\)\)', 'field("fallback", pa.int8())'
    )
    assert changed() == {"labels", "rater_weights"}


def test_a_change_to_how_tables_are_checked_reruns_all_that_write_one(package, changed):
    package.edit("core/tables", r"^    names = list\(frame", "    names = 1 * list(frame")
    assert changed() == set(STAGES) - {
        *("simulate.raters", "simulate.media", "status", "report"),
        *("corpus_table", "packed_model", "apply_page", "apply_video"),
        *("inspect_video", "latex_table"),
        *(stage for stage in STAGES if stage.startswith("figures.")),
    }


def test_a_change_to_how_tables_are_read_reruns_the_report_too(package, changed):
    package.edit("core/tables", r"pq.read_table\(path, ", "pq.read_table(str(path), ")
    found = changed()
    assert {"score", "evaluate", "report"} <= found
    assert not {"audio_lld", "landmarks", "ratings"} & found


def test_a_change_to_compression_reruns_all_that_write(package, changed):
    package.edit("core/tables", r'COMPRESSION = "zstd"', 'COMPRESSION = "snappy"')
    assert {"audio_lld", "landmarks", "labels", "train", "score"} <= changed()


def test_a_change_deep_down_reaches_the_stages_above(package, changed):
    package.edit("core/concordance", r"return 2 \*", "return 2.0 *")
    # The report takes paths from the scores, not their computation.
    assert changed() == {
        "train",
        "baselines",
        "score",
        "contributions",
        "raters",
        "simulate.check",
        "labels",
        "rater_weights",
        "ceiling",
        "uncertainty",
    }


def test_extraction_does_not_depend_on_learning(package, changed):
    for module in (
        "labels",
        "dataset",
        "networks/architectures",
        "train",
        "fuse",
        "score",
        "report",
        "figures/__init__",
    ):
        package.append(module, "\n\nprint(__name__)\n")
    extraction = {"audio_lld", "audio_features", "landmarks", "video_features", "ratings"}
    found = changed()
    assert not extraction & found
    assert {"labels", "dataset", "train", "fuse", "score", "report"} <= found


def test_a_function_that_a_stage_does_not_use_does_not_count(package, changed):
    package.append("core/grid", "\n\ndef unused():\n    return 1\n")
    package.append("core/tables", "\n\nUNUSED = 3\n")
    assert changed() == set()


def test_an_unused_function_of_the_stage_itself_counts(package, changed):
    package.append("fuse", "\n\ndef unused():\n    return 1\n")
    assert changed() == {"fuse"}


def test_the_packages_version_counts_where_it_is_shown(package, changed):
    package.edit("__init__", r'__version__ = ".*"', '__version__ = "9.9.9"')
    assert changed() == {"report", "packed_model"}


def test_a_constant_counts_through_the_functions_that_use_it(package, changed):
    package.edit("core/grid", r"^TOLERANCE = 1e-6", "TOLERANCE = 1e-7")
    assert {"ratings", "labels", "dataset", "audio_features"} <= changed()


@pytest.mark.parametrize("stage", ["nothing", "simulate.nothing", "../labels"])
def test_a_stage_that_is_not_there(stage):
    with pytest.raises(ValueError, match="no module"):
        code_digest(stage)


def test_a_name_that_a_module_does_not_define(package):
    package.edit(
        "score",
        r"from softaer.core.targets import as_scored, read_targets",
        "from softaer.core.targets import gone",
    )
    package.append("score", "\ngone()\n")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        package.digests(["score"])
    assert "ValueError" in caught.value.stderr
    assert "gone" in caught.value.stderr


@pytest.mark.parametrize(
    "line", ["import softaer.core.grid", "from . import grid", "from .grid import RATE"]
)
def test_imports_that_cannot_be_followed_are_refused(package, line):
    package.append("fuse", f"\n{line}\n")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        package.digests(["fuse"])
    assert "ValueError" in caught.value.stderr
    assert "softaer.fuse" in caught.value.stderr


SAMPLE = '''
@decorated(1, *a, key=None, **b)
class A(B, metaclass=C):
    x: int = 1_000
    def f(self, /, a, b=2.50, *args: "str", c, d=None, **rest) -> None:
        """Said, not done."""
        global g
        for i, (j, *k) in enumerate(rest): yield from f"{i!r:>{j}} {{}}" "tail" u"old"
        while not (a and b or c): break
        else: return ... if a < b <= c else lambda q, *r: q @ r
        with open(a) as file, b: del file[1:2, ...], a.b
        try: raise E from None
        except (F, G) as e: assert e, "why"
        finally: pass
async def g():
    async with a: return [await x async for x in y if x] + [*z] + list({1, 2} ^ {**m, "k": ~v})
match p:
    case {"a": [1, *_], **rest} | Point(x=0) if (n := 3): pass
    case None | -1.5 | "s" as t: pass
'''


def test_a_syntax_tree_is_the_same_text_on_every_python():
    text = canonical(ast.parse(SAMPLE).body)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "983069886e5c2fae"


@pytest.mark.parametrize("version", ["3.11", "3.12", "3.13", "3.14"])
def test_digests_do_not_depend_on_the_python(version, before):
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    other = next(pyenv.glob(f"{version}.*/bin/python"), shutil.which(f"python{version}"))
    program = (
        "import sys, json; sys.path.insert(0, sys.argv[1]); "
        "from softaer.core.code_digest import code_digest; "
        "print(json.dumps({s: code_digest(s) for s in sys.argv[2:]}))"
    )
    command = [str(other), "-I", "-c", program, str(ROOT.parent), *STAGES]
    if other is None or subprocess.run([other, "-c", ""], capture_output=True).returncode:
        pytest.skip(f"no Python {version} on this machine")
    outcome = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(outcome.stdout) == before


def test_what_is_code_changes_the_text_and_its_spelling_does_not():
    def text(source):
        return canonical(ast.parse(source).body)

    assert text("x = ('a'  'b')  # why") == text("x = u'ab'") == text('x = "ab"')
    assert text("f(a, b=1_0)") == text("f(a,b = 10)")
    sources = [
        "x = 'a'",
        "x = b'a'",
        "x = 1",
        "x = 1.0",
        "x = True",
        "x = None",
        "x = ...",
        "x: int = 1",
    ]
    sources += ["x = a.b", "x = a[b]", "x = {}", "x = {**a}", "x = []", "x = ()", "del x", "x += 1"]
    assert len({text(source) for source in sources}) == len(sources)


def test_digests_are_remembered_until_a_module_changes(tmp_path, monkeypatch):
    path = tmp_path / "digests.json"
    first = code_digest_module.Digests(path)
    assert first.of("labels") == code_digest("labels")
    first.keep()

    def refuse(stage):
        raise AssertionError("worked out again")

    monkeypatch.setattr(code_digest_module, "code_digest", refuse)
    assert code_digest_module.Digests(path).of("labels") == first.of("labels")
    with pytest.raises(AssertionError, match="worked out again"):
        code_digest_module.Digests(path).of("ratings")
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"state": "of other modules"}))
    with pytest.raises(AssertionError, match="worked out again"):
        code_digest_module.Digests(path).of("labels")


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"state": 1}'])
def test_digests_are_worked_out_where_nothing_is_remembered(tmp_path, text):
    path = tmp_path / "digests.json"
    if text is not None:
        path.write_text(text)
    assert code_digest_module.Digests(path).of("labels") == code_digest("labels")
