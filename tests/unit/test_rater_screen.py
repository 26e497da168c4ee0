"""Screen of raters: planted faults are found, and raters without one are kept."""

import sys

import numpy as np
import pandas as pd
import pytest
from planted_panels import FAULTS, MILD, NAN, ODD, STRONG, planted

from softaer import labels, rater_screen
from softaer.core import tables
from softaer.core.concordance import ccc
from softaer.core.errors import InputError
from softaer.core.experiment import Labels
from softaer.core.schema import RATER_SCREEN, RATINGS
from softaer.labels import label
from softaer.rater_lags import estimate_lags, without_excluded
from softaer.rater_screen import (
    AGREES,
    FLAT,
    INVERTED,
    UNKNOWN,
    UNRELATED,
    best_correlations,
    screen,
    screen_corpus,
    sides,
    told,
)
from softaer.simulate.noise import smooth_noise

FOUND = {"none": AGREES, "inverted": INVERTED, "dead": FLAT, "noise": UNRELATED}
CASES = [(raters, seed) for raters in (MILD, STRONG) for seed in range(4)]


def verdicts(recordings, **thresholds):
    return list(screen(recordings, **thresholds)["verdict"])


def relative(lags):
    return np.asarray(lags) - np.mean(lags)


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found_in_all_of_eight_panels_and_nobody_else(fault):
    for raters, seed in CASES:
        found = verdicts(planted(seed, raters, fault).ratings)
        assert found.pop(ODD) == FOUND[fault]
        assert set(found) == {AGREES}


@pytest.mark.parametrize("fault", FAULTS)
def test_lags_after_the_screen_are_within_a_tenth_of_a_second(fault):
    errors = []
    for seed in range(4):
        panel = planted(seed, MILD, fault)
        on = np.array(verdicts(panel.ratings)) == AGREES
        lags = estimate_lags([traces[on] for traces in panel.ratings])["lag"]
        errors.append(relative(lags) - relative(panel.lag[on]))
    assert np.sqrt(np.mean(np.square(errors))) < 0.1


def sigma_of(panel, kept, **settings):
    """CCC of sigma with the planted one, of the labels of some raters."""
    estimates, truth = [], []
    for traces, sigma in zip(panel.ratings, panel.sigma, strict=True):
        rater, frame = np.nonzero(~np.isnan(traces) & np.array(kept)[:, None])
        rows = {"time": frame / 10, "rater": rater, "value": traces[rater, frame]}
        table, _ = label(pd.DataFrame(rows), **settings)
        estimates.append(table["sigma"])
        truth.append(sigma[60:])
    return ccc(np.concatenate(truth), np.concatenate(estimates))


@pytest.mark.parametrize("fault", ["inverted", "dead"])
def test_a_bad_rater_does_not_spoil_sigma(fault):
    everybody = [True] * len(MILD)
    whole, zero, screened, plain = [], [], [], []
    for seed in range(3):
        whole.append(sigma_of(planted(seed), everybody))
        panel = planted(seed, fault=fault)
        zero.append(sigma_of(panel, everybody))
        screened.append(sigma_of(panel, np.arange(len(MILD)) != ODD))
        plain.append(sigma_of(panel, everybody, estimator="mean"))
    assert np.mean(whole) > 0.65
    assert np.mean(zero) > np.mean(whole) - 0.06
    assert np.mean(screened) > np.mean(whole) - 0.06
    assert np.mean(plain) < np.mean(whole) - 0.2


def test_two_inverted_of_six_are_found():
    panel = planted(0)
    for traces in panel.ratings:
        traces[[2, 4]] *= -1
    assert verdicts(panel.ratings) == [AGREES, AGREES, INVERTED, AGREES, INVERTED, AGREES]


def test_half_against_half_cannot_be_judged():
    panel = planted(0)
    for traces in panel.ratings:
        traces[:3] *= -1
    table = screen(panel.ratings)
    assert set(table["verdict"]) == {UNKNOWN}
    assert set(table["reason"]) == {"3 raters run against the other 3"}


@pytest.mark.parametrize("raters", [1, 2])
def test_fewer_than_three_raters_cannot_be_judged(raters):
    panel = planted(0, MILD[:raters])
    table = screen(panel.ratings)
    assert set(table["verdict"]) == {UNKNOWN}
    assert "3 are needed" in table["reason"][0]
    panel.ratings = [np.where(np.isnan(t), NAN, 0.3) for t in panel.ratings]
    assert set(verdicts(panel.ratings)) == {FLAT}


def test_raters_who_do_not_agree_at_all_cannot_be_judged():
    rng = np.random.default_rng(0)
    recordings = [np.stack([smooth_noise(rng, 400, 20) for _ in range(5)]) for _ in range(6)]
    assert set(verdicts(recordings, unrelated_below=1.0)) == {UNKNOWN}


def test_raters_absent_from_recordings_gaps_and_constant_stretches():
    panel = planted(1, fault="inverted")
    for number, traces in enumerate(panel.ratings):
        traces[number % 6] = NAN
        traces[(number + 1) % 6, 200:260] = NAN
        traces[(number + 2) % 6, 100:200] = 0.25
    found = verdicts(panel.ratings)
    assert found.pop(ODD) == INVERTED
    assert set(found) == {AGREES}


