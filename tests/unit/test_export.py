"""softaer export: files for annotation tools, read back by the readers of ratings."""

import re
import sys
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
import yaml

from softaer import __main__ as door
from softaer.commands import export_onnx
from softaer.commands.track_files import limits_of
from softaer.commands.tracks import PREFERRED, Key
from softaer.core import tables
from softaer.core.errors import InputError
from softaer.core.places import APPLIED, EXPERIMENT, LABELS, PACKED_FILES, final_prediction, within
from softaer.core.schema import FUSED_PREDICTIONS, POSTPROCESSED, applied
from softaer.core.schema import LABELS as LABELS_SCHEMA
from softaer.core.tasks import BASELINES, OF_DISTRIBUTION, TARGETS, TASKS
from softaer.readers import forms
from softaer.readers.tools import elan
from softaer.readers.traces import Request

DIMENSIONS = ("arousal", "valence-2")
RECORDINGS = ("_p.1-a", "p_1.b")
TRACKS = tuple(f"{d}_{t}" for d in DIMENSIONS for t in TARGETS)
FRAMES = np.array([2, 3, 4, 5, 9, 10, 11, 12, 13, 14, 15, 16, 47, 48])
"""A late start, a gap within a second, and one of seconds."""


def label(recording, dimension, target):
    rng = np.random.default_rng([RECORDINGS.index(recording), DIMENSIONS.index(dimension)])
    values = rng.uniform(-0.9, 0.9, len(FRAMES))
    if target == "E":
        return values
    sigma = np.abs(values) / 3
    sigma[[0, 6]] = np.nan  # a single rater has no sigma
    return sigma


def prediction(recording, dimension, model=0.0):
    rng = np.random.default_rng([9, RECORDINGS.index(recording), DIMENSIONS.index(dimension)])
    return (rng.uniform(-0.5, 0.5, (31, 2)) + model).astype(np.float32)


def write_prediction(folder, dimension, modality, task, seed, model):
    schema = FUSED_PREDICTIONS if "+" in modality else POSTPROCESSED
    parts = []
    for recording in RECORDINGS:
        values = prediction(recording, dimension, model)
        others = {name: np.float32(7) for name in schema.names[2:]}
        columns = {"recording": recording, "time": np.arange(31) / 10, **others}
        parts.append(pd.DataFrame(columns).assign(E=values[:, 0], sigma=values[:, 1]))
    path = final_prediction(folder, dimension, modality, task, seed)
    tables.write(pd.concat(parts), schema, path)
    tables.write(pd.concat(parts), schema, path.with_suffix(".steps.parquet"))


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    for number, recording in enumerate(RECORDINGS):
        rows = [
            pd.DataFrame(
                {
                    "recording": recording,
                    "time": FRAMES / 10,
                    "dimension": dimension,
                    "raters": 3,
                    **{target: label(recording, dimension, target) for target in TARGETS},
                }
            )
            for dimension in DIMENSIONS
        ]
        tables.write(pd.concat(rows), LABELS_SCHEMA, within(folder, LABELS, batch=f"b{number}"))
    for dimension in DIMENSIONS:
        write_prediction(folder, dimension, "audio+video", "multi", 2, 0.0)
        write_prediction(folder, dimension, "audio+video", "multi", 10, 0.1)
        write_prediction(folder, dimension, "audio+video", "single", 1, 0.2)
        write_prediction(folder, dimension, "audio+video", "ridge", 0, 0.3)
        write_prediction(folder, dimension, "audio", "multi", 2, 0.4)
        write_prediction(folder, dimension, "video", "multi", 2, 0.5)
    return folder


@pytest.fixture
def export(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["softaer", "export", *map(str, words)])
        door.main()
        return capsys.readouterr()

    return run


def files_of(folder, recording, form):
    if form.startswith("nova"):
        return sorted((folder / recording).glob("*.annotation"))
    return [folder / f"{recording}.{'eaf' if form == 'elan' else 'csv'}"]


def read_back(folder, recording, form, tracks=TRACKS):
    """Rows of ``time``, ``rater``, ``dimension``, ``value`` that the readers find."""
    parts = []
    for path in files_of(folder, recording, form):
        request = Request(path, recording, dimensions=tuple(tracks))
        found, traces = forms.read(request)
        assert found == {"nova_binary": "nova", "csv": "long"}.get(form, form)
        if form == "elan":
            traces = elan.read(request)  # with the ends of segments
        parts.append(traces.table)
    return pd.concat(parts)


