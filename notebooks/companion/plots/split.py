"""How the frames were divided, drawn so that an animal in two parts would show."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from companion.plots.palette import DOMAIN_A, DOMAIN_B, INK, coloured
from companion.plots.style import SMALL, canvas, legend, tidy

COLOURS = {"low_light": DOMAIN_A, "target": DOMAIN_B}


def split(summary: pd.DataFrame) -> Figure:
    """Draw how many frames of each domain went into training, validation and test, and from how many animals.

    Args:
        summary: one row per split and domain, in the order to draw them: split, domain, frames, groups.
    """
    splits, domains = list(summary["split"].unique()), list(summary["domain"].unique())
    figure = canvas(3.2)
    ax = figure.subplots()
    seaborn.barplot(
        summary, x="split", y="frames", hue="domain", order=splits, hue_order=domains, gap=0.06, saturation=1,
        palette=coloured(domains, COLOURS), errorbar=None, legend=False, ax=ax,
    )  # fmt: skip
    for bars, domain in zip(ax.containers, domains, strict=True):
        rows = summary[summary["domain"] == domain].set_index("split").reindex(splits).dropna()
        labels = [f"{row.frames:g} / {row.groups:g}" for row in rows.itertuples()]
        bars.set_label(str(domain).replace("_", "-"))
        ax.bar_label(bars, labels, size=SMALL, color=INK, padding=2)
    tidy(ax, "", "frames", "Frames / animals in each split")
    ax.margins(y=0.12)
    legend(ax, loc="upper left", bbox_to_anchor=(1, 1))
    return figure
