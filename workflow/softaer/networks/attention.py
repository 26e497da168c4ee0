"""The network with self-attention: a Transformer encoder whose frames attend within a window.

Layers are those of Vaswani et al. (2017), with the normalisation before each part (Xiong et al.,
2020). Each frame attends to the frames up to ``reach`` seconds before and after it (as in
Longformer, Beltagy, Peters & Cohan, 2020), so memory grows with the length of a recording and not
with its square. The window is cut out of blocks, a block with both of its neighbours at a time, and
at most :data:`SCORES_AT_ONCE` weights are in memory at once; in training, the weights of longer
batches are computed again for the gradients.

Positions enter as a bias of each head for each distance, learnt, which works for any length. It
starts as the linear penalty of Press, Smith & Lewis (2022), in both directions.
"""

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from softaer.core.experiment import AttentionSettings
from softaer.core.grid import RATE
from softaer.networks.network import Network

SCORES_AT_ONCE = 2**23
"""Largest number of attention weights that are computed at once; they need 32 MiB a few times."""


class Attention(Network):
    """Layers of self-attention over whole recordings."""

    Settings = AttentionSettings

    def build(self, features: int, settings: AttentionSettings) -> int:
        self.enter = nn.Linear(features, settings.cells)
        self.layers = nn.ModuleList(Layer(settings) for _ in range(settings.layers))
        self.normalise = nn.LayerNorm(settings.cells)
        return settings.cells

    def hidden(self, values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        values = self.enter(values)
        for layer in self.layers:
            values = layer(values, known)
        return self.normalise(values)


class Layer(nn.Module):
    """Attention, then two linear layers, each beside a shortcut."""

    def __init__(self, settings: AttentionSettings) -> None:
        super().__init__()
        cells = settings.cells
        self.before = nn.LayerNorm(cells)
        self.attention = LocalAttention(cells, settings.heads, round(settings.reach * RATE))
        self.between = nn.LayerNorm(cells)
        self.linear = nn.Sequential(
            nn.Linear(cells, 4 * cells), nn.GELU(), nn.Linear(4 * cells, cells)
        )
        self.dropout = nn.Dropout(settings.dropout)

    def forward(self, values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Values of the same shape (B, T, cells)."""
        values = values + self.dropout(self.attention(self.before(values), known))
        return values + self.dropout(self.linear(self.between(values)))


class LocalAttention(nn.Module):
    """Self-attention of several heads within a window.

    Parameters
    ----------
    cells
        Values per frame, which the heads share.
    heads
        Number of heads.
    reach
        Frames that a frame sees in either direction.
    """

    offsets: torch.Tensor
    near: torch.Tensor

    def __init__(self, cells: int, heads: int, reach: int) -> None:
        super().__init__()
        self.heads, self.reach = heads, reach
        self.ask = nn.Linear(cells, 3 * cells)
        self.linear = nn.Linear(cells, cells)
        slopes = 2.0 ** (-8 * torch.arange(1, heads + 1) / heads)
        distances = torch.arange(-reach, reach + 1).abs()
        self.bias = nn.Parameter(-slopes[:, None] * distances)
        # Of a block's frames to those of the block and its neighbours.
        offsets = torch.arange(3 * reach) - reach - torch.arange(reach)[:, None]
        within = offsets.clamp(-reach, reach) + reach
        self.register_buffer("offsets", within.flatten(), persistent=False)
        self.register_buffer("near", offsets.abs() <= reach, persistent=False)

    def forward(self, values: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        """Values of the same shape (B, T, cells)."""
        length, block = values.shape[1], self.reach
        # A whole number of blocks, and an empty one at either end.
        after = block + (-length) % block
        queries, keys, contents = (
            self._blocks(pad(part, (0, 0, block, after)), block)
            for part in self.ask(values).chunk(3, dim=-1)
        )
        there = pad(known, (block, after)).unflatten(1, (-1, block))
        bias = self.bias.index_select(1, self.offsets).unflatten(1, (block, 3 * block))
        found = []
        for first, after in self._parts(queries):
            part = (
                _some(queries, first, after, 1),
                _with_neighbours(keys, first, after),
                _with_neighbours(contents, first, after),
                _with_neighbours(there, first, after),
                bias,
            )
            if torch.is_grad_enabled() and (first or after):
                found.append(
                    checkpoint(self._attend, *part, use_reentrant=False, preserve_rng_state=False)
                )
            else:
                found.append(self._attend(*part))
        whole = torch.cat(found, dim=1).flatten(3).flatten(1, 2)
        return self.linear(whole[:, :length])

    def _blocks(self, values: torch.Tensor, block: int) -> torch.Tensor:
        """Shape (B, blocks, frames, heads, cells per head)."""
        return values.unflatten(1, (-1, block)).unflatten(-1, (self.heads, -1))

    def _parts(self, queries: torch.Tensor) -> Iterator[tuple[int, int]]:
        """Blocks that are processed together: how many are before them, and after them."""
        if torch.onnx.is_in_onnx_export():
            yield 0, 0  # all of any number: a graph has no loop
            return
        blocks = queries.shape[1] - 2
        each = len(queries) * self.heads * 3 * self.reach**2
        step = max(1, SCORES_AT_ONCE // each)
        for first in range(0, blocks, step):
            yield first, max(blocks - first - step, 0)

    def _attend(
        self,
        queries: torch.Tensor,
        keys: torch.Tensor,
        contents: torch.Tensor,
        known: torch.Tensor,
        bias: torch.Tensor,
    ) -> torch.Tensor:
        """What each frame finds, shape (B, blocks, frames, heads, cells per head)."""
        scale = queries.shape[-1] ** -0.5
        products = torch.einsum("bnqhc,bnkhc->bnhqk", queries * scale, keys)
        scores = products.float() + bias
        seen = self.near & known[:, :, None, None, :]
        # Not minus infinity: a frame of the padding may see nothing.
        scores = scores.masked_fill(~seen, torch.finfo(scores.dtype).min)
        weights = scores.softmax(dim=-1).to(contents.dtype)
        return torch.einsum("bnhqk,bnkhc->bnqhc", weights, contents)


def _some(blocks: torch.Tensor, first: int, after: int, shift: int) -> torch.Tensor:
    """Some blocks, moved by 0 (those before them), 1 (themselves) or 2 (those after them).

    There is one more block at either end. The end is counted from behind, so that the graph of an
    exported network does not fix the number of blocks.
    """
    return blocks[:, first + shift : (shift - 2 - after) or None]


def _with_neighbours(blocks: torch.Tensor, first: int, after: int) -> torch.Tensor:
    """Some blocks, each joined with those before and after it, shape (B, blocks, 3 frames, ...)."""
    return torch.cat([_some(blocks, first, after, shift) for shift in range(3)], dim=2)
