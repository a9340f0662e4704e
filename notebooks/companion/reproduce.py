"""The numbered notebooks, executed in order with Papermill, each only when something it shows has changed."""

import contextlib
import re
import sys
import time
from pathlib import Path

from tqdm import tqdm

from nircore.config import Config
from companion.run import Run
from companion.run.notebooks import execute, fresh, partial

#: The chain: each notebook, and the share of the time it is expected to take.
NOTEBOOKS = {
    "01_data_split": 10,
    "02_training": 46,
    "03_stepwise_enhancement": 5,
    "04_loss_table": 2,
    "05_metric_figures": 4,
    "06_explainability": 12,
    "07_benchmark": 30,
    "08_real_time": 8,
    "09_claims": 1,
    "10_report": 2,
}

#: Notebooks with a command of their own, for they take longer than a run should.
ASIDE = dict.fromkeys(("12_recipes", "13_spectrum_shift"), "nircore recipes")


class Progress:
    """One bar for the whole chain: which notebook, which epoch, and how long is left.

    It stands in for a text stream: papermill writes to it what the kernel prints.
    """

    def __init__(self, total: float) -> None:
        self.bar = tqdm(total=total, unit="%", bar_format="{desc} |{bar}| {percentage:3.0f}% {elapsed}<{remaining}")
        self.name, self.share, self.start = "", 0.0, 0.0

    def begin(self, name: str, share: float) -> None:
        """Start a notebook that is worth `share` of the bar."""
        self.name, self.share, self.start = name, share, self.bar.n
        self.bar.set_description_str(name)

    def skip(self, name: str) -> None:
        """Pass over a notebook that is up to date."""
        self.begin(name, NOTEBOOKS[name])
        self.end()

    def write(self, text: str) -> None:
        """Show a line that says `k/n`, such as an epoch's, and move the bar by that part of the notebook's share."""
        for line in map(str.strip, text.splitlines()):
            if part := re.search(r"\b(\d+)/(\d+)\b", line):
                self.bar.set_description_str(f"{self.name}  {line[:90]}")
                self._move(self.start + self.share * min(1.0, int(part[1]) / max(1, int(part[2]))))

    def end(self) -> None:
        """Count the notebook as done."""
        self._move(self.start + self.share)

    def flush(self) -> None:
        """Part of being a text stream; the bar draws itself."""

    def _move(self, place: float) -> None:
        self.bar.update(max(0.0, place - self.bar.n))


def reproduce(config: Config) -> Path:
    """Make everything of a run that is not up to date; return its report.

    Args:
        config: the run, complete.

    Raises:
        NircoreError: a notebook failed; the sentence names it, the cell and the error, and where the
            partly executed notebook was kept.
    """
    began = time.perf_counter()
    run = Run(config.replace(run=config.name))
    run.save_config()
    for leftover in run.folder.rglob(".partial-*"):  # of a run that was killed while it wrote
        leftover.unlink(missing_ok=True)
    progress, ran = Progress(sum(NOTEBOOKS.values())), []
    with contextlib.closing(progress.bar):
        for name, share in NOTEBOOKS.items():
            if fresh(run, name):
                partial(run, name).unlink(missing_ok=True)  # of a failure that was mended
                progress.skip(name)
                continue
            progress.begin(name, share)
            execute(run, name, progress)
            progress.end()
            progress.bar.write(f"{name}: done")
            ran.append(name)
    what = f"{len(ran)} of {len(NOTEBOOKS)} notebooks ran" if ran else "nothing changed, all up to date"
    print(f"{config.name}: {what} ({time.perf_counter() - began:.0f} s)")
    return run.path("report.html")


def execute_aside(config: Config, name: str) -> Path:
    """Make one notebook of a run, such as one that stands aside; return its executed copy.

    What its steps made before stays where nothing changed, and a training that was interrupted goes on.

    Raises:
        NircoreError: as `reproduce` says.
    """
    run = Run(config.replace(run=config.name))
    run.save_config()
    return execute(run, name, sys.stdout)
