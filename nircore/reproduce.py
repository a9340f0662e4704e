"""The numbered notebooks, executed in order with Papermill, each only when something it shows has changed."""

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from nircore import freshness, paths
from nircore.config import Config
from nircore.errors import NircoreError
from nircore.run import Run
from nircore.stages import STAGES, Stage

#: The chain: each notebook with the stages it makes, and the share of the time it is expected to take.
NOTEBOOKS: dict[str, tuple[tuple[str, ...], float]] = {
    "01_data_split": (("data_split",), 10),
    "02_training": (("architecture", "training"), 46),
    "03_stepwise_enhancement": (("stepwise",), 5),
    "04_loss_table": (("loss_table",), 2),
    "05_metric_figures": (("image_metrics",), 4),
    "06_explainability": (("explain",), 12),
    "07_benchmark": (("benchmark", "fidelity", "metric_quality"), 30),
    "08_real_time": (("real_time",), 8),
    "09_claims": (("claims",), 1),
    "10_report": (("report",), 2),
}

#: Notebooks with a command of their own, for they take longer than a run should: the stages each makes, its command.
ASIDE: dict[str, tuple[tuple[str, ...], str]] = {"12_recipes": (("recipes", "spectrum_shift"), "nircore recipes")}

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
        self.begin(name, NOTEBOOKS[name][1])
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
        config: the run, complete. The notebooks are given its name, dataset, profile and recipe, and find all
            else in the run's config.yaml.

    Raises:
        NircoreError: a notebook failed; the sentence names it, the cell and the error, and where the
            partly executed notebook was kept.
    """
    began = time.perf_counter()
    run = Run(config.replace(run=config.name))
    run.save_config()
    for leftover in run.folder.rglob(".partial-*"):  # of a run that was killed while it wrote
        leftover.unlink(missing_ok=True)
    passed = {"run": config.name} | {key: getattr(config, key) for key in ("profile", "recipe", "dataset")}
    progress = Progress(sum(share for _, share in NOTEBOOKS.values()))
    with contextlib.closing(progress.bar):
        tasks = [_task(run, name, passed, progress) for name in NOTEBOOKS]
        reporter = freshness.execute(
            run.path(".notebooks.sqlite"), tasks, NOTEBOOKS, progress.bar.write, progress.skip
        )
    what = (
        f"{len(reporter.done)} of {len(NOTEBOOKS)} notebooks ran"
        if reporter.done
        else "nothing changed, all up to date"
    )
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
    passed = {"run": config.name} | {key: getattr(config, key) for key in ("profile", "recipe", "dataset")}
    output = run.path(f"notebooks/{name}.ipynb")
    execute(name, output, passed, sys.stdout)
    return output


def _task(run: Run, name: str, passed: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Describe a notebook to the chain: it reads artefacts, never another notebook's executed copy."""
    names, share = NOTEBOOKS[name]
    stages: list[Stage] = [STAGES[stage] for stage in names]
    made = {file for stage in stages for file in stage.writes}
    reads = {file for stage in stages for file in stage.reads} - made
    keys = sorted({key for stage in stages for key in stage.keys})
    executed = run.path(f"notebooks/{name}.ipynb")

    def action() -> None:
        progress.begin(name, share)
        execute(name, executed, passed, progress)
        progress.end()

    return freshness.task(
        name,
        action,
        reads=[
            *(source for stage in stages for source in stage.sources()),
            *map(run.path, reads),
            *_inputs(stages, run),
        ],
        writes=[executed, *map(run.path, sorted(made))],
        settings={"cells": cells(name)} | {key: getattr(run.config, key) for key in keys},
    )


def _inputs(stages: list[Stage], run: Run) -> Iterator[Path]:
    for stage in stages:
        yield from stage.inputs(run.config)


def cells(name: str) -> list[str]:
    """Return the sources of a notebook's code cells: prose, outputs and counts are not changes."""
    import nbformat

    book = nbformat.read(_notebook(name), as_version=4)
    return [cell.source for cell in book.cells if cell.cell_type == "code"]


def _notebook(name: str) -> Path:
    """Return the file of a notebook; a wheel has none."""
    path = paths.notebooks() / f"{name}.ipynb"
    if not path.is_file():
        raise NircoreError(f"There is no notebook {path}: run from a checkout of the repository.")
    return path


def execute(name: str, output: Path, passed: dict[str, Any], stream: Any) -> None:
    """Run one notebook with parameters; its executed copy takes its place only when it is whole.

    Raises:
        NircoreError: as `reproduce` says.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    source, partial = _notebook(name), output.with_name(f"{name}.partial.ipynb")
    paths.make_folder(output.parent)
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ["NIRCORE_NOTEBOOK"] = name  # what its cells make is recorded as made by it
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    try:
        papermill.execute_notebook(
            source, partial, parameters=passed, kernel_name="python3", cwd=source.parent,
            progress_bar=False, stdout_file=stream, stderr_file=stream, extra_arguments=QUIET,
        )  # fmt: skip
        os.replace(partial, output)
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
