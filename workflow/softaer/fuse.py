"""Late fusion: a linear combination of the modalities' post-processed predictions.

y = eps + sum_i gamma_i y_i, with the coefficients found on the development partition, separately
for each target, by least squares (Han et al., 2017) or another method of
:mod:`softaer.core.late_fusion`. The plain mean of the modalities is always there beside it. The
gain on dev is also estimated out of fold: post-processing and coefficients are fitted without a
subject and applied to it. A fused sigma below 0 is set to 0.

A recording that lacks a modality is predicted by the others alone, here as in a packed model: see
:func:`combine`. Nothing is fitted to the predictions of a network that has seen no features.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from softaer.core import cli, tables
from softaer.core.correction import Search, Trace, apply_chain, possible
from softaer.core.errors import InputError
from softaer.core.experiment import Fusion, Postprocessing
from softaer.core.late_fusion import fit_fusion, variance_inflation
from softaer.core.schema import FUSED_PREDICTIONS, FUSION
from softaer.core.tasks import FusionMethod
from softaer.coverage import LEAST_SHARE, shares, usable
from softaer.postprocess import read_corpus, read_predictions, read_traces, with_absent

INTERCEPT = "intercept"


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
        See :func:`softaer.core.late_fusion.fit_fusion`; None for the plain mean.
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


class Fused(NamedTuple):
    """Late fusion of one target.

    Attributes
    ----------
    coefficients
        See :func:`softaer.core.late_fusion.fit_fusion`, fitted on the recordings of dev that have
        all modalities.
    inflation
        See :func:`softaer.core.late_fusion.variance_inflation`, on the same recordings.
    fused
        The result of :func:`combine` for each recording; NaN if it lacks all modalities.
    out_of_fold
        The same, but recordings of dev use post-processing and coefficients that were fitted
        without their subject; NaN if no other subject of dev has all modalities.
    mean, mean_out_of_fold
        The same with the plain mean of the modalities instead of coefficients.
    """

    coefficients: np.ndarray
    inflation: np.ndarray
    fused: list[np.ndarray]
    out_of_fold: list[np.ndarray]
    mean: list[np.ndarray]
    mean_out_of_fold: list[np.ndarray]


def fuse(
    modalities: Mapping[str, Sequence[Trace]],
    dev: Callable[[Trace], bool],
    search: Postprocessing,
    method: FusionMethod = "least_squares",
    absent: Collection[tuple[str, str]] = (),
    weak: Collection[tuple[str, str]] = (),
) -> Fused:
    """Late fusion of one target, and its estimate out of fold.

    Parameters
    ----------
    modalities
        Raw predictions of each modality, for the same recordings in the same order.
    dev
        Whether a recording belongs to the development partition.
    search
        Post-processing of the modalities.
    method
        Name of a method in :data:`softaer.core.late_fusion.METHODS`.
    absent
        Pairs of a modality and a recording that lacks it. Such a prediction is neither used nor
        fitted to.
    weak
        Pairs from ``absent`` whose prediction is used nevertheless, because the recording has
        nothing better.

    Raises
    ------
    InputError
        If no recording of dev has labels and all modalities.
    """
    first = next(iter(modalities.values()))
    in_dev = [i for i, trace in enumerate(first) if dev(trace)]
    whole = {
        i
        for i in in_dev
        if not any((modality, first[i].recording) in absent for modality in modalities)
        and not np.isnan(first[i].label).all()
    }
    if not whole:
        raise InputError(
            "late fusion: no recording of the dev partition has labels and features of all of "
            f"{', '.join(modalities)}; expected one at least, or fewer modalities (config key "
            "'modalities')"
        )
    searches = {
        modality: Search([traces[i] for i in in_dev if _there(modality, traces[i], absent)], search)
        for modality, traces in modalities.items()
    }

    def corrected(without: str | None) -> Callable[[int], list[np.ndarray | None]]:
        chains = {modality: one.chain(without) for modality, one in searches.items()}

        def of_recording(i: int) -> list[np.ndarray | None]:
            return [
                apply_chain(chains[modality], traces[i].prediction)
                if _there(modality, traces[i], absent) or (modality, traces[i].recording) in weak
                else None
                for modality, traces in modalities.items()
            ]

        return of_recording

    def fitting(
        parts: Callable[[int], list[np.ndarray | None]], numbers: Iterable[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        frames = [(first[i].label, np.stack(parts(i), axis=1)) for i in numbers]  # type: ignore[arg-type]
        labels, predictions = zip(*frames, strict=True)
        return np.concatenate(labels), np.concatenate(predictions)

    predicted = list(map(corrected(None), range(len(first))))
    known = fitting(predicted.__getitem__, sorted(whole))
    coefficients = fit_fusion(*known, method)
    frames = [len(trace.label) for trace in first]
    fused = [_combined(coefficients, p, n) for p, n in zip(predicted, frames, strict=True)]
    mean = [_combined(None, p, n) for p, n in zip(predicted, frames, strict=True)]
    out_of_fold, mean_out_of_fold = list(fused), list(mean)
    for subject in dict.fromkeys(first[i].subject for i in in_dev):
        parts = corrected(subject)
        others = [i for i in sorted(whole) if first[i].subject != subject]
        # Without anybody to fit to, there is no estimate for a recording with all modalities.
        held_out = np.full(1 + len(modalities), np.nan)
        if others:
            held_out = fit_fusion(*fitting(parts, others), method)
        for i in in_dev:
            if first[i].subject == subject:
                own = parts(i)
                out_of_fold[i] = _combined(held_out, own, frames[i])
                mean_out_of_fold[i] = _combined(None, own, frames[i])
    inflation = variance_inflation(*known)
    return Fused(coefficients, inflation, fused, out_of_fold, mean, mean_out_of_fold)


def missing(
    share_of: Mapping[str, Mapping[str, float]],
    recordings: Iterable[str],
    modalities: Collection[str],
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Which recordings lack which of the fused modalities.

    Parameters
    ----------
    share_of
        Of each modality, also of those that are not fused: the share of each recording's frames
        that have features.
    recordings
        Their names.
    modalities
        That are fused.

    Returns
    -------
    absent, weak
        See :func:`fuse`. If a recording has nothing of the fused modalities but something of
        others, it is scored like the others: its prediction is that from zeros, as for a single
        modality that is missing.
    """
    absent, weak = set(), set()
    for name in recordings:
        there = {m: share_of[m].get(name, 0.0) for m in modalities}
        absent |= {(m, name) for m, share in there.items() if share < LEAST_SHARE}
        found = usable(there)
        if not found and any(shares.get(name, 0.0) > 0 for shares in share_of.values()):
            found = set(there)
        weak |= {(m, name) for m in found if there[m] < LEAST_SHARE}
    return absent, weak


