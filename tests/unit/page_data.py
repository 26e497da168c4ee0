"""What the script of a page with traces is given."""

import base64
import json
import re

import numpy as np


def explorer_data(page: str) -> dict:
    """The data of a page's traces."""
    (content,) = re.findall(r'id="explorer-data">(.*?)</script>', page, re.DOTALL)
    return json.loads(content)


def series(packed: dict) -> np.ndarray:
    """Values of a packed series."""
    steps = np.frombuffer(base64.b64decode(packed["data"]), dtype="<u2")
    return np.where(steps == 65535, np.nan, packed["low"] + packed["step"] * steps)
