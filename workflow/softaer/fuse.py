"""Late fusion: a linear combination of the modalities' post-processed predictions.

y = eps + sum_i gamma_i y_i, with the coefficients found by least squares on the development
partition, separately for each target (Han et al., 2017). The gain on dev is also estimated
out of fold: post-processing and coefficients are fitted without a subject and applied to it.

A recording that lacks a modality is predicted by the others alone, here as in a packed model: see
:func:`combine`. Nothing is fitted to the predictions of a network that has seen no features.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.correction import (
    Step,
    Trace,
    apply_chain,
    choose_and_fit,
)
from softaer.core.errors import InputError
from softaer.core.experiment import Postprocessing
from softaer.core.schema import FUSED_PREDICTIONS, FUSION
from softaer.coverage import LEAST_SHARE, shares, usable
from softaer.postprocess import read_corpus, read_predictions, read_traces, with_absent

INTERCEPT = "intercept"


def fit_fusion(truth: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Least-squares coefficients of a late fusion.

    Parameters
    ----------
    truth
        Labels, shape (n,).
    predictions
        One column per modality, shape (n, m); frames with NaN in any of them or in the label are
        left out.

    Returns
    -------
    float64 array of shape (1 + m,): intercept, then one coefficient per modality. If the frames do
    not determine them, this is the solution with the smallest norm.

    Raises
    ------
    InputError
        If no frame is left.
    """
    known = ~(np.isnan(truth) | np.isnan(predictions).any(axis=1))
    if not known.any():
        raise InputError("late fusion: no frame of the dev partition has a label and predictions")
    x = predictions[known].astype(np.float64)
    y = truth[known].astype(np.float64)
    centre = x.mean(axis=0)
    gamma = np.linalg.lstsq(x - centre, y - y.mean(), rcond=None)[0]
    return np.concatenate([[y.mean() - centre @ gamma], gamma])


