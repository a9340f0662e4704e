"""Movies judged: decibels over the single-frame model against the delay of a bolus, for the recursion and its rivals.

The network is the same for all of `companion.study.movie_rivals` but BM3D. Phantom movies of seeds below REPORTED
tuned the recursion, the others report.
"""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from companion.run import Run
from companion.study.movie_rivals import METHODS, NOISE, ORACLE, methods, single
from nircore.data.movies import FPS, KINDS, Movie
from nircore.inference import engines
from nircore.inference.fused import stabilised
from nircore.inference.shipped import weights_of
from nircore.metrics.with_truth import PEAK_PERCENTILE, psnr
from nircore.models.checkpoint import load_generator

REPORTED = 11  # the first seed of movies that tuned nothing
WARM = 16  # frames after which a still scene is judged
MOVING_DN, FEWEST = 1.5, 200  # a pixel that changes by more from frame to frame moves; so many make a number
Enhance = Callable[[np.ndarray, np.ndarray | None], np.ndarray]


def network(model: str = "realtime") -> Enhance:
    """Return what makes an enhanced frame (H, W) in DN of light and its variance, by the fastest engine here.

    Light without a variance is finished, and comes back as it is.
    """
    run = engines.build(engines.choose("auto"), load_generator(weights_of(model))[0])

    def enhanced(light: np.ndarray, variance: np.ndarray | None) -> np.ndarray:
        if variance is None:
            return light
        fit = stabilised(NOISE, light, variance)
        return fit.invert(run(fit.apply(light)))

    return enhanced


def decibels(image: np.ndarray, clean: np.ndarray, where: np.ndarray | None = None) -> float:
    """Return the PSNR in dB of a frame, or of a part of it; peak is the truth's 99.9th percentile."""
    return psnr(image, clean, data_range=float(np.percentile(clean, PEAK_PERCENTILE)), valid=where)


def ghost(
    images: dict[int, np.ndarray], plain: list[np.ndarray], clean: list[np.ndarray], moving: list[np.ndarray]
) -> float:
    """Return the energy share of the frame before that is left where things move; nan where nothing does.

    It is the squared projection on what went away of the difference from the single frame, whose own blur leaves a
    part of every edge; all frames after WARM count together.

    Args:
        images: what was made, (H, W) in DN, by the number of the frame; `plain` is made of each frame alone.
        clean: the truth of every frame.
        moving: (H, W) bool of every frame, where it is not the frame before.
    """
    left = gone = 0.0
    for k in (k for k in images if k >= WARM and moving[k].sum() >= FEWEST):
        went = (clean[k - 1] - clean[k])[moving[k]].astype(np.float64)
        left, gone = left + went @ (images[k] - plain[k])[moving[k]], gone + went @ went
    return max(left / gone, 0.0) ** 2 if gone else np.nan


def judged(kind: str, seed: int, enhance: Enhance, names: Iterable[str], **movie: Any) -> list[dict[str, Any]]:
    """Return a row per method: gains in dB over the single frame, in all pixels and in moving ones.

    `gain` is the mean after WARM frames, `worst` and `worst_moving` the least of any frame; `ghost` is no gain.
    """
    clean, noisy = map(list, zip(*Movie(kind, seed, **movie), strict=True))
    plain = [enhance(*pair) for pair in single(noisy)]
    moving = [np.abs(after - before) > MOVING_DN for before, after in zip(clean[:1] + clean[:-1], clean, strict=True)]
    rows, known = [], methods(clean)
    for name in names:
        made = {k: enhance(*pair) for k, pair in enumerate(known[name](noisy)) if pair}
        gains = pd.Series({k: decibels(image, clean[k]) - decibels(plain[k], clean[k]) for k, image in made.items()})
        there = [
            decibels(made[k], clean[k], moving[k]) - decibels(plain[k], clean[k], moving[k])
            for k in made
            if moving[k].sum() >= FEWEST
        ] or [np.nan]
        found = {"gain": gains[gains.index >= WARM].mean(), "first": gains[0], "worst": gains.min()}
        found |= {"moving": np.mean(there), "worst_moving": min(there)}
        found["ghost"] = ghost(made, plain, clean, moving)
        rows.append({"movie": kind, "seed": seed, "method": name} | found)
    return rows


