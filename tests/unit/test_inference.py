"""Inference: intervals, tests and answers against independent references and simulations."""

import audmetric
import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student
from scipy.stats import ttest_rel

from softaer.core import inference
from softaer.core.concordance import ccc_from_moments, moments
from softaer.core.inference import (
    FEW_UNITS,
    NO_SCATTER,
    Scatter,
    answer,
    bootstrap,
    bounds_of,
    compare,
    compare_all,
    effect_size,
    holm,
    interval,
    p_value_of,
    permutation_test,
    range_of,
    resample,
    scatter,
    scatter_of,
    scatter_of_difference,
)

NAN = np.nan


def frames_of(units, length=50, signal=1.0, noise=1.0, seed=0, **more):
    """Labels and a prediction ``y`` of them; ``more`` names predictions by their noise."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"unit": np.repeat(np.arange(units), length)})
    level = np.repeat(rng.normal(size=units) * 0.5, length)
    table["label"] = level + rng.normal(size=len(table))
    for name, size in {"y": noise, **more}.items():
        table[name] = signal * table["label"] + size * rng.normal(size=len(table))
    return table


def sums_of(frames, prediction="y"):
    units = frames["unit"].nunique()
    columns = (frames[name].to_numpy() for name in (prediction, "label", "unit"))
    return moments(*columns, units)


def evaluated(frames, *predictions, draws=500, seed=1, trained=False):
    """Score of a prediction, or of the seeds of a model."""
    sums = [sums_of(frames, name) for name in predictions or ("y",)]
    return bootstrap(sums, resample(len(sums[0]), draws, seed), trained)


@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_concordance_from_moments_is_that_of_any_concatenation(offset):
    frames = frames_of(5)
    frames["label"] += offset
    frames["y"] += offset + 0.3
    sums = sums_of(frames)
    groups = dict(iter(frames.groupby("unit")))
    for chosen in ([0], [1, 3], [0, 0, 2], [0, 1, 2, 3, 4], [4, 4, 4, 1, 1]):
        joined = pd.concat([groups[i] for i in chosen])
        expected = audmetric.concordance_cc(joined["label"], joined["y"])
        assert ccc_from_moments(sums[chosen].sum(axis=0)) == pytest.approx(expected, abs=1e-9)


def test_draws_are_with_replacement_and_repeatable():
    counts = resample(7, 300, 4)
    assert counts.shape == (300, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert (counts == 0).any()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.2)
    np.testing.assert_array_equal(counts, resample(7, 300, 4))
    assert not np.array_equal(counts, resample(7, 300, 5))


def test_the_point_is_the_plain_concordance_averaged_over_seeds():
    frames = frames_of(6, z=2.0)
    counts = resample(6, 20, 1)
    score = bootstrap([sums_of(frames, name) for name in ("y", "z")], counts)
    expected = [audmetric.concordance_cc(frames["label"], frames[name]) for name in ("y", "z")]
    assert score.point == pytest.approx(np.mean(expected), abs=1e-9)
    assert score.of_seeds == pytest.approx(expected, abs=1e-9)
    groups = dict(iter(frames.groupby("unit")))
    for draw in (0, 7):
        again = [groups[u] for u in range(6) for _ in range(int(counts[draw, u]))]
        joined = pd.concat(again)
        expected = [audmetric.concordance_cc(joined["label"], joined[name]) for name in ("y", "z")]
        assert score.draws[draw] == pytest.approx(np.mean(expected), abs=1e-9)
    own = [
        np.mean([audmetric.concordance_cc(g["label"], g[name]) for name in ("y", "z")])
        for g in groups.values()
    ]
    assert score.of_units == pytest.approx(own, abs=1e-9)


def test_the_interval_is_from_percentile_to_percentile():
    draws = np.random.default_rng(0).permutation(np.arange(1001) / 1000)
    assert interval(draws) == pytest.approx((0.025, 0.975), abs=1e-3)
    with_gaps = np.concatenate([draws, np.full(500, NAN)])
    assert interval(with_gaps) == pytest.approx((0.025, 0.975), abs=1e-3)
    for nothing in (np.full(10, 0.4), np.full(10, NAN), np.empty(0)):
        assert np.isnan(interval(nothing)).all()


def test_intervals_of_several_columns_are_those_of_each():
    draws = np.random.default_rng(0).normal(size=(500, 3)) * [1, 2, 3]
    over = Scatter(np.array([0.0, 1.0, 2.0]), 4)
    together = interval(draws, 9, over)
    for column in range(3):
        alone = interval(draws[:, column], 9, Scatter(float(over.error[column]), 4))
        assert together[:, column] == pytest.approx(alone)


def test_few_units_move_the_percentiles_out():
    draws = np.random.default_rng(0).normal(size=200_000)
    plain, moved = interval(draws), interval(draws, 10)
    assert plain == pytest.approx((-1.96, 1.96), abs=0.02)
    # t with 9 degrees of freedom is 2.262, times sqrt(10 / 9)
    assert moved == pytest.approx((-2.385, 2.385), abs=0.05)
    assert interval(draws, 1e6) == pytest.approx(plain, abs=1e-3)


def test_the_scatter_of_the_seeds_widens_an_interval_as_variances_add():
    draws = np.random.default_rng(0).normal(size=100_000)
    wide = interval(draws, over=Scatter(2.0, 1e6))
    assert wide == pytest.approx(np.array([-1.96, 1.96]) * np.sqrt(1 + 4), abs=0.06)
    few = interval(draws, over=Scatter(2.0, 2))
    assert few[1] > student.ppf(0.975, 2) * 2
    # An unknown scatter is left out.
    assert interval(draws, over=Scatter(NAN, 0)) == pytest.approx(interval(draws))


def test_more_units_give_a_narrower_interval():
    few, many = (np.diff(bounds_of(evaluated(frames_of(n)))[:2])[0] for n in (6, 80))
    assert many < few / 2


def test_the_scatter_of_a_mean_is_the_standard_error_of_statistics():
    values = np.array([0.1, 0.3, 0.2, 0.6])
    error, freedom = scatter_of(values)
    assert (error, freedom) == (pytest.approx(values.std(ddof=1) / 2), 3)
    others = np.array([0.5, 0.4])
    error, freedom = scatter_of(values, others)
    pooled = (values.var(ddof=1) * 3 + others.var(ddof=1)) / 4
    assert (error, freedom) == (pytest.approx(np.sqrt(pooled * (1 / 4 + 1 / 2))), 4)
    assert scatter_of() == NO_SCATTER
    assert not scatter_of(values, np.array([0.5])).known


def test_a_model_without_training_has_no_scatter_and_one_seed_an_unknown_one():
    frames = frames_of(8, z=1.0)
    assert scatter(evaluated(frames)) == NO_SCATTER
    assert not scatter(evaluated(frames, trained=True)).known
    both = evaluated(frames, "y", "z", trained=True)
    assert scatter(both).error == pytest.approx(both.of_seeds.std(ddof=1) / np.sqrt(2))
    ridge = evaluated(frames)
    assert scatter_of_difference([(both, ridge)], shared=False) == scatter(both)


def test_shared_networks_are_compared_seed_by_seed():
    """What a training does to a modality and its fusion alike is no scatter of the difference."""
    rng = np.random.default_rng(0)
    frames = frames_of(10)
    for seed in range(4):
        common = rng.normal(0.8, 0.4) * frames["label"] + rng.normal(size=len(frames))
        frames[f"alone{seed}"] = common
        frames[f"fused{seed}"] = common + 0.3 * (frames["label"] - common)
    alone, fused = (
        evaluated(frames, *(f"{name}{s}" for s in range(4)), trained=True)
        for name in ("alone", "fused")
    )
    together = scatter_of_difference([(fused, alone)], shared=True)
    apart = scatter_of_difference([(fused, alone)], shared=False)
    assert (together.freedom, apart.freedom) == (3, 6)
    assert together.error < apart.error / 2


@pytest.mark.parametrize("units", [2, FEW_UNITS])
def test_few_units_have_a_range_and_no_interval(units):
    frames = frames_of(units, z=3.0)
    score = evaluated(frames)
    low, high, kind = bounds_of(score)
    assert kind == "range"
    groups = [g for _, g in frames.groupby("unit")]
    own = [audmetric.concordance_cc(g["label"], g["y"]) for g in groups]
    assert (low, high) == pytest.approx((min(own), max(own)))
    found = compare(score, evaluated(frames, "z"))
    others = [audmetric.concordance_cc(g["label"], g["z"]) for g in groups]
    differences = np.subtract(own, others)
    assert found.kind == "range"
    assert (found.low, found.high) == pytest.approx((differences.min(), differences.max()))


def test_more_units_have_an_interval():
    score = evaluated(frames_of(FEW_UNITS + 1))
    low, high, kind = bounds_of(score)
    assert kind == "interval"
    assert low < score.point < high


def test_a_single_unit_says_nothing():
    frames = frames_of(1, worse=3.0)
    good = evaluated(frames)
    assert good.point == pytest.approx(audmetric.concordance_cc(frames["label"], frames["y"]))
    assert np.isnan(bounds_of(good)[:2]).all()
    assert np.isnan(interval(good.draws)).all()
    found = compare(good, evaluated(frames, "worse"))
    assert found.difference > 0
    assert np.isnan([found.low, found.high, found.effect_size]).all()
    assert np.isnan(range_of(np.array([0.3, NAN]))[:2]).all()


def test_identical_predictions_do_not_differ():
    frames = frames_of(10)
    found = compare(evaluated(frames), evaluated(frames))
    assert found.difference == 0
    assert found.p_value == 1
    assert np.isnan(found.effect_size)


def test_a_clear_difference_is_answered_either_way():
    frames = frames_of(12, noise=0.3, worse=2.0)
    good, bad = evaluated(frames), evaluated(frames, "worse")
    forth, back = compare(good, bad), compare(bad, good)
    assert 0 < forth.low < forth.difference < forth.high
    assert forth.p_value < 0.01
    assert back.difference == -forth.difference
    assert back.low == pytest.approx(-forth.high, abs=2e-3)
    assert forth.effect_size == pytest.approx(-back.effect_size)
    assert 0 < forth.effect_low < forth.effect_size < forth.effect_high
    assert np.isnan(forth.seeds)


def test_differences_are_paired():
    """What both models share from unit to unit does not blur their difference."""
    rng = np.random.default_rng(0)
    frames = frames_of(12, noise=0.0)
    hard = np.repeat(rng.uniform(0, 3, size=12), 50) * rng.normal(size=len(frames))
    frames["a"] = frames["label"] + hard
    frames["b"] = frames["label"] + hard + 0.4 * rng.normal(size=len(frames))
    a, b = evaluated(frames, "a"), evaluated(frames, "b")
    found = compare(a, b)
    alone = np.diff(bounds_of(a)[:2])[0]
    assert found.high - found.low < alone / 2
    assert found.low > 0


@pytest.mark.parametrize(("units", "smallest"), [(2, 0.5), (4, 0.125), (6, 0.03125)])
def test_a_clear_difference_is_as_unlikely_as_the_number_of_units_allows(units, smallest):
    frames = frames_of(units, noise=0.2, worse=3.0)
    better, worse = evaluated(frames), evaluated(frames, "worse")
    assert permutation_test([(better, worse)]) == pytest.approx(smallest)
    # The scatter of the seeds never makes it smaller, although it smooths the distribution.
    assert permutation_test([(better, worse)], Scatter(1e-4, 4)) == pytest.approx(smallest)
    assert permutation_test([(better, worse)], Scatter(2.0, 4)) > smallest + 0.05


def test_the_scatter_of_the_seeds_alone_gives_the_p_value_of_a_t_test():
    differences = np.concatenate([[0.5], np.zeros(9999)])
    expected = 2 * student.sf(0.5 / 0.2, 4)
    assert p_value_of(differences, Scatter(0.2, 4)) == pytest.approx(expected, abs=2e-4)


def test_swaps_of_many_units_agree_with_the_t_test_of_their_means():
    """A permutation test of a mean and a t test agree (Pitman, 1937)."""
    rng = np.random.default_rng(0)
    for shift in (0.0, 0.4, 0.7):
        values = rng.normal(size=25) + shift
        signs = np.where(inference.swaps_of(25), -1.0, 1.0)
        expected = ttest_rel(values, np.zeros(25)).pvalue
        assert p_value_of(signs @ values / 25) == pytest.approx(expected, abs=0.02)


def test_models_with_unequal_numbers_of_seeds_are_compared_in_all_pairs():
    frames = frames_of(8, z=1.2, worse=3.0)
    several, one = evaluated(frames, "y", "z", trained=True), evaluated(frames, "worse")
    found = compare(several, one)
    assert found.difference == pytest.approx(several.point - one.point)
    assert found.seeds == 2
    assert permutation_test([(several, one)]) == pytest.approx(2 / 256)
    # Two seeds of one model leave one degree of freedom.
    assert found.p_value > 2 / 256


def several(dimensions=2, units=8, gain=0.3, seeds=3):
    """Pairs of models of some dimensions, the better ones with less noise."""
    pairs = []
    for number in range(dimensions):
        noise = {f"b{s}": 1.0 - gain for s in range(seeds)} | {f"w{s}": 1.0 for s in range(seeds)}
        frames = frames_of(units, seed=number, **noise)
        better, worse = (
            evaluated(frames, *(f"{side}{s}" for s in range(seeds)), trained=True) for side in "bw"
        )
        pairs.append((better, worse))
    return pairs


def test_the_mean_difference_of_one_pair_is_its_difference():
    ((better, worse),) = several(1)
    for shared in (False, True):
        assert compare_all([(better, worse)], shared) == compare(better, worse, shared)


def test_the_mean_difference_of_copies_is_that_of_one():
    (pair,) = several(1)
    assert compare_all([pair] * 3) == pytest.approx(compare(*pair), nan_ok=True)


def test_several_comparisons_find_what_one_alone_does_not():
    found = {"alone": 0, "together": 0, "nothing": 0}
    for seed in range(40):
        pairs = [
            tuple(evaluated(frames_of(6, seed=100 * seed + n, b=noise, w=1.0), x) for x in "bw")
            for n in range(4)
            for noise in (0.93,)
        ]
        same = [
            tuple(evaluated(frames_of(6, seed=100 * seed + n, b=1.0, w=1.0), x) for x in "bw")
            for n in range(4)
        ]
        found["alone"] += compare(*pairs[0]).p_value < 0.05
        found["together"] += compare_all(pairs).p_value < 0.05
        found["nothing"] += compare_all(same).p_value < 0.05
    assert found["together"] > 2 * found["alone"]
    assert found["nothing"] <= 6


def test_independent_trainings_add_degrees_of_freedom():
    pairs = several(2)
    apart = scatter_of_difference(pairs, False, ["m", "n"])
    same = scatter_of_difference(pairs, False, ["m", "m"])
    assert (apart.freedom, same.freedom) == (8, 4)
    assert scatter_of_difference(pairs, True, ["m", "n"]).freedom == 4
    values = [side.of_seeds / 2 for pair in pairs for side in pair]
    assert apart == scatter_of(*values)


def test_scatter_in_common_does_not_average_out():
    """Dimensions of the same trainings scatter together, as if they were one."""
    ((better, worse),) = several(1)
    copies = [(better, worse), (better, worse)]
    once = scatter_of_difference([(better, worse)], False)
    assert scatter_of_difference(copies, False).error == pytest.approx(once.error)
    apart = scatter_of_difference(copies, False, ["m", "n"])
    assert apart.error == pytest.approx(once.error / np.sqrt(2))


def test_p_values_of_equal_models_are_uniform():
    values = []
    for seed in range(150):
        frames = frames_of(15, seed=seed, other=1.0)
        values.append(permutation_test([(evaluated(frames), evaluated(frames, "other"))]))
    assert np.mean(np.array(values) < 0.05) <= 0.11
    assert 0.4 < np.mean(values) < 0.6


def test_effect_size_of_paired_differences():
    differences = np.array([0.1, 0.3, 0.2, NAN, 0.4, 0.0])
    known = differences[~np.isnan(differences)]
    size, low, high = effect_size(differences)
    assert size == pytest.approx(known.mean() / known.std(ddof=1))
    assert low < size < high
    for nothing in ([0.2], [0.2, 0.2, 0.2], [NAN, NAN]):
        assert np.isnan(effect_size(np.array(nothing))).all()


def test_the_interval_of_the_effect_size_covers_the_planted_one():
    rng = np.random.default_rng(0)
    bounds = [effect_size(rng.normal(0.6, 1, size=9))[1:] for _ in range(400)]
    assert np.mean([low <= 0.6 <= high for low, high in bounds]) == pytest.approx(0.95, abs=0.03)


def test_holms_adjustment():
    """The example of Holm's step-down procedure as R's p.adjust gives it."""
    p_values = np.array([0.01, 0.02, 0.03, 0.04, 0.05])
    assert holm(p_values) == pytest.approx([0.05, 0.08, 0.09, 0.09, 0.09])
    assert holm(p_values[::-1]) == pytest.approx([0.09, 0.09, 0.09, 0.08, 0.05])
    found = holm(np.array([0.6, NAN, 0.02]))
    assert found[[0, 2]] == pytest.approx([0.6, 0.04])
    assert np.isnan(found[1])
    assert holm(np.array([0.9, 0.8])) == pytest.approx([1, 1])


def test_holm_keeps_the_level_of_all_comparisons_together():
    rng = np.random.default_rng(0)
    p_values = rng.random((2000, 12))
    plain = (p_values.min(axis=1) < 0.05).mean()
    adjusted = np.mean([holm(row).min() < 0.05 for row in p_values])
    assert plain > 0.4
    assert adjusted == pytest.approx(0.05, abs=0.015)


def test_the_answer_follows_the_interval_and_the_test():
    assert answer(0.01, 0.2, 0.01, 8, 3) == "yes"
    assert answer(-0.2, -0.01, 0.01, 8, 3) == "no"
    assert answer(0.01, 0.2, 0.01, 8, NAN) == "yes"
    for low, high in ((-0.1, 0.1), (0.0, 0.1), (-0.1, 0.0), (NAN, NAN)):
        assert answer(low, high, 0.01, 8, 3) == "undecided"
    assert answer(0.01, 0.2, 0.05, 8, 3) == "undecided"
    assert answer(-0.2, -0.01, 0.3, 8, 3) == "undecided"
    assert answer(0.01, 0.2, NAN, 8, 3) == "undecided"


def test_few_units_and_one_seed_never_decide():
    assert answer(0.1, 0.2, 1e-6, FEW_UNITS, 9) == "undecided (few units)"
    assert answer(0.1, 0.2, 1e-6, 100, 1) == "undecided (one seed)"
    assert answer(-0.2, -0.1, 1e-6, 100, 1) == "undecided (one seed)"


def test_the_interval_covers_the_planted_concordance():
    """Units with effects of their own: frames of a unit are no independent observations."""
    hits, runs, units, length = 0, 200, 25, 20
    rng = np.random.default_rng(0)
    truth = 2 * 2.0 / (2.0 + (2.0 + 1.5))
    for _ in range(runs):
        common = rng.normal(size=(units, 1)) + rng.normal(size=(units, length))
        off = np.sqrt(0.75) * (rng.normal(size=(units, 1)) + rng.normal(size=(units, length)))
        frames = pd.DataFrame({"unit": np.repeat(np.arange(units), length)})
        frames["label"], frames["y"] = common.ravel(), (common + off).ravel()
        low, high, _ = bounds_of(evaluated(frames, draws=300))
        hits += low <= truth <= high
    assert 0.88 <= hits / runs <= 0.99


def test_intervals_of_few_units_cover_the_planted_value():
    covered, runs = 0, 150
    truth = 2 * 1.25 / (1.25 + 2.25)
    for seed in range(runs):
        low, high, _ = bounds_of(evaluated(frames_of(8, seed=seed), draws=400))
        covered += low <= truth <= high
    assert 0.88 <= covered / runs <= 1.0


@pytest.fixture
def simulation(root, monkeypatch):
    """The simulated corpora of docs/method.md, with effects of subjects and of seeds."""
    monkeypatch.syspath_prepend(root / "tests/benchmarks")
    import inference as module

    return module


def test_intervals_cover_the_score_that_other_subjects_and_trainings_would_give(simulation):
    truth = simulation.true_score(subjects=1_000, seeds=20)
    found = simulation.coverage(12, 2, truth, runs=150)
    assert found["interval"] >= 0.9
    # Recordings drawn as if they were independent, and seeds taken as given.
    assert found["recordings"] < found["interval"] - 0.04
    assert found["recordings, false"] > 0.1
    assert found["answer, false"] <= 0.05


def test_one_seed_and_another_seed_of_the_same_model_are_not_told_apart(simulation):
    found = simulation.coverage(20, 1, 0.65, runs=80, seeds=1)
    assert found["p, false"] > 0.08
    assert found["answer, false"] == 0
    several = simulation.coverage(20, 1, 0.65, runs=80, seeds=3)
    assert several["p, false"] <= 0.08


def test_permuted_labels_decide_nothing_beyond_the_level(simulation):
    """No comparison on labels of other subjects has anything to find."""
    plain, adjusted = simulation.permuted(comparisons=200)
    assert plain <= 0.05 * 200
    assert adjusted == 0


def test_a_planted_gain_is_found(simulation):
    rng = np.random.default_rng(0)
    answers = [simulation.answers(rng, subjects=28, gain=0.5, models=2)[0] for _ in range(20)]
    assert np.mean([a == "yes" for a in answers]) > 0.8
