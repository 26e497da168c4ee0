"""A trained model that predicts E and sigma of new recordings, loaded from one folder or zip file.

    from softaer.predictor import Predictor

    table = Predictor.load("results/packed_model").predict("new.mp4")

The folder contains everything that the workflow has learnt: networks, standardisation,
post-processing and late fusion of one task, and the settings of the extraction. Nothing in it is
unpickled.
"""

import importlib
import json
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.torch import load

from softaer.core.correction import Step, apply_chain, possible
from softaer.core.errors import InputError
from softaer.core.experiment import FeatureTable, TableFeatures
from softaer.core.fields import Section
from softaer.core.grid import RATE, index
from softaer.core.predictive import Spread
from softaer.core.tasks import DISTANCE, FAR, JOIN, OF_DISTRIBUTION, output_name
from softaer.coverage import usable, with_features
from softaer.fuse import INTERCEPT, combine
from softaer.modalities import (
    BUILT_IN,
    SOURCES,
    TABLE,
    Modality,
    as_section,
    evidence_of,
    from_extraction,
)
from softaer.networks.architectures import build, described, pick_device, register
from softaer.networks.network import Network as Model
from softaer.standardisation import standardise

if TYPE_CHECKING:
    from softaer.signals.media import Account, Choice

FORMAT = 1
"""Format of the folder; others are refused."""

DESCRIPTION = "model.json"
WEIGHTS = "weights.safetensors"

UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, RuntimeError),
    *(SafetensorError, zipfile.BadZipFile),
)
"""Exceptions raised by invalid files."""


BAND = 0.8
"""Nominal share of another rater's ratings between ``<dimension>_lower`` and ``_upper``."""


class NothingToPredictError(InputError):
    """A recording has no features of any modality."""


class OddInputWarning(UserWarning):
    """A recording is unusual but is predicted nevertheless."""


@dataclass(frozen=True)
class Network:
    """A network with one seed, for one modality."""

    modality: str
    seed: int
    model: Model


