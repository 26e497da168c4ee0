"""Methods of late fusion: what holds, what shrinks, and where fitting loses to equal weights."""

import numpy as np
import pytest
from scipy.optimize import lsq_linear
from sklearn.linear_model import LinearRegression, Ridge

from softaer.core.concordance import ccc
from softaer.core.errors import InputError
from softaer.core.late_fusion import (
    HIGH_INFLATION,
    METHODS,
    MOST_CONDITION,
    fit_fusion,
    variance_inflation,
)
from softaer.fuse import apply_fusion


def test_agrees_with_scikit_learn(frames):
    truth, predictions = frames
    reference = LinearRegression().fit(predictions, truth)
    coefficients = fit_fusion(truth, predictions)
    np.testing.assert_allclose(coefficients, [reference.intercept_, *reference.coef_], rtol=1e-9)
    np.testing.assert_allclose(
        apply_fusion(coefficients, predictions), reference.predict(predictions), rtol=1e-9
    )


def test_planted_coefficients_are_found(frames):
    _, predictions = frames
    coefficients = fit_fusion(0.25 + predictions @ [0.7, -0.2], predictions)
    np.testing.assert_allclose(coefficients, [0.25, 0.7, -0.2], rtol=1e-9)


def test_no_modality_alone_is_closer_on_the_frames_of_the_fit(frames):
    truth, predictions = frames
    fused = apply_fusion(fit_fusion(truth, predictions), predictions)
    for modality in predictions.T:
        assert ((truth - fused) ** 2).mean() <= ((truth - modality) ** 2).mean()


def test_frames_with_anything_missing_are_left_out(frames):
    truth, predictions = frames
    expected = fit_fusion(truth[3:], predictions[3:])
    truth[0] = np.nan
    predictions[1, 0] = predictions[2, 1] = np.nan
    np.testing.assert_allclose(fit_fusion(truth, predictions), expected, rtol=1e-12)


def test_modalities_that_say_the_same_share_the_weight(frames):
    truth, predictions = frames
    twice = predictions[:, [0, 0]]
    coefficients = fit_fusion(truth, twice)
    alone = fit_fusion(truth, predictions[:, :1])
    np.testing.assert_allclose(coefficients[1:], [alone[1] / 2] * 2, rtol=4e-3)
    assert coefficients[1] == pytest.approx(coefficients[2], rel=1e-9)


@pytest.mark.parametrize("count", [1, 2])
def test_too_few_frames_still_give_finite_coefficients(frames, count):
    truth, predictions = frames
    coefficients = fit_fusion(truth[:count], predictions[:count])
    assert np.isfinite(coefficients).all()
    found = apply_fusion(coefficients, predictions[:count])
    np.testing.assert_allclose(found, truth[:count], atol=0.01)


def test_constant_predictions_give_the_mean(frames):
    truth, _ = frames
    coefficients = fit_fusion(truth, np.full((300, 2), 0.3))
    assert apply_fusion(coefficients, np.full((1, 2), 0.3))[0] == pytest.approx(truth.mean())


@pytest.mark.parametrize("truth", [np.empty(0), np.full(3, np.nan)])
def test_without_a_frame_there_is_no_fusion(truth):
    with pytest.raises(InputError) as caught:
        fit_fusion(truth, np.zeros((len(truth), 2)))
    assert "dev" in str(caught.value)


def slow(rng, subjects, length=300, width=50):
    """A slow series per subject, one after the other, each with its own mean."""
    kernel = np.hanning(2 * width + 1)
    kernel /= np.sqrt((kernel**2).sum())
    parts = []
    for _ in range(subjects):
        noise = np.convolve(rng.standard_normal(length + 2 * width), kernel, mode="valid")
        parts.append(0.7 * noise + 0.7 * rng.normal())
    return np.concatenate(parts)


def systems(rng, quality, common, subjects=14):
    """Labels and systems with the spread of the labels, whose errors have a common part."""
    label, shared = slow(rng, subjects), slow(rng, subjects)
    columns = [
        q * label
        + np.sqrt(1 - q**2) * (np.sqrt(common) * shared + np.sqrt(1 - common) * slow(rng, subjects))
        for q in quality
    ]
    return label, np.stack(columns, axis=1)


