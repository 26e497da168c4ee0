"""Features on the grid are those of plain numpy over the rows; gaps stay gaps."""

import sys
from functools import partial

import feature_files as files
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from feature_files import values
from scipy.io import wavfile

from softaer import feature_table, table_features
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import FeatureTable
from softaer.readers.features import read_features
from softaer.table_features import row_that_holds

of = partial(table_features.table_features)


def rows(time, x, start=None, end=None):
    columns = {f"x{k}": column for k, column in enumerate(np.float32(x).T)}
    times = {"time": time, "start": time if start is None else start}
    times["end"] = np.append(time[1:], time[-1] + 0.01) if end is None else end
    return pd.DataFrame({**times, **columns})


def by_numpy(time, x, at, window, functional):
    """A functional over each window by numpy, one window and column at a time."""
    out = np.full((len(at), x.shape[1]), np.nan)
    for k, centre in enumerate(at):
        inside = np.abs(time - centre) <= window / 2 + 1e-6
        for d in range(x.shape[1]):
            own = x[inside, d][~np.isnan(x[inside, d])]
            if len(own):
                out[k, d] = functional(own)
    return out


@pytest.mark.parametrize(("rate", "window"), [(1000, 0.5), (64, 4.0), (25, 1.0), (2, 0.6)])
def test_functionals_are_those_of_numpy(rate, window):
    time = np.arange(12 * rate) / rate
    x = values(len(time), 3)
    x[3 * rate // 2 : 4 * rate, 1] = np.nan  # one feature is not there for a while
    there = (time < 5) | (time > 8)
    table = of(rows(time[there], x[there]), window, ("mean", "variance"))
    at = np.arange(int(10 * time[-1] + 1e-6) + 1) / 10
    np.testing.assert_array_equal(table["time"], at)
    expected = [by_numpy(time[there], x[there], at, window, f) for f in (np.mean, np.var)]
    np.testing.assert_allclose(table.iloc[:, 1:], np.hstack(expected), rtol=1e-6, atol=1e-6)
    assert list(table) == ["time", *(f"x{k}_{f}" for f in ("mean", "variance") for k in range(3))]
    # Inside the gap and further from its edges than half a window, there is nothing.
    gap = (at > 5 + window / 2) & (at < 8 - window / 2)
    assert table.loc[gap].iloc[:, 1:].isna().all(axis=None)
    assert table.loc[~gap, "x0_mean"].notna().sum() > (0 if rate == 2 else len(at) / 2)


def test_functionals_are_chosen_in_their_order():
    table = rows(np.arange(100) / 10, values(100, 2))
    both = of(table, 1.0, ("mean", "variance"))
    assert list(of(table, 1.0)) == ["time", "x0_mean", "x1_mean"]
    pd.testing.assert_frame_equal(
        of(table, 1.0, ("variance", "mean")),
        both[["time", "x0_variance", "x1_variance", "x0_mean", "x1_mean"]],
    )


def test_segments_hold_from_start_to_end():
    start, end = np.array([0.5, 4.0, 12.0]), np.array([4.0, 9.0, 13.5])
    x = np.array([[1.0, 2.0], [3.0, np.nan], [5.0, 6.0]])
    table = of(rows((start + end) / 2, x, start, end), 0.0)
    at = table["time"].to_numpy()
    assert list(table) == ["time", "x0", "x1"]
    assert at[-1] == 13.4
    for k, point in enumerate(at):
        held = [s for s in range(3) if start[s] - 1e-9 <= point < end[s] - 1e-9]
        expected = x[held[0]] if held else [np.nan, np.nan]
        np.testing.assert_array_equal(table.iloc[k, 1:].to_numpy(float), expected)
    assert table["x0"].isna().sum() == 5 + 30


def test_of_overlapping_rows_the_nearest_centre_holds():
    rng = np.random.default_rng(0)
    start = np.sort(rng.uniform(0, 20, 60))
    end = start + rng.choice([0.05, 1.0, 9.0], 60)
    centre = (start + end) / 2
    at = np.arange(350) / 10
    held = row_that_holds(centre, start, end, at)
    for point, row in zip(at, held, strict=True):
        holding = np.flatnonzero((start <= point) & (point < end))
        expected = holding[np.argmin(np.abs(centre[holding] - point))] if len(holding) else -1
        assert row == expected
    assert (held == -1).any()
    assert len(np.unique(held)) > 20


def test_a_table_without_rows_gives_no_grid():
    empty = rows(np.arange(1) / 10, values(1, 2)).iloc[:0]
    for window in (0.0, 1.0):
        assert len(of(empty, window)) == 0


def run(monkeypatch, stage, *arguments):
    monkeypatch.setattr(sys, "argv", [stage.__name__, *map(str, arguments)])
    stage.main()


def first_stage(monkeypatch, tmp_path, paths, *arguments):
    given = [word for name, path in paths.items() for word in ("--recording", name, path)]
    outputs = ["--output", tmp_path / "table.parquet", "--status-output", tmp_path / "s.parquet"]
    run(monkeypatch, feature_table, *given, *outputs, *arguments)
    return tables.read(tmp_path / "s.parquet").set_index("recording")


def test_from_files_of_a_batch_to_the_grid(tmp_path, monkeypatch):
    x = {"b": values(300, 2), "a": values(160, 2, seed=1)}
    paths = {name: files.muse(tmp_path / f"{name}.csv", x[name], step=100) for name in x}
    status = first_stage(monkeypatch, tmp_path, paths, "--unit", "ms")
    assert status["frames"].to_dict() == {"b": 300, "a": 160}
    assert status["reason"].isna().all()
    assert status["end"].to_dict() == {"b": 29.9, "a": 15.9}
    schema = pq.read_schema(tmp_path / "table.parquet")
    assert schema.names == ["recording", "time", "start", "end", "0", "1"]
    output = tmp_path / "features.parquet"
    for window in ("0.5", "0"):
        flags = ["--table", tmp_path / "table.parquet", "--window", window, "--output", output]
        run(monkeypatch, table_features, *flags)
        written = dict(tables.by_recording(output))
        assert list(written) == ["b", "a"]
        for name, path in paths.items():
            expected = of(read_features(path, FeatureTable(unit="ms")), float(window))
            pd.testing.assert_frame_equal(written[name], expected, check_exact=True)
    np.testing.assert_array_equal(written["b"][["0", "1"]], np.float32(x["b"]))


def test_a_bad_table_stops_the_job_or_is_left_out(tmp_path, monkeypatch):
    paths = {"bad": tmp_path / "bad.csv", "good": files.avec(tmp_path / "a.csv", values(50, 2))}
    paths["bad"].write_text("name;timeStamp;x0;x1\n'a';0.0;1;2\n'a';0.1;1;inf\n")
    with pytest.raises(InputError, match=r"recording 'bad': .*bad\.csv, line 3, column 'x1'"):
        first_stage(monkeypatch, tmp_path, paths)
    assert not (tmp_path / "table.parquet").exists()
    status = first_stage(monkeypatch, tmp_path, paths, "--on-bad-recording", "skip")
    assert "line 3, column 'x1'" in status["reason"]["bad"]
    assert status["frames"].to_dict() == {"bad": 0, "good": 50}
    assert [name for name, _ in tables.by_recording(tmp_path / "table.parquet")] == ["good"]


def test_all_recordings_have_the_same_columns(tmp_path, monkeypatch):
    paths = {
        "a": files.avec(tmp_path / "a.csv", values(50, 3)),
        "b": files.avec(tmp_path / "b.csv", values(50, 2)),
    }
    with pytest.raises(InputError, match=rf"'b': {paths['b']}: .* {paths['a']} has 3; .*'x2'"):
        first_stage(monkeypatch, tmp_path, paths)
    status = first_stage(monkeypatch, tmp_path, paths, "--columns", "x[01]")
    assert status["frames"].to_dict() == {"a": 50, "b": 50}
    # The first table of the corpus counts, also in a batch without it.
    alone = {"b": paths["b"]}
    assert first_stage(monkeypatch, tmp_path, alone)["frames"].to_dict() == {"b": 50}
    with pytest.raises(InputError, match=rf"'b': {paths['b']}: .* {paths['a']} has 3"):
        first_stage(monkeypatch, tmp_path, alone, "--like", paths["a"])


def test_lengths_of_the_media_and_notes(tmp_path, monkeypatch):
    paths = {
        "a": files.muse(tmp_path / "a.csv", values(40, 2)),
        "b": files.muse(tmp_path / "b.csv", values(40, 2)),
    }
    flags = []
    for name, seconds in (("a", 10.0), ("b", 14.0)):
        wavfile.write(tmp_path / f"{name}.wav", 8000, np.zeros(int(8000 * seconds), np.int16))
        flags += ["--media", name, tmp_path / f"{name}.wav"]
    status = first_stage(monkeypatch, tmp_path, paths, *flags)
    assert status["end"].to_dict() == {"a": 9.75, "b": 9.75}
    assert pd.isna(status["notes"]["a"])
    assert "40 rows end at 10 s, the recording at 14 s" in status["notes"]["b"]
    with pytest.raises(InputError, match="may be seconds or milliseconds"):
        first_stage(monkeypatch, tmp_path, paths)


def test_a_feature_that_ends_like_a_target_is_refused():
    """In a dataset, columns that end like this are taken for targets."""
    for name in ("x_E", "pupil_sigma"):
        with pytest.raises(InputError, match=f"feature '{name}', which ends like a target"):
            table_features.refuse_names_of_targets(["f", name])
    table_features.refuse_names_of_targets(["x_E_mean", "sigma", "E", "x_e"])
