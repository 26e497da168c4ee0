"""What sigma is worth: scores, coverage, selection and reliability where the answer is known."""

import itertools
import sys

import coverage_tables
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from softaer import predictive, uncertainty
from softaer.core import schema, tables
from softaer.core.experiment import Evaluation
from softaer.core.inference import FEW_UNITS
from softaer.core.places import PREDICTIVE, PREDICTIVE_FIT, final_prediction, within
from softaer.labels import label
from softaer.uncertainty import (
    ALONE,
    BINS,
    CLIMATOLOGY,
    CONSTANT,
    EXACT,
    KEPT,
    LABEL,
    LEVELS,
    NOMINAL,
    PREDICTED,
    comparable,
    coverage,
    coverage_of_exact_raters,
    crps,
    judge,
    labels_of_others,
    nll,
    reliability,
    selective_error,
    spreads,
)

NAN = np.nan
SETTINGS = Evaluation(draws=400)


def ratings_of(n, seed=0):
    rng = np.random.default_rng(seed)
    centre, sigma = rng.normal(size=n), rng.uniform(0.1, 1.0, size=n)
    return centre + sigma * rng.normal(size=n), centre, sigma


@pytest.mark.parametrize(("y", "m", "s"), [(0.3, 0.0, 1.0), (-2.0, 0.5, 0.25), (1.0, 1.0, 3.0)])
def test_crps_is_the_integral_that_defines_it(y, m, s):
    """Integral of (F(x) - 1[x >= y])^2 over x (Gneiting & Raftery, 2007, equation 20)."""
    below, _ = quad(lambda x: norm.cdf(x, m, s) ** 2, -40, y, limit=200)
    above, _ = quad(lambda x: norm.sf(x, m, s) ** 2, y, 40, limit=200)
    assert crps(*map(np.array, (y, m, s))) == pytest.approx(below + above, abs=1e-6)


def test_nll_by_hand():
    found = nll(np.array([1.0]), np.array([0.0]), np.array([2.0]))
    assert found == pytest.approx(0.5 * np.log(2 * np.pi * 4) + 1 / 8)


@pytest.mark.parametrize("score", [crps, nll])
def test_scores_are_proper_the_truth_is_best(score):
    ratings, centre, sigma = ratings_of(40_000)
    best = score(ratings, centre, sigma).mean()
    for factor, shift in [(0.7, 0.0), (1.4, 0.0), (1.0, 0.2)]:
        assert score(ratings, centre + shift, factor * sigma).mean() > best
    flat = np.full(len(sigma), np.sqrt((sigma**2).mean()))
    assert score(ratings, centre, flat).mean() > best


@pytest.mark.parametrize("n", [400, 40_000])
def test_the_true_sigma_covers_what_it_says(n):
    share = np.array(NOMINAL)
    found = coverage(*ratings_of(n))
    assert (np.abs(found - share) <= 4 * np.sqrt(share * (1 - share) / n)).all()


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_wrong_sigma_covers_too_little_or_too_much(factor):
    ratings, centre, sigma = ratings_of(20_000)
    difference = coverage(ratings, centre, factor * sigma) - np.array(NOMINAL)
    assert (np.sign(difference) == np.sign(factor - 1)).all()
    assert np.abs(difference).max() > 0.15


def test_a_wrong_centre_covers_too_little():
    ratings, centre, sigma = ratings_of(20_000)
    assert (coverage(ratings, centre + 0.5, sigma) < np.array(NOMINAL) - 0.05).all()


@pytest.mark.parametrize("spread", ["sample", "population"])
@pytest.mark.parametrize("raters", [3, 4, 8, 30])
def test_the_curve_of_exact_raters_is_what_such_raters_reach(raters, spread):
    """Simulated raters, and labels of the others by the estimator itself."""
    rng = np.random.default_rng(raters)
    frames = 4000 if raters < 10 else 800
    traces = rng.normal(size=frames) + 0.4 * rng.normal(size=(raters, frames))
    others = labels_of_others(
        table_of(traces, "rec"), lambda r: label(r, estimator="mean", spread=spread)[0]
    )
    total = others["sigma_others"] * np.sqrt(1 + 1 / others["others"])
    found = coverage(*(c.to_numpy() for c in (others["value"], others["E_others"], total)))
    exact = coverage_of_exact_raters(others["others"].to_numpy(), spread)
    np.testing.assert_allclose(found, exact, atol=0.02)
    # The figure that this replaces compared with the diagonal, which such raters miss.
    assert (np.array(NOMINAL) - exact).max() > {3: 0.15, 4: 0.1, 8: 0.02, 30: 0.002}[raters]


