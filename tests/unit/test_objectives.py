"""The likelihood of a panel: it is the right one, and sigma does not take the error of E.

Losses per output are tested with training (test_train.py).
"""

import json
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import multivariate_normal
from torch.nn.functional import softplus

from softaer import labels, panel_moments
from softaer.core import schema, tables
from softaer.core.concordance import ccc
from softaer.core.errors import InputError
from softaer.core.experiment import Labels, RecurrentSettings, Training
from softaer.networks.architectures import load_model, save_model
from softaer.networks.heads import HEADS, LEAST_SPREAD, PanelHead
from softaer.networks.objectives import LOSSES, Frames, PanelLikelihood
from softaer.networks.sequences import RecordingSequence, with_panel
from softaer.panel_moments import moments_of_recordings
from softaer.train import cut, fit

OUTPUTS = ("mood_E", "mood_sigma")
BOTH = (*OUTPUTS, "will_E", "will_sigma")
CPU = torch.device("cpu")
LIKELIHOOD = Training(loss="panel")


def raw_of(emotion, sigma, tau):
    """The read-out that means E, sigma and tau, of one dimension, shape (1, 1, 3)."""

    def inverse(spread):
        return np.log(np.expm1(spread - LEAST_SPREAD))

    return torch.tensor([[[emotion, inverse(sigma), inverse(tau)]]], dtype=torch.float64)


def moments(ratings):
    """Number, mean and sum of squares of the ratings of one frame, shape (1, 1, 1, 3)."""
    ratings = np.asarray(ratings, dtype=float)
    squares = ((ratings - ratings.mean()) ** 2).sum()
    return torch.tensor([[[[len(ratings), ratings.mean(), squares]]]], dtype=torch.float64)


def loss(values, panel, outputs=OUTPUTS):
    nothing = torch.zeros(*values.shape[:2], len(outputs))
    objective = PanelLikelihood(LIKELIHOOD, outputs, CPU)
    return objective(values, Frames(nothing, nothing > 0, panel))


@pytest.mark.parametrize("raters", [1, 2, 3, 6, 40])
@pytest.mark.parametrize(("sigma", "tau"), [(0.4, 0.2), (1.3, 0.05), (0.1, 2.0)])
def test_it_is_the_density_of_ratings_that_share_an_error(raters, sigma, tau):
    ratings = np.random.default_rng(raters).normal(0.3, 1, raters)
    covariance = sigma**2 * np.eye(raters) + tau**2
    expected = -multivariate_normal.logpdf(ratings, np.full(raters, -0.2), covariance)
    constant = raters / 2 * np.log(2 * np.pi)
    found = loss(raw_of(-0.2, sigma, tau), moments(ratings)).item()
    assert found * raters + constant == pytest.approx(expected, rel=1e-9)


def test_a_mini_batch_is_the_mean_over_its_ratings():
    """Also with panels of different sizes; frames without ratings count for nothing."""
    frames = [([0.1, 0.4], 0.3), ([0.9, -0.2, 0.3, 0.5], 0.6), ([0.2], 0.5)]
    values = torch.cat([raw_of(0.1, sigma, 0.3) for _, sigma in frames], dim=1)
    panel = torch.cat([moments(ratings) for ratings, _ in frames], dim=1)
    each = [loss(raw_of(0.1, s, 0.3), moments(r)).item() * len(r) for r, s in frames]
    assert loss(values, panel).item() == pytest.approx(sum(each) / 7)
    empty = torch.zeros(1, 1, 1, 3, dtype=torch.float64)
    values = torch.cat([values, raw_of(5.0, 0.1, 0.1)], dim=1).requires_grad_()
    found = loss(values, torch.cat([panel, empty], dim=1))
    found.backward()
    assert found.item() == pytest.approx(sum(each) / 7)
    assert (values.grad[0, -1] == 0).all()
    single = torch.zeros(3, 3, dtype=bool)
    single[2, 1] = True  # sigma of the frame with one rating
    assert ((values.grad[0, :-1] == 0) == single).all()


def test_two_dimensions_are_two_panels():
    one, other = raw_of(0.1, 0.5, 0.2), raw_of(-0.7, 0.2, 0.9)
    values = torch.cat([one[..., :2], other[..., :2], one[..., 2:], other[..., 2:]], dim=-1)
    panels = moments([0.3, 0.6, 0.9]), moments([-1.0, 0.0])
    expected = (3 * loss(one, panels[0]) + 2 * loss(other, panels[1])) / 5
    found = loss(values, torch.cat(panels, dim=2), BOTH)
    assert found.item() == pytest.approx(expected.item())
    outputs = PanelHead.moments(values, 4)
    np.testing.assert_allclose(outputs[0, 0], [0.1, 0.5, -0.7, 0.2])


