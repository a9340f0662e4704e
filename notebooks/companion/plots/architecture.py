"""Figs 1, 2a and 2b, on a sheet that is counted in inches: the system, and the networks as rows of boxes.

A box of a network is as tall as its feature map and as thick as its channels.
"""

from collections.abc import Mapping
from itertools import pairwise

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from companion.plots.palette import ACCENT, DOMAIN_A, DOMAIN_B, ENHANCED, GREY, INK
from companion.plots.style import LARGE, SMALL, WIDTH, canvas

TALL, MIDDLE, HEIGHT = 1.6, 2.0, 3.6  # inch: the largest feature map, where its middle lies, the figure
THICK = 0.016  # inch per square root of a channel
COLOURS = {"frame": GREY, "conv": DOMAIN_A, "residual": ENHANCED, "up-conv": DOMAIN_B}
GAN = {"bce": "log-likelihood", "lsgan": "least squares"}
X = (0.75, 2.35, 4.0, 5.65, 7.25)  # inch: a frame, its generator, its translation, the other generator, the way back
BOX = (1.24, 0.72)  # inch


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


def sheet(height: float) -> Axes:
    """Return axes that fill a new figure and count in inches from its lower left corner."""
    ax = canvas(height, layout=None).add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))
    ax.axis("off")
    return ax


def write(ax: Axes, x: float, y: float, text: str, **look: object) -> None:
    """Write a text whose middle is at height `y`, in the common type."""
    ax.text(x, y, text, **{"size": SMALL, "color": INK, "va": "center"} | look)


def arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], **look: object) -> None:
    """Draw an arrow."""
    look = {"mutation_scale": 9, "lw": 1.2, "color": INK, "shrinkA": 0, "shrinkB": 1} | look
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", **look))


def box(ax: Axes, x: float, y: float, text: str, colour: str, size: tuple[float, float] = BOX) -> None:
    """Draw a rounded box with a text around a middle."""
    shape = {"boxstyle": "round,pad=0,rounding_size=0.06", "lw": 1.2}
    corner = (x - size[0] / 2, y - size[1] / 2)
    ax.add_patch(FancyBboxPatch(corner, *size, fc=(colour, 0.13), ec=colour, **shape))
    write(ax, x, y, text, ha="center", linespacing=1.25)


def system_diagram(facts: Mapping[str, object]) -> Figure:
    """Draw Fig. 1: both cycles, the discriminators, every loss with its weight, and the way from frames to report.

    Args:
        facts: domain_a, domain_b (what the frames are, a short text each); gan, lambda_cycle, lambda_identity,
            train_fraction, validation_fraction (as in the config); generator_parameters, discriminator_parameters,
            receptive_field (of the real modules; the last in px); metrics (names).
    """
    ax = sheet(5.6)
    _cycle(ax, facts, 4.4, "A", "B")
    _cycle(ax, facts, 2.3, "B", "A")
    field, weight = facts["receptive_field"], facts["discriminator_parameters"]
    for name, y, judged, real, colour in (("B", 3.55, 4.4, 2.3, DOMAIN_B), ("A", 3.1, 2.3, 4.4, DOMAIN_A)):
        box(ax, X[2], y, f"$D_{name}$: {field} × {field} px patches", colour, (1.8, 0.36))
        side = 1 if judged > y else -1
        arrow(ax, (X[2], judged - side * BOX[1] / 2), (X[2], y + side * 0.18))
        arrow(ax, (X[0] + 0.3, real + side * BOX[1] / 2), (X[2] - 0.9, y), color=colour)
    said = f"adversarial loss: {GAN[facts['gan']]},\nmean over patches; each $D$ has\n{weight:,} parameters"
    write(ax, X[2] + 1.05, 3.33, said)
    _pipeline(ax, facts)
    return ax.figure


def _cycle(ax: Axes, facts: Mapping[str, object], y: float, one: str, two: str) -> None:
    """Draw one row: frame, translation and way back, with the cycle and identity losses on its outer side."""
    here, there, forth, back = one.lower(), two.lower(), f"G_{{{one}{two}}}", f"G_{{{two}{one}}}"
    colours, out = {"A": DOMAIN_A, "B": DOMAIN_B}, 1 if one == "A" else -1
    kind, new, frames = {"A": ("low-light", "enhanced", facts["domain_a"]),
                         "B": ("target", "degraded", facts["domain_b"])}[one]  # fmt: skip
    count = f"{facts['generator_parameters']:,}\nparameters"
    boxes = (
        (f"{one}: {kind} ${here}$\n{frames}", colours[one]), (f"${forth}$\n{count}", ENHANCED),
        (f"{new}\n${forth}({here})$", colours[two]), (f"${back}$\n{count}", ENHANCED),
        (f"back in {one}\n${back}({forth}({here}))$", colours[one]),
    )  # fmt: skip
    for x, (text, colour) in zip(X, boxes, strict=True):
        box(ax, x, y, text, colour)
    for start, end in pairwise(X):
        arrow(ax, (start + BOX[0] / 2, y), (end - BOX[0] / 2, y))
    edge, line = y + out * BOX[1] / 2, y + out * 0.75
    ax.plot([X[-1], X[-1], X[0]], [edge, line, line], color=ACCENT, lw=1.3)
    arrow(ax, (X[0], line), (X[0], edge), color=ACCENT)
    cycle = f"cycle loss: {facts['lambda_cycle']:g} × mean |${back}({forth}({here})) - {here}$|"
    identity = f"identity loss: {facts['lambda_identity']:g} × mean |${forth}({there}) - {there}$|"
    write(ax, X[2], line + out * 0.13, cycle, ha="center")
    write(ax, X[2], y + out * 0.55, identity, ha="center")


def _pipeline(ax: Axes, facts: Mapping[str, object]) -> None:
    """Draw the strip from the frames to the report."""
    train, validation = facts["train_fraction"], facts["validation_fraction"]
    shares = "/".join(f"{100 * share:.0f}" for share in (train, validation, 1 - train - validation))
    steps = ("Frames\n16-bit, linear", f"Split {shares} %\nby animal or\nacquisition group",
             "Train; keep the\nepoch that is best\non validation",
             "Test\n" + ",\n".join(facts["metrics"]), "Report")  # fmt: skip
    for x, text in zip(X, steps, strict=True):
        box(ax, x, 0.62, text, GREY, (BOX[0], 1.0))
    for start, end in pairwise(X):
        arrow(ax, (start + BOX[0] / 2, 0.62), (end - BOX[0] / 2, 0.62))
