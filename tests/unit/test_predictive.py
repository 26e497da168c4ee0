"""Predictive distributions: spread, check of sigma, and bands, where the answer is planted."""

import sys

import coverage_tables
import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from softaer import predictive
from softaer.core import schema, tables
from softaer.core.errors import InputError
from softaer.core.places import final_prediction
from softaer.core.predictive import (
    NOMINAL,
    Panel,
    Spread,
    conformal_quantile,
    few,
    fit,
    fit_factor,
    negative_log_likelihood,
    units_needed,
)
from softaer.predictive import fit_model, panel_of

NAN = np.nan


def simulated(frames=6000, raters=5, error=0.3, factor=1.0, seed=0):
    """Ratings about an E that the model misses by ``error``; sigma ``factor`` times too small."""
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0.05, 0.6, size=frames)
    ratings = rng.normal(size=frames) * error + sigma * rng.normal(size=(raters, frames))
    return ratings, np.zeros(frames), sigma / factor


def panel(ratings):
    n = np.full(ratings.shape[1], len(ratings))
    return Panel(n, ratings.mean(axis=0), ratings.var(axis=0) * len(ratings))


def test_the_likelihood_from_sums_is_that_of_single_ratings():
    ratings, centre, sigma = simulated(frames=50)
    centre = centre + 0.1
    expected = -norm.logpdf(ratings, centre, sigma).mean()
    found = negative_log_likelihood(panel(ratings), centre, sigma**2)
    assert found == pytest.approx(expected)


def test_likelihood_of_panels_of_different_size():
    ratings, centre, sigma = simulated(frames=20, raters=1)
    three, _, _ = simulated(frames=20, raters=3, seed=1)
    both = Panel(*(np.concatenate(p) for p in zip(panel(ratings), panel(three), strict=True)))
    expected = -np.concatenate(
        [norm.logpdf(ratings, centre, sigma).ravel(), norm.logpdf(three, centre, sigma).ravel()]
    ).mean()
    twice = np.tile(centre, 2), np.tile(sigma, 2) ** 2
    assert negative_log_likelihood(both, *twice) == pytest.approx(expected)


@pytest.mark.parametrize("error", [0.1, 0.3, 0.6])
def test_the_planted_error_is_found(error):
    ratings, centre, sigma = simulated(error=error)
    found = fit(panel(ratings), centre, sigma)
    assert found.a == pytest.approx(error, rel=0.04)
    assert found.constant == pytest.approx(np.sqrt((ratings**2).mean()))
    s = found.of(sigma)
    covered = np.abs(ratings) <= norm.ppf(0.9) * s
    assert covered.mean() == pytest.approx(0.8, abs=0.02)


def test_without_an_error_there_is_hardly_an_a():
    ratings, centre, sigma = simulated(error=0.0)
    found = fit(panel(ratings), centre, sigma)
    assert found.a < 0.02
    assert (found.of(np.zeros(3)) >= 0.01 * found.constant).all()


def test_the_factor_tells_whether_sigma_has_the_right_size():
    for factor in (0.5, 1.0, 2.0):
        ratings, centre, sigma = simulated(factor=factor)
        spread = fit(panel(ratings), centre, sigma)
        found = fit_factor(panel(ratings), centre, sigma, spread)
        assert found == pytest.approx(factor**2, rel=0.06)


def test_the_factor_of_a_sigma_that_means_nothing_is_zero():
    ratings, centre, _ = simulated()
    noise = np.random.default_rng(1).uniform(0.05, 0.6, size=len(centre))
    spread = fit(panel(ratings), centre, noise)
    assert fit_factor(panel(ratings), centre, noise, spread) < 0.1
    assert np.isnan(fit_factor(panel(ratings), centre, np.full(len(centre), 0.3), spread))


def test_perfect_agreement_has_no_spread():
    ratings = np.zeros((3, 10))
    found = fit(panel(ratings), np.zeros(10), np.zeros(10))
    assert found == Spread(0.0, 0.0)


