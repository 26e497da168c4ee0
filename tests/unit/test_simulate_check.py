"""Labels against the planted truth: the delay has to be taken out to find it."""

import sys

import audmetric
import numpy as np
import pandas as pd
import pytest

from softaer import schema, tables
from softaer.simulate import check, truth
from softaer.simulate.check import compare

DELAY = 4.0


@pytest.fixture(scope="module")
def planted():
    return pd.concat([truth.plant(f"rec{n}", 1, 30.0) for n in (1, 2, 3)], ignore_index=True)


@pytest.fixture(scope="module")
def labels(planted):
    """The truth, late by the delay, and nothing before it has come."""
    frame = np.rint(planted["time"] * 10).astype(int) + round(DELAY * 10)
    return planted.assign(time=frame / 10)[frame <= 300]


def test_the_truth_is_found_with_the_delay_and_not_without(planted, labels):
    delays = dict.fromkeys(truth.DIMENSIONS, DELAY)
    with_delay = compare(labels, planted, delays)
    np.testing.assert_allclose(with_delay["ccc"], 1)
    np.testing.assert_allclose(with_delay["pearson"], 1)
    assert set(with_delay["frames"]) == {3 * 261}
    without = compare(labels, planted, dict.fromkeys(delays, 0.0))
    assert (without["ccc"] < 0.9).all()


def test_the_figures_are_those_of_the_concatenated_recordings(planted, labels):
    noisy = labels.assign(E=labels["E"] + np.random.default_rng(0).normal(size=len(labels)) / 4)
    table = compare(noisy, planted, {"arousal": DELAY})
    truths = planted[planted["dimension"] == "arousal"].assign(time=lambda t: t["time"] + DELAY)
    both = (
        noisy[noisy["dimension"] == "arousal"]
        .round({"time": 1})
        .merge(truths.round({"time": 1}), on=["recording", "time"])
    )
    row = table[table["target"] == "E"].iloc[0]
    assert row["ccc"] == pytest.approx(audmetric.concordance_cc(both["E_x"], both["E_y"]))
    assert row["pearson"] == pytest.approx(audmetric.pearson_cc(both["E_x"], both["E_y"]))


def test_dimensions_may_have_unequal_delays(planted, labels):
    early = labels["dimension"] == "valence"
    mixed = labels.assign(time=np.where(early, labels["time"] - 1.5, labels["time"]).round(1))
    table = compare(mixed, planted, {"arousal": DELAY, "valence": DELAY - 1.5})
    np.testing.assert_allclose(table["ccc"], 1)


def test_frames_without_sigma_do_not_count_for_it(planted, labels):
    alone = labels["time"] < 10
    table = compare(labels.assign(sigma=labels["sigma"].mask(alone)), planted, {"valence": DELAY})
    counts = table.set_index("target")["frames"]
    assert counts["sigma"] == counts["E"] - 3 * 60


@pytest.mark.parametrize("delay", [DELAY, 0.0])
def test_the_command_line_compares_with_and_without_a_delay(
    planted, labels, tmp_path, monkeypatch, delay
):
    words = ["--labels"]
    for recording, rows in labels.groupby("recording"):
        words.append(tmp_path / f"labels_{recording}.parquet")
        tables.write(rows.assign(raters=6), schema.LABELS, words[-1])
    words.append("--truth")
    for recording, rows in planted.groupby("recording"):
        words.append(tmp_path / f"truth_{recording}.parquet")
        tables.write(rows, truth.TRUTH, words[-1])
    words += ["--delay", "arousal", delay, "--delay", "valence", delay]
    words += ["--output", tmp_path / "check.parquet"]
    monkeypatch.setattr(sys, "argv", ["check", *map(str, words)])
    check.main()
    table = tables.read(tmp_path / "check.parquet")
    expected = [DELAY] * 4 + [0.0] * 4 if delay else [0.0] * 4
    assert table["delay"].tolist() == expected
    if delay:
        np.testing.assert_allclose(table["ccc"][:4], 1)
