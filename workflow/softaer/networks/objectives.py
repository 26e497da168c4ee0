"""Objectives: what training minimises.

An objective owns the loss over all outputs of a network, with the weights of the tasks, and names
the head that the network needs for it. Most compare the outputs with the labels. The likelihood of
the panel looks at the single ratings instead, of which their number, mean and sum of squares tell
all that it needs.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from softaer.core.experiment import Training
from softaer.networks.heads import Head, PanelHead


@dataclass(frozen=True)
class Frames:
    """What is known of the frames of a mini-batch, in standardised units.

    Attributes
    ----------
    targets
        Labels, shape (B, T, outputs).
    mask
        bool, same shape; False in padding and where a label or the features are missing.
    panel
        Number, mean and sum of squares about the mean of the ratings of each frame and dimension,
        shape (B, T, dimensions, 3); number 0 in padding and where ratings, a label of E or the
        features are missing. None unless the objective needs it.
    """

    targets: torch.Tensor
    mask: torch.Tensor
    panel: torch.Tensor | None = None


class Objective(ABC):
    """A loss over all outputs of a network.

    Parameters
    ----------
    training
        Training settings.
    outputs
        Names of the outputs, such as ``arousal_E``.
    device
        Where the loss is computed.
    """

    head: ClassVar[type[Head]] = Head
    """Head that the network needs."""

    needs_panel: ClassVar[bool] = False
    """Whether it looks at :attr:`Frames.panel`."""

    def __init__(self, training: Training, outputs: Sequence[str], device: torch.device) -> None:
        self.outputs = tuple(outputs)

    def parameters(self) -> list[torch.Tensor]:
        """What is learnt with the network's weights."""
        return []

    @abstractmethod
    def __call__(self, values: torch.Tensor, frames: Frames) -> torch.Tensor:
        """Loss, a scalar, of the read-out, shape (B, T, width of the head)."""


class PerOutput(Objective):
    """A loss for each output, and their sum with fixed or learnt weights."""

    def __init__(self, training: Training, outputs: Sequence[str], device: torch.device) -> None:
        super().__init__(training, outputs, device)
        self.weights = torch.tensor(fixed_weights(training, outputs), device=device)
        self.learnt = training.task_weights == "learned" and len(outputs) > 1
        self.log_variances = torch.zeros(len(outputs), device=device, requires_grad=self.learnt)

    def parameters(self) -> list[torch.Tensor]:
        return [self.log_variances]

    @staticmethod
    @abstractmethod
    def losses(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Loss per output, shape (outputs,); arguments as in :class:`Frames`."""

    def __call__(self, values: torch.Tensor, frames: Frames) -> torch.Tensor:
        per_output = self.losses(values, frames.targets, frames.mask)
        if self.learnt:
            return (torch.exp(-self.log_variances) * per_output + self.log_variances).sum()
        return (self.weights * per_output).sum()


def fixed_weights(training: Training, outputs: Sequence[str]) -> tuple[float, ...]:
    """Weights of the outputs' losses; they sum to 2 and are shared evenly by the dimensions.

    Targets are standardised by default, so that the losses of E and sigma have the same scale.
    """
    targets = [output.rpartition("_")[2] for output in outputs]
    weight = {"E": 2.0 - training.weight_sigma, "sigma": training.weight_sigma}
    if len(set(targets)) == 1:
        weight = dict.fromkeys(targets, 2.0)
    return tuple(weight[target] / targets.count(target) for target in targets)


class SquaredError(PerOutput):
    """Mean squared error of each output over the frames with a label."""

    @staticmethod
    def losses(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Shape (outputs,); 0 for an output without any frame."""
        errors = torch.where(mask, outputs - targets, 0.0) ** 2
        return errors.sum((0, 1)) / mask.sum((0, 1)).clamp(min=1)


class Concordance(PerOutput):
    """1 - CCC of each output over the frames with a label (Trigeorgis et al., 2016)."""

    @staticmethod
    def losses(outputs: torch.Tensor, targets: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Shape (outputs,)."""
        count = mask.sum((0, 1)).clamp(min=1)
        mean_x = torch.where(mask, outputs, 0.0).sum((0, 1)) / count
        mean_y = torch.where(mask, targets, 0.0).sum((0, 1)) / count
        x = torch.where(mask, outputs - mean_x, 0.0)
        y = torch.where(mask, targets - mean_y, 0.0)
        spread = ((x**2).sum((0, 1)) + (y**2).sum((0, 1))) / count + (mean_x - mean_y) ** 2
        # Without any spread, the loss is 1, as for no agreement.
        return 1 - 2 * (x * y).sum((0, 1)) / count / spread.clamp(min=1e-8)


class PanelLikelihood(Objective):
    """Negative log-likelihood of all ratings of a frame, per rating.

    Rater k says y_k = E + e + d_k, with e ~ N(0, tau²), which all raters share, and d_k ~
    N(0, sigma²). With K ratings, their mean m and their sum of squares S about it,

        -2 log p = (K - 1) log sigma² + S / sigma² + log v + K (m - E)² / v,   v = K tau² + sigma²

    up to a constant. Sigma shows in the deviations from m, which do not depend on E, so that an
    error of E goes to tau. A single rating cannot tell the two apart and teaches tau alone.
    """

    head = PanelHead
    needs_panel = True

    def __call__(self, values: torch.Tensor, frames: Frames) -> torch.Tensor:
        assert frames.panel is not None
        number, mean, squares = frames.panel.unbind(-1)
        emotion, sigma, tau = self.head.parts(values, len(self.outputs)).unbind(-1)
        within = sigma**2
        whole = number * tau**2 + torch.where(number == 1, within.detach(), within)
        twice = (number - 1) * within.log() + squares / within
        twice = twice + whole.log() + number * (mean - emotion) ** 2 / whole
        known = number > 0
        return 0.5 * torch.where(known, twice, 0.0).sum() / number.sum().clamp(min=1)


LOSSES: dict[str, type[Objective]] = {
    "mse": SquaredError,
    "ccc": Concordance,
    "panel": PanelLikelihood,
}
"""Objectives by the name that ``training.loss`` gives them."""
