"""Ratings as tools write them: every form gives the same labels, from a folder to E and sigma."""

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
from softaer.prepare import check, init
from softaer.readers import forms
from softaer.readers.cells import Head
from softaer.readers.traces import Request
from softaer.signals.turns import read_turns

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


def read_text(form, folder, change):
    """Read a file of a form after a change of its bytes; returns the error, if any."""
    path, request, name = one_file(form, folder)
    data = path.with_name(path.name + "~") if form.startswith("nova (") or form == "nova" else path
    data.write_bytes(change(data.read_bytes()))
    try:
        return data, forms.read(request, name), None
    except InputError as error:
        return data, None, str(error)


TEXT = [form for form in tool_files.FORMS if form != "nova (binary)"]
LINES = [form for form in TEXT if form not in ("elan", "praat", "anvil")]
NO_HEADER = {"nova", "nova_csv", "annemo"}


def needs(form):
    if form in NEEDS_PYMPI:
        pytest.importorskip("pympi", reason="pympi-ling is not installed")


@pytest.mark.parametrize("form", TEXT)
def test_an_empty_file_is_refused(form, tmp_path):
    needs(form)
    path, found, error = read_text(form, tmp_path, lambda data: b"")
    assert found is None
    assert str(path).removesuffix("~") in error


def head_alone(form, data):
    """The lines above the ratings."""
    lines = data.decode("utf-16" if form == "spreadsheet" else "utf-8").splitlines(keepends=True)
    count = {"carma": 9, "darma": 5, "continuum": 3, "spreadsheet": 2}.get(form, 1)
    return "".join(lines[:count]).encode("utf-16" if form == "spreadsheet" else "utf-8")


@pytest.mark.parametrize("form", [form for form in LINES if form not in NO_HEADER])
def test_a_header_alone_is_no_rating_and_noted(form, tmp_path):
    """As of a participant who never moved: other files of the recording count."""
    path, request, name = one_file(form, tmp_path)
    path.write_bytes(head_alone(form, path.read_bytes()))
    said = []
    table = forms.read(Request(**(vars(request) | {"note": said.append})), name)[1].table
    assert table.empty
    assert form == "table" or any("a header alone" in note and path.name in note for note in said)
    with pytest.raises(InputError, match="no ratings of 'arousal'; expected rows below the header"):
        ratings.read_files(
            "p01",
            str(path),
            layouts.layout("table"),
            ["arousal"],
            Ratings(format=name),
            [].append,
        )


def row_twice(data, encoding, at=-1):
    lines = data.decode(encoding).splitlines(keepends=True)
    return "".join([*lines, lines[at]]).encode(encoding)


SAMPLED = ["carma", "carma (old)", "darma", "continuum", "nova_csv", "muse_toolbox"]


@pytest.mark.parametrize("at", [-1, -3], ids=["doubled", "backwards"])
@pytest.mark.parametrize("form", SAMPLED)
def test_times_that_do_not_increase_are_refused_with_their_line(form, at, tmp_path):
    path, found, error = read_text(form, tmp_path, lambda data: row_twice(data, "utf-8", at))
    count = len(path.read_bytes().splitlines())
    assert found is None
    assert f"{path}, line {count}" in error
    assert ("the same time again" in error) == (at == -1)


def test_times_that_go_back_in_annemo_are_refused(tmp_path):
    path, found, error = read_text("annemo", tmp_path, lambda data: row_twice(data, "utf-8", -3))
    assert found is None
    assert f"{path}, line {len(path.read_bytes().splitlines())}" in error


@pytest.mark.parametrize("form", LINES)
def test_two_files_in_one_are_refused(form, tmp_path):
    encoding = "utf-16" if form == "spreadsheet" else "utf-8"
    path, found, error = read_text(
        form, tmp_path, lambda data: (2 * data.decode(encoding)).encode(encoding)
    )
    assert found is None
    assert str(path).removesuffix("~") in error
    assert "line" in error or form == "nova"


@pytest.mark.parametrize("form", LINES)
def test_a_word_in_place_of_a_rating_is_refused_with_its_line(form, tmp_path):
    encoding = "utf-16" if form == "spreadsheet" else "utf-8"

    def change(data):
        lines = data.decode(encoding).splitlines(keepends=True)
        last = lines[-1].rstrip("\r\n")
        sign = ";" if ";" in last else ","
        cells = last.split(sign)
        place = {"annemo": -2, "nova": 0, "nova_csv": 1, "darma": 1, "pagan": 7}.get(form, -1)
        cells[place] = "high"
        return "".join([*lines[:-1], sign.join(cells) + "\n"]).encode(encoding)

    path, found, error = read_text(form, tmp_path, change)
    assert found is None
    count = len(path.read_bytes().decode(encoding).splitlines())
    assert f"{path}, line {count}" in error
    assert "'high'" in error


