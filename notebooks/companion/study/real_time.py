"""How long a frame takes, from array to array and from file to file, beside what the machine could do.

All cases take turns, frame by frame, in one run: whatever slows the machine down slows all of them, so that the
ratios of their medians mean something where the times do not. A turn begins with a frame that does not count, for a
camera's frames do not find what other engines left in caches and threads. It ends with the network once more, alone,
on the frame that is then ready: what array to array takes beyond that is preparation, or threads in each other's way.
"""

import copy
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import tifffile
import torch
from torch import nn

from nircore.data.frames import read_frame
from nircore.inference import engines
from nircore.inference.threads import one_pool
from companion.study.roofline import Machine, work

SIZES = ((256, 256), (640, 512))  # px: the paper's training frames, and a NIR-II camera's
LEAST, MOST = 3, 200  # frames of a case
COLUMNS = ("recipe", "channels", "engine", "precision", "threads", "busy", "height", "width", "frames")
COLUMNS += ("median_ms", "p95_ms", "p99_ms", "fps", "alone_ms", "prepare_ms", "gap")
COLUMNS += ("io_median_ms", "io_p95_ms", "io_p99_ms", "io_fps", "memory_mb", "gflop", "mbyte", "bound_ms")
COLUMNS += ("times_bound", "remark")
LOADED = ("physics", "realtime")  # recipes that are timed once more beside another busy process
SPIN_S = 600.0  # after which that process ends, even if nobody is left to stop it
SPIN = "import sys, time; print(flush=True); end = time.monotonic() + float(sys.argv[1])\n"
SPIN += "while time.monotonic() < end: pass"


class Turn(NamedTuple):
    """Seconds that one frame took.

    Attributes:
        whole: from array to array.
        alone: the network, run once more on the frame that is ready for it.
        prepared: of `whole`, what is not the network: the frame made ready for it, and brought back to DN.
        filed: from file to file.
        spent: on the whole turn.
    """

    whole: float
    alone: float
    prepared: float
    filed: float
    spent: float


@dataclass
class Case:
    """A generator on an engine, met by frames of one size; what was measured.

    Attributes:
        threads: PyTorch's, and those of the engines that are told.
        busy: how many other processes kept a core busy meanwhile.
        work: floating point operations and bytes of a frame.
    """

    recipe: str
    channels: int
    enhance: engines.Enhancer
    shape: tuple[int, int]
    work: tuple[float, float]
    memory_mb: float = float("nan")
    busy: int = 0
    threads: int = field(default_factory=torch.get_num_threads)
    turns: list[Turn] = field(default_factory=list)

    def row(self, flops: float, bytes_s: float) -> dict[str, object]:
        """Return the case's row of the table; `flops` and `bytes_s` are the machine's peaks per second."""
        whole, alone, prepared, filed, _ = 1e3 * np.array(self.turns).T
        bound = 1e3 * max(self.work[0] / flops, self.work[1] / bytes_s)
        median, network = np.median(whole), np.median(alone)
        io = _percentiles(filed, "io_")
        return {
            "recipe": self.recipe, "channels": self.channels, "engine": self.enhance.engine,
            "precision": self.enhance.precision, "threads": self.threads, "busy": self.busy,
            "height": self.shape[0], "width": self.shape[1], "frames": len(whole), **_percentiles(whole),
            "fps": 1e3 / median, "alone_ms": network, "prepare_ms": np.median(prepared), "gap": median / network,
            **io, "io_fps": 1e3 / io["io_median_ms"], "memory_mb": self.memory_mb, "gflop": self.work[0] / 1e9,
            "mbyte": self.work[1] / 1e6, "bound_ms": bound, "times_bound": median / bound, "remark": "",
        }  # fmt: skip


def _percentiles(ms: np.ndarray, prefix: str = "") -> dict[str, float]:
    names = ("median_ms", "p95_ms", "p99_ms")
    return {prefix + name: value for name, value in zip(names, np.percentile(ms, [50, 95, 99]), strict=True)}


