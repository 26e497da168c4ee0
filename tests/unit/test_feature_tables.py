"""Feature tables are read in all forms that people have; what is wrong in one is named."""

import math
import pickle
from dataclasses import replace

import feature_files as files
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from feature_files import values

from softaer.core.errors import InputError
from softaer.core.experiment import FeatureTable, Media
from softaer.readers.features import feature_columns, read_features, refuse_other_columns


def read(path, length=None, notes=None, **settings):
    note = pytest.fail if notes is None else notes.append
    return read_features(path, FeatureTable(**settings), length, note=note)


def features(table):
    return table.drop(columns=["time", "start", "end"])


def times(table):
    return table["time"].to_numpy()


def holds(table, time, x):
    np.testing.assert_allclose(times(table), time, rtol=0, atol=1e-9)
    np.testing.assert_array_equal(features(table).to_numpy(), x.astype(np.float32))
    assert (features(table).dtypes == np.float32).all()


X = values(60, 3)


def test_muse(tmp_path):
    path = files.muse(tmp_path / "1.csv", X)
    for settings, length in (({"unit": "ms"}, None), ({}, 15.0), ({"unit": "ms"}, 15.0)):
        table = read(path, length, **settings)
        holds(table, np.arange(60) / 4, X)
        assert list(features(table)) == ["0", "1", "2"]
        np.testing.assert_allclose(table["end"], (np.arange(60) + 1) / 4)


def test_milliseconds_are_found_without_media_if_seconds_would_be_too_long(tmp_path):
    x = values(4000, 1)
    holds(read(files.muse(tmp_path / "1.csv", x)), np.arange(4000) / 4, x)


def test_times_that_may_be_both_are_refused(tmp_path):
    path = files.muse(tmp_path / "1.csv", X[:50])
    with pytest.raises(InputError, match=r"1\.csv, column 'timestamp'.*may be seconds or"):
        read(path)
    # Every second, or every millisecond: the media decides.
    path = files.muse(tmp_path / "2.csv", X, step=1)
    assert times(read(path, 60.0))[-1] == 59.0
    with pytest.raises(InputError, match="may be seconds or"):
        read(path)
    np.testing.assert_allclose(times(read(path, 0.06)), np.arange(60) / 1000)


@pytest.mark.parametrize("header", [True, False])
@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
def test_avec(tmp_path, header, separator):
    path = files.avec(tmp_path / "Train_DE_01.csv", X, separator, header)
    table = read(path, 6.0)
    holds(table, np.arange(60) / 10, X)
    assert list(features(table)) == (["x0", "x1", "x2"] if header else ["f2", "f3", "f4"])
    names, others = feature_columns(path)
    assert names == list(features(table))
    assert others == (["name", "timeStamp"] if header else ["f0", "f1"])


def test_avec_without_header_and_with_missing_values_in_the_first_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("'Train_01';0.0;;1.5\n'Train_01';0.1;2.5;nan\n")
    table = features(read(path)).to_numpy()
    np.testing.assert_array_equal(table, np.array([[np.nan, 1.5], [2.5, np.nan]], np.float32))


def test_openface(tmp_path):
    x = values(50, 3)
    path = files.openface(tmp_path / "v.csv", {0: x}, lost=(7, 8))
    table = read(path, 2.0)
    expected = x.copy()
    expected[[7, 8]] = np.nan
    holds(table, np.arange(50) / 25, expected)
    assert list(features(table)) == ["pose_Tx", "AU01_r", "AU12_r"]
    # Without that, zeros would be features.
    assert not np.isnan(read(path, 2.0, columns="^AU01").to_numpy()[6, 3:]).any()


def test_one_of_several_faces(tmp_path):
    faces = {0: values(30, 3), 1: values(50, 3, seed=1)}
    path = files.openface(tmp_path / "v.csv", faces)
    for face, chosen in (("first", 0), ("confident", 1), (0, 0), (1, 1)):
        notes = []
        table = read(path, notes=notes, face=face)
        holds(table, np.arange(len(faces[chosen])) / 25, faces[chosen])
        assert notes == [
            f"face {chosen} of 2 is used ({face}); {len(faces[1 - chosen])} rows of others are "
            "left out"
        ]
    with pytest.raises(InputError, match=r"found faces 0, 1; expected 2 \(key 'face'\)"):
        read(path, face=2)
    with pytest.raises(InputError, match="several faces per frame"):
        read(path, face=1, rate=25)
    with pytest.raises(InputError, match="no column of faces"):
        read(files.muse(tmp_path / "1.csv", X), 15.0, face=1)


