"""Movies made of real frames, labelled as what they are, for no real movie is at hand.

"exposures": the 80, 40 and 20 ms frames of a still scene as a sequence, scaled to 20 ms; the last one is judged
against the merge of the longer ones. The first two have less noise than the recursion is told.
"moved": that merge, pushed once by a shift that was measured between real frames, with the real noise of the 20 ms
frame in units of its SD, rolled down by another way for every frame. The frame of the push and the last are judged.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.ndimage import shift
from skimage.filters import difference_of_gaussians
from skimage.registration import phase_cross_correlation

from companion.run import Run
from companion.study import exposures
from companion.study.movie_rivals import METHODS
from companion.study.movies import Enhance, network
from companion.study.real_frames import cleaned
from companion.study.shipped import whole
from nircore.data import swir_hdr
from nircore.data.darks import Darks
from nircore.metrics.with_truth import score

TOLD = ("single frame", "mean of 4", "mean of 16", "causal", "both ways")
SHORT_S, FRAMES, BORDER = 0.08, 16, 24  # longest of a sequence; of a moved movie; px that are not judged
SMOOTH, GLOW = 3.0, 25.0  # px: between these an animal's structures tell by how much it moved
#: What it is, frames (H, W) in DN, the one that is judged, its truth, and where that is known.
Judged = tuple[str, list[np.ndarray], int, np.ndarray, np.ndarray]


def pushed(root: Path | str, darks: Darks) -> tuple[float, float]:
    """Return the largest (down, right) in px that an animal moved by between a short exposure and a long one."""
    found, series = [], {}
    for file in swir_hdr.frames(root, "icg"):
        series.setdefault(file.parent.name, {})[exposures.exposure_in(file)] = file
    for group, frames in series.items():
        ends = min(t for t in frames if t >= exposures.MOVED.get(group, 0)), min(frames)
        images = [cleaned(swir_hdr.load(frames[t], t, darks)) for t in ends]
        images = [difference_of_gaussians(image, SMOOTH, GLOW, mode="reflect") for image in images]
        found.append(phase_cross_correlation(*images, upsample_factor=10, normalization=None)[0])
    return tuple(max(found, key=np.linalg.norm))


def sequences(scene: exposures.Scene, darks: Darks, push: tuple[float, float]) -> Iterator[Judged]:
    """Yield what is judged of a scene."""
    signals = scene.signals(darks)
    truth, known = exposures.merged({t: signals[t] for t in signals if t > SHORT_S}, scene.low_s)
    short = sorted((t for t in signals if t <= SHORT_S), reverse=True)
    frames = [(cleaned(signals[t][0]) * (scene.low_s / t)).astype(np.float32) for t in short]
    known &= ~exposures.moved(frames[-1], truth)
    yield "exposures", frames, len(frames) - 1, truth, known
    noise = np.where(known, (frames[-1] - truth) / exposures.noise_sd(truth), 0)
    light, draw = whole(scene, darks), np.random.default_rng(0)
    moved = [light] * (FRAMES // 2) + [shift(light, push, order=3, mode="nearest")] * (FRAMES // 2)
    rolls = draw.integers(0, noise.shape[0], FRAMES)  # down: the columns' pattern stands still, as in a camera
    pairs = zip(moved, rolls, strict=True)
    movie = [(one + exposures.noise_sd(one) * np.roll(noise, roll, 0)).astype(np.float32) for one, roll in pairs]
    everywhere = np.ones_like(known)
    yield "moved, at the push", movie, FRAMES // 2, moved[-1], everywhere
    yield "moved, last frame", movie, FRAMES - 1, moved[-1], everywhere


def judged(root: Path | str, enhance: Enhance) -> pd.DataFrame:
    """Return a row for each scene, movie and method: PSNR in dB against the truth, borders left out.

    As everywhere on real frames, a straight line brings the image to the truth first: exposures differ in offset and
    scale.
    """
    darks, rows = swir_hdr.darks(root), []
    push = pushed(root, darks)
    for scene in (one for one in exposures.scenes(root) if one.low_s < SHORT_S):
        for kind, frames, index, truth, known in sequences(scene, darks, push):
            inner = (slice(BORDER, -BORDER),) * 2
            for name in TOLD:
                image = enhance(*list(METHODS[name](frames))[index])
                found = score(image[inner], truth[inner], known[inner])["psnr"]
                rows.append({"movie": kind, "scene": scene.name, "method": name, "psnr": found})
    return pd.DataFrame(rows)


def movies_real(run: Run, root: Path | str) -> pd.DataFrame:
    """Write `movies_real`; return the means over scenes."""
    run.write_table("movies_real", judged(root, network()))
    return run.table("movies_real").pivot_table("psnr", "method", "movie", sort=False)
