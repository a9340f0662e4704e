"""How long the inspector takes to redraw after each kind of interaction: median and worst in milliseconds.

python benchmarks/inspector_redraw.py reports/phantom-cpu [--threads 2]
"""

import argparse
import statistics
import time

import torch
from companion.inspector_widgets import Panel

from companion.inspector import Inspector, open_folder

LIMIT = 200.0  # ms


def interactions(inspector: Inspector) -> dict[str, tuple[str, list]]:
    """Return values to go through, by the name of the interaction; those marked cold run the generator."""
    height, width = inspector.before.shape
    return {
        "wipe": ("wipe", [k / 20 for k in range(20)]),
        "window": ("levels", [(k / 50, 0.5 + k / 50) for k in range(20)]),
        "colour map": ("colours", ["magma", "viridis", "cividis", "gray"]),
        "region moved": ("row", list(range(20, height - 20, height // 20))),
        "region resized": ("side", list(range(6, 60, 4))),
        "line turned": ("angle", list(range(0, 180, 9))),
        "epoch, first time": ("step", list(range(len(inspector.steps)))),
        "epoch, again": ("step", list(range(len(inspector.steps)))),
        "difference laid over": ("overlay", ["difference", "none"] * 5),
        "frame, first time": ("frame", list(inspector.frames)[1:]),
        "frame, again": ("frame", list(inspector.frames)),
    }


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    panel = Panel(open_folder(given.run))
    print(f"{'interaction':24s} {'median ms':>10s} {'worst ms':>10s}")
    worst = 0.0
    for name, (part, values) in interactions(panel.inspector).items():
        times = []
        for value in values:
            began = time.perf_counter()
            panel.controls[part].value = value
            times.append(1000 * (time.perf_counter() - began))
        worst = max(worst, statistics.median(times))
        print(f"{name:24s} {statistics.median(times):10.1f} {max(times):10.1f}")
    print(f"largest median {worst:.1f} ms, wanted below {LIMIT:g} ms, {given.threads} threads")


if __name__ == "__main__":
    main()
