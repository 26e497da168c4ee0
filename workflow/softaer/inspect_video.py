"""Videos of rated recordings with label, raters and prediction below the picture.

They are made for the recordings that are named, or for those with the lowest CCC on test. The
prediction of each dimension and target is that of the model that is best on dev, first seed. Time
is that of the recording: labels and ratings are shifted back by the annotation delay, so that they
stand below what the raters reacted to.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from softaer.apply_video import as_strip
from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.experiment import Experiment, Inspect, System
from softaer.core.places import final_prediction
from softaer.core.targets import read_targets, target_names
from softaer.core.tasks import output_name
from softaer.corpus import Recording, rated, read_recordings
from softaer.figures.predictions import prediction_strip
from softaer.page.trouble import worst_first
from softaer.rater_lags import add_preparation, prepared
from softaer.signals.film import WIDTH, Sources, write_film


def chosen(each: pd.DataFrame, seen: Sequence[str], settings: Inspect) -> list[str]:
    """Names of the recordings of which videos are made.

    Parameters
    ----------
    each
        Table of the stage ``recording_scores``.
    seen
        Recordings with video.
    settings
        Names, or how many of the worst.

    Raises
    ------
    InputError
        If a named recording is not scored.
    """
    if settings.names is None:
        return [name for name in worst_first(each).index if name in seen][: settings.worst]
    for name in settings.names:
        if name not in set(each["recording"]):
            raise InputError(
                f"config key 'inspect.names': found {name!r}, which has no score; expected "
                "recordings of dev or test with features"
            )
    return list(settings.names)


def predictions_of(
    experiment: Experiment, results: Path, recording: str, best: pd.DataFrame
) -> pd.DataFrame:
    """Predictions of a recording by the best models, first seed.

    Parameters
    ----------
    experiment
        The predictions of the run.
    results
        Folder of all results.
    recording
        Its name.
    best
        ``dimension``, ``target``, ``modality``, ``task``, ``fusion``; one row for each of the first
        two.

    Returns
    -------
    ``time`` [s], ``<dimension>_E``, and ``<dimension>_sigma`` where it is predicted.
    """
    parts = {}
    for row in best.itertuples(index=False):
        system = System(row.modality, row.task, row.fusion)
        seed = experiment.seeds_of(system.task)[0]
        model = (row.dimension, system.modality, system.task, seed, experiment.whole)
        column = system.column(row.target)
        table = tables.read(final_prediction(results, *model), ["recording", "time", column])
        own = table[table["recording"] == recording].set_index("time")[column]
        parts[output_name(row.dimension, row.target)] = own
    order = [name for name in target_names(experiment.dimensions) if name in parts]
    table = pd.concat([parts[name].rename(name) for name in order], axis=1)
    return table.sort_index().rename_axis("time").reset_index()


def ratings_of(
    dataset: Path,
    recording: Recording,
    ratings: pd.DataFrame,
    delays: Mapping[str, float],
    dimensions: Sequence[str],
) -> dict[str, dict[str, pd.DataFrame]]:
    """Label and raters' traces of E in each dimension, at the time of what they react to.

    Parameters
    ----------
    dataset
        Folder with the targets.
    recording
        The recording.
    ratings
        Of any recordings: ``recording``, ``dimension``, ``time`` [s], ``rater``, ``value``.
    delays
        Annotation delay of each dimension [s].
    dimensions
        Requested ones, in order.
    """
    found: dict[str, dict[str, pd.DataFrame]] = {}
    for dimension in dimensions:
        own = ratings[
            (ratings["recording"] == recording.recording) & (ratings["dimension"] == dimension)
        ]
        series = {
            f"rater {rater}": pd.DataFrame(
                {"time": rows["time"] - delays[dimension], "value": rows["value"]}
            ).sort_values("time")
            for rater, rows in own.groupby("rater")
        }
        label = read_targets(dataset, [recording], dimension)
        series["label"] = label[["time", "E"]].rename(columns={"E": "value"})
        found[dimension] = series
    return found


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    arguments.add_argument("--results", type=Path, required=True, help="folder of all results")
    arguments.add_argument("--each", type=Path, required=True, help="scores of every recording")
    arguments.add_argument("--ratings", type=Path, required=True, help="folder of batches")
    add_preparation(arguments)
    cli.add_settings(arguments, Experiment)
    cli.add_settings(arguments, Inspect)
    cli.add_delays(arguments)
    cli.add_output(arguments)
    options = arguments.parse_args()

    experiment = cli.settings(options, Experiment)
    each = tables.read(options.each)
    recordings = {r.recording: r for r in rated(read_recordings(options.recordings))}
    seen = [name for name, recording in recordings.items() if recording.video]
    delays = cli.delays(options)
    best = each.drop_duplicates(["dimension", "target"])
    for name in chosen(each, seen, cli.settings(options, Inspect)):
        recording = recordings[name]
        table = predictions_of(experiment, options.results, name, best)
        ratings = prepared(tables.read_batches(options.ratings, [recording]), options)
        beside = ratings_of(options.dataset, recording, ratings, delays, experiment.dimensions)
        end = float(table["time"].max())
        png, bounds = prediction_strip(table, end, WIDTH, beside)
        sources = Sources.of(recording)
        write_film(options.output / f"{name}.mp4", sources, as_strip(png), bounds, end)
        print(f"{name} done")


if __name__ == "__main__":
    cli.run(main)
