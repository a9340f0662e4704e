"""Train the system of a run on its training crops; select on its validation frames."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from companion.run import Run, closure
from nircore import files
from nircore.config import Config
from nircore.models import checkpoint
from nircore.recipe import as_recipe
from nircore.recipe import recipe as about
from nircore.training import crops, distributed, evaluation
from nircore.training.cyclegan import COLUMNS
from nircore.training.loop import Training

#: The modules that decide what a training learns: when one of them changes, a training begins anew.
LEARNT_BY = "from nircore.training import crops, evaluation, loop"


def training(run: Run) -> None:
    """Write `models/` and one row per epoch of every loss term and validation number."""
    config, folder = run.config, run.path("models")
    _forget_other_code(folder)
    validate = evaluation.Validator(config, run.rows)
    losses = Training(config, crops.of(run.rows, config), folder, validate, _say).run()
    if distributed.rank():
        return
    missing = [term for term in COLUMNS if term not in losses]  # a system without an adversary has fewer terms
    run.write_table("losses", losses.assign(**dict.fromkeys(missing, np.nan)))


def train(run: Run, recipe: str, seed: int, before: str = "", **changed: Any) -> Path:
    """Train a recipe, with settings `changed`, on the run's split; return the file of its generator.

    Every line that says how far it is begins with `before`.

    The run's own recipe and seed are its own generator. Others are kept in `models/<recipe>-<seed>/` (with what was
    changed in the name) and go on from there when they were interrupted or are already done.
    """
    if not changed and (recipe, seed) == (run.config.recipe, run.config.seed):
        return run.made("models/generator.safetensors")
    config = as_recipe(run.config, recipe).replace(seed=seed, **changed)
    if teacher := about(recipe).taught_by:
        config = config.replace(teacher=str(train(run, teacher, seed, before)))
    parts = [re.sub("[^a-z0-9.]+", "_", f"{key} {value}".lower()) for key, value in changed.items()]
    folder = run.path("models/" + "-".join([recipe, *parts, str(seed)]))
    _forget_other_code(folder)
    # Where the last epoch is kept whatever validation says, validating would only take time.
    validate = _unjudged if config.select == "last" else evaluation.Validator(config, run.rows)
    Training(config, crops.of(run.rows, config), folder, validate, lambda line: _say(before + line)).run()
    return folder / "generator.safetensors"


def _forget_other_code(folder: Path) -> None:
    """Drop the checkpoint of a training whose code has changed since: it would go on as another training."""
    note, now = folder / "code.sha256", closure.digest(LEARNT_BY)
    if note.is_file() and note.read_text() != now:
        (folder / "checkpoint.safetensors").unlink(missing_ok=True)
    files.write_text(note, now)


def train_frames(
    config: Config, low_light: list[np.ndarray], target: list[np.ndarray], view: crops.View, folder: Path,
    before: str = "",
) -> nn.Module:  # fmt: skip
    """Train the system of a config on frames (H, W) in DN handed over, without validation; return its generator."""
    config = config.replace(select="last")
    return fit(config, crops.of_frames(config, low_light, target, view), folder, lambda line: _say(before + line))


def fit(config: Config, cut: crops.Crops, folder: Path, say: Callable[[str], None] | None = None) -> nn.Module:
    """Train on crops, without validation, or find the training in a folder; return the generator."""
    Training(config, cut, folder, _unjudged, say or _say).run()
    return checkpoint.load_generator(folder / "generator.safetensors")[0]


def _unjudged(_: nn.Module) -> dict[str, float]:
    """Stand in for a validation where there is none."""
    return {}


def _say(line: str) -> None:
    print(line, flush=True)
