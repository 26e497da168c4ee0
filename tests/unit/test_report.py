"""The report: one page that holds the scores, needs nothing else, and is the same every time."""

import base64
import html
import importlib
import itertools
import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import coverage_tables
import numpy as np
import pandas as pd
import plotly.offline
import pytest
from page_data import explorer_data, series
from safetensors.numpy import save_file

from softaer import figures, recording_scores, report
from softaer.core import schema, tables
from softaer.core.code_digest import code_digest, file_digest
from softaer.core.errors import InputError
from softaer.core.experiment import ReportSection
from softaer.core.grid import RATE
from softaer.core.tasks import HUMAN, networks, output_names
from softaer.corpus import read_recordings
from softaer.figures import traces
from softaer.labels import JUMPS, LEFT_OUT
from softaer.modalities import configured
from softaer.page import explorer
from softaer.page.against_ridge import against_ridge
from softaer.page.score_table import score_table, shown
from softaer.page.sections import TITLES
from softaer.page.template import as_rows
from softaer.report import absences
from softaer.signals.extraction import NOTHING
from softaer.simulate.check import CHECK

PARTITIONS = {"a": "train", "b": "dev", "c": "test", "d": "test"}
CONFIG = {
    **{"modalities": ["audio", "video"], "audio": {}, "video": {}},
    "delay": 4.0,
    "labels": {"alignment": "none"},
    "model": {"network": "blstm"},
    "training": {"precision": "float32"},
    "report": {"without": []},
    "evaluation": {"resample": "subject", "draws": 1234},
}
VOID = {"meta", "link", "img", "br", "hr", "input"}
RATER = "</script><b>"
"""A rater's name that would end the element that it stands in."""


DRAWN = {}
"""Figures by the name of their stage and the content of its files."""


