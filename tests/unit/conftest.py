"""Data that tests of several modules share."""

import numpy as np
import pytest


@pytest.fixture
def frames() -> tuple[np.ndarray, np.ndarray]:
    """Labels, and two noisy predictions of them, with other means and one with less spread."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=300)
    predictions = np.stack(
        [truth * 0.5 + rng.normal(size=300), truth + rng.normal(size=300)], axis=1
    )
    return truth, predictions + np.array([3.0, -100.0])
