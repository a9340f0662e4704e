"""One frame above the dark through one generator: prepared, mapped to the network's scale, run, and mapped back."""

from typing import Any

import numpy as np

from nircore.data.defects import defects
from nircore.data.normalise import Normalisation
from nircore.data.outliers import replaced
from nircore.data.rows import level_rows
from nircore.data.stabilise import Stabilisation
from nircore.inference import tiles
from nircore.models.generator import Generator

#: What a generator's input is measured in: the frame's range of brightness, or its noise.
RANGE, NOISE = "range", "noise"

Fit = Normalisation | Stabilisation


def translate(generator: Generator, pixels: np.ndarray) -> np.ndarray:
    """Run one frame (H, W) on the network's scale through a generator, on its device, in one piece; float32."""
    return tiles.translate(generator, pixels, whole=pixels.size)


def prepare(generator: Any, pixels: np.ndarray, bad: np.ndarray | None = None) -> np.ndarray:
    """Return the frame (H, W) as the generator wants it, in DN: cleaned of what the sensor did, or as it came.

    A generator (or its config) whose `input` is "noise" gets a frame without outliers (`bad`, where they are known
    already) and with level rows. Those of the literature get what the camera gave.
    """
    if generator.input == RANGE:
        return pixels
    return level_rows(replaced(pixels, defects(pixels).bad if bad is None else bad))


def fitted(generator: Any, pixels: np.ndarray) -> Fit:
    """Return the map between DN and the generator's scale, read off a prepared frame (H, W)."""
    return Normalisation.of(pixels) if generator.input == RANGE else Stabilisation.of(pixels)


def seen(generator: Any, pixels: np.ndarray, fit: Fit | None = None) -> tuple[np.ndarray, Fit]:
    """Return a frame (H, W) in DN as the generator sees it, prepared and on its scale, float32; and the map.

    Args:
        fit: the map, where it is known, such as that of the movie the frame is from.
    """
    prepared = prepare(generator, pixels)
    fit = fitted(generator, prepared) if fit is None else fit
    return fit.apply(prepared), fit


def enhance(generator: Generator, pixels: np.ndarray, fit: Fit | None = None) -> tuple[np.ndarray, Fit]:
    """Enhance a frame (H, W) in detector units; return (H, W) float32 in the same units, and the map it went through.

    The generator's output is put back through the *input's* map, so the scale is the input's.
    """
    x, fit = seen(generator, pixels, fit)
    return fit.invert(translate(generator, x)), fit


def repeat(generator: Generator, pixels: np.ndarray, times: int) -> list[np.ndarray]:
    """Return [x, G(x), G(G(x)), ...], `times` applications, all in the detector units of x.

    One map, that of x, serves all steps, so the drift seen is the generator's own; x is the frame as it came.
    """
    x, fit = seen(generator, pixels)
    steps = [np.asarray(pixels, dtype=np.float32)]
    for _ in range(times):
        x = translate(generator, x)
        steps.append(fit.invert(x))
    return steps
