"""A camera's frames through an engine, one after the other: prepared, run, and brought back to DN."""

import numpy as np
from torch import nn

from nircore.data.stabilise import Stabilisation
from nircore.inference import Fit, engines, seen
from nircore.inference.threads import one_pool


class Pipeline:
    """What `nircore.inference.enhance` does, by an engine: a frame (H, W) in DN to (H, W) float32 in DN.

    The frames are those of one camera: where the generator's input is measured in noise, the first one tells it. The
    three steps may each have a thread of their own, on different frames: none touches what another one changes.

    Attributes:
        engine: its name in `nircore.inference.engines.ENGINES`.
        precision: of the engine.
        run: the network alone: (H, W) on its scale to (H, W) on its scale, float32.

    Raises:
        NircoreError: as `engines.build`.
    """

    def __init__(self, name: str, generator: nn.Module) -> None:
        self.engine = engines.choose(name)
        self.precision = engines.ENGINES[self.engine].precision
        self.run = engines.build(self.engine, generator)
        self._generator, self._known = generator, None

    def prepare(self, pixels: np.ndarray) -> tuple[np.ndarray, Fit]:
        """Return a frame (H, W) in DN as the network sees it, and the map between the two."""
        with one_pool():
            x, fit = seen(self._generator, pixels, self._known)
        if isinstance(fit, Stabilisation):
            self._known = fit
        return x, fit

    def finish(self, values: np.ndarray, fit: Fit) -> np.ndarray:
        """Return what the network made of a frame in DN."""
        return fit.invert(values)

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Enhance a frame: all three steps."""
        with one_pool():
            x, fit = self.prepare(pixels)
            return self.finish(self.run(x), fit)

    def __str__(self) -> str:
        """Say what runs."""
        return f"engine {self.engine}, {self.precision}"
