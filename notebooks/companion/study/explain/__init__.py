"""Which pixels of the input an output rests on, and whether the maps that say so can be believed.

Every map explains one number: `Scalar`, a stated function of the output over a stated region.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from nircore.errors import NircoreError
from nircore.inference import seen, translate
from nircore.metrics.quantitation import background_ring

SIDE, LEAST = 128, 32  # px: of the window around the region in which the generator is run to explain it
CONTRAST, TEXTURE = "contrast", "texture"


class Scalar(nn.Module):
    """The number that is explained: (N, 1, H, W) normalised windows -> (N,), in DN.

    "contrast": mean output over the region minus mean output over the ring 3 to 9 px around it: what makes one say
    "there is something here". "texture": mean size of the output's gradient over the region, the detector of Gu and
    Dong (CVPR 2021, equation 4): what makes an empty place look structured.

    Args:
        generator: the network.
        region: (H, W) bool, of the window.
        kind: CONTRAST or TEXTURE.
        dn: DN per unit of the network's scale (at the black level, where that scale is one of noise).
    """

    def __init__(self, generator: nn.Module, region: np.ndarray, kind: str = CONTRAST, dn: float = 1.0) -> None:
        super().__init__()
        if kind not in (CONTRAST, TEXTURE):
            raise NircoreError(f"kind={kind!r} is unknown: explain {CONTRAST!r} or {TEXTURE!r}.")
        self.generator, self.kind, self.dn = generator, kind, dn
        weight = region / region.sum()
        if kind == CONTRAST:
            ring = background_ring(region)
            weight = weight - ring / ring.sum()
        self.register_buffer("weight", torch.from_numpy(weight.astype(np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        """Return the number of each window."""
        y = self.generator(x)[:, 0] * self.dn
        if self.kind == TEXTURE:
            down, across = y[:, 1:, :-1] - y[:, :-1, :-1], y[:, :-1, 1:] - y[:, :-1, :-1]
            y = nn.functional.pad(torch.sqrt(down**2 + across**2 + 1e-12), (0, 1, 0, 1))
        return (y * self.weight).sum((1, 2))


@dataclass(frozen=True, eq=False)
class Question:
    """What is asked of a generator: a window (H, W) of a normalised frame, a region in it, and the kind of number.

    Attributes:
        name: such as "vessel".
        x: the window as the network sees it, float32.
        region: (H, W) bool, in the window.
        kind: CONTRAST or TEXTURE.
        dn: DN per unit of x.
        place: where the window lies in the frame.
    """

    name: str
    x: np.ndarray
    region: np.ndarray
    kind: str
    dn: float
    place: tuple[slice, slice]

    def scalar(self, generator: nn.Module) -> Scalar:
        """Return the number as a function of the window, for this or another generator."""
        return Scalar(generator, self.region, self.kind, self.dn).to(next(generator.parameters()).device).eval()

    @property
    def target(self) -> str:
        """The scalar target in words."""
        if self.kind == CONTRAST:
            return "mean over the region minus mean over the ring 3-9 px around it (DN)"
        return "mean gradient of the output over the region (DN/px)"


def ask(
    generator: nn.Module, pixels: np.ndarray, region: np.ndarray, name: str, kind: str = CONTRAST, side: int = SIDE
) -> Question:
    """Cut the window around a region of a frame (H, W) in DN.

    The network sees the window in the whole frame's normalisation. A window, because maps take hundreds of passes; it
    is about as wide as the networks look, and at most half the frame. Instance normalisation sees other statistics
    there than in the whole frame: `window_error` says by how much the number differs.
    """
    if region.shape != pixels.shape or not region.any():
        raise NircoreError(f"The region {name!r} must mark pixels of the frame: {region.shape}, {pixels.shape}.")
    x, fit = seen(generator, pixels)
    rows, columns = np.nonzero(region)
    side = min(side, max(LEAST, min(pixels.shape) // 2))
    place = tuple(
        _around(round(float(where.mean())), side, length, generator.multiple)
        for where, length in zip((rows, columns), pixels.shape, strict=True)
    )
    return Question(name, x[place], region[place], kind, fit.unit, place)


def _around(centre: int, side: int, length: int, multiple: int) -> slice:
    """Return the slice of `side` px, a multiple the network can halve, nearest to a centre and inside the frame."""
    side -= side % multiple
    start = min(max(centre - side // 2, 0), length - side)
    return slice(start, start + side)


def window_error(generator: nn.Module, whole: np.ndarray, range_dn: float, question: Question) -> float:
    """Return (number from the window - number from the whole frame) / range of the frame, a fraction.

    Args:
        generator: the network.
        whole: what it makes of the whole frame, (H, W) on its scale.
        range_dn: of the frame.
        question: what is asked of the frame.
    """
    part = translate(generator, question.x)
    number = Scalar(nn.Identity(), question.region, question.kind, question.dn)
    shown = (np.ascontiguousarray(y)[None, None] for y in (part, whole[question.place]))
    in_part, in_whole = (float(number(torch.from_numpy(y))[0]) for y in shown)
    return (in_part - in_whole) / range_dn
