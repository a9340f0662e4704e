"""All fidelity tests in one table: what was measured, the number, its unit, and how to read it."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import pandas as pd

from companion.study.fidelity import cycle, faint, linearity, structures, widths

COLUMNS = ["test", "measure", "denoiser", "number", "unit", "reads_as", "on"]


class Measure(NamedTuple):
    """A number of a test: the column of its summary, its name, its unit, and how to read it."""

    column: str
    name: str
    unit: str
    reads_as: str


STRUCTURES = (
    Measure("vessels_inserted", "vessels inserted", "per frame", "0: none that both clean frames lack"),
    Measure("vessels_erased", "vessels erased", "per frame",
            "0: none that both clean frames have (a mesh of noise hides none)"),
    Measure("length_inserted", "vessel length inserted", "share", "0: none"),
    Measure("length_erased", "vessel length erased", "share", "0: none"),
    Measure("blobs_invented", "blobs invented", "per frame", "0: nowhere too bright for both clean frames"),
    Measure("blobs_erased", "blobs erased", "per frame", "0: nowhere too dark for both clean frames"),
    Measure("lesions_missed", "lesions missed", "share", "0: every lesion shows at least half its contrast"),
    Measure("lesions_invented", "lesions invented", "share", "0: no lesion where there is none"),
)  # fmt: skip
LINES = {
    ("lesion", "lesion"): (
        Measure("r2", "R2, lesion", "", "1: straight line in concentration"),
        Measure("gain", "gain, lesion", "", "1: as much contrast as without noise; below 1: compressed"),
        Measure("tnr_follows", "tumour-to-normal follows", "",
                "1: rises as without noise; 0: no longer tells concentrations apart"),
    ),
    ("probe", "vessels"): (
        Measure("r2", "R2, vessels", "", "1: straight line in concentration"),
        Measure("gain", "gain, vessels", "", "1: as much contrast as without noise"),
    ),
}  # fmt: skip
WIDTHS = (
    Measure("relative", "vessel width over the truth's", "ratio", "1: as wide"),
    Measure("measured", "widths measured", "share", "1: every place has a peak"),
    Measure("blur_kept", "blur kept", "share", "1: as blurred as the low-light window; 0: as sharp as the target's"),
)
EMPTINESS = (
    Measure("excursion", "largest excursion", "noise SD", "3.3: the noise as it was; 0: flat"),
    Measure("structures", "structures", "worst frame", "0: nothing stays nothing"),
)
REDEGRADATION = (
    Measure("chi2", "reduced chi2", "",
            "1: only noise was taken away; towards 0: noise kept; above 1: signal changed"),
    Measure("neighbours", "residual's neighbours", "correlation", "0: no structure left"),
)  # fmt: skip
SHIFT = (
    Measure("change", "mean change", "% of range", "0: moves with the scene"),
    Measure("largest", "largest change", "% of range", "0: moves with the scene"),
)


def _said(summary: pd.DataFrame, measures: tuple[Measure, ...], on: str) -> Iterator[tuple]:
    """Yield measure, denoiser, number, unit, reads_as and on of every row of a summary; `on` may name its columns."""
    for row in summary.to_dict("records"):
        for measure in measures:
            yield measure.name, row["denoiser"], row[measure.column], measure.unit, measure.reads_as, on.format(**row)


def _linearity(table: pd.DataFrame) -> Iterator[tuple]:
    fits = linearity.lines(table).set_index(["sweep", "region"])
    for part, measures in LINES.items():
        for measure in measures:
            yield from _said(fits.loc[[part]], (measure,), "{animals:g} animals")


def _structures(table: pd.DataFrame) -> Iterator[tuple]:
    for measure in STRUCTURES:
        yield from _said(structures.per_frame(table), (measure,), "{frames} frames")


def _faint(table: pd.DataFrame) -> Iterator[tuple]:
    allowed = f"threshold lets {faint.FALSE_ALARMS:.0%} of other frames' empty places pass"
    for contrast, rows in faint.rates(table).groupby("contrast_dn", sort=False):
        name = f"lesions of {contrast:g} DN"
        for _, row in rows.groupby(level=0):
            yield from _said(row, (Measure("hits", f"{name} found", "share", f"1: all; {allowed}"),),
                             "{with_lesion} places")  # fmt: skip
            alarms = Measure("false_alarms", f"{name}, false alarms", "share", f"0: none; {allowed}")
            yield from _said(row, (alarms,), "{without} places")


def _emptiness(table: pd.DataFrame) -> Iterator[tuple]:
    noisy = table[table["noise_dn"] > 0]
    worst = noisy.groupby("denoiser", sort=False)[["excursion", "structures"]].max().reset_index()
    return _said(worst, EMPTINESS, ", ".join(noisy["frame"].unique()))


def _means(table: pd.DataFrame, measures: tuple[Measure, ...], on: str) -> Iterator[tuple]:
    columns = [measure.column for measure in measures]
    return _said(table.groupby("denoiser", sort=False)[columns].mean().reset_index(), measures, on)


def _cycle(table: pd.DataFrame) -> Iterator[tuple]:
    ratios = cycle.ratios(table).set_index("between")
    on = f"{table['frame'].nunique()} frames"
    hidden = "well below 1: the noise came back, so it was hidden in the image"
    yield "cycle error over the input's noise", "enhanced", ratios["to_noise"][cycle.AS_IS], "ratio", hidden, on
    for change in ("8 bits", "noise 1/255", "smoothed 1 px"):
        reads = "1: nothing was hidden in what this destroys"
        yield f"cycle error, {change}", "enhanced", ratios["to_untouched"][change], "ratio to untouched", reads, on


def _prevalence(table: pd.DataFrame) -> Iterator[tuple]:
    counts = structures.per_frame(table, by="share")
    names = counts["share"].map("retrained, {:.0%} of targets with a lesion".format)
    counted = [m for m in STRUCTURES if m.column.startswith(("lesions", "blobs"))]
    counted = tuple(sorted(counted, key=lambda measure: measure.column.startswith("blobs")))
    return _said(counts.assign(denoiser=names), counted, "{frames} frames")


TESTS: dict[str, Callable[[pd.DataFrame], Iterator[tuple]]] = {
    "linearity": _linearity,
    "structures": _structures,
    "faint": _faint,
    "widths": lambda table: _said(widths.summary(table), WIDTHS, "{places} places"),
    "emptiness": _emptiness,
    "redegradation": lambda table: _means(table, REDEGRADATION, f"{table['case'].nunique()} frames"),
    "cycle": _cycle,
    "shift": lambda table: _means(table, SHIFT, f"{table['frame'].nunique()} frames, 4 directions"),
    "prevalence": _prevalence,
}


def table5(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Sum up the tables of the tests, by test; one that holds only a `reason` says why it was not done."""
    rows: list[tuple] = []
    for test, summarise in TESTS.items():
        table = tables[test]
        if "reason" in table:
            rows.append((test, "not done", "", float("nan"), "", table["reason"].iloc[0], ""))
        else:
            rows += [(test, *row) for row in summarise(table)]
    return pd.DataFrame(rows, columns=COLUMNS)


def nothing(table: pd.DataFrame, denoiser: str = "enhanced") -> str:
    """Say what a denoiser makes of frames without anything in them, from the rows of `table5`; "" without them.

    >>> rows = {"test": "emptiness", "measure": "structures", "denoiser": "enhanced", "number": 1.0}
    >>> nothing(pd.DataFrame([rows | {"on": "dark, blank"}]))
    'On empty frames (dark, blank) the enhanced frame shows 1 structure where there is none, at worst.'
    """
    rows = table[table["test"].eq("emptiness") & table["measure"].eq("structures") & table["denoiser"].eq(denoiser)]
    if rows.empty:
        return ""
    count, on = rows.iloc[0]["number"], rows.iloc[0]["on"]
    many = "no structure" if count == 0 else f"{count:g} structure{'s' if count != 1 else ''} where there is none"
    return f"On empty frames ({on}) the {denoiser} frame shows {many}, at worst."
