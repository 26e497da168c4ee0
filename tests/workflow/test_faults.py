"""Inputs that are easily read wrong, taken through real runs: right, or refused, or told."""

import os
import shutil
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
from projects import new_project

import warm
from softaer.core import tables

pytestmark = pytest.mark.workflow

EXTRACTED = {
    "square": {"media": "anamorphic/square.mp4"},
    "hdv": {"media": "anamorphic/hdv_4to3_pixels.mp4"},
    "joined": {"media": "joined_parts/joined.ts"},
    "mono": {"audio": "multichannel_wav/mono.wav"},
    "three": {"audio": "multichannel_wav/three_mics_third_speaks.wav"},
    "third": {"audio": "multichannel_wav/three_mics_third_speaks.wav", "channel": "3"},
    "swap": {"video": "face_swap/left_hidden_0.3s.mp4"},
    "swap_right": {"video": "face_swap/left_hidden_0.3s.mp4", "face": "right"},
    "both": {"media": "split_files/both.mp4"},
    "split": {"audio": "split_files/audio.wav", "video": "split_files/video.mp4"},
    "default": {"media": "default_stream/twovid.mkv"},
    "first_stream": {"media": "default_stream/twovid.mkv", "video_stream": "1"},
    "theora": {"video": "theora_empty_packets/a.ogv"},
    "cover": {"media": "cover_first/covudta.mp4"},
    "webm": {"media": "webm_no_duration/r1.webm"},
    "av_length": {"media": "av_length/pictures_10s_sound_8s.mp4"},
}


@pytest.fixture(scope="module")
def extracted(root, faults, tmp_path_factory):
    """All media of the folders, extracted in one run: a function that reads a stage's rows."""
    project = new_project(root, tmp_path_factory.mktemp("faults"))
    rows = []
    for name, cells in EXTRACTED.items():
        paths = {k: faults / v if k in ("media", "audio", "video") else v for k, v in cells.items()}
        rows.append({"recording": name, "batch": "all"} | paths)
    pd.DataFrame(rows).to_csv(project.path("recordings.csv"), index=False)
    outcome = project.run("extract", config={"corpus": {"recordings": "recordings.csv"}})
    assert outcome.returncode == 0, outcome.output
    status = pd.read_csv(project.path("results/status.csv")).set_index(["recording", "stage"])
    parts = {}

    def read(stage, name):
        if stage == "status":
            return status.loc[name]
        if stage not in parts:
            parts[stage] = dict(tables.by_recording(project.path(f"results/{stage}/all.parquet")))
        return parts[stage][name]

    return read


def loudness(lld):
    """A descriptor that is larger the louder the sound."""
    return lld["audspec_lengthL1norm_sma"].to_numpy()


def test_pixels_that_are_not_square_change_no_feature(extracted):
    square, hdv = (extracted("video_features", name) for name in ("square", "hdv"))
    width = [(table["x_55"] - table["x_49"]).median() for table in (square, hdv)]
    height = [(table["y_52"] - table["y_34"]).median() for table in (square, hdv)]
    assert width[0] == pytest.approx(0.714, abs=0.02)
    assert width[1] == pytest.approx(width[0], abs=0.02)
    assert height[1] == pytest.approx(height[0], abs=0.02)
    names = square.columns.drop("time")
    assert np.abs(square[names] - hdv[names]).median().max() < 0.03


def test_joined_parts_are_read_to_their_end(extracted):
    assert extracted("landmarks", "joined")["time"].iloc[-1] == pytest.approx(15.97, abs=0.05)
    assert len(extracted("landmarks", "joined")) == 400
    assert extracted("audio_lld", "joined")["time"].iloc[-1] == pytest.approx(16.0, abs=0.05)
    assert extracted("status", "joined")["notes"].str.contains("restart at 8.0 s").all()
    # A click in each part, at the same place in it.
    loud = loudness(extracted("audio_lld", "joined"))
    first, second = loud[:790].argmax(), 790 + loud[790:].argmax()
    assert second - first == pytest.approx(800, abs=5)


def test_three_microphones_are_no_subwoofer(extracted):
    mono, three, third = (loudness(extracted("audio_lld", n)) for n in ("mono", "three", "third"))
    assert np.corrcoef(mono, three)[0, 1] > 0.99
    assert three.max() > 0.1 * mono.max()
    # The file's one microphone is told, and can be taken alone.
    assert "silent channels (of 3): 1, 2" in extracted("status", "three").loc["audio_lld", "notes"]
    assert np.corrcoef(mono, third)[0, 1] > 0.999
    assert pd.isna(extracted("status", "third").loc["audio_lld", "notes"])


