"""Figures take the width that is asked for: nothing is cut off, and letters keep their size."""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text
from PIL import Image

from softaer.core import schema
from softaer.core.experiment import Drawing
from softaer.core.tasks import HUMAN
from softaer.figures import (
    agreement,
    beside,
    contributions,
    frame_pairs,
    inches,
    learning_curves,
    raters,
    save,
    say,
    scores,
    traces,
    uncertainty,
)

WIDTHS = [8.4, Drawing().figure_width, 30.0]
"""A column of two, a page, and a poster [cm]."""

TASKS = ["single", "multi", "ridge"]
DIMENSIONS = ["arousal", "valence"]


def draw_scores(width):
    inputs = [("audio", None), ("audio+video", "least_squares"), ("audio+video", "mean")]
    rows = [
        (dimension, target, *own, task)
        for dimension, target, own, task in itertools.product(
            DIMENSIONS, ["E", "sigma"], inputs, TASKS
        )
    ]
    keys = ["dimension", "target", "modality", "fusion", "task"]
    table = pd.DataFrame(rows, columns=keys).assign(partition="test", seed=1)
    table["ccc"] = np.linspace(0.1, 0.8, len(table))
    intervals = table.assign(low=table["ccc"] - 0.1, high=table["ccc"] + 0.05, kind="interval")
    people = [("arousal", "E", HUMAN, "test", 0.9, 3)]
    return scores.draw(table, intervals, pd.DataFrame(people, columns=schema.CEILING.names), width)


def draw_contributions(width):
    rows = [
        (dimension, target, modality, "multi", "test", 1, 0.3, 0.6, 0.5)
        for dimension, target, modality in itertools.product(
            DIMENSIONS, ["E", "sigma"], ["audio", "video", "w2v"]
        )
    ]
    keys = ["dimension", "target", "modality", "task", "partition", "seed"]
    table = pd.DataFrame(rows, columns=[*keys, "alone", "fused", "without"])
    return contributions.draw(table, width)


def draw_agreement(width, people=6):
    pairs = [
        (dimension, f"r{a}", f"r{b}", 0.5)
        for dimension in DIMENSIONS
        for a, b in itertools.combinations(range(people), 2)
    ]
    curve = [
        (dimension, target, "K", n, n / (n + 1), n / (n + 2), 1.0, 0.5)
        for dimension, target, n in itertools.product(DIMENSIONS, ["E", "sigma"], range(1, 31))
    ]
    return agreement.draw(
        pd.DataFrame(pairs, columns=["dimension", "rater", "other", "correlation"]),
        pd.DataFrame(curve, columns=schema.AGREEMENT_CURVE.names),
        width,
    )


def draw_raters(width):
    rows = [(d, f"annotator {k}", "agrees") for d in DIMENSIONS for k in range(6)]
    table = pd.DataFrame(rows, columns=["dimension", "rater", "verdict"])
    for name, _, _ in raters.SHOWN:
        table[name] = np.linspace(0.2, 1.2, len(table))
        table[f"{name}_low"], table[f"{name}_high"] = table[name] - 0.1, table[name] + 0.1
    return raters.draw(table, width)


def draw_frame_pairs(width):
    data = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 100, 0)).save(data, "jpeg")
    rows = [
        (dimension, pair, role, f"rec{pair}", 1.5, -0.25, 0.125, data.getvalue())
        for dimension in DIMENSIONS
        for pair in (1, 2, 3)
        for role in ("agreed", "disputed")
    ]
    return frame_pairs.draw(
        pd.DataFrame(rows, columns=["dimension", *schema.FRAME_PAIRS.names[1:]]), width
    )


def draw_uncertainty(width):
    series = {
        "coverage": [uncertainty.PREDICTED, uncertainty.CONSTANT, uncertainty.EXACT],
        "selective": ["predicted sigma", "no selection"],
        "reliability": ["predicted sigma"],
    }
    rows = [
        (dimension, "multi", name, line, x, x * 0.9)
        for dimension in DIMENSIONS
        for name, lines in series.items()
        for line in lines
        for x in (0.5, 0.7, 0.9)
    ]
    columns = ["dimension", "task", "figure", "series", "x", "y"]
    return uncertainty.draw(pd.DataFrame(rows, columns=columns), width)


