"""Figs 2a and 2b: the networks as rows of boxes, as tall as their feature maps and as thick as their channels."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from companion.plots.diagram import arrow, sheet, system_diagram, write
from companion.plots.palette import DOMAIN_A, DOMAIN_B, ENHANCED, GREY, INK
from companion.plots.style import LARGE, WIDTH

__all__ = ["discriminator_diagram", "generator_diagram", "system_diagram"]

TALL, MIDDLE, HEIGHT = 1.6, 2.0, 3.6  # inch: the largest feature map, where its middle lies, the figure
THICK = 0.016  # inch per square root of a channel
COLOURS = {"frame": GREY, "conv": DOMAIN_A, "residual": ENHANCED, "up-conv": DOMAIN_B}


def generator_diagram(table: pd.DataFrame, height: int, width: int) -> Figure:
    """Draw Fig. 2a: every convolution and residual block of a generator, for a frame of height x width px.

    `table` is what `nircore.models.layers.layer_table` says of the generator and that size.
    """
    ax = _draw(table, height, width, "Generator")
    blocks = table["layer"].str.startswith("residual")
    said = f"of these {table.loc[blocks, 'parameters'].sum():,} in {blocks.sum()} residual blocks"
    write(ax, WIDTH / 2, 0.2, said if blocks.any() else "", ha="center")
    return ax.figure


def discriminator_diagram(table: pd.DataFrame, height: int, width: int, receptive_field: int) -> Figure:
    """Draw Fig. 2b: every convolution of a discriminator, and how much of the frame one logit sees.

    Args:
        table: what `nircore.models.layers.layer_table` says of the discriminator and that size.
        height: of the frame in px.
        width: of the frame in px.
        receptive_field: side of that patch in px (`nircore.models.receptive_field`).
    """
    ax = _draw(table, height, width, "Discriminator")
    frame, seen = ax.patches[0], TALL * min(1, receptive_field / height)
    ax.add_patch(Rectangle((frame.get_x(), MIDDLE - seen / 2), frame.get_width(), seen, fc=DOMAIN_B, ec=INK, lw=0.8))
    _, high, wide = table["output_shape"].iloc[-1].split(" x ")
    field = f"{receptive_field} × {receptive_field} px"
    write(ax, WIDTH / 2, 0.2, f"each of the {high} × {wide} logits judges {field} of the frame", ha="center")
    return ax.figure


def _draw(table: pd.DataFrame, height: int, width: int, name: str) -> Axes:
    """Draw the frame and the layers from left to right, in equal steps; return the axes."""
    frame = {"layer": "frame", "stride": 1, "then": "", "output_shape": f"1 x {height} x {width}"}
    rows, ax = [frame, *table.to_dict("records")], sheet(HEIGHT)
    write(ax, 0.2, HEIGHT - 0.15, f"{name}: {table['parameters'].sum():,} parameters", size=LARGE)
    step = (WIDTH - 0.4) / len(rows)
    for k, row in enumerate(rows):
        channels, high, wide = map(int, row["output_shape"].split(" x "))
        x, thick, tall = 0.2 + (k + 0.5) * step, max(0.03, THICK * channels**0.5), max(0.03, TALL * high / height)
        place, colour = (x - thick / 2, MIDDLE - tall / 2), COLOURS[row["layer"].split()[0]]
        ax.add_patch(Rectangle(place, thick, tall, fc=(colour, 0.7), ec=INK, lw=0.6))
        words = row["layer"].replace("residual ", "").replace("x", "×").split()
        words += [f"stride {row['stride']}"] * (row["stride"] > 1) + [row["then"].lower()] * (k == len(rows) - 1)
        write(ax, x, MIDDLE - TALL / 2 - 0.1, "\n".join(words), ha="center", va="top")
        if k == 0 or row["output_shape"] != rows[k - 1]["output_shape"]:
            write(ax, x, MIDDLE + TALL / 2 + 0.2, f"{channels} ch\n{high}×{wide}", ha="center")
    for k in range(len(rows) - 1):
        arrow(ax, (0.2 + (k + 0.8) * step, MIDDLE), (0.2 + (k + 1.2) * step, MIDDLE), mutation_scale=7, lw=0.9)
    return ax
