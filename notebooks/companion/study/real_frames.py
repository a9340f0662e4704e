"""Real frames: every method judged on animals that it never saw, and the table that compares them.

Each animal is left out of the training in turn. Two references of each scene, `exposures.Scene.merged` and `.single`;
methods are ranked by the merged one, and detail (`metrics.detail`) is measured against it. With three animals the
intervals are wide.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion.rivals import Denoise
from companion.study import exposures
from companion.study.comparison import CLASSICAL, Method, best_classical, comparison
from companion.study.judge import DETAIL, Judge
from nircore.data import swir_hdr
from nircore.data.darks import Darks
from nircore.data.outliers import outliers, replaced
from nircore.data.rows import level_rows
from nircore.data.sets import Reference
from nircore.files import write_text
from nircore.metrics import with_truth
from nircore.paths import VERSION
from nircore.training import evaluation

#: Animal left out -> the series that no model trained without it has seen; the two ICG series go with one each.
FOLDS = {"M8-1": ("M8-1", "m1_hdr_icg"), "F1-2": ("F1-2", "250506_M1_ICG"), "F5-2": ("F5-2",)}
SCORES = tuple(f"{reference}_{score}" for reference in ("merged", "single") for score in ("psnr", "ssim"))
ABOUT = ("method", "kind", "parameter", "scene", "group", "filter", "fold", "brightness_dn", "left_out")
COLUMNS = (*ABOUT, *SCORES, *DETAIL, "seconds", "nircore")
ALIKE = 4  # scenes of other animals, the nearest in brightness: what a scene's parameter is tuned on
BAND_PASSES = ("BP1150", "BP1200", "BP1300", "BP1350")
#: Part of the table -> which of its rows; the dye's two series stand beside the three animals with quantum dots.
PARTS = {
    "four band-passes": lambda table: table["filter"].isin(BAND_PASSES) & ~_dye(table),
    "LP1250": lambda table: (table["filter"] == "LP1250") & ~_dye(table),
    "all fifteen": lambda table: ~_dye(table),
    "ICG": lambda table: _dye(table),
}
RANKING, RANKED = "four band-passes", "merged_psnr"  # the part, and the score, by which methods are ordered

SHOWN = ("scenes", "merged_psnr", "merged_ssim", "single_psnr", "single_ssim", "merged_psnr_gain")
SHOWN += ("merged_psnr_gain_low", "merged_psnr_gain_high", "above")

Key = tuple[str, str, float]  # name, kind and parameter of a method
OfFold = Callable[[str], Denoise]  # the animal that is left out -> the method to use on it


def fold_of(group: str) -> str:
    """Return the animal whose fold leaves a series out."""
    return next(animal for animal, groups in FOLDS.items() if group in groups)


def cleaned(signal: np.ndarray) -> np.ndarray:
    """Return a frame (H, W) in DN without outliers, rows levelled: what ours gets, every method gets."""
    return level_rows(replaced(signal, outliers(signal)))


def others(root: Path, without: str) -> list[exposures.Scene]:
    """Return the scenes of all animals but one, and but the ICG series that goes with it; "" leaves none out."""
    return [scene for scene in exposures.scenes(root) if scene.group not in FOLDS.get(without, ())]


def low_light(scene: exposures.Scene, darks: Darks) -> np.ndarray:
    """Return a scene's low-light frame (H, W) in DN above the dark."""
    return swir_hdr.load(scene.files[scene.low_s], scene.low_s, darks)


def scenes(root: Path) -> Iterator[tuple[Any, np.ndarray, dict[str, Reference]]]:
    """Yield every scene with its low-light frame in DN above the dark, and the references that it has."""
    darks = swir_hdr.darks(root)
    for scene in exposures.scenes(root):
        references = {"merged": scene.reference(darks), "single": scene.single(darks)}
        yield scene, low_light(scene, darks), {name: reference for name, reference in references.items() if reference}


def judge(frame: np.ndarray, image: np.ndarray, references: Mapping[str, Reference]) -> dict[str, float]:
    """Return SCORES and DETAIL of what was made of a frame, (H, W) in DN; NaN where there is no reference."""
    judges = {name: Judge(frame, *reference) for name, reference in references.items()}
    row = dict.fromkeys((*SCORES, *DETAIL), np.nan)
    row |= {f"{name}_{key}": value for name, one in judges.items() for key, value in one.score(image).items()}
    return row | (judges["merged"].detail(image) if "merged" in judges else {})


