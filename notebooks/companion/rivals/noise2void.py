"""Noise2Void, the rival that learns from noisy frames alone: CAREamics' network and training, without a target.

It hides pixels and learns to guess them from their neighbours; noise that is independent between pixels cannot be
guessed, so what remains is the signal. Stripes and blur are not noise to it. No frame but the training frames is
looked at, and no truth: the weights are the mean over the last quarter of a decaying schedule, because single
steps differ by decibels and its own loss, taken against noisy pixels, cannot tell the good ones.
Source: Krull, Buchholz & Jug, CVPR 2019, 2129; careamics.github.io (BSD-3), an optional extra of this package.
"""

import hashlib
import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.files import atomic, make_folder
from nircore.inference import enhance
from nircore.models.generator import Generator

RATE, LAST_RATE = 1e-3, 1e-4  # of Adam, in the first and in the last epoch
AVERAGED = 0.25  # of the epochs, the last ones: the result is the mean of the weights after each
HIDDEN = 1.0  # % of pixels; CAREamics' own 0.2 % learns more slowly from as many steps
PATCH, BATCH = 64, 8  # px, a power of 2 from 8 up; patches a step


def available() -> str:
    """Return an empty text if Noise2Void can run here, else the reason it cannot."""
    absent = "noise2void needs the package careamics: run pip install 'nircore[noise2void]'."
    return "" if find_spec("careamics") else absent


def train(
    frames: Sequence[np.ndarray], folder: Path, seed: int = 0, epochs: int = 30
) -> Callable[[np.ndarray], np.ndarray]:
    """Train on frames of PATCH px and more, (H, W) in DN above the dark, or take the training of them in `folder`.

    Returns the denoiser of frames of 16 px and more. The same seed gives the same weights on the same machine's CPU.

    Raises:
        NircoreError: CAREamics is absent.
    """
    if reason := available():
        raise NircoreError(reason)
    from careamics.models.unet import UNet

    normalised = [Normalisation.of(frame).apply(frame).astype(np.float32) for frame in frames]
    name = hashlib.sha256(repr((seed, epochs, PATCH, BATCH, RATE, LAST_RATE, AVERAGED, HIDDEN)).encode())
    for frame in normalised:
        name.update(frame.tobytes())
    path, config = make_folder(folder) / f"noise2void-{name.hexdigest()[:12]}.safetensors", _config(seed, epochs)
    if not path.is_file():
        weights = _fit(normalised, config, epochs)
        with atomic(path) as temporary:
            save_file(weights, temporary)
    kind = type("Noise2Void", (UNet, Generator), {"multiple": 2**config.algorithm_config.model.depth})
    network = kind(**config.algorithm_config.model.model_dump()).eval()
    network.load_state_dict(load_file(path))
    return lambda frame: enhance(network, frame)[0]


def _config(seed: int, epochs: int) -> Any:
    """Return CAREamics' description of the network, the training and its schedule; all else is its default."""
    from careamics.config import create_advanced_n2v_config

    return create_advanced_n2v_config(
        "noise2void", data_type="array", axes="YX", patch_size=[PATCH, PATCH], batch_size=BATCH, num_epochs=epochs,
        normalization="none", n_val_patches=1, num_workers=0, seed=seed + 1, masked_pixel_percentage=HIDDEN,
        model_params={"use_batch_norm": False}, optimizer_params={"lr": RATE}, lr_scheduler="StepLR",
        lr_scheduler_params={"step_size": 1, "gamma": (LAST_RATE / RATE) ** (1 / max(1, epochs - 1))},
        checkpoint_params={"save_top_k": 0, "save_last": False}, trainer_params={"enable_model_summary": False},
    )  # fmt: skip


def _fit(frames: list[np.ndarray], config: Any, epochs: int) -> dict[str, torch.Tensor]:
    """Train in a scratch folder; return the weights averaged over the last AVERAGED of the epochs."""
    from careamics import CAREamist
    from lightning.pytorch.callbacks import WeightAveraging

    class Averaging(WeightAveraging):
        def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
            return epoch_idx is not None and epoch_idx >= min(int((1 - AVERAGED) * epochs), epochs - 1)

    with tempfile.TemporaryDirectory() as scratch, torch.random.fork_rng():
        careamist = CAREamist(config, work_dir=scratch, callbacks=[Averaging()], enable_progress_bar=False)
        careamist.train(train_data=frames)
    return {name: value.cpu().contiguous() for name, value in careamist.model.model.state_dict().items()}
