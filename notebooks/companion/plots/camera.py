"""What is measured on boards and plates: photon transfer, response, and wells of known concentration."""

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from companion.plots.palette import ACCENT, GREY, INK, LOW_LIGHT
from companion.plots.panels import grid
from companion.plots.style import NORMAL, SMALL, canvas, legend, tidy

ACROSS = 4  # wells' panels in a row
PLAIN = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}  # behind text that a line may cross
LIMIT_DB = 3.0  # dB, at either end of the colours of synthetic cameras
FAINTEST_DN = 0.3  # values below are drawn there: a logarithm shows no darkness


def photon_transfer(points: pd.DataFrame, response: pd.DataFrame, gain: float, read_noise: float) -> Figure:
    """Draw the variance of a difference over the signal with the fitted camera, and the response over the light.

    Args:
        points: `level_dn`, `variance_dn2`, `share` and `exposure_s` of `study.photon_transfer.points`.
        response: `expected_dn`, `ratio` of `study.photon_transfer.response`.
        gain: e-/DN of the line.
        read_noise: DN, of the line's start.
    """
    figure = canvas(3.2)
    left, right = figure.subplots(1, 2)
    shown = points.assign(exposure=(1000 * points["exposure_s"]).map("{:g} ms".format))
    seaborn.scatterplot(
        shown, x="level_dn", y="variance_dn2", hue="exposure", palette="colorblind", s=5, lw=0, ax=left
    )
    level, share = np.geomspace(points["level_dn"].min(), points["level_dn"].max(), 100), points["share"].median()
    line = level / gain + (1 + share**2) * read_noise**2
    left.plot(level, line, color=INK, lw=1.2, label=f"{gain:.2f} e-/DN, {read_noise:.1f} DN")
    left.set(xscale="log", yscale="log", ylim=(line.min() / 3, line.max() * 3))
    _few_ticks(left.xaxis, left.yaxis)
    tidy(left, "signal of both exposures, DN", "variance of their difference, DN²", "Photon transfer")
    legend(left)
    seaborn.lineplot(response, x="expected_dn", y="ratio", color=LOW_LIGHT, marker="o", ms=4, errorbar=None, ax=right)
    right.axhline(1, color=GREY, lw=0.8)
    right.set(xscale="log", ylim=(0, 1.15))
    _few_ticks(right.xaxis)
    tidy(right, "signal of a straight response, DN", "measured over expected", "Response")
    return figure


def _few_ticks(*axes: Axis) -> None:
    """Label logarithmic axes at 1 and 3 of each decade alone: between them labels overlap."""
    for axis in axes:
        axis.set_major_locator(LogLocator(subs=(1, 3)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_formatter(NullFormatter())


def wells(each: pd.DataFrame, compared: pd.DataFrame) -> Figure:
    """Draw every well's value over its value in the long exposures, a panel for each method, both axes logarithmic.

    Args:
        each: `method`, `truth_dn`, `value_dn`, `low_dn`, `high_dn` of `study.plate.each_well`.
        compared: `method`, `slope`, `faint_kept`, `limit_dn` of `study.plate.compare`, of the dim wells.
    """
    about = compared.set_index("method")
    methods = list(about.index)
    figure = canvas(0.5 + 2.1 * -(-len(methods) // ACROSS))
    axes = grid(figure, len(methods), ACROSS, sharex=True, sharey=True)
    for ax, method in zip(axes, methods, strict=True):
        _panel(ax, each[each["method"] == method], method, about.loc[method])
    figure.supxlabel("well in the long exposures, DN (in proportion to concentration)", size=NORMAL)
    figure.supylabel("well in the 20 ms frame, offset out, DN", size=NORMAL)
    return figure


def _panel(ax: Axes, wells: pd.DataFrame, method: str, about: pd.Series) -> None:
    """Draw one method's wells with their intervals, the line of equality, and the faintest well found."""
    ax.axline((1, 1), (10, 10), color=GREY, lw=0.8)
    numbers = ["value_dn", "low_dn", "high_dn"]
    shown = wells.assign(**wells[numbers].clip(lower=FAINTEST_DN))
    ax.vlines(shown["truth_dn"], shown["low_dn"], shown["high_dn"], color=LOW_LIGHT, lw=0.8, alpha=0.6)
    seaborn.scatterplot(shown, x="truth_dn", y="value_dn", color=LOW_LIGHT, s=18, ax=ax)
    found = f"found to {about['limit_dn']:.1f} DN"
    if np.isnan(about["limit_dn"]):
        found = "none found"
    else:
        ax.axvline(about["limit_dn"], color=ACCENT, lw=1)
    ax.set(xscale="log", yscale="log", xlabel="", ylabel="")
    tidy(ax)
    ax.set_title(method.replace(", ", ",\n"), size=NORMAL, color=INK, loc="left")
    text = f"slope {about['slope']:.2f}\nfaint kept {about['faint_kept']:.0%}\n{found}"
    ax.text(0.97, 0.03, text, transform=ax.transAxes, ha="right", size=SMALL, color=INK, bbox=PLAIN, zorder=0)


def heat_maps(table: pd.DataFrame) -> Figure:
    """Draw `gain_db` of one method over gain and bits; an empty field is a camera that the scene does not fit."""
    gains, bits = (sorted(table[name].unique()) for name in ("gain_e_per_dn", "bits"))
    figure = canvas(6.4)
    shape = table["read_e"].nunique(), table["peak"].nunique()
    axes = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False).ravel()
    for ax, ((read, peak), part) in zip(axes, table.groupby(["read_e", "peak"]), strict=False):
        grid = part.pivot_table("gain_db", "gain_e_per_dn", "bits").reindex(gains, columns=bits)
        seaborn.heatmap(grid, ax=ax, annot=True, fmt="+.1f", cmap="RdBu", vmin=-LIMIT_DB, vmax=LIMIT_DB,
                        cbar=False, linewidths=1)  # fmt: skip
        ax.set_title(f"read noise {read:g} e-, brightness {peak:g} x", size=SMALL)
        ax.set(xlabel="", ylabel="")
    figure.supxlabel("bits of the file", size=NORMAL)
    figure.supylabel("gain, e-/DN", size=NORMAL)
    figure.suptitle(f"PSNR of `{table['method'].iloc[0]}` above VST + BM3D, dB", size=NORMAL)
    return figure