def test_low_confidence_has_no_values(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("time,eda,sqi\n0,1,0.9\n0.1,2,0.7\n0.2,3,0.8\n0.3,4,\n0.4,5,0\n")
    table = read(path, confidence="sqi", min_confidence=0.8)
    np.testing.assert_array_equal(table["eda"], np.float32([1, np.nan, 3, np.nan, np.nan]))
    assert list(features(table)) == ["eda"]
    np.testing.assert_array_equal(read(path)["eda"], [1, 2, 3, 4, 5])  # sqi is a feature
    for settings in ({"min_confidence": 0.5}, {"confidence": "quality"}):
        with pytest.raises(InputError, match=r"p\.csv: found columns 'time', 'eda', 'sqi'"):
            read(path, **settings)


def test_opensmile_starts_of_frames(tmp_path):
    x = values(300, 2)
    path = files.opensmile(tmp_path / "a.csv", x)
    table = read(path, 3.05, anchor="start", frame=0.06)
    holds(table, 0.03 + np.arange(300) / 100, x)
    np.testing.assert_allclose(table["start"], np.arange(300) / 100)
    np.testing.assert_allclose(table["end"], np.arange(300) / 100 + 0.06)
    notes = []
    holds(read(path, 3.0, notes), np.arange(300) / 100, x)
    assert len(notes) == 1
    assert "frameTime" in notes[0]


def test_opensmile_in_python(tmp_path):
    x = values(300, 2)
    table = read(files.opensmile_python(tmp_path / "a.csv", x), 3.05)
    holds(table, 0.03 + np.arange(300) / 100, x)
    assert list(features(table)) == ["lld0", "lld1"]


def test_arff(tmp_path):
    x = values(300, 2)
    path = files.arff(tmp_path / "a.arff", x)
    table = read(path, anchor="start", frame=0.02)
    holds(table, 0.01 + np.arange(300) / 100, x)
    assert list(features(table)) == ["lld 0", "lld 1"]
    path.write_text(path.read_text().replace("'lld 0' numeric", "'lld 0'"))
    with pytest.raises(InputError, match=r"a\.arff, line 5: .*expected '@attribute NAME TYPE'"):
        read(path)
    path.write_text("@relation a\n@attribute time numeric\n")
    with pytest.raises(InputError, match="no line '@data'"):
        read(path)


def test_parquet(tmp_path):
    columns = {"time": np.arange(60) / 10, "a": X[:, 0], "b": X[:, 1].astype(np.float32)}
    columns["voiced"] = pa.array([None if k == 3 else k % 2 == 0 for k in range(60)])
    columns["name"] = ["x"] * 60
    table = read(files.parquet(tmp_path / "a.parquet", columns), 6.0)
    assert list(features(table)) == ["a", "b", "voiced"]
    holds(table[["time", "start", "end", "a", "b"]], np.arange(60) / 10, X[:, :2])
    expected = [np.nan if k == 3 else k % 2 == 0 for k in range(60)]
    np.testing.assert_array_equal(table["voiced"], np.float32(expected))
    columns["word"] = ["hello"] * 60
    path = files.parquet(tmp_path / "b.parquet", columns)
    with pytest.raises(InputError, match=r"b\.parquet, column 'word': found string"):
        read(path)
    assert list(features(read(path, columns="^[ab]$"))) == ["a", "b"]


def test_parquet_with_an_index_of_times(tmp_path):
    start = pd.to_timedelta(np.arange(60) / 10, unit="s")
    index = pd.MultiIndex.from_arrays(
        [["a.wav"] * 60, start, start + pd.Timedelta("1s")], names=["file", "start", "end"]
    )
    pd.DataFrame(X, index, list("abc")).to_parquet(tmp_path / "a.parquet")
    holds(read(tmp_path / "a.parquet"), 0.5 + np.arange(60) / 10, X)


def test_arrays(tmp_path):
    np.save(tmp_path / "a.npy", X)
    np.savez_compressed(tmp_path / "a.npz", X.astype(np.float16))
    np.save(tmp_path / "one.npy", X[:, 0])
    holds(read(tmp_path / "a.npy", 1.2, rate=50), np.arange(60) / 50, X)
    holds(read(tmp_path / "a.npz", rate=50), np.arange(60) / 50, X.astype(np.float16))
    holds(read(tmp_path / "one.npy", rate=50), np.arange(60) / 50, X[:, :1])
    centred = read(tmp_path / "a.npy", rate=50, anchor="start", frame=0.025)
    holds(centred, 0.0125 + np.arange(60) / 50, X)
    names = ["f0", "f1", "f2"]
    assert feature_columns(tmp_path / "a.npz", FeatureTable(rate=50)) == (names, [])
    with pytest.raises(InputError, match=r"none of them a time.*key 'rate'"):
        read(tmp_path / "a.npy")


def test_arrays_that_are_not_read(tmp_path):
    cases = {
        "object.npy": np.array([{}, 1], dtype=object),
        "cube.npy": np.zeros((2, 3, 4)),
        "text.npy": np.array(["a", "b"]),
        "complex.npy": np.zeros((3, 2), complex),
    }
    for name, array in cases.items():
        np.save(tmp_path / name, array)
        with pytest.raises(InputError, match=name):
            read(tmp_path / name, rate=50)
    np.savez(tmp_path / "two.npz", a=X, b=X)
    with pytest.raises(InputError, match=r"found a\.npy, b\.npy; expected one array"):
        read(tmp_path / "two.npz", rate=50)
    damaged = tmp_path / "damaged.npy"
    np.save(damaged, X)
    damaged.write_bytes(damaged.read_bytes().replace(b"(60, 3)", b"(60, 3 "))
    with pytest.raises(InputError, match="cannot be read as one array"):
        read(damaged, rate=50)
    whole = tmp_path / "cut.npy"
    np.save(whole, X)
    whole.write_bytes(whole.read_bytes()[:-8])
    with pytest.raises(InputError, match="cannot be read as one array"):
        read(whole, rate=50)


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


@pytest.mark.parametrize("name", ["a.pkl", "a.csv", "a.npy", "a.parquet"])
def test_a_pickle_is_refused_by_name_and_by_content_and_never_opened(tmp_path, name):
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(str(tmp_path / "opened"))))
    with pytest.raises(InputError, match="a pickle, which can run any code"):
        read(tmp_path / name, rate=50)
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(str(tmp_path / "opened")), protocol=0))
    with pytest.raises(InputError, match=name):
        read(tmp_path / name, rate=50)
    assert not (tmp_path / "opened").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x1f\x8b\x08\x00", "packed by gzip"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"PAR1 and nothing", "cannot be read as a Parquet table"),
        (b"PK\x03\x04 and nothing", "cannot be read as one array"),
        (b"", "empty"),
        (b"time,a\n", "no rows"),
        (b"time,a\n0,\xff\n", "cannot be read as CSV in UTF-8"),
        (b"time,segment_id\n0,1\n", "expected features"),
        (b"time,a,a\n0,1,2\n", "columns 'a' occur twice"),
        (b"a,b\n0,1\n", "none of them a time"),
    ],
)
def test_other_files_are_refused(tmp_path, content, words):
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=f"a.csv: .*{words}"):
        read(tmp_path / "a.csv")


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="no such feature table"):
        read(tmp_path / "a.csv")
    with pytest.raises(InputError, match="not a regular file"):
        read(tmp_path)
    path = files.muse(tmp_path / "1.csv", X)
    for limits in (Media(max_size=1e-6), Media(max_duration=10)):
        with pytest.raises(InputError, match=r"expected at most .*media\.max_"):
            read_features(path, FeatureTable(unit="ms"), limits=limits)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,a\n0,1\n0.1,hello\n", "line 3, column 'a': found 'hello'; expected a number"),
        ("time,a\n0,1\n0.1,1_0\n", "line 3, column 'a': found '1_0'; expected a number"),
        ("time,a\n0,1\n\n0.1,2,3\n", "line 4: found 3 cells; expected 2, as in the header"),
        ("time,a\n0,1\n0.1,inf\n", "line 3, column 'a': found inf"),
        ("time,a\n0,1\n0.1,-inf\n", "line 3, column 'a': found -inf"),
        ("time,a\n0,1\n0.1,1e39\n", "line 3, column 'a': found 1e\\+39"),
        ("time,a\n0,1\n,2\n", "line 3: found no time of the row"),
        ("time,a\n0,1\nsoon,2\n", "line 3, column 'time': found 'soon'"),
        ("time,a\n0,1\n0.2,1\n0.1,1\n", "line 4, column 'time': found 0.1 after 0.2"),
        ("time,a\n0,1\n0.1,1\n0.1,2\n", "line 4: found the time of line 3 again"),
        ("start,end,a\n0,1,1\n1,0.5,2\n", "line 3: the row ends at 0.5, and starts at 1"),
        ("time,a\n0,1\n0.0005,2\n", "column 'time': found a row every 0.0005 s"),
        ("time,a\n1700000000.1,1\n1700000000.2,2\n", "times reach 1700000000"),
        ('time,a\n0,"1,5"\n0.1,"2,5"\n', "line 2, column 'a': found '1,5'"),
        ("time;a;b\n0,1;1,5;1.5\n0,2;2,5;2.5\n", "line 2, column 'time': found '0,1'"),
    ],
)
def test_errors_name_file_line_and_column(tmp_path, text, words):
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=f"{path}(, |: ){words}"):
        read(path)


