"""How long the report takes to open, with many long recordings.

    python tests/benchmarks/report_page.py RESULTS/report.html [--recordings 64] [--minutes 3]

Takes the report of a finished run, puts the traces of a made-up corpus into it (two dimensions, two
targets, two tasks, three modalities, six raters, eight thumbnails per recording), and opens it in
Chromium: the time until the traces of the first recording are drawn, beside a page with Plotly and
these traces alone, and the time from one recording to the next.
"""

import argparse
import base64
import json
import re
import shutil
import statistics
import tempfile
from pathlib import Path

import numpy as np
import plotly.offline
from playwright.sync_api import sync_playwright

from softaer.core.grid import RATE
from softaer.page.explorer import MOST_VALUES, packed

DIMENSIONS, TARGETS, TASKS = ("arousal", "valence"), ("E", "sigma"), ("single", "multi")
MODALITIES = ("audio", "video", "audio+video")
RATERS = 6
PICTURE_BYTES = 2500
DATA = re.compile(
    r'(<script type="application/json" id="explorer-data">)(.*?)(</script>)', re.DOTALL
)

DRAWN = """() => new Promise((resolve) => {
  const look = () => document.querySelector(".scatterlayer path.js-line")
    ? resolve(performance.now()) : requestAnimationFrame(look);
  look();
})"""

TURNED = """() => {
  const form = document.getElementById("explorer-controls");
  const start = performance.now();
  form.elements.recording.value = Number(form.elements.recording.value) + 1;
  form.dispatchEvent(new Event("change"));
  return performance.now() - start;
}"""


def made_up(recordings: int, frames: int) -> dict:
    """Traces of a corpus, thinned as in the report."""
    rng = np.random.default_rng(1)
    series = len(DIMENSIONS) * (len(TARGETS) * (1 + len(TASKS) * len(MODALITIES)) + RATERS)
    every = max(1, -(-recordings * frames * series // MOST_VALUES))
    picture = base64.b64encode(rng.bytes(PICTURE_BYTES)).decode("ascii")

    def trace() -> dict:
        return packed(np.cumsum(rng.normal(size=frames))[::every] / 30)

    def content() -> dict:
        return {
            "raters": {f"rater {k + 1}": trace() for k in range(RATERS)},
            **{
                target: {
                    "label": trace(),
                    "predictions": {t: {m: trace() for m in MODALITIES} for t in TASKS},
                }
                for target in TARGETS
            },
        }

    return {
        **{"every": every, "rate": RATE / every, "dimensions": DIMENSIONS, "targets": TARGETS},
        **{"tasks": TASKS, "modalities": MODALITIES},
        "recordings": [
            {
                **{"name": f"rec{n:03d}", "partition": "test", "frames": frames},
                "gaps": {"audio": [], "video": [[20.0, 30.0]]},
                "pictures": [(20.0 * k, picture) for k in range(8)],
                "dimensions": {dimension: content() for dimension in DIMENSIONS},
            }
            for n in range(recordings)
        ],
    }


def bare(data: dict) -> str:
    """A page with Plotly and the traces of the first recording as plain numbers."""
    first = data["recordings"][0]["dimensions"][DIMENSIONS[0]]
    some = [first[t]["label"] for t in TARGETS]
    some += [first[t]["predictions"][TASKS[1]][m] for t in TARGETS for m in MODALITIES]
    lines = []
    for trace in some:
        steps = np.frombuffer(base64.b64decode(trace["data"]), dtype="<u2")
        lines.append({"mode": "lines", "y": (trace["low"] + trace["step"] * steps).tolist()})
    return (
        f"<!DOCTYPE html><body><div id=plot></div><script>{plotly.offline.get_plotlyjs()}</script>"
        f"<script>Plotly.newPlot('plot', {json.dumps(lines)})</script></body>"
    )


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("report", type=Path, help="report.html of a finished run")
    arguments.add_argument("--recordings", type=int, default=64)
    arguments.add_argument("--minutes", type=float, default=3.0)
    arguments.add_argument("--repetitions", type=int, default=7)
    options = arguments.parse_args()

    data = made_up(options.recordings, round(options.minutes * 60 * RATE))
    text = options.report.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        pages = {name: Path(folder) / f"{name}.html" for name in ("report", "bare")}
        filled = DATA.sub(lambda found: found[1] + json.dumps(data) + found[3], text)
        pages["report"].write_text(filled, encoding="utf-8")
        pages["bare"].write_text(bare(data), encoding="utf-8")
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        opened: dict[str, list[float]] = {name: [] for name in pages}
        turned = []
        for _ in range(options.repetitions):
            for name, path in pages.items():
                page = browser.new_page()
                page.goto(f"file://{path}", wait_until="commit")
                opened[name].append(page.evaluate(DRAWN) / 1000)
                if name == "report":
                    turned += [page.evaluate(TURNED) / 1000 for _ in range(5)]
                page.close()
        browser.close()
        for name, seconds in opened.items():
            size = pages[name].stat().st_size / 1e6
            middle, low, high = statistics.median(seconds), min(seconds), max(seconds)
            print(f"{name}: {size:.1f} MB, drawn after {middle:.2f} s ({low:.2f} to {high:.2f})")
        print(f"another recording: {statistics.median(turned):.2f} s (worst {max(turned):.2f})")
        print(f"one frame in {data['every']} is drawn")


if __name__ == "__main__":
    main()
