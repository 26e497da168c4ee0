"""A packed model predicts what its parts say, whatever of a recording is there."""

import itertools
import json
import shutil
import sys
import warnings
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import media_files
from softaer import apply
from softaer.commands import export_onnx
from softaer.core.errors import InputError, MissingPackageError
from softaer.core.experiment import RecurrentSettings
from softaer.corpus import Recording
from softaer.fuse import combine
from softaer.networks.network import Architecture
from softaer.networks.recurrent import Recurrent
from softaer.networks.sequences import to_sequence
from softaer.predictor import FORMAT, OddInputWarning, Predictor

FEATURES = {"audio": ["loudness", "pitch"], "video": ["x", "y", "z"]}


def write_model(folder, fusion=True, steps=(), **changes):
    """A model of two modalities and two seeds with random weights."""
    torch.manual_seed(0)
    folder.mkdir(exist_ok=True)
    tensors, networks = {}, []
    for modality, names in FEATURES.items():
        for seed in (1, 2):
            name = f"arousal/{modality}/E+sigma/seed{seed}"
            architecture = Architecture(
                features=len(names),
                outputs=("arousal_E", "arousal_sigma"),
                settings=RecurrentSettings(cells=4),
            )
            model = Recurrent(architecture)
            tensors |= {f"{name}/{k}": v.contiguous() for k, v in model.state_dict().items()}
            entry = {"name": name, "modality": modality, "seed": seed, "instance": "cells=4"}
            networks.append(entry | {"architecture": architecture.content()})
        for column, value in (("mean", 3.0), ("scale", 2.0)):
            tensors[f"standardisation/{modality}/{column}"] = torch.full(
                (len(names),), value, dtype=torch.float64
            )
    chain = {seed: {m: list(steps) for m in FEATURES} for seed in ("1", "2")}
    terms = {"intercept": 0.5, "audio": 2.0, "video": -1.0}
    description = {
        "format": FORMAT,
        "dimensions": ["arousal"],
        "targets": ["E", "sigma"],
        "seeds": [1, 2],
        "features": FEATURES,
        **{modality: {} for modality in FEATURES},
        "networks": networks,
        "postprocessing": {"arousal": {"E": chain, "sigma": chain}},
        "fusion": {"arousal": {t: {"1": terms, "2": terms} for t in ("E", "sigma")}},
    } | changes
    if not fusion:
        description["fusion"] = None
    (folder / "model.json").write_text(json.dumps(description))
    save_file(tensors, folder / "weights.safetensors")
    return folder


def features(modality, frames=30, seed=0):
    rng = np.random.default_rng(seed)
    names = FEATURES[modality]
    table = pd.DataFrame(3 + 2 * rng.standard_normal((frames, len(names))), columns=names)
    table.insert(0, "time", np.arange(frames) / 10)
    return table


def by_hand(predictor, modality, seed, table):
    """Prediction of one network, from standardised values with zeros for what is missing."""
    (network,) = [n for n in predictor.networks if (n.modality, n.seed) == (modality, seed)]
    values = ((table[FEATURES[modality]] - 3) / 2).fillna(0).to_numpy(dtype=np.float32)
    return network.model.predict([values])[0].astype(np.float64)


@pytest.fixture
def folder(tmp_path):
    return write_model(tmp_path / "model")


def test_fusion_of_each_seed_and_their_mean(folder):
    predictor = Predictor.load(folder)
    audio, video = features("audio"), features("video")
    audio.loc[3:5, "pitch"] = np.nan
    table = predictor.predict_features({"audio": audio, "video": video})
    assert list(table.columns) == ["time", "arousal_E", "arousal_sigma", *DISTANCES]
    np.testing.assert_allclose(table["time"], audio["time"])
    fused = [
        0.5 + 2 * by_hand(predictor, "audio", s, audio) - by_hand(predictor, "video", s, video)
        for s in (1, 2)
    ]
    expected = np.mean(fused, axis=0)
    np.testing.assert_allclose(table["arousal_E"], expected[:, 0], atol=1e-6)
    sigma = np.mean([prediction[:, 1].clip(0) for prediction in fused], axis=0)
    np.testing.assert_allclose(table["arousal_sigma"], sigma, atol=1e-6)


DISTANCES = ["speech", "face", "audio_distance", "video_distance"]


