"""The published SWIR_HDR frames: raw 13-bit InGaAs images of mice, each still scene at 20 to 640 ms.

Source: Patel, Zhong, Moffett, Sun, Dennis, bioRxiv 2025.11.06.687088, github.com/amishp42/SWIR_HDR (MIT).
A root holds TIFF copies, as `nircore fetch` makes them of the published HDF5 files: `qd/<animal>/` (quantum dots) and
`icg/<series>/` with names like `F1-2_BP1150_0020ms.tif`, and `dark/`; what is no animal lies in `plate/`,
`reflectance/` and `checker/`.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nircore.data import references
from nircore.data.darks import Darks, darks_in
from nircore.data.frames import exposure_in, filter_in, read_frame, without_exposure
from nircore.errors import NircoreError

SATURATION_DN = 4200  # raw DN above which the response bends (measured: linear below, full well 4.4-5.3 kDN)
MISMATCHED_FILTERS = ("LP1250",)  # exposures of this filter disagree by more than noise: report it apart
#: Series in which the animal moved after the first exposures [seen]: the first one, in s, that shows the scene.
MOVED = {"250506_M1_ICG": 0.1, "m1_hdr_icg": 0.1, "m2_hdr_icg": 0.1}


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
    table = pd.DataFrame({"file": _frames(root, "qd")})
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


def _frames(root: Path | str, kind: str) -> list[Path]:
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
    _frames(root, "dark")
    return darks_in(Path(root) / "dark")


def load(file: Path | str, exposure_s: float, darks: Darks) -> np.ndarray:
    """Return the (H, W) float32 signal in DN: the frame minus the dark of its exposure.

    Values are not clipped: read noise takes dim pixels below zero.

    Raises:
        NircoreError: the frame cannot be read, has not the size of the darks, or no dark fits its exposure.
    """
    pixels, dark = read_frame(file).pixels, darks.at(exposure_s)
    if pixels.shape != dark.shape:
        raise NircoreError(f"{file} is {pixels.shape}, the darks are {dark.shape}: use frames of one camera.")
    return pixels - dark


def valid(raw: np.ndarray) -> np.ndarray:
    """Return where a raw frame in DN (dark not subtracted) is below saturation, as a bool mask."""
    return raw < SATURATION_DN


@dataclass(frozen=True)
class Scene:
    """A still scene at several exposures.

    Attributes:
        name: animal or series, and filter: "F1-2_BP1150".
        group: animal or series.
        filter: such as "BP1150".
        files: exposure in s -> frame, from the shortest that shows the scene.
    """

    name: str
    group: str
    filter: str
    files: dict[float, str]

    @property
    def low_s(self) -> float:
        """The low-light exposure, the shortest."""
        return min(self.files)

    def signals(self, darks: Darks) -> dict[float, tuple[np.ndarray, np.ndarray]]:
        """Return exposure in s -> (signal in DN above the dark, where it is below saturation), (H, W) both."""
        return {t: (load(file, t, darks), valid(read_frame(file).pixels)) for t, file in self.files.items()}

    def merged(self, darks: Darks) -> tuple[np.ndarray, np.ndarray]:
        """Return the merged reference at the low-light exposure, and where it is known; see `references.merged`."""
        return references.merged(self.signals(darks), self.low_s)

    def single(self, darks: Darks, exposure_s: float = 0.32) -> tuple[np.ndarray, np.ndarray] | None:
        """Return one long exposure at the low-light one's scale, and where it is not saturated; None without it."""
        if exposure_s not in self.files:
            return None
        signal = load(self.files[exposure_s], exposure_s, darks)
        return signal * (self.low_s / exposure_s), valid(read_frame(self.files[exposure_s]).pixels)


def scenes(root: Path | str) -> list[Scene]:
    """List the still scenes at hand, quantum dots and ICG, by name; see `Scene`.

    Raises:
        NircoreError: there are no quantum-dot frames under `root`.
    """
    more = _frames(root, "icg") if (Path(root) / "icg").is_dir() else []
    found: dict[tuple[str, str], dict[float, str]] = {}
    for file in [*more, *_frames(root, "qd")]:
        if exposure_in(file) >= MOVED.get(file.parent.name, 0):
            scene = found.setdefault((file.parent.name, without_exposure(file.stem)), {})
            scene[exposure_in(file)] = str(file)
    return [Scene(name, group, filter_in(name), files) for (group, name), files in found.items()]


def series(root: Path | str, kind: str) -> dict[float, Path]:
    """Return exposure in s -> frame of what is no animal: "plate", "reflectance" or "checker".

    Raises:
        NircoreError: the set under `root` has none.
    """
    return {exposure_in(file): file for file in _frames(root, kind)}
