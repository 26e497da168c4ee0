"""Raters: who counts, what is no rating, and which scales do not belong together."""

import numpy as np
import pandas as pd
import pytest

from softaer.core.errors import InputError
from softaer.readers.raters import (
    codes,
    counting,
    in_other_units,
    mixed_scales,
    other_scales,
    other_spellings,
    refuse_codes,
    refuse_mixed_scales,
    told,
    value_ranges,
    without_missing,
)

TIME = np.arange(60) / 10
WAVE = 0.6 * np.sin(TIME) + 0.2 * np.cos(2.7 * TIME)
OTHER = 0.6 * np.sin(TIME + 0.3) - 0.1 * np.cos(1.9 * TIME)
THIRD = 0.5 * np.sin(TIME + 0.1) + 0.15 * np.sin(4.1 * TIME)


def table(time=TIME, dimension="arousal", **traces):
    """Annotations of traces by name; NaN where a rater says nothing."""
    parts = [
        pd.DataFrame({"time": time, "rater": name, "dimension": dimension, "value": value})
        for name, value in traces.items()
    ]
    return pd.concat(parts, ignore_index=True).dropna()


def counted(annotations, raters=None):
    notes = []
    kept = counting(annotations, raters, notes.append, "rec7")
    return list(dict.fromkeys(kept["rater"])), notes


ROWS = np.arange(60.0)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("frame", ROWS),
        ("Frame Number", ROWS + 100),
        ("frame", ROWS[::-1]),
        ("segment_id", np.repeat([1.0, 2, 3], 20)),
        ("timestamp", 1.7e9 + TIME),
        ("ms", 1000 * TIME),
        ("t", TIME),
        ("index", ROWS),
        ("Unnamed: 0", ROWS),
        ("mean", (WAVE + OTHER) / 2),
        ("Average", np.round((WAVE + OTHER) / 2, 2)),
        ("median", (WAVE + OTHER) / 2 + 0.3),
        ("gold_standard", THIRD),
        ("std", np.abs(WAVE - OTHER) / np.sqrt(2)),
        ("sd", np.abs(WAVE - OTHER) / np.sqrt(2)),
        ("sd", np.abs(WAVE - OTHER) / 2),
        ("max", np.maximum(WAVE, OTHER)),
        ("sem", np.round(np.abs(WAVE - OTHER) / 2, 3)),
        ("arousal_std", np.abs(WAVE - OTHER)),
        ("arousal_sd", np.abs(WAVE - OTHER) + 0.1),
        ("EWE_arousal", THIRD),
        ("meanArousal", THIRD),
        ("mean z", THIRD),
        ("ci_low", THIRD),
        ("n_raters", 2.0 + 0 * TIME),
        ("count", 2.0 + 0 * TIME),
        ("confidence", THIRD),
        ("Button", THIRD > 0),
        ("playing", 1.0 + 0 * TIME),
        ("time_sec", TIME),
        ("frame_id", ROWS),
    ],
)
def test_a_column_that_nobody_rated_is_left_out_and_named(name, values):
    raters, notes = counted(table(**{name: values}, r1=WAVE, r2=OTHER))
    assert raters == ["r1", "r2"]
    (note,) = notes
    assert repr(name) in note
    assert "left out" in note
    assert "ratings.raters" in note


@pytest.mark.parametrize(
    "name",
    ["Max", "ms", "T", "id", "SD", "meaning", "Ida", "framer", "Stef", "Sem", "Ewelina", "max_m"],
)
def test_people_whose_names_are_like_such_columns_count(name):
    assert counted(table(r1=WAVE, r2=OTHER, **{name: THIRD})) == (["r1", "r2", name], [])


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((WAVE + OTHER) / 2, "the mean of the other raters"),
        (np.round((WAVE + OTHER) / 2, 2), "the mean of the other raters"),
        (ROWS, "a time or row number"),
        (0.02 * TIME - 0.4, "a time"),
    ],
    ids=["mean", "rounded mean", "counter", "time"],
)
def test_values_that_speak_against_a_rater_are_told(values, words):
    raters, notes = counted(table(r1=WAVE, r2=OTHER, x4=values))
    assert raters == ["r1", "r2", "x4"]
    (note,) = notes
    assert "'x4'" in note
    assert words in note


