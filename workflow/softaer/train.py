"""Training: a BLSTM learns E, sigma or both from one modality.

The loss is w_E MSE_E + w_sigma MSE_sigma with w_E + w_sigma = 2; single-task learning is (2, 0)
or (0, 2) (Han et al., 2017). Recordings are padded to the longest of a mini-batch and masked.
After each epoch the CCC over the development partition decides which weights are kept, and when
to stop.
"""

import time
from argparse import BooleanOptionalAction
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch.nn.utils.rnn import pad_sequence

from softaer import cli, tables
from softaer.concordance import ccc
from softaer.corpus import rated, read_recordings
from softaer.errors import InputError
from softaer.model import Architecture, Blstm, make_deterministic, pick_device, save_model
from softaer.schema import LEARNING_CURVE
from softaer.sequences import RecordingSequence, load_sequences
from softaer.tasks import OBJECTIVES, TARGETS


@dataclass(frozen=True)
class Training:
    """How a network is trained.

    Attributes
    ----------
    seed
        Of the weights, the order of the recordings and the noise.
    learning_rate
        Of Adam.
    batch_size
        Recordings per step.
    max_epochs, patience
        Training ends after so many epochs, or so many without a better CCC on dev.
    input_noise
        Standard deviation of Gaussian noise added to the standardised features.
    weight_decay
        L2 penalty of Adam.
    max_gradient_norm
        Gradients longer than this are shortened.
    weight_sigma
        w_sigma of multi-task learning, between 0 and 2; w_E is 2 - w_sigma.
    standardise_targets
        Learn the targets in units of their standard deviation on the training partition, so that
        the weights compare E and sigma on one scale; otherwise in units of the labels.
    """

    seed: int = 1
    learning_rate: float = 1e-3
    batch_size: int = 4
    max_epochs: int = 20
    patience: int = 5
    input_noise: float = 0.1
    weight_decay: float = 0.0
    max_gradient_norm: float = 1.0
    weight_sigma: float = 1.0
    standardise_targets: bool = True

    def task_weights(self, outputs: Sequence[str]) -> tuple[float, ...]:
        """Weights of the outputs' losses; they sum to 2."""
        if len(outputs) == 1:
            return (2.0,)
        weight = {"E": 2.0 - self.weight_sigma, "sigma": self.weight_sigma}
        return tuple(weight[name] for name in outputs)