def track(rows, annotator, name):
    return rows[(rows["rater"] == annotator) & (rows["dimension"] == name)].sort_values("time")


@pytest.mark.parametrize("form", ["nova", "nova_binary", "csv"])
def test_every_value_is_read_back_at_its_time(form, results, export, tmp_path):
    export(results, "--format", form)
    for recording in RECORDINGS:
        rows = read_back(tmp_path / "annotations", recording, form)
        assert set(rows["dimension"]) == set(TRACKS)
        for dimension in DIMENSIONS:
            predicted = prediction(recording, dimension)
            for place, target in enumerate(TARGETS):
                found = track(rows, "labels", f"{dimension}_{target}")
                expected = label(recording, dimension, target)
                known = np.isfinite(expected)
                np.testing.assert_allclose(found["time"], FRAMES[known] / 10, atol=1e-9)
                np.testing.assert_allclose(found["value"], expected[known], rtol=1e-7)
                found = track(rows, "predictions", f"{dimension}_{target}")
                np.testing.assert_allclose(found["time"], np.arange(31) / 10, atol=1e-9)
                np.testing.assert_array_equal(
                    found["value"].to_numpy().astype(np.float32), predicted[:, place]
                )


def test_a_gap_is_nan_without_confidence_in_nova(results, export, tmp_path):
    export(results, "--format", "nova", "--what", "labels")
    export(results, "--format", "nova_binary", "--what", "labels", "--output-dir", "binary")
    name = f"{RECORDINGS[0]}/arousal_E.labels.annotation~"
    lines = [line.split(";") for line in (tmp_path / "annotations" / name).read_text().split()]
    assert len(lines) == FRAMES[-1] + 1
    for frame, (score, confidence) in enumerate(lines):
        assert (score == "NaN", confidence) == ((False, "1") if frame in FRAMES else (True, "0"))
    binary = np.fromfile(tmp_path / "binary" / name, dtype="<f4").reshape(-1, 2)
    np.testing.assert_array_equal(binary, np.array(lines, dtype=np.float32))
    assert not list((tmp_path / "annotations").rglob("*predictions*"))


@pytest.mark.parametrize("step", [1.0, 0.5, 2.0])
def test_elan_has_the_mean_of_each_step(step, results, export, tmp_path):
    export(results, "--format", "elan", *(["--step", step] if step != 1 else []))
    for recording in RECORDINGS:
        rows = read_back(tmp_path / "annotations", recording, "elan")
        for dimension in DIMENSIONS:
            for target in TARGETS:
                found = track(rows, "labels", f"{dimension}_{target}")
                values = label(recording, dimension, target)
                expected = {}
                for frame, value in zip(FRAMES, values, strict=True):
                    if np.isfinite(value):
                        expected.setdefault(int(frame / 10 / step), []).append(value)
                starts = [number * step for number in expected]
                assert list(found["time"]) == pytest.approx(starts)
                ends = [min(start + step, 4.9) for start in starts]
                assert list(found["end"]) == pytest.approx(ends)
                means = [np.mean(some) for some in expected.values()]
                np.testing.assert_allclose(found["value"], means, rtol=1e-5)
        assert len(track(rows, "predictions", "arousal_E")) == np.ceil(3.1 / step)


def test_elan_finds_its_times_in_order(results, export, tmp_path):
    export(results, "--format", "elan")
    root = ElementTree.parse(tmp_path / "annotations" / f"{RECORDINGS[0]}.eaf").getroot()
    times = [int(slot.get("TIME_VALUE")) for slot in root.iter("TIME_SLOT")]
    assert times == sorted(times)
    assert len(times) > 40
    tiers = {tier.get("TIER_ID") for tier in root.iter("TIER")}
    assert tiers == {f"{name}_{kind}" for name in TRACKS for kind in ("labels", "predictions")}
    last = max(int(one.get("ANNOTATION_ID")[1:]) for one in root.iter("ALIGNABLE_ANNOTATION"))
    assert root.findtext(".//PROPERTY[@NAME='lastUsedAnnotationId']") == str(last)


