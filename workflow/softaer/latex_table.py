"""The scores as LaTeX, for a document with ``booktabs``: the paper's table, and a short one.

The table has the form of the paper: one row per modality and task, one pair of columns per
dimension and target. Dev is in-sample for fusion and post-processing; test has its 95 % interval
or, with few subjects or recordings, the range of their own scores. The short table has test only,
for chosen targets, and neither the plain mean beside another fusion nor the mean of train.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.core.tasks import CONSTANT, PLAIN_MEAN, TARGETS
from softaer.page.score_table import score_table, systems

SPECIAL = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
)

SYMBOLS = {"E": "$E$", "sigma": r"$\sigma$"}


def escaped(text: str) -> str:
    """Text with all special characters of LaTeX escaped."""
    return text.translate(SPECIAL)


def latex_table(scores: pd.DataFrame, intervals: pd.DataFrame, ceiling: pd.DataFrame) -> str:
    """The table as LaTeX.

    Parameters
    ----------
    scores, intervals, ceiling
        Tables of the stages ``score``, ``evaluate`` and ``ceiling``.
    """
    table = score_table(scores, intervals, ceiling)
    columns = table["columns"]
    heads = [escaped(f"{dimension} ") + SYMBOLS[target] for dimension, target in columns]
    rules = [rf"\cmidrule(lr){{{3 + 2 * n}-{4 + 2 * n}}}" for n in range(len(columns))]
    lines = [
        f"% Needs \\usepackage{{booktabs}}. CCC; mean over seeds; {_meaning(intervals)}.",
        rf"\begin{{tabular}}{{ll{'rr' * len(columns)}}}",
        r"\toprule",
        row_of(["", "", *(rf"\multicolumn{{2}}{{c}}{{{head}}}" for head in heads)]),
        " ".join(rules),
        row_of(["modality", "task", *["dev", "test"] * len(columns)]),
        r"\midrule",
    ]
    models = len(systems(scores))
    for number, row in enumerate(table["rows"]):
        if number == models:
            lines.append(r"\midrule")
        cells = [cell for block in row["blocks"] for cell in (cell_of(block["dev"]), _test(block))]
        lines.append(row_of([escaped(row["name"]), escaped(row["task"]), *cells]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def short_latex_table(
    scores: pd.DataFrame,
    intervals: pd.DataFrame,
    ceiling: pd.DataFrame,
    targets: Sequence[str] = TARGETS,
) -> str:
    """The short table: CCC on test, for some targets.

    Parameters
    ----------
    scores, intervals, ceiling
        See :func:`latex_table`.
    targets
        Those that were not predicted are left out.

    Raises
    ------
    InputError
        If none of the targets was predicted.
    """
    table = score_table(scores, intervals, ceiling)
    places = [n for n, (_, target) in enumerate(table["columns"]) if target in targets]
    if not places:
        found = sorted({target for _, target in table["columns"]})
        raise InputError(f"report.short_table: found {list(targets)}; expected some of {found}")
    heads = [
        escaped(f"{dimension} ") + SYMBOLS[target]
        for dimension, target in (table["columns"][n] for n in places)
    ]
    lines = [
        f"% Needs \\usepackage{{booktabs}}. CCC on test; mean over seeds; {_meaning(intervals)}; "
        "bold: highest of the models here.",
        rf"\begin{{tabular}}{{ll{'r' * len(places)}}}",
        r"\toprule",
        row_of(["modality", "task", *heads]),
        r"\midrule",
    ]
    models = systems(scores)
    others = {(modality, task) for modality, task, fusion in models if fusion != PLAIN_MEAN}
    shown = [
        row
        for row, (modality, task, fusion) in zip(table["rows"], models, strict=False)
        if task != CONSTANT and not (fusion == PLAIN_MEAN and (modality, task) in others)
    ]
    for row in shown:
        for n in places:
            tests = [other["blocks"][n]["test"] for other in shown]
            known = [value for value in tests if value is not None]
            row["blocks"][n]["best"] = bool(known) and row["blocks"][n]["test"] == max(known)
    for row in [*shown, None, *table["rows"][len(models) :]]:
        if row is None:
            lines.append(r"\midrule")
            continue
        cells = [_test(row["blocks"][n]) for n in places]
        lines.append(row_of([escaped(row["name"]), escaped(row["task"]), *cells]))
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _meaning(intervals: pd.DataFrame) -> str:
    """What the bounds on test are."""
    kinds = set(intervals.loc[intervals["partition"] == "test", "kind"])
    if "interval" in kinds:
        return "brackets: 95 % bootstrap intervals on test"
    return "parentheses: range of the units' own scores on test"


def row_of(cells: list[str]) -> str:
    """A row of a LaTeX table."""
    return " & ".join(cells) + r" \\"


def cell_of(value: float | None) -> str:
    """A number of a LaTeX table, or a dash."""
    return "--" if value is None else f"${value:.3f}$"


def bounds_of(text: str) -> str:
    """Bounds in words, with the minus signs of LaTeX."""
    return text.replace("−", "$-$")


def _test(block: dict) -> str:
    value = cell_of(block["test"])
    if block.get("best"):
        value = rf"$\mathbf{{{block['test']:.3f}}}$"
    if block.get("bounds") is None:
        return value
    return rf"{value} {{\scriptsize {bounds_of(block['bounds'])}}}"


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--scores", type=Path, required=True)
    arguments.add_argument("--intervals", type=Path, required=True)
    arguments.add_argument("--ceiling", type=Path, required=True)
    arguments.add_argument("--targets", nargs="+", required=True, help="of the short table")
    cli.add_output(arguments)
    cli.add_output(arguments, "--short-output")
    options = arguments.parse_args()

    scores, intervals, ceiling = map(
        tables.read, (options.scores, options.intervals, options.ceiling)
    )
    written = {
        options.output: latex_table(scores, intervals, ceiling),
        options.short_output: short_latex_table(scores, intervals, ceiling, options.targets),
    }
    for path, text in written.items():
        with complete(path) as partial:
            partial.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