@pytest.mark.parametrize("name", ["score", "mean_anna", "high"])
def test_names_that_leave_doubt_are_told_and_count(name):
    raters, notes = counted(table(r1=WAVE, r2=OTHER, **{name: THIRD}))
    assert raters == ["r1", "r2", name]
    (note,) = notes
    assert repr(name) in note
    assert "still counts as a rater" in note
    assert counted(table(**{name: THIRD})) == ([name], [])


def test_a_word_that_the_dimension_or_most_names_have_says_nothing():
    some = table(dimension="confidence", r1=WAVE, confidence=OTHER)
    assert counted(some) == (["r1", "confidence"], [])
    assert counted(table(max_arousal=WAVE, ann_arousal=OTHER, bo_arousal=THIRD))[1] == []
    assert counted(table(r1_score=WAVE, r2_score=OTHER))[1] == []


@pytest.mark.parametrize(
    "names", [("arousal", "valence"), ("r1_arousal", "r1_valence"), ("valence",), ("r1-valence",)]
)
def test_columns_that_are_dimensions_are_refused(names):
    some = table(**dict(zip(names, (WAVE, OTHER), strict=False)))
    with pytest.raises(InputError) as caught:
        counted(some)
    for words in ("rec7", "valence", "raters of 'arousal'", "ratings.raters"):
        assert words in str(caught.value)
    assert counted(some, [names[-1]]) == ([names[-1]], [])


def test_raters_of_one_dimension_may_be_named_after_it():
    assert counted(table(r1_arousal=WAVE, r2_arousal=OTHER))[1] == []
    raters, notes = counted(table(r1=WAVE, r2=OTHER, valence=THIRD))
    assert raters == ["r1", "r2", "valence"]
    assert "['valence']" in notes[0]


def test_the_mean_is_found_where_raters_pause():
    traces = np.stack([WAVE, OTHER, THIRD])
    traces[0, 10:25] = np.nan
    values = dict(zip(("r1", "r2", "r3"), traces, strict=True))
    raters, notes = counted(table(**values, all=np.nanmean(traces, axis=0)))
    assert len(raters) == 4
    assert "'all'" in notes[0]


def test_nothing_is_said_of_raters_who_differ_or_of_a_copy():
    assert counted(table(r1=WAVE, r2=OTHER, r3=THIRD)) == (["r1", "r2", "r3"], [])
    assert counted(table(r1=WAVE, r2=WAVE, r3=WAVE)) == (["r1", "r2", "r3"], [])
    assert counted(table(r1=WAVE, r2=0 * WAVE)) == (["r1", "r2"], [])


def test_a_gold_standard_alone_counts_and_a_counter_alone_is_refused():
    assert counted(table(gold=WAVE)) == (["gold"], [])
    with pytest.raises(InputError, match=r"\['gold', 'std'\].*ratings.raters: \[gold\]"):
        counted(table(gold=WAVE, std=np.abs(OTHER)))
    with pytest.raises(InputError, match=r"rec7: found columns \['frame'\]; expected .* rater"):
        counted(table(frame=ROWS))


def test_who_counts_can_be_said():
    some = table(frame=ROWS, r1=WAVE, r2=OTHER)
    assert counted(some, ["r2"]) == (["r2"], [])
    assert counted(some, ["frame", "r1"]) == (["frame", "r1"], [])
    raters, notes = counted(some, ["r1", "r9"])
    assert raters == ["r1"]
    assert "['r9']" in notes[0]
    with pytest.raises(InputError, match=r"rec7: found raters .*'r2'.* expected some of \['r9'\]"):
        counted(some, ["r9"])


def test_names_that_differ_in_case_are_told():
    raters, notes = counted(table(Ann=WAVE, ann=OTHER))
    assert raters == ["Ann", "ann"]
    assert "['Ann', 'ann']" in notes[0]


