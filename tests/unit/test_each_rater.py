"""What is known of each rater: planted parameters, faults, outliers and drift are found."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from planted_panels import MILD, NAN, ODD, STRONG, planted
from scipy.io import wavfile
from test_rater_screen import as_table, run

from softaer import __main__, labels, rater_screen, raters
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import Evaluation, Labels
from softaer.core.panel_model import fit
from softaer.core.schema import AGREEMENT_RELIABILITY, RATER_RECORDINGS, RATERS, RATINGS
from softaer.figures.raters import draw
from softaer.page.raters import raters_rows, sentences
from softaer.prepare.check_raters import known_of_raters, tell_each_rater
from softaer.rater_lags import estimate_lags, shift
from softaer.raters import drift, outliers, still

PARAMETERS = ("lag", "gain", "bias")


def known(panel, **settings):
    """The table of a planted panel, one row per rater."""
    ratings = as_table(panel.ratings)
    found = known_of_raters(ratings, Labels(**settings), {}, Evaluation(draws=300)).raters
    return found.set_index("rater")


def truths(panel, on):
    """Planted parameters in the panel's units; lags about the median."""
    return {
        "lag": panel.lag - np.median(panel.lag[on]),
        "gain": panel.gain / panel.gain[on].mean(),
        "bias": panel.bias - panel.bias[on].mean(),
    }


@pytest.mark.parametrize("kind", ["mild", "strong"])
def test_planted_parameters_are_found(kind):
    errors = {name: [] for name in PARAMETERS}
    covered = []
    for seed in range(4):
        panel = planted(seed, {"mild": MILD, "strong": STRONG}[kind])
        found = known(panel)
        for name, truth in truths(panel, np.ones(6, dtype=bool)).items():
            error = found[name] - truth
            errors[name].append(error - (error.mean() if name == "lag" else 0))
            middle = error.mean() if name == "lag" else 0
            low, high = (found[f"{name}_{end}"] - middle for end in ("low", "high"))
            covered += list((low - 0.05 <= truth) & (truth <= high + 0.05))
    size = {name: np.sqrt(np.mean(np.square(e))) for name, e in errors.items()}
    assert size["lag"] < {"mild": 0.1, "strong": 0.2}[kind]
    assert size["gain"] < 0.06
    assert size["bias"] < 0.03
    assert np.mean(covered) > 0.9


@pytest.mark.parametrize("raters_of_panel", [MILD, STRONG], ids=["mild", "strong"])
def test_the_model_does_not_follow_a_rater_of_noise(raters_of_panel):
    """Even if the screen has not left this rater out."""
    for seed in range(4):
        panel = planted(seed, raters_of_panel, "noise")
        on = np.arange(6) != ODD
        lags = np.zeros(6)
        lags[on] = estimate_lags([traces[on] for traces in panel.ratings])["lag"]
        steps = np.round(lags * 10).astype(int)
        traces = [np.stack(list(map(shift, own, steps))) for own in panel.ratings]
        model = fit(traces, np.ones(6, dtype=bool))
        assert abs(model.gain[ODD]) < min(0.5, np.delete(model.gain, ODD).min())
        assert model.noise[ODD] > 2 * np.delete(model.noise, ODD).max()
        estimate = np.concatenate([model.estimates_of_others(own)[ODD] for own in traces])
        truth = np.concatenate(panel.emotion)
        there = ~np.isnan(estimate)
        assert np.corrcoef(estimate[there], truth[there])[0, 1] > 0.93


def test_faulty_raters_are_described_against_the_others():
    inverted = known(planted(0, fault="inverted")).iloc[ODD]
    assert inverted["gain"] == pytest.approx(-0.95, abs=0.1)
    assert inverted["agreement"] < -0.7
    assert inverted["ccc"] < -0.7
    assert inverted["inverted"] > 12
    assert np.isnan(inverted["lag"])
    assert inverted["done"].startswith("kept, though inverted; weight 0 in 1")
    out = known(planted(0, fault="inverted"), screen=("inverted",)).iloc[ODD]
    assert out["done"] == "excluded: inverted"
    assert out["weight_zero"] == 0
    assert np.isnan(out["weight"])
    assert out["gain"] == pytest.approx(inverted["gain"])
    dead = known(planted(0, fault="dead")).iloc[ODD]
    assert dead["done"] == "kept, though flat; weight 0 in 16 of 16 recordings"
    assert dead["flat"] == 16
    assert dead["still"] == 1
    assert dead["gain"] == pytest.approx(0, abs=1e-6)
    assert np.isnan(dead["agreement"])


