"""Reading and writing of Parquet tables against a declared schema.

The same rows give the same bytes: no time stamps, no pandas metadata, fixed compression.
"""

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.corpus import Recording

COMPRESSION = "zstd"


def conform(frame: pd.DataFrame | pa.Table, schema: pa.Schema, where: object = "table") -> pa.Table:
    """Convert a table to its declared schema, or report what does not fit.

    Parameters
    ----------
    frame
        Columns of exactly the schema's names, in any order; NaN in a float column becomes null.
    schema
        Declared Arrow schema.
    where
        Names the table in the error.

    Raises
    ------
    InputError
        For missing or additional columns, values of another type, or forbidden nulls.
    """
    names = list(frame.column_names if isinstance(frame, pa.Table) else frame.columns)
    if set(names) != set(schema.names):
        missing = [name for name in schema.names if name not in names]
        surplus = [name for name in names if name not in schema.names]
        raise InputError(f"{where}: missing columns {missing}, unexpected columns {surplus}")
    try:
        if isinstance(frame, pa.Table):
            frame = frame.to_pandas()
        table = pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)
    except (pa.ArrowException, ValueError) as error:
        raise InputError(f"{where}: {error}") from error
    table = table.replace_schema_metadata(schema.metadata)
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise InputError(f"{where}: column {field.name!r} has missing values")
    return table


@contextmanager
def writer(path: Path, schema: pa.Schema) -> Iterator["TableWriter"]:
    """Write a table piece by piece; the file gets its final name only when it is complete."""
    with complete(path) as partial, _parquet(partial, schema) as sink:
        yield TableWriter(sink, schema, path)


def _parquet(file: Any, schema: pa.Schema) -> pq.ParquetWriter:
    """Parquet writer. Lists of numbers, which hardly repeat, are stored without a dictionary and
    byte by byte, which takes about half the space."""
    lists = [f.name for f in schema if pa.types.is_fixed_size_list(f.type)]
    coding: dict[str, Any] = {}
    if lists:
        split = [f"{name}.list.element" for name in lists]
        coding = {"use_dictionary": False, "use_byte_stream_split": split}
    return pq.ParquetWriter(file, schema, compression=COMPRESSION, **coding)


class TableWriter:
    """Appends rows after checking them against the schema."""

    def __init__(self, sink: pq.ParquetWriter, schema: pa.Schema, path: Path) -> None:
        self._sink, self._schema, self._path = sink, schema, path

    def append(self, frame: pd.DataFrame | pa.Table) -> None:
        """Append rows as a separate row group; without rows, there is no row group."""
        if len(frame):
            self._sink.write_table(conform(frame, self._schema, self._path))

    @contextmanager
    def all_or_nothing(self) -> Iterator["TableWriter"]:
        """Collect rows that are appended only if the block succeeds.

        They are kept on the disk, in their row groups, so that memory does not grow.
        """
        with tempfile.TemporaryFile(dir=Path(self._path).parent) as file:
            with _parquet(file, self._schema) as waiting:
                yield TableWriter(waiting, self._schema, self._path)
            file.flush()
            # Read by Arrow itself, not through the Python file: a thread of Arrow's that still
            # held a Python buffer while the interpreter shuts down would end the process.
            with pa.OSFile(f"/dev/fd/{file.fileno()}") as native, pq.ParquetFile(native) as kept:
                for group in range(kept.num_row_groups):
                    self._sink.write_table(kept.read_row_group(group))


def write(frame: pd.DataFrame | pa.Table, schema: pa.Schema, path: Path) -> None:
    """Write a whole table."""
    with writer(path, schema) as sink:
        sink.append(frame)


def read(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a table as pandas.

    Raises
    ------
    InputError
        If the file is not Parquet or lacks a column.
    """
    try:
        return pq.read_table(path, columns=columns).to_pandas()
    except (pa.ArrowException, KeyError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a Parquet table: {error}") from error


def columns(path: Path) -> list[str]:
    """Names of a table's columns, without reading its rows.

    Raises
    ------
    InputError
        If the file is not Parquet.
    """
    try:
        return pq.read_schema(path).names
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as a Parquet table: {error}") from error


def schema(path: Path) -> pa.Schema:
    """Schema of a table, without reading its rows.

    Raises
    ------
    InputError
        If the file is not Parquet.
    """
    try:
        return pq.read_schema(path).remove_metadata()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path}: cannot be read as a Parquet table: {error}") from error


def by_recording(path: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """The recordings of a table, one after the other, without the recording column.

    Only one recording at a time is in memory. Its rows must be consecutive, as stages write them.

    Raises
    ------
    InputError
        If there is no such table, or the rows of a recording are not consecutive.
    """
    pieces: list[pd.DataFrame] = []
    seen: set[str] = set()
    for rows in _row_groups(path):
        for recording, piece in rows.groupby("recording", sort=False):
            if pieces and pieces[0]["recording"].iloc[0] != recording:
                yield _without_name(pieces)
                pieces = []
            if not pieces and recording in seen:
                raise InputError(f"{path}: rows of recording {recording!r} lie apart")
            seen.add(recording)
            pieces.append(piece)
    if pieces:
        yield _without_name(pieces)


def _without_name(pieces: list[pd.DataFrame]) -> tuple[str, pd.DataFrame]:
    rows = pd.concat(pieces, ignore_index=True) if len(pieces) > 1 else pieces[0]
    name = rows["recording"].iloc[0]
    return name, rows.drop(columns="recording").reset_index(drop=True)


def _row_groups(path: Path) -> Iterator[pd.DataFrame]:
    try:
        with pq.ParquetFile(path) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group).to_pandas()
    except (pa.ArrowException, KeyError, OSError) as error:
        raise InputError(f"{path}: cannot be read as a Parquet table: {error}") from error


def read_batches(
    folder: Path, recordings: Iterable[Recording], columns: list[str] | None = None
) -> pd.DataFrame:
    """Rows of some recordings, from the tables of their batches.

    Parameters
    ----------
    folder
        Tables of a stage, ``<batch>.parquet`` each, with a column ``recording``.
    recordings
        Requested recordings.
    columns
        Requested columns, including ``recording``; all of them by default.
    """
    batch_of = {recording.recording: recording.batch for recording in recordings}
    parts = [
        read(Path(folder) / f"{batch}.parquet", columns)
        for batch in dict.fromkeys(batch_of.values())
    ]
    rows = pd.concat(parts, ignore_index=True)
    return rows[rows["recording"].isin(batch_of)].reset_index(drop=True)
