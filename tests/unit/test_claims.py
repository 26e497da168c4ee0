"""Claims and further scores in the report: what a reader sees of the tables of evaluation."""

import numpy as np
import pandas as pd
import pytest

from softaer.core import schema
from softaer.page.claims import claims_table, largest_gains, power_table
from softaer.page.score_table import other_scores, shown_bounds


def hypotheses(*answers, kind="interval"):
    table = pd.DataFrame({"hypothesis": ["a > b", "a > b", "c > d"], "answer": answers})
    numbers = {"difference": 0.25, "low": 0.125, "high": 0.375, "p_value": 0.01, "p_holm": 0.02}
    effect = {"effect_size": 0.5, "effect_low": -0.25, "effect_high": 1.25}
    table = table.assign(dimension="m", target="E", better="x", worse="y", kind=kind)
    return table.assign(**numbers, **effect, resampled=8, seeds=3)[schema.HYPOTHESES.names]


def test_intervals_and_ranges_look_different():
    assert shown_bounds(0.123, 0.456, "interval") == "[0.12, 0.46]"
    assert shown_bounds(-0.123, 0.456, "range") == "(−0.12 to 0.46)"
    assert shown_bounds(-0.001, 0.456, "interval") == "[0.00, 0.46]"
    assert shown_bounds(np.nan, np.nan, "range") is None


@pytest.mark.parametrize(
    ("kind", "words"), [("interval", "[0.12, 0.38]"), ("range", "(0.12 to 0.38)")]
)
def test_the_table_of_claims_has_bounds_p_values_and_sizes(kind, words):
    table = claims_table(hypotheses("yes", "no", "undecided", kind=kind))
    assert list(table["bounds"]) == [words] * 3
    assert list(table["p"]) == [0.01] * 3
    assert list(table["p (Holm)"]) == [0.02] * 3
    assert list(table["effect size"]) == ["0.50 [−0.25, 1.25]"] * 3
    assert list(table["answer"]) == ["yes", "no", "undecided"]


def test_the_table_of_claims_says_what_was_compared():
    single = claims_table(hypotheses("yes", "no", "undecided"))
    assert list(single)[:5] == ["hypothesis", "dimension", "target", "better", "worse"]
    claims = hypotheses("yes", "no", "undecided").assign(comparisons=4)[schema.CLAIMS.names]
    assert list(claims_table(claims))[:3] == ["hypothesis", "target", "comparisons"]


def power(*rows):
    keys = ("m", "E", "y", "z")
    rows = [(claim, *keys, *numbers) for claim, *numbers in rows]
    return pd.DataFrame(rows, columns=schema.POWER.names)


def test_the_power_has_a_column_for_each_number_of_units():
    table = power_table(
        power(
            ("a > b", 8, 1, 0.1, 0.43, 0.2),
            ("a > b", 8, 6, 0.1, 0.0, np.nan),
            ("a > b", 16, 1, 0.1, 0.7, 0.12),
            ("a > b", 16, 6, 0.1, 0.3, 0.19),
        )
    )
    assert list(table.columns[-4:]) == ["comparisons", "gain", "8", "16"]
    assert table[["comparisons", "8", "16"]].to_numpy().tolist() == [
        [1, "43 % (0.20)", "70 % (0.12)"],
        [6, "0 % (–)", "30 % (0.19)"],
    ]


def test_the_largest_gain_of_each_hypothesis_is_told():
    table = power(
        ("a > b", 8, 1, 0.1, 0.43, 0.2),
        ("a > b", 8, 1, 0.3, 0.9, np.nan),
        ("a > b", 8, 6, 0.4, 0.2, 0.3),
        ("a > b", 16, 1, 0.5, 0.7, 0.12),
        ("c > d", 8, 1, 0.05, 0.1, 0.2),
    )
    first, second = largest_gains(table, 8)
    assert (first["hypothesis"], first["gain"], first["power"]) == ("a > b", 0.3, 0.9)
    assert first["smallest_gain"] is None
    assert (first["comparisons"], first["power_among"]) == (6, 0.2)
    assert (second["hypothesis"], second["smallest_gain"]) == ("c > d", 0.2)
    assert largest_gains(table[:0], 8) == []


def scores_of(partition="test"):
    rows = [
        ("m", "E", "audio", "single", None, partition, 1, 0.5, "r1"),
        ("m", "E", "audio", "single", None, partition, 2, 0.7, "r2"),
        ("m", "E", "audio+video", "single", "mean", partition, 1, 0.2, "r1"),
        ("m", "E", "audio", "single", None, "dev", 1, 0.9, "r0"),
    ]
    names = ["dimension", "target", "modality", "task", "fusion", "partition", "seed", "ccc"]
    table = pd.DataFrame(rows, columns=[*names, "worst_recording"])
    columns = ["pearson", "rmse", "mae"]
    columns += [f"ccc_recording_{name}" for name in ("mean", "median", "worst")]
    return table.assign(**{name: table["ccc"] - 0.1 * k for k, name in enumerate(columns, 1)})


def test_other_scores_are_means_over_seeds_on_test():
    table = other_scores(scores_of())
    assert list(table["modality"]) == ["audio", "audio+video (mean)"]
    audio = table.iloc[0]
    assert audio["CCC"] == pytest.approx(0.6)
    assert audio["r"] == pytest.approx(0.5)
    assert audio["CCC per recording: mean"] == pytest.approx(0.2)
    assert audio["worst recording"] == "r1, r2"


def test_without_test_they_are_those_on_dev():
    table = other_scores(scores_of("train"))
    assert list(table["CCC"]) == pytest.approx([0.9])
