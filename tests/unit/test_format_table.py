"""The table of forms in docs/ratings.md is complete, up to date, and tested."""

import re

import pytest

import format_table
from fault_table import functions_of
from softaer.readers import forms


def test_the_page_has_the_table_as_it_is():
    page = format_table.PAGE.read_text(encoding="utf-8")
    assert format_table.replaced(page) == page


def test_every_reader_is_in_the_table_once():
    assert [row.form for row in format_table.ROWS] == list(forms.FORMS)


@pytest.mark.parametrize(("path", "name"), format_table.named_tests(), ids=lambda part: str(part))
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
