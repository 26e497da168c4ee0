"""Rater traces: the ratings scaled, smoothed, or replaced by their changes.

The steps are in :mod:`softaer.panels.steps`. All that follows, from the raters' lags to the labels
and the agreement, takes these traces in place of the ratings.
"""

from pathlib import Path

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import PREPARATION, Labels
from softaer.core.schema import RATINGS
from softaer.panels.steps import prepared_ratings


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--ratings", type=Path, required=True)
    arguments.add_argument("--statistics", type=Path, help="levels of the raters over the corpus")
    cli.add_settings(arguments, Labels, *PREPARATION)
    cli.add_output(arguments)
    options = arguments.parse_args()

    statistics = None if options.statistics is None else tables.read(options.statistics)
    ratings = tables.read(options.ratings)
    traces = prepared_ratings(ratings, cli.settings(options, Labels), statistics)
    of = ["recording", "dimension"]
    left = set(traces[of].itertuples(index=False, name=None))
    for recording, dimension in ratings[of].drop_duplicates().itertuples(index=False, name=None):
        if (recording, dimension) not in left:
            raise InputError(
                f"recording {recording!r}, {dimension}: no rater has a trace that is long enough "
                "for its changes; expected traces of more than a second without gaps, or "
                "'labels: relative: none'"
            )
    tables.write(traces, RATINGS, options.output)


if __name__ == "__main__":
    cli.run(main)
