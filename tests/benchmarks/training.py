"""Training against the shortest loop over torch that a user would write, on the same data.

    python tests/benchmarks/training.py [--repeat 5] [--seeds 3] [--epochs 20]

Simulated features and targets in the size of a corpus: 34 recordings of 162 s to learn from and 14
to stop by, 130 features, two layers of 240 cells. Timed are an epoch, whole trainings with the CCC
that they reach on dev, and the way from a dataset in Parquet to sequences; the last line has the
memory of a process that trains. The two sides take turns, so that a ratio (bare time / ours; above
1 is faster than bare) survives a machine that changes its speed. Each has processes of its own:
what the stage does to its process (the memory that it keeps) does not help the bare loop.
:func:`rows` gives the figures to other scripts.

The bare loop has torch's own threads, its packed sequences, and the same steps in the same order:
mini-batches, noise, loss, clipping, Adam, and the CCC on dev at the same steps.
"""

import argparse
import os
import resource
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import torch
from side_by_side import Setting, markdown, row, timed, timed_value
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from softaer.core import schema, tables
from softaer.core.concordance import ccc
from softaer.core.experiment import RecurrentSettings, Training
from softaer.corpus import Recording
from softaer.networks.allocation import KEEP_FREED_MEMORY
from softaer.networks.precision import computed
from softaer.networks.sequences import RecordingSequence, load_sequences
from softaer.train import fit

OUTPUT = "mood_E"

FAST = Training(piece=20.0, precision="bfloat16")
"""What makes training fast where it need not be exact."""

PRECISION = computed(FAST.precision, torch.device("cpu"))
"""In which this processor really computes."""


@dataclass(frozen=True)
class Size:
    """Of the corpus and the network: recordings per partition, frames, features, cells.

    ``spread`` is the share by which lengths differ from ``frames`` either way.
    """

    train: int = 34
    dev: int = 14
    frames: int = 1620
    spread: float = 0.0
    features: int = 130
    layers: int = 2
    cells: int = 240


@cache
def corpus(size: Size, seed: int = 0) -> tuple[list[RecordingSequence], list[RecordingSequence]]:
    """Recordings to learn from and to stop by.

    The target is made of four slow states: one of them late by 3 s, the mean of another over the
    last 20 s, and the product of the third with one that drifts. The features see all states, and
    some more, through a saturation, under noise of three times their own spread and an offset of
    each recording.
    """
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(8, size.features)) / np.sqrt(8)
    lengths = size.frames * (1 + size.spread * np.linspace(-1, 1, size.train + size.dev))
    made = [
        _recording(f"r{k}", "train" if k < size.train else "dev", int(n), mixing, rng)
        for k, n in enumerate(rng.permutation(lengths))
    ]
    return made[: size.train], made[size.train :]


def _recording(
    name: str, partition: str, length: int, mixing: np.ndarray, rng: np.random.Generator
) -> RecordingSequence:
    late, mean, factor, drift, *others = (
        _slow(length, seconds, rng) for seconds in (2, 8, 4, 40, 1, 2, 4, 16)
    )
    states = np.stack([late, mean, factor, drift, *others], axis=1)
    offset = 0.3 * rng.normal(size=len(mixing[0]))
    features = np.tanh(states @ mixing) + offset + 3 * rng.normal(size=(length, len(mixing[0])))
    past = np.convolve(mean, np.ones(200) / 200)[:length]
    target = 0.5 * np.roll(late, 30) + 2 * past + 0.5 * factor * drift + 0.4 * drift
    everywhere = np.ones(length, dtype=bool)
    return RecordingSequence(
        name,
        partition,
        (features / np.sqrt(10)).astype(np.float32),
        everywhere,
        everywhere,
        (0.2 * target[:, None]).astype(np.float32),
    )


def _slow(length: int, seconds: float, rng: np.random.Generator) -> np.ndarray:
    """Noise smoothed over some seconds, with mean 0 and variance 1."""
    window = np.hanning(20 * int(seconds) + 3)
    values = np.convolve(rng.normal(size=length + len(window) - 1), window, "valid")
    return (values - values.mean()) / values.std()


class Bare(nn.Module):
    """The same network in torch's own words."""

    def __init__(self, size: Size) -> None:
        super().__init__()
        self.recurrent = nn.LSTM(
            size.features, size.cells, size.layers, batch_first=True, bidirectional=True
        )
        self.read_out = nn.Linear(2 * size.cells, 1)

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        packed = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        return self.read_out(pad_packed_sequence(self.recurrent(packed)[0], batch_first=True)[0])


