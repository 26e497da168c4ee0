"""Every real clip, sound or broken, goes through both stages that open media files as foreseen."""

import csv
import sys
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from softaer import audio_lld, landmarks
from softaer.core import tables
from softaer.signals.markup import columns
from softaer.signals.pictures import video_frames


class Clip(NamedTuple):
    """What becomes of a clip: numbers of frames, or words of the reason why it is left out."""

    sound: int | str
    pictures: int | str
    without_face: int | range = 0


BROKEN = "cannot be decoded"
NO_SOUND = "no audio stream that can be decoded"
NO_PICTURES = "no video stream that can be decoded"

CLIPS = {
    "derived_grid_audio_short_by_1s.mp4": Clip(198, 75),
    "derived_grid_face_dropout_frames20-39.mp4": Clip(295, 75, 20),
    "derived_grid_noaudio.mp4": Clip(f"{NO_SOUND} (streams found: video)", 75),
    "derived_grid_silentaudio.mp4": Clip(295, 75),
    "derived_grid_truncated40pct.mpg": Clip(105, 30),
    "derived_grid_truncated_moovless.mp4": Clip(BROKEN, BROKEN),
    "derived_grid_twofaces.mp4": Clip(295, 75),
    "derived_grid_upsidedown_pixels.mp4": Clip(295, 75),
    "derived_grid_veryshort_3frames.mp4": Clip(9, 3),
    "derived_grid_vfr.mp4": Clip(295, 44),
    "derived_text_named_mp4.mp4": Clip(BROKEN, BROKEN),
    "derived_zero_bytes.mp4": Clip(BROKEN, BROKEN),
    "grid_bbaf2n.mpg": Clip(293, 75),
    "grid_brbk7n.mpg": Clip(293, 75),
    "grid_lbax4n.mpg": Clip(293, 75),
    "grid_lrwp9a.mpg": Clip(293, 75),
    "grid_pwij3p.mpg": Clip(293, 75),
    "grid_sbia1a.mpg": Clip(293, 75),
    "mpf_face_h264_aac.mp4": Clip(98, 31, 31),
    "mpf_face_theora_vorbis.ogg": Clip(98, 31, 31),
    "mpf_face_vp8_opus.webm": Clip(98, 31, 31),
    "mpf_face_xvid_aac.avi": Clip(103, 31, 31),
    # The camera turns from one person to the next: all but the first are somebody else.
    "mpf_new_face_video-90.mp4": Clip(1702, 511, range(300, 450)),
    "mpf_test5-noaudio-novideo.mkv": Clip(
        f"{NO_SOUND} (streams found: subtitle)", f"{NO_PICTURES} (streams found: subtitle)"
    ),
    "mpf_video_01_invalid.mp4": Clip(BROKEN, BROKEN),
    "mpf_video_02_audio_only.mp4": Clip(1737, f"{NO_PICTURES} (streams found: audio)"),
}


class Stage(NamedTuple):
    """What a stage has written: rows by recording, and a state for each."""

    rows: dict[str, pd.DataFrame]
    status: pd.DataFrame


def extracted(stage, clips, folder):
    """All clips of the folder as one batch."""
    words = ["--output", folder / "rows.parquet", "--status-output", folder / "status.parquet"]
    words += ["--on-bad-recording", "skip"]
    for path in sorted(clips.iterdir()):
        if path.name != "clips.csv":
            words += ["--recording", path.name, path]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *map(str, words)])
        stage.main()
    rows = dict(tables.by_recording(folder / "rows.parquet"))
    return Stage(rows, tables.read(folder / "status.parquet").set_index("recording"))


@pytest.fixture(scope="module")
def sound(clips, tmp_path_factory):
    return extracted(audio_lld, clips, tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="module")
def pictures(clips, tmp_path_factory):
    return extracted(landmarks, clips, tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def listed(clips):
    """What was measured on the clips with other means, by file."""
    with open(clips / "clips.csv", newline="", encoding="utf-8") as file:
        return {row["file"]: row for row in csv.DictReader(file)}


def test_every_clip_has_an_expected_outcome(clips, listed):
    assert set(CLIPS) == {path.name for path in clips.iterdir()} - {"clips.csv"} == set(listed)


@pytest.mark.parametrize("kind", ["sound", "pictures"])
@pytest.mark.parametrize("name", CLIPS)
def test_the_outcome_of_a_clip(name, kind, request):
    stage = request.getfixturevalue(kind)
    expected, state = getattr(CLIPS[name], kind), stage.status.loc[name]
    if isinstance(expected, str):
        assert expected in state["reason"]
        assert name in state["reason"]
        assert (state["frames"], state["missing"]) == (0, 0)
        assert np.isnan(state["end"])
        assert name not in stage.rows
    else:
        assert pd.isna(state["reason"])
        assert state["frames"] == expected == len(stage.rows[name])
        assert state["end"] == stage.rows[name]["time"].iloc[-1]


@pytest.mark.parametrize("name", CLIPS)
def test_frames_without_a_face(name, pictures):
    expected = CLIPS[name].without_face
    missing = pictures.status.loc[name, "missing"]
    assert missing in expected if isinstance(expected, range) else missing == expected


@pytest.mark.parametrize("name", CLIPS)
def test_frames_and_lengths_are_those_that_were_measured(name, sound, pictures, listed):
    measured = listed[name]
    # Not measured where the tool of that time refused the clip.
    if not isinstance(CLIPS[name].pictures, str) and measured["frames"]:
        assert pictures.status.loc[name, "frames"] == int(measured["frames"])
        assert pictures.status.loc[name, "end"] == pytest.approx(
            float(measured["duration_video"]), abs=0.05
        )
    if not isinstance(CLIPS[name].sound, str) and measured["duration_audio"]:
        # The last 60 ms frame is centred 30 ms before the end, or up to a hop earlier.
        assert sound.status.loc[name, "end"] == pytest.approx(
            float(measured["duration_audio"]) - 0.03, abs=0.021
        )


def test_no_sound_has_a_frame_without_values(sound):
    assert (sound.status["missing"] == 0).all()
    for name, rows in sound.rows.items():
        assert np.isfinite(rows.to_numpy(dtype=float)).all(), name


def test_rows_are_missing_whole(pictures):
    for name, rows in pictures.rows.items():
        missing = rows[columns()].isna()
        assert np.array_equal(missing.any(axis=1), ~rows["face"]), name
        assert np.array_equal(missing.all(axis=1), ~rows["face"]), name


def test_the_frames_that_lack_a_face_are_those_where_it_was_taken_out(pictures):
    rows = pictures.rows["derived_grid_face_dropout_frames20-39.mp4"]
    assert np.flatnonzero(~rows["face"]).tolist() == list(range(20, 40))


def test_one_of_two_faces_is_followed(pictures):
    rows = pictures.rows["derived_grid_twofaces.mp4"]
    left = rows.filter(like="x_") < 360
    assert left.all(axis=None) or not left.any(axis=None)


def test_a_clip_has_the_same_rows_whatever_was_read_before_it(pictures, clips):
    name = "grid_sbia1a.mpg"
    alone = pd.concat(landmarks.track(video_frames(clips / name)), ignore_index=True)
    pd.testing.assert_frame_equal(pictures.rows[name], alone, check_exact=True)
