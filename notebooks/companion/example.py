"""What notebook 11 shows: frames to begin with, and what became of them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from nircore.data.camera import WINDOWS, Sensor, dark_level, expose, radiance
from nirlab.formats.containers import opened
from nircore.data.frames import list_frames, read_frame, write_frame
from nircore.data.phantom import anatomy
from nircore.errors import NircoreError
from nircore.inference.enhancer import enhancer_for
from nircore.inference.settings import Settings
from nirlab import records
from companion.plots.panels import window
from companion.plots.style import save
from companion.run import parameters

SHAPE, EXPOSURE_S, ANIMALS = (320, 256), 0.02, 3
DARKS_S = (0.016, 0.064)
SHOWN = 3  # files in the figure
PARAMETERS = {
    "frames_folder": (str,), "dark_folder": (str,), "exposure_s": (float, int, type(None)), "weights": (str,)
}  # fmt: skip


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


def check(namespace: Mapping[str, Any]) -> None:
    """Refuse a parameter that notebook 11 does not have, or one of another kind; call it as `check(globals())`.

    Raises:
        NircoreError: names the parameter, and those there are.
    """
    for name, value in parameters(namespace).items():
        if name not in PARAMETERS:
            raise NircoreError(f"Unknown parameter {name!r}: notebook 11 has {', '.join(PARAMETERS)}.")
        if not isinstance(value, PARAMETERS[name]):
            kinds = " or ".join(kind.__name__ for kind in PARAMETERS[name] if kind is not type(None))
            raise NircoreError(f"{name}={value!r} is not accepted: give {kinds}.")


def listing(folder: Path, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Return a row for each file of a folder (`file`, `height`, `width`, `dtype`, `frames`); say what is no frame."""
    rows = []
    for path in list_frames(folder):
        try:
            with opened(path) as stack:
                rows.append((str(path), *stack.shape, str(stack.dtype), stack.pages))
        except NircoreError as error:
            say(f"left out: {error}")
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