class Results:
    """Tiny outputs of all the stages that a report is made from."""

    def __init__(
        self,
        folder,
        dimensions=("mood",),
        modalities=("audio", "video"),
        tasks=("single", "multi"),
        uncertainty=True,
        without=None,
        baselines=(),
    ):
        self.folder, self.dimensions, self.tasks = folder, dimensions, tasks
        self.baselines = baselines
        self.coverage = coverage_tables.write(folder / "coverage", PARTITIONS, modalities, without)
        self.shown = [*modalities, "+".join(modalities)] if len(modalities) > 1 else [*modalities]
        self.rng = np.random.default_rng(0)
        self.corpus()
        for dimension, task, modality in itertools.product(dimensions, tasks, modalities):
            self.model(dimension, task, modality)
            for scope, objective in networks(task, dimension, dimensions):
                self.network(scope, objective, modality)
        if len(modalities) > 1:
            for dimension, task in itertools.product(dimensions, tasks):
                self.fusion(dimension, task, modalities)
        for dimension, task in itertools.product(dimensions, baselines):
            for modality in modalities:
                self.model(dimension, task, modality, seed=0)
                choices = [
                    (target, context, 0.1, 0.4444, context == 2.0)
                    for target in ("E", "sigma")
                    for context in (0.0, 2.0)
                ]
                self.write(choices, schema.RIDGE, f"baselines/{dimension}/{modality}")
            self.fusion(dimension, task, modalities, seed=0)
        self.evaluation(uncertainty)
        self.data_set(modalities)
        self.raters()
        self.pairs()
        self.run_times()

    def write(self, table, kind, path):
        if not isinstance(table, pd.DataFrame):
            table = pd.DataFrame(table, columns=kind.names)
        tables.write(table, kind, self.folder / f"{path}.parquet")
        return table

    def corpus(self):
        lines = ["recording,subject,partition,media,annotations"]
        lines += [f"{n},s{n},{p},{n}.mp4,{n}.csv" for n, p in PARTITIONS.items()]
        (self.folder / "recordings.csv").write_text("\n".join(lines) + "\n")
        targets = [f"{d}_{t}" for d in self.dimensions for t in ("E", "sigma")]
        for name in PARTITIONS:
            table = pd.DataFrame({"recording": name, "time": np.arange(12) / 10})
            table = table.assign(**{target: self.rng.random(12) for target in targets}, f=0.0)
            self.write(table, schema.dataset(targets, ["f"]), f"dataset/{name}")
            rows = [
                (name, frame / 10, dimension, rater, 0.1 * k)
                for dimension in self.dimensions
                for k, rater in enumerate(("rater-7", RATER))
                for frame in range(14)
            ]
            self.write(rows, schema.RATINGS, f"ratings/{name}")

    def prediction(self, kind, path):
        frames = pd.DataFrame(
            [(name, frame / 10) for name in PARTITIONS for frame in range(12)],
            columns=["recording", "time"],
        )
        values = self.rng.random((len(frames), len(kind.names) - 2))
        self.write(frames.join(pd.DataFrame(values, columns=kind.names[2:])), kind, path)

    def model(self, dimension, task, modality, seed=1):
        where = f"postprocess/{dimension}/{modality}/{task}/seed{seed}"
        self.prediction(schema.POSTPROCESSED, where)
        steps = [(target, "centring", True, 0.4375, None, 0.01) for target in ("E", "sigma")] + [
            ("E", "time_shift", False, None, None, -0.02),
            ("sigma", "scaling", False, None, None, None),
        ]
        self.write(steps, schema.POSTPROCESSING_STEPS, f"{where}.steps")

    def network(self, scope, objective, modality):
        rows = [("cells,3", 0.2345, 1, False), ("cells,4", 0.3456, 1, True)]
        self.write(rows, schema.SELECTION, f"select/{scope}/{modality}/{objective}")
        outputs = output_names(scope, objective)
        curve = [(e, 1.0 / e, o, 0.1 * e, e == 2) for e in (1, 2, 3) for o in outputs]
        for cells in (3, 4):
            where = f"train/{scope}/{modality}/{objective}/cells,{cells}/seed1"
            self.write(curve, schema.LEARNING_CURVE, f"{where}/learning_curve")
            tensors = {"w": np.zeros((7, cells)), "target_mean": np.zeros(5)}
            save_file(tensors, self.folder / f"{where}/weights.safetensors")
            # One of two processors has bfloat16.
            used = {3: "float32", 4: "bfloat16"}[cells]
            description = json.dumps({"training": {"precision": used}})
            (self.folder / f"{where}/description.json").write_text(description)

    def fusion(self, dimension, task, modalities, seed=1):
        where = f"fuse/{dimension}/{task}/seed{seed}"
        self.prediction(schema.FUSED_PREDICTIONS, where)
        inflation = {"intercept": None} | dict.fromkeys(modalities, 37.5 if seed == 0 else 2.5)
        gamma = [(t, m, 0.625, v) for t in ("E", "sigma") for m, v in inflation.items()]
        self.write(gamma, schema.FUSION, f"{where}.coefficients")

    def evaluation(self, uncertainty):
        rows = list(
            itertools.product(
                *(self.dimensions, ("E", "sigma"), self.shown),
                *((*self.tasks, *self.baselines), ("dev", "test")),
            )
        )
        keys = ["dimension", "target", "modality", "task", "partition"]
        scores = pd.DataFrame(rows, columns=keys)
        scores["ccc"] = np.round(np.linspace(-0.05, 0.95, len(scores)), 4)
        on_dev = scores["partition"] == "dev"
        scores["ccc_out_of_fold"] = (scores["ccc"] - 0.0321).where(on_dev)
        scores["ccc_raw"] = 0.5
        scores = scores.assign(seed=1, recordings=2, lacking=0, frames=24)
        scores["fusion"] = np.where(
            scores["modality"].str.contains("+", regex=False), "rescaled", None
        )
        scores = scores.assign(pearson=0.4567, rmse=0.1234, mae=0.0987, worst_recording="c")
        scores["panels"] = np.where(scores["target"] == "sigma", 1.0, np.nan)
        for name in ("mean", "median", "worst"):
            scores[f"ccc_recording_{name}"] = scores["ccc"] - 0.2
        if self.baselines:
            plain = scores[scores["fusion"].notna()].assign(fusion="mean")
            scores = pd.concat([scores, plain], ignore_index=True)
        self.scores = self.write(scores, schema.CCC, "ccc")
        intervals = scores.assign(low=scores["ccc"] - 0.25, high=scores["ccc"] + 0.125)
        intervals = intervals.assign(seeds=1, resampled=8, kind="interval")[schema.INTERVALS.names]
        self.write(intervals, schema.INTERVALS, "intervals")
        ceiling = [
            (d, "E", HUMAN, p, value, 30)
            for d in self.dimensions
            for p, value in (("train", 0.7), ("dev", 0.7654), ("test", 0.8765))
        ]
        self.write(ceiling, schema.CEILING, "ceiling")
        self.claims()
        rows = [
            (d, task, figure, series, x, x * 0.9)
            for d, task in itertools.product(self.dimensions, self.tasks)
            for figure, series in (
                ("coverage", "predicted"),
                ("coverage", "label"),
                ("selective", "predicted sigma"),
                ("reliability", "predicted"),
            )
            for x in (0.5, 0.9, 0.95)
        ]
        self.write(rows if uncertainty else [], schema.UNCERTAINTY, "uncertainty")
        self.sigma_scores(uncertainty)

    def claims(self, kind="interval", power=True):
        columns = ["hypothesis", "difference", "low", "high", "p_value", "p_holm", "answer"]
        answers = [
            ("fusion beats single", 0.1357, -0.1, 0.2, 0.3, 0.31, "undecided"),
            ("multi beats single", 0.2468, 0.1, 0.4, 0.01, 0.02, "yes"),
            ("multi beats single", None, None, None, 1.0, 1.0, "undecided (one seed)"),
        ]
        table = pd.DataFrame(answers, columns=columns).assign(dimension="mood", target="E")
        table = table.assign(better="a, b", worse="c, d", effect_size=0.75, effect_low=-0.5)
        table = table.assign(effect_high=1.5, kind=kind, resampled=8, seeds=2)
        self.write(table[schema.HYPOTHESES.names], schema.HYPOTHESES, "hypotheses")
        claims = table[:2].assign(comparisons=[1, 2])
        self.write(claims[schema.CLAIMS.names], schema.CLAIMS, "claims")
        keys = ("multi beats single", "mood", "E", "a, b", "c, d")
        rows = [
            (*keys, units, comparisons, 0.2468, share, least)
            for units, comparisons, share, least in (
                *((4, 1, 0.0, None), (4, 2, 0.0, None)),
                *((8, 1, 0.43, 0.37), (8, 2, 0.21, None)),
            )
        ]
        self.write(rows if power else [], schema.POWER, "power")

    def sigma_scores(self, uncertainty=True, bands=True, **columns):
        """The prediction beats a constant spread by an interval, and sigma alone nowhere."""
        names = ("predicted", "sigma alone", "constant spread", "climatology", "other raters")
        table = pd.DataFrame(
            list(itertools.product(self.dimensions, self.tasks, names)),
            columns=["dimension", "task", "series"],
        )
        compared, alone = table["series"] != "predicted", table["series"] == "sigma alone"
        clear = compared & ~alone
        for score in ("crps", "nll"):
            table[score] = 0.2468
            table[f"{score}_difference"] = np.where(alone, 0.0333, -0.0222)
            table.loc[~compared, f"{score}_difference"] = np.nan
            table[f"{score}_low"] = np.where(clear, -0.0321, np.nan)
            table[f"{score}_high"] = np.where(clear, -0.0123, np.nan)
        with_sigma = table["series"].isin(["predicted", "other raters"])
        for end, value in (("_low", 0.21), ("", 0.33), ("_high", 0.45)):
            table[f"r_deviation{end}"] = np.where(with_sigma, value, np.nan)
        table["a"] = np.where(~compared, 0.1357, np.nan)
        table = table.assign(width_80=0.7, covered_80=0.8, width_90=0.9, covered_90=0.9)
        table = table.assign(skill=0.1, b_squared=0.95, ratings=99, units=7, panels=1)
        table = table.assign(**{"out_of_fold": True} | columns, modality="audio+video")
        self.write(
            table[schema.DISTRIBUTION.names] if uncertainty else [],
            schema.DISTRIBUTION,
            "distribution",
        )
        rows = [
            (d, task, "audio+video", nominal, by, level, nominal + 0.03, 0.7, 0.95, 0.5, few, 99, 7)
            for d, task, by, level, (nominal, few) in itertools.product(
                *(self.dimensions, self.tasks, ["all", "sigma"], ["low"]),
                [(0.8, False), (0.9, True)],
            )
        ]
        self.write(rows if uncertainty and bands else [], schema.COVERED, "covered")

    def data_set(self, modalities):
        n = len(modalities)
        kind = schema.summary(modalities)
        summary = [
            ("train", 1, 1, 3, 12, 0.02, *[0.75] * n),
            ("test", 2, 2, 3, 0, 0.0, *[np.nan] * n),
        ]
        self.write(summary, kind, "summary")
        check = [("mood", "E", "all", 4.0, True, 0.987, 0.99, 31)]
        self.write(check, CHECK, "simulate_check")
        delays = [("mood", 0.0, 0.1, False), ("mood", 3.7, 0.4, True)]
        self.write(delays, schema.ANNOTATION_DELAY, "annotation_delay")
        self.write([("mood", "rater-7", -0.45, 0.61, None)], schema.RATER_LAGS, "rater_lags")

    def raters(self):
        pairs = [(d, "rater-7", RATER, 0.4142, 55) for d in self.dimensions]
        self.write(pairs, schema.AGREEMENT_PAIRS, "agreement/pairs")
        own = [
            (d, n, 4, 55, 0.4142, 0.5, 0.25, 0.7777, 1)
            for d in self.dimensions
            for n in ("rater-7", RATER)
        ]
        self.write(own, schema.AGREEMENT_RATERS, "agreement/raters")
        whole = [(d, 2, 4, 55, 0.4142, 0.3141, 0.2719, 0.4276, 54) for d in self.dimensions]
        self.write(whole, schema.AGREEMENT_DIMENSIONS, "agreement/dimensions")
        halves = [
            (d, *own)
            for d in self.dimensions
            for own in (
                ("E", "K", 6, 3, 10, 4, 0.8, 0.7, 0.89, 0.85, 0.92, 2, 3, 7),
                ("sigma", "K", 6, 3, 10, 4, 0.25, 0.1, 0.40, None, None, 21, 36, 81),
                ("sigma", "K - 1", 6, 3, 10, 4, 0.25, 0.1, 0.4567, None, None, 15, 25, 55),
            )
        ]
        self.write(halves, schema.AGREEMENT_RELIABILITY, "agreement/reliability")
        known = {"recordings": 4, "share": 0.9, "lag": 0.1, "gain": 1.0, "bias": -0.0123}
        known |= {"noise": 0.2345, "gain_low": 0.8765, "gain_high": 1.1234, "verdict": "agrees"}
        known |= {"weight_zero": 0, "flat": 0, "still": 0.0, "inverted": 0, "outliers": 0}
        each = [
            dict.fromkeys(schema.RATERS.names)
            | {"dimension": d, "rater": n, **known, "done": "kept"}
            for d in self.dimensions
            for n in ("rater-7", RATER)
        ]
        self.write(pd.DataFrame(each), schema.RATERS, "raters")
        curve = [
            (d, *key, n, n / (n + 2), None, None, 0.5 if n < 3 else None)
            for d in self.dimensions
            for key in (("E", "K"), ("sigma", "K"), ("sigma", "K - 1"))
            for n in range(1, 31)
        ]
        self.write(curve, schema.AGREEMENT_CURVE, "agreement/curve")

    def pairs(self, picture=None):
        rows = [
            (d, 1, role, name, 0.3, 0.25, sigma, picture)
            for d in self.dimensions
            for role, name, sigma in (("agreed", "a", 0.0625), ("disputed", "c", 0.9375))
        ]
        self.write(rows, schema.FRAME_PAIRS, "frame_pairs")

    def run_times(self):
        path = self.folder / "benchmarks/landmarks/a.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("s\tmax_rss\tcpu_time\n20.0\t321.5\t30.0\n")

    def draw(self):
        """The figures, by the stages that draw them."""
        raters = [(f"--{n}", self.folder / f"agreement/{n}.parquet") for n in ("pairs", "curve")]
        self.draw_one("agreement", *itertools.chain(*raters))
        self.draw_one("raters", "--raters", self.folder / "raters.parquet")
        self.draw_one("uncertainty", "--uncertainty", self.folder / "uncertainty.parquet")
        tables = {"scores": "ccc", "intervals": "intervals", "ceiling": "ceiling"}
        words = [(f"--{flag}", self.folder / f"{name}.parquet") for flag, name in tables.items()]
        self.draw_one("scores", *itertools.chain(*words))
        results = ["--results", self.folder]
        self.draw_one("learning_curves", *results, *self.experiment())
        self.score_recordings()
        where = [*results, "--recordings", self.folder / "recordings.csv"]
        where += [
            "--dataset",
            self.folder / "dataset",
            "--each",
            self.folder / "recordings.parquet",
        ]
        self.draw_one("traces", *where, *self.experiment())

    def score_recordings(self):
        words = ["--results", self.folder, "--recordings", self.folder / "recordings.csv"]
        words += ["--dataset", self.folder / "dataset", "--coverage", *self.coverage]
        words += ["--ratings", self.folder / "ratings", "--scores", self.folder / "ccc.parquet"]
        words += ["--output", self.folder / "recordings.parquet"]
        words += ["--csv-output", self.folder / "each.csv", *self.experiment()]
        call(recording_scores.main, words)

    def draw_one(self, name, *words):
        """A figure; what was drawn from the same files before is not drawn again."""
        path = self.folder / f"figures/{name}.svg"
        given = name, *(self.content(word) for word in words)
        if given not in DRAWN:
            stage = importlib.import_module(f"softaer.figures.{name}")
            call(stage.main, [*words, "--output", path])
            DRAWN[given] = path.read_bytes()
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(DRAWN[given])

    def content(self, word):
        """A word of a command; of a path, what its files hold."""
        if not isinstance(word, Path):
            return word
        files = sorted(word.rglob("*")) if word.is_dir() else [word]
        return tuple(
            (str(file.relative_to(word)), file_digest(file))
            for file in files
            if file.is_file() and file.suffix not in (".html", ".svg")
        )

    def experiment(self):
        words = ["--dimensions", *self.dimensions, "--modalities", *self.shown]
        words += ["--tasks", *self.tasks, "--seeds", 1, "--fusion", "rescaled"]
        return [*words, *(["--baselines", *self.baselines] if self.baselines else [])]

    def words(self, root, *more, config=None, output="report.html"):
        words = ["--results", self.folder, "--template", root / "workflow/report/report.html.j2"]
        words += ["--recordings", self.folder / "recordings.csv"]
        words += ["--dataset", self.folder / "dataset", "--benchmarks", self.folder / "benchmarks"]
        words += [*self.experiment(), "--coverage", *self.coverage]
        words += ["--ratings", self.folder / "ratings"]
        words += [word for name in self.dimensions for word in ("--delay", name, 0.2)]
        words += ["--config", json.dumps(CONFIG | (config or {}))]
        words += ["--output", self.folder / output, *more]
        return [str(word) for word in words]

    def render(self, root, *more, charts=1, **options):
        self.draw()
        call(report.main, self.words(root, *more, **options))
        return read_page(self.folder / options.get("output", "report.html"), charts)