def draw_learning_curves(width):
    rows = [
        (dimension, modality, "E+sigma", 1, step, f"{dimension}_{target}", step / 90, step == 50)
        for dimension, modality, target, step in itertools.product(
            DIMENSIONS, ["audio", "video", "w2v"], ["E", "sigma"], [10, 20, 50]
        )
    ]
    columns = ["scope", "modality", "objective", "seed", "step", "output", "dev_ccc", "best"]
    return learning_curves.draw(pd.DataFrame(rows, columns=columns), width)


def draw_traces(width):
    time = np.linspace(0, 20, 50)
    table = pd.DataFrame({"time": time, "E": np.sin(time), "sigma": np.cos(time) ** 2})
    series = dict.fromkeys(["label", "audio", "video", "audio+video"], table)
    panels = [(d, target, series) for d in DIMENSIONS for target in ("E", "sigma")]
    return traces.draw({"rec01: typical": panels, "rec02: worst": panels}, width)


def draw_words(width):
    return say("24 raters are too many for a figure. All are in results/raters.parquet.", width)


DRAWN = [
    draw_scores,
    draw_contributions,
    draw_agreement,
    draw_raters,
    draw_frame_pairs,
    draw_uncertainty,
    draw_learning_curves,
    draw_traces,
    draw_words,
]


@pytest.fixture(autouse=True)
def closed():
    """All figures are closed after a test."""
    yield
    plt.close("all")


def sizes_of_letters(figure):
    return {
        text.get_fontsize()
        for text in figure.findobj(Text)
        if text.get_text() and text.get_visible()
    }


@pytest.mark.parametrize("drawn", DRAWN, ids=lambda drawn: drawn.__name__)
def test_a_figure_has_its_width_and_holds_all_that_is_drawn(drawn):
    letters = []
    for centimetres in WIDTHS:
        figure = drawn(inches(centimetres))
        figure.canvas.draw()
        width, height = figure.get_size_inches()
        assert width == pytest.approx(inches(centimetres))
        left, bottom, right, top = figure.get_tightbbox().extents
        assert left > -0.01
        assert bottom > -0.01
        assert right < width + 0.01
        assert top < height + 0.01
        for axis in figure.axes:
            box = axis.get_window_extent()
            assert min(box.width, box.height) > 0.4 * figure.dpi or axis.get_label() == "<colorbar>"
        letters.append(sizes_of_letters(figure))
    assert letters[0] == letters[1] == letters[2]
    assert min(letters[0]) >= 7


@pytest.mark.parametrize("drawn", DRAWN, ids=lambda drawn: drawn.__name__)
def test_panels_beside_each_other_do_not_overlap(drawn):
    figure = drawn(inches(WIDTHS[0]))
    figure.canvas.draw()
    boxes = [axis.get_tightbbox() for axis in figure.axes]
    for one, other in itertools.combinations(boxes, 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        down = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert min(across, down) < 1.5  # pixels


@pytest.mark.parametrize(("suffix", "start"), [("svg", "<svg"), ("pdf", "/MediaBox")])
def test_the_file_has_the_width_as_well(suffix, start, tmp_path):
    path = tmp_path / f"figure.{suffix}"
    save(draw_traces(inches(8.4)), [path])
    text = path.read_bytes().decode("latin-1")
    points = 8.4 / 2.54 * 72
    assert f"{points:.3f}"[:6] in text[text.index(start) :][:300]


@pytest.mark.parametrize(
    ("count", "width", "expected"),
    [(4, 7.0, 4), (4, 5.0, 2), (3, 3.0, 2), (5, 1.0, 1), (1, 9.0, 1)],
)
def test_rows_of_panels_are_as_even_as_possible(count, width, expected):
    assert beside(count, width, 1.5) == expected


def test_a_matrix_without_room_for_numbers_has_a_scale_of_colours():
    wide, narrow = (draw_agreement(inches(width), people=16) for width in (17.8, 9))
    labels = [[axis.get_label() for axis in figure.axes] for figure in (wide, narrow)]
    assert ["<colorbar>" in names for names in labels] == [False, True]
    assert [len(figure.axes[0].texts) for figure in (wide, narrow)] == [16 * 15, 0]