def fitted(ratings, error, with_tau):
    """Sigma of largest likelihood if E is wrong by so much, with and without tau."""
    panel = torch.stack([moments(row)[0, 0] for row in ratings])[None]
    torch.set_num_threads(1)
    spreads = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([spreads], 0.05)
    for _ in range(600):
        tau = spreads[1] if with_tau else torch.tensor(-30.0, dtype=torch.float64)
        emotion = torch.tensor(error, dtype=torch.float64)
        values = torch.stack([emotion, spreads[0], tau]).expand(1, len(ratings), 3)
        optimiser.zero_grad()
        loss(values, panel).backward()
        optimiser.step()
    return (softplus(spreads[0]) + LEAST_SPREAD).item()


def test_an_error_of_e_does_not_enter_sigma():
    """And the control: if raters share no error, sigma has to take it."""
    ratings = np.random.default_rng(0).normal(0, 0.5, (300, 5))
    for error in (0.0, 1.0):
        assert fitted(ratings, error, with_tau=True) == pytest.approx(0.5, abs=0.03)
    assert fitted(ratings, 0.0, with_tau=False) == pytest.approx(0.5, abs=0.03)
    assert fitted(ratings, 1.0, with_tau=False) > 0.9


def test_single_ratings_teach_sigma_nothing():
    """They cannot tell it from an error of E. And the control: pairs can."""
    ratings = np.random.default_rng(0).normal(0, 0.5, (300, 2))
    start = pytest.approx(np.log(2) + LEAST_SPREAD)
    for error in (0.0, 1.0):
        assert fitted(ratings[:, :1], error, with_tau=True) == start
        assert fitted(ratings, error, with_tau=True) == pytest.approx(0.5, abs=0.05)


def planted(seed, length=120, raters=6, partition="train"):
    """E follows one feature and sigma another; the labels are mean and spread of six ratings."""
    rng = np.random.default_rng(seed)
    kernel = np.hanning(25) / np.hanning(25).sum()
    state, spread = (np.convolve(rng.normal(size=length), kernel, "same") * 4 for _ in "12")
    emotion, sigma = 0.3 * state + 0.1, 0.08 + 0.25 / (1 + np.exp(-3 * spread))
    ratings = emotion[:, None] + sigma[:, None] * rng.normal(size=(length, raters))
    targets = np.stack([ratings.mean(1), ratings.std(1, ddof=1)], axis=1).astype(np.float32)
    squares = ((ratings - ratings.mean(1, keepdims=True)) ** 2).sum(1)
    panel = np.stack([np.full(length, raters), ratings.mean(1), squares], axis=1)
    everywhere = np.ones(length, dtype=bool)
    features = np.stack([state, spread], axis=1).astype(np.float32)
    found = RecordingSequence(f"r{seed}", partition, features, everywhere, everywhere, targets)
    return replace(found, panel=panel[:, None].astype(np.float32)), emotion, sigma


@pytest.fixture(scope="module")
def corpus():
    return tuple(
        [planted(seed, partition=partition) for seed in seeds]
        for partition, seeds in (
            ("train", range(12)),
            ("dev", range(20, 24)),
            ("test", range(30, 36)),
        )
    )


def trained(corpus, **settings):
    """A small network, and the CCC of its E and sigma with what was planted in test."""
    torch.set_num_threads(1)
    training = Training(**{"learning_rate": 0.02, "max_steps": 120, "input_noise": 0.0} | settings)
    train, dev = ([s for s, _, _ in part] for part in corpus[:2])
    model, _ = fit(train, dev, OUTPUTS, training, RecurrentSettings(layers=1, cells=8), 1)
    predictions = np.concatenate(model.predict([s.features for s, _, _ in corpus[2]]))
    truth = np.stack([np.concatenate([part[i] for part in corpus[2]]) for i in (1, 2)], axis=1)
    return model, [ccc(truth[:, i], predictions[:, i]) for i in (0, 1)], predictions


@pytest.mark.parametrize("standardise_targets", [True, False])
def test_planted_e_and_sigma_are_learnt_from_single_ratings(corpus, standardise_targets):
    _, scores, predictions = trained(corpus, loss="panel", standardise_targets=standardise_targets)
    assert min(scores) > 0.9
    assert (predictions[:, 1] > 0).all(), "a spread"
    _, squared, _ = trained(corpus, loss="mse")
    assert scores[1] > squared[1] - 0.05