def test_other_raters_in_each_recording_are_judged_among_themselves():
    first, second = planted(2, recordings=3).ratings, planted(3, recordings=3).ratings
    nobody = np.full_like(first[0], NAN)
    recordings = [np.vstack([traces, nobody]) for traces in first]
    recordings += [np.vstack([nobody, traces]) for traces in second]
    for traces in recordings[:3]:
        traces[5] *= -1
    found = verdicts(recordings)
    assert found[5] == INVERTED
    assert set(found[:5] + found[6:]) == {AGREES}
    lonely = [np.vstack([traces, traces[:1] * NAN]) for traces in recordings]
    lonely.append(np.vstack([np.full((12, 440), NAN), first[0][:1]]))
    table = screen(lonely)
    assert list(table["verdict"])[:-1] == found
    assert table["verdict"].iloc[-1] == UNKNOWN


def test_thresholds():
    panel = planted(0, STRONG)
    for traces in panel.ratings:
        traces[3] *= 0.02
    assert set(verdicts(panel.ratings)) == {AGREES}
    assert verdicts(panel.ratings, flat_below=0.1)[3] == FLAT
    noise = planted(0, fault="noise").ratings
    assert verdicts(noise, unrelated_below=0.0)[ODD] == AGREES


def test_pairs_are_compared_at_their_best_lag():
    rng = np.random.default_rng(4)
    common = smooth_noise(rng, 660, 25)
    traces = [np.stack([common[:600], common[21:621], -common[12:612], np.full(600, NAN)])]
    found = best_correlations(traces, 30)
    np.testing.assert_allclose(found, found.T)
    assert found[0, 1] > 0.999
    assert found[0, 2] < -0.999
    assert np.isnan(np.diag(found)).all()
    assert np.isnan(found[3]).all()
    assert np.isnan(best_correlations([t[:, :40] for t in traces], 30)).all()  # less than 5 s


def test_sides_of_an_unconnected_rater():
    matrix = np.full((4, 4), NAN)
    matrix[0, 1] = matrix[1, 0] = matrix[1, 2] = matrix[2, 1] = 0.9
    assert sides(matrix)[:3].tolist() == [1, 1, 1]


def as_table(recordings):
    parts = []
    for number, traces in enumerate(recordings):
        rater, frame = np.nonzero(~np.isnan(traces))
        rows = {"time": frame / 10, "value": traces[rater, frame]}
        names = np.array([f"r{k}" for k in range(len(traces))])
        rows |= {"recording": f"rec{number}", "dimension": "x", "rater": names[rater]}
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def test_nobody_is_left_out_without_being_asked():
    ratings = as_table(planted(0, fault="inverted", recordings=4).ratings)
    table = screen_corpus(ratings, Labels())
    assert not table["excluded"].any()
    (line,) = told(table)
    assert line.startswith("x: rater 'r1' is inverted (r = -0.9")
    assert line.endswith("with the others): kept")
    assert not screen_corpus(ratings, Labels(screen=("flat",)))["excluded"].any()
    table = screen_corpus(ratings, Labels(screen=("flat", "inverted")))
    assert table.loc[table["excluded"], "rater"].tolist() == ["r1"]
    assert next(told(table)).endswith(": left out of E and sigma")
    left = without_excluded(ratings, table)
    pd.testing.assert_frame_equal(left, ratings[ratings["rater"] != "r1"].reset_index(drop=True))


def test_a_recording_without_anybody_left_is_an_error():
    ratings = as_table(planted(0, fault="inverted", recordings=4).ratings)
    alone = (ratings["recording"] == "rec2") & (ratings["rater"] != "r1")
    table = screen_corpus(ratings[~alone], Labels(screen=("inverted",)))
    with pytest.raises(InputError, match=r"'rec2', x: .* leaves out all raters: 'r1' \(inverted\)"):
        without_excluded(ratings[~alone], table)


def run(stage, monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, words)])
    stage.main()


def test_the_command_line_from_ratings_to_labels(tmp_path, monkeypatch, capsys):
    ratings = as_table(planted(0, fault="dead", recordings=2).ratings)
    lines = ["recording,subject,partition,annotations"]
    for name, rows in ratings.groupby("recording"):
        tables.write(rows, RATINGS, tmp_path / f"ratings/{name}.parquet")
        lines.append(f"{name},s,train,{name}.csv")
    (tmp_path / "recordings.csv").write_text("\n".join(lines) + "\n")
    corpus = ["--recordings", tmp_path / "recordings.csv", "--ratings", tmp_path / "ratings"]
    screened = tmp_path / "screen.parquet"
    run(rater_screen, monkeypatch, *corpus, "--screen", "flat", "unrelated", "--output", screened)
    assert "rater 'r1' is flat (never moves): left out of E and sigma" in capsys.readouterr().out
    assert tables.columns(screened) == RATER_SCREEN.names
    words = ["--ratings", tmp_path / "ratings/rec0.parquet", "--rater-screen", screened]
    words += ["--output", tmp_path / "labels.parquet", "--weights-output", tmp_path / "w.parquet"]
    run(labels, monkeypatch, *words)
    assert set(tables.read(tmp_path / "w.parquet")["rater"]) == {"r0", "r2", "r3", "r4", "r5"}
    assert (tables.read(tmp_path / "labels.parquet")["raters"] == 5).all()