def call(main, words):
    """Run a stage in this process."""
    before = sys.argv
    sys.argv = ["stage", *map(str, words)]
    try:
        main()
    finally:
        sys.argv = before


def read_page(path, charts=1):
    """The page without the charts' library, of which the tests have nothing to say."""
    text = path.read_text(encoding="utf-8")
    library = plotly.offline.get_plotlyjs()
    assert text.count(library) == charts
    return text.replace(library, "")


SCRIPTS = 4
"""A place for media, the explorer's data, the charts' library, the explorer."""


def number(cell):
    """A cell as a number; minus signs are no hyphens."""
    return float(cell.replace("−", "-"))


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
    return results.render(root, "--simulated")


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_the_head_says_the_name_and_what_differs_from_the_defaults(results, text, root):
    assert "<code>evaluation.draws</code>: 1234 " in text
    assert "(default: 1000)" in text
    assert "<strong>gru</strong>" not in text
    assert "<strong>gru</strong>" in results.render(root, "--name", "gru", output="named.html")


def test_the_page_is_well_formed(page):
    assert page.open == []


def test_every_score_stands_in_its_cell(page, results):
    _, partitions, *rows = page.tables[1]
    assert partitions == ["dev", "dev, out of fold", "test"] * 2
    *rows, human = rows
    assert [row[:2] for row in rows] == [[m, t] for m in results.shown for t in ("single", "multi")]
    found = {
        (row[0], row[1], target): row[2 + 3 * i : 5 + 3 * i]
        for row in rows
        for i, target in enumerate(("E", "sigma"))
    }
    for row in results.scores.itertuples():
        dev, out_of_fold, test = found[row.modality, row.task, row.target]
        if row.partition == "dev":
            assert number(dev) == pytest.approx(row.ccc, abs=5.1e-4)
            assert number(out_of_fold) == pytest.approx(row.ccc_out_of_fold, abs=5.1e-4)
        else:
            # The interval stands in the cell in an element of its own.
            assert number(test) == pytest.approx(row.ccc, abs=5.1e-4)
    assert human[0] == HUMAN
    assert [cell.strip() for cell in human[2:]] == ["0.765", "–", "0.876", "–", "–", "–"]


def test_every_score_on_test_has_its_interval(results, text):
    models = text[text.index('<h2 id="scores">') :]
    found = re.findall(r'class="interval">\[(\S+), (\S+)\]<', models)
    on_test = results.scores[results.scores["partition"] == "test"]
    assert sorted(number(low) for low, _ in found) == pytest.approx(
        sorted(on_test["ccc"] - 0.25), abs=0.0051
    )
    assert sorted(number(high) for _, high in found) == pytest.approx(
        sorted(on_test["ccc"] + 0.125), abs=0.0051
    )
    assert "1234 draws" in text
    assert "over subjects" in text


