"""Draws docs/workflow.svg, the README's picture, from the real workflow.

python tests/workflow_picture.py        needs Graphviz

The rules and their order are those of ``snakemake --rulegraph`` on the default experiment. An arrow
is left out where a longer way says the same.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "workflow.svg"

CHAPTERS = {
    "corpus": "#888888",
    "audio": "#0072B2",
    "video": "#D55E00",
    "features": "#0072B2",
    "labels": "#222222",
    "dataset": "#7B3FA0",
    "training": "#009E73",
    "fusion": "#B8860B",
    "figures": "#A64D79",
    "report": "#A64D79",
    "apply": "#B8860B",
}
"""Files in workflow/rules, with the colour of their rules."""

Edges = set[tuple[str, str]]


def rule_graph() -> Edges:
    """Which rule's output is another's input, in the default experiment."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile"]
        done = subprocess.run(
            [*command, "--directory", folder, "--rulegraph", "dot", "--quiet"],
            capture_output=True,
            text=True,
            check=True,
        )
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', done.stdout))
    found = re.findall(r"(\d+) -> (\d+)", done.stdout)
    return {(names[a], names[b]) for a, b in found if names[b] != "all"}


def reduced(edges: Edges) -> Edges:
    """Edges without those that a longer way makes superfluous."""

    def reach(start: str, without: tuple[str, str]) -> set[str]:
        seen, waiting = set(), [start]
        while waiting:
            node = waiting.pop()
            following = {b for a, b in edges if a == node and (a, b) != without} - seen
            seen |= following
            waiting += following
        return seen

    return {(a, b) for a, b in edges if b not in reach(a, (a, b))}


def colours() -> dict[str, str]:
    """Colour of each rule, by the file that it stands in."""
    found = {}
    for chapter, colour in CHAPTERS.items():
        text = (ROOT / "workflow" / "rules" / f"{chapter}.smk").read_text(encoding="utf-8")
        found |= dict.fromkeys(re.findall(r"^rule (\w+):", text, flags=re.MULTILINE), colour)
    return found


def drawing(edges: Edges) -> str:
    """The picture in Graphviz' language."""
    colour_of = colours()
    lines = [
        "digraph workflow {",
        "graph [bgcolor=white, nodesep=0.15, ranksep=0.28, margin=0.1];",
        'node [shape=box, style="rounded", fontname="sans-serif", fontsize=11];',
        "node [height=0.3, penwidth=1.6];",
        'edge [color="#9a9a9a", arrowsize=0.6];',
    ]
    for rule in sorted({rule for edge in edges for rule in edge}):
        label = rule.replace("_", " ")
        lines.append(f'{rule} [label="{label}", color="{colour_of[rule]}"];')
    return "\n".join([*lines, *(f"{a} -> {b};" for a, b in sorted(edges)), "}"])


def drawn() -> Edges:
    """Edges of the picture as it is."""
    text = PICTURE.read_text(encoding="utf-8")
    return set(re.findall(r"<title>(\w+)&#45;&gt;(\w+)</title>", text))


if __name__ == "__main__":
    subprocess.run(
        ["dot", "-Tsvg", "-o", PICTURE], input=drawing(reduced(rule_graph())), text=True, check=True
    )