def lag(curve: np.ndarray, truth: np.ndarray, at: np.ndarray | slice = slice(None)) -> float:
    """Return by how many ms a curve lags behind the true one: the shift at which it is nearest to a multiple of it.

    The height is fitted with the shift, for a curve that is too low would else look late where it falls.

    Args:
        curve: what was made of the frames `at`, in DN above what was there before.
        truth: of all frames, likewise.
    """
    times, lags = np.arange(len(truth)) / FPS, np.linspace(-0.2, 0.6, 161)
    shifted = np.array([np.interp(times - shift, times, truth)[at] for shift in lags])
    alike = shifted @ curve / np.sqrt(np.square(shifted).sum(1).clip(1e-12))
    return float(1000 * lags[int(np.argmax(alike))])


def filling(peak_dn: float, seed: int) -> tuple[Any, ...]:
    """Return 76 clean and noisy frames of a vessel (sigma 2 px) that fills and empties, and its core (H, W) bool."""
    rng = np.random.default_rng([seed, 5])
    y, x = np.indices((200, 200), sparse=True)
    still = Movie("still", seed, shape=(256, 208)).still[28:228, 4:204]
    vessel = np.exp(-0.5 * ((x - 150 - 8 * np.sin(y / 25)) / 2.0) ** 2)
    since = ((np.arange(76) / FPS - 2.0) / 0.8).clip(0)
    clean = (still + peak_dn * (since * np.exp(1 - since))[:, None, None] * vessel).astype(np.float32)
    gain = NOISE.gain_e_per_dn
    noisy = rng.poisson(clean.clip(0) * gain) / gain + rng.normal(0, NOISE.read_noise_dn, clean.shape)
    return clean, list(noisy.astype(np.float32)), vessel > 0.6


def delays(peaks_dn: Iterable[float], seeds: Iterable[int], enhance: Enhance, names: Iterable[str]) -> pd.DataFrame:
    """Return a row per peak, seed and method: dB while nothing moves, the lag in ms, and the height of the peak."""
    rows = []
    for peak, seed, name in product(peaks_dn, seeds, names):
        clean, noisy, core = filling(peak, seed)
        made = {k: enhance(*pair) for k, pair in enumerate(methods(list(clean))[name](noisy)) if pair}
        at, truth = np.array([*made]), np.array([frame[core].mean() for frame in clean])
        curve, before = np.array([image[core].mean() for image in made.values()]), (at >= 20) & (at < 35)
        curve, truth, late = curve - curve[before].mean(), truth - truth[20:35].mean(), at >= 30
        found = {"psnr": np.mean([decibels(made[k], clean[k]) for k in made if 25 <= k < 40])}
        found |= {"lag_ms": lag(curve[late], truth, at[late]), "peak": curve.max() / truth.max()}
        rows.append({"peak_dn": peak, "seed": seed, "method": name} | found)
    return pd.DataFrame(rows)


def movies(run: Run) -> pd.DataFrame:
    """Write `movies` (gains on phantom movies) and `movie_delays` (a filling vessel); return the gains' means.

    `seeds` movies of each kind are judged; profile smoke judges three kinds.
    """
    enhance, reported, names = network(), range(REPORTED, REPORTED + run.config.seeds), [*METHODS, ORACLE]
    kinds = ("still", "bolus", "cut") if run.config.profile == "smoke" else tuple(KINDS)
    pairs = [(kind, seed) for kind in kinds for seed in reported]
    rows = [row for pair in pairs for row in judged(*pair, enhance, names, shape=(256, 208))]
    run.write_table("movies", pd.DataFrame(rows))
    run.write_table("movie_delays", delays((12.0, 5.0), reported, enhance, names))
    return run.table("movies").pivot_table("gain", "method", "movie", sort=False)
