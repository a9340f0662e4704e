"""The phantom as files: frames written as a camera writes them, dark frames, and the truth beside them."""

import inspect
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nircore import files
from nircore.data import camera, mouse, phantom, vessels
from nircore.data.frames import read_frame, write_frame

#: Low light is the shorter-wavelength window, the target the longer one. That is our reading: the paper's title
#: shifts a spectrum, its abstract enhances low-light NIR-IIb frames, and which window a domain has it does not say.
DOMAINS = {"low_light": "NIR-IIa", "target": "NIR-IIb"}
LABELS = ("body", "vessels", "centrelines", "lesion")


#: The source of the simulation that runs, taken at import: a phantom made by other code is another phantom.
SOURCE = "".join(map(inspect.getsource, (mouse, phantom, vessels, camera, sys.modules[__name__])))


def ensure(
    folder: Path, *, seed: int, animals: int, height: int, width: int, low_light_ms: float, target_ms: float
) -> None:
    """Make the phantom in `folder` unless it is there; `catalogue.csv` is written last and vouches for the rest.

    A making that was interrupted is made again, to the same bytes.

    For every animal: `low_light/` and `target/` raw 16-bit frames (H, W) in DN, `truth/` the noise-free
    target-window signal in DN at the low-light exposure (float32), `own/` that of the low light's own window, and
    `labels/` (uint8: 1 body, 2 vessel, 3 centre-line, 4 lesion). `dark/` holds the camera's dark level at both
    exposures (float32 DN).
    """
    if (folder / "catalogue.csv").is_file():
        return
    exposure_s = {"low_light": low_light_ms / 1000, "target": target_ms / 1000}
    for domain, seconds in exposure_s.items():
        _write(folder / f"dark/{domain}.tif", camera.dark_level(seconds, (height, width), camera.Sensor()))
    rows = []
    for animal in range(animals):
        rows += _make_animal(folder, f"animal_{animal:04d}", [seed, animal], (height, width), exposure_s)
        if (animal + 1) % 10 == 0 or animal + 1 == animals:
            print(f"phantom: {animal + 1}/{animals} animals", flush=True)
    files.write_text(folder / "catalogue.csv", pd.DataFrame(rows).to_csv(index=False, lineterminator="\n"))


def _make_animal(
    folder: Path, name: str, seeds: list[int], shape: tuple[int, int], exposure_s: dict[str, float]
) -> list[dict[str, Any]]:
    """Write one animal's frames, truth and labels; return its catalogue rows with paths relative to `folder`."""
    draw = np.random.default_rng(seeds)
    body = phantom.anatomy(int(draw.integers(2**31)), shape)
    rate = {domain: camera.radiance(body, camera.WINDOWS[window]) for domain, window in DOMAINS.items()}
    rows = []
    for domain, seconds in exposure_s.items():
        raw = camera.expose(rate[domain], seconds, draw, camera.Sensor())
        file = f"{domain}/{name}_{seconds * 1000:04g}ms.tif"
        _write(folder / file, raw)
        row = {"file": file, "domain": domain, "group": name, "scene": name, "exposure_s": seconds}
        rows.append(row | {"filter": DOMAINS[domain], "reference": "", "reference_s": math.nan})
    rows[0] |= {"reference": f"truth/{name}.tif", "reference_s": exposure_s["low_light"]}
    for truth, domain in ((rows[0]["reference"], "target"), (f"own/{name}.tif", "low_light")):
        _write(folder / truth, camera.expected_dn(rate[domain], exposure_s["low_light"]))
    labels = np.zeros(shape, dtype=np.uint8)
    for value, part in enumerate(LABELS, start=1):
        labels[getattr(body, part)] = value
    _write(folder / f"labels/{name}.tif", labels)
    return rows


def _write(path: Path, pixels: np.ndarray) -> None:
    write_frame(path, pixels, pixels.dtype)


def catalogue(folder: Path) -> pd.DataFrame:
    """Return the rows of a made phantom with absolute paths."""
    table = pd.read_csv(folder / "catalogue.csv").fillna({"reference": ""})
    for column in ("file", "reference"):
        table[column] = [str(folder / name) if name else "" for name in table[column]]
    return table


def load(file: str) -> np.ndarray:
    """Return the dark-subtracted signal of a raw phantom frame, (H, W) float32 in DN."""
    path = Path(file)
    return read_frame(path).pixels - read_frame(path.parent.parent / "dark" / f"{path.parent.name}.tif").pixels


def own_truth(reference: str) -> np.ndarray:
    """Return the noise-free frame of the low light's own window, (H, W) float32 in DN, beside a truth's file."""
    path = Path(reference)
    return read_frame(path.parent.parent / "own" / path.name).pixels
