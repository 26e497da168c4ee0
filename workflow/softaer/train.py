"""Training: a network learns E, sigma or both from one modality.

The loss is w_E L_E + w_sigma L_sigma with w_E + w_sigma = 2; single-task learning is (2, 0) or
(0, 2) (Han et al., 2017). L is the mean squared error, or 1 - CCC (Trigeorgis et al., 2016). The
weights may be learnt instead: sum_i exp(-s_i) L_i + s_i with s_i = log of the variance of the
task's noise (Kendall, Gal & Cipolla, 2018). Or the likelihood of the single ratings is maximised
(:class:`softaer.networks.objectives.PanelLikelihood`). Recordings are padded to the longest of a
mini-batch and masked. They may be cut into pieces, which are processed in parallel. Every few
steps, the CCC on the development partition decides which weights are kept, and when training stops.
Lengths of training are counted in steps of the optimiser, because an epoch has few steps in a small
corpus and many in a large one.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch.nn.utils.rnn import pad_sequence

from softaer.core import cli, tables
from softaer.core.concordance import ccc_of_recordings
from softaer.core.errors import InputError
from softaer.core.experiment import OF_ANY_NETWORK, Model, Training
from softaer.core.grid import RATE
from softaer.core.schema import LEARNING_CURVE
from softaer.core.tasks import JOIN, OBJECTIVES, TARGETS, output_names
from softaer.corpus import rated, read_recordings
from softaer.networks.allocation import give_back_freed_memory
from softaer.networks.architectures import (
    build,
    make_deterministic,
    pick_device,
    register,
    save_model,
    settings_of,
)
from softaer.networks.network import Architecture, Network
from softaer.networks.objectives import LOSSES, Frames, Objective
from softaer.networks.precision import computed
from softaer.networks.sequences import RecordingSequence, load_sequences, with_panel

STEPS_OF_MEMORY = 50
"""Steps for which freed memory is kept, because requesting it again takes as long as a step."""


def score(
    model: Network, sequences: Sequence[RecordingSequence], over: str = Training.score
) -> list[float]:
    """CCC of each output: over the concatenated ``frames``, or the mean over ``recordings``."""
    predictions = model.predict([s.features for s in sequences])
    targets = [s.targets for s in sequences]
    if over == "frames":
        predictions, targets = [np.concatenate(predictions)], [np.concatenate(targets)]
    of_outputs = (
        ([y[:, column] for y in targets], [x[:, column] for x in predictions])
        for column in range(targets[0].shape[1])
    )
    return [ccc_of_recordings(*series) for series in of_outputs]


def fit(
    train: Sequence[RecordingSequence],
    dev: Sequence[RecordingSequence],
    outputs: Sequence[str],
    training: Training,
    settings: Any,
    seed: int,
    threads: int = 1,
    report: Callable[[str], None] = lambda line: None,
    network: str = "blstm",
) -> tuple[Network, pd.DataFrame]:
    """Train one network.

    Parameters
    ----------
    train, dev
        Recordings for training and for early stopping.
    outputs
        Names of the sequences' targets, such as ``arousal_E``.
    training
        Training settings.
    settings
        Settings of the network, see :func:`softaer.networks.architectures.settings_of`.
    seed
        Seed of the weights, the order of the recordings and the noise.
    threads
        See :class:`softaer.networks.network.Network`.
    report
        Called with a line after each evaluation on dev, see :func:`progress`.
    network
        Name of the network.

    Returns
    -------
    model
        The network with the weights of the best evaluation.
    curve
        ``step``, ``train_loss`` (mean since the last evaluation), ``output``, ``dev_ccc``,
        ``best``: one row per evaluation and output.

    Raises
    ------
    InputError
        If a partition is empty or has no label for an output, or if the loss needs single ratings
        and E and sigma, and there are only some of them.
    """
    _require_labels(train, "train", outputs)
    _require_labels(dev, "dev", outputs)
    if LOSSES[training.loss].needs_panel:
        _require_panels(train, training.loss, outputs)
    generator = make_deterministic(seed)
    device = pick_device()
    if computed(training.precision, device) != training.precision:
        report(f"this {device.type} has no instructions for {training.precision}: float32 is used")

    width = train[0].features.shape[1]
    architecture = Architecture(
        features=width,
        outputs=tuple(outputs),
        network=network,
        settings=settings,
        head=LOSSES[training.loss].head.name,
    )
    model = build(architecture, threads)
    if training.standardise_targets:
        _standardise_targets(model, train)
    model.to(device)
    objective = LOSSES[training.loss](training, outputs, device)
    groups: list[dict[str, Any]] = [
        {"params": model.parameters(), "weight_decay": training.weight_decay},
        {"params": objective.parameters()},
    ]
    optimiser = torch.optim.Adam(groups, training.learning_rate)
    pieces = [cut(sequence, training.piece) for sequence in train]

    steps = _steps(model, optimiser, objective, pieces, training, generator)
    rows: list[tuple[int, float, str, float]] = []
    started, best, best_step = time.monotonic(), -np.inf, 0
    best_state: dict[str, torch.Tensor] = {}
    for step in evaluations(training):
        loss = float(np.mean(list(islice(steps, step - (rows[-1][0] if rows else 0)))))
        scores = score(model, dev, training.score)
        # A constant prediction and constant labels have no CCC, which is no reason to keep weights.
        mean = float(np.mean(np.nan_to_num(scores, nan=-1.0)))
        rows += [(step, loss, o, s) for o, s in zip(outputs, scores, strict=True)]
        if mean > best:
            best, best_step = mean, step
            best_state = {name: value.clone() for name, value in model.state_dict().items()}
        seconds = time.monotonic() - started
        report(progress(training, step, loss, float(np.mean(scores)), best, best_step, seconds))
        if step - best_step >= training.patience:
            break
    model.load_state_dict(best_state)
    curve = pd.DataFrame(rows, columns=["step", "train_loss", "output", "dev_ccc"])
    return model, curve.assign(best=curve["step"] == best_step)


def evaluations(training: Training) -> Iterator[int]:
    """Steps after which the network is evaluated on dev, the last one included.

    Examples
    --------
    >>> list(evaluations(Training(max_steps=25, evaluate_every=10)))
    [10, 20, 25]
    """
    yield from range(training.evaluate_every, training.max_steps, training.evaluate_every)
    yield training.max_steps


def _standardise_targets(model: Network, train: Sequence[RecordingSequence]) -> None:
    """Set the mean and scale of the targets, which a network learns in standardised units."""
    targets = np.concatenate([s.targets for s in train]).astype(np.float64)
    scale = np.nanstd(targets, axis=0)
    units = np.nanmean(targets, axis=0), np.where(scale > 0, scale, 1.0)
    mean, scale = model.head.units(*map(torch.from_numpy, units))
    model.target_mean.copy_(mean)
    model.target_scale.copy_(scale)


def _steps(
    model: Network,
    optimiser: torch.optim.Optimizer,
    objective: Objective,
    pieces: Sequence[Sequence[RecordingSequence]],
    training: Training,
    generator: torch.Generator,
) -> Iterator[float]:
    """Take a step with one mini-batch after the other, without end, and give the loss of each.

    All recordings come once, in random order, before any comes again.
    """
    device = model.target_mean.device
    bfloat16 = computed(training.precision, device) == "bfloat16"
    half = torch.autocast(device.type, torch.bfloat16, enabled=bfloat16)
    for step, chosen in enumerate(_mini_batches(len(pieces), training.batch_size, generator), 1):
        model.train()
        some = [piece for recording in chosen for piece in pieces[recording]]
        features, frames, lengths = _collate(some, model)
        noise = torch.randn(features.shape, generator=generator).to(device)
        features = features + training.input_noise * noise
        with half:
            values = model(features, lengths)
        loss = objective(values.float(), frames)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), training.max_gradient_norm)
        optimiser.step()
        if step % STEPS_OF_MEMORY == 0:
            give_back_freed_memory()
        yield loss.item()


def _mini_batches(count: int, size: int, generator: torch.Generator) -> Iterator[list[int]]:
    """Numbers of the recordings in each mini-batch; the last one of each round may be smaller."""
    while True:
        order = torch.randperm(count, generator=generator)
        yield from (some.tolist() for some in order.split(size))


def cut(sequence: RecordingSequence, seconds: float) -> list[RecordingSequence]:
    """Cut a recording into consecutive pieces of equal length, as close to ``seconds`` as possible.

    With 0 seconds it stays whole. Lengths differ by at most one frame.
    """
    count = round(len(sequence) / RATE / seconds) if seconds else 1
    count = min(max(count, 1), len(sequence))
    edges = [len(sequence) * k // count for k in range(count + 1)]
    return [
        replace(
            sequence,
            features=sequence.features[a:b],
            present=sequence.present[a:b],
            labelled=sequence.labelled[a:b],
            targets=sequence.targets[a:b],
            panel=None if sequence.panel is None else sequence.panel[a:b],
        )
        for a, b in pairwise(edges)
    ]


def progress(
    training: Training,
    step: int,
    loss: float,
    score: float,
    best: float,
    best_step: int,
    seconds: float,
) -> str:
    """Line about an evaluation: loss and CCC, the best CCC, and the longest remaining time.

    Parameters
    ----------
    training
        Training settings.
    step
        Steps so far.
    loss
        Mean over the mini-batches since the last evaluation.
    score, best
        CCC on dev, mean over the outputs, now and at its best.
    best_step
        The step with the best CCC so far.
    seconds
        Duration of the training so far [s].

    Returns
    -------
    A line such as ``step 60 of at most 400: loss 0.412, dev CCC 0.531 (best 0.540 at step 50),
    5.1 s, at most 29 s left``. Training may stop before that time.
    """
    left = round((training.max_steps - step) * seconds / step)
    words = f"{left // 60} min {left % 60} s" if left >= 60 else f"{left} s"
    return (
        f"step {step} of at most {training.max_steps}: loss {loss:.3f}, dev CCC {score:.3f} "
        f"(best {best:.3f} at step {best_step}), {seconds:.1f} s, at most {words} left"
    )


def _require_labels(
    sequences: Sequence[RecordingSequence],
    partition: str,
    outputs: Sequence[str],
) -> None:
    for column, name in enumerate(outputs):
        frames = sum(int((s.present & ~np.isnan(s.targets[:, column])).sum()) for s in sequences)
        if frames == 0:
            raise InputError(
                f"partition {partition!r}: {len(sequences)} recordings, but no frame with both "
                f"features and a label of {name}; expected at least one"
                + (" (sigma needs two raters at a time)" if name.endswith("_sigma") else "")
            )


def _require_panels(
    sequences: Sequence[RecordingSequence], loss: str, outputs: Sequence[str]
) -> None:
    targets = [output.rpartition("_")[2] for output in outputs]
    if targets != list(TARGETS) * (len(targets) // 2):
        raise InputError(
            f"loss {loss!r}: found the outputs {list(outputs)}; expected E and sigma of each "
            "dimension, whose likelihood it is"
        )
    without = [s.recording for s in sequences if s.panel is None]
    if without:
        raise InputError(
            f"loss {loss!r}: recording {without[0]!r} comes without its single ratings; expected "
            "the results of the stage panel_moments (--panels)"
        )


def _collate(
    sequences: Sequence[RecordingSequence], model: Network
) -> tuple[torch.Tensor, Frames, torch.Tensor]:
    """Pad recordings to features (B, T, d), frames in the network's units, and lengths (B,)."""
    device = model.target_mean.device
    features = pad_sequence([torch.from_numpy(s.features) for s in sequences], batch_first=True)
    targets = pad_sequence(
        [torch.from_numpy(s.targets) for s in sequences],
        batch_first=True,
        padding_value=torch.nan,
    )
    present = pad_sequence([torch.from_numpy(s.present) for s in sequences], batch_first=True)
    mask = present[:, :, None] & ~torch.isnan(targets)
    targets = (targets.nan_to_num().to(device) - model.target_mean) / model.target_scale
    lengths = torch.tensor([len(s) for s in sequences])
    panel = _collate_panels(sequences, mask, model)
    return features.to(device), Frames(targets, mask.to(device), panel), lengths