def test_dimensions_that_are_spelled_nearly_as_asked_are_told():
    some = pd.concat([table(r1=WAVE), table(dimension="Arousal ", r1=WAVE[:60]).head(12)])
    some = pd.concat([some, table(dimension="valence", r1=WAVE)])
    notes = []
    other_spellings(some, ["arousal"], notes.append)
    (note,) = notes
    assert "12 ratings of 'Arousal '" in note
    assert "'arousal'" in note


@pytest.mark.parametrize(
    ("ratings", "odd"),
    [
        (WAVE, [-999]),
        (WAVE, [-999, 999, 9999]),
        (WAVE, [99]),
        (WAVE, [57.3]),
        (WAVE, [-80, 57.3, 1e9]),
        (4 * WAVE + 5, [99]),
        (4 * WAVE + 5, [-999]),
        (50 * WAVE + 50, [-99]),
        (50 * WAVE + 50, [9999]),
        ([*(100 * WAVE), 100, -100], [-999]),
        ([*(10 * WAVE), 10, -10], [-99]),
        (50 * WAVE, [2**31 - 1]),
        ([1, 2, 3, 4, 5, 1, 2], [-99]),
        ([0.2, 0.2], [-999]),
        ([*range(1, 10)], [-9]),
        ([*range(1, 10)], [-9, -8, -7]),
        ([*range(1, 10)], [88]),
        ([*WAVE, 1.0, -1.0], [-9]),
        (WAVE, [-9, 88]),
        (np.abs(WAVE), [-8]),
        ([], [-999]),
    ],
)
def test_codes_are_found(ratings, odd):
    found = codes(np.array([*ratings, *odd, *odd[:1]], dtype=float))
    np.testing.assert_array_equal(found, sorted(odd))


@pytest.mark.parametrize(
    "values",
    [
        WAVE,
        [*(50 * WAVE + 50), 99, 100],
        [*(100 * WAVE), -99, -100, 99],
        [*np.arange(-30, 251.0)],
        [0, 1, 1, 0, 40, 80, 120],
        [0, 0.4, *np.linspace(55, 70, 40)],
        [0, 50, 100],
        [-1, 0, 1],
        [1.0, 5.0, 9.0],
        [5.0, 60.0, 99.0],
        [2.0, 5.0, -7.0],
        [*range(-9, 10)],
        [*range(10)],
        [*range(101)],
        [0.01, 0.02, 0.03, 0.02, 1.5],
        [3.0, 3.0],
        [],
    ],
)
def test_ratings_are_no_codes(values):
    assert len(codes(np.array(values, dtype=float))) == 0


def test_a_code_is_refused_with_all_that_mends_it():
    gaps = np.where(TIME < 0.6, -999, WAVE)
    with pytest.raises(InputError) as caught:
        refuse_codes(table(r1=gaps, r2=OTHER), print, "rec7 (a.csv)")
    for words in ("rec7 (a.csv)", "'r1'", "-999", "6 times", "missing: [-999]", "ratings: range"):
        assert words in str(caught.value)
    refuse_codes(table(r1=WAVE, r2=OTHER), print)


def said_of(annotations):
    notes = []
    refuse_codes(annotations, notes.append)
    return notes


def test_minus_one_is_told_where_nothing_else_is_negative():
    up = (WAVE + 1) / 2
    (note,) = said_of(table(r1=np.where(TIME < 1, -1, up), r2=up))
    assert "['r1']" in note
    assert "missing: [-1]" in note
    assert said_of(table(r1=np.where(TIME < 1, -1, WAVE), r2=up)) == []
    assert said_of(table(r1=np.resize([-1.0, 0, 1], 60), r2=np.resize([0.0, 1], 60))) == []


def test_values_far_outside_are_told():
    spiked = np.where(TIME == 2, 10, WAVE)
    (note,) = said_of(table(r1=spiked, r2=OTHER))
    for words in ("['r1']", "give 10 for 'arousal'", "missing: [10]"):
        assert words in note
    wide = 50 + 45 * WAVE
    assert len(said_of(table(r1=np.where(TIME == 2, 400, wide), r2=wide))) == 1
    assert said_of(table(r1=np.where(TIME == 2, 100, wide), r2=wide)) == []
    assert said_of(table(r1=np.where(TIME == 2, 1, 0.1 * WAVE), r2=0.1 * OTHER)) == []
    assert said_of(table(r1=np.where(TIME < 3, 0, 70.0), r2=np.where(TIME < 4, 0, 50.0))) == []


def of_points(low, high, code, times=TIME < 1):
    """Two raters in whole numbers, one of whom gives a code."""
    trace = np.round((low + high) / 2 + (high - low) / 2 * np.sin(2 + TIME / 2))
    return table(r1=np.where(times, code, trace), r2=trace)


@pytest.mark.parametrize(
    ("low", "high", "code"),
    [
        (1, 9, -1),
        (0, 100, -1),
        (0, 100, -2),
        (1, 20, 99),
        (-50, 50, -99),
        (1, 7, 9),
        (-4, 4, -9),
        (1, 9, 45),
    ],
)
def test_codes_among_whole_numbers_are_told(low, high, code):
    times = (TIME > 2) & (TIME < 2.7)
    said = said_of(of_points(low, high, code, times))
    (note,) = said
    assert f"['r1'] give {code:g} for 'arousal' {times.sum()} times" in note
    assert said_of(of_points(low, high, code, TIME > 99)) == []


def test_whole_numbers_that_a_trace_leads_to_are_no_codes():
    dip = np.round(1.5 + 2.4 * np.cos(TIME))  # from 4 to -1, step by step
    assert dip.min() == -1
    assert said_of(table(r1=dip, r2=np.maximum(dip, 0))) == []
    up = np.concatenate([np.repeat(np.arange(1.0, 8), 7), [7, 8, 9, 9, 9, 8, 7, 7, 7, 7, 7]])
    assert said_of(table(r1=up)) == []
    jumps = np.resize([1.0, 3, 7, 4, 9, 2, 5], 60)  # one rating for each film
    assert said_of(table(r1=jumps, r2=jumps)) == []
    assert said_of(table(r1=np.resize([0.0, 10, 20, 100], 60))) == []


def test_missing_values_are_left_out_or_end_what_is_held():
    some = table(r1=np.where(TIME < 1, -999, WAVE), r2=OTHER)
    notes = []
    left = without_missing(some, [-999.0, -99.0], False, notes.append)
    assert len(left) == 110
    (note,) = notes
    assert "10 values of rater 'r1'" in note
    held = without_missing(some, [-999.0], True, notes.append)
    assert len(held) == 120
    assert held["value"].isna().sum() == 10
    assert without_missing(some, [], False) is some


UNIT = {"a": WAVE, "b": OTHER, "c": THIRD}
SCALES = {
    "0 to 100": lambda x: 50 + 50 * x,
    "-100 to 100": lambda x: 100 * x,
    "1 to 9": lambda x: 5 + 4 * x,
    "1 to 7": lambda x: 4 + 3 * x,
    "1 to 5": lambda x: 3 + 2 * x,
    "0 to 1000": lambda x: 500 + 500 * x,
    "0 to 255": lambda x: 127 + 127 * x,
}


def refused_scales(annotations):
    try:
        refuse_mixed_scales(value_ranges(annotations), "rater", "rec7")
    except InputError as error:
        return str(error)
    return None


@pytest.mark.parametrize("odd", [1, 2], ids=["one rater", "most raters"])
@pytest.mark.parametrize("scale", SCALES)
def test_another_scale_beside_minus_one_to_one_is_refused(scale, odd):
    traces = {k: SCALES[scale](v) if i < odd else v for i, (k, v) in enumerate(UNIT.items())}
    message = refused_scales(table(**traces))
    assert message is not None
    larger = told("abc"[:odd])
    for words in ("rec7", f"by raters {larger}, but from -0.6", "ratings.scales: free"):
        assert words in message


@pytest.mark.parametrize("scale", ["0 to 100", "0 to 1000", "0 to 255"])
def test_another_scale_beside_zero_to_one_is_refused(scale):
    traces = {k: (v + 1) / 2 for k, v in UNIT.items()} | {"d": SCALES[scale](WAVE)}
    assert "'d'" in refused_scales(table(**traces))


