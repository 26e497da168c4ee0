"""Ratings as tools write them: every form gives the same labels, from a folder to E and sigma."""

import shutil
import sys
import wave

import numpy as np
import pytest
import tool_files
import yaml
from tool_files import RATERS, RECORDINGS, SECONDS, Corpus

from softaer import labels, layouts, ratings
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.experiment import Ratings
from softaer.core.grid import RATE
from softaer.corpus import read_rows, resolve
from softaer.prepare import check, import_ratings, init
from softaer.readers import forms
from softaer.readers.cells import Head
from softaer.readers.traces import Request

NEEDS_PYMPI = {"elan", "praat"}


@pytest.fixture(params=tool_files.FORMS)
def form(request):
    """Name of each form, for which a writer exists."""
    if request.param in NEEDS_PYMPI:
        pytest.importorskip("pympi", reason="pympi-ling is not installed")
    return request.param


def silence(folder):
    """Recordings without sound in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in RECORDINGS:
        with wave.open(str(folder / f"{name}.wav"), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(b"\0\0" * int(8000 * SECONDS))


def command(monkeypatch, module, *words):
    """Run a command of softaer as its module's main does."""
    arguments = __import__("argparse").ArgumentParser()
    module.add_arguments(arguments)
    module.main(arguments.parse_args(list(map(str, words))))


def stage(monkeypatch, module, *words):
    monkeypatch.setattr(sys, "argv", ["stage", *map(str, words)])
    module.main()


def settings(section):
    """A section of the configuration as the stage's settings."""
    return Ratings(**section)


def traces_of(table, written: Corpus, monkeypatch, tmp_path):
    """Traces on the grid and labels of all recordings of a table, by recording."""
    found = {}
    for recording in resolve(read_rows(table).values(), table.parent):
        _, on_grid = ratings.read_recording(
            recording.recording,
            recording.annotations,
            layouts.layout("table"),
            written.dimensions,
            settings(written.ratings),
            length=SECONDS,
            note=[].append,
        )
        path = tmp_path / f"{recording.recording}.parquet"
        tables.write(on_grid.assign(recording=recording.recording), ratings.RATINGS, path)
        outputs = tmp_path / "labels.parquet", tmp_path / "weights.parquet"
        stage(
            monkeypatch,
            labels,
            *("--ratings", path, "--output", outputs[0], "--weights-output", outputs[1]),
        )
        found[recording.recording] = on_grid, tables.read(outputs[0])
    return found


def expected(recording, rater, dimension, time, written: Corpus, form):
    """Value of a trace at grid points, by numpy alone."""
    if written.rate == 4 and form in ("elan", "praat", "anvil", "votes"):
        return tool_files.value(recording, rater, dimension, written.turned(time))
    at = tool_files.seconds(written.rate, written.start)
    values = tool_files.value(recording, rater, dimension, at)
    if written.ratings.get("interpolation") == "hold":
        return values[np.searchsorted(at, time + 1e-9) - 1]
    return np.interp(time, at, values)


def test_every_form_goes_from_a_folder_to_labels(form, tmp_path, monkeypatch, capsys):
    """init proposes the files, check reads them, and E and sigma are those of the traces."""
    folder = tmp_path / "corpus"
    written = tool_files.FORMS[form](folder)
    silence(folder)
    named = written.ratings.get("format")
    command(monkeypatch, init, folder, *(["--format", named] if named else []))
    said = capsys.readouterr().err
    rows = read_rows(folder / "recordings.csv")
    assert all("annotations" in row for row in rows.values()), said
    assert "WARNING" not in said

    config = tmp_path / "experiment.yaml"
    corpus = {"recordings": str(folder / "recordings.csv")}
    config.write_text(
        yaml.safe_dump(
            {"corpus": corpus, "dimensions": [*written.dimensions], "ratings": written.ratings}
        )
    )
    for key, value in written.ratings.items():
        text = yaml.safe_dump(value, default_flow_style=True).splitlines()[0]
        assert key == "format" or f"{key}: {text}" in said
    try:
        command(monkeypatch, check, "--configfile", config)
    except SystemExit:
        problems = capsys.readouterr().err
        # Silence, and what is odd on purpose.
        kinds = ("silen", "sessions", "equal steps", "cover", "no sound", "digital")
        lines = [line for line in problems.splitlines() if line.startswith("  ")]
        assert not [line for line in lines if not any(kind in line for kind in kinds)], problems

    raters = ["1", "2", "3"] if form == "muse_toolbox" else list(RATERS)
    found = traces_of(folder / "recordings.csv", written, monkeypatch, tmp_path)
    assert set(found) == set(RECORDINGS)
    for recording, (on_grid, made) in found.items():
        for dimension in written.dimensions:
            own = on_grid[on_grid["dimension"] == dimension]
            wide = own.pivot_table(index="time", columns="rater", values="value")
            assert list(wide.columns) == raters
            time = wide.index.to_numpy()
            truth = np.stack(
                [expected(recording, r, dimension, time, written, form) for r in RATERS]
            )
            np.testing.assert_allclose(wide.to_numpy().T, truth, atol=2e-4)
            if form in ("elan", "praat", "anvil", "votes"):
                assert len(time) == 9 * RATE  # three segments, and none of their ends
            label = made[made["dimension"] == dimension]
            np.testing.assert_allclose(label["time"], time)
            # EWE of traces that agree in shape: their weighted mean, near the plain mean.
            assert np.abs(label["E"] - truth.mean(axis=0)).max() < 0.05
            sigma = np.sqrt(((truth - label["E"].to_numpy()) ** 2).sum(axis=0) / 2)
            np.testing.assert_allclose(label["sigma"], sigma, atol=1e-3)


def test_every_reader_has_a_form_here_and_describes_itself():
    assert {name.split()[0] for name in tool_files.FORMS} == set(forms.FORMS)
    for name, reader in forms.FORMS.items():
        assert reader.__doc__.split("\n")[0], name


def test_a_file_has_one_form(form, tmp_path):
    """No other reader claims it: the content decides."""
    tool_files.FORMS[form](tmp_path)
    files = [p for p in tmp_path.rglob("*") if p.is_file() and not p.name.endswith("~")]
    for path in files:
        assert forms.recognised(Head.of(path)) == [form.split()[0]], path


def one_file(form, folder):
    """A file of a form, and what is asked of it."""
    written = tool_files.FORMS[form](folder)
    files = [p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.endswith("~")]
    path = next(p for p in files if "p01" in p.as_posix() or len(files) <= 2)
    named = {"carma", "darma", "continuum", "nova_csv", "spreadsheet"}
    rater = "anna" if form.split()[0] in named else None
    form_name = written.ratings.get("format", "found")
    return path, Request(path, "p01", written.dimensions, "arousal", rater), form_name
