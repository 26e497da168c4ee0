"""Comparison of experiments: which may be compared, on which frames, and what the page says."""

from pathlib import Path

import coverage_tables
import numpy as np
import pandas as pd
import pytest
from finished_runs import LABELS, TESTED, Run

from softaer.comparison.finished import names_of, read_finished
from softaer.comparison.page import FILES, write_comparison
from softaer.comparison.paired import BEST, compare_runs
from softaer.comparison.settings import changed, normalised
from softaer.core import places, tables
from softaer.core.concordance import ccc, within_panels
from softaer.core.errors import InputError
from softaer.page.settings import flat, shown
from softaer.running.configuration import filled


def runs_of(*runs):
    folders = [run.write() for run in runs]
    return [read_finished(f, n) for f, n in zip(folders, names_of(folders), strict=True)]


def rows_of(found, model=BEST):
    some = found.table[found.table["model"] == model]
    return some.set_index(["target", "experiment"])


def test_experiments_with_other_delays_meet_on_the_labels_that_both_score(tmp_path):
    two = Run(tmp_path / "two", noise=0, delay=2.0)
    four = Run(tmp_path / "four", noise=0, delay=4.0)
    found = compare_runs(runs_of(two, four), {})
    assert found.frames["frames"].tolist() == [8 * 160] * 2
    assert found.frames[["two", "four"]].to_numpy().tolist() == [[8 * 180, 8 * 160]] * 2
    # Predictions are the labels: a frame too early or too late would not agree at all.
    np.testing.assert_allclose(rows_of(found)["ccc"], 1)
    assert (found.table["own_frames"] > found.table["frames"]).sum() == len(found.table) / 2


def test_a_delay_that_is_not_that_of_the_dataset_is_noticed(tmp_path):
    wrong = Run(tmp_path / "two", delay=2.0, said_delay=3.0)
    with pytest.raises(InputError, match=r"four and two have other labels: mood E differs in 1\d+"):
        compare_runs(runs_of(Run(tmp_path / "four"), wrong), {})


def test_scores_on_shared_frames_are_those_of_the_shared_frames(tmp_path):
    two, four = runs_of(Run(tmp_path / "two", delay=2.0), Run(tmp_path / "four", delay=4.0))
    found = rows_of(compare_runs([two, four], {}))
    values = []
    for seed in (1, 2):
        path = places.final_prediction(two.results, "mood", "audio", "multi", seed)
        own = tables.read(path)
        late = own[own["recording"].isin(TESTED) & (own["time"] >= 1.95)]
        label = np.concatenate([LABELS[name, "E"][40:] for name in TESTED])
        values.append(ccc(label, late["E"].to_numpy()))
    assert found.loc[("E", "two"), "ccc"] == pytest.approx(np.mean(values), abs=1e-9)
    # Its own frames are more, so its own score is another.
    assert found.loc[("E", "two"), "ccc_own_frames"] != pytest.approx(np.mean(values), abs=1e-6)


def test_sigma_is_scored_within_the_panels_of_the_first_experiment(tmp_path):
    """Whatever is known of the raters of the others: the same frames count in the same way."""
    apart = {name: ["x", "y"] if name < "t4" else ["y", "z"] for name in TESTED}
    together = {name: ["x", "y"] for name in TESTED}
    labels = {(name, "s"): LABELS[name, "s"] + np.float32(5 * (name < "t4")) for name in TESTED}
    make = {"labels": labels, "delay": 2.0}
    first, same, unknown = runs_of(
        Run(tmp_path / "first", raters=apart, **make),
        Run(tmp_path / "same", raters=together, **make),
        Run(tmp_path / "unknown", **make),
    )
    values = []
    for seed in (1, 2):
        path = places.final_prediction(first.results, "mood", "audio", "multi", seed)
        own = tables.read(path).set_index("recording").loc[list(TESTED)]
        panel = (own.index < "t4").astype(int)
        label = np.concatenate([labels[name, "s"][20:] for name in TESTED])
        series = (label, own["sigma"].to_numpy())
        values.append(ccc(*(within_panels(each, panel) for each in series)))
    found = rows_of(compare_runs([first, same, unknown], {}))
    for name in ("first", "same", "unknown"):
        assert found.loc[("sigma", name), "ccc"] == pytest.approx(np.mean(values), abs=1e-6)
    pooled = rows_of(compare_runs([unknown, first], {}))
    assert pooled.loc[("sigma", "first"), "ccc"] > np.mean(values) + 0.05
    assert pooled.loc[("E", "first"), "ccc"] == found.loc[("E", "first"), "ccc"]


