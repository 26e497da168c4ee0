"""Ratings: files of several shapes, traces with gaps, and real traces of ten raters."""

import sys

import numpy as np
import pandas as pd
import pytest

from softaer import labels, layouts, ratings
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import Ratings
from softaer.core.schema import NOTES, RATINGS, RECORDING_LENGTHS
from softaer.ratings import (
    HELD,
    ends_of_holding,
    last_point,
    ratings_on_grid,
    ratings_that_count,
    read_recording,
    trace_on_grid,
)
from softaer.readers.delimited import read_annotations


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


@pytest.mark.parametrize(
    "text",
    [
        LONG.replace("r1", " r1 ").replace("r2", "r2\t"),
        LONG.replace("arousal", "arousal ").replace("valence", "\xa0valence"),
        LONG.replace("time", "time ").replace("rater", " rater").replace("value", "value  "),
        LONG.replace("r1", "r1\u200b"),
    ],
    ids=["raters", "dimensions", "columns", "not to be seen"],
)
def test_blanks_around_names_do_not_count(annotations, text):
    assert as_tuples(annotations(text)) == LONG_ROWS


def test_blanks_around_names_do_not_count_in_wide_files(annotations):
    frame = annotations("time , r1 ,r2\n0,1,2\n", "arousal")
    assert list(frame["rater"]) == ["r1", "r2"]
    refused(
        lambda: annotations("time,r1,r1 \n0,1,2\n", "arousal"), "line 1", "['time', 'r1', 'r1']"
    )


def test_names_count_in_one_form_of_unicode(annotations):
    composed, apart = "Zo\u00eb", "Zoe\u0308"
    text = f"time,rater,dimension,value\n0,{composed},arousal,1\n1,{apart},arousal,2\n"
    assert list(annotations(text)["rater"]) == [composed] * 2
    rows = frame((0.0, composed, "arousal", 0.5), (0.0, "r2", "arousal", 0.7))
    assert len(ratings_that_count(rows, ["arousal"], Ratings(raters=(apart,)))) == 1


def test_one_rater_under_two_spellings_is_one_if_they_never_meet(annotations):
    text = "time,rater,dimension,value\n0,r1 ,arousal,1\n1,r1,arousal,2\n0,r1,valence,1\n"
    assert list(annotations(text)["rater"]) == ["r1"] * 3
    refused(
        lambda: annotations(text + "0,r1,arousal,5\n"),
        *("notes.csv", "['r1', 'r1 ']", "'arousal'", "0 s"),
    )


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
        ("time;r1\n0;0.5\n", "arousal", ["line 1", "time;r1", "';'"]),
        ("time;r1;r2\n0;0,5;0,1\n", "arousal", ["line 1", "';'", "'.' in decimals"]),
        ("time\tr1\n0\t0.5\n", "arousal", ["line 1", "tabulator"]),
        ("sep=,\ntime,r1\n0,0.5\n", "arousal", ["line 1", "'sep=,'", "delete that line"]),
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
        "semicolons and decimal commas",
        "tabulators",
        "a line for spreadsheets",
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


def test_what_is_held_has_no_pauses():
    samples = [(0.0, 1), (7.3, 2), (7.5, 3)]
    held = on_grid(samples, hold=True, max_gap=0.1)
    assert len(held) == 76
    assert (held[0.0], held[7.2], held[7.3], held[7.4], held[7.5]) == (1, 1, 2, 2, 3)
    assert len(on_grid(samples, max_gap=0.1)) == 3


def test_the_last_value_is_held_to_the_end_and_none_before_the_first():
    held = on_grid([(0.55, 1), (0.8, 2)], hold=True, end=1.2)
    assert held == {0.6: 1, 0.7: 1, 0.8: 2, 0.9: 2, 1.0: 2, 1.1: 2, 1.2: 2}
    assert on_grid([(0.55, 1), (0.8, 2)], hold=True, end=0.7) == {0.6: 1, 0.7: 1}
    assert on_grid([(0.55, 1), (0.8, 2)], hold=True, end=0.5) == {}


def test_a_missing_value_ends_what_is_held():
    samples = [(0.0, 1), (0.25, np.nan), (0.45, 3)]
    assert on_grid(samples, hold=True, end=0.6) == {0.0: 1, 0.1: 1, 0.2: 1, 0.5: 3, 0.6: 3}
    assert on_grid([(0.0, 1), (0.25, np.nan)], hold=True, end=0.6) == {0.0: 1, 0.1: 1, 0.2: 1}


