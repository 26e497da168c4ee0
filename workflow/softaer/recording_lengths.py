"""Recording lengths: the lengths in the headers of media files; nothing is decoded.

They are needed if raters' values are held to the end of the recording. A recording has no length if
its files do not exist or do not state it; of two files, the longer one counts.
"""

from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.schema import RECORDING_LENGTHS
from softaer.signals.probe import probe


def length(paths: list[str]) -> float | None:
    """Length of the recording in some files [s]; None if none of them states it."""
    found = []
    for path in filter(lambda path: Path(path).exists(), dict.fromkeys(paths)):
        try:
            found.append(probe(Path(path)).seconds)
        except InputError as error:
            print(error)
    return max(found, default=0.0) or None


def main() -> None:
    arguments = cli.parser(__doc__)
    cli.add_recordings(arguments, "media file; again for a second one")
    cli.add_output(arguments)
    options = arguments.parse_args()

    files: dict[str, list[str]] = {}
    for recording, path in options.recordings:
        files.setdefault(recording, []).append(path)
    rows = [{"recording": name, "seconds": length(paths)} for name, paths in files.items()]
    table = pd.DataFrame(rows, columns=RECORDING_LENGTHS.names).astype({"seconds": float})
    tables.write(table, RECORDING_LENGTHS, options.output)
    for row in table[table["seconds"].isna()].itertuples():
        print(f"recording {row.recording!r}: its length is not known")


if __name__ == "__main__":
    cli.run(main)
