"""The registry of networks, and their files.

A model is stored as safetensors with a JSON description of its training; nothing is unpickled. A
network comes with the package, from a Python file of the user (:func:`register`), or from an
installed package with an entry point of the group ``softaer.networks``. In all three cases it is a
subclass of :class:`softaer.networks.network.Network`.
"""

import inspect
import json
import os
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from softaer.core.errors import InputError
from softaer.core.experiment import ENTRY_POINTS, RecurrentSettings, keys_of
from softaer.core.experiment import NETWORKS as DEFAULTS
from softaer.core.files import complete
from softaer.core.own_code import module_of
from softaer.networks.attention import Attention
from softaer.networks.convolution import Convolutional
from softaer.networks.heads import Head
from softaer.networks.network import Architecture, Network
from softaer.networks.recurrent import Recurrent

NETWORKS: dict[str, type[Network]] = {
    "blstm": Recurrent,
    "gru": Recurrent,
    "tcn": Convolutional,
    "attention": Attention,
}
"""Networks that come with the package, by name."""

_registered: dict[str, type[Network]] = {}
"""Networks from files of the user, by name."""


def register(path: Path) -> list[str]:
    """Run a Python file, and register the networks in its ``NETWORKS``, a mapping by name.

    Raises
    ------
    InputError
        If the file cannot be run, or does not have valid networks; names what is wrong.
    """
    networks = getattr(module_of(path), "NETWORKS", None)
    if not isinstance(networks, Mapping) or not networks:
        raise InputError(
            f"{path}: found no networks; expected NETWORKS = {{'name': Class}}, with subclasses of "
            "softaer.networks.network.Network"
        )
    for one, kind in networks.items():
        _registered[one] = _checked(one, kind, str(path))
    return list(networks)


def _checked(name: Any, kind: Any, source: str) -> type[Network]:
    """Refuse what is no network, with the reason."""
    if not (isinstance(name, str) and name.isidentifier()) or name in NETWORKS:
        raise InputError(
            f"{source}: found a network named {name!r}; expected letters, digits and '_', and "
            f"none of {list(NETWORKS)}"
        )
    settings = getattr(kind, "Settings", None)
    if not (inspect.isclass(kind) and issubclass(kind, Network) and is_dataclass(settings)):
        raise InputError(
            f"{source}: network {name!r}: found {kind!r}; expected a subclass of "
            "softaer.networks.network.Network with a dataclass Settings"
        )
    return kind


def network_class(name: str) -> type[Network]:
    """A network by its name: of the package, of a registered file, or of an installed package.

    Raises
    ------
    InputError
        If there is none of this name; lists those there are.
    """
    found = (NETWORKS | _registered).get(name)
    if found is not None:
        return found
    installed = {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}
    if name in installed:
        entry = installed[name]
        try:
            kind = entry.load()
        except Exception as error:
            raise InputError(
                f"network {name!r}: {entry.value} cannot be loaded: {type(error).__name__}: {error}"
            ) from error
        return _checked(name, kind, entry.value)
    raise InputError(
        f"network {name!r}: not known; expected one of "
        f"{[*NETWORKS, *_registered, *installed]}, or a file of its own, which the key "
        "model.network_file and the flag --network-file name"
    )


def settings_of(name: str, values: Mapping[str, Any]) -> Any:
    """Settings of a network, with its defaults for missing ones.

    Raises
    ------
    InputError
        If the network has no such key, or a value is refused by it.
    """
    if name in DEFAULTS:
        default: Any = DEFAULTS[name]
        known = keys_of(name)
    else:
        default = network_class(name).Settings()
        known = tuple(key.name for key in fields(default))
    unknown = [key for key in values if key not in known]
    if unknown:
        raise InputError(
            f"network {name!r}: found the setting {unknown[0]!r}; expected one of {list(known)}"
        )
    try:
        return replace(default, **values)
    except (TypeError, ValueError) as error:
        raise InputError(f"network {name!r}: {error}") from error


def build(architecture: Architecture, threads: int = 1) -> Network:
    """A network with random weights.

    Raises
    ------
    InputError
        If a network that does not come with the package lets frames depend on padding.
    """
    model = network_class(architecture.network)(architecture, threads)
    if architecture.network not in NETWORKS:
        _refuse_leaks(model)
    return model


@torch.no_grad()
def _refuse_leaks(model: Network) -> None:
    """Compare a short recording alone with the same one in a padded batch."""
    short, whole = 4, 9
    features = torch.linspace(-1, 1, 2 * whole * model.architecture.features)
    features = features.view(2, whole, -1).sin()
    features[1, short:] = 1e3
    training = model.training
    model.eval()
    together = model(features, torch.tensor([whole, short]))[1, :short]
    alone = model(features[1:, :short], torch.tensor([short]))[0]
    model.train(training)
    if not torch.allclose(together, alone, rtol=1e-3, atol=1e-4):
        raise InputError(
            f"network {model.architecture.network!r}: a recording alone and in a padded batch have "
            f"outputs that differ by {(together - alone).abs().max():.2g}; expected none that "
            "depend on padding (see the argument 'known' of Network.hidden)"
        )


def make_deterministic(seed: int) -> torch.Generator:
    """Seed torch and allow only deterministic operations.

    Returns
    -------
    A generator on the CPU with the same seed, so that random numbers do not depend on the device.
    """
    # cuBLAS is deterministic only with a workspace of fixed size, chosen before CUDA starts.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # As use_deterministic_algorithms for code that is not compiled, without importing torch's
    # compiler, which takes a second.
    torch.set_deterministic_debug_mode("error")
    # Every operation here writes its whole output, so there is no need to fill it first.
    # The module has a class of its own, which is not seen from outside.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    torch.manual_seed(seed)
    return torch.Generator().manual_seed(seed)


def pick_device() -> torch.device:
    """CUDA if available, otherwise the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def save_model(model: Network, training: dict, weights: Path, description: Path) -> None:
    """Write the weights (safetensors) and the description of their training (JSON)."""
    state = {name: value.contiguous().cpu() for name, value in model.state_dict().items()}
    with complete(weights) as partial:
        partial.write_bytes(save(state))
    content = {"architecture": model.architecture.content(), "training": training}
    with complete(description) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def described(content: Mapping[str, Any]) -> Architecture:
    """The parameters of a network from their stored form, see :meth:`Architecture.content`."""
    common = ("features", "outputs", "head")
    own = {key: value for key, value in content.items() if key not in common}
    if "network" in own:
        name, settings = own["network"], settings_of(own["network"], own["settings"])
    else:
        settings = RecurrentSettings(**own)
        name = "gru" if settings.cell == "gru" else "blstm"
    return Architecture(
        features=content["features"],
        outputs=tuple(content["outputs"]),
        network=name,
        settings=settings,
        head=content.get("head", Head.name),
    )


def load_model(weights: Path, description: Path) -> Network:
    """Load a model.

    Raises
    ------
    InputError
        If a file was not written by :func:`save_model`, the two do not belong together, or there is
        no network of this name.
    """
    try:
        model = build(described(json.loads(Path(description).read_text())["architecture"]))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        raise InputError(f"{description}: not the description of a model: {error}") from error
    try:
        model.load_state_dict(load_file(weights))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"{weights}: not the weights of {description}: {error}") from error
    return model