def test_raters_inside_e_and_sigma_cover_more_than_those_outside():
    """Why a rater must be left out: three raters within their own E and sigma."""
    rng = np.random.default_rng(0)
    traces = rng.normal(size=(3, 20_000))
    inside = coverage(traces.ravel(), np.tile(traces.mean(axis=0), 3),
                      np.tile(traces.std(axis=0, ddof=1), 3))  # fmt: skip
    assert inside[NOMINAL.index(0.7)] == pytest.approx(0.71, abs=0.01)
    assert inside[NOMINAL.index(0.8)] == 1
    exact = coverage_of_exact_raters(np.full(3, 2))
    assert exact[NOMINAL.index(0.8)] < 0.6


def test_panels_of_different_size_share_one_curve():
    small, large = (coverage_of_exact_raters(np.full(5, n)) for n in (2, 9))
    mixed = coverage_of_exact_raters(np.array([2, 2, 2, 9]))
    np.testing.assert_allclose(mixed, 0.75 * small + 0.25 * large)
    assert (np.abs(coverage_of_exact_raters(np.full(3, 10_000)) - NOMINAL) < 1e-3).all()


def test_selection_by_hand():
    error = np.array([5.0, 1.0, 2.0, 4.0, 3.0, 9.0, 6.0, 8.0, 7.0, 10.0])
    order = np.arange(10)[::-1]
    np.testing.assert_allclose(
        selective_error(error, order), np.cumsum(error[::-1]) / np.arange(1, 11)
    )
    ties = selective_error(error, np.zeros(10))
    np.testing.assert_allclose(ties, np.cumsum(error) / np.arange(1, 11))


@pytest.mark.parametrize("n", [1, 3, 14, 997])
def test_selection_by_the_error_itself_is_the_lower_bound(n):
    rng = np.random.default_rng(n)
    error = rng.exponential(size=n)
    best = selective_error(error, error)
    assert best.shape == (len(KEPT),)
    assert (np.diff(best) >= -1e-12).all()
    for order_by in (rng.normal(size=n), -error, np.zeros(n)):
        found = selective_error(error, order_by)
        assert (best <= found + 1e-12).all()
        assert found[-1] == pytest.approx(error.mean())


def test_selection_by_the_true_sigma_lowers_the_error_and_by_noise_does_not():
    ratings, centre, sigma = ratings_of(40_000)
    error = np.abs(ratings - centre)
    by_sigma = selective_error(error, sigma)
    assert (np.diff(by_sigma) > 0).all()
    expected = np.sqrt(2 / np.pi) * np.mean([0.1, 0.55])
    assert by_sigma[4] == pytest.approx(expected, abs=0.01)
    by_noise = selective_error(error, np.random.default_rng(1).normal(size=40_000))
    np.testing.assert_allclose(by_noise, error.mean(), atol=0.03)


def test_reliability_of_the_perfect_sigma_lies_on_the_diagonal():
    _, _, sigma = ratings_of(1000)
    x, y = reliability(sigma, sigma)
    np.testing.assert_array_equal(x, y)
    assert len(x) == BINS
    assert (np.diff(x) > 0).all()


def test_reliability_by_hand():
    rng = np.random.default_rng(0)
    predicted, labelled = rng.permutation(80).astype(float), rng.random(80)
    x, y = reliability(predicted, labelled)
    edges = np.arange(0, 81, 10)
    np.testing.assert_allclose(x, [np.arange(a, a + 10).mean() for a in edges[:-1]])
    expected = [
        labelled[(predicted >= a) & (predicted < b)].mean() for a, b in itertools.pairwise(edges)
    ]
    np.testing.assert_allclose(y, expected)


def test_reliability_of_fewer_frames_than_bins():
    x, y = reliability(np.array([0.3, 0.1]), np.array([3.0, 1.0]))
    np.testing.assert_array_equal(x, [0.1, 0.3])
    np.testing.assert_array_equal(y, [1.0, 3.0])


