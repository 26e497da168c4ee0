"""Heads: what the read-out of a network means.

With most losses the read-out has one value per output, E or sigma in standardised units. A
likelihood needs more: spreads that are positive, and values that are no output. The loss names the
head that it needs (:mod:`softaer.networks.objectives`), and the network keeps it, so that it
predicts E and sigma without knowing its loss.
"""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import softplus

LEAST_SPREAD = 0.03
"""Smallest spread that a likelihood may find, in units of the network: standard deviations of E on
train, or ratings if targets are not standardised."""


class Head:
    """One value per output: the output itself."""

    name: ClassVar[str] = "plain"

    @staticmethod
    def width(outputs: int) -> int:
        """Number of values of the read-out for so many outputs."""
        return outputs

    @staticmethod
    def moments(values: Tensor, outputs: int) -> Tensor:
        """Outputs, shape (..., outputs), from the read-out, shape (..., width)."""
        return values

    @staticmethod
    def units(mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """Zero and unit of each output, from mean and standard deviation of its labels on train."""
        return mean, scale


class PanelHead(Head):
    """E, sigma and tau of each dimension, all in the unit of E.

    The outputs are E and sigma of one dimension after the other. The read-out has them first, and
    then tau of each dimension, the spread of the panel's mean about E, which is no output.
    """

    name: ClassVar[str] = "panel"

    @staticmethod
    def width(outputs: int) -> int:
        return outputs + outputs // 2

    @staticmethod
    def moments(values: Tensor, outputs: int) -> Tensor:
        return PanelHead.parts(values, outputs)[..., :2].flatten(-2)

    @staticmethod
    def parts(values: Tensor, outputs: int) -> Tensor:
        """E, sigma and tau, shape (..., dimensions, 3)."""
        targets = values[..., :outputs].unflatten(-1, (outputs // 2, 2))
        tau = values[..., outputs:].unsqueeze(-1)
        spreads = torch.cat([targets[..., 1:], tau], dim=-1)
        return torch.cat([targets[..., :1], softplus(spreads) + LEAST_SPREAD], dim=-1)

    @staticmethod
    def units(mean: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        mean, scale = mean.clone(), scale.clone()
        mean[1::2], scale[1::2] = 0.0, scale[0::2]
        return mean, scale


HEADS: dict[str, type[Head]] = {head.name: head for head in (Head, PanelHead)}
"""Heads by name."""
