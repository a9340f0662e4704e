"""How long the inspector takes to redraw after each kind of interaction: median and worst in milliseconds.

python -m benchmarks.inspector_redraw RUN [--threads 2]

RUN is the name of a run under reports/.
"""

import argparse
from statistics import median
from timeit import timeit

import torch

from companion.inspector import EPOCHS, METHODS, OVERLAYS, REPEATED, TRUST, Inspector, draw
from companion.plots.style import encoded
from companion.run import Run, places
from nircore.config import load_file

LIMIT = 200.0  # ms


def interactions(inspector: Inspector) -> dict[str, list[dict[str, object]]]:
    """Return what is drawn one after the other, by the name of the interaction; the first of a kind runs networks."""
    epochs = [{"step": step} for step in inspector.steps(EPOCHS)]
    views = {view: [{"view": view, "step": step} for step in inspector.steps(view)] for view in (REPEATED, METHODS)}
    return {
        "grey scale": [{"brightest": k / 20} for k in range(1, 20)],
        "region moved": [{"row": k / 20} for k in range(20)],
        "region resized": [{"side": side} for side in range(6, 60, 4)],
        "epoch, first time": epochs, "epoch, again": epochs,
        "view, first time": [*views[REPEATED], *views[METHODS]],
        "map, first time": [{"overlay": name} for name in OVERLAYS if name != TRUST],
        "sample, first time": [{"frame": name} for name in inspector.frames],
        "sample, again": [{"frame": name} for name in inspector.frames],
    }  # fmt: skip


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    inspector = Inspector.of(Run(load_file(places.run_folder(given.run) / "config.yaml")))
    start, worst = {"frame": next(iter(inspector.frames))}, 0.0
    print(f"{'interaction':24s} {'median ms':>10s} {'worst ms':>10s}")
    for name, changes in interactions(inspector).items():
        drawn = [lambda change=change: encoded(draw(inspector, **(start | change))) for change in changes]
        times = [1000 * timeit(one, number=1) for one in drawn]
        worst = max(worst, median(times))
        print(f"{name:24s} {median(times):10.1f} {max(times):10.1f}")
    print(f"largest median {worst:.1f} ms, wanted below {LIMIT:g} ms, {given.threads} threads")


if __name__ == "__main__":
    main()