def test_sigma_is_never_taken_for_a_rating(results, export, tmp_path):
    """In a document read as ratings of arousal, E and sigma are at the same time."""
    export(results, "--format", "elan", "--what", "labels")
    path = tmp_path / "annotations" / f"{RECORDINGS[0]}.eaf"
    with pytest.raises(InputError, match="overlap"):
        forms.read(Request(path, dimensions=("arousal",)))
    _, traces = forms.read(Request(path, dimensions=("arousal_E",)))
    assert len(traces.table) == 5


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ([], 0.0),
        (["--seed", "10"], 0.1),
        (["--task", "single"], 0.2),
        (["--task", "ridge"], 0.3),
        (["--modality", "audio"], 0.4),
        (["--modality", "video"], 0.5),
        (["--modality", "video+audio", "--seed", "2"], 0.0),
    ],
)
def test_predictions_are_those_of_the_requested_model(words, model, results, export, tmp_path):
    words = [*words, "--what", "predictions", "--dimension", "valence-2"]
    said = export(results, "--format", "csv", *words).err
    rows = read_back(tmp_path / "annotations", RECORDINGS[1], "csv")
    assert set(rows["rater"]) == {"predictions"}
    found = track(rows, "predictions", "valence-2_E")["value"]
    expected = prediction(RECORDINGS[1], "valence-2", model)[:, 0]
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    assert len(track(rows, "predictions", "arousal_E")) == 0
    assert re.search(r"results/(fuse|postprocess)/valence-2/", said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--task", "joint"], r"results: no predictions of --task joint; found \['multi'"),
        (["--seed", "3"], r"results: no predictions of --seed 3; found \[2, 10\]"),
        (["--modality", "head"], r"--modality head; found \['all', 'audio', 'video'\]"),
        (["--dimension", "liking"], r"--dimension 'liking'; found \['arousal', 'valence-2'\]"),
        (["--recording", "p9"], r"--recording: found 'p9'; expected one of _p\.1-a, p_1\.b"),
        (["--step", "0.25"], r"--step with --format csv"),
        (["--range", "0", "1"], r"--range with --format csv"),
        (["--delay", "0.25"], r"--delay: found 0\.25 s; expected a multiple of 0\.1 s"),
        (["--delay", "nan"], r"--delay: found nan s"),
    ],
)
def test_what_is_not_there_is_told(words, said, results, export, tmp_path):
    with pytest.raises(InputError, match=said):
        export(results, "--format", "csv", *words)
    assert not (tmp_path / "annotations").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["elan", "--step", "0.25"], r"--step: found 0\.25 s; expected a multiple of 0\.1 s"),
        (["elan", "--step", "0"], r"--step: found 0 s; expected at least 0\.1 s"),
        (["elan", "--step", "-1"], r"--step: found -1 s"),
        (["nova", "--range", "1", "0"], r"--range: found 1 0"),
    ],
)
def test_what_makes_no_sense_is_told(words, said, results, export):
    with pytest.raises(InputError, match=said):
        export(results, "--format", *words)


def test_no_dimension_is_left_out_silently(results, export, tmp_path):
    final_prediction(results, "arousal", "audio+video", "multi", 2).unlink()
    with pytest.raises(InputError, match=r"of 'arousal' by --modality all --task multi --seed 2"):
        export(results, "--format", "csv")
    export(results, "--format", "csv", "--dimension", "valence-2")
    assert (tmp_path / "annotations" / f"{RECORDINGS[0]}.csv").exists()


@pytest.mark.parametrize("delay", [1.1, 0.3, 4.8, -0.7])
def test_labels_move_back_by_the_delay(delay, results, export, tmp_path):
    words = ["--format", "csv", "--what", "labels", "--recording", RECORDINGS[0]]
    export(results, *words, "--delay", delay)
    rows = read_back(tmp_path / "annotations", RECORDINGS[0], "csv")
    found = track(rows, "labels", "arousal_E")
    late = round(delay * 10) <= FRAMES
    np.testing.assert_allclose(found["time"], FRAMES[late] / 10 - delay, atol=1e-9)
    expected = label(RECORDINGS[0], "arousal", "E")[late]
    np.testing.assert_allclose(found["value"], expected, rtol=1e-7)
    assert [path.name for path in (tmp_path / "annotations").iterdir()] == [f"{RECORDINGS[0]}.csv"]


def test_it_is_said_that_labels_lag_behind_predictions(results, export):
    assert "annotation delay" in export(results, "--format", "csv").err
    assert (
        "annotation delay"
        not in export(
            *(results, "--format", "csv", "--what", "labels", "--output-dir", "labels")
        ).err
    )


