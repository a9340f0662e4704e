"""The chain of notebooks, brought up to date with Papermill: one digest a notebook decides whether it runs.

A notebook names the one that it goes on from, `open_run(globals(), after="04_loss_table")`. Its digest is made of its
code cells, every module of ours that they reach, the settings, `constraints.txt`, the inputs, and what the notebooks
before it left. An equal digest, with all that it wrote still there: the notebook is not run. Trainings go on from
their own checkpoints, so nothing finer is needed.
"""

import hashlib
import json
import os
import re
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from filelock import FileLock, Timeout

from companion.run import closure, places
from companion.run.run import Run
from nircore import files
from nircore.config import FOLDERS, Config, recipe_names
from nircore.data.frames import sha256
from nircore.errors import NircoreError
from nircore.paths import PACKAGE, VERSION
from nircore.recipe import settings

IN_CHAIN = "NIRCORE_IN_CHAIN"  # environment: the notebooks before this one are seen to by whoever runs it
LAST = "10_report"
MEMORY = "chain.json"  # in the folder of a run: what each notebook rested on, what it wrote, and how long it took
LEFT = ("tables", "figures", "arrays", "models")  # folders of a run in which notebooks leave their results
QUIET = ["--IPKernelApp.log_level=50"]  # the kernel's own remarks on its transport


def bring(config: Config, last: str = LAST) -> int:
    """Bring a run up to date, up to a notebook and all that it goes on from; return how many notebooks ran.

    Raises:
        NircoreError: another process makes this run, or a notebook failed; the sentence names its cell and error.
    """
    run = Run(config.replace(run=config.name))
    run.save_config()
    try:
        with FileLock(run.path(".lock"), timeout=0):
            return sum(_bring(run, name) for name in before(last) + [last])
    except Timeout as error:
        raise NircoreError(f"{run.folder} is being made by another process: wait, or name another run.") from error


def before(name: str) -> list[str]:
    """Return the notebooks that one goes on from, the first one first."""
    previous = _stated(name, "after")
    return [*before(previous[0]), *previous] if previous else []


@cache
def _stated(name: str, keyword: str) -> list[str]:
    """Return what a notebook names as it opens its run: `after` which it comes, tables that lie `beside`."""
    found = re.search(rf'open_run\(globals\(\).*\b{keyword}="([\w ./]+)"', "\n".join(closure.cells(_source(name))))
    return found[1].split() if found else []


def _source(name: str) -> Path:
    path = places.NOTEBOOKS / f"{name}.ipynb"
    if not path.is_file():
        raise NircoreError(f"There is no notebook {path}: run from a checkout of the repository.")
    return path


def _bring(run: Run, name: str) -> bool:
    """Run a notebook of a run unless it is up to date; say which, and how long it took the last time."""
    known, now = _memory(run), _digest(run, name)
    last = known.get(name, {})
    there = run.path(f"notebooks/{name}.ipynb").is_file() and last.get("wrote") == _now(run, last)
    if there and last["digest"] == now:
        print(f"{name}: up to date", flush=True)
        return False
    print(f"{name}: running" + (f", {last['seconds']:.0f} s last time" if last else ""), flush=True)
    began, began_ns = time.perf_counter(), time.time_ns()
    parameters = {key: getattr(run.config, key) for key in ("profile", "recipe", "dataset")}
    execute(run, name, parameters | {"run": run.config.name})
    entry = {"digest": now, "wrote": _written(run, began_ns), "seconds": time.perf_counter() - began,
             "nircore": VERSION, "commit": places.commit()}  # fmt: skip
    files.write_text(run.path(MEMORY), json.dumps(_memory(run) | {name: entry}, indent=1))
    print(f"{name}: done, {entry['seconds']:.0f} s", flush=True)
    return True


