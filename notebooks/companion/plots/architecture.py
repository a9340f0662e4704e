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
MOST_BLOCKS = 6  # residual blocks drawn; of more, the first three and the last two
COLOURS = {"frame": GREY, "conv": DOMAIN_A, "residual": ENHANCED, "up-conv": DOMAIN_B, "more": "white"}


def generator_diagram(table: pd.DataFrame, height: int, width: int) -> Figure:
    """Draw Fig. 2a: every convolution and residual block of a generator, for a frame of height x width px.

    `table` is what `companion.study.layers.layer_table` says of the generator and that size. Of more than MOST_BLOCKS
    residual blocks, those in the middle are left out.
    """
    ax, rows = _draw(table, height, width, "Generator")
    blocks = table["layer"].str.startswith("residual")
    if blocks.any():
        before = pd.Series(table.index < blocks.idxmax())
        parts = {"encoder": before, f"{blocks.sum()} residual blocks": blocks, "decoder": ~before & ~blocks}
        said = [f"{name}: {table.loc[chosen, 'parameters'].sum():,}" for name, chosen in parts.items()]
        write(ax, WIDTH / 2, 0.2, "parameters: " + "   ".join(said), ha="center")
    return ax.figure


def discriminator_diagram(table: pd.DataFrame, height: int, width: int, receptive_field: int) -> Figure:
    """Draw Fig. 2b: every convolution of a discriminator, and how much of the frame one logit sees.

    Args:
        table: what `companion.study.layers.layer_table` says of the discriminator and that size.
        height: of the frame in px.
        width: of the frame in px.
        receptive_field: side of that patch in px (`nircore.models.receptive_field`).
    """
    ax, rows = _draw(table, height, width, "Discriminator")
    frame, logits = ax.patches[0], ax.patches[len(rows) - 1]
    seen = frame.get_height() * min(1, receptive_field / height)
    ax.add_patch(Rectangle((frame.get_x(), MIDDLE - seen / 2), frame.get_width(), seen, fc=DOMAIN_B, ec=INK, lw=0.8))
    for side in (-1, 1):
        ends = [frame.get_x() + frame.get_width(), logits.get_x()], [MIDDLE + side * seen / 2, MIDDLE]
        ax.plot(*ends, ":", color=INK, lw=0.8)
    _, high, wide = _shape(rows[-1])
    field = f"{receptive_field} × {receptive_field} px"
    write(ax, WIDTH / 2, 0.2, f"each of the {high} × {wide} logits judges {field} of the frame", ha="center")
    return ax.figure


def _draw(table: pd.DataFrame, height: int, width: int, name: str) -> tuple[Axes, list[dict]]:
    """Draw the frame and the layers from left to right, in equal steps; return the axes and what was drawn."""
    frame = {"layer": "frame", "stride": 1, "then": "", "output_shape": f"1 x {height} x {width}"}
    rows = _without_middle([frame, *table.to_dict("records")])
    ax = sheet(HEIGHT)
    write(ax, 0.2, HEIGHT - 0.15, f"{name}: {table['parameters'].sum():,} parameters", size=LARGE)
    step = (WIDTH - 0.4) / len(rows)
    for k, row in enumerate(rows):
        channels, high, wide = _shape(row)
        x, thick, tall = 0.2 + (k + 0.5) * step, max(0.03, THICK * channels**0.5), max(0.03, TALL * high / height)
        place = (x - thick / 2, MIDDLE - tall / 2)
        ax.add_patch(Rectangle(place, thick, tall, fc=(COLOURS[_kind(row)], 0.7), ec=INK, lw=0.6))
        write(ax, x, MIDDLE - TALL / 2 - 0.1, _words(row, k == len(rows) - 1), ha="center", va="top")
        if k == 0 or row["output_shape"] != rows[k - 1]["output_shape"]:
            write(ax, x, MIDDLE + TALL / 2 + 0.2, f"{channels} ch\n{high}×{wide}", ha="center")
    for k in range(len(rows) - 1):
        arrow(ax, (0.2 + (k + 0.8) * step, MIDDLE), (0.2 + (k + 1.2) * step, MIDDLE), mutation_scale=7, lw=0.9)
    return ax, rows


def _without_middle(rows: list[dict]) -> list[dict]:
    """Replace the middle ones of more than MOST_BLOCKS residual blocks by one row that says "more"."""
    blocks = [k for k, row in enumerate(rows) if _kind(row) == "residual"]
    if len(blocks) <= MOST_BLOCKS:
        return rows
    first, last = blocks[3], blocks[-2]
    return [*rows[:first], rows[first] | {"layer": "more"}, *rows[last:]]


def _shape(row: dict) -> tuple[int, int, int]:
    channels, height, width = map(int, row["output_shape"].split(" x "))
    return channels, height, width


def _kind(row: dict) -> str:
    return row["layer"].split()[0]


def _words(row: dict, last: bool) -> str:
    """Return what stands under a box, a word to the line."""
    words = row["layer"].replace("residual ", "").replace("x", "×").split()
    words += [f"stride {row['stride']}"] * (row["stride"] > 1) + [row["then"].lower()] * (last and bool(row["then"]))
    return "…" if row["layer"] == "more" else "\n".join(words)
