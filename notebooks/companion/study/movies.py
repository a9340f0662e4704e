"""Movies judged: decibels over the single-frame model against the delay of a bolus, for the recursion and its rivals.

Every rival only replaces the frame that the network is given, and tells the network its noise; the network is the
same. Phantom movies of seeds below REPORTED tuned the recursion, the others report.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from companion.run import Run
from nircore.data import camera
from nircore.data.movies import FPS, KINDS, Movie
from nircore.data.stabilise import Stabilisation
from nircore.inference import engines, temporal
from nircore.inference.shipped import weights_of
from nircore.models.checkpoint import load_generator

REPORTED = 10  # the first seed of movies that tuned nothing
WARM = 16  # frames after which a still scene is judged
MOVING_DN, FEWEST = 1.5, 200  # a pixel that changes by more from frame to frame moves; so many make a number
NOISE = Stabilisation(0.0, camera.GAIN_E_PER_DN, camera.Sensor().read_noise_dn)
Fused = Iterator[tuple[np.ndarray, np.ndarray]]  # light (H, W) in DN and its variance, frame by frame


def single(frames: list[np.ndarray]) -> Fused:
    """Give every frame as it is."""
    yield from ((frame, np.ones_like(frame)) for frame in frames)


def mean(count: int) -> Callable[[list[np.ndarray]], Fused]:
    """Give the mean of the last `count` frames."""

    def averaged(frames: list[np.ndarray]) -> Fused:
        for index, frame in enumerate(frames):
            last = frames[max(0, index + 1 - count) : index + 1]
            yield np.mean(last, axis=0), np.full_like(frame, 1 / len(last))

    return averaged


def kalman(frames: list[np.ndarray], gain: float = 0.8, variance: float = 0.05) -> Fused:
    """Run ImageJ's Kalman stack filter (C. Mauer, Kalman_Stack_Filter) with its default settings."""
    predicted, error = frames[0], variance
    for frame in frames:
        share = error / (error + variance)
        corrected = gain * predicted + (1 - gain) * frame + share * (frame - predicted)
        error *= 1 - share
        predicted = corrected
        weight = 1 - gain + share
        yield corrected.astype(np.float32), np.full_like(frame, min(weight, 1.0))


def ungated(frames: list[np.ndarray]) -> Fused:
    """Run the recursion without a look for change: the mean of all frames, of LONGEST at most."""
    light = np.zeros_like(frames[0])
    for index, frame in enumerate(frames):
        share = 1 / min(index + 1, temporal.LONGEST)
        light = light + np.float32(share) * (frame - light)
        yield light, np.full_like(frame, share)


def causal(frames: list[np.ndarray]) -> Fused:
    """Run the recursion over a frame and those before it."""
    return temporal.fused(frames.__getitem__, len(frames), NOISE)


def both(frames: list[np.ndarray]) -> Fused:
    """Run the recursion from both ends."""
    return temporal.fused(frames.__getitem__, len(frames), NOISE, both=True)


METHODS: dict[str, Callable[[list[np.ndarray]], Fused]] = {
    "single frame": single, "mean of 4": mean(4), "mean of 8": mean(8), "mean of 16": mean(16),
    "ImageJ's Kalman filter": kalman, "recursion, ungated": ungated, "causal": causal, "both ways": both,
}  # fmt: skip


def network(model: str = "realtime") -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return what makes an enhanced frame (H, W) in DN of light and its variance, by the fastest engine here."""
    run = engines.build(engines.choose("auto"), load_generator(weights_of(model))[0])

    def enhanced(light: np.ndarray, variance: np.ndarray) -> np.ndarray:
        fit = temporal.stabilised(NOISE, variance)
        return fit.invert(run(fit.apply(light)))

    return enhanced


def decibels(image: np.ndarray, clean: np.ndarray, where: np.ndarray | None = None) -> float:
    """Return the PSNR in dB of a frame, or of a part of it; peak is the truth's 99.9th percentile."""
    squares = (image.astype(np.float64) - clean) ** 2
    error = squares.mean() if where is None else squares[where].mean()
    return float(10 * np.log10(np.percentile(clean, 99.9) ** 2 / error))


