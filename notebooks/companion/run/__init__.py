"""A run: one config and the folder under reports/ that holds everything made from it."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nircore import paths
from nircore.config import Config, load_file, require_known, resolve
from nircore.errors import NircoreError
from companion.run import freshness

if TYPE_CHECKING:
    from companion.run.steps import Step

Pictures = Mapping[str, Mapping[str, np.ndarray]]  # title -> name -> (H, W)
STAMP = ("nircore", "commit")  # columns of a published table: the version and the commit that made it
NOTEBOOK = "NIRCORE_NOTEBOOK"  # environment: the notebook that the chain is executing
MARK = "# Parameters"  # papermill begins the cell it injects with it, and so do our parameters cells


class Missing(NircoreError):
    """A file of a run that a step reads is not there; `name` is its place in the run's folder."""

    def __init__(self, name: str, sentence: str) -> None:
        super().__init__(sentence)
        self.name = name


@dataclass(frozen=True)
class Run:
    """The config of a run and its files: `config.yaml`, `tables/`, `figures/`, `arrays/`, `models/`, report."""

    config: Config

    @property
    def folder(self) -> Path:
        """`reports/<run>`."""
        return paths.run_folder(self.config.name)

    def path(self, name: str) -> Path:
        """Return a file of the run, such as `tables/split.csv`."""
        return self.folder / name

    def made(self, name: str) -> Path:
        """Return a file that another step makes.

        Raises:
            Missing: it is not there; a step that is being made goes on once it is.
        """
        if not self.has(name):
            kind = "table" if name.startswith("tables/") else "file"
            raise Missing(
                name, f"There is no {kind} {self.path(name)}: run the notebook that makes it (README, notebook map)."
            )
        return self.path(name)

    def has(self, name: str) -> bool:
        """Say whether a file is there; a step that asks runs again where the answer would be another."""
        return freshness.look(self.path(name))

    def table(self, name: str) -> pd.DataFrame:
        """Read `tables/<name>.csv`; empty cells of text columns come back as empty text."""
        frame = pd.read_csv(self.made(f"tables/{name}.csv"))
        text = frame.select_dtypes(include=["object", "string"]).columns
        return frame.fillna(dict.fromkeys(text, ""))

    def write_table(self, name: str, frame: pd.DataFrame) -> Path:
        """Write `tables/<name>.csv` atomically, nine significant digits, so that a repeat gives equal bytes."""
        return paths.write_text(
            self.path(f"tables/{name}.csv"), frame.to_csv(index=False, float_format="%.9g", lineterminator="\n")
        )

    def write_pictures(self, name: str, pictures: Pictures) -> Path:
        """Write `arrays/<name>.npz` atomically: what the pictures of a figure are drawn from."""
        path = self.path(f"arrays/{name}.npz")
        flat = {f"{title}/{part}": array for title, parts in pictures.items() for part, array in parts.items()}
        with paths.atomic(path) as temporary:
            np.savez_compressed(temporary, **flat)
        return path

    def pictures(self, name: str) -> Pictures:
        """Read `arrays/<name>.npz`."""
        pictures: dict[str, dict[str, np.ndarray]] = {}
        with np.load(self.made(f"arrays/{name}.npz"), allow_pickle=False) as file:
            for place in file.files:
                title, part = place.rsplit("/", 1)
                pictures.setdefault(title, {})[part] = file[place]
        return pictures

    def figure(self, name: str) -> Path:
        """Return where `figures/<name>.png` is or will be."""
        return self.path(f"figures/{name}.png")

    def show(self, name: str) -> Any:
        """Return a figure of the run for display in a notebook."""
        from IPython.display import Image

        return Image(filename=str(self.figure(name)), alt=name.replace("_", " "))

    def make(self, step: "Step") -> None:
        """Bring a step up to date, as `companion.run.steps.make` says."""
        from companion.run import steps

        steps.make(self, step)

    def save_config(self) -> None:
        """Write `config.yaml`, unless it already says the same."""
        path, text = self.path("config.yaml"), self.config.to_yaml()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            paths.write_text(path, text)


def parameters(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values assigned in the notebook's newest parameters cells (or all, outside a notebook)."""
    if "In" not in namespace:
        return dict(namespace)
    cells = list(namespace["In"])[:-1]
    while cells and not cells[-1].startswith(MARK):
        cells.pop()
    names: list[str] = []
    while cells and cells[-1].startswith(MARK):
        for statement in ast.parse(cells.pop()).body:
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return {name: namespace[name] for name in dict.fromkeys(names)}


def open_run(namespace: Mapping[str, Any]) -> Run:
    """Open the run that a notebook's parameters describe; call it as `open_run(globals())`.

    A parameter left at None, or not in the notebook's parameters cell, keeps the value the run was made with
    when the run already exists with the same dataset, profile and recipe; otherwise the profile's.

    Raises:
        NircoreError: an unknown parameter, a wrong type, or a value out of range, before anything is done.
    """
    given = {name: value for name, value in parameters(namespace).items() if value is not None}
    require_known(given)
    config = resolve(given)
    saved = paths.run_folder(config.name) / "config.yaml"
    if saved.is_file():
        before = load_file(saved)
        if all(getattr(before, key) == getattr(config, key) for key in ("dataset", "profile", "recipe")):
            config = before.replace(**given)
    from companion.run import kernel

    run = Run(config)
    run.save_config()
    kernel.follow(run)
    return run


def published(name: str) -> Path:
    """Return a file of the paper's published facts, kept in `data/paper/` of the checkout."""
    path = paths.REPOSITORY / "data" / "paper" / name
    if not path.is_file():
        raise NircoreError(f"{path} is missing: it is part of the repository, restore it from there.")
    return path


def stamped(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table to be published, with the columns STAMP: a table of another version says so itself."""
    return table.assign(**dict(zip(STAMP, (paths.VERSION, paths.commit()), strict=True)))
