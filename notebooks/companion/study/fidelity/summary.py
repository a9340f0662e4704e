"""All fidelity tests in one table: what was measured, the number, its unit, and how to read it."""

from collections.abc import Iterator, Mapping

import pandas as pd

from companion.study.fidelity import cycle, faint, linearity, structures, widths

COLUMNS = ["test", "measure", "denoiser", "number", "unit", "reads_as", "on"]
Row = tuple[str, str, float, str, str, str]  # measure, denoiser, number, unit, reads_as, on

LINES = {
    ("lesion", "lesion", "r2"): ("R2, lesion", "1: straight line in concentration"),
    ("lesion", "lesion", "gain"): ("gain, lesion", "1: as much contrast as without noise; below 1: compressed"),
    ("lesion", "lesion", "tnr_follows"): (
        "tumour-to-normal follows",
        "1: rises as without noise; 0: no longer tells concentrations apart",
    ),
    ("probe", "vessels", "r2"): ("R2, vessels", "1: straight line in concentration"),
    ("probe", "vessels", "gain"): ("gain, vessels", "1: as much contrast as without noise"),
}
STRUCTURES = {
    "vessels_inserted": ("vessels inserted", "per frame", "0: none that both clean frames lack"),
    "vessels_erased": (
        "vessels erased",
        "per frame",
        "0: none that both clean frames have (a mesh of noise hides none)",
    ),
    "length_inserted": ("vessel length inserted", "share", "0: none"),
    "length_erased": ("vessel length erased", "share", "0: none"),
    "blobs_invented": ("blobs invented", "per frame", "0: nowhere too bright for both clean frames"),
    "blobs_erased": ("blobs erased", "per frame", "0: nowhere too dark for both clean frames"),
    "lesions_missed": ("lesions missed", "share", "0: every lesion shows at least half its contrast"),
    "lesions_invented": ("lesions invented", "share", "0: no lesion where there is none"),
}


def _linearity(table: pd.DataFrame) -> Iterator[Row]:
    fits = linearity.lines(table).set_index(linearity.KEYS)
    for (sweep, region, key), (measure, reads) in LINES.items():
        for denoiser, row in fits.loc[(sweep, region)].iterrows():
            yield measure, denoiser, row[key], "", reads, f"{row['animals']:g} animals"


def _structures(table: pd.DataFrame) -> Iterator[Row]:
    means = structures.per_frame(table)
    for key, (measure, unit, reads) in STRUCTURES.items():
        for row in means.to_dict("records"):
            yield measure, row["denoiser"], row[key], unit, reads, f"{row['frames']} frames"


def _faint(table: pd.DataFrame) -> Iterator[Row]:
    for row in faint.rates(table).to_dict("records"):
        faintly = f"lesions of {row['contrast_dn']:g} DN"
        allowed = f"threshold lets {faint.FALSE_ALARMS:.0%} of other frames' empty places pass"
        with_lesion, without = (f"{row[key]} places" for key in ("with_lesion", "without"))
        yield f"{faintly} found", row["denoiser"], row["hits"], "share", f"1: all; {allowed}", with_lesion
        yield (
            f"{faintly}, false alarms",
            row["denoiser"],
            row["false_alarms"],
            "share",
            f"0: none; {allowed}",
            without,
        )


def _widths(table: pd.DataFrame) -> Iterator[Row]:
    kept = "1: as blurred as the low-light window; 0: as sharp as the target's"
    for row in widths.summary(table).to_dict("records"):
        on = f"{row['places']} places"
        yield "vessel width over the truth's", row["denoiser"], row["relative"], "ratio", "1: as wide", on
        yield "widths measured", row["denoiser"], row["measured"], "share", "1: every place has a peak", on
        yield "blur kept", row["denoiser"], row["blur_kept"], "share", kept, on


