"""What one would use instead of the recursion: each gives light and its variance to the same network.

BM3D takes the network's place: its variance is None, for nothing is left to do.
"""

from collections.abc import Callable, Iterator

import numpy as np

from companion import rivals
from nircore.data import camera
from nircore.data.noise import Noise
from nircore.data.stabilise import Stabilisation
from nircore.inference.fused import fuse
from nircore.inference.temporal import LONGEST

NOISE = Stabilisation(0.0, camera.GAIN_E_PER_DN, camera.Sensor().read_noise_dn)
CHANGED_DN = 1.5  # by which a pixel has to change for the oracle to let its past go
EVERY, STRENGTH = 4, 1.2  # BM3D takes seconds: it is given every fourth frame; its parameter, of 1.0 and 1.2
Fused = Iterator[tuple[np.ndarray, np.ndarray | None] | None]  # light (H, W) in DN and its variance; None: left out
Rival = Callable[[list[np.ndarray]], Fused]


def single(frames: list[np.ndarray]) -> Fused:
    """Give every frame as it is."""
    yield from ((frame, np.ones_like(frame)) for frame in frames)


def mean(count: int) -> Rival:
    """Give the mean of the last `count` frames."""

    def averaged(frames: list[np.ndarray]) -> Fused:
        for index, frame in enumerate(frames):
            last = frames[max(0, index + 1 - count) : index + 1]
            yield np.mean(last, axis=0), np.full_like(frame, 1 / len(last))

    return averaged


def kalman(frames: list[np.ndarray], gain: float = 0.8, variance: float = 0.05) -> Fused:
    """Run ImageJ's Kalman stack filter (C. Mauer, Kalman_Stack_Filter) with its default settings."""
    predicted, error = frames[0], variance
    left = 1.0  # variance of the corrected frame, over one frame's; the first prediction is the first frame
    for index, frame in enumerate(frames):
        share = error / (error + variance)
        corrected = gain * predicted + (1 - gain) * frame + share * (frame - predicted)
        error *= 1 - share
        predicted = corrected
        left = (gain - share) ** 2 * left + (1 - gain + share) ** 2 if index else 1.0
        yield corrected.astype(np.float32), np.full_like(frame, left)


def ungated(frames: list[np.ndarray]) -> Fused:
    """Run the recursion without a look for change: the mean of all frames, of LONGEST at most."""
    light = np.zeros_like(frames[0])
    for index, frame in enumerate(frames):
        share = 1 / min(index + 1, LONGEST)
        light = light + np.float32(share) * (frame - light)
        yield light, np.full_like(frame, share)


def causal(frames: list[np.ndarray]) -> Fused:
    """Run the recursion over a frame and those before it."""
    return fuse(frames.__getitem__, len(frames), NOISE)


def both(frames: list[np.ndarray]) -> Fused:
    """Run the recursion from both ends."""
    return fuse(frames.__getitem__, len(frames), NOISE, both=True)


METHODS: dict[str, Rival] = {
    "single frame": single, "mean of 4": mean(4), "mean of 8": mean(8), "mean of 16": mean(16),
    "ImageJ's Kalman filter": kalman, "recursion, ungated": ungated, "causal": causal, "both ways": both,
}  # fmt: skip


def bm3d(frames: list[np.ndarray]) -> Fused:
    """Run BM3D on every EVERY-th frame, with the camera's noise; leave out the others."""
    noise = Noise(NOISE.gain_e_per_dn, NOISE.read_noise_dn)
    for index, frame in enumerate(frames):
        yield None if index % EVERY else (rivals.vst_bm3d(frame, STRENGTH, noise), None)


if not rivals.available()["vst_bm3d"]:
    METHODS["BM3D"] = bm3d
ORACLE = "oracle gate"


def methods(clean: list[np.ndarray]) -> dict[str, Rival]:
    """Return METHODS, and the gate that no one has: the mean of all frames since the truth of a pixel changed."""

    def oracle(frames: list[np.ndarray]) -> Fused:
        count, light, since = np.zeros_like(frames[0]), np.zeros_like(frames[0]), clean[0]
        for frame, truth in zip(frames, clean, strict=True):
            changed = np.abs(truth - since) > CHANGED_DN
            since = np.where(changed, truth, since)
            count = np.where(changed, 1, np.minimum(count + 1, LONGEST)).astype(np.float32)
            light = light + (frame - light) / count
            yield light, 1 / count

    return METHODS | {ORACLE: oracle}
