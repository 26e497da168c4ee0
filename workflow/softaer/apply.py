"""Apply: E and sigma of recordings without ratings, predicted by a packed model.

The output is one table for the batch and a folder with the predictions of each recording as CSV
and a plot.
"""

import json
from pathlib import Path

import pandas as pd

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.core.files import complete
from softaer.core.schema import applied
from softaer.figures.predictions import predictions
from softaer.modalities import BUILT_IN, defaults_of
from softaer.predictor import NothingToPredictError, Predictor
from softaer.signals.evidence import evidence


def check_extraction(predictor: Predictor, extraction: dict) -> None:
    """Refuse features that were extracted with other settings than those of the training.

    Raises
    ------
    InputError
        Names the first setting that differs.
    """
    if list(extraction) != predictor.modalities:
        raise InputError(
            f"config key 'modalities': found {list(extraction)}; expected {predictor.modalities}, "
            "on which the model was trained"
        )
    for modality in predictor.modalities:
        own = predictor.extraction(modality)
        # A setting that is newer than the model had the effect of its default.
        usual = defaults_of(own.get("source", BUILT_IN.get(modality)))
        learnt = {key: usual.get(key) for key in extraction[modality]} | own
        for key, value in learnt.items():
            found = extraction[modality].get(key)
            if found != value:
                where = modality if modality in BUILT_IN else f"modalities.{modality}"
                raise InputError(
                    f"config key '{where}.{key}': found {found!r}; expected {value!r}, with "
                    "which the model was trained"
                )


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--model", type=Path, required=True, help="folder of a packed model")
    arguments.add_argument("--network-file", type=Path, help="Python file with its networks' class")
    arguments.add_argument("--recording-names", nargs="+", required=True)
    arguments.add_argument(
        "--features",
        action="append",
        nargs=2,
        metavar=("MODALITY", "PATH"),
        required=True,
        help="features of the batch; once per modality",
    )
    arguments.add_argument(
        "--evidence",
        action="append",
        nargs=2,
        metavar=("KIND", "PATH"),
        default=[],
        help="speech and descriptors, or face and landmarks of the batch",
    )
    arguments.add_argument("--extraction", type=json.loads, required=True, help="as JSON")
    cli.add_output(arguments)
    cli.add_output(arguments, "--folder-output")
    options = arguments.parse_args()

    predictor = Predictor.load(options.model, options.network_file)
    check_extraction(predictor, options.extraction)
    features: dict[str, dict[str, pd.DataFrame]] = {
        modality: dict(tables.by_recording(Path(path))) for modality, path in options.features
    }
    rests_on = {
        kind: {name: evidence(kind, rows) for name, rows in tables.by_recording(Path(path))}
        for kind, path in options.evidence
    }
    nothing = pd.DataFrame(columns=["time", *predictor.columns], dtype="float32")
    with tables.writer(options.output, applied(predictor.columns)) as sink:
        for recording in options.recording_names:
            own = {m: parts[recording] for m, parts in features.items() if recording in parts}
            try:
                known = {k: parts[recording] for k, parts in rests_on.items() if recording in parts}
                table = predictor.predict_features(own, evidence=known)
            except NothingToPredictError as error:
                # Without a face and without sound, nothing can be predicted.
                print(f"recording {recording!r}: {error}")
                table = nothing.copy()
            with complete(options.folder_output / f"{recording}.csv") as partial:
                table.to_csv(partial, index=False, float_format="%.6g")
            with complete(options.folder_output / f"{recording}.svg") as partial:
                partial.write_text(predictions(table, recording), encoding="utf-8")
            table.insert(0, "recording", recording)
            sink.append(table)


if __name__ == "__main__":
    cli.run(main)