def mean_scores(quality, common, repetitions=40):
    """CCC of each method on 14 unseen subjects, fitted on 14 others; mean over repetitions."""
    found = {name: [] for name in METHODS}
    for seed in range(repetitions):
        rng = np.random.default_rng(seed)
        dev, test = systems(rng, quality, common), systems(rng, quality, common)
        for name in METHODS:
            fused = apply_fusion(fit_fusion(*dev, name), test[1])
            found[name].append(ccc(test[0], fused))
    return {name: np.mean(values) for name, values in found.items()}


def test_nine_similar_systems_and_few_subjects_favour_equal_weights():
    """As on AVEC: shrinkage costs concordance, and fitted weights follow chance."""
    score = mean_scores(np.linspace(0.45, 0.6, 9), common=0.6)
    assert score["rescaled"] > score["least_squares"] + 0.015
    assert score["mean"] > score["rescaled"] > score["least_squares"]
    assert score["shrunk"] > score["least_squares"] + 0.01
    assert score["nonnegative"] > score["least_squares"] + 0.01


def test_few_systems_of_different_quality_favour_least_squares():
    """The control: where the weights are well determined, equal ones lose."""
    score = mean_scores([0.9, 0.3, 0.1], common=0.0)
    assert score["least_squares"] > score["mean"] + 0.1
    assert score["least_squares"] > score["shrunk"]


@pytest.mark.parametrize("distance", [1e-6, 1e-4, 1e-2, 0.03, 0.1])
@pytest.mark.parametrize("method", ["least_squares", "rescaled", "nonnegative", "shrunk", "mean"])
def test_one_of_two_nearly_equal_modalities_may_drop_out(method, distance):
    for seed in range(3):
        rng = np.random.default_rng(seed)
        label, both = systems(rng, [0.7, 0.7], common=1.0, subjects=28)
        both[:, 1] += distance * slow(rng, 28)
        half = len(label) // 2
        gamma = fit_fusion(label[:half], both[:half], method)
        assert np.abs(gamma[1:]).max() < 2
        whole = ccc(label[half:], apply_fusion(gamma, both[half:]))
        dropped = both[half:].copy()
        dropped[rng.random(half) < 0.1, 1] = 0.0
        assert ccc(label[half:], apply_fusion(gamma, dropped)) > whole - 0.1


def test_without_the_penalty_such_a_dropout_destroys_the_fusion():
    """The control: the plain solution has huge coefficients of opposite signs."""
    rng = np.random.default_rng(0)
    label, both = systems(rng, [0.7, 0.7], common=1.0, subjects=28)
    both[:, 1] += 1e-4 * slow(rng, 28)
    half = len(label) // 2
    plain = LinearRegression().fit(both[:half], label[:half])
    assert np.abs(plain.coef_).max() > 100
    assert ccc(label[half:], plain.predict(both[half:])) > 0.5
    dropped = both[half:].copy()
    dropped[rng.random(half) < 0.1, 1] = 0.0
    assert ccc(label[half:], plain.predict(dropped)) < 0.1


def test_up_to_the_bound_the_penalty_is_zero_and_beyond_it_is_that_of_a_ridge_regression():
    rng = np.random.default_rng(2)
    common = rng.normal(size=2000)
    for spread, penalised in ((0.3, False), (0.02, True)):
        x = common[:, None] + spread * rng.normal(size=(2000, 3))
        y = x @ [0.5, 0.3, 0.1] + rng.normal(size=2000)
        z = (x - x.mean(axis=0)) / x.std(axis=0)
        eigenvalues = np.linalg.eigvalsh(z.T @ z / 2000)
        assert (eigenvalues[-1] > MOST_CONDITION * eigenvalues[0]) == penalised
        found = fit_fusion(y, x)[1:] * x.std(axis=0)
        if penalised:
            alpha = (eigenvalues[-1] - MOST_CONDITION * eigenvalues[0]) / (MOST_CONDITION - 1)
            reference = Ridge(2000 * alpha).fit(z, y).coef_
            with_it = eigenvalues + alpha
            assert with_it[-1] / with_it[0] == pytest.approx(MOST_CONDITION)
        else:
            reference = LinearRegression().fit(z, y).coef_
        np.testing.assert_allclose(found, reference, rtol=1e-8)


