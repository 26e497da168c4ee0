"""Objectives: the losses that a network minimises, and their weights."""

from collections.abc import Sequence

import torch

from softaer.core.experiment import Training


def fixed_weights(training: Training, outputs: Sequence[str]) -> tuple[float, ...]:
    """Weights of the outputs' losses; they sum to 2 and are shared evenly by the dimensions.

    Targets are standardised by default, so that the losses of E and sigma have the same scale.
    """
    targets = [output.rpartition("_")[2] for output in outputs]
    weight = {"E": 2.0 - training.weight_sigma, "sigma": training.weight_sigma}
    if len(set(targets)) == 1:
        weight = dict.fromkeys(targets, 2.0)
    return tuple(weight[target] / targets.count(target) for target in targets)


def masked_mse(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean squared error per output over the unmasked frames.

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


def ccc_loss(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """1 - CCC per output over the unmasked frames, see :func:`masked_mse`."""
    count = mask.sum((0, 1)).clamp(min=1)
    mean_x = torch.where(mask, outputs, 0.0).sum((0, 1)) / count
    mean_y = torch.where(mask, targets, 0.0).sum((0, 1)) / count
    x = torch.where(mask, outputs - mean_x, 0.0)
    y = torch.where(mask, targets - mean_y, 0.0)
    spread = ((x**2).sum((0, 1)) + (y**2).sum((0, 1))) / count + (mean_x - mean_y) ** 2
    # Without any spread, the loss is 1, as for no agreement.
    return 1 - 2 * (x * y).sum((0, 1)) / count / spread.clamp(min=1e-8)


LOSSES = {"mse": masked_mse, "ccc": ccc_loss}
"""Losses per output, by name."""


class Objective:
    """The loss that is minimised: the outputs' losses with fixed or learnt weights."""

    def __init__(self, training: Training, outputs: Sequence[str], device: torch.device) -> None:
        self.loss = LOSSES[training.loss]
        self.weights = torch.tensor(fixed_weights(training, outputs), device=device)
        self.learnt = training.task_weights == "learned" and len(outputs) > 1
        self.log_variances = torch.zeros(len(outputs), device=device, requires_grad=self.learnt)

    def __call__(
        self, outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor
    ) -> torch.Tensor:
        per_output = self.loss(outputs, targets, mask)
        if self.learnt:
            return (torch.exp(-self.log_variances) * per_output + self.log_variances).sum()
        return (self.weights * per_output).sum()