@pytest.mark.parametrize("alignment", ["none", "estimated"])
def test_lags_are_those_of_the_labels(alignment):
    panel = planted(1)
    found = known(panel, alignment=alignment)
    np.testing.assert_allclose(found["lag"], estimate_lags(panel.ratings)["lag"])


def test_an_outlier_and_a_drift_are_found_and_nothing_else():
    panel = planted(3)
    assert known(panel)["outliers"].sum() <= 0.02 * 6 * 16
    clean = sentences(known(panel).reset_index())
    assert clean[0] == "x: all 6 raters agree with the others."
    assert not any("first to the last" in line for line in clean)
    for place, traces in enumerate(panel.ratings):
        traces[4] += 0.04 * (place - 8)
    panel.ratings[5][2] *= -1
    table = known(panel)
    assert "rec5" in table.loc["r2", "outlier_recordings"]
    assert table.loc["r4", "bias_drift"] == pytest.approx(0.04 * 15, abs=0.15)
    assert table["bias_drift_p"].idxmin() == "r4"
    lines = sentences(table.reset_index())
    assert any("bias of rater 'r4' changes by +0." in line for line in lines)
    assert any("'r2' in rec5" in line for line in lines)


def test_few_recordings_have_no_intervals_outliers_or_drift():
    table = known(planted(0, recordings=5))
    assert table["lag"].notna().all()
    for name in ("lag", "gain", "bias", "noise"):
        assert table[[f"{name}_low", f"{name}_high"]].isna().all(axis=None)
    assert table[["bias_drift", "gain_drift_p"]].isna().all(axis=None)
    assert (table["outliers"] == 0).all()


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_raters(count):
    panel = planted(0, MILD[:count], recordings=3)
    table = known(panel)
    assert set(table["verdict"]) == {"unknown"}
    assert set(table["done"]) <= {"kept", "kept; weight 0 in 0 of 3 recordings"}
    assert table["gain"].notna().all() == (count == 2)
    (line,) = [line for line in sentences(table.reset_index()) if "judged" in line]
    assert line.startswith(f"x: {count} of {count} raters cannot be judged, and kept")


def test_raters_who_never_move():
    panel = planted(0, recordings=2)
    panel.ratings = [np.where(np.isnan(traces), NAN, 0.3) for traces in panel.ratings]
    table = known(panel)
    assert set(table["verdict"]) == {"flat"}
    assert table[["gain", "lag", "agreement", "correlation"]].isna().all(axis=None)
    assert "6 of 6 raters are flat, and kept" in sentences(table.reset_index())[0]


def test_raters_absent_from_recordings():
    panel = planted(2)
    for place, traces in enumerate(panel.ratings):
        traces[place % 6] = NAN
    table = known(panel)
    assert table["recordings"].tolist() == [13, 13, 13, 13, 14, 14]
    np.testing.assert_allclose(table["share"], table["recordings"] / 16)
    assert table["gain"].notna().all()
    assert set(table["verdict"]) == {"agrees"}


def test_a_hard_recording_is_no_outlier():
    rng = np.random.default_rng(0)
    rows = [
        {"recording": k, "rater": r, "agreement": 0.8 + 0.02 * rng.normal() - 0.6 * (k == 3)}
        for k in range(10)
        for r in "abcde"
    ]
    table = pd.DataFrame(rows).assign(bias=rng.normal(size=50))
    assert outliers(table)[table["recording"] == 3].isna().all()
    table.loc[(table["recording"] == 7) & (table["rater"] == "b"), "agreement"] = 0.0
    (odd,) = outliers(table)[(table["recording"] == 7) & (table["rater"] == "b")]
    assert odd.startswith("r 0.00, usually 0.8")


def test_still_and_drift_of_short_series():
    assert still(np.array([NAN, 0.1, NAN])) == 0
    assert still(np.append(np.zeros(99), 1.0)) == 0
    assert still(np.append(np.zeros(100), np.arange(1, 101))) == 0.5
    assert np.isnan(drift(np.array([0.0, 1, 2, 3, 4, NAN]))).all()