@pytest.mark.parametrize(
    "text",
    [
        "time,a\n0,1\n0.1,2\n",
        "time,a\n\n0,1\n\n0.1,2\n",
        "\ufefftime,a\r\n0,1\r\n0.1,2\r\n",
        "sep=;\ntime;a\n0,0;1,0\n0,1;2,0\n",
        "time;a\n0;1\n0,1;2\n",
        " time , a \n 0 , 1 \n 0.1 , 2 \n",
        '"time","a"\n"0","1"\n"0.1","2"\n',
        "time a\n0   1\n0.1 2\n",
        "# time,a\n0,1\n0.1,2\n",
        "name,a,time_ms\nx,1,0\nx,2,100\n",
        "Time [ms];a\n0;1\n100;2\n",
        "seconds,a\n0,1\n0.1,2\n",
        "timestamp,time_of_day,a\n00:00:00,,1\n00:00:00.1,,2\n",
    ],
)
def test_the_dialect_is_found(tmp_path, text):
    path = tmp_path / "a.csv"
    path.write_text(text)
    table = read(path, columns="^a$")
    np.testing.assert_allclose(times(table), [0, 0.1])
    np.testing.assert_array_equal(table["a"], [1, 2])


def test_names_that_are_numbers_are_names(tmp_path):
    for frame in (pd.DataFrame(X), pd.DataFrame(X, columns=[0, 1, 2])):
        frame.to_csv(tmp_path / "a.csv", index=False)
        holds(read(tmp_path / "a.csv", rate=10), np.arange(60) / 10, X)
        frame.to_csv(tmp_path / "a.csv")
        holds(read(tmp_path / "a.csv", rate=10), np.arange(60) / 10, X)
    np.savetxt(tmp_path / "a.csv", X)
    holds(read(tmp_path / "a.csv", rate=10), np.arange(60) / 10, X)