def scores(
    root: Path, methods: Mapping[Key, OfFold], table: Path, most: int = 0, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """Score methods on every scene's low-light frame; go on from what the table holds, and keep it after each row.

    Rows of another version of nircore are made anew. A method of a fold is asked for where its first frame is due.

    Args:
        root: folder of the SWIR_HDR set.
        methods: what to score.
        table: CSV with COLUMNS, made or extended.
        most: scenes at most, spread over all; 0 for all of them.
        say: receives a line for each row.
    """
    done = pd.read_csv(table, dtype={"nircore": str}) if table.is_file() else pd.DataFrame(columns=list(COLUMNS))
    done = done[done["nircore"] == VERSION]
    known = set(done[["method", "parameter", "scene"]].itertuples(index=False, name=None))
    for scene, frame, references in evaluation.spread(list(scenes(root)), most) if most else scenes(root):
        brightness = float(np.percentile(references["merged"][0], with_truth.PEAK_PERCENTILE))
        left_out = int((~references["merged"][1]).sum())  # pixels that are unknown, or moved between exposures
        for (name, kind, parameter), of_fold in methods.items():
            if (name, parameter, scene.name) in known:
                continue
            fold = fold_of(scene.group)
            method, began = of_fold(fold), time.perf_counter()
            image = method(frame)
            about = (name, kind, parameter, scene.name, scene.group, scene.filter, fold, brightness, left_out)
            row = dict(zip(ABOUT, about, strict=True)) | {"seconds": time.perf_counter() - began, "nircore": VERSION}
            row |= judge(frame, image, references)
            done = pd.DataFrame([*done.to_dict("records"), row], columns=list(COLUMNS))
            write_text(table, done.to_csv(index=False, float_format="%.6g"))
            say(f"{scene.name}, {name} {parameter:g}: {done[RANKED].iloc[-1]:.2f} dB")
    return done


def tuned(table: pd.DataFrame) -> pd.DataFrame:
    """Keep of each method and scene the row whose parameter is best on other animals' scenes of like brightness.

    The ALIKE scenes of other folds that are nearest in `brightness_dn` (by ratio) decide, by their mean PSNR against
    the merged reference.
    """
    kept = []
    for _, rows in table.groupby("method", sort=False):
        psnr = rows.pivot(index="scene", columns="parameter", values=RANKED)
        about = rows.drop_duplicates("scene").set_index("scene")
        for scene, its in about.iterrows():
            others = about[about["fold"] != its["fold"]]
            ratio = np.log(others["brightness_dn"] / its["brightness_dn"]).abs()
            best = psnr.columns[0]
            if len(psnr.columns) > 1:
                best = psnr.loc[ratio.nsmallest(ALIKE).index].mean().idxmax()
            kept.append(rows[(rows["scene"] == scene) & (rows["parameter"] == best)])
    return pd.concat(kept, ignore_index=True)


def rivals_of(table: pd.DataFrame) -> pd.Series:
    """Return for each scene the classical method that is best on the other animals; empty where none ran.

    Args:
        table: one row per method and scene, as of `tuned`.
    """
    classical = table[table["kind"] == CLASSICAL]
    chosen = {
        fold: best_classical(classical[classical["fold"] != fold].groupby("method")[RANKED].mean())
        for fold in classical["fold"].unique()
    }
    return classical.drop_duplicates("scene").set_index("scene")["fold"].map(chosen)


def leaderboard(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return one row per part and method, in the order of the table's methods.

    Columns: part, method, kind, scenes, groups; the means of SCORES, DETAIL and `seconds`; for PSNR and SSIM against
    the merged reference the `_gain` over the best classical method scene by scene, with `_gain_low`, `_gain_high` and
    the sign-flip `_p` (`comparison`); `above`, the scenes on which it is above that method in PSNR. `table` is as of
    `tuned`, `seed` that of the resampling.
    """
    best = rivals_of(table)
    rows = table.rename(columns={"merged_psnr": "psnr", "merged_ssim": "ssim"}).assign(file=table["scene"], seed=seed)
    return pd.concat([_part(name, rows[of(rows)], best, seed) for name, of in PARTS.items()], ignore_index=True)


def _part(name: str, rows: pd.DataFrame, best: pd.Series, seed: int) -> pd.DataFrame:
    """Compare the methods on one part of the scenes."""
    methods = [Method(*one) for one in rows[["method", "kind"]].drop_duplicates().itertuples(index=False)]
    found = comparison(rows, methods, best, {}, seed).set_index("method")
    means = rows.groupby("method")[[*SCORES[2:], *DETAIL, "seconds"]].mean()
    wide = rows.pivot(index="file", columns="method", values="psnr")
    rival = pd.Series({file: wide.loc[file, best[file]] for file in wide.index if file in best.index}, dtype=float)
    above = wide.gt(rival, axis=0).sum().where(found["psnr_gain"].notna())
    merged = found.filter(regex="^(psnr|ssim)").drop(columns=["psnr_sd", "ssim_sd"]).add_prefix("merged_")
    kept = found[["kind", "frames", "groups"]].rename(columns={"frames": "scenes"}).join(merged)
    return kept.join(means).assign(above=above).reset_index().assign(part=name)


def _dye(table: pd.DataFrame) -> pd.Series:
    """Say which rows are of the ICG series; all others are of animals with quantum dots."""
    return table["group"].str.contains("icg", case=False)


def shown(board: pd.DataFrame, order: Iterable[str]) -> pd.DataFrame:
    """Return what a page shows of the leaderboard: part by part, methods in their `order`, the columns SHOWN."""
    kept = board[board["method"].isin(list(order))].set_index(["part", "method"])
    rows = [(part, method) for part in PARTS for method in order if (part, method) in kept.index]
    return kept.loc[rows, list(SHOWN)].reset_index()
