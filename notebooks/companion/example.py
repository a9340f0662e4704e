"""What notebook 11 shows: frames to begin with, and what became of them."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ValidationError

from companion.plots.frames import before_after
from companion.plots.picture import picture
from companion.run import parameters
from nircore.data.camera import WINDOWS, Sensor, dark_level, expose, radiance
from nircore.data.frames import list_frames, read_frame, write_frame
from nircore.data.phantom import anatomy
from nircore.errors import NircoreError

SHAPE, EXPOSURE_S, ANIMALS, DARKS_S = (320, 256), 0.02, 3, (0.016, 0.064)
SHOWN = 3  # files in the figure


class Parameters(BaseModel, extra="forbid", strict=True):
    """The parameters of notebook 11."""

    frames_folder: str = ""
    dark_folder: str = ""
    exposure_s: float | None = None
    weights: str = ""


def check(namespace: Mapping[str, Any]) -> None:
    """Refuse a parameter that notebook 11 does not have, or one of another kind; call it as `check(globals())`."""
    try:
        Parameters(**parameters(namespace))
    except ValidationError as error:
        first = error.errors()[0]
        known = ", ".join(Parameters.model_fields)
        said = f"{first['loc'][0]}={first['input']!r}: {first['msg']}"
        raise NircoreError(f"{said}; notebook 11 has {known}.") from error


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


def listing(folder: Path, say: Callable[[str], None] = print) -> pd.DataFrame:
    """Return a row for each file of a folder (`file`, `height`, `width`, `dtype`, `frames`); say what is no frame."""
    rows = []
    for path in list_frames(folder):
        try:
            frame = read_frame(path)
            rows.append((str(path), *frame.pixels.shape, str(frame.dtype), frame.pages))
        except NircoreError as error:
            say(f"left out: {error}")
    return pd.DataFrame(rows, columns=["file", "height", "width", "dtype", "frames"])


def recorded(files: pd.DataFrame, source: Path, out: Path) -> pd.DataFrame:
    """Return what the records say of each result, and whether shape and type are the source's."""
    rows = []
    for row in files.itertuples():
        target = out / Path(row.file).relative_to(source)
        made = read_frame(target)
        same = (*made.pixels.shape, str(made.dtype), made.pages) == (row.height, row.width, row.dtype, row.frames)
        record = json.loads(target.with_name(f"{target.name}.json").read_text(encoding="utf-8"))
        facts = {key: record["summary"][key] for key in ("flux_ratio", "pixels_clipped", "pixels_at_ceiling")}
        pedestal = record["identity"]["pedestal_dn"]
        rows.append({"file": target.name, "as_before": same, "pedestal_dn": pedestal} | facts)
    return pd.DataFrame(rows)


def show(files: pd.DataFrame, source: Path, out: Path) -> Any:
    """Draw the first files, before and after on one grey scale; the figure is kept as `before_after.png`."""
    panels = []
    for row in files.head(SHOWN).itertuples():
        images = [read_frame(path).pixels for path in (row.file, out / Path(row.file).relative_to(source))]
        about = {"label": Path(row.file).stem, "reference": None, "scores": None}
        panels.append(about | dict(zip(("low_light", "enhanced"), images, strict=True)))
    return picture(out.parent / "before_after.png", before_after, panels)
