"""The report's first screen: each sentence and warning where it is true, and where it is not."""

import inspect
from pathlib import Path

import pandas as pd
import pytest

from softaer import evaluate
from softaer.core import schema
from softaer.core.experiment import Experiment
from softaer.corpus import read_recordings
from softaer.page import cautions, summary
from softaer.page.against_ridge import AgainstRidge
from softaer.signals import clock, following, pictures, sound

EXPERIMENT = Experiment(
    dimensions=("arousal", "valence"),
    modalities=("audio", "video", "audio+video"),
    tasks=("single", "multi"),
    seeds=(1, 2, 3),
)


@pytest.fixture
def recordings(tmp_path: Path):
    path = tmp_path / "recordings.csv"
    rows = ["a,s1,train", "b,s1,train", "c,s2,test", "d,s3,dev"]
    lines = ["recording,subject,partition,media,annotations"]
    lines += [f"{row},{row[0]}.mp4,{row[0]}.csv" for row in rows]
    path.write_text("\n".join(lines) + "\n")
    return read_recordings(path)


def test_what_was_done_is_one_sentence(recordings):
    said = summary.what_was_done(EXPERIMENT, ["blstm"], recordings, 6, simulated=True)
    assert said == (
        "Networks (blstm; single, multi; 3 seeds) predicted E and σ of arousal and valence 10 "
        "times a second from audio, video and their late fusion, in 4 recordings (2 train, 1 dev, "
        "1 test) of 3 subjects of the simulated corpus, rated by 6 raters."
    )
    alone = Experiment(("arousal",), ("audio",), ("single",), (1,), targets=("E",))
    said = summary.what_was_done(alone, ["gru", "tcn"], recordings, 0, simulated=False)
    assert said == (
        "Networks (gru, tcn; single; 1 seed) predicted E of arousal 10 times a second from audio, "
        "in 4 recordings (2 train, 1 dev, 1 test) of 3 subjects."
    )


def block(test, best=False):
    return {"dev": 0.5, "out_of_fold": 0.25, "test": test, "bounds": "[0.10, 0.20]", "best": best}


def chosen(own=0.5, other=0.75, ridge=0.25):
    table = {
        "columns": [("arousal", "E")],
        "rows": [
            {"name": "audio", "task": "single", "blocks": [block(own, best=own > other)]},
            {"name": "video", "task": "multi", "blocks": [block(other, best=other > own)]},
            {"name": "audio", "task": "ridge", "blocks": [block(ridge)]},
        ],
    }
    best = {"dimension": "arousal", "target": "E", "modality": "audio", "task": "single"}
    return summary.chosen_rows([{**best, "fusion": None, "ccc": own, "human": 0.9}], table)


def test_the_chosen_model_stands_beside_ridge_and_one_more_rater():
    (row,) = chosen()
    assert (row["of"], row["model"]) == ("arousal E", "audio, single")
    assert (row["test"], row["ridge"], row["human"], row["out_of_fold"]) == (0.5, 0.25, 0.9, 0.25)
    assert row["highest"] == ("video, multi", 0.75)


def test_a_headline_that_is_not_the_bold_number_explains_itself():
    said = summary.not_the_highest(chosen())
    assert "chosen on dev" in said
    assert "higher on test for arousal E (video, multi: 0.750)." in said
    assert summary.not_the_highest(chosen(own=0.8)) is None


def claims(*rows):
    return pd.DataFrame(rows, columns=["hypothesis", "target", "answer"])


def test_whether_ridge_is_beaten_follows_from_the_claim():
    assert evaluate.CLAIMS["ridge"] == summary.RIDGE_CLAIM
    ahead = AgainstRidge("test", 8, [])
    yes = claims(("network > ridge", "E", "yes"), ("network > ridge", "sigma", "yes"))
    assert summary.ridge_beaten(yes, ahead) == (
        "yes for E and σ. The network has the higher CCC in 8 of 8 cases on test."
    )
    mixed = claims(("network > ridge", "E", "yes"), ("network > ridge", "sigma", "no"))
    behind = AgainstRidge("dev", 8, [{}, {}])
    assert summary.ridge_beaten(mixed, behind) == (
        "yes for E, no for σ. The network has the higher CCC in 6 of 8 cases on dev, out of fold."
    )
    assert summary.ridge_beaten(claims(), ahead).startswith("Not tested. ")
    assert summary.ridge_beaten(yes, None).startswith("Not known")


def test_whether_the_claims_hold():
    some = claims(("a > b", "E", "yes"), ("a > b", "sigma", "undecided"), ("c > d", "E", "no"))
    assert summary.claims_hold(some) == "a > b: yes for E, undecided for σ; c > d: no for E."
    only_ridge = claims(("network > ridge", "E", "yes"))
    assert summary.claims_hold(only_ridge).startswith("Not tested")