def test_it_looks_at_the_ratings_and_not_at_the_labels(corpus):
    """Early stopping does, so the number of steps is fixed."""
    train, dev = ([s for s, _, _ in part] for part in corpus[:2])
    training = replace(LIKELIHOOD, max_steps=4, evaluate_every=4, standardise_targets=False)

    def weights(train):
        model, _ = fit(train, dev, OUTPUTS, training, RecurrentSettings(layers=1, cells=4), 1)
        return model.state_dict()["read_out.weight"]

    def changed(**values):
        return [
            replace(s, **{name: f(getattr(s, name)) for name, f in values.items()}) for s in train
        ]

    assert torch.equal(weights(train), weights(changed(targets=lambda y: 0.5 * y)))
    more = changed(panel=lambda p: p * np.float32([1, 1, 2]))
    assert not torch.equal(weights(train), weights(more))
    hidden = changed(present=lambda p: np.arange(len(p)) >= 30)
    elsewhere = [
        replace(s, panel=s.panel + 9 * (np.arange(120) < 30)[:, None, None]) for s in hidden
    ]
    assert torch.equal(weights(hidden), weights(elsewhere)), "frames without features"
    first = (np.arange(120) < 30)[:, None]
    unlabelled = changed(targets=lambda y: np.where(first, np.float32(np.nan), y))
    elsewhere = [replace(s, panel=s.panel + 9 * first[:, :, None]) for s in unlabelled]
    assert torch.equal(weights(unlabelled), weights(elsewhere)), "frames without a label"


def test_a_network_keeps_its_head(corpus, tmp_path):
    model, _, predictions = trained(corpus, loss="panel", max_steps=10)
    files = tmp_path / "w.safetensors", tmp_path / "d.json"
    save_model(model, {}, *files)
    assert json.loads(files[1].read_text())["architecture"]["head"] == "panel"
    again = load_model(*files).predict([s.features for s, _, _ in corpus[2]])
    np.testing.assert_array_equal(np.concatenate(again), predictions)
    assert model.read_out.out_features == 3
    plain, _, _ = trained(corpus, loss="mse", max_steps=10)
    save_model(plain, {}, *files)
    assert "head" not in json.loads(files[1].read_text())["architecture"], "as always"


def test_pieces_take_their_ratings_along(corpus):
    whole = corpus[0][0][0]
    pieces = cut(whole, 4.0)
    assert len(pieces) == 3
    np.testing.assert_array_equal(np.concatenate([p.panel for p in pieces]), whole.panel)
    assert [p.panel for p in cut(replace(whole, panel=None), 4.0)] == [None] * 3


def test_every_loss_has_a_head_that_networks_know():
    for objective in LOSSES.values():
        assert HEADS[objective.head.name] is objective.head


def table(*rows):
    return pd.DataFrame(rows, columns=["recording", "time", "dimension", "rater", "value"])


def test_moments_of_a_panel_by_hand():
    """Ratings at t + delay belong to t, those before the delay to nothing."""
    ratings = table(
        *(("a", 0.3, "mood", rater, value) for rater, value in zip("xyz", (1, 2, 6), strict=True)),
        ("a", 0.4, "mood", "x", 5.0),
        ("a", 0.1, "mood", "x", 7.0),
        ("a", 0.5, "will", "x", 1.0),
    )
    weights = ratings[["recording", "dimension", "rater"]].drop_duplicates().assign(weight=1.0)
    delays = {"mood": 0.2, "will": 0.0}
    found = moments_of_recordings(ratings, weights, delays, Labels()).round(9).to_dict("list")
    assert found == {
        "recording": ["a", "a", "a"],
        "time": [0.1, 0.2, 0.5],
        "dimension": ["mood", "mood", "will"],
        "number": [3, 1, 1],
        "mean": [3.0, 5.0, 1.0],
        "squares": [14.0, 0.0, 0.0],
    }


