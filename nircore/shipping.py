"""How the weights that ship are made: trained, halved in size, calibrated, scored, and described by their card."""

import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nircore import checkpoint, trust
from nircore.baselines import gaussian
from nircore.config import TRAINED, Config, resolve
from nircore.data import swir_hdr
from nircore.data.frames import read_frame
from nircore.errors import NircoreError
from nircore.metrics import with_truth
from nircore.own.run import enhance_files
from nircore.own.settings import Settings
from nircore.paths import write_text
from nircore.run import Run
from nircore.shipped import CARD, REAL_TIME, WEIGHTS

JUDGED_ON = "M8-1"  # the animal that never trains
LOW_S, LONG_S = 0.02, 0.32
SIGMA = 2.5  # px: the Gaussian that the paper trail of the frames compares with
CALIBRATED_ON = 24  # phantom animals
SHAPE = (640, 512)


def train(data_root: Path, recipe: str = "physics", teacher: str = "") -> Path:
    """Train a recipe at profile `paper` on the animals F1-2 and F5-2; return the generator's file.

    Takes some twenty-five minutes on one core. Interrupted, it goes on where it was.
    """
    from nircore.stages import data_split, training

    settings = {"recipe": recipe, "profile": "paper", "dataset": "swir-hdr", "run": f"shipped-{recipe}"}
    settings |= {"data_root": str(data_root), "test_groups": JUDGED_ON, "allow_scene_split": True, "teacher": teacher}
    run = Run(resolve(settings))
    run.save_config()
    data_split.make(run)
    training.make(run)
    return run.path("models/generator.safetensors")


def export(weights: Path, place: Path = WEIGHTS) -> Config:
    """Store a generator in half precision, without the folders of the machine that trained it; return its config."""
    generator, config, facts = checkpoint.load_generator(weights)
    config = dataclasses.replace(config, run="shipped", data_root="", low_light="", target="", teacher="")
    halved = {name: tensor.half() for name, tensor in generator.state_dict().items()}
    checkpoint.save(place, halved, config, {"epoch": facts.get("epoch", config.epochs - 1)})
    return config


def calibrate(place: Path = WEIGHTS, animals: int = CALIBRATED_ON) -> trust.Calibration:
    """Calibrate the trust map of the weights on phantom frames of the camera's size, and keep it beside them."""
    generator = checkpoint.load_generator(place)[0]
    cases = trust.phantom_cases(animals, SHAPE, LOW_S, truth="low_light")
    calibration = trust.calibrate(generator, cases, f"phantom frames of {SHAPE[0]} x {SHAPE[1]} px at 20 ms")
    trust.save(calibration, place)
    return calibration


def scores(data_root: Path, weights: str = "") -> pd.DataFrame:
    """Score input, Gaussian and the command's own output on the 20 ms frames of M8-1, a row for each filter.

    Protocol of `nircore.metrics.with_truth.score`: reference is the dark-subtracted 320 ms frame of the same still
    scene over 16, valid below saturation. Columns: `filter`, and PSNR (dB) and SSIM of each. The output is read
    back from the files that `nircore enhance` writes with the set's darks: 16 bits, rounded.
    """
    table = swir_hdr.catalogue(data_root, (LOW_S,), (LONG_S,), (JUDGED_ON,))
    low, long = (table[table["domain"] == name].set_index("filter") for name in ("low_light", "target"))
    darks = swir_hdr.darks(data_root)
    with tempfile.TemporaryDirectory() as folder:
        files = [row.file for row in low.itertuples()]
        settings = Settings(weights=weights, dark=_dark_folder(darks.files, Path(folder)), exposure_s=LOW_S)
        tally = enhance_files(files, Path(folder) / "out", settings, say=lambda line: None)
        if tally.bad:
            raise NircoreError(f"{tally.bad} of the frames of {JUDGED_ON} could not be enhanced: fetch them again.")
        rows = []
        for name, row in low.iterrows():
            reference = long.loc[name, "file"]
            truth = swir_hdr.load(reference, LONG_S, darks) * np.float32(LOW_S / LONG_S)
            valid = swir_hdr.valid(read_frame(reference).pixels)
            signal = swir_hdr.load(row.file, LOW_S, darks)
            output = read_frame(Path(folder) / "out" / Path(row.file).name).pixels
            rows.append({"filter": name} | dict(_judged(signal, output, truth, valid)))
    return pd.DataFrame(rows)


def _dark_folder(files: tuple[str, ...], folder: Path) -> str:
    """Gather the set's darks as `nircore enhance --dark` takes them: named by exposure, or HDF5 that states it."""
    place = folder / "dark"
    place.mkdir()
    for file in files:
        shutil.copy(file, place)
    return str(place)