@pytest.mark.parametrize("form", [form for form in LINES if form != "spreadsheet"])
def test_bytes_of_another_encoding_are_refused_with_their_line(form, tmp_path):
    def change(data):
        lines = data.splitlines(keepends=True)
        return b"".join([*lines[:-1], b"\xfc", lines[-1]])

    path, found, error = read_text(form, tmp_path, change)
    count = len(path.read_bytes().splitlines())
    assert found is None
    assert str(path) in error
    assert f"line {count}" in error or form == "table"


@pytest.mark.parametrize("form", ["carma", "carma (old)", "darma", "nova", "nova_csv", "deam"])
def test_what_is_not_rated_is_a_gap(form, tmp_path):
    """NaN in the data of these tools; a table of softaer has empty cells, and refuses NaN."""
    _, before, _ = read_text(form, tmp_path / "a", lambda data: data)

    def change(data):
        lines = data.decode().splitlines(keepends=True)
        last = lines[-1].rstrip("\n")
        sign = ";" if ";" in last else ","
        cells = last.split(sign)
        place = {"nova": 0, "nova_csv": 1, "darma": 1}.get(form, -1)
        cells[place] = "NaN"
        return "".join([*lines[:-1], sign.join(cells) + "\n"]).encode()

    _, after, error = read_text(form, tmp_path / "b", change)
    assert error is None
    assert len(after[1].table) == len(before[1].table) - 1


def test_a_missing_value_in_a_table_of_softaer_is_refused(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("time,r1\n0,0.1\n1,nan\n")
    with pytest.raises(InputError, match="line 3, column 'r1': found 'nan'"):
        forms.read(Request(path, dimension="arousal"))


@pytest.mark.parametrize("form", ["carma", "carma (old)", "darma"])
def test_a_value_outside_the_scale_that_the_file_declares_is_refused(form, tmp_path):
    def change(data):
        lines = data.decode().splitlines(keepends=True)
        cells = lines[-1].split(",")
        cells[1 if form == "darma" else -1] = "5000\n" if form != "darma" else "5000"
        return "".join([*lines[:-1], ",".join(cells)]).encode()

    path, found, error = read_text(form, tmp_path, change)
    assert found is None
    assert f"{path}, line {len(path.read_bytes().splitlines())}" in error
    assert "the scale that the file declares" in error


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (("size=", 'size="5" old='), "expected 5, the size that it says"),
        (('sr="4"', 'sr="0"'), "frames per second"),
        (('type="CONTINUOUS"', 'type="POINT"'), "type 'POINT'"),
        (('ftype="ASCII"', 'ftype="BINARY"'), "8 bytes a frame"),
        (("<annotation", '<!DOCTYPE a [<!ENTITY x "y">]><annotation'), "document type or entities"),
        (("</annotation>", ""), "cannot be read as XML"),
    ],
)
def test_what_contradicts_itself_in_nova_is_refused(edit, said, tmp_path):
    path, request, _ = one_file("nova", tmp_path)
    path.write_text(path.read_text().replace(*edit))
    with pytest.raises(InputError, match=said) as error:
        forms.read(request)
    assert str(path) in str(error.value)


def test_an_annotation_without_its_data_is_refused(tmp_path):
    path, request, _ = one_file("nova", tmp_path)
    path.with_name(path.name + "~").unlink()
    with pytest.raises(InputError, match=r"no file .*~ beside it"):
        forms.read(request)


@pytest.mark.parametrize("kind", ["DISCRETE", "FREE"])
def test_segments_of_nova_are_ratings_if_their_labels_are_numbers(kind, tmp_path):
    path = tmp_path / "p01.annotation"
    items = '<item id="0" name="-1"/><item id="1" name="1"/>' if kind == "DISCRETE" else ""
    path.write_text(
        f'<annotation><info ftype="ASCII" size="2"/><meta annotator="anna"/>'
        f'<scheme name="valence" type="{kind}">{items}</scheme></annotation>'
    )
    labels_ = ("0", "1") if kind == "DISCRETE" else ("-1", "1")
    data = tmp_path / "p01.annotation~"
    data.write_text(f"0.5;1.0;{labels_[0]};1\n1.0;2.0;{labels_[1]};1\n")
    _, found = forms.read(Request(path))
    assert found.kind == "segments"
    assert found.table["time"].tolist() == [0.5, 1.0, 2.0]
    np.testing.assert_array_equal(found.table["value"], [-1, 1, np.nan])
    data.write_text("0.5;1.0;happy;1\n1.0;2.0;1;1\n")
    with pytest.raises(InputError, match=r"line 1.*'happy'"):
        forms.read(Request(path))


