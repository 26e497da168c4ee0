"""Scales of raters' tools mapped to that of the corpus; how traces go on between values."""

import numpy as np
import pandas as pd
import pytest
import tool_files

from softaer import layouts, ratings
from softaer.core.errors import InputError
from softaer.core.experiment import Ratings
from softaer.readers.scales import read_scales
from softaer.running import configuration

TABLE = layouts.layout("table")


def wide(path, **columns):
    time = np.arange(len(next(iter(columns.values())))) * 0.5
    pd.DataFrame({"time": time, **columns}).to_csv(path, index=False)
    return str(path)


def read(path, dimensions=("arousal",), note=None, **settings):
    return ratings.read_recording(
        *("p01", str(path), TABLE, list(dimensions), Ratings(**settings)),
        note=note or [].append,
        length=12.0,
    )[1]


def trace(table, rater, dimension="arousal"):
    own = table[(table["rater"] == rater) & (table["dimension"] == dimension)]
    return own.set_index("time")["value"]


def test_a_scale_is_mapped_linearly(tmp_path):
    path = wide(tmp_path / "p.csv", anna=[0, 25, 100], ben=[50, 60, 70])
    table = read(path, scale={"from": [0, 100], "to": [-1, 1]})
    np.testing.assert_allclose(trace(table, "anna")[[0.0, 0.5, 1.0]], [-1, -0.5, 1])
    np.testing.assert_allclose(trace(table, "ben")[[0.0, 0.5, 1.0]], [0, 0.2, 0.4])


def test_a_rater_on_another_scale_is_refused_and_mapped_by_name(tmp_path):
    """Ben used 0 to 100, the others -1 to 1: an error, until the configuration says so."""
    path = wide(tmp_path / "p.csv", anna=[-0.9, 0.2, 0.8], eva=[-0.8, 0.1, 0.9], ben=[5, 60, 90])
    with pytest.raises(InputError, match="expected one scale"):
        read(path)
    table = read(path, scale={"ben": {"from": [0, 100], "to": [-1, 1]}})
    np.testing.assert_allclose(trace(table, "ben")[[0.0, 0.5, 1.0]], [-0.9, 0.2, 0.8])
    np.testing.assert_allclose(trace(table, "anna")[[0.0, 0.5, 1.0]], [-0.9, 0.2, 0.8])


def test_dimensions_have_scales_of_their_own_and_a_raters_wins(tmp_path):
    for dimension, values in (("arousal", [1, 5, 9]), ("valence", [0, 50, 100])):
        (tmp_path / dimension).mkdir()
        wide(tmp_path / dimension / "p.csv", anna=values, ben=values)
    scale = {
        "arousal": {"from": [1, 9], "to": [-1, 1]},
        "valence": {"from": [0, 100], "to": [-1, 1]},
        "ben": {"from": [-100, 100], "to": [-1, 1]},
    }
    table = read(tmp_path / "{dimension}" / "p.csv", ("arousal", "valence"), scale=scale)
    np.testing.assert_allclose(trace(table, "anna")[[0.0, 0.5, 1.0]], [-1, 0, 1])
    np.testing.assert_allclose(trace(table, "anna", "valence")[[0.0, 0.5, 1.0]], [-1, 0, 1])
    np.testing.assert_allclose(trace(table, "ben")[[0.0, 0.5, 1.0]], [0.01, 0.05, 0.09])


def test_a_value_outside_its_scale_is_refused(tmp_path):
    path = wide(tmp_path / "p.csv", anna=[0, 25, 101], ben=[50, 60, 70])
    with pytest.raises(InputError, match=r"rater 'anna' has 101 .* at 1 s; expected 0 to 100"):
        read(path, scale={"from": [0, 100], "to": [-1, 1]})


def test_codes_for_missing_ratings_are_removed_before_values_are_mapped(tmp_path):
    path = wide(tmp_path / "p.csv", anna=[0, -999, 100, 50], ben=[50, 60, 70, 50])
    table = read(
        path, scale={"from": [0, 100], "to": [-1, 1]}, missing=(-999,), range=(-1, 1), max_gap=0.6
    )
    assert 0.5 not in trace(table, "anna").index
    assert trace(table, "anna")[1.0] == 1


def test_the_declared_range_is_that_of_the_file(tmp_path):
    tool_files.carma(tmp_path)
    pattern = tmp_path / "carma" / "{rater}" / "p01_{dimension}.csv"
    table = read(pattern, scale={"from": "declared", "to": [-1, 1]})
    own = trace(table, "anna")
    at = np.array([1.0, 5.0, 12.0])
    np.testing.assert_allclose(own[at], tool_files.value("p01", "anna", "arousal", at), atol=1e-4)
    path = wide(tmp_path / "p.csv", anna=[0, 0.5, 1], ben=[0, 0.2, 0.4])
    with pytest.raises(InputError, match="rater 'anna' declare no range"):
        read(path, scale={"from": "declared", "to": [-1, 1]})


def test_files_that_declare_different_scales_are_refused_until_they_are_mapped(tmp_path):
    """Certain, where the values alone could not tell: Ben has -100 to 100, Anna 0 to 50."""
    for rater, low, high in (("anna", 0, 50), ("ben", -100, 100)):
        (tmp_path / rater).mkdir()
        rows = "".join(f"{k},{low + (high - low) * k / 20:g}\n" for k in range(1, 13))
        (tmp_path / rater / "p.csv").write_text(
            "Time of Rating,x\nMultimedia File,p.wav\nLower Label,a\nUpper Label,b\n"
            f"Minimum Value,{low}\nMaximum Value,{high}\nNumber of Steps,9\n"
            f"Second,Rating\n%%%%%%,%%%%%%\n{rows}"
        )
    pattern = tmp_path / "{rater}" / "p.csv"
    with pytest.raises(InputError, match=r"'anna' declares .* 0 to 50, that of 'ben' from -100"):
        read(pattern)
    table = read(pattern, scale={"from": "declared", "to": [-1, 1]})
    np.testing.assert_allclose(trace(table, "anna"), trace(table, "ben"))
    assert len(read(pattern, scales="free")) == len(table)