def _judged(
    signal: np.ndarray, output: np.ndarray, truth: np.ndarray, valid: np.ndarray
) -> Iterator[tuple[str, float]]:
    for name, image in (("input", signal), ("gaussian", gaussian(signal, SIGMA)), ("enhanced", output)):
        score = with_truth.score(image, truth, valid)
        yield f"{name}_psnr", score["psnr"]
        yield f"{name}_ssim", score["ssim"]


def mean(table: pd.DataFrame) -> pd.Series:
    """Average the scores over the filters whose exposures match (all but LP1250)."""
    return table[~table["filter"].isin(swir_hdr.MISMATCHED_FILTERS)].drop(columns="filter").mean()


def card(config: Config, table: pd.DataFrame, calibration: trust.Calibration, loss_db: float, fast: pd.Series) -> str:
    """Return the model card, its numbers put in by this function and by nobody's hand."""
    shown = pd.concat([table, pd.DataFrame([{"filter": "mean without LP1250"} | mean(table).to_dict()])])
    lines = "\n".join(
        f"| {row.filter} | "
        + " | ".join(
            f"{getattr(row, f'{name}_psnr'):.2f} / {getattr(row, f'{name}_ssim'):.3f}"
            for name in ("input", "gaussian", "enhanced")
        )
        + " |"
        for row in shown.itertuples()
    )
    settings = "\n".join(f"{name}: {getattr(config, name)}" for name in TRAINED)
    return TEXT.format(
        recipe=config.recipe, lines=lines, settings=settings, sigma=SIGMA, loss=loss_db, size=WEIGHTS.stat().st_size,
        outside=calibration.outside, frames=calibration.frames, steps=config.epochs * config.steps_per_epoch,
        fast_size=REAL_TIME.stat().st_size,
        fast_psnr=fast["enhanced_psnr"], fast_ssim=fast["enhanced_ssim"],
    )  # fmt: skip


def ship(data_root: Path, weights: Path | None = None, real_time: Path | None = None) -> dict[str, Any]:
    """Make everything in `nircore/weights/`; return the mean scores.

    Args:
        data_root: folder of the SWIR_HDR set.
        weights: a generator's file; None: train it first.
        real_time: that of the small generator it teaches; None: train it first.
    """
    weights = weights or train(data_root)
    config = export(weights)
    export(real_time or train(data_root, "realtime", str(weights)), REAL_TIME)
    calibration = calibrate()
    table = scores(data_root)
    loss_db = mean(scores(data_root, str(weights)))["enhanced_psnr"] - mean(table)["enhanced_psnr"]
    write_text(CARD, card(config, table, calibration, loss_db, mean(scores(data_root, str(REAL_TIME)))))
    return mean(table).to_dict()


TEXT = """# Model card: `enhance.safetensors`

Made by `nircore ship --data-root DIR`, this text and its numbers included. It is what `nircore enhance` uses.

**What it does.** Takes noise out of single NIR-II frames (InGaAs camera, fluorescence, little light), on the linear
scale of the detector. It does not sharpen, does not turn one spectral window into another, and knows no anatomy.

**What it is.** Recipe `{recipe}`: a U-Net at half resolution without normalisation layers, {steps} steps, averaged
weights (EMA), stored as 16-bit floats ({size:,} bytes; they cost {loss:.4f} dB against 32 bits).

**Data.** SWIR_HDR (Patel et al. 2025, bioRxiv 2025.11.06.687088, MIT; commit cd920058): eight of the ten 320 ms
frames of the quantum-dot mice F1-2 and F5-2 (five filters), degraded by a model of the camera. Of the 20 and
40 ms frames of the same animals, noise level and brightness alone were taken, no pixel. No pairs.
Two animals, one camera.

**Scores** on M8-1, an animal that did not train: 20 ms frames against the 320 ms exposure of the same still scene
(dark-subtracted, / 16, straight-line fit, both clipped to the reference's range, saturated pixels left out).
PSNR in dB / SSIM. Gaussian: sigma {sigma} px on the dark-subtracted input. Enhanced: read from the 16-bit files that
the command wrote. The exposures of LP1250 do not match, which caps every method.

| filter | input | Gaussian | enhanced |
|---|---|---|---|
{lines}

**For the camera's pace**, `nircore stream` uses `realtime.safetensors` ({fast_size:,} bytes): recipe `realtime`,
taught by these weights on the same frames. Mean without LP1250, read from 16-bit files as above:
{fast_psnr:.2f} / {fast_ssim:.3f}.

**Trust map.** `enhance.trust.json` was calibrated on {frames} phantom frames: {outside:.1%} of their pixels lie
outside (at most 10 % are promised for frames like those). On a real animal it only says where to look.

**Limits.** Detail below the noise is gone for good, and what is left of it is smooth. Other cameras, gains, pixel
sizes and much brighter or darker frames were not tested: look at the difference picture of `--report` (it should be
noise), and train on your own frames where it shows structure.
Row drift is taken out and sets the frame's rows to one level. Not for clinical use.

**Settings.**

```
{settings}
```
"""
