"""The tables of the full benchmark, a run per dataset, gathered for publication: no picture of a real animal."""

import json
import mimetypes
import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd

from nircore import files
from companion.run import places
from nircore.data.frames import sha256
from nircore.errors import NircoreError
from companion.run import Run, provenance, stamped
from companion.study import processor

LICENCE, HOME = "https://spdx.org/licenses/MIT", "https://doi.org/10.5281/zenodo.18683096"
TABLES = ("benchmark", "table4_benchmark", "table5_fidelity", "table6_metric_quality", "faithfulness")
TABLES += ("claims", "losses")
PLOTS = ("fig6_scores", "fig8_metric_quality", "fidelity_emptiness", "fidelity_redegradation", "fidelity_prevalence")
#: Lines that say how far something is, "epoch 3/40 ..." or "03_stepwise: done"; a bar moves with them.
PROGRESS = re.compile(r"\b\d+/\d+\b|: done$|nothing changed, made earlier$|^explain: ", re.M)
#: The line of a notebook's first cell that leads to the copy with pictures.
LINK = re.compile(r"^\*\[Executed, with pictures\]\([^)]*\)\.\*$", re.M)
#: Figures with pixels in them: published for the phantom alone.
PICTURES = ("fig6_benchmark",)
RECIPE_TABLES = ("recipes", "table7_recipes", "table8_ablation")
RECIPE_PLOTS = ("fig9_recipes", "fig10_ablation")
SHIFT_TABLES, SHIFT_PLOTS = ("spectrum_shift", "table9_spectrum_shift"), ("fig11_spectrum_shift",)


def benchmark(runs: Sequence[Run], folder: Path) -> Path:
    """Gather the full benchmark's tables, plots and pictures, as `_published` says."""
    return _published(runs, folder, TABLES, PLOTS, PICTURES)


def recipes(runs: Sequence[Run], folder: Path) -> Path:
    """Gather the comparison of recipes and the ablation, as `_published` says; no pictures."""
    return _published(runs, folder, RECIPE_TABLES, RECIPE_PLOTS, ())


def spectrum_shift(run: Run, folder: Path) -> Path:
    """Publish the test of the spectrum shift, which needs real frames through two filters, as `_published` says."""
    return _published([run], folder, SHIFT_TABLES, SHIFT_PLOTS, ())


def _published(
    runs: Sequence[Run],
    folder: Path,
    tables: Sequence[str],
    plots: Sequence[str],
    pictures: Sequence[str],
) -> Path:
    """Write `folder/<table>.csv` with a column `dataset` in front, the plots, the settings, and the machine.

    What was there of earlier runs is replaced, table by table; every file is written whole or not at all.
    """
    for name in tables:
        parts = []
        for run in runs:
            part = run.table(name)
            part.insert(0, "dataset", run.config.dataset)
            parts.append(part)
        text = stamped(pd.concat(parts)).to_csv(index=False, float_format="%.6g", lineterminator="\n")
        files.write_text(folder / f"{name}.csv", text)
    for run in runs:
        _copy(run, folder, (*plots, *(pictures if run.config.dataset == "phantom" else ())))
    files.write_text(folder / "machine.csv", stamped(processor.machine()).to_csv(index=False, lineterminator="\n"))
    return folder


def real_time(run: Run, folder: Path) -> Path:
    """Write a run's times, what they were taken on, and the plots: none holds a picture."""
    for name in ("table10_real_time", "quality_speed", "real_time_machine"):
        text = stamped(run.table(name)).to_csv(index=False, float_format="%.6g", lineterminator="\n")
        files.write_text(folder / f"{name}.csv", text)
    for name in ("fig12_real_time", "fig12b_engines"):
        with files.atomic(folder / f"{name}.png") as temporary:
            shutil.copyfile(run.figure(name), temporary)
    return folder


def _copy(run: Run, folder: Path, figures: Sequence[str]) -> None:
    """Copy a run's figures, and the settings that are not about this machine."""
    dataset = run.config.dataset
    settings = "".join(line for line in run.config.to_yaml().splitlines(True) if not line.startswith("data_root"))
    files.write_text(folder / f"{dataset}.yaml", settings)
    for name in figures:
        with files.atomic(folder / f"{dataset}_{name}.png") as temporary:
            shutil.copyfile(run.figure(name), temporary)


def showcase(run: Run, folder: Path) -> Path:
    """Write settings, report, tables, figures and executed notebooks of a run for a forge to show; no weights.

    Args:
        run: a run of the phantom, complete.
        folder: made anew; what was there before goes when the new one is whole.
    """
    fresh = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(fresh, ignore_errors=True)
    for name in ("tables", "figures"):
        shutil.copytree(run.path(name), fresh / name)
    for name in ("config.yaml", "report.md"):
        shutil.copyfile(run.path(name), fresh / name)
    (fresh / "notebooks").mkdir()
    for path in sorted(run.path("notebooks").glob("[0-9][0-9]_*.ipynb")):
        source = nbformat.read(places.NOTEBOOKS / path.name, as_version=4)
        shown = shown_copy(nbformat.read(path, as_version=4), source)
        text = nbformat.writes(shown).replace(f"{run.folder}/", "").replace(f"{places.REPOSITORY}/", "")
        files.write_text(fresh / "notebooks" / path.name, text + "\n")
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)
    return folder


