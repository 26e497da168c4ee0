"""The report of a whole run in a real browser: it draws, complains of nothing and asks nobody."""

import re
import subprocess
import tempfile
from pathlib import Path

import pytest

from patience import SILENT

pytestmark = pytest.mark.workflow

QUIET = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@pytest.fixture(scope="module")
def browser(browser_program):
    """Opens a page; gives its elements after its scripts have run, and what was complained of."""

    def open_page(path: Path, *options: str) -> tuple[str, list[str]]:
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [
                    *(
                        browser_program,
                        *QUIET,
                        f"--user-data-dir={folder}",
                        "--virtual-time-budget=10000",
                    ),
                    *("--enable-logging=stderr", *options, "--dump-dom", f"file://{path}"),
                ],
                capture_output=True,
                text=True,
                timeout=SILENT,
            )
        assert done.returncode == 0, done.stderr
        return done.stdout, re.findall(r"CONSOLE.*", done.stderr)

    return open_page


def element(text, name):
    """What an element with an id holds."""
    return re.search(rf'id="{name}"[^>]*>(.*?)</(?:p|form)>', text, re.DOTALL)[1]


def test_the_traces_are_drawn_and_nothing_is_complained_of(browser, finished_project):
    page, complaints = browser(finished_project.path("results/report.html"))
    assert complaints == []
    said = element(page, "explorer-summary")
    assert re.fullmatch(
        r"rec\d\d \(test\), arousal, multi: CCC of audio\+video with the label over the frames "
        r"shown: E −?\d\.\d\d, σ −?\d\.\d\d\.",
        said,
    )
    controls = element(page, "explorer-controls")
    assert re.findall(r"<option[^>]*>(rec\d\d) \((\w+)\)", controls)[0][1] == "test"
    assert len(re.findall("<option", controls)) == 4 + 2 + 2
    for name in ("label", "audio", "video", "audio+video"):
        assert f">{name}</text>" in page
    assert page.count('class="trace scatter') >= 9


def test_a_request_would_be_refused_and_seen(browser, finished_project, tmp_path):
    """The page's own policy lets nothing out; this is what the other test would notice."""
    text = finished_project.path("results/report.html").read_text()
    page = tmp_path / "spoilt.html"
    page.write_text(text.replace("</body>", '<img src="https://example.org/a.png"></body>'))
    _, complaints = browser(page)
    assert any("Content Security Policy" in line for line in complaints)


@pytest.mark.parametrize("width", [390, 1200])
@pytest.mark.parametrize("dark", [False, True])
def test_the_page_fits_its_window(width, dark, browser, finished_project, tmp_path):
    text = finished_project.path("results/report.html").read_text()
    page = tmp_path / "measured.html"
    script = "document.title = document.documentElement.scrollWidth + ' ' + innerWidth"
    page.write_text(text.replace("</body>", f"<script>{script}</script></body>"))
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    out, complaints = browser(page, f"--window-size={width},900", *scheme)
    assert complaints == []
    needed, there = map(int, re.search(r"<title>(\d+) (\d+)</title>", out).groups())
    assert needed <= there