def test_scores_have_others_beside_them_in_a_folded_table(results, text):
    folded = text[text.index("<details><summary>More than one figure per model") :]
    (table,) = Page(folded[: folded.index("</details>") + 10]).tables
    assert table[0][4:7] == ["CCC", "r", "RMSE"]
    assert len(table) == 1 + (results.scores["partition"] == "test").sum()
    assert all(row[-1] == "c" for row in table[1:])
    assert all(number(row[4]) == pytest.approx(number(row[8]) + 0.2, abs=2e-3) for row in table[1:])


def test_claims_stand_with_their_bounds_adjusted_p_values_and_power(text):
    section = text[text.index('<h2 id="claims"') : text.index('<h2 id="traces"')]
    means, single = Page(section).tables[:2]
    assert means[0][:4] == ["hypothesis", "target", "comparisons", "answer"]
    assert [row[:4] for row in means[1:]] == [
        ["fusion beats single", "E", "1", "undecided"],
        ["multi beats single", "E", "2", "yes"],
    ]
    assert single[0][:3] == ["hypothesis", "dimension", "target"]
    assert len(single) == 1 + 3
    assert "[−0.10, 0.20]" in text
    assert "0.75 [−0.50, 1.50]" in text
    flat = " ".join(text.split())
    assert "with 8 test subjects like these, a gain of 0.25" in flat
    assert "would be found in 43 % of cases if it were the only comparison" in flat
    assert "43 % (0.37)" in text


def test_the_note_on_few_subjects_in_dev_is_there_if_they_are_few(tmp_path, root, text):
    words = "in dev, no step can be validated"
    assert f"With 1 subject {words}" in text
    results = Results(tmp_path, tasks=("multi",))
    path = tmp_path / "recordings.csv"
    path.write_text(path.read_text().replace(",train,", ",dev,").replace("c,sc,test", "c,sc,dev"))
    assert words not in results.render(root)


def test_a_range_is_not_called_an_interval(tmp_path, root):
    results = Results(tmp_path, tasks=("multi",))
    path = tmp_path / "intervals.parquet"
    table = tables.read(path).assign(kind="range", resampled=4)
    tables.write(table, schema.INTERVALS, path)
    results.claims(kind="range", power=False)
    text = results.render(root)
    flat = " ".join(text.split())
    assert 'class="interval">(' in text
    assert "4 subjects in test are too few for an interval" in flat
    scored = flat[flat.index('id="scores"') : flat.index('id="traces"')]
    assert "bootstrap interval" not in scored
    assert "would be found in" not in scored


def test_the_note_on_panels_is_there_if_recordings_have_other_raters(tmp_path, root, text):
    assert "Not all recordings have the same raters" not in text
    results = Results(tmp_path, tasks=("multi",))
    scores = results.scores
    scores.loc[scores["target"] == "sigma", "panels"] = 3
    scores.loc[scores["partition"] == "dev", "panels"] = 7
    results.write(scores, schema.CCC, "ccc")
    flat = " ".join(results.render(root).split())
    assert "Not all recordings have the same raters (3 panels), and σ differs in level" in flat


def test_networks_that_were_trained_in_another_precision_are_counted(results, root, text):
    assert "float32" not in text[text.index('<h2 id="selection">') : text.index("Post-processing")]
    asked = {"training": {"precision": "bfloat16"}, "grid": {}}
    page = " ".join(results.render(root, config=asked, output="half.html").split())
    found = re.search(r"(\d+) of (\d+) networks were trained in float32, because", page)
    assert int(found[2]) == 2 * int(found[1]) > 0


SECTIONS = [
    "Concordance (CCC)",
    "Claims",
    "Predictions against labels",
    "The same E, not the same σ",
    "What the predicted uncertainty is worth",
    "Agreement of the raters",
    "Data set",
    "Labels against the planted truth",
    "Learning curves",
    "Selection",
    "Post-processing",
    "Late fusion",
    "Run times",
    "Configuration",
    "Versions",
]


def headings(text):
    return [html.unescape(name) for name in re.findall("<h2[^>]*>(.*?)</h2>", text)]


def test_all_sections_are_there(text):
    assert headings(text) == SECTIONS


def test_without_anything_on_the_uncertainty_its_section_is_left_out(tmp_path, root):
    text = Results(tmp_path, uncertainty=False).render(root, "--simulated")
    assert headings(text) == [name for name in SECTIONS if "uncertainty is" not in name]
    assert Page(text).open == []


@pytest.mark.parametrize(
    ("config", "extra", "cells"),
    [
        ({"delay": "estimated"}, ["Delay of the annotations"], ["3.700"]),
        ({"labels": {"alignment": "estimated"}}, ["Lags of the raters"], ["rater-7", "−0.450"]),
        (
            {"delay": "estimated", "labels": {"alignment": "estimated"}},
            ["Delay of the annotations", "Lags of the raters"],
            ["3.700", "rater-7", "−0.450"],
        ),
    ],
    ids=["delay", "lags", "both"],
)
def test_what_was_estimated_is_told(results, root, config, extra, cells):
    text = results.render(root, "--simulated", config=config, output="estimated.html")
    assert headings(text) == [*SECTIONS[:-3], *extra, *SECTIONS[-3:]]
    shown = [cell for table in Page(text).tables for row in table for cell in row]
    assert set(cells) <= set(shown)


def test_joint_networks_of_two_dimensions(tmp_path, root):
    tasks = ("single", "multi", "joint")
    results = Results(tmp_path, dimensions=("mood", "will"), tasks=tasks)
    page = Page(results.render(root))
    assert page.open == []
    for table in page.tables[1:3]:
        assert [row[1] for row in table[2:8]] == [*tasks] * 2
    cells = {cell for table in page.tables for row in table for cell in row}
    assert "mood+will" in cells
    assert "joint" in read_page(tmp_path / "report.html").split("<svg")[-1]


def test_the_other_tables_are_there(page):
    cells = [cell for table in page.tables for row in table for cell in row]
    for value in (
        "0.750",
        "0.987",
        "0.625",
        "0.346",
        "28",
        "0.438",
        "0.136",
        "0.247",
        "0.272",
        "0.314",
        "0.778",
        "321.500",
    ):
        assert value in cells
    assert "–" in cells, "coverage of a partition without frames"
    assert "nan" not in cells


def test_the_page_needs_nothing_from_elsewhere(page, text):
    assert page.links
    assert all(link.startswith("#") for link in page.links)
    assert page.scripts == SCRIPTS
    assert "default-src 'none'" in text
    assert "@import" not in text
    assert not re.search(r"url\((?!#)", text)


def test_links_inside_the_page_lead_somewhere(page, text):
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    links = {link[1:] for link in page.links if not link.startswith("#trace/")}
    assert links | set(re.findall(r"url\(#([^)]+)\)", text)) <= ids


def test_every_recording_of_test_has_its_scores_and_leads_to_its_traces(page, text, results):
    each = tables.read(results.folder / "recordings.parquet")
    on_test = each[each["partition"] == "test"]
    assert on_test["ccc"].is_monotonic_increasing
    (found,) = (rows for rows in page.tables if rows[0][:3] == ["recording", "of", "CCC"])
    for row, own in zip(found[1:], on_test.itertuples(), strict=True):
        assert row[2:5] == [shown(value) for value in (own.ccc, own.rmse, own.bias)]
    traced = json.loads(re.search(r'id="explorer-data">(.*?)</script>', text, re.DOTALL)[1])
    links = [link.split("/") for link in page.links if link.startswith("#trace/")]
    assert [link[1] for link in links] == list(on_test["recording"])
    for _, recording, dimension, task in links:
        assert recording in {r["name"] for r in traced["recordings"]}
        assert dimension in traced["dimensions"]
        assert task in traced["tasks"]


