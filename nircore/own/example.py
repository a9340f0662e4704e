"""What notebook 11 shows: frames to begin with, and what became of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nircore.data.camera import WINDOWS, Sensor, dark_level, expose, radiance
from nircore.data.containers import opened
from nircore.data.frames import list_frames, read_frame, write_frame
from nircore.data.phantom import anatomy
from nircore.figures.panels import window
from nircore.figures.style import save
from nircore.own import records
from nircore.own.enhancer import enhancer_for
from nircore.own.settings import Settings

SHAPE, EXPOSURE_S, ANIMALS = (320, 256), 0.02, 3
DARKS_S = (0.016, 0.064)
SHOWN = 3  # files in the figure


def frames(folder: str, dark: str, place: Path) -> tuple[Path, str]:
    """Return the user's folders, or make phantom frames and darks below `place`, as 16-bit TIFF of a camera."""
    if folder:
        return Path(folder).expanduser(), dark
    for animal in range(ANIMALS):
        rate = radiance(anatomy(animal, SHAPE), WINDOWS["NIR-IIa"])
        raw = expose(rate, EXPOSURE_S, np.random.default_rng(animal))
        write_frame(place / "frames" / f"mouse{animal}_{EXPOSURE_S * 1000:04g}ms.tif", raw, raw.dtype)
    for seconds in DARKS_S:
        level = dark_level(seconds, SHAPE, Sensor())
        write_frame(place / "dark" / f"dark_{seconds * 1000:05g}ms.tif", level, np.float32)
    return place / "frames", str(place / "dark")


def listing(folder: Path) -> pd.DataFrame:
    """Return a row for each file of a folder: `file`, `height`, `width`, `dtype`, `frames`."""
    rows = []
    for path in list_frames(folder):
        with opened(path) as stack:
            rows.append((str(path), *stack.shape, str(stack.dtype), stack.pages))
    return pd.DataFrame(rows, columns=["file", "height", "width", "dtype", "frames"])


def recorded(files: pd.DataFrame, source: Path, out: Path) -> pd.DataFrame:
    """Return what the records say of each result, and whether shape and type are the source's."""
    rows = []
    for row in files.itertuples():
        target = out / Path(row.file).relative_to(source)
        with opened(target) as stack:
            same = (*stack.shape, str(stack.dtype), stack.pages) == (row.height, row.width, row.dtype, row.frames)
        record = records.read(records.path_of(target))
        facts = {key: record["summary"][key] for key in ("flux_ratio", "pixels_clipped", "pixels_at_ceiling")}
        pedestal = record["identity"]["pedestal_dn"]
        rows.append({"file": target.name, "as_before": same, "pedestal_dn": pedestal} | facts)
    return pd.DataFrame(rows)


def show(files: pd.DataFrame, source: Path, out: Path, settings: Settings) -> Any:
    """Draw the first files and return the picture for display; it is kept as `before_after.png` beside `out`."""
    from IPython.display import Image

    path = out.parent / "before_after.png"
    save(draw(files, source, out, settings), path)
    return Image(filename=str(path), alt="input, enhanced, difference")


def draw(files: pd.DataFrame, source: Path, out: Path, settings: Settings) -> Figure:
    """Draw input, output on the same grey scale, and their difference, for the first frames of some files."""
    enhancer, chosen = enhancer_for(settings), files.head(SHOWN)
    figure = Figure(figsize=(7.5, 3.1 * len(chosen)), layout="constrained")
    panels = figure.subplots(len(chosen), 3, squeeze=False)
    for row, axes in zip(chosen.itertuples(), panels, strict=True):
        frame = read_frame(row.file)
        before = enhancer.signal(frame.pixels, frame.exposure_s)
        after = read_frame(out / Path(row.file).relative_to(source)).pixels - np.float32(enhancer.pedestal_dn)
        low, high = window([before, after])
        reach = float(np.percentile(np.abs(after - before), 99.5))
        for ax, image, limits, colours, title in (
            (axes[0], before, (low, high), "gray", Path(row.file).stem),
            (axes[1], after, (low, high), "gray", "enhanced, same scale (DN)"),
            (axes[2], after - before, (-reach, reach), "RdBu_r", "difference (DN)"),
        ):
            shown = ax.imshow(image, cmap=colours, vmin=limits[0], vmax=limits[1])
            figure.colorbar(shown, ax=ax, shrink=0.75)
            ax.set_title(title, size=8)
            ax.set_axis_off()
    return figure
