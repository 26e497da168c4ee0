"""The table of forms in docs/ratings.md is complete, up to date, and tested."""

import re

import pytest
import yaml

import format_table
from fault_table import functions_of
from softaer.readers import forms
from softaer.readers.traces import Request
from softaer.running import configuration


def test_the_page_has_the_table_as_it_is():
    page = format_table.PAGE.read_text(encoding="utf-8")
    assert format_table.replaced(page) == page


def test_every_reader_is_in_the_table_once():
    assert [row.form for row in format_table.ROWS] == list(forms.FORMS)


@pytest.mark.parametrize(("path", "name"), list(format_table.named_tests()), ids=str)
def test_every_row_has_its_tests(path, name):
    assert name in functions_of(path)


def test_every_row_says_what_is_read_and_refused():
    assert all(row.files and row.says and row.refused and row.tests for row in format_table.ROWS)


def test_keys_that_the_page_names_exist(root):
    from softaer.core.experiment import Ratings
    from softaer.core.fields import types

    page = (root / "docs" / "ratings.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`ratings: ([a-z_]+)", page))
    assert named <= set(types(Ratings))
    assert len(named) > 3


def test_scales_that_the_page_shows_are_accepted(root):
    page = (root / "docs" / "ratings.md").read_text(encoding="utf-8")
    shown = re.findall(r"\| `(ratings: \{scale: .*?)` \|", page)
    assert len(shown) == 5
    for text in shown:
        section = yaml.safe_load(text)
        assert configuration.filled(section)["ratings"]["scale"] == section["ratings"]["scale"]


def test_the_reader_that_the_page_shows_reads(root, tmp_path):
    page = (root / "docs" / "ratings.md").read_text(encoding="utf-8")
    (reader,) = re.findall(r"^```py\n(.*?)^```", page, re.DOTALL | re.M)
    (tmp_path / "my_reader.py").write_text(reader)
    path = tmp_path / "p01.txt"
    path.write_text("%mine\n0 0.5\n1 0.7\n")
    request = Request(path, "p01", ("arousal",), "arousal", "anna")
    _, found = forms.read(request, str(tmp_path / "my_reader.py"))
    assert found.table["value"].tolist() == [0.5, 0.7]
