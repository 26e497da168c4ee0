"""Voice and face of the default corpus show what was planted, and a face tracker finds the face."""

import subprocess
import sys

import av
import numpy as np
import pytest

from softaer.core import cli, tables
from softaer.core.errors import InputError
from softaer.simulate import face, media, truth, voice
from softaer.simulate.channel import Cues
from softaer.simulate.noise import smooth_noise
from softaer.simulate.subjects import SUBJECTS, subject

SEED, DURATION = 1, 6.0
RECORDING_OF = {"s01": "rec01", "s02": "rec02"}
"""One recording of either photograph."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Folder with portraits of two subjects, and truth and video of a recording of each."""
    folder = tmp_path_factory.mktemp("corpus")
    command = [sys.executable, "-m", "softaer.simulate.portraits", "--output-dir", folder]
    subprocess.run([*command, "--subjects", *RECORDING_OF], check=True, capture_output=True)
    for name, recording in RECORDING_OF.items():
        path = folder / f"{recording}.parquet"
        tables.write(truth.plant(recording, SEED, DURATION), truth.TRUTH, path)
        portrait = media.read_portrait(folder / f"{name}.png", folder / f"{name}.parquet")
        speech, poses = media.perform(recording, SEED, truth.read(path, recording), subject(name))
        frames = map(portrait.render, poses)
        media.encode(folder / f"{recording}.mp4", frames, speech.waveform)
    return folder


def arguments(corpus, output, **changes):
    options = {
        "recording": "rec01",
        "subject": "s01",
        "seed": str(SEED),
        "truth": corpus / "rec01.parquet",
        "portrait": corpus / "s01.png",
        "landmarks": corpus / "s01.parquet",
        "output": output,
    } | changes
    return [word for flag, value in options.items() for word in (f"--{flag}", str(value))]


