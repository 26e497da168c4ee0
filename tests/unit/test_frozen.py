"""Archives of finished runs: what is in them, and whether a repeated run agrees."""

import hashlib
import json
import os
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import yaml
from finished_runs import TESTED, Run

from softaer.comparison.finished import read_finished
from softaer.comparison.frozen import Input, freeze, read_frozen, tables_of
from softaer.comparison.repeated import set_up
from softaer.comparison.verified import (
    ABSENT,
    CLOSE,
    DIFFERS,
    NEW,
    SAME,
    changed_settings,
    changed_versions,
    compare_inputs,
    compare_run,
    same_table,
    told,
)
from softaer.core import places, schema, tables
from softaer.core.errors import InputError

NAMES = ["a", "b", *TESTED]
RECORDED = b"sound of a person"
"""Content of every made-up recording."""


def finished(folder, sounds=None, **settings):
    """A finished run with its inputs, and what must never leave the machine."""
    Run(folder, **settings).write()
    inputs = {}
    for name in NAMES:
        for ending, content in ((".wav", (sounds or {}).get(name, RECORDED)), (".csv", b"1,2\n")):
            path = folder / f"{name}{ending}"
            path.write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            inputs[path.name] = {"size": len(content), "sha256": digest}
    record = folder / "results/experiment.yaml"
    whole = yaml.safe_load(record.read_text()) | {"inputs": inputs, "command": "softaer run"}
    whole |= {"packages": {"torch": "2.0"}, "code": {"labels": "01"}}
    whole |= {"given": [{"file": "my.yaml", "content": {"seeds": [1, 2]}}]}
    record.write_text(yaml.safe_dump(whole))
    for secret in ("corpus/media/a.mp4", "corpus/portraits/a.png", "figures/frames.svg"):
        path = folder / "results" / secret
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(RECORDED)
    for batch in NAMES:
        ratings = folder / f"results/ratings/{batch}.parquet"
        ratings.parent.mkdir(exist_ok=True)
        ratings.write_bytes(RECORDED)
    return folder


def frozen(folder, output, **options):
    freeze(folder, output, folder.name, **options)
    return read_frozen(output)