def predicted(path, frames=12, **columns):
    """Predictions as softaer predict writes them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(frames) / 10
    names = {f"arousal_{target}": np.linspace(-1, 1, frames) for target in TARGETS}
    # Spread and band are no tracks; the band is missing where nothing is seen.
    names |= {
        f"arousal_{ending}": np.where(np.arange(frames), 0.5, np.nan) for ending in OF_DISTRIBUTION
    }
    table = pd.DataFrame({"time": time, **names, **columns})
    table.to_csv(path, index=False, float_format="%.6g")
    return table


@pytest.mark.parametrize("form", ["nova", "nova_binary", "csv"])
def test_predictions_of_new_recordings_with_any_name(form, export, tmp_path):
    name = "Mein Film (1) ä & b.final"
    table = predicted(tmp_path / "predictions" / f"{name}.csv")
    export(f"predictions/{name}.csv", "--format", form)
    rows = read_back(tmp_path / "annotations", name, form, ["arousal_E", "arousal_sigma"])
    found = track(rows, "predictions", "arousal_E")
    np.testing.assert_allclose(found["value"], table["arousal_E"], atol=1e-6)


def test_parquet_and_applied_results(export, tmp_path):
    table = predicted(tmp_path / "p1.csv").assign(recording="p1")
    path = within(tmp_path / "results", APPLIED, batch="b")
    columns = [name for name in table if name.startswith("arousal_")]
    tables.write(table, applied(columns), path)
    export("p1.csv", "--format", "csv", "--output-dir", "a")
    export(path, "--format", "csv", "--output-dir", "b")
    export(tmp_path / "results", "--format", "csv", "--output-dir", "c")
    found = [pd.read_csv(tmp_path / folder / "p1.csv") for folder in "abc"]
    pd.testing.assert_frame_equal(found[0], found[1], atol=1e-6)
    pd.testing.assert_frame_equal(found[1], found[2])
    assert len(found[0]) == 24


def test_a_table_of_labels_is_a_source(results, export, tmp_path):
    export(within(results, LABELS, batch="b1"), "--format", "csv")
    assert set(read_back(tmp_path / "annotations", RECORDINGS[1], "csv")["rater"]) == {"labels"}
    with pytest.raises(InputError, match=r"b1\.parquet: found labels; expected predictions"):
        export(*(within(results, LABELS, batch="b1"), "--format", "csv"), "--what", "predictions")


def test_recordings_without_any_value_are_named(export, tmp_path):
    predicted(tmp_path / "silent.csv", frames=0)
    predicted(tmp_path / "p1.csv")
    said = export("p1.csv", "silent.csv", "--format", "elan")
    assert "not written: silent" in said.err
    assert "1 files of 1 recordings" in said.out
    with pytest.raises(InputError, match=r"silent\.csv: no values"):
        export("silent.csv", "--format", "elan", "--force")


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"time": [0.0, 0.1, 0.25]}, r"recording 'p1': found time 0\.25 s; expected multiples"),
        ({"time": [0.0, 0.1, 0.1]}, r"recording 'p1': found time 0\.1 s twice"),
        ({"time": [-0.1, 0.0, 0.1]}, r"recording 'p1': found time -0\.1; expected seconds"),
        ({"time": [0.0, 1e9, 0.1]}, r"recording 'p1': found time 1e\+09"),
        ({"time": [0.0, np.nan, 0.1]}, r"recording 'p1': found time nan"),
        ({"arousal_E": [0, 1, np.inf]}, r"recording 'p1': infinite E of 'arousal' at 0\.2 s"),
        ({"arousal_E": [0, "high", 1]}, r"line 3, column 'arousal_E': found 'high'"),
        ({"pitch": 1.0}, r"found column 'pitch'; expected predictions"),
    ],
)
def test_a_bad_value_is_named_with_file_and_recording(columns, said, export, tmp_path):
    predicted(tmp_path / "p1.csv", frames=3, **columns)
    with pytest.raises(InputError, match=rf"^p1\.csv.*{said}"):
        export("p1.csv", "--format", "nova")
    assert not (tmp_path / "annotations").exists()


def test_other_files_are_named(results, export, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").touch()
    (tmp_path / "a.csv").touch()
    single = final_prediction(results, "arousal", "audio", "multi", 2)
    for source, said in (
        ("nothing", "nothing: no such file or folder"),
        ("empty", "empty: no labels and no predictions"),
        ("a.txt", r"a\.txt: expected \.csv or \.parquet"),
        ("a.csv", r"a\.csv: cannot be read as CSV"),
        (single, r"seed2\.parquet: predictions of one dimension.*--modality"),
    ):
        with pytest.raises(InputError, match=said):
            export(source, "--format", "csv")


def test_the_same_recording_of_two_files_is_refused(export, tmp_path):
    for folder in ("a", "b"):
        predicted(tmp_path / folder / "p1.csv")
    with pytest.raises(InputError, match=r"^b/p1\.csv, recording 'p1': .* are in a/p1\.csv"):
        export("a/p1.csv", "b/p1.csv", "--format", "csv")


@pytest.mark.parametrize("form", ["nova", "nova_binary", "elan", "csv"])
def test_nothing_is_overwritten_without_force(form, results, export, tmp_path):
    def contents():
        folder = tmp_path / "annotations"
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    export(results, "--format", form)
    before = contents()
    one = next(iter(before))
    one.write_text("mine")
    with pytest.raises(InputError, match="exists already; expected --force"):
        export(results, "--format", form)
    assert one.read_text() == "mine"
    export(results, "--format", form, "--force")
    assert contents() == before  # the same bytes again, and no other file


def schemes(folder):
    found = {}
    for path in folder.rglob("*.annotation"):
        scheme = ElementTree.parse(path).getroot().find("scheme")
        key = path.name.removesuffix(".annotation")
        found.setdefault(key, set()).add((float(scheme.get("min")), float(scheme.get("max"))))
    return found


def test_the_scale_is_the_declared_one_or_that_of_all_recordings(results, export, tmp_path):
    export(results, "--format", "nova", "--output-dir", "a")
    ((low, high),) = schemes(tmp_path / "a")["arousal_E.labels"]
    both = np.concatenate([label(recording, "arousal", "E") for recording in RECORDINGS])
    assert low <= both.min() < low + 0.03
    assert high - 0.03 < both.max() <= high
    ((low, _),) = schemes(tmp_path / "a")["arousal_sigma.labels"]
    assert low == 0

    record = within(results, EXPERIMENT)
    for ratings in (
        {"range": [-2, 3]},
        {"range": None, "scale": {"from": [0, 100], "to": [-2, 3]}},
    ):
        record.write_text(yaml.safe_dump({"configuration": {"ratings": ratings}}))
        export(results, "--format", "nova", "--output-dir", "b", "--force")
        assert schemes(tmp_path / "b")["arousal_E.labels"] == {(-2.0, 3.0)}
        assert schemes(tmp_path / "b")["valence-2_E.predictions"] == {(-2.0, 3.0)}
    export(results, "--format", "nova", "--output-dir", "c", "--range", "-4", "4")
    assert schemes(tmp_path / "c")["arousal_E.labels"] == {(-4.0, 4.0)}
    record.write_text(yaml.safe_dump({"configuration": {"ratings": {"scale": "ranks"}}}))
    export(results, "--format", "nova", "--output-dir", "d")
    assert schemes(tmp_path / "d") == schemes(tmp_path / "a")


def test_no_value_leaves_its_scale():
    rng = np.random.default_rng(0)
    for target in TARGETS:
        for _ in range(2000):
            values = rng.normal(rng.normal(0, 10), 10 ** rng.uniform(-3, 3), 5).astype(np.float32)
            low, high = float(values.min()), float(values.max())
            start, stop = limits_of(Key("labels", "a", target), low, high, None)
            assert float(f"{start:.9g}") <= low < high <= float(f"{stop:.9g}")
    assert limits_of(Key("labels", "a", "E"), 0.5, 0.5, None) == (0.0, 1.0)


def test_a_packed_model_becomes_onnx_as_before(export, tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(export_onnx, "export_model", lambda *words: called.append(words))
    (tmp_path / "model").mkdir()
    for name in PACKED_FILES:
        (tmp_path / "model" / name).touch()
    model = (tmp_path / "model").relative_to(tmp_path)
    export(model)
    export(model, "--output-dir", "there", "--format", "onnx", "--network-file", "own.py")
    assert [tuple(str(word) for word in words) for words in called] == [
        ("model", "onnx", "None"),
        ("model", "there", "own.py"),
    ]


def test_without_a_format_results_are_refused(results, export):
    with pytest.raises(InputError, match="no packed model; expected --format, nova, nova_binary"):
        export(results)


def test_every_task_has_its_place():
    assert sorted(PREFERRED) == sorted((*TASKS, *BASELINES))
