"""The traces of the report in a real browser: pointer, keys, links, pictures and sound."""

import json
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import numpy as np
import pytest
from playwright.sync_api import sync_playwright
from projects import copied

import media_files
from patience import HANGS, SILENT

pytestmark = pytest.mark.workflow

WAIT = 1000 * SILENT
"""Limit of the browser [ms]."""

STATE = """() => {
  const of = (name) => document.getElementById(`explorer-${name}`);
  const axis = of("plot")._fullLayout.xaxis;
  return {
    time: of("time").textContent, shown: of("video").currentTime, source: of("video").src,
    paused: of("video").paused, said: of("said").textContent, summary: of("summary").textContent,
    range: axis.range, offset: axis._offset, length: axis._length, hash: location.hash,
    recording: of("controls").elements.recording.selectedOptions[0].text,
  };
}"""

STRIP = "[...document.querySelectorAll('#explorer-strip img')]"
STRIP_IS_FULL = f"{STRIP}.length > 3 && {STRIP}.every((image) => image.naturalWidth > 0)"

GREY = """(source) => {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [64, 48];
  const context = canvas.getContext("2d");
  context.drawImage(source, 0, 0, 64, 48);
  return Array.from(context.getImageData(0, 0, 64, 48).data).filter((_, i) => i % 4 === 1);
}"""


@pytest.fixture(scope="module")
def chromium(browser_program):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_program, args=["--no-sandbox"], timeout=WAIT
        )
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Opens a page in a window of some width; it must not complain."""
    contexts, complaints = [], []

    def open_page(address, width=1200, scheme="light"):
        size = {"width": width, "height": 900}
        context = chromium.new_context(viewport=size, color_scheme=scheme)
        contexts.append(context)
        context.set_default_timeout(WAIT)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address)
        until(page, "document.querySelector('#explorer-plot .scatterlayer') !== null")
        return page

    open_page.complaints = complaints
    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


@contextmanager
def viewed(results):
    """Address of the report that softaer view serves."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "softaer", "view", str(results), "--no-browser"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        for line in process.stdout:
            if line.startswith("http"):
                yield line.strip()
                break
        else:
            raise AssertionError("softaer view gave no address")
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=HANGS)


