"""Training against the shortest loop over torch that a user would write, on the same data.

    python tests/benchmarks/training.py [--threads 2] [--repeat 5] [--seeds 3]

Simulated features and targets in the size of a corpus: 34 recordings of 162 s to learn from and 14
to stop by, 130 features, two layers of 240 cells. Timed are an epoch, a whole training with the CCC
that it reaches on dev, the way from a dataset in Parquet to sequences, and the memory of a process
that trains. The two sides take turns, so that a ratio (bare time / ours; above 1 is faster than
bare) survives a machine that changes its speed. :func:`rows` gives the figures to other scripts.

The bare loop has torch's own threads, its packed sequences, and the same steps in the same order:
mini-batches, noise, loss, clipping, Adam, and the CCC on dev after each epoch.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from side_by_side import Setting, markdown, row
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from softaer import schema, tables
from softaer.concordance import ccc
from softaer.corpus import Recording
from softaer.sequences import RecordingSequence, load_sequences
from softaer.train import Training, fit

OUTPUT = "mood_E"


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
) -> float:
    """Train in a plain loop; the best CCC on dev."""
    torch.manual_seed(training.seed)
    generator = torch.Generator().manual_seed(training.seed)
    model = Bare(size)
    optimiser = torch.optim.Adam(model.parameters(), training.learning_rate)
    labels = np.concatenate([s.targets for s in train])
    best, best_epoch = -1.0, 0
    for epoch in range(1, training.max_epochs + 1):
        model.train()
        order = torch.randperm(len(train), generator=generator).tolist()
        for start in range(0, len(order), training.batch_size):
            some = [train[i] for i in order[start : start + training.batch_size]]
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
        model.eval()
        with torch.no_grad():
            features = pad_sequence([torch.from_numpy(s.features) for s in dev], batch_first=True)
            outputs = model(features, torch.tensor([len(s) for s in dev])).numpy()
        predicted = np.concatenate([o[: len(s)] for o, s in zip(outputs, dev, strict=True)])
        predicted = predicted * labels.std() + labels.mean()
        score = ccc(np.concatenate([s.targets for s in dev])[:, 0], predicted[:, 0])
        if score > best:
            best, best_epoch = score, epoch
        elif epoch - best_epoch >= training.patience:
            break
    return best


def our_fit(
    train: Sequence[RecordingSequence],
    dev: Sequence[RecordingSequence],
    training: Training,
    size: Size,
    threads: int,
) -> float:
    """Train as the stage does; the best CCC on dev."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        _, curve = fit(
            train, dev, [OUTPUT], training, layers=size.layers, cells=size.cells, threads=threads
        )
    finally:
        torch.set_num_threads(before)
        torch.use_deterministic_algorithms(False)
    return curve["dev_ccc"].max()


def seconds(function: Callable, *arguments: object) -> tuple[float, float]:
    """Time of a call [s], and what it returns."""
    start = time.perf_counter()
    value = function(*arguments)
    return time.perf_counter() - start, value


def epoch(name: str, size: Size, training: Training, threads: int, repeat: int) -> dict:
    """One epoch of training, with the CCC on dev."""
    torch.set_num_threads(threads)
    train, dev = corpus(size)
    one = replace(training, max_epochs=1)
    bare = replace(one, piece=0.0, precision="float32")
    pairs = []
    for _ in range(repeat + 1):
        first = seconds(bare_fit, train, dev, bare, size)[0]
        pairs.append((first, seconds(our_fit, train, dev, one, size, threads)[0]))
    return row(name, pairs[1:], f"{threads} threads")  # the first turn warms caches up