def smooth(rng, count, width=20):
    kernel = np.hanning(2 * width + 1)
    noise = np.convolve(rng.standard_normal(count + 2 * width), kernel, mode="valid")
    return noise / np.sqrt((kernel**2).sum())


def panel(rng, raters, length):
    """Ratings that scatter about a common E by a sigma that changes: traces, E, sigma."""
    emotion = 0.5 * smooth(rng, length)
    sigma = 0.05 + 0.3 / (1 + np.exp(-2 * smooth(rng, length)))
    return emotion + sigma * rng.normal(size=(raters, length)), emotion, sigma


def table_of(traces, recording, dimension="m"):
    raters, length = traces.shape
    return pd.DataFrame(
        {
            "recording": recording,
            "time": np.tile(np.arange(length) / 10, raters),
            "dimension": dimension,
            "rater": np.repeat([f"r{k}" for k in range(raters)], length),
            "value": traces.ravel(),
        }
    )


def as_series(rows):
    """Figures as {(figure, series): (x, y)}."""
    table = pd.DataFrame(rows, columns=["figure", "series", "x", "y"])
    return {
        key: (some["x"].to_numpy(), some["y"].to_numpy())
        for key, some in table.groupby(["figure", "series"], sort=False)
    }


@pytest.fixture
def perfect():
    """A model that knows the planted E and sigma, and ten raters in eight recordings."""
    rng = np.random.default_rng(0)
    frames, ratings = [], []
    for k in range(8):
        name = f"rec{k}"
        traces, emotion, sigma = panel(rng, 10, 400)
        ratings.append(table_of(traces, name))
        labels, _ = label(ratings[-1], estimator="mean")
        table = pd.DataFrame({"recording": name, "frame": np.arange(400), "E": emotion})
        table = table.assign(sigma=sigma, E_label=labels["E"], sigma_label=labels["sigma"])
        for nominal in (80, 90):
            half = norm.ppf(0.5 + nominal / 200) * sigma
            table[f"lower_{nominal}"], table[f"upper_{nominal}"] = emotion - half, emotion + half
        frames.append(table)
    ratings = labels_of_others(pd.concat(ratings), lambda r: label(r, estimator="mean")[0])
    ratings["frame"] = np.rint(ratings["time"] * 10).astype(int)
    ratings = ratings.assign(unit=ratings["recording"], panel=0)
    return pd.concat(frames, ignore_index=True), ratings


def judged(frames, ratings, a=0.0, groups=None):
    """The tables of a model, whose a is given and whose constant spread is the best one."""
    constant = np.hypot(a, float(np.sqrt((frames["sigma_label"] ** 2).mean())))
    frames = frames.assign(spread=np.hypot(a, frames["sigma"]))
    fit = {"a": a, "b_squared": 1.0, "out_of_fold": True, "constant": constant}
    fit |= {"few_80": False, "few_90": True}
    climatology = 0.0, 1.0
    return judge(frames, ratings, {PREDICTED: fit}, climatology, SETTINGS, groups=groups)


def scores_of(frames, ratings, a=0.0):
    return pd.DataFrame(judged(frames, ratings, a).scores).set_index("series")


def test_figures_of_a_model_that_knows_the_truth(perfect):
    frames, ratings = perfect
    assert len(comparable(ratings, frames)) == 10 * len(frames)
    found = as_series(judged(frames, ratings).curves)
    assert set(found) == {
        *(("coverage", s) for s in (PREDICTED, CONSTANT, ALONE, CLIMATOLOGY, LABEL, EXACT)),
        *(
            ("selective", s)
            for s in ("predicted sigma", "label sigma", "error itself", "no selection")
        ),
        ("reliability", "predicted"),
    }
    nominal, covered = found["coverage", PREDICTED]
    np.testing.assert_array_equal(nominal, NOMINAL)
    np.testing.assert_allclose(covered, NOMINAL, atol=0.015)
    np.testing.assert_array_equal(found["coverage", ALONE][1], covered)
    np.testing.assert_allclose(found["coverage", LABEL][1], found["coverage", EXACT][1], atol=0.02)
    assert (found["coverage", EXACT][1] < np.array(NOMINAL) - 0.008).all()
    constant = np.abs(found["coverage", CONSTANT][1] - NOMINAL)
    assert constant.max() > np.abs(covered - NOMINAL).max() + 0.02
    x, y = found["reliability", "predicted"]
    np.testing.assert_allclose(y, x, rtol=0.08)  # the mean standard deviation of ten is 0.97 sigma
    mean = found["selective", "no selection"][1]
    np.testing.assert_array_equal(mean, mean[0])
    assert found["selective", "predicted sigma"][1][0] < 0.7 * mean[0]
    best = found["selective", "error itself"][1]
    assert (best <= found["selective", "label sigma"][1] + 1e-12).all()
    for series in ("predicted sigma", "label sigma", "error itself"):
        assert found["selective", series][1][-1] == pytest.approx(mean[0])