def distribution(difference=-0.1, low=-0.2, high=-0.05, r=(0.3, 0.2)):
    names = ["dimension", "task", "series", "crps_difference", "crps_low", "crps_high"]
    table = pd.DataFrame(
        [
            ("m", "single", "predicted", None, None, None),
            ("m", "single", "constant spread", difference, low, high),
        ],
        columns=names,
    )
    for end in ("difference", "low", "high"):
        table[f"nll_{end}"] = table[f"crps_{end}"]
    known = dict.fromkeys(("skill", "a", "b_squared", "out_of_fold"), 0.5)
    table = table.assign(r_deviation=r[0], r_deviation_low=r[1], units=8, panels=1, **known)
    return table.reindex(columns=schema.DISTRIBUTION.names)


def test_what_sigma_is_worth():
    said = summary.sigma_worth(distribution())
    assert said.startswith("More than a constant spread in every case (beyond chance in 1)")
    assert said.endswith("it correlates by 0.30.")
    said = summary.sigma_worth(distribution(0.1, 0.05, 0.2, (-0.3, -0.4)))
    assert said.startswith("Not more than a constant spread")
    assert said.endswith("it correlates by −0.30.")
    said = summary.sigma_worth(distribution(low=None, high=None))
    assert "(too few units to be certain)" in said
    assert summary.sigma_worth(distribution()[:0]).startswith("Not known")


def test_a_sigma_that_knows_no_moment_is_warned_of():
    assert "for m, single:" in cautions.of_sigma(distribution(r=(0.3, -0.1))).text
    assert cautions.of_sigma(distribution()) is None


def test_unusual_inputs_are_counted_by_kind():
    table = pd.DataFrame(
        [
            ("a", "landmarks", "3 video frames are damaged"),
            ("a", "landmarks", "no video frame for 2.0 s after 1.0 s"),
            ("b", "audio_lld", "digital silence for 3.0 of 9.0 s"),
            ("b", "ratings", "something else"),
            ("b", "labels", "m: E jumps"),
        ],
        columns=["recording", "stage", "note"],
    )
    found = cautions.of_inputs(table, 9, {"jumps of E": ("E jumps",)})
    assert found.text == (
        "Unusual inputs were found in the data of 2 of 9 recordings, and used nevertheless: video "
        "frames dropped, damaged or missing in 1, silence in 1, jumps of E in 1, other notes in 1."
    )
    assert cautions.of_inputs(table[:0], 9, {}) is None


def test_the_words_of_each_kind_are_those_of_a_stage():
    """Else a note that is worded anew would be counted as another one."""
    said = "".join(map(inspect.getsource, (clock, following, pictures, sound)))
    for words in (word for kind in cautions.KINDS.values() for word in kind):
        assert words in said, words


def test_recordings_without_features_are_warned_of():
    rows = [("a", "video", True), ("b", "video", False), ("b", "audio", False)]
    table = pd.DataFrame(rows, columns=["recording", "without", "scored"])
    assert cautions.of_absences(table).text == (
        "Recordings without any features: video in 2, audio in 1. Without all modalities, and not "
        "scored: 1."
    )
    assert "not scored" not in cautions.of_absences(table[:1]).text
    assert cautions.of_absences(table[:0]) is None


def test_raters_out_of_agreement_are_warned_of():
    rows = [("m", "x", "agrees", "kept"), ("m", "y", "flat", "excluded: flat")]
    rows += [("m", "z", "inverted", "kept, though inverted")]
    raters = pd.DataFrame(rows, columns=["dimension", "rater", "verdict", "done"])
    found = cautions.of_raters(raters).text
    assert found.endswith("m: 2 of 3 (1 flat, 1 inverted; 1 left out).")
    assert cautions.of_raters(raters[:1]) is None


def test_a_chosen_model_that_does_not_beat_ridge_is_warned_of():
    found = cautions.of_ridge(chosen(ridge=0.6))
    assert found.text.endswith("for arousal E (0.500, ridge 0.600).")
    assert cautions.of_ridge(chosen(ridge=0.4)) is None
    assert cautions.of_ridge(chosen(ridge=None)) is None


def test_a_label_of_sigma_without_reliability_is_warned_of():
    rows = [("m", "sigma", -0.1, 0.2), ("n", "sigma", 0.1, 0.2), ("n", "E", -0.1, 0.2)]
    table = pd.DataFrame(rows, columns=["dimension", "target", "low", "reliability"])
    assert "not reliable for m:" in cautions.of_reliability(table).text
    assert cautions.of_reliability(table[1:]) is None


def test_few_units_one_seed_and_few_people_in_dev_are_warned_of():
    assert "Only 4 subjects in test" in cautions.of_units(4, "subject").text
    assert "no test partition" in cautions.of_units(0, "subject").text
    assert cautions.of_units(6, "subject") is None
    assert cautions.of_seeds(1).text.startswith("One seed")
    assert cautions.of_seeds(2) is None
    assert "Only 2 subjects in dev" in cautions.of_dev(2).text
    assert cautions.of_dev(3) is None
