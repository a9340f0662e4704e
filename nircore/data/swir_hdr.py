"""The published SWIR_HDR frames: raw 13-bit InGaAs images of mice, each still scene at 20 to 640 ms.

Source: Patel, Zhong, Moffett, Sun, Dennis, bioRxiv 2025.11.06.687088, github.com/amishp42/SWIR_HDR (MIT).
A root holds TIFF copies, as `nircore fetch` makes them of the published HDF5 files: `qd/<animal>/` (quantum dots) and
`icg/<series>/` with names like `F1-2_BP1150_0020ms.tif`, and `dark/`; what is no animal lies in `plate/`,
`reflectance/` and `checker/`.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from nircore.data.darks import Darks, darks_in
from nircore.data.frames import exposure_in, filter_in, read_frame
from nircore.errors import NircoreError

SATURATION_DN = 4200  # raw DN above which the response bends (measured: linear below, full well 4.4-5.3 kDN)
MISMATCHED_FILTERS = ("LP1250",)  # exposures of this filter disagree by more than noise: report it apart


def catalogue(
    root: Path | str, low_light_s: tuple[float, ...] = (0.02, 0.04), target_s: tuple[float, ...] = (0.32,)
) -> pd.DataFrame:
    """List the quantum-dot frames at hand, one row each, sorted by scene and exposure.

    Columns: `file` (absolute path), `domain` ("low_light" or "target"), `group` (animal, "F1-2"), `scene`
    (animal and filter, "F1-2/BP1150": one still scene at every exposure), `exposure_s`, `filter`.
    LP1250 is listed too, although its exposures do not match: see `MISMATCHED_FILTERS`.

    Args:
        root: folder of the set; animals of the published set that it does not hold are not listed.
        low_light_s: exposures in seconds that make the low-light domain.
        target_s: exposures in seconds that make the target domain.

    Raises:
        NircoreError: no frames under root, an exposure in both domains, or a domain without frames.
    """
    domains = {round(s, 6): "low_light" for s in low_light_s} | {round(s, 6): "target" for s in target_s}
    if len(domains) < len(low_light_s) + len(target_s):
        raise NircoreError(f"low_light_s={low_light_s}, target_s={target_s}: name each exposure only once.")
    table = pd.DataFrame({"file": frames(root, "qd")})
    exposures_s = table["file"].map(exposure_in)
    table["domain"] = exposures_s.round(6).map(domains)
    table["group"] = [file.parent.name for file in table["file"]]
    filters = table["file"].map(filter_in)
    table = table.assign(scene=table["group"] + "/" + filters, exposure_s=exposures_s, filter=filters)
    for domain, parameter in (("low_light", "low_light_s"), ("target", "target_s")):
        if domain not in set(table["domain"]):
            there = ", ".join(f"{s:g}" for s in sorted(set(exposures_s)))
            raise NircoreError(f"{root} has no frame at the exposures of {parameter}: it holds {there} s.")
    table["file"] = table["file"].map(str)
    return table.dropna(subset="domain").sort_values(["scene", "exposure_s"], ignore_index=True)


def frames(root: Path | str, kind: str) -> list[Path]:
    """Return the frames of one kind ("qd", "icg", "plate", ...), absolute, sorted by name.

    Raises:
        NircoreError: the set under `root` has none.
    """
    found = sorted(Path(root).resolve().glob(f"{kind}/**/*ms.tif"))
    if not found:
        raise NircoreError(f"{root} has no {kind}/ frames like {kind}_0020ms.tif: run nircore fetch swir-hdr.")
    return found


def darks(root: Path | str) -> Darks:
    """Return the dark frames of the set.

    Raises:
        NircoreError: there are none, or one is damaged.
    """
    frames(root, "dark")
    return darks_in(Path(root) / "dark")


def load(file: Path | str, exposure_s: float, darks: Darks) -> np.ndarray:
    """Return the (H, W) float32 signal in DN: the frame minus the dark of its exposure.

    Raises:
        NircoreError: the frame cannot be read, or as `Darks.subtracted`.
    """
    return darks.subtracted(read_frame(file).pixels, exposure_s, file)


def load_valid(file: Path | str, exposure_s: float, darks: Darks) -> tuple[np.ndarray, np.ndarray]:
    """Return what `load` does, and where the raw frame is below saturation, (H, W) bool."""
    raw = read_frame(file).pixels
    return darks.subtracted(raw, exposure_s, file), raw < SATURATION_DN
