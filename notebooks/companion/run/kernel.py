"""What the cells of a notebook do, noted in its kernel: for the provenance of each artefact, and for freshness."""

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from nircore.paths import write_text
from companion.run import NOTEBOOK, Run, closure, freshness, provenance
from companion.run.freshness import Ledger

FOLLOWED = ".notebooks"  # folder of a run: what each notebook of the chain rests on
KINDS = ("figures", "tables")  # of artefacts that a cell itself writes
_followed: list["Kernel"] = []  # at most one


class Kernel:
    """The kernel that runs the cells of a notebook, and the run that they opened."""

    def __init__(self, run: Run, shell: Any) -> None:
        self.run, self.shell = run, shell
        self.all, self.cell = freshness.begin(Ledger()), Ledger(alone=True)
        shell.events.register("pre_run_cell", self.before)
        shell.events.register("post_run_cell", self.after)

    def leave(self) -> None:
        """Note no more."""
        freshness.end(self.all)
        self.shell.events.unregister("pre_run_cell", self.before)
        self.shell.events.unregister("post_run_cell", self.after)

    def before(self, _: Any) -> None:
        """Begin a cell."""
        self.cell = freshness.begin(Ledger(alone=True))

    def after(self, result: Any) -> None:
        """End a cell: keep how what it wrote came into being, and what the notebook rests on so far."""
        freshness.end(self.cell)
        if self.cell.writes:
            self._keep_origins(result.execution_count or 0)
        if book := os.environ.get(NOTEBOOK):
            noted = {name: sorted(getattr(self.all, name)) for name in ("modules", "reads", "writes", "used")}
            write_text(_ledger(self.run, book), json.dumps(noted))

    def _keep_origins(self, number: int) -> None:
        """Record each table and figure that the cell itself wrote; its code is all that was imported so far."""
        sources = self.shell.history_manager.input_hist_parsed
        self.cell.modules |= {module for source in sources for module in closure.imported(source)}
        entry = replace(provenance.record(self.run, "", self.cell), cell=number)
        for name in (name for name in entry.writes if name.startswith(KINDS)):
            own = replace(entry, step=name.rsplit(".", 1)[0], writes={name: entry.writes[name]})
            provenance.keep(self.run, own)


def follow(run: Run) -> None:
    """Note what the cells of this kernel do from now on, for the run that was opened last; elsewhere do nothing."""
    shell = provenance.shell()
    for kernel in _followed:
        kernel.leave()
    _followed[:] = [Kernel(run, shell)] if shell else []


def followed(run: Run, book: str) -> Ledger:
    """Return what a notebook of the chain rests on, as its kernel noted."""
    noted = json.loads(_ledger(run, book).read_text(encoding="utf-8"))
    return Ledger(**{name: set(seen) for name, seen in noted.items()})


def _ledger(run: Run, book: str) -> Path:
    return run.path(f"{FOLLOWED}/{book}.ledger")