@pytest.mark.parametrize(
    ("length", "points"),
    [(28.0, 280), (28.0065, 280), (32.499133, 325), (3.1, 31), (0.04, 0), (0.3, 3)],
)
def test_a_recording_has_ten_points_a_second(length, points):
    assert last_point(length) == (points - 1) / 10 if points else last_point(length) < 0


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


CHANGES = frame(
    (0.0, "a", "arousal", 1),
    (1.0, "a", "arousal", 2),
    (0.5, "b", "arousal", 1),
    (3.0, "b", "arousal", 0),
)


@pytest.mark.parametrize(
    ("length", "last_holds", "ends", "words"),
    [
        (5.0, None, {"a": 4.9, "b": 4.9}, ["end of the recording at 5.0 s", "3.9 s at most"]),
        (5.0, 1.5, {"a": 2.5, "b": 4.5}, ["at most 1.5 s: 1.5 s at most"]),
        (4.0, 1.5, {"a": 2.5, "b": 3.9}, ["at most 1.5 s: 1.5 s at most"]),
        (5.0, 0.0, {"a": 1.0, "b": 3.0}, ["at most 0 s: 0.0 s at most"]),
        (None, None, {"a": 3.0, "b": 3.0}, ["3.0 s, the last change of any rater", "unknown"]),
        (None, 1.5, {"a": 2.5, "b": 3.0}, ["unknown", "at most 1.5 s"]),
        (1.9, None, {"a": 1.8, "b": 1.8}, ["1 changes are after", "the last at 3.0 s", "left out"]),
        (2.0, None, {"a": 1.9, "b": 1.9}, ["end of the recording at 2.0 s: 0.9 s at most"]),
    ],
)
def test_until_when_last_values_are_held(length, last_holds, ends, words):
    notes = []
    found = ends_of_holding(CHANGES, length, last_holds, notes.append)
    assert found["arousal"].to_dict() == pytest.approx(ends)
    assert notes[-1].startswith(HELD)
    for word in words:
        assert word in "; ".join(notes)
    assert len(notes) == 1 + (length == 1.9)


@pytest.mark.parametrize("unit", [1000, 25], ids=["milliseconds", "frames"])
def test_changes_in_another_unit_than_seconds_are_refused(unit, tmp_path):
    times = [0.0, 0.5, 2.0, 3.5, 5.0]
    rows = [f"{t * unit:g},{t / 9:.2f}" for t in times]
    text = "\n".join(["time,r1", *rows])
    words = ("rec7", "notes.csv", "4 of 5 changes", "6.0 s", "expected seconds")
    refused(lambda: read(text, tmp_path, Ratings("hold"), 6.0), *words)
    table, _ = read("time,r1\n0,0\n5,1\n9,0\n", tmp_path, Ratings("hold"), 6.0)
    assert len(table) == 60


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


def read(text, tmp_path, reading, length=None, dimensions=("arousal",)):
    """Traces of a file on the grid, and what was noted."""
    path, notes = tmp_path / "notes.csv", []
    path.write_text(text)
    layout = layouts.layout("table")
    _, table = read_recording("rec7", str(path), layout, dimensions, reading, length, notes.append)
    return table, notes


def wide(**traces):
    """A wide file at ten points a second."""
    lines = [",".join(["time", *traces])]
    for k, values in enumerate(zip(*traces.values(), strict=True)):
        lines.append(",".join([f"{k / 10:.1f}", *(f"{v:.4f}" for v in values)]))
    return "\n".join(lines) + "\n"


WAVES = {f"r{k}": 0.7 * np.sin(np.arange(40) / 9 + k) for k in range(3)}


def test_every_sample_of_a_tidy_file_counts_and_nothing_is_noted(tmp_path):
    table, notes = read(wide(**WAVES), tmp_path, Ratings())
    assert (len(table), notes) == (120, [])