def judged(kind: str, seed: int, enhance: Callable, methods: Iterable[str], **movie: Any) -> list[dict[str, Any]]:
    """Return a row per method: gains in dB over the single frame, in all pixels and in moving ones.

    `gain` is the mean after WARM frames, `worst` and `worst_moving` the least of any frame.
    """
    clean, noisy = map(list, zip(*Movie(kind, seed, **movie), strict=True))
    plain = [enhance(*pair) for pair in single(noisy)]
    moving = [np.abs(after - before) > MOVING_DN for before, after in zip(clean[:-1], clean[1:], strict=True)]
    parts = [(k, where) for k, where in enumerate(moving, 1) if where.sum() >= FEWEST]
    rows = []
    for name in methods:
        made = [enhance(*pair) for pair in METHODS[name](noisy)]
        gains = [decibels(a, c) - decibels(b, c) for a, b, c in zip(made, plain, clean, strict=True)]
        there = [decibels(made[k], clean[k], w) - decibels(plain[k], clean[k], w) for k, w in parts] or [np.nan]
        found = {"gain": np.mean(gains[WARM:]), "first": gains[0], "worst": min(gains)}
        found |= {"moving": np.mean(there), "worst_moving": min(there)}
        rows.append({"movie": kind, "seed": seed, "method": name} | found)
    return rows


def lag(curve: np.ndarray, truth: np.ndarray, fps: float = FPS) -> float:
    """Return by how many ms a curve lags behind the true one: the shift at which it is nearest to a multiple of it.

    The height is fitted with the shift, for a curve that is too low would else look late where it falls.
    """
    times, lags = np.arange(len(truth)) / fps, np.linspace(-0.2, 0.6, 161)
    shifted = np.array([np.interp(times - shift, times, truth) for shift in lags])
    alike = shifted @ curve / np.sqrt(np.square(shifted).sum(1).clip(1e-12))
    return float(1000 * lags[int(np.argmax(alike))])


def filling(peak_dn: float, seed: int, frames: int = 76, shape: tuple[int, int] = (200, 200)) -> tuple[Any, ...]:
    """Return clean and noisy frames of a vessel (sigma 2 px) that fills and empties, and its core (H, W) bool."""
    rng = np.random.default_rng([seed, 5])
    y, x = np.indices(shape, sparse=True)
    still = Movie("still", seed, shape=(256, 208)).still[28:228, 4:204]
    vessel = np.exp(-0.5 * ((x - 150 - 8 * np.sin(y / 25)) / 2.0) ** 2)
    since = ((np.arange(frames) / FPS - 2.0) / 0.8).clip(0)
    clean = (still + peak_dn * (since * np.exp(1 - since))[:, None, None] * vessel).astype(np.float32)
    gain = NOISE.gain_e_per_dn
    noisy = rng.poisson(clean.clip(0) * gain) / gain + rng.normal(0, NOISE.read_noise_dn, clean.shape)
    return clean, list(noisy.astype(np.float32)), vessel > 0.6


def delays(
    peaks_dn: Iterable[float], seeds: Iterable[int], enhance: Callable, methods: Iterable[str]
) -> pd.DataFrame:
    """Return a row per peak, seed and method: dB while nothing moves, the lag in ms, and the height of the peak."""
    rows = []
    for peak in peaks_dn:
        for seed in seeds:
            clean, noisy, core = filling(peak, seed)
            truth = np.array([frame[core].mean() for frame in clean])
            for name in methods:
                made = [enhance(*pair) for pair in METHODS[name](noisy)]
                still = np.mean([decibels(made[k], clean[k]) for k in range(25, 40)])
                curve = np.array([image[core].mean() for image in made])
                rise = curve - curve[20:35].mean(), truth - truth[20:35].mean()
                found = {"psnr": still, "lag_ms": lag(rise[0][30:], rise[1][30:])}
                found["peak"] = rise[0].max() / rise[1].max()
                rows.append({"peak_dn": peak, "seed": seed, "method": name} | found)
    return pd.DataFrame(rows)


def movies(run: Run) -> pd.DataFrame:
    """Write `movies` (gains on phantom movies) and `movie_delays` (a filling vessel); return the gains' means.

    `seeds` movies of each kind are judged; profile smoke judges three kinds.
    """
    enhance, reported = network(), range(REPORTED, REPORTED + run.config.seeds)
    kinds = ("still", "bolus", "cut") if run.config.profile == "smoke" else tuple(KINDS)
    pairs = [(kind, seed) for kind in kinds for seed in reported]
    rows = [row for pair in pairs for row in judged(*pair, enhance, METHODS, shape=(256, 208))]
    run.write_table("movies", pd.DataFrame(rows))
    run.write_table("movie_delays", delays((12.0, 5.0), reported, enhance, METHODS))
    return run.table("movies").pivot_table("gain", "method", "movie", sort=False)
