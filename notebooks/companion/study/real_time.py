"""How long a frame takes, array to array and file to file, on every engine; and what speed costs in quality.

All cases take turns, frame by frame, in one run: whatever slows the machine down slows all of them, so that the
ratios of their medians mean something where the times do not. A turn begins with a frame that does not count, for a
camera's frames do not find what other engines left in caches and threads. It ends with the network once more, alone,
on the frame that is then ready: what array to array takes beyond that is preparation, or threads in each other's way.
"""

import copy
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

import numpy as np
import pandas as pd
import tifffile
import torch
from torch import nn

from companion.run import Run
from companion.study.processor import machine
from nircore.config import available
from nircore.data.frames import read_frame
from nircore.inference import engines
from nircore.inference.shipped import MODELS
from nircore.inference.threads import one_pool
from nircore.models import build_generator
from nircore.models.checkpoint import load_generator
from nircore.recipe import as_recipe, recipe

SIZES = ((256, 256), (640, 512))  # px: the paper's training frames, and a NIR-II camera's
LEAST, MOST = 3, 200  # frames of a case; of 20 or fewer, the time that 95 % stay below is that of the slowest one
COLUMNS = ("recipe", "channels", "engine", "precision", "threads", "height", "width", "frames")
COLUMNS += ("median_ms", "p95_ms", "fps", "alone_ms", "prepare_ms", "gap")
COLUMNS += ("io_median_ms", "io_p95_ms", "io_fps", "remark")
LONG_S = 10.0  # seconds a case from which the paper's own size is worth its time
PAPER_CHANNELS = 64


@dataclass
class Case:
    """A generator on an engine, met by frames of one size; what was measured, a row of `_once` for each frame."""

    recipe: str
    channels: int
    enhance: engines.Pipeline
    shape: tuple[int, int]
    turns: list[dict[str, float]] = field(default_factory=list)

    def row(self) -> dict[str, object]:
        """Return the case's row of the table; `threads` are PyTorch's, and those of the engines that are told."""
        about = (self.recipe, self.channels, self.enhance.engine, self.enhance.precision, torch.get_num_threads())
        turns = pd.DataFrame(self.turns)
        median, slow = turns.median(), turns.quantile(0.95, interpolation="higher")
        array = (median.whole, slow.whole, 1e3 / median.whole, median.alone, median.prepared)
        filed = (median.filed, slow.filed, 1e3 / median.filed, "")
        found = (*about, *self.shape, len(turns), *array, median.whole / median.alone, *filed)
        return dict(zip(COLUMNS, found, strict=True))


def real_time(run: Run) -> None:
    """Time the run's networks with drawn weights, for speed is that of the architecture; put quality beside it."""
    timed = timings(_generators(run), run.config.timing_s)
    run.write_table("table10_real_time", timed)
    run.write_table("real_time_machine", machine())
    run.write_table("quality_speed", _quality(run, timed))


def shipped(seconds: float) -> pd.DataFrame:
    """Time the models that ship, as `timings` does."""
    loaded = {model: load_generator(file) for model, file in MODELS.items()}
    return timings({model: (config.ngf, network) for model, (network, config, _) in loaded.items()}, seconds)


def timings(generators: Mapping[str, tuple[int, nn.Module]], seconds: float) -> pd.DataFrame:
    """Time generators (name -> channels, module) on every engine, at every size, `seconds` a case: a row each.

    An absent engine keeps a row with the reason.
    """
    absent = {name: reason for name, reason in engines.available().items() if reason}
    cases = []
    for label, (channels, generator) in generators.items():
        for name in (name for name in engines.ENGINES if name not in absent):
            print(f"real time: {label}, {name}", flush=True)
            enhance = engines.Pipeline(name, copy.deepcopy(generator))
            cases += [Case(label, channels, enhance, shape) for shape in SIZES]
    measure(cases, seconds)
    rows = [case.row() for case in cases] + [{"engine": name, "remark": reason} for name, reason in absent.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def measure(cases: Sequence[Case], budget_s: float) -> None:
    """Warm every case, then give each a frame in turn until it has had `budget_s`: at least LEAST, at most MOST."""
    with tempfile.TemporaryDirectory() as folder:
        files = {shape: Path(folder) / f"{shape[0]}.tif" for shape in SIZES}
        for shape, file in files.items():  # what a frame shows does not matter
            tifffile.imwrite(file, np.random.default_rng(0).poisson(100, shape).astype(np.uint16))
        for case in cases:
            _once(case, files[case.shape], Path(folder) / "enhanced.tif")
        for done in range(MOST):
            for case in cases:
                if done < LEAST or sum(turn["spent"] for turn in case.turns) < 1e3 * budget_s:
                    case.turns.append(_once(case, files[case.shape], Path(folder) / "enhanced.tif"))


def _once(case: Case, source: Path, target: Path) -> dict[str, float]:
    """Time one frame from file to file, and in parts, after one that does not count; then the network alone.

    Returns ms: whole, from array to array; alone, the network run once more on the frame that is ready for it;
    prepared, of `whole`, the frame made ready for the network and brought back to DN; filed, from file to file; and
    spent, on the whole turn.
    """
    entered = perf_counter()
    case.enhance(read_frame(source).pixels)
    began = perf_counter()
    pixels = read_frame(source).pixels
    read = perf_counter()
    with one_pool():
        x, fit = case.enhance.prepare(pixels)
        ready = perf_counter()
        values = case.enhance.run(x)
        ran = perf_counter()
        image = case.enhance.finish(values, fit)
    enhanced = perf_counter()
    tifffile.imwrite(target, image)
    written = perf_counter()
    case.enhance.run(x)
    left = perf_counter()
    parts = {"whole": enhanced - read, "alone": left - written, "prepared": ready - read + enhanced - ran}
    parts |= {"filed": written - began, "spent": left - entered}
    return {part: 1e3 * seconds for part, seconds in parts.items()}


def _generators(run: Run) -> dict[str, tuple[int, nn.Module]]:
    configs = {name: as_recipe(run.config, name) for name in ("ssgan", "physics", "realtime")}
    if run.config.timing_s >= LONG_S:
        configs |= {"cyclegan": as_recipe(run.config, "cyclegan")}
        configs |= {"ssgan, published size": configs["ssgan"].replace(ngf=PAPER_CHANNELS)}
    return {name: (config.ngf, build_generator(config).eval()) for name, config in configs.items()}


def _quality(run: Run, timed: pd.DataFrame) -> pd.DataFrame:
    """Return one row per method of the benchmark: its scores, and its time for a frame of the camera's size.

    Recipes: the fastest engine here. All else: the benchmark's seconds, taken in another run on this machine.
    """
    scores = run.table("table4_benchmark")
    scores = scores[scores["psnr"].notna() & (scores["kind"] != "input")].drop_duplicates("method")
    camera = timed[timed["height"] == SIZES[-1][0]].sort_values("median_ms")
    titles = {name: recipe(name).title for name in available("recipes")}
    fastest = camera.assign(method=camera["recipe"].map(titles)).drop_duplicates("method")
    found = scores[["method", "kind", "psnr", "ssim", "seconds"]].merge(
        fastest[["method", "median_ms", "engine"]].dropna(subset="method"), on="method", how="left"
    )
    found["ms"] = found["median_ms"].fillna(1e3 * found["seconds"])
    return found.fillna({"engine": ""})[["method", "kind", "psnr", "ssim", "ms", "engine"]]