@pytest.fixture
def corpus(tmp_path):
    """A table of recordings with silent sound, and their ratings as CSV and as tables."""
    panel = planted(0, fault="inverted", recordings=7, seconds=30)
    ratings = as_table(panel.ratings)
    lines = ["recording,subject,partition,annotations,audio"]
    for number, (name, rows) in enumerate(ratings.groupby("recording")):
        tables.write(rows, RATINGS, tmp_path / f"ratings/{name}.parquet")
        wide = rows.pivot_table(index="time", columns="rater", values="value")
        wide.to_csv(tmp_path / f"{name}.csv")
        wavfile.write(tmp_path / f"{name}.wav", 8000, np.zeros(30 * 8000, dtype=np.int16))
        partition = ("train", "dev", "test")[number % 3]
        lines.append(f"{name},s{number},{partition},{name}.csv,{name}.wav")
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    return tmp_path, ratings


def test_the_command_line_gives_the_same_as_the_check(corpus, monkeypatch):
    folder, ratings = corpus
    shared = ["--recordings", folder / "recordings.csv", "--ratings", folder / "ratings"]
    screen = folder / "screen.parquet"
    run(rater_screen, monkeypatch, *shared, "--screen", "inverted", "--output", screen)
    for name in ratings["recording"].unique():
        words = ["--ratings", folder / f"ratings/{name}.parquet", "--rater-screen", screen]
        words += ["--output", folder / f"labels/{name}.parquet"]
        words += ["--weights-output", folder / f"weights/{name}.parquet"]
        run(labels, monkeypatch, *words)
    words = ["--weights", folder / "weights", "--screen", screen, "--draws", 300]
    words += ["--output", folder / "raters.parquet"]
    words += ["--recordings-output", folder / "each.parquet"]
    run(raters, monkeypatch, *shared, *words)
    table = tables.read(folder / "raters.parquet")
    assert tables.columns(folder / "raters.parquet") == RATERS.names
    assert tables.columns(folder / "each.parquet") == RATER_RECORDINGS.names
    assert len(tables.read(folder / "each.parquet")) == 6 * 7
    expected = known_of_raters(
        ratings, Labels(screen=("inverted",)), {}, Evaluation(draws=300)
    ).raters
    pd.testing.assert_frame_equal(table, expected[table.columns], check_dtype=False)


def test_check_shows_each_rater_if_asked(corpus):
    folder, _ = corpus
    words = [sys.executable, "-m", "softaer", "check", str(folder / "recordings.csv")]
    words += ["--dimensions", "x"]
    said = subprocess.run([*words, "--raters"], capture_output=True, text=True, check=False).stdout
    assert "x, each rater:" in said
    assert "x: 1 of 6 raters is inverted, and kept: 'r1'." in said
    assert "kept, though inverted; weight 0 in 7 of 7 recordings" in said
    needed = said[said.index("raters needed for 0.7, 0.8 and 0.9") :].splitlines()
    assert needed[1].split()[-6:] == ["for", "0.7", "for", "0.8", "for", "0.9"]
    (of_e,) = [line.split() for line in needed if line.split()[:2] == ["x", "E"]]
    assert [int(count) for count in of_e[-3:]] == sorted(int(count) for count in of_e[-3:])
    plain = subprocess.run(words, capture_output=True, text=True, check=False).stdout
    assert "each rater" not in plain


def told(monkeypatch, capsys, *words):
    """What ``softaer raters`` prints, with the errors of a table that cannot be used."""
    monkeypatch.setattr(sys, "argv", ["softaer", "raters", *map(str, words)])
    __main__.main()
    return capsys.readouterr()


def test_a_table_and_a_run_are_told_alike(corpus, tmp_path, monkeypatch, capsys):
    folder, ratings = corpus
    table = folder / "recordings.csv"
    words = ["--dimensions", "x", "--csv", tmp_path / "r.csv"]
    said = told(monkeypatch, capsys, table, *words).out
    assert "x: 1 of 6 raters is inverted, and kept: 'r1'." in said
    units = {name: f"s{number}" for number, name in enumerate(ratings["recording"].unique())}
    known = known_of_raters(ratings, Labels(), units, Evaluation())
    results = tmp_path / "run" / "results"
    tables.write(known.raters, RATERS, results / "raters.parquet")
    path = results / "agreement" / "reliability.parquet"
    tables.write(known.reliability, AGREEMENT_RELIABILITY, path)
    assert told(monkeypatch, capsys, tmp_path / "run").out == said
    assert told(monkeypatch, capsys, results).out == said
    written = pd.read_csv(tmp_path / "r.csv")
    assert list(written) == RATERS.names
    np.testing.assert_allclose(written["gain"], known.raters["gain"], rtol=1e-4)


