"""The paper's five metrics before and after, with intervals; and what the truth says, where there is one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion import rivals as classical
from companion.run import Run
from companion.study.comparison import Method, gains, tuned
from companion.study.judge import RANGE, SCORES, clipped, common_scale
from nircore.data import sets, swir_hdr
from nircore.data.camera import Sensor
from nircore.data.frames import read_frame
from nircore.data.normalise import Normalisation
from nircore.metrics import no_reference, with_truth
from nircore.metrics.summary import paired_effect
from nircore.training import evaluation

RIVALS = ("gaussian", "non_local_means", "wavelet")  # of `companion.rivals`: what a lab has at hand today
FULL_SCALE_DN = Sensor().saturation_dn - Sensor().pedestal_dn  # 3790: the SWIR_HDR camera saturates below its 13 bits
METHODS = (
    {"low-light": "input"} | {classical.METHODS[key].title: "rival" for key in RIVALS} | {"enhanced": "enhanced"}
)


def image_metrics(run: Run) -> None:
    """Measure every test frame with and without its truth."""
    test = run.rows("test", "low_light")
    frames = [sets.load(run.config, row) for row in test]
    names = list(run.table("enhanced")["file"])
    images = [read_frame(run.path(name)).pixels for name in names]
    about = [
        {"file": Path(name).stem, "group": row.group, "filter": row.filter, "exposure_s": row.exposure_s}
        for name, row in zip(names, test, strict=True)
    ]
    _paper_metrics(run, about, frames, images)
    _truth(run, about, frames, images, [sets.reference(run.config, row) for row in test])


def _paper_metrics(run: Run, about: list[dict], frames: list[np.ndarray], images: list[np.ndarray]) -> None:
    rows = []
    for row, frame, image in zip(about, frames, images, strict=True):
        fit = Normalisation.of(frame)
        for stage, pixels in (("low-light", frame), ("enhanced", image)):
            values = no_reference.measure(common_scale(pixels, fit), data_range=RANGE)
            rows.append(row | {"stage": stage} | values | {"mean_full_scale": _full_scale(run, pixels)})
    table = pd.DataFrame(rows)
    run.write_table("metrics", table)
    before, after = (table[table["stage"] == s].reset_index(drop=True) for s in ("low-light", "enhanced"))
    effects = []
    for metric, unit in no_reference.UNITS.items():
        effect = paired_effect(before[metric], after[metric], run.config.seed, clusters=list(before["group"]))
        effects.append({"metric": metric, "unit": unit} | effect)
    run.write_table("table2_metrics", pd.DataFrame(effects))


def _full_scale(run: Run, pixels: np.ndarray) -> float:
    """Return the mean of a frame as a share of the signal at which the camera saturates.

    NaN for a folder's frame, whose camera is not known.

    The metrics are measured on a scale stretched to the input's black and white level, and there the stretch would
    decide how near to zero a mean lies.
    """
    return float("nan") if run.config.dataset == "folder" else float(pixels.mean(dtype=np.float64)) / FULL_SCALE_DN


def _tuned(run: Run) -> dict[str, Method]:
    """Return the rivals, each tuned on the validation frames, never on the test."""
    judged = evaluation.references(run.config, run.rows("validation", "low_light"))
    pairs = [(sets.load(run.config, row), truth) for row, truth in judged]
    return {method.name: method for key in RIVALS if (method := tuned(key, pairs, run.config.seed)).runs}


def _truth(run: Run, about: list[dict], frames: list[np.ndarray], images: list[np.ndarray], truths: Sequence) -> None:
    """Score input, tuned rivals and enhanced frame, all clipped at 0 DN, by the protocol of `with_truth.score`."""
    rows: list[dict[str, Any]] = []
    rivals = _tuned(run) if any(truth is not None for truth in truths) else {}
    for row, frame, image, truth in zip(about, frames, images, truths, strict=True):
        if truth is None:
            continue
        made = {name: method.runs[run.config.seed](frame) for name, method in rivals.items()}
        for method, x in ({"low-light": frame} | made | {"enhanced": image}).items():
            score = with_truth.score(clipped(x), *truth)
            rows.append(row | {"method": method, "psnr": score["psnr"], "ssim": score["ssim"]})
    scores = pd.DataFrame(rows, columns=["file", "group", "filter", "exposure_s", "method", "psnr", "ssim"])
    run.write_table("truth_scores", scores)
    values = {name: method.tuned for name, method in rivals.items()}
    run.write_table("table3_truth", _summaries(scores, values, run.config.seed))


def _summaries(scores: pd.DataFrame, tuned: dict[str, str], seed: int) -> pd.DataFrame:
    """Return each method's means, and the enhanced frame's gain over it with a 95 % interval that resamples animals.

    One row per exposure, set of filters, and method; filters whose exposures do not match stand apart.
    """
    apart, rows = scores["filter"].isin(swir_hdr.MISMATCHED_FILTERS).rename("apart"), []
    for (exposure_s, _), part in scores.groupby(["exposure_s", apart]):
        about = {"exposure_ms": 1000 * exposure_s, "filters": " ".join(sorted(part["filter"].unique()))}
        of = {method: part[part["method"] == method].set_index("file") for method in METHODS}
        for method, role in METHODS.items():
            row = about | {"role": role, "method": method, "tuned": tuned.get(method, ""), "frames": len(of[method])}
            rows.append(
                row | of[method][[*SCORES]].mean().to_dict() | gains(of["enhanced"], of[method], "group", seed)
            )
    numbers = [f"{key}{part}" for key in SCORES for part in ("", "_gain", "_gain_low", "_gain_high")]
    return pd.DataFrame(rows, columns=["exposure_ms", "filters", "role", "method", "tuned", "frames", *numbers])
