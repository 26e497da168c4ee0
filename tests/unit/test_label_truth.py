"""What docs/labels.md says: its tables are up to date, and its statements hold."""

import re

import numpy as np
import pytest
import yaml

import label_tables
import label_truth
from label_truth import CHAINS, TROUBLES, of_panel, simulated
from softaer.core.experiment import Labels
from softaer.panels.steps import ESTIMATORS
from softaer.running import configuration

PANELS = 3


@pytest.fixture(scope="module")
def page(root):
    return (root / "docs" / "labels.md").read_text(encoding="utf-8")


def test_the_page_has_the_tables_of_the_steps_as_they_are(page):
    assert label_tables.replaced(page) == page


def test_the_page_says_what_sigma_is_for_each_estimator(page):
    table = page.split(label_tables.MARK.format("sigma"))[1].split(label_tables.END)[0]
    named = re.findall(r"^\| `(\w+)` \|", table, re.M)
    assert named == ["estimator", *ESTIMATORS]


def test_the_raaw_that_the_page_shows_is_accepted_and_is_the_one_measured(page):
    (shown,) = re.findall(r"^```yaml\n(.*?)^```", page, re.DOTALL | re.M)
    found = configuration.filled(yaml.safe_load(shown))["labels"]
    measured = vars(CHAINS["RAAW"])
    windows = {"smoothing_window", "smooth_estimate"}
    assert {key: found[key] for key in found if key not in windows} == {
        key: measured[key] for key in measured if key not in windows
    }


@pytest.mark.parametrize("name", ["people", "simulated panels"])
def test_every_way_is_in_the_table(page, name):
    assert list(label_truth.shown(page, name).index) == list(CHAINS)


@pytest.fixture(scope="module")
def panels():
    return {trouble: [simulated(trouble, seed) for seed in range(PANELS)] for trouble in TROUBLES}


@pytest.fixture(scope="module")
def truth_of(panels):
    """Mean 1 - r of a way to make labels with a trouble."""

    def distance(way, trouble):
        return 1 - np.mean([of_panel(panel, CHAINS[way]) for panel in panels[trouble]])

    return distance


@pytest.mark.parametrize(
    ("trouble", "better", "than"),
    [
        ("scales", "z, mean", "mean"),
        ("lags", "z, lags, mean", "z, mean"),
        ("varying delays", "z, CTW, mean", "z, mean"),
        ("unreliable raters", "EWE (default)", "mean"),
        ("unreliable raters", "z, EWE", "z, mean"),
        ("spikes", "trimmed mean", "mean"),
        ("spikes", "z, median filter, mean", "z, mean"),
        ("drift", "EWE, changes", "EWE (default)"),
    ],
)
def test_a_step_helps_against_its_trouble_and_not_without(truth_of, trouble, better, than):
    """In the control, raters only disagree: the step brings next to nothing."""
    assert truth_of(better, trouble) < 0.9 * truth_of(than, trouble)
    control = "none (control)"
    assert truth_of(better, control) > 0.97 * truth_of(than, control)


def test_elastic_alignment_harms_where_a_rater_draws_something_else(truth_of):
    for elastic in ("z, DTW, mean (DBA)", "z, CTW, mean"):
        assert truth_of(elastic, "unreliable raters") > truth_of("z, mean", "unreliable raters")


def test_people_who_traced_a_tone(shared_data, page):
    """The page's numbers of all people together."""
    some = {name: CHAINS[name] for name in ("mean", "median", "EWE (default)", "z, mean")}
    table = label_truth.of_people(shared_data / "ratings" / "pagan_qa", some, panels=0)
    shown = label_truth.shown(page, "people")
    for row in table.itertuples():
        assert shown.loc[row.labels, "all 71, r"] == pytest.approx(row.all, abs=6e-4)
        assert shown.loc[row.labels, "at [s]"] == pytest.approx(row.delay)
    r = dict(zip(table["labels"], table["all"], strict=True))
    assert r["z, mean"] > r["EWE (default)"] > r["mean"] > r["median"]


def test_raaw_has_the_shape_of_what_the_toolbox_fused(shared_data, page):
    table = label_truth.of_films(shared_data / "ratings" / "muse_toolbox_examples")
    table = table.set_index("labels")
    np.testing.assert_allclose(label_truth.shown(page, "films").loc[table.index], table, atol=2e-3)
    ours, fitted = table.loc["RAAW without scaling"], table.iloc[-1]
    for film in label_truth.FILMS:
        assert ours[f"r {film}"] > 0.998 - 1e-3 * (film == 47)
        assert ours[f"r {film}"] > table.loc["EWE (default)", f"r {film}"] + 0.001
        assert ours[f"CCC {film}"] > 0.93
        # Gain and level are all that is missing.
        assert fitted[f"CCC {film}"] > 0.996
    # The control: with the ranges of three films alone, gain and level are farther off.
    assert (table.loc["RAAW, range of the three examples"].filter(like="CCC") < 0.9).all()


def test_the_figure_is_drawn_from_the_page(page, root, tmp_path):
    label_truth.draw(page, tmp_path / "labels.svg")
    assert (tmp_path / "labels.svg").read_bytes() == (root / "docs" / "labels.svg").read_bytes()


def test_ways_are_settings_that_differ():
    assert len({tuple(vars(way).items()) for way in CHAINS.values()}) == len(CHAINS)
    assert CHAINS["EWE (default)"] == Labels()
