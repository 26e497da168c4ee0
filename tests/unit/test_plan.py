"""Where one more rating helps most: by hand, against random choice, and as files."""

import numpy as np
import pandas as pd
import pytest
from pympi import Eaf

from softaer import __main__
from softaer.core import schema, tables
from softaer.core.errors import InputError
from softaer.core.places import AGREEMENT, LABELS, within
from softaer.core.planning import gain, rarity, shrunk, stretches, within_budget
from softaer.labels import label

NAN = np.nan


def test_gains_by_hand():
    variance, raters = np.array([0.4, 0.4, 0.4]), np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(gain(variance, raters, "E"), [0.2, 0.4 / 6, 0.4 / 12])
    np.testing.assert_allclose(gain(variance, raters, "sigma"), [0.2, 0.1, 0.4 / 12])


def test_the_gain_is_what_a_further_rater_does():
    """The squared error of the mean and of the standard deviation, with K and K + 1 raters."""
    rng = np.random.default_rng(0)
    sigma = 0.5
    for raters in (2, 3, 5):
        ratings = sigma * rng.normal(size=(raters + 1, 200_000))
        before, after = ratings[:-1].mean(axis=0), ratings.mean(axis=0)
        found = (before**2).mean() - (after**2).mean()
        expected = gain(np.array([sigma**2]), np.array([raters]), "E")[0]
        assert found == pytest.approx(expected, rel=0.05)
    for raters in (5, 8):
        ratings = sigma * rng.normal(size=(raters + 1, 200_000))
        before, after = (r.std(axis=0, ddof=1).var() for r in (ratings[:-1], ratings))
        expected = gain(np.array([sigma**2]), np.array([raters]), "sigma")[0]
        assert before - after == pytest.approx(expected, rel=0.3)


def test_a_sigma_that_is_not_reliable_is_not_believed():
    variance = np.array([0.1, 0.9, NAN])
    np.testing.assert_allclose(shrunk(variance, 0.5, 0.0), 0.5)
    np.testing.assert_allclose(shrunk(variance, 0.5, 1.0), [0.1, 0.9, 0.5])
    np.testing.assert_allclose(shrunk(variance, 0.5, 0.5), [0.3, 0.7, 0.5])
    np.testing.assert_allclose(shrunk(variance, 0.5, -0.3), 0.5)


def test_rare_values_count_more():
    seen = np.concatenate([np.full(900, 0.05), np.linspace(0, 1, 100)])
    found = rarity(np.array([0.05, 0.95, 7.0]), seen)
    assert found[0] == pytest.approx(0.1, abs=0.02)
    assert found[1] == pytest.approx(10)
    assert found[2] == pytest.approx(10)
    np.testing.assert_allclose(rarity(seen, np.linspace(0, 1, 1001)), 1, atol=0.02)


