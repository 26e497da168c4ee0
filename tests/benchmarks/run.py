"""All comparisons in one run, as a table.

    python tests/benchmarks/run.py --output FOLDER [FILE...] [--only extraction labels]

Each benchmark times a stage and the bare libraries, in turns, on the same input: FILES, or a
recording of the simulated corpus that is made for it. FOLDER gets ``ratios.parquet`` and
``ratios.md``; :mod:`side_by_side` says what is in them.
"""

import argparse
import tempfile
from pathlib import Path

import audio_features
import dlib_landmarks
import extraction
import labels
import scale
import training
import video_rate
from side_by_side import Setting, markdown, write
from simulated import simulate

BENCHMARKS = {
    "extraction": extraction.rows,
    "dlib": dlib_landmarks.rows,
    "video_rate": video_rate.rows,
    "audio_features": audio_features.rows,
    "labels": labels.rows,
    "training": training.rows,
    "snakemake": scale.rows,
}
"""Each takes a :class:`side_by_side.Setting` and gives rows."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    arguments.add_argument("files", type=Path, nargs="*", help="media; none: a simulated recording")
    arguments.add_argument("--output", type=Path, required=True, help="folder for the tables")
    arguments.add_argument("--only", nargs="+", choices=BENCHMARKS, default=list(BENCHMARKS))
    arguments.add_argument("--repeat", type=int, default=5, help="turns of each comparison")
    arguments.add_argument("--seconds", type=float, default=20.0, help="of the simulated recording")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = options.files or [simulate(Path(folder), options.seconds)]
        setting, rows = Setting(files, options.repeat), []
        for name in options.only:
            rows += BENCHMARKS[name](setting)
            write(rows, options.output)
    print(markdown(rows))


if __name__ == "__main__":
    main()
