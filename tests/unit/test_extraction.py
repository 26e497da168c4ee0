"""A bad recording stops its job or is left out, and never takes a row of another one with it."""

import argparse

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import media_files
from media_files import grey, tone
from softaer.core import schema, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Media
from softaer.signals.extraction import NOTHING, add_extraction, asked, extract, look_into

ROWS = pa.schema(
    [
        schema.RECORDING,
        schema.TIME,
        schema.field("x", pa.float32(), nullable=True),
        schema.field("y", pa.float32(), nullable=True),
    ]
)
STEP = 0.1


def piece(start, rows, missing=()):
    """Rows from a time on; ``missing`` are those without ``y``."""
    table = pd.DataFrame({"time": start + STEP * np.arange(rows)})
    table["x"] = np.arange(rows, dtype=np.float32)
    table["y"] = np.where(np.isin(np.arange(rows), missing), np.nan, 7.5).astype(np.float32)
    return table


def whole():
    yield piece(0.0, 4, missing=[1])
    yield piece(0.4, 3, missing=[0, 2])


def of_one_piece():
    yield piece(0.0, 5)


def without_rows():
    yield piece(0.0, 0)


def without_pieces():
    yield from ()


def breaks_at_once():
    raise InputError("bad.mp4: cannot be opened")
    yield


def breaks_on_the_way():
    yield from whole()
    raise InputError("bad.mp4: cannot be decoded any further")


def has_a_defect():
    yield from whole()
    raise ZeroDivisionError


CONTENTS = {
    function.__name__: function
    for function in (
        whole,
        of_one_piece,
        without_rows,
        without_pieces,
        breaks_at_once,
        breaks_on_the_way,
        has_a_defect,
    )
}


def options_of(folder, *paths, policy="fail", limits=()):
    """Arguments of a stage for recordings named r0, r1, ... at some paths."""
    arguments = argparse.ArgumentParser()
    add_extraction(arguments, "file")
    words = [word for i, path in enumerate(paths) for word in ("--recording", f"r{i}", path)]
    words += ["--output", folder / "rows.parquet", "--status-output", folder / "status.parquet"]
    words += ["--on-bad-recording", policy, *limits]
    return asked(arguments.parse_args([str(word) for word in words]))


def run(folder, *contents, policy="fail"):
    """Extract recordings with these contents; rows and states."""
    options = options_of(folder, *contents, policy=policy)
    extract(options, lambda path, *rest: CONTENTS[path](), ROWS)
    status = tables.read(options.status_output)
    return tables.read(options.output), tables.conform(status, schema.STATUS).to_pylist()


def state(recording, frames=0, missing=0, end=None, reason=None):
    keys = NOTHING | {"recording": recording, "reason": reason}
    keys |= {"frames": frames, "missing": missing}
    keys |= {"decoded": None if reason else 0.0}  # these contents fill no account
    return keys | {"end": end if end is None else pytest.approx(end)}


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_good_recordings_have_all_their_rows_and_a_state(policy, tmp_path):
    rows, status = run(tmp_path, "whole", "of_one_piece", policy=policy)
    assert rows["recording"].tolist() == ["r0"] * 7 + ["r1"] * 5
    np.testing.assert_allclose(rows["time"], STEP * np.array([*range(7), *range(5)]))
    assert rows["y"].isna().tolist() == [i in (1, 4, 6) for i in range(12)]
    assert status == [state("r0", 7, 3, 0.6), state("r1", 5, 0, 0.4)]


@pytest.mark.parametrize("content", ["without_rows", "without_pieces"])
def test_a_recording_without_frames_is_not_a_bad_one(content, tmp_path):
    rows, status = run(tmp_path, content, "of_one_piece")
    assert set(rows["recording"]) == {"r1"}
    assert status == [state("r0"), state("r1", 5, 0, 0.4)]


def test_no_recordings_give_empty_tables(tmp_path):
    rows, status = run(tmp_path)
    assert list(rows) == ROWS.names
    assert len(rows) == 0
    assert status == []


@pytest.mark.parametrize("content", ["breaks_at_once", "breaks_on_the_way"])
def test_a_bad_recording_stops_the_job_with_its_name_and_leaves_no_file(content, tmp_path):
    with pytest.raises(InputError, match=r"recording 'r1': bad\.mp4: cannot be"):
        run(tmp_path, "whole", content, "of_one_piece")
    assert list(tmp_path.iterdir()) == []


def test_a_bad_recording_leaves_the_files_of_before(tmp_path):
    run(tmp_path, "whole")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError):
        run(tmp_path, "of_one_piece", "breaks_on_the_way")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("breaks_at_once", "bad.mp4: cannot be opened"),
        ("breaks_on_the_way", "bad.mp4: cannot be decoded any further"),
    ],
)
def test_a_skipped_recording_has_no_rows_and_a_reason(content, reason, tmp_path, capsys):
    rows, status = run(tmp_path, "whole", content, "of_one_piece", policy="skip")
    assert status[1] == state("r1", reason=reason)
    assert rows["recording"].tolist() == ["r0"] * 7 + ["r2"] * 5
    assert f"'r1' is left out: {reason}" in capsys.readouterr().out


