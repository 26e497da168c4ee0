"""What all networks share: their parameters, the read-out, the scale of the labels, prediction.

A network turns the features of whole recordings into hidden values per frame, which a linear
read-out turns into one output per task: E, sigma, or both for multi-task learning. A head may need
more values of the read-out (:mod:`softaer.networks.heads`). A subclass says how:
:meth:`Network.build` makes its layers, and :meth:`Network.hidden` applies them.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from softaer.core.experiment import RecurrentSettings
from softaer.networks.heads import HEADS, Head

RECURRENT = ("blstm", "gru")
"""Recurrent networks that come with the package."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The parameters needed to build a network.

    Attributes
    ----------
    features
        Number of input features per frame.
    outputs
        Names of the outputs, such as ``arousal_E``.
    network
        Name of the network.
    settings
        Settings of the network, of its class ``Settings``.
    head
        Name of the head, see :mod:`softaer.networks.heads`.
    """

    features: int
    outputs: tuple[str, ...]
    network: str = "blstm"
    settings: Any = RecurrentSettings()  # noqa: RUF009  (frozen)
    head: str = Head.name

    def content(self) -> dict[str, Any]:
        """The parameters as they are stored.

        Recurrent networks have no name there, but the kind of their cells, and the plain head has
        none.
        """
        shape: dict[str, Any] = {"features": self.features, "outputs": self.outputs}
        if self.head != Head.name:
            shape["head"] = self.head
        if self.network in RECURRENT:
            return shape | asdict(self.settings)
        return shape | {"network": self.network, "settings": asdict(self.settings)}


class Network(nn.Module):
    """A network over whole recordings.

    ``target_mean`` and ``target_scale`` convert the read-out to the units of the labels. They are
    computed on the training partition and stored with the weights. ``threads`` is the number of
    threads of recurrent layers on the CPU, up to 2; the results do not depend on it.

    A subclass has ``Settings``, a frozen dataclass with a default for each key, and the two methods
    below. Each frame may depend on all frames of its recording, before and after it, but never on
    padding. Only what ``settings`` and the seed of torch decide may differ between two instances.
    """

    Settings: ClassVar[type]

    FRAMES_AT_ONCE: ClassVar[float] = 100_000
    """Largest number of frames, padding included, that are predicted at once, unless a single
    recording has more. It bounds memory, which grows with them."""

    target_mean: torch.Tensor
    target_scale: torch.Tensor

    def __init__(self, architecture: Architecture, threads: int = 1) -> None:
        super().__init__()
        self.architecture = architecture
        self.threads = threads
        width = self.build(architecture.features, architecture.settings)
        self.head = HEADS[architecture.head]
        self.read_out = nn.Linear(width, self.head.width(len(architecture.outputs)))
        self.register_buffer("target_mean", torch.zeros(len(architecture.outputs)))
        self.register_buffer("target_scale", torch.ones(len(architecture.outputs)))

    def build(self, features: int, settings: Any) -> int:
        """Make the layers, as attributes.

        Parameters
        ----------
        features
            Number of input features per frame.
        settings
            Of the class ``Settings``.

        Returns
        -------
        Number of hidden values per frame.
        """
        raise NotImplementedError

    def hidden(self, values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Hidden values of each frame.

        Parameters
        ----------
        values
            Features, float32, shape (B, T, d), padded at the end.
        known
            bool, shape (B, T); False in padding.

        Returns
        -------
        Shape (B, T, hidden values); padding is undefined.
        """
        raise NotImplementedError

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """The read-out, in units of the training targets' standard deviation.

        Parameters
        ----------
        features
            float32, shape (B, T, d), padded at the end.
        lengths
            Frames of each recording, int64, shape (B,), on the CPU.

        Returns
        -------
        float32, shape (B, T, width of the head); padding is undefined.
        """
        place = torch.arange(features.shape[1], device=features.device)
        return self.read_out(self.hidden(features, place < lengths.to(features.device)[:, None]))

    def alone(self, features: torch.Tensor) -> torch.Tensor:
        """The same for recordings without padding, in operations that ONNX has."""
        known = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
        return self.read_out(self.hidden(features, known))

    def in_units_of_labels(self, values: torch.Tensor) -> torch.Tensor:
        """Outputs, shape (B, T, outputs), from the read-out, shape (B, T, width of the head)."""
        outputs = self.head.moments(values, len(self.architecture.outputs))
        return outputs * self.target_scale + self.target_mean

    @property
    def weights(self) -> int:
        """Number of trainable weights."""
        return sum(parameter.numel() for parameter in self.parameters())

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
        for together in _batches(sequences, at_once, self.FRAMES_AT_ONCE):
            some = [torch.from_numpy(s) for s in together]
            lengths = torch.tensor([len(s) for s in some])
            values = self(pad_sequence(some, batch_first=True).to(device), lengths)
            outputs = self.in_units_of_labels(values).cpu().numpy()
            out += [o[:n] for o, n in zip(outputs, lengths.tolist(), strict=True)]
        return out


def _batches(
    sequences: list[np.ndarray], at_once: int, frames: float
) -> Iterator[list[np.ndarray]]:
    """Consecutive recordings, at most ``at_once`` and at most so many frames with padding."""
    some: list[np.ndarray] = []
    for sequence in sequences:
        longest = max(map(len, (*some, sequence)))
        if some and (len(some) == at_once or (len(some) + 1) * longest > frames):
            yield some
            some = []
        some.append(sequence)
    if some:
        yield some
