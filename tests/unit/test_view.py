"""softaer view: what the server gives to a browser, and what it refuses."""

import http.client
import io
import json
import socket
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

import media_files
from softaer.commands import view
from softaer.core import cli
from softaer.core.errors import InputError
from softaer.core.places import EXPERIMENT, REPORT
from softaer.corpus import Recording
from softaer.page.template import ALONE, NO_MEDIA
from softaer.signals.pictures import video_frames
from softaer.viewing.at_hand import at_hand, pages, that_can_be_served, told
from softaer.viewing.server import Page, Server, byte_range
from softaer.viewing.showing import Films, about

HTML = f'<meta content="{ALONE}"><p>a page</p>{NO_MEDIA}'


def filmed(path, *, video="libx264", audio="aac", seconds=2.0, start=0.0, **more):
    """A recording whose grey level is its time: 100 per second, 25 frames per second."""
    frames = [(start + n / 25, media_files.grey(4 * n)) for n in range(round(25 * seconds))]
    sound = [(start, media_files.tone(seconds))]
    clock = Fraction(1, 25)
    return media_files.write(
        path, frames, sound, video_codec=video, audio_codec=audio, clock=clock, **more
    )


@pytest.fixture
def served(tmp_path):
    """Starts a server of one page and some recordings; gives a way to ask it."""
    started = []

    def start(recordings, text=HTML):
        page = tmp_path / "page.html"
        page.write_text(text)
        films = Films(tmp_path / "films")
        server = Server({"report": Page(page, recordings, {"lost": "no file x"})}, films, 0)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        started.append(server)

        def ask(path, method="GET", **headers):
            connection = http.client.HTTPConnection("127.0.0.1", server.server_port)
            headers = {key.replace("_", "-"): value for key, value in headers.items()}
            connection.request(method, path, headers=headers)
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            return answer, content

        ask.port = server.server_port
        return ask

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def mp4(tmp_path_factory):
    return filmed(tmp_path_factory.mktemp("media") / "a.mp4")


def both(path, **more):
    return Recording("a", "a", audio=str(path), video=str(path), **more)


def test_the_page_may_ask_its_server_and_knows_its_media(served, mp4):
    answer, content = served({"a": both(mp4)})("/report.html")
    text = content.decode()
    assert answer.status == 200
    assert "<p>a page</p>" in text
    assert str(ALONE) not in text
    assert "media-src 'self'" in text
    listed = json.loads(text.split('id="explorer-media">')[1].split("</script>")[0])
    assert listed == {"page": "report", "here": ["a"], "absent": {"lost": "no file x"}}
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_the_address_leads_to_the_page(served, mp4):
    answer, _ = served({})("/")
    assert (answer.status, answer.headers["Location"]) == (302, "/report.html")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=10-19", 10, 19), ("bytes=100-", 100, None), ("bytes=-5", -5, None)],
)
def test_a_browser_can_seek(asked, first, last, served, mp4):
    whole = mp4.read_bytes()
    ask = served({"a": both(mp4)})
    answer, content = ask("/report/media/a", Range=asked)
    assert answer.status == 206
    assert content == whole[first : None if last is None else last + 1]
    start = first % len(whole)
    expected = f"bytes {start}-{start + len(content) - 1}/{len(whole)}"
    assert answer.headers["Content-Range"] == expected
    answer, content = ask("/report/media/a")
    assert (answer.status, content) == (200, whole)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Type"] == "video/mp4"
    answer, content = ask("/report/media/a", method="HEAD")
    assert (content, answer.headers["Content-Length"]) == (b"", str(len(whole)))


def test_a_range_behind_the_end_is_refused(served, mp4):
    answer, _ = served({"a": both(mp4)})("/report/media/a", Range="bytes=99999999-")
    assert answer.status == 416
    assert answer.headers["Content-Range"] == f"bytes */{mp4.stat().st_size}"


@pytest.mark.parametrize(
    "text", [None, "", "bytes=", "bytes=-", "bytes=3-1", "items=1-2", "bytes=0-1,3-4"]
)
def test_words_that_are_no_range_are_ignored(text):
    assert byte_range(text, 10) is None


def test_an_empty_file_has_no_range():
    with pytest.raises(ValueError, match="no byte"):
        byte_range("bytes=0-", 0)


