"""Pairs of frames with a similar E and a different sigma."""

import io

import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

from softaer.core import cli, tables
from softaer.figures import parser, save, say, style


def draw(table: pd.DataFrame) -> plt.Figure:
    """Two rows per dimension, one column per pair: agreement above, disagreement below.

    Parameters
    ----------
    table
        ``dimension``, ``pair``, ``agreement``, ``recording``, ``time`` [s], ``E``, ``sigma``,
        ``picture`` (JPEG, or missing).
    """
    if table.empty:
        return say("No two frames have a similar E and a different σ.")
    dimensions = list(dict.fromkeys(table["dimension"]))
    columns = int(table["pair"].max())
    with style():
        figure, axes = plt.subplots(
            2 * len(dimensions),
            columns,
            figsize=(1.9 * columns, 2.2 * 2 * len(dimensions)),
            squeeze=False,
            layout="constrained",
        )
        for axis in axes.flat:
            axis.axis("off")
        for frame in table.itertuples():
            row = 2 * dimensions.index(frame.dimension) + (frame.agreement == "disputed")
            axis = axes[row, frame.pair - 1]
            if frame.picture is not None:
                axis.imshow(Image.open(io.BytesIO(frame.picture)))
            axis.set_title(
                f"{frame.dimension}: E {frame.E:.2f}, σ {frame.sigma:.2f}\n"
                f"{frame.recording}, {frame.time:.1f} s",
                fontsize=7,
            )
        return figure


def main() -> None:
    options = parser(__doc__, "pairs").parse_args()
    save(draw(tables.read(options.pairs)), options.output)


if __name__ == "__main__":
    cli.run(main)