def _collate_panels(
    sequences: Sequence[RecordingSequence], mask: torch.Tensor, model: Network
) -> torch.Tensor | None:
    """Pad what is known of the single ratings, see :class:`Frames`; a frame counts if E does."""
    panels = [torch.from_numpy(s.panel) for s in sequences if s.panel is not None]
    if not panels:
        return None
    panel = pad_sequence(panels, batch_first=True).to(model.target_mean.device)
    number, mean, squares = panel.unbind(-1)
    # E and sigma of a dimension follow each other; ratings are in units of E.
    zero, unit = model.target_mean[0::2], model.target_scale[0::2]
    number = torch.where(mask[..., 0::2].to(number.device), number, 0.0)
    return torch.stack([number, (mean - zero) / unit, squares / unit**2], dim=-1)


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--panels", type=Path, help="folder of batches, for the loss 'panel'")
    arguments.add_argument("--scope", required=True, help="dimensions, joined by '+'")
    arguments.add_argument("--objective", choices=OBJECTIVES, required=True)
    arguments.add_argument("--seed", type=int, required=True)
    cli.add_settings(arguments, Model)
    cli.add_settings(arguments, Training)
    arguments.add_argument("--threads", type=int, default=1, help="on the CPU; up to 2 are used")
    cli.add_output(arguments, "--weights-output")
    cli.add_output(arguments, "--description-output")
    cli.add_output(arguments, "--curve-output")
    options = arguments.parse_args()

    model_options = cli.settings(options, Model)
    network, given = model_options.network, dict(model_options.settings)
    if model_options.network_file is not None:
        register(Path(model_options.network_file))
    # Only what is said: other keys have the default of the network.
    for key in fields(Model):
        if key.name not in OF_ANY_NETWORK and hasattr(options, key.name):
            given[key.name] = getattr(options, key.name)
    # Sums over frames depend on the number of threads; those of the recurrent layers do not.
    torch.set_num_threads(1)
    training = cli.settings(options, Training)
    names = output_names(options.scope, options.objective)
    recordings = rated(read_recordings(options.recordings))
    train, dev = (
        list(load_sequences(options.dataset, [r for r in recordings if r.partition == p], names))
        for p in ("train", "dev")
    )
    if LOSSES[training.loss].needs_panel and options.panels is not None:
        of_train = [r for r in recordings if r.partition == "train"]
        moments = dict(list(tables.read_batches(options.panels, of_train).groupby("recording")))
        dimensions = options.scope.split(JOIN)
        train = [with_panel(s, moments[s.recording], dimensions) for s in train]
    started = time.monotonic()
    model, curve = fit(
        train,
        dev,
        names,
        training,
        settings_of(network, given),
        options.seed,
        options.threads,
        report=partial(print, flush=True),
        network=network,
    )
    best = curve[curve["best"]].set_index("output")["dev_ccc"]
    print(
        f"{curve['step'].max()} steps in "
        f"{time.monotonic() - started:.1f} s on {pick_device()}; "
        f"{network} with {model.weights} weights; dev CCC "
        + ", ".join(f"{name} {value:.3f}" for name, value in best.items())
    )
    description = {"seed": options.seed} | asdict(training)
    description["precision"] = computed(training.precision, pick_device())
    save_model(model, description, options.weights_output, options.description_output)
    tables.write(curve, LEARNING_CURVE, options.curve_output)


if __name__ == "__main__":
    cli.run(main)
