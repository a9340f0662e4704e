"""The published SWIR_HDR frames: raw 13-bit InGaAs images of mice, each still scene at 20 to 640 ms.

Source: Patel, Zhong, Moffett, Sun, Dennis, bioRxiv 2025.11.06.687088, github.com/amishp42/SWIR_HDR (MIT).
A root holds `metadata.csv` and either the TIFF copies (`qd/<animal>/`, `dark/`), the HDF5 files as published,
or both; a frame at hand in both kinds is read from its TIFF.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nircore.data import references
from nircore.data.darks import Darks
from nircore.data.frames import filter_in, list_frames, read_frame, sha256
from nircore.errors import NircoreError

SATURATION_DN = 4200  # raw DN above which the response bends (measured: linear below, full well 4.4-5.3 kDN)
MISMATCHED_FILTERS = ("LP1250",)  # exposures of this filter disagree by more than noise: report it apart
#: Series in which the animal moved after the first exposures [seen]: the first one, in s, that shows the scene.
MOVED = {"250506_M1_ICG": 0.1, "m1_hdr_icg": 0.1, "m2_hdr_icg": 0.1}
COLUMNS = ["file", "domain", "group", "scene", "exposure_s", "filter"]


def catalogue(
    root: Path | str,
    low_light_s: tuple[float, ...] = (0.02, 0.04),
    target_s: tuple[float, ...] = (0.32,),
    animals: tuple[str, ...] = (),
) -> pd.DataFrame:
    """List the quantum-dot frames at hand, one row each, sorted by scene and exposure.

    Columns: `file` (absolute path), `domain` ("low_light" or "target"), `group` (animal, "F1-2"), `scene`
    (animal and filter, "F1-2/BP1150": one still scene at every exposure), `exposure_s`, `filter`.
    LP1250 is listed too, although its exposures do not match: see `MISMATCHED_FILTERS`.

    Args:
        root: folder of the set; animals of the published set that it does not hold are not listed.
        low_light_s: exposures in seconds that make the low-light domain.
        target_s: exposures in seconds that make the target domain.
        animals: the animals wanted, all of which must be there; empty for every animal at hand.

    Raises:
        NircoreError: no root, no or a foreign `metadata.csv`, an exposure in both domains, an animal or a
            domain without frames.
    """
    domains = {round(s, 6): "low_light" for s in low_light_s} | {round(s, 6): "target" for s in target_s}
    if len(domains) < len(low_light_s) + len(target_s):
        raise NircoreError(f"low_light_s={low_light_s}, target_s={target_s}: name each exposure only once.")
    table = _at_hand(Path(root), "qd/")
    names = table["name"].map(Path)
    table["group"] = names.map(lambda name: name.parent.name)
    table["filter"] = names.map(filter_in)
    table["scene"] = table["group"] + "/" + table["filter"]
    table["domain"] = table["exposure_s"].round(6).map(domains)
    missing = set(animals) - set(table["group"])
    if missing:
        there = ", ".join(sorted(set(table["group"])))
        raise NircoreError(f"{root} has no frames of animal {', '.join(sorted(missing))}: it holds {there}.")
    wanted = table["domain"].notna() & (table["group"].isin(animals) | (not animals))
    _check_domains(root, table, table[wanted])
    return table.loc[wanted, COLUMNS].sort_values(["scene", "exposure_s"], ignore_index=True)


def _check_domains(root: Path | str, table: pd.DataFrame, wanted: pd.DataFrame) -> None:
    for domain, parameter in (("low_light", "low_light_s"), ("target", "target_s")):
        if domain not in set(wanted["domain"]):
            there = ", ".join(f"{s:g}" for s in sorted(set(table["exposure_s"])))
            raise NircoreError(f"{root} has no frame at the exposures of {parameter}: it holds {there} s.")


def _at_hand(root: Path, kind: str) -> pd.DataFrame:
    """Rows of `metadata.csv` of one kind ("qd/" or "dark/") whose frame is here: name, file, exposure_s."""
    table = _metadata(root)
    table = table[table["file"].str.startswith(kind)]
    published = _published(root)
    files = [_locate(root, row, published) for row in table.itertuples()]
    table = pd.DataFrame({"name": table["file"], "file": files, "exposure_s": table["exposure_s"]})
    table = table.dropna(subset="file").reset_index(drop=True)
    if table.empty:
        raise NircoreError(f"{root} has no {kind} frames: copy the TIFF or the published HDF5 files there.")
    return table


def _metadata(root: Path) -> pd.DataFrame:
    path = root / "metadata.csv"
    if not path.is_file():
        raise NircoreError(f"{path} does not exist: name the folder of the SWIR_HDR set, which holds it.")
    try:
        table = pd.read_csv(path)
        return table.astype({"file": str, "source": str, "exposure_s": float, "source_sha256": str})
    except (ValueError, KeyError, OSError) as error:
        reason = " ".join(str(error).split())
        raise NircoreError(f"{path} is not the SWIR_HDR metadata ({reason}): copy it again.") from error


def _published(root: Path) -> dict[str, Path]:
    """HDF5 files under root by SHA-256 and by name, so that a renamed or a re-saved file is found."""
    files = [path for path in list_frames(root) if path.suffix == ".h5"]
    return {path.name: path for path in files} | {sha256(path): path for path in files}


def _locate(root: Path, row: tuple, published: dict[str, Path]) -> str | None:
    found = published.get(row.source_sha256) or published.get(Path(row.source).name)
    if (root / row.file).is_file():
        found = root / row.file
    return None if found is None else str(found.resolve())


def darks(root: Path | str) -> Darks:
    """Return the dark frames of the set; they are read at the first `at`.

    Raises:
        NircoreError: no root, no `metadata.csv`, or no dark frame.
    """
    table = _at_hand(Path(root), "dark/").sort_values("exposure_s")
    return Darks(tuple(table["file"]), tuple(table["exposure_s"]))


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
        NircoreError: no root, no `metadata.csv`, or no frames.
    """
    table = pd.concat([_at_hand(Path(root), kind) for kind in ("qd/", "icg/") if _holds(Path(root), kind)])
    found: dict[str, dict[float, str]] = {}
    for row in table.sort_values(["name", "exposure_s"]).itertuples():
        group, name = Path(row.name).parent.name, re.sub(r"_\d+ms$", "", Path(row.name).stem)
        if row.exposure_s >= MOVED.get(group, 0):
            found.setdefault(f"{group}/{name}", {})[row.exposure_s] = row.file
    return [Scene(key.split("/")[1], key.split("/")[0], filter_in(Path(key)), files) for key, files in found.items()]


def _holds(root: Path, kind: str) -> bool:
    return (root / kind).is_dir() or kind == "qd/"


def series(root: Path | str, kind: str) -> dict[float, Path]:
    """Return exposure in s -> frame of what is no animal: "plate", "reflectance" or "checker".

    Raises:
        NircoreError: the set under `root` has none.
    """
    found = {int(re.search(r"_(\d+)ms", path.name)[1]) / 1e3: path for path in Path(root).glob(f"{kind}/*ms.tif")}
    if not found:
        raise NircoreError(f"{root} has no folder {kind}/ with frames like {kind}_00020ms.tif: fetch the whole set.")
    return dict(sorted(found.items()))
