"""Exports the networks of a packed model to ONNX, for other runtimes, checked against torch.

One file per network. Its input ``features`` are float32, shape (1, frames, features), as the stages
``audio_features`` and ``video_features`` write them, not standardised, NaN where missing; its
output ``predictions``, shape (1, frames, outputs), is in units of the ratings, before
post-processing and fusion, which ``model.json`` has.
"""

import warnings
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from softaer.core.errors import InputError, MissingPackageError
from softaer.core.files import complete
from softaer.core.home import ENVIRONMENTS
from softaer.networks.network import Network
from softaer.predictor import Predictor

TOLERANCE = 1e-4
"""Largest difference from torch, in units of the targets' scale."""

LENGTHS = (1, 7, 50, 300)
"""Lengths of the sequences for the comparison [frames]."""


class Standalone(torch.nn.Module):
    """A network with its standardisation, for one recording at a time."""

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, model: Network, mean: np.ndarray, scale: np.ndarray) -> None:
        super().__init__()
        self.model = model
        self.register_buffer("mean", torch.from_numpy(mean.astype(np.float32)))
        self.register_buffer("scale", torch.from_numpy(scale.astype(np.float32)))

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Predictions, shape (1, T, outputs), from features, shape (1, T, d)."""
        values = (features - self.mean) / self.scale
        values = torch.where(torch.isnan(values), torch.zeros_like(values), values)
        return self.model.in_units_of_labels(self.model.alone(values))


def export(network: Standalone, path: Path) -> None:
    """Write a network as ONNX that accepts any number of frames."""
    example = torch.zeros(1, 50, len(network.mean))
    with warnings.catch_warnings():
        # The newer exporter fixes the number of frames of recurrent layers.
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        warnings.filterwarnings("ignore", message="Exporting a model to ONNX with a batch_size")
        warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)
        torch.onnx.export(
            network,
            (example,),
            str(path),
            input_names=["features"],
            output_names=["predictions"],
            dynamic_axes={"features": {1: "frames"}, "predictions": {1: "frames"}},
            dynamo=False,
        )


@torch.no_grad()
def difference(network: Standalone, path: Path, seed: int = 0) -> float:
    """Largest difference between torch and ONNX Runtime, in units of the targets' scale.

    Both are given random sequences of the lengths :data:`LENGTHS`, with gaps.
    """
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(seed)
    scale = network.model.target_scale.numpy()
    largest = 0.0
    for length in LENGTHS:
        values = rng.standard_normal((1, length, len(network.mean)), dtype=np.float32)
        features = values * network.scale.numpy() + network.mean.numpy()
        features[rng.random(features.shape) < 0.05] = np.nan
        expected = network(torch.from_numpy(features)).numpy()
        (found,) = session.run(None, {"features": features})
        largest = max(largest, float(np.max(np.abs(found - expected) / scale)))
    return largest


def export_model(model: Path, output_dir: Path, network_file: Path | None = None) -> None:
    """Export all networks of a packed model.

    Parameters
    ----------
    model
        Folder or zip file.
    output_dir
        Gets a file for each network.
    network_file
        Python file with the class of a network of one's own.

    Raises
    ------
    InputError
        If a network's ONNX differs from torch by more than :data:`TOLERANCE`.
    MissingPackageError
        If onnx or onnxruntime is not installed.
    """
    if not all(map(find_spec, ("onnx", "onnxruntime"))):
        raise MissingPackageError(
            "onnx or onnxruntime is not installed; type: pip install --requirement "
            f"{ENVIRONMENTS / 'requirements-onnx.txt'}"
        )
    predictor = Predictor.load(model, network_file)
    for entry, network in zip(predictor.description["networks"], predictor.networks, strict=True):
        standardisation = predictor.standardisations[network.modality]
        standalone = Standalone(
            network.model.cpu(),
            standardisation["mean"].to_numpy(),
            standardisation["scale"].to_numpy(),
        ).eval()
        path = output_dir / f"{entry['name'].replace('/', '_')}.onnx"
        with complete(path) as partial:
            export(standalone, partial)
            found = difference(standalone, partial)
            if not found <= TOLERANCE:
                raise InputError(
                    f"{path}: differs from torch by {found:.2g}; expected {TOLERANCE:g}"
                )
        print(f"{path}: within {found:.1g} of torch")
