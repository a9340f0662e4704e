"""All fidelity tests in one table: what was measured, the number, its unit, and how to read it."""

from collections.abc import Iterator, Mapping

import pandas as pd

from companion.study.fidelity import cycle, faint, linearity, structures, widths

COLUMNS = ["test", "measure", "denoiser", "number", "unit", "reads_as", "on"]
#: Test -> column of its summary -> what it is called, its unit, and how to read it.
MEASURES = {
    "lesion": {
        "r2": ("R2, lesion", "", "1: straight line in concentration"),
        "gain": ("gain, lesion", "", "1: as much contrast as without noise; below 1: compressed"),
        "tnr_follows": ("tumour-to-normal follows", "",
                        "1: rises as without noise; 0: no longer tells concentrations apart"),
    },
    "vessels": {
        "r2": ("R2, vessels", "", "1: straight line in concentration"),
        "gain": ("gain, vessels", "", "1: as much contrast as without noise"),
    },
    "structures": {
        "vessels_inserted": ("vessels inserted", "per frame", "0: none that both clean frames lack"),
        "vessels_erased": ("vessels erased", "per frame",
                           "0: none that both clean frames have (a mesh of noise hides none)"),
        "length_inserted": ("vessel length inserted", "share", "0: none"),
        "length_erased": ("vessel length erased", "share", "0: none"),
        "blobs_invented": ("blobs invented", "per frame", "0: nowhere too bright for both clean frames"),
        "blobs_erased": ("blobs erased", "per frame", "0: nowhere too dark for both clean frames"),
        "lesions_missed": ("lesions missed", "share", "0: every lesion shows at least half its contrast"),
        "lesions_invented": ("lesions invented", "share", "0: no lesion where there is none"),
    },
    "widths": {
        "relative": ("vessel width over the truth's", "ratio", "1: as wide"),
        "measured": ("widths measured", "share", "1: every place has a peak"),
        "blur_kept": ("blur kept", "share", "1: as blurred as the low-light window; 0: as sharp as the target's"),
    },
    "emptiness": {
        "excursion": ("largest excursion", "noise SD", "3.3: the noise as it was; 0: flat"),
        "structures": ("structures", "worst frame", "0: nothing stays nothing"),
    },
    "redegradation": {
        "chi2": ("reduced chi2", "", "1: only noise was taken away; towards 0: noise kept; above 1: signal changed"),
        "neighbours": ("residual's neighbours", "correlation", "0: no structure left"),
    },
}  # fmt: skip
LEAKED = ("lesions_missed", "lesions_invented", "blobs_invented", "blobs_erased")  # of "structures": of prevalence


def _said(summary: pd.DataFrame, measures: Mapping[str, tuple[str, str, str]], on: str) -> Iterator[tuple]:
    """Yield measure, denoiser, number, unit, reads_as and on of every row of a summary; `on` may name its columns."""
    for column, (name, unit, reads_as) in measures.items():
        for row in summary.to_dict("records"):
            yield name, row["denoiser"], row[column], unit, reads_as, on.format(**row)


def _linearity(table: pd.DataFrame) -> Iterator[tuple]:
    fits = linearity.lines(table).set_index(["sweep", "region"])
    yield from _said(fits.loc[[("lesion", "lesion")]], MEASURES["lesion"], "{animals:g} animals")
    yield from _said(fits.loc[[("probe", "vessels")]], MEASURES["vessels"], "{animals:g} animals")


def _faint(table: pd.DataFrame) -> Iterator[tuple]:
    allowed = f"threshold lets {faint.FALSE_ALARMS:.0%} of other frames' empty places pass"
    for contrast, rows in faint.rates(table).groupby("contrast_dn", sort=False):
        name = f"lesions of {contrast:g} DN"
        yield from _said(rows, {"hits": (f"{name} found", "share", f"1: all; {allowed}")}, "{with_lesion} places")
        alarms = {"false_alarms": (f"{name}, false alarms", "share", f"0: none; {allowed}")}
        yield from _said(rows, alarms, "{without} places")


def _emptiness(table: pd.DataFrame) -> Iterator[tuple]:
    noisy, measures = table[table["noise_dn"] > 0], MEASURES["emptiness"]
    worst = noisy.groupby("denoiser", sort=False)[list(measures)].max().reset_index()
    return _said(worst, measures, ", ".join(noisy["frame"].unique()))


def _redegradation(table: pd.DataFrame) -> Iterator[tuple]:
    measures = MEASURES["redegradation"]
    means = table.groupby("denoiser", sort=False)[list(measures)].mean().reset_index()
    return _said(means, measures, f"{table['case'].nunique()} frames")


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
    measures = {column: MEASURES["structures"][column] for column in LEAKED}
    trained = "; {steps} of the run's {run_steps} steps, crops of {crop} for {run_crop} px".format(**table.iloc[0])
    return _said(counts.assign(denoiser=names), measures, "{frames} frames" + trained)


#: In the order of the table; the functions take a test's own table.
TESTS = {
    "linearity": _linearity,
    "structures": lambda table: _said(structures.per_frame(table), MEASURES["structures"], "{frames} frames"),
    "faint": _faint,
    "widths": lambda table: _said(widths.summary(table), MEASURES["widths"], "{places} places"),
    "emptiness": _emptiness,
    "redegradation": _redegradation,
    "cycle": _cycle,
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


def nothing(table: pd.DataFrame) -> str:
    """Say what every denoiser makes of frames without anything in them, from `table5`; "" without them.

    >>> rows = {"test": "emptiness", "measure": "structures", "on": "dark, blank"}
    >>> nothing(pd.DataFrame([rows | {"denoiser": name, "number": k} for name, k in (("NLM", 0.0), ("ours", 87.0))]))
    'Structures on empty frames (dark, blank), where there is none, at worst: NLM 0, ours 87.'
    """
    rows = table[table["test"].eq("emptiness") & table["measure"].eq("structures")]
    if rows.empty:
        return ""
    counts = ", ".join(f"{row.denoiser} {row.number:g}" for row in rows.itertuples())
    return f"Structures on empty frames ({rows['on'].iloc[0]}), where there is none, at worst: {counts}."
