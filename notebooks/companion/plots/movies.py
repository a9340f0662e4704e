"""Movies in pictures: decibels against delay."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from companion.plots.style import canvas


def delays(table: pd.DataFrame) -> Figure:
    """Draw PSNR while still against the lag of a vessel, a panel for each brightness.

    Args:
        table: `peak_dn`, `method`, `psnr` in dB, `lag_ms`.
    """
    means = table.groupby(["peak_dn", "method"], sort=False)[["psnr", "lag_ms"]].mean().reset_index()
    peaks = sorted(means["peak_dn"].unique(), reverse=True)
    figure = canvas(3.4, 8)
    for ax, peak in zip(figure.subplots(1, len(peaks), sharey=True, squeeze=False)[0], peaks, strict=True):
        seaborn.scatterplot(means[means["peak_dn"] == peak], x="lag_ms", y="psnr", hue="method", style="method",
                            s=70, ax=ax, legend=bool(peak == peaks[-1]))  # fmt: skip
        ax.set(
            xlabel="the vessel's curve is late by, ms", ylabel="PSNR while still, dB", title=f"peak of {peak:g} DN"
        )
        ax.grid(alpha=0.3)
    figure.axes[-1].legend(frameon=False, fontsize=7, bbox_to_anchor=(1, 1))
    return figure
