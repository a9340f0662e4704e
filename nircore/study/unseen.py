"""Animals that a model never saw: each left out of the training in turn, and every method judged by the yardstick.

Two references of each scene, `swir_hdr.Scene.merged` and `.single`, and the protocol of `metrics.with_truth.score`
(straight-line fit, both clipped to the reference's range) on arrays, all outputs clipped at 0 before.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from nircore import baselines
from nircore.data import swir_hdr
from nircore.data.outliers import outliers, replaced
from nircore.data.rows import level_rows
from nircore.metrics import with_truth
from nircore.paths import write_text
from nircore.study.benchmark import clipped

#: Animal left out -> the series that no model trained without it has seen; the two ICG series go with one each.
FOLDS = {"M8-1": ("M8-1", "m1_hdr_icg"), "F1-2": ("F1-2", "250506_M1_ICG"), "F5-2": ("F5-2",)}
REFERENCES = ("merged", "single")
COLUMNS = ["method", "parameter", "scene", "group", "filter", "fold"]
COLUMNS += [f"{reference}_{score}" for reference in REFERENCES for score in ("psnr", "ssim")]
BEST_CLASSICAL, STRENGTHS = "VST + BM3D", (1.2, 1.7)  # of those tried, 1.4 lies between
BAND_PASSES = ("BP1150", "BP1200", "BP1300", "BP1350")

Method = Callable[[np.ndarray], np.ndarray]
Reference = tuple[np.ndarray, np.ndarray]


def fold_of(group: str) -> str:
    """Return the animal whose fold leaves a series out."""
    return next(animal for animal, groups in FOLDS.items() if group in groups)


def cleaned(signal: np.ndarray) -> np.ndarray:
    """Return a frame (H, W) in DN without outliers, rows levelled: what ours gets, every method gets."""
    return level_rows(replaced(signal, outliers(signal)))


def judge(image: np.ndarray, references: dict[str, Reference | None]) -> dict[str, float]:
    """Return PSNR (dB) and SSIM of a frame (H, W) in DN against each reference; NaN where there is none."""
    row = {}
    for name, reference in references.items():
        score = with_truth.score(clipped(image), *reference) if reference else {"psnr": np.nan, "ssim": np.nan}
        row |= {f"{name}_psnr": score["psnr"], f"{name}_ssim": score["ssim"]}
    return row


def classical() -> dict[tuple[str, float], Method]:
    """Return the rivals without training, by name and parameter: all candidates that BM3D is tuned among."""
    methods: dict[tuple[str, float], Method] = {("low-light", 0.0): lambda frame: frame}
    if not baselines.available()["vst_bm3d"]:
        for strength in STRENGTHS:
            methods[BEST_CLASSICAL, strength] = lambda frame, s=strength: baselines.vst_bm3d(cleaned(frame), s)
    return methods


def scores(
    root: Path,
    methods: dict[tuple[str, float], Callable[[str], Method]],
    table: Path,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Score methods on every scene's low-light frame; go on from what the table holds, and keep it after each row.

    Args:
        root: folder of the SWIR_HDR set.
        methods: (name, parameter) -> a function of the fold that returns the method to use there.
        table: CSV with COLUMNS, made or extended.
        say: receives a line for each row.
    """
    done = pd.read_csv(table) if table.is_file() else pd.DataFrame(columns=COLUMNS)
    darks = swir_hdr.darks(root)
    for scene in swir_hdr.scenes(root):
        known = set(done[done["scene"] == scene.name][["method", "parameter"]].itertuples(index=False, name=None))
        missing = [key for key in methods if key not in known]
        if not missing:
            continue
        frame = swir_hdr.load(scene.files[scene.low_s], scene.low_s, darks)
        references = {"merged": scene.merged(darks), "single": scene.single(darks)}
        fold = fold_of(scene.group)
        for name, parameter in missing:
            image = methods[name, parameter](fold)(frame)
            row = dict(zip(COLUMNS, (name, parameter, scene.name, scene.group, scene.filter, fold), strict=False))
            done = pd.concat([done, pd.DataFrame([row | judge(image, references)])], ignore_index=True)
            write_text(table, done.to_csv(index=False, float_format="%.5g"))
            say(f"{scene.name}, {name} {parameter:g}: {done['merged_psnr'].iloc[-1]:.2f} dB")
    return done


def tuned(table: pd.DataFrame, reference: str = "merged") -> pd.DataFrame:
    """Keep of each method and fold the parameter that is best, in PSNR, on the scenes of the other folds."""
    kept = []
    for (method, fold), rows in table.groupby(["method", "fold"], sort=False):
        others = table[(table["method"] == method) & (table["fold"] != fold)]
        best = others.groupby("parameter")[f"{reference}_psnr"].mean().idxmax()
        kept.append(rows[rows["parameter"] == best])
    return pd.concat(kept, ignore_index=True)


def summary(table: pd.DataFrame, order: Iterable[str]) -> pd.DataFrame:
    """Return one row per method and part (four band-passes, LP1250, ICG): means of both references' scores."""
    part = np.where(table["group"].str.contains("icg", case=False), "ICG", table["filter"])
    part = np.where(np.isin(part, BAND_PASSES), "four band-passes", part)
    numbers = [column for column in COLUMNS if column.endswith(("psnr", "ssim"))]
    means = table.assign(part=part).groupby(["part", "method"])[numbers].mean()
    means.insert(0, "scenes", table.assign(part=part).groupby(["part", "method"]).size())
    wanted = [(name, method) for name in ("four band-passes", "LP1250", "ICG") for method in order]
    return means.reindex([key for key in wanted if key in means.index]).reset_index()
