"""Keep what runs made in the repository: tables, figures, report and executed notebooks, as a forge shows them."""

import os
import re
import shutil
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from unittest.mock import patch

import nbformat
import pandas as pd

from companion.run import Run, chain, places, stamped
from companion.study import real_frames, real_methods
from nircore import files
from nircore.recipe import resolve

REAL = "real-frames"  # the run of notebook 14
#: Lines that say how far something is, such as "epoch 3/40 ...": no copy keeps them.
PROGRESS = re.compile(r"\b\d+/\d+\b|^(benchmark|explain): ", re.M)
#: The line of a notebook's first cell that leads to the copy with pictures.
LINK = re.compile(r"^\*\[Executed, with pictures\]\([^)]*\)\.\*$", re.M)


def publish(data_root: Path) -> None:
    """Make what is published beside the default run anew; interrupted, it goes on.

    Two parts go side by side, on one core each. What is trained and what is scored without a training come first:
    the notebooks on real frames take up both. The default run comes afterwards, for its claims rest on tables of the
    parts, and without the packages that only they may use.

    Args:
        data_root: the folder of the SWIR_HDR set, with its plate and boards.

    Raises:
        NircoreError: a notebook failed; what was made stays, and the same call goes on.
    """
    with patch.dict(os.environ, OMP_NUM_THREADS="1"), ProcessPoolExecutor(2, get_context("spawn")) as pool:
        *first, recipes = [pool.submit(part, data_root) for part in (_trainings, _classical, _recipes)]
        for part in first:
            part.result()
        for part in [pool.submit(part, data_root) for part in (_real_frames, _spectrum_shift, _movies)] + [recipes]:
            part.result()


def _trainings(root: Path) -> None:
    """Train everything that is trained without an animal, where it is not kept."""
    for methods in (real_methods.shipped(root), real_methods.learnt(root, places.run_folder(REAL))):
        for of_fold in methods.values():
            for animal in real_frames.FOLDS:
                of_fold(animal)


def _classical(root: Path) -> None:
    """Score on real frames what needs no training."""
    methods = real_methods.classical() | real_methods.coloured(root)
    real_frames.scores(root, methods, places.run_folder(REAL) / "tables" / "real_frames_all.csv")


def _recipes(_: Path) -> None:
    """Publish what each recipe makes of the phantom after a short training."""
    _bring("12_recipes", "recipes", profile="ablation", run="recipes-phantom", dataset="phantom")


def _spectrum_shift(root: Path) -> None:
    """Publish what a shift between windows carries on real frames."""
    real = {"dataset": "swir-hdr", "data_root": str(root)}
    _bring("13_spectrum_shift", "recipes", profile="ablation", run="recipes-swir-hdr", **real)


def _movies(root: Path) -> None:
    """Publish what the frames before a frame give."""
    _bring("16_movies", "benchmark", profile="cpu", run="movies", seeds=1, data_root=str(root))


def _bring(last: str, folder: str, **given: Any) -> None:
    """Bring a run up to date, up to a notebook, and keep what that made."""
    config = resolve(given)
    chain.bring(config, last)
    keep(Run(config), last, places.run_folder(folder))


def _real_frames(root: Path) -> None:
    """Publish every method on real frames, and what is measured of the models that ship."""
    real = {"dataset": "swir-hdr", "data_root": str(root)}
    for name, run, asked in (("14_real_frames", REAL, "learnt"), ("15_models_that_ship", "shipped", "score")):
        made = Run(resolve({"run": run} | real))
        chain.execute(made, name, {"data_root": str(root), asked: True})
        keep(made, name, places.run_folder("benchmark"))


def keep(run: Run, notebook: str, folder: Path) -> None:
    """Keep the tables, with their version, and the figures of a run in a folder, and its executed notebook.

    A table is kept if the folder has one of its name already: other tables of the run stand in the showcase.
    """
    for path in sorted(run.path("tables").glob("*.csv")):
        if (folder / path.name).is_file():
            text = stamped(pd.read_csv(path)).to_csv(index=False, float_format="%.6g", lineterminator="\n")
            files.write_text(folder / path.name, text)
    for path in sorted(run.path("figures").glob("*.png")):
        for kept in (folder / path.name, folder / f"{run.config.dataset}_{path.name}"):
            if kept.is_file():
                shutil.copyfile(path, kept)
    show(run, notebook, places.run_folder("showcase") / "notebooks")


def show(run: Run, notebook: str, folder: Path) -> None:
    """Write the executed copy of a notebook as a forge shows it: no progress, no times, no folders of a machine."""
    executed = nbformat.read(run.path(f"notebooks/{notebook}.ipynb"), as_version=4)
    source = nbformat.read(places.NOTEBOOKS / f"{notebook}.ipynb", as_version=4)
    text = nbformat.writes(shown_copy(executed, source))
    for place in (run.folder, places.REPOSITORY):
        text = text.replace(f"{place}/", "")
    if run.config.data_root:
        text = text.replace(run.config.data_root, "data/swir_hdr")
    files.write_text(folder / f"{notebook}.ipynb", text + "\n")


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
    if (folder / "notebooks").is_dir():  # those of other runs stay
        shutil.copytree(folder / "notebooks", fresh / "notebooks")
    for path in sorted(run.path("notebooks").glob("[0-9]*.ipynb")):
        if ".partial" not in path.name:
            show(run, path.stem, fresh / "notebooks")
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