def test_the_quantile_by_hand():
    """Four units of equal size at 80 %: weights 1/5 each, so that the largest unit counts whole."""
    scores = np.array([1.0, 2.0, 3.0, 4.0])
    units = np.arange(4)
    assert conformal_quantile(scores, units, 0.8) == 4.0
    assert np.isnan(conformal_quantile(scores[:3], units[:3], 0.8))
    # One unit with many frames counts no more than the others.
    scores = np.concatenate([np.full(1000, 9.0), scores])
    units = np.concatenate([np.full(1000, 4), units])
    assert conformal_quantile(scores, units, 0.6) == 4.0
    assert conformal_quantile(scores, units, 0.8) == 9.0


def test_units_that_a_band_needs():
    for nominal in (0.8, 0.9, 0.95):
        least = units_needed(nominal)
        rng = np.random.default_rng(0)
        scores = rng.random(10 * least)
        units = np.repeat(np.arange(least), 10)
        assert np.isfinite(conformal_quantile(scores, units, nominal))
        fewer = units < least - 1
        assert np.isnan(conformal_quantile(scores[fewer], units[fewer], nominal))
        assert few(least, nominal)


def covered_on_new_units(units, nominal, rng, frames=40):
    """Share of a new unit's ratings in the band; units differ in level and in their own spread."""

    def distances(count):
        level = rng.normal(size=(count, 1)) * 0.5
        own = rng.gamma(4, 0.25, size=(count, 1))
        return np.abs(level + own * rng.normal(size=(count, frames)))

    known = distances(units)
    half = conformal_quantile(known.ravel(), np.repeat(np.arange(units), frames), nominal)
    return (distances(5) <= half).mean()


@pytest.mark.parametrize(("units", "nominal"), [(4, 0.8), (12, 0.8), (9, 0.9), (19, 0.9)])
def test_bands_keep_their_promise_on_average_over_new_units(units, nominal):
    rng = np.random.default_rng(units)
    covered = [covered_on_new_units(units, nominal, rng) for _ in range(300)]
    assert np.mean(covered) >= nominal - 2 * np.std(covered) / np.sqrt(300)


def test_all_frames_as_units_would_not_keep_it():
    """The control: if frames were exchangeable, the quantile over all of them would do."""
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(300):
        level = rng.normal(size=(6, 1)) * 0.9
        known = np.abs(level + 0.3 * rng.normal(size=(6, 40)))
        half = np.quantile(known, 0.8)
        new = np.abs(rng.normal(size=(5, 1)) * 0.9 + 0.3 * rng.normal(size=(5, 40)))
        covered.append((new <= half).mean())
    assert np.mean(covered) < 0.8 - 2 * np.std(covered) / np.sqrt(300)


def test_sums_of_a_frame_by_hand():
    ratings = pd.DataFrame(
        {"recording": ["a", "a", "a", "b"], "frame": [0, 0, 1, 0], "value": [1.0, 3.0, 5.0, 7.0]}
    )
    found = panel_of(ratings).to_dict("list")
    assert found["number"] == [2, 1, 1]
    assert found["mean"] == [2.0, 5.0, 7.0]
    assert found["squares"] == [2.0, 0.0, 0.0]


def model(frames=50, recordings=4, error=0.2, out_of_fold=True):
    rng = np.random.default_rng(0)
    names = np.repeat([f"r{k}" for k in range(recordings)], frames)
    table = pd.DataFrame({"recording": names, "time": np.tile(np.arange(frames) / 10, recordings)})
    table = table.assign(E=0.0, sigma=0.1)
    table["E_out_of_fold"] = error * np.sign(rng.normal(size=len(table))) if out_of_fold else NAN
    table["sigma_out_of_fold"] = 0.1 if out_of_fold else NAN
    ratings = pd.concat(
        table[["recording"]].assign(
            frame=np.tile(np.arange(frames), recordings),
            value=0.1 * rng.normal(size=len(table)),
        )
        for _ in range(4)
    )
    return table, ratings, {name: name for name in names}


def test_the_error_is_that_out_of_fold():
    found = fit_model(*model())
    assert found.spread.a == pytest.approx(0.2, abs=0.01)
    assert found.out_of_fold
    assert found.units == 4
    assert found.ratings == 800
    assert np.isfinite(found.quantiles[NOMINAL.index(0.8)])
    assert np.isnan(found.quantiles[NOMINAL.index(0.9)])
    inside = fit_model(*model(out_of_fold=False))
    assert inside.spread.a < 0.05
    assert not inside.out_of_fold


