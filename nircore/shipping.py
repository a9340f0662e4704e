"""How the models that ship are made: trained on every scene at hand, halved in size; and without each animal."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np

from nircore import checkpoint
from nircore.config import Config, resolve
from nircore.crops import scene_of
from nircore.data import references, swir_hdr
from nircore.data.darks import Darks
from nircore.data.degraded import DegradedCrops, LowLight
from nircore.fidelity.animals import Animal
from nircore.paths import run_folder
from nircore.shipped import MODELS
from nircore.training import Training
from nircore.unseen import FOLDS

RECIPES = {"best": "physics", "realtime": "realtime"}
#: Steps, and the width of the network: `best` trains within half an hour on two cores, `realtime` within ten minutes.
SIZES = {
    "best": {"ngf": 24, "epochs": 20, "steps_per_epoch": 350},
    "realtime": {"ngf": 12, "epochs": 20, "steps_per_epoch": 350},
}
PHANTOMS, FIRST_SEED, SHAPE = 4, 40_000, (320, 256)  # animals beside the real ones: sharper, and of many vessels
#: The SWIR_HDR camera's noise, and brightness from the dimmest filter at 20 ms to where its response bends.
CAMERA = LowLight(*references.CAMERA, darkest_dn=25.0, brightest_dn=2000.0)


def train(data_root: Path, model: str = "best", without: str = "", say: Callable[[str], None] = print) -> Path:
    """Train a model on the merged references of every scene and some phantoms; return the generator's file.

    No low-light pixel is seen: the references are degraded by a model of the camera. Interrupted, it goes on.

    Args:
        data_root: folder of the SWIR_HDR set.
        model: a key of SIZES.
        without: an animal of `unseen.FOLDS` that is left out, with the ICG series that goes with it; "" for none.
        say: receives a line for each epoch.
    """
    left_out, darks = FOLDS.get(without, ()), swir_hdr.darks(data_root)
    scenes = [whole(scene, darks) for scene in swir_hdr.scenes(data_root) if scene.group not in left_out]
    scenes += [Animal(FIRST_SEED + k, SHAPE, 0.02).clean("low_light") for k in range(PHANTOMS)]
    settings = {"recipe": RECIPES[model], "profile": "paper", "dataset": "swir-hdr", "run": f"shipped-{model}"}
    config = dataclasses.replace(resolve(settings), **SIZES[model])
    crops = DegradedCrops([scene_of(scene) for scene in scenes], CAMERA, config.crop, config.batch, config.seed)
    place = run_folder(f"shipped-{model}") / (f"without-{without}" if without else "all")
    Training(config, crops, place, lambda generator: {}, say).run()
    return place / "generator.safetensors"


def whole(scene: swir_hdr.Scene, darks: Darks) -> np.ndarray:
    """Return a scene's merged reference (H, W) float32 in DN; the shortest long exposure where it is not known."""
    reference, known = scene.merged(darks)
    second = min(t for t in scene.files if t > references.LONGER * scene.low_s)
    bright = swir_hdr.load(scene.files[second], second, darks) * (scene.low_s / second)
    return np.where(known, reference, bright).astype(np.float32)


def export(weights: Path, place: Path = MODELS["best"]) -> Config:
    """Store a generator in half precision, without the folders of the machine that trained it; return its config."""
    generator, config, facts = checkpoint.load_generator(weights)
    config = dataclasses.replace(config, run="shipped", data_root="", low_light="", target="", teacher="")
    halved = {name: tensor.half() for name, tensor in generator.state_dict().items()}
    checkpoint.save(place, halved, config, {"epoch": facts.get("epoch", config.epochs - 1)})
    return config
