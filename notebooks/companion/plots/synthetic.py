"""How far a model is above BM3D on cameras that nobody has: one heat map for each read noise and brightness."""

import pandas as pd
import seaborn
from matplotlib.figure import Figure

from companion.plots.style import NORMAL, SMALL, canvas, need

LIMIT = 3.0  # dB, at either end of the colours
COLUMNS = ("read_e", "gain_e_per_dn", "bits", "peak", "method", "gain_db")


def heat_maps(table: pd.DataFrame) -> Figure:
    """Draw `gain_db` of one method over gain and bits; an empty field is a camera that the scene does not fit."""
    table = need(table, COLUMNS, "synthetic cameras")
    reads, peaks, gains, bits = (sorted(table[name].unique()) for name in ("read_e", "peak", "gain_e_per_dn", "bits"))
    figure = canvas(6.4)
    axes = figure.subplots(len(reads), len(peaks), sharex=True, sharey=True, squeeze=False)
    for line, read in zip(axes, reads, strict=True):
        for ax, peak in zip(line, peaks, strict=True):
            part = table[(table["read_e"] == read) & (table["peak"] == peak)]
            grid = part.pivot_table(index="gain_e_per_dn", columns="bits", values="gain_db").reindex(
                gains, columns=bits
            )
            seaborn.heatmap(
                grid, ax=ax, annot=True, fmt="+.1f", cmap="RdBu", vmin=-LIMIT, vmax=LIMIT, cbar=False, linewidths=1
            )
            ax.set_title(f"read noise {read:g} e-, brightness {peak:g} x", size=SMALL)
            ax.set(xlabel="", ylabel="")
    figure.supxlabel("bits of the file", size=NORMAL)
    figure.supylabel("gain, e-/DN", size=NORMAL)
    figure.suptitle(f"PSNR of `{table['method'].iloc[0]}` above VST + BM3D, dB", size=NORMAL)
    return figure
