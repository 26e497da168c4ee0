"""The temporal convolutional network: residual blocks of dilated convolutions.

As in Bai, Kolter & Koltun (2018), but not causal: a frame sees as far ahead as back. Blocks are
those of Abu Farha & Gall (2019): a dilated convolution and a linear layer beside a shortcut, here
after a normalisation of each frame. The distance between the frames that a convolution sees doubles
from block to block, so L blocks with kernel k see (k - 1) (2^L - 1) / 2 frames in either direction:
25.5 s with the defaults.
"""

import torch
from torch import nn

from softaer.core.experiment import ConvolutionSettings
from softaer.networks.network import Network


class Convolutional(Network):
    """Dilated convolutions over whole recordings."""

    Settings = ConvolutionSettings

    def build(self, features: int, settings: ConvolutionSettings) -> int:
        self.enter = nn.Linear(features, settings.cells)
        self.blocks = nn.ModuleList(
            Block(settings.cells, settings.kernel, 2**level, settings.dropout)
            for level in range(settings.layers)
        )
        self.normalise = nn.LayerNorm(settings.cells)
        return settings.cells

    def hidden(self, values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        values = self.enter(values)
        for block in self.blocks:
            values = block(values, known)
        return self.normalise(values)


class Block(nn.Module):
    """A residual block.

    Parameters
    ----------
    cells
        Values per frame, before and after.
    kernel
        Frames that the convolution sees, an odd number.
    dilation
        Distance between them [frames].
    dropout
        Share of the values that are dropped in training.
    """

    def __init__(self, cells: int, kernel: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.normalise = nn.LayerNorm(cells)
        reach = dilation * (kernel - 1) // 2
        self.convolution = nn.Conv1d(cells, cells, kernel, padding=reach, dilation=dilation)
        self.linear = nn.Linear(cells, cells)
        self.dropout = nn.Dropout(dropout)

    def forward(self, values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Values of the same shape (B, T, cells)."""
        normal = self.normalise(values)
        # Beyond its end, a recording is followed by zeros, as if it were alone.
        seen = torch.where(known[..., None], normal, torch.zeros_like(normal))
        found = self.convolution(seen.transpose(1, 2)).transpose(1, 2).relu()
        return values + self.dropout(self.linear(found))
