"""Keep what runs made in the repository: tables, figures, report and executed notebooks, as a forge shows them."""

import re
import shutil
from pathlib import Path

import nbformat

from companion.run import Run, chain, places
from nircore import files
from nircore.recipe import resolve

#: Lines that say how far something is, such as "epoch 3/40 ...": no copy keeps them.
PROGRESS = re.compile(r"\b\d+/\d+\b|^(benchmark|explain): ", re.M)
#: The line of a notebook's first cell that leads to the copy with pictures.
LINK = re.compile(r"^\*\[Executed, with pictures\]\([^)]*\)\.\*$", re.M)


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
