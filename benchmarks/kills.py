"""SIGKILL at random moments: `nircore enhance --report --trust` is killed, goes on, and loses and repeats nothing.

python -m benchmarks.kills FOLDER [--kills 100] [--frames 160] [--size 512x640] [--commit 0.5] [--seed 0] [--alone]

A moment is drawn uniformly over the processor time of an undisturbed run, so that other programs on the machine shift
nothing, and the run that has had so much is killed. After `PER_RUN` kills, or where the moment lies beyond its end, a
run ends by itself: then every picture must be that of the undisturbed run, bit for bit, and the folder hold the same
names. After each kill every frame and result that was there before must be there as it was. FOLDER keeps the movie
and the undisturbed run; the exit status is 1 where something was lost, repeated, left over or different.
"""

import argparse
import hashlib
import os
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

import numpy as np
import tifffile

from nircore.inference import engines
from nirlab import cli, enhance, pages, partial, result_page  # noqa: F401 (imported once, before forks)

PER_RUN = 15
OPTIONS = ["--model", "realtime", "--engine", "torch"]
BESIDE = ["--report", "--trust"]


def movie(path: Path, frames: int, height: int, width: int) -> None:
    """Write a bright spot and stripes that drift, with the noise of a camera, uint16."""
    rng, x, y = np.random.default_rng(0), np.arange(width), np.arange(height)[:, None]
    spot = 300 * np.exp(-((y - height / 2) ** 2 + (x - width / 3) ** 2) / (4 * height))
    with tifffile.TiffWriter(path) as writer:
        for k in range(frames):
            light = spot + 200 * np.abs(np.sin((x + k) / 9))
            pixels = 1200 + rng.poisson(light) + rng.normal(0, 12, (height, width))
            writer.write(np.rint(pixels).astype(np.uint16), photometric="minisblack", metadata=None)


def begun(source: Path, out: Path, said: Path) -> int:
    """Fork a process that runs the command; its lines go to a file."""
    if process := os.fork():
        return process
    log = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1), os.dup2(log, 2)
    engines._forked.clear()  # nothing of PyTorch has run before the fork: as good as a process of its own
    sys.argv, status = ["nircore", "enhance", str(source), "--out", str(out), *OPTIONS], 99
    try:
        cli.main()
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else 98
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(status)


def had(process: int) -> float:
    """Return the processor time of a process in s."""
    fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def ended(process: int, limit: float = float("inf")) -> tuple[int | None, float]:
    """Return a process' exit status and processor time in s; None where it had `limit` s and was killed."""
    while had(process) < limit:
        done, status, used = os.wait4(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime
        time.sleep(0.005)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return None, limit


def done(out: Path) -> dict[str, int]:
    """Return the number of frames and maps that are done, and the results with the time of their writing."""
    found = {path.name: path.read_bytes().count(b"\n") for path in out.glob(".partial-*/*.jsonl")}
    return found | {str(path.relative_to(out)): path.stat().st_mtime_ns for path in out.rglob("[!.w]*.tif")}


def wrong(before: dict[str, int], now: dict[str, int]) -> list[str]:
    """Name what was lost or done twice; what is done of a result goes where the whole is there."""
    results = {"frames.jsonl": "movie.tif", "trust.jsonl": "trust/movie.tif.trust.tif"}
    bad = [f"lost: {name}" for name, count in before.items() if name in results and now.get(name, 0) < count
           and results[name] not in now]  # fmt: skip
    return bad + [
        f"done twice: {name}" for name, when in before.items() if name not in results and now.get(name) != when
    ]


def stage(names: dict[str, int]) -> str:
    """Return what the run that left these names was at."""
    if "trust/movie.tif.trust.tif" in names:
        return "page"
    return "maps" if "movie.tif" in names else "frames" if names else "start"


def digests(out: Path) -> dict[str, str]:
    """Return the hash of each picture."""
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in out.rglob("*.tif")}


def listed(out: Path) -> set[str]:
    """Return all names below a folder."""
    return {str(path.relative_to(out)) for path in out.rglob("*")}


def killed(
    source: Path, out: Path, said: Path, took: float, most: int, rng: np.random.Generator
) -> tuple[list, list]:
    """Kill a run again and again, `most` times at most, until it ends by itself.

    Args:
        source, out: the movie, and where it is enhanced.
        said: receives the lines of the command.
        took: processor time in s of an undisturbed run.
        rng: draws the moments.

    Returns:
        What the run was at, at each kill, and what is wrong, in words.
    """
    shutil.rmtree(out, ignore_errors=True)
    stages, bad, before, status = [], [], {}, None
    while status is None:
        last = len(stages) == min(PER_RUN, most)
        status, _ = ended(begun(source, out, said), float("inf") if last else rng.uniform(0, took))
        now = done(out)
        bad += wrong(before, now)
        if status is None:
            stages.append(stage(now))
            before = now
    return stages, bad + ([f"status {status}: {said.read_text()[-500:]}"] if status else [])


def asked() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--frames", type=int, default=160)
    parser.add_argument("--size", default="512x640")
    parser.add_argument("--commit", type=float, default=partial.COMMIT_S, help="s of work that a kill may cost")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--alone", action="store_true", help="no maps, no page: every kill falls on the frames")
    return parser.parse_args()


def main() -> None:
    """Kill, and say what came of it."""
    given = asked()
    height, width = map(int, given.size.split("x"))
    partial.COMMIT_S = given.commit
    OPTIONS.extend([] if given.alone else BESIDE)
    folder, rng = given.folder.resolve(), np.random.default_rng(given.seed)
    source, out, calm, said = (folder / name for name in ("movie.tif", "out", "calm", "said.txt"))
    shutil.rmtree(calm, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    movie(source, given.frames, height, width)
    status, took = ended(begun(source, calm, said))
    if status:
        sys.exit(said.read_text())
    print(f"movie of {source.stat().st_size / 1e6:.1f} MB, undisturbed {took:.1f} s of processor", flush=True)
    runs, bad, stages = 0, [], Counter()
    while stages.total() < given.kills and not bad:
        while_at, bad = killed(source, out, said, took, given.kills - stages.total(), rng)
        runs, stages = runs + 1, stages + Counter(while_at)
        bad += ["differs"] if digests(out) != digests(calm) else []
        bad += [f"left or missing: {sorted(listed(out) ^ listed(calm))}"] if listed(out) != listed(calm) else []
        print(
            f"run {runs} ended after {stages.total()} kills in all, while at {dict(stages)}; wrong: {bad}", flush=True
        )
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