def apply_fusion(coefficients: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Fused prediction, shape (n,), of predictions of shape (n, m)."""
    return coefficients[0] + predictions @ coefficients[1:]


def combine(
    coefficients: np.ndarray | None, predictions: Sequence[np.ndarray | None]
) -> np.ndarray:
    """Prediction of one recording from all of its modalities.

    Parameters
    ----------
    coefficients
        See :func:`fit_fusion`; None if no fusion has been learnt.
    predictions
        Post-processed predictions, shape (n,), one per modality; None if the recording lacks it.

    Returns
    -------
    Shape (n,): the fusion if the recording has all modalities, otherwise the mean of those that it
    has, because the coefficients are valid only together.
    """
    there = [prediction for prediction in predictions if prediction is not None]
    if coefficients is None or len(there) < len(predictions):
        return np.mean(there, axis=0)
    return apply_fusion(coefficients, np.stack(there, axis=1))


def possible(target: str, prediction: np.ndarray) -> np.ndarray:
    """A fused prediction, with 0 for a sigma below 0; NaN stays NaN."""
    return np.maximum(prediction, 0.0) if target == "sigma" else prediction


def fuse(
    modalities: Mapping[str, Sequence[Trace]],
    dev: Callable[[Trace], bool],
    chain: Callable[[Sequence[Trace]], Sequence[Step]],
    absent: Collection[tuple[str, str]] = (),
    weak: Collection[tuple[str, str]] = (),
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Late fusion of one target, and its estimate out of fold.

    Parameters
    ----------
    modalities
        Raw predictions of each modality, for the same recordings in the same order.
    dev
        Whether a recording belongs to the development partition.
    chain
        Chooses and fits the post-processing of a modality on some of its traces, or on none.
    absent
        Pairs of a modality and a recording that lacks it. Such a prediction is neither used nor
        fitted to.
    weak
        Pairs from ``absent`` whose prediction is used nevertheless, because the recording has
        nothing better.

    Returns
    -------
    coefficients
        See :func:`fit_fusion`, fitted on the recordings of dev that have all modalities.
    fused
        The result of :func:`combine` for each recording; NaN if it lacks all modalities.
    out_of_fold
        The same, but recordings of dev use post-processing and coefficients that were fitted
        without their subject; NaN if no other subject of dev has all modalities.

    Raises
    ------
    InputError
        If no recording of dev has labels and all modalities.
    """
    coefficients, fused = _fit_and_apply(modalities, dev, chain, absent, weak)
    if coefficients is None:
        raise InputError(
            "late fusion: no recording of the dev partition has labels and features of all of "
            f"{', '.join(modalities)}; expected one at least, or fewer modalities (config key "
            "'modalities')"
        )
    out_of_fold = list(fused)
    first = next(iter(modalities.values()))
    for subject in dict.fromkeys(t.subject for t in first if dev(t)):

        def others(trace: Trace, subject: str = subject) -> bool:
            return dev(trace) and trace.subject != subject

        held_out = _fit_and_apply(modalities, others, chain, absent, weak)[1]
        for i, trace in enumerate(first):
            if dev(trace) and trace.subject == subject:
                out_of_fold[i] = held_out[i]
    return coefficients, fused, out_of_fold


def _fit_and_apply(
    modalities: Mapping[str, Sequence[Trace]],
    fitted_on: Callable[[Trace], bool],
    chain: Callable[[Sequence[Trace]], Sequence[Step]],
    absent: Collection[tuple[str, str]],
    weak: Collection[tuple[str, str]],
) -> tuple[np.ndarray | None, list[np.ndarray]]:
    """Coefficients and combined predictions; None and NaN if there is no recording to fit on."""
    columns = []
    for modality, traces in modalities.items():
        pairs = [(modality, trace.recording) for trace in traces]
        there = [pair not in absent for pair in pairs]
        steps = chain([t for t, here in zip(traces, there, strict=True) if here and fitted_on(t)])
        columns.append(
            [
                apply_chain(steps, trace.prediction) if here or pair in weak else None
                for trace, here, pair in zip(traces, there, pairs, strict=True)
            ]
        )
    first = next(iter(modalities.values()))
    rows = list(zip(first, *columns, strict=True))
    whole = [
        (trace.label, np.stack(predictions, axis=1))
        for trace, *predictions in rows
        if fitted_on(trace)
        and not any((modality, trace.recording) in absent for modality in modalities)
        and not np.isnan(trace.label).all()
    ]
    coefficients = fit_fusion(*map(np.concatenate, zip(*whole, strict=True))) if whole else None
    applied = np.full(1 + len(modalities), np.nan) if coefficients is None else coefficients
    return coefficients, [
        np.full(len(trace.label), np.nan)
        if all(p is None for p in predictions)
        else combine(applied, predictions)
        for trace, *predictions in rows
    ]


def main() -> None:
    arguments = cli.parser(__doc__)
    arguments.add_argument("--recordings", type=Path, required=True, help="recordings.csv")
    arguments.add_argument("--dataset", type=Path, required=True, help="folder with the targets")
    arguments.add_argument("--dimension", required=True)
    arguments.add_argument(
        "--prediction",
        dest="predictions",
        action="append",
        nargs=2,
        metavar=("MODALITY", "PATH"),
        required=True,
        help="raw predictions from a modality; once for each",
    )
    cli.add_settings(arguments, Postprocessing)
    cli.add_targets(arguments)
    cli.add_coverage(arguments)
    cli.add_output(arguments)
    cli.add_output(arguments, "--coefficients-output")
    options = arguments.parse_args()

    dev, subject_of, targets = read_corpus(
        options.recordings, options.coverage, options.dataset, options.dimension
    )
    search = cli.settings(options, Postprocessing)
    raw = {modality: read_predictions(path) for modality, path in options.predictions}
    fused = next(iter(raw.values()))[["recording", "time"]].copy()
    for modality, predictions in raw.items():
        if not predictions[["recording", "time"]].equals(fused):
            raise InputError(
                f"late fusion of {options.dimension}: {modality} predicts {len(predictions)} "
                f"frames, {options.predictions[0][0]} {len(fused)}; expected the same frames"
            )
    share_of = {path.stem: shares(path) for path in options.coverage}
    absent, weak = set(), set()
    for name in subject_of:
        found = {m: share_of[m].get(name, 0.0) for m in raw}
        absent |= {(m, name) for m, share in found.items() if share < LEAST_SHARE}
        weak |= {(m, name) for m in usable(found) if found[m] < LEAST_SHARE}
    coefficients = []
    for target in options.targets:
        modalities = {m: read_traces(p, targets, target, subject_of) for m, p in raw.items()}
        try:
            gamma, final, out_of_fold = fuse(
                modalities,
                lambda trace: trace.recording in dev,
                lambda traces: choose_and_fit(traces, search),
                absent,
                weak,
            )
        except InputError as error:
            raise InputError(f"{options.dimension} {target}: {error}") from error
        fused[target] = possible(target, np.concatenate(final)).astype(np.float32)
        fused[f"{target}_out_of_fold"] = possible(target, np.concatenate(out_of_fold)).astype(
            np.float32
        )
        coefficients.append(
            pd.DataFrame({"target": target, "term": [INTERCEPT, *modalities], "coefficient": gamma})
        )
    tables.write(with_absent(fused, FUSED_PREDICTIONS), FUSED_PREDICTIONS, options.output)
    tables.write(pd.concat(coefficients), FUSION, options.coefficients_output)


if __name__ == "__main__":
    cli.run(main)