def nothing(table: pd.DataFrame, denoiser: str = "enhanced") -> str:
    """Say what a denoiser makes of frames without anything in them, from the rows of `table5`; "" without them.

    >>> rows = {"test": "emptiness", "measure": "structures", "denoiser": "enhanced", "number": 1.0}
    >>> nothing(pd.DataFrame([rows | {"on": "dark, blank"}]))
    'On empty frames (dark, blank) the enhanced frame shows 1 structure where there is none, at worst.'
    """
    rows = table[
        (table["test"] == "emptiness") & (table["measure"] == "structures") & (table["denoiser"] == denoiser)
    ]
    if rows.empty:
        return ""
    count, on = rows.iloc[0]["number"], rows.iloc[0]["on"]
    many = "no structure" if count == 0 else f"{count:g} structure{'s' if count != 1 else ''} where there is none"
    return f"On empty frames ({on}) the {denoiser} frame shows {many}, at worst."


def _emptiness(table: pd.DataFrame) -> Iterator[Row]:
    noisy = table[table["noise_dn"] > 0]
    on = ", ".join(noisy["frame"].unique())
    for denoiser, part in noisy.groupby("denoiser", sort=False):
        yield (
            "largest excursion",
            denoiser,
            part["excursion"].max(),
            "noise SD",
            "3.3: the noise as it was; 0: flat",
            on,
        )
        yield "structures", denoiser, part["structures"].max(), "worst frame", "0: nothing stays nothing", on


def _redegradation(table: pd.DataFrame) -> Iterator[Row]:
    on = f"{table['case'].nunique()} frames"
    for denoiser, part in table.groupby("denoiser", sort=False):
        chi2 = "1: only noise was taken away; towards 0: noise kept; above 1: signal changed"
        yield "reduced chi2", denoiser, part["chi2"].mean(), "", chi2, on
        yield "residual's neighbours", denoiser, part["neighbours"].mean(), "correlation", "0: no structure left", on


def _cycle(table: pd.DataFrame) -> Iterator[Row]:
    ratios = cycle.ratios(table).set_index("between")
    on = f"{table['frame'].nunique()} frames"
    hidden = "well below 1: the noise came back, so it was hidden in the image"
    yield "cycle error over the input's noise", "enhanced", ratios["to_noise"][cycle.AS_IS], "ratio", hidden, on
    for change in ("8 bits", "noise 1/255", "smoothed 1 px"):
        reads = "1: nothing was hidden in what this destroys"
        yield f"cycle error, {change}", "enhanced", ratios["to_untouched"][change], "ratio to untouched", reads, on


def _shift(table: pd.DataFrame) -> Iterator[Row]:
    on = f"{table['frame'].nunique()} frames, 4 directions"
    for denoiser, part in table.groupby("denoiser", sort=False):
        yield "mean change", denoiser, part["change"].mean(), "% of range", "0: moves with the scene", on
        yield "largest change", denoiser, part["largest"].mean(), "% of range", "0: moves with the scene", on


def _prevalence(table: pd.DataFrame) -> Iterator[Row]:
    for row in structures.per_frame(table, by="share").to_dict("records"):
        name = f"retrained, {row['share']:.0%} of targets with a lesion"
        for key in ("lesions_missed", "lesions_invented", "blobs_invented", "blobs_erased"):
            measure, unit, reads = STRUCTURES[key]
            yield measure, name, row[key], unit, reads, f"{row['frames']} frames"


TESTS = {
    "linearity": _linearity,
    "structures": _structures,
    "faint": _faint,
    "widths": _widths,
    "emptiness": _emptiness,
    "redegradation": _redegradation,
    "cycle": _cycle,
    "shift": _shift,
    "prevalence": _prevalence,
}


def table5(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Sum up the tables of the tests, by test; one that holds only a `reason` says why it was not done.

    Returns:
        test, measure, denoiser, number, unit, reads_as, on (how much was measured).
    """
    rows: list[tuple] = []
    for test, summarise in TESTS.items():
        table = tables[test]
        if "reason" in table:
            rows.append((test, "not done", "", float("nan"), "", table["reason"].iloc[0], ""))
        else:
            rows += [(test, *row) for row in summarise(table)]
    return pd.DataFrame(rows, columns=COLUMNS)
