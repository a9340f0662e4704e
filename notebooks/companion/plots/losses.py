"""The training as curves: the paper's Fig. 3c beside ours, the generator loss term by term, and the validation."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from companion.plots.palette import ACCENT, DOMAIN_A, DOMAIN_B, ENHANCED, GREY, INK
from companion.plots.style import NORMAL, SMALL, canvas, legend, tidy

#: Said of the line: ours are halved, the published ones may be or not; without the half, chance is twice as high.
HALVED = ", if halved"
COLLAPSE = 0.1  # of the chance level: below that a discriminator is hardly ever wrong
#: Columns of the loss table that are no weighted term of the generator; any other adds to the stack.
NO_TERM = ("epoch", "generator", "output_sd", "psnr", "ssim", "distance", "selection")
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
    figure = canvas(4.0)
    left, right = figure.subplots(1, 2)
    _beside(left, table1, {"generator": ("G", ENHANCED)}, "Generator, all terms")
    judges = {"discriminator_a": ("$D_A$", DOMAIN_A), "discriminator_b": ("$D_B$", DOMAIN_B)}
    _beside(right, table1, judges, "Discriminators")
    words = {"size": SMALL, "color": INK, "va": "bottom", "transform": right.get_yaxis_transform()}
    right.axhline(equilibrium, color=INK, lw=1, ls=":")
    right.text(0.995, equilibrium, f"chance {equilibrium:.3f}{HALVED}", ha="right", **words)
    right.axhspan(0, COLLAPSE * equilibrium, color=GREY, alpha=0.35, lw=0)
    right.text(0.5, COLLAPSE * equilibrium, "near 0: collapse, not success", ha="center", **words)
    return figure


def _beside(ax: Axes, table: pd.DataFrame, losses: dict[str, tuple[str, str]], title: str) -> None:
    """Plot losses of ours and their published counterparts, column -> label and colour, a colour for both."""
    labels = {name: f"{label}, ours" for name, (label, _) in losses.items()}
    labels |= {f"published_{name}": f"{label}, published" for name, (label, _) in losses.items()}
    count = len(losses)
    curves = table.set_index("sample")[list(labels)].rename(columns=labels)
    seaborn.lineplot(
        curves, palette=[colour for _, colour in losses.values()] * 2, ms=5, errorbar=None, ax=ax,
        markers=["o"] * count + ["s"] * count, dashes=[""] * count + [(3, 1)] * count,
    )  # fmt: skip
    tidy(ax, "sample of Table 1 (our epoch below)", "loss", title)
    ax.set_xticks(table["sample"], [f"{row.sample:g}\n{row.epoch:g}" for row in table.itertuples()])
    ax.set_ylim(bottom=0)
    legend(ax, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.26))  # no place inside is free of curves


def generator_terms(losses: pd.DataFrame) -> Figure:
    """Draw the generator loss of every epoch as the stack of its weighted terms, which add up to it (dimensionless).

    Bars rather than areas: one epoch is a picture too. `losses` has one row per epoch: epoch, generator, and terms.
    """
    figure = canvas(3.6)
    ax = figure.subplots()
    terms = [name for name in losses if name not in NO_TERM and not name.startswith("discriminator")]
    stack = losses.melt("epoch", terms, "term", "loss").dropna().replace({"term": r"_"}, {"term": " "}, regex=True)
    names = [name.replace("_", " ") for name in terms]
    palette = seaborn.color_palette("Paired", len(terms))
    seaborn.histplot(
        stack, x="epoch", weights="loss", hue="term", hue_order=names[::-1], discrete=True, multiple="stack",
        palette=palette[::-1], alpha=1, lw=0, ax=ax,
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
