"""Rating scales: check that all raters used one scale in all recordings; otherwise the run stops.

E and sigma are in the raters' units. The stage ``ratings`` checks within a batch, so that a mixture
is found early. This stage compares the raters and recordings of the whole corpus.
"""

from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.experiment import Ratings
from softaer.core.schema import RATING_SCALES
from softaer.corpus import rated, read_recordings
from softaer.readers.raters import refuse_mixed_scales, value_ranges


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    cli.add_settings(arguments, Ratings, "scales")
    cli.add_output(arguments)
    options = arguments.parse_args()

    ratings = tables.read_batches(options.ratings, rated(read_recordings(options.recordings)))
    ranges = pd.concat(
        value_ranges(rows).assign(recording=recording)
        for recording, rows in ratings.groupby("recording", sort=False)
    )
    if cli.settings(options, Ratings).scales == "same":
        for recording, rows in ranges.groupby("recording", sort=False):
            refuse_mixed_scales(rows, "rater", f"{options.recordings}: recording {recording!r}")
        for by in ("rater", "recording"):
            refuse_mixed_scales(ranges, by, options.recordings)
    tables.write(ranges, RATING_SCALES, options.output)


if __name__ == "__main__":
    cli.run(main)