def test_a_typical_recording_of_test_and_the_worst_are_shown(results, text):
    each = tables.read(results.folder / "recordings.parquet")
    mean = each[each["partition"] == "test"].groupby("recording")["ccc"].mean()
    words = rf"Recording\s+{mean.idxmax()} \(typical\) and recording {mean.idxmin()} \(worst\)"
    assert re.search(words, text)


def test_a_simulated_corpus_is_called_so(results, root, text):
    assert "Simulated corpus" in text
    assert "planted truth" in text
    without = results.render(root, output="real.html")
    assert "imulated" not in without
    assert "planted" not in without


def test_the_configuration_is_shown_and_escaped(results, root):
    config = {"corpus": {"recordings": "<script>alert('x')</script> & \"é\""}}
    text = results.render(root, config=config, output="config.html")
    assert text.count("<script") == SCRIPTS
    assert config["corpus"]["recordings"] in html.unescape(text).replace("''", "'")
    assert Page(text).scripts == SCRIPTS


ATTACK = '<img src=x onerror=alert(1)>.mp4: cannot be decoded & "more"'


def test_raters_and_configuration_that_hold_html_are_escaped(tmp_path, root):
    results = Results(tmp_path)
    results.write([("mood", ATTACK, 0.0, 0.61, ATTACK)], schema.RATER_LAGS, "rater_lags")
    config = {"labels": {"alignment": "estimated", ATTACK: ATTACK}}
    text = results.render(root, config=config)
    assert "<img" not in text
    page = Page(text)
    assert page.open == []
    assert ["mood", ATTACK, "0.000", "0.610", ATTACK] in [
        row for table in page.tables for row in table
    ]
    assert html.unescape(text).count("onerror=alert(1)") == 7


@pytest.fixture
def with_absences(tmp_path):
    """Results where dev lacks pictures, and the first recording of test all."""
    return Results(
        tmp_path,
        without={"audio": {"c": ATTACK}, "video": {"b": "0 of 75 extracted frames", "c": ATTACK}},
    )


def test_recordings_without_features_are_found(with_absences):
    recordings = read_recordings(with_absences.folder / "recordings.csv")
    found = absences(recordings, with_absences.coverage)
    n = coverage_tables.FRAMES
    assert list(found.itertuples(index=False, name=None)) == [
        ("b", "dev", "video", n, True, "0 of 75 extracted frames"),
        ("c", "test", "audio", n, False, ATTACK),
        ("c", "test", "video", n, False, ATTACK),
    ]


def test_recordings_without_labelled_frames_are_not_missed(tmp_path, results):
    coverage = coverage_tables.write(tmp_path, ["a", "c"], without={"video": {"a": "no face"}})
    found = absences(read_recordings(results.folder / "recordings.csv"), coverage)
    assert found["recording"].tolist() == ["a"]


def test_recordings_without_features_are_listed_and_their_reasons_escaped(with_absences, root):
    text = with_absences.render(root)
    assert '<h3 id="absences">Without features</h3>' in text
    assert "<img" not in text
    page = Page(text)
    assert page.open == []
    (table,) = [table for table in page.tables if "without" in table[0]]
    n = str(coverage_tables.FRAMES)
    assert table == [
        ["recording", "partition", "without", "frames", "scored", "reason"],
        ["b", "dev", "video", n, "yes", "0 of 75 extracted frames"],
        ["c", "test", "audio", n, "no", ATTACK],
        ["c", "test", "video", n, "no", ATTACK],
    ]


def test_the_explorer_has_all_that_is_drawn(results, text):
    data = explorer_data(text)
    assert [(r["name"], r["partition"]) for r in data["recordings"]] == [
        *(("c", "test"), ("d", "test"), ("b", "dev"), ("a", "train")),
    ]
    assert (data["every"], data["rate"]) == (1, 10)
    mood = data["recordings"][0]["dimensions"]["mood"]
    # Raters are moved back by the delay of 0.2 s.
    raters = {name: series(values).tolist() for name, values in mood["raters"].items()}
    assert raters == {"rater-7": [0.0] * 12, RATER: [0.1] * 12}
    fused = tables.read(results.folder / "fuse/mood/multi/seed1.parquet")
    for target in ("E", "sigma"):
        labels = tables.read(results.folder / "dataset/c.parquet")[f"mood_{target}"]
        assert series(mood[target]["label"]) == pytest.approx(labels, abs=1e-5)
        assert series(mood[target]["predictions"]["multi"]["audio+video"]) == pytest.approx(
            fused.loc[fused["recording"] == "c", target], abs=1e-5
        )


def test_the_explorer_knows_where_a_modality_is_missing(with_absences, root):
    data = explorer_data(with_absences.render(root, output="absent.html"))
    gaps = {r["name"]: r["gaps"] for r in data["recordings"]}
    end = coverage_tables.FRAMES / RATE
    assert [name for name, some in gaps.items() if some["video"] == [[0.0, end]]] == ["b"]
    assert all(some["audio"] == [] for some in gaps.values())


def test_frames_of_recordings_stand_in_the_explorer(results, root, tmp_path, text):
    assert all(r["pictures"] == [] for r in explorer_data(text)["recordings"])
    rows = pd.DataFrame({"recording": "c", "time": [0.5, 1.5], "picture": [PICTURE, b"another"]})
    path = tmp_path / "thumbnails.parquet"
    tables.write(rows, schema.THUMBNAILS, path)
    page = results.render(root, "--thumbnails", path, output="frames.html")
    pictures = {r["name"]: r["pictures"] for r in explorer_data(page)["recordings"]}
    assert pictures["d"] == []
    assert [(t, base64.b64decode(data)) for t, data in pictures["c"]] == [
        (0.5, PICTURE),
        (1.5, b"another"),
    ]


@pytest.mark.parametrize(
    "values",
    [
        [0.25, np.nan, -3.0, 1e-9],
        [7.5, 7.5],
        [np.nan, np.nan],
        [],
        np.random.default_rng(1).normal(size=500),
    ],
)
def test_a_packed_series_is_that_series(values):
    values = np.array(values, dtype=float)
    found = series(explorer.packed(values))
    scale = np.ptp(values[~np.isnan(values)]) if len(values) and not np.isnan(values).all() else 0
    np.testing.assert_allclose(found, values, atol=scale / 130000 + 1e-12)


def test_a_large_corpus_is_thinned_and_says_so(results, root, monkeypatch):
    monkeypatch.setattr(explorer, "MOST_VALUES", 300)
    text = results.render(root, output="thin.html")
    data = explorer_data(text)
    assert data["every"] == 3
    assert len(series(data["recordings"][0]["dimensions"]["mood"]["E"]["label"])) == 4
    assert "only one frame in 3 is drawn" in text


