"""The training as curves: the paper's Fig. 3c beside ours, the generator loss term by term, and the validation."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion.plots.palette import ACCENT, DOMAIN_A, DOMAIN_B, ENHANCED, FURTHER, GREY, INK
from companion.plots.style import NORMAL, SMALL, canvas, legend, need, tidy
from nircore.errors import NircoreError

COLLAPSE = 0.1  # of the chance level: below that a discriminator is hardly ever wrong

#: Generator terms from bottom to top: column, label, colour. One hue a kind, dark for A -> B or A, light for B.
GENERATOR_TERMS = (
    ("cycle_a", r"cycle $a \to b \to a$", "#0173b2"),
    ("cycle_b", r"cycle $b \to a \to b$", "#7fc4ea"),
    ("identity_a", "identity $a$", "#8a5a00"),
    ("identity_b", "identity $b$", "#f0c26b"),
    ("adversarial_ab", r"adversarial $a \to b$", "#016c4e"),
    ("adversarial_ba", r"adversarial $b \to a$", "#7fd1b3"),
)
#: Columns of the loss table that are no weighted term of the generator; any other adds to the stack.
NO_TERM = ("epoch", "generator", "output_sd", "psnr", "ssim", "distance", "selection")
MORE = (ACCENT, *FURTHER[2:])  # brown and light blue are like colours above


def further_terms(losses: pd.DataFrame) -> tuple[tuple[str, str, str], ...]:
    """Return column, label and colour of each term that a recipe adds to `GENERATOR_TERMS`."""
    known = {*NO_TERM, *(name for name, _, _ in GENERATOR_TERMS)}
    names = [name for name in losses.columns if name not in known and not name.startswith("discriminator")]
    return tuple((name, name.replace("_", " "), MORE[k % len(MORE)]) for k, name in enumerate(names))


VALIDATION = {
    "psnr": ("PSNR (dB)", DOMAIN_A),
    "ssim": ("SSIM", ENHANCED),
    "selection": ("selection score", ACCENT),
}


def losses(table1: pd.DataFrame, equilibrium: float) -> Figure:
    """Draw Fig. 3c: our losses (solid) and the published ones (dashed) over the ten samples of Table 1.

    Args:
        table1: columns sample, epoch, generator, discriminator_a, discriminator_b and the same three losses with
            the prefix `published_`. Dimensionless.
        equilibrium: the discriminator loss of one that cannot tell (`nircore.losses.EQUILIBRIUM`).
    """
    names = ("generator", "discriminator_a", "discriminator_b")
    need(table1, ("sample", "epoch", *names, *(f"published_{name}" for name in names)), "losses")
    figure = canvas(4.0)
    left, right = figure.subplots(1, 2)
    _beside(left, table1, {"generator": ("G", ENHANCED)})
    _beside(right, table1, {"discriminator_a": ("$D_A$", DOMAIN_A), "discriminator_b": ("$D_B$", DOMAIN_B)})
    _mark_equilibrium(right, equilibrium)
    for ax, title in ((left, "Generator, all terms"), (right, "Discriminators")):
        tidy(ax, "sample of Table 1 (our epoch below)", "loss", title)
        ax.set_xticks(
            table1["sample"],
            [f"{s:g}\n{e:g}" for s, e in zip(table1["sample"], table1["epoch"], strict=True)],
        )
        ax.set_ylim(bottom=0)
        # Outside: no place inside is free of curves in every run.
        legend(ax, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.26))
    return figure


def _beside(ax: Axes, table: pd.DataFrame, losses: dict[str, tuple[str, str]]) -> None:
    """Plot losses of ours and their published counterparts, column -> label and colour, a colour for both."""
    labels = {name: f"{label}, ours" for name, (label, _) in losses.items()}
    labels |= {f"published_{name}": f"{label}, published" for name, (label, _) in losses.items()}
    colours = [colour for _, colour in losses.values()]
    curves = table.set_index("sample")[list(labels)].rename(columns=labels)
    seaborn.lineplot(
        curves, palette=colours * 2, ms=5, errorbar=None, ax=ax,
        markers=["o"] * len(colours) + ["s"] * len(colours), dashes=[""] * len(colours) + [(3, 1)] * len(colours),
    )  # fmt: skip


def _mark_equilibrium(ax: Axes, equilibrium: float) -> None:
    """Mark where a discriminator guesses and where one has won: the curves alone do not say."""
    note = {"size": SMALL, "color": INK, "va": "bottom", "transform": ax.get_yaxis_transform()}
    ax.axhline(equilibrium, color=INK, lw=1, ls=":")
    ax.text(0.995, equilibrium, f"chance {equilibrium:.3f}", ha="right", **note)
    ax.axhspan(0, COLLAPSE * equilibrium, color=GREY, alpha=0.35, lw=0)
    ax.text(0.5, COLLAPSE * equilibrium, "near 0: collapse, not success", ha="center", **note)


def generator_terms(losses: pd.DataFrame) -> Figure:
    """Draw the generator loss of every epoch as the stack of its weighted terms, which add up to it.

    Args:
        losses: one row per epoch: epoch, generator, the columns of `GENERATOR_TERMS`, further terms. Dimensionless.
    """
    need(losses, ("epoch", "generator", *(name for name, _, _ in GENERATOR_TERMS)), "generator terms")
    figure = canvas(3.6)
    ax = figure.subplots()
    terms = {label: (name, colour) for name, label, colour in (*GENERATOR_TERMS, *further_terms(losses))}
    heights = losses.set_index("epoch").rename(columns={name: label for label, (name, _) in terms.items()})
    stack = heights[list(terms)].melt(ignore_index=False, var_name="term", value_name="loss").dropna()
    # Bars rather than areas: one epoch is a picture too.
    seaborn.histplot(
        stack.reset_index(), x="epoch", weights="loss", hue="term", hue_order=reversed(terms), discrete=True,
        multiple="stack", palette={label: colour for label, (_, colour) in terms.items()}, alpha=1, lw=0, ax=ax,
    )  # fmt: skip
    seaborn.lineplot(losses, x="epoch", y="generator", color=INK, lw=1, marker=".", mec=INK, errorbar=None, ax=ax)
    seaborn.move_legend(ax, "center left", bbox_to_anchor=(1, 0.5), title="", frameon=False, fontsize=SMALL)
    tidy(ax, "epoch", "loss, with its weight", "What the generator loss is made of (line: their sum)")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.margins(x=0)
    return figure


def validation(losses: pd.DataFrame) -> Figure:
    """Draw what was measured on the validation frames after each epoch, and mark the epoch that was kept.

    Args:
        losses: one row per epoch: epoch and selection (larger is better; its first maximum is kept), and of
            psnr (dB) and ssim what there is.
    """
    need(losses, ("epoch", "selection"), "validation")
    if losses["selection"].isna().all():
        raise NircoreError("The validation figure has no selection score: none of the epochs was validated.")
    names = [name for name in VALIDATION if name in losses and losses[name].notna().any()]
    if "psnr" in names and np.allclose(losses["psnr"], losses["selection"], equal_nan=True):
        names.remove("selection")
    best = losses.loc[losses["selection"].idxmax()]
    figure = canvas(3.2)
    for ax, name in zip(np.atleast_1d(figure.subplots(1, len(names))), names, strict=True):
        label, colour = VALIDATION[name]
        seaborn.lineplot(losses, x="epoch", y=name, color=colour, marker="o", ms=4, errorbar=None, ax=ax)
        tidy(ax, "epoch", f"validation {label}")
        ax.axvline(best["epoch"], color=INK, lw=1, ls=":")
        ax.plot(best["epoch"], best[name], "D", color=colour, mec=INK, ms=8)
        ax.set_title(f"kept: epoch {best['epoch']:g}, {best[name]:.4g}", size=NORMAL, color=INK, loc="left")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure
