"""The numbered notebooks, executed in order with Papermill, each only when something it shows has changed."""

import contextlib
import os
import re
import sys
import time
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nircore import freshness, paths
from nircore.config import Config
from nircore.errors import NircoreError
from nircore.run import FOLLOWED, NOTEBOOK, Run
from nircore.stages import cells, closure, provenance

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
ASIDE = {"12_recipes": "nircore recipes"}

QUIET = ["--IPKernelApp.log_level=50"]  # the kernel's own remarks on its transport would break into the bar


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
            if _fresh(run, name):
                _partial(run, name).unlink(missing_ok=True)  # of a failure that was mended
                progress.skip(name)
                continue
            progress.begin(name, share)
            _execute(run, name, progress)
            progress.end()
            progress.bar.write(f"{name}: done")
            ran.append(name)
    what = f"{len(ran)} of {len(NOTEBOOKS)} notebooks ran" if ran else "nothing changed, all up to date"
    print(f"{config.name}: {what} ({time.perf_counter() - began:.0f} s)")
    return run.path("report.html")


def execute_aside(config: Config, name: str) -> Path:
    """Make one of the notebooks that stand aside for a run; return its executed copy.

    What its stages made before stays where nothing changed, and a training that was interrupted goes on.

    Raises:
        NircoreError: as `reproduce` says.
    """
    run = Run(config.replace(run=config.name))
    run.save_config()
    return execute(run, name, sys.stdout)


def _fresh(run: Run, name: str) -> bool:
    """Say whether all that a notebook rested on when it last ran is as it was, its cells with it."""
    entry = provenance.of(run, name, FOLLOWED)
    return _executed(run, name).is_file() and provenance.fresh(run, entry, cells(_notebook(name)))


def _execute(run: Run, name: str, progress: Progress) -> None:
    """Run a notebook, and keep what it rests on: what its kernel noted, and the modules that its cells import."""
    code = cells(_notebook(name))
    execute(run, name, progress)
    ledger = freshness.followed(run.path(f"{FOLLOWED}/{name}.ledger"))
    ledger.modules |= {module for cell in code for module in closure.imported(cell)}
    provenance.keep(run, provenance.record(run, name, ledger, code), FOLLOWED)


def _executed(run: Run, name: str) -> Path:
    return run.path(f"notebooks/{name}.ipynb")


def _partial(run: Run, name: str) -> Path:
    return run.path(f"notebooks/{name}.partial.ipynb")


def _notebook(name: str) -> Path:
    """Return the file of a notebook; a wheel has none."""
    path = paths.notebooks() / f"{name}.ipynb"
    if not path.is_file():
        raise NircoreError(f"There is no notebook {path}: run from a checkout of the repository.")
    return path


def execute(run: Run, name: str, stream: Any) -> Path:
    """Execute a notebook for a run; return its executed copy, which takes its place only when it is whole.

    It is given the run's name, dataset, profile and recipe, and finds all else in the run's config.yaml.

    Raises:
        NircoreError: as `reproduce` says.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    source, output, partial, config = _notebook(name), _executed(run, name), _partial(run, name), run.config
    passed = {"run": config.name} | {key: getattr(config, key) for key in ("profile", "recipe", "dataset")}
    paths.make_folder(output.parent)
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ[NOTEBOOK] = name  # what its cells make is recorded as made by it
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        papermill.execute_notebook(
            source, partial, parameters=passed, kernel_name="python3", cwd=source.parent,
            progress_bar=False, stdout_file=stream, stderr_file=stream, extra_arguments=QUIET,
        )  # fmt: skip
        os.replace(partial, output)
        return output
    except papermill.PapermillExecutionError as error:
        raise NircoreError(
            f"{name}.ipynb failed in cell [{error.exec_count}]: {error.ename}: {error.evalue} "
            f"The notebook up to there is {partial}."
        ) from error
    except DeadKernelError as error:
        raise NircoreError(
            f"{name}.ipynb: the kernel died, most likely for want of memory; lower batch, crop or ngf, or close "
            f"other programs. The notebook up to there is {partial}."
        ) from error
    except OSError as error:
        raise paths.cannot_write(partial, error) from error
