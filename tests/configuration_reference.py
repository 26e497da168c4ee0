"""Generates config.yaml, its JSON schema for editors and docs/configuration.md from the classes of
the configuration.

python tests/configuration_reference.py
"""

import sys
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "workflow"))

from softaer.core.experiment import Configuration, defaults  # noqa: E402
from softaer.core.fields import UNITS, expected, json_schema, remarks, types, unit  # noqa: E402
from softaer.modalities import SOURCES  # noqa: E402

TOP = """\
# The default experiment. Copy the keys to change into your own file and pass it to Snakemake:
#
#     snakemake --cores 4 --configfile my_experiment.yaml
#
# All other keys keep the values given here. docs/method.md has the equations.
"""

HEAD = """# Configuration

Every key of `config.yaml`, with its default and allowed values. Your own file needs only the keys
that differ (`--configfile my_experiment.yaml`). Unknown keys and invalid values are refused before
anything runs. [method.md](method.md) has the equations behind the keys.

This page is generated from `workflow/softaer/core/experiment.py` by
`python tests/configuration_reference.py`.

| key | default | allowed values | description |
|---|---|---|---|
"""

SOURCES_HEAD = """
## Sources of modalities

Keys of a modality besides `source`, if `modalities` is a mapping ([modalities.md](modalities.md)).
`lld` has the keys of the section `audio`, and the built-in `video` those of the section `video`. A
key without a default must be given.

| source | key | default | allowed values | description |
|---|---|---|---|---|
"""

COLUMN = 32
"""Column where comments beside keys start, unless a value is longer."""


def spelled(value: Any) -> str:
    """A value as YAML, on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=1000).split("\n...")[0].strip()


def remark(section: type, name: str) -> str:
    """Description of a key with its unit; full sentences state the unit themselves."""
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
    """One row of the page's table per key."""
    for name, kind in types(section).items():
        if is_dataclass(kind):
            yield from rows(kind, values[name], f"{prefix}{name}.")
            continue
        said = " ".join(remark(section, name).split())
        cells = (f"`{prefix}{name}`", f"`{spelled(values[name])}`", expected(kind), said)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def reference() -> str:
    """The page."""
    return HEAD + "\n".join(rows(Configuration, defaults())) + "\n" + SOURCES_HEAD + of_sources()


def of_sources() -> str:
    """Rows of the keys of a modality by its source, without those of a section."""
    sections = {type_ for type_ in types(Configuration).values() if is_dataclass(type_)}
    found = []
    for source in SOURCES.values():
        if source.settings in sections:
            continue
        values = {key.name: key.default for key in fields(source.settings)}
        for name, kind in types(source.settings).items():
            default = values[name]
            shown = "" if default is MISSING else f"`{spelled(as_yaml(default))}`"
            said = " ".join(remark(source.settings, name).split())
            cells = (f"`{source.name}`", f"`{name}`", shown, expected(kind), said)
            found.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(found) + "\n"


def as_yaml(value: Any) -> Any:
    """A default as YAML would give it."""
    return list(value) if isinstance(value, tuple) else value


def schema_file() -> str:
    """The JSON schema."""
    about = "# For editors; generated by tests/configuration_reference.py.\n"
    return about + yaml.safe_dump(json_schema(Configuration), sort_keys=False, width=100)


FILES = {
    "config.yaml": config_file,
    "docs/configuration.md": reference,
    "workflow/schemas/config.schema.yaml": schema_file,
}
"""Generated files, by path in the project."""


if __name__ == "__main__":
    for path, make in FILES.items():
        (ROOT / path).write_text(make(), encoding="utf-8")