def test_settings_of_the_experiment_count(corpus, tmp_path, monkeypatch, capsys):
    folder, _ = corpus
    (tmp_path / "x.yaml").write_text("dimensions: [x]\nlabels: {screen: [inverted]}\n")
    words = [folder / "recordings.csv", "--configfile", tmp_path / "x.yaml"]
    assert "left out of E and σ: 'r1'" in told(monkeypatch, capsys, *words).out


def test_an_unreliable_sigma_is_warned_of():
    known = known_of_raters(as_table(planted(0, recordings=8).ratings), Labels(), {})
    said = []
    tell_each_rater(known, said.append)
    assert not any("not above zero" in line for line in said)
    doubtful = known.reliability.assign(low=-0.1)
    tell_each_rater(known._replace(reliability=doubtful), said.append)
    assert sum("the reliability of σ is not above zero" in line for line in said) == 1


def test_what_cannot_be_told_is_said(corpus, tmp_path, monkeypatch, capsys):
    folder, _ = corpus
    with pytest.raises(InputError, match=r"raters\.parquet.*single raters"):
        told(monkeypatch, capsys, tmp_path)
    with pytest.raises(InputError, match="no dimension"):
        told(monkeypatch, capsys, folder / "recordings.csv")
    first = pd.read_csv(folder / "recordings.csv")["annotations"][0]
    (folder / first).write_text("time,r0\n0,?\n")
    with pytest.raises(SystemExit) as ended:
        told(monkeypatch, capsys, folder / "recordings.csv", "--dimensions", "x")
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert "x, each rater:" in said.out
    assert first.removesuffix(".csv") in said.err


def test_rows_for_people():
    panel = planted(0, recordings=8)
    row = raters_rows(known(panel).reset_index()).iloc[1]
    assert row["gain"].startswith("0.9") or row["gain"].startswith("1.0")
    assert row["gain"].count("[") == 1
    assert row["lag"].startswith("−0.") or row["lag"].startswith("0.")
    assert "(p " in row["bias_drift"]


def test_real_raters(shared_data):
    """13 of 71 never moved; 9 ran against the others, and have weight 0."""
    from test_pagan_qa import FLAT, NEGATIVE, PEOPLE, POINTS
    from test_pagan_qa import layouts as of_layouts
    from test_pagan_qa import ratings as stage

    path = shared_data / "ratings" / "pagan_qa" / "Raw_Audio_Logs.csv"
    settings = stage.Ratings(interpolation="hold")
    _, table = stage.read_recording(
        *("tone", str(path), of_layouts.layout("table"), ["pitch"], settings),
        length=POINTS / 10,
        note=[].append,
    )
    found = known_of_raters(table.assign(recording="tone"), Labels(), {}).raters
    assert len(found) == PEOPLE
    assert (found["flat"] == 1).sum() == FLAT
    assert (found["weight_zero"] == 1).sum() == FLAT + NEGATIVE
    lines = sentences(found)
    assert any(line.startswith("pitch: 13 of 71 raters are flat, and kept") for line in lines)
    assert any(line.startswith("pitch: 9 of 71 raters are unrelated, and kept") for line in lines)


def test_the_figure_has_a_row_of_four_panels_per_dimension():
    table = known(planted(0, recordings=6)).reset_index()
    both = pd.concat([table, table.assign(dimension="y")], ignore_index=True)
    figure = draw(both)
    assert len(figure.axes) == 8
    assert [axis.get_xlabel() for axis in figure.axes[:2]] == ["lag [s]", "gain"]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == list(table["rater"])
    alone = known(planted(0, MILD[:1], recordings=2)).reset_index()
    (axis,) = draw(alone).axes
    assert axis.texts[0].get_text() == "No two raters can be compared."
    many = pd.concat([table.assign(rater=f"r{k}") for k in range(20)], ignore_index=True)
    assert "too many for a figure" in draw(many).axes[0].texts[0].get_text()