def test_rows_that_are_there_twice_are_used_once(tmp_path):
    (tmp_path / "a.csv").write_text("time,a\n0,1\n0,1\n0.1,2\n0.1,2\n0.2,2\n")
    notes = []
    table = read(tmp_path / "a.csv", notes=notes)
    assert table["a"].tolist() == [1, 2, 2]
    assert notes == ["2 rows are there twice; one of each is used"]


def test_metadata_are_no_features(tmp_path):
    path = tmp_path / "a.csv"
    others = ["name", "segment_id", "Frame", "time_ms", "End [s]", "Unnamed: 0", "subject"]
    own = ["names_f", "s", "%", "confident", "Frame rate", "F0final_sma"]
    path.write_text(f"timestamp,{','.join(others + own)}\n0{',1' * 6},2{',3' * 6}\n")
    table = read(path, time="timestamp", unit="s")
    assert list(features(table)) == own
    assert feature_columns(path) == (own, ["timestamp", *others])


def test_numbers_of_samples(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("frame,a\n1,1\n2,2\n5,3\n")
    np.testing.assert_allclose(times(read(path, unit="samples", rate=25)), [0, 0.04, 0.16])
    path.write_text("sample,a\n0,1\n1,2\n5,3\n")
    np.testing.assert_allclose(times(read(path, unit="samples", rate=1000)), [0, 0.001, 0.005])
    with pytest.raises(InputError, match="expected 'rate' as well"):
        read(path, unit="samples")


def test_a_stated_rate_overrules_times(tmp_path):
    path = files.openface(tmp_path / "v.csv", {0: values(50, 3)})
    np.testing.assert_allclose(times(read(path, rate=30)), np.arange(50) / 30)


def test_a_stated_column_of_times(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,when,a\n5,0,1\n6,0.1,2\n")
    np.testing.assert_allclose(times(read(path, time="when")), [0, 0.1])
    with pytest.raises(InputError, match=r"expected 'then' \(key 'time'\)"):
        read(path, time="then")


def test_physiology_at_1000_hz_and_irregular(tmp_path):
    x = values(5000, 2)
    path = files.lines(
        tmp_path / "a.csv", "time,eda,ecg", [[f"{k / 1000:.3f}", *row] for k, row in enumerate(x)]
    )
    holds(read(path, 5.0), np.arange(5000) / 1000, x)
    time = np.sort(np.random.default_rng(0).uniform(0, 50, 5000)).round(6)
    path = files.lines(
        tmp_path / "b.csv", "time,eda,ecg", [[t, *row] for t, row in zip(time, x, strict=True)]
    )
    holds(read(path, 50.0), time, x)


def test_one_row_per_segment(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("name,start,end,joy,text\na,0.5,4,0.25,hi\na,4,9,0.5,well\na,12,13.5,1,so\n")
    table = read(path, 14.0, columns="joy")
    np.testing.assert_array_equal(table[["start", "end"]], [[0.5, 4], [4, 9], [12, 13.5]])
    np.testing.assert_array_equal(times(table), [2.25, 6.5, 12.75])
    with pytest.raises(InputError, match="line 2, column 'text': found 'hi'"):
        read(path, 14.0)


def test_a_row_without_an_end_holds_until_the_next_but_not_longer(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("time,a\n0,1\n5,2\n10,3\n20,4\n")
    table = read(path, 25.0, max_gap=6)
    np.testing.assert_array_equal(table["end"], [5, 10, 16, 25])
    notes = []
    np.testing.assert_array_equal(read(path, 21.0, notes)["end"], [1, 6, 11, 21])
    assert notes == ["rows are 5 s apart and hold for 1 s (max_gap)"]


def test_a_single_row(tmp_path):
    (tmp_path / "a.csv").write_text("time,a\n0,1\n")
    table = read(tmp_path / "a.csv", 30.0, max_gap=30)
    assert table[["time", "start", "end"]].to_numpy().tolist() == [[0, 0, 30]]


def test_another_length_than_the_media(tmp_path):
    path = tmp_path / "a.csv"
    files.lines(path, "time,a", [[k / 10, k] for k in range(400)])
    read(path, 40.0)
    read(path, 38.5)  # within 5 %
    notes = []
    read(path, 48.0, notes)
    assert notes == ["400 rows end at 40 s, the recording at 48 s; 8.333 rows per second would fit"]
    for length in (40_000.0, 15.0):
        with pytest.raises(InputError, match=r"a\.csv: 400 rows end at .*expected seconds"):
            read(path, length)
    with pytest.raises(InputError, match=r"found a row every 0\.0001 s"):
        read(path, 40.0, unit="ms")
    assert math.isclose(times(read(path, math.nan))[-1], 39.9)


def test_a_rate_that_does_not_fit_the_media_is_an_error(tmp_path):
    np.save(tmp_path / "a.npy", values(2000, 2))
    assert len(read(tmp_path / "a.npy", 40.0, rate=50)) == 2000
    with pytest.raises(InputError, match=r"expected the recording's length \('rate': 50 rows"):
        read(tmp_path / "a.npy", 40.0, rate=60)


def test_a_table_of_nothing_is_told(tmp_path):
    (tmp_path / "a.csv").write_text("time,a\n0,\n0.1,NaN\n")
    notes = []
    assert read(tmp_path / "a.csv", notes=notes)["a"].isna().all()
    assert notes == ["no row has values"]


def test_columns_of_a_reader_in_pieces(tmp_path, monkeypatch):
    path = files.avec(tmp_path / "a.csv", X)
    whole = read(path)
    monkeypatch.setattr("softaer.readers.feature_files.CELLS_AT_ONCE", 10)
    pd.testing.assert_frame_equal(read(path), whole)


def test_other_columns_than_those_of_another_recording():
    refuse_other_columns(["a", "b"], "2.csv", ["a", "b"], "1.csv")
    with pytest.raises(InputError, match=r"2\.csv lacks 'b' and has additional 'c'"):
        refuse_other_columns(["a", "c"], "2.csv", ["a", "b"], "1.csv")
    with pytest.raises(InputError, match=r"2\.csv has them in another order"):
        refuse_other_columns(["b", "a"], "2.csv", ["a", "b"], "1.csv")


def test_settings_are_checked():
    from softaer.core.fields import read as check

    good = {"unit": "ms", "anchor": "start", "frame": 0.06, "columns": "^AU", "face": 2}
    assert check(FeatureTable, good) == replace(FeatureTable(), **good)
    for bad in ({"columns": "("}, {"rate": 2000.0}, {"face": "left"}, {"max_gap": 0.0}):
        with pytest.raises(ValueError, match="validation error"):
            check(FeatureTable, bad)
