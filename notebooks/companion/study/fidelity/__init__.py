"""Can an enhanced frame be trusted: tests of a denoiser against what is known, each from callables to one table."""

from collections.abc import Callable

import numpy as np

#: A denoiser: a frame (H, W) in DN above the dark in, (H, W) in the same units out.
Denoise = Callable[[np.ndarray], np.ndarray]
