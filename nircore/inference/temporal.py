"""Frames before (and after) a frame, averaged where nothing changes and let go where something does.

A recursion keeps, for each pixel, the light m in DN and its variance K in units of one frame's noise. With a frame
y it first scales m to the frame's brightness and moves it along: each part by its optical flow, or all of it by one
shift (`nircore.inference.motion`). Then it looks at the innovation e = (y - m) / sigma: filters for spots and
oriented lines, and a leaky sum of them over time, tell changes from noise (`nircore.inference.filters`). The change
that they find is added to m at once; it is smooth, so it brings little noise. What is left takes the step of a Kalman
filter (R. E. Kalman, J. Basic Eng. 82 (1960) 35),

    m <- m + K (y - m),   K = P / (P + 1),

where P is the variance before the frame, enlarged by the size of the change that was found. Where the remainder is
larger than noise, tissue moved in a way that was not followed: K is 1 there, and m is the frame itself. On a still
scene K falls as 1 / n to 1 / LONGEST.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from nircore.data.stabilise import Stabilisation
from nircore.inference import motion
from nircore.inference.filters import LINES, blurred, enlarged, even, halved, unexplained
from nircore.inference.filters import detected as _detected  # by this name notebook 16 takes it from here

LONGEST = 16  # frames that a still pixel rests on at most
UNCERTAIN = 4096.0  # variance that is added, in units of the found change squared
SAME_SCENE = 0.95  # correlation of the light with a frame, without noise, below which another scene is shown
JUMP = 4.0  # SDs by which the light of a whole frame has to change to be followed as such
SHAKEN = 0.06  # share of pixels that changed, from which a shift of all is sought
TAKEN = 0.8  # share of the residual that a shift has to take: another scene fits a little better by chance, too
FRESH = 0.9  # a frame whose mean K is larger is a new beginning


@dataclass
class State:
    """What is known after a frame, or of a frame alone (`alone`).

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

    @classmethod
    def alone(cls, light: Tensor) -> "State":
        """Return what is known of a frame before which there is nothing."""
        zero = torch.zeros_like(light[..., ::2, ::2])
        return cls(light, zero + 1, zero.expand(-1, LINES + 1, -1, -1), 0.0, zero)

    @cached_property
    def half(self) -> Tensor:
        """The light at half the size."""
        return halved(self.light)


class Change(NamedTuple):
    """What changed from a state to a later one, in SDs of their difference where nothing does; sizes as in `State`.

    Attributes:
        unit: an SD in DN (1, 1, H, W), and `innovation`, the difference in SDs.
        found: the change that filters found, in SDs.
        moved: the share in [0, 1] by which the past is let go.
    """

    unit: Tensor
    innovation: Tensor
    found: Tensor
    moved: Tensor


