"""A run: one config, and the folder under reports/ that holds everything made from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion.run import places
from nircore import files, paths
from nircore.config import Config
from nircore.data import split
from nircore.errors import NircoreError

Pictures = Mapping[str, Mapping[str, np.ndarray]]  # title -> name -> (H, W)
STAMP = ("nircore", "commit")  # columns of a published table: the version and the commit that made it


@dataclass(frozen=True)
class Run:
    """The config of a run and its files: `config.yaml`, `tables/`, `figures/`, `arrays/`, `models/`, report."""

    config: Config

    @property
    def folder(self) -> Path:
        """`reports/<run>`."""
        return places.run_folder(self.config.name)

    def path(self, name: str) -> Path:
        """Return a file of the run, such as `tables/split.csv`."""
        return self.folder / name

    def made(self, name: str) -> Path:
        """Return a file that an earlier notebook makes.

        Raises:
            NircoreError: the file is not there.
        """
        if not self.path(name).is_file():
            raise NircoreError(f"There is no {self.path(name)}: run the notebook that makes it (README, notebooks).")
        return self.path(name)

    def table(self, name: str) -> pd.DataFrame:
        """Read `tables/<name>.csv`; empty cells of text columns come back as empty text."""
        frame = pd.read_csv(self.made(f"tables/{name}.csv"))
        text = frame.select_dtypes(include=["object", "string"]).columns
        return frame.fillna(dict.fromkeys(text, ""))

    def write_table(self, name: str, frame: pd.DataFrame) -> Path:
        """Write `tables/<name>.csv` atomically, nine significant digits, so that a repeat gives equal bytes."""
        return files.write_text(
            self.path(f"tables/{name}.csv"), frame.to_csv(index=False, float_format="%.9g", lineterminator="\n")
        )

    def rows(self, part: str, domain: str) -> list[Any]:
        """Return the rows of the run's split in one part ("train", ...) and domain, with their paths made whole."""
        table = self.table("split")
        for key in ("file", "reference"):
            table[key] = [str(paths.data() / name) if name else "" for name in table[key].astype(object).fillna("")]
        return split.rows_of(table)(part, domain)

    def write_pictures(self, name: str, pictures: Pictures) -> Path:
        """Write `arrays/<name>.npz` atomically: what the pictures of a figure are drawn from."""
        path = self.path(f"arrays/{name}.npz")
        flat = {f"{title}/{part}": array for title, parts in pictures.items() for part, array in parts.items()}
        with files.atomic(path) as temporary:
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

    def save_config(self) -> None:
        """Write `config.yaml`, unless it already says the same."""
        path, text = self.path("config.yaml"), self.config.to_yaml()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            files.write_text(path, text)


def stamped(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table to be published, with the columns STAMP: a table of another version says so itself."""
    return table.assign(**dict(zip(STAMP, (paths.VERSION, places.commit()), strict=True)))
