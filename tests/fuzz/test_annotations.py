"""Annotations: any file is read or refused by name, and a trace on the grid is what a loop over
its samples finds."""

import csv
import io
import resource
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from softaer.core.errors import InputError
from softaer.core.experiment import Ratings
from softaer.ratings import ratings_on_grid, ratings_that_count, trace_on_grid
from softaer.readers.delimited import LONG, read_annotations
from softaer.readers.raters import codes, mixed_scales, tidied

from .generators import assert_close, fuzz, grid_points, instants, interpolated, numbers, seconds


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz") / "notes.csv"


def unless_refused(call, name):
    """What a call returns; None if it refuses its input by name."""
    try:
        return call()
    except InputError as error:
        message = str(error)
    assert str(name) in message
    return None


def read(path, content, dimension="arousal"):
    """The table that a file gives, if it is one; None if the file is refused."""
    path.write_bytes(content)
    table = unless_refused(lambda: read_annotations(path, dimension), path)
    if table is None:
        return None
    assert list(table) == LONG
    for name in ("time", "value"):
        assert table[name].dtype == np.float64
        assert np.isfinite(table[name]).all()
    for name in ("rater", "dimension"):
        assert table[name].map(lambda cell: isinstance(cell, str) and cell != "").all()
    return table


LONG_ROWS = [LONG, ["0.5", "r1", "arousal", "0.25"], ["0.1", "r2", "valence", "-1"]]
WIDE_ROWS = [["time", "r1", "r2"], ["0", "0.1", ""], ["0.5", "", "-0.2"], ["1", "3e-1", "0.4"]]
CELLS = ["", " ", "inf", "-inf", "nan", "1e308", "1e999", "-5", "0:01", "0x1F", "1_0", "1,5", "é"]
CELLS += ["True", "None", "18446744073709551616", "-9223372036854775809", "1" * 400, "time"]
CELLS += ["rater", "dimension", "value", "r1", '"', "a\nb", "\0"]
SCRAPS = ['"', '""', "'", ",", ";", "\t", "\n", "\r", "\r\n", "\0", "\ufeff", "\u2028", "-", "e"]


@st.composite
def damaged_files(draw):
    """Bytes of a valid file in which cells, rows, columns, characters or the encoding are wrong."""
    rows = [list(row) for row in draw(st.sampled_from([LONG_ROWS, WIDE_ROWS]))]
    place = draw(st.integers(0, len(rows[0]) - 1))
    some = draw(st.sampled_from(rows))
    damage = draw(st.sampled_from(["cell", "cell", "insert", "drop", "row", "column", "nothing"]))
    if damage == "cell":
        some[place] = draw(st.just("") | st.sampled_from(CELLS))
    elif damage == "insert":
        some.insert(place, draw(st.sampled_from(CELLS)))
    elif damage == "drop":
        del some[place]
    elif damage == "row":
        rows.insert(draw(st.integers(0, len(rows))), list(some))
    elif damage == "column":
        rows = [[*row, row[place]] for row in rows]
    separator = draw(st.sampled_from([",", ",", ",", ", ", ";"]))
    text = draw(st.sampled_from(["\n", "\r\n", "\r"])).join(map(separator.join, rows))
    if draw(st.booleans()):
        at = draw(st.integers(0, len(text)))
        text = text[:at] + draw(st.sampled_from(SCRAPS)) + text[at + draw(st.integers(0, 2)) :]
    encoding = draw(st.sampled_from(["utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "latin-1"]))
    return text.encode(encoding, "replace")


@fuzz
@given(content=st.binary(max_size=60), dimension=st.none() | st.just("arousal"))
def test_arbitrary_bytes_are_read_or_refused(path, content, dimension):
    read(path, content, dimension)


@fuzz
@given(content=damaged_files(), dimension=st.none() | st.just("arousal"))
@example(content=b",time,r1\n0,0.0,0.5\n1,0.1,0.6\n", dimension="arousal")
def test_damaged_files_are_read_or_refused(path, content, dimension):
    table = read(path, content, dimension)
    if table is not None and table["time"].abs().max() < 1e4:
        unless_refused(lambda: ratings_on_grid(table, ["arousal"], where=path), path)
        unless_refused(lambda: count(table, path), path)


def count(table, where):
    """Samples that count, which are some of those in the table."""
    found = ratings_that_count(table, ["arousal"], Ratings(), [].append, where)
    assert set(found.index) <= set(table.index)


@fuzz
@given(cell=st.sampled_from(CELLS) | st.text("0123456789.+-eE_ xnaif\t\0\xa0١", min_size=1))
def test_a_cell_that_is_read_is_the_number_that_python_reads(path, cell):
    table = read(path, f"time,r1\n0,{cell}\n1,0\n".encode())
    if table is not None and len(table) == 2:
        assert table["value"][0] == pytest.approx(float(cell), rel=1e-15, abs=0)


# Names that hold commas, quotes or line breaks are quoted, as spreadsheets do.
names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=5).map(tidied).filter(bool)
blanks = st.sampled_from(["", "", " ", "  ", "\t", "\xa0", "\u200b"])
line_ends = st.sampled_from(["\n", "\r\n", "\r"])


def as_csv(rows, line_end, encoding="utf-8"):
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator=line_end).writerows(rows)
    return text.getvalue().encode(encoding)


def assert_rows(table, expected):
    expected = pd.DataFrame(expected, columns=LONG)
    assert list(table["rater"]) == list(expected["rater"])
    assert list(table["dimension"]) == list(expected["dimension"])
    for name in ("time", "value"):
        np.testing.assert_allclose(
            table[name].to_numpy(), expected[name].to_numpy(np.float64), rtol=1e-15, atol=0
        )


@fuzz
@given(
    rows=st.lists(st.tuples(numbers(1e9), names, names, numbers(1e300)), max_size=8),
    order=st.permutations(range(4)),
    line_end=line_ends,
    encoding=st.sampled_from(["utf-8", "utf-8-sig"]),
    blank=blanks,
)
def test_a_long_file_reads_back(path, rows, order, line_end, encoding, blank):
    written = [(time, rater + blank, blank + name, value) for time, rater, name, value in rows]
    shuffled = [[row[column] for column in order] for row in [LONG, *written]]
    assert_rows(read(path, as_csv(shuffled, line_end, encoding), None), rows)


@fuzz
@given(
    raters=st.lists(
        names.filter(lambda name: name not in ("time", "value")),
        unique=True,
        min_size=1,
        max_size=4,
    ),
    data=st.data(),
    line_end=line_ends,
    blank=blanks,
)
def test_a_wide_file_reads_back(path, raters, data, line_end, blank):
    cells = st.tuples(numbers(1e9), *[st.just("") | numbers(1e300)] * len(raters))
    rows = data.draw(st.lists(cells, max_size=8))
    header = ["time", *(f"{rater}{blank}" for rater in raters)]
    table = read(path, as_csv([header, *rows], line_end))
    expected = [
        (row[0], rater, "arousal", row[column])
        for column, rater in enumerate(raters, start=1)
        for row in rows
        if row[column] != ""
    ]
    assert_rows(table, expected)


samples = st.lists(st.tuples(instants, numbers(1e300)), max_size=25)
gaps = st.integers(0, 20).map(lambda n: 100 * n) | st.integers(0, 2000)


def by_loop(trace, max_gap, hold):
    """Grid points [s] and values of a trace of (ms, value), of equal times the last."""
    last = dict(trace)
    max_gap = 10**9 if hold else max_gap
    points = {at: interpolated(last, at, max_gap, hold) for at in grid_points(list(last))}
    known = [at for at, value in points.items() if not np.isnan(value)]
    return seconds(known), np.array([points[at] for at in known])


def largest(trace):
    return max((abs(value) for _, value in trace), default=0.0)


@fuzz
@given(trace=samples, max_gap=gaps, hold=st.booleans())
def test_a_trace_on_the_grid_is_that_of_a_loop(trace, max_gap, hold):
    time, value = seconds([t for t, _ in trace]), np.array([v for _, v in trace])
    at, values = trace_on_grid(time, value, max_gap / 1000, hold)
    expected_at, expected = by_loop(trace, max_gap, hold)
    np.testing.assert_array_equal(at, expected_at)
    assert_close(values, expected, largest(trace))


@fuzz
@given(
    trace=st.lists(st.tuples(st.floats(0, 60), numbers(1e300)), min_size=1, max_size=25),
    max_gap=st.floats(0, 100),
    hold=st.booleans(),
)
def test_a_trace_at_any_times_stays_within_its_times_and_values(trace, max_gap, hold):
    time, value = np.array(trace).T
    at, values = trace_on_grid(time, value, max_gap, hold)
    assert np.array_equal(at, np.unique(np.rint(at * 10)) / 10)
    assert np.isfinite(values).all()
    rounding = 1e-15 * np.abs(value).max()
    for t, v in zip(at, values, strict=True):
        assert time.min() - 1e-6 <= t <= time.max() + 1e-6
        assert value.min() - rounding <= v <= value.max() + rounding
        before, after = time[time <= t + 1e-6].max(), time[time >= t - 1e-6].min()
        assert hold or after - before <= max_gap + 2e-6


@fuzz
@given(
    trace=st.lists(st.tuples(instants, numbers(1e300) | st.just(np.nan)), min_size=1, max_size=25),
    end=st.integers(-200, 5000),
)
def test_a_held_trace_has_the_last_value_before_each_point_up_to_the_end(trace, end):
    time, value = seconds([t for t, _ in trace]), np.array([v for _, v in trace])
    at, values = trace_on_grid(time, value, 0.0, True, end / 1000)
    samples = dict(trace)
    expected = {}
    for point in range(0, end + 1, 100):
        before = max((t for t in samples if t <= point), default=None)
        if before is not None and not np.isnan(samples[before]):
            expected[point / 1000] = samples[before]
    assert dict(zip(at, values, strict=True)) == expected


scale_ranges = st.lists(
    st.tuples(numbers(1e6), numbers(1e6)).map(sorted).filter(lambda r: r[0] < r[1]), max_size=8
)


@fuzz
@given(ranges=scale_ranges, random=st.randoms(use_true_random=False))
def test_scales_do_not_depend_on_the_order_or_on_the_sign(ranges, random):
    def larger(some):
        low, high = np.array(some, dtype=float).reshape(-1, 2).T
        found = mixed_scales(low, high)
        return None if found is None else {r for r, up in zip(some, found[0], strict=True) if up}

    ranges = list(map(tuple, ranges))
    found = larger(ranges)
    shuffled = random.sample(ranges, len(ranges))
    assert larger(shuffled) == found
    if found is not None:
        assert found != set(ranges)
        assert max(map(abs, max(found, key=lambda r: max(map(abs, r))))) >= 2
    if all(max(map(abs, r)) < 2 for r in ranges):
        assert found is None


@fuzz
@given(values=st.lists(numbers(1e9), max_size=40))
def test_codes_are_values_that_are_there_and_never_within_one(values):
    found = codes(np.array(values, dtype=float))
    assert set(found) <= set(values)
    assert (np.abs(found) > 2).all()


panels = st.dictionaries(st.sampled_from(["r1", "r2", "Ann", ""]), samples, max_size=3)


def as_table(traces, order=None):
    """Annotations of ``{(dimension, rater): trace}``; their rows in the order of some keys."""
    rows = [
        (t / 1000, rater, dimension, value)
        for (dimension, rater), trace in traces.items()
        for t, value in trace
    ]
    if order is not None:
        rows = [rows[place] for place in order(len(rows))]
    return pd.DataFrame(rows, columns=LONG).astype({"time": np.float64, "value": np.float64})


@fuzz
@given(
    arousal=panels,
    valence=panels,
    max_gap=gaps,
    hold=st.booleans(),
    random=st.randoms(use_true_random=False),
)
def test_every_rater_is_brought_to_the_grid_alone(arousal, valence, max_gap, hold, random):
    traces = {("arousal", rater): trace for rater, trace in arousal.items()}
    traces |= {("valence", rater): trace for rater, trace in valence.items()}

    def interleaved(count):
        """Rows of all raters mixed, each rater's in their order."""
        of = [key for key, trace in traces.items() for _ in trace]
        places = {key: iter([n for n in range(count) if of[n] == key]) for key in traces}
        return [next(places[key]) for key in random.sample(of, count)]

    expected = []
    for rater in sorted(arousal):
        at, values = by_loop(arousal[rater], max_gap, hold)
        expected += [(t, "arousal", rater, v) for t, v in zip(at, values, strict=True)]
    annotations = as_table(traces, interleaved)
    if not expected:
        with pytest.raises(InputError, match="rec7"):
            ratings_on_grid(annotations, ["arousal"], max_gap / 1000, hold, where="rec7")
        return
    table = ratings_on_grid(annotations, ["arousal"], max_gap / 1000, hold)
    columns = ["time", "dimension", "rater", "value"]
    assert list(table) == columns
    expected = pd.DataFrame(expected, columns=columns)
    for name in columns[:3]:
        assert list(table[name]) == list(expected[name])
    size = max(largest(trace) for trace in arousal.values())
    assert_close(table["value"], expected["value"], size)


@fuzz
@given(panel=panels, random=st.randoms(use_true_random=False))
def test_the_order_of_rows_at_different_times_does_not_matter(panel, random):
    traces = {("arousal", rater): list(dict(trace).items()) for rater, trace in panel.items()}
    traces["arousal", "somebody"] = [(0, 1.0)]
    table = ratings_on_grid(as_table(traces), ["arousal"])
    shuffled = as_table(traces, lambda count: random.sample(range(count), count))
    pd.testing.assert_frame_equal(ratings_on_grid(shuffled, ["arousal"]), table)


@fuzz
@given(
    trace=st.lists(st.tuples(st.integers(-500, 3000), st.integers(-9, 9)), min_size=1, max_size=9),
    bounds=st.tuples(st.integers(-9, 9), st.integers(-9, 9)).map(sorted),
)
def test_negative_times_and_values_out_of_range_are_refused(trace, bounds):
    trace = [(0, bounds[0]), *trace]
    table = as_table({("arousal", "r1"): trace})
    if all(t >= 0 and bounds[0] <= value <= bounds[1] for t, value in trace):
        assert len(ratings_on_grid(table, ["arousal"], value_range=tuple(bounds))) > 0
    else:
        with pytest.raises(InputError, match="rec7"):
            ratings_on_grid(table, ["arousal"], value_range=tuple(bounds), where="rec7")


@contextmanager
def little_memory():
    """Memory for 2 GiB more than there is now: a machine is not brought down by a test."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 2**31, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@fuzz
@given(time=st.floats(1e9, allow_infinity=False), start=st.booleans())
@example(time=1.7e9, start=True)  # the time of day on a computer's clock
@example(time=1e12, start=False)
def test_times_of_no_recording_are_refused(time, start):
    rows = [(0.0, "r1", "arousal", 0.5)] * start + [(time, "r1", "arousal", 0.5)]
    with little_memory(), pytest.raises(InputError, match="rec7"):
        ratings_on_grid(pd.DataFrame(rows, columns=LONG), ["arousal"], where="rec7")
