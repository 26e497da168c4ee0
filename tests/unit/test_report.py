"""The report: one page that holds the scores, needs nothing else, and is the same every time."""

import html
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from softaer import figures, report, schema, tables
from softaer.errors import InputError
from softaer.report import as_rows, score_columns, score_table
from softaer.simulate.check import CHECK
from softaer.tasks import OBJECTIVES

PARTITIONS = {"a": "train", "b": "dev", "c": "test", "d": "test"}
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Results:
    """Tiny outputs of all the stages that a report is made from."""

    def __init__(self, folder, dimensions=("mood",), modalities=("audio", "video")):
        self.folder, self.dimensions, self.modalities = folder, dimensions, modalities
        self.shown = [*modalities, "+".join(modalities)] if len(modalities) > 1 else [*modalities]
        rng = np.random.default_rng(0)
        lines = ["recording,subject,partition,media,annotations"]
        lines += [f"{n},s{n},{p},{n}.mp4,{n}.csv" for n, p in PARTITIONS.items()]
        (folder / "recordings.csv").write_text("\n".join(lines) + "\n")
        targets = [f"{d}_{t}" for d in dimensions for t in ("E", "sigma")]
        predictions = []
        for name in PARTITIONS:
            table = pd.DataFrame({"recording": name, "time": np.arange(12) / 10})
            predictions.append(table.assign(E=rng.normal(size=12), sigma=rng.random(12)))
            table = table.assign(**{target: rng.random(12) for target in targets}, f=0.0)
            path = folder / "dataset" / f"{name}.parquet"
            tables.write(table, schema.dataset(targets, ["f"]), path)
        predictions = pd.concat(predictions)
        for dimension in dimensions:
            for modality in modalities:
                for objective, outputs in OBJECTIVES.items():
                    where = f"{dimension}/{modality}/{objective}/seed1"
                    path = folder / "predict" / f"{where}.parquet"
                    tables.write(predictions, schema.PREDICTIONS, path)
                    curve = pd.DataFrame(
                        [(e, 1.0 / e, o, 0.1 * e, e == 2) for e in (1, 2, 3) for o in outputs],
                        columns=schema.LEARNING_CURVE.names,
                    )
                    path = folder / "train" / where / "learning_curve.parquet"
                    tables.write(curve, schema.LEARNING_CURVE, path)
            for task in ("single", "multi"):
                where = folder / "fuse" / dimension / task
                tables.write(predictions, schema.PREDICTIONS, where / "seed1.parquet")
                gamma = pd.DataFrame(
                    [(t, m, 0.625, 9) for t in ("E", "sigma") for m in ("intercept", *modalities)],
                    columns=schema.FUSION.names,
                )
                tables.write(gamma, schema.FUSION, where / "seed1.coefficients.parquet")
        self.scores = pd.DataFrame(
            [
                (d, t, m, task, p, 1, 0.0, 2, 24)
                for d in dimensions
                for t in ("E", "sigma")
                for m in self.shown
                for task in ("single", "multi")
                for p in ("dev", "test")
            ],
            columns=schema.CCC.names,
        )
        self.scores["ccc"] = np.round(np.linspace(-0.05, 0.95, len(self.scores)), 4)
        tables.write(self.scores, schema.CCC, folder / "ccc.parquet")
        n = len(modalities)
        summary = pd.DataFrame(
            [("train", 1, 1, 3, 12, 0.02, *[0.75] * n), ("test", 2, 2, 3, 0, 0.0, *[np.nan] * n)],
            columns=schema.summary(modalities).names,
        )
        tables.write(summary, schema.summary(modalities), folder / "summary.parquet")
        check = pd.DataFrame([("mood", "E", 4.0, 0.987, 0.99, 31)], columns=CHECK.names)
        tables.write(check, CHECK, folder / "check.parquet")

    def words(self, root, *more, config=None, tasks=("single", "multi"), output="report.html"):
        words = ["--template", root / "workflow/report/report.html.j2"]
        words += ["--recordings", self.folder / "recordings.csv"]
        words += ["--scores", self.folder / "ccc.parquet"]
        words += ["--summary", self.folder / "summary.parquet"]
        for name in ("dataset", "train", "predict", "fuse"):
            words += [f"--{name}", self.folder / name]
        words += ["--dimensions", *self.dimensions, "--modalities", *self.modalities]
        words += ["--tasks", *tasks, "--seeds", 1, "--config", json.dumps(config or {"delay": 4.0})]
        words += ["--output", self.folder / output, *more]
        return [str(word) for word in words]

    def render(self, root, *more, **options):
        before = sys.argv
        sys.argv = ["report", *self.words(root, *more, **options)]
        try:
            report.main()
        finally:
            sys.argv = before
        return (self.folder / options.get("output", "report.html")).read_text(encoding="utf-8")


class Page(HTMLParser):
    """Links, tables and whether every element that is opened is closed."""

    def __init__(self, text):
        super().__init__()
        self.open, self.links, self.tables, self.scripts = [], [], [], 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        names = ("src", "href", "xlink:href", "data", "srcset", "action")
        self.links += [value for name, value in attributes if name in names]
        self.scripts += tag == "script"
        if tag not in VOID:
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables:
            self.tables[-1][-1].append("")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return Results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def text(results, root):
    return results.render(root, "--check", results.folder / "check.parquet")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_page_is_well_formed(page):
    assert page.open == []


