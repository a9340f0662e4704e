"""The notebooks of the checkout: what their cells ask for and write, and how one is executed for a run."""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from nircore import paths
from nircore.errors import NircoreError
from companion.run import NOTEBOOK, Run, closure, kernel, provenance

#: How a cell asks for a step, and where it has it from.
ASKED = re.compile(r"^this_run\.make\((\w+)\)", re.MULTILINE)
IMPORTED = re.compile(r"^from (nircore[\w.]*) import (.+)$", re.MULTILINE)
#: How a cell names a table that it writes, or a figure.
WRITTEN = {
    "tables/{}.csv": re.compile(r'this_run\.write_table\("(\w+)"'),
    "figures/{}.png": re.compile(r'this_run\.figure\("(\w+)"\)'),
}
QUIET = ["--IPKernelApp.log_level=50"]  # the kernel's own remarks on its transport would break into a bar


def numbered() -> list[Path]:
    """Return the files of the numbered notebooks; none where there is no checkout."""
    return sorted(paths.notebooks().glob("[0-9][0-9]_*.ipynb"))


def file(name: str) -> Path:
    """Return the file of a notebook; a wheel has none."""
    path = paths.notebooks() / f"{name}.ipynb"
    if not path.is_file():
        raise NircoreError(f"There is no notebook {path}: run from a checkout of the repository.")
    return path


def cells(notebook: Path) -> list[str]:
    """Return a notebook's code cells as plain Python: prose, outputs and counts are not changes.

    Its JSON is read as it is: to import nbformat takes four seconds of every kernel.
    """
    from IPython.core.inputtransformer2 import TransformerManager

    written = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ("".join(cell["source"]) for cell in written if cell["cell_type"] == "code")
    return [TransformerManager().transform_cell(source) for source in code]


@cache
def asked() -> dict[str, tuple[str, str]]:
    """Return for each step that a cell asks for the module it is in, and the notebook."""
    return {step: (module, book.stem) for book in numbered() for step, module in _asked_in("\n".join(cells(book)))}


def _asked_in(code: str) -> Iterator[tuple[str, str]]:
    homes = {name: module for module, names in IMPORTED.findall(code) for name in names.split(", ")}
    yield from ((step, homes[step]) for step in ASKED.findall(code))


@cache
def written() -> dict[str, str]:
    """Return for each artefact that a cell itself writes the notebook."""
    code = {book.stem: "\n".join(cells(book)) for book in numbered()}
    found = {}
    for book, text in code.items():
        for place, pattern in WRITTEN.items():
            found |= {place.format(name): book for name in pattern.findall(text)}
    return found


def executed(run: Run, name: str) -> Path:
    """Return where a notebook's executed copy is or will be."""
    return run.path(f"notebooks/{name}.ipynb")


def partial(run: Run, name: str) -> Path:
    """Return where a notebook is kept while it is executed, and when it failed."""
    return run.path(f"notebooks/{name}.partial.ipynb")


def fresh(run: Run, name: str) -> bool:
    """Say whether all that a notebook rested on when it last ran is as it was, its cells with it."""
    entry = provenance.of(run, name, kernel.FOLLOWED)
    return executed(run, name).is_file() and provenance.fresh(run, entry, cells(file(name)))


def _keep(run: Run, name: str) -> None:
    """Keep what a notebook rests on: what its kernel noted, and the modules that its cells import."""
    code, ledger = cells(file(name)), kernel.followed(run, name)
    ledger.modules |= {module for cell in code for module in closure.imported(cell)}
    provenance.keep(run, provenance.record(run, name, ledger, code), kernel.FOLLOWED)


def execute(run: Run, name: str, stream: Any) -> Path:
    """Execute a notebook for a run; return its executed copy, which takes its place only when it is whole.

    It is given the run's name, dataset, profile and recipe, and finds all else in the run's config.yaml. What it
    rests on is kept, for `fresh`.

    Raises:
        NircoreError: a cell failed or the kernel died; the sentence says where the partly executed notebook is.
    """
    import papermill
    from nbclient.exceptions import DeadKernelError

    source, output, begun, config = file(name), executed(run, name), partial(run, name), run.config
    passed = {"run": config.name} | {key: getattr(config, key) for key in ("profile", "recipe", "dataset")}
    paths.make_folder(output.parent)
    os.environ.setdefault("MPLBACKEND", "agg")
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    outer = os.environ.get(NOTEBOOK)  # the notebook that is running, where it lacked what this one makes
    os.environ[NOTEBOOK] = name  # what its cells make is recorded as made by it
    try:
        papermill.execute_notebook(
            source, begun, parameters=passed, kernel_name="python3", cwd=source.parent,
            progress_bar=False, stdout_file=stream, stderr_file=stream, extra_arguments=QUIET,
        )  # fmt: skip
        os.replace(begun, output)
        _keep(run, name)
        return output
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
        raise paths.cannot_write(begun, error) from error
    finally:
        os.environ.pop(NOTEBOOK) if outer is None else os.environ.update({NOTEBOOK: outer})
