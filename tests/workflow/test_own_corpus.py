"""A corpus of one's own: a table in another folder, wide annotations, split media."""

import shutil
import wave

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


def test_the_corpus_is_found_beside_the_configuration_that_names_it(
    empty_project, finished_project, tmp_path
):
    """From wherever the run is started, and wherever its results go; or the error says why."""
    media = finished_project.path("results/corpus/media/rec01.mp4")
    write_table(tmp_path / "study/recordings.csv", [{"recording": "a", "media": "a.mp4"}])
    shutil.copy2(media, tmp_path / "study/a.mp4")
    (tmp_path / "study/mine.yaml").write_text("corpus: {recordings: recordings.csv}\n")
    (tmp_path / "study/wrong.yaml").write_text("corpus: {recordings: other.csv}\n")

    def plan(name):
        command = empty_project.command("extract", "--dry-run")
        command[command.index("--configfile") + 1] = str(tmp_path / "study" / name)
        return empty_project.finish(empty_project.start(command))

    found = plan("mine.yaml")
    assert found.returncode == 0, found.output
    assert found.count("landmarks") == 1
    wrong = plan("wrong.yaml")
    assert wrong.returncode != 0
    assert "config key 'corpus.recordings': found 'other.csv'" in wrong.output
    assert f"relative to {tmp_path / 'study'}, where the configuration lies" in wrong.output


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


def write_silence(path, seconds):
    """A file of sound that has a length, and nothing else."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * round(8000 * seconds)))


CHANGES = "time,rater,dimension,value\n0,r1,arousal,0\n2,r1,arousal,0.4\n1,r2,arousal,0.1\n"
HELD = {
    "corpus": {"recordings": "recordings.csv"},
    "dimensions": ["arousal"],
    "ratings": {"interpolation": "hold"},
}


def test_values_are_held_to_the_end_also_when_media_are_put_away_later(empty_project):
    """The length of a recording outlives its files; where it never was known, that is noted."""
    rows = []
    for name, partition in (("a", "train"), ("b", "dev"), ("c", "test")):
        empty_project.path(f"{name}.csv").write_text(CHANGES)
        row = {"recording": name, "subject": name, "partition": partition}
        rows.append(row | {"audio": f"{name}.wav", "annotations": f"{name}.csv"})
    write_table(empty_project.path("recordings.csv"), rows)
    for name in "ab":
        write_silence(empty_project.path(f"{name}.wav"), 5.0)

    def labelled():
        outcome = empty_project.run("labels", config=HELD)
        assert outcome.returncode == 0, outcome.output
        frames, notes = {}, {}
        for name in "abc":
            stored = (empty_project.path(f"results/{folder}/{name}.parquet") for folder in
                      ("labels", "status/ratings"))  # fmt: skip
            labels, said = map(pd.read_parquet, stored)
            frames[name], notes[name] = len(labels), " ".join(said["note"])
        return outcome, frames, notes

    _, frames, notes = labelled()
    assert frames == {"a": 50, "b": 50, "c": 21}
    assert "end of the recording at 5.0 s" in notes["a"]
    assert "unknown" in notes["c"]

    for name in "ab":
        empty_project.path(f"{name}.wav").unlink()
    empty_project.path("a.csv").write_text(CHANGES.replace("0.4", "0.5"))
    outcome, frames, notes = labelled()
    assert outcome.count("ratings") == 1
    assert outcome.count("recording_lengths") == 0
    assert frames == {"a": 50, "b": 50, "c": 21}
    assert "end of the recording at 5.0 s" in notes["a"]
    assert pd.read_parquet(empty_project.path("results/ratings/a.parquet"))["value"].max() == 0.5

    write_silence(empty_project.path("c.wav"), 6.0)
    outcome, frames, _ = labelled()
    assert outcome.count("recording_lengths") == 1
    assert frames == {"a": 50, "b": 50, "c": 60}


def test_raters_and_missing_values_of_the_configuration_reach_the_ratings(empty_project):
    time = [k / 10 for k in range(30)]
    traces = {"r 1": [-999 if t < 1 else t / 5 for t in time], "it's": [t / 6 for t in time]}
    wide = pd.DataFrame({"time": time, "frame": range(30), **traces, "mean": 0.1, "r3": 70.0})
    rows = []
    for name, partition in (("a", "train"), ("b", "dev"), ("c", "test")):
        wide.to_csv(empty_project.path(f"{name}.csv"), index=False)
        row = {"recording": name, "subject": name, "partition": partition}
        rows.append(row | {"audio": f"{name}.wav", "annotations": f"{name}.csv"})
    write_table(empty_project.path("recordings.csv"), rows)
    config = {"corpus": {"recordings": "recordings.csv"}, "dimensions": ["arousal"]}
    outcome = empty_project.run("labels", config=config)
    assert outcome.returncode != 0
    logs = [path.read_text() for path in empty_project.path("results/logs/ratings").glob("*.log")]
    assert any("-999" in log and "ratings: missing: [-999]" in log for log in logs)
    config["ratings"] = {"missing": [-999, -1e30], "raters": ["r 1", "it's"]}
    outcome = empty_project.run("labels", config=config)
    assert outcome.returncode == 0, outcome.output
    ratings = pd.read_parquet(empty_project.path("results/ratings/a.parquet"))
    assert ratings.groupby("rater").size().to_dict() == {"it's": 30, "r 1": 20}
    notes = pd.read_parquet(empty_project.path("results/status/ratings/a.parquet"))
    assert list(notes["recording"]) == ["a"]
    assert "10 values of rater 'r 1' are missing" in notes["note"][0]