@pytest.fixture(scope="module")
def other_media(finished_project, tmp_path_factory):
    """Results with a film that no browser plays, a recording without media, and one of sound."""
    project = copied(finished_project, tmp_path_factory.mktemp("other") / "run")
    media = sorted(project.path("results/corpus/media").iterdir())
    images = [np.full((240, 320, 3), 8 * (k // 4), dtype=np.uint8) for k in range(120)]
    frames = [(k / 12, image) for k, image in enumerate(images)]
    sound = [(0.0, media_files.tone(10.0))]
    media_files.write(media[0], frames, sound, video_codec="mpeg4", audio_codec="aac")
    media[1].unlink()
    media_files.write(media[2], sound=sound, audio_codec="aac")
    with viewed(project.path("results")) as address:
        yield address


@pytest.fixture(scope="module")
def address(finished_project):
    with viewed(finished_project.path("results")) as address:
        yield address


def until(page, condition):
    """Wait for a condition in JavaScript. The page's policy forbids what playwright has for it."""
    deadline = time.monotonic() + SILENT
    while not page.evaluate(condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


def state(page):
    return page.evaluate(STATE)


def loaded(page):
    """Wait until the film at the cursor can be shown."""
    until(page, "document.getElementById('explorer-video').readyState >= 2")
    at_rest(page)


def at_rest(page):
    until(page, "!document.getElementById('explorer-video').seeking")


def point(page, moment):
    """Move the pointer to a time within the traces."""
    page.locator("#explorer-plot").scroll_into_view_if_needed()
    box, now = page.locator("#explorer-plot").bounding_box(), state(page)
    start, end = now["range"]
    x = box["x"] + now["offset"] + (moment - start) / (end - start) * now["length"]
    page.mouse.move(x, box["y"] + 200)


def seconds(text):
    return float(text.removesuffix(" s"))


def test_the_picture_is_that_under_the_pointer(address, opened):
    page = opened(address + "#traces")
    loaded(page)
    point(page, 4.0)
    until(page, "document.getElementById('explorer-video').currentTime > 3.9")
    at_rest(page)
    now = state(page)
    assert seconds(now["time"]) == pytest.approx(4.0, abs=0.1)
    assert now["shown"] == pytest.approx(4.0, abs=0.1)
    seen = np.array(page.locator("#explorer-video").evaluate(GREY))
    name = now["recording"].split(" ")[0]

    def still(moment):
        """What the decoder of the features shows at a time."""
        return np.array(
            page.evaluate(
                f"""async (source) => {{
                  const image = new Image();
                  image.src = source;
                  await image.decode();
                  return ({GREY})(image);
                }}""",
                f"/report/frame/{name}?t={moment}",
            )
        )

    apart = {t: np.abs(seen - still(t)).mean() for t in (now["shown"], 1.0, 8.0)}
    assert min(apart, key=apart.get) == now["shown"], apart
    page.mouse.move(2, 2)
    until(page, "document.getElementById('explorer-video').currentTime < 0.1")
    assert state(page)["time"] == "0.0 s"


def test_a_click_sets_the_cursor_and_the_address_leads_back_to_it(address, opened):
    page = opened(address + "#traces")
    point(page, 3.0)
    until(page, "document.querySelector('.hoverlayer').childElementCount > 0")
    page.mouse.down()
    page.mouse.up()
    until(page, "location.hash.split('/').length === 5")
    now = state(page)
    kind, name, dimension, task, moment = now["hash"].split("/")
    assert (kind, dimension, task) == ("#trace", "arousal", "multi")
    assert now["recording"].startswith(name)
    assert float(moment) == pytest.approx(3.0, abs=0.11)
    assert page.locator("#explorer-link").get_attribute("href") == now["hash"]
    again = opened(page.url)
    loaded(again)
    assert state(again)["hash"] == now["hash"]
    assert state(again)["time"] == f"{moment} s"
    assert state(again)["shown"] == pytest.approx(float(moment), abs=0.01)


def test_keys_move_zoom_and_turn(address, opened):
    page = opened(address + "#traces")
    names = page.locator("#explorer-controls [name=recording] option").all_inner_texts()
    page.locator("#explorer-plot").focus()

    def press(*keys):
        for key in keys:
            page.keyboard.press(key)
        return state(page)

    assert press("ArrowRight", "ArrowRight")["time"] == "0.2 s"
    assert press("Shift+ArrowRight", "ArrowLeft")["time"] == "1.1 s"
    end = press("End")
    assert seconds(end["time"]) == pytest.approx(end["range"][1], abs=0.06)
    assert press("ArrowRight")["time"] == end["time"]
    assert press("Home")["time"] == "0.0 s"
    whole = state(page)["range"]
    assert press("+")["range"] == pytest.approx([0, whole[1] / 2])
    assert press("+")["range"] == pytest.approx([0, whole[1] / 4])
    assert press("-")["range"] == pytest.approx([0, whole[1] / 2])
    assert press("0")["range"] == pytest.approx(whole)
    assert press("PageUp")["recording"] == names[0]
    assert press("PageDown")["recording"] == names[1]
    # In a list, the keys belong to the list.
    page.locator("#explorer-controls [name=dimension]").focus()
    assert press("Home", "ArrowRight")["time"] == "0.0 s"


def test_it_plays_with_sound_and_the_cursor_runs_along(address, opened):
    page = opened(address + "#traces")
    loaded(page)
    page.locator("#explorer-plot").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Space")
    until(page, "parseFloat(document.getElementById('explorer-time').textContent) > 0.5")
    line = page.locator("#explorer-cursor")
    before = line.evaluate("(line) => parseFloat(line.style.left)")
    until(page, f"parseFloat(document.getElementById('explorer-cursor').style.left) > {before} + 5")
    assert not state(page)["paused"]
    assert (
        page.locator("#explorer-video").evaluate("(film) => film.webkitAudioDecodedByteCount") > 0
    )
    assert page.locator("[name=play]").inner_text() == "pause"
    page.keyboard.press("Space")
    # A film is paused at once, and the page hears of it later.
    until(page, "document.querySelector('[name=play]').textContent === 'play'")
    now = state(page)
    assert seconds(now["time"]) == pytest.approx(now["shown"], abs=0.1)
    assert float(now["hash"].split("/")[-1]) == pytest.approx(now["shown"], abs=0.1)


def test_at_the_end_it_stops_and_begins_again(other_media, opened):
    page = opened(other_media + "#trace/rec03")
    loaded(page)
    page.evaluate(
        "() => { window.seeks = 0; document.getElementById('explorer-video')"
        ".addEventListener('seeking', () => { window.seeks += 1; }); }"
    )
    page.locator("#explorer-plot").focus()
    for key in ("End", "Shift+ArrowLeft", "Space"):
        page.keyboard.press(key)
    until(page, "document.getElementById('explorer-video').ended")
    until(page, "document.querySelector('[name=play]').textContent === 'play'")
    seeks = page.evaluate("window.seeks")
    time.sleep(1)
    assert page.evaluate("window.seeks") == seeks
    assert page.locator("[name=play]").inner_text() == "play"
    page.keyboard.press("Space")
    until(page, "document.getElementById('explorer-video').currentTime < 3")
    assert not state(page)["paused"]


def test_frames_beside_the_traces_follow_the_zoom(address, opened):
    page = opened(address + "#traces")
    until(page, STRIP_IS_FULL)
    last = f"parseFloat({STRIP}.at(-1).alt)"
    before = page.evaluate(last)
    page.locator("#explorer-plot").focus()
    page.keyboard.press("+")
    until(page, f"{last} < {before} / 1.8")
    page.locator("#explorer-strip img").last.click()
    assert seconds(state(page)["time"]) == pytest.approx(page.evaluate(last), abs=0.06)


def test_what_no_browser_plays_is_shown_by_frames_and_played_as_a_film(other_media, opened):
    page = opened(other_media + "#trace/rec01")
    until(page, "document.querySelector('#explorer-moment img').naturalWidth > 0")
    assert state(page)["source"] == ""
    point(page, 5.0)
    until(page, "document.querySelector('#explorer-moment img').src.includes('t=5.0')")
    until(page, "document.querySelector('#explorer-moment img').complete")
    grey = np.mean(page.locator("#explorer-moment img").evaluate(GREY))
    assert grey == pytest.approx(8 * (60 // 4), abs=12)
    page.mouse.move(2, 2)
    page.locator("[name=play]").click()
    until(page, "document.getElementById('explorer-video').currentTime > 0.3")
    now = state(page)
    assert now["source"].endswith("/report/film/rec01")
    assert now["said"] == ""
    assert page.locator("#explorer-video").is_visible()
    assert not page.locator("#explorer-moment img").is_visible()


def test_media_that_are_not_there_are_told_of(other_media, opened):
    page = opened(other_media + "#trace/rec02")
    assert "No picture or sound: no file" in state(page)["said"]
    assert "rec02.mp4" in state(page)["said"]
    assert not page.locator("[name=play]").is_visible()


def test_sound_alone_is_played_without_a_picture(other_media, opened):
    page = opened(other_media + "#trace/rec03")
    loaded(page)
    assert not page.locator("#explorer-moment img").is_visible()
    assert not page.locator("#explorer-strip").is_visible()
    page.locator("[name=play]").click()
    until(page, "document.getElementById('explorer-video').currentTime > 0.3")
    assert page.locator("#explorer-video").bounding_box()["height"] == 0


def with_data(finished_project, path, change):
    """The report with other traces."""
    text = finished_project.path("results/report.html").read_text(encoding="utf-8")
    begin, content, end = re.search(
        r'(<script type="application/json" id="explorer-data">)(.*?)(</script>)', text, re.DOTALL
    ).groups()
    data = json.loads(content)
    change(data)
    path.write_text(text.replace(begin + content + end, begin + json.dumps(data) + end))
    return f"file://{path}"


def test_without_a_server_the_frames_are_those_of_the_page(finished_project, opened):
    page = opened(f"file://{finished_project.path('results/report.html')}#trace/rec01")
    until(page, "document.querySelector('#explorer-moment img').naturalWidth > 0")
    source = page.locator("#explorer-moment img").get_attribute("src")
    point(page, 5.9)
    until(page, f"document.querySelector('#explorer-moment img').src !== {json.dumps(source)}")
    assert not page.locator("[name=play]").is_visible()
    until(page, STRIP_IS_FULL)


def test_a_page_without_frames_shows_traces_alone(finished_project, opened, tmp_path):
    def bare(data):
        for recording in data["recordings"]:
            recording["pictures"] = []

    page = opened(with_data(finished_project, tmp_path / "bare.html", bare))
    assert not page.locator("#explorer-moment").is_visible()
    assert not page.locator("#explorer-strip").is_visible()
    point(page, 3.0)
    page.locator("#explorer-plot").focus()
    page.keyboard.press("ArrowRight")
    assert state(page)["hash"].endswith("/0.1")


def test_stretches_without_a_modality_are_marked(finished_project, opened, tmp_path):
    def gap(data):
        data["recordings"][0]["gaps"]["video"] = [[1.0, 3.5]]

    page = opened(with_data(finished_project, tmp_path / "gap.html", gap))
    assert "No video in 2.5 s of it." in state(page)["summary"]
    marks = page.locator("#explorer-plot .shapelayer path")
    assert marks.count() == 1
    now = state(page)
    box, plot = marks.bounding_box(), page.locator("#explorer-plot").bounding_box()
    scale = now["length"] / now["range"][1]
    assert box["x"] - plot["x"] == pytest.approx(now["offset"] + 1.0 * scale, abs=2)
    assert box["width"] == pytest.approx(2.5 * scale, abs=2)
    assert page.locator("#explorer-plot .annotation-text").first.text_content() == "no video"
    unmarked = opened(f"file://{finished_project.path('results/report.html')}")
    assert unmarked.locator("#explorer-plot .shapelayer path").count() == 0
    assert "No video" not in state(unmarked)["summary"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 500, 1200])
def test_picture_and_traces_fit_the_window(width, scheme, address, opened):
    page = opened(address + "#traces", width, scheme)
    loaded(page)
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width
    plot, film = (page.locator(f"#explorer-{n}").bounding_box() for n in ("plot", "video"))
    assert plot["width"] > (300 if width < 1000 else 600)
    beside = film["x"] >= plot["x"] + plot["width"]
    assert beside == (width == 1200)
    assert beside or film["y"] + film["height"] <= plot["y"]


def test_a_request_to_others_would_be_refused_and_seen(address, opened):
    page = opened(address + "#traces")
    with pytest.raises(Exception, match="Failed to fetch"):
        page.evaluate("fetch('https://example.org/')")
    assert any("example.org" in words for words in opened.complaints)
    opened.complaints.clear()
