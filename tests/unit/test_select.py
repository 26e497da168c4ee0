"""Selection: the instance with the highest CCC on dev, mean over seeds; of equal ones the first."""

import sys
from itertools import chain

import numpy as np
import pandas as pd
import pytest

from softaer import select as stage
from softaer.core import schema, tables
from softaer.core.places import CURVE, within
from softaer.select import read_scores, select

NETWORK = {"scope": "m", "modality": "audio", "objective": "E+sigma"}

NAN = np.nan


def scores(**instances):
    rows = [
        (instance, seed, value)
        for instance, values in instances.items()
        for seed, value in enumerate(values, start=1)
    ]
    return pd.DataFrame(rows, columns=["instance", "seed", "dev_ccc"])


def chosen(table):
    return table.loc[table["chosen"], "instance"].item()


def test_the_highest_mean_over_seeds_is_chosen():
    table = select(scores(a=[0.1, 0.9], b=[0.6, 0.6], c=[0.0, 0.95]))
    assert chosen(table) == "b"


def test_all_scores_are_kept_in_the_order_of_the_grid():
    table = select(scores(z=[0.1, 0.3], a=[0.6, 0.6], m=[-0.5, NAN]))
    assert list(table["instance"]) == ["z", "a", "m"]
    np.testing.assert_allclose(table["dev_ccc"][:2], [0.2, 0.6])
    assert list(table["seeds"]) == [2, 2, 2]
    assert table["chosen"].sum() == 1


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_of_equal_ones_the_first_is_chosen(order):
    table = select(scores(**{name: [0.25, 0.5] for name in order}))
    assert chosen(table) == order[0]


@pytest.mark.parametrize("low", [0.0, -0.3, -1.0])
@pytest.mark.parametrize("names", ["ab", "ba"])
def test_an_instance_without_a_score_is_not_chosen(low, names):
    values = {"a": [NAN, NAN], "b": [low, low]}
    table = select(scores(**{name: values[name] for name in names}))
    assert chosen(table) == "b"
    assert np.isnan(table.set_index("instance").loc["a", "dev_ccc"])


def test_without_any_score_the_first_is_chosen():
    assert chosen(select(scores(b=[NAN], a=[NAN]))) == "b"


def test_a_single_instance_is_chosen():
    assert chosen(select(scores(a=[-0.2]))) == "a"


@pytest.fixture
def networks(tmp_path):
    """Learning curves of two instances and seeds; the best step is not the last."""
    rng = np.random.default_rng(0)
    best = {}
    for instance in ("cells,4", "cells,12"):
        for seed in (1, 5):
            values = rng.uniform(-0.2, 0.8, size=(3, 2))
            rows = [
                (step, 1.0, output, values[step - 1, i], step == 2)
                for step in (1, 2, 3)
                for i, output in enumerate(("m_E", "m_sigma"))
            ]
            curve = pd.DataFrame(rows, columns=schema.LEARNING_CURVE.names)
            path = within(tmp_path, CURVE, **NETWORK, instance=instance, seed=seed)
            tables.write(curve, schema.LEARNING_CURVE, path)
            best[instance, seed] = values[1].mean()
    return tmp_path, best


def test_scores_are_those_of_the_weights_that_were_kept(networks):
    folder, best = networks
    table = read_scores(folder, NETWORK, ["cells,12", "cells,4"], [1, 5])
    assert list(table["instance"]) == ["cells,12", "cells,12", "cells,4", "cells,4"]
    for row in table.itertuples():
        assert row.dev_ccc == pytest.approx(best[row.instance, row.seed])


def test_the_command_line(networks, monkeypatch):
    folder, best = networks
    output = folder / "select.parquet"
    words = ["--results", folder, *chain(*((f"--{key}", value) for key, value in NETWORK.items()))]
    words += ["--instances", "cells,4", "cells,12"]
    words += ["--seeds", 1, 5, "--output", output]
    monkeypatch.setattr(sys, "argv", ["select", *map(str, words)])
    stage.main()
    table = tables.read(output)
    mean = {name: (best[name, 1] + best[name, 5]) / 2 for name in ("cells,4", "cells,12")}
    assert dict(zip(table["instance"], table["dev_ccc"], strict=True)) == pytest.approx(mean)
    assert chosen(table) == max(mean, key=mean.get)
    assert list(table["seeds"]) == [2, 2]
