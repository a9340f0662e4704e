"""How the models that ship are made: trained on every scene at hand, halved in size; and without each animal."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from companion.run.places import REPOSITORY, run_folder
from companion.study import exposures
from companion.study.fidelity.animals import Animal, phantom_cases
from companion.study.real_frames import FOLDS, fold_of, others, scenes
from companion.study.training import fit
from nircore.config import Config
from nircore.data import swir_hdr
from nircore.data.darks import Darks
from nircore.data.degraded import DegradedCrops, LowLight, Mixture
from nircore.inference import conformal, trust
from nircore.inference.shipped import MODELS
from nircore.models import checkpoint, parameter_count
from nircore.models.checkpoint import load_generator
from nircore.recipe import resolve
from nircore.training.crops import scene_of

LOW_S, TRUST_SHAPE, CALIBRATED_ON = 0.02, (640, 512), 12  # s; px and phantoms that calibrate the trust map
KINDS = "frames, real ones (SWIR_HDR) and phantoms,"
RECIPES = {"best": "physics", "realtime": "realtime"}
#: The width of the network.
SIZES = {"best": {"ngf": 32}, "realtime": {"ngf": 12}}
#: The same for both: 20 000 steps.
STEPS = {"epochs": 50, "steps_per_epoch": 400}
#: The same for both and for every animal left out: 4000 steps, so that `make publish` takes less than three hours.
STEPS_WITHOUT = STEPS | {"epochs": 10}
#: Generators trained without an animal: kept, so that every table on left-out animals can be made anew in minutes.
KEPT = REPOSITORY / "reports" / "left_out"
PHANTOMS, FIRST_SEED, SHAPE = 4, 40_000, (320, 256)  # animals beside the real ones: sharper, and of many vessels
MIXTURE = Mixture()
#: The SWIR_HDR camera's noise, and brightness from the dimmest filter at 20 ms to where its response bends.
CAMERA = LowLight(*exposures.CAMERA, darkest_dn=25.0, brightest_dn=2000.0)


def train(
    data_root: Path,
    model: str = "best",
    without: str = "",
    say: Callable[[str], None] = print,
    place: str = "",
    mixture: Mixture | None = MIXTURE,
    **steps: Any,
) -> Path:
    """Train a model on the merged references of every scene and some phantoms; return the generator's file.

    No low-light pixel is seen: the references are degraded by a model of the camera. Interrupted, it goes on.

    Args:
        data_root: folder of the SWIR_HDR set.
        model: a key of SIZES.
        without: an animal of `real_frames.FOLDS` that is left out with its ICG series; "" for none.
        say: receives a line for each epoch.
        place: of the training, where it is not one of those that ship.
        mixture: what is mixed in; None for nothing.
        steps: settings that differ from STEPS, or from STEPS_WITHOUT.
    """
    darks = swir_hdr.darks(data_root)
    frames = [whole(scene, darks) for scene in others(data_root, without)]
    frames += [Animal(FIRST_SEED + k, SHAPE, 0.02).clean("low_light") for k in range(PHANTOMS)]
    settings = {"recipe": RECIPES[model], "profile": "paper", "dataset": "swir-hdr", "run": f"shipped-{model}"}
    config = resolve(settings).replace(**(SIZES[model] | (STEPS_WITHOUT if without else STEPS) | steps))
    crops = DegradedCrops(
        [scene_of(frame) for frame in frames], CAMERA, config.crop, config.batch, config.seed, mixture
    )
    folder = run_folder(f"shipped-{model}") / (place or (f"without-{without}" if without else "all"))
    fit(config, crops, folder, say)
    return folder / "generator.safetensors"


def export(weights: Path, place: Path = MODELS["best"], **about: Any) -> Config:
    """Store a generator in half precision, without the folders of the machine that trained it; return its config.

    `about` are further facts that go into the file.
    """
    generator, config, facts = load_generator(weights)
    config = config.replace(run="shipped", data_root="", low_light="", target="", teacher="")
    halved = {name: tensor.half() for name, tensor in generator.state_dict().items()}
    checkpoint.save(place, halved, config, {"epoch": facts.get("epoch", config.epochs - 1)} | about)
    return config


def whole(scene: exposures.Scene, darks: Darks) -> np.ndarray:
    """Return a scene's merged reference (H, W) float32 in DN; the shortest long exposure where it is not known."""
    reference, known = scene.merged(darks)
    second = min(t for t in scene.files if t > exposures.LONGER * scene.low_s)
    bright = swir_hdr.load(scene.files[second], second, darks) * (scene.low_s / second)
    return np.where(known, reference, bright).astype(np.float32)