@pytest.mark.parametrize("scale", [*SCALES, "-1 to 1"])
def test_raters_of_one_scale_are_fine(scale):
    to = SCALES.get(scale, lambda x: x)
    small = {"small": to(0.07 * WAVE)}
    assert refused_scales(table(**{k: to(v) for k, v in UNIT.items()}, **small)) is None
    offsets = {
        "low": to(0.3 * WAVE - 0.6),
        "high": to(0.3 * OTHER + 0.6),
        "middle": to(0.3 * THIRD),
    }
    assert refused_scales(table(**offsets)) is None
    flat = {"flat": to(0 * WAVE)}
    assert refused_scales(table(**{k: to(v) for k, v in UNIT.items()}, **flat)) is None


def test_ranges_as_far_apart_as_small_gestures_are_fine():
    assert mixed_scales(np.array([-0.05, -0.75]), np.array([0.05, 0.75])) is None
    assert mixed_scales(np.array([-5.0, -75.0]), np.array([5.0, 75.0])) is None


def test_what_cannot_be_told():
    half = {k: (v + 1) / 2 for k, v in UNIT.items()}
    assert refused_scales(table(**half, d=WAVE)) is None
    assert (
        refused_scales(table(**{k: 50 + 50 * v for k, v in UNIT.items()}, d=5 + 5 * WAVE)) is None
    )


@pytest.mark.parametrize(
    ("usual", "odd"),
    [
        ((-1, 1), (0, 10)),
        ((0, 1), (0, 10)),
        ((1, 5), (0, 100)),
        ((1, 9), (0, 100)),
        ((-3, 3), (-100, 100)),
        ((0, 1), (1, 5)),
        ((0, 100), (0, 1000)),
    ],
)
def test_raters_who_agree_in_shape_and_not_in_units(usual, odd):
    def to(scale, values):
        return (values + 1) / 2 * (scale[1] - scale[0]) + scale[0]

    one = np.stack([to(usual, WAVE), to(usual, 0.9 * WAVE), to(usual, WAVE + 0.05)])
    assert in_other_units(one, "arousal") is None
    small = to(odd, np.stack([WAVE, 0.9 * WAVE, WAVE + 0.05, 0.05 * WAVE]))
    assert in_other_units(small, "arousal") is None
    note = in_other_units(np.vstack([one, to(odd, WAVE)]), "arousal")
    assert "'arousal' agree in shape" in note
    assert in_other_units(np.vstack([one, to(odd, np.cos(9 * TIME))]), "arousal") is None
    assert in_other_units(one[:1], "arousal") is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ((-0.9, 0.8), (0.5, 9), True),
        ((1.1, 4.9), (3, 95), True),
        ((-0.1, 0.1), (0.5, 9), False),
        ((45, 55), (3, 95), False),
        ((2, 12), (3, 95), False),
        ((-0.9, 0.8), (-3, 3), False),
    ],
)
def test_recordings_that_may_be_on_another_scale(first, second, expected):
    rows = [("arousal", name, *used) for name, used in (("a", first), ("b", second))]
    ranges = pd.DataFrame(rows, columns=["dimension", "recording", "low", "high"])
    lines = other_scales(ranges, "recording")
    assert len(lines) == expected
    assert all("by recordings 'b', but" in line for line in lines)


def test_tools_without_limits_have_ranges_without_a_gap():
    reach = np.geomspace(3, 600, 12)
    assert mixed_scales(-0.3 * reach, reach) is None
    assert mixed_scales(-0.3 * reach[[0, -1]], reach[[0, -1]]) is not None


def test_the_ends_of_a_trace_do_not_make_its_range():
    spiked = np.array([*WAVE, *WAVE])
    spiked[0] = 70
    time = np.arange(120) / 10
    (row,) = value_ranges(table(time, r1=spiked)).itertuples()
    assert row.high < 1


def test_few_names_are_told():
    assert told(["a", "b"]) == "'a', 'b'"
    assert told(list("abcde")) == "'a', 'b', 'c' and 2 more"