def test_every_score_stands_in_its_cell(page, results):
    _, partitions, *rows = page.tables[0]
    assert partitions == ["dev", "test"] * 2
    assert [row[:2] for row in rows] == [[m, t] for m in results.shown for t in ("single", "multi")]
    found = {
        (row[0], row[1], target, partition): row[2 + i]
        for row in rows
        for i, (target, partition) in enumerate(
            [("E", "dev"), ("E", "test"), ("sigma", "dev"), ("sigma", "test")]
        )
    }
    for row in results.scores.itertuples():
        shown = found[row.modality, row.task, row.target, row.partition]
        assert float(shown) == pytest.approx(row.ccc, abs=5.1e-4)


def test_the_other_tables_are_there(page):
    cells = [cell for table in page.tables for row in table for cell in row]
    for value in ("0.750", "0.987", "0.625"):
        assert value in cells
    assert "–" in cells, "coverage of a partition without frames"
    assert "nan" not in cells


def test_the_page_needs_nothing_from_elsewhere(page, text):
    assert page.links
    assert all(link.startswith("#") for link in page.links)
    assert page.scripts == 0
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_links_inside_the_page_lead_somewhere(page, text):
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert {link[1:] for link in page.links} | set(re.findall(r"url\(#([^)]+)\)", text)) <= ids


def test_the_first_recording_of_test_is_shown(text):
    assert re.search(r"Recording\s+c,", text)


def test_a_simulated_corpus_is_called_so(results, root, text):
    assert "Simulated corpus" in text
    assert "planted truth" in text
    without = results.render(root, output="real.html")
    assert "imulated" not in without
    assert "planted" not in without


def test_the_configuration_is_shown_and_escaped(results, root):
    config = {"corpus": {"recordings": "<script>alert('x')</script> & \"é\""}}
    text = results.render(root, config=config, output="config.html")
    assert "<script" not in text
    assert config["corpus"]["recordings"] in html.unescape(text).replace("''", "'")
    assert Page(text).scripts == 0


def test_the_same_bytes_in_another_process(results, root, text):
    words = results.words(root, "--check", str(results.folder / "check.parquet"), output="2.html")
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow"), "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-m", "softaer.report", *words]
    subprocess.run(command, check=True, env=environment)
    assert (results.folder / "2.html").read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("modalities", "tasks"),
    [(["audio"], ["single"]), (["video"], ["multi"]), (["video", "audio"], ["multi", "single"])],
    ids=["sound alone", "pictures alone", "pictures first"],
)
def test_every_choice_of_modalities_and_tasks_has_a_report(tmp_path, root, modalities, tasks):
    results = Results(tmp_path, modalities=tuple(modalities))
    text = results.render(root, tasks=tasks)
    assert ("Late fusion" in text) == (len(modalities) > 1)
    assert Page(text).open == []


def test_every_dimension_has_its_traces():
    dimensions = [f"dim-{number}" for number in range(1, 10)]
    trace = pd.DataFrame({"time": [0.0, 0.1], "E": [0.0, 1.0], "sigma": [1.0, 0.0]})
    panels = [(d, t, {"label": trace}) for d in dimensions for t in ("E", "sigma")]
    text = figures.traces(panels)
    for dimension in dimensions:
        assert f"{dimension} E" in text
        assert f"{dimension} σ" in text


def test_no_recording_to_show(tmp_path, root):
    results = Results(tmp_path)
    table = tmp_path / "recordings.csv"
    table.write_text(re.sub(",(dev|test),", ",train,", table.read_text()))
    with pytest.raises(InputError) as caught:
        results.render(root)
    for word in ("recordings.csv", "test", "dev"):
        assert word in str(caught.value)


def scores(*rows):
    names = ["dimension", "target", "partition", "modality", "task", "seed", "ccc"]
    return pd.DataFrame(rows, columns=names)


def test_a_cell_is_the_mean_over_seeds_and_the_best_of_a_column_is_marked():
    table = scores(
        ("x", "E", "dev", "audio", "single", 1, 0.2),
        ("x", "E", "dev", "audio", "single", 2, 0.4),
        ("x", "E", "dev", "video", "single", 1, 0.25),
        ("x", "E", "dev", "video", "single", 2, 0.25),
        ("x", "E", "test", "audio", "single", 1, 0.1),
        ("x", "E", "test", "video", "multi", 1, 0.9),
    )
    assert score_columns(table) == [("x", "E", "dev"), ("x", "E", "test")]
    rows = {(row["modality"], row["task"]): row["cells"] for row in score_table(table)}
    assert list(rows) == [("audio", "single"), ("video", "single"), ("video", "multi")]
    audio, video, multi = rows.values()
    assert audio[0]["ccc"] == pytest.approx(0.3)
    assert [cells[0]["best"] for cells in (audio, video, multi)] == [True, False, False]
    assert [cells[1]["best"] for cells in (audio, video, multi)] == [False, False, True]
    assert multi[0]["ccc"] is None


def test_missing_values_of_a_table_are_none():
    table = as_rows(pd.DataFrame({"n": [1, 2], "x": [0.5, np.nan], "s": ["a", None]}))
    assert table == {"header": ["n", "x", "s"], "rows": [[1, 0.5, "a"], [2, None, None]]}