def bare_fit(
    train: Sequence[RecordingSequence],
    dev: Sequence[RecordingSequence],
    training: Training,
    size: Size,
    seed: int,
) -> float:
    """Train in a plain loop; the best CCC on dev."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model = Bare(size)
    optimiser = torch.optim.Adam(model.parameters(), training.learning_rate)
    labels = np.concatenate([s.targets for s in train])
    best, best_step = -1.0, 0
    order: list[int] = []
    for step in range(1, training.max_steps + 1):
        model.train()
        order = order or torch.randperm(len(train), generator=generator).tolist()
        some = [train[i] for i in order[: training.batch_size]]
        order = order[training.batch_size :]
        lengths = torch.tensor([len(s) for s in some])
        features = pad_sequence([torch.from_numpy(s.features) for s in some], batch_first=True)
        targets = pad_sequence([torch.from_numpy(s.targets) for s in some], batch_first=True)
        noise = torch.randn(features.shape, generator=generator)
        outputs = model(features + training.input_noise * noise, lengths)
        mask = (torch.arange(features.shape[1]) < lengths[:, None])[:, :, None]
        errors = (outputs - (targets - labels.mean()) / labels.std()) * mask
        optimiser.zero_grad()
        (2 * (errors**2).sum() / mask.sum()).backward()
        nn.utils.clip_grad_norm_(model.parameters(), training.max_gradient_norm)
        optimiser.step()
        if step % training.evaluate_every and step < training.max_steps:
            continue
        model.eval()
        with torch.no_grad():
            features = pad_sequence([torch.from_numpy(s.features) for s in dev], batch_first=True)
            outputs = model(features, torch.tensor([len(s) for s in dev])).numpy()
        predicted = np.concatenate([o[: len(s)] for o, s in zip(outputs, dev, strict=True)])
        predicted = predicted * labels.std() + labels.mean()
        score = ccc(np.concatenate([s.targets for s in dev])[:, 0], predicted[:, 0])
        if score > best:
            best, best_step = score, step
        elif step - best_step >= training.patience:
            break
    return best


def for_epochs(training: Training, size: Size, epochs: int) -> Training:
    """Settings that train for some epochs, with the CCC on dev after each."""
    steps = -(-size.train // training.batch_size)
    return replace(training, max_steps=epochs * steps, evaluate_every=steps, patience=5 * steps)


def our_fit(
    train: Sequence[RecordingSequence],
    dev: Sequence[RecordingSequence],
    training: Training,
    size: Size,
    seed: int,
    threads: int,
) -> float:
    """Train as the stage does; the best CCC on dev."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _, curve = fit(
            *(train, dev, [OUTPUT], training),
            RecurrentSettings(layers=size.layers, cells=size.cells),
            seed=seed,
            threads=threads,
        )
    finally:
        torch.set_num_threads(before)
        torch.set_deterministic_debug_mode("default")
    return curve["dev_ccc"].max()


Trained = tuple[float, float]
"""What a training took [s], and the best CCC on dev."""


def _bare(size: Size, seed: int, training: Training) -> Trained:
    return timed_value(bare_fit, *corpus(size, seed), training, size, seed)


def _ours(threads: int, size: Size, seed: int, training: Training) -> Trained:
    return timed_value(our_fit, *corpus(size, seed), training, size, seed, threads)


