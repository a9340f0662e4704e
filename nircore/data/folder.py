"""Any two folders of camera frames, low-light and target, as a catalogue to split and train on."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from nircore.data.frames import list_frames, read_frame, without_exposure, without_filter
from nircore.data.plain import opened
from nircore.errors import NircoreError

COLUMNS = ["file", "domain", "group", "scene", "exposure_s", "filter"]


def catalogue(
    low_light: Path | str | None, target: Path | str | None, skip_bad: bool = False
) -> tuple[pd.DataFrame, list[str]]:
    """List the frames of two folders, after opening and checking every one of them.

    Columns: `file` (absolute path), `domain` ("low_light" or "target"), `group`, `scene`, `exposure_s` (NaN
    when unknown), `filter` (None when unknown).

    - `group` is what a split must not tear apart, an animal or one acquisition. For a file in a subfolder it
      is the first subfolder's name. For any other it is the file's stem, less exposure and filter, up to its
      last number: `mouse3_0007.tif` and `mouse3_0007_BP1150_0020ms.tif` both belong to `mouse3`. A name that
      is nothing but a number belongs to `acquisition`. Where names tell too little, use subfolders.
    - `scene` is the path inside the folder, less suffix and exposure: the same scene may be in both folders.

    Frames may differ in size, for training cuts crops. Of a file with several pages the first is listed.

    Returns:
        The catalogue, and one sentence for each thing left out.

    Raises:
        NircoreError: one folder only, the same folder twice or one in the other, a missing or empty folder,
            a bad file (unless `skip_bad`), or two bit depths in one domain.
    """
    low_light, target = two_folders(low_light, target)
    low_rows, low_notes = _domain("low_light", low_light, skip_bad)
    target_rows, target_notes = _domain("target", target, skip_bad)
    return pd.DataFrame(low_rows + target_rows, columns=COLUMNS), low_notes + target_notes


def two_folders(low_light: Path | str | None, target: Path | str | None) -> tuple[Path, Path]:
    """Return two folders of frames, each with frames in it; no frame is opened.

    Raises:
        NircoreError: one folder only, the same folder twice or one in the other, a missing or empty folder.
    """
    if not low_light or not target:
        raise NircoreError("Two folders are needed: one of low-light frames and one of target frames.")
    low_light, target = Path(low_light).resolve(), Path(target).resolve()
    if low_light.is_relative_to(target) or target.is_relative_to(low_light):
        raise NircoreError(f"{low_light} and {target} overlap: keep low-light and target frames apart.")
    for folder in (low_light, target):
        list_frames(folder)
    return low_light, target


def _domain(domain: str, folder: Path, skip_bad: bool) -> tuple[list[dict], list[str]]:
    """Rows of the good frames of one folder, and a sentence for each frame left out."""
    rows, notes, first_of = [], [], {}
    for path in list_frames(folder):
        try:
            frame = read_frame(path)
        except NircoreError as error:
            if not skip_bad:
                raise
            notes.append(f"Left out: {error}")
            continue
        if frame.pages > 1:
            notes.append(f"Left out: pages 2 to {frame.pages} of {path}; save each as a file to use it.")
        first_of.setdefault(frame.dtype, path)
        inside = path.relative_to(folder)
        group = inside.parts[0] if len(inside.parts) > 1 else _group(path.stem)
        scene = (inside.parent / without_exposure(path.stem)).as_posix()
        exposure_s = np.nan if frame.exposure_s is None else frame.exposure_s
        rows.append(dict(zip(COLUMNS, (str(path), domain, group, scene, exposure_s, frame.filter), strict=True)))
    if not rows:
        raise NircoreError(f"Not one frame of {folder} can be used; the first: {notes[0]}")
    if len(first_of) > 1:
        examples = " and ".join(f"{path} is {dtype}" for dtype, path in list(first_of.items())[:2])
        raise NircoreError(f"{folder} mixes bit depths ({examples}): export all its frames with one.")
    return rows, notes


def _group(stem: str) -> str:
    """The stem, less exposure and filter, up to its last number."""
    return re.sub(r"\d+\D*$", "", without_filter(without_exposure(stem))).strip("_-. ") or "acquisition"


def require_size(catalogue: pd.DataFrame, crop: int) -> None:
    """Check from the headers that every frame of a catalogue is at least `crop` pixels on a side.

    Raises:
        NircoreError: a frame is smaller; names it, its size and the way out.
    """
    for file in catalogue["file"]:
        with opened(file) as stack:
            height, width = stack.shape
        if min(height, width) < crop:
            way_out = f"use a crop of at most {min(height, width)}, or leave the frame out"
            raise NircoreError(f"{file} is {height} x {width} pixels, smaller than crop={crop}: {way_out}.")