def test_the_true_sigma_beats_a_constant_and_the_label(perfect):
    scores = scores_of(*perfect)
    for score in ("crps", "nll"):
        assert (scores[f"{score}_high"].drop([PREDICTED, ALONE]) < 0).all()
        assert scores.loc[PREDICTED, score] == scores[score].min()
        difference = scores.loc[PREDICTED, score] - scores.loc[CONSTANT, score]
        assert scores.loc[CONSTANT, f"{score}_difference"] == pytest.approx(difference)
    assert scores.loc[CLIMATOLOGY, "skill"] == 0
    assert scores["skill"].idxmax() == PREDICTED
    expected = 1 - scores.loc[PREDICTED, "crps"] / scores.loc[CLIMATOLOGY, "crps"]
    assert scores.loc[PREDICTED, "skill"] == pytest.approx(expected)
    assert scores.loc[PREDICTED, "covered_80"] == pytest.approx(0.8, abs=0.01)
    assert scores.loc[PREDICTED, "covered_90"] == pytest.approx(0.9, abs=0.01)
    assert np.isnan(scores.loc[PREDICTED, "nll_difference"])
    assert (scores["ratings"] == len(perfect[1])).all()


def test_a_sigma_of_other_moments_loses_to_a_constant(perfect):
    frames, ratings = perfect
    shuffled = frames["sigma"].sample(frac=1, random_state=0).to_numpy()
    scores = scores_of(frames.assign(sigma=shuffled), ratings)
    for score in ("crps", "nll"):
        assert scores.loc[CONSTANT, f"{score}_low"] > 0


def test_an_error_of_e_must_be_in_the_spread(perfect):
    """E that errs by 0.3: sigma alone is too narrow, and loses by NLL."""
    frames, ratings = perfect
    sign = np.random.default_rng(1).choice([-0.3, 0.3], size=len(frames))
    scores = scores_of(frames.assign(E=frames["E"] + sign), ratings, a=0.3)
    assert scores.loc[CONSTANT, "nll_high"] < 0
    assert scores.loc[PREDICTED, "covered_80"] == pytest.approx(0.8, abs=0.03)
    alone = scores.loc[ALONE]
    assert alone["nll_high"] < 0
    assert alone["covered_80"] < 0.65
    assert alone["nll"] > scores.loc[CONSTANT, "nll"]


def test_the_sigma_of_many_raters_tells_where_one_more_differs(perfect):
    """The planted sigma tells it best; that of nine raters is a noisy version of it."""
    frames, ratings = perfect
    scores = scores_of(frames, ratings)
    columns = ["r_deviation_low", "r_deviation", "r_deviation_high"]
    assert scores.loc[PREDICTED, columns].is_monotonic_increasing
    assert scores.loc[PREDICTED, "r_deviation_low"] > 0.2
    assert scores.loc[PREDICTED, "r_deviation"] > scores.loc[LABEL, "r_deviation"]
    assert scores["r_deviation"].drop([PREDICTED, LABEL]).isna().all()
    shuffled = frames["sigma"].sample(frac=1, random_state=0).to_numpy()
    noise = scores_of(frames.assign(sigma=shuffled), ratings).loc[PREDICTED]
    assert noise["r_deviation_low"] < 0 < noise["r_deviation_high"]


