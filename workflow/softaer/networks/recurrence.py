"""Recurrent layers over padded recordings on the CPU, with the two directions in parallel.

For sequences of equal length, torch uses oneDNN's LSTM. Packed sequences of different lengths go
through a loop over the frames, which is several times slower. So recordings stay padded here. In
the backward direction, each recording is reversed within its own length, so that padding follows it
as in the forward direction and never affects a valid frame.

The directions of a layer are independent of each other. Each is computed by a single thread, on one
processor or on two in parallel, so the results do not depend on the number of threads.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import torch

RECURRENCES: dict[str, Callable[..., tuple[torch.Tensor, ...]]] = {
    "lstm": torch.lstm,
    "gru": torch.gru,
}
"""Recurrence over sequences of equal length, by the kind of its cells."""


def bidirectional(
    cell: str,
    frames: torch.Tensor,
    lengths: Sequence[int],
    weights: Sequence[Sequence[torch.Tensor]],
    threads: int = 1,
) -> torch.Tensor:
    """Hidden states of a bidirectional layer.

    Parameters
    ----------
    cell
        ``lstm`` or ``gru``.
    frames
        Shape (B, T, d), padded at the end.
    lengths
        Frames of each recording.
    weights
        Weights of the forward and the backward direction: W_ih, W_hh, b_ih and b_hh, as in torch.
    threads
        With 2 or more, the directions are computed in parallel.

    Returns
    -------
    Shape (B, T, 2 H), forward before backward; padding is undefined.
    """

    forward = partial(_run, cell)
    backward = partial(_run_backward, cell, lengths)
    parts = _AtOnce.apply(
        (forward, backward), threads, torch.is_grad_enabled(), frames, *weights[0], *weights[1]
    )
    return torch.cat(parts, dim=2)


def reverse(frames: torch.Tensor, lengths: Sequence[int]) -> torch.Tensor:
    """Reverse each recording within its length; padding stays where it is.

    Parameters
    ----------
    frames
        Shape (B, T, d).
    lengths
        Frames of each recording.
    """
    number, width = frames.shape[:2]
    ends, place = torch.tensor(lengths)[:, None], torch.arange(width)
    order = torch.where(place < ends, ends - 1 - place, place)
    return _Reordered.apply(frames, (order + width * torch.arange(number)[:, None]).flatten())


class _Reordered(torch.autograd.Function):
    """Frames in an order that is its own inverse; one copy forward and one backward."""

    @staticmethod
    def forward(ctx: Any, frames: torch.Tensor, order: torch.Tensor) -> torch.Tensor:
        ctx.order = order
        return frames.flatten(0, 1).index_select(0, order).view_as(frames)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        return gradient.flatten(0, 1).index_select(0, ctx.order).view_as(gradient), None


def _run(cell: str, frames: torch.Tensor, *weights: torch.Tensor) -> torch.Tensor:
    """Hidden states, shape (B, T, H), of one direction that begins with zeros."""
    zeros = frames.new_zeros(1, len(frames), weights[1].shape[1])
    start = (zeros, zeros) if cell == "lstm" else zeros
    return RECURRENCES[cell](
        frames,
        start,
        list(weights),
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=torch.is_grad_enabled(),
        bidirectional=False,
        batch_first=True,
    )[0]


def _run_backward(
    cell: str, lengths: Sequence[int], frames: torch.Tensor, *weights: torch.Tensor
) -> torch.Tensor:
    return reverse(_run(cell, reverse(frames, lengths), *weights), lengths)


class _AtOnce(torch.autograd.Function):
    """Two functions of the same frames, each with its own weights and its own thread.

    On the CPU, autograd processes a graph in one thread, so each function has its own graph. This
    is also the case if a single thread computes both, so that the sums are the same.
    """

    @staticmethod
    def forward(
        ctx: Any,
        functions: Sequence[Callable[..., torch.Tensor]],
        threads: int,
        learning: bool,
        frames: torch.Tensor,
        *weights: torch.Tensor,
    ) -> tuple[torch.Tensor, ...]:
        half = len(weights) // 2
        needed = ctx.needs_input_grad[3 : 4 + half]
        ctx.map = map if threads == 1 else _pool().map
        # Autocasting is a state of the thread. With its cache, gradients of the weights would be
        # summed over the frames in half precision.
        half_precision = partial(
            torch.autocast,
            "cpu",
            torch.bfloat16,
            enabled=torch.is_autocast_enabled("cpu"),
            cache_enabled=False,
        )

        def one(function: Callable, own: Sequence[torch.Tensor]) -> tuple:
            inputs = [
                tensor.detach().requires_grad_(need)
                for tensor, need in zip((frames, *own), needed, strict=True)
            ]
            with torch.set_grad_enabled(learning), half_precision():
                return inputs, function(*inputs)

        ctx.parts = list(ctx.map(one, functions, (weights[:half], weights[half:])))
        return tuple(output.detach() for _, output in ctx.parts)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        def one(part: tuple, gradient: torch.Tensor) -> list:
            inputs, output = part
            wanted = [tensor for tensor in inputs if tensor.requires_grad]
            found = iter(torch.autograd.grad(output, wanted, gradient))
            return [next(found) if tensor.requires_grad else None for tensor in inputs]

        # The graphs are not needed after the backward pass.
        parts, ctx.parts = ctx.parts, None
        first, second = ctx.map(one, parts, gradients)
        frames = None if first[0] is None else first[0] + second[0]
        return None, None, None, frames, *first[1:], *second[1:]


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(2, initializer=lambda: torch.set_num_threads(1))
