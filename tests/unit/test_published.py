"""Scores that others have published."""

import pytest

from softaer.core.errors import InputError
from softaer.page.published import COLUMNS, read_published

HEAD = ",".join(COLUMNS)
ROW = "Somebody 2017,Other,arousal,E,audio,single,test,{}"


@pytest.fixture
def table(tmp_path):
    def write(*lines):
        path = tmp_path / "published.csv"
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def test_a_table_is_read(table):
    found = read_published(table(HEAD + ",remark", ROW.format("0.25") + ",kept out"))
    assert list(found.columns) == list(COLUMNS)
    assert found["ccc"].tolist() == [0.25]


@pytest.mark.parametrize("score", ["", "high", "1.5", "nan"])
def test_what_is_no_ccc_is_refused(score, table):
    with pytest.raises(InputError, match="line 3, column 'ccc'") as caught:
        read_published(table(HEAD, ROW.format("0.1"), ROW.format(score)))
    assert repr(score) in str(caught.value)


def test_a_missing_column_is_named(table):
    with pytest.raises(InputError, match=r"without \['ccc'\]"):
        read_published(table(HEAD.removesuffix(",ccc"), "a,b,c,d,e,f,g"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.csv"):
        read_published(tmp_path / "none.csv")
