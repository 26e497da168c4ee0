"""Ratings: files of several shapes, traces with gaps, and real traces of ten raters."""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import labels, ratings, tables
from softaer.errors import InputError
from softaer.ratings import ratings_on_grid, read_annotations, trace_on_grid
from softaer.schema import RATINGS


@pytest.fixture
def annotations(tmp_path):
    """Writes an annotation file and reads it."""

    def read(text, dimension=None):
        path = tmp_path / "notes.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_annotations(path, dimension)

    return read


def refused(call, *words):
    with pytest.raises(InputError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def as_tuples(frame):
    return list(frame[["time", "rater", "dimension", "value"]].itertuples(index=False, name=None))


LONG = "time,rater,dimension,value\n0.5,r1,arousal,0.25\n0.1,r2,valence,-1\n"
LONG_ROWS = [(0.5, "r1", "arousal", 0.25), (0.1, "r2", "valence", -1.0)]


@pytest.mark.parametrize(
    "text",
    [
        LONG,
        "\ufeff" + LONG,
        LONG.replace("\n", "\r\n"),
        LONG.replace(",", ", "),
        "value,time,dimension,rater\n0.25,0.5,arousal,r1\n-1,0.1,valence,r2\n",
        LONG + "\n\n",
    ],
    ids=["plain", "byte order mark", "carriage returns", "spaces", "order", "empty lines"],
)
def test_long_files(annotations, text):
    assert as_tuples(annotations(text)) == LONG_ROWS


def test_wide_files_leave_out_raters_where_they_say_nothing(annotations):
    frame = annotations("time,r1,r2\n0,0.1,\n0.5,,-0.2\n1,0.3,0.4\n", "arousal")
    assert as_tuples(frame) == [
        (0.0, "r1", "arousal", 0.1),
        (1.0, "r1", "arousal", 0.3),
        (0.5, "r2", "arousal", -0.2),
        (1.0, "r2", "arousal", 0.4),
    ]


@pytest.mark.parametrize("name", ["01", "NA", "None", "Zoë", "a b"])
def test_raters_may_be_called_anything(annotations, name):
    frame = annotations(f"time,rater,dimension,value\n0,{name},arousal,1\n")
    assert list(frame["rater"]) == [name]


@pytest.mark.parametrize(
    ("text", "dimension", "words"),
    [
        (LONG.replace("0.25", "high"), None, ["line 2", "'value'", "'high'"]),
        (LONG.replace("-1", ""), None, ["line 3", "'value'", "empty"]),
        (LONG.replace("0.1", "0:01"), None, ["line 3", "'time'", "'0:01'"]),
        (LONG.replace("0.25", "inf"), None, ["line 2", "'value'", "inf"]),
        (LONG.replace("r2", ""), None, ["line 3", "'rater'", "empty"]),
        (LONG.replace("valence", ""), None, ["line 3", "'dimension'", "empty"]),
        ("time,r1,r2\n0,0.1,0.2\n1,0.3,x\n", "arousal", ["line 3", "'r2'", "'x'"]),
        ('time,r1\n0,"0,5"\n', "arousal", ["line 2", "'r1'", "'0,5'"]),
        ("time,r1\n,0.5\n", "arousal", ["line 2", "'time'", "empty"]),
        ("time,r1\n0,0.5\n\n1,x\n", "arousal", ["line 4", "'r1'", "'x'"]),
        ("time,r1\n0,0.5\n", None, ["{dimension}"]),
        ("t,r1\n0,0.5\n", "arousal", ["line 1", "'t'", "'time'"]),
        ("time;r1\n0;0.5\n", "arousal", ["line 1", "time;r1"]),
        ("time\n0\n", "arousal", ["line 1", "'rater'"]),
        ("time,rater,value\n0,r1,0.5\n", None, ["line 1", "'dimension'"]),
        ("", "arousal", []),
        ("time,r1\n0,é\n".encode("latin-1"), "arousal", ["UTF-8"]),
        ("time,r1\n0,1\n1,2,3\n", "arousal", []),
        ("time,r1\n0,1,\n1,2,\n", "arousal", []),
        ("time,r1\n0,1,2\n1,2,3\n", "arousal", []),
        ("time,r1\n0,1,x\n", "arousal", []),
        ("time,r1,r1\n0,1,2\n", "arousal", ["r1"]),
    ],
    ids=[
        "long: value",
        "long: no value",
        "long: time",
        "long: infinite",
        "long: no rater",
        "long: no dimension",
        "wide: value",
        "wide: decimal comma",
        "wide: no time",
        "wide: after an empty line",
        "wide: dimension not known",
        "no time column",
        "semicolons",
        "no rater column",
        "long: no dimension column",
        "empty",
        "not UTF-8",
        "a cell too many",
        "a comma at the end of each line",
        "a cell too many in each line",
        "a word too many in each line",
        "a rater twice",
    ],
)
def test_files_that_are_refused(annotations, text, dimension, words):
    refused(lambda: annotations(text, dimension), "notes.csv", *words)


def test_a_file_that_is_not_there(tmp_path):
    refused(lambda: read_annotations(tmp_path / "gone.csv"), "gone.csv")


def on_grid(samples, **options):
    time, value = np.array(samples, dtype=float).reshape(-1, 2).T
    at, values = trace_on_grid(time, value, **options)
    return {round(float(t), 3): round(float(v), 9) for t, v in zip(at, values, strict=True)}


def test_linear_between_samples_and_nothing_beyond_them():
    assert on_grid([(0.05, 0), (0.25, 2), (0.37, 2)]) == {0.1: 0.5, 0.2: 1.5, 0.3: 2.0}


def test_the_last_sample_at_an_instant_counts():
    assert on_grid([(0.0, 9), (0.0, 1), (0.2, 7), (0.2, 3)]) == {0.0: 1.0, 0.1: 2.0, 0.2: 3.0}


def test_samples_need_not_be_in_order():
    assert on_grid([(0.2, 2), (0.0, 0)]) == {0.0: 0.0, 0.1: 1.0, 0.2: 2.0}


def test_a_pause_that_is_too_long_is_not_bridged():
    samples = [(0.0, 0), (0.1, 1), (0.5, 5), (0.6, 6)]
    assert list(on_grid(samples, max_gap=0.3)) == [0.0, 0.1, 0.5, 0.6]
    assert len(on_grid(samples, max_gap=0.4)) == 7


def test_a_trace_that_starts_late_starts_late():
    assert list(on_grid([(12.31, 1), (12.62, 1)])) == [12.4, 12.5, 12.6]


def test_hold_keeps_the_last_value():
    samples = [(0.0, 0), (0.25, 2), (0.45, 5)]
    assert on_grid(samples, hold=True) == {0.0: 0, 0.1: 0, 0.2: 0, 0.3: 2, 0.4: 2}


def test_a_single_sample_is_one_point_or_none():
    assert on_grid([(0.3, 1)]) == {0.3: 1.0}
    assert on_grid([(0.33, 1)]) == {}
    assert on_grid([]) == {}


def test_linear_interpolation_agrees_with_numpy():
    rng = np.random.default_rng(0)
    time = np.sort(rng.uniform(0, 30, 400))
    value = rng.normal(size=400)
    at, values = trace_on_grid(time, value, max_gap=10)
    np.testing.assert_allclose(values, np.interp(at, time, value), atol=1e-9)
    assert at[0] >= time[0]
    assert at[-1] <= time[-1]
    assert len(at) == int(time[-1] * 10) - int(time[0] * 10)


def frame(*rows):
    return pd.DataFrame(rows, columns=["time", "rater", "dimension", "value"])


def test_the_raters_of_a_dimension_keep_their_own_extent():
    table = ratings_on_grid(
        frame(
            (0.0, "b", "valence", 0.0),
            (0.2, "b", "valence", 0.2),
            (0.1, "a", "valence", 1.0),
            (0.3, "a", "valence", 1.0),
            (0.0, "a", "arousal", 9.0),
        ),
        ["valence"],
    )
    assert list(table["rater"]) == ["a"] * 3 + ["b"] * 3
    np.testing.assert_allclose(table["time"], [0.1, 0.2, 0.3, 0.0, 0.1, 0.2])
    np.testing.assert_allclose(table["value"], [1, 1, 1, 0, 0.1, 0.2])
    assert set(table["dimension"]) == {"valence"}


def test_a_dimension_without_ratings():
    refused(
        lambda: ratings_on_grid(frame((0.0, "a", "valence", 1)), ["arousal"], where="rec7"),
        "rec7",
        "'arousal'",
        "valence",
    )


def test_a_negative_time():
    rows = frame((0.0, "a", "valence", 1), (-0.5, "a", "valence", 1))
    refused(lambda: ratings_on_grid(rows, ["valence"], where="rec7"), "rec7", "-0.5")


@pytest.mark.parametrize("value", [1.5, -1.5])
def test_a_value_out_of_range_names_its_rater(value):
    rows = frame((0.0, "ann", "valence", 1), (2.5, "bob", "valence", value))
    refused(
        lambda: ratings_on_grid(rows, ["valence"], value_range=(-1, 1), where="rec7"),
        "rec7",
        "'bob'",
        f"{value:g}",
        "2.5",
        "'valence'",
        "-1",
    )


def test_the_ends_of_the_range_are_in_it():
    rows = frame((0.0, "a", "valence", -1), (0.1, "a", "valence", 1))
    assert len(ratings_on_grid(rows, ["valence"], value_range=(-1, 1))) == 2


def test_the_range_is_that_of_the_dimensions_asked_for():
    rows = frame((0.0, "a", "valence", 0.5), (0.0, "a", "liking", 7))
    assert len(ratings_on_grid(rows, ["valence"], value_range=(-1, 1))) == 1


def run(monkeypatch, stage, *words):
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, words)])
    stage.main()