@pytest.mark.parametrize("form", ["elan", "praat", "anvil"])
def test_labels_that_are_no_numbers_and_tiers_of_other_names_are_refused(form, tmp_path):
    needs(form)
    path, request, _ = one_file(form, tmp_path)
    text = path.read_text()
    v = f"{tool_files.value('p01', 'anna', 'arousal', np.array([3.0]))[0]:g}"
    path.write_text(text.replace(v, "happy", 1))
    with pytest.raises(InputError, match=r"3 s of tier 'arousal.anna'.*'happy'"):
        forms.read(request)
    path.write_text(text.replace("arousal", "words").replace("valence", "more"))
    with pytest.raises(InputError, match=r"found tiers words.anna.*ratings.called"):
        forms.read(request)
    called = Request(**(vars(request) | {"called": {"arousal": "words"}}))
    path.write_text(text.replace("arousal", "words").replace("valence", "more"))
    assert set(forms.read(called)[1].table["dimension"]) == {"arousal"}


@pytest.mark.parametrize("form", ["elan", "praat", "anvil"])
def test_broken_documents_are_refused(form, tmp_path):
    needs(form)
    path, request, _ = one_file(form, tmp_path)
    data = path.read_bytes()
    for cut in (len(data) // 2, 3 * len(data) // 4):
        path.write_bytes(data[:cut])
        with pytest.raises(InputError) as error:
            forms.read(request, form)
        assert str(path) in str(error.value)


def test_segments_of_one_rater_that_overlap_are_refused(tmp_path):
    path = tmp_path / "p01.csv"
    path.write_text("annotator,start,end,value\nanna,0,2,1\nben,1,3,2\nanna,1.5,3,2\n")
    with pytest.raises(InputError, match=r"rater 'anna' for 'arousal' overlap: 0 to 2 s"):
        forms.read(Request(path, dimension="arousal"))


def test_the_real_document_of_elan_is_read_as_its_xml_says(shared_data):
    pytest.importorskip("pympi", reason="pympi-ling is not installed")
    from xml.etree import ElementTree

    path = shared_data / "tools" / "sample_3.0.eaf"
    found = forms.FORMS["elan"].tiers_of(path)
    root = ElementTree.parse(path).getroot()
    slots = ((s.get("TIME_SLOT_ID"), s.get("TIME_VALUE")) for s in root.iter("TIME_SLOT"))
    at = {name: None if value is None else int(value) for name, value in slots}
    compared = 0
    for tier in root.iter("TIER"):
        own = sorted(
            (
                (at[a.get("TIME_SLOT_REF1")], at[a.get("TIME_SLOT_REF2")], a[0].text or "")
                for a in tier.iter("ALIGNABLE_ANNOTATION")
            ),
            key=lambda row: (row[0] or 0, row[1] or 0, row[2]),
        )
        if own:
            compared += 1
            assert found[tier.get("TIER_ID"), tier.get("ANNOTATOR") or ""] == own
    assert compared >= 3
    with pytest.raises(InputError, match=r"found tiers .*text.*ratings.called"):
        forms.read(Request(path, dimensions=("arousal",)))


@pytest.mark.parametrize("film", ["11", "32", "47"])
def test_real_files_of_the_muse_toolbox(film, shared_data):
    path = shared_data / "ratings" / "muse_toolbox_examples" / f"raw_arousal_{film}.csv"
    form, found = forms.read(Request(path, film, ("arousal",), "arousal"))
    assert form == "muse_toolbox"
    whole = np.loadtxt(path, delimiter=",", skiprows=1)
    for rater in range(3):
        own = found.table[found.table["rater"] == str(rater + 1)]
        np.testing.assert_array_equal(own["time"], whole[:, 0])
        np.testing.assert_array_equal(own["value"], whole[:, rater + 1])
    fused = path.with_name(f"fused_arousal_{film}.csv")
    with pytest.raises(InputError, match="does not say who rated"):
        forms.read(Request(fused, film, ("arousal",), "arousal"))
    _, found = forms.read(Request(fused, film, ("arousal",), "arousal", "gold"))
    whole = np.loadtxt(fused, delimiter=",", skiprows=1)
    np.testing.assert_allclose(found.table["time"], whole[:, 0] / 1000)


def test_a_reader_in_a_file_of_ones_own_is_used(tmp_path):
    reader = tmp_path / "my_reader.py"
    reader.write_text(
        "from softaer.readers.traces import Traces, table_of\n\n"
        "def recognises(head):\n    return head.text.startswith('mine')\n\n"
        "def read(request):\n"
        "    lines = request.path.read_text().splitlines()[1:]\n"
        "    rows = [line.split() for line in lines]\n"
        "    return Traces(table_of([float(t) for t, _ in rows], [float(v) for _, v in rows]))\n"
    )
    path = tmp_path / "p01.txt"
    path.write_text("mine\n0 0.5\n1 0.7\n")
    request = Request(path, "p01", ("arousal",), "arousal", "anna")
    _, found = forms.read(request, str(reader))
    assert found.table["value"].tolist() == [0.5, 0.7]
    with pytest.raises(InputError, match="line 1"):
        forms.read(request)
    reader.write_text("def read(request): pass\n")
    forms._own_file.cache_clear()
    with pytest.raises(InputError, match="no function 'recognises'"):
        forms.read(request, str(reader))


def test_a_reader_of_an_installed_package_is_found_by_content(tmp_path, monkeypatch):
    """As pip installs it: a module, and the metadata that name it."""
    (tmp_path / "theirs.py").write_text(
        "from softaer.readers.traces import Traces, table_of\n\n"
        "def recognises(head):\n    return head.text.startswith('theirs')\n\n"
        "def read(request):\n    return Traces(table_of([0, 1], [0.1, 0.2], 'anna', 'arousal'))\n"
    )
    info = tmp_path / "theirs-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[softaer.readers]\ntheirs = theirs\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "p01.txt"
    path.write_text("theirs\n")
    form, found = forms.read(Request(path))
    assert form == "theirs"
    assert found.table["value"].tolist() == [0.1, 0.2]
    from softaer.running.words import other_readers

    assert other_readers("found") == ["theirs==1.2"]


def test_what_nobody_knows_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "p01.csv"
    path.write_text("participant,age\nP01,23\n")
    with pytest.raises(InputError, match=r"p01.csv, line 1.*'participant'.*docs/ratings.md"):
        forms.read(Request(path))
    path.write_text("0;1;1\n1;2;1\n")
    with pytest.raises(InputError, match="ratings: format: nova_csv"):
        forms.read(Request(path))
    with pytest.raises(InputError, match=r"ratings.format"):
        forms.read(Request(path), "unknown")


@pytest.mark.parametrize("start", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1"])
def test_packed_files_are_refused(start, tmp_path):
    path = tmp_path / "p01.csv"
    path.write_bytes(start + bytes(range(256)))
    with pytest.raises(InputError, match=r"p01.csv: a spreadsheet's own file.*expected CSV"):
        forms.read(Request(path))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("time;anna;ben\n0;0,5;0,1\n0,5;0,25;\n1;0,75;-0,1\n", "utf-8"),
        ("sep=;\ntime;anna;ben\n0;0.5;0.1\n0.5;0.25;\n1;0.75;-0.1\n", "utf-8"),
        ("sep=,\ntime,anna,ben\n0,0.5,0.1\n0.5,0.25,\n1,0.75,-0.1\n", "utf-8-sig"),
        ("Time (s)\tanna\tben\n0\t0.5\t0.1\n0.5\t0.25\t\n1\t0.75\t-0.1\n", "utf-16"),
        ("Zeit (ms);anna;ben\n0;0,5;0,1\n500;0,25;\n1000;0,75;-0,1\n", "utf-8-sig"),
        ("timestamp,anna,ben\n0,0.5,0.1\n500,0.25,nan\n1000,0.75,-0.1\n", "utf-8"),
        ("milliseconds;anna;ben;\n0;0.5;0.1;\n500;0.25;;\n1000;0.75;-0.1;\n", "utf-8"),
        ("seconds,anna,ben\n0,50%,10 %\n0.5,25%,\n1,75%,-10%\n", "utf-16-le"),
    ],
)
def test_variations_of_spreadsheets_are_read_alike(text, encoding, tmp_path):
    path = tmp_path / "p01.csv"
    path.write_bytes(text.encode(encoding))
    form, found = forms.read(Request(path, dimension="arousal"))
    assert form == "spreadsheet"
    wide = found.table.pivot_table(index="time", columns="rater", values="value")
    scale = 100 if "%" in text else 1
    np.testing.assert_allclose(wide.index, [0, 0.5, 1])
    np.testing.assert_allclose(wide["anna"], scale * np.array([0.5, 0.25, 0.75]))
    np.testing.assert_allclose(wide["ben"], scale * np.array([0.1, np.nan, -0.1]))