def test_the_distance_from_train_is_told_and_far_recordings_are_reported(folder):
    predictor = Predictor.load(folder)
    audio, video = features("audio"), features("video", frames=20)
    audio.loc[3:5, FEATURES["audio"]] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = predictor.predict_features({"audio": audio, "video": video})
    values = (audio[FEATURES["audio"]] - 3) / 2
    expected = np.sqrt((values**2).mean(axis=1))
    np.testing.assert_allclose(table["audio_distance"], expected, rtol=1e-5)
    assert list(table.index[table["audio_distance"].isna()]) == [3, 4, 5]
    assert table["video_distance"].isna().sum() == 10
    alone = predictor.predict_features({"audio": audio})
    assert alone["video_distance"].isna().all()
    far = audio.assign(**{name: 3 + 5 * (audio[name] - 3) for name in FEATURES["audio"]})
    with pytest.warns(OddInputWarning, match=r"audio: the features are [345]\.\d times as far"):
        predictor.predict_features({"audio": far, "video": video})


def test_what_is_known_of_speech_and_face_stands_beside_the_prediction(folder):
    predictor = Predictor.load(folder)
    audio, video = features("audio"), features("video", frames=20)
    speech = pd.DataFrame({"time": np.arange(40) / 10, "speech": np.linspace(0, 1, 40)})
    given = {"audio": audio, "video": video}
    table = predictor.predict_features(given, evidence={"speech": speech})
    np.testing.assert_allclose(table["speech"], speech["speech"][:30], rtol=1e-6)
    assert table["face"].isna().all()
    bare = predictor.predict_features(given)
    pd.testing.assert_frame_equal(
        bare.drop(columns=["speech", "face"]), table.drop(columns=["speech", "face"])
    )


def test_a_model_of_tables_alone_has_no_such_columns(folder):
    description = json.loads((folder / "model.json").read_text())
    table = {"source": "table", "files": "x/{recording}.csv"}
    description["sources"] = {"audio": table, "video": table}
    (folder / "model.json").write_text(json.dumps(description))
    assert Predictor.load(folder).evidence == []


PREDICTIVE = {
    "audio": {"a": 0.3, "constant": 1.0, "quantile": 2.0, "units": 12},
    "audio+video": {"a": 0.4, "constant": 1.0, "quantile": 1.5, "units": 12},
}


def test_spread_and_band_are_those_of_the_modalities_at_hand(tmp_path):
    folder = write_model(tmp_path / "model", predictive={"arousal": PREDICTIVE})
    predictor = Predictor.load(folder)
    audio, video = features("audio"), features("video")
    for given, name in (
        ({"audio": audio, "video": video}, "audio+video"),
        ({"audio": audio}, "audio"),
    ):
        table = predictor.predict_features(given)
        columns = ["E", "sigma", "spread", "lower", "upper"]
        assert list(table.columns) == ["time", *(f"arousal_{n}" for n in columns), *DISTANCES]
        fit = PREDICTIVE[name]
        spread = np.hypot(fit["a"], table["arousal_sigma"])
        np.testing.assert_allclose(table["arousal_spread"], spread, rtol=1e-5)
        half = fit["quantile"] * spread
        np.testing.assert_allclose(table["arousal_upper"] - table["arousal_E"], half, atol=1e-5)
        np.testing.assert_allclose(table["arousal_E"] - table["arousal_lower"], half, atol=1e-5)
    # The model knows no error of the video alone.
    alone = predictor.predict_features({"video": video})
    assert alone["arousal_E"].notna().all()
    assert alone[["arousal_spread", "arousal_lower", "arousal_upper"]].isna().all(axis=None)


def test_frames_without_evidence_have_no_band(tmp_path):
    folder = write_model(tmp_path / "model", predictive={"arousal": PREDICTIVE})
    audio, video = features("audio"), features("video")
    audio.loc[3:7, FEATURES["audio"]] = np.nan
    video.loc[5:9, FEATURES["video"]] = np.nan
    table = Predictor.load(folder).predict_features({"audio": audio, "video": video})
    without = np.arange(len(table))[table["arousal_lower"].isna()]
    assert list(without) == [5, 6, 7]
    assert table[["arousal_E", "arousal_spread"]].notna().all(axis=None)


def test_a_model_without_a_band_has_no_such_column(tmp_path):
    none = {name: fit | {"quantile": None} for name, fit in PREDICTIVE.items()}
    folder = write_model(tmp_path / "model", predictive={"arousal": none})
    table = Predictor.load(folder).predict_features({"audio": features("audio")})
    names = ["arousal_E", "arousal_sigma", "arousal_spread"]
    assert list(table.columns) == ["time", *names, *DISTANCES]