def test_a_better_experiment_is_found_and_a_repetition_is_not(tmp_path):
    runs = [Run(tmp_path / "bad", noise=1.5), Run(tmp_path / "good", noise=0.2, seed=1)]
    runs += [Run(tmp_path / "again", noise=1.5, seed=2)]
    table = rows_of(compare_runs(runs_of(*runs), {}))
    assert table.loc[("E", "good"), "better"] == "yes"
    assert table.loc[("E", "again"), "better"] == "undecided"
    assert pd.isna(table.loc[("E", "bad"), "difference"])
    apart = table.loc[("E", "good"), "ccc"] - table.loc[("E", "bad"), "ccc"]
    assert table.loc[("E", "good"), "difference"] == pytest.approx(apart)
    assert table.loc[("E", "good"), "difference_low"] > 0
    # Two experiments and two targets: four differences.
    p = table["p_value"].dropna()
    assert table["p_holm"].min() == pytest.approx(min(1, 4 * p.min()))


def test_other_labels_are_refused_and_the_keys_that_may_be_the_reason_are_named(tmp_path):
    odd = LABELS["t3", "E"].copy()
    odd[70] += 0.25
    other = Run(
        tmp_path / "other", labels={("t3", "E"): odd}, config={"labels": {"spread": "population"}}
    )
    first, second = runs_of(Run(tmp_path / "one"), other)
    settings = [normalised(run.config, run.results.parent) for run in (first, second)]
    with pytest.raises(InputError) as error:
        compare_runs([first, second], changed(settings))
    said = str(error.value)
    assert "one and other have other labels: mood E differs in 1 of 1280 shared frames" in said
    assert "'t3', 7 s" in said
    assert "labels.spread" in said


def test_labels_are_compared_where_both_score_them_only(tmp_path):
    early = LABELS["t3", "E"].copy()
    early[10] += 0.25  # before the first frame that has features
    compare_runs(
        runs_of(Run(tmp_path / "one"), Run(tmp_path / "other", labels={("t3", "E"): early})), {}
    )


def test_other_test_recordings_are_refused_by_name(tmp_path):
    fewer = Run(tmp_path / "fewer", tested=tuple(TESTED[:-1]))
    with pytest.raises(InputError, match=r"other test recordings \(8 and 7; only in all: t7\)"):
        compare_runs(runs_of(Run(tmp_path / "all"), fewer), {})


def test_other_subjects_are_refused(tmp_path):
    moved = Run(tmp_path / "moved", subjects={"t1": "t0"})
    with pytest.raises(InputError, match="'t1' is of subject 't1' and of 't0'"):
        compare_runs(runs_of(Run(tmp_path / "one"), moved), {})


def test_a_recording_without_features_in_one_is_left_out_for_all(tmp_path):
    one, other = Run(tmp_path / "one"), Run(tmp_path / "other")
    for run in (one, other):
        run.write()
    names = {"a": "train", "b": "dev"} | dict.fromkeys(TESTED, "test")
    coverage_tables.write(
        other.folder / "results/coverage", names, ("audio",), without={"audio": {"t5": "no sound"}}
    )
    runs = [read_finished(run.folder, run.folder.name) for run in (one, other)]
    found = compare_runs(runs, {})
    assert found.frames["frames"].tolist() == [7 * 160] * 2
    assert "t5" not in set(found.recordings["recording"])