def test_somebody_elses_face_is_not_taken_for_the_subjects(extracted):
    left = extracted("landmarks", "swap")["x_31"]
    assert left.max() < 360
    assert left.iloc[60:].notna().all()
    status = extracted("status", "swap").loc["landmarks"]
    assert 0 < status["other_face"] == left.isna().sum() - 1
    assert "a face other than the" in status["notes"]
    features = extracted("video_features", "swap")
    assert features.loc[features["time"].between(2.1, 2.2), "x_31"].notna().all()  # 0.3 s
    right = extracted("landmarks", "swap_right")["x_31"]
    assert right.notna().all()
    assert right.min() > 360


def test_two_files_keep_their_distance(extracted):
    for name in ("both", "split"):
        assert extracted("landmarks", name)["time"].iloc[0] == pytest.approx(0.5, abs=0.001)
        lld = extracted("audio_lld", name)
        loud = lld["pcm_RMSenergy_sma"] > lld["pcm_RMSenergy_sma"].max() / 2
        clicks = lld.loc[loud & ~loud.shift(fill_value=False), "time"]
        assert clicks.tolist() == pytest.approx([2.0, 5.0], abs=0.04)


def test_the_stream_that_players_show_is_taken(extracted):
    assert extracted("landmarks", "default")["face"].tolist() == 75 * [True]
    assert not extracted("landmarks", "first_stream")["face"].any()


def test_cover_art_is_no_recording(extracted):
    assert extracted("landmarks", "cover")["face"].tolist() == 75 * [True]
    assert len(extracted("audio_lld", "cover")) == 295


def test_empty_packets_repeat_the_picture(extracted):
    assert len(extracted("landmarks", "theora")) == 189
    assert extracted("status", "theora").loc["landmarks", "end"] == pytest.approx(7.52)


def test_a_length_that_is_not_stated_or_differs_is_no_fault(extracted):
    assert extracted("status", "webm").loc["landmarks", "end"] == pytest.approx(7.97, abs=0.01)
    status = extracted("status", "av_length")
    assert status.loc["audio_lld", "decoded"] == pytest.approx(8.0, abs=0.01)
    assert status.loc["landmarks", "decoded"] == pytest.approx(10.0, abs=0.05)


def test_what_is_in_order_has_no_notes(extracted):
    for name in ("square", "hdv", "mono", "third", "default", "cover"):
        assert extracted("status", name)["notes"].isna().all()


CHECKED = {
    "default_stream": "several video streams",
    "split_files": "start apart [s]: 'both' (sound 0.00, video 0.50), 'split' (sound 0.00, v",
    "av_length": "differ in length [s]: 'a' (sound 8.00, video 9.99)",
    "multichannel_wav": "silent channels (of 3): 1, 2",
    "joined_parts": "restart where parts were joined (at [s]), and are continued: 'ts' (8.0)",
    "braces": "found braces in the path",
}


def check(table, *words):
    command = [warm.programs() / "python", "-m", "softaer", "check", str(table), *words]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("folder", CHECKED)
def test_check_tells_what_is_odd(folder, faults):
    outcome = check(faults / folder / "recordings.csv")
    assert outcome.returncode == 1
    assert CHECKED[folder] in outcome.stderr


@pytest.mark.parametrize("folder", ["webm_no_duration", "cover_first", "anamorphic"])
def test_check_has_nothing_to_say_of_good_media(folder, faults):
    outcome = check(faults / folder / "recordings.csv")
    told = outcome.stderr.strip().splitlines()[1:]
    assert all("partition" in line or "annotations" in line for line in told), told


def refused(project, target, table, **config):
    """What a run says before its first job."""
    outcome = project.run(target, config={"corpus": {"recordings": str(table)}} | config)
    assert outcome.returncode != 0
    return outcome


def test_braces_in_a_path_are_refused_by_name(faults, empty_project):
    outcome = refused(empty_project, "extract", faults / "braces" / "recordings.csv")
    assert "recording 'a'" in outcome.output
    assert "take {1}/a.mp4: found braces in the path" in outcome.output
    assert outcome.rules == set()


