"""Frames before (and after) a frame, averaged where nothing changes and let go where something does.

A recursion keeps, for each pixel, the light m in DN and its variance K in units of one frame's noise. With a frame
y it first scales m to the frame's brightness and moves it along: each part by its optical flow, or all of it by one
shift (`nircore.inference.motion`). Then it looks at the innovation e = (y - m) / sigma: filters for spots and
oriented lines, and a leaky sum of them over time, tell a change of the scene from noise. The change that they find is
added to m at once; it is smooth, so it brings little noise. What is left takes the step of a Kalman filter (R. E.
Kalman, J. Basic Eng. 82 (1960) 35),

    m <- m + K (y - m),   K = P / (P + 1),

where P is the variance before the frame, enlarged by the size of the change that was found. Where the remainder is
larger than noise, tissue moved in a way that was not followed: K is 1 there, and m is the frame itself. On a still
scene K falls as 1 / n to 1 / LONGEST. The network then takes m for a frame of a camera with gain / K and read noise x
sqrt(K).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nircore.data.stabilise import Stabilisation
from nircore.inference import motion

LONGEST = 16  # frames that a still pixel rests on at most
BLOCK = 24  # frames whose future is kept at a time
THRESHOLD = 4.0  # SDs of a filter's noise from which it has found a change
UNCERTAIN = 4096.0  # variance that is added, in units of the found change squared
ENERGY = 5.0  # SDs above 1 of the local energy of noise, from which the remainder is motion
MEMORY, LEAK = 0.9, 0.7  # share that is kept from frame to frame: of where motion was, and of the leaky sums
LINES, REACH, STEP = 8, 5, 2  # oriented lines, and how many places of each side of the middle are summed, px apart
BLUR, ENERGY_BLUR = 0.9, 0.6  # px of half the size: a line's width, and of the energy
TRACKED = 0.75  # share of ENERGY by which motion that was found is followed on
SOFT = 1.5  # of the energy: from where motion begins to where the past is let go altogether
SAME_SCENE = 0.95  # correlation of the light with a frame, without noise, below which another scene is shown
JUMP = 4.0  # SDs by which the light of a whole frame has to change to be followed as such
SHAKEN = 0.06  # share of pixels that changed, from which a shift of all is sought
TAKEN = 0.8  # share of the residual that a shift has to take: another scene fits a little better by chance, too
#: SD of the local energy of white noise: of squares, averaged over 2 x 2 px and blurred.
ENERGY_SD = (2 / 4 / (1 + 4 * np.pi * ENERGY_BLUR**2)) ** 0.5
FRESH = 0.9  # a frame whose mean K is larger is a new beginning


@dataclass
class State:
    """What the recursion knows after a frame.

    Attributes:
        light: (1, 1, H, W) in DN above the black level, both sides even.
        variance: (1, 1, H / 2, W / 2), of `light` in units of one frame's noise.
        sums: (1, LINES + 1, H / 2, W / 2), leaky sums of the filtered innovations; `spread` is their variance.
        motion: (1, 1, H / 2, W / 2) in [0, 1], where motion was found of late.
    """

    light: Tensor
    variance: Tensor
    sums: Tensor
    spread: float
    motion: Tensor


@dataclass
class Comparison:
    """What changed between a state and an image: SDs are of their difference; see `State` for sizes.

    Attributes:
        unit: an SD in DN (1, 1, H, W), and `innovation`, the difference in SDs.
        found: the change that filters found, in SDs; `sums` and `spread` after it.
        moved: the share in [0, 1] by which the past is let go, and `motion`, where it was of late.
    """

    unit: Tensor
    innovation: Tensor
    found: Tensor
    sums: Tensor
    spread: float
    moved: Tensor
    motion: Tensor


class Recursion:
    """The recursion over one movie; call it with each frame.

    Args:
        noise: of one frame; its `offset` is the black level.
        longest: frames that a still pixel rests on at most; 1 returns every frame as it is.
    """

    def __init__(self, noise: Stabilisation, longest: int = LONGEST) -> None:
        self.noise, self.longest, self.state = noise, longest, None

    @torch.inference_mode()
    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take in a frame (H, W) in DN; return light (H, W) float32 in DN, and its variance (H, W) in (0, 1]."""
        self.take(frame)
        return self.shown(self.state, frame.shape)

    @torch.inference_mode()
    def take(self, frame: np.ndarray) -> State:
        """Take in a frame (H, W) in DN; return the state after it."""
        y = torch.from_numpy(np.ascontiguousarray(frame, np.float32) - np.float32(self.noise.offset))[None, None]
        y = F.pad(y, (0, frame.shape[1] % 2, 0, frame.shape[0] % 2), mode="replicate")
        if self.state is None or self.state.light.shape != y.shape or self.longest == 1:
            self.state = _begin(y)
        else:
            self.state = self._step(y, self.state)
        return self.state

    @torch.inference_mode()
    def joined(self, future: State, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return what `__call__` does, of the state joined with what the frames after it foretell."""
        return self.shown(self._joined(self.state, future), shape)

    def shown(self, state: State, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the light (H, W) float32 in DN of a state, and its variance (H, W)."""
        height, width = shape
        light, variance = state.light[0, 0, :height, :width], enlarged(state.variance)[0, 0, :height, :width]
        return light.numpy() + np.float32(self.noise.offset), variance.numpy()

    def _step(self, y: Tensor, state: State) -> State:
        """Return the state after a frame."""
        state, seen = self._compared(y, 1.0, state)
        if float(seen.moved.mean()) > FRESH:
            return _begin(y)
        before = state.variance.clamp(min=1 / (self.longest - 1)) + UNCERTAIN * seen.found**2 * (1 + state.variance)
        gain = before / (before + 1)
        gain = gain + (1 - gain) * seen.moved
        wide, change = enlarged(gain), enlarged(seen.found)
        light = state.light + seen.unit * (wide * seen.innovation + (1 - wide) * change)
        return State(light, gain, seen.sums, seen.spread, seen.motion)

    def _joined(self, past: State, future: State) -> State:
        """Return the light that a frame and its past tell, joined with what the frames after it foretell."""
        ahead = future.variance.clamp(min=1 / (self.longest - 1))
        known = torch.maximum(past.motion, future.motion)
        future = State(future.light, ahead, torch.zeros_like(past.sums), 0.0, known)
        future, seen = self._compared(past.light, past.variance, future)
        ahead = future.variance + UNCERTAIN * seen.found**2 * (past.variance + future.variance)
        share = past.variance / (past.variance + ahead) * (1 - seen.moved)
        light = past.light + enlarged(share) * (future.light - past.light)
        return State(light, past.variance * (1 - share), past.sums, past.spread, past.motion)

    def _compared(self, image: Tensor, variance: Tensor | float, state: State) -> tuple[State, "Comparison"]:
        """Return a state, moved to where an image of some variance has it, and what changed since."""
        state = replace(state, light=self._lit(image, variance, state))
        near = self._flowed(image, variance, state)
        seen = self._changes(image, variance, near)
        if float((seen.found != 0).float().mean()) > SHAKEN:
            if pushed := self._pushed(image, variance, state, seen):
                return pushed
            slope, by_sd = self._ratios(image, variance, state)
            if slope < SAME_SCENE * by_sd:
                return near, replace(seen, moved=torch.ones_like(seen.moved))
        return near, seen

    def _pushed(
        self, image: Tensor, variance: Tensor | float, state: State, seen: "Comparison"
    ) -> tuple[State, "Comparison"] | None:
        """Return what `_compared` does, if all of the field moved; None if a shift leaves too much."""
        noise = float(self._noise_power(state.light).mean()) / 4
        shift = motion.shift_of(halved(state.light), halved(image), noise)
        there, outside = _shifted(state, image, *shift), motion.uncovered(image.shape, 2 * shift[0], 2 * shift[1])
        moved = self._changes(image, variance, there)
        lower = torch.where(outside, 0, seen.innovation**2 - moved.innovation**2)
        if float(lower.mean()) < TAKEN * (float((seen.innovation**2).mean()) - 1):
            return None
        new = F.max_pool2d(outside.float(), 2)
        return there, replace(moved, moved=torch.maximum(moved.moved, new))

    def _flowed(self, image: Tensor, variance: Tensor | float, state: State) -> State:
        """Return a state whose light is moved, part by part, to where an image of some variance has it.

        What is kept beside the light is smooth over the pixel or two that parts move by, and stays where it is.
        """
        light, other = (halved(one) for one in (state.light, image))
        noise = self._noise_power(light) * (variance + state.variance) / 4
        by = motion.flow(light, other, noise)
        return state if by is None else replace(state, light=motion.bent(state.light, by))

    def _changes(self, image: Tensor, variance: Tensor | float, state: State) -> "Comparison":
        """Return what changed from a state to an image (1, 1, H, W) in DN of some variance."""
        unit = self._unit(state.light, variance + state.variance)  # SD of the difference where nothing changed
        innovation = (image - state.light) / unit
        found, sums, spread = _detected(innovation, state.sums, state.spread)
        moved, known = _motion(innovation - enlarged(found), state.motion)
        return Comparison(unit, innovation, found, sums, spread, moved, known)

    def _lit(self, image: Tensor, variance: Tensor | float, state: State) -> Tensor:
        """Return the light of a state as bright as an image, where that of all pixels changed: a laser flickers.

        The ratio is the slope of the line between the two, or the ratio of their SDs, whichever is nearer to 1: what
        moves lowers the slope alone, and what fills raises the SD alone. What stands below the light, because
        without a dark the black level is not known to a DN, does not fade with it: the means are brought to one
        another.
        """
        slope, by_sd = self._ratios(image, variance, state)
        light = halved(state.light)
        away, noisy = light - light.mean(), self._noise_power(light) / 4
        ratio = min(max(slope, 1.0), max(slope, by_sd))
        power = float((away * away - state.variance * noisy).sum())
        spread = float((away**2 * noisy * (variance + state.variance)).sum()) ** 0.5 / power if power > 0 else np.inf
        if abs(ratio - 1) <= JUMP * spread or slope < SAME_SCENE * by_sd:
            return state.light
        return ratio * state.light + (image.mean() - ratio * light.mean())

    def _ratios(self, image: Tensor, variance: Tensor | float, state: State) -> tuple[float, float]:
        """Return how bright an image of some variance is over a state: by the slope of a line, and by their SDs.

        Their ratio is the correlation of the two, without noise; both are 1 where there is nothing but noise.
        """
        light, other = halved(state.light), halved(image)
        noisy, away, seen = self._noise_power(light) / 4, light - light.mean(), other - other.mean()
        power = float((away * away - state.variance * noisy).sum())
        others = float((seen * seen - variance * noisy).sum())
        if min(power, others) <= 0:
            return 1.0, 1.0
        return float((away * seen).sum()) / power, (others / power) ** 0.5

    def _noise_power(self, light: Tensor) -> Tensor:
        """Return the variance of one frame's noise where it is as bright as `light`, in DN squared."""
        return light.clamp(min=0) / self.noise.gain_e_per_dn + self.noise.read_noise_dn**2

    def _unit(self, light: Tensor, variance: Tensor) -> Tensor:
        """Return the SD in DN (1, 1, H, W) of what has `variance`, of half the size in units of one frame's noise."""
        return enlarged(self._noise_power(blurred(halved(light), 1.0)).sqrt()) * enlarged(variance.sqrt())


def _detected(innovation: Tensor, sums: Tensor, spread: float) -> tuple[Tensor, Tensor, float]:
    """Return the change that filters find in an innovation of SD 1, and the leaky sums after it.

    Args:
        innovation: (1, 1, H, W).
        sums: (1, LINES + 1, H / 2, W / 2), and `spread`, their variance over that of the answers.

    Returns:
        The change, (1, 1, H / 2, W / 2) in SDs of the innovation; the sums and their spread.
    """
    spot_sd, line_sd = _noise_left()
    answers = _filtered(2 * halved(innovation), spot_sd, line_sd)
    sums, spread = torch.lerp(answers, sums, LEAK), LEAK**2 * spread + (1 - LEAK) ** 2
    best = found = torch.zeros_like(answers[:, :1])
    for responses, share in ((answers, 1.0), (sums, spread)):
        high, low = responses[:, 1:].amax(1, keepdim=True), responses[:, 1:].amin(1, keepdim=True)
        for response, sd in ((responses[:, :1], spot_sd), (torch.where(high > -low, high, low), line_sd)):
            strength = response**2 / share
            found = torch.where(strength > best, sd * response, found)
            best = torch.maximum(strength, best)
    weight = (1 - THRESHOLD**2 / best.clamp(min=1e-6)).clamp(min=0)  # the nonnegative garrote
    return weight * found / 2, sums * (1 - weight), spread


def _motion(remainder: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return the share in [0, 1] by which the past is let go, and where motion was of late; of half the size."""
    energy = blurred(halved(remainder**2), ENERGY_BLUR)
    level = 1 + ENERGY * ENERGY_SD * (1 - TRACKED * known)
    moved = blurred(_widened(((energy - level) / SOFT).clamp(0, 1)), 1.0)
    return moved, torch.maximum(MEMORY * known, _widened(moved))


def fused(
    frame: Callable[[int], np.ndarray], count: int, noise: Stabilisation, both: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield light (H, W) float32 in DN and its variance (H, W) for every frame of a movie.

    Args:
        frame: gives a frame (H, W) in DN by its number; with `both` each is asked for twice or three times.
        count: how many there are.
        noise: of one frame.
        both: the frames after a frame count as well as those before it.
    """
    forward, ahead = Recursion(noise), {}
    for index in range(count):
        pixels = frame(index)
        light = forward(pixels)
        if both and index + 1 < count and index + 1 not in ahead:
            ahead = _backward(frame, index + 1, min(index + 1 + BLOCK, count), count, noise)
        yield forward.joined(ahead.pop(index + 1), pixels.shape) if index + 1 in ahead else light


def _backward(
    frame: Callable[[int], np.ndarray], first: int, last: int, count: int, noise: Stabilisation
) -> dict[int, State]:
    """Return the states of a recursion that comes from behind, for the frames from `first` to before `last`.

    It begins two memories later than `last`, by when it has forgotten how it began: memory stays flat in long movies.
    """
    recursion, states = Recursion(noise), {}
    for index in reversed(range(first, min(last + 2 * LONGEST, count))):
        state = recursion.take(frame(index))
        if index < last:
            states[index] = state
    return states


def _begin(y: Tensor) -> State:
    half = torch.ones_like(halved(y))
    return State(y, half, half.new_zeros(1, LINES + 1, *half.shape[2:]), 0.0, half * 0)


def _shifted(state: State, image: Tensor, down: float, right: float) -> State:
    """Return a state whose content is moved by px of half the size; what comes in from outside is an image's."""
    outside = motion.uncovered(image.shape, 2 * down, 2 * right)
    light = torch.where(outside, image, motion.moved(state.light, 2 * down, 2 * right))
    small = motion.moved(torch.cat([state.variance, state.motion, state.sums], 1), down, right)
    least, most = float(state.variance.min()), float(state.variance.max())
    return State(light, small[:, :1].clamp(least, most), small[:, 2:], state.spread, small[:, 1:2].clamp(0, 1))


def halved(image: Tensor) -> Tensor:
    """Return means over 2 x 2 px of (1, C, H, W); an odd side goes on as it is there.

    Here and below sums of shifted images stand for torch's pooling and convolution, which take three to twenty times
    as long with a single channel.
    """
    odd = image.shape[3] % 2, image.shape[2] % 2
    if any(odd):
        image = F.pad(image, (0, odd[0], 0, odd[1]), mode="replicate")
    rows = image[..., ::2, :] + image[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) / 4


def enlarged(image: Tensor) -> Tensor:
    """Return (1, C, H, W) at twice the size, interpolated."""
    return F.interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)


def blurred(image: Tensor, sigma: float) -> Tensor:
    """Smooth (1, C, H, W) by a Gaussian of some px, borders replicated."""
    reach = int(3 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    weights /= weights.sum()
    for axis, pad in ((2, (0, 0, reach, reach)), (3, (reach, reach, 0, 0))):
        padded, side = F.pad(image, pad, mode="replicate"), image.shape[axis]
        image = torch.zeros_like(image)
        for place, weight in enumerate(weights):
            image.add_(padded.narrow(axis, place, side), alpha=float(weight))
    return image


def _widened(image: Tensor) -> Tensor:
    """Return the largest of 3 x 3 px around each of (1, 1, H, W)."""
    for axis, pad in ((2, (0, 0, 1, 1)), (3, (1, 1, 0, 0))):
        before, here, after = (
            F.pad(image, pad, mode="replicate").narrow(axis, k, image.shape[axis]) for k in range(3)
        )
        image = torch.maximum(torch.maximum(before, here), after)
    return image


def _filtered(image: Tensor, spot_sd: float = 1.0, line_sd: float = 1.0) -> Tensor:
    """Return a spot's and each oriented line's answer to (1, 1, H, W), over their SDs, as (1, LINES + 1, H, W)."""
    spot, far = blurred(image, BLUR), REACH * STEP
    padded, (height, width) = F.pad(spot, [far] * 4, mode="replicate"), image.shape[2:]
    weights = np.exp(-0.5 * (np.arange(-REACH, REACH + 1) / (REACH / 2)) ** 2)
    weights /= weights.sum() * line_sd
    answers = spot.new_zeros(1, LINES + 1, height, width)
    answers[:, :1] = spot / spot_sd
    for line, angle in enumerate(np.pi * np.arange(LINES) / LINES, 1):
        for place, weight in zip(range(-REACH, REACH + 1), weights, strict=True):
            down, right = (far + round(place * STEP * way) for way in (np.sin(angle), np.cos(angle)))
            answers[:, line].add_(padded[:, 0, down : down + height, right : right + width], alpha=float(weight))
    return answers


@cache
def _noise_left() -> tuple[float, float]:
    """Return the SDs that the spot and the lines (on average) leave of white noise of SD 1."""
    impulse = torch.zeros(1, 1, 65, 65)
    impulse[..., 32, 32] = 1
    left = (_filtered(impulse) ** 2).sum((0, 2, 3)).sqrt()
    return float(left[0]), float(left[1:].mean())
