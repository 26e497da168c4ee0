"""Coverage: who has features, who has none and why, and who is scored nevertheless."""

import sys

import coverage_tables
import numpy as np
import pandas as pd
import pytest

from softaer import coverage as stage
from softaer.core import schema, tables
from softaer.core.grid import gaps
from softaer.corpus import Recording
from softaer.coverage import coverage, having, scored, why_absent, with_features
from softaer.modalities import BUILT_IN, SOURCES
from softaer.signals.extraction import NOTHING

NAN = np.nan
TARGETS = ["m_E", "m_sigma"]


def test_frames_count_as_present_only_with_all_features():
    dataset = pd.DataFrame(
        {
            "recording": ["b", "b", "b", "a", "a", "c"],
            "time": [0.0, 0.1, 0.2, 0.0, 0.1, 5.0],
            "f": [1.0, NAN, 1.0, 1.0, 1.0, NAN],
            "g": [1.0, 1.0, NAN, 1.0, 1.0, NAN],
        }
    )
    found = coverage(dataset)
    assert list(found.index) == ["b", "a", "c"]
    assert found[["frames", "present"]].to_numpy().tolist() == [[3, 1], [2, 2], [1, 0]]
    assert [some.tolist() for some in found["gaps"]] == [[0.1, 0.3], [], [5.0, 5.1]]


@pytest.mark.parametrize(
    ("frames", "present", "expected"),
    [
        ([0, 1, 2, 3], [1, 1, 1, 1], []),
        ([0, 1, 2, 3], [0, 0, 0, 0], [[0.0, 0.4]]),
        ([0, 1, 2, 3, 4, 5], [0, 1, 0, 0, 1, 0], [[0.0, 0.1], [0.2, 0.4], [0.5, 0.6]]),
        ([0, 1, 7, 8], [0, 0, 0, 1], [[0.0, 0.2], [0.7, 0.8]]),
        ([3], [0], [[0.3, 0.4]]),
        ([], [], []),
    ],
)
def test_gaps_end_with_features_and_with_labels(frames, present, expected):
    found = gaps(np.array(frames) / 10, np.array(present, dtype=bool))
    assert found.shape == (len(expected), 2)
    np.testing.assert_allclose(found, np.reshape(expected, (-1, 2)), atol=1e-12)


def test_a_frame_has_features_where_all_are_finite():
    values = np.array([[1.0, 2.0], [NAN, 2.0], [1.0, np.inf], [NAN, NAN], [0.0, 0.0]])
    assert with_features(values).tolist() == [True, False, False, False, True]
    assert with_features(np.empty((0, 2))).tolist() == []


def test_recordings_that_have_a_modality(tmp_path):
    paths = coverage_tables.write(tmp_path, "abc", without={"video": {"b": "no face"}})
    assert [having(path) for path in paths] == [{"a", "b", "c"}, {"a", "c"}]


def state(frames=0, missing=0, reason=None):
    return pd.Series({"recording": "a", "reason": reason, "frames": frames, "missing": missing})


NONE = "none where there are labels"


@pytest.mark.parametrize(
    ("status", "modality", "expected"),
    [
        (None, "audio", "no audio in the table of recordings"),
        (None, "video", "no video in the table of recordings"),
        (state(reason="x.mp4: cannot be decoded"), "video", "x.mp4: cannot be decoded"),
        (
            state(75, 75),
            "video",
            "0 of 75 extracted frames have a face, none where there are labels",
        ),
        (
            state(75, 70),
            "video",
            f"5 of 75 extracted frames have a face, {NONE}",
        ),
        (state(0, 0), "audio", f"0 of 0 extracted frames have values, {NONE}"),
    ],
)
def test_why_a_recording_has_no_features(status, modality, expected):
    source = SOURCES[BUILT_IN[modality]]
    assert why_absent(status, source.unit, source.absent) == expected


RECORDINGS = [Recording(name, name) for name in "abcd"]


def names_scored(folder, **without):
    absent = {modality: dict.fromkeys(names, "why") for modality, names in without.items()}
    paths = coverage_tables.write(folder, "abcd", without, absent)
    return "".join(r.recording for r in scored(RECORDINGS, paths))


def test_recordings_with_features_in_any_modality_are_scored(tmp_path):
    assert names_scored(tmp_path, audio="", video="") == "abcd"
    assert names_scored(tmp_path, audio="ab", video="cd") == "abcd"
    assert names_scored(tmp_path, audio="ab", video="bd") == "acd"
    assert names_scored(tmp_path, audio="bc") == "ad"
    assert names_scored(tmp_path, audio="abcd", video="abcd") == ""


def test_a_recording_without_labelled_frames_is_not_scored(tmp_path):
    paths = coverage_tables.write(tmp_path, "abd")
    assert [r.recording for r in scored(RECORDINGS, paths)] == ["a", "b", "d"]


