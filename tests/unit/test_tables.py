"""Tables keep to their declared schema, the same rows give the same bytes, none is left half."""

import inspect

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from softaer.core import schema, tables
from softaer.core.errors import InputError

SCHEMA = pa.schema(
    [
        schema.RECORDING,
        schema.TIME,
        schema.field("raters", pa.int32(), "raters"),
        schema.field("x_18", pa.float32(), "pixel", nullable=True),
    ]
)


def rows(**changes):
    columns = {
        "recording": ["r1", "r1", "r2"],
        "time": [0.0, 0.1, 0.0],
        "raters": [3, 4, 5],
        "x_18": [1.5, np.nan, -2.0],
    }
    return pd.DataFrame(columns | changes)


def declared():
    """Every schema of the project by name; those of variable width with two columns a group."""
    for name, value in vars(schema).items():
        if isinstance(value, pa.Schema):
            yield name, value
        elif inspect.isfunction(value) and value.__annotations__.get("return") is pa.Schema:
            groups = inspect.signature(value).parameters
            of_parts = list(groups) == ["parts"]
            columns = [[f"{group}_a", f"{group}_b"] for group in groups]
            yield name, value(*([{"a": schema.LABELS}] if of_parts else columns))


DECLARED = dict(declared())


def test_schemas_of_all_kinds_are_found():
    assert {"audio_lld", "landmarks", "LABELS", "RATINGS", "CCC"} <= set(DECLARED)


@pytest.mark.parametrize("name", DECLARED)
def test_every_column_declares_its_unit(name):
    for field in DECLARED[name]:
        assert b"unit" in (field.metadata or {}), field.name
        numeric = pa.types.is_integer(field.type) or pa.types.is_floating(field.type)
        assert not numeric or field.metadata[b"unit"], field.name
    if "time" in DECLARED[name].names:
        time = DECLARED[name].field("time")
        assert (time.type, time.metadata[b"unit"]) == (pa.float64(), b"s")


@pytest.mark.parametrize("name", DECLARED)
def test_units_and_types_survive_in_the_file(name, tmp_path):
    fields = DECLARED[name]
    path = tmp_path / "t.parquet"
    tables.write(fields.empty_table(), fields, path)
    written = pq.read_schema(path)
    assert written.names == fields.names
    assert written.types == fields.types
    for field in fields:
        assert written.field(field.name).metadata[b"unit"] == field.metadata[b"unit"]
        assert written.field(field.name).nullable == field.nullable


def test_the_same_rows_give_the_same_bytes(tmp_path):
    frame = rows()
    sources = {
        "once": frame,
        "again": frame.copy(),
        "other order of columns": frame[frame.columns[::-1]],
        "other index": frame.set_index(pd.Index([7, 5, 1], name="i")),
        "arrow": tables.conform(frame, SCHEMA),
    }
    contents = set()
    for name, source in sources.items():
        path = tmp_path / f"{name}.parquet"
        tables.write(source, SCHEMA, path)
        contents.add(path.read_bytes())
    assert len(contents) == 1


def test_files_are_compressed_and_free_of_pandas_metadata(tmp_path):
    tables.write(rows(), SCHEMA, tmp_path / "t.parquet")
    file = pq.ParquetFile(tmp_path / "t.parquet")
    assert not any(b"pandas" in key for key in file.schema_arrow.metadata or {})
    group = file.metadata.row_group(0)
    assert {group.column(i).compression for i in range(group.num_columns)} == {"ZSTD"}


def test_rows_come_back_as_they_were(tmp_path):
    tables.write(rows(), SCHEMA, tmp_path / "t.parquet")
    back = tables.read(tmp_path / "t.parquet")
    assert back["recording"].tolist() == ["r1", "r1", "r2"]
    assert back["time"].tolist() == [0.0, 0.1, 0.0]
    assert back["raters"].dtype == np.int32
    assert back["x_18"].dtype == np.float32
    assert np.array_equal(back["x_18"], [1.5, np.nan, -2.0], equal_nan=True)
    assert tables.columns(tmp_path / "t.parquet") == SCHEMA.names


def test_missing_is_null_in_the_file_not_nan(tmp_path):
    tables.write(rows(), SCHEMA, tmp_path / "t.parquet")
    column = pq.read_table(tmp_path / "t.parquet")["x_18"]
    assert column.to_pylist() == [1.5, None, -2.0]


@pytest.mark.parametrize("convert", [pd.DataFrame, pa.Table.from_pandas], ids=["pandas", "arrow"])
@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (rows().drop(columns="raters"), "raters"),
        (rows(surplus=1), "surplus"),
        (rows(raters=[3, 4, 5.5]), "5.5"),
        (rows(raters=[3, 4, 2**40]), str(2**40)),
        (rows(x_18=["a", "b", "c"]), "a"),
        (rows(x_18=pd.to_datetime(["2020", "2021", "2022"])), "timestamp"),
        (rows(recording=["r1", None, "r2"]), "recording"),
    ],
    ids=["missing", "surplus", "fraction", "overflow", "text", "date", "null"],
)
def test_rows_that_do_not_fit_are_refused(frame, named, convert):
    with pytest.raises(InputError) as error:
        tables.conform(convert(frame), SCHEMA, "results/t.parquet")
    assert "results/t.parquet" in str(error.value)
    assert named in str(error.value)