def masked_mse(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean squared error per output over the frames that count.

    Parameters
    ----------
    outputs, targets
        Shape (B, T, outputs).
    mask
        bool, same shape; False in padding and where a label or the features are missing.

    Returns
    -------
    Shape (outputs,); 0 for an output without any frame.
    """
    errors = torch.where(mask, outputs - targets, 0.0) ** 2
    return errors.sum((0, 1)) / mask.sum((0, 1)).clamp(min=1)


def score(
    model: Blstm, sequences: Sequence[RecordingSequence], columns: Sequence[int]
) -> list[float]:
    """CCC of each output over the concatenated frames of some recordings."""
    predictions = np.concatenate(model.predict([s.features for s in sequences]))
    targets = np.concatenate([s.targets[:, columns] for s in sequences])
    return [ccc(targets[:, i], predictions[:, i]) for i in range(len(columns))]


def fit(
    train: Sequence[RecordingSequence],
    dev: Sequence[RecordingSequence],
    outputs: Sequence[str],
    training: Training,
    layers: int = 2,
    cells: int = 240,
    dropout: float = 0.0,
) -> tuple[Blstm, pd.DataFrame]:
    """Train one network.

    Parameters
    ----------
    train, dev
        Recordings to learn from, and to stop by.
    outputs
        ``E`` and/or ``sigma``.
    training
        How to train.
    layers, cells, dropout
        See :class:`softaer.model.Architecture`.

    Returns
    -------
    model
        With the weights of the best epoch.
    curve
        ``epoch``, ``train_loss``, ``target``, ``dev_ccc``, ``best``: one row per epoch and output.

    Raises
    ------
    InputError
        If a partition is empty or an output has no label on it.
    """
    columns = [TARGETS.index(name) for name in outputs]
    _require_labels(train, "train", outputs, columns)
    _require_labels(dev, "dev", outputs, columns)
    generator = make_deterministic(training.seed)
    device = pick_device()

    model = Blstm(Architecture(train[0].features.shape[1], tuple(outputs), layers, cells, dropout))
    if training.standardise_targets:
        targets = np.concatenate([s.targets[:, columns] for s in train]).astype(np.float64)
        scale = np.nanstd(targets, axis=0)
        model.target_mean.copy_(torch.from_numpy(np.nanmean(targets, axis=0)))
        model.target_scale.copy_(torch.from_numpy(np.where(scale > 0, scale, 1.0)))
    model.to(device)
    optimiser = torch.optim.Adam(
        model.parameters(), training.learning_rate, weight_decay=training.weight_decay
    )
    weights = torch.tensor(training.task_weights(outputs), device=device)

    rows, best, best_epoch, best_state = [], -np.inf, 0, None
    for epoch in range(1, training.max_epochs + 1):
        model.train()
        losses = []
        order = torch.randperm(len(train), generator=generator).tolist()
        for start in range(0, len(order), training.batch_size):
            some = [train[i] for i in order[start : start + training.batch_size]]
            features, targets, mask, lengths = _collate(some, columns, device)
            features = features + training.input_noise * torch.randn(
                features.shape, generator=generator
            ).to(device)
            targets = (targets - model.target_mean) / model.target_scale
            loss = (weights * masked_mse(model(features, lengths), targets, mask)).sum()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), training.max_gradient_norm)
            optimiser.step()
            losses.append(loss.item())
        scores = score(model, dev, columns)
        # A constant prediction against constant labels has no CCC; it is no reason to keep weights.
        mean = float(np.mean(np.nan_to_num(scores, nan=-1.0)))
        rows += [(epoch, np.mean(losses), o, s) for o, s in zip(outputs, scores, strict=True)]
        if mean > best:
            best, best_epoch = mean, epoch
            best_state = {name: value.clone() for name, value in model.state_dict().items()}
        elif epoch - best_epoch >= training.patience:
            break
    model.load_state_dict(best_state)
    curve = pd.DataFrame(rows, columns=["epoch", "train_loss", "target", "dev_ccc"])
    return model, curve.assign(best=curve["epoch"] == best_epoch)


def _require_labels(
    sequences: Sequence[RecordingSequence],
    partition: str,
    outputs: Sequence[str],
    columns: Sequence[int],
) -> None:
    for name, column in zip(outputs, columns, strict=True):
        frames = sum(int((s.present & ~np.isnan(s.targets[:, column])).sum()) for s in sequences)
        if frames == 0:
            raise InputError(
                f"partition {partition!r}: {len(sequences)} recordings, but no frame that has both "
                f"features and a label of {name}; expected some"
            )


def _collate(
    sequences: Sequence[RecordingSequence], columns: Sequence[int], device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pad recordings to features (B, T, d), targets and mask (B, T, outputs), lengths (B,)."""
    features = pad_sequence([torch.from_numpy(s.features) for s in sequences], batch_first=True)
    targets = pad_sequence(
        [torch.from_numpy(s.targets[:, columns]) for s in sequences],
        batch_first=True,
        padding_value=torch.nan,
    )
    present = pad_sequence([torch.from_numpy(s.present) for s in sequences], batch_first=True)
    mask = present[:, :, None] & ~torch.isnan(targets)
    lengths = torch.tensor([len(s) for s in sequences])
    return features.to(device), targets.nan_to_num().to(device), mask.to(device), lengths


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--dimension", required=True)
    arguments.add_argument("--objective", choices=OBJECTIVES, required=True)
    default = Training()
    arguments.add_argument("--seed", type=int, default=default.seed)
    arguments.add_argument("--layers", type=int, default=2)
    arguments.add_argument("--cells", type=int, default=240)
    arguments.add_argument("--dropout", type=float, default=0.0)
    arguments.add_argument("--learning-rate", type=float, default=default.learning_rate)
    arguments.add_argument("--batch-size", type=int, default=default.batch_size)
    arguments.add_argument("--max-epochs", type=int, default=default.max_epochs)
    arguments.add_argument("--patience", type=int, default=default.patience)
    arguments.add_argument("--input-noise", type=float, default=default.input_noise)
    arguments.add_argument("--weight-decay", type=float, default=default.weight_decay)
    arguments.add_argument("--max-gradient-norm", type=float, default=default.max_gradient_norm)
    arguments.add_argument("--weight-sigma", type=float, default=default.weight_sigma)
    arguments.add_argument(
        "--standardise-targets",
        action=BooleanOptionalAction,
        default=default.standardise_targets,
    )
    arguments.add_argument("--threads", type=int, default=1, help="of torch on the CPU")
    cli.add_output(arguments, "--weights-output")
    cli.add_output(arguments, "--description-output")
    cli.add_output(arguments, "--curve-output")
    options = arguments.parse_args()

    torch.set_num_threads(options.threads)
    training = Training(
        seed=options.seed,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        max_epochs=options.max_epochs,
        patience=options.patience,
        input_noise=options.input_noise,
        weight_decay=options.weight_decay,
        max_gradient_norm=options.max_gradient_norm,
        weight_sigma=options.weight_sigma,
        standardise_targets=options.standardise_targets,
    )
    recordings = rated(read_recordings(options.recordings))
    train, dev = (
        list(
            load_sequences(
                options.dataset, [r for r in recordings if r.partition == p], options.dimension
            )
        )
        for p in ("train", "dev")
    )
    started = time.monotonic()
    outputs = OBJECTIVES[options.objective]
    model, curve = fit(
        train, dev, outputs, training, options.layers, options.cells, options.dropout
    )
    best = curve[curve["best"]].set_index("target")["dev_ccc"]
    print(
        f"{options.dimension}, {options.objective}: {curve['epoch'].max()} epochs in "
        f"{time.monotonic() - started:.1f} s on {pick_device()}; dev CCC "
        + ", ".join(f"{name} {value:.3f}" for name, value in best.items())
    )
    description = {
        "dimension": options.dimension,
        "task_weights": training.task_weights(outputs),
        **asdict(training),
    }
    save_model(model, description, options.weights_output, options.description_output)
    tables.write(curve, LEARNING_CURVE, options.curve_output)


if __name__ == "__main__":
    cli.run(main)
