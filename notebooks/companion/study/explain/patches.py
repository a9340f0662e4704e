"""What the discriminators say of every patch, laid over the frame that they judge."""

import numpy as np
import torch
from scipy.ndimage import map_coordinates
from torch import nn

from companion.run import Run
from companion.study import stepwise
from companion.study.explain.known_frames import known_frames
from nircore.data.normalise import Normalisation
from nircore.inference import translate
from nircore.models import checkpoint


def patch_logits(run: Run) -> None:
    """Keep pictures of a frame, low-light and enhanced, with each discriminator's verdict; none without both."""
    path, shown = run.path("models/checkpoint.safetensors"), {}
    judges = {name: checkpoint.load_part(path, name) if path.is_file() else None for name in ("d_a", "d_b")}
    if all(judges.values()):
        frame = known_frames(run)[0].frame
        x = Normalisation.of(frame).apply(frame)
        images = {"low-light": x, "enhanced": translate(stepwise.load(run, "generator.safetensors"), x)}
        for what, image in images.items():
            for name, judge in judges.items():
                shown[f"{what}: real {name[-1].upper()}?"] = {"image": image, "chance": probabilities(judge, image)}
    run.write_pictures("patch_logits", shown)


def geometry(discriminator: nn.Module) -> tuple[float, int]:
    """Return where the first logit's patch is centred, and how far apart patches are, in px.

    Layer by layer, start += ((kernel - 1) / 2 - padding) x step and step *= stride (Dumoulin & Visin 2016).
    """
    start, step = 0.0, 1
    for layer in discriminator.modules():
        if isinstance(layer, nn.Conv2d):
            start += ((layer.kernel_size[0] - 1) / 2 - layer.padding[0]) * step
            step *= layer.stride[0]
    return start, step


@torch.inference_mode()
def probabilities(discriminator: nn.Module, x: np.ndarray) -> np.ndarray:
    """Return the probability that the patch around each pixel is real, (H, W) float64 in [0, 1].

    `x` is a normalised frame (H, W). Logits stand at the centres of their 70 x 70 px patches and are interpolated
    between them; beyond the outermost centres the nearest is taken. With least squares losses the logit is no
    log-odds, and only larger or smaller means something.
    """
    device = next(discriminator.parameters()).device
    image = torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))[None, None].to(device)
    chance = torch.sigmoid(discriminator(image))[0, 0].float().cpu().numpy().astype(np.float64)
    start, step = geometry(discriminator)
    places = np.meshgrid(*((np.arange(side) - start) / step for side in x.shape), indexing="ij")
    return map_coordinates(chance, places, order=1, mode="nearest")