def _memory(run: Run) -> dict[str, Any]:
    try:
        return json.loads(run.path(MEMORY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _digest(run: Run, name: str) -> str:
    """Return what a notebook's results rest on, as one number."""
    known = _memory(run)
    earlier = {other: known.get(other, {}).get("wrote") for other in before(name)}
    earlier |= {table: sha256(places.REPOSITORY / "reports" / table) for table in _stated(name, "beside")}
    recipes = {recipe: settings(recipe, run.config.profile) for recipe in recipe_names(run.config.recipes)}
    code, given = closure.digest(*closure.cells(_source(name))), run.config.model_dump()
    parts = [code, given, recipes, earlier, _inputs(run.config)]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def _inputs(config: Config) -> dict[str, str]:
    """Return the digest of every file that a run is made from: pins, published facts, weights, the user's frames."""
    folders = [places.REPOSITORY / "data" / "paper", PACKAGE / "weights"]
    folders += [Path(getattr(config, key)).expanduser() for key in FOLDERS[config.dataset] if getattr(config, key)]
    found = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    pins = places.REPOSITORY / "constraints.txt"
    return {str(file): sha256(file) for file in sorted([*found, *([pins] if pins.is_file() else [])])}


def _written(run: Run, since_ns: int) -> dict[str, str]:
    """Return the digest of each result of a run that was written since a moment."""
    found = (file for part in LEFT for file in sorted(run.path(part).rglob("*")) if file.is_file())
    recent = (file for file in found if file.stat().st_mtime_ns >= since_ns)
    return {file.relative_to(run.folder).as_posix(): sha256(file) for file in recent}


def _now(run: Run, last: dict[str, Any]) -> dict[str, str]:
    """Return the digests, as they are now, of the results that a notebook wrote."""
    return {name: sha256(run.path(name)) for name in last.get("wrote", ()) if run.path(name).is_file()}


def origins(run: Run) -> dict[str, str]:
    """Return for each result of a run where it comes from, in words: notebook, version, commit and digest."""
    return {
        name: f"{notebook}; nircore {entry['nircore']} ({entry['commit']}); SHA-256 {digest[:8]}"
        for notebook, entry in _memory(run).items()
        for name, digest in entry["wrote"].items()
    }


class _Progress:
    """A text stream that shows, of all that a notebook prints, the newest line that says k/n, such as an epoch's."""

    def write(self, text: str) -> None:
        """Show the line in place of the one before it."""
        for line in re.findall(r".*\b\d+/\d+\b.*", text):
            sys.stdout.write(f"\r  {line.strip()[:110]:110s}")

    def flush(self) -> None:
        """Show what was written."""
        sys.stdout.flush()


def execute(run: Run, name: str, parameters: dict[str, Any]) -> Path:
    """Execute a notebook for a run; return its executed copy, which takes its place only when it is whole.

    Args:
        run: its folder receives the copy.
        name: of the notebook.
        parameters: injected by Papermill. A run's config.yaml holds all that is not among them.

    Raises:
        NircoreError: a cell failed or the kernel died; the sentence says where the partly executed notebook is.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    whole = run.path(f"notebooks/{name}.ipynb")
    begun = whole.with_suffix(".partial.ipynb")
    files.make_folder(whole.parent)
    progress = _Progress() if sys.stdout.isatty() else None
    try:
        with patch.dict(os.environ, {"MPLBACKEND": "agg", "PYDEVD_DISABLE_FILE_VALIDATION": "1", IN_CHAIN: "1"}):
            papermill.execute_notebook(
                _source(name), begun, parameters=parameters, kernel_name="python3", cwd=places.NOTEBOOKS,
                progress_bar=False, stdout_file=progress, extra_arguments=QUIET,
            )  # fmt: skip
    except papermill.PapermillExecutionError as error:
        raise NircoreError(
            f"{name}.ipynb failed in cell [{error.exec_count}]: {error.ename}: {error.evalue} "
            f"The notebook up to there is {begun}."
        ) from error
    except DeadKernelError as error:
        raise NircoreError(
            f"{name}.ipynb: the kernel died, most likely for want of memory; lower batch, crop or ngf, or close "
            f"other programs. The notebook up to there is {begun}."
        ) from error
    except OSError as error:
        raise files.cannot_write(begun, error) from error
    os.replace(begun, whole)
    return whole