@pytest.mark.parametrize(
    "path",
    [
        "/../page.html",
        "/page.html",
        "/report/media/..%2f..%2fpage.html",
        "/report/media/%2fetc%2fpasswd",
        "/report/media//etc/passwd",
        "/report/media/",
        "/report/films/a",
        "/films/",
        "//etc/passwd",
        "/report",
        "/report/",
        "/recordings.csv",
    ],
)
def test_nothing_else_is_reached(path, served, mp4):
    answer, content = served({"a": both(mp4)})(path)
    assert answer.status in (404, 200)
    assert b"root:" not in content
    assert answer.status == 404 or path == "/report"


@pytest.mark.parametrize("host", ["example.org", "example.org:80", "127.0.0.1", ""])
def test_another_host_is_refused(host, served, mp4):
    """A name of somebody else's that was made to point here (DNS rebinding)."""
    answer, content = served({"a": both(mp4)})("/report.html", Host=host)
    assert answer.status == 421
    assert b"a page" not in content


def test_the_name_of_this_machine_is_not(served, mp4):
    ask = served({"a": both(mp4)})
    assert ask("/report.html", Host=f"localhost:{ask.port}")[0].status == 200


def test_foreign_pages_are_refused(served, mp4):
    ask = served({"a": both(mp4)})
    assert ask("/report/media/a", Sec_Fetch_Site="cross-site")[0].status == 403
    assert ask("/report/media/a", Sec_Fetch_Site="same-origin")[0].status == 200


def test_only_this_machine_is_listened_to(served):
    ask = served({})
    own = {entry[4][0] for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    for address in own - {"127.0.0.1"}:
        if address.startswith("127."):
            continue
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((address, ask.port), timeout=2)


@pytest.mark.parametrize(
    ("name", "codecs"),
    [("a.mp4", {}), ("a.avi", {"video": "mpeg4", "audio": "mp3"}), ("a.mkv", {"audio": "flac"})],
)
def test_the_still_of_a_moment_is_on_the_clock_of_the_features(name, codecs, served, tmp_path):
    path = filmed(tmp_path / name, **codecs)
    ask = served({"a": both(path)})
    frames = list(video_frames(path))
    for time in (0.0, 0.5, 1.3):
        answer, content = ask(f"/report/frame/a?t={time}")
        assert answer.headers["Content-Type"] == "image/jpeg"
        shown = next(image for at, image in reversed(frames) if at <= time + 1e-6)
        assert abs(decoded_level(content) - shown.mean()) < 3
    assert ask("/report/frame/a?t=soon")[0].status == 404


def decoded_level(jpeg):
    return float(np.asarray(Image.open(io.BytesIO(jpeg))).mean())


@pytest.mark.parametrize(
    ("name", "codecs", "plays"),
    [
        ("a.mp4", {}, "video/mp4"),
        ("a.avi", {"video": "mpeg4", "audio": "mp3"}, None),
        ("a.mkv", {"audio": "flac"}, None),
        ("late.mkv", {"video": "vp8", "audio": "libopus", "start": 0.5, "rate": 48_000}, None),
        ("a.mov", {"video": "mpeg4"}, None),
    ],
)
def test_only_files_with_the_clock_of_the_features_are_played_as_they_are(
    name, codecs, plays, tmp_path
):
    found = about(both(filmed(tmp_path / name, **codecs)))
    assert (found.pictures, found.sound) == (True, True)
    assert found.plays == plays


def test_a_subjects_channel_is_not_left_to_the_browser(mp4):
    assert about(both(mp4)).plays == "video/mp4"
    assert about(both(mp4, channel="1")).plays is None


def test_a_film_is_made_of_what_browsers_cannot_play(served, tmp_path):
    path = filmed(tmp_path / "a.avi", video="mpeg4", audio="mp3")
    ask = served({"a": both(path)})
    assert json.loads(ask("/report/about/a")[1]) == {
        "pictures": True,
        "sound": True,
        "plays": False,
    }
    assert ask("/report/media/a")[0].status == 404
    answer, content = ask("/report/film/a")
    assert answer.headers["Content-Type"] == "video/mp4"
    film = tmp_path / "film.mp4"
    film.write_bytes(content)
    with av.open(str(film)) as container:
        assert {stream.type for stream in container.streams} == {"video", "audio"}
    made, own = dict(video_frames(film)), dict(video_frames(path))
    times = np.array(list(made))
    assert np.allclose(times, list(own), atol=0.001)
    for one, other in zip(made.values(), own.values(), strict=True):
        assert abs(one.mean() - other.mean()) < 4
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "films").iterdir()}
    ask("/report/film/a")
    assert before == {p: p.stat().st_mtime_ns for p in (tmp_path / "films").iterdir()}


