"""Writes docs/configuration.md from the schema and config.yaml.

python tests/configuration_reference.py
"""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]

HEAD = """# Configuration

Every key of `config.yaml`, its default and what it may be. A file of your own needs only what
differs (`--configfile my_experiment.yaml`); a key that is not known, or a value that is not
possible, is refused before anything runs. [method.md](method.md) has the equations behind the keys.

This page is made from `workflow/schemas/config.schema.yaml` and the remarks of `config.yaml` by
`python tests/configuration_reference.py`.

| key | default | may be | what it is |
|---|---|---|---|
"""


def remarks(text: str) -> dict[str, str]:
    """What is said of a key in config.yaml: behind it, going on below, or above it."""
    found: dict[str, str] = {}
    section, last = "", None
    above: list[str] = []
    for line in text.splitlines():
        body, mark, remark = line.partition("#")
        if body.strip() and ":" in body:
            key = body.split(":")[0]
            if not key.startswith(" "):
                section = key.strip()
            last = section if not key.startswith(" ") else f"{section}.{key.strip()}"
            found[last] = remark.strip() or " ".join(above)
            above = []
        elif mark and last and found[last] and len(body) > 10:
            found[last] += " " + remark.strip()
        elif mark:
            above.append(remark.strip())
        else:
            last, above = None, []
    return found


def rows(schema: dict, said: dict[str, str], prefix: str = "") -> list[str]:
    """A row of the table for each key."""
    lines = []
    for name, part in schema["properties"].items():
        key = f"{prefix}{name}"
        if part.get("properties"):
            lines += rows(part, said, f"{key}.")
            continue
        default = yaml.safe_dump(part.get("default"), default_flow_style=True).split("\n...")[0]
        cells = (f"`{key}`", f"`{default.strip()}`", part.get("description", ""), said.get(key, ""))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return lines


def reference() -> str:
    """The page."""
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    said = remarks((ROOT / "config.yaml").read_text())
    return HEAD + "\n".join(rows(schema, said)) + "\n"


if __name__ == "__main__":
    (ROOT / "docs/configuration.md").write_text(reference())