def test_a_file_from_the_future_is_told_before_the_job(faults, empty_project):
    folder = shutil.copytree(faults / "future_mtime", empty_project.path("media"))
    table = folder / "recordings.csv"
    assert "in the future" not in check(table).stderr
    os.chmod(folder, 0o755)
    later = time.time() + 7200
    os.utime(folder / "a.mp4", (later, later))
    outcome = refused(empty_project, "extract", table)
    assert "recording 'a'" in outcome.output
    assert "a.mp4: last changed 2.0 h in the future" in outcome.output
    assert not list(empty_project.path("results").rglob("*.parquet"))
    assert "a.mp4: last changed 2.0 h in the future" in check(table).stderr


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("recordings.csv", "ms.csv, line 3, column 2: turns end at 2500 s, the recording at 3.0 s"),
        ("utf16_recordings.csv", "utf16.csv"),
    ],
)
def test_turns_that_cannot_be_are_refused(table, said, faults, empty_project):
    outcome = refused(empty_project, "extract", faults / "turns" / table, audio={"turns": "only"})
    assert said in outcome.output
    outcome = check(faults / "turns" / table)
    assert said in outcome.stderr


def test_turns_in_seconds_are_read(faults, empty_project):
    table = faults / "turns" / "seconds_recordings.csv"
    config = {"corpus": {"recordings": str(table)}, "audio": {"turns": "only", "window": 0.2}}
    assert empty_project.run("extract", config=config | {"modalities": ["audio"]}).returncode == 0
    features = tables.read(empty_project.path("results/audio_features/a.parquet"))
    spoken = features["audspec_lengthL1norm_sma_mean"].notna()
    assert spoken[features["time"] <= 1.0].all()
    assert not spoken[features["time"].between(1.2, 1.8)].any()


def test_held_ratings_are_those_written_out(faults, empty_project):
    """Changes alone give the labels of the same traces written out, for the whole recording."""
    folder = faults / "hold_changes_only"
    rows = pd.read_csv(folder / "recordings.csv")
    rows["audio"] = [folder / name for name in rows["audio"]]
    labels = {}
    for form, suffix in (("changes", ".csv"), ("full", "_full.csv")):
        annotations = [folder / f"{name}{suffix}" for name in rows["recording"]]
        rows.assign(annotations=annotations).to_csv(empty_project.path(f"{form}.csv"), index=False)
        config = {
            "corpus": {"recordings": f"{form}.csv"},
            "ratings": {"interpolation": "hold" if form == "changes" else "linear"},
            "dimensions": ["arousal"],
            "labels": {"estimator": "mean"},
        }
        outcome = empty_project.run("labels", config=config)
        assert outcome.returncode == 0, outcome.output
        labels[form] = pd.concat(
            tables.read(empty_project.path(f"results/labels/{name}.parquet"))
            for name in rows["recording"]
        )
    for table in labels.values():
        assert table.groupby("recording").size().tolist() == 3 * [280]
        assert (table["raters"] == 5).all()
        assert table["sigma"].notna().all()
    for target in ("E", "sigma"):
        np.testing.assert_allclose(labels["changes"][target], labels["full"][target], atol=0.02)


def test_sound_alone_does_not_need_the_pictures(faults, empty_project):
    sound = faults / "split_files" / "audio.wav"
    row = {"recording": "a", "audio": sound, "video": "gone.mp4"}
    pd.DataFrame([row]).to_csv(empty_project.path("recordings.csv"), index=False)
    config = {"corpus": {"recordings": "recordings.csv"}, "modalities": ["audio"]}
    outcome = empty_project.run("extract", config=config)
    assert outcome.returncode == 0, outcome.output
    assert empty_project.run("extract", config=config).rules == set()


def test_new_recordings_are_looked_at_as_those_of_the_corpus(faults, empty_project):
    new = faults / "braces" / "recordings.csv"
    outcome = empty_project.run("apply", "--dry-run", config={"apply": {"recordings": str(new)}})
    assert outcome.returncode != 0
    assert "recording 'a'" in outcome.output
    assert "found braces in the path" in outcome.output


def test_two_scales_in_two_batches_stop_the_labels_and_free_lets_them_pass(faults, empty_project):
    folder = faults / "hold_changes_only"
    rows = pd.read_csv(folder / "recordings.csv")
    rows["audio"] = [folder / name for name in rows["audio"]]
    for name in rows["recording"]:
        ratings = pd.read_csv(folder / f"{name}_full.csv")
        if name == "c":
            ratings["value"] = 50 + 50 * ratings["value"]
        ratings.to_csv(empty_project.path(f"{name}.csv"), index=False)
    rows["annotations"] = [f"{name}.csv" for name in rows["recording"]]
    rows.to_csv(empty_project.path("recordings.csv"), index=False)
    config = {"corpus": {"recordings": "recordings.csv"}, "dimensions": ["arousal"]}
    outcome = empty_project.run("labels", config=config)
    assert outcome.returncode != 0
    assert "expected one scale" in outcome.output
    free = empty_project.run("labels", config=config | {"ratings": {"scales": "free"}})
    assert free.returncode == 0, free.output
    assert "ratings" not in free.rules
