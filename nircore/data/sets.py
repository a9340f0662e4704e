"""The datasets under one roof: a catalogue of frames, how to load one, and the reference it may be judged by."""

import hashlib
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nircore import paths
from nircore.config import Config, require_folders
from nircore.data import folder, made_phantom, split, swir_hdr
from nircore.data.frames import read_frame

Reference = tuple[np.ndarray, np.ndarray]


def catalogue(config: Config) -> tuple[pd.DataFrame, list[str]]:
    """List a run's frames: `file`, `domain`, `group`, `scene`, `exposure_s`, `filter`, `reference`, `reference_s`.

    `reference` names the file a low-light frame may be judged by ("" if there is none), `reference_s` its
    exposure in seconds: it never trains.
    The second value names the files left out and why (only with skip_bad).

    Raises:
        NircoreError: as the dataset's reader says; the phantom is made where it is missing.
    """
    if config.dataset == "phantom":
        return made_phantom.catalogue(phantom_folder(config)), []
    if config.dataset == "swir-hdr":
        table = swir_hdr.catalogue(_given(config, "data_root"))
        return _with_long_exposures(table), []
    low_light, target = _given(config, "low_light"), _given(config, "target")
    table, bad = folder.catalogue(low_light, target, config.skip_bad)
    return table.assign(reference="", reference_s=float("nan")), bad


def _with_long_exposures(table: pd.DataFrame) -> pd.DataFrame:
    """Name the target frame of the same still scene as each low-light frame's reference."""
    scenes = table["scene"].where(table["domain"] == "low_light")
    target = table[table["domain"] == "target"].drop_duplicates("scene").set_index("scene")
    return table.assign(reference=scenes.map(target["file"]).fillna(""), reference_s=scenes.map(target["exposure_s"]))


def phantom_folder(config: Config) -> Path:
    """Return the folder of the phantom a config describes, making the phantom where it is missing."""
    settings: dict[str, Any] = {
        key: getattr(config, key) for key in ("seed", "animals", "height", "width", "low_light_ms", "target_ms")
    }
    digest = hashlib.sha256(json.dumps([settings, made_phantom.SOURCE]).encode()).hexdigest()[:10]
    place = paths.data() / f"phantom-{config.height}x{config.width}-{digest}"
    made_phantom.ensure(place, **settings)
    return place


def divided(config: Config) -> tuple[pd.DataFrame, list[str]]:
    """Return the catalogue of a config with each frame's `split` and `sha256`, and what was left out and why.

    Raises:
        NircoreError: as `catalogue` and `split.split` say, or frames are smaller than the training crops.
    """
    table, bad = catalogue(config)
    folder.require_size(table, config.crop)
    test = 1 - config.train_fraction - config.validation_fraction
    divided = split.split(
        table,
        fractions=(config.train_fraction, config.validation_fraction, test),
        seed=config.seed,
        test_groups=_test_groups(config, table),
        allow_scene_split=config.allow_scene_split,
    )
    return divided, bad


def _test_groups(config: Config, table: pd.DataFrame) -> tuple[str, ...]:
    """Return the animals kept for the test: those named, or one of swir-hdr's three, drawn by the seed.

    With three animals, one for each split, training would see one animal in both domains. Keeping one for the test
    leaves two, which lend low light and target; validation then holds out scenes of theirs.
    """
    named = tuple(filter(None, (name.strip() for name in config.test_groups.split(","))))
    animals = sorted(set(table["group"]))
    if named or config.dataset != "swir-hdr" or len(animals) != 3:
        return named
    return (animals[-1 - config.seed % 3],)


def _given(config: Config, key: str) -> Path:
    require_folders(config)
    return Path(getattr(config, key)).expanduser()


_darks = lru_cache(maxsize=4)(swir_hdr.darks)


def load(config: Config, row: Any) -> np.ndarray:
    """Return the signal of a catalogue row, (H, W) float32 in DN; above the dark wherever one is known."""
    if config.dataset == "swir-hdr":
        return swir_hdr.load(row.file, row.exposure_s, _darks(_given(config, "data_root")))
    return made_phantom.load(row.file) if config.dataset == "phantom" else read_frame(row.file).pixels


def reference(config: Config, row: Any) -> Reference | None:
    """Return (truth, valid) for a low-light row, both (H, W), on that row's own scale; None if there is none.

    Phantom: the noise-free target-window signal of the same anatomy at the low-light exposure.
    swir-hdr: the dark-subtracted long exposure of the same still scene, scaled by the exposure ratio, valid
    where it is not saturated. A reference serves validation and test; the networks never see it.
    """
    if not row.reference:
        return None
    if config.dataset == "phantom":
        truth = read_frame(row.reference).pixels
        return truth, np.ones(truth.shape, dtype=bool)
    truth, valid = swir_hdr.load_valid(row.reference, row.reference_s, _darks(_given(config, "data_root")))
    return truth * (row.exposure_s / row.reference_s), valid


def own_truth(config: Config, row: Any) -> np.ndarray | None:
    """Return what a low-light row would be without noise, (H, W) in DN, where its reference is another window's.

    The phantom's reference is the target window's, so that a score against it mixes denoising with a translation
    that no filter can make. On real frames the reference is the row's own scene: None.
    """
    return made_phantom.own_truth(row.reference) if config.dataset == "phantom" and row.reference else None
