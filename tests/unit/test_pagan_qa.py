"""Real raters who traced the pitch of a tone: 71 people, raw changes on a scale without limits.

The logs hold a row per change, out of order, with times in milliseconds; some people have several
sessions, some never moved. The pitch that was planted in the tone is known.
"""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import labels, layouts, ratings, recording_lengths
from softaer.core import tables
from softaer.core.experiment import Labels, Ratings
from softaer.core.grid import RATE
from softaer.core.schema import LABELS
from softaer.rater_lags import without_excluded
from softaer.rater_screen import screen_corpus

PEOPLE, FLAT, NEGATIVE, POINTS = 71, 13, 9, 325
"""Raters, those of them who never moved and who moved against the others, and grid points of
32.5 s."""


@pytest.fixture(scope="module")
def folder(shared_data):
    """The logs, the tone and its pitch."""
    return shared_data / "ratings" / "pagan_qa"


def changes(folder):
    """The logs as a long table. Of a person's sessions the one with most changes is taken."""
    logs = pd.read_csv(folder / "Raw_Audio_Logs.csv")
    sizes = logs.groupby(["Participant", "SessionID"]).size().sort_values(kind="stable")
    chosen = sizes.reset_index().drop_duplicates("Participant", keep="last")["SessionID"]
    logs = logs[logs["SessionID"].isin(chosen)]
    return pd.DataFrame(
        {
            "time": logs["VideoTime"] / 1000,
            "rater": logs["Participant"],
            "dimension": "pitch",
            "value": logs["Value"],
        }
    )


def pitch(folder, time):
    """The planted pitch at some times [Hz]; 60 values a second."""
    values = pd.read_csv(folder / "Pitch_values.csv")["Value"].to_numpy()
    return np.interp(time, np.arange(len(values)) / 60, values)


@pytest.fixture(scope="module")
def labelled(folder, tmp_path_factory):
    """Labels of the tone by each estimator, the notes, and the ratings on the grid."""
    here = tmp_path_factory.mktemp("pagan")
    changes(folder).to_csv(here / "tone.csv", index=False)

    def run(stage, *words):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["stage", *map(str, words)])
            stage.main()

    tone = folder / "QA_Audio.mp4"
    run(recording_lengths, "--recording", "tone", tone, "--output", here / "lengths.parquet")
    run(
        *(ratings, "--recording", "tone", here / "tone.csv", "--dimensions", "pitch"),
        *("--interpolation", "hold", "--lengths", here / "lengths.parquet"),
        *("--output", here / "ratings.parquet", "--notes-output", here / "notes.parquet"),
    )
    found = {}
    for estimator in ("ewe", "mean"):
        run(
            *(labels, "--ratings", here / "ratings.parquet", "--estimator", estimator),
            *("--output", here / "labels.parquet", "--weights-output", here / "weights.parquet"),
            *("--notes-output", here / "label_notes.parquet"),
        )
        found[estimator] = tables.read(here / "labels.parquet")
    assert tables.columns(here / "labels.parquet") == LABELS.names
    notes = tables.read(here / "notes.parquet")["note"]
    return (
        found,
        list(notes),
        tables.read(here / "ratings.parquet"),
        tables.read(here / "weights.parquet"),
    )


def test_all_of_the_tone_is_labelled_by_all(labelled):
    found, _, traces, weights = labelled
    for estimator, table in found.items():
        np.testing.assert_array_equal(table["time"], np.arange(POINTS) / RATE)
        counted = {"ewe": PEOPLE - FLAT - NEGATIVE, "mean": PEOPLE}[estimator]
        assert (table["raters"] == counted).all()
        assert table["sigma"].notna().all()
    assert (traces.groupby("rater").size() == POINTS).all()
    spans = traces.groupby("rater")["value"].agg(np.ptp)
    assert (spans == 0).sum() == FLAT
    assert weights.loc[weights["rater"].isin(spans.index[spans == 0]), "agreement"].isna().all()


def test_what_was_held_is_noted(labelled):
    """Some people played the tone twice; changes just after the end are nothing to speak of."""
    _, notes, _, _ = labelled
    held = [note for note in notes if "last values are held to the end of the recording" in note]
    assert len(held) == 1
    twice = [note for note in notes if "twice" in note]
    assert len(held) + len(twice) == len(notes)
    assert 0 < len(twice) < PEOPLE / 4