def test_rescaled_has_the_mean_and_spread_of_the_labels(frames):
    truth, predictions = frames
    fused = apply_fusion(fit_fusion(truth, predictions, "rescaled"), predictions)
    assert (fused.mean(), fused.std()) == pytest.approx((truth.mean(), truth.std()))
    plain = apply_fusion(fit_fusion(truth, predictions), predictions)
    assert plain.std() < 0.9 * truth.std()
    assert np.corrcoef(plain, fused)[0, 1] == pytest.approx(1)


def test_nonnegative_is_the_bounded_solution_with_a_free_intercept():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(400, 4)) + rng.normal(size=(400, 1)) + [5, 0, -3, 0]
    y = x @ [0.8, -0.6, 0.0, 0.4] - 7 + rng.normal(size=400)
    found = fit_fusion(y, x, "nonnegative")
    design = np.column_stack([np.ones(400), x])
    bounds = ([-np.inf, 0, 0, 0, 0], np.inf)
    np.testing.assert_allclose(found, lsq_linear(design, y, bounds, tol=1e-14).x, atol=1e-6)
    assert found[2] == 0
    assert found[0] < 0
    assert (fit_fusion(y, x) < 0)[1:].any()


def test_mean_is_the_mean_whatever_the_labels(frames):
    truth, predictions = frames
    for labels in (truth, -5 * truth):
        gamma = fit_fusion(labels, predictions, "mean")
        np.testing.assert_allclose(apply_fusion(gamma, predictions), predictions.mean(axis=1))


def test_shrunk_lies_between_equal_weights_and_least_squares():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(5000, 2))
    y = x @ np.array([0.9, 0.1]) + 0.5 * rng.normal(size=5000)
    found = fit_fusion(y, x, "shrunk")[1:]
    # With unrelated predictions and a penalty of 1 per frame, it is half way.
    np.testing.assert_allclose(found, [0.7, 0.3], atol=0.02)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("count", [1, 2, 9])
def test_any_number_of_columns(method, count):
    rng = np.random.default_rng(0)
    label, predictions = systems(rng, [0.6] * count, common=0.9)
    predictions[:, -1] = 0.25
    gamma = fit_fusion(label, predictions, method)
    assert gamma.shape == (1 + count,)
    assert np.isfinite(gamma).all()
    assert np.isfinite(apply_fusion(gamma, predictions)).all()


@pytest.mark.parametrize("method", METHODS)
def test_an_offset_of_the_predictions_does_not_matter(frames, method):
    truth, predictions = frames
    fused = apply_fusion(fit_fusion(truth, predictions, method), predictions)
    moved = predictions + np.array([500.0, -500.0])
    again = apply_fusion(fit_fusion(truth, moved, method), moved)
    np.testing.assert_allclose(again, fused, rtol=1e-7, atol=1e-9)


def test_variance_inflation_by_regression_on_the_others():
    rng = np.random.default_rng(4)
    x = rng.normal(size=(500, 3)) + 2 * rng.normal(size=(500, 1))
    found = variance_inflation(np.zeros(500), x)
    for i, value in enumerate(found):
        others = np.delete(x, i, axis=1)
        share = LinearRegression().fit(others, x[:, i]).score(others, x[:, i])
        assert value == pytest.approx(1 / (1 - share))
    alone = variance_inflation(np.zeros(500), rng.normal(size=(500, 2)))
    assert (alone < 1.1).all()
    x[:, 2] = x[:, 0] + 0.01 * rng.normal(size=500)
    high = variance_inflation(np.zeros(500), x) > HIGH_INFLATION
    assert high.tolist() == [True, False, True]
    same = variance_inflation(np.zeros(500), x[:, [0, 0]])
    assert (same > 1e12).all()
    assert np.isnan(variance_inflation(np.zeros(5), np.ones((5, 1)))).all()
