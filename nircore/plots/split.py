"""How the frames were divided, drawn so that an animal in two parts would show."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nircore.plots.style import DOMAIN_A, DOMAIN_B, GREY, INK, SMALL, canvas, legend, need, tidy

COLOURS = {"low_light": DOMAIN_A, "target": DOMAIN_B}


def split(summary: pd.DataFrame, group: str = "animals") -> Figure:
    """Draw how many frames of each domain went into training, validation and test, and from how many groups.

    Args:
        summary: one row per split and domain, in the order to draw them: split, domain, frames, groups.
        group: what the split never divides, in the plural.
    """
    need(summary, ("split", "domain", "frames", "groups"), "split")
    splits, domains = list(summary["split"].unique()), list(summary["domain"].unique())
    figure = canvas(3.2)
    ax = tidy(figure.subplots(), "", "frames", f"Frames / {group} in each split")
    width = 0.8 / len(domains)
    for k, domain in enumerate(domains):
        rows = summary[summary["domain"] == domain]
        x = np.array([splits.index(name) for name in rows["split"]]) + (k - (len(domains) - 1) / 2) * width
        bars = ax.bar(
            x,
            rows["frames"],
            0.94 * width,
            color=COLOURS.get(domain, GREY),
            label=str(domain).replace("_", "-"),
        )
        labels = [f"{frames} / {groups}" for frames, groups in zip(rows["frames"], rows["groups"], strict=True)]
        ax.bar_label(bars, labels, size=SMALL, color=INK, padding=2)
    ax.set_xticks(range(len(splits)), splits)
    ax.margins(y=0.12)
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
