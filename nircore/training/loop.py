"""The training loop: epochs, validation, selection, checkpoints; killed at any moment, it resumes bit for bit."""

import math
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import nn

from nircore.config import Config
from nircore.data.crops import Crops
from nircore.errors import NircoreError
from nircore.inference.threads import ahead
from nircore.models import checkpoint
from nircore.training import distributed
from nircore.training.cyclegan import CycleGAN
from nircore.training.pix2pix import Pix2Pix
from nircore.training.regression import Regression
from nircore.training.system import System

if TYPE_CHECKING:  # a bare machine trains without it up to the table at the end
    import pandas as pd

#: Settings that say where and how much, not what: they may differ between a checkpoint and its resumption.
ELSEWHERE = ("run", "profile", "seeds", "recipes", "device", "data_root", "skip_bad", "timing_s")
COLLAPSED_SD = 0.005  # of outputs in [-1, 1]: a frame of one grey level
COLLAPSED_LOSS = 1e-3  # a discriminator that is never wrong teaches nothing any more

SYSTEMS: dict[str, type[System]] = {"cyclegan": CycleGAN, "regression": Regression, "pix2pix": Pix2Pix}

Validate = Callable[[nn.Module], dict[str, float]]


def choose_device(name: str = "auto") -> torch.device:
    """Return the named device, or the best there is: CUDA, then Apple's MPS, then the CPU."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, present in there.items() if present)
    if not there[name]:
        raise NircoreError(f"device={name!r} is not available on this machine: use device=auto or device=cpu.")
    return torch.device(name)


def same_training(one: Config, other: Config) -> bool:
    """Say whether two configs describe the same training, wherever it runs."""
    plain = [{k: v for k, v in c.model_dump().items() if k not in ELSEWHERE} for c in (one, other)]
    return plain[0] == plain[1]


def first_batch(crops: Crops) -> list[float]:
    """Return what tells the crops of one training from another's: mean, SD and maximum of both first batches.

    Not their bytes, which differ in the last digit from machine to machine.
    """
    return [float(number) for part in crops.at(0) for number in (part.mean(), part.std(), part.max())]


class Training:
    """A training under way in a folder.

    Args:
        config: what to train and how long.
        crops: the batches, a function of the step number.
        folder: receives `checkpoint.safetensors`, `generator.safetensors` (the averaged weights of the best
            epoch) and `epochs/epoch_NNN.safetensors` (the averaged weights at the ten rows of the loss table).
        validate: maps the averaged generator to numbers on validation frames; `selection` among them (larger
            is better) picks the generator that is kept, unless config.select asks for the last epoch's.
        say: receives one line per epoch.
        begin: a generator whose weights the training starts from; None: from its own drawn ones.
    """

    def __init__(
        self,
        config: Config,
        crops: Crops,
        folder: Path,
        validate: Validate,
        say: Callable[[str], None] = print,
        begin: nn.Module | None = None,
    ) -> None:
        self.config, self.crops, self.folder, self.validate, self.say = config, crops, folder, validate, say
        self.system = SYSTEMS[config.system](config, choose_device(config.device))
        self.system.optics = getattr(crops, "optics", self.system.optics)
        if begin is not None:
            for network in (self.system.g_ab, self.system.average):
                network.load_state_dict(begin.state_dict())
        self.rows: list[dict[str, float]] = []
        self.best, self.first = -math.inf, first_batch(crops)

    @property
    def checkpoint_path(self) -> Path:
        """The file that holds everything needed to go on."""
        return self.folder / "checkpoint.safetensors"

    def run(self) -> "pd.DataFrame":
        """Train to the last epoch, from the checkpoint if there is one; return one row per epoch.

        Raises:
            NircoreError: a loss became NaN or infinite, or the networks collapsed; the checkpoint of the last
                good epoch is kept.
        """
        import pandas as pd

        with distributed.first():
            self._resume()
        for epoch in range(len(self.rows), self.config.epochs):
            began = time.perf_counter()
            self.system.set_learning_rate(epoch)
            row = {"epoch": epoch} | self._epoch(epoch)
            self._stop_if_collapsed(row)
            self.rows.append(row)
            if distributed.rank() == 0:  # of several processes, one judges, writes and speaks
                self._conclude(row, began)
        return pd.DataFrame(self.rows)

    def _conclude(self, row: dict[str, float], began: float) -> None:
        """Validate the epoch whose terms are in `row`, write its files, and say how it went."""
        epoch = len(self.rows) - 1
        row |= self.validate(self.system.average)
        if self.config.select == "last":
            row["selection"] = float(epoch)
        self._save(epoch)
        seconds = time.perf_counter() - began
        shown = {"G": "generator", "D_A": "discriminator_a", "D_B": "discriminator_b", "validation": "selection"}
        parts = [f"{label} {row[name]:.3f}" for label, name in shown.items() if name in row]
        self.say("  ".join([f"epoch {epoch + 1}/{self.config.epochs}", *parts, f"{seconds:.1f} s"]))

    def _epoch(self, epoch: int) -> dict[str, float]:
        """Run the epoch's steps and return each term's mean."""
        sums: dict[str, float] = {}
        steps = self.config.steps_per_epoch
        indices = range(epoch * steps, (epoch + 1) * steps)
        for index, batch in zip(indices, ahead(map(self.crops.at, indices)), strict=True):
            low_light, target = map(distributed.share, batch)
            for name, value in distributed.mean(self.system.step(low_light, target, index)).items():
                sums[name] = sums.get(name, 0.0) + float(value) / steps
                if not math.isfinite(sums[name]):
                    raise self._diverged(epoch, f"the {name} term")
        # The last update of an epoch enters no term: without this, the checkpoint called good could hold NaN.
        if not all(tensor.isfinite().all() for tensor in self.system.state().values()):
            raise self._diverged(epoch, "a weight")
        return sums

    def _diverged(self, epoch: int, what: str) -> NircoreError:
        rate = f"Lower learning_rate (now {self.config.learning_rate:g})."
        return NircoreError(
            f"Training stopped at epoch {epoch + 1}: {what} is no longer a finite number. {self._last_good()} {rate}"
        )

    def _stop_if_collapsed(self, row: dict[str, float]) -> None:
        worst = min([value for name, value in row.items() if name.startswith("discriminator")], default=math.inf)
        if row["output_sd"] < COLLAPSED_SD or worst < COLLAPSED_LOSS:
            raise NircoreError(
                f"Training collapsed at epoch {row['epoch'] + 1}: output standard deviation {row['output_sd']:.4f}, "
                f"smaller discriminator loss {worst:.5f}. {self._last_good()} Lower learning_rate, or change seed."
            )

    def _last_good(self) -> str:
        if self.checkpoint_path.is_file():
            return f"The last good checkpoint (epoch {len(self.rows)}) is {self.checkpoint_path}."
        return "No epoch was complete, so there is no checkpoint."

    def _save(self, epoch: int) -> None:
        """Write the epoch's generators, then the checkpoint: what the checkpoint promises is already there."""
        row, average = self.rows[-1], self.system.average.state_dict()
        if epoch in table_epochs(self.config.epochs):
            path = self.folder / "epochs" / f"epoch_{epoch:03d}.safetensors"
            checkpoint.save(path, average, self.config, row)
        if row["selection"] > self.best:
            self.best = row["selection"]
            checkpoint.save(self.folder / "generator.safetensors", average, self.config, row)
        facts = {"rows": self.rows, "first_batch": self.first}
        checkpoint.save(self.checkpoint_path, self.system.state(), self.config, facts)

    def _resume(self) -> None:
        if not self.checkpoint_path.is_file():
            return
        tensors, config, facts = checkpoint.load(self.checkpoint_path)
        if not same_training(config, self.config):
            return self._set_aside("settings changed")
        if not torch.allclose(torch.tensor(facts.get("first_batch", math.nan)), torch.tensor(self.first), 1e-3, 1e-4):
            return self._set_aside("the frames, or how they are seen, changed")
        self.system.restore(tensors)
        self.rows = facts["rows"]
        self.best = max(row["selection"] for row in self.rows)
        self.say(f"resuming after epoch {len(self.rows)}/{self.config.epochs}")

    def _set_aside(self, why: str) -> None:
        """Keep the weights of another training: they may have taken days."""
        kept = self.folder.with_name(f"{self.folder.name}-replaced")
        shutil.rmtree(kept, ignore_errors=True)
        os.replace(self.folder, kept)
        self.say(f"{why}: training anew; the former weights are in {kept.name}/")


def table_epochs(epochs: int, rows: int = 10) -> list[int]:
    """Return the epochs (counted from 0) that fill the paper's ten rows: evenly spaced, first and last included.

    >>> table_epochs(30)
    [0, 3, 6, 10, 13, 16, 19, 23, 26, 29]
    """
    if epochs <= rows:
        return list(range(epochs))
    return [round(k * (epochs - 1) / (rows - 1)) for k in range(rows)]
