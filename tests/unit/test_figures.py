"""Figures as files: PDF and SVG, the same every time, in colours that everybody can tell apart."""

import io
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from softaer.core import schema
from softaer.core.tasks import HUMAN
from softaer.figures import COLOURS, FUSION_COLOUR, frame_pairs, save, style, traces
from softaer.figures.scores import draw
from softaer.modalities import colours

DEFICIENCIES = {
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}
"""What remains of linear RGB (Machado, Oliveira & Fernandes, 2009, severity 1)."""


def lab(colour):
    """CIELAB of linear RGB, D65."""
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x = np.array(matrix) @ colour / [0.9505, 1.0, 1.089]
    f = np.where(x > 0.008856, np.cbrt(x), 7.787 * x + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def linear(colour):
    rgb = np.array(to_rgb(colour))
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("kind", DEFICIENCIES)
def test_colours_differ_for_every_colour_vision(kind):
    seen = [
        lab(np.clip(np.array(DEFICIENCIES[kind]) @ linear(colour), 0, 1))
        for colour in [*COLOURS.values(), FUSION_COLOUR]
    ]
    for a, b in itertools.combinations(seen, 2):
        assert np.linalg.norm(a - b) > 15  # a just noticeable difference is 2.3


@pytest.mark.parametrize(("kind", "start"), [("pdf", b"%PDF"), ("svg", b"<?xml")])
def test_a_figure_has_the_same_bytes_every_time(kind, start, tmp_path):
    written = []
    for name in ("a", "b"):
        with style():
            figure, axis = plt.subplots()
            axis.plot([1, 2], label="σ")
        path = tmp_path / f"{name}.{kind}"
        save(figure, [path])
        written.append(path.read_bytes())
    assert written[0] == written[1]
    assert written[0].startswith(start)
    assert not plt.fignum_exists(figure.number)


def test_the_figure_of_the_scores_has_all_of_them():
    inputs = [("audio", None), ("a+v", "rescaled")]
    rows = itertools.product(["mood"], ["E", "sigma"], inputs, ["single", "multi"])
    rows = [(dimension, target, *own, task) for dimension, target, own, task in rows]
    keys = ["dimension", "target", "modality", "fusion", "task"]
    table = pd.DataFrame(rows, columns=keys).assign(partition="test", seed=1)
    table["ccc"] = np.linspace(0.1, 0.8, len(table))
    intervals = table.assign(low=table["ccc"] - 0.1, high=table["ccc"] + 0.05, kind="interval")
    intervals.loc[table["task"] == "multi", "kind"] = "range"
    ceiling = pd.DataFrame([("mood", "E", HUMAN, "test", 0.9, 3)], columns=schema.CEILING.names)
    figure = draw(table, intervals, ceiling)
    first, second = figure.axes
    assert [axis.get_title() for axis in figure.axes] == ["mood E", "mood σ"]
    points = [line.get_xdata() for line in first.lines if line.get_marker() != "None"]
    assert [float(x[0]) for x in points] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    bars = [line.get_xdata() for line in second.lines if line.get_marker() == "None"]
    assert [tuple(map(float, x)) for x in bars] == [
        pytest.approx((c - 0.1, c + 0.05)) for c in (0.5, 0.6, 0.7, 0.8)
    ]
    styles = [line.get_linestyle() for line in second.lines if line.get_marker() == "None"]
    assert styles == ["-", ":", "-", ":"]
    assert any(list(line.get_xdata()) == [0.9, 0.9] for line in first.lines)
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == ["audio, single", "audio, multi", "a+v, single", "a+v, multi"]


def test_frames_are_laid_out_pair_by_pair():
    data = io.BytesIO()
    Image.new("RGB", (8, 6), (200, 100, 0)).save(data, "jpeg")
    rows = [
        ("mood", pair, role, f"rec{pair}", 1.5, 0.25, sigma, data.getvalue() if pair == 1 else None)
        for pair in (1, 2)
        for role, sigma in (("agreed", 0.125), ("disputed", 0.75))
    ]
    table = pd.DataFrame(rows, columns=["dimension", *schema.FRAME_PAIRS.names[1:]])
    figure = frame_pairs.draw(table)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == [
        *(f"mood: E 0.25, σ 0.12\nrec{pair}, 1.5 s" for pair in (1, 2)),
        *(f"mood: E 0.25, σ 0.75\nrec{pair}, 1.5 s" for pair in (1, 2)),
    ]
    assert [len(axis.images) for axis in figure.axes] == [1, 0, 1, 0]
    assert "No two frames" in frame_pairs.draw(table[:0]).axes[0].texts[0].get_text()


def test_without_a_test_partition_that_is_said():
    table = pd.DataFrame(
        [("mood", "E", "audio", "single", "dev", 1, 0.3)],
        columns=["dimension", "target", "modality", "task", "partition", "seed", "ccc"],
    ).assign(fusion=None)
    intervals = table.assign(low=0, high=1, kind="interval")
    figure = draw(table, intervals, pd.DataFrame(columns=schema.CEILING.names))
    assert figure.axes[0].texts[0].get_text() == "No recordings in test."


def test_of_several_fusions_each_has_a_line_of_its_own():
    table = pd.DataFrame({"time": [0.0, 0.1], "E": [0.0, 1.0]})
    names = ["label", "audio", "w2v", "audio+w2v", "w2v+x", "audio+w2v+x"]
    (axis,) = traces.draw({"a": [("m", "E", dict.fromkeys(names, table))]}).axes
    looks = {line.get_label(): (line.get_color(), line.get_linestyle()) for line in axis.lines}
    assert len(set(looks.values())) == len(names)
    assert looks["audio+w2v+x"] == (FUSION_COLOUR, "-")
    assert looks["w2v"][0] == colours(["audio", "w2v"])["w2v"][0]