def test_traces_without_limits_are_standardised_over_their_frames(tmp_path):
    rng = np.random.default_rng(1)
    base = rng.normal(size=40).cumsum()
    path = wide(tmp_path / "p.csv", anna=base, ben=1000 * base + 3, kim=[7.0] * 40)
    notes = []
    table = read(path, scale="standardised", note=notes.append)
    for rater in ("anna", "ben"):
        assert trace(table, rater).mean() == pytest.approx(0, abs=1e-9)
        assert trace(table, rater).std(ddof=0) == pytest.approx(1)
    np.testing.assert_allclose(trace(table, "anna"), trace(table, "ben"), atol=1e-6)
    assert (trace(table, "kim") == 0).all()
    assert [note for note in notes if "1 traces of 'arousal' are flat" in note]
    # The control: without it, the scales are refused.
    with pytest.raises(InputError, match="expected one scale"):
        read(path)


def test_ranks_do_not_depend_on_monotone_changes(tmp_path):
    values = np.array([0.1, 0.4, 0.4, 0.9, -0.3])
    path = wide(tmp_path / "p.csv", anna=values, ben=np.exp(5 * values))
    found = []
    for interpolation in ("hold", "linear"):
        table = read(path, scale="ranks", scales="free", interpolation=interpolation)
        found.append([trace(table, rater).to_numpy() for rater in ("anna", "ben")])
    held, linear = found
    np.testing.assert_allclose(held[0], held[1])
    assert np.abs(linear[0] - linear[1]).max() > 0  # between samples the change shows
    at = trace(read(path, scale="ranks", interpolation="hold", scales="free"), "anna")
    assert at.min() >= 0
    assert at.max() <= 1
    order = np.argsort(values, kind="stable")
    steps = at[[0.0, 0.5, 1.0, 1.5, 2.0]].to_numpy()
    assert (np.diff(steps[order]) >= 0).all()
    assert steps[1] == steps[2]


def test_segments_have_ranks_within_their_recording(tmp_path):
    path = tmp_path / "p01.csv"
    path.write_text("rater,start,end,value\nanna,0,2,3\nanna,2,4,900\nanna,5,6,4\n")
    table = read(path, scale="ranks")
    own = trace(table, "anna")
    assert own.index.max() == 5.9
    assert 4.5 not in own.index
    assert own[0.0] < own[5.0] < own[2.0]


def test_a_log_of_changes_is_held_while_sampled_traces_are_interpolated(tmp_path):
    """Two raters in files of two forms: one is held to the end, the other interpolated."""
    for rater in ("anna", "kim"):
        (tmp_path / rater).mkdir()
    (tmp_path / "anna" / "p01.csv").write_text("time,value\n0,0\n1,1\n2,0\n")
    (tmp_path / "kim" / "p01.csv").write_text(
        "OriginalName,DatabaseName,Participant,SessionID,Timestamp,VideoTime,Value\n"
        "p01.mp4,d,k,s,2,4000,0.8\np01.mp4,d,k,s,1,500,0.2\n"
    )
    pattern = tmp_path / "{rater}" / "p01.csv"
    table = read(pattern, interpolation={"pagan": "hold"}, scales="free")
    anna, kim = trace(table, "anna"), trace(table, "kim")
    assert anna[0.5] == pytest.approx(0.5)
    assert anna.index.max() == 2
    assert (kim[:3.9] == 0.2).all()
    assert (kim[4.0:] == 0.8).all()
    assert kim.index.min() == 0.5
    assert kim.index.max() == 11.9  # the end of the recording
    by_rater = read(pattern, interpolation={"anna": "hold", "pagan": "hold"})
    assert trace(by_rater, "anna")[0.5] == 0
    with pytest.raises(InputError, match=r"pagan stores only changes.*\{pagan: hold\}"):
        read(pattern)


@pytest.mark.parametrize(
    "scale",
    [
        {"from": [0, 100]},
        {"from": [100, 0], "to": [-1, 1]},
        {"from": [0, 100], "to": [1]},
        {"from": "file", "to": [0, 1]},
        {"from": [0, 100], "to": [-1, 1], "by": 2},
        {"arousal": {"from": [0, 100]}},
        {"arousal": "z"},
    ],
)
def test_wrong_scales_are_named(scale):
    with pytest.raises(InputError, match=r"config key 'ratings.scale.*expected \{from"):
        configuration.filled({"ratings": {"scale": scale}})


@pytest.mark.parametrize(
    "section",
    [
        {"scale": {"from": [0, 100], "to": [-1, 1]}},
        {"scale": "standardised"},
        {"interpolation": {"pagan": "hold"}},
        {"called": {"arousal": "Activation"}},
        {"format": "nova_csv"},
    ],
)
def test_right_ones_are_accepted(section):
    ((key, value),) = section.items()
    assert configuration.filled({"ratings": section})["ratings"][key] == value


def test_an_unknown_format_is_named():
    with pytest.raises(InputError, match=r"'ratings.format': found 'karma'.*'carma'"):
        configuration.filled({"ratings": {"format": "karma"}})


def test_without_a_scale_nothing_changes():
    assert not read_scales(None)
