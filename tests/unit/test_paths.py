"""Paths of a configuration are relative to the file that names them."""

import os

import pytest
import yaml

from softaer.core.errors import InputError
from softaer.running.configuration import filled
from softaer.running.paths import located


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working directory, and a project beside it with a table."""
    (tmp_path / "work").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "recordings.csv").write_text("recording\n")
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path


def write(path, **corpus):
    path.write_text(yaml.safe_dump({"corpus": corpus}))
    return str(path)


def table_of(files, said=None, **corpus):
    config = filled({"corpus": corpus}, check=False)
    return located(config, files, said or {})["corpus"]["recordings"]


def test_a_path_is_relative_to_its_configuration(folder):
    file = write(folder / "project" / "mine.yaml", recordings="recordings.csv")
    assert table_of([file], recordings="recordings.csv") == "../project/recordings.csv"


def test_the_last_configuration_counts(folder):
    first = write(folder / "project" / "first.yaml", recordings="recordings.csv")
    (folder / "work" / "recordings.csv").write_text("recording\n")
    second = write(folder / "work" / "second.yaml", recordings="recordings.csv")
    assert table_of([first, second], recordings="recordings.csv") == "recordings.csv"
    assert table_of([second, first], recordings="recordings.csv") == "../project/recordings.csv"


def test_what_no_file_says_is_relative_to_the_working_directory(folder):
    (folder / "work" / "recordings.csv").write_text("recording\n")
    assert table_of([], recordings="recordings.csv") == "recordings.csv"


def test_the_command_line_is_relative_to_the_working_directory(folder):
    file = write(folder / "project" / "mine.yaml", recordings="recordings.csv")
    (folder / "work" / "recordings.csv").write_text("recording\n")
    said = {"corpus": {"recordings": "recordings.csv"}}
    assert table_of([file], said, recordings="recordings.csv") == "recordings.csv"


def test_an_absolute_path_stays(folder):
    path = str(folder / "project" / "recordings.csv")
    assert table_of([], recordings=path) == path


def test_the_simulated_corpus_is_no_path(folder):
    assert table_of([]) == "simulated"


@pytest.mark.parametrize("word", ["none", "han2017"])
def test_words_for_published_scores_are_no_paths(folder, word):
    config = filled({"report": {"published": word}}, check=False)
    assert located(config, [], {})["report"]["published"] == word


def test_an_error_says_which_words_there_are(folder):
    config = filled({"report": {"published": "han2018"}}, check=False)
    with pytest.raises(InputError, match=r"'report\.published': found 'han2018'.*'han2017' or"):
        located(config, [], {})


def test_an_error_says_relative_to_what(folder):
    file = write(folder / "project" / "mine.yaml", recordings="other.csv")
    with pytest.raises(InputError) as caught:
        table_of([file], recordings="other.csv")
    for word in ("corpus.recordings", "'other.csv'", str(folder / "project"), "configuration"):
        assert word in str(caught.value)
    with pytest.raises(InputError, match=f"relative to {os.getcwd()}$"):
        table_of([], recordings="other.csv")
