"""Fig. 1: the whole system on one page, with the numbers of the run it describes."""

from collections.abc import Mapping
from itertools import pairwise
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from nircore.errors import NircoreError
from companion.plots.diagram import arrow, sheet, write
from companion.plots.palette import ACCENT, DOMAIN_A, DOMAIN_B, ENHANCED, GREY
from companion.plots.style import WIDTH

FACTS = (
    "domain_a", "domain_b", "gan", "lambda_cycle", "lambda_identity", "train_fraction", "validation_fraction",
    "generator_parameters", "discriminator_parameters", "receptive_field", "metrics",
)  # fmt: skip
GAN = {"bce": "log-likelihood", "lsgan": "least squares"}
HEIGHT = 5.95  # inch
X = (0.75, 2.35, 4.0, 5.65, 7.25)  # inch: a frame, its generator, its translation, the other generator, the way back
UPPER, LOWER, JUDGE_B, JUDGE_A = 4.6, 2.3, 3.75, 3.15  # inch: the two cycles and the judges between them
BOX = (1.24, 0.72)  # inch


def system_diagram(facts: Mapping[str, object]) -> Figure:
    """Draw Fig. 1: both cycles, the judges, every loss with its weight, and the way from frames to the report.

    Args:
        facts: domain_a, domain_b (what the frames are, a short text each); gan, lambda_cycle, lambda_identity,
            train_fraction, validation_fraction (as in the config); generator_parameters,
            discriminator_parameters, receptive_field (of the real modules; the last in px); metrics (names).
            Other keys are ignored.

    Raises:
        NircoreError: a fact is missing.
    """
    missing = [name for name in FACTS if name not in facts]
    if missing:
        raise NircoreError(f"The system figure needs the facts {', '.join(missing)}: pass one value for each.")
    ax = sheet(HEIGHT)
    _cycle(ax, facts, UPPER, "AB", facts["domain_a"])
    _cycle(ax, facts, LOWER, "BA", facts["domain_b"])
    _judges(ax, facts)
    _pipeline(ax, facts)
    return ax.figure


def _cycle(ax: Axes, facts: Mapping[str, object], y: float, way: str, frames: str) -> None:
    """Draw one row: frame, translation and way back, with the cycle and identity losses on its outer side."""
    (one, two), out = way, 1 if y == UPPER else -1
    here, there = one.lower(), two.lower()
    colours = {"A": DOMAIN_A, "B": DOMAIN_B}
    count = f"{facts['generator_parameters']:,}\nparameters"
    kind = {"A": "low-light", "B": "target"}[one]
    new = {"A": "enhanced", "B": "degraded"}[one]
    texts = (
        (fill(f"{one}: {kind} ${here}$", 18) + "\n" + fill(frames, 17), colours[one]),
        (f"$G_{{{way}}}$\n{count}", ENHANCED),
        (f"{new}\n$G_{{{way}}}({here})$", colours[two]),
        (f"$G_{{{way[::-1]}}}$\n{count}", ENHANCED),
        (f"back in {one}\n$G_{{{way[::-1]}}}(G_{{{way}}}({here}))$", colours[one]),
    )
    for x, (text, colour) in zip(X, texts, strict=True):
        _box(ax, (x, y), BOX, text, colour)
    for start, end in pairwise(X):
        arrow(ax, (start + BOX[0] / 2, y), (end - BOX[0] / 2, y))
    edge, line = y + out * BOX[1] / 2, y + out * 0.92
    ax.plot([X[-1], X[-1], X[0]], [edge, line, line], color=ACCENT, lw=1.3)
    arrow(ax, (X[0], line), (X[0], edge), color=ACCENT)
    cycle = f"cycle loss: {facts['lambda_cycle']:g} × mean |$G_{{{way[::-1]}}}(G_{{{way}}}({here})) - {here}$|"
    _text(ax, (X[2], line + out * 0.13), cycle)
    identity = f"identity loss: {facts['lambda_identity']:g} × mean |$G_{{{way}}}({there}) - {there}$|"
    arrow(ax, (X[1], y + out * 0.61), (X[1], edge), ls="--", color=GREY)
    _text(ax, (X[1], y + out * 0.72), identity)


def _judges(ax: Axes, facts: Mapping[str, object]) -> None:
    """Draw the discriminators, the real and generated frames they compare, and the adversarial loss."""
    field = facts["receptive_field"]
    size = (1.7, 0.42)
    for name, y, real, generated, colour in (
        ("B", JUDGE_B, LOWER, UPPER, DOMAIN_B),
        ("A", JUDGE_A, UPPER, LOWER, DOMAIN_A),
    ):
        toward = 1 if generated > y else -1
        _box(ax, (X[2], y), size, f"$D_{name}$: {field} × {field} px patches", colour)
        arrow(ax, (X[2], generated - toward * BOX[1] / 2), (X[2], y + toward * size[1] / 2))
        arrow(ax, (X[0] + 0.3, real + toward * BOX[1] / 2), (X[2] - size[0] / 2, y), color=colour)
        _text(ax, (X[2] - size[0] / 2 - 0.35, y + toward * 0.08), f"real ${name.lower()}$")
    text = (
        f"adversarial loss: {GAN[facts['gan']]},\nmean over patches; each $D$ has\n"
        f"{facts['discriminator_parameters']:,} parameters"
    )
    _text(ax, (X[2] + size[0] / 2 + 0.15, (JUDGE_A + JUDGE_B) / 2), text, ha="left")


def _pipeline(ax: Axes, facts: Mapping[str, object]) -> None:
    """Draw the strip from the frames to the report."""
    train, validation = facts["train_fraction"], facts["validation_fraction"]
    shares = "/".join(f"{100 * share:.0f}" for share in (train, validation, 1 - train - validation))
    texts = (
        (1.0, "Frames\n16-bit, linear"),
        (1.4, f"Split {shares} %\nby animal or\nacquisition group"),
        (1.55, "Train; keep the\nepoch that is best\non validation"),
        (2.2, "Test\n" + fill(", ".join(facts["metrics"]), 30)),
        (0.75, "Report"),
    )
    gap = (WIDTH - 0.24 - sum(width for width, _ in texts)) / (len(texts) - 1)
    left = 0.12
    for k, (width, text) in enumerate(texts):
        _box(ax, (left + width / 2, 0.5), (width, 0.74), text, GREY)
        if k:
            arrow(ax, (left - gap, 0.5), (left, 0.5))
        left += width + gap


def _box(ax: Axes, centre: tuple[float, float], size: tuple[float, float], text: str, colour: str) -> None:
    corner = (centre[0] - size[0] / 2, centre[1] - size[1] / 2)
    shape = {"boxstyle": "round,pad=0,rounding_size=0.06", "lw": 1.2}
    ax.add_patch(FancyBboxPatch(corner, *size, fc=(colour, 0.13), ec=colour, **shape))
    _text(ax, centre, text)


def _text(ax: Axes, where: tuple[float, float], text: str, ha: str = "center") -> None:
    write(ax, *where, text, ha=ha, linespacing=1.25)