def test_the_headline_says_what_was_reached(results, page, text):
    flat = " ".join(html.unescape(re.sub("<[^>]+>", "", text)).split())
    scores = results.scores
    best = scores[(scores["target"] == "E") & (scores["partition"] == "dev")]
    best = best.loc[best["ccc_out_of_fold"].idxmax()]
    test = scores[
        (scores["target"] == "E")
        & (scores["partition"] == "test")
        & (scores["modality"] == best["modality"])
        & (scores["task"] == best["task"])
    ]["ccc"].item()
    header, e, _ = page.tables[0]
    assert header[:3] == ["of", "model", "test"]
    assert e[:2] == ["mood E", f"{best['modality']}, {best['task']}"]
    assert e[2].startswith(f"{test:.3f} ")
    assert e[4] == "0.876"
    assert "fusion beats single: undecided for E; multi beats single: yes for E. (claims)" in flat
    assert "Networks (blstm; single, multi; 1 seed) predicted E and σ of mood" in flat
    assert "rated by 2 raters" in flat
    assert "One seed: " in flat


@pytest.fixture(scope="module")
def with_baselines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baselines")
    return Results(folder, baselines=("ridge", "constant"))


def test_baselines_and_the_plain_mean_stand_in_the_table(with_baselines, root):
    page = Page(with_baselines.render(root))
    *rows, _ = page.tables[1][2:]
    own = ("single", "multi", "ridge")
    expected = [(m, t) for m in ("audio", "video", "audio+video") for t in own]
    expected += [("audio+video (mean)", t) for t in own]
    assert [tuple(row[:2]) for row in rows] == [*expected, ("none", "constant")]


def test_where_a_network_does_not_beat_ridge_is_told(with_baselines, root):
    text = with_baselines.render(root)
    flat = " ".join(html.unescape(re.sub("<[^>]+>", "", text)).split())
    scores = with_baselines.scores
    one = scores[(scores["partition"] == "test") & (scores["target"] == "E")]
    one = one[one["modality"] == "audio"].set_index("task")["ccc"]
    assert one["single"] < one["ridge"]
    # The scores rise from row to row, so that ridge beats every network.
    assert "In 16 of 16 comparisons on test, the network does not beat the ridge" in flat
    assert f"mood E, audio, single: {shown(one['single'])}, ridge {shown(one['ridge'])}" in flat
    assert "variance inflation above 10" in flat
    assert "0.444" in flat


def test_the_networks_that_do_not_beat_ridge_are_named_and_no_others():
    table = scores(
        ("x", "E", "test", "audio", "single", 1, 0.5),
        ("x", "E", "test", "audio", "single", 2, 0.1),
        ("x", "E", "test", "audio", "multi", 1, 0.6),
        ("x", "E", "test", "audio", "ridge", 0, 0.4),
        ("x", "E", "test", "audio", "constant", 0, 0.0),
        ("x", "E", "dev", "audio", "multi", 1, 0.0),
        ("x", "E", "dev", "audio", "ridge", 0, 0.4),
    )
    found = against_ridge(table)
    assert (found.partition, found.compared) == ("test", 2)
    ((behind),) = found.behind
    assert (behind["task"], behind["ccc"], behind["ridge"]) == ("single", 0.3, 0.4)
    assert against_ridge(table[table["task"] != "ridge"]) is None
    on_dev = against_ridge(table[table["partition"] == "dev"].assign(ccc_out_of_fold=[0.5, 0.4]))
    assert (on_dev.partition, on_dev.behind) == ("dev", [])


def test_without_baselines_nothing_is_said_about_ridge(text):
    assert "against-ridge" not in text
    assert "Ridge regression" not in text


def test_where_nothing_is_absent_nothing_is_listed(text):
    assert "Without features" not in text


def test_the_first_recording_that_is_scored_is_shown(with_absences, root):
    assert re.search(r"Recording\s+d \(typical\),", with_absences.render(root))


def test_the_same_bytes_in_another_process(results, root, text):
    words = results.words(root, "--simulated", output="2.html")
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow"), "PYTHONHASHSEED": "77"}
    command = [sys.executable, "-m", "softaer.report", *words]
    subprocess.run(command, check=True, env=environment)
    assert read_page(results.folder / "2.html") == text


@pytest.mark.parametrize(
    ("modalities", "tasks"),
    [(["audio"], ["single"]), (["video"], ["multi"]), (["video", "audio"], ["multi", "single"])],
    ids=["sound alone", "pictures alone", "pictures first"],
)
def test_every_choice_of_modalities_and_tasks_has_a_report(tmp_path, root, modalities, tasks):
    results = Results(tmp_path, modalities=tuple(modalities), tasks=tuple(tasks))
    text = results.render(root)
    assert ("Late fusion" in text) == (len(modalities) > 1)
    assert Page(text).open == []


def test_every_dimension_has_its_traces():
    dimensions = [f"dim-{number}" for number in range(1, 10)]
    trace = pd.DataFrame({"time": [0.0, 0.1], "E": [0.0, 1.0], "sigma": [1.0, 0.0]})
    panels = [(d, t, {"label": trace}) for d in dimensions for t in ("E", "sigma")]
    text = figures.to_svg(traces.draw({"c: worst": panels}))
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
    return pd.DataFrame(rows, columns=names).assign(ccc_out_of_fold=np.nan, fusion=None)


def empty(kind):
    return pd.DataFrame(columns=kind.names)


def test_a_cell_is_the_mean_over_seeds_and_the_best_of_a_column_is_marked():
    table = scores(
        ("x", "E", "dev", "audio", "single", 1, 0.2),
        ("x", "E", "dev", "audio", "single", 2, 0.4),
        ("x", "E", "dev", "video", "single", 1, 0.25),
        ("x", "E", "dev", "video", "single", 2, 0.25),
        ("x", "E", "test", "audio", "single", 1, 0.1),
        ("x", "E", "test", "audio", "single", 2, 0.2),
        ("x", "E", "test", "video", "multi", 1, 0.9),
    )
    table.loc[:1, "ccc_out_of_fold"] = [0.1, 0.2]
    ceiling = pd.DataFrame(
        [("x", "E", "human", "test", 0.95, 3), ("x", "E", "human", "dev", np.nan, 3)],
        columns=schema.CEILING.names,
    )
    intervals = pd.DataFrame(
        [("x", "E", "video", "multi", "test", 0.9, 0.7, 0.95, 1, 8, None, "interval")],
        columns=schema.INTERVALS.names,
    )
    found = score_table(table, intervals, ceiling)
    assert found["columns"] == [("x", "E")]
    rows = {(row["name"], row["task"]): row["blocks"][0] for row in found["rows"]}
    assert list(rows) == [
        ("audio", "single"),
        ("video", "single"),
        ("video", "multi"),
        ("human", ""),
    ]
    audio, video, multi, human = rows.values()
    assert audio["dev"] == pytest.approx(0.3)
    assert audio["out_of_fold"] == pytest.approx(0.15)
    assert audio["test"] == pytest.approx(0.15)
    assert [block["best"] for block in (audio, video, multi)] == [False, False, True]
    assert (multi["dev"], multi["out_of_fold"], video["test"]) == (None, None, None)
    assert (multi["bounds"], audio["bounds"]) == ("[0.70, 0.95]", None)
    assert (human["dev"], human["test"]) == (None, 0.95)
    assert "best" not in human


def test_scores_without_a_test_partition():
    table = scores(("x", "E", "dev", "audio", "single", 1, 0.2))
    found = score_table(table, empty(schema.INTERVALS), empty(schema.CEILING))
    (row,) = found["rows"]
    (block,) = row["blocks"]
    assert (block["dev"], block["test"], block["best"]) == (0.2, None, False)


def test_missing_values_of_a_table_are_none():
    table = as_rows(pd.DataFrame({"n": [1, 2], "x": [0.5, np.nan], "s": ["a", None]}))
    assert table == {"header": ["n", "x", "s"], "rows": [[1, 0.5, "a"], [2, None, None]]}


