"""Golden cells: the few notebook outputs that are kept and compared. Run this file to make them anew."""

import os
import tempfile
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from companion.run.chain import IN_CHAIN, QUIET

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "notebooks").glob("[0-9]*.ipynb"))


def is_golden(cell: NotebookNode) -> bool:
    return "golden" in cell.metadata.get("tags", [])


def stripped(notebook: NotebookNode) -> NotebookNode:
    """Empty every cell that is not golden: nbval compares just the cells that have an execution count."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.metadata = {"tags": cell.metadata["tags"]} if "tags" in cell.metadata else {}
            if not is_golden(cell):
                cell.outputs, cell.execution_count = [], None
    notebook.metadata.pop("widgets", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def refresh() -> None:
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as reports:
        os.environ |= {"NIRCORE_REPORTS": reports, IN_CHAIN: "1"}
        for path in NOTEBOOKS:
            notebook = nbformat.read(path, as_version=4)
            place = {"metadata": {"path": path.parent}}
            NotebookClient(notebook, kernel_name="python3", resources=place, extra_arguments=QUIET).execute()
            nbformat.write(stripped(notebook), path)
            print(f"{path.name}: {sum(map(is_golden, notebook.cells))} golden")


if __name__ == "__main__":
    refresh()
