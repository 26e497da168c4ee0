"""The recurrent network: a stack of bidirectional LSTM layers and a linear read-out per frame.

The network of "From Hard to Soft" has two hidden layers of 240 cells and one output per task: E,
sigma, or both for multi-task learning. A model is stored as safetensors with a JSON description
of its training; nothing is unpickled.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence

from softaer.core.errors import InputError
from softaer.core.experiment import Model
from softaer.core.files import complete
from softaer.networks.recurrence import bidirectional

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
"""Recurrent layers by the kind of their cells."""


@dataclass(frozen=True, kw_only=True)
class Architecture(Model):
    """The parameters needed to build a network.

    Attributes
    ----------
    features
        Number of input features per frame.
    outputs
        Names of the outputs, such as ``arousal_E``.
    """

    features: int
    outputs: tuple[str, ...]

    def content(self) -> dict[str, Any]:
        """The parameters as they are stored."""
        return dict.fromkeys(("features", "outputs")) | asdict(self)


class Recurrent(nn.Module):
    """Bidirectional recurrent layers over whole recordings.

    ``target_mean`` and ``target_scale`` convert the read-out to the units of the labels. They are
    computed on the training partition and stored with the weights. ``threads`` is the number of
    threads of the recurrent layers on the CPU, up to 2; the results do not depend on it.
    """

    target_mean: torch.Tensor
    target_scale: torch.Tensor

    def __init__(self, architecture: Architecture, threads: int = 1) -> None:
        super().__init__()
        self.architecture = architecture
        self.threads = threads
        self.recurrent = CELLS[architecture.cell](
            architecture.features,
            architecture.cells,
            architecture.layers,
            batch_first=True,
            dropout=architecture.dropout,
            bidirectional=True,
        )
        self.read_out = nn.Linear(2 * architecture.cells, len(architecture.outputs))
        self.register_buffer("target_mean", torch.zeros(len(architecture.outputs)))
        self.register_buffer("target_scale", torch.ones(len(architecture.outputs)))

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Outputs in units of the training targets' standard deviation.

        Parameters
        ----------
        features
            float32, shape (B, T, d), padded at the end.
        lengths
            Frames of each recording, int64, shape (B,), on the CPU.

        Returns
        -------
        float32, shape (B, T, outputs); padding is undefined.
        """
        if features.is_cuda:
            return self.read_out(self._packed(features, lengths))
        return self.read_out(self._padded(features, lengths.tolist()))

    def _packed(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Hidden states of the last layer in one call, which is fast with cuDNN."""
        packed = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=features.shape[1]
        )
        return hidden

    def _padded(self, hidden: torch.Tensor, lengths: list[int]) -> torch.Tensor:
        """The same layer by layer, see :mod:`softaer.networks.recurrence`."""
        for layer in range(self.architecture.layers):
            if layer:
                hidden = nn.functional.dropout(hidden, self.architecture.dropout, self.training)
            weights = [
                [
                    getattr(self.recurrent, f"{name}_l{layer}{direction}")
                    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                ]
                for direction in ("", "_reverse")
            ]
            hidden = bidirectional(self.architecture.cell, hidden, lengths, weights, self.threads)
        return hidden

    @torch.no_grad()
    def predict(self, sequences: list[np.ndarray], at_once: int = 16) -> list[np.ndarray]:
        """Predictions in the units of the labels.

        Parameters
        ----------
        sequences
            Features of each recording, float32, shape (T_i, d).
        at_once
            Number of recordings that the network processes together.

        Returns
        -------
        float32 arrays of shape (T_i, outputs).
        """
        self.eval()
        device = self.target_mean.device
        out = []
        for start in range(0, len(sequences), at_once):
            some = [torch.from_numpy(s) for s in sequences[start : start + at_once]]
            lengths = torch.tensor([len(s) for s in some])
            outputs = self(pad_sequence(some, batch_first=True).to(device), lengths)
            outputs = (outputs * self.target_scale + self.target_mean).cpu().numpy()
            out += [o[:n] for o, n in zip(outputs, lengths.tolist(), strict=True)]
        return out


def make_deterministic(seed: int) -> torch.Generator:
    """Seed torch and allow only deterministic operations.

    Returns
    -------
    A generator on the CPU with the same seed, so that random numbers do not depend on the device.
    """
    # cuBLAS is deterministic only with a workspace of fixed size, chosen before CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # As use_deterministic_algorithms for code that is not compiled, without importing torch's
    # compiler, which takes a second.
    torch.set_deterministic_debug_mode("error")
    # Every operation here writes its whole output, so there is no need to fill it first.
    # The module has a class of its own, which is not seen from outside.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def pick_device() -> torch.device:
    """CUDA if available, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def save_model(model: Recurrent, training: dict, weights: Path, description: Path) -> None:
    """Write the weights (safetensors) and the description of their training (JSON)."""
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    with complete(weights) as partial:
        partial.write_bytes(save(state))
    content = {"architecture": model.architecture.content(), "training": training}
    with complete(description) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def load_model(weights: Path, description: Path) -> Recurrent:
    """Load a model.

    Raises
    ------
    InputError
        If a file was not written by :func:`save_model`, or the two do not belong together.
    """
    try:
        architecture = json.loads(Path(description).read_text())["architecture"]
        architecture["outputs"] = tuple(architecture["outputs"])
        model = Recurrent(Architecture(**architecture))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{description}: not the description of a model: {error}") from error
    try:
        model.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{weights}: not the weights of {description}: {error}") from error
    return model
