"""Noise2Void, the rival that learns from noisy frames alone: CAREamics' network and training, without a target.

It hides pixels and learns to guess them from their neighbours; noise that is independent between pixels cannot be
guessed, so what remains is the signal. Stripes and blur are not noise to it. No frame but the training frames is
looked at, and no truth: the weights are the mean over the last quarter of a decaying schedule, because single
steps differ by decibels and its own loss, taken against noisy pixels, cannot tell the good ones.
Source: Krull, Buchholz & Jug, CVPR 2019, 2129; careamics.github.io (BSD-3), an optional extra of this package.
"""

import hashlib
import json
import logging
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from packaging.version import Version
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.files import atomic, make_folder
from nircore.inference import enhance
from nircore.metrics.no_reference import check_image
from nircore.models.generator import Generator

Denoise = Callable[[np.ndarray], np.ndarray]

OLDEST = "0.3.5"  # of CAREamics: what came before has other configurations and another Lightning
RATE, LAST_RATE = 1e-3, 1e-4  # of Adam, in the first and in the last epoch
AVERAGED = 0.25  # of the epochs, the last ones: the result is the mean of the weights after each
HIDDEN = 1.0  # % of pixels; CAREamics' own 0.2 % learns more slowly from as many steps
BATCH_NORM = False  # CAREamics' default is on; patches of organ and of dark have no statistics in common
WAY_OUT = "run pip install 'nircore[noise2void]'"


def available() -> str:
    """Return an empty text if Noise2Void can run here, else the reason it cannot."""
    try:
        found = version("careamics")
    except PackageNotFoundError:
        return f"noise2void needs the package careamics: {WAY_OUT}."
    if Version(found) < Version(OLDEST):
        return f"noise2void needs careamics {OLDEST} or newer, not {found}: {WAY_OUT}."
    return ""


def digest(frames: Sequence[np.ndarray], **settings: Any) -> str:
    """Name a training by its frames and settings, 12 hexadecimal digits: equal names, equal weights."""
    found = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for frame in frames:
        found.update(str(frame.shape).encode())
        found.update(np.ascontiguousarray(frame, dtype=np.float32).tobytes())
    return found.hexdigest()[:12]


def train(
    frames: Sequence[np.ndarray],
    folder: Path,
    seed: int = 0,
    epochs: int = 30,
    patch: int = 64,
    batch: int = 8,
    tuned: bool = True,
) -> Denoise:
    """Train on low-light frames, or take the training of the same frames and settings that `folder` holds.

    Args:
        frames: of any sizes from `patch` up, (H, W) in DN above the dark, each brought to its own [-1, 1].
        folder: gets one safetensors file; nothing else stays, there or elsewhere.
        seed: the same one gives the same weights on the same machine's CPU.
        epochs: passes over every patch of every frame.
        patch: side of a training patch in px, a power of 2 from 8 up.
        batch: patches a step.
        tuned: by us, towards steady results from few steps: RATE to LAST_RATE, AVERAGED, HIDDEN and BATCH_NORM;
            else with CAREamics' own rate, masking and network, and the weights of the last epoch.

    Returns:
        The denoiser: a frame (H, W) of any size from 16 px in DN above the dark -> (H, W) float32 DN.

    Raises:
        NircoreError: CAREamics is absent or fails, there is no frame of `patch` px, or the folder is not writable.
    """
    if reason := available():
        raise NircoreError(reason)
    frames = [check_image(frame).astype(np.float32) for frame in frames]
    if not frames or min(side for frame in frames for side in frame.shape) < patch:
        raise NircoreError(f"Noise2Void needs frames of {patch} px at least: pass larger ones, or lower patch.")
    normalised = [Normalisation.of(frame).apply(frame) for frame in frames]
    settings = {"seed": seed, "epochs": epochs, "patch": patch, "batch": batch, "careamics": version("careamics")}
    if tuned:
        settings |= {"rates": (RATE, LAST_RATE), "averaged": AVERAGED, "hidden": HIDDEN, "batch_norm": BATCH_NORM}
    path = Path(folder) / f"noise2void-{digest(normalised, **settings)}.safetensors"
    make_folder(path.parent)
    with _contained():
        config = _config(seed, epochs, patch, batch, tuned)
        network = _network(config)
        if not path.is_file():
            weights = _fit(normalised, path.parent, config, AVERAGED if tuned else 0.0)
            with atomic(path) as temporary:
                save_file(weights, temporary)
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise NircoreError(f"{path} is damaged: delete it and train again.") from error
    network.eval()
    return lambda frame: enhance(network, check_image(frame))[0]