@pytest.mark.parametrize("as_arrow", [False, True], ids=["pandas", "arrow"])
def test_nan_is_missing_and_refused_where_nothing_may_be_missing(as_arrow):
    frame = rows(time=[0.0, np.nan, 0.2])
    source = pa.table({n: frame[n].to_numpy() for n in frame}) if as_arrow else frame
    with pytest.raises(InputError, match="time"):
        tables.conform(source, SCHEMA)


def test_nan_of_an_arrow_table_becomes_null():
    frame = rows()
    table = tables.conform(pa.table({n: frame[n].to_numpy() for n in frame}), SCHEMA)
    assert table["x_18"].to_pylist() == [1.5, None, -2.0]


def test_columns_are_put_into_the_declared_order():
    table = tables.conform(rows()[["x_18", "raters", "time", "recording"]], SCHEMA)
    assert table.schema.equals(SCHEMA, check_metadata=True)


def write_and_fail(path):
    with tables.writer(path, SCHEMA) as sink:
        sink.append(rows())
        raise ZeroDivisionError


def write_misfit(path):
    with tables.writer(path, SCHEMA) as sink:
        sink.append(rows())
        sink.append(rows(surplus=1))


@pytest.mark.parametrize(
    ("write", "error"), [(write_and_fail, ZeroDivisionError), (write_misfit, InputError)]
)
def test_a_failed_write_leaves_nothing_behind(write, error, tmp_path):
    path = tmp_path / "folder" / "t.parquet"
    with pytest.raises(error):
        write(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize(
    ("write", "error"), [(write_and_fail, ZeroDivisionError), (write_misfit, InputError)]
)
def test_a_failed_write_keeps_the_table_of_before(write, error, tmp_path):
    path = tmp_path / "t.parquet"
    tables.write(rows(), SCHEMA, path)
    before = path.read_bytes()
    with pytest.raises(error):
        write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_table_appears_under_its_name_only_when_complete(tmp_path):
    path = tmp_path / "t.parquet"
    with tables.writer(path, SCHEMA) as sink:
        sink.append(rows())
        assert not path.exists()
    assert len(tables.read(path)) == 3


def test_pieces_are_appended_in_order_and_empty_ones_leave_no_trace(tmp_path):
    with tables.writer(tmp_path / "t.parquet", SCHEMA) as sink:
        sink.append(rows())
        sink.append(rows().iloc[:0])
        sink.append(rows(time=[7.0, 8.0, 9.0]))
    assert pq.ParquetFile(tmp_path / "t.parquet").num_row_groups == 2
    assert tables.read(tmp_path / "t.parquet")["time"].tolist() == [0.0, 0.1, 0.0, 7.0, 8.0, 9.0]


def test_a_table_without_rows_still_has_its_columns(tmp_path):
    with tables.writer(tmp_path / "t.parquet", SCHEMA):
        pass
    assert tables.columns(tmp_path / "t.parquet") == SCHEMA.names
    assert tables.read(tmp_path / "t.parquet").shape == (0, 4)
    assert list(tables.by_recording(tmp_path / "t.parquet")) == []


def test_recordings_come_apart_in_the_order_of_the_file(tmp_path):
    tables.write(rows(recording=["z", "z", "a"]), SCHEMA, tmp_path / "t.parquet")
    parts = list(tables.by_recording(tmp_path / "t.parquet"))
    assert [name for name, _ in parts] == ["z", "a"]
    assert [part["raters"].tolist() for _, part in parts] == [[3, 4], [5]]
    assert all("recording" not in part and part.index[0] == 0 for _, part in parts)


def test_a_recording_is_one_piece_in_however_many_it_was_written(tmp_path):
    with tables.writer(tmp_path / "t.parquet", SCHEMA) as sink:
        for names in (["z", "z", "z"], ["z", "a", "b"], ["b", "b", "b"]):
            sink.append(rows(recording=names))
    parts = list(tables.by_recording(tmp_path / "t.parquet"))
    assert [(name, len(part)) for name, part in parts] == [("z", 4), ("a", 1), ("b", 4)]
    assert all(part.index.tolist() == list(range(len(part))) for _, part in parts)


def test_rows_of_a_recording_that_lie_apart_are_refused(tmp_path):
    tables.write(rows(recording=["z", "a", "z"]), SCHEMA, tmp_path / "t.parquet")
    with tables.writer(tmp_path / "u.parquet", SCHEMA) as sink:
        for name in "zaz":
            sink.append(rows(recording=[name] * 3))
    with pytest.raises(InputError, match="rows of recording 'z' lie apart"):
        list(tables.by_recording(tmp_path / "u.parquet"))


def test_only_the_columns_asked_for_are_read(tmp_path):
    tables.write(rows(), SCHEMA, tmp_path / "t.parquet")
    assert list(tables.read(tmp_path / "t.parquet", ["raters", "time"])) == ["raters", "time"]
    with pytest.raises(InputError) as error:
        tables.read(tmp_path / "t.parquet", ["time", "absent"])
    assert "t.parquet" in str(error.value)
    assert "absent" in str(error.value)


@pytest.mark.parametrize("read", [tables.read, tables.columns, lambda p: [*tables.by_recording(p)]])
@pytest.mark.parametrize(
    "content", [None, b"", b"no table at all"], ids=["absent", "empty", "text"]
)
def test_what_is_no_table_is_named(read, content, tmp_path):
    path = tmp_path / "broken.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.parquet"):
        read(path)
