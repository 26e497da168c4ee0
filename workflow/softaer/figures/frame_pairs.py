"""Pairs of frames with a similar E and a different sigma."""

import io

import matplotlib.pyplot as plt
import pandas as pd
from PIL import Image

from softaer.core import cli, tables
from softaer.figures import WIDTH, beside, parser, rows_of, save, say, style, width_of
from softaer.page.score_table import with_minus


def draw(table: pd.DataFrame, width: float = WIDTH) -> plt.Figure:
    """Pairs of each dimension beside each other: agreement above, disagreement below.

    Parameters
    ----------
    table
        ``dimension``, ``pair``, ``agreement``, ``recording``, ``time`` [s], ``E``, ``sigma``,
        ``picture`` (JPEG, or missing).
    width
        Width of the figure [inch].
    """
    if table.empty:
        return say("No two frames have a similar E and a different σ.", width)
    dimensions = list(dict.fromkeys(table["dimension"]))
    pairs = int(table["pair"].max())
    columns = beside(pairs, width, 1.6)
    rows = 2 * rows_of(pairs, columns)
    side = min(width / columns, 2.2)
    with style():
        figure, axes = plt.subplots(
            rows * len(dimensions),
            columns,
            figsize=(width, (side + 0.4) * rows * len(dimensions)),
            squeeze=False,
            layout="constrained",
        )
        for axis in axes.flat:
            axis.axis("off")
        for frame in table.itertuples():
            below, column = divmod(frame.pair - 1, columns)
            row = rows * dimensions.index(frame.dimension) + 2 * below
            axis = axes[row + (frame.agreement == "disputed"), column]
            if frame.picture is not None:
                axis.imshow(Image.open(io.BytesIO(frame.picture)))
            axis.set_title(
                f"{frame.dimension}: E {with_minus(f'{frame.E:.2f}')}, σ {frame.sigma:.2f}\n"
                f"{frame.recording}, {frame.time:.1f} s",
                fontsize=7,
            )
        return figure


def main() -> None:
    options = parser(__doc__, "pairs").parse_args()
    save(draw(tables.read(options.pairs), width_of(options)), options.output)


if __name__ == "__main__":
    cli.run(main)
