"""Python files of the user: sources of modalities, networks and readers that a configuration names.

They are code that the user runs, like a Snakefile. Nothing that softaer stores names one.
"""

import hashlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from softaer.core.errors import InputError


def module_of(path: str | Path) -> ModuleType:
    """Run a Python file.

    Raises
    ------
    InputError
        If there is no such file, or it cannot be run; names the file and its error.
    """
    if not Path(path).is_file():
        raise InputError(f"no such file: {path}; expected a Python module, NAME.py")
    # Files of the same name may lie in different folders.
    name = f"softaer_own_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path}: no Python module; expected one, NAME.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses in it look themselves up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{path}: cannot be run: {type(error).__name__}: {error}") from error
    return module
