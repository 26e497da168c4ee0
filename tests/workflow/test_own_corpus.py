"""A corpus of one's own: a table in another folder, wide annotations, split media."""

import shutil

import av
import pandas as pd
import pytest

pytestmark = pytest.mark.workflow


def write_table(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(rows).to_csv(path, index=False)


def split_media(source, audio, video):
    """Write the streams of a file to two files, packet by packet."""
    for kind, target in (("audio", audio), ("video", video)):
        with av.open(str(source)) as reader, av.open(str(target), "w") as writer:
            stream = getattr(reader.streams, kind)[0]
            copied = writer.add_stream_from_template(stream)
            for packet in reader.demux(stream):
                if packet.dts is not None:
                    packet.stream = copied
                    writer.mux(packet)


def test_real_clips_become_features_without_annotations(empty_project, clips):
    recordings = sorted(clips.glob("grid_*.mpg"))
    write_table(
        empty_project.path("recordings.csv"),
        [{"recording": clip.stem, "media": str(clip)} for clip in recordings],
    )
    outcome = empty_project.run("extract", config={"corpus": {"recordings": "recordings.csv"}})
    assert outcome.returncode == 0, outcome.output
    for clip in recordings:
        for stage, width in (("audio_features", 130), ("video_features", 98)):
            features = pd.read_parquet(empty_project.path(f"results/{stage}/{clip.stem}.parquet"))
            assert features.shape == (30, 2 + width)
            assert features.notna().all(axis=None)


def test_labels_need_annotations_and_say_so(empty_project, finished_project):
    media = finished_project.path("results/corpus/media/rec01.mp4")
    write_table(empty_project.path("recordings.csv"), [{"recording": "a", "media": str(media)}])
    outcome = empty_project.run("labels", config={"corpus": {"recordings": "recordings.csv"}})
    assert outcome.returncode != 0
    assert "no recording has annotations" in outcome.output


def test_wide_annotations_and_split_media_give_the_same_dataset(empty_project, finished_project):
    corpus = empty_project.path("my corpus")
    made = finished_project.path("results/corpus")
    table = pd.read_csv(made / "recordings.csv")
    (corpus / "media").mkdir(parents=True)
    rows = []
    for row in table.itertuples():
        name = row.recording
        audio, video = (corpus / "media" / f"{name} {kind}.mp4" for kind in ("sound", "picture"))
        split_media(made / row.media, audio, video)
        long = pd.read_csv(made / row.annotations)
        long = long.drop_duplicates(["time", "rater", "dimension"], keep="last")
        for dimension, some in long.groupby("dimension"):
            wide = some.pivot(index="time", columns="rater", values="value")
            target = corpus / "ratings" / dimension / f"{name}.csv"
            target.parent.mkdir(parents=True, exist_ok=True)
            wide.to_csv(target)
        rows.append(
            {
                "recording": name,
                "subject": row.subject,
                "partition": row.partition,
                "audio": f"media/{audio.name}",
                "video": f"media/{video.name}",
                "annotations": "ratings/{dimension}/" + f"{name}.csv",
            }
        )
    write_table(corpus / "recordings.csv", rows)
    outcome = empty_project.run(
        "dataset", config={"corpus": {"recordings": "my corpus/recordings.csv"}}
    )
    assert outcome.returncode == 0, outcome.output
    for row in table.itertuples():
        for modality in ("audio", "video"):
            own, reference = (
                pd.read_parquet(p)
                for p in (
                    empty_project.path(f"results/dataset/{modality}/{row.recording}.parquet"),
                    finished_project.path(f"results/dataset/{modality}/{row.batch}.parquet"),
                )
            )
            reference = reference[reference["recording"] == row.recording]
            pd.testing.assert_frame_equal(own, reference.reset_index(drop=True), atol=1e-4)


def test_a_recording_without_sound_has_a_dataset_with_missing_audio(
    empty_project, finished_project
):
    made = finished_project.path("results/corpus")
    table = pd.read_csv(made / "recordings.csv")
    shutil.copytree(made / "annotations", empty_project.path("annotations"))
    rows = []
    for row in table.itertuples():
        media = str(made / row.media)
        silent = row.recording == "rec03"
        rows.append(
            {
                "recording": row.recording,
                "subject": row.subject,
                "partition": row.partition,
                "media": None if silent else media,
                "video": media if silent else None,
                "annotations": row.annotations,
            }
        )
    write_table(empty_project.path("recordings.csv"), rows)
    outcome = empty_project.run("dataset", config={"corpus": {"recordings": "recordings.csv"}})
    assert outcome.returncode == 0, outcome.output
    audio = pd.read_parquet(empty_project.path("results/dataset/audio/rec03.parquet"))
    video = pd.read_parquet(empty_project.path("results/dataset/video/rec03.parquet"))
    assert len(audio) == len(video) > 0
    assert audio["F0final_sma_mean"].isna().all()
    assert video["x_31"].notna().all()
    pd.testing.assert_series_equal(audio["arousal_E"], video["arousal_E"])


def test_pictures_alone_and_a_dimension_with_a_range_of_its_own(empty_project, finished_project):
    """Engagement from 1 to 7, rated four times a second, of recordings without sound."""
    made = finished_project.path("results/corpus")
    table = pd.read_csv(made / "recordings.csv")
    rows = []
    for row in table.itertuples():
        long = pd.read_csv(made / row.annotations)
        own = long[long["dimension"] == "arousal"].copy()
        own["time"] = (4 * own["time"]).round() / 4
        own["value"] = (4 + 3 * own["value"]).clip(1, 7)
        own["dimension"] = "engagement"
        path = empty_project.path(f"{row.recording}.csv")
        own.drop_duplicates(["time", "rater"]).to_csv(path, index=False)
        rows.append(
            {
                "recording": row.recording,
                "subject": row.subject,
                "partition": row.partition,
                "video": str(made / row.media),
                "annotations": path.name,
            }
        )
    write_table(empty_project.path("recordings.csv"), rows)
    outcome = empty_project.run(
        config={
            "corpus": {"recordings": "recordings.csv"},
            "dimensions": ["engagement"],
            "modalities": ["video"],
            "ratings": {"range": [1, 7]},
            "evaluation": {"draws": 100},
        }
    )
    assert outcome.returncode == 0, outcome.output
    scores = pd.read_csv(empty_project.path("results/ccc.csv"))
    assert set(scores["dimension"]) == {"engagement"}
    assert set(scores["modality"]) == {"video"}
    labels = pd.read_parquet(empty_project.path("results/labels/rec01.parquet"))
    assert labels["E"].between(1, 7).all()
    assert labels["E"].mean() > 2
