"""What sigma is worth: scores, coverage, selection and reliability where the answer is known."""

import itertools
import sys

import coverage_tables
import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from softaer import uncertainty
from softaer.core import schema, tables
from softaer.core.experiment import Evaluation
from softaer.core.inference import FEW_UNITS
from softaer.core.places import final_prediction
from softaer.labels import label
from softaer.uncertainty import (
    ALONE,
    BINS,
    CONSTANT,
    EXACT,
    KEPT,
    LABEL,
    NOMINAL,
    PREDICTED,
    comparable,
    coverage,
    coverage_of_exact_raters,
    crps,
    error_on_dev,
    figures,
    labels_of_others,
    nll,
    reliability,
    score_rows,
    selective_error,
    spreads,
    sums_of_scores,
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
        frames.append(table)
    ratings = labels_of_others(pd.concat(ratings), lambda r: label(r, estimator="mean")[0])
    ratings["frame"] = np.rint(ratings["time"] * 10).astype(int)
    return pd.concat(frames, ignore_index=True), ratings.assign(unit=ratings["recording"])


def constant_of(frames):
    return float(np.sqrt((frames["sigma_label"] ** 2).mean()))


def scores_of(frames, ratings, error=0.0, seeds=1):
    both = comparable(ratings, frames)
    units = sorted(both["unit"].unique())
    sums = sums_of_scores(both, spreads(both, constant_of(frames), error), units)
    return pd.DataFrame(score_rows([sums] * seeds, SETTINGS)).set_index("series")


def test_figures_of_a_model_that_knows_the_truth(perfect):
    frames, ratings = perfect
    both = comparable(ratings, frames)
    assert len(both) == 10 * len(frames)
    found = as_series(figures(frames, both, spreads(both, constant_of(frames), 0.0)))
    alone = [ALONE.format(name) for name in (PREDICTED, CONSTANT)]
    assert set(found) == {
        *(("coverage", s) for s in (PREDICTED, CONSTANT, *alone, LABEL, EXACT)),
        *(
            ("selective", s)
            for s in ("predicted sigma", "label sigma", "error itself", "no selection")
        ),
        ("reliability", "predicted"),
    }
    nominal, covered = found["coverage", PREDICTED]
    np.testing.assert_array_equal(nominal, NOMINAL)
    np.testing.assert_allclose(covered, NOMINAL, atol=0.015)
    np.testing.assert_array_equal(found["coverage", alone[0]][1], covered)
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
        assert scores.loc[PREDICTED, f"{score}_high"] < 0
        assert scores.loc[PREDICTED, score] == scores[score].min()
        difference = scores.loc[PREDICTED, score] - scores.loc[CONSTANT, score]
        assert scores.loc[PREDICTED, f"{score}_difference"] == pytest.approx(difference)
    assert scores.loc[PREDICTED, "covered_80"] == pytest.approx(0.8, abs=0.01)
    assert scores.loc[PREDICTED, "covered_90"] == pytest.approx(0.9, abs=0.01)
    assert np.isnan(scores.loc[CONSTANT, "nll_difference"])
    assert (scores["ratings"] == len(perfect[1])).all()


def test_a_sigma_of_other_moments_loses_to_a_constant(perfect):
    frames, ratings = perfect
    shuffled = frames["sigma"].sample(frac=1, random_state=0).to_numpy()
    scores = scores_of(frames.assign(sigma=shuffled), ratings)
    for score in ("crps", "nll"):
        assert scores.loc[PREDICTED, f"{score}_low"] > 0


def test_an_error_of_e_must_be_in_the_spread(perfect):
    """E that errs by 0.3: sigma alone is too narrow, and loses to a constant by NLL."""
    frames, ratings = perfect
    sign = np.random.default_rng(1).choice([-0.3, 0.3], size=len(frames))
    scores = scores_of(frames.assign(E=frames["E"] + sign), ratings, error=0.3)
    assert scores.loc[PREDICTED, "nll_high"] < 0
    assert scores.loc[PREDICTED, "covered_80"] == pytest.approx(0.8, abs=0.03)
    alone = scores.loc[ALONE.format(PREDICTED)]
    assert alone["nll_low"] > 0
    assert alone["covered_80"] < 0.65
    assert alone["nll_difference"] == pytest.approx(
        alone["nll"] - scores.loc[ALONE.format(CONSTANT), "nll"]
    )


def test_few_units_have_no_interval(perfect):
    frames, ratings = perfect
    few = ratings[ratings["recording"].isin([f"rec{k}" for k in range(FEW_UNITS)])]
    scores = scores_of(frames, few)
    assert (scores["units"] == FEW_UNITS).all()
    assert scores[["crps_low", "crps_high", "nll_low", "nll_high"]].isna().all(axis=None)
    assert scores.loc[PREDICTED, "nll_difference"] < 0


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
    assert LABEL not in spreads(both, 0.2, 0.1)


def test_raters_who_agree_by_chance_do_not_make_the_likelihood_infinite():
    both = pd.DataFrame({"E": [0.0], "sigma": [0.0], "E_others": [0.0], "sigma_others": [0.0]})
    for _, spread in spreads(both.assign(others=2.0), 0.3, 0.4).values():
        assert spread[0] >= 0.01 * 0.5
    assert np.isfinite(nll(np.array([0.1]), np.zeros(1), spread)).all()


def test_error_on_dev_is_out_of_fold_where_there_is_such_a_prediction():
    dev = pd.DataFrame({"E": [0.1, 0.0, 5.0], "E_out_of_fold": [0.3, -0.4, NAN]})
    dev = dev.assign(E_label=[0.0, 0.0, NAN])
    assert error_on_dev(dev) == (pytest.approx(np.sqrt(0.125)), True)
    dev.loc[1, "E_out_of_fold"] = NAN
    assert error_on_dev(dev) == (pytest.approx(np.sqrt(0.005)), False)


OWN = ALONE.format(PREDICTED)
PARTITIONS = {"a": "train", "b": "dev", "c": "test", "d": "test"}
DELAY = 2.0
SEEDS = (1, 2)
ERROR = 0.2
"""Error of E on dev; on test the model knows E."""


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
        table["E_out_of_fold"] = table["E"] + ERROR
        rest = [name for name in schema.FUSED_PREDICTIONS.names if name not in table]
        table = table.assign(**dict.fromkeys(rest, 77.0))
        path = final_prediction(tmp_path, "m", "audio+video", "multi", seed)
        tables.write(table.sample(frac=1, random_state=seed), schema.FUSED_PREDICTIONS, path)
    return tmp_path


def run(folder, monkeypatch, *more, seeds=(1,), delay=DELAY, without=None):
    words = ["--recordings", folder / "recordings.csv", "--dataset", folder / "dataset"]
    words += ["--ratings", folder / "ratings"]
    words += ["--results", folder, "--dimensions", "m"]
    words += ["--modalities", "audio", "video", "audio+video", "--tasks", "multi"]
    words += ["--seeds", *seeds, "--output", folder / "uncertainty.parquet", *more]
    words += ["--scores-output", folder / "scores.parquet", "--estimator", "mean"]
    coverage = coverage_tables.write(folder / "coverage", PARTITIONS, without=without)
    words += ["--coverage", *coverage]
    if delay is not None:
        words += ["--delay", "m", delay]
    monkeypatch.setattr(sys, "argv", ["uncertainty", *map(str, words)])
    uncertainty.main()
    table = tables.read(folder / "uncertainty.parquet")
    tables.conform(table, schema.UNCERTAINTY)
    return table


def covered(table, series=OWN):
    rows = table[(table["figure"] == "coverage") & (table["series"] == series)]
    return rows.set_index("x")["y"]


def scores(folder):
    table = tables.read(folder / "scores.parquet")
    tables.conform(table, schema.UNCERTAINTY_SCORES)
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
    dev = tables.read(corpus / "dataset" / "b.parquet").dropna()
    truth = tables.read(final_prediction(corpus, "m", "audio+video", "multi", 1))
    both = dev.merge(truth, on=["recording", "time"])
    error = np.sqrt(((both["E_out_of_fold"] - both["m_E"]) ** 2).mean())
    assert found.loc[PREDICTED, "error_on_dev"] == pytest.approx(error, rel=1e-5)
    assert ERROR < error < ERROR + 0.05
    assert found.loc[PREDICTED, "out_of_fold"]
    assert found.loc[PREDICTED, "covered_80"] > 0.85 > found["covered_80"][ALONE.format(PREDICTED)]
    assert (found["units"] == 2).all()


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


def test_seeds_are_averaged(corpus, monkeypatch):
    apart = [run(corpus, monkeypatch, seeds=(seed,)) for seed in SEEDS]
    both = run(corpus, monkeypatch, seeds=SEEDS)
    np.testing.assert_allclose(both["y"], (apart[0]["y"] + apart[1]["y"]) / 2)
    np.testing.assert_allclose(both["x"], (apart[0]["x"] + apart[1]["x"]) / 2)
    assert (covered(apart[1]) < covered(apart[0]) - 0.1).all()


def test_scores_of_seeds_are_averaged(corpus, monkeypatch):
    apart = []
    for seeds in ((1,), (2,), SEEDS):
        run(corpus, monkeypatch, seeds=seeds)
        apart.append(scores(corpus)[["crps", "nll", "width_80", "covered_80", "error_on_dev"]])
    pd.testing.assert_frame_equal(apart[2], (apart[0] + apart[1]) / 2)


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


def test_ratings_of_train_and_dev_do_not_count(corpus, monkeypatch):
    expected = run(corpus, monkeypatch)
    for name in ("a", "b"):
        path = corpus / "ratings" / f"{name}.parquet"
        tables.write(tables.read(path).assign(value=50.0), schema.RATINGS, path)
    pd.testing.assert_frame_equal(run(corpus, monkeypatch), expected)


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