def command_line(corpus, output):
    command = [sys.executable, "-m", "softaer.simulate.media", *arguments(corpus, output)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def track_faces(frames):
    """FaceMesh points of frames as complex x + iy [pixel], shape (n, 478); NaN without a face."""
    from mediapipe.python.solutions.face_mesh import FaceMesh

    tracked = []
    with FaceMesh(static_image_mode=False, refine_landmarks=True, max_num_faces=1) as mesh:
        for frame in frames:
            found = mesh.process(frame).multi_face_landmarks
            points = found[0].landmark if found else []
            tracked.append([point.x + 1j * point.y for point in points] or [np.nan] * 478)
    return np.array(tracked) * face.FRAME_SIZE


def measure(points):
    """Mouth and brow distances in the face's own axes, in interocular distances, per movement."""
    eyes = points[:, [362, 263]].mean(axis=1) - points[:, [33, 133]].mean(axis=1)
    height = -((points - points[:, 2:3]) / eyes[:, None]).imag
    left, right = height[:, 61], height[:, 291]
    return {
        "smile": (left + right) / 2,
        "smirk": right - left,
        "brow": height[:, [105, 334]].mean(axis=1) - height[:, [33, 133, 362, 263]].mean(axis=1),
        "jaw": height[:, 13] - height[:, 14],
        "roll": -np.angle(eyes),
    }


@pytest.mark.parametrize("recording", RECORDING_OF.values())
def test_facemesh_finds_the_face_in_the_video(corpus, recording):
    with av.open(str(corpus / f"{recording}.mp4")) as container:
        frames = (frame.to_ndarray(format="rgb24") for frame in container.decode(video=0))
        found = np.isfinite(track_faces(frames)).all(axis=1)
    assert len(found) == DURATION * media.FRAME_RATE
    assert found.mean() >= 0.98


@pytest.mark.parametrize("name", RECORDING_OF)
def test_facemesh_measures_the_planted_movements(corpus, name):
    portrait = media.read_portrait(corpus / f"{name}.png", corpus / f"{name}.parquet")
    rng = np.random.default_rng(0)
    spreads = {"smile": 0.5, "smirk": 0.4, "brow": 0.5, "jaw": 0.2, "roll": 2.0, "yaw": 2.0}
    tracks = {name: spread * smooth_noise(rng, 200, 8) for name, spread in spreads.items()}
    tracks["jaw"] = np.abs(tracks["jaw"])
    poses = [face.Pose(**{name: track[k] for name, track in tracks.items()}) for k in range(200)]
    measured = measure(track_faces(map(portrait.render, poses)))
    for movement, values in measured.items():
        bound = 0.7 if movement == "brow" else 0.8
        assert np.corrcoef(values, tracks[movement])[0, 1] > bound, movement


def test_command_line_gives_the_same_bytes(corpus, tmp_path):
    done = command_line(corpus, tmp_path / "again.mp4")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.mp4").read_bytes() == (corpus / "rec01.mp4").read_bytes()


def test_streams_have_the_stated_formats_and_the_same_length(corpus):
    with av.open(str(corpus / "rec01.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.average_rate) == ("h264", media.FRAME_RATE)
        assert (video.width, video.height) == (face.FRAME_SIZE, face.FRAME_SIZE)
        assert (audio.codec_context.name, audio.rate) == ("aac", voice.SAMPLE_RATE)
        samples = sum(frame.samples for frame in container.decode(audio=0))
    assert samples / voice.SAMPLE_RATE == pytest.approx(DURATION, abs=0.1)


def speak(arousal=0.0, valence=0.0, mask=0.0, distraction=0.0):
    """Twenty seconds in one unchanging state."""
    time = np.arange(0, 20.1, 0.1)
    cues = Cues(
        time, *(np.full(len(time), value) for value in (arousal, valence, mask, distraction))
    )
    rng = np.random.default_rng(3)
    return voice.speak(rng, cues, SUBJECTS["s01"].voice, 20.0).waveform


def level(waveform):
    return 20 * np.log10(np.sqrt(np.mean(waveform**2)))


def brightness(waveform):
    """Level of 2 to 3.5 kHz relative to the whole [dB]."""
    power = np.abs(np.fft.rfft(waveform)) ** 2
    frequency = np.fft.rfftfreq(len(waveform), 1 / voice.SAMPLE_RATE)
    return 10 * np.log10(power[(frequency > 2000) & (frequency < 3500)].sum() / power.sum())


def test_arousal_is_heard_as_loudness():
    assert level(speak(arousal=0.6)) - level(speak(arousal=-0.6)) > 6


def test_valence_is_heard_as_brightness_and_not_as_loudness():
    pleasant, unpleasant = speak(valence=0.6), speak(valence=-0.6)
    assert brightness(pleasant) - brightness(unpleasant) > 3
    assert abs(level(pleasant) - level(unpleasant)) < 1.5


def nasality(waveform):
    """Level of 0.8 to 1.3 kHz relative to the whole [dB]."""
    power = np.abs(np.fft.rfft(waveform)) ** 2
    frequency = np.fft.rfftfreq(len(waveform), 1 / voice.SAMPLE_RATE)
    return 10 * np.log10(power[(frequency > 800) & (frequency < 1300)].sum() / power.sum())


def test_displays_of_distraction_are_heard_in_one_band():
    assert nasality(speak(distraction=1.0)) - nasality(speak(distraction=-1.0)) > 4


def periodicity(waveform):
    """Highest autocorrelation from 130 to 270 Hz, median of the louder half of 40 ms frames."""
    frames = waveform[: len(waveform) // 640 * 640].reshape(-1, 640) * np.hanning(640)
    power = np.abs(np.fft.rfft(frames, 1280, axis=1)) ** 2
    correlation = np.fft.irfft(power, axis=1)
    energy = correlation[:, 0]
    peaks = correlation[:, 59:123].max(axis=1) / energy
    return np.median(peaks[energy > np.median(energy)])


def test_displays_of_masking_are_heard_as_a_rough_voice():
    assert periodicity(speak(mask=1.0)) < periodicity(speak(mask=-1.0)) - 0.05


def test_neutral_pose_is_the_portrait_itself(corpus):
    import cv2

    portrait = media.read_portrait(corpus / "s01.png", corpus / "s01.parquet")
    image = cv2.imread(str(corpus / "s01.png"))[..., ::-1]
    margin = (face.PORTRAIT_SIZE - face.FRAME_SIZE) // 2
    middle = image[margin:-margin, margin:-margin]
    np.testing.assert_array_equal(portrait.render(face.Pose()), middle)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "nobody"},
        {"truth": "nowhere.parquet"},
        {"recording": "rec02"},
        {"portrait": "nowhere.png"},
    ],
)
def test_wrong_input_ends_with_one_line(corpus, tmp_path, changes, monkeypatch, capsys):
    words = arguments(corpus, tmp_path / "out.mp4", **changes)
    monkeypatch.setattr(sys, "argv", ["media", *words])
    with pytest.raises(SystemExit, match="1"):
        cli.run(media.main)
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out.mp4").exists()


def test_landmarks_that_are_no_table(corpus, tmp_path):
    path = tmp_path / "landmarks.parquet"
    path.write_text("x,y,z\n")
    with pytest.raises(InputError):
        media.read_portrait(corpus / "s01.png", path)