def test_files_per_dimension_and_files_for_all_give_the_same(tmp_path, monkeypatch):
    (tmp_path / "all.csv").write_text(
        "time,rater,dimension,value\n"
        "0,r1,arousal,0\n0.4,r1,arousal,1\n0.1,r2,arousal,1\n0.3,r2,arousal,0\n"
        "0,r1,valence,0.5\n0.4,r1,valence,0.5\n"
    )
    (tmp_path / "arousal.csv").write_text("time,r1,r2\n0,0,\n0.1,,1\n0.3,,0\n0.4,1,\n")
    (tmp_path / "valence.csv").write_text("time,r1\n0,0.5\n0.4,0.5\n")
    common = ["--dimensions", "arousal", "valence", "--range", -1, 1, "--output"]
    for name in ("all", "{dimension}"):
        path = tmp_path / f"{name}.csv"
        run(monkeypatch, ratings, "--recording", "a", path, *common, tmp_path / f"{name}.parquet")
    whole = tables.read(tmp_path / "all.parquet")
    pd.testing.assert_frame_equal(whole, tables.read(tmp_path / "{dimension}.parquet"))
    assert len(whole) == 5 + 3 + 5
    assert set(whole["recording"]) == {"a"}


def test_a_recording_whose_ratings_never_meet_the_grid_is_not_passed_over(tmp_path, monkeypatch):
    (tmp_path / "sparse.csv").write_text("time,r1\n0.05,1\n5.05,1\n")
    (tmp_path / "dense.csv").write_text("time,r1\n0,1\n1,0\n")

    def stages():
        run(
            monkeypatch,
            ratings,
            *("--recording", "sparse-one", tmp_path / "sparse.csv"),
            *("--recording", "dense-one", tmp_path / "dense.csv"),
            *("--dimensions", "arousal", "--output", tmp_path / "ratings.parquet"),
        )
        run(
            monkeypatch,
            labels,
            *("--ratings", tmp_path / "ratings.parquet"),
            *("--output", tmp_path / "labels.parquet"),
            *("--weights-output", tmp_path / "weights.parquet"),
        )

    refused(stages, "'sparse-one'", "'arousal'")


