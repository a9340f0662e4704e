"""A movie at the camera's pace: array to array beside the network alone, and where each millisecond goes."""

from collections.abc import Callable
from statistics import median
from timeit import timeit
from typing import Any

import numpy as np
import pandas as pd
import torch

from companion.study import processor
from nircore.data.defects import areas, defects, lines
from nircore.data.frames import quantised
from nircore.data.movies import Movie
from nircore.data.noise import noise_level
from nircore.data.normalise import Normalisation
from nircore.data.outliers import outliers, replaced
from nircore.data.rows import level_rows
from nircore.data.stabilise import Stabilisation
from nircore.inference import engines
from nircore.inference.enhancer import Enhancer
from nircore.inference.fused import stabilised
from nircore.inference.settings import Settings
from nircore.inference.shipped import MODELS
from nircore.inference.temporal import Recursion
from nircore.inference.threads import one_pool

SHAPE = (640, 512)  # px: a NIR-II camera's frame
ROUNDS, BLOCK, TIMES = 2, 15, 15  # turns; frames of a movie in each; calls of a step
TYPE = np.dtype(np.uint16)


def frames(count: int = 6) -> list[np.ndarray]:
    """Return frames SHAPE uint16 in DN of a still phantom on a pedestal of 200 DN."""
    movie = Movie("still", shape=SHAPE)
    return [quantised(200 + movie.noisy(index), TYPE)[0] for index in range(count)]


def _ms(call: Callable[[], Any], times: int = 1) -> float:
    return 1e3 * timeit(call, number=times) / times


def of_movies(rounds: int = ROUNDS, block: int = BLOCK) -> pd.DataFrame:
    """Time models on all engines that are here: a row each, medians over turns that all cases take in turn.

    Columns: `alone_ms`, the network on a frame that is ready; `movie_ms`, a frame of a movie from array to array, and
    `movie_ratio` over the former; `single_ms` and `single_ratio`, a frame that nothing is known of; `causal_ms`, a
    frame of a movie that rests on those before it; `fps` and `causal_fps`, of both movies.
    """
    shown = frames()
    names = [name for name, reason in engines.available().items() if not reason]
    cases = {
        (model, name): [Enhancer(Settings(model=model, engine=name, temporal=past)) for past in ("", "causal")]
        for model in MODELS
        for name in names
    }
    found: dict[tuple[str, str], list[tuple[float, ...]]] = {key: [] for key in cases}
    for turn in range(rounds + 1):  # the first warms
        for key, pair in cases.items():
            times = _turn(*pair, shown, block)
            found[key] += [times] if turn else []
    rows = []
    for (model, name), turns in found.items():
        alone, movie, causal, single = (median(column) for column in zip(*turns, strict=True))
        about = {"model": model, "engine": name, "threads": torch.get_num_threads(), "processor": processor.name()}
        about |= {"alone_ms": alone, "movie_ms": movie, "movie_ratio": movie / alone, "fps": 1e3 / movie}
        about |= {"causal_ms": causal, "causal_fps": 1e3 / causal}
        rows.append(about | {"single_ms": single, "single_ratio": single / alone})
    return pd.DataFrame(rows)


def _turn(enhancer: Enhancer, causal: Enhancer, shown: list[np.ndarray], block: int) -> tuple[float, ...]:
    """Return ms a frame: the network alone, a movie frame by frame, one whose frames help, and a single frame."""
    name, network = enhancer.network_for(engines.WORTH)
    signals = [frame.astype(np.float32) for frame in shown]
    camera = enhancer.camera(signals[:3])
    ready = camera.fit.apply(signals[0])

    def ms_of(one: Enhancer) -> float:
        movie = one.movie(lambda k: shown[k % len(shown)], block, TYPE, camera, network)
        return _ms(lambda: list(movie)) / block

    with one_pool():
        alone = _ms(lambda: network(ready), block // 3)
        single = _ms(lambda: enhancer(shown[0], TYPE, network=network), block // 6)
        return alone, ms_of(enhancer), ms_of(causal), single


def of_steps(times: int = TIMES) -> pd.DataFrame:
    """Time what is done around the network, step by step, on one thread: `step`, `ms`, and `every`, for what."""
    frame = frames(1)[0].astype(np.float32)
    bad = defects(frame).bad
    light = level_rows(replaced(frame, bad))
    fit = Stabilisation.of(light)
    values, recursion = fit.apply(light), Recursion(fit)
    steps: dict[str, tuple[Callable[[], Any], str]] = {
        "level of the noise": (lambda: noise_level(frame), "frame"),
        "areas of one value": (lambda: areas(frame), "frame"),
        "bad lines": (lambda: lines(frame), "frame"),
        "bad pixels": (lambda: outliers(frame), "frame"),
        "what is bad filled in": (lambda: replaced(frame, bad), "frame"),
        "rows levelled": (lambda: level_rows(frame), "frame"),
        "to the network's scale": (lambda: fit.apply(light), "frame"),
        "back to DN": (lambda: fit.invert(values), "frame"),
        "to the file's type": (lambda: quantised(light, TYPE), "frame"),
        "the frames before (causal)": (lambda: stabilised(fit, *recursion(light)), "frame, on request"),
        "black level and range": (lambda: Normalisation.of(light), "movie"),
        "gain, read noise, colour": (lambda: Stabilisation.of(light), "movie"),
    }
    with one_pool():
        return pd.DataFrame(
            [{"step": name, "ms": _ms(call, times), "every": every} for name, (call, every) in steps.items()]
        )