def test_missing_codes_are_gaps_once_they_are_named(tmp_path):
    gap = WAVES["r0"].copy()
    gap[5:25] = -999
    text = wide(**WAVES | {"r0": gap})
    refused(lambda: read(text, tmp_path, Ratings()), "rec7", "notes.csv", "-999", "20 times")
    table, notes = read(text, tmp_path, Ratings(missing=(-999,)))
    assert len(table[table["rater"] == "r0"]) == 20
    assert notes == ["20 values of rater 'r0' are missing (ratings.missing)"]
    table, _ = read(text, tmp_path, Ratings("hold", missing=(-999,)), 4.0)
    assert len(table[table["rater"] == "r0"]) == 20


def test_a_rater_who_is_missing_throughout_is_no_rater(tmp_path):
    gone = np.full(40, -999)
    table, _ = read(wide(**WAVES, r9=gone), tmp_path, Ratings(missing=(-999,)))
    assert sorted(table["rater"].unique()) == ["r0", "r1", "r2"]
    refused(lambda: read(wide(r9=gone), tmp_path, Ratings(missing=(-999,))), "rec7", "'arousal'")
    words = ("rec7", "all 40 values of 'arousal'", "ratings.missing: [-999.0]")
    for reading in (Ratings(missing=(-999,)), Ratings("hold", missing=(-999,))):
        refused(lambda reading=reading: read(wide(r9=gone), tmp_path, reading, 4.0), *words)


def test_none_of_those_who_count_in_a_dimension(tmp_path):
    text = "time,rater,dimension,value\n0,r1,arousal,0\n0.1,r1,arousal,0.1\n0,x1,valence,0\n"
    reading, both = Ratings(raters=("r1",)), ["arousal", "valence"]
    words = ("rec7", "found raters ['x1'] of 'valence'", "['r1'] (ratings.raters)")
    refused(lambda: read(text, tmp_path, reading, None, both), *words)
    assert len(read(text, tmp_path, reading)[0]) == 2


def test_what_lies_in_a_stated_range_is_a_rating(tmp_path):
    text = wide(**{k: 20 * v for k, v in WAVES.items()} | {"r0": np.full(40, 999.0)})
    refused(lambda: read(text, tmp_path, Ratings(scales="free")), "999")
    table, _ = read(text, tmp_path, Ratings(range=(-20, 1000), scales="free"))
    assert table["value"].max() == 999
    refused(
        lambda: read(text, tmp_path, Ratings(range=(-20, 20), scales="free")), "999", "-20 to 20"
    )


def test_scales_that_differ_stop_unless_that_is_stated(tmp_path):
    text = wide(**WAVES, r9=50 + 50 * WAVES["r0"])
    refused(lambda: read(text, tmp_path, Ratings()), "rec7", "'r9'", "ratings.scales")
    refused(lambda: read(text, tmp_path, Ratings(range=(-100, 100))), "rec7", "'r9'")
    assert len(read(text, tmp_path, Ratings(scales="free"))[0]) == 160
    assert len(read(text, tmp_path, Ratings(raters=("r0", "r1")))[0]) == 80


def test_changes_that_are_taken_for_a_trace_are_told(tmp_path):
    text = "time,r1\n0,0\n0.1,0.2\n4,0.1\n9,0.5\n9.1,0.4\n"
    table, notes = read(text, tmp_path, Ratings())
    assert len(table) == 5
    (note,) = notes
    assert "hold" in note
    table, notes = read(text, tmp_path, Ratings("hold"), 10.0)
    assert len(table) == 100
    assert notes[0].startswith(HELD)


def test_a_third_of_the_time_without_samples_is_told(tmp_path):
    def notes_of_a_gap(seconds):
        times = [*np.arange(0, 5, 0.1), *np.arange(5 + seconds, 10, 0.1)]
        return read("\n".join(["time,r1", *(f"{t:.1f},0.1" for t in times)]), tmp_path, Ratings())

    assert "hold" in notes_of_a_gap(3.3)[1][0]
    assert notes_of_a_gap(2)[1] == []