def softaer(*words):
    command = [sys.executable, "-m", "softaer", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_same_run_gives_the_same_bytes(tmp_path):
    folder = finished(tmp_path / "one")
    frozen(folder, tmp_path / "a.zip")
    (folder / "results/ccc.parquet").touch()
    os.utime(folder, (0, 0))
    frozen(folder, tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    frozen(finished(tmp_path / "other", noise=0.4), tmp_path / "c.zip")
    assert (tmp_path / "a.zip").read_bytes() != (tmp_path / "c.zip").read_bytes()


def test_no_medium_no_report_and_no_single_trace_gets_in(tmp_path):
    folder = finished(tmp_path / "one")
    archive = frozen(folder, tmp_path / "a.zip")
    assert not [name for name, content in archive.contents.items() if RECORDED in content]
    assert {name.rpartition(".")[2] for name in archive.contents} == {
        *("yaml", "csv", "parquet", "md", "json", "SHA256SUMS")
    }
    assert not [name for name in archive.contents if name.startswith("results/ratings")]
    asked = frozen(folder, tmp_path / "b.zip", ratings=True)
    more = set(asked.contents) - set(archive.contents)
    assert more == {f"results/ratings/{name}.parquet" for name in NAMES}


def test_it_has_the_configuration_the_tables_and_the_digests(tmp_path):
    folder = finished(tmp_path / "one")
    archive = frozen(folder, tmp_path / "a.zip")
    content = archive.contents
    assert content["experiment.yaml"] == (folder / "results/experiment.yaml").read_bytes()
    assert yaml.safe_load(content["configuration/given.yaml"])[0]["file"] == "my.yaml"
    normalised = yaml.safe_load(content["configuration/normalised.yaml"])
    assert normalised["corpus.recordings"] == "recordings.csv"
    assert normalised["delay.mood"] == 4.0
    assert content["corpus/recordings.csv"] == (folder / "recordings.csv").read_bytes()
    assert content["results/ccc.parquet"] == (folder / "results/ccc.parquet").read_bytes()
    digest = hashlib.sha256(RECORDED).hexdigest()
    assert Input("a.wav", len(RECORDED), digest) in archive.inputs
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        file.extractall(tmp_path / "out")
    check = ["sha256sum", "--check", "--strict", "SHA256SUMS"]
    assert subprocess.run(check, cwd=tmp_path / "out", capture_output=True).returncode == 0


def test_the_crate_describes_every_file(tmp_path):
    archive = frozen(finished(tmp_path / "one"), tmp_path / "a.zip", licence="https://a.org/by")
    crate = json.loads(archive.contents["ro-crate-metadata.json"])
    assert crate["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    by_name = {entity["@id"]: entity for entity in crate["@graph"]}
    assert len(by_name) == len(crate["@graph"])
    root = by_name["./"]
    assert by_name["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert {"name", "description", "datePublished", "license"} <= set(root)
    assert root["license"] == {"@id": "https://a.org/by"}
    described = {part["@id"] for part in root["hasPart"]}
    assert described == set(archive.contents) - {"ro-crate-metadata.json", "SHA256SUMS"}
    for name in described:
        assert by_name[name]["sha256"] == hashlib.sha256(archive.contents[name]).hexdigest()
    links = [part for entity in crate["@graph"] for part in _links(entity)]
    assert {link for link in links if not link.startswith("http")} <= set(by_name)
    assert by_name["#torch"]["version"] == "2.0"


def _links(value):
    for part in value.values() if isinstance(value, dict) else value:
        if isinstance(part, dict):
            yield from [part["@id"]] if set(part) == {"@id"} else _links(part)
        elif isinstance(part, list):
            yield from _links(part)


def test_a_table_of_a_former_configuration_stays_out(tmp_path):
    folder = finished(tmp_path / "one")
    stale = folder / "results/annotation_delay.parquet"
    stale.write_bytes(b"of a former run")
    assert "results/annotation_delay.parquet" not in frozen(folder, tmp_path / "a.zip").contents
    assert "results/rater_lags.parquet" not in tables_of(read_finished(folder, "one"))
    aligned = finished(tmp_path / "two", config={"labels": {"alignment": "estimated"}})
    assert "results/rater_lags.parquet" in tables_of(read_finished(aligned, "two"))


def test_a_run_that_has_not_ended_is_refused(tmp_path):
    folder = finished(tmp_path / "one")
    (folder / "results/report.html").unlink()
    with pytest.raises(InputError, match=r"one: no .*report\.html"):
        freeze(folder, tmp_path / "a.zip", "one")
    assert not (tmp_path / "a.zip").exists()


def test_an_archive_that_was_changed_is_refused(tmp_path):
    archive = frozen(finished(tmp_path / "one"), tmp_path / "a.zip")
    changed = dict(archive.contents) | {"results/ccc.parquet": b"better"}
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as file:
        for name, content in changed.items():
            file.writestr(name, content)
    with pytest.raises(InputError, match=r"b\.zip: results/ccc\.parquet was changed"):
        read_frozen(tmp_path / "b.zip")
    (tmp_path / "c.zip").write_bytes(b"no zip")
    with pytest.raises(InputError, match=r"c\.zip: .*expected an archive"):
        read_frozen(tmp_path / "c.zip")


def test_a_repeated_run_agrees_and_another_does_not(tmp_path):
    archive = frozen(finished(tmp_path / "one"), tmp_path / "a.zip")
    again = read_finished(finished(tmp_path / "again"), "again")
    answers, inputs, settings, versions = compare_run(archive, again, 1e-6)
    assert {answer.answer for answer in answers} == {SAME}
    assert len(inputs.same) == 2 * len(NAMES)
    assert (settings, versions) == ([], [])
    assert told(answers, inputs, settings, versions)[-1].startswith("The results agree: of")

    other = read_finished(finished(tmp_path / "other", noise=0.6), "other")
    answers, inputs, settings, versions = compare_run(archive, other, 1e-6)
    odd = {answer.table: answer for answer in answers if not answer.agrees}
    assert set(odd) == {"results/ccc.parquet"}
    assert "(mood, E, audio, multi, " in odd["results/ccc.parquet"].words
    assert ", column ccc: " in odd["results/ccc.parquet"].words
    assert told(answers, inputs, settings, versions)[-1].startswith("The results do not agree")


def test_a_changed_input_is_named(tmp_path):
    archive = frozen(finished(tmp_path / "one"), tmp_path / "a.zip")
    other = read_finished(finished(tmp_path / "other", sounds={"t3": b"cut"}), "other")
    answers, inputs, settings, versions = compare_run(archive, other, 1e-6)
    assert inputs.differ == ("t3.wav",)
    assert len(inputs.same) == 2 * len(NAMES) - 1
    assert "input          t3.wav: another content" in told(answers, inputs, settings, versions)


def test_inputs_are_found_by_the_ends_of_their_paths():
    frozen = [Input("/x/eva/p1.csv", 1, "11"), Input("/x/tom/p1.csv", 1, "22")]
    frozen += [Input("/x/p2.wav", 1, "33"), Input("/x/p3.wav", None, None)]
    here = [Input("tom/p1.csv", 1, "22"), Input("/y/eva/p1.csv", 1, "22"), Input("p3.wav", 1, "4")]
    found = compare_inputs(frozen, here)
    assert found.differ == ("/x/eva/p1.csv",)
    assert found.same == ("/x/tom/p1.csv",)
    assert (found.absent, found.unknown) == (("/x/p2.wav",), ("/x/p3.wav",))


def test_settings_and_software_that_differ_are_named(tmp_path):
    archive = frozen(finished(tmp_path / "one"), tmp_path / "a.zip")
    other = finished(tmp_path / "other", delay=2.0)
    run = read_finished(other, "other")
    found = changed_settings(archive.record["configuration"], run.config)
    assert found == ["delay: 4 in the archive, 2 here"]
    moved = run.config | {"delay": 4.0, "corpus": run.config["corpus"] | {"recordings": "x.csv"}}
    assert changed_settings(archive.record["configuration"], moved) == []
    record = {"softaer": "2", "commit": None, "packages": {"torch": "2.1"}, "code": {"labels": "1"}}
    assert changed_versions(archive.record, record) == [
        *("softaer 1 in the archive, 2 here", "torch 2.0 in the archive, 2.1 here"),
        "code of other stages: labels",
    ]
    assert changed_versions(archive.record, {"softaer": "1", "commit": None}) == [
        *("packages: not recorded here", "code: not recorded here")
    ]


def table_of(path, **changes):
    ceiling = {
        **{"dimension": ["mood", "mood"], "target": ["E", "sigma"], "reference": ["raters"] * 2},
        **{"partition": ["test"] * 2, "ccc": [0.5, np.nan], "frames": [7, 7]},
    } | changes
    tables.write(schema.pa.table(ceiling).to_pandas(), schema.CEILING, path)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("changes", "answer", "words"),
    [
        ({}, SAME, ""),
        ({"ccc": [0.5 + 2e-8, np.nan]}, CLOSE, "largest difference 2e-08"),
        ({"ccc": [0.51, np.nan]}, DIFFERS, "column ccc: 0.5 in the archive, 0.51 here"),
        ({"ccc": [0.5, 0.1]}, DIFFERS, "row 2 (mood, sigma, raters, test), column ccc: nothing in"),
        ({"frames": [7, 8]}, DIFFERS, "column frames: 7 in the archive, 8 here"),
        ({"reference": ["truth", "raters"]}, DIFFERS, "raters in the archive, truth here"),
    ],
)
def test_the_first_difference_of_a_table_is_named(tmp_path, changes, answer, words):
    first = table_of(tmp_path / "a.parquet")
    found = same_table("c.parquet", first, table_of(tmp_path / "b.parquet", **changes), 1e-6)
    assert found.answer == answer
    assert words in found.words


def test_tables_of_another_form_differ():
    found = same_table("c.csv", b"a,b\n1,2\n", b"a,c\n1,2\n", 1e-6)
    assert (found.answer, found.words) == (DIFFERS, "other columns, such as b")
    found = same_table("c.csv", b"a,b\n1,2\n", b"a,b\n1,2\n3,4\n", 1e-6)
    assert (found.answer, found.words) == (DIFFERS, "1 rows in the archive, 2 here")


def test_a_table_that_only_one_has_is_named(tmp_path):
    archive = frozen(finished(tmp_path / "one"), tmp_path / "a.zip")
    other = finished(tmp_path / "other")
    places.within(other / "results", places.CEILING).rename(other / "results/summary.parquet")
    answers = {a.table: a for a in compare_run(archive, read_finished(other, "o"), 1e-6)[0]}
    assert answers["results/ceiling.parquet"].answer == ABSENT
    assert not answers["results/ceiling.parquet"].agrees
    # The archive, made by another version, is the reference.
    assert answers["results/summary.parquet"].answer == NEW
    assert answers["results/summary.parquet"].agrees


def test_other_subjects_are_found_in_the_corpus_table(tmp_path):
    archive = frozen(finished(tmp_path / "one"), tmp_path / "a.zip")
    other = read_finished(finished(tmp_path / "other", subjects={"t1": "t0"}), "other")
    answer = compare_run(archive, other, 1e-6)[0][0]
    assert (answer.table, answer.answer) == ("corpus table", DIFFERS)
    assert answer.words == "recording t1, column subject: 't1' in the archive, 't0' here"


def test_a_repetition_has_the_settings_of_the_archive_and_finds_its_files(tmp_path):
    reader = tmp_path / "one/reader.py"
    reader.parent.mkdir()
    reader.write_text("# reads\n")
    config = {"ratings": {"format": "reader.py"}, "report": {"frames": True}}
    archive = frozen(finished(tmp_path / "one", config=config), tmp_path / "a.zip")
    files = tmp_path / "elsewhere/files"
    files.mkdir(parents=True)
    for name in NAMES:
        (files / f"{name}.wav").touch()
        (files / f"{name}.csv").touch()
    made = set_up(archive, tmp_path / "again", files)
    found = yaml.safe_load(made.read_text())
    assert found["corpus"]["recordings"] == "recordings.csv"
    assert found["ratings"]["format"] == "code/reader.py"
    assert found["report"]["frames"] is None
    assert found["delay"] == 4.0
    assert (tmp_path / "again/code/reader.py").read_text() == "# reads\n"
    lines = (tmp_path / "again/recordings.csv").read_text().splitlines()
    assert lines[0] == "recording,subject,partition,media,annotations,sex"
    assert lines[1] == f"a,a,train,{files}/a.wav,{files}/a.csv,"
    set_up(archive, tmp_path / "again", files)  # goes on with a run that was interrupted

    (files / "t3.wav").unlink()
    with pytest.raises(InputError, match=r"'t3', column 'media': no file 't3\.wav'.*--media"):
        set_up(archive, tmp_path / "third", files)
    (tmp_path / "again/configuration.yaml").write_text("delay: 2\n")
    (files / "t3.wav").touch()
    with pytest.raises(InputError, match=r"again/configuration\.yaml: found another content"):
        set_up(archive, tmp_path / "again", files)


@pytest.mark.parametrize("given", ["/data/p/media/a.wav", "../p/media/a.wav"])
def test_a_path_of_another_machine_is_found_by_its_end(tmp_path, given):
    folder = finished(tmp_path / "one")
    table = folder / "recordings.csv"
    table.write_text(table.read_text().replace("a.wav", given))
    archive = frozen(folder, tmp_path / "a.zip")
    for where in ("files", "files/media"):
        (tmp_path / where).mkdir()
        for name in NAMES:
            (tmp_path / where / f"{name}.wav").touch()
            (tmp_path / where / f"{name}.csv").touch()
    set_up(archive, tmp_path / "again", tmp_path / "files")
    lines = (tmp_path / "again/recordings.csv").read_text().splitlines()
    assert f"{tmp_path}/files/media/a.wav,{tmp_path}/files/a.csv" in lines[1]


def test_on_the_command_line(tmp_path):
    one, other = finished(tmp_path / "one"), finished(tmp_path / "other", noise=0.6)
    done = softaer("freeze", one, "-o", tmp_path / "a.zip")
    assert (done.returncode, done.stderr) == (0, "")
    done = softaer("verify", tmp_path / "a.zip", one)
    assert (done.returncode, done.stderr) == (0, "")
    assert "The results agree" in done.stdout
    done = softaer("verify", tmp_path / "a.zip", other)
    assert (done.returncode, done.stderr) == (1, "")
    assert "results/ccc.parquet" in done.stdout
    done = softaer("verify", tmp_path / "none.zip", other)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}/none.zip: no such file; expected")
