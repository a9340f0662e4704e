"""Attribution maps: captum's methods wherever it has them, and the path of LAM, which it has not.

Each takes a question's scalar and window and returns (H, W) float64. Integrated gradients, LAM and occlusion are
signed and in DN: what a pixel (occlusion: its square) adds to the number. The others are sizes, 0 or more.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from companion.study.explain import Question, Scalar

STEPS = 24  # of a path
NOISE, DRAWS = 0.15, 8  # SmoothGrad: SD as a share of the window's range (0.1-0.2 by its authors), samples
BLUR = 8.0  # px: sigma of the baseline, in which vessels and lesions are gone but the brightness is not
PATCH = 16  # px: side and step of the occluded squares

Method = Callable[[Scalar, np.ndarray], np.ndarray]


def baseline(x: np.ndarray, sigma: float = BLUR) -> np.ndarray:
    """Return a window (H, W) without its structure: blurred, float32."""
    return gaussian_filter(x, sigma, mode="nearest")


def _tensor(scalar: Scalar, x: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32))[None, None].to(scalar.weight.device)


def _map(attribution: Tensor) -> np.ndarray:
    return attribution.detach()[0, 0].cpu().numpy().astype(np.float64)


def saliency(scalar: Scalar, x: np.ndarray) -> np.ndarray:
    """Return |gradient|: how much the number answers to a pixel. Source: Simonyan et al. 2013, section 3."""
    from captum.attr import Saliency

    return _map(Saliency(scalar).attribute(_tensor(scalar, x).requires_grad_()))


def smooth_grad(scalar: Scalar, x: np.ndarray) -> np.ndarray:
    """Return the mean |gradient| over noisy copies of the window. Source: Smilkov et al. 2017."""
    from captum.attr import NoiseTunnel, Saliency

    torch.manual_seed(0)
    how = {"nt_type": "smoothgrad", "nt_samples": DRAWS, "nt_samples_batch_size": 4}
    tunnel, sd = NoiseTunnel(Saliency(scalar)), NOISE * float(np.ptp(x))
    return _map(tunnel.attribute(_tensor(scalar, x).requires_grad_(), stdevs=sd, **how))


def integrated_gradients(scalar: Scalar, x: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Return the gradient integrated along the straight line from the blurred window, times the difference.

    The map adds up to number(x) - number(baseline). Source: Sundararajan et al., ICML 2017.
    """
    from captum.attr import IntegratedGradients

    start, how = _tensor(scalar, baseline(x)), {"n_steps": steps, "internal_batch_size": 8}
    return _map(IntegratedGradients(scalar).attribute(_tensor(scalar, x), start, **how))


def lam(scalar: Scalar, x: np.ndarray, steps: int = STEPS) -> np.ndarray:
    """Return the gradient integrated along a path of ever less blur: Local Attribution Map.

    The blur's sigma falls evenly from BLUR to 0, so detail comes back from coarse to fine and every point of the path
    is an image. The map adds up to number(x) - number(baseline), to the accuracy of the midpoint rule. Source: Gu and
    Dong, CVPR 2021, equations 6-8; their detector of texture is one of our scalars, all of which may be explained.
    """
    path = [baseline(x, sigma) for sigma in np.linspace(BLUR, 0, steps + 1)]
    total = np.zeros(x.shape)
    for before, after in zip(path[:-1], path[1:], strict=True):
        point = _tensor(scalar, (before + after) / 2).requires_grad_()
        (gradient,) = torch.autograd.grad(scalar(point).sum(), point)
        total += _map(gradient) * (after - before)
    return total


def trunk(generator: nn.Module) -> nn.Module:
    """Return the layer that Grad-CAM looks at: the residual trunk, or a U-Net's deepest features."""
    return generator.trunk if hasattr(generator, "trunk") else generator.down[-1]


def grad_cam(scalar: Scalar, x: np.ndarray) -> np.ndarray:
    """Return where the trunk's features speak for the number, enlarged to the window.

    Source: Selvaraju et al., ICCV 2017.
    """
    from captum.attr import LayerAttribution, LayerGradCam

    made = LayerGradCam(scalar, trunk(scalar.generator)).attribute(_tensor(scalar, x), relu_attributions=True)
    return _map(LayerAttribution.interpolate(made, x.shape, interpolate_mode="bilinear"))


def occlusion(scalar: Scalar, x: np.ndarray) -> np.ndarray:
    """Return what the number loses when a square is replaced by its blurred self. Source: Zeiler & Fergus 2014."""
    from captum.attr import Occlusion

    square, how = (1, PATCH, PATCH), {"baselines": _tensor(scalar, baseline(x)), "perturbations_per_eval": 8}
    with torch.no_grad():
        return _map(Occlusion(scalar).attribute(_tensor(scalar, x), square, strides=square, **how))


METHODS: dict[str, Method] = {
    "saliency": saliency,
    "SmoothGrad": smooth_grad,
    "integrated gradients": integrated_gradients,
    "LAM": lam,
    "Grad-CAM": grad_cam,
    "occlusion": occlusion,
}


def attribute(generator: nn.Module, question: Question, method: str) -> np.ndarray:
    """Return a method's map of a question, (H, W) float64."""
    return METHODS[method](question.scalar(generator), question.x)