@pytest.mark.parametrize("content", ["breaks_at_once", "breaks_on_the_way"])
def test_a_skipped_recording_leaves_no_trace_in_the_bytes_of_the_others(content, tmp_path):
    _, status = run(tmp_path / "with", "whole", "of_one_piece", content, policy="skip")
    _, expected = run(tmp_path / "without", "whole", "of_one_piece")
    assert status[:2] == expected
    contents = [(tmp_path / name / "rows.parquet").read_bytes() for name in ("with", "without")]
    assert contents[0] == contents[1]


def test_if_all_are_skipped_the_table_is_empty(tmp_path):
    rows, status = run(tmp_path, "breaks_at_once", "breaks_on_the_way", policy="skip")
    assert list(rows) == ROWS.names
    assert len(rows) == 0
    assert [row["frames"] for row in status] == [0, 0]
    assert all(row["reason"] for row in status)


@pytest.mark.parametrize("policy", ["fail", "skip"])
def test_a_defect_is_no_bad_recording(policy, tmp_path):
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, "whole", "has_a_defect", policy=policy)
    assert list(tmp_path.iterdir()) == []


def test_bytes_and_row_groups_are_those_of_writing_directly(tmp_path):
    run(tmp_path, "whole", "without_rows", "of_one_piece")
    with tables.writer(tmp_path / "direct.parquet", ROWS) as sink:
        for recording, content in (("r0", whole), ("r2", of_one_piece)):
            for table in content():
                sink.append(table.assign(recording=recording))
    found, direct = (tmp_path / f"{name}.parquet" for name in ("rows", "direct"))
    assert found.read_bytes() == direct.read_bytes()
    groups = pq.ParquetFile(found).metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [4, 3, 5]


def test_memory_does_not_grow_with_the_length_of_a_recording(tmp_path):
    rng = np.random.default_rng(0)
    count, rows = 40, 20_000

    def long(*rest):
        for number in range(count):
            values = rng.random((rows, 2), dtype=np.float32)
            table = pd.DataFrame(values, columns=["x", "y"])
            table.insert(0, "time", STEP * (number * rows + np.arange(rows)))
            yield table

    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(pa.system_memory_pool())
    pa.set_memory_pool(pool)
    try:
        extract(options_of(tmp_path, "long"), long, ROWS)
    finally:
        pa.set_memory_pool(usual)
    one = rows * 16
    assert pq.ParquetFile(tmp_path / "rows.parquet").metadata.num_rows == count * rows
    assert one < pool.max_memory() < count * one / 4


def test_limits_reach_the_reader(tmp_path):
    words = ["--max-size", 0.5, "--max-duration", 60, "--max-streams", 3, "--max-pixels", 1000]
    seen = []

    def read(path, limits, *rest):
        seen.append(limits)
        return []

    extract(options_of(tmp_path, "a", limits=words), read, ROWS)
    extract(options_of(tmp_path, "a"), read, ROWS)
    assert seen == [Media(0.5, 60.0, 3, 1000), Media()]


@pytest.fixture
def media(tmp_path):
    """Files by what is in them."""
    pictures = [(k / 25, grey(10 * k)) for k in range(10)]
    sound = [(0, tone(0.4))]
    text = tmp_path / "text.mkv"
    text.write_text("this is no media file")
    return {
        "both": media_files.write(tmp_path / "both.mkv", pictures=pictures, sound=sound),
        "sound": media_files.write(tmp_path / "sound.mkv", sound=sound),
        "pictures": media_files.write(tmp_path / "pictures.mkv", pictures=pictures),
        "text": text,
        "absent": tmp_path / "absent.mkv",
    }


@pytest.mark.parametrize("kind", ["audio", "video"])
def test_good_files_are_opened_and_nothing_is_written(kind, media, tmp_path):
    before = sorted(tmp_path.iterdir())
    alone = "sound" if kind == "audio" else "pictures"
    look_into(options_of(tmp_path, media["both"], media[alone]), kind)
    assert sorted(tmp_path.iterdir()) == before


def test_nothing_is_decoded_to_look_into_a_file(clips, tmp_path):
    look_into(options_of(tmp_path, clips / "mpf_face_theora_vorbis.ogg"), "video")


@pytest.mark.parametrize(
    ("kind", "bad", "words"),
    [
        ("audio", "pictures", "no audio stream"),
        ("video", "sound", "no video stream"),
        ("audio", "text", "cannot be decoded"),
        ("video", "absent", "no such media file"),
    ],
)
def test_a_file_that_its_stage_would_refuse_is_refused(kind, bad, words, media, tmp_path):
    options = options_of(tmp_path, media["both"], media[bad])
    with pytest.raises(InputError, match=rf"recording 'r1': .*{bad}\.mkv: {words}"):
        look_into(options, kind)


def test_limits_are_looked_at_too(media, tmp_path):
    options = options_of(tmp_path, media["both"], limits=["--max-streams", 1])
    with pytest.raises(InputError, match=r"recording 'r0': .*2 streams; expected at most 1"):
        look_into(options, "audio")


def test_the_size_of_the_pictures_is_looked_at_too(media, tmp_path):
    options = options_of(tmp_path, media["both"], limits=["--max-pixels", 3071])
    with pytest.raises(InputError, match=r"recording 'r0': .*3072 pixels; expected at most 3071"):
        look_into(options, "video")


def test_where_bad_recordings_are_skipped_there_is_nothing_to_refuse(media, tmp_path):
    look_into(options_of(tmp_path, media["text"], media["absent"], policy="skip"), "audio")
