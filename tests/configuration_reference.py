"""Writes what the classes of the configuration say: config.yaml, its JSON schema for editors, and
docs/configuration.md.

python tests/configuration_reference.py
"""

import sys
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from softaer.core.experiment import Configuration, defaults  # noqa: E402
from softaer.core.fields import UNITS, expected, json_schema, remarks, types, unit  # noqa: E402

TOP = """\
# The experiment. Copy what you want to change into a file of your own and give it to Snakemake:
#
#     snakemake --cores 4 --configfile my_experiment.yaml
#
# Keys that are missing there keep the values of this file. docs/method.md has the equations.
"""

HEAD = """# Configuration

Every key of `config.yaml`, its default and what it may be. A file of your own needs only what
differs (`--configfile my_experiment.yaml`); a key that is not known, or a value that is not
possible, is refused before anything runs. [method.md](method.md) has the equations behind the keys.

This page is made from `workflow/softaer/core/experiment.py` by
`python tests/configuration_reference.py`.

| key | default | may be | what it is |
|---|---|---|---|
"""

COLUMN = 32
"""Where remarks beside keys stand, unless a value is longer."""


def spelled(value: Any) -> str:
    """A value as YAML, in one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=1000).split("\n...")[0].strip()


def remark(section: type, name: str) -> str:
    """What is said of a key, with its unit; sentences say it themselves."""
    said, of = remarks(section).get(name, ""), unit(types(section)[name])
    return f"{said} [{of}]".strip() if of in UNITS and not said.endswith(".") else said


def written(section: type, values: dict, indent: str = "") -> Iterator[str]:
    """Lines of config.yaml: a phrase beside its key, sentences above it."""
    said = {name: remark(section, name).splitlines() for name in types(section)}
    above = {name: len(lines) > 2 or "".join(lines).endswith(".") for name, lines in said.items()}
    texts = {
        name: f"{indent}{name}:" + ("" if is_dataclass(kind) else f" {spelled(values[name])}")
        for name, kind in types(section).items()
    }
    beside = [texts[name] for name, lines in said.items() if lines and not above[name]]
    start = max([COLUMN, *(len(text) + 2 for text in beside)])
    after_section = bool(indent)
    for name, kind in types(section).items():
        if not indent and (is_dataclass(kind) or after_section or above[name]):
            yield ""
        if above[name]:
            yield from (f"{indent}# {line}" for line in said[name])
            yield texts[name]
        else:
            first, *rest = said[name] or [""]
            yield f"{texts[name].ljust(start)}# {first}" if first else texts[name]
            yield from (f"{'':{start}}# {line}" for line in rest)
        after_section = is_dataclass(kind)
        if after_section:
            yield from written(kind, values[name], f"{indent}  ")


def config_file() -> str:
    """config.yaml."""
    return TOP + "\n".join(written(Configuration, defaults())) + "\n"


def rows(section: type, values: dict, prefix: str = "") -> Iterator[str]:
    """A row of the page's table for each key."""
    for name, kind in types(section).items():
        if is_dataclass(kind):
            yield from rows(kind, values[name], f"{prefix}{name}.")
            continue
        said = " ".join(remark(section, name).split())
        cells = (f"`{prefix}{name}`", f"`{spelled(values[name])}`", expected(kind), said)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def reference() -> str:
    """The page."""
    return HEAD + "\n".join(rows(Configuration, defaults())) + "\n"


def schema_file() -> str:
    """The JSON schema."""
    about = "# For editors; made by tests/configuration_reference.py.\n"
    return about + yaml.safe_dump(json_schema(Configuration), sort_keys=False, width=100)


FILES = {
    "config.yaml": config_file,
    "docs/configuration.md": reference,
    "workflow/schemas/config.schema.yaml": schema_file,
}
"""What is made, by path in the project."""


if __name__ == "__main__":
    for path, make in FILES.items():
        (ROOT / path).write_text(make(), encoding="utf-8")