def test_a_recording_that_a_file_of_several_does_not_have_is_refused(tmp_path):
    path = tmp_path / "all.csv"
    path.write_text("Clip,Rater,Second,Rating\np01.mp4,anna,0,1\nP02,anna,0,2\np03,anna,0,3\n")
    for name, value in (("p01", 1), ("p02", 2)):
        _, found = forms.read(Request(path, name, ("arousal",), "arousal"))
        assert found.table["value"].tolist() == [value]
    with pytest.raises(InputError, match=r"found recordings 'p01.mp4', 'P02', 'p03'.*'p04'"):
        forms.read(Request(path, "p04", ("arousal",), "arousal"))
    with pytest.raises(InputError, match="3 recordings"):
        forms.read(Request(path, None, ("arousal",), "arousal"))


def test_votes_for_whole_recordings_hold_to_their_end(tmp_path):
    """As the votes of workers in MSP-Podcast, with other names of the dimensions."""
    path = tmp_path / "votes.csv"
    path.write_text(
        "FileName,Worker,EmoAct,EmoVal,Gender\nclip_1.wav,w1,5,2,f\nclip_1.wav,w2,3,1,f\n"
        "clip_2.wav,w1,1,7,m\n"
    )
    called = {"arousal": "EmoAct", "valence": "EmoVal"}
    settings_ = {"format": "votes", "called": called, "interpolation": "hold"}
    _, table = ratings.read_recording(
        *("clip_1", str(path), layouts.layout("table"), ["arousal", "valence"]),
        Ratings(**settings_),
        length=3.0,
        note=[].append,
    )
    assert len(table) == 2 * 2 * 30
    means = table.groupby(["dimension", "rater"])["value"].agg(["min", "max"])
    assert means.loc[("arousal", "w1")].tolist() == [5, 5]
    assert means.loc[("valence", "w2")].tolist() == [1, 1]
    path.write_text(path.read_text() + "clip_1.wav,w2,4,1,f\n")
    with pytest.raises(InputError, match=r"line 5: another vote of rater 'w2'"):
        forms.read(Request(path, "clip_1", ("arousal",), called=called), "votes")