class Corpus:
    """Datasets and states of a modality, in batches, and their table of recordings."""

    def __init__(self, folder):
        self.folder = folder
        self.lines = ["recording,subject,partition,audio,video,annotations,batch"]
        self.data, self.states = {}, {}

    def add(self, name, batch, present=(), status=None, annotations="x.csv"):
        """A recording; ``present`` says for each labelled frame whether it has features."""
        self.lines.append(f"{name},s,train,{name}.wav,{name}.mp4,{annotations},{batch}")
        part = pd.DataFrame({"recording": name, "time": np.arange(len(present)) / 10})
        part[[*TARGETS, "f", "g"]] = 1.0
        part["g"] = np.where(np.array(present, dtype=bool), 1.0, NAN)
        self.data.setdefault(batch, []).append(part)
        self.states.setdefault(batch, [])
        if status is not None:
            self.states[batch].append(NOTHING | {"recording": name, "reason": None} | status)

    def run(self, monkeypatch, modality):
        table = self.folder / "recordings.csv"
        table.write_text("\n".join(self.lines) + "\n")
        for batch, parts in self.data.items():
            kind = schema.dataset(TARGETS, ["f", "g"])
            tables.write(pd.concat(parts), kind, self.folder / f"dataset/{batch}.parquet")
            states = pd.DataFrame(self.states[batch], columns=schema.STATUS.names)
            tables.write(states, schema.STATUS, self.folder / f"status/{batch}.parquet")
        words = ["--recordings", table, "--dataset", self.folder / "dataset"]
        for part in modality.split("+"):
            source = SOURCES[BUILT_IN[part]]
            words += ["--part", part, self.folder / "status", source.unit, source.absent]
        words += ["--output", self.folder / "coverage.parquet"]
        monkeypatch.setattr(sys, "argv", ["coverage", *map(str, words)])
        stage.main()
        found = tables.read(self.folder / "coverage.parquet")
        return tables.conform(found, schema.COVERAGE).to_pylist()


@pytest.fixture
def corpus(tmp_path):
    return Corpus(tmp_path)


def row(recording, frames, present, reason=None):
    """Of a recording whose features, if there are any, are missing at the end."""
    missing = [] if present == frames else [present / 10, frames / 10]
    keys = {"recording": recording, "frames": frames, "present": present}
    return {**keys, "gaps": missing, "reason": reason}


@pytest.mark.parametrize(("modality", "what"), [("audio", "values"), ("video", "a face")])
def test_the_command_line_counts_frames_and_gives_reasons(corpus, monkeypatch, modality, what):
    corpus.add("good", "one", [1, 1, 1], {"frames": 90, "missing": 0})
    corpus.add("partly", "one", [1, 0, 0], {"frames": 90, "missing": 60})
    corpus.add("empty", "one", [0, 0], {"frames": 75, "missing": 75})
    corpus.add("skipped", "two", [0], {"frames": 0, "missing": 0, "reason": "s.mp4: broken"})
    corpus.add("unrated", "two", [], {"frames": 5, "missing": 0}, annotations="")
    corpus.add("not there", "three", [0, 0])
    assert corpus.run(monkeypatch, modality) == [
        row("good", 3, 3),
        row("partly", 3, 1),
        row("empty", 2, 0, f"0 of 75 extracted frames have {what}, none where there are labels"),
        row("skipped", 1, 0, "s.mp4: broken"),
        row("not there", 2, 0, f"no {modality} in the table of recordings"),
    ]


def test_of_modalities_side_by_side_each_is_explained(corpus, monkeypatch):
    corpus.add("a", "one", [0], {"frames": 9, "missing": 9})
    none = "0 of 9 extracted frames have {}, none where there are labels"
    reason = f"audio: {none.format('values')}; video: {none.format('a face')}"
    assert corpus.run(monkeypatch, "audio+video") == [row("a", 1, 0, reason)]


def test_a_batch_whose_recordings_were_all_skipped(corpus, monkeypatch):
    for name in "ab":
        corpus.add(name, "one", [0, 0], {"frames": 0, "missing": 0, "reason": f"{name}: broken"})
    assert corpus.run(monkeypatch, "video") == [
        row("a", 2, 0, "a: broken"),
        row("b", 2, 0, "b: broken"),
    ]


def test_a_table_without_the_modality(corpus, monkeypatch):
    corpus.add("a", "one", [0])
    corpus.add("b", "two", [0])
    reasons = {found["reason"] for found in corpus.run(monkeypatch, "audio")}
    assert reasons == {"no audio in the table of recordings"}


def test_a_reason_is_not_given_for_frames_that_are_there(corpus, monkeypatch):
    corpus.add("a", "one", [1, 0], {"frames": 9, "missing": 8})
    assert corpus.run(monkeypatch, "video") == [row("a", 2, 1)]


def test_the_same_bytes_twice(corpus, monkeypatch):
    corpus.add("a", "one", [0, 1], {"frames": 9, "missing": 8})
    corpus.add("b", "two", [0])
    contents = []
    for _ in "12":
        corpus.run(monkeypatch, "video")
        contents.append((corpus.folder / "coverage.parquet").read_bytes())
    assert contents[0] == contents[1]
