"""Train on a lab's own two folders, without pairs: tens of frames are enough to adapt what ships."""

import math
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from nircore import files, paths
from nircore.config import Config
from nircore.data import folder
from nircore.data.darks import Darks, darks_in
from nircore.data.degraded import DegradedCrops
from nircore.data.frames import read_frame, sha256
from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.inference.shipped import MODELS
from nircore.models import build_generator, checkpoint
from nircore.recipe import resolve
from nircore.training import crops
from nircore.training.loop import Training

SMALLEST = 32  # px: the side of the smallest crop that trains
SCRATCH, SHIPPED = "scratch", "shipped"
HELD_OUT = 5  # every fifth target frame judges and does not train, where there are that many
BATCHES = 6  # of held-out crops that judge
SIGMA = 2.5  # px: the Gaussian that judges beside them
#: What suits few images: short from pretrained weights, at a rate that does not unlearn them; longer from scratch.
FINE_TUNING = {"epochs": 8, "steps_per_epoch": 50, "learning_rate": 3e-4, "ema": 0.99}
FROM_SCRATCH = {"epochs": 24, "steps_per_epoch": 125, "ema": 0.999}


def train(
    low_light: Path,
    target: Path,
    *,
    start: str = SHIPPED,
    dark: str = "",
    run: str = "own",
    given: Mapping[str, Any] | None = None,
    say: Callable[[str], None] = print,
) -> tuple[Path, pd.DataFrame]:
    """Train recipe `physics` on two folders; return the generator's file, and how it does on held-out frames.

    Target frames are degraded by the noise and to the brightness that the low-light frames show, and the network
    learns to undo that; which frame belongs to which does not matter. Interrupted, it goes on where it was.

    Args:
        low_light, target: folders of frames; a file that cannot be used is named and left out.
        start: "shipped", "scratch", or a generator's file.
        dark: a dark frame or a folder of them; without, a frame's own black level stands in.
        run: the folder under reports/.
        given: settings of `nircore.config`, over the defaults.
        say: receives a line for each file left out and for each epoch.

    Returns:
        The file, and a table with `method` and `psnr` in dB (range from black to white level) on degraded crops of
        the target frames that did not train; empty where there are fewer than five.

    Raises:
        NircoreError: folders without frames, a start that learns from something else, or a setting out of range.
    """
    table, notes = folder.catalogue(low_light, target, skip_bad=True)
    for note in notes:
        say(f"nircore: {note}")
    darks = darks_in(dark) if dark else None
    frames = {name: [_signal(row, darks) for row in rows.itertuples()] for name, rows in table.groupby("domain")}
    fixed = {"dataset": "folder", "low_light": str(low_light), "target": str(target), "run": run, "select": "last"}
    config, begin, name = _config(start, fixed, frames["target"], given or {})
    kept, held = _held_out(frames["target"])
    batches = crops.of_frames(config, frames["low_light"], kept, crops.View())
    out = paths.folder("NIRCORE_REPORTS", "reports") / run
    Training(config, batches, out / name, lambda generator: {}, say, begin).run()
    final = out / "generator.safetensors"
    with files.atomic(final) as temporary:
        shutil.copyfile(out / name / "generator.safetensors", temporary)
    return final, judge(final, begin, held, frames["low_light"], config)


def _held_out(frames: list[np.ndarray]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the frames that train, and those that judge: every fifth one, or none of fewer than five."""
    if len(frames) < HELD_OUT:
        return frames, []
    return [frame for k, frame in enumerate(frames) if k % HELD_OUT], frames[::HELD_OUT]


def _signal(row: Any, darks: Darks | None) -> np.ndarray:
    """Return the light of a frame in DN: above its dark, or above its own black level."""
    pixels = read_frame(row.file).pixels
    if row.domain == "target" and min(pixels.shape) < SMALLEST:
        size = " x ".join(map(str, pixels.shape))
        raise NircoreError(f"{row.file} is {size} pixels: training takes {SMALLEST} or more on a side.")
    if darks is None:
        return pixels - np.float32(Normalisation.of(pixels).offset)
    return darks.subtracted(pixels, None if math.isnan(row.exposure_s) else row.exposure_s, row.file)


def _config(
    start: str, fixed: Mapping[str, Any], target: list[np.ndarray], given: Mapping[str, Any]
) -> tuple[Config, nn.Module | None, str]:
    """Return the settings, the generator to begin with, and what a training that begins so is called."""
    if start == SCRATCH:
        config, begin, name = resolve({"recipe": "physics", "profile": "paper"} | FROM_SCRATCH | fixed), None, SCRATCH
    else:
        file = MODELS["best"] if start == SHIPPED else Path(start)
        (begin, config, _), name = checkpoint.load_generator(file), f"from-{sha256(file)[:10]}"
        if config.crops != "degraded":
            raise NircoreError(f"--from {start} learnt from crops={config.crops}: use another, or --from scratch.")
        config = config.replace(**(FINE_TUNING | fixed | {"data_root": ""}))
    smallest = min(min(frame.shape) for frame in target)
    multiple = build_generator(config).multiple
    config = config.replace(crop=min(config.crop, smallest // multiple * multiple))
    return config.replace(**given), begin, name


def judge(
    final: Path, begin: nn.Module | None, held: list[np.ndarray], low_light: list[np.ndarray], config: Config
) -> pd.DataFrame:
    """Compare on degraded crops of target frames that did not train: PSNR in dB, all pixels together.

    On the scale of `nircore.data.stabilise`, from black level to the brightest pixel: a unit of the frames, or a
    hot pixel, changes nothing.
    """
    if not held:
        return pd.DataFrame({"method": [], "psnr": []})
    scenes = crops.of_frames(config, low_light, held, crops.View())
    checks = DegradedCrops(scenes.scenes, scenes.camera, config.crop, config.batch, seed=config.seed + 1)
    methods: dict[str, Callable[[Tensor], Tensor]] = {"degraded": lambda a: a}
    methods[f"Gaussian, {SIGMA} px"] = lambda a: torch.from_numpy(gaussian_filter(a.numpy(), (0, 0, SIGMA, SIGMA)))
    if begin is not None:
        methods["before training"] = begin
    methods["after training"] = checkpoint.load_generator(final)[0]
    squares, brightest = dict.fromkeys(methods, 0.0), 0.0
    with torch.inference_mode():
        for step in range(BATCHES):
            a, b = checks.at(step)
            brightest = max(brightest, float(b.max()))
            for name, method in methods.items():
                squares[name] += float(((method(a) - b) ** 2).mean()) / BATCHES
    found = {name: 10 * math.log10(brightest**2 / square) for name, square in squares.items()}
    return pd.DataFrame({"method": list(found), "psnr": list(found.values())})
