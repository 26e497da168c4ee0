"""Concordance correlation coefficient (Lin, 1989), the score of continuous emotion recognition."""

import numpy as np


def ccc(truth: np.ndarray, prediction: np.ndarray) -> float:
    """Concordance of two series: 2 cov / (var + var + (mean - mean)^2), in population form.

    Parameters
    ----------
    truth, prediction
        Shape (n,); pairs with NaN in either are left out.

    Returns
    -------
    Between -1 and 1; 0 if one series is constant, NaN if both are or no pair is left.

    Examples
    --------
    >>> ccc(np.array([0.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])).round(3)
    np.float64(0.571)
    """
    known = ~(np.isnan(truth) | np.isnan(prediction))
    x = np.asarray(truth, dtype=np.float64)[known]
    y = np.asarray(prediction, dtype=np.float64)[known]
    constant = [len(z) == 0 or np.ptp(z) == 0 for z in (x, y)]
    if any(constant):
        return np.nan if all(constant) else 0.0
    dx, dy = x - x.mean(), y - y.mean()
    spread = (dx**2).mean() + (dy**2).mean() + (x.mean() - y.mean()) ** 2
    return 2 * (dx * dy).mean() / spread
