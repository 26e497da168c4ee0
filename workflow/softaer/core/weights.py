"""Sizes of networks, read from the heads of their files without their content."""

import math
from pathlib import Path

from safetensors import SafetensorError, safe_open

from softaer.core.errors import InputError

NOT_LEARNT = ("target_mean", "target_scale")
"""Stored values that training does not change."""


def count_weights(path: Path) -> int:
    """Number of weights in a file of safetensors.

    Raises
    ------
    InputError
        If the file is not of this form.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            names = [name for name in file.keys() if name not in NOT_LEARNT]  # noqa: SIM118
            return sum(math.prod(file.get_slice(name).get_shape()) for name in names)
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path}: not the weights of a network: {error}") from error
