"""Predictions of one recording as CSV, and a plot of them: E with a band of one sigma."""

from pathlib import Path

from softaer import cli, figures, tables
from softaer.files import complete


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--predictions", type=Path, required=True, help="of the batch")
    arguments.add_argument("--recording-name", required=True)
    cli.add_output(arguments)
    cli.add_output(arguments, "--plot-output")
    options = arguments.parse_args()

    table = tables.read(options.predictions)
    table = table[table["recording"] == options.recording_name].drop(columns="recording")
    if table.empty:
        print(f"recording {options.recording_name!r} has neither sound nor a face: no prediction")
    with complete(options.plot_output) as partial:
        partial.write_text(figures.predictions(table, options.recording_name), encoding="utf-8")
    with complete(options.output) as partial:
        table.to_csv(partial, index=False, float_format="%.6g")


if __name__ == "__main__":
    cli.run(main)