def test_levels_of_panels_are_no_moments(perfect):
    """Sigma that only knows which panel rated has no correlation within panels."""
    frames, ratings = perfect
    number = ratings["recording"].str[-1].astype(int) % 2
    centre = ratings["E_others"]
    wider = ratings.assign(value=centre + (ratings["value"] - centre) * (1 + 2 * number))
    level = frames["recording"].str[-1].astype(int) % 2 + 0.1
    level = level + 1e-3 * np.random.default_rng(0).normal(size=len(level))
    pooled = scores_of(frames.assign(sigma=level), wider).loc[PREDICTED, "r_deviation"]
    apart = scores_of(frames.assign(sigma=level), wider.assign(panel=number))
    assert pooled > 0.3
    assert abs(apart.loc[PREDICTED, "r_deviation"]) < 0.02
    assert (apart["panels"] == 2).all()


def test_coverage_of_bands_over_all_and_by_level_of_sigma(perfect):
    frames, ratings = perfect
    table = pd.DataFrame(judged(frames, ratings).covered)
    assert len(table) == 2 * (1 + len(LEVELS))
    np.testing.assert_allclose(table["coverage"], table["nominal"], atol=0.03)
    assert (table["low"] < table["coverage"]).all()
    assert (table["coverage"] < table["high"]).all()
    assert list(table["few"]) == [False] * 4 + [True] * 4
    by_level = table[table["by"] == "sigma"].groupby("nominal")
    assert by_level["width"].apply(lambda width: width.is_monotonic_increasing).all()
    assert (by_level["ratings"].sum() == len(ratings)).all()


def test_coverage_of_bands_by_group(perfect):
    """Raters of one group scatter twice as much as the model knows."""
    frames, ratings = perfect
    names = sorted(set(ratings["recording"]))
    sex = pd.DataFrame({"column": "sex", "value": ["f", "m"] * 4, "recording": names})
    odd = ratings["recording"].isin(sex.loc[sex["value"] == "m", "recording"])
    wider = ratings["value"] + odd * (ratings["value"] - ratings["E_others"])
    table = pd.DataFrame(judged(frames, ratings.assign(value=wider), groups=sex).covered)
    own = table[(table["by"] == "sex") & (table["nominal"] == 0.8)].set_index("level")
    assert own.loc["f", "coverage"] == pytest.approx(0.8, abs=0.03)
    assert own.loc["m", "coverage"] < 0.65
    assert (own["units"] == 4).all()
    assert own[["low", "high"]].isna().all(axis=None)
    assert own["ratings"].sum() == len(ratings)


def test_bands_of_one_width_hold_too_little_where_raters_differ(perfect):
    frames, ratings = perfect
    half = norm.ppf(0.9) * np.sqrt((frames["sigma"] ** 2).mean())
    same = frames.assign(lower_80=frames["E"] - half, upper_80=frames["E"] + half)
    table = pd.DataFrame(judged(same.assign(lower_90=NAN, upper_90=NAN), ratings).covered)
    assert set(table["nominal"]) == {0.8}
    level = table.set_index("level")["coverage"]
    assert level["low"] > 0.95
    assert level["high"] < 0.7


def test_few_units_have_no_interval(perfect):
    frames, ratings = perfect
    few = ratings[ratings["recording"].isin([f"rec{k}" for k in range(FEW_UNITS)])]
    scores = scores_of(frames, few)
    assert (scores["units"] == FEW_UNITS).all()
    assert scores[["crps_low", "crps_high", "nll_low", "nll_high"]].isna().all(axis=None)
    assert scores.loc[CONSTANT, "nll_difference"] < 0


def test_frames_without_a_sigma_are_left_out(perfect):
    frames, ratings = perfect
    frames.loc[2000:, "sigma_label"] = NAN
    frames.loc[2000:, "E"] = 99.0
    scores = scores_of(frames, ratings)
    assert (scores["ratings"] == 20_000).all()
    assert scores.loc[PREDICTED, "covered_80"] == pytest.approx(0.8, abs=0.02)


def test_ratings_of_other_recordings_do_not_count(perfect):
    frames, ratings = perfect
    stranger = ratings[:100].assign(recording="other", value=50.0)
    pd.testing.assert_frame_equal(
        scores_of(frames, pd.concat([ratings, stranger])), scores_of(frames, ratings)
    )


