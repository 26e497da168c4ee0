"""What a job would refuse is refused before its last results are given up."""

import re
import shlex

import pytest

import media_files
from media_files import grey, tone
from softaer.core.errors import InputError
from softaer.modalities import FIRST_STAGES
from softaer.running import preflight

READING = (
    "--max-size 20.0 --max-duration 14400.0 --max-streams 16 --max-pixels 33177600"
    " --on-bad-recording {policy}"
)
COMMANDS = {
    "ratings": "python -m softaer.ratings {recordings} --layout table --dimensions arousal valence"
    " --interpolation linear --max-gap 1.0 --range -1.0 1.0 --scales same"
    " --output results/ratings/b.parquet"
    " --notes-output results/status/ratings/b.parquet > results/logs/ratings/b.log 2>&1",
    "audio_lld": "python -m softaer.audio_lld {recordings} --feature-set IS13_ComParE "
    + READING
    + " --output results/audio_lld/b.parquet"
    " --status-output results/status/audio_lld/b.parquet"
    " > results/logs/audio_lld/b.log 2>&1",
    "landmarks": "python -m softaer.landmarks {recordings} --no-refine"
    " --min-detection-confidence 0.5 --min-tracking-confidence 0.5 "
    + READING
    + " --output results/landmarks/b.parquet"
    " --status-output results/status/landmarks/b.parquet"
    " > results/logs/landmarks/b.log 2>&1",
    "feature_table": "python -m softaer.feature_table {recordings} "
    + READING
    + " --like elsewhere.csv --media r0 both.mkv --unit found --rate 5 --columns 'a|b c'"
    " --output results/w2v_table/b.parquet"
    " --status-output results/status/w2v_table/b.parquet"
    " > results/logs/w2v_table/b.log 2>&1",
}
"""Commands of jobs, as Snakemake has them."""

GOOD = (
    "time,rater,dimension,value\n0,r1,arousal,0\n1,r1,arousal,1\n0,r1,valence,0\n1,r1,valence,1\n"
)


@pytest.fixture
def inputs(tmp_path):
    """A good input of each stage, under names that a shell would take apart."""
    folder = tmp_path / "a folder; of 'mine' > $HOME"
    folder.mkdir()
    (folder / "ratings.csv").write_text(GOOD)
    (folder / "features.csv").write_text("a,b c,d\n0.1,0.2,0.3\n")
    (folder / "other features.csv").write_text("a,c,d\n0.1,0.2,0.3\n")
    pictures = [(k / 25, grey(10 * k)) for k in range(10)]
    media_files.write(folder / "both.mkv", pictures=pictures, sound=[(0, tone(0.4))])
    media_files.write(folder / "sound.mkv", sound=[(0, tone(0.4))])
    media_files.write(folder / "pictures.mkv", pictures=pictures)
    return folder


def command(stage, *paths, policy="fail"):
    words = [w for i, path in enumerate(paths) for w in ("--recording", f"r{i}", str(path))]
    return COMMANDS[stage].format(recordings=shlex.join(words), policy=policy)


GOOD_INPUTS = {
    "ratings": ["ratings.csv", "ratings.csv"],
    "audio_lld": ["both.mkv", "sound.mkv"],
    "landmarks": ["both.mkv", "pictures.mkv"],
    "feature_table": ["features.csv", "features.csv"],
}


def test_all_stages_that_can_be_checked_are_tested_here():
    assert set(COMMANDS) == set(FIRST_STAGES)


@pytest.mark.parametrize("stage", COMMANDS)
def test_the_commands_here_are_like_those_of_the_rules(stage, root):
    text = "".join(path.read_text() for path in (root / "workflow/rules").glob("*.smk"))
    shell = re.search(rf'"python -m softaer\.{stage}"(.*?)2>&1"', text, re.DOTALL)[1]
    flags = set(re.findall(r"--[a-z-]+", shell))
    assert flags <= set(re.findall(r"--[a-z-]+", COMMANDS[stage]))


@pytest.mark.parametrize("stage", COMMANDS)
def test_a_good_command_is_accepted_and_nothing_is_written(stage, inputs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    preflight.check(command(stage, *(inputs / name for name in GOOD_INPUTS[stage])))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("stage", COMMANDS)
def test_a_batch_without_recordings_is_accepted(stage):
    preflight.check(command(stage))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (GOOD.replace("1,r1,valence,1", "1,r1,valence,high"), ["line 5", "'value'", "'high'"]),
        (GOOD.replace("1,r1,valence,1", "1,r1,valence,7"), ["'r1'", "7", "-1 to 1"]),
        (GOOD.replace("valence", "liking"), ["no ratings of 'valence'"]),
        (None, ["no such annotation file"]),
    ],
    ids=["a word", "out of range", "no ratings", "absent"],
)
def test_annotations_are_read_to_their_end(content, words, inputs):
    if content is not None:
        (inputs / "bad.csv").write_text(content)
    with pytest.raises(InputError) as caught:
        preflight.check(command("ratings", inputs / "ratings.csv", inputs / "bad.csv"))
    for word in ("bad.csv", *words):
        assert word in str(caught.value)


BAD = [
    ("audio_lld", "pictures.mkv", "no audio stream"),
    ("landmarks", "sound.mkv", "no video stream"),
    ("audio_lld", "ratings.csv", "cannot be decoded"),
    ("landmarks", "ratings.csv", "cannot be decoded"),
    ("landmarks", "absent.mkv", "no such media file"),
]


@pytest.mark.parametrize(("stage", "bad", "words"), BAD)
def test_media_files_that_a_job_would_refuse_are_refused(stage, bad, words, inputs):
    with pytest.raises(InputError, match=rf"recording 'r1': .*{bad}: {words}"):
        preflight.check(command(stage, inputs / "both.mkv", inputs / bad))


@pytest.mark.parametrize(("stage", "bad", "words"), BAD)
def test_media_files_that_a_job_would_skip_are_accepted(stage, bad, words, inputs):
    preflight.check(command(stage, inputs / "both.mkv", inputs / bad, policy="skip"))


def test_the_limits_are_those_of_the_command(inputs):
    text = command("landmarks", inputs / "both.mkv")
    with pytest.raises(InputError, match=r"media\.max_streams"):
        preflight.check(text.replace("--max-streams 16", "--max-streams 1"))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("other features.csv", "lacks 'b c'"),
        ("absent.csv", "no such feature table"),
        ("both.mkv", ""),
    ],
)
def test_feature_tables_that_a_job_would_refuse_are_refused(bad, words, inputs):
    paths = inputs / "features.csv", inputs / bad
    with pytest.raises(InputError, match=rf"recording 'r1': .*{bad}: .*{words}"):
        preflight.check(command("feature_table", *paths))
    preflight.check(command("feature_table", *paths, policy="skip"))
