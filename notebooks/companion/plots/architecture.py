"""Figs 2a and 2b: the networks as rows of boxes whose sizes are those of the real feature maps."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon

from companion.plots.diagram import arrow, sheet, write
from companion.plots.palette import DOMAIN_A, DOMAIN_B, ENHANCED, GREY, INK
from companion.plots.style import LARGE, SMALL, WIDTH
from companion.plots.system import system_diagram

__all__ = ["discriminator_diagram", "generator_diagram", "system_diagram"]

TALL = 1.6  # inch: the longer side of the largest feature map
THICK = 0.016  # inch per square root of a channel
SLANT = np.array([0.3, 0.18])  # how far one inch of image width goes right and up on paper
THIN = {"mutation_scale": 7, "lw": 0.9, "shrinkA": 1, "zorder": 6}  # arrows
MOST_BLOCKS = 6  # residual blocks drawn; of more, the first three and the last two
COLOURS = {"frame": GREY, "conv": DOMAIN_A, "residual": ENHANCED, "up-conv": DOMAIN_B, "more": "white"}


@dataclass(frozen=True)
class Box:
    """A feature map on paper, in inches: where it begins, and how thick, tall and deep it is."""

    left: float
    thick: float
    tall: float
    deep: float

    @property
    def right(self) -> float:
        """Where it ends."""
        return self.left + self.thick + SLANT[0] * self.deep

    @property
    def top(self) -> float:
        """Half of its height on paper: boxes are centred on y = 0."""
        return (self.tall + SLANT[1] * self.deep) / 2

    def faces(self) -> list[np.ndarray]:
        """Return the corners (4, 2) of the front, the upper and the right face."""
        across, up, back = np.array([self.thick, 0]), np.array([0, self.tall]), SLANT * self.deep
        corner = np.array([self.left, -self.top])
        front = np.array([corner, corner + across, corner + across + up, corner + up])
        upper = np.array([corner + up, corner + up + across, corner + up + across + back, corner + up + back])
        return [front, upper, self.patch(1, 1)]

    def patch(self, height: float, width: float) -> np.ndarray:
        """Return the corners (4, 2) of the middle of the right face, by shares of its height and width."""
        back, up = SLANT * self.deep, np.array([0, self.tall])
        start = np.array([self.left + self.thick, -self.top]) + back * (1 - width) / 2 + up * (1 - height) / 2
        return np.array([start, start + back * width, start + back * width + up * height, start + up * height])


def generator_diagram(table: pd.DataFrame, height: int, width: int) -> Figure:
    """Draw Fig. 2a: every convolution and residual block of a generator, for a frame of height x width px.

    `table` is what `companion.study.layers.layer_table` says of the generator and that size.

    Boxes are as tall and as deep as their feature maps (linear) and as thick as the square root of their
    channels. Of more than MOST_BLOCKS residual blocks, those in the middle are left out.
    """
    title = f"Generator: {table['parameters'].sum():,} parameters"
    ax, boxes, rows = _draw(table, (height, width), title, 1.4)
    kinds = [_kind(row["layer"]) for row in rows]
    for box, kind in zip(boxes, kinds, strict=True):
        if kind == "residual":
            arrow(ax, (box.left - 0.07, box.top + 0.04), (box.right + 0.07, box.top + 0.04), bend=-0.8, **THIN)
    trunk = [k for k, kind in enumerate(kinds) if kind in ("residual", "more")]
    if trunk:
        _name_parts(ax, table, boxes, trunk)
    return ax.figure


def _name_parts(ax: Axes, table: pd.DataFrame, boxes: list[Box], trunk: list[int]) -> None:
    """Bracket what comes before, in and after the residual blocks, with the parameters of each part."""
    blocks = table["layer"].str.startswith("residual")
    before = pd.Series(table.index < blocks.idxmax())
    parts = (
        ("encoder", 1, trunk[0] - 1, before),
        (f"{blocks.sum()} residual blocks", trunk[0], trunk[-1], blocks),
        ("decoder", trunk[-1] + 1, len(boxes) - 1, ~before & ~blocks),
    )
    for name, first, last, rows in parts:
        _brace(ax, boxes[first].left, boxes[last].right, f"{name}\n{table.loc[rows, 'parameters'].sum():,}")


def discriminator_diagram(table: pd.DataFrame, height: int, width: int, receptive_field: int) -> Figure:
    """Draw Fig. 2b: every convolution of a discriminator, and the patch of the frame that one logit sees.

    Args:
        table: what `companion.study.layers.layer_table` says of the discriminator and that size.
        height: of the frame in px.
        width: of the frame in px.
        receptive_field: side of that patch in px (`nircore.models.receptive_field`).
    """
    title = f"Discriminator: {table['parameters'].sum():,} parameters"
    ax, boxes, rows = _draw(table, (height, width), title, 1.05)
    patch = boxes[0].patch(min(1, receptive_field / height), min(1, receptive_field / width))
    _, high, wide = _shape(rows[-1])
    logit = boxes[-1].patch(1 / high, 1 / wide)
    ax.add_patch(Polygon(patch, fc=DOMAIN_B, ec=INK, alpha=0.9, lw=0.8, zorder=5))
    for corner, end in zip(patch, logit, strict=True):
        ax.plot(*zip(corner, end, strict=True), ":", color=INK, lw=0.8, zorder=2)
    field = f"{receptive_field} × {receptive_field} px"
    said = f"each of the {high} × {wide} logits judges {field} of the frame"
    write(ax, WIDTH / 2, ax.get_ylim()[0] + 0.15, said, ha="center", va="baseline")
    return ax.figure


def _draw(table: pd.DataFrame, size: tuple[int, int], title: str, below: float) -> tuple[Axes, list[Box], list[dict]]:
    """Draw the frame and the layers from left to right, with `below` inches under them; return what was drawn."""
    frame = {"layer": "frame", "stride": 1, "then": "", "output_shape": f"1 x {size[0]} x {size[1]}"}
    rows = _without_middle([frame, *table.to_dict("records")])
    boxes = _boxes([_shape(row) for row in rows], TALL / max(size))
    ax = sheet(boxes[0].top + 0.8, boxes[0].top + below)
    ax.text(0.2, boxes[0].top + 0.52, title, size=LARGE, color=INK)
    for k, (box, row) in enumerate(zip(boxes, rows, strict=True)):
        _solid(ax, box, COLOURS[_kind(row["layer"])], zorder=1 if k == 0 else 3)
        if k:
            arrow(ax, (boxes[k - 1].right, 0), (box.left, 0), **THIN)
        text = {"x": (box.left + box.right) / 2, "size": SMALL, "color": INK, "ha": "center"}
        ax.text(y=-boxes[0].top - 0.1, s=_name(row, k == len(rows) - 1), va="top", **text)
        if k == 0 or row["output_shape"] != rows[k - 1]["output_shape"]:
            channels, high, wide = _shape(row)
            ax.text(y=box.top + 0.05, s=f"{channels} ch\n{high}×{wide}", va="bottom", **text)
    return ax, boxes, rows


def _solid(ax: Axes, box: Box, colour: str, zorder: float) -> None:
    """Draw the three visible faces of a box, the front darkest."""
    for face, shade in zip(box.faces(), (0.85, 0.55, 0.35), strict=True):
        ax.add_patch(Polygon(face, fc="white", lw=0, zorder=zorder))
        ax.add_patch(Polygon(face, fc=(colour, shade), ec=INK, lw=0.6, zorder=zorder + 0.5))


def _without_middle(rows: list[dict]) -> list[dict]:
    """Replace the middle ones of more than MOST_BLOCKS residual blocks by one row that says "more"."""
    blocks = [k for k, row in enumerate(rows) if _kind(row["layer"]) == "residual"]
    if len(blocks) <= MOST_BLOCKS:
        return rows
    first, last = blocks[3], blocks[-2]
    return [*rows[:first], rows[first] | {"layer": "more"}, *rows[last:]]


def _boxes(shapes: list[tuple[int, int, int]], scale: float) -> list[Box]:
    """Spread one box for each (C, H, W) over the figure's width, `scale` inches to the pixel."""
    boxes = [Box(0, max(0.03, THICK * c**0.5), h * scale, w * scale) for c, h, w in shapes]
    margin = 0.25
    gap = (WIDTH - 2 * margin - sum(box.right for box in boxes)) / (len(boxes) - 1)
    left, placed = margin, []
    for box in boxes:
        placed.append(Box(left, box.thick, box.tall, box.deep))
        left = placed[-1].right + gap
    return placed


def _shape(row: dict) -> tuple[int, int, int]:
    channels, height, width = map(int, row["output_shape"].split(" x "))
    return channels, height, width


def _kind(layer: str) -> str:
    return layer.split()[0]


def _name(row: dict, last: bool) -> str:
    """Return what stands under a box, a word to the line."""
    if row["layer"] == "more":
        return "…"
    words = row["layer"].replace("residual ", "").replace("x", "×").split()
    if row["stride"] > 1:
        words.append(f"stride {row['stride']}")
    if last and row["then"]:
        words.append(row["then"].lower())
    return "\n".join(words)


def _brace(ax: Axes, left: float, right: float, text: str) -> None:
    """Draw a bracket under several boxes, and what they are together."""
    y = ax.get_ylim()[0] + 0.52
    ax.plot([left, left, right, right], [y + 0.07, y, y, y + 0.07], color=INK, lw=0.9)
    ax.text((left + right) / 2, y - 0.05, text, size=SMALL, color=INK, ha="center", va="top")
