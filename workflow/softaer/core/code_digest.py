"""Digest of the code of a stage, for the params of its rule.

Snakemake notices a change in a rule, but not in a module that the rule's command imports. So each
rule has a digest of its stage's code among its params. The digest covers the module's syntax tree
and, name by name, everything that it imports from this package, transitively. Comments, docstrings
and formatting do not count, nor do unused names of other modules.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from softaer.core.files import complete

PACKAGE = __package__.partition(".")[0]
ROOT = Path(__file__).parents[1]

NOT_CODE = frozenset({"ctx", "kind", "type_comment"})
"""Fields of a syntax tree that are redundant or describe only the spelling."""


@cache
def code_digest(stage: str) -> str:
    """Digest of a stage's code.

    Parameters
    ----------
    stage
        Module of this package without the package's name: ``labels``, ``simulate.truth``.

    Returns
    -------
    16 hexadecimal digits.

    Raises
    ------
    ValueError
        If there is no such module, or it imports a name from a module that does not define it.
    """
    code: dict[tuple[str, int], str] = {}
    _add_module(f"{PACKAGE}.{stage}", code)
    text = "\n".join(f"{module}: {statement}" for (module, _), statement in sorted(code.items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


class Digests:
    """Digests of stages, cached between runs as long as no module changes.

    Parameters
    ----------
    path
        JSON file of the cache; neither the file nor its folder needs to exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = Path(path)
        sources = sorted(ROOT.rglob("*.py"))
        whole = hashlib.sha256()
        for source in sources:
            whole.update(f"{source.relative_to(ROOT)}\n".encode() + source.read_bytes())
        self._state = whole.hexdigest()
        self._known: dict[str, str] = {}
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["state"] == self._state:
                self._known = content["digests"]
        except (OSError, ValueError, KeyError, TypeError):
            pass
        self._new = False

    def of(self, stage: str) -> str:
        """Digest of a stage's code, see :func:`code_digest`."""
        if stage not in self._known:
            self._known[stage] = code_digest(stage)
            self._new = True
        return self._known[stage]

    def known(self) -> dict[str, str]:
        """Digests of all stages that have been asked for with these modules, by stage."""
        return dict(sorted(self._known.items()))

    def keep(self) -> None:
        """Write the cache."""
        if self._new and self._path.parent.is_dir():
            with complete(self._path) as partial:
                content = {"state": self._state, "digests": self._known}
                partial.write_text(json.dumps(content), encoding="utf-8")


def file_digest(path: Path) -> str:
    """Digest of a file that belongs to a stage's code: 16 hexadecimal digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def _add_module(module: str, code: dict[tuple[str, int], str]) -> None:
    """Add all statements of a module, and everything they use, to the code collected so far.

    The command-line entry and the reporting of errors are excluded.
    """
    for position, statement in enumerate(_statements(module)):
        if not _is_main_guard(statement):
            _add_statement(module, position, code)


def _add_name(module: str, name: str, code: dict[tuple[str, int], str]) -> None:
    """Add the statements that bind a name of a module, and those that only have effects."""
    for position in _positions_of(module).get(None, ()):
        _add_statement(module, position, code)
    for position in _positions_of(module).get(name, ()):
        _add_statement(module, position, code)
    if name in _imports_of(module):
        _add_import(*_imports_of(module)[name], code)
    elif name not in _positions_of(module):
        raise ValueError(f"module {module!r} does not define {name!r}")


def _add_import(module: str, name: str | None, code: dict[tuple[str, int], str]) -> None:
    if name is None:
        _add_module(module, code)
    else:
        _add_name(module, name, code)


def _add_statement(module: str, position: int, code: dict[tuple[str, int], str]) -> None:
    if (module, position) in code or _is_import(_statements(module)[position]):
        # An import counts only through the names that are used.
        return
    code[module, position], imported, own = _read(module, position)
    for source in imported:
        _add_import(*source, code)
    for other in own:
        _add_statement(module, other, code)


@cache
def _read(module: str, position: int) -> tuple[str, list[tuple[str, str | None]], list[int]]:
    """A statement's text, the names it uses from other modules, and those of its own module."""
    statement = _statements(module)[position]
    nodes = list(ast.walk(statement))
    imports = _imports_of(module) | _imports(nodes, module)
    imported: list[tuple[str, str | None]] = []
    of_modules: set[ast.AST] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            target, name = imports.get(node.value.id, (None, None))
            if target is not None and name is None:
                of_modules.add(node.value)
                imported.append((target, node.attr))
    used = {node.id for node in nodes if isinstance(node, ast.Name) and node not in of_modules}
    imported += [imports[name] for name in sorted(used & imports.keys())]
    own = [p for name in sorted(used) for p in _positions_of(module).get(name, ())]
    return canonical(statement), imported, own


