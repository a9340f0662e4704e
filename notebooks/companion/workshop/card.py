"""The model card: tables of what the models that ship do on animals and cameras they never saw, and its text."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from companion.study import exposures
from nircore.data import swir_hdr
from nircore.inference import enhance
from nircore.inference.shipped import CARD, MODELS
from nircore.models.checkpoint import load_generator
from nircore.files import write_text
from nircore.paths import VERSION
from companion.plots.frames import before_after
from companion.plots.style import save
from companion.plots.synthetic import heat_maps
from companion.run import STAMP, stamped
from companion.study import leaderboard, probes, synthetic, unseen
from companion.study.benchmark import NAMES
from nircore.training.evaluation import panel

BEST_CLASSICAL = NAMES["vst_bm3d"][0]
ORDER = ("low-light", BEST_CLASSICAL, "realtime", "best")
JUDGED = "M8-1"  # the animal whose light goes to synthetic cameras, and on whose frames wrong assumptions are tried
SHOWN = ("M8-1_BP1200", "M8-1_LP1250")
PICTURED = "M8-1_BP1300"


def keep(folder: Path, name: str, table: pd.DataFrame) -> pd.DataFrame:
    """Write a table to be published, with the version and the commit that made it; return it."""
    write_text(folder / f"{name}.csv", stamped(table).to_csv(index=False, float_format="%.5g"))
    return table


def tables(data_root: Path, folds: dict[str, dict[str, nn.Module]], folder: Path) -> None:
    """Make the tables that need no training: synthetic cameras, wrong assumptions and planted questions.

    Args:
        data_root: folder of the SWIR_HDR set, with its plate.
        folds: model -> animal -> the model trained without that animal.
        folder: where the tables go.
    """
    left_out = {model: by_animal[JUDGED] for model, by_animal in folds.items()}
    shown = [_light(scene, data_root) for scene in exposures.scenes(data_root) if scene.name in SHOWN]
    scored = synthetic.scores(synthetic.methods(left_out), list(synthetic.cameras()), shown)
    keep(folder, "synthetic_cameras", scored)
    if BEST_CLASSICAL in set(scored["method"]):
        gains = synthetic.gains(scored)
        save(heat_maps(gains[gains["method"] == "best"]), folder / "synthetic_cameras.png")
    keep(folder, "assumptions", assumptions(data_root, left_out["best"]))
    save(before_after([picture(data_root, left_out["best"])]), folder / "real_before_after.png")
    shipped = {model: load_generator(file)[0] for model, file in MODELS.items()}
    for name, probe in (("bar", probes.bar_beside_disc), ("hot_pixels", probes.hot_pixels)):
        made = [probe(_denoise(one)).assign(model=model) for model, one in shipped.items()]
        keep(folder, name, pd.concat(made, ignore_index=True))


def _light(scene: exposures.Scene, data_root: Path) -> np.ndarray:
    """Return a part of a scene that holds vessels and organs, as light without noise."""
    return synthetic.scene(scene.merged(swir_hdr.darks(data_root))[0][120:520, 80:432])


def _denoise(generator: nn.Module) -> Callable[[np.ndarray], np.ndarray]:
    return lambda frame: enhance(generator, frame)[0]


def assumptions(data_root: Path, generator: nn.Module) -> pd.DataFrame:
    """Return PSNR (dB, merged reference, mean over the filters of JUDGED) for right and wrong assumptions."""
    darks, rows = swir_hdr.darks(data_root), []
    for scene in exposures.scenes(data_root):
        if scene.group == JUDGED:
            frame = swir_hdr.load(scene.files[scene.low_s], scene.low_s, darks)
            references = {"merged": scene.merged(darks)}
            score = partial(_psnr, references=references)
            rows.append(synthetic.assumed_wrongly(generator, frame, score))
    means = pd.DataFrame(rows).mean()
    return pd.DataFrame({"assumed": means.index, "psnr": means.to_numpy()})


def _psnr(image: np.ndarray, references: dict[str, unseen.Reference]) -> float:
    return unseen.judge(image, references)["merged_psnr"]


def picture(data_root: Path, generator: nn.Module) -> dict[str, Any]:
    """Return a panel of `figures.frames.before_after`: a 20 ms frame, enhanced, and its merged reference."""
    darks = swir_hdr.darks(data_root)
    scene = next(scene for scene in exposures.scenes(data_root) if scene.name == PICTURED)
    frame, reference = swir_hdr.load(scene.files[scene.low_s], scene.low_s, darks), scene.merged(darks)
    return panel(f"{scene.name.replace('_', ', ')}, 20 ms", frame, enhance(generator, frame)[0], reference)


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown, numbers to three digits after the point at most."""
    return table.to_markdown(index=False, floatfmt=".3f", intfmt="d")


def scores(folder: Path) -> str:
    """Return how what ships and its nearest rival do on animals left out, as Markdown."""
    board = pd.read_csv(folder / "table11_real_frames.csv")
    return markdown(leaderboard.shown(board, ORDER).drop(columns=["fine", "coarse"]))


def text(folder: Path) -> str:
    """Return the card; every number comes from a table in `folder` or from the weights, none from a hand."""
    read = {name: pd.read_csv(folder / f"{name}.csv") for name in TABLES}
    configs = {model: load_generator(file)[1] for model, file in MODELS.items()}
    shown = {name: markdown(table.drop(columns=[*STAMP])) for name, table in read.items()}
    facts = {
        model: f"{config.ngf} channels at the finest level, {config.epochs * config.steps_per_epoch} steps, "
        f"{MODELS[model].stat().st_size:,} bytes"
        for model, config in configs.items()
    }
    cameras = synthetic.gains(pd.read_csv(folder / "synthetic_cameras.csv").drop(columns=[*STAMP]))
    shown["cameras"] = markdown(
        cameras.groupby(["method", "peak"])["gain_db"].agg(["min", "mean", "max"]).reset_index()
    )
    return TEMPLATE.read_text(encoding="utf-8").format(scores=scores(folder), version=VERSION, **facts, **shown)


def write(folder: Path) -> Path:
    """Write the card from the tables in `folder`."""
    return write_text(CARD, text(folder))


TABLES = ("assumptions", "plate", "bar", "hot_pixels", "trust_best", "trust_realtime")
TEMPLATE = CARD.with_name("card.md.in")
