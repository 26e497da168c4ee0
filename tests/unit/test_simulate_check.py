"""Labels against the planted truth: the delay has to be taken out to find it."""

import sys

import audmetric
import numpy as np
import pandas as pd
import pytest

from softaer.core import schema, tables
from softaer.simulate import check, truth
from softaer.simulate.check import compare

DELAY = 4.0
PARTITION = {"rec1": "train", "rec2": "dev", "rec3": "dev"}


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
    with_delay = compare(labels, planted, delays, PARTITION)
    np.testing.assert_allclose(with_delay["ccc"], 1)
    np.testing.assert_allclose(with_delay["pearson"], 1)
    frames = with_delay.groupby("partition")["frames"].unique().map(list).to_dict()
    assert frames == {"train": [261], "dev": [2 * 261], "all": [3 * 261]}
    without = compare(labels, planted, dict.fromkeys(delays, 0.0), PARTITION)
    assert (without["ccc"] < 0.9).all()


def test_the_figures_are_those_of_the_concatenated_recordings(planted, labels):
    noisy = labels.assign(E=labels["E"] + np.random.default_rng(0).normal(size=len(labels)) / 4)
    table = compare(noisy, planted, {"arousal": DELAY}, PARTITION)
    truths = planted[planted["dimension"] == "arousal"].assign(time=lambda t: t["time"] + DELAY)
    both = (
        noisy[noisy["dimension"] == "arousal"]
        .round({"time": 1})
        .merge(truths.round({"time": 1}), on=["recording", "time"])
    )
    found = table[table["target"] == "E"].set_index("partition")
    recordings = {"train": ["rec1"], "dev": ["rec2", "rec3"], "all": [*PARTITION]}
    assert set(found.index) == set(recordings)
    for partition, names in recordings.items():
        some = both[both["recording"].isin(names)]
        row = found.loc[partition]
        assert row["ccc"] == pytest.approx(audmetric.concordance_cc(some["E_x"], some["E_y"]))
        assert row["pearson"] == pytest.approx(audmetric.pearson_cc(some["E_x"], some["E_y"]))


def test_dimensions_may_have_unequal_delays(planted, labels):
    early = labels["dimension"] == "valence"
    mixed = labels.assign(time=np.where(early, labels["time"] - 1.5, labels["time"]).round(1))
    table = compare(mixed, planted, {"arousal": DELAY, "valence": DELAY - 1.5}, PARTITION)
    np.testing.assert_allclose(table["ccc"], 1)


def test_frames_without_sigma_do_not_count_for_it(planted, labels):
    alone = labels["time"] < 10
    some = labels.assign(sigma=labels["sigma"].mask(alone))
    table = compare(some, planted, {"valence": DELAY}, PARTITION)
    counts = table[table["partition"] == "all"].set_index("target")["frames"]
    assert counts["sigma"] == counts["E"] - 3 * 60


@pytest.mark.parametrize("delay", [DELAY, 0.0])
@pytest.mark.parametrize("estimated", [False, True])
def test_the_command_line_compares_with_and_without_a_delay(
    planted, labels, tmp_path, monkeypatch, delay, estimated
):
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{name},s,{part},{name}.mp4,{name}.csv" for name, part in PARTITION.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    words = ["--recordings", tmp_path / "recordings.csv", "--labels"]
    for recording, rows in labels.groupby("recording"):
        words.append(tmp_path / f"labels_{recording}.parquet")
        found = rows.drop(columns=["expression", "mask", "distraction"]).assign(raters=6)
        tables.write(found, schema.LABELS, words[-1])
    words.append("--truth")
    for recording, rows in planted.groupby("recording"):
        words.append(tmp_path / f"truth_{recording}.parquet")
        tables.write(rows, truth.TRUTH, words[-1])
    if estimated:
        curve = pd.DataFrame({"delay": [1.5, delay], "correlation": [0.1, 0.2]})
        curve["chosen"] = [False, True]
        curves = pd.concat(curve.assign(dimension=name) for name in ("arousal", "valence"))
        tables.write(curves, schema.ANNOTATION_DELAY, tmp_path / "delay.parquet")
        words += ["--delay-table", tmp_path / "delay.parquet"]
    else:
        words += ["--delay", "arousal", delay, "--delay", "valence", delay]
    words += ["--output", tmp_path / "check.parquet"]
    monkeypatch.setattr(sys, "argv", ["check", *map(str, words)])
    check.main()
    table = tables.read(tmp_path / "check.parquet")
    # Two dimensions, two targets; train, dev and all.
    assert table["delay"].tolist() == [delay] * 12 + [0.0] * 12
    assert table["delay_removed"].tolist() == [True] * 12 + [False] * 12
    if delay:
        np.testing.assert_allclose(table["ccc"][:12], 1)
        assert (table["ccc"][12:] < 0.9).all()
    else:
        np.testing.assert_array_equal(table["ccc"][:12], table["ccc"][12:])
