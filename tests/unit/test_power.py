"""Power: the share of planned corpora in which a gain is found, against theory and simulation."""

import numpy as np
import pytest
from scipy.stats import nct
from scipy.stats import t as student

from softaer.core.inference import NO_SCATTER, Scatter, bootstrap, resample
from softaer.core.power import PLANNED, Plan, power, pseudo_values


@pytest.fixture
def simulation(root, monkeypatch):
    monkeypatch.syspath_prepend(root / "tests/benchmarks")
    import inference as module

    return module


def contributions(units=400, size=1.0):
    return size * np.random.default_rng(0).standard_normal(units)


@pytest.mark.parametrize("units", [8, 16, 32])
@pytest.mark.parametrize("gain", [0.0, 0.5, 1.0])
def test_without_seeds_it_is_near_the_power_of_a_t_test(units, gain):
    plan = Plan(contributions(), NO_SCATTER, units)
    quantile = student.ppf(0.975, units - 1)
    expected = nct.sf(quantile, units - 1, gain * np.sqrt(units))
    assert plan.found(gain, [1])[0] == pytest.approx(expected, abs=0.13)


def test_more_units_and_larger_gains_are_found_more_often():
    plans = [Plan(contributions(), NO_SCATTER, units) for units in (8, 16, 32)]
    shares = [[plan.found(gain, [1])[0] for gain in (0.2, 0.5, 0.9)] for plan in plans]
    assert (np.diff(shares, axis=0) > 0).all()
    assert (np.diff(shares, axis=1) > 0).all()


def test_the_smallest_gain_is_found_in_four_of_five():
    for units in (8, 16, 32):
        plan = Plan(contributions(), NO_SCATTER, units)
        (least,) = plan.smallest([1])
        assert plan.found(least, [1])[0] == pytest.approx(0.8, abs=0.06)
        assert plan.found(0.7 * least, [1])[0] < 0.75


def test_scatter_over_seeds_and_many_comparisons_cost_power():
    plain = Plan(contributions(), NO_SCATTER, 16)
    scattered = Plan(contributions(), Scatter(0.3, 4), 16)
    assert scattered.found(0.9, [1])[0] < plain.found(0.9, [1])[0] - 0.2
    alone, among = plain.found(0.7, [1, 12])
    assert among < alone


def test_few_units_find_nothing_however_large():
    plan = Plan(contributions(), NO_SCATTER, 4)
    assert plan.found(100.0, [1, 12]) == [0.0, 0.0]
    assert np.isnan(plan.smallest([1, 12])).all()
    # With eight units p is at least 2/256, which adjusted for twelve comparisons is above 0.05.
    assert np.isnan(Plan(contributions(), NO_SCATTER, 8).smallest([12]))[0]


def test_pseudo_values_have_the_mean_of_the_score(simulation):
    corpus = simulation.simulate(np.random.default_rng(0), 30)
    score = bootstrap(corpus.moments[0], resample(30, 100, 1))
    values = pseudo_values(corpus.moments[0])
    assert values.mean() == pytest.approx(score.point, abs=0.02)
    assert values.std() / np.sqrt(30) == pytest.approx(score.draws.std(), rel=0.25)


def test_the_power_is_the_share_of_simulated_corpora_that_say_yes(simulation):
    """Estimated from runs of 24 subjects, counted on corpora of 16."""
    rng = np.random.default_rng(2)
    said = [simulation.answers(rng, subjects=16, gain=0.35, models=2)[0] for _ in range(120)]
    gain = simulation.true_gain(0.35)
    estimated = []
    for _ in range(12):
        scores = simulation.scores(simulation.simulate(rng, 24, gain=0.35), "subject")
        rows = power(*scores, shared=False, comparisons=1, gain=gain)
        estimated += [row["power"] for row in rows if row["units"] == 16]
    counted = np.mean([each == "yes" for each in said])
    assert 0.2 < counted < 0.9
    assert np.mean(estimated) == pytest.approx(counted, abs=0.15)


def test_rows_are_for_planned_numbers_and_that_of_the_run(simulation):
    scores = simulation.scores(simulation.simulate(np.random.default_rng(0), 12), "subject")
    rows = power(*scores, shared=False, comparisons=6, gain=0.1)
    keys = [(row["units"], row["comparisons"]) for row in rows]
    assert keys == [(n, m) for n in sorted({*PLANNED, 12}) for m in (1, 6)]
    assert {row["gain"] for row in rows} == {0.1}


@pytest.mark.parametrize(("subjects", "seeds"), [(5, 3), (12, 1)])
def test_too_few_units_or_one_seed_give_no_power(simulation, subjects, seeds):
    corpus = simulation.simulate(np.random.default_rng(0), subjects, seeds=seeds)
    assert power(*simulation.scores(corpus, "subject"), False, 1, 0.1) == []
