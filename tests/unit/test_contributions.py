"""What each modality adds is what a fusion of the others lacks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from softaer.contributions import contributions, without_each
from softaer.core.concordance import ccc
from softaer.core.correction import Trace
from softaer.core.experiment import Experiment, Postprocessing
from softaer.core.late_fusion import fit_fusion
from softaer.figures import contributions as figure

NAMES = ["a", "b", "c", "d"]
PARTITION = {"a": "dev", "b": "dev", "c": "test", "d": "test"}
NO_STEPS = Postprocessing(steps=())
EXPERIMENT = Experiment(("m",), ("x", "y", "z", "x+y+z"), ("multi",), (1,))


def planted(seed=0, frames=200):
    """Two modalities that see different halves of the label, and a copy of one of them."""
    rng = np.random.default_rng(seed)
    modalities = {"x": [], "y": [], "z": []}
    for name in NAMES:
        halves = np.cumsum(rng.standard_normal((2, frames)), axis=1) / 10
        label = halves.sum(axis=0)
        noise = 0.1 * rng.standard_normal((3, frames))
        seen = {"x": halves[0] + noise[0], "y": halves[1] + noise[1], "z": halves[0] + noise[2]}
        for modality, prediction in seen.items():
            modalities[modality].append(Trace(name, name, prediction, label))
    return modalities


def scores_without(modalities, shares=None):
    shares = shares or {m: dict.fromkeys(NAMES, 1.0) for m in modalities}
    found = without_each("E", modalities, PARTITION, {"a", "b"}, shares, NO_STEPS, EXPERIMENT)
    return found.set_index(["modality", "partition"])["without"]


def test_a_modality_that_alone_sees_something_is_missed_and_a_copy_is_not():
    found = scores_without(planted())
    assert found["y", "test"] < found["x", "test"] - 0.1
    assert found["x", "test"] == pytest.approx(found["z", "test"], abs=0.02)


def test_sigma_is_scored_within_panels():
    """A level that a panel shares is none of the model's merits; E is scored as ever."""
    modalities = planted()
    level = dict(zip(NAMES, (0.0, 5.0, 0.0, 5.0), strict=True))
    for name, traces in modalities.items():
        modalities[name] = [
            replace(t, prediction=t.prediction + 10 + level[t.recording], label=t.label + 10)
            for t in traces
        ]
    shares = {m: dict.fromkeys(NAMES, 1.0) for m in modalities}

    def on_test(target, panel_of):
        found = without_each(
            *(target, modalities, PARTITION, {"a", "b"}, shares, NO_STEPS, EXPERIMENT, panel_of)
        )
        return found.set_index(["modality", "partition"])["without"]["z", "test"]

    one, two = dict.fromkeys(NAMES, 3), dict(zip(NAMES, (0, 1, 0, 1), strict=True))
    assert on_test("sigma", two) < on_test("sigma", one) - 0.1
    assert on_test("sigma", one) == on_test("sigma", {})
    assert on_test("E", two) == on_test("E", one)


def test_it_is_least_squares_of_the_others_fitted_on_dev():
    modalities = planted()
    found = scores_without(modalities)

    def stacked(names):
        parts = [np.concatenate([t.prediction for t in modalities[m] if t.recording in names])
                 for m in ("x", "y")]  # fmt: skip
        label = np.concatenate([t.label for t in modalities["x"] if t.recording in names])
        return label, np.stack(parts, axis=1)

    gamma = fit_fusion(*stacked("ab"))
    label, predictions = stacked("cd")
    expected = ccc(label, (gamma[0] + predictions @ gamma[1:]).astype(np.float32))
    assert found["z", "test"] == pytest.approx(expected, abs=1e-9)


def test_a_recording_that_lacks_all_others_is_scored_and_without_an_estimate_dev_is_null():
    modalities = planted()
    shares = {m: dict.fromkeys(NAMES, 1.0) for m in modalities}
    shares["x"]["d"] = shares["y"]["d"] = 0.0
    assert np.isfinite(scores_without(modalities, shares)["z", "test"])
    for name in "xyz":
        shares[name]["b"] = 0.0  # nothing is left of it, nor of an estimate out of fold
    found = scores_without(modalities, shares)
    assert found.xs("dev", level="partition").isna().all()


def test_scores_stand_beside_each_other():
    keys = {"dimension": "m", "target": "E", "task": "multi", "seed": 1}
    rows = [
        keys | {"modality": m, "fusion": f, "partition": p, "ccc": c, "ccc_out_of_fold": o}
        for m, f, c, o in (
            ("x", None, 0.3, 0.25),
            ("y", None, 0.4, 0.35),
            ("x+y", "shrunk", 0.6, 0.55),
            ("x+y", "mean", 0.1, 0.05),
        )
        for p in ("dev", "test")
    ]
    scores = pd.DataFrame(rows)
    scores.loc[scores["partition"] == "test", "ccc_out_of_fold"] = np.nan
    without = pd.DataFrame(
        [keys | {"modality": m, "partition": p, "without": 0.5} for m in "xy"
         for p in ("dev", "test")]
    )  # fmt: skip
    found = contributions(scores, without, "x+y").set_index(["modality", "partition"])
    assert found["alone"].to_dict() == {
        **{("x", "dev"): 0.25, ("x", "test"): 0.3, ("y", "dev"): 0.35, ("y", "test"): 0.4}
    }
    assert found["fused"].groupby("partition").first().to_dict() == {"dev": 0.55, "test": 0.6}
    np.testing.assert_allclose(found["adds"], [0.05, 0.1, 0.05, 0.1])


def table():
    rows = [
        ("m", t, "multi", seed, "test", "x+y+z", m, 0.1 * k + seed, 5.0, 0.2 * k + seed, 0.0)
        for t in ("E", "sigma")
        for seed in (1, 2)
        for k, m in enumerate("xyz")
    ]
    names = [*("dimension", "target", "task", "seed", "partition", "fusion", "modality")]
    return pd.DataFrame(rows, columns=[*names, "alone", "fused", "without", "adds"])


def test_the_figure_has_the_means_over_seeds():
    axes = figure.draw(table()).axes
    assert [axis.get_title() for axis in axes] == ["m E", "m σ"]
    assert [tick.get_text() for tick in axes[0].get_yticklabels()] == ["x", "y", "z"]
    drawn = {
        (line.get_marker(), line.get_ydata()[0]): line.get_xdata()[0] for line in axes[0].lines
    }
    for k in range(3):
        assert drawn["o", k] == pytest.approx(0.1 * k + 1.5)
        assert drawn["x", k] == pytest.approx(0.2 * k + 1.5)
    colours = {line.get_color() for line in axes[0].lines}
    assert len(colours) == 4
