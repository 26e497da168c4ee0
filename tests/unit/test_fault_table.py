"""The promises of docs/faults.md about unusual inputs are tested."""

import pytest

import fault_table


def test_the_page_has_the_table_as_it_is():
    page = fault_table.PAGE.read_text(encoding="utf-8")
    assert fault_table.replaced(page) == page


@pytest.mark.parametrize(("path", "name"), fault_table.named_tests(), ids=lambda part: str(part))
def test_every_row_has_its_tests(path, name):
    assert name in fault_table.functions_of(path)


def test_every_row_has_an_outcome_and_a_test():
    rows = [row for rows in fault_table.TABLE.values() for row in rows]
    assert all(row.outcome in ("read", "refused", "noted") and row.tests for row in rows)
    assert len({row.given for row in rows}) == len(rows)