def corpus(rng, recordings=12, length=60, wide=0.8, narrow=0.1, raters=4, spare=3):
    """Raters who differ much in some stretches of ten seconds and little in others."""
    parts = []
    for number in range(recordings):
        time = np.arange(length * 10) / 10
        sigma = np.where(rng.random(length // 10) < 0.3, wide, narrow).repeat(100)
        truth = 0.5 * np.sin(time / 3 + number)
        values = truth + sigma * rng.normal(size=(raters + spare, len(time)))
        parts.append((f"r{number}", time, truth, values, raters))
    return parts


def labels_of(parts, also=None):
    """Labels by the plain mean; ``also`` has the stretches that one more rater has rated."""
    tables_of = []
    for name, time, truth, values, raters in parts:
        rows = [
            pd.DataFrame({"recording": name, "time": time, "rater": f"k{k}", "value": values[k]})
            for k in range(raters + 1)
        ]
        inside = np.zeros(len(time), dtype=bool)
        if also is not None:
            for row in also[also["recording"] == name].itertuples():
                inside |= (time >= row.start) & (time < row.end)
        rows[-1] = rows[-1][inside]
        found, _ = label(pd.concat(rows), estimator="mean")
        error = found["E"].to_numpy() - truth
        tables_of.append(found.assign(recording=name, squared=error**2))
    return pd.concat(tables_of, ignore_index=True)


def improvement(parts, chosen):
    return labels_of(parts)["squared"].mean() - labels_of(parts, chosen)["squared"].mean()


def test_a_plan_is_better_than_random_where_raters_differ_by_moments():
    rng = np.random.default_rng(0)
    planned, random = [], []
    for _ in range(5):
        parts = corpus(rng)
        everything = stretches(labels_of(parts), "E", 10.0, 0.8)
        planned.append(improvement(parts, within_budget(everything, 3.0)))
        shuffled = everything.sample(frac=1, random_state=int(rng.integers(99)))
        random.append(improvement(parts, within_budget(shuffled, 3.0)))
    assert np.mean(planned) > 2 * np.mean(random)


def test_a_plan_is_no_better_than_random_where_they_differ_everywhere_alike():
    rng = np.random.default_rng(1)
    planned, random = [], []
    for _ in range(5):
        parts = corpus(rng, wide=0.4, narrow=0.4)
        everything = stretches(labels_of(parts), "E", 10.0, 0.8)
        planned.append(improvement(parts, within_budget(everything, 3.0)))
        shuffled = everything.sample(frac=1, random_state=int(rng.integers(99)))
        random.append(improvement(parts, within_budget(shuffled, 3.0)))
    assert np.mean(planned) == pytest.approx(np.mean(random), rel=0.25)


def test_stretches_that_fewer_have_rated_come_first():
    table = pd.DataFrame({"recording": "a", "time": np.arange(250) / 10, "E": 0.0, "sigma": 0.3})
    table["raters"] = np.where(table["time"] < 10, 6, 3)
    found = stretches(table, "E", 10.0, 0.0)
    assert list(found["start"]) == [10, 20, 0]
    assert list(found["end"]) == [20, 25, 10]
    assert found["minutes"].sum() == pytest.approx(25 / 60)
    assert len(within_budget(found, 0.2)) == 1
    assert within_budget(found, 0.01).empty


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    time = np.arange(200) / 10
    parts = [
        pd.DataFrame({"recording": name, "time": time, "dimension": dimension, "E": level + time})
        for name, level in (("a", 0.0), ("b", 50.0))
        for dimension in ("x", "y")
    ]
    table = pd.concat(parts, ignore_index=True).assign(sigma=0.1, raters=3)
    table.loc[(table["recording"] == "b") & (table["time"] >= 10), "sigma"] = 0.9
    tables.write(table, schema.LABELS, within(folder, LABELS, batch="one"))
    rows = [(d, "sigma", "K", 6, 3, 10, 2, 0.5, 0.5, 0.6, None, None, 1, 2, 3) for d in ("x", "y")]
    rows = pd.DataFrame(rows, columns=schema.AGREEMENT_RELIABILITY.names)
    path = within(folder, AGREEMENT, part="reliability")
    tables.write(rows, schema.AGREEMENT_RELIABILITY, path)
    return folder


def command(monkeypatch, *words):
    monkeypatch.setattr("sys.argv", ["softaer", "plan", *map(str, words)])
    __main__.main()


def test_the_command_writes_a_table_and_tasks_for_elan(results, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    command(monkeypatch, results, "--stretch", 10, "--minutes", 0.5, "--output-dir", out)
    table = pd.read_csv(out / "plan.csv")
    assert len(table) == 3
    best = table.iloc[:2]
    assert set(best["recording"]) == {"b"}
    assert set(best["dimension"]) == {"x", "y"}
    assert (best["start"] == 10).all()
    assert table["gain"].is_monotonic_decreasing
    assert "3 stretches of 2 recordings, 0.5 min" in capsys.readouterr().out
    tiers = Eaf(str(out / "b.eaf"))
    assert set(tiers.get_tier_names()) == {"rate x", "rate y"}
    assert tiers.get_annotation_data_for_tier("rate x") == [(10000, 20000, "")]


def test_rare_values_lead_if_asked_for(results, tmp_path, monkeypatch):
    """Train has many frames about 0 to 20 and few elsewhere; b is at 50 to 70."""
    table = tmp_path / "recordings.csv"
    rows = ["recording,subject,partition,media,annotations"]
    rows += ["a,s1,train,a.mp4,a.csv", "b,s2,dev,b.mp4,b.csv"]
    table.write_text("\n".join(rows) + "\n")
    out = tmp_path / "out"
    command(monkeypatch, results, "--rare", table, "--output-dir", out)
    assert pd.read_csv(out / "plan.csv")["rarity"].max() == pytest.approx(1, abs=0.1)
    table.write_text(table.read_text().replace(",train,", ",test,"))
    with pytest.raises(InputError, match="no recording of train has labels"):
        command(monkeypatch, results, "--rare", table, "--output-dir", out)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "nowhere: no labels; expected the folder results"),
        (["results", "--stretch", "0"], "--stretch: found 0; expected 1 s or more"),
        (["results", "--minutes", "0.01"], "--minutes: found 0.01; no stretch is so short"),
    ],
)
def test_what_cannot_be_planned_is_said(words, said, results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=said):
        command(monkeypatch, *words)
    assert not (tmp_path / "plan").exists()
