"""The figure says of every metric what the table says of it."""

import pandas as pd
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex

from companion.plots.metric_quality import COLOURS, tracking
from companion.plots.palette import GREY

#: metric: (rho against PSNR, rho against SSIM, verdicts) over methods; over exposure all three track.
PLANTED = {
    "snr": (0.9, 0.8, "tracks", "tracks"),
    "edge_density": (-0.9, -0.7, "ranks backwards", "ranks backwards"),
    "contrast": (0.3, 0.0, "tracks", "does not track"),
}


def planted(over: tuple[str, ...] = ("exposure", "methods")) -> pd.DataFrame:
    rows = []
    for name in over:
        for metric, values in PLANTED.items():
            psnr, ssim, *words = values if name == "methods" else (0.9, 0.9, "tracks", "tracks")
            for truth, rho, word in (("psnr", psnr, words[0]), ("ssim", ssim, words[1])):
                rows.append({"metric": metric, "over": name, "truth_metric": truth, "rho": rho, "low": rho - 0.05,
                             "high": rho + 0.1, "scenes": 9, "verdict": word})  # fmt: skip
    extra = rows[-1] | {"metric": "contrast", "truth_metric": "sbr", "rho": -0.123}
    return pd.DataFrame([*rows, extra])


def dots(ax) -> list[tuple]:
    """The markers of a panel: rho, the row it stands in, colour."""
    clouds = [cloud for cloud in ax.collections if isinstance(cloud, PathCollection)]
    marks = [mark for c in clouds for mark in zip(c.get_offsets(), map(to_hex, c.get_facecolors()), strict=True)]
    return [(x, round(y), colour) for (x, y), colour in marks]


def intervals(ax) -> list[tuple]:
    """The lines of a panel: low, high, the row they stand in."""
    lines = [line for c in ax.collections if isinstance(c, LineCollection) for line in c.get_segments() if len(line)]
    return [(line[0, 0], line[1, 0], round(line[0, 1])) for line in lines]


def test_every_number_of_the_table_is_a_dot_in_its_colour_with_its_interval():
    left, right = tracking(planted()).axes
    assert {rho for rho, _, _ in dots(left)} == {0.9} and len(dots(left)) == len(dots(right)) == 6
    wanted = []
    for row, (psnr, ssim, *words) in enumerate(PLANTED.values()):
        wanted += [(rho, row, COLOURS.get(word, GREY)) for rho, word in zip((psnr, ssim), words, strict=True)]
    assert sorted(dots(right)) == sorted(wanted)
    assert sorted(intervals(right)) == sorted((rho - 0.05, rho + 0.1, row) for rho, row, _ in wanted)
    assert right.get_xlim()[0] < -1 and right.get_xlim()[1] > 1


def test_verdicts_are_in_plain_words():
    figure = tracking(planted())
    texts = [[text.get_text() for text in ax.texts] for ax in figure.axes]
    assert texts == [["tracks"] * 3, ["tracks", "ranks backwards", "depends on the score"]]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["SNR", "edge density", "contrast"]