def _there(modality: str, trace: Trace, absent: Collection[tuple[str, str]]) -> bool:
    return (modality, trace.recording) not in absent


def _combined(
    coefficients: np.ndarray | None, predictions: Sequence[np.ndarray | None], frames: int
) -> np.ndarray:
    if all(prediction is None for prediction in predictions):
        return np.full(frames, np.nan)
    return combine(coefficients, predictions)


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
    cli.add_settings(arguments, Fusion, "method")
    cli.add_targets(arguments)
    cli.add_coverage(arguments)
    cli.add_output(arguments)
    cli.add_output(arguments, "--coefficients-output")
    options = arguments.parse_args()

    dev, subject_of, targets = read_corpus(
        options.recordings, options.coverage, options.dataset, options.dimension
    )
    search = cli.settings(options, Postprocessing)
    method = cli.settings(options, Fusion).method
    raw = {modality: read_predictions(path) for modality, path in options.predictions}
    fused = next(iter(raw.values()))[["recording", "time"]].copy()
    for modality, predictions in raw.items():
        if not predictions[["recording", "time"]].equals(fused):
            raise InputError(
                f"late fusion of {options.dimension}: {modality} predicts {len(predictions)} "
                f"frames, {options.predictions[0][0]} {len(fused)}; expected the same frames"
            )
    share_of = {path.stem: shares(path) for path in options.coverage}
    absent, weak = missing(share_of, subject_of, raw)
    coefficients = []
    for target in options.targets:
        modalities = {m: read_traces(p, targets, target, subject_of) for m, p in raw.items()}
        try:
            found = fuse(
                modalities, lambda trace: trace.recording in dev, search, method, absent, weak
            )
        except InputError as error:
            raise InputError(f"{options.dimension} {target}: {error}") from error
        for name, parts in (
            (target, found.fused),
            (f"{target}_out_of_fold", found.out_of_fold),
            (f"{target}_mean", found.mean),
            (f"{target}_mean_out_of_fold", found.mean_out_of_fold),
        ):
            fused[name] = possible(target, np.concatenate(parts)).astype(np.float32)
        terms = {"target": target, "term": [INTERCEPT, *modalities]}
        terms |= {"coefficient": found.coefficients}
        coefficients.append(
            pd.DataFrame(terms | {"variance_inflation": [np.nan, *found.inflation]})
        )
    tables.write(with_absent(fused, FUSED_PREDICTIONS), FUSED_PREDICTIONS, options.output)
    tables.write(pd.concat(coefficients), FUSION, options.coefficients_output)


if __name__ == "__main__":
    cli.run(main)