def test_two_raters_have_no_label_of_others_and_are_scored_nevertheless():
    traces, emotion, sigma = panel(np.random.default_rng(2), 2, 300)
    ratings = labels_of_others(table_of(traces, "rec"), lambda r: label(r)[0])
    assert ratings["sigma_others"].isna().all()
    frames = pd.DataFrame({"recording": "rec", "frame": np.arange(300), "E": emotion})
    frames = frames.assign(sigma=sigma, sigma_label=0.2)
    ratings["frame"] = np.rint(ratings["time"] * 10).astype(int)
    both = comparable(ratings, frames)
    assert len(both) == 600
    assert LABEL not in spreads(both.assign(spread=0.2), 0.2, (0.0, 1.0))


def test_raters_who_agree_by_chance_do_not_make_the_likelihood_infinite():
    both = pd.DataFrame({"E": [0.0], "sigma": [0.0], "E_others": [0.0], "sigma_others": [0.0]})
    for _, spread in spreads(both.assign(others=2.0, spread=0.0), 0.5, (0.0, 1.0)).values():
        assert spread[0] >= 0.01 * 0.5
    assert np.isfinite(nll(np.array([0.1]), np.zeros(1), spread)).all()


PARTITIONS = {"a": "train", "b": "dev", "c": "test", "d": "test"}
DELAY = 2.0
SEEDS = (1, 2)
ERROR = 0.2
"""Error of E on dev; on test the model knows E."""


def write_prediction(folder, table, modality, task, seed):
    names = schema.FUSED_PREDICTIONS if "+" in modality else schema.POSTPROCESSED
    table = table.assign(**{name: 77.0 for name in names.names if name not in table})
    table = table[names.names].sample(frac=1, random_state=seed)
    tables.write(table, names, final_prediction(folder, "m", modality, task, seed))


@pytest.fixture
def corpus(tmp_path):
    """Raters who are two seconds late; seed 1 predicts the truth, seed 2 half its sigma."""
    rng = np.random.default_rng(1)
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{n},s{n},{p},{n}.mp4,{n}.csv" for n, p in PARTITIONS.items()]
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    length, late = 600, round(DELAY * 10)
    predictions = []
    for name in PARTITIONS:
        traces, emotion, sigma = panel(rng, 6, length)
        lead = rng.normal(size=(6, late))
        ratings = table_of(np.concatenate([lead, traces], axis=1)[:, :length], name)
        tables.write(ratings, schema.RATINGS, tmp_path / "ratings" / f"{name}.parquet")
        labels, _ = label(table_of(traces, name), estimator="mean")
        table = pd.DataFrame({"recording": name, "time": np.arange(length) / 10})
        table["m_E"], table["m_sigma"] = labels["E"], labels["sigma"]
        table.loc[length - late :, ["m_E", "m_sigma"]] = NAN
        names = schema.dataset(["m_E", "m_sigma"], ["f"])
        tables.write(table.assign(f=0.0), names, tmp_path / "dataset" / f"{name}.parquet")
        table = table[["recording", "time"]].assign(E=emotion, sigma=sigma)
        predictions.append(table)
    predictions = pd.concat(predictions, ignore_index=True)
    for seed in SEEDS:
        table = predictions.assign(sigma=predictions["sigma"] / seed)
        table = table.assign(E_out_of_fold=table["E"] + ERROR, sigma_out_of_fold=table["sigma"])
        for modality in ("audio", "video", "audio+video"):
            write_prediction(tmp_path, table, modality, "multi", seed)
    return tmp_path


