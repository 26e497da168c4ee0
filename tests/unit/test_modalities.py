"""Modalities as the configuration describes them, and sources of one's own."""

import json
import re
import subprocess
import sys

import pytest

from softaer import modalities
from softaer.core.errors import InputError
from softaer.core.experiment import Audio, FaceFeatures, FeatureTable, TableFeatures, defaults
from softaer.modalities import (
    PALETTE,
    RESERVED,
    SOURCES,
    Source,
    as_section,
    colours,
    configured,
    from_extraction,
    register,
    source_named,
)
from softaer.running import configuration, paths

FILES = "w2v/{recording}.csv"
TABLE = {"source": "table", "files": FILES}


def experiment(given, **others):
    return defaults() | others | {"modalities": given}


def test_the_list_has_the_settings_of_the_sections():
    config = experiment(["video", "audio"], audio=defaults()["audio"] | {"window": 3.0})
    found = configured(config, check=True)
    assert list(found) == ["audio", "video"]
    assert found["audio"].settings == config["audio"]
    assert found["audio"].extraction == config["audio"]
    assert found["video"].extraction == defaults()["video"]
    assert [m.reader for m in found.values()] == ["audio_lld", "landmarks"]


def test_the_mapping_without_settings_is_the_list():
    named, listed = (configured(experiment(g)) for g in ({"video": {}, "audio": {}}, ["audio"]))
    assert list(named) == ["audio", "video"]
    assert named["audio"].extraction == listed["audio"].extraction


def test_settings_in_the_mapping_win_over_the_section():
    config = experiment({"audio": {"window": 2}}, audio=defaults()["audio"] | {"turns": "flag"})
    settings = configured(config, check=True)["audio"].settings
    assert (settings["window"], settings["turns"]) == (2, "flag")
    assert settings["functionals"] == ["mean", "variance"]


def test_audio_and_video_come_first_and_the_others_as_written():
    given = {"z": TABLE, "video": {}, "a": TABLE, "early": {"source": "concat", "of": ["z", "a"]}}
    found = configured(experiment(given), check=True)
    assert list(found) == ["video", "z", "a", "early"]
    assert [m.reader for m in found.values()] == ["landmarks", "z_table", "a_table", None]
    assert found["early"].parts == ["z", "a"]
    assert found["z"].file_of("r1") == "w2v/r1.csv"
    assert found["video"].file_of("r1") is None


def test_faces_are_found_with_the_settings_of_video():
    """One pass over the pictures serves video and all face modalities."""
    head = {"source": "face", "features": ["pose"]}
    config = experiment({"head": head}, video=defaults()["video"] | {"rate": 5.0})
    found = configured(config, check=True)["head"]
    assert found.extraction["rate"] == 5.0
    assert found.reader == "landmarks"
    assert found.words(FaceFeatures)[:2] == ["--features", "pose"]
    assert "--rate" not in found.words(FaceFeatures)
    both = configured(experiment({"head": head, "video": {"rate": 4.0}}), check=True)
    assert both["head"].extraction["rate"] == 4.0
    assert from_extraction("head", found.extraction).settings == found.settings


def test_gaze_needs_the_refinement_that_finds_irises():
    head = {"head": {"source": "face", "features": ["gaze"]}}
    unrefined = defaults()["video"] | {"refine": False}
    with pytest.raises(InputError, match=r"'modalities\.head\.features': found 'gaze'.*refine"):
        configured(experiment(head, video=unrefined), check=True)
    configured(experiment(head), check=True)
    head["head"]["features"] = ["pose"]
    configured(experiment(head, video=unrefined), check=True)


def test_other_modalities_have_the_defaults_of_their_source_not_of_a_section():
    config = experiment({"voice": {"source": "lld"}}, audio=defaults()["audio"] | {"window": 9.0})
    assert configured(config)["voice"].settings == defaults()["audio"]


def test_a_packed_model_has_the_settings_but_not_the_places_of_files():
    found = configured(experiment({"w2v": TABLE | {"rate": 50, "anchor": "start"}}))["w2v"]
    assert "files" not in found.extraction
    assert found.extraction["source"] == "table"
    again = from_extraction("w2v", json.loads(json.dumps(found.extraction)))
    assert again.extraction == found.extraction
    section = as_section(FeatureTable, again.settings)
    assert section == FeatureTable(rate=50, anchor="start")
    # A setting that is newer than the model has its default.
    old = {k: v for k, v in found.extraction.items() if k != "functionals"}
    assert as_section(TableFeatures, from_extraction("w2v", old).settings) == TableFeatures()
    assert as_section(Audio, {"window": 2.0, "functionals": ["sd"]}).functionals == ("sd",)


def test_words_of_a_command_leave_out_what_is_null():
    found = configured(experiment({"w2v": TABLE | {"columns": "a b"}}))["w2v"]
    words = found.words(FeatureTable)
    assert words[words.index("--columns") + 1] == "a b"
    assert "--rate" not in words
    assert "--files" not in words
    assert found.words(TableFeatures) == ["--window", 1.0, "--functionals", "mean"]


