"""Sizes of networks, read from the heads of their files without their content."""

import json
import math
import struct
from pathlib import Path

from softaer.core.errors import InputError

NOT_LEARNT = ("target_mean", "target_scale")
"""Stored values that training does not change."""


def count_weights(path: Path) -> int:
    """Number of weights in a file of safetensors.

    The file begins with the length of a JSON object [bytes, uint64], then the object, which has the
    shape of each tensor.

    Raises
    ------
    InputError
        If the file is not of this form.
    """
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, Path(path).stat().st_size)))
        shapes = {name: part["shape"] for name, part in header.items() if name != "__metadata__"}
        return sum(math.prod(shape) for name, shape in shapes.items() if name not in NOT_LEARNT)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise InputError(f"{path}: not the weights of a network: {error}") from error