def run(folder, monkeypatch, *more, seeds=(1,), delay=DELAY, without=None):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--ratings", folder / "ratings"]
    words += ["--results", folder, "--dimensions", "m"]
    words += ["--modalities", "audio", "video", "audio+video", "--tasks", "multi"]
    words += ["--seeds", *seeds]
    coverage = coverage_tables.write(folder / "coverage", PARTITIONS, without=without)
    words += ["--coverage", *coverage]
    if delay is not None:
        words += ["--delay", "m", delay]
    shared = [word for word in more if word not in ("--spread", "population")]
    for task in ("multi", "ridge") if "ridge" in more else ("multi",):
        frames = within(folder, PREDICTIVE, dimension="m", task=task)
        fit = within(folder, PREDICTIVE_FIT, dimension="m", task=task)
        own = ["--dimension", "m", "--task", task, "--output", frames, "--fit-output", fit]
        monkeypatch.setattr(sys, "argv", ["predictive", *map(str, [*words, *shared, *own])])
        predictive.main()
    words += ["--output", folder / "uncertainty.parquet", "--csv-output", folder / "scores.csv"]
    words += ["--distribution-output", folder / "scores.parquet", "--estimator", "mean"]
    words += ["--covered-output", folder / "covered.parquet", *more]
    monkeypatch.setattr(sys, "argv", ["uncertainty", *map(str, words)])
    uncertainty.main()
    table = tables.read(folder / "uncertainty.parquet")
    tables.conform(table, schema.UNCERTAINTY)
    return table


def covered(table, series=ALONE):
    rows = table[(table["figure"] == "coverage") & (table["series"] == series)]
    return rows.set_index("x")["y"]


def scores(folder):
    table = tables.read(folder / "scores.parquet")
    tables.conform(table, schema.DISTRIBUTION)
    return table.set_index("series")


def test_the_command_line_writes_all_figures_and_scores(corpus, monkeypatch):
    table = run(corpus, monkeypatch)
    assert set(table["dimension"]) == {"m"}
    assert set(table["task"]) == {"multi"}
    counts = table.groupby("figure").size()
    assert dict(counts) == {
        "coverage": 6 * len(NOMINAL),
        "selective": 4 * len(KEPT),
        "reliability": BINS,
    }
    np.testing.assert_allclose(covered(table), NOMINAL, atol=0.03)
    np.testing.assert_allclose(covered(table, LABEL), covered(table, EXACT), atol=0.03)
    found = scores(corpus)
    # The model errs by .2 on dev, where its sigma is right.
    assert found.loc[PREDICTED, "a"] == pytest.approx(ERROR, abs=0.02)
    assert found.loc[PREDICTED, "out_of_fold"]
    assert found.loc[PREDICTED, "covered_80"] > 0.85 > found.loc[ALONE, "covered_80"]
    assert found["a"].drop(PREDICTED).isna().all()
    assert (found["units"] == 2).all()
    assert (found["panels"] == 1).all()
    as_text = pd.read_csv(corpus / "scores.csv").set_index("series")
    np.testing.assert_allclose(as_text["crps"], found["crps"], atol=1e-6)
    assert tables.read(corpus / "covered.parquet").empty


def test_ridge_is_judged_with_an_error_of_its_own(corpus, monkeypatch):
    table = tables.read(final_prediction(corpus, "m", "audio+video", "multi", 1))
    table = table.assign(E=table["E"] + 0.4, E_out_of_fold=table["E_out_of_fold"] + 0.2)
    for modality in ("audio", "video", "audio+video"):
        write_prediction(corpus, table, modality, "ridge", 0)
    run(corpus, monkeypatch, "--baselines", "ridge")
    found = scores(corpus)
    assert found.loc["ridge", "a"] == pytest.approx(2 * ERROR, abs=0.02)
    assert found.loc["ridge", "crps_difference"] < 0
    assert found.loc["ridge", "r_deviation"] == pytest.approx(found.loc[PREDICTED, "r_deviation"])


@pytest.mark.parametrize("wrong", [0.0, 4.0, -2.0])
def test_the_delay_is_taken_out_of_the_ratings_in_the_right_direction(corpus, monkeypatch, wrong):
    right = covered(run(corpus, monkeypatch))
    assert (covered(run(corpus, monkeypatch, delay=wrong)) < right - 0.1).all()


def test_the_delay_may_come_from_a_table(corpus, monkeypatch):
    expected = run(corpus, monkeypatch)
    delays = pd.DataFrame({"dimension": "m", "delay": [0.0, DELAY], "correlation": [0.1, 0.9]})
    path = corpus / "delay.parquet"
    tables.write(delays.assign(chosen=[False, True]), schema.ANNOTATION_DELAY, path)
    found = run(corpus, monkeypatch, "--delay-table", path, delay=None)
    pd.testing.assert_frame_equal(found, expected)