def canonical(node: object) -> str:
    """A syntax tree as text that is the same for every version of Python.

    The text has the types of nodes and their significant fields. It omits positions, the context
    of names, the spelling of literals, and empty fields, which some versions of Python lack.

    Examples
    --------
    >>> canonical(ast.parse("x = u'a'").body[0])
    "Assign(targets=[Name(id='x')],value=Constant(value='a'))"
    """
    if isinstance(node, ast.AST):
        content = dict(ast.iter_fields(node))
        if isinstance(node, ast.JoinedStr):
            # Some versions end a format with an empty string.
            content["values"] = [part for part in node.values if getattr(part, "value", 0) != ""]
        fields = (
            f"{name}={canonical(value)}"
            for name, value in sorted(content.items())
            if name not in NOT_CODE and value is not None and value != []
        )
        return f"{type(node).__name__}({','.join(fields)})"
    if isinstance(node, list):
        return f"[{','.join(map(canonical, node))}]"
    return repr(node)


@cache
def _positions_of(module: str) -> dict[str | None, list[int]]:
    """Statements that bind the names of a module; under ``None``, those that bind none."""
    found: dict[str | None, list[int]] = {}
    for position, statement in enumerate(_statements(module)):
        bound = _bound(statement)
        if not (bound or _is_import(statement) or _is_main_guard(statement)):
            found.setdefault(None, []).append(position)
        for name in bound:
            found.setdefault(name, []).append(position)
    return found


@cache
def _imports_of(module: str) -> dict[str, tuple[str, str | None]]:
    return _imports(_statements(module), module)


def _imports(nodes: Iterable[ast.AST], module: str) -> dict[str, tuple[str, str | None]]:
    """First-party imports among some nodes of a module.

    Returns
    -------
    For each name that is bound, the module it comes from and its name there; ``None`` for a module.
    """
    found: dict[str, tuple[str, str | None]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            if any(alias.name.split(".")[0] == PACKAGE for alias in node.names):
                raise ValueError(f"module {module!r}: expected 'from {PACKAGE} import ...'")
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module is None:
                raise ValueError(f"module {module!r}: relative import; expected an absolute one")
            if node.module.split(".")[0] != PACKAGE:
                continue
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                is_module = _path(submodule) is not None
                found[alias.asname or alias.name] = (
                    (submodule, None) if is_module else (node.module, alias.name)
                )
    return found


def _path(module: str) -> Path | None:
    path = ROOT.joinpath(*module.split(".")[1:])
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def _statements(module: str) -> list[ast.stmt]:
    """Top-level statements of a module without any docstring."""
    path = _path(module)
    if path is None:
        raise ValueError(f"no module {module!r} in {ROOT}")
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            # Attribute docstrings are bare strings as well; none of them does anything.
            body[:] = [s for s in body if not _is_bare_string(s)] or [ast.Pass()]
    return tree.body


def _is_bare_string(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _is_main_guard(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.If) and ast.unparse(statement.test) == "__name__ == '__main__'"


def _bound(statement: ast.stmt) -> frozenset[str]:
    """Names that a top-level definition or assignment binds."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return frozenset({statement.name})
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return frozenset(n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
    return frozenset()
