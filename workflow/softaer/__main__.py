"""Emotional state E and perception uncertainty sigma, from recordings and the traces of raters."""

import argparse
import ast
import sys
from importlib import import_module

from softaer import __version__
from softaer.core import cli
from softaer.core.home import PACKAGE

COMMANDS = {
    "before a run": {
        "init": "prepare.init",
        "import": "prepare.import_ratings",
        "check": "prepare.check",
        "raters": "commands.raters",
        "turns": "prepare.turns",
        "batch": "prepare.batch",
    },
    "the run": {
        "run": "commands.run",
        "status": "commands.status",
    },
    "with what was learnt": {
        "view": "commands.view",
        "compare": "commands.compare",
        "freeze": "commands.freeze",
        "verify": "commands.verify",
        "predict": "commands.predict",
        "pack": "commands.pack",
        "export": "commands.export",
        "plan": "commands.plan",
    },
}
"""Modules of the commands, grouped by purpose.

Each has a docstring, whose first line is shown in the help, ``add_arguments(parser)`` and
``main(options)``. Only the module of the requested command is imported.
"""

MODULES = {name: module for group in COMMANDS.values() for name, module in group.items()}


def overview() -> str:
    """Description of the package and its commands."""
    width = max(map(len, MODULES)) + 2
    lines = [__doc__]
    for group, modules in COMMANDS.items():
        lines += ["", f"{group}:"]
        lines += [f"  {name:{width}}{_summary(module)}" for name, module in modules.items()]
    return "\n".join([*lines, "", "softaer COMMAND --help says more of one."])


def _summary(module: str) -> str:
    """First line of a module's docstring, without importing it."""
    path = PACKAGE.joinpath(*module.split(".")).with_suffix(".py")
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("``", "").removesuffix(".")


def main() -> None:
    """Run the command named by the first argument."""
    door = argparse.ArgumentParser(
        prog="softaer",
        usage="softaer COMMAND ...",
        description=overview(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    door.add_argument("--version", action="version", version=f"softaer {__version__}")
    door.add_argument("command", choices=MODULES, metavar="COMMAND", help=argparse.SUPPRESS)
    door.add_argument("words", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    called = door.parse_args(sys.argv[1:] or ["--help"])

    module = import_module(f"softaer.{MODULES[called.command]}")
    arguments = cli.parser(module.__doc__)
    arguments.prog = f"softaer {called.command}"
    module.add_arguments(arguments)
    options, others = arguments.parse_known_args(called.words)
    if "others" in options:  # a command that passes them on
        options.others = others
    elif others:
        arguments.error(f"unrecognized arguments: {' '.join(others)}")
    module.main(options)


def run() -> None:
    """The command ``softaer``."""
    cli.run(main)


if __name__ == "__main__":
    run()