class Recursion:
    """The recursion over one movie; call it with each frame.

    Args:
        noise: of one frame; its `offset` is the black level.
    """

    def __init__(self, noise: Stabilisation) -> None:
        self.noise, self.state = noise, None

    def __call__(self, frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Take in a frame (H, W) in DN; return light (H, W) float32 in DN, and its variance (H, W) in (0, 1]."""
        return self.shown(self.take(frame), frame.shape)

    @torch.inference_mode()
    def take(self, frame: np.ndarray) -> State:
        """Take in a frame (H, W) in DN; return the state after it."""
        pixels = np.ascontiguousarray(frame, np.float32) - np.float32(self.noise.offset)
        new, past = State.alone(even(torch.from_numpy(pixels)[None, None])), self.state
        self.state = self._step(past, new) if past and past.light.shape == new.light.shape else new
        return self.state

    @torch.inference_mode()
    def shown(self, state: State, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the light (H, W) float32 in DN of a state, and its variance (H, W)."""
        height, width = shape
        light, variance = (one[0, 0, :height, :width].numpy() for one in (state.light, enlarged(state.variance)))
        return light + np.float32(self.noise.offset), variance

    def _step(self, past: State, new: State) -> State:
        """Return the state after a frame: the past, moved to where the frame has it, and the frame."""
        past, change = self.compared(past, new)
        if float(change.moved.mean()) > FRESH:
            return new
        before = past.variance.clamp(min=1 / (LONGEST - 1)) + UNCERTAIN * change.found**2 * (1 + past.variance)
        gain = before / (before + 1)
        gain = gain + (1 - gain) * change.moved
        wide, found = enlarged(gain), enlarged(change.found)
        light = past.light + change.unit * (wide * change.innovation + (1 - wide) * found)
        return replace(past, light=light, variance=gain)

    def compared(self, state: State, new: State) -> tuple[State, Change]:
        """Return a state, moved to where a new one has it, and what changed since."""
        state = self._lit(state, new)
        near, change = self._changes(self._flowed(state, new), new)
        if float((change.found != 0).float().mean()) > SHAKEN:
            if pushed := self._pushed(state, new, change):
                return pushed
            _, _, same_scene = self._brightness(state, new)
            if not same_scene:
                return near, change._replace(moved=torch.ones_like(change.moved))
        return near, change

    def _changes(self, state: State, new: State) -> tuple[State, Change]:
        """Return a state that has taken note of what changed until a new one, and that change."""
        sd = enlarged(self._noise_power(blurred(state.half, 1.0)).sqrt())
        unit = sd * enlarged((new.variance + state.variance).sqrt())
        innovation = (new.light - state.light) / unit
        found, sums, spread = _detected(innovation, state.sums, state.spread)
        moved, known = unexplained(innovation - enlarged(found), state.motion)
        return replace(state, sums=sums, spread=spread, motion=known), Change(unit, innovation, found, moved)

    def _lit(self, state: State, new: State) -> State:
        """Return a state as bright as a new one, where the light of all pixels changed: a laser flickers.

        What stands below the light, because without a dark the black level is not known to a DN, does not fade with
        it: the means are made equal.
        """
        ratio, sd, same_scene = self._brightness(state, new)
        if abs(ratio - 1) <= JUMP * sd or not same_scene:
            return state
        return replace(state, light=ratio * state.light + (new.light.mean() - ratio * state.half.mean()))

    def _brightness(self, state: State, new: State) -> tuple[float, float, bool]:
        """Return how bright a new state is over another, the SD of that, and whether both show the same scene.

        The ratio is the slope of the line between the two, or the ratio of their SDs, whichever is nearer to 1: what
        moves lowers the slope alone, and what fills raises the SD alone. One over the other is their correlation.
        """
        noisy = self._noise_power(state.half) / 4
        away, seen = (one.half - one.half.mean() for one in (state, new))
        power, others = (float((a * a - b.variance * noisy).sum()) for a, b in ((away, state), (seen, new)))
        if min(power, others) <= 0:  # nothing but noise
            return 1.0, 0.0, True
        slope, by_sd = float((away * seen).sum()) / power, (others / power) ** 0.5
        sd = float((away**2 * noisy * (new.variance + state.variance)).sum()) ** 0.5 / power
        return min(max(slope, 1.0), max(slope, by_sd)), sd, slope >= SAME_SCENE * by_sd

    def _flowed(self, state: State, new: State) -> State:
        """Return a state whose light is moved, part by part, to where a new one has it.

        What is kept beside the light is smooth over the pixel or two that parts move by, and stays where it is.
        """
        noise = self._noise_power(state.half) * (new.variance + state.variance) / 4
        by = motion.flow(state.half, new.half, noise)
        return state if by is None else replace(state, light=motion.bent(state.light, by))

    def _pushed(self, state: State, new: State, change: Change) -> tuple[State, Change] | None:
        """Return what `compared` does, if all of the field moved; None if a shift leaves too much of a change."""
        down, right = motion.shift_of(state.half, new.half, float(self._noise_power(state.light).mean()) / 4)
        outside = motion.uncovered(new.light.shape, 2 * down, 2 * right)
        there, left = self._changes(_shifted(state, new, down, right, outside), new)
        taken = torch.where(outside, 0, change.innovation**2 - left.innovation**2)
        if float(taken.mean()) < TAKEN * (float((change.innovation**2).mean()) - 1):
            return None
        unknown = (halved(outside.float()) > 0).float()
        return there, left._replace(moved=torch.maximum(left.moved, unknown))

    def _noise_power(self, light: Tensor) -> Tensor:
        """Return the variance of one frame's noise where it is as bright as `light`, in DN squared."""
        return light.clamp(min=0) / self.noise.gain_e_per_dn + self.noise.read_noise_dn**2


def _shifted(state: State, new: State, down: float, right: float, outside: Tensor) -> State:
    """Return a state whose content is moved by px of half the size; what comes in from outside is a new one's."""
    light = torch.where(outside, new.light, motion.moved(state.light, 2 * down, 2 * right))
    small = motion.moved(torch.cat([state.variance, state.motion, state.sums], 1), down, right)
    variance = small[:, :1].clamp(*state.variance.aminmax())
    return State(light, variance, small[:, 2:], state.spread, small[:, 1:2].clamp(0, 1))