def _resident_mb() -> float:
    """Return the memory the process holds now; NaN where the system does not say (other than Linux)."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return float("nan")
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def cases(
    generators: dict[str, tuple[int, nn.Module]], names: Sequence[str], say: Callable[[str], None]
) -> Iterator[Case]:
    """Build and warm every engine for every generator (name: (channels, module)), at every size.

    `memory_mb` is what the process grew by meanwhile, hence only indicative: an engine may reuse what another freed.
    """
    for recipe, (channels, generator) in generators.items():
        works = {shape: work(generator, shape) for shape in SIZES}
        for name in names:
            say(f"real time: {recipe}, {name}")
            before = _resident_mb()
            enhance = engines.Enhancer(name, copy.deepcopy(generator))
            for shape in SIZES:
                enhance(_frame(shape))
                yield Case(recipe, channels, enhance, shape, works[shape], max(0.0, _resident_mb() - before))


def _frame(shape: tuple[int, int]) -> np.ndarray:
    """Return a frame of counts to time with: what it shows does not matter."""
    return np.random.default_rng(0).poisson(100, shape).astype(np.uint16)


def measure(chosen: Sequence[Case], budget_s: float) -> Machine:
    """Give every case a frame in turn until it has had `budget_s`, at least LEAST and at most MOST of them."""
    machine = Machine()
    with tempfile.TemporaryDirectory() as folder:
        files = {shape: Path(folder) / f"{shape[0]}.tif" for shape in SIZES}
        for shape, file in files.items():
            tifffile.imwrite(file, _frame(shape))
        for done in range(MOST):
            machine.sample()
            left = [c for c in chosen if done < LEAST or sum(turn.spent for turn in c.turns) < budget_s]
            for case in left:
                case.turns.append(_once(case, files[case.shape], Path(folder) / "enhanced.tif"))
            if not left:
                break
    return machine


def _once(case: Case, source: Path, target: Path) -> Turn:
    """Time one frame from file to file, and in parts, after one that does not count; then the network alone."""
    entered = time.perf_counter()
    case.enhance(read_frame(source).pixels)
    began = time.perf_counter()
    pixels = read_frame(source).pixels
    read = time.perf_counter()
    with one_pool():
        x, fit = case.enhance.prepare(pixels)
        ready = time.perf_counter()
        values = case.enhance.run(x)
        ran = time.perf_counter()
        image = case.enhance.finish(values, fit)
    enhanced = time.perf_counter()
    tifffile.imwrite(target, image)
    written = time.perf_counter()
    case.enhance.run(x)
    left = time.perf_counter()
    return Turn(enhanced - read, left - written, ready - read + enhanced - ran, written - began, left - entered)


def loaded(chosen: Sequence[Case], recipes: Sequence[str] = LOADED) -> list[Case]:
    """Return the fastest case of each of some recipes at the camera's size, to be measured `beside_another`."""
    camera = [case for case in chosen if case.shape == SIZES[-1]]
    found = []
    for recipe in recipes:
        own = [case for case in camera if case.recipe == recipe]
        if own:
            fastest = min(own, key=lambda case: np.median([turn.whole for turn in case.turns]))
            found.append(replace(fastest, busy=1, turns=[]))
    return found


@contextmanager
def beside_another(limit_s: float = SPIN_S) -> Iterator[subprocess.Popen]:
    """Keep one core busy with another process, of the same priority as this one, as long as the block lasts."""
    spinning = subprocess.Popen([sys.executable, "-c", SPIN, str(limit_s)], stdout=subprocess.PIPE)
    try:
        spinning.stdout.readline()  # it has begun
        yield spinning
    finally:
        spinning.kill()
        spinning.wait()
        spinning.stdout.close()


def table(chosen: Sequence[Case], machine: Machine, absent: dict[str, str]) -> pd.DataFrame:
    """Return a row per case, and one per absent engine with the reason."""
    rows = [case.row(machine.flops, machine.bytes_s) for case in chosen]
    rows += [{"engine": name, "remark": reason} for name, reason in absent.items()]
    return pd.DataFrame(rows, columns=COLUMNS)
