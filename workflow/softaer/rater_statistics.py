"""Rater statistics: level and spread of each rater over the corpus, for scaling the traces.

On request also gain and bias of each rater in the model of the panel
(:mod:`softaer.core.panel_model`), for the scale ``panel``. For these, the raters' lags are taken
out of the ratings, whatever the labels do later.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.experiment import Labels
from softaer.core.panel_model import PanelModel, fit
from softaer.core.schema import RATER_STATISTICS
from softaer.corpus import rated, read_recordings
from softaer.panels.scaling import statistics
from softaer.rater_lags import align, estimate_lags, panel, without_excluded

LEAST_GAIN = 0.3
"""A rater with a lower gain does not follow the panel: the traces stay as they are and have weight
0, because dividing by the gain would blow up what is mostly noise. Our choice."""


def fit_followers(recordings: Sequence[np.ndarray]) -> PanelModel | None:
    """The model of a panel, of those raters alone who follow it.

    Whoever has a gain below :data:`LEAST_GAIN` is left out, and the model is fitted again, since
    the mean gain of those in it is 1.

    Parameters
    ----------
    recordings
        Ratings without lags, see :func:`softaer.core.panel_model.fit`.

    Returns
    -------
    The model, whose ``used`` are those who follow it; None with fewer than two.
    """
    used = np.ones(len(recordings[0]), dtype=bool)
    while (model := fit(recordings, used)) is not None:
        follow = model.used & (model.gain >= LEAST_GAIN)
        if (follow == model.used).all():
            return model
        used = follow
    return None


def of_panel(ratings: pd.DataFrame, max_lag: float = Labels.max_lag) -> pd.DataFrame:
    """Gain and bias of each rater and dimension.

    Parameters
    ----------
    ratings
        ``recording``, ``time`` [s, on the grid], ``dimension``, ``rater``, ``value``.
    max_lag
        Largest lag that is searched [s].

    Returns
    -------
    ``dimension``, ``rater``, ``gain``, ``bias`` [rating]; 1 and 0 for raters who do not follow the
    panel, and where no two raters move.
    """
    parts = []
    for dimension, rows in ratings.groupby("dimension", sort=True):
        raters, recordings = panel(rows)
        lags = estimate_lags(recordings, max_lag)
        shifted = align(rows, lags.assign(rater=raters, dimension=dimension))
        names, traces = panel(shifted.sort_values("recording", kind="stable"))
        found = pd.DataFrame({"rater": raters, "gain": 1.0, "bias": 0.0}).set_index("rater")
        model = fit_followers(traces)
        if model is not None:
            own = np.array(names)[model.used]
            found.loc[own, "gain"] = model.gain[model.used]
            found.loc[own, "bias"] = model.bias[model.used]
        parts.append(found.reset_index().assign(dimension=dimension))
    return pd.concat(parts, ignore_index=True)


def rater_levels(
    ratings: pd.DataFrame,
    scale: str,
    max_lag: float = Labels.max_lag,
    screen: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Statistics of the raters for a scale over the corpus.

    Parameters
    ----------
    ratings, max_lag
        See :func:`of_panel`.
    scale
        One of :data:`softaer.core.experiment.OVER_CORPUS`.
    screen
        Table of the stage ``rater_screen``; raters whom it leaves out have no part in the panel.

    Returns
    -------
    See :func:`softaer.panels.scaling.statistics`.
    """
    table = statistics(ratings)
    if scale != "panel":
        return table
    kept = ratings if screen is None else without_excluded(ratings, screen)
    known = of_panel(kept, max_lag).set_index(["dimension", "rater"])
    table = table.set_index(["dimension", "rater"])
    table.loc[known.index, ["gain", "bias"]] = known[["gain", "bias"]]
    return table.reset_index()


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    arguments.add_argument("--rater-screen", type=Path, help="raters to leave out")
    cli.add_settings(arguments, Labels, "scale", "max_lag")
    cli.add_output(arguments)
    options = arguments.parse_args()

    settings = cli.settings(options, Labels)
    ratings = tables.read_batches(options.ratings, rated(read_recordings(options.recordings)))
    screen = None if options.rater_screen is None else tables.read(options.rater_screen)
    table = rater_levels(ratings, settings.scale, settings.max_lag, screen)
    tables.write(table, RATER_STATISTICS, options.output)
    print(table.to_string(index=False))


if __name__ == "__main__":
    cli.run(main)
