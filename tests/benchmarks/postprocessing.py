"""Post-processing and its estimate out of fold, beside fitting every fold on its frames.

    python tests/benchmarks/postprocessing.py                     28 subjects of 3 minutes
    python tests/benchmarks/postprocessing.py --subjects 8

For each number of subjects, the simulated predictions of two systems are post-processed, by
``softaer.postprocess`` and by the definition (``tests/chains.py``), which takes minutes for 28
subjects. Printed are both times, their ratio, and the largest difference of the results.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from side_by_side import timed_value

sys.path.insert(0, str(Path(__file__).parents[1]))

import chains
from softaer.core.correction import Trace
from softaer.core.experiment import Postprocessing
from softaer.postprocess import postprocess

SEARCH = Postprocessing()


def simulated(subjects: int, frames: int, seed: int) -> list[Trace]:
    """Predictions that are late, off, too flat and noisy."""
    rng = np.random.default_rng(seed)

    def slow() -> np.ndarray:
        kernel = np.hanning(51)
        noise = np.convolve(rng.normal(size=frames + 50), kernel, mode="valid")
        return noise / np.sqrt((kernel**2).sum())

    traces = []
    for subject in range(subjects):
        label = 0.3 * slow() + 0.1 * rng.normal()
        prediction = 0.5 * np.roll(label, -8) - 0.3 + 0.1 * rng.normal()
        prediction += 0.15 * slow() + 0.05 * rng.normal(size=frames)
        traces.append(Trace(f"r{subject}", f"s{subject}", prediction, label))
    return traces


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--subjects", type=int, nargs="+", default=[28])
    arguments.add_argument("--frames", type=int, default=1800, help="of each subject, at 10 Hz")
    options = arguments.parse_args()
    for subjects in options.subjects:
        systems = [simulated(subjects, options.frames, seed) for seed in (1, 2)]
        ours, found = timed_value(
            lambda systems: [postprocess(s, SEARCH) for s in systems], systems
        )
        bare, expected = timed_value(
            lambda systems: [chains.postprocess(s, SEARCH) for s in systems], systems
        )
        difference = max(
            np.abs(a.prediction - b.prediction).max()
            for one, other in zip(found, expected, strict=True)
            for a, b in zip(one[2], other[2], strict=True)
        )
        print(
            f"{subjects} subjects, two systems: {bare:.1f} s by definition, {ours:.2f} s, "
            f"ratio {bare / ours:.0f}; largest difference {difference:.1e}"
        )


if __name__ == "__main__":
    main()
