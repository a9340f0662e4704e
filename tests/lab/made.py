"""Frames to enhance, the files that hold them, what is read back from a file, and a pipeline of one step."""

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import tifffile
import zarr
from PIL import Image

from nirlab.formats.containers import container, opened
from nirlab.formats.raw import Raw


def frames(count: int = 1, shape: tuple[int, int] = (40, 48), seed: int = 0, pedestal: float = 1100) -> np.ndarray:
    """Something bright on a pedestal with noise of 12 DN, (count, H, W) uint16."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = 400 * np.exp(-((y - shape[0] / 2) ** 2 + (x - shape[1] / 3) ** 2) / 60)
    return np.rint(pedestal + light + rng.normal(0, 12, (count, *shape))).astype(np.uint16)


class OneStep:
    """A pipeline whose network, a function of a frame, does all there is to do."""

    def __init__(self, run: Callable[[np.ndarray], np.ndarray]) -> None:
        self.run = run

    def prepare(self, pixels: np.ndarray) -> tuple[np.ndarray, None]:
        return pixels, None

    def finish(self, values: np.ndarray, fit: None) -> np.ndarray:
        return values


def movie(dtype: str = "uint16", count: int = 5, shape: tuple[int, int] = (20, 33)) -> np.ndarray:
    """Frames of any type that use the whole of its range, (count, H, W)."""
    rng = np.random.default_rng(0)
    if np.dtype(dtype).kind == "f":
        return rng.normal(0, 1000, (count, *shape)).astype(dtype)
    limits, native = np.iinfo(dtype), np.dtype(dtype).newbyteorder("=")
    return rng.integers(limits.min, limits.max, (count, *shape), dtype=native, endpoint=True).astype(dtype)


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.startswith((".", "whole"))]


def result_of(source: Path, out: Path) -> Path:
    """Return where a file's result is: a kind that is only read becomes OME-TIFF."""
    return out / (f"{source.stem}.ome.tif" if source.suffix == ".h5" else source.name)


def write(path: Path, array: np.ndarray) -> Path:
    """Write an array in the container that the suffix names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["Cube/Images"] = array
    elif path.suffix == ".zarr":
        zarr.create_array(str(path), shape=array.shape, dtype=array.dtype, chunks=(2, *array.shape[1:]))[:] = array
    elif path.suffix == ".png":
        Image.fromarray(array[0]).save(path)
    else:
        tifffile.imwrite(path, array, photometric="minisblack")
    return path


def read(path: Path) -> np.ndarray:
    if path.suffix == ".npy":
        return np.load(path)
    if path.suffix == ".h5":
        with h5py.File(path) as file:
            return file["Cube/Images"][()]
    if path.suffix == ".zarr":
        return zarr.open(str(path), mode="r")[:]
    return np.array(Image.open(path)) if path.suffix == ".png" else tifffile.imread(path)


def pages(path: Path, raw: Raw | None = None) -> np.ndarray:
    """Return all frames of a file, (count, H, W)."""
    with opened(path, raw) as stack:
        return np.stack([stack.read(page) for page in range(stack.pages)])


def copied(source: Path, folder: Path, change: Callable = np.copy) -> tuple[Path, list[str]]:
    """Write a file like `source` with its own pixels, or what is made of them; return it and what was not kept."""
    kind = container(source)
    target = folder / f"copy{kind.suffix or source.suffix}"
    with opened(source) as stack:
        kind.check(source, stack)
        made = [change(stack.read(page)) for page in range(stack.pages)]
        assert {page.dtype for page in made} == {stack.dtype} and stack.dtype.isnative
        return target, kind.write(stack, source, target, iter(made), "a note")
