"""Sequences: what a network sees of a recording whose rows do not cover the grid."""

import numpy as np
import pandas as pd
import pytest

from softaer.core import schema, tables
from softaer.corpus import Recording
from softaer.networks.sequences import load_sequences, to_sequence

NAN = np.nan
RECORDING = Recording("a", "a", partition="train")


def rows(**columns):
    return pd.DataFrame({name: np.array(values, dtype=float) for name, values in columns.items()})


@pytest.fixture
def sequence():
    """Frames 1, 2 and 4 of five, the second without features, the third with half of them."""
    return to_sequence(
        rows(
            time=[0.1, 0.2, 0.4],
            x_E=[9, 9, 9],
            x_sigma=[9, 9, 9],
            y_E=[0.5, 0.6, NAN],
            y_sigma=[0.1, NAN, NAN],
            f=[1, NAN, 3],
            g=[-1, NAN, NAN],
        ),
        RECORDING,
        ["y_E", "y_sigma"],
    )


def test_rows_lie_on_the_full_grid(sequence):
    assert len(sequence) == 5
    np.testing.assert_allclose(sequence.time, [0, 0.1, 0.2, 0.3, 0.4])
    assert sequence.labelled.tolist() == [False, True, True, False, True]
    assert (sequence.recording, sequence.partition) == ("a", "train")


def test_what_is_missing_enters_as_zero_and_is_marked(sequence):
    np.testing.assert_array_equal(
        sequence.features, np.array([[0, 0], [1, -1], [0, 0], [0, 0], [3, 0]], dtype=np.float32)
    )
    assert sequence.features.dtype == np.float32
    assert sequence.present.tolist() == [False, True, False, False, False]


def test_targets_are_those_asked_for(sequence):
    np.testing.assert_allclose(
        sequence.targets,
        [[NAN, NAN], [0.5, 0.1], [0.6, NAN], [NAN, NAN], [NAN, NAN]],
        rtol=1e-6,
    )
    assert sequence.targets.dtype == np.float32


@pytest.mark.parametrize(
    "outputs", [[], ["x_sigma"], ["y_E", "x_E"], ["x_E", "x_sigma", "y_E", "y_sigma"]]
)
def test_targets_come_in_the_order_asked_for(outputs):
    columns = {"x_E": [1, 2], "x_sigma": [3, 4], "y_E": [5, 6], "y_sigma": [7, 8]}
    found = to_sequence(rows(time=[0.0, 0.1], **columns, f=[9, 9]), RECORDING, outputs)
    assert found.targets.shape == (2, len(outputs))
    assert found.targets.T.tolist() == [columns[name] for name in outputs]
    assert found.features.tolist() == [[9], [9]]


def test_the_order_of_the_rows_does_not_matter():
    table = rows(time=[0.0, 0.1, 0.2], y_E=[1, 2, 3], y_sigma=[4, 5, 6], f=[7, 8, 9])
    turned = to_sequence(table.iloc[::-1], RECORDING, ["y_E", "y_sigma"])
    straight = to_sequence(table, RECORDING, ["y_E", "y_sigma"])
    np.testing.assert_array_equal(turned.features, straight.features)
    np.testing.assert_array_equal(turned.targets, straight.targets)


def write(folder, batch, recordings):
    table = pd.concat(
        rows(time=[0.0, 0.1], y_E=[0, 0], y_sigma=[0, 0], f=[value, value]).assign(recording=name)
        for name, value in recordings.items()
    )
    tables.write(table, schema.dataset(["y_E", "y_sigma"], ["f"]), folder / f"{batch}.parquet")


def test_recordings_wanted_are_found_in_their_batches(tmp_path):
    write(tmp_path, "b1", {"p": 1, "q": 2, "r": 3})
    write(tmp_path, "b2", {"s": 4})
    wanted = [Recording("p", "b1"), Recording("r", "b1", partition="dev"), Recording("s", "b2")]
    found = list(load_sequences(tmp_path, wanted, ["y_E"]))
    assert [(s.recording, s.partition, s.features[0, 0]) for s in found] == [
        ("p", None, 1),
        ("r", "dev", 3),
        ("s", None, 4),
    ]