def test_predictions_of_seeds_are_averaged(corpus, monkeypatch):
    """Sigma of the two is three quarters of the first."""
    apart = [run(corpus, monkeypatch, seeds=(seed,)) for seed in SEEDS]
    both = run(corpus, monkeypatch, seeds=SEEDS)
    assert (covered(apart[1]) < covered(both) - 0.03).all()
    assert (covered(both) < covered(apart[0]) - 0.03).all()
    run(corpus, monkeypatch, seeds=SEEDS)
    frames = tables.read(within(corpus, PREDICTIVE, dimension="m", task="multi"))
    truth = tables.read(final_prediction(corpus, "m", "audio+video", "multi", 1))
    own = frames[frames["modality"] == "audio+video"].merge(truth, on=["recording", "time"])
    np.testing.assert_allclose(own["sigma_x"], 0.75 * own["sigma_y"], rtol=1e-5)


def test_lags_are_taken_out_of_the_ratings(corpus, monkeypatch):
    expected = run(corpus, monkeypatch)
    for path in (corpus / "ratings").iterdir():
        rows = tables.read(path)
        late = rows["rater"] == "r1"
        moved = rows.assign(time=np.rint(rows["time"] * 10 + 20 * late) / 10)
        tables.write(moved, schema.RATINGS, path)
    assert (covered(run(corpus, monkeypatch)) < covered(expected) - 0.02).all()
    lags = pd.DataFrame([("m", f"r{k}", 2.0 * (k == 1), 0.9, None) for k in range(6)],
                        columns=schema.RATER_LAGS.names)  # fmt: skip
    tables.write(lags, schema.RATER_LAGS, corpus / "lags.parquet")
    found = run(corpus, monkeypatch, "--rater-lags", corpus / "lags.parquet")
    pd.testing.assert_frame_equal(found, expected)


def test_the_labels_sigma_is_that_of_the_configured_estimator(corpus, monkeypatch):
    run(corpus, monkeypatch)
    sample = scores(corpus)
    run(corpus, monkeypatch, "--spread", "population")
    population = scores(corpus)
    narrower = np.sqrt(4 / 5)
    assert population.loc[LABEL, "width_80"] == pytest.approx(
        narrower * sample.loc[LABEL, "width_80"]
    )
    assert population.loc[PREDICTED, "nll"] == sample.loc[PREDICTED, "nll"]


def test_ratings_of_train_are_the_climatology_and_those_of_dev_the_error(corpus, monkeypatch):
    run(corpus, monkeypatch)
    before = scores(corpus)
    path = corpus / "ratings" / "a.parquet"
    tables.write(tables.read(path).assign(value=5.0), schema.RATINGS, path)
    run(corpus, monkeypatch)
    found = scores(corpus)
    rest = found.drop(CLIMATOLOGY).drop(columns="skill")
    pd.testing.assert_frame_equal(rest, before.drop(CLIMATOLOGY).drop(columns="skill"))
    assert found.loc[CLIMATOLOGY, "crps"] > before.loc[CLIMATOLOGY, "crps"] + 1
    path = corpus / "ratings" / "b.parquet"
    tables.write(tables.read(path).assign(value=5.0), schema.RATINGS, path)
    run(corpus, monkeypatch)
    assert scores(corpus).loc[PREDICTED, "a"] > 3


def test_a_recording_that_lacks_all_modalities_does_not_count(corpus, monkeypatch):
    absent = {"d": "cannot be decoded"}
    everything = run(corpus, monkeypatch)
    found = run(corpus, monkeypatch, without={"audio": absent, "video": absent})
    one_left = run(corpus, monkeypatch, without={"video": absent})
    path = corpus / "recordings.csv"
    path.write_text(path.read_text().replace("d,sd,test,d.mp4,d.csv\n", ""))
    pd.testing.assert_frame_equal(found, run(corpus, monkeypatch))
    pd.testing.assert_frame_equal(one_left, everything)
    assert not found.equals(everything)


@pytest.mark.parametrize("missing", ["test", "dev"])
def test_without_test_or_dev_the_tables_are_empty(corpus, monkeypatch, missing):
    path = corpus / "recordings.csv"
    path.write_text(path.read_text().replace(f",{missing},", ",train,"))
    assert len(run(corpus, monkeypatch)) == 0
    assert len(scores(corpus)) == 0
