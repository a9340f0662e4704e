"""How the models that ship are made: trained on every scene at hand, halved in size; and without each animal."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from nircore.config import Config
from nircore.recipe import resolve
from companion.study import exposures
from nircore.data import swir_hdr
from nircore.data.degraded import DegradedCrops, LowLight
from nircore.inference.shipped import MODELS
from nircore.models import checkpoint
from nircore.models.checkpoint import load_generator
from companion.run.places import run_folder
from companion.study import rivals, unseen
from nircore.inference import conformal, trust
from companion.study.fidelity.animals import Animal, phantom_cases
from companion.study.unseen import FOLDS
from nircore.training.crops import scene_of
from nircore.training.loop import Training

LOW_S, TRUST_SHAPE, CALIBRATED_ON = 0.02, (640, 512), 12  # s; px and phantoms that calibrate the trust map
KINDS = "frames, real ones (SWIR_HDR) and phantoms,"
RECIPES = {"best": "physics", "realtime": "realtime"}
#: The width of the network. `best` trains in 21 minutes on one quiet core, `realtime` in 11.
SIZES = {"best": {"ngf": 24}, "realtime": {"ngf": 12}}
STEPS = {"epochs": 40, "steps_per_epoch": 300}
PHANTOMS, FIRST_SEED, SHAPE = 4, 40_000, (320, 256)  # animals beside the real ones: sharper, and of many vessels
#: The SWIR_HDR camera's noise, and brightness from the dimmest filter at 20 ms to where its response bends.
CAMERA = LowLight(*exposures.CAMERA, darkest_dn=25.0, brightest_dn=2000.0)


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
    scenes = [rivals.whole(scene, darks) for scene in exposures.scenes(data_root) if scene.group not in left_out]
    scenes += [Animal(FIRST_SEED + k, SHAPE, 0.02).clean("low_light") for k in range(PHANTOMS)]
    settings = {"recipe": RECIPES[model], "profile": "paper", "dataset": "swir-hdr", "run": f"shipped-{model}"}
    config = resolve(settings).replace(**SIZES[model], **STEPS)
    crops = DegradedCrops([scene_of(scene) for scene in scenes], CAMERA, config.crop, config.batch, config.seed)
    place = run_folder(f"shipped-{model}") / (f"without-{without}" if without else "all")
    Training(config, crops, place, lambda generator: {}, say).run()
    return place / "generator.safetensors"


def export(weights: Path, place: Path = MODELS["best"]) -> Config:
    """Store a generator in half precision, without the folders of the machine that trained it; return its config."""
    generator, config, facts = load_generator(weights)
    config = config.replace(run="shipped", data_root="", low_light="", target="", teacher="")
    halved = {name: tensor.half() for name, tensor in generator.state_dict().items()}
    checkpoint.save(place, halved, config, {"epoch": facts.get("epoch", config.epochs - 1)})
    return config


def folds(data_root: Path, model: str, say: Callable[[str], None] = print) -> dict[str, nn.Module]:
    """Return the model trained without each animal of `unseen.FOLDS`, by that animal."""
    return {without: load_generator(train(data_root, model, without, say))[0] for without in FOLDS}


def phantoms(generator: nn.Module) -> list[conformal.Seen]:
    """Return the trust map's terms and errors on phantom frames of the camera's size at 20 ms."""
    return list(trust.errors(generator, phantom_cases(CALIBRATED_ON, TRUST_SHAPE, LOW_S, truth="low_light")))


def real(data_root: Path, generators: dict[str, nn.Module]) -> dict[str, list[conformal.Seen]]:
    """Return the same on real frames, each by the model that never saw its animal; by that animal."""
    darks, seen = swir_hdr.darks(data_root), {without: [] for without in FOLDS}
    for scene in exposures.scenes(data_root):
        without = unseen.fold_of(scene.group)
        frame = swir_hdr.load(scene.files[scene.low_s], scene.low_s, darks)
        seen[without] += trust.errors(generators[without], [(frame, *scene.merged(darks))])
    return seen


def calibrate(
    seen: dict[str, list[conformal.Seen]], phantom: list[conformal.Seen]
) -> tuple[conformal.Calibration, dict[str, float]]:
    """Calibrate on real and phantom frames; return that, and the share outside on each animal that did not calibrate.

    Real frames come first and last, phantoms between: both fit the weights and the factor.
    """
    coverage = {}
    for without, frames in seen.items():
        others = [pair for animal, pairs in seen.items() if animal != without for pair in pairs]
        calibration = conformal.calibration_of(_mixed(others, phantom), KINDS)
        coverage[without] = float(np.mean([conformal.outside(calibration, pair) for pair in frames]))
    everyone = [pair for pairs in seen.values() for pair in pairs]
    return conformal.calibration_of(_mixed(everyone, phantom), KINDS), coverage


def _mixed(one: list[conformal.Seen], other: list[conformal.Seen]) -> list[conformal.Seen]:
    """Return both lists, evenly mixed."""
    places = [(k + 0.5) / len(part) for part in (one, other) for k in range(len(part))]
    return [pair for _, pair in sorted(zip(places, one + other, strict=True), key=lambda item: item[0])]


def coverage(data_root: Path, by_animal: dict[str, nn.Module], generator: nn.Module) -> pd.DataFrame:
    """Return the share outside on each animal that neither trained nor calibrated: `animal`, `outside`."""
    outside = calibrate(real(data_root, by_animal), phantoms(generator))[1]
    return pd.DataFrame({"animal": list(outside), "outside": outside.values()})


def ship(data_root: Path, say: Callable[[str], None] = print) -> None:
    """Make everything in `nircore/weights/` but the card; trainings go on where they were.

    Args:
        data_root: folder of the SWIR_HDR set.
        say: receives lines on how far it is.
    """
    for model, place in MODELS.items():
        export(train(data_root, model, say=say), place)
        seen = real(data_root, folds(data_root, model, say))
        conformal.save(calibrate(seen, phantoms(load_generator(place)[0]))[0], place)
