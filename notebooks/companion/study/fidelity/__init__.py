"""Can an enhanced frame be trusted: tests of a denoiser against what is known, each from callables to one table."""

from collections.abc import Mapping

import numpy as np

from companion.rivals import Denoise

CLEAN, TRUTH = "clean low-light", "truth"  # the controls: what was seen, and the target window, without noise


def outputs(
    denoisers: Mapping[str, Denoise], frame: np.ndarray, controls: Mapping[str, np.ndarray] | None = None
) -> dict[str, np.ndarray]:
    """Return, by name, the controls and what every denoiser makes of a frame, (H, W) DN each."""
    return {**(controls or {}), **{name: denoise(frame) for name, denoise in denoisers.items()}}