def test_a_modality_in_few_frames_is_not_fused(folder):
    predictor = Predictor.load(folder)
    audio, video = features("audio"), features("video")
    alone = predictor.predict_features({"audio": audio})
    both = predictor.predict_features({"audio": audio, "video": video})
    count = len(video)
    for kept, same in ((1, alone), (count // 2 - 1, alone), (count, both)):
        some = video.copy()
        some.loc[some.index >= kept, FEATURES["video"]] = np.nan
        found = predictor.predict_features({"audio": audio, "video": some})
        pd.testing.assert_frame_equal(found, same)


@pytest.mark.parametrize("how", ["absent", "empty", "null"])
def test_without_one_modality_the_other_predicts_alone(how, folder):
    predictor = Predictor.load(folder)
    video = {
        "absent": None,
        "empty": features("video", frames=0),
        "null": features("video").assign(x=np.nan),
    }[how]
    given = {"audio": features("audio")} | ({} if video is None else {"video": video})
    table = predictor.predict_features(given)
    alone = [by_hand(predictor, "audio", seed, given["audio"])[:, 0] for seed in (1, 2)]
    np.testing.assert_allclose(table["arousal_E"], np.mean(alone, axis=0), atol=1e-6)


@pytest.mark.parametrize("there", list(itertools.product([True, False], repeat=3))[:-1])
def test_of_three_modalities_those_that_are_there_predict(there, tmp_path, monkeypatch):
    monkeypatch.setitem(FEATURES, "text", ["length", "words"])
    steps = [["scaling", [0.1, 3.0]]]
    folder = write_model(tmp_path / "model", steps=steps)
    terms = {"intercept": 0.5, "audio": 2.0, "video": -1.0, "text": 0.75}
    description = json.loads((folder / "model.json").read_text())
    description["fusion"] = {"arousal": {t: {"1": terms, "2": terms} for t in ("E", "sigma")}}
    (folder / "model.json").write_text(json.dumps(description))
    predictor = Predictor.load(folder)
    given = {m: features(m) for m, here in zip(FEATURES, there, strict=True) if here}
    found = predictor.predict_features(given)["arousal_E"]
    per_seed = []
    for seed in (1, 2):
        finished = [
            0.1 + 3 * (by_hand(predictor, m, seed, given[m])[:, 0] - 0.1) if m in given else None
            for m in FEATURES
        ]
        per_seed.append(combine(np.array(list(terms.values())), finished))
        if all(there):
            np.testing.assert_allclose(
                per_seed[-1], 0.5 + 2 * finished[0] - finished[1] + 0.75 * finished[2]
            )
    np.testing.assert_allclose(found, np.mean(per_seed, axis=0), atol=1e-5)


def test_frames_without_a_face_are_what_they_are_in_the_workflow(tmp_path):
    """Lost for a while, the network sees zeros, the mean of train, here as in training."""
    predictor = Predictor.load(write_model(tmp_path / "model", fusion=False))
    video = features("video", 60)
    video.loc[20:40, FEATURES["video"]] = np.nan
    found = predictor.predict_features({"video": video.drop(index=range(45, 50))})
    rows = video.drop(index=range(45, 50)).assign(arousal_E=0.0, arousal_sigma=0.0)
    rows[FEATURES["video"]] = ((rows[FEATURES["video"]] - 3) / 2).astype(np.float32)
    columns = ["time", "arousal_E", "arousal_sigma", *FEATURES["video"]]
    sequence = to_sequence(rows[columns], Recording("a", "a"), [])
    assert not sequence.present[20:41].any()
    assert sequence.present[:20].all()
    networks = [n.model for n in predictor.networks if n.modality == "video"]
    expected = np.mean(
        [m.predict([sequence.features])[0].astype(np.float64) for m in networks], axis=0
    )
    np.testing.assert_array_equal(found["arousal_E"], expected[:, 0].astype(np.float32))


def test_the_longer_modality_says_how_long_a_recording_is(folder):
    table = Predictor.load(folder).predict_features(
        {"audio": features("audio", 20), "video": features("video", 35)}
    )
    assert len(table) == 35
    assert table[["arousal_E", "arousal_sigma"]].notna().all(axis=None)


def test_post_processing_comes_before_fusion(tmp_path):
    steps = [["centring", [1.0]], ["scaling", [2.0, 3.0]]]
    plain = Predictor.load(write_model(tmp_path / "a", fusion=False))
    stepped = Predictor.load(write_model(tmp_path / "b", fusion=False, steps=steps))
    given = {"audio": features("audio")}
    before = plain.predict_features(given)["arousal_E"]
    after = stepped.predict_features(given)["arousal_E"]
    np.testing.assert_allclose(after, 2 + 3 * (before + 1 - 2), atol=1e-5)


def run_apply(folder, tmp_path, monkeypatch, audio, extraction=None):
    """Run the stage on two recordings, one of which has no features."""
    settings = extraction or {"audio": {}, "video": {}}
    paths = []
    for modality, table in (("audio", audio), ("video", features("video").iloc[:0])):
        table = table.assign(recording="a")[["recording", *table.columns]]
        table.to_parquet(tmp_path / f"{modality}.parquet")
        paths += ["--features", modality, str(tmp_path / f"{modality}.parquet")]
    words = ["--model", str(folder), "--recording-names", "a", "b", *paths]
    words += ["--extraction", json.dumps(settings), "--output", str(tmp_path / "out.parquet")]
    words += ["--folder-output", str(tmp_path / "out")]
    monkeypatch.setattr(sys, "argv", ["apply", *words])
    apply.main()


def test_a_recording_without_anything_has_empty_files(tmp_path, monkeypatch, capsys):
    folder = write_model(tmp_path / "model", audio={}, video={})
    run_apply(folder, tmp_path, monkeypatch, features("audio"))
    assert pd.read_parquet(tmp_path / "out.parquet")["recording"].unique().tolist() == ["a"]
    assert len(pd.read_csv(tmp_path / "out/a.csv")) == 30
    assert pd.read_csv(tmp_path / "out/b.csv").empty
    assert "no sound and no face" in (tmp_path / "out/b.svg").read_text()
    assert "recording 'b': no features" in capsys.readouterr().out


def test_a_model_that_does_not_fit_is_not_taken_for_an_empty_recording(tmp_path, monkeypatch):
    folder = write_model(tmp_path / "model", audio={}, video={})
    with pytest.raises(InputError, match="no column 'pitch'"):
        run_apply(folder, tmp_path, monkeypatch, features("audio").drop(columns="pitch"))
    with pytest.raises(InputError, match="'modalities': found"):
        run_apply(folder, tmp_path, monkeypatch, features("audio"), {"audio": {}})
    folder = write_model(tmp_path / "other", audio={"window": 4.0}, video={})
    settings = {"audio": {"window": 2.0}, "video": {}}
    with pytest.raises(InputError, match=r"'audio.window': found 2.0; expected 4.0"):
        run_apply(folder, tmp_path, monkeypatch, features("audio"), settings)


@pytest.mark.parametrize(("learnt", "found"), [({}, 10.0), ({"rate": 10.0}, None)])
def test_a_model_is_not_applied_at_another_rate(learnt, found, tmp_path, monkeypatch):
    # Models that were packed before there was a rate have seen every frame.
    folder = write_model(tmp_path / "model", audio={}, video=learnt)
    settings = {"audio": {}, "video": {"rate": found}}
    with pytest.raises(InputError, match=rf"'video.rate': found {found}"):
        run_apply(folder, tmp_path, monkeypatch, features("audio"), settings)


@pytest.mark.parametrize(
    ("learnt", "found"), [({}, ["mean", "slope"]), ({"functionals": ["sd"]}, ["mean", "variance"])]
)
def test_a_model_is_not_applied_with_other_functionals(learnt, found, tmp_path, monkeypatch):
    folder = write_model(tmp_path / "model", audio=learnt, video={})
    settings = {"audio": {"functionals": found}, "video": {}}
    with pytest.raises(InputError, match=r"'audio.functionals': found \['mean'"):
        run_apply(folder, tmp_path, monkeypatch, features("audio"), settings)


def test_a_model_older_than_functionals_is_applied_with_the_default(tmp_path, monkeypatch):
    folder = write_model(tmp_path / "model", audio={}, video={})
    settings = {"audio": {"functionals": ["mean", "variance"]}, "video": {}}
    run_apply(folder, tmp_path, monkeypatch, features("audio"), settings)
    assert (tmp_path / "out/b.csv").is_file()


@pytest.mark.parametrize(
    ("packed", "ends"),
    [({}, ("_mean", "_variance")), ({"functionals": ["sd", "voiced"]}, ("_sd", "voiced"))],
)
def test_sound_is_described_as_the_model_has_learnt(packed, ends, tmp_path, monkeypatch):
    settings = {"feature_set": "IS13_ComParE", "window": 4.0, "turns": "ignore"}
    folder = write_model(tmp_path / "model", audio=settings | packed, video={})
    path = media_files.write(tmp_path / "a.mka", sound=[(0, media_files.tone(1.0))])
    seen = []
    monkeypatch.setattr(Predictor, "predict_features", lambda self, given, *_: seen.append(given))
    Predictor.load(folder).predict(audio=path)
    (given,) = seen
    names = list(given["audio"])[1:]
    assert names[0].endswith(ends[0])
    assert names[-1].endswith(ends[1])


@pytest.mark.parametrize(("packed", "rate"), [({"rate": 5.0}, 5.0), ({}, None)])
def test_frames_are_sampled_as_the_model_has_learnt(packed, rate, tmp_path, monkeypatch):
    settings = {"refine": False, "min_detection_confidence": 0.5, "min_tracking_confidence": 0.5}
    folder = write_model(tmp_path / "model", audio={}, video=settings | packed)
    asked = []

    def frames(path, rate=None, **rest):
        asked.append(rate)
        raise InputError("seen")

    monkeypatch.setattr("softaer.signals.pictures.video_frames", frames)
    with pytest.raises(InputError, match="seen"):
        Predictor.load(folder).predict(video=tmp_path / "a.mp4")
    assert asked == [rate]


def test_turns_are_asked_for_where_the_model_has_learnt_with_them(tmp_path):
    settings = {"feature_set": "IS13_ComParE", "window": 4.0, "turns": "only"}
    folder = write_model(tmp_path / "model", audio=settings, video={})
    path = media_files.write(tmp_path / "a.mka", sound=[(0, media_files.tone(1.0))])
    with pytest.raises(InputError, match="no turns; expected them"):
        Predictor.load(folder).predict(audio=path)


def test_nothing_to_predict_from_is_an_error(folder):
    with pytest.raises(InputError, match="no features of audio or video"):
        Predictor.load(folder).predict_features({"audio": features("audio", 0)})


def test_other_features_than_those_of_the_training_are_an_error(folder):
    with pytest.raises(InputError, match="audio features: no column 'pitch'"):
        Predictor.load(folder).predict_features({"audio": features("audio").drop(columns="pitch")})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "model.json").unlink(), "not a packed model"),
        (lambda f: (f / "model.json").write_text("{"), "not a packed model"),
        (lambda f: (f / "weights.safetensors").write_bytes(b"pickle"), "not a packed model"),
        (lambda f: write_model(f, format=99), "format 99; expected 1"),
        (lambda f: write_model(f, features={"audio": ["a"], "other": ["b"]}), "not a packed model"),
    ],
)
def test_what_is_no_model_is_named(spoil, said, folder):
    spoil(folder)
    with pytest.raises(InputError, match=said) as error:
        Predictor.load(folder)
    assert str(folder) in str(error.value)