def left_out(data_root: Path, model: str, animal: str) -> nn.Module:
    """Return the model trained without an animal of `real_frames.FOLDS`."""
    return kept(f"{model}-{animal}", lambda: train(data_root, model, animal))


def kept(name: str, train: Callable[[], Path]) -> nn.Module:
    """Return the generator that KEPT has under a name; where it has none, train one and keep it there.

    To train it anew, after a change of recipe, remove its file.

    Args:
        name: of the method and of the animal that it was trained without.
        train: trains, and returns the generator's file.
    """
    file = KEPT / f"{name}.safetensors"
    if not file.is_file():
        began = time.process_time()
        weights = train()
        export(weights, file, core_minutes=round((time.process_time() - began) / 60, 1))
    return load_generator(file)[0]


def trainings() -> pd.DataFrame:
    """Return a row for each generator of KEPT: how large it is, its steps, and what they took in core-minutes."""
    rows = []
    for file in sorted(KEPT.glob("*.safetensors")):
        generator, config, facts = load_generator(file)
        method, animal = file.stem.split("-", 1)
        about = {"trained": method, "without": animal, "parameters": parameter_count(generator)}
        rows.append(about | {"steps": config.epochs * config.steps_per_epoch, "core_minutes": facts["core_minutes"]})
    return pd.DataFrame(rows)


def phantoms(generator: nn.Module) -> list[conformal.Seen]:
    """Return the trust map's terms and errors on phantom frames of the camera's size at 20 ms."""
    return list(trust.errors(generator, phantom_cases(CALIBRATED_ON, TRUST_SHAPE, LOW_S, truth="low_light")))


def real(data_root: Path, generators: dict[str, nn.Module]) -> dict[str, list[conformal.Seen]]:
    """Return the same on real frames, each by the model that never saw its animal; by that animal."""
    found: dict[str, list[conformal.Seen]] = {animal: [] for animal in FOLDS}
    for scene, frame, by_name in scenes(data_root):
        animal = fold_of(scene.group)
        found[animal] += trust.errors(generators[animal], [(frame, *by_name["merged"])])
    return found


def calibrate(
    known: dict[str, list[conformal.Seen]], phantom: list[conformal.Seen]
) -> tuple[conformal.Calibration, dict[str, float]]:
    """Calibrate on real and phantom frames; return that, and the share outside on each animal that did not calibrate.

    Real frames come first and last, phantoms between: both fit the weights and the factor.
    """
    coverage = {}
    for without, frames in known.items():
        others = [pair for animal, pairs in known.items() if animal != without for pair in pairs]
        calibration = conformal.calibration_of(_mixed(others, phantom), KINDS)
        coverage[without] = float(np.mean([conformal.outside(calibration, pair) for pair in frames]))
    everyone = [pair for pairs in known.values() for pair in pairs]
    return conformal.calibration_of(_mixed(everyone, phantom), KINDS), coverage


def _mixed(one: list[conformal.Seen], other: list[conformal.Seen]) -> list[conformal.Seen]:
    """Return both lists, evenly mixed."""
    places = [(k + 0.5) / len(part) for part in (one, other) for k in range(len(part))]
    return [pair for _, pair in sorted(zip(places, one + other, strict=True), key=lambda item: item[0])]


def ship(data_root: Path, model: str, place: Path) -> None:
    """Write a model's weights and the calibration of its trust map; trainings go on where they were.

    Args:
        data_root: folder of the SWIR_HDR set.
        model: a key of SIZES.
        place: file for the weights; those that ship are `nircore.inference.shipped.MODELS`.
    """
    made = run_folder(f"shipped-{model}") / place.name  # weights and calibration take their places together
    export(train(data_root, model), made)
    conformal.save(calibrated(data_root, model, made)[0], made)
    for file, target in ((made, place), (conformal.beside(made), conformal.beside(place))):
        shutil.copyfile(file, target)


def calibrated(data_root: Path, model: str, weights: Path) -> tuple[conformal.Calibration, dict[str, float]]:
    """Return what `calibrate` does, of a model's file and of the same model trained without each animal."""
    known = real(data_root, {animal: left_out(data_root, model, animal) for animal in FOLDS})
    return calibrate(known, phantoms(load_generator(weights)[0]))


def trust_left_out(data_root: Path) -> pd.DataFrame:
    """Return the share of pixels outside the trust map's interval on each animal that calibrated nothing.

    Columns `model`, `animal` and `outside`, for the models that ship.
    """
    shares = {model: calibrated(data_root, model, file)[1] for model, file in MODELS.items()}
    return pd.DataFrame(
        [(model, *share) for model, outside in shares.items() for share in outside.items()],
        columns=["model", "animal", "outside"],
    )