@pytest.mark.parametrize("way", ["mean", "ctw", "inverted"])
def test_the_stage_takes_the_ratings_that_labels_are_made_from(way, tmp_path, monkeypatch):
    """Also after an elastic alignment, and without raters of weight 0."""
    rng = np.random.default_rng(3)
    wave = np.sin(np.arange(200) / 9)
    raters = {"x": wave, "y": np.roll(wave, 3), "z": np.roll(wave, 6)}
    if way == "inverted":
        raters |= {"w": -wave}
    parts = [
        pd.DataFrame(
            {
                "recording": name,
                "time": np.arange(200) / 10,
                "dimension": dimension,
                "rater": rater,
                "value": trace + 0.1 * rng.normal(size=200),
            }
        )
        for name in "ab"
        for dimension in ("mood", "will")
        for rater, trace in raters.items()
    ]
    # One rater comes late.
    ratings = pd.concat(parts).query("rater != 'y' or time >= 5")
    tables.write(ratings, schema.RATINGS, tmp_path / "ratings.parquet")
    files = {name: tmp_path / f"{name}.parquet" for name in ("labels", "weights", "moments")}
    words = ["--ratings", tmp_path / "ratings.parquet"]
    words += ["--elastic", "ctw"] if way == "ctw" else []
    of_labels = ["--weights-output", files["weights"]]
    of_labels += [] if way == "inverted" else ["--estimator", "mean"]
    of_moments = ["--rater-weights", files["weights"], "--delay", "mood", 2, "--delay", "will", 0]
    for stage, name, more in (
        (labels, "labels", of_labels),
        (panel_moments, "moments", of_moments),
    ):
        more = [*words, "--output", files[name], *more]
        monkeypatch.setattr(sys, "argv", ["stage", *map(str, more)])
        stage.main()
    found = tables.read(files["moments"])
    assert list(found) == schema.PANEL_MOMENTS.names
    late = found["dimension"].map({"mood": 2.0, "will": 0.0})
    found["time"] = (found["time"] + late).round(6)
    both = found.merge(tables.read(files["labels"]), on=["recording", "time", "dimension"])
    assert len(both) == len(found) == 2 * (200 + 180)
    np.testing.assert_array_equal(both["number"], both["raters"])
    assert both["number"].max() == 3, "whoever runs against the others is not counted"
    if way != "inverted":  # weights move E
        np.testing.assert_allclose(both["mean"], both["E"], atol=1e-9)
        spread = np.sqrt(both["squares"] / (both["number"] - 1))
        np.testing.assert_allclose(spread, both["sigma"], atol=1e-9)


def test_frames_without_ratings_have_none():
    sequence = replace(planted(1, 30)[0], panel=None)
    rows = table(*(("r1", 0.2, "mood", rater, value) for rater, value in (("x", 1.0), ("y", 3.0))))
    late = table(("r1", 3.0, "mood", "x", 1.0))
    weights = pd.DataFrame({"rater": ["x", "y"], "weight": 1.0})
    found = panel_moments.panel_moments(pd.concat([rows, late]), weights, 0.0)
    found = found.assign(dimension="mood")
    panel = with_panel(sequence, found, ["mood"]).panel
    np.testing.assert_array_equal(panel[2, 0], [2, 2, 2])
    assert panel.sum() == 6, "nothing else, and nothing after the end"


def joined(one, other, scale):
    """Two recordings as two dimensions of one, the second on a scale of its own."""
    factor = np.float32([1, scale, scale**2])
    return replace(
        one,
        features=np.hstack([one.features, other.features]),
        targets=np.hstack([one.targets, scale * other.targets]),
        panel=np.concatenate([one.panel, factor * other.panel], axis=1),
    )


def test_dimensions_of_a_joint_network_keep_their_own_scale(corpus):
    """A dimension on a scale that is 100 times as wide is learnt as well."""
    torch.set_num_threads(1)
    parts = [
        [joined(a[0], b[0], 100.0) for a, b in zip(part[::2], part[1::2], strict=True)]
        for part in corpus
    ]
    training = Training(loss="panel", learning_rate=0.02, max_steps=150, input_noise=0.0)
    model, _ = fit(*parts[:2], BOTH, training, RecurrentSettings(layers=1, cells=12), 1)
    predictions = np.concatenate(model.predict([s.features for s in parts[2]]))
    targets = np.concatenate([s.targets for s in parts[2]])
    for column in range(4):
        assert np.corrcoef(predictions[:, column], targets[:, column])[0, 1] > 0.5, BOTH[column]
    ratio = predictions.mean(axis=0)[2:] / predictions.mean(axis=0)[:2]
    assert (ratio[1] > 50) & (ratio[1] < 200)


def test_constant_ratings_do_not_divide_by_zero(corpus):
    train, dev = ([s for s, _, _ in part] for part in corpus[:2])
    panel = np.float32([6, 0.5, 0]) + 0 * train[0].panel
    flat = [replace(s, targets=np.float32([0.5, 0]) + 0 * s.targets, panel=panel) for s in train]
    training = replace(LIKELIHOOD, max_steps=6, evaluate_every=3)
    model, curve = fit(flat, dev, OUTPUTS, training, RecurrentSettings(layers=1, cells=4), 1)
    assert np.isfinite(curve["train_loss"]).all()
    assert np.isfinite(model.predict([dev[0].features])[0]).all()


def test_what_the_likelihood_needs_is_said(corpus):
    train, dev = ([s for s, _, _ in part] for part in corpus[:2])
    rest = (LIKELIHOOD, RecurrentSettings(layers=1, cells=4), 1)
    with pytest.raises(InputError, match=r"'r3' comes without its single ratings.*--panels"):
        fit([*train[:3], replace(train[3], panel=None)], dev, OUTPUTS, *rest)
    narrow = [replace(s, targets=s.targets[:, :1]) for s in train]
    with pytest.raises(InputError, match=r"outputs \['mood_E'\]; expected E and sigma"):
        fit(narrow, dev, OUTPUTS[:1], *rest)