def test_a_rater_who_rated_twice_in_one_file_is_told(tmp_path):
    first = [f"{t:.2f},r1,arousal,{np.sin(t):.3f}" for t in np.arange(0, 8, 0.1)]
    again = [f"{t:.2f},r1,arousal,{np.cos(t):.3f}" for t in np.arange(0, 8, 0.1)]
    aside = [f"{t + 0.03:.2f},r1,arousal,{np.cos(t):.3f}" for t in np.arange(0, 8, 0.1)]
    later = [f"{t + 8:.2f},r1,arousal,{np.cos(t):.3f}" for t in np.arange(0, 8, 0.1)]
    mixed = [row for pair in zip(first, again, strict=True) for row in pair]

    def notes_of(*rows):
        text = "\n".join(["time,rater,dimension,value", *rows])
        return read(text, tmp_path, Ratings())[1]

    for rows in (first + again, mixed, first + aside, first + aside + again):
        (note,) = notes_of(*rows)
        assert "rater 'r1' has rated" in note
        assert "twice" in note
    for rows in (first, first + later, later + first, first[::-1]):
        assert notes_of(*rows) == []


def test_raters_in_other_units_are_told(tmp_path):
    time = np.arange(40) / 9
    waves = {f"r{k}": 5 + 4 * np.sin(time + 0.1 * k) for k in range(3)}
    (note,) = read(wide(**waves, r9=50 + 50 * np.sin(time)), tmp_path, Ratings())[1]
    assert "'arousal' agree in shape" in note
    assert "ratings.scales: free" in note
    far = wide(**waves, r9=50 + 50 * np.sin(time))
    assert read(far, tmp_path, Ratings(scales="free"))[1] == []
    assert read(wide(**waves, r9=5 + 0.3 * np.sin(time)), tmp_path, Ratings())[1] == []


def test_a_pause_is_not_told(tmp_path):
    rows = [f"{t:.1f},0.1" for t in [*np.arange(0, 9, 0.1), *np.arange(12, 20, 0.1)]]
    assert read("\n".join(["time,r1", *rows]) + "\n", tmp_path, Ratings())[1] == []


def test_dimensions_in_another_spelling_are_told(tmp_path):
    text = "time,rater,dimension,value\n0,r1,Arousal,0\n0,r1,arousal,0.1\n0.1,r1,arousal,0.3\n"
    assert "1 ratings of 'Arousal'" in read(text, tmp_path, Ratings())[1][0]
    refused(lambda: read(text, tmp_path, Ratings(), None, ["valence"]), "['Arousal', 'arousal']")


def test_the_samples_that_count_are_those_of_the_dimensions_asked_for():
    rows = frame((0.0, "a", "valence", 0.5), (0.0, "a", "liking", 7))
    assert len(ratings_that_count(rows, ["valence"], Ratings())) == 1


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_changes_that_are_held_are_the_trace_written_out(shared_data, name):
    folder = shared_data / "faults" / "hold_changes_only"
    layout = layouts.layout("table")
    tables_of = [
        read_recording(name, str(folder / file), layout, ["arousal"], reading, 28.0065, [].append)[
            1
        ]
        for file, reading in ((f"{name}.csv", Ratings("hold")), (f"{name}_full.csv", Ratings()))
    ]
    pd.testing.assert_frame_equal(*tables_of)
    assert tables_of[0].groupby("rater").size().to_dict() == {f"r{k}": 280 for k in range(5)}


@pytest.mark.parametrize("name", ["w/{dimension}/frame_col.csv", "w/{dimension}/mean_col.csv"])
def test_columns_that_nobody_rated_are_left_out_of_real_files(shared_data, name):
    notes = []
    path = shared_data / "faults" / "extra_columns" / name
    layout = layouts.layout("table")
    _, table = read_recording("x", str(path), layout, ["arousal"], Ratings(), None, notes.append)
    assert table.groupby("rater").size().to_dict() == {"r1": 31, "r2": 31}
    assert len(notes) == 1


@pytest.mark.parametrize("pattern", ["{dimension}/a.csv", "arousal/a.csv"])
def test_a_layout_is_given_a_path(tmp_path, pattern):
    class Layout:
        """Of a corpus whose files do not name the dimension."""

        RATERS = True

        def read_annotations(self, path, dimension=None):
            table = layouts.layout("table").read_annotations(path, path.parent.name)
            return table.assign(rater=[f"{path.stem}{rater}" for rater in table["rater"]])

    path = tmp_path / "arousal" / "a.csv"
    path.parent.mkdir()
    path.write_text("time,1,2\n0.0,0.1,0.2\n0.1,0.2,0.1\n")
    _, table = read_recording("x", str(tmp_path / pattern), Layout(), ["arousal"], Ratings())
    assert set(table["rater"]) == {"a1", "a2"}


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