def test_sound_alone_is_made_to_wav(served, tmp_path):
    path = tmp_path / "a.mka"
    media_files.write(path, sound=[(0.0, media_files.tone(1.0))], audio_codec="flac")
    (tmp_path / "films").mkdir()
    ask = served({"a": both(path)})
    answer, content = ask("/report/film/a")
    assert (answer.headers["Content-Type"], content[:4]) == ("audio/wav", b"RIFF")
    assert abs(len(content) - 32_000) < 1_000
    assert ask("/report/frame/a?t=0")[0].status == 404


def test_a_file_that_is_gone_is_told(served, tmp_path):
    ask = served({"a": both(tmp_path / "gone.mp4")})
    answer, content = ask("/report/about/a")
    assert answer.status == 404
    assert b"gone.mp4" in content
    assert ask("/report/media/b")[0].status == 404


def test_media_are_found_at_their_paths_or_by_name(tmp_path, mp4):
    elsewhere = tmp_path / "copied"
    elsewhere.mkdir()
    (elsewhere / "b.mp4").write_bytes(b"")
    table = [
        both(mp4),
        Recording("b", "b", audio="/gone/b.mp4", video="/gone/b.mp4"),
        Recording("c", "c", audio="/gone/c.mp4", video=str(mp4)),
        Recording("d", "d"),
    ]
    here, absent = at_hand(table, [elsewhere])
    assert here["a"] == table[0]
    assert here["b"].video == str(elsewhere / "b.mp4")
    assert absent["c"] == f"no file /gone/c.mp4, nor one of its name in {elsewhere}"
    assert set(absent) == {"c", "d"}
    here, absent = at_hand(table)
    assert set(here) == {"a"}
    assert absent["b"] == "no file /gone/b.mp4"
    lines = told("report", Page(Path("p"), here, absent))
    assert lines[0] == "report: media of 1 of 4 recordings"
    assert "  b: no file /gone/b.mp4" in lines


def a_run(folder, table="recordings.csv"):
    results = folder / "results"
    results.mkdir(parents=True)
    (folder / REPORT).write_text(HTML)
    (folder / EXPERIMENT).write_text(
        "configuration:\n"
        f"  corpus: {{recordings: {table}, root: null}}\n"
        "  ratings: {files: null}\n  apply: {recordings: null}\n  media: {max_size: 1.0}\n"
    )
    return folder


def test_a_run_says_where_its_media_are(tmp_path, mp4):
    folder = a_run(tmp_path / "run")
    (folder / "recordings.csv").write_text(f"recording,media\na,{mp4}\nb,b.mp4\n")
    for given in (folder, folder / "results"):
        found, config = pages(given)
        assert list(found) == ["report"]
        assert list(found["report"].recordings) == ["a"]
        assert found["report"].absent == {"b": f"no file {folder / 'b.mp4'}"}
    assert config["media"] == {"max_size": 1.0}


def test_moved_results_are_shown_without_media(tmp_path):
    folder = a_run(tmp_path / "run")
    (folder / "results").rename(tmp_path / "moved")
    found, _ = pages(tmp_path / "moved")
    (line,) = found["report"].absent.values()
    assert line == f"no {tmp_path / 'recordings.csv'}, the table of the recordings"


def test_a_folder_without_a_page_is_refused(tmp_path):
    with pytest.raises(InputError, match="expected the folder of a run"):
        pages(tmp_path)


def test_an_older_page_is_refused(tmp_path):
    page = tmp_path / "old.html"
    page.write_text("<p>old</p>")
    with pytest.raises(InputError, match="expected a page of this version"):
        Page(page).text("report")


def test_a_report_without_traces_does_not_keep_other_pages_away(tmp_path, mp4):
    folder = a_run(tmp_path / "run")
    (folder / "recordings.csv").write_text(f"recording,media\na,{mp4}\n")
    whole = pages(folder)[0]["report"]
    without = tmp_path / "report.html"
    without.write_text("<p>no traces</p>")
    served, (reason,) = that_can_be_served({"report": Page(without), "apply": whole})
    assert served == {"apply": whole}
    assert str(reason).startswith(f"{without}: has no explorer")
    with pytest.raises(InputError, match="has no explorer"):
        that_can_be_served({"report": Page(without)})


def test_a_port_in_use_is_told(tmp_path, mp4):
    folder = a_run(tmp_path / "run")
    (folder / "recordings.csv").write_text(f"recording,media\na,{mp4}\n")
    arguments = cli.parser(view.__doc__)
    view.add_arguments(arguments)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        words = [str(folder), "--port", str(port), "--no-browser"]
        with pytest.raises(InputError, match=f"--port {port}: .* expected a free port"):
            view.main(arguments.parse_args(words))
