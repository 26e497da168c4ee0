"""The page of all recordings that the packed model was applied to."""

from pathlib import Path

from softaer.core import cli, tables
from softaer.core.files import complete
from softaer.core.tasks import JOIN
from softaer.page.predicted import predicted_page


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--predictions", type=Path, nargs="+", required=True, help="of batches")
    arguments.add_argument("--recording-names", nargs="+", required=True)
    arguments.add_argument("--modalities", nargs="+", required=True)
    cli.add_output(arguments)
    options = arguments.parse_args()

    found = {
        name: table for path in options.predictions for name, table in tables.by_recording(path)
    }
    nothing = tables.read(options.predictions[0]).iloc[:0].drop(columns="recording")
    each = {name: found.get(name, nothing) for name in options.recording_names}
    with complete(options.output) as partial:
        partial.write_text(predicted_page(each, JOIN.join(options.modalities)), encoding="utf-8")


if __name__ == "__main__":
    cli.run(main)