def paragraphs(text):
    """Paragraphs that are no notes, as plain text."""
    found = re.findall(r"<p>(.*?)</p>", text, flags=re.DOTALL)
    return [" ".join(html.unescape(re.sub("<[^>]*>", "", p)).split()) for p in found]


def points(text):
    """List items of the section on the uncertainty, as plain text."""
    section = text[text.index('<h2 id="uncertainty">') : text.index('<h2 id="raters">')]
    found = re.findall(r"<li>(.*?)</li>", section, flags=re.DOTALL)
    return [" ".join(html.unescape(re.sub("<[^>]*>", "", p)).split()) for p in found]


def test_the_page_says_where_the_distribution_is_better_and_where_not(text):
    constant = next(p for p in points(text) if "spread that does not change" in p)
    assert "in 2 of 2 cases by CRPS, and in 2 by NLL" in constant
    assert "the whole interval of the difference says so in 2 and 2" in constant
    assert "the contrary in 0 and 0" in constant
    assert "Not better" not in constant
    alone = next(p for p in points(text) if "σ alone" in p)
    assert "in 0 of 2 cases by CRPS, and in 0 by NLL" in alone
    assert "With 7 subjects in test there are no intervals" in alone
    assert "Not better by CRPS: mood, single; mood, multi; by NLL: mood, single; mood, mu" in alone
    assert not any("ridge regression" in p for p in points(text))


def test_the_page_says_if_the_error_on_dev_is_in_sample(tmp_path, root, text):
    assert "in-sample, and so too small" not in text
    results = Results(tmp_path, tasks=("multi",))
    results.sigma_scores(out_of_fold=False)
    assert "too small, for mood, multi, where there is no out-of-fold" in results.render(root)


def test_the_page_says_whether_sigma_knows_the_moment(tmp_path, root, text):
    said = next(p for p in points(text) if "Where σ is larger" in p)
    assert "r = 0.33; the σ of the other raters themselves reaches 0.33." in said
    assert "not above zero" not in said
    assert "different panels" not in said
    results = Results(tmp_path, tasks=("multi",))
    results.sigma_scores(r_deviation_low=-0.1, panels=3)
    said = next(p for p in points(results.render(root)) if "Where σ is larger" in p)
    assert "not above zero for mood, multi: there, σ does not tell" in said
    assert "3 different panels of raters" in said


def test_the_page_says_what_bands_held(tmp_path, root, text):
    first, second = [p for p in points(text) if "band that was made" in p]
    assert first.endswith("to hold 80 % of the ratings holds 83 % on test.")
    assert "few subjects in dev" in second
    assert "too few for" not in first + second
    results = Results(tmp_path, tasks=("multi",))
    path = results.folder / "covered.parquet"
    table = tables.read(path).assign(coverage=0.6, low=0.5, high=0.7)
    tables.write(table, schema.COVERED, path)
    assert "That is too few for mood, multi." in results.render(root)
    results.sigma_scores(bands=False)
    assert "There is no band: it needs at least four subjects" in results.render(root)


def test_the_page_warns_of_a_sigma_that_raters_do_not_share(tmp_path, root, text):
    assert "no score of σ means anything" not in text
    results = Results(tmp_path)
    path = results.folder / "agreement/reliability.parquet"
    table = tables.read(path)
    of_sigma = table["target"] == "sigma"
    table = table.assign(low=np.where(of_sigma, -0.1, 0.5), high=0.6)
    tables.write(table, schema.AGREEMENT_RELIABILITY, path)
    assert "not above zero for mood: with such raters, no score of σ" in results.render(root)


def test_the_page_says_what_the_labels_are_worth(page):
    (table,) = [t for t in page.tables if "highest r" in t[0]]
    header, e, sigma = table
    assert header[-3:] == ["for 0.7", "for 0.8", "for 0.9"]
    assert e[1:4] == ["E", "6", "3 + 3"]
    assert e[-6:] == ["0.89", "[0.85, 0.92]", "0.94", "2", "3", "7"]
    assert sigma[-6:] == ["0.40 to 0.46", "–", "0.63 to 0.68", "15 to 21", "25 to 36", "55 to 81"]


def test_notes_on_raters_are_counted(tmp_path, root):
    results = Results(tmp_path)
    assert "raters with weight 0" not in results.render(root)
    for name in PARTITIONS:
        notes = [(name, f"mood: rater 'x' has {LEFT_OUT}: 1 on average, 2 with everybody")]
        notes += [(name, f"mood: {JUMPS}: once")] * (name == "a")
        results.write(notes, schema.NOTES, f"status/labels/{name}")
    text = results.render(root, "--noting", "labels")
    (said,) = [p for p in paragraphs(text) if "raters with weight 0" in p]
    assert said.startswith("In 4 of 4 recordings, raters with weight 0")
    assert "In 1 of 4, E jumps" in said


def test_each_rater_is_shown(page, text):
    (table,) = [t for t in page.tables if "bias drift" in t[0]]
    assert table[1][1] == "rater-7"
    assert table[1][5] == "1.00 [0.88, 1.12]"
    assert table[1][6] == "−0.01"
    assert table[1][-1] == "kept"
    assert "mood: all 2 raters agree with the others." in text


PICTURE = b"\xff\xd8 a picture"


def test_pairs_of_frames_are_shown_with_their_pictures(tmp_path, root):
    results = Results(tmp_path)
    results.pairs(PICTURE)
    text = results.render(root)
    (data, _) = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)"', text)
    assert base64.b64decode(data[0]) == PICTURE
    assert data[1] == "Frame of a at 0.3 s"
    assert re.findall(r"<strong>σ ([0-9.]+)</strong>", text) == ["0.062", "0.938"]
    assert "No pictures are shown" not in text


def test_pairs_of_frames_without_pictures_say_so(text):
    assert 'src="data:image' not in text
    assert text.count("<figcaption>") == 2
    assert "No pictures are shown" in text


def test_scores_of_others_stand_beside_those_of_the_run(results, root, tmp_path, text):
    table = tmp_path / "published.csv"
    table.write_text(
        "source,corpus,dimension,target,modality,task,partition,ccc\n"
        "Somebody 2017,<Other>,mood,sigma,video,multi,test,0.321\n"
        "Somebody 2017,<Other>,mood,sigma,text,multi,test,0.432\n"
        "Somebody 2017,<Other>,liking,E,audio,multi,test,0.543\n"
    )
    assert "ublished scores" not in text
    beside = results.render(root, "--published", table, output="published.html")
    page = Page(beside)
    assert page.open == []
    assert "this run, and Somebody 2017 on &lt;Other&gt;" in beside
    own, (_, _, video, words) = page.tables[1], page.tables[3]
    assert not any("0.321" in cell for row in own for cell in row)
    (same,) = [row for row in own if row[:2] == ["video", "multi"]]
    # Dev, dev out of fold and test of E, then of sigma; test has its interval here too.
    intervals = [page.count('class="interval"') for page in (text, beside)]
    assert intervals[1] == intervals[0] + 1
    assert video == ["video", "multi", same[5], "–", same[7], "0.321"]
    assert words == ["text", "multi", "–", "–", "–", "0.432"]
    assert "Not shown: 1 that is not" in beside
    assert "It is not known whether this run uses the same corpus" in beside


PAPERS_LABELS = {"alignment": "none", "estimator": "ewe", "scale": "none", "relative": "none"}