def _peak() -> int:
    """Highest resident memory of this process until now [MiB]."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


@contextmanager
def _process(environment: dict[str, str], threads: int) -> Iterator[Callable[..., Future]]:
    """A process with some more environment, which does in turn what it is given."""
    spawn = get_context("spawn")
    with ProcessPoolExecutor(1, spawn, torch.set_num_threads, (threads,)) as pool:
        with patch.dict(os.environ, environment):
            pool.submit(_peak).result()  # starts the process
        yield pool.submit


def bare_process():
    """A process for the plain loop, on two threads."""
    return _process({}, 2)


def our_process():
    """A process as that of the stage."""
    return _process(KEEP_FREED_MEMORY, 1)


def epoch(name: str, size: Size, training: Training, repeat: int) -> dict:
    """One epoch of training, with the CCC on dev; two threads each side."""
    one = for_epochs(training, size, 1)
    with bare_process() as bare, our_process() as ours:
        pairs = [
            (bare(_bare, size, 0, one).result()[0], ours(_ours, 2, size, 0, one).result()[0])
            for _ in range(repeat + 1)
        ]
    return row(name, pairs[1:], "two threads")  # the first turn warms caches up


def two_networks(size: Size, training: Training, repeat: int) -> dict:
    """An epoch of two networks: one after the other, or at once on a core each."""
    one = for_epochs(training, size, 1)
    with bare_process() as bare, our_process() as first, our_process() as second:

        def in_a_row() -> None:
            for _ in range(2):
                bare(_bare, size, 0, one).result()

        def at_once() -> None:
            for future in [ours(_ours, 1, size, 0, one) for ours in (first, second)]:
                future.result()

        pairs = [(timed(in_a_row), timed(at_once)) for _ in range(repeat + 1)]
    return row(
        "epoch of two networks",
        pairs[1:],
        "one after the other on two threads, and at once on a core each",
    )


def wholes(size: Size, epochs: int, seeds: int) -> Iterator[dict]:
    """Whole trainings, exact and fast, with the CCC on dev that both sides reach for each seed."""
    trainings = {
        "training": Training(),
        "training, pieces of 20 s": replace(FAST, precision="float32"),
        f"training, pieces of 40 s in {PRECISION}": replace(FAST, piece=40.0),
        f"training, pieces of 20 s in {PRECISION}": FAST,
    }
    bare_runs, our_runs = [], {name: [] for name in trainings}
    with bare_process() as bare, our_process() as ours:
        for seed in range(1, seeds + 1):
            plain = for_epochs(Training(), size, epochs)
            bare_runs.append(bare(_bare, size, seed, plain).result())
            for name, training in trainings.items():
                asked = for_epochs(training, size, epochs)
                run = ours(_ours, 2, size, seed, asked).result()
                our_runs[name].append(run)
    for name, runs in our_runs.items():
        pairs = [(b[0], o[0]) for b, o in zip(bare_runs, runs, strict=True)]
        note = "; ".join(
            f"dev CCC {who} " + " ".join(f"{score:.3f}" for _, score in one)
            for who, one in (("bare", bare_runs), ("ours", runs))
        )
        yield row(name, pairs, note)


def loading(size: Size, epoch_seconds: float, repeat: int) -> dict:
    """From a dataset in Parquet to sequences, against pandas alone; its share of 20 epochs."""
    train, dev = corpus(size)
    names = [f"f{k}" for k in range(size.features)]
    recordings = [Recording(s.recording, "b", partition=s.partition) for s in (*train, *dev)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "b.parquet"
        with tables.writer(path, schema.dataset([OUTPUT], names)) as sink:
            for s in (*train, *dev):
                table = pd.DataFrame(s.features, columns=names)
                table.insert(0, OUTPUT, s.targets[:, 0])
                table.insert(0, "time", s.time)
                table.insert(0, "recording", s.recording)
                sink.append(table)

        def bare() -> list[np.ndarray]:
            return [
                rows[names].to_numpy() for _, rows in pd.read_parquet(path).groupby("recording")
            ]

        def ours() -> list[RecordingSequence]:
            return list(load_sequences(Path(folder), recordings, [OUTPUT]))

        pairs = [(timed(bare), timed(ours)) for _ in range(repeat + 1)][1:]
    share = statistics.median(took for _, took in pairs) / (20 * epoch_seconds)
    return row("loading", pairs, f"{100 * share:.1f} % of 20 epochs")


def memory() -> str:
    """Highest resident memory of a process that makes a corpus and trains for some epochs."""
    alike = Size()
    some = for_epochs(Training(), alike, 6)
    differing = replace(alike, spread=0.2)
    found = []
    for process, *work in (
        (bare_process, _bare, alike),
        (our_process, _ours, 1, alike),
        (our_process, _ours, 2, alike),
        (our_process, _ours, 1, differing),
    ):
        with process() as submit:
            submit(*work, 0, some).result()
            found.append(submit(_peak).result())
    return (
        "Highest resident memory while a corpus is made and six epochs are trained: bare {} MiB, "
        "softaer {} MiB, on two threads {} MiB, with lengths within 20 % {} MiB.".format(*found)
    )


def single_epochs(repeat: int) -> Iterator[dict]:
    """An epoch, on recordings of one length and of several, exact and fast."""
    size, plain = Size(), Training()
    yield epoch("epoch, recordings of one length", size, plain, repeat)
    yield two_networks(size, plain, repeat)
    yield epoch("epoch, pieces of 20 s", size, replace(FAST, precision="float32"), repeat)
    yield epoch(f"epoch, pieces of 20 s in {PRECISION}", size, FAST, repeat)
    # The plain loop takes minutes here: one turn besides that which warms up.
    yield epoch("epoch, lengths within 20 %", replace(size, spread=0.2), plain, 1)


def rows(setting: Setting, seeds: int = 1, epochs: int = 20) -> list[dict]:
    """Epochs, whole trainings, and the loading of what they learn from."""
    found = [*single_epochs(setting.repeat), *wholes(Size(), epochs, seeds)]
    return [*found, loading(Size(), found[0]["ours"], setting.repeat)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("--repeat", type=int, default=5, help="turns of each comparison")
    arguments.add_argument("--seeds", type=int, default=3, help="of the whole trainings")
    arguments.add_argument("--epochs", type=int, default=20)
    options = arguments.parse_args()
    print(markdown(rows(Setting([], options.repeat), options.seeds, options.epochs)))
    print(memory())


if __name__ == "__main__":
    main()