WRONG = [
    ({"Audio": {}}, "modalities.Audio", "lower-case"),
    ({"a_b": TABLE}, "modalities.a_b", "lower-case"),
    ({"a+b": TABLE}, "modalities.a+b", "lower-case"),
    ({"1a": TABLE}, "modalities.1a", "lower-case"),
    *(({name: TABLE}, f"modalities.{name}", name) for name in sorted(RESERVED)),
    ({"voice": {}}, "modalities.voice", "source"),
    ({"voice": {"source": "lldd"}}, "modalities.voice.source", "'lld'"),
    ({"voice": {"source": 3}}, "modalities.voice.source", "3"),
    ({"voice": {"source": "nowhere.py"}}, "modalities.voice.source", "no such file: nowhere.py"),
    ({"audio": TABLE}, "modalities.audio.source", "another name"),
    ({"face": {"source": "landmarks"}}, "modalities.face.source", "'video'"),
    ({"audio": {"windw": 3}}, "modalities.audio.windw", "window"),
    ({"audio": {"window": 0}}, "modalities.audio.window", "0"),
    ({"video": {"rate": 2}}, "modalities.video.rate", "max_gap"),
    ({"v": {"source": "lld", "feature_set": "eGeMAPS"}}, "modalities.v.feature_set", "eGeMAPSv02"),
    ({"v": {"source": "lld", "functionals": []}}, "modalities.v.functionals", "[]"),
    ({"w": {"source": "table"}}, "modalities.w.files", "missing"),
    ({"w": TABLE | {"files": "w2v.csv"}}, "modalities.w.files", "{recording}"),
    ({"w": TABLE | {"files": "{recording}/{x}.csv"}}, "modalities.w.files", "{recording}"),
    ({"w": TABLE | {"rate": 2000}}, "modalities.w.rate", "1000"),
    ({"w": TABLE | {"columns": "("}}, "modalities.w.columns", "expression"),
    ({"w": TABLE | {"functionals": ["voiced"]}}, "modalities.w.functionals", "voiced"),
    ({"audio": {}, "e": {"source": "concat"}}, "modalities.e.of", "missing"),
    ({"audio": {}, "e": {"source": "concat", "of": ["audio"]}}, "modalities.e.of", "audio"),
    (
        {"audio": {}, "e": {"source": "concat", "of": ["audio", "video"]}},
        "modalities.e.of",
        "'video'",
    ),
    (
        {
            **{"audio": {}, "video": {}, "e": {"source": "concat", "of": ["audio", "video"]}},
            "f": {"source": "concat", "of": ["e", "audio"]},
        },
        "modalities.f.of",
        "'e'",
    ),
]


@pytest.mark.parametrize(("given", "key", "words"), WRONG)
def test_the_key_that_is_wrong_is_named(given, key, words):
    with pytest.raises(InputError) as caught:
        configuration.modalities(configuration.filled(experiment(given)))
    assert f"'{key}'" in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize("given", [{}, "audio", {"audio": None}, {"audio": []}, {"audio": "x"}])
def test_what_is_no_mapping_from_names_to_settings(given):
    with pytest.raises(InputError, match=r"config key 'modalities': found .*docs/modalities"):
        configuration.checked(experiment(given))


def test_a_mapping_takes_the_place_of_the_list_and_overlays_add_to_it():
    config = configuration.filled({"modalities": {"audio": {}}})
    assert config["modalities"] == {"audio": {}}
    assert configuration.filled(config | {"modalities": ["video"]})["modalities"] == ["video"]


def test_paths_are_relative_to_the_file_that_has_them(tmp_path, monkeypatch):
    (tmp_path / "there").mkdir()
    (tmp_path / "there/own.py").touch()
    path = tmp_path / "there/experiment.yaml"
    path.write_text(
        json.dumps({"modalities": {"w": TABLE, "o": {"source": "own.py"}, "v": {"source": "lld"}}})
    )
    monkeypatch.chdir(tmp_path)
    config = experiment(json.loads(path.read_text())["modalities"])
    found = paths.located(config, [str(path)], {})["modalities"]
    assert found["w"]["files"] == "there/w2v/{recording}.csv"
    assert found["o"]["source"] == "there/own.py"
    assert found["v"] == {"source": "lld"}
    with pytest.raises(InputError, match=r"modalities\.o\.source.*no such file.*own\.py"):
        paths.located(config, [], {})


OWN = """
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt

from softaer.core.experiment import TableFeatures
from softaer.modalities import Source


@dataclass(frozen=True)
class Steps(TableFeatures):
    step: Annotated[float, Gt(0)] = 0.02


def read(path, settings, choice, account):
    raise NotImplementedError


SOURCE = Source("steps", Steps, "audio", lambda settings: ["f"], read)
"""


@pytest.fixture
def own(tmp_path):
    path = tmp_path / "own.py"
    path.write_text(OWN)
    return path


