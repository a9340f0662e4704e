"""Where every artefact of a run comes from: the notebook and cell that made it, the version, and what was read."""

import json
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nircore.paths import VERSION, commit, write_text
from companion.run import NOTEBOOK, Run, closure
from companion.run.freshness import Ledger, Places

FOLDER = "provenance"
SHORT = 8  # characters of a hash where people read it


@dataclass(frozen=True)
class Record:
    """How some artefacts of a run came into being.

    Attributes:
        step: what made them: a step, a notebook of the chain, or a cell, by the name of what it wrote.
        notebook, cell: where it was asked for; "" and 0 outside a notebook.
        version, commit: of the package; the commit ends in "+" where the checkout had changes, "" without a checkout.
        settings: those that the step used.
        reads: SHA-256 of each file, "" for one that was looked for and not there; see `freshness.Places` for names.
        writes: SHA-256 of each file.
        modules, code: the package's modules that did it, and one SHA-256 of all they import.
    """

    step: str
    notebook: str
    cell: int
    version: str
    commit: str
    settings: dict[str, Any]
    reads: dict[str, str]
    writes: dict[str, str]
    modules: list[str]
    code: str

    def __str__(self) -> str:
        """Say it in one line."""
        where = f"{self.notebook}, cell {self.cell}" if self.notebook else f"step {self.step}"
        commit = f" ({self.commit})" if self.commit else ""
        tables = [f"{name} {digest[:SHORT]}" for name, digest in self.reads.items() if name.startswith("tables/")]
        return f"{where}; nircore {self.version}{commit}" + (f"; from {', '.join(tables)}" if tables else "")


def record(run: Run, step: str, ledger: Ledger, cells: Iterable[str] = ()) -> Record:
    """Return what a step rests on, from what was noted while it ran; `cells` are a notebook's own code."""
    places, modules = Places(run.folder, run.config), sorted(ledger.modules)
    reads, writes = (set(filter(None, map(places.name, paths))) for paths in (ledger.reads, ledger.writes))
    made = {name: digest for name in sorted(writes) if (digest := places.digest(name))}
    read = {name: places.digest(name) for name in sorted(reads - writes)}
    places.digests.save()
    used = {key: vars(run.config)[key] for key in sorted(ledger.used - {"run"})}
    return Record(step, *_asked_for(), VERSION, commit(), used, read, made, modules, closure.digest(modules, cells))


def keep(run: Run, entry: Record, folder: str = FOLDER) -> None:
    """Write a record to `<folder>/<step>.json` of a run."""
    write_text(run.path(f"{folder}/{entry.step}.json"), json.dumps(asdict(entry), indent=1, sort_keys=True) + "\n")


def of(run: Run, step: str, folder: str = FOLDER) -> Record | None:
    """Return what is recorded of a step; None where nothing is, or what no longer can be read."""
    try:
        return Record(**json.loads(run.path(f"{folder}/{step}.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def fresh(run: Run, entry: Record | None, cells: Iterable[str] = ()) -> bool:
    """Say whether all that a step rests on is as it was, and what it made is there."""
    if entry is None or entry.code != closure.digest(entry.modules, cells):
        return False
    places, now = Places(run.folder, run.config), vars(run.config)
    same = (
        all(now.get(key) == value for key, value in entry.settings.items())
        and all(places.path(name).exists() for name in entry.writes)
        and all(places.digest(name) == digest for name, digest in entry.reads.items())
    )
    places.digests.save()
    return same


def ledger(run: Run, step: str) -> Ledger:
    """Return what is recorded of a step as if it had just been noted."""
    entry, places = of(run, step), Places(run.folder, run.config)
    if entry is None:
        return Ledger()
    reads, writes = ({str(places.path(name)) + "/" * name.endswith("/") for name in names} for names in
                     (entry.reads, entry.writes))  # fmt: skip
    return Ledger(set(entry.modules), reads, writes, set(entry.settings))


def records(run: Run) -> list[Record]:
    """Return what is recorded of a run, steps and cells, by name."""
    folder = run.path(FOLDER)
    steps = sorted(path.relative_to(folder).as_posix().removesuffix(".json") for path in folder.rglob("*.json"))
    return [entry for step in steps if (entry := of(run, step))]


def by_artefact(run: Run) -> dict[str, Record]:
    """Return for each recorded artefact of a run, by its path in the folder, how it came into being."""
    return {name: entry for entry in records(run) for name in entry.writes}


def shell() -> Any:
    """Return the shell that runs a notebook's cells; None outside one."""
    return sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None


def _asked_for() -> tuple[str, int]:
    """Return the notebook and the number of the cell that is running: "" and 0 outside a notebook."""
    if shell() is None:
        return "", 0
    name = os.environ.get(NOTEBOOK) or os.environ.get("JPY_SESSION_NAME", "")  # JupyterLab gives the latter
    return Path(name).name.removesuffix(".ipynb"), shell().execution_count