def whole(name: str, size: Size, training: Training, threads: int, seeds: int) -> dict:
    """A whole training, and the CCC on dev of both sides for each seed."""
    torch.set_num_threads(threads)
    pairs, bare_scores, our_scores = [], [], []
    for seed in range(1, seeds + 1):
        train, dev = corpus(size, seed)
        ours = replace(training, seed=seed)
        bare, score = seconds(
            bare_fit, train, dev, replace(ours, piece=0.0, precision="float32"), size
        )
        bare_scores.append(score)
        took, score = seconds(our_fit, train, dev, ours, size, threads)
        our_scores.append(score)
        pairs.append((bare, took))
    note = "; ".join(
        f"dev CCC {who} " + " ".join(f"{score:.3f}" for score in scores)
        for who, scores in (("bare", bare_scores), ("ours", our_scores))
    )
    return row(name, pairs, f"{threads} threads; {note}")


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

        pairs = [(seconds(bare)[0], seconds(ours)[0]) for _ in range(repeat + 1)][1:]
    share = statistics.median(took for _, took in pairs) / (20 * epoch_seconds)
    return row("loading", pairs, f"{100 * share:.1f} % of 20 epochs")


def memory(size: Size, training: Training, threads: int) -> str:
    """Highest resident memory of a process that trains for an epoch, each side."""
    found = {}
    for side in ("bare", "ours"):
        words = [sys.executable, __file__, "--only", side, "--threads", str(threads)]
        words += ["--piece", str(training.piece), "--precision", training.precision]
        found[side] = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
    return (
        f"Highest resident memory while a corpus is made and an epoch trained: "
        f"bare {found['bare']} MiB, softaer {found['ours']} MiB."
    )


FAST = Training(piece=20.0, precision="bfloat16")
"""What makes training fast where it need not be exact."""


def epochs(threads: int, repeat: int) -> Iterator[dict]:
    """An epoch, on recordings of one length and of several, exact and fast."""
    size, plain = Size(), Training()
    yield epoch("epoch, recordings of one length", size, plain, threads, repeat)
    several = replace(size, spread=0.2)
    yield epoch("epoch, lengths within 20 %", several, plain, threads, repeat)
    pieces = replace(FAST, precision="float32")
    yield epoch("epoch, pieces of 20 s", size, pieces, threads, repeat)
    yield epoch("epoch, pieces of 20 s in bfloat16", size, FAST, threads, repeat)


def trainings(threads: int, seeds: int, max_epochs: int, cells: int) -> Iterator[dict]:
    """Whole trainings, with the CCC on dev that they reach."""
    size = replace(Size(), cells=cells, spread=0.1)
    for name, training in (
        ("training", Training()),
        ("training, pieces of 20 s", replace(FAST, precision="float32")),
        ("training, pieces of 20 s in bfloat16", FAST),
    ):
        yield whole(name, size, replace(training, max_epochs=max_epochs), threads, seeds)


def rows(setting: Setting) -> list[dict]:
    """Epochs, and the loading of what they learn from."""
    found = list(epochs(2, setting.repeat))
    return [*found, loading(Size(), found[0]["ours"], setting.repeat)]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("--threads", type=int, default=2)
    arguments.add_argument("--repeat", type=int, default=5)
    arguments.add_argument("--seeds", type=int, default=3)
    arguments.add_argument("--max-epochs", type=int, default=20)
    arguments.add_argument("--cells", type=int, default=240, help="of the whole trainings")
    arguments.add_argument("--only", choices=["bare", "ours"], help="print the memory of an epoch")
    arguments.add_argument("--piece", type=float, default=0.0)
    arguments.add_argument("--precision", default="float32")
    options = arguments.parse_args()
    if options.only:
        torch.set_num_threads(options.threads)
        size = Size()
        training = Training(max_epochs=1, piece=options.piece, precision=options.precision)
        if options.only == "bare":
            bare_fit(*corpus(size), training, size)
        else:
            our_fit(*corpus(size), training, size, options.threads)
        print(round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))
        return
    found = []
    for one in (
        *epochs(options.threads, options.repeat),
        *trainings(options.threads, options.seeds, options.max_epochs, options.cells),
    ):
        found.append(one)
        print(markdown(found[-1:]).splitlines()[-1], flush=True)
    found.append(loading(Size(), found[0]["ours"], options.repeat))
    print(markdown(found))
    print(memory(Size(), Training(), options.threads))


if __name__ == "__main__":
    main()
