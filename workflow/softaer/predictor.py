"""A trained model that predicts E and sigma of new recordings, loaded from one folder or zip file.

    from softaer.predictor import Predictor

    table = Predictor.load("results/packed_model").predict("new.mp4")

The folder contains everything that the workflow has learnt: networks, standardisation,
post-processing and late fusion of one task, and the settings of the extraction. Nothing in it is
unpickled.
"""

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
from softaer.core.grid import RATE, index
from softaer.core.tasks import output_name
from softaer.coverage import usable, with_features
from softaer.fuse import INTERCEPT, combine
from softaer.networks.architectures import build, described, pick_device, register
from softaer.networks.network import Network as Model
from softaer.standardisation import standardise

if TYPE_CHECKING:
    from softaer.signals.media import Choice

FORMAT = 1
"""Format of the folder; others are refused."""

DESCRIPTION = "model.json"
WEIGHTS = "weights.safetensors"

UNREADABLE = (
    *(OSError, ValueError, KeyError, TypeError, RuntimeError),
    *(SafetensorError, zipfile.BadZipFile),
)
"""Exceptions raised by invalid files."""


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

        Returns
        -------
        See :meth:`predict_features`.

        Raises
        ------
        InputError
            If a file cannot be read, no file is given, or turns are missing.

        Warns
        -----
        OddInputWarning
            If a file is unusual, see :class:`softaer.signals.media.Account`.
        """
        from softaer.signals.media import Choice

        files = {"audio": audio or path, "video": video or path}
        beside = {"audio": files["video"], "video": files["audio"]}
        streams = {"audio": audio_stream, "video": video_stream}
        features = {}
        for modality in self.modalities:
            file = files[modality]
            # A file with only sound or only video is predicted from that.
            if file is not None and (file != path or _has(file, modality)):
                other = beside[modality] if beside[modality] != file else None
                choice = Choice("", streams[modality], channel, face, other)
                extracted = self._extract(modality, file, turns, choice)
                if extracted is not None:
                    features[modality] = extracted
        return self.predict_features(features)

    def _extract(
        self,
        modality: str,
        path: Path,
        turns: Path | None,
        choice: "Choice",
    ) -> pd.DataFrame | None:
        """Features of a file, from the chosen streams; ``None`` for less than one frame."""
        from softaer.signals.media import Account

        account = Account()
        source: dict[str, Any] = {
            "stream": choice.stream,
            "beside": choice.beside,
            "account": account,
        }
        settings = self.description[modality]
        if modality == "audio":
            from softaer.audio_features import audio_features
            from softaer.audio_lld import compute_lld
            from softaer.core.experiment import AudioFeatures
            from softaer.signals.sound import audio_blocks
            from softaer.signals.turns import read_turns

            if settings["turns"] != "ignore" and turns is None:
                raise InputError(
                    f"{path}: no turns; expected them, because the model was trained with turns "
                    f"(audio.turns: {settings['turns']})"
                )
            blocks = audio_blocks(path, channel=choice.channel, **source)
            parts = list(compute_lld(blocks, settings["feature_set"]))
            _warn(path, account.notes)
            if not parts:
                return None
            lld = pd.concat(parts, ignore_index=True)
            spoken = None
            if settings["turns"] != "ignore" and turns is not None:
                end = lld["time"].iloc[-1] + lld["time"].iloc[0]
                told: list[str] = []
                spoken = read_turns(turns, end, told.append)
                _warn(turns, told)
            # Models packed before this setting existed have its default.
            functionals = settings.get("functionals", AudioFeatures.functionals)
            return audio_features(lld, settings["window"], spoken, settings["turns"], functionals)
        from softaer.landmarks import columns, track
        from softaer.signals.pictures import video_frames
        from softaer.video_features import POINTS, video_features

        tables = track(
            # Models packed before this setting existed have seen every frame.
            video_frames(path, rate=settings.get("rate"), **source),
            settings["refine"],
            settings["min_detection_confidence"],
            settings["min_tracking_confidence"],
            choice.face,
            account,
        )
        frames = pd.concat(tables, ignore_index=True)
        _warn(path, account.notes)
        return video_features(
            frames["time"].to_numpy(),
            frames[columns()].to_numpy().reshape(-1, len(POINTS), 2),
            settings["max_gap"],
            settings["window"],
            settings["registration"],
        )

    def predict_features(self, features: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
        """Predict a recording from its features.

        Parameters
        ----------
        features
            For each modality ``time`` [s, on the grid] and the columns of the extraction, as the
            stages ``audio_features`` and ``video_features`` write them, not standardised. If a
            modality is missing, or has features in less than half of the frames, only the others
            are used, without fusion (see :func:`softaer.coverage.usable`).

        Returns
        -------
        ``time`` [s], from 0 on the grid of 10 Hz to the last frame of any modality, and float32
        columns ``<dimension>_E`` and ``<dimension>_sigma``, in units of the ratings: the mean over
        seeds. The raters' delay is removed: E at t describes what happens at t. A sigma below 0 is
        set to 0.

        Raises
        ------
        InputError
            If no modality has features, or a column is missing.
        """
        sequences = self._sequences(features)
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
                        dimension, target, seed, {m: raw[m, seed, name] for m in sequences}
                    )
                    for seed in self.description["seeds"]
                ]
                table[name] = np.mean(per_seed, axis=0).astype(np.float32)
        return table

    def _sequences(self, features: Mapping[str, pd.DataFrame]) -> dict[str, np.ndarray]:
        """Standardised features of each modality that has any, on one grid, zero where missing."""
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
        sequences = {}
        for modality, (frames, values) in here.items():
            sequences[modality] = np.zeros((length, values.shape[1]), dtype=np.float32)
            sequences[modality][frames] = np.nan_to_num(values)
        return sequences

    def _finish(
        self, dimension: str, target: str, seed: int, raw: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Post-process each modality's prediction, and combine them."""
        steps = self.description["postprocessing"][dimension][target][str(seed)]
        finished = {
            modality: apply_chain([Step(name, tuple(value)) for name, value in steps[modality]], y)
            for modality, y in raw.items()
        }
        coefficients = None
        if self.description["fusion"] is not None:
            terms = self.description["fusion"][dimension][target][str(seed)]
            coefficients = np.array([terms[INTERCEPT], *(terms[m] for m in self.modalities)])
        fused = combine(coefficients, [finished.get(m) for m in self.modalities])
        return possible(target, fused)


def _warn(path: Path, notes: Sequence[str]) -> None:
    for note in notes:
        warnings.warn(f"{path}: {note}", OddInputWarning, stacklevel=4)


def _has(path: Path, modality: str) -> bool:
    from softaer.signals.probe import probe

    contents = probe(path)
    return (contents.audio_rate if modality == "audio" else contents.video_rate) is not None


def _network(entry: dict, tensors: Mapping) -> Network:
    model = build(described(entry["architecture"]))
    prefix = f"{entry['name']}/"
    model.load_state_dict(
        {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}
    )
    return Network(entry["modality"], entry["seed"], model.to(pick_device()).eval())