@pytest.mark.parametrize("form", ["elan", "praat"])
def test_turns_are_read_from_documents(form, tmp_path):
    """The only tier, or the one called turns; of several others, none is guessed."""
    needs(form)
    path, _, _ = one_file(form, tmp_path)
    with pytest.raises(InputError, match=r"found tiers \['arousal_anna', .*called 'turns'"):
        read_turns(path)
    path.write_text(path.read_text().replace("valence_eva", "turns"))
    np.testing.assert_array_equal(read_turns(path, SECONDS), [[0, 9]])


@pytest.mark.parametrize(
    ("text", "form", "raters"),
    [
        ("time,rater,dimension,value\n0,anna,arousal,1\n", "table", ["anna"]),
        ("time,rater,value\n0,anna,1\n", "long", ["anna"]),
        ("time,participant,value\n0,3,1\n", "long", ["3"]),
        ("time,rater,dimension,value\n0,anna,arousal,1\n".replace(",", ";"), "long", ["anna"]),
        ("time,rater\n0,0.1\n", "table", ["rater"]),
        ("time,coder,score\n0,0.25,0.5\n", "table", ["coder", "score"]),
        ("time,judge,coder\n0,1,2\n", "table", ["judge", "coder"]),
    ],
)
def test_rows_and_columns_of_raters_are_told_apart(text, form, raters, tmp_path):
    path = tmp_path / "p01.csv"
    path.write_text(text)
    found, traces = forms.read(Request(path, dimension="arousal"))
    assert found == form
    assert list(traces.table["rater"].unique()) == raters


def test_a_table_of_softaer_in_utf_16_is_read(tmp_path):
    path = tmp_path / "p01.csv"
    path.write_bytes("time,rater,dimension,value\n0,Jörg,arousal,1\n".encode("utf-16"))
    assert list(forms.read(Request(path))[1].table["rater"]) == ["Jörg"]