def test_the_papers_scores_stand_there_with_their_source_and_how_far_they_compare(tmp_path, root):
    results = Results(tmp_path, dimensions=("arousal", "valence"), tasks=("multi",))
    config = {
        "audio": {"feature_set": "IS13_ComParE", "functionals": ["mean", "variance"]},
        "video": {"registration": "none", "window": 0.0},
        "labels": PAPERS_LABELS,
    }
    words = ["--published", "han2017", "--release", "SEWA, some of it"]
    text = results.render(root, *words, config=config)
    arousal, valence = Page(text).tables[4:6]
    assert [row[:2] for row in valence[2:5]] == [[m, "multi"] for m in results.shown]
    fused = {row[0]: row for row in valence[2:] if row[1] == "multi"}["audio+video"]
    assert (fused[3], fused[5], fused[7], fused[9]) == ("0.575", "0.515", "0.235", "0.110")
    assert all(len(row) == 10 for row in arousal[2:])
    for said in (
        "Han et al. 2017 on SEWA German",
        "read off the paper&#39;s poster",
        "This run is on SEWA, some of it.",
        "differ from the published ones: video.registration: none.",
    ):
        assert said in text


def test_where_no_published_score_matches_the_page_says_so(results, root):
    config = {"audio": {"feature_set": "", "functionals": []}}
    config["video"] = {"registration": "", "window": 0.0}
    config["labels"] = PAPERS_LABELS
    text = results.render(root, "--published", "han2017", config=config, output="no.html")
    assert "None of the 48 published scores" in text
    assert 'class="published"' not in text


def stages_of(modalities):
    return report.all_stages(configured(CONFIG | {"modalities": modalities}).values())


def test_every_stage_that_the_page_names_has_a_digest(text):
    shown = dict(re.findall(r'<td class="text">([\w.]+)</td><td class="text"><code>(\w+)<', text))
    assert shown == {stage: code_digest(stage) for stage in stages_of(["audio", "video"])}


def test_all_stages_before_the_report_have_their_digest_shown(root):
    rules = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    stages = set(re.findall(r'code_digest\("([\w.]+)"\)', rules))
    after = {
        "report",
        "summarise",
        "contributions",
        "apply",
        "apply_page",
        "apply_video",
        "inspect_video",
        "group_scores",
        "packed_model",
        "latex_table",
        "frame_pairs",
        "thumbnails",
    }
    tables = {"simulate.tables", "simulate.check", "corpus_table", "status"}
    every = {
        **{"audio": {}, "video": {}, "w2v": {"source": "table", "files": "{recording}.csv"}},
        "head": {"source": "face"},
        "early": {"source": "concat", "of": ["audio", "w2v"]},
    }
    own = {"source_table"}  # of a source that somebody else has written
    assert {s for s in stages - after - tables - own if not s.startswith("figures.")} == set(
        stages_of(every)
    )


def test_groups_are_shown_with_a_warning_for_small_ones(results, text, root):
    assert 'id="groups"' not in text
    kind = schema.group_scores(["audio", "video"])
    row = ("mood", "E", 0.1234, 0.05, 0.25, "interval", 0.5, -0.25, 9, False, 9, 99, 1.0, 0.5)
    few = ("mood", "E", 0.4321, None, None, "range", 0.5, 0.25, 1, True, 1, 11, 1.0, 0.5)
    model = ("audio", "multi", None)
    rows = [("sex", "<f>", *row, *model), ("sex", "m & n", *few, *model)]
    results.write(rows, kind, "groups")
    words = ["--groups", results.folder / "groups.parquet"]
    with_groups = results.render(root, *words, output="groups.html")
    assert "by <code>sex</code>: m &amp; n. Nothing can be concluded" in with_groups
    (table,) = (rows for rows in Page(with_groups).tables if rows[0][0] == "sex")
    assert table[1][:3] == ["<f>", "mood E", "0.123 "]
    assert '<span class="interval">[0.05, 0.25]</span>' in with_groups
    assert table[2][-2:] == ["100 %", "50 %"]
    assert Page(with_groups).open == []


def test_what_was_odd_in_the_inputs_is_told_and_escaped(results, root):
    """Notes of three stages; without any, the page says nothing of it."""
    assert "nusual inputs" not in results.render(root, output="plain.html")
    noted = results.folder / "status"
    batches = {r.batch for r in read_recordings(results.folder / "recordings.csv")}
    names = [r.recording for r in read_recordings(results.folder / "recordings.csv")]
    for batch in batches:
        states = [
            NOTHING | {"recording": n, "reason": None, "notes": "very <odd>" if n == "c" else None}
            for n in names
        ]
        tables.write(pd.DataFrame(states), schema.STATUS, noted / f"landmarks/{batch}.parquet")
        for stage, note in (("ratings", "a code & a spike"), ("labels", None)):
            rows = [{"recording": "a", "note": note}] if note else []
            table = pd.DataFrame(rows, columns=schema.NOTES.names)
            tables.write(table, schema.NOTES, noted / f"{stage}/{batch}.parquet")
    words = ["--noting", "landmarks", "ratings", "labels"]
    text = results.render(root, *words, output="odd.html")
    assert f"of 2 of {len(names)} recordings" in " ".join(text.split())
    rows = [row for table in Page(text).tables for row in table]
    assert ["a", "ratings", "a code & a spike"] in rows
    assert ["c", "landmarks", "very <odd>"] in rows
    assert "very <odd>" not in text.replace("very &lt;odd&gt;", "")


def test_sections_can_be_switched_off(results, root):
    without = ["scores", "claims", "traces", "raters", "data", "run-times"]
    config = {"report": {"without": without}}
    text = results.render(root, "--simulated", config=config, output="short.html", charts=0)
    page = Page(text)
    assert page.open == []
    assert page.scripts == 0
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert not ids & {*without}
    links = {link[1:] for link in page.links}
    assert links | set(re.findall(r"url\(#([^)]+)\)", text)) <= ids
    assert "Keep in mind" in text


def test_every_section_has_a_title():
    assert set(TITLES) == set(get_args(ReportSection))


def test_the_navigation_names_the_sections_of_the_page(text):
    navigation = text[text.index("<nav") : text.index("</nav>")]
    found = re.findall('href="#([^"]+)"', navigation)
    assert found == ["summary", *TITLES]
    assert [name for name in re.findall(r'\bid="([^"]+)"', text) if name in found] == found


def test_steps_that_were_not_kept_fold_to_one_line(tmp_path, root, text):
    found = re.search(r"(\d+) of (\d+) steps were not kept", text)
    assert (int(found[1]), int(found[2])) == (8, 16)
    assert "No step was kept" not in text
    results = Results(tmp_path, tasks=("multi",))
    for path in tmp_path.glob("postprocess/**/*.steps.parquet"):
        steps = tables.read(path).assign(kept=False)
        tables.write(steps, schema.POSTPROCESSING_STEPS, path)
    none = results.render(root)
    assert "No step was kept" in none
    assert "8 of 8 steps were not kept" in none


def test_numbers_have_minus_signs_and_sigma_its_letter(text):
    """But for code, scripts and notes of the stages, which are shown as they are."""
    plain = re.sub(r"<(script|style|svg|pre|code)\b.*?</\1>", " ", text, flags=re.DOTALL)
    words = html.unescape(re.sub("<[^>]+>", " ", plain))
    assert "σ" in words
    assert "−0." in words
    assert "sigma" not in words
    assert not re.search(r"(?<![\w.])-\d", words)