def test_the_command_line_names_the_recording_and_leaves_no_output(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("time,r1\n0,1\n")
    (tmp_path / "b.csv").write_text("time,r1\n0,5\n")
    output = tmp_path / "ratings.parquet"
    refused(
        lambda: run(
            monkeypatch,
            ratings,
            *("--recording", "rec-a", tmp_path / "a.csv"),
            *("--recording", "rec-b", tmp_path / "b.csv"),
            *("--dimensions", "arousal", "--range", 0, 1, "--output", output),
        ),
        "rec-b",
        "b.csv",
        "'r1'",
    )
    assert not list(tmp_path.glob("*.parquet*"))


def test_rows_are_those_of_the_declared_schema(tmp_path, monkeypatch):
    (tmp_path / "a.csv").write_text("time,r1\n0,1\n0.5,2\n")
    output = tmp_path / "ratings.parquet"
    words = ["--recording", "a", tmp_path / "a.csv", "--dimensions", "x", "--output", output]
    run(monkeypatch, ratings, *words)
    assert tables.columns(output) == RATINGS.names
    first = output.read_bytes()
    run(monkeypatch, ratings, *words)
    assert output.read_bytes() == first


# Published beside the raw traces are versions at 10 Hz. Those of TaskB's raters 2 and 3 have each
# other's names, and that of TaskA's rater 2 is like no raw trace of the task, so it is left out.
PUBLISHED_AS = {("TaskB", 2): 3, ("TaskB", 3): 2}
REAL_TRACES = [
    (task, rater)
    for task in ("TaskA", "TaskB")
    for rater in range(1, 11)
    if (task, rater) != ("TaskA", 2)
]


@pytest.mark.parametrize(("task", "rater"), REAL_TRACES)
def test_real_traces_agree_with_their_published_resampling(booth, task, rater):
    raw = pd.read_csv(booth / task / "annotations_raw" / f"{task}_ann{rater}.csv")
    name = f"{task}_ann{PUBLISHED_AS.get((task, rater), rater)}.csv"
    published = pd.read_csv(booth / task / "annotations_10hz" / name)["Data"].to_numpy()
    time, value = trace_on_grid(raw["Time(sec)"].to_numpy(), raw["Data"].to_numpy())
    # The last raw sample may lie beyond the last published point.
    inside = time < len(published) / 10
    error = np.abs(published[np.rint(time[inside] * 10).astype(int)] - value[inside])
    assert inside.sum() > 900
    assert np.median(error) < 0.005
    assert np.quantile(error, 0.95) < 0.025