def test_a_source_of_ones_own_has_checked_settings(own):
    given = {"s": {"source": str(own), "step": 0.1, "window": 2.0}}
    found = configured(experiment(given), check=True)["s"]
    assert found.extraction == {
        **{"source": "steps", "step": 0.1, "window": 2.0, "functionals": ["mean"]},
    }
    assert found.reading == {"step": 0.1}
    assert (found.reader, found.source.stages) == ("s_table", ["source_table", "table_features"])
    with pytest.raises(
        InputError, match=r"'modalities\.s\.step': found 0; expected a number above"
    ):
        configured(experiment({"s": given["s"] | {"step": 0}}), check=True)


def test_a_packed_model_finds_a_source_that_was_registered(own, monkeypatch):
    monkeypatch.setattr(modalities, "_registered", {})
    settings = {"source": "steps", "step": 0.1}
    with pytest.raises(InputError, match="'steps'"):
        from_extraction("s", settings)
    assert register(str(own)).name == "steps"
    assert from_extraction("s", settings).settings["window"] == TableFeatures.window


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("SOURCE = ", "OTHER = ", "found NoneType as SOURCE"),
        ('"steps"', '"lld"', "the source 'lld'"),
        ('"steps"', '"My steps"', "the source 'My steps'"),
        ("(TableFeatures)", "", "no subclass of softaer.core.experiment.TableFeatures"),
        ('"audio"', '"text"', "the column 'text'"),
        ('["f"], read)', '["f"])', "no function 'read'"),
        ("import dataclass\n", "import dataclas\n", "ImportError"),
        ("step: Annotated[float, Gt(0)] = 0.02", "step: float", "non-default argument"),
    ],
)
def test_a_wrong_source_says_what_is_wrong_and_where(own, old, new, words):
    text = own.read_text()
    assert text.count(old) == 1
    own.write_text(text.replace(old, new))
    with pytest.raises(InputError) as caught:
        source_named(str(own))
    assert str(own) in str(caught.value)
    assert words in str(caught.value)


def test_a_source_of_an_installed_package(tmp_path):
    (tmp_path / "steps.py").write_text(OWN)
    meta = tmp_path / "steps-1.2.dist-info"
    meta.mkdir()
    (meta / "METADATA").write_text("Metadata-Version: 2.1\nName: steps\nVersion: 1.2\n")
    (meta / "entry_points.txt").write_text("[softaer.modalities]\nsteps = steps:SOURCE\n")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r});"
        "from softaer.modalities import source_named, version_of;"
        "print(source_named('steps').column, version_of('steps'));"
        "source_named('step')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "audio 1.2\n"
    names = ["concat", "face", "landmarks", "lld", "speech", "speech-embedding", "steps", "table"]
    assert f"found 'step'; expected one of {names}" in done.stderr


def test_the_registry_is_light():
    code = (
        "import sys; from softaer import modalities;"
        "from softaer.core.experiment import defaults; modalities.configured(defaults());"
        "print({'pydantic', 'numpy', 'pandas', 'torch', 'importlib.metadata'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_every_stage_of_a_source_is_a_rule(root):
    rules = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    for source in [*SOURCES.values(), Source("own", TableFeatures)]:
        for stage in source.stages:
            assert re.search(rf"^rule {stage}:$", rules, re.MULTILINE), stage


def test_every_modality_has_a_colour_of_its_own_whatever_is_fused():
    names = ["audio", "video", *(f"m{k}" for k in range(len(PALETTE)))]
    found = colours([*names, "+".join(names)])
    assert list(found) == names
    for kind in (0, 1):
        assert len({pair[kind].lower() for pair in found.values()}) == len(names)
    assert colours(["m0"])["m0"] == found["m0"]
    assert colours(["audio"])["audio"] == found["audio"]


def test_fusions_are_those_of_all_or_of_the_subsets():
    def fusions(of, names=("audio", "video", "w2v")):
        config = configuration.filled({"fusion": {"of": of}})
        return configuration.fusions(config, names)

    assert fusions(None) == ["audio+video+w2v"]
    assert fusions(None, ["audio"]) == []
    subsets = [["w2v", "audio"], ["audio", "video", "w2v"], ["video", "w2v"]]
    assert fusions(subsets) == ["audio+w2v", "audio+video+w2v", "video+w2v"]


@pytest.mark.parametrize(
    ("of", "words"),
    [
        ([["audio", "text"]], r"found 'text' in \['audio', 'text'\]; .*\['audio', 'video'\]"),
        ([["audio", "video"], ["video", "audio"]], r"found audio\+video twice"),
    ],
)
def test_subsets_that_are_wrong(of, words):
    config = configuration.filled({"fusion": {"of": of}})
    with pytest.raises(InputError, match=f"config key 'fusion.of': {words}"):
        configuration.fusions(config, ["audio", "video"])


@pytest.mark.parametrize("of", [[], ["audio", "video"], [["audio"]], [["audio", "audio"]], "all"])
def test_what_is_no_list_of_subsets(of):
    with pytest.raises(InputError, match=r"config key 'fusion\.of': found .*\[\[audio, video\]\]"):
        configuration.filled({"fusion": {"of": of}})
