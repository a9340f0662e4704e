"""What every generator is to those who run it: frames of any size in, the same size out, never resized."""

from torch import nn

from nircore.errors import NircoreError


class Generator(nn.Module):
    """A network of frames: (N, 1, H, W) -> (N, 1, H, W), H and W multiples of `multiple`.

    Attributes:
        multiple: what H and W must be multiples of, for the network halves them.
        smallest: px: frames with a smaller side are refused.
        halo: px: how far around a pixel the network looks; None where it looks at the statistics of the whole frame,
            so that a tile of it would come out different.
        input: what the frame is measured in: "range" (of brightness, `nircore.data.normalise`) or "noise"
            (`nircore.data.stabilise`).
        reach: the largest value that comes out, for generators that end in a tanh.
    """

    multiple: int = 1
    smallest: int = 16
    halo: int | None = None
    input: str = "range"
    reach: float = 1.0

    def padding(self, height: int, width: int) -> tuple[int, int]:
        """Return by how many px a frame has to grow, downwards and to the right.

        Raises:
            NircoreError: the frame is too small.
        """
        if min(height, width) < self.smallest:
            raise NircoreError(f"A frame of {height} x {width} px is too small: both sides need {self.smallest} px.")
        return -height % self.multiple, -width % self.multiple