def shown_copy(executed: nbformat.NotebookNode, source: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a notebook with the outputs of its execution, without progress, warnings, times and a machine's folders.

    The prose is that of the source: editing it runs nothing again. The line that links to this copy is left out,
    and other links go up from reports/showcase/notebooks, two folders deeper than the source.
    """
    ran = [cell for cell in executed.cells if cell.cell_type == "code"]
    shown = nbformat.v4.new_notebook(metadata={"kernelspec": source.metadata["kernelspec"]})
    for cell in source.cells:
        fresh = nbformat.v4.new_markdown_cell(LINK.sub("", cell.source).rstrip().replace("](../", "](../../../"))
        if cell.cell_type == "code":
            fresh = _with_outputs(ran.pop(0))
        shown.cells.append(fresh)
        if ran and "injected-parameters" in ran[0].metadata.get("tags", []):
            shown.cells.append(_with_outputs(ran.pop(0)))
    heading = ""
    for number, cell in enumerate(shown.cells):
        cell.id = f"cell-{number}"  # drawn at random otherwise, and never the same twice
        if cell.cell_type == "markdown":
            heading = next((line.lstrip("# ") for line in cell.source.splitlines() if line.startswith("#")), heading)
        for output in cell.get("outputs", ()):
            _describe(output, heading)
    return shown


def _describe(output: nbformat.NotebookNode, heading: str) -> None:
    """Give a picture without words of its own the heading that it stands under."""
    if "image/png" in output.get("data", {}):
        about = output.metadata.setdefault("image/png", {})
        about["alt"] = about.get("alt") or heading


def _with_outputs(ran: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a code cell with what it showed."""
    outputs = [kept for output in ran.outputs if (kept := _quiet(output))]
    tags = {"tags": ran.metadata["tags"]} if ran.metadata.get("tags") else {}
    return nbformat.v4.new_code_cell(ran.source, outputs=outputs, execution_count=ran.execution_count, metadata=tags)


def _quiet(output: nbformat.NotebookNode) -> nbformat.NotebookNode | None:
    """Return an output without lines of progress and links to files of the run; None where nothing is left of it."""
    if output.output_type != "stream":
        if output.get("data", {}).get("text/html", "").startswith("<a href="):
            del output.data["text/html"]  # it leads nowhere from the copy; the file's name stays, as text
        return output
    if output.name == "stderr":
        return None
    output.text = "".join(line for line in output.text.splitlines(True) if not PROGRESS.search(line))
    return output if output.text.strip() else None


def crate(run: Run) -> Path:
    """Make a run's folder an RO-Crate (`ro-crate-metadata.json`): its artefacts, and the actions that made them.

    Raises:
        NircoreError: the package `rocrate` is not installed, or nothing is recorded of the run.
    """
    try:
        from rocrate.rocrate import ROCrate
    except ImportError as error:
        raise NircoreError("nircore crate needs the package rocrate: pip install 'nircore[crate]'.") from error
    made = provenance.records(run)
    if not made:
        raise NircoreError(f"Nothing is recorded in {run.path(provenance.FOLDER)}: run nircore reproduce first.")
    book = ROCrate(version="1.1")
    book.name = f"nircore run {run.config.name}"
    book.license = book.add_jsonld({"@id": LICENCE, "@type": "CreativeWork", "name": "MIT licence"})
    book.description = f"Dataset {run.config.dataset}, profile {run.config.profile}, recipe {run.config.recipe}."
    book.datePublished = datetime.fromtimestamp(run.path("config.yaml").stat().st_mtime, UTC)
    for entry in made:
        _add_action(book, run, entry)
    text = json.dumps(book.metadata.generate(), indent=1, sort_keys=True)
    return files.write_text(run.path("ro-crate-metadata.json"), text + "\n")


def _add_action(book: Any, run: Run, entry: provenance.Record) -> None:
    """Add a step: the files it wrote, those it read, and the notebook (else the package) that did it."""
    version = f"{entry.version} {entry.commit}".strip()
    about = {"@id": "#nircore", "@type": "SoftwareApplication", "name": "nircore", "url": HOME}
    tool = book.get("#nircore") or book.add_jsonld(about | {"softwareVersion": version})
    notebook = f"notebooks/{entry.notebook}.ipynb"
    if entry.notebook and run.path(notebook).is_file():
        tool = _file(book, run, notebook, sha256(run.path(notebook)))
    read = [
        _file(book, run, name, digest) if run.path(name).is_file() else _elsewhere(book, name, digest)
        for name, digest in entry.reads.items()
        if digest and not name.endswith("/")  # neither what was not there nor a folder's names
    ]
    result = [_file(book, run, name, digest) for name, digest in entry.writes.items() if run.path(name).is_file()]
    about = {"name": str(entry), "object": read, "result": result}
    book.add_action(tool, f"#{entry.step}", properties=about)


def _file(book: Any, run: Run, name: str, digest: str) -> Any:
    """Add a file of the run, once."""
    if known := book.get(name):
        return known
    about = {"name": name, "sha256": digest, "contentSize": str(run.path(name).stat().st_size)}
    kind = mimetypes.guess_type(name)[0]
    return book.add_file(run.path(name), name, properties=about | ({"encodingFormat": kind} if kind else {}))


def _elsewhere(book: Any, name: str, digest: str) -> Any:
    """Add what a step read outside the run's folder, such as a camera frame: named, not carried along."""
    known = book.get(f"#{name}")
    return known or book.add_jsonld({"@id": f"#{name}", "@type": "CreativeWork", "name": name, "sha256": digest})
