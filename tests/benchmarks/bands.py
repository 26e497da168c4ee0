"""Coverage of bands over simulated corpora, for few and many units on dev.

Each unit has an error of its own (level) and a spread of its own, so that frames of a unit are not
independent. A band is made on the units of dev and counted on as many new units as ratings are
needed; beside it stands the plain quantile over all frames, which ignores units.

python tests/benchmarks/bands.py [RUNS]       prints the table of docs/method.md
"""

import sys

import numpy as np

from softaer.core.predictive import conformal_quantile, units_needed

FRAMES = 200
"""Ratings of a unit."""

NEW = 50
"""New units on which a band is counted."""


def distances(units: int, rng: np.random.Generator) -> np.ndarray:
    """|y - E| / s of units, shape (units, FRAMES)."""
    level = 0.6 * rng.normal(size=(units, 1))
    spread = rng.gamma(9, 0.09, size=(units, 1))
    return np.abs(level + spread * rng.normal(size=(units, FRAMES)))


def covered(units: int, nominal: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """Coverage of the band and of the plain quantile on new units, and the band's width relative
    to the plain one."""
    known, new = distances(units, rng), distances(NEW, rng)
    plain = np.quantile(known, nominal)
    if units < units_needed(nominal):
        return np.nan, (new <= plain).mean(), np.nan
    half = conformal_quantile(known.ravel(), np.repeat(np.arange(units), FRAMES), nominal)
    return (new <= half).mean(), (new <= plain).mean(), half / plain


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    print("| units of dev | nominal | band | runs below nominal | width | all frames alike |")
    print("|---|---|---|---|---|---|")
    for nominal in (0.8, 0.9):
        for units in (4, 9, 12, 19):
            rng = np.random.default_rng(units)
            found = np.array([covered(units, nominal, rng) for _ in range(runs)])
            band, plain, width = found.mean(axis=0)
            below = (found[:, 0] < nominal).mean()
            said = "none | – | –"
            if not np.isnan(band):
                said = f"{band:.1%} | {below:.0%} | × {width:.2f}"
            print(f"| {units} | {nominal:.0%} | {said} | {plain:.1%} |")


if __name__ == "__main__":
    main()