def test_a_run_that_was_started_again_is_refused(tmp_path):
    folder = Run(tmp_path / "one").write()
    assert read_finished(folder, "one").name == "one"
    assert read_finished(folder / "results", "one").results == folder / "results"
    record = folder / "results/experiment.yaml"
    record.write_text(record.read_text().replace("delay: 4.0", "delay: 3.0"))
    with pytest.raises(InputError, match=r"one: .* started again"):
        read_finished(folder, "one")
    record.unlink()
    with pytest.raises(InputError, match=r"one: no .*experiment\.yaml"):
        read_finished(folder, "one")


def test_an_experiment_is_not_compared_with_itself(tmp_path):
    with pytest.raises(InputError, match="given twice"):
        names_of([tmp_path, tmp_path / "results"])


def settings_of(folder=Path("/runs/one"), **config):
    return normalised(filled(config), folder)


@pytest.mark.parametrize(
    ("one", "other", "keys"),
    [
        ({}, {"delay": {"arousal": 4.0, "valence": 4}}, set()),
        ({}, {"delay": 2.0}, {"delay.arousal", "delay.valence"}),
        ({}, {"delay": "estimated"}, {"delay", "delay.arousal", "delay.valence", "max_delay"}),
        ({"model": {"cells": 64}}, {}, set()),
        ({"model": {"cells": 240}}, {}, {"model.cells"}),
        (
            {"model": {"network": "gru"}},
            {"model": {"cell": "gru"}},
            {"model.network", "model.cell"},
        ),
        ({}, {"modalities": {"audio": {}, "video": {}}}, set()),
        ({}, {"audio": {"window": 2.0}}, {"modalities.audio.window"}),
        ({}, {"report": {"frames": False}}, set()),
        ({}, {"inspect": {"worst": 5}}, set()),
        ({}, {"seeds": [1, 2]}, {"seeds"}),
        ({}, {"fusion": {"of": [["video", "audio"]]}}, set()),
    ],
)
def test_settings_differ_only_if_they_mean_something_else(one, other, keys):
    assert set(changed([settings_of(**one), settings_of(**other)])) == keys


def test_a_path_is_the_same_from_wherever_it_is_named():
    paths = {"/runs/one": "../data/recordings.csv", "/runs/deep/two": "../../data/recordings.csv"}
    settings = [
        settings_of(Path(folder), corpus={"recordings": path}) for folder, path in paths.items()
    ]
    assert changed(settings) == {}
    settings[1] = settings_of(Path("/runs/deep/two"), corpus={"recordings": "recordings.csv"})
    assert changed(settings)["corpus.recordings"] == [
        "/runs/data/recordings.csv",
        "/runs/deep/two/recordings.csv",
    ]


def test_every_value_can_be_shown():
    assert all(isinstance(shown(value), str) for value in flat(filled({})).values())


def test_page_and_tables(tmp_path):
    two = Run(tmp_path / "two <b>", delay=2.0)
    runs = runs_of(Run(tmp_path / "four_4"), two)
    paths = write_comparison(runs, tmp_path / "out")
    assert {path.name for path in paths.values()} == set(FILES.values())
    page = paths["page"].read_text()
    assert page.index("<code>delay.mood</code>") < page.index("Scores of the best models")
    assert "two &lt;b&gt;" in page
    assert "two <b>" not in page
    assert page.count("<svg") == 1 + page.count("<h3>")
    table = pd.read_csv(paths["csv"])
    assert len(table) == 2 * 2 * (1 + 1 + 1)  # the best, the network, ridge
    for value in table.loc[table["model"] == BEST, "ccc"]:
        assert f"{value:.3f}" in page
        assert f"{value:.3f}" in paths["latex"].read_text()
    assert r"four\_4" in paths["latex"].read_text()
    assert write_comparison(runs, tmp_path / "again")["page"].read_text() == page


def test_nothing_is_written_if_experiments_cannot_be_compared(tmp_path):
    fewer = Run(tmp_path / "fewer", tested=tuple(TESTED[:-1]))
    with pytest.raises(InputError):
        write_comparison(runs_of(Run(tmp_path / "all"), fewer), tmp_path / "out")
    assert not (tmp_path / "out").exists()