def _config(seed: int, epochs: int, patch: int, batch: int, tuned: bool) -> Any:
    """Return CAREamics' description of the network, the training and its schedule; all else is its default."""
    from careamics.config import create_advanced_n2v_config

    ours: dict[str, Any] = {
        "masked_pixel_percentage": HIDDEN,
        "model_params": {"use_batch_norm": BATCH_NORM},
        "optimizer_params": {"lr": RATE},
        "lr_scheduler": "StepLR",
        "lr_scheduler_params": {"step_size": 1, "gamma": (LAST_RATE / RATE) ** (1 / max(1, epochs - 1))},
    }
    return create_advanced_n2v_config(
        experiment_name="noise2void",
        data_type="array",
        axes="YX",
        patch_size=[patch, patch],
        batch_size=batch,
        num_epochs=epochs,
        normalization="none",  # done before
        n_val_patches=1,  # not looked at, and at least one is wanted
        num_workers=0,
        checkpoint_params={"save_top_k": 0, "save_last": False},  # `predict` would silently take one of these
        trainer_params={"enable_model_summary": False},
        seed=seed + 1,  # CAREamics wants one above 0
        **(ours if tuned else {}),
    )


def _network(config: Any) -> torch.nn.Module:
    """Build CAREamics' network with fresh weights."""
    from careamics.models.unet import UNet

    class Noise2Void(UNet, Generator):
        """CAREamics' network as a generator."""

        multiple = 2**config.algorithm_config.model.depth

    return Noise2Void(**config.algorithm_config.model.model_dump())


def _fit(frames: list[np.ndarray], folder: Path, config: Any, averaged: float) -> dict[str, torch.Tensor]:
    """Train in a scratch folder inside `folder`, with ten lines of progress; return the averaged weights.

    The average is over the share `averaged` of the epochs, the last ones, and over the last one at least.
    """
    from careamics import CAREamist
    from lightning.pytorch.callbacks import LambdaCallback, WeightAveraging

    epochs = config.training_config.trainer_params["max_epochs"]

    def say(trainer: Any, _: Any) -> None:
        done = trainer.current_epoch + 1
        if done % math.ceil(epochs / 10) == 0 or done == epochs:
            print(f"noise2void: epoch {done}/{epochs}", flush=True)

    class Averaging(WeightAveraging):
        def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
            return epoch_idx is not None and epoch_idx >= min(int((1 - averaged) * epochs), epochs - 1)

    callbacks = [Averaging(), LambdaCallback(on_train_epoch_end=say)]
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=folder) as scratch:
        careamist = CAREamist(config, work_dir=scratch, callbacks=callbacks, enable_progress_bar=False)
        careamist.train(train_data=frames)
    return {name: value.cpu().contiguous() for name, value in careamist.model.model.state_dict().items()}


@contextmanager
def _contained() -> Iterator[None]:
    """Keep CAREamics' chatter, its seeding of the global random numbers and its tracebacks from the caller."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        from lightning.pytorch.utilities.seed import isolate_rng

        with warnings.catch_warnings(), isolate_rng():
            warnings.simplefilter("ignore")
            yield
    except NircoreError:
        raise
    except Exception as error:  # of whatever kind: it is another package's
        reason = " ".join(str(error).split())[:300]
        raise NircoreError(
            f"CAREamics {version('careamics')} failed ({reason}): change epochs, patch or batch, or {WAY_OUT}."
        ) from error
    finally:
        logging.disable(before)
