"""Fig. 1 and the sheet that diagrams are drawn on: counted in inches, with boxes, texts and arrows."""

from collections.abc import Mapping
from itertools import pairwise

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from companion.plots.palette import ACCENT, DOMAIN_A, DOMAIN_B, ENHANCED, GREY, INK
from companion.plots.style import SMALL, WIDTH, canvas

GAN = {"bce": "log-likelihood", "lsgan": "least squares"}
X = (0.75, 2.35, 4.0, 5.65, 7.25)  # inch: a frame, its generator, its translation, the other generator, the way back
BOX = (1.24, 0.72)  # inch


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
