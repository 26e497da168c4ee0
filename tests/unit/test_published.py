"""Scores that others have published."""

from types import SimpleNamespace

import pytest

from softaer import layouts
from softaer.core.errors import InputError
from softaer.core.home import PACKAGE
from softaer.page.published import (
    COLUMNS,
    SHIPPED,
    Score,
    chosen_table,
    departures,
    own_table,
    read_published,
    release,
    side_by_side,
)

HEAD = ",".join(COLUMNS)
ROW = "Somebody 2017,Other,arousal,E,audio,single,test,{}"

OF_SEWA = ("avec2017_sewa", "avec2018", "avec2019", "sewa_raters")


@pytest.fixture
def table(tmp_path):
    def write(*lines):
        path = tmp_path / "published.csv"
        path.write_text("\n".join(lines) + "\n")
        return str(path)

    return write


def test_a_table_is_read(table):
    found = read_published(table("n," + HEAD + ",remark", "1," + ROW.format("0.25") + ",kept out"))
    assert found == [
        Score("Somebody 2017", "Other", "arousal", "E", "audio", "single", "test", 0.25)
    ]


@pytest.mark.parametrize("score", ["", "high", "1.5", "nan"])
def test_what_is_no_ccc_is_refused(score, table):
    other = ROW.replace("test", "dev").format("0.1")
    with pytest.raises(InputError, match="line 3, column 'ccc'") as caught:
        read_published(table(HEAD, other, ROW.format(score)))
    assert repr(score) in str(caught.value)


@pytest.mark.parametrize("row", [ROW.format("0,25"), "Somebody 2017,Other"])
def test_a_line_with_more_or_fewer_cells_is_refused(row, table):
    """A decimal comma is not a CCC of 0."""
    with pytest.raises(InputError, match="line 2: found more or fewer cells"):
        read_published(table(HEAD, row))


def test_a_score_that_stands_there_twice_is_refused(table):
    with pytest.raises(InputError, match="line 3: found a second score"):
        read_published(table(HEAD, ROW.format("0.1"), ROW.format("0.2")))


def test_a_missing_column_is_named(table):
    with pytest.raises(InputError, match=r"without \['ccc'\]"):
        read_published(table(HEAD.removesuffix(",ccc"), "a,b,c,d,e,f,g"))


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(content, tmp_path):
    path = tmp_path / "none.csv"
    if content:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"none\.csv"):
        read_published(str(path))


def test_every_table_of_the_package_is_read_and_says_where_it_is_from():
    assert {path.stem for path in (PACKAGE / "published").iterdir()} == set(SHIPPED)
    for name, origin in SHIPPED.items():
        assert read_published(name)
        assert "ACM Multimedia 2017" in origin.citation
        assert "poster" in origin.citation


def test_the_papers_table_is_whole():
    """Two dimensions, targets, tasks and partitions; audio, video and their fusion."""
    scores = read_published("han2017")
    assert len(scores) == 2 * 2 * 2 * 2 * 3
    (best,) = [s for s in scores if s.ccc == max(s.ccc for s in scores)]
    assert (best.dimension, best.target, best.modality, best.ccc) == (
        "valence",
        "E",
        "video",
        0.588,
    )


@pytest.mark.parametrize("name", layouts.names())
def test_the_papers_table_is_shown_for_sewa_alone(name):
    layout = layouts.layout(name)
    assert chosen_table(None, layout, simulated=False) == ("han2017" if name in OF_SEWA else None)
    assert chosen_table("han2017", layout, simulated=False) == "han2017"
    assert chosen_table("none", layout, simulated=False) is None
    assert chosen_table(None, layout, simulated=True) is None


@pytest.mark.parametrize("name", OF_SEWA)
def test_what_a_release_of_sewa_is_is_told(name):
    layout = layouts.layout(name)
    words = release(layout)
    assert words.startswith("SEWA ")
    assert "German" in words
    assert "`" not in words
    assert ("gold standard" in words) != layout.RATERS


def test_of_another_corpus_nothing_is_told():
    assert release(layouts.layout("recola")) is None


def test_a_table_of_ones_own_is_taken(table):
    path = table(HEAD, ROW.format("0.1"))
    assert chosen_table(path, layouts.layout("avec2018"), simulated=False) == path
    assert own_table(path) == path


@pytest.mark.parametrize("asked", [None, "none", *SHIPPED])
def test_what_is_no_table_of_ones_own(asked):
    assert own_table(asked) is None


