"""Step-wise enhancement, shown two ways: along the training, and by applying the generator again and again."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from companion.run import Run
from nircore.data import sets
from nircore.data.frames import read_frame, sha256, write_frame
from nircore.inference import enhance, repeat
from nircore.metrics import with_truth
from nircore.models import checkpoint
from nircore.training import evaluation
from nircore.training.loop import choose_device, table_epochs

SHOWN = 3  # test frames in figure 3a
TIMES = 4  # applications of the generator: x, G(x), ... , G(G(G(G(x))))


def stepwise(run: Run) -> None:
    """Enhance every test frame, then follow some of them across epochs and across applications."""
    test = run.rows("test", "low_light")
    frames = [sets.load(run.config, row) for row in test]
    truths = [sets.reference(run.config, row) for row in test]
    generator = load(run, "generator.safetensors")
    _enhance_all(run, generator, test, frames)
    shown = {"across_epochs": _across_epochs(run, frames, truths)}
    run.write_pictures("stepwise", shown | {"repeated": _repeated(run, generator, frames, truths)})


def load(run: Run, name: str) -> nn.Module:
    """Load a generator of the run onto its device."""
    return checkpoint.load_generator(run.made(f"models/{name}"))[0].to(choose_device(run.config.device))


def _enhance_all(run: Run, generator: nn.Module, test: list[Any], frames: list[np.ndarray]) -> None:
    rows = []
    for k, (row, frame) in enumerate(zip(test, frames, strict=True)):
        image, fit = enhance(generator, frame)
        name = f"enhanced/{k:03d}_{Path(row.file).stem}.tif"  # numbered: stems of two folders may be equal
        write_frame(run.path(name), image, np.float32)
        rows.append({"file": name, "group": row.group, "scene": row.scene, "filter": row.filter,
                     "exposure_s": row.exposure_s, "offset_dn": fit.offset, "scale_dn": fit.scale,
                     "sha256": sha256(run.path(name))})  # fmt: skip
    run.write_table("enhanced", pd.DataFrame(rows))


def before_after(run: Run) -> list[dict[str, Any]]:
    """Return the rows of figure 3a: some test frames, what was made of them, and their references."""
    images = zip(run.table("enhanced")["file"], run.rows("test", "low_light"), strict=True)
    rows = []
    for name, row in evaluation.spread(list(images), SHOWN):
        label = f"{row.scene}, {1000 * row.exposure_s:g} ms"
        frame, truth = sets.load(run.config, row), sets.reference(run.config, row)
        rows.append(panel(label, frame, read_frame(run.path(name)).pixels, truth))
    return rows


def panel(label: str, frame: np.ndarray, image: np.ndarray, truth: sets.Reference | None) -> dict[str, Any]:
    """Return a row of figure 3a: everything brought to the reference's scale by the protocol's affine fit."""
    row = {"label": label, "low_light": frame, "enhanced": image, "reference": None, "scores": None}
    if truth is None:
        return row
    before, after = (with_truth.score(x, *truth) for x in (frame, image))
    said = "PSNR {:.1f} to {:.1f} dB, SSIM {:.2f} to {:.2f}".format(
        before["psnr"], after["psnr"], before["ssim"], after["ssim"]
    )
    fitted = {"low_light": before["a"] * frame + before["b"], "enhanced": after["a"] * image + after["b"]}
    return row | fitted | {"reference": truth[0], "scores": said}


def _across_epochs(run: Run, frames: list[np.ndarray], truths: Sequence) -> dict[str, np.ndarray]:
    """Follow the averaged generator through the epochs of the loss table; return what it makes of the first frame."""
    rows, shown = [], {"low-light": frames[0]}
    for epoch in table_epochs(run.config.epochs):
        generator = load(run, f"epochs/epoch_{epoch:03d}.safetensors")
        images = [enhance(generator, frame)[0] for frame in frames]
        shown[f"epoch {epoch}" + _said(images[0], truths[0])] = images[0]
        mean = float(np.mean([image.mean() for image in images]))
        rows.append({"epoch": epoch, "mean_intensity_dn": mean} | evaluation.mean_scores(images, truths))
    run.write_table("across_epochs", pd.DataFrame(rows))
    return shown


def _said(image: np.ndarray, truth: sets.Reference | None) -> str:
    """Return the PSNR of the one image that is shown, to stand behind its name; "" without a truth."""
    return f", {with_truth.score(image, *truth)['psnr']:.1f} dB" if truth else ""


def _repeated(run: Run, generator: nn.Module, frames: list[np.ndarray], truths: Sequence) -> dict[str, np.ndarray]:
    """Apply the generator to its own output, and measure how far that drifts; return the first frame's series."""
    series = [repeat(generator, frame, TIMES) for frame in frames]
    rows = []
    for k in range(TIMES + 1):
        images = [steps[k] for steps in series]
        changes = [np.abs(steps[k] - steps[max(k - 1, 0)]).mean() for steps in series]
        rows.append({"application": k, "mean": float(np.mean([x.mean() for x in images])),
                     "change": float(np.mean(changes))} | evaluation.mean_scores(images, truths))  # fmt: skip
    run.write_table("repeated", pd.DataFrame(rows))
    labels = ["x", "G(x)", "G(G(x))"] + [f"{k} times" for k in range(3, TIMES + 1)]
    return dict(zip(labels, series[0], strict=True))