def test_an_export_without_its_packages_says_what_to_type(folder, tmp_path, monkeypatch, root):
    monkeypatch.setattr(export_onnx, "find_spec", lambda name: None)
    with pytest.raises(MissingPackageError, match=f"{root}/envs/requirements-onnx.txt"):
        export_onnx.export_model(folder, tmp_path / "onnx")


def test_a_zip_file_of_the_folder_is_a_model_too(folder, tmp_path):
    shutil.make_archive(tmp_path / "packed", "zip", folder)
    given = {"audio": features("audio"), "video": features("video")}
    expected = Predictor.load(folder).predict_features(given)
    found = Predictor.load(tmp_path / "packed.zip").predict_features(given)
    pd.testing.assert_frame_equal(found, expected)
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as file:
        file.writestr("model.json", "{}")
    with pytest.raises(InputError, match="not a packed model"):
        Predictor.load(tmp_path / "other.zip")


def test_onnx_gives_what_torch_gives(folder, tmp_path, capsys):
    export_onnx.export_model(folder, tmp_path / "onnx")
    files = sorted((tmp_path / "onnx").glob("*.onnx"))
    assert len(files) == 4
    assert capsys.readouterr().out.count("of torch") == 4
    import onnxruntime

    predictor = Predictor.load(folder)
    audio = features("audio", 77)
    audio.loc[3:5, "pitch"] = np.nan
    session = onnxruntime.InferenceSession(str(files[0]))
    values = audio[FEATURES["audio"]].to_numpy(dtype=np.float32)[None]
    (found,) = session.run(None, {"features": values})
    np.testing.assert_allclose(found[0], by_hand(predictor, "audio", 1, audio), atol=1e-5)


def test_an_export_that_differs_from_torch_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(export_onnx, "difference", lambda *_: 0.5)
    with pytest.raises(InputError, match=r"differs from torch by 0\.5"):
        export_onnx.export_model(folder, tmp_path / "onnx")
    assert not list((tmp_path / "onnx").glob("*.onnx"))