def test_published_scores_are_never_shown_beside_simulated_ones(table):
    layout = SimpleNamespace()
    assert chosen_table("none", layout, simulated=True) is None
    for asked in ("han2017", table(HEAD, ROW.format("0.1"))):
        with pytest.raises(InputError) as caught:
            chosen_table(asked, layout, simulated=True)
        for words in ("'report.published'", repr(asked), "expected null or 'none'"):
            assert words in str(caught.value)


def test_a_table_that_is_wrong_is_named_with_the_key(table):
    layout = layouts.layout("table")
    path = table(HEAD, ROW.format("high"))
    with pytest.raises(InputError, match=rf"'report\.published': {path}, line 2.*'high'"):
        chosen_table(path, layout, simulated=False)
    assert chosen_table(path, layout, simulated=False, check=False) == path


OWN = {
    "columns": [("arousal", "E"), ("arousal", "sigma")],
    "rows": [
        {"name": "video", "task": "multi", "blocks": [{"test": 0.1}, {"test": 0.2}]},
        {"name": "audio", "task": "multi", "blocks": [{"test": 0.3}, {"test": 0.4}]},
    ],
}


def test_scores_are_matched_by_what_they_are_of():
    scores = [
        Score("A", "C", "arousal", "sigma", "audio", "multi", "test", 0.54),
        Score("A", "C", "arousal", "sigma", "video", "multi", "test", 0.52),
        Score("A", "C", "arousal", "sigma", "video", "multi", "dev", 0.62),
        Score("A", "C", "arousal", "sigma", "text", "multi", "test", 0.7),
        Score("B", "C", "arousal", "E", "audio", "single", "dev", 0.8),
        Score("B", "C", "arousal", "E", "audio", "multi", "train", 0.9),
        Score("B", "C", "liking", "E", "audio", "multi", "test", 0.9),
    ]
    found = side_by_side(scores, OWN)
    assert found["without"] == 2
    first, second = found["sources"]
    assert (first["source"], second["source"]) == ("A", "B")
    (shown,) = first["tables"]
    assert shown["targets"] == ["sigma"]
    cells = [(row["modality"], row["task"], *row["cells"]) for row in shown["rows"]]
    assert cells == [
        ("video", "multi", {"own": {"test": 0.2}, "dev": 0.62, "test": 0.52}),
        ("audio", "multi", {"own": {"test": 0.4}, "dev": None, "test": 0.54}),
        ("text", "multi", {"own": {}, "dev": None, "test": 0.7}),
    ]
    (row,) = second["tables"][0]["rows"]
    assert row["cells"] == [{"own": {}, "dev": 0.8, "test": None}]


CONFIG = {
    "audio": {"feature_set": "IS13_ComParE", "functionals": ["mean", "variance"]},
    "video": {"registration": "none", "window": 0.0},
    "labels": {"scale": "none", "relative": "none", "estimator": "mean"},
}


def test_settings_that_are_not_the_papers_are_named():
    assert departures("han2017", CONFIG, ["audio", "video"]) == [
        "video.registration: none",
        "labels.estimator: mean",
    ]
    assert departures("han2017", CONFIG, ["audio"]) == ["labels.estimator: mean"]
    assert departures("own.csv", CONFIG, ["audio", "video"]) == []
    audio = {"feature_set": "eGeMAPSv02", "functionals": ["mean", "slope"]}
    assert departures("han2017", CONFIG | {"audio": audio}, ["audio"])[:2] == [
        "audio.feature_set: eGeMAPSv02",
        "audio.functionals: ['mean', 'slope']",
    ]


def test_the_default_settings_are_the_papers(root):
    import yaml

    config = yaml.safe_load((root / "config.yaml").read_text())
    assert departures("han2017", config, ["audio", "video"]) == []


def test_the_readme_has_the_papers_scores_on_test(root):
    text = (root / "README.md").read_text().split("## The paper's figures")[1].split("\n## ")[0]
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    columns = [tuple(cell.split()) for cell in lines[0][2:]]
    shown = {
        (dimension, target, modality, task): float(cell)
        for modality, task, *cells in lines[1:]
        for (dimension, target), cell in zip(columns, cells, strict=True)
    }
    assert shown == {
        (s.dimension, s.target, s.modality, s.task): s.ccc
        for s in read_published("han2017")
        if s.partition == "test"
    }