def test_ratings_of_other_frames_are_refused():
    table, ratings, unit_of = model()
    with pytest.raises(InputError, match="no rating of 4 recordings of dev"):
        fit_model(table, ratings.assign(frame=ratings["frame"] + 1000), unit_of)


PARTITIONS = {"a": "train", "b": "dev", "c": "test"}
DELAY = 2.0


@pytest.fixture
def corpus(tmp_path):
    """Raters who are two seconds late about E = 0; seeds that err by +.4 and by nothing."""
    rng = np.random.default_rng(1)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{n},s{n},{p},{n}.mp4,{n}.csv" for n, p in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    length = 300
    time = np.arange(length) / 10
    predictions = []
    for name in PARTITIONS:
        ratings = pd.DataFrame(
            {
                "recording": name,
                "time": np.tile(time, 3),
                "dimension": "m",
                "rater": np.repeat(["x", "y", "z"], length),
                "value": 0.1 * rng.normal(size=3 * length),
            }
        )
        ratings.loc[ratings["time"] < DELAY, "value"] = 50.0
        tables.write(ratings, schema.RATINGS, tmp_path / "ratings" / f"{name}.parquet")
        table = pd.DataFrame(
            {"recording": name, "time": time, "m_E": 0.0, "m_sigma": 0.1, "f": 0.0}
        )
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table, names, tmp_path / "dataset" / f"{name}.parquet")
        predictions.append(table[["recording", "time"]])
    table = pd.concat(predictions[1:], ignore_index=True)
    for modality, columns in (
        ("audio", schema.POSTPROCESSED),
        ("video", schema.POSTPROCESSED),
        ("audio+video", schema.FUSED_PREDICTIONS),
    ):
        for seed, error in ((1, 0.4), (2, 0.0)):
            own = table.assign(**dict.fromkeys(columns.names[2:], 77.0))
            own = own.assign(E=0.0, sigma=0.05 * seed, E_out_of_fold=error, sigma_out_of_fold=0.1)
            tables.write(own, columns, final_prediction(tmp_path, "m", modality, "multi", seed))
    return tmp_path


def run(folder, monkeypatch, *more):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--ratings", folder / "ratings", "--results", folder, "--dimensions", "m"]
    words += ["--modalities", "audio", "video", "audio+video", "--tasks", "multi"]
    words += ["--seeds", 1, 2, "--dimension", "m", "--task", "multi", "--delay", "m", DELAY]
    words += ["--output", folder / "frames.parquet", "--fit-output", folder / "fit.parquet"]
    words += ["--coverage", *coverage_tables.write(folder / "coverage", PARTITIONS), *more]
    monkeypatch.setattr(sys, "argv", ["predictive", *map(str, words)])
    predictive.main()
    return tables.read(folder / "frames.parquet"), tables.read(folder / "fit.parquet")


def test_the_command_line_averages_seeds_and_removes_the_delay(corpus, monkeypatch):
    frames, fits = run(corpus, monkeypatch)
    tables.conform(frames, schema.PREDICTIVE)
    tables.conform(fits, schema.PREDICTIVE_FIT)
    assert list(fits["modality"]) == ["audio", "video", "audio+video"]
    # Seeds err by .4 and 0: their mean by .2. Ratings of the first two seconds belong to no frame.
    assert fits["a"].to_numpy() == pytest.approx(0.2, abs=0.01)
    assert (fits["ratings"] == 3 * (300 - round(10 * DELAY))).all()
    assert (fits["units"] == 1).all()
    assert frames[["lower_80", "upper_90"]].isna().all(axis=None)
    assert set(frames["recording"]) == {"b", "c"}
    np.testing.assert_allclose(frames["sigma"], 0.075, rtol=1e-6)
    np.testing.assert_allclose(frames["spread"], np.hypot(fits["a"].iloc[0], 0.075), rtol=1e-5)


def test_without_sigma_the_spread_is_constant(corpus, monkeypatch):
    frames, fits = run(corpus, monkeypatch, "--targets", "E")
    assert (frames["sigma"] == 0).all()
    np.testing.assert_allclose(frames["spread"], fits["constant"].iloc[0], rtol=1e-4)
    assert fits["b_squared"].isna().all()


def test_without_e_there_is_no_distribution(corpus, monkeypatch):
    frames, fits = run(corpus, monkeypatch, "--targets", "sigma")
    assert frames.empty
    assert fits.empty
