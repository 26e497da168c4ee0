"""Networks side by side: their size, time of a step, score on a simulated task, and memory.

    python tests/benchmarks/networks.py [--repeat 20] [--seeds 3] [--steps 600] [--two-hours]

Times are processor times of steps of the optimiser, with mini-batches of four recordings on one
thread, for recordings about as long as those of the simulated corpus (28 s, 64 cells) and of SEWA
(162 s, the networks' own cells), with 130 features. The task is that of ``training.py``: 18
recordings of 28 s to learn from, 9 to stop by; the score is the CCC on dev of the best evaluation.
With ``--two-hours``, each network predicts a recording of two hours in a process of its own, whose
highest resident memory is given beside that of a process which only has the recording.
"""

import argparse
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from training import OUTPUT, Size, corpus

from softaer.core.experiment import NETWORKS, SIMULATED_CELLS, NetworkSettings, Training
from softaer.networks.architectures import build, make_deterministic
from softaer.networks.network import Architecture, Network
from softaer.networks.objectives import LOSSES
from softaer.train import _steps, fit

SIMULATED = Size(train=18, dev=9, frames=280)
SEWA = Size()
TWO_HOURS = 72_000


def architecture(name: str, settings: NetworkSettings, features: int) -> Architecture:
    return Architecture(features=features, outputs=(OUTPUT,), network=name, settings=settings)


def step_seconds(name: str, settings: NetworkSettings, size: Size, repeat: int) -> float:
    """Median processor time of a step, after one that warms up."""
    torch.set_num_threads(1)
    generator = make_deterministic(1)
    train, _ = corpus(size)
    model = build(architecture(name, settings, size.features))
    training = Training()
    objective = LOSSES[training.loss](training, [OUTPUT], torch.device("cpu"))
    optimiser = torch.optim.Adam(model.parameters())
    steps = _steps(model, optimiser, objective, [[s] for s in train], training, generator)
    taken = []
    started = time.process_time()
    for _ in islice(steps, repeat + 1):
        taken.append(time.process_time() - started)
        started = time.process_time()
    return statistics.median(taken[1:])


def best(name: str, settings: NetworkSettings, seed: int, steps: int) -> float:
    """Best CCC on dev of a training."""
    torch.set_num_threads(1)
    train, dev = corpus(SIMULATED, seed)
    training = Training(max_steps=steps)
    _, curve = fit(train, dev, [OUTPUT], training, settings, seed, network=name)
    return curve["dev_ccc"].max()


def peak_of_two_hours(name: str | None) -> tuple[int, float]:
    """Highest resident memory [MiB] and processor time [s] of a prediction, or of its input."""
    torch.set_num_threads(1)
    features = np.random.default_rng(0).normal(size=(TWO_HOURS, 130)).astype(np.float32)
    started = time.process_time()
    if name is not None:
        model: Network = build(architecture(name, NETWORKS[name], 130))
        model.predict([features])
    taken = time.process_time() - started
    # Not getrusage, whose peak includes that of the process which has started this one.
    status = Path("/proc/self/status").read_text()
    return round(int(status.split("VmHWM:")[1].split()[0]) / 1024), taken


def alone(name: str | None) -> tuple[int, float]:
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(peak_of_two_hours, name).result()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("--repeat", type=int, default=20, help="steps that are timed")
    arguments.add_argument("--seeds", type=int, default=3, help="trainings of each network")
    arguments.add_argument("--steps", type=int, default=600, help="at most, of a training")
    arguments.add_argument("--two-hours", action="store_true", help="memory of long recordings")
    arguments.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    options = arguments.parse_args()
    print("| network | weights, 64 cells | step, 28 s [ms] | weights | step, 162 s [ms] | CCC |")
    print("|---|---|---|---|---|---|")
    for name in options.networks:
        whole = NETWORKS[name]
        small = replace(whole, cells=SIMULATED_CELLS)
        sizes = [build(architecture(name, s, 130)).weights for s in (small, whole)]
        times = [
            1000 * step_seconds(name, *what, options.repeat)
            for what in ((small, SIMULATED), (whole, SEWA))
        ]
        scores = [best(name, small, k + 1, options.steps) for k in range(options.seeds)]
        told = " ".join(f"{score:.3f}" for score in scores)
        cells = f"{sizes[0]:,} | {times[0]:.0f} | {sizes[1]:,} | {times[1]:.0f} | {told}"
        print(f"| `{name}` | {cells} |", flush=True)
    if options.two_hours:
        base, _ = alone(None)
        print(f"Process with two hours of features: {base} MiB")
        for name in options.networks:
            peak, taken = alone(name)
            print(f"{name}: {peak - base} MiB more, {taken:.0f} s", flush=True)


if __name__ == "__main__":
    main()
