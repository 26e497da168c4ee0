"""The scores as LaTeX."""

import re

import pandas as pd
import pytest

from softaer.core import schema
from softaer.core.errors import InputError
from softaer.core.tasks import HUMAN
from softaer.latex_table import bounds_of, escaped, latex_table, short_latex_table

KEYS = ["dimension", "target", "modality", "task", "partition"]


def tables_of(kind):
    """Scores, with bounds of a kind for one of them."""
    scores = pd.DataFrame(
        [
            ("self_esteem", "E", "audio", "single", "dev", 0.5),
            ("self_esteem", "E", "audio", "single", "test", 0.25),
            ("self_esteem", "sigma", "audio", "single", "test", -0.125),
            ("self_esteem", "E", "audio+video", "multi", "test", 0.75),
        ],
        columns=[*KEYS, "ccc"],
    ).assign(ccc_out_of_fold=0.0, seed=1, fusion=None)
    intervals = pd.DataFrame(
        [("self_esteem", "E", "audio+video", "multi", "test", 0.6, 0.9)],
        columns=[*KEYS, "low", "high"],
    ).assign(kind=kind, fusion=None)
    ceiling = pd.DataFrame(
        [("self_esteem", "E", HUMAN, "test", 0.875, 3)],
        columns=schema.CEILING.names,
    )
    return scores, intervals, ceiling


def table_of(kind):
    return latex_table(*tables_of(kind))


@pytest.fixture
def text():
    return table_of("interval")


def test_intervals_and_ranges_look_different_and_are_named():
    interval, only_range = table_of("interval"), table_of("range")
    assert r"{\scriptsize [0.60, 0.90]}" in interval
    assert r"{\scriptsize (0.60 to 0.90)}" in only_range
    assert "95 % bootstrap intervals" in interval.splitlines()[0]
    assert "95 %" not in only_range
    assert "range" in only_range.splitlines()[0]


def test_every_score_stands_in_its_cell(text):
    rows = [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if "&" in line]
    assert rows[0][2:] == [
        r"\multicolumn{2}{c}{self\_esteem $E$}",
        r"\multicolumn{2}{c}{self\_esteem $\sigma$}",
    ]
    assert rows[1] == ["modality", "task", *["dev", "test"] * 2]
    assert rows[2] == ["audio", "single", "$0.500$", "$0.250$", "--", r"$\mathbf{-0.125}$"]
    assert rows[3] == [
        *("audio+video", "multi", "--"),
        *(r"$\mathbf{0.750}$ {\scriptsize [0.60, 0.90]}", "--", "--"),
    ]
    assert rows[4] == [HUMAN, "", "--", "$0.875$", "--", "--"]


def test_the_table_is_balanced(text):
    assert text.count("{") == text.count("}")
    assert text.count("$") % 2 == 0
    columns = re.search(r"\\begin\{tabular\}\{(\w+)\}", text)[1]
    cells = [line.count("&") + 1 for line in text.splitlines() if line.startswith(("audio", HUMAN))]
    assert set(cells) == {len(columns)}
    assert text.index(r"\midrule", text.index("audio+video")) < text.index(HUMAN)


def test_no_character_means_anything_to_latex():
    assert escaped("a_b & 50 % {x} \\y ~^#$") == (
        r"a\_b \& 50 \% \{x\} \textbackslash{}y \textasciitilde{}\textasciicircum{}\#\$"
    )


def test_minus_signs_of_bounds_are_those_of_latex():
    assert bounds_of("[−0.10, 0.20]") == "[$-$0.10, 0.20]"
    assert bounds_of("(0.10 to 0.20)") == "(0.10 to 0.20)"


def rows_of(text):
    return [line.removesuffix(r" \\").split(" & ") for line in text.splitlines() if "&" in line]


def test_the_short_table_has_test_alone_for_chosen_targets():
    whole = rows_of(short_latex_table(*tables_of("interval")))
    assert whole[0] == ["modality", "task", r"self\_esteem $E$", r"self\_esteem $\sigma$"]
    assert whole[1] == ["audio", "single", "$0.250$", r"$\mathbf{-0.125}$"]
    assert whole[2] == [
        *("audio+video", "multi"),
        *(r"$\mathbf{0.750}$ {\scriptsize [0.60, 0.90]}", "--"),
    ]
    assert whole[3] == [HUMAN, "", "$0.875$", "--"]
    state = rows_of(short_latex_table(*tables_of("interval"), targets=["E"]))
    assert state == [row[:3] for row in whole]


def test_the_short_table_leaves_the_plain_mean_and_the_mean_of_train_out():
    scores, intervals, ceiling = tables_of("interval")
    more = scores[:2].assign(task="constant")
    plain = scores[3:].assign(fusion="mean")
    fused = scores[3:].assign(fusion="least_squares")
    plain["ccc"] = 0.9
    text = short_latex_table(pd.concat([scores[:3], more, fused, plain]), intervals, ceiling)
    assert r"\mathbf{0.750}" in text, "bold is the highest of the rows that are there"
    assert "(mean)" not in text
    assert "none" not in text
    text = short_latex_table(pd.concat([scores[:3], plain]), intervals, ceiling)
    assert r"\mathbf{0.900}" in text
    assert "audio+video (mean) & multi" in text


def test_targets_that_were_not_predicted_are_refused_with_those_that_were():
    scores, *others = tables_of("interval")
    state = scores[scores["target"] == "E"]
    assert (
        rows_of(short_latex_table(state, *others))[0]
        == rows_of(short_latex_table(scores, *others, targets=["E"]))[0]
    )
    with pytest.raises(InputError, match=r"found \['sigma'\]; expected some of \['E'\]"):
        short_latex_table(state, *others, targets=["sigma"])