class Predictor:
    """Networks, with their preprocessing and post-processing.

    Attributes
    ----------
    description
        Content of the folder's ``model.json``.
    networks
        Networks in the order of that file.
    standardisations
        ``feature``, ``mean`` and ``scale`` of each modality.
    """

    def __init__(
        self,
        description: dict,
        networks: list[Network],
        standardisations: Mapping[str, pd.DataFrame],
    ) -> None:
        self.description = description
        self.networks = networks
        self.standardisations = standardisations

    @classmethod
    def load(cls, folder: Path, network_file: Path | None = None) -> "Predictor":
        """Load a model.

        Parameters
        ----------
        folder
            The folder, or a zip file of its content.
        network_file
            Python file with the class of its networks, if they are neither of this package nor of
            an installed one. A model never contains code, and names no file to run.

        Raises
        ------
        InputError
            If the folder does not contain a model, or one of another format, or the class of its
            networks is not known.
        """
        if network_file is not None:
            register(network_file)
        root = zipfile.Path(folder) if zipfile.is_zipfile(folder) else Path(folder)
        path = root / DESCRIPTION
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
            if description["format"] != FORMAT:
                raise InputError(
                    f"{path}: format {description['format']!r}; expected {FORMAT}, which this "
                    "version of softaer reads"
                )
            tensors = load((root / WEIGHTS).read_bytes())
            networks = [_network(entry, tensors) for entry in description["networks"]]
            standardisations = {
                modality: pd.DataFrame(
                    {
                        "feature": names,
                        "mean": tensors[f"standardisation/{modality}/mean"].numpy(),
                        "scale": tensors[f"standardisation/{modality}/scale"].numpy(),
                    }
                )
                for modality, names in description["features"].items()
            }
        except UNREADABLE as error:
            raise InputError(f"{folder}: not a packed model: {error}") from error
        return cls(description, networks, standardisations)

    @property
    def modalities(self) -> list[str]:
        """Modalities on which the model was trained."""
        return list(self.standardisations)

    @property
    def outputs(self) -> list[str]:
        """Columns of a prediction except the time: ``<dimension>_E``, ``<dimension>_sigma``."""
        return [
            output_name(dimension, target)
            for dimension in self.description["dimensions"]
            for target in self.description["targets"]
        ]

    @property
    def columns(self) -> list[str]:
        """Columns of a prediction except the time: the outputs, and for each dimension
        ``<dimension>_spread``, ``_lower`` and ``_upper``, as far as the model has them; ``speech``
        and ``face``, if a modality tells them; and ``<modality>_distance``."""
        found = []
        for dimension in self.description["dimensions"]:
            own = [output_name(dimension, target) for target in self.description["targets"]]
            fits = self.description.get("predictive", {}).get(dimension, {})
            if fits:
                banded = any(fit["quantile"] is not None for fit in fits.values())
                endings = OF_DISTRIBUTION if banded else OF_DISTRIBUTION[:1]
                own += [output_name(dimension, ending) for ending in endings]
            found += own
        distances = [output_name(modality, DISTANCE) for modality in self.modalities]
        return found + self.evidence + distances

    @property
    def evidence(self) -> list[str]:
        """Columns that say what a prediction rests on, see :mod:`softaer.signals.evidence`."""
        names = [self.extraction(m).get("source", BUILT_IN.get(m)) for m in self.modalities]
        kinds = [SOURCES[name].evidence for name in names if name in SOURCES]
        return list(dict.fromkeys(kind for kind in kinds if kind is not None))

    def predict(
        self,
        path: Path | None = None,
        *,
        audio: Path | None = None,
        video: Path | None = None,
        turns: Path | None = None,
        audio_stream: int | None = None,
        video_stream: int | None = None,
        channel: int | None = None,
        face: str | None = None,
        tables: Mapping[str, Path | str] | None = None,
        fusion: str | None = None,
    ) -> pd.DataFrame:
        """Predict a recording from its media file.

        Parameters
        ----------
        path
            A file with sound and video.
        audio, video
            Two files instead of one; one of them may be missing.
        turns
            File with the subject's turns, if the model was trained with turns; see
            :mod:`softaer.signals.turns`.
        audio_stream, video_stream, channel, face
            Which stream, channel and face belong to the subject, as in a corpus table.
        tables
            Feature tables of the recording, by the name of their modality (source ``table``).
        fusion
            See :meth:`predict_features`.

        Returns
        -------
        See :meth:`predict_features`.

        Raises
        ------
        InputError
            If a file cannot be read, no file is given, turns are missing, or a table has other
            columns than those of the training.

        Warns
        -----
        OddInputWarning
            If a file is unusual, see :class:`softaer.signals.media.Account`.
        """
        from softaer.signals.evidence import evidence
        from softaer.signals.media import Choice

        files = {"audio": audio or path, "video": video or path}
        beside = {"audio": files["video"], "video": files["audio"]}
        streams = {"audio": audio_stream, "video": video_stream}
        sources = {name: self.source(name) for name in self.modalities}
        given = dict(tables or {})
        known = [name for name, modality in sources.items() if modality.source.name == TABLE]
        for name in given:
            if name not in known:
                raise InputError(f"a table of {name!r}: expected tables of {known}, of the model's")
        features: dict[str, pd.DataFrame] = {}
        read: dict[str | None, pd.DataFrame] = {}
        for name, modality in sources.items():
            column = modality.source.column
            if name in given:
                length = _length([file for file in (audio, video, path) if file is not None])
                features[name] = _table(modality, given[name], length)
                continue
            file = files.get(column or "")
            # A file with only sound or only video is predicted from that.
            if column is not None and file is not None and (file != path or _has(file, column)):
                other = beside[column] if beside[column] != file else None
                choice = Choice("", streams[column], channel, face, other)
                section = as_section(modality.source.settings, modality.settings)
                spoken = _turns_for(modality, section, file, turns)
                if modality.reader not in read:
                    # The face mesh has the facial points as well: one pass is enough for both.
                    same = [m for m in sources.values() if m.reader == modality.reader]
                    read[modality.reader] = _rows(max(same, key=lambda m: m.meshed), file, choice)
                extracted = _extract(modality, section, read[modality.reader], spoken)
                if extracted is not None:
                    features[name] = extracted
        for name, modality in sources.items():
            if modality.parts and all(part in features for part in modality.parts):
                from softaer.concatenated_features import concatenated_features

                parts = {part: features[part] for part in modality.parts}
                features[name] = concatenated_features(parts)
        rests_on = {
            kind: evidence(kind, read[modality.reader])
            for kind, modality in evidence_of(sources.values()).items()
            if modality.reader in read and len(read[modality.reader])
        }
        return self.predict_features(features, fusion, rests_on)

    def parts(self, fusion: str | None = None) -> list[str]:
        """Modalities from which a fusion predicts, see :meth:`predict_features`.

        Raises
        ------
        InputError
            If the model has no such fusion or modality.
        """
        if fusion is None:
            terms = self._terms(None)
            return [name for name in self.modalities if terms is None or name in terms]
        names = [*self.modalities, *self._fusions()]
        if fusion not in names:
            raise InputError(f"fusion: found {fusion!r}; expected one of {names}, of the model's")
        return fusion.split(JOIN)

    def _fusions(self) -> dict[str, dict]:
        """Coefficients of each fusion by its name."""
        fusion = self.description["fusion"]
        if fusion is None:
            return {}
        return self.description.get("fusions") or {JOIN.join(self.parts()): fusion}

    def _terms(self, fusion: str | None) -> dict | None:
        """Terms of a fusion, of some dimension, target and seed."""
        of_dimension = self.description["fusion"] if fusion is None else self._fusions()[fusion]
        if of_dimension is None:
            return None
        return next(iter(next(iter(next(iter(of_dimension.values())).values())).values()))

    def source(self, name: str) -> Modality:
        """Source and settings of a modality.

        Raises
        ------
        InputError
            If the source is somebody's own and not known here, see
            :func:`softaer.modalities.register`.
        """
        try:
            return from_extraction(name, self.extraction(name))
        except InputError as error:
            raise InputError(f"modality {name!r}: {error}") from error

    def extraction(self, name: str) -> dict[str, Any]:
        """Settings of a modality as the model has them."""
        sources = self.description.get("sources", {})
        return sources[name] if name in sources else self.description[name]

    def predict_features(
        self,
        features: Mapping[str, pd.DataFrame],
        fusion: str | None = None,
        evidence: Mapping[str, pd.DataFrame] | None = None,
    ) -> pd.DataFrame:
        """Predict a recording from its features.

        Parameters
        ----------
        features
            For each modality ``time`` [s, on the grid] and the columns of the extraction, as the
            stages ``audio_features``, ``video_features`` and ``table_features`` write them, not
            standardised. If a modality is missing, or has features in less than half of the frames,
            only the others are used, without fusion (see :func:`softaer.coverage.usable`).
        fusion
            Name of a fusion of the model, such as ``audio+video``, or of a single modality; by
            default the last one of the configuration.
        evidence
            What is known of the columns ``speech`` and ``face``, see
            :func:`softaer.signals.evidence.evidence`.

        Returns
        -------
        ``time`` [s], from 0 on the grid of 10 Hz to the last frame of any modality, and float32
        columns in units of the ratings (see :attr:`columns`): ``<dimension>_E`` and
        ``<dimension>_sigma``, the mean over seeds; ``<dimension>_spread``, the standard deviation
        of another rater's rating about E; ``<dimension>_lower`` and ``<dimension>_upper``, between
        which :data:`BAND` of such ratings are expected, on average over new recordings. The band
        is NaN in frames without features of any modality, and where the model knows no error for
        the modalities at hand. The raters' delay is removed: E at t describes what happens at t.
        A sigma below 0 is set to 0. The other columns tell what the prediction rests on. ``speech``
        and ``face`` are the shares of voiced sound and of pictures with a face within one second,
        NaN where that is not known. ``<modality>_distance`` is the
        root mean square of the standardised features, so that it is 1 on average in train, and NaN
        in frames in which the modality has no features or is not used.

        Raises
        ------
        InputError
            If no modality has features, or a column is missing.

        Warns
        -----
        OddInputWarning
            If the median of a distance is more than :data:`softaer.core.tasks.FAR`.
        """
        parts = self.parts(fusion)
        given = {m: rows for m, rows in features.items() if m in parts}
        sequences, distances = self._sequences(given)
        seen = np.any([~np.isnan(distance) for distance in distances.values()], axis=0)
        here = JOIN.join(name for name in parts if name in sequences)
        coefficients = self.description["fusion"]
        if fusion is not None:
            coefficients = self._fusions().get(fusion)
        length = len(next(iter(sequences.values())))
        table = pd.DataFrame({"time": np.arange(length) / RATE})
        raw = {
            (modality, network.seed, output): values
            for modality, sequence in sequences.items()
            for network in self.networks
            if network.modality == modality
            for output, values in zip(
                network.model.architecture.outputs,
                network.model.predict([sequence])[0].T.astype(np.float64),
                strict=True,
            )
        }
        for dimension in self.description["dimensions"]:
            for target in self.description["targets"]:
                name = output_name(dimension, target)
                per_seed = [
                    self._finish(
                        *(dimension, target, seed, {m: raw[m, seed, name] for m in sequences}),
                        *(parts, coefficients),
                    )
                    for seed in self.description["seeds"]
                ]
                table[name] = np.mean(per_seed, axis=0).astype(np.float32)
            table = table.assign(**self._distribution(dimension, here, table, seen))
        for kind in self.evidence:
            table[kind] = _on_grid((evidence or {}).get(kind), kind, length)
        for modality in self.modalities:
            table[output_name(modality, DISTANCE)] = distances.get(modality, np.float32(np.nan))
        for modality, distance in distances.items():
            middle = float(np.nanmedian(distance))
            if middle > FAR:
                warnings.warn(
                    f"{modality}: the features are {middle:.1f} times as far from the mean of "
                    "train as those of train: the model has hardly seen such a recording",
                    OddInputWarning,
                    stacklevel=2,
                )
        return table[["time", *self.columns]]

    def _distribution(
        self, dimension: str, modality: str, table: pd.DataFrame, seen: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Spread and band of a dimension, float32, from its E and sigma."""
        fits = self.description.get("predictive", {}).get(dimension, {})
        if not fits:
            return {}
        fit = fits.get(modality)
        spread, half = (np.full(len(table), np.nan) for _ in range(2))
        if fit is not None:
            name = output_name(dimension, "sigma")
            sigma = table[name].to_numpy(np.float64) if name in table else np.zeros(len(table))
            spread = Spread(fit["a"], fit["constant"]).of(sigma)
            if fit["quantile"] is not None:
                half = np.where(seen, fit["quantile"] * spread, np.nan)
        centre = table[output_name(dimension, "E")].to_numpy(np.float64)
        values = (spread, centre - half, centre + half)
        return {
            output_name(dimension, ending): value.astype(np.float32)
            for ending, value in zip(OF_DISTRIBUTION, values, strict=True)
        }

    def _sequences(
        self, features: Mapping[str, pd.DataFrame]
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Standardised features of each modality that has any, on one grid, zero where missing;
        and their root mean square in each frame, float32, shape (T,), NaN without features."""
        here = {}
        for modality, standardisation in self.standardisations.items():
            rows = features.get(modality)
            if rows is None:
                continue
            names = list(standardisation["feature"])
            missing = [name for name in names if name not in rows]
            if missing:
                raise InputError(
                    f"{modality} features: no column {missing[0]!r}; expected the {len(names)} "
                    "features on which the model was trained, extracted with the same settings"
                )
            values = standardise(rows[names].to_numpy(), standardisation)
            here[modality] = (index(rows["time"].to_numpy()), values)
        length = max((frames.max(initial=-1) for frames, _ in here.values()), default=-1) + 1
        there = {m: with_features(values).sum() / max(length, 1) for m, (_, values) in here.items()}
        here = {modality: here[modality] for modality in here if modality in usable(there)}
        if not here:
            raise NothingToPredictError(
                f"no features of {' or '.join(self.modalities)}; expected some frames"
            )
        length = max(frames.max() for frames, _ in here.values()) + 1
        sequences, distances = {}, {}
        for modality, (frames, values) in here.items():
            sequences[modality] = np.zeros((length, values.shape[1]), dtype=np.float32)
            sequences[modality][frames] = np.nan_to_num(values)
            known = with_features(values)
            distances[modality] = np.full(length, np.nan, dtype=np.float32)
            squares = np.nanmean(values[known].astype(np.float64) ** 2, axis=1)
            distances[modality][frames[known]] = np.sqrt(squares)
        return sequences, distances

    def _finish(
        self,
        dimension: str,
        target: str,
        seed: int,
        raw: Mapping[str, np.ndarray],
        parts: Sequence[str],
        fusion: dict | None,
    ) -> np.ndarray:
        """Post-process each modality's prediction, and combine those of the fused modalities."""
        steps = self.description["postprocessing"][dimension][target][str(seed)]
        finished = {
            modality: apply_chain([Step(name, tuple(value)) for name, value in steps[modality]], y)
            for modality, y in raw.items()
        }
        coefficients = None
        if fusion is not None:
            terms = fusion[dimension][target][str(seed)]
            coefficients = np.array([terms[INTERCEPT], *(terms[m] for m in parts)])
        fused = combine(coefficients, [finished.get(m) for m in parts])
        return possible(target, fused)


def _on_grid(rows: pd.DataFrame | None, column: str, length: int) -> np.ndarray:
    """A column on the frames of a prediction, float32, NaN where nothing is known."""
    values = np.full(length, np.nan, dtype=np.float32)
    if rows is not None:
        known = rows[:length]
        values[index(known["time"].to_numpy())] = known[column]
    return values


def _rows(modality: Modality, path: Path, choice: "Choice") -> pd.DataFrame:
    """What the first stage of a modality makes of a file, from the chosen streams."""
    from softaer.signals.media import Account

    account = Account()
    rows = _FIRST[str(modality.source.first)](modality, path, choice, account)
    _warn(path, account.notes)
    return rows


def _turns_for(modality: Modality, section: Section, path: Path, turns: Path | None) -> Path | None:
    """The file of turns, if the features need it."""
    uses = getattr(section, "turns", "ignore")
    if uses == "ignore":
        return None
    if turns is None:
        raise InputError(
            f"{path}: no turns; expected them, because the model was trained with turns "
            f"({modality.name}.turns: {uses})"
        )
    return turns


def _extract(
    modality: Modality, section: Section, rows: pd.DataFrame, turns: Path | None
) -> pd.DataFrame | None:
    """Features of a file, from what its first stage made; ``None`` for less than one frame.

    The stages of the modality's source use the same functions.
    """
    from softaer.signals.turns import read_turns

    if not len(rows):
        return None
    last = importlib.import_module(f"softaer.{modality.source.last}")
    if turns is None:
        return last.from_rows(rows, section)
    told: list[str] = []
    spoken = read_turns(turns, rows["time"].iloc[-1] + rows["time"].iloc[0], told.append)
    _warn(turns, told)
    return last.from_rows(rows, section, spoken)


def _lld(modality: Modality, path: Path, choice: "Choice", account: "Account") -> pd.DataFrame:
    from softaer.audio_lld import compute_lld
    from softaer.signals.sound import audio_blocks

    blocks = audio_blocks(
        path, stream=choice.stream, channel=choice.channel, beside=choice.beside, account=account
    )
    parts = list(compute_lld(blocks, modality.settings["feature_set"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _landmarks(
    modality: Modality, path: Path, choice: "Choice", account: "Account"
) -> pd.DataFrame:
    from softaer.landmarks import track
    from softaer.signals.pictures import video_frames

    settings = modality.settings
    frames = video_frames(
        path, rate=settings["rate"], stream=choice.stream, beside=choice.beside, account=account
    )
    tables = track(
        frames,
        settings["refine"],
        settings["min_detection_confidence"],
        settings["min_tracking_confidence"],
        choice.face,
        account,
        mesh=modality.meshed,
    )
    return pd.concat(tables, ignore_index=True)


def _own(modality: Modality, path: Path, choice: "Choice", account: "Account") -> pd.DataFrame:
    from softaer.source_table import read_rows

    section = as_section(modality.source.settings, modality.settings)
    return read_rows(modality.source, str(path), section, choice, account)


_FIRST = {"audio_lld": _lld, "landmarks": _landmarks, "source_table": _own}
"""Rows of a file, as the first stages of sources make them."""


def _table(modality: Modality, path: Path | str, length: float | None) -> pd.DataFrame:
    """Features of a feature table."""
    from softaer.readers.features import read_features
    from softaer.table_features import from_rows

    notes: list[str] = []
    reading = as_section(FeatureTable, modality.settings)
    rows = read_features(path, reading, length, note=notes.append)
    _warn(Path(path), notes)
    return from_rows(rows, as_section(TableFeatures, modality.settings))


def _length(files: Sequence[Path]) -> float | None:
    from softaer.recording_lengths import length

    return length([str(file) for file in files])


def _warn(path: Path, notes: Sequence[str]) -> None:
    for note in notes:
        warnings.warn(f"{path}: {note}", OddInputWarning, stacklevel=4)


def _has(path: Path, column: str) -> bool:
    from softaer.signals.probe import probe

    contents = probe(path)
    return (contents.audio_rate if column == "audio" else contents.video_rate) is not None


def _network(entry: dict, tensors: Mapping) -> Network:
    model = build(described(entry["architecture"]))
    prefix = f"{entry['name']}/"
    model.load_state_dict(
        {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    )
    return Network(entry["modality"], entry["seed"], model.to(pick_device()).eval())
