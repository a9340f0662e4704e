"""Animals that a model never saw: each left out of the training in turn, and every method judged by the yardstick.

Two references of each scene, `exposures.Scene.merged` and `.single`, and the protocol of `metrics.with_truth.score`
(straight-line fit, both clipped to the reference's range) on arrays, all outputs clipped at 0 before. Methods are
ranked by the merged reference, and detail (`metrics.detail`) is measured against it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion.study import exposures
from nircore.data import swir_hdr
from nircore.data.outliers import outliers, replaced
from nircore.data.rows import level_rows
from nircore.metrics import with_truth
from nircore.metrics.detail import BANDS, detail
from nircore.files import write_text
from nircore.paths import VERSION
from companion.study.benchmark import clipped

#: Animal left out -> the series that no model trained without it has seen; the two ICG series go with one each.
FOLDS = {"M8-1": ("M8-1", "m1_hdr_icg"), "F1-2": ("F1-2", "250506_M1_ICG"), "F5-2": ("F5-2",)}
REFERENCES = ("merged", "single")
SCORES = tuple(f"{reference}_{score}" for reference in REFERENCES for score in ("psnr", "ssim"))
DETAIL = tuple(f"{width}_{number}" for width in BANDS for number in ("kept", "real"))
ABOUT = ("method", "kind", "parameter", "scene", "group", "filter", "fold", "brightness_dn")
COLUMNS = (*ABOUT, *SCORES, *DETAIL, "seconds", "nircore")
ALIKE = 4  # scenes of other animals, the nearest in brightness: what a scene's parameter is tuned on

Method = Callable[[np.ndarray], np.ndarray]
Reference = tuple[np.ndarray, np.ndarray]
Key = tuple[str, str, float]  # name, kind and parameter of a method


def fold_of(group: str) -> str:
    """Return the animal whose fold leaves a series out."""
    return next(animal for animal, groups in FOLDS.items() if group in groups)


def cleaned(signal: np.ndarray) -> np.ndarray:
    """Return a frame (H, W) in DN without outliers, rows levelled: what ours gets, every method gets."""
    return level_rows(replaced(signal, outliers(signal)))


def judge(image: np.ndarray, references: Mapping[str, Reference | None]) -> dict[str, float]:
    """Return SCORES and DETAIL of a frame (H, W) in DN against its references; NaN where there is none."""
    image, row = clipped(image), dict.fromkeys((*SCORES, *DETAIL), np.nan)
    for name, reference in references.items():
        if reference:
            found = with_truth.score(image, *reference)
            row |= {f"{name}_{key}": found[key] for key in ("psnr", "ssim")}
            if name == "merged":
                calibrated = found["a"] * image + found["b"]
                for width in BANDS:
                    parts = detail(calibrated, reference[0], width, reference[1])
                    row |= {f"{width}_{number}": value for number, value in parts.items()}
    return row


def scores(
    root: Path,
    methods: Mapping[Key, Callable[[str], Method]],
    table: Path,
    say: Callable[[str], None] = print,
) -> pd.DataFrame:
    """Score methods on every scene's low-light frame; go on from what the table holds, and keep it after each row.

    Rows of another version of nircore are made anew.

    Args:
        root: folder of the SWIR_HDR set.
        methods: (name, kind, parameter) -> a function of the fold that returns the method to use there, which takes
            a frame (H, W) in DN above the dark. It is called where its first frame is due.
        table: CSV with COLUMNS, made or extended.
        say: receives a line for each row.
    """
    done = pd.read_csv(table, dtype={"nircore": str}) if table.is_file() else pd.DataFrame(columns=list(COLUMNS))
    done = done[done["nircore"] == VERSION]
    known = set(done[["method", "parameter", "scene"]].itertuples(index=False, name=None))
    for scene, frame, references in _scenes(root):
        brightness = float(np.percentile(references["merged"][0], with_truth.PEAK_PERCENTILE))
        for (name, kind, parameter), of_fold in methods.items():
            if (name, parameter, scene.name) in known:
                continue
            fold = fold_of(scene.group)
            method, began = of_fold(fold), time.perf_counter()
            image = method(frame)
            about = (name, kind, parameter, scene.name, scene.group, scene.filter, fold, brightness)
            row = dict(zip(ABOUT, about, strict=True)) | {"seconds": time.perf_counter() - began, "nircore": VERSION}
            done = pd.DataFrame([*done.to_dict("records"), row | judge(image, references)], columns=list(COLUMNS))
            write_text(table, done.to_csv(index=False, float_format="%.6g"))
            say(f"{scene.name}, {name} {parameter:g}: {done['merged_psnr'].iloc[-1]:.2f} dB")
    return done


def _scenes(root: Path) -> Iterator[tuple[Any, np.ndarray, dict[str, Reference | None]]]:
    """Yield every scene with its low-light frame in DN above the dark, and its references."""
    darks = swir_hdr.darks(root)
    for scene in exposures.scenes(root):
        frame = swir_hdr.load(scene.files[scene.low_s], scene.low_s, darks)
        yield scene, frame, {"merged": scene.merged(darks), "single": scene.single(darks)}


def tuned(table: pd.DataFrame) -> pd.DataFrame:
    """Keep of each method and scene the row whose parameter is best on other animals' scenes of like brightness.

    The ALIKE scenes of other folds that are nearest in `brightness_dn` (by ratio) decide, by their mean PSNR against
    the merged reference.
    """
    kept = []
    for _, rows in table.groupby("method", sort=False):
        if rows["parameter"].nunique() == 1:
            kept.append(rows)
            continue
        psnr = rows.pivot(index="scene", columns="parameter", values="merged_psnr")
        about = rows.drop_duplicates("scene").set_index("scene")
        for scene, own in about.iterrows():
            others = about[about["fold"] != own["fold"]]
            ratio = np.log(others["brightness_dn"] / own["brightness_dn"]).abs()
            best = psnr.loc[ratio.nsmallest(ALIKE).index].mean().idxmax()
            kept.append(rows[(rows["scene"] == scene) & (rows["parameter"] == best)])
    return pd.concat(kept, ignore_index=True)
