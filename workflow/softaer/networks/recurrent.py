"""The recurrent networks: bidirectional LSTM or GRU layers.

The network of "From Hard to Soft" has two hidden layers of 240 LSTM cells.
"""

import math

import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from softaer.core.experiment import RecurrentSettings
from softaer.networks.network import Network
from softaer.networks.recurrence import bidirectional

CELLS = {"lstm": nn.LSTM, "gru": nn.GRU}
"""Recurrent layers by the kind of their cells."""


class Recurrent(Network):
    """Bidirectional recurrent layers (Schuster & Paliwal, 1997) over whole recordings."""

    Settings = RecurrentSettings
    FRAMES_AT_ONCE = math.inf  # as before there were other networks

    def build(self, features: int, settings: RecurrentSettings) -> int:
        self.settings = settings
        self.recurrent = CELLS[settings.cell](
            features,
            settings.cells,
            settings.layers,
            batch_first=True,
            dropout=settings.dropout,
            bidirectional=True,
        )
        return 2 * settings.cells

    def forward(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        if features.is_cuda:
            return self.read_out(self._packed(features, lengths))
        return self.read_out(self._padded(features, lengths.tolist()))

    def alone(self, features: torch.Tensor) -> torch.Tensor:
        return self.read_out(self.recurrent(features)[0])

    def _packed(self, features: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """Hidden states of the last layer in one call, which is fast with cuDNN."""
        packed = pack_padded_sequence(features, lengths, batch_first=True, enforce_sorted=False)
        hidden, _ = pad_packed_sequence(
            self.recurrent(packed)[0], batch_first=True, total_length=features.shape[1]
        )
        return hidden

    def _padded(self, hidden: torch.Tensor, lengths: list[int]) -> torch.Tensor:
        """The same layer by layer, see :mod:`softaer.networks.recurrence`."""
        for layer in range(self.settings.layers):
            if layer:
                hidden = nn.functional.dropout(hidden, self.settings.dropout, self.training)
            weights = [
                [
                    getattr(self.recurrent, f"{name}_l{layer}{direction}")
                    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
                ]
                for direction in ("", "_reverse")
            ]
            hidden = bidirectional(self.settings.cell, hidden, lengths, weights, self.threads)
        return hidden
