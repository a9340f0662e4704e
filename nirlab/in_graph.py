"""From DN to DN in one network: what `nircore.inference.enhance` does around a generator, as layers of the graph.

Programs that only run a graph (Fiji's deepImageJ, bioimage.io) get raw frames in and enhanced frames out. What NumPy
does elsewhere is written here in operations that both exporters of PyTorch trace, for frames of any size. Three
things differ from `nircore.enhance`, and the tests say by how much: rows are not levelled, lines and areas that are
bad are not looked for, and the noise is taken for white.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nircore.data import noise, outliers, stabilise
from nircore.inference import RANGE
from nircore.models.unet import gaussian_kernel

SMOOTH = 2.0  # px: as in `Normalisation.of`


class FromCounts(nn.Module):
    """A generator with its preparation: (1, 1, H, W) float32 in DN to the same, H and W of 32 or more.

    The frame may stand on a pedestal or be the signal above a dark; its black level is read off it, and a blank frame
    passes through. Statistics are the frame's: a program that cuts it into tiles changes the result.

    Args:
        generator: any of `nircore.models`; its `input` says on which scale it sees frames.
    """

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.generator = generator
        self.register_buffer("kernel", gaussian_kernel(SMOOTH))
        curve = torch.tensor([1.0, -2.0, 1.0])
        self.register_buffer("second", (curve[:, None] * curve)[None, None])

    def forward(self, frame: Tensor) -> Tensor:
        """Enhance a frame."""
        base = frame[:, :, :1, :1]  # off, so that float32's digits serve the signal
        level = frame - base
        if self.generator.input != RANGE:
            level = without_outliers(level)
        black, span = self._levels(level)
        if self.generator.input == RANGE:
            unit = span.clamp(min=1e-12) / 2
            result = (self._padded((level - black) / unit - 1) + 1) * unit + black
        else:
            gain, read, free = self._noise(level - black, span)
            result = self._invert(self._padded(self._apply(level - black, gain, read)), gain, read) + black
            result = torch.where(free, frame - base, result)
        return torch.where(span > 0, result + base, frame)

    def _levels(self, level: Tensor) -> tuple[Tensor, Tensor]:
        """Return black level and range of a frame, as `Normalisation.of`."""
        reach = self.kernel.shape[-1] // 2
        padded = F.pad(level, (reach, reach, reach, reach), mode="reflect")
        smooth = F.conv2d(F.conv2d(padded, self.kernel), self.kernel.transpose(2, 3))
        ordered = torch.sort(smooth.flatten())[0]
        black, white = quantile(ordered, 0.01), quantile(ordered, 0.999)
        return black, white - black

    def _noise(self, signal: Tensor, span: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return gain in e-/DN, read noise in DN, as `Stabilisation.of`, and whether there is next to no noise."""
        mean = F.avg_pool2d(signal, noise.PATCH).flatten()
        curved = F.conv2d(signal, self.second) ** 2
        sums, counts = (
            F.avg_pool2d(F.pad(one, (1, 1, 1, 1)), noise.PATCH).flatten() for one in (curved, torch.ones_like(curved))
        )
        variance = sums / counts / 36
        some = torch.nonzero(variance >= noise.NOISELESS * variance.max()).flatten()
        mean, variance = mean[some], variance[some]
        level, spread = mean.abs().max(), quantile(torch.sort(variance)[0], 0.5)
        noisy = (level > 0) & (spread > 0)
        level, spread = (torch.where(noisy, one, torch.ones_like(one)) for one in (level, spread))
        slope, offset = lower_line(mean / level, variance / spread)
        free = stabilise.NOISE_FREE * span.clamp(min=1e-12)
        read = torch.where(noisy, torch.sqrt(offset * spread), free)
        gain = level / (slope * spread)
        told = noisy & (span / gain > stabilise.TOLD * read**2)
        shot = torch.where(told, span.clamp(min=0) / gain, torch.zeros_like(gain))
        free = ~noisy | (torch.sqrt(read**2 + shot) < stabilise.FREE * span)
        return torch.where(told, gain, stabilise.ASSUMED_READ_E / read.clamp(min=1e-12)), read, free

    def _apply(self, signal: Tensor, gain: Tensor, read: Tensor) -> Tensor:
        """Map DN above black to the network's scale, as `Stabilisation.apply`."""
        floor = 3 / 8 + (gain * read) ** 2
        low, root, light = floor / 16, torch.sqrt(floor), signal * gain
        curve = 2 * light / (torch.sqrt(torch.maximum(light + floor, low)) + root)
        line = (light + floor + low) / torch.sqrt(low) - 2 * root
        return torch.where(light < low - floor, line, curve) / stabilise.UNIT

    def _invert(self, values: Tensor, gain: Tensor, read: Tensor) -> Tensor:
        """Map the network's scale to DN above black, as `Stabilisation.invert`."""
        floor = 3 / 8 + (gain * read) ** 2
        low, root, half = floor / 16, torch.sqrt(floor), values * (stabilise.UNIT / 2)
        line = 2 * torch.sqrt(low) * (half + root) - low - floor
        light = torch.where(half < torch.sqrt(low) - root, line, half * (half + 2 * root))
        return (light + 1 / 4) / gain

    def _padded(self, x: Tensor) -> Tensor:
        """Run the generator on a frame of any size: mirrored up to its multiple, and cut again."""
        height, width, multiple = x.shape[2], x.shape[3], self.generator.multiple
        for axis, side in ((2, height), (3, width)):
            whole = torch.arange((side + multiple - 1) // multiple * multiple, device=x.device)
            x = torch.index_select(x, axis, side - 1 - (side - 1 - whole).abs())
        return self.generator(x)[:, :, :height, :width]


def quantile(ordered: Tensor, share: float) -> Tensor:
    """Return a quantile of sorted values (n,), between two of them by a straight line."""
    place = (torch.ones_like(ordered).sum() - 1) * share
    low = place.floor()
    pair = ordered[torch.stack([low, torch.minimum(low + 1, place.ceil())]).to(torch.int64)]
    return pair[0] + (place - low) * (pair[1] - pair[0])


def lower_line(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Fit y = slope x + offset, both above 0, to the lowest values, as `nircore.data.noise` does."""
    slope, offset = torch.full_like(x[0], noise.DARKEST_SLOPE), quantile(torch.sort(y)[0], noise.LOWER)
    for _ in range(noise.ROUNDS):
        line = (slope * x + offset).clamp(min=1e-3)
        off = y / line - 1
        weight = torch.where(off < 0, 1 - noise.LOWER, noise.LOWER) / off.abs().clamp(min=noise.NEAREST) / line**2
        one, by_x, xx, by_y, xy = ((weight * term).sum() for term in (torch.ones_like(x), x, x**2, y, x * y))
        slope = (one * xy - by_x * by_y) / (one * xx - by_x**2).clamp(min=1e-12)
        slope = torch.where(slope * by_x > by_y, xy / xx, slope).clamp(min=noise.DARKEST_SLOPE)
        offset = (by_y - slope * by_x).clamp(min=0) / one
    return slope / noise.ITS_SHARE, offset / noise.ITS_SHARE


def without_outliers(level: Tensor) -> Tensor:
    """Replace hot and dead pixels by the median of the good ones around them, as `nircore.data.outliers` does."""
    away = (level - F.avg_pool2d(F.pad(level, (1, 1, 1, 1), mode="reflect"), 3, 1)).flatten()
    sd = outliers.NORMAL * quantile(torch.sort(away.abs()[:: outliers.SAMPLED])[0], 0.5)
    places = torch.nonzero((away.abs() > outliers.SCREEN * sd) & (sd > 0)).flatten()
    flat, around = level.flatten(), _around(level, places)
    near = flat[around]  # (n, 24)
    middle = _middle(near)
    spread = torch.maximum(outliers.NORMAL * _middle((near - middle).abs()), sd)
    height = flat[places][:, None] - middle
    company = torch.sort(height.sign() * (near - middle), dim=1)[0][:, -2:-1]
    bad = (company < outliers.LONELY * height.abs()) & (height.abs() > outliers.THRESHOLD * spread)
    marks = torch.zeros_like(flat).scatter(0, places, bad[:, 0].to(flat.dtype))
    good = near + marks[around] * 1e30  # bad ones last
    count = 24 - marks[around].sum(1, keepdim=True)
    ordered = torch.sort(good, dim=1)[0]
    pair = [((count - 1 + more) / 2).floor().clamp(min=0).to(torch.int64) for more in (0, 1)]
    filling = (ordered.gather(1, pair[0]) + ordered.gather(1, pair[1])) / 2
    filling = torch.where(bad & (count > 0), filling, flat[places][:, None])
    return flat.scatter(0, places, filling[:, 0]).reshape(level.shape)


def _middle(values: Tensor) -> Tensor:
    """Return the median of 24 values in each row, (n, 1)."""
    return torch.sort(values, dim=1)[0][:, 11:13].mean(1, keepdim=True)


def _around(level: Tensor, places: Tensor) -> Tensor:
    """Return where the 24 neighbours of some pixels are in the flat frame, mirrored at its border, (n, 24)."""
    height, width = level.shape[2], level.shape[3]
    steps = [(row, column) for row in range(-2, 3) for column in range(-2, 3) if (row, column) != (0, 0)]
    down, across = torch.tensor(steps, device=level.device).T
    rows = (places // width)[:, None] + down
    columns = (places % width)[:, None] + across
    rows, columns = (last - (last - one.abs()).abs() for one, last in ((rows, height - 1), (columns, width - 1)))
    return rows * width + columns
