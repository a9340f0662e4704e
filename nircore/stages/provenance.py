"""Where every artefact of a run comes from: the notebook and cell that made it, the version, and what was read."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nircore.data.frames import sha256
from nircore.paths import REPOSITORY, VERSION, commit, data, write_text
from nircore.run import Run

NOTEBOOK = "NIRCORE_NOTEBOOK"  # environment: the notebook that the chain is executing
FOLDER = "provenance"
SHORT = 8  # characters of a hash where people read it


@dataclass(frozen=True)
class Record:
    """How some artefacts of a run came into being.

    Attributes:
        step: what made them, a stage.
        notebook, cell: where it was asked for; "" and 0 outside a notebook.
        version, commit: of the package; the commit ends in "+" where the checkout had changes, "" without a checkout.
        settings: those that the step reads.
        reads, writes: SHA-256 of each file; those of the run by their path in its folder.
    """

    step: str
    notebook: str
    cell: int
    version: str
    commit: str
    settings: dict[str, Any]
    reads: dict[str, str]
    writes: dict[str, str]

    def __str__(self) -> str:
        """Say it in one line."""
        where = f"{self.notebook}, cell {self.cell}" if self.cell else self.notebook or f"step {self.step}"
        commit = f" ({self.commit})" if self.commit else ""
        tables = [f"{name} {digest[:SHORT]}" for name, digest in self.reads.items() if name.startswith("tables/")]
        return f"{where}; nircore {self.version}{commit}" + (f"; from {', '.join(tables)}" if tables else "")


def record(
    run: Run,
    step: str,
    settings: Mapping[str, Any],
    reads: Iterable[str],
    inputs: Iterable[Path],
    writes: Iterable[str],
) -> None:
    """Write `provenance/<step>.json` of a run.

    Args:
        reads, writes: files of the run, relative to its folder.
        inputs: files elsewhere that were read; they are named without the folders of this machine.
    """
    read = {name: sha256(run.path(name)) for name in reads} | {_place(path): sha256(path) for path in inputs}
    made = {name: sha256(run.path(name)) for name in writes}
    notebook, cell = _asked_for()
    entry = Record(step, notebook, cell, VERSION, commit(), dict(settings), read, made)
    write_text(run.path(f"{FOLDER}/{step}.json"), json.dumps(asdict(entry), indent=1, sort_keys=True) + "\n")


def records(run: Run) -> list[Record]:
    """Return what is recorded of a run, step by step, by name."""
    files = sorted(run.path(FOLDER).glob("*.json"))
    return [Record(**json.loads(path.read_text(encoding="utf-8"))) for path in files]


def by_artefact(run: Run) -> dict[str, Record]:
    """Return for each recorded artefact of a run, by its path in the folder, how it came into being."""
    return {name: entry for entry in records(run) for name in entry.writes}


def _place(path: Path) -> str:
    """Return where a file lies in the data folder or the checkout; elsewhere, its folder and name."""
    for base in (data(), REPOSITORY):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return f"{path.parent.name}/{path.name}"


def _asked_for() -> tuple[str, int]:
    """Return the notebook and the number of the cell that is running: "" and 0 outside a notebook."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None:
        return "", 0
    name = os.environ.get(NOTEBOOK) or os.environ.get("JPY_SESSION_NAME", "")  # JupyterLab gives the latter
    return Path(name).name.removesuffix(".ipynb"), shell.execution_count