def notes_of(path):
    return list(tables.read(path).itertuples(index=False, name=None))


def test_what_was_odd_is_stored_and_printed(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.csv").write_text(wide(**WAVES, frame=np.arange(40)))
    (tmp_path / "b.csv").write_text(wide(**WAVES))
    recordings = ["--recording", "a", tmp_path / "a.csv", "--recording", "b", tmp_path / "b.csv"]
    outputs = ["--output", tmp_path / "r.parquet", "--notes-output", tmp_path / "n.parquet"]
    run(monkeypatch, ratings, *recordings, "--dimensions", "arousal", *outputs)
    ((recording, note),) = notes_of(tmp_path / "n.parquet")
    assert recording == "a"
    assert "'frame'" in note
    assert capsys.readouterr().out == f"recording 'a': {note}\n"
    run(monkeypatch, ratings, *recordings[3:], "--dimensions", "arousal", *outputs)
    assert notes_of(tmp_path / "n.parquet") == []
    assert tables.columns(tmp_path / "n.parquet") == NOTES.names


def test_lengths_say_until_when_values_are_held(tmp_path, monkeypatch):
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text("time,r1\n0.5,0\n1,0.3\n")
    lengths = pd.DataFrame({"recording": ["a", "b"], "seconds": [3.0, None]})
    tables.write(lengths, RECORDING_LENGTHS, tmp_path / "lengths.parquet")
    words = ["--recording", "a", tmp_path / "a.csv", "--recording", "b", tmp_path / "b.csv"]
    words += ["--dimensions", "arousal", "--lengths", tmp_path / "lengths.parquet"]
    words += ["--output", tmp_path / "r.parquet", "--notes-output", tmp_path / "n.parquet"]
    for last_holds, points in (("end", 25), ("0.7", 13)):
        run(monkeypatch, ratings, *words, "--interpolation", "hold", "--last-holds", last_holds)
        table = tables.read(tmp_path / "r.parquet")
        assert table.groupby("recording").size().to_dict() == {"a": points, "b": 6}
        assert [("unknown" in note) for _, note in notes_of(tmp_path / "n.parquet")] == [
            False,
            True,
        ]
    run(monkeypatch, ratings, *words)
    assert len(tables.read(tmp_path / "r.parquet")) == 12


def test_scales_are_compared_between_the_recordings_of_a_batch(tmp_path, monkeypatch):
    percent = {name: 50 + 50 * values for name, values in WAVES.items()}
    (tmp_path / "a.csv").write_text(wide(**WAVES))
    (tmp_path / "b.csv").write_text(wide(**percent))
    (tmp_path / "c.csv").write_text(
        wide(**{f"s{name}": values for name, values in percent.items()})
    )

    def batch(names, *more):
        words = [w for name in names for w in ("--recording", name, tmp_path / f"{name}.csv")]
        words += ["--dimensions", "arousal", "--output", tmp_path / "r.parquet"]
        run(monkeypatch, ratings, *words, *more)

    for name in "abc":
        batch(name)
    batch("bc")
    (tmp_path / "r.parquet").unlink()
    refused(lambda: batch("ab"), "'a' to 'b'", "by recordings 'b'", "ratings.scales")
    refused(lambda: batch("ac"), "by raters 'sr0', 'sr1', 'sr2'", "ratings.scales")
    assert not (tmp_path / "r.parquet").exists()
    batch("abc", "--scales", "free")
    assert len(tables.read(tmp_path / "r.parquet")) == 360


def test_missing_codes_and_raters_are_read_from_the_command_line(tmp_path, monkeypatch):
    coded = np.where(np.arange(40) < 5, -3.4e38, WAVES["r0"])
    (tmp_path / "a.csv").write_text(wide(**WAVES | {"r0": coded, "-r 9": WAVES["r1"]}))
    words = ["--recording", "a", tmp_path / "a.csv", "--dimensions", "arousal"]
    words += ["--missing=-3.4e+38", "--missing=-99.0", "--raters=r0", "--raters=-r 9"]
    run(monkeypatch, ratings, *words, "--output", tmp_path / "r.parquet")
    counts = tables.read(tmp_path / "r.parquet").groupby("rater").size().to_dict()
    assert counts == {"-r 9": 40, "r0": 35}


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