@pytest.mark.parametrize(("estimator", "best"), [("ewe", 0.986), ("mean", 0.984)])
def test_labels_follow_the_pitch_after_a_delay(folder, labelled, estimator, best):
    table = labelled[0][estimator]
    truth = pitch(folder, table["time"].to_numpy())
    delays = np.arange(0, 41)
    found = [
        np.corrcoef(table["E"].to_numpy()[delay:], truth[: POINTS - delay])[0, 1]
        for delay in delays
    ]
    assert max(found) == pytest.approx(best, abs=0.003)
    assert delays[np.argmax(found)] / RATE == pytest.approx(1.3, abs=0.2)
    assert found[0] < max(found) - 0.03


def test_interpolation_between_changes_leaves_most_of_the_tone_out(folder, tmp_path, monkeypatch):
    changes(folder).to_csv(tmp_path / "tone.csv", index=False)
    words = ["--recording", "tone", tmp_path / "tone.csv", "--dimensions", "pitch"]
    words += ["--output", tmp_path / "r.parquet", "--notes-output", tmp_path / "n.parquet"]
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, words)])
    ratings.main()
    assert len(tables.read(tmp_path / "r.parquet")) < 0.6 * PEOPLE * POINTS


def test_the_raw_log_gives_the_ratings_of_the_tidied_table(folder, labelled):
    """The reader of PAGAN's log picks sessions and orders rows as :func:`changes` does."""
    said = []
    settings = Ratings(interpolation="hold")
    _, table = ratings.read_recording(
        *("tone", str(folder / "Raw_Audio_Logs.csv"), layouts.layout("table"), ["pitch"], settings),
        length=POINTS / RATE,
        note=said.append,
    )
    before = labelled[2].sort_values(["rater", "time"])
    table = table.sort_values(["rater", "time"])
    assert table["rater"].nunique() == PEOPLE
    np.testing.assert_array_equal(table["rater"], before["rater"])
    np.testing.assert_array_equal(table["time"], before["time"])
    differing = (table["value"].to_numpy() != before["value"].to_numpy()).mean()
    assert differing < 0.002  # changes at the same time, of which the one made last counts
    assert any("13 of 71 participants have several sessions" in note for note in said)


@pytest.mark.parametrize(("estimator", "best"), [("ewe", 0.989), ("mean", 0.991)])
def test_standardised_traces_follow_the_pitch_more_closely(folder, estimator, best, tmp_path):
    """On a scale without limits a rater with a wide range outweighs the others otherwise."""
    settings = Ratings(interpolation="hold", scale="standardised")
    _, table = ratings.read_recording(
        *("tone", str(folder / "Raw_Audio_Logs.csv"), layouts.layout("table"), ["pitch"], settings),
        length=POINTS / RATE,
        note=[].append,
    )
    rows = table[["time", "rater", "value"]]
    own = {"against": "others", "spread": "sample", "spread_about": "E", "min_raters": 1}
    found, _ = labels.label(rows, estimator=estimator, **own)
    truth = pitch(folder, found["time"].to_numpy())
    r = [
        np.corrcoef(found["E"].to_numpy()[delay:], truth[: POINTS - delay])[0, 1]
        for delay in range(41)
    ]
    assert max(r) == pytest.approx(best, abs=0.001)


def test_the_screen_finds_the_flat_and_those_who_move_against_the_others(folder, labelled):
    """Without them, labels follow the pitch as closely as those from everybody, or nearly so."""
    weights = labelled[3].set_index("rater")["agreement"]
    settings = Ratings(interpolation="hold", scale="standardised")
    _, traces = ratings.read_recording(
        *("tone", str(folder / "Raw_Audio_Logs.csv"), layouts.layout("table"), ["pitch"], settings),
        length=POINTS / RATE,
        note=[].append,
    )
    traces = traces.assign(recording="tone")
    table = screen_corpus(traces, Labels(screen=("flat", "inverted", "unrelated")))
    verdict = table.set_index("rater")["verdict"]
    assert (verdict == "flat").sum() == FLAT
    assert set(verdict[weights.index[weights < 0]]) == {"unrelated"}
    assert (verdict == "agrees").sum() == PEOPLE - FLAT - NEGATIVE
    kept = without_excluded(traces, table)
    r = {}
    for estimator in ("mean", "ewe"):
        estimate, _ = labels.label(kept, estimator=estimator)
        truth = pitch(folder, estimate["time"].to_numpy())
        emotion = estimate["E"].to_numpy()
        delays = (np.corrcoef(emotion[d:], truth[: POINTS - d])[0, 1] for d in range(41))
        r[estimator] = max(delays)
    assert r["mean"] == pytest.approx(0.9906, abs=2e-4)  # 0.9911 with everybody
    assert r["ewe"] == pytest.approx(0.9895, abs=2e-4)  # 0.9889 with everybody
