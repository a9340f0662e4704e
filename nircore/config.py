"""One frozen description of a run: what the user may set, of which type, within which range."""

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from nircore.errors import NircoreError
from nircore.fields import kind, number, refusal, text
from nircore.paths import PACKAGE


def available(kind: str) -> tuple[str, ...]:
    """Return the names of the `profiles` or `recipes` that ship with the package."""
    return tuple(sorted(path.stem for path in (PACKAGE / kind).glob("*.yaml")))


#: Terms of a CycleGAN's objective that a recipe may add: functions of the same names in `nircore.losses.terms`.
FURTHER_TERMS = ("redegradation", "high_frequency", "saliency")
ABOUT = ("title", "taught_by")  # keys of a recipe's file that are no settings: `Recipe`
#: What a system can learn from.
LEARNS_FROM = {"cyclegan": ("unpaired",), "regression": ("degraded", "measured"), "pix2pix": ("measured",)}
#: The settings that name the folders of a dataset.
FOLDERS = {"phantom": (), "swir-hdr": ("data_root",), "folder": ("low_light", "target")}


def recipe_names(listed: str) -> list[str]:
    """Return the recipes that a list such as "ssgan physics" names.

    Raises:
        NircoreError: a recipe that does not exist.
    """
    names = listed.replace(",", " ").split()
    for name in names:
        if name not in available("recipes"):
            raise NircoreError(f"recipes={listed!r} names {name!r}, none of: {', '.join(available('recipes'))}.")
    return names


def term_weights(listed: str) -> dict[str, float]:
    """Return the weights that the setting `terms` lists, as in "redegradation=10 saliency=1".

    Raises:
        NircoreError: a term that does not exist, or a weight that is no number above 0.
    """
    weights = {}
    for part in listed.replace(",", " ").split():
        name, _, value = part.partition("=")
        if name not in FURTHER_TERMS:
            raise NircoreError(f"terms={listed!r} names {name!r}, which is none of: {', '.join(FURTHER_TERMS)}.")
        try:
            weights[name] = float(value)
        except ValueError:
            weights[name] = 0.0
        if not 0 < weights[name] < math.inf:
            raise NircoreError(f"terms={listed!r}: {name} needs a weight above 0, as in {name}=1.")
    return weights


class Frames(BaseModel):
    """Which run, and which frames it is about."""

    run: str = text("", "name of the folder under reports/; empty: <dataset>-<profile>")
    profile: Literal[available("profiles")] = text("smoke", "how much compute")
    recipe: Literal[available("recipes")] = text("ssgan", "which system")
    seed: int = number(0, 0, 2**31 - 1, "", "seed of the phantom, the split and the training")
    seeds: int = number(1, 1, 100, "trainings", "the benchmark trains each learnt method so often")
    recipes: str = text("ssgan physics realtime oracle", "the recipes that the benchmark trains, in its order")
    prevalence_share: float = number(
        1.0, 0.01, 1, "", "share of the epochs that each training of the prevalence experiment has"
    )
    dataset: Literal["phantom", "swir-hdr", "folder"] = text("phantom", "where the frames come from")
    data_root: str = text("", "folder of the swir-hdr set")
    low_light: str = text("", "folder of low-light frames (domain A), for dataset=folder")
    target: str = text("", "folder of target frames (domain B), for dataset=folder")
    test_groups: str = text("", "animals kept for the test, separated by commas; empty: drawn by the seed")
    skip_bad: bool = text(False, "leave unreadable files out and list them, rather than stop")
    allow_scene_split: bool = text(False, "with fewer than three animals, split by scene rather than refuse")
    train_fraction: float = number(0.70, 0.1, 0.9, "", "share of the frames for training")
    validation_fraction: float = number(0.15, 0.05, 0.45, "", "share of the frames for validation")
    animals: int = number(20, 6, 10_000, "animals", "how many phantom animals are made")
    height: int = number(160, 64, 4096, "px", "phantom frame height")
    width: int = number(128, 64, 4096, "px", "phantom frame width")
    low_light_ms: float = number(20.0, 0.1, 10_000, "ms", "phantom exposure of the low-light domain")
    target_ms: float = number(320.0, 0.1, 10_000, "ms", "phantom exposure of the target domain")
    validation_frames: int = number(2, 1, 10_000, "frames", "at most so many of each domain are validated on")


class Learning(BaseModel):
    """What a recipe settles: which networks, which losses, how they are trained."""

    generator: Literal["resnet", "unet", "ma2021"] = text(
        "resnet",
        "residual generator, U-Net without normalisation, or Ma et al.'s U-Net",
    )
    input: Literal["range", "noise"] = text(
        "range",
        "what the U-Net's input is measured in: the frame's range of brightness, or its noise",
    )
    ngf: int = number(8, 1, 512, "channels", "generator channels at full resolution")
    ndf: int = number(8, 1, 512, "channels", "discriminator channels after its first layer")
    blocks: int = number(6, 1, 32, "", "residual blocks in the generator's trunk")
    levels: int = number(3, 1, 8, "", "times the U-Net halves its features")
    system: Literal["cyclegan", "regression", "pix2pix"] = text(
        "cyclegan",
        "two generators and their critics, one alone, one with critic",
    )
    crops: Literal["unpaired", "degraded", "measured"] = text(
        "unpaired", "a step's frames: unpaired, targets degraded, or true pairs"
    )
    gan: Literal["bce", "lsgan"] = text("bce", "adversarial loss on patch logits")
    assumed_scattering: float = number(
        1.0, 0.1, 10, "times the tissue's own", "scattering by which targets are brought to the low-light window"
    )
    assumed_gain: float = number(
        1.0, 0.1, 10, "times the camera's own", "gain of the camera to whose frames targets are degraded"
    )
    lambda_cycle: float = number(10.0, 0, 1000, "", "weight of the cycle L1")
    lambda_identity: float = number(5.0, 0, 1000, "", "weight of the identity L1")
    lambda_l1: float = number(10.0, 0, 1000, "", "weight of the L1 to the true pair, for system=pix2pix")
    terms: str = text("", "further terms of the objective, each as name=weight: see nircore.losses.terms")
    teacher: str = text("", "file of a trained generator that a regression imitates beside the truth; empty: none")
    lambda_teacher: float = number(0.5, 0, 1, "", "share of the restoration loss that the teacher's output has")
    pool: int = number(50, 0, 10_000, "images", "generated images remembered for the discriminators")
    epochs: int = number(10, 1, 10_000, "epochs", "passes of steps_per_epoch steps")
    steps_per_epoch: int = number(3, 1, 1_000_000, "steps", "optimiser steps in an epoch")
    decay_from: float = number(0.5, 0, 1, "", "share of epochs after which the rate falls by 1 / (1 + the rest) each")
    batch: int = number(1, 1, 1024, "crops", "crops of each domain in a step")
    augment: Literal["turns", "flips"] = text(
        "turns", "crops are turned and mirrored, or mirrored left to right alone"
    )
    crop: int = number(64, 32, 4096, "px", "side of the square training crops")
    learning_rate: float = number(2e-4, 1e-8, 1, "", "Adam step size before the decay")
    beta1: float = number(0.5, 0, 0.999, "", "Adam momentum")
    select: Literal["texture", "last"] = text("texture", "which epoch's generator is kept")
    ema: float = number(0.99, 0, 0.99999, "", "decay of the averaged generator weights, per step")


class Config(Learning, Frames):
    """Every setting of a run. A profile says how big, a recipe says which system; both are YAML files.

    Raises:
        NircoreError: a value has the wrong type or lies outside its range.
    """

    timing_s: float = number(0.7, 0.01, 600, "s", "how long each engine is timed, after it is built")
    device: Literal["auto", "cpu", "cuda", "mps"] = text("auto", "where to train")
    precision: Literal["auto", "float32", "bfloat16"] = text(
        "auto", "of the passes in training (autocast); auto: bfloat16 on CUDA alone"
    )

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        require_known(values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name = first["loc"][0]
            raise NircoreError(refusal(name, FIELDS[name], first["input"])) from error

    @model_validator(mode="after")
    def _agreeing(self) -> Self:
        """Check what only holds between fields."""
        if self.train_fraction + self.validation_fraction >= 1:
            raise NircoreError(
                f"train_fraction={self.train_fraction:g} and validation_fraction={self.validation_fraction:g} "
                "leave nothing for the test: their sum must be below 1."
            )
        if self.crops not in LEARNS_FROM[self.system]:
            accepted = " or ".join(LEARNS_FROM[self.system])
            raise NircoreError(
                f"system={self.system} cannot learn from crops={self.crops}: it takes {accepted} ones."
            )
        if self.input == "noise" and self.generator != "unet":
            raise NircoreError(f"input=noise is for generator=unet, not generator={self.generator}: use input=range.")
        if self.terms and self.system != "cyclegan":
            raise NircoreError(f"terms={self.terms!r} are for system=cyclegan, not system={self.system}.")
        term_weights(self.terms)
        recipe_names(self.recipes)
        halved = {"unet": self.levels + 1, "ma2021": 4}.get(self.generator, 2)
        if self.generator != "resnet" and self.crop % 2**halved:
            raise NircoreError(
                f"crop={self.crop} is not a multiple of {2**halved}, and the U-Net halves it {halved} times: "
                "use another crop, or lower levels."
            )
        if self.crop % 4:
            raise NircoreError(
                f"crop={self.crop} is not a multiple of 4, and the generator halves it twice: "
                f"use crop={self.crop - self.crop % 4}."
            )
        if self.dataset == "phantom" and self.crop > min(self.height, self.width):
            raise NircoreError(
                f"crop={self.crop} is larger than the phantom's {self.height} x {self.width} px frames: "
                "lower crop, or raise height and width."
            )
        return self

    def replace(self, **changes: Any) -> Self:
        """Return a config with some settings changed, checked anew."""
        return type(self)(**(dict(self) | changes))

    @property
    def name(self) -> str:
        """Return the run's folder name: as given, else dataset and profile (and a recipe other than ssgan)."""
        parts = [self.dataset, self.profile] + ([] if self.recipe == "ssgan" else [self.recipe])
        return self.run or "-".join(parts)

    def to_yaml(self) -> str:
        """Return all settings as YAML, in the order above."""
        return yaml.safe_dump(self.model_dump(), sort_keys=False)


FIELDS = Config.model_fields
#: Settings that belong to a training, from the networks to the averaging of their weights.
TRAINED = tuple(Learning.model_fields)


def require_known(names: Mapping[str, Any] | list[str], where: str = "parameter") -> None:
    """Refuse names that are no setting, and say which one was probably meant."""
    for name in names:
        if name not in FIELDS:
            close = difflib.get_close_matches(str(name), FIELDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else "the settings are: " + ", ".join(FIELDS) + "."
            raise NircoreError(f"Unknown {where} {name!r}: {hint}")


def require_folders(config: Config) -> None:
    """Refuse a config whose dataset needs a folder that is not given, or not there: before anything heavy starts.

    Raises:
        NircoreError: naming the setting, and the option that gives it.
    """
    given = {key: getattr(config, key) for key in FOLDERS[config.dataset]}
    for key, value in given.items():
        if not value:
            option = f"--{key.replace('_', '-')}"
            raise NircoreError(f"dataset={config.dataset} needs {key}: give its folder with {option} or -p {key}.")
    for key, value in given.items():
        if not Path(value).expanduser().is_dir():
            raise NircoreError(f"{key}={value!r} is no folder, or does not exist: check the path.")


def parse(given: str) -> tuple[str, Any]:
    """Turn `key=value` from a command line into a name and a value of the type its field declares.

    >>> parse("epochs=50")
    ('epochs', 50)
    """
    name, equals, value = given.partition("=")
    if not equals:
        raise NircoreError(f"--set {given!r} is not of the form key=value, for example --set epochs=50.")
    require_known([name])
    wanted = kind(FIELDS[name])
    try:
        known = {"true": True, "false": False}[value.lower()] if wanted is bool else wanted(value)
    except (ValueError, KeyError):
        known = value  # of the wrong type: Config says what the field accepts
    return name, known


def _load(path: Path) -> dict[str, Any]:
    """Read a YAML mapping of settings."""
    values = _read(path)
    require_known(values, f"setting in {path}:")
    return values


def _read(path: Path) -> dict[str, Any]:
    """Read a YAML mapping."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NircoreError(f"Cannot read the settings in {path}: {error}.") from error
    if not isinstance(values, dict):
        raise NircoreError(f"{path} holds no settings: it must be a YAML mapping of name: value.")
    return values


def load_file(path: Path) -> Config:
    """Read a `config.yaml` written by a run."""
    return Config(**_load(path))


def resolve(given: Mapping[str, Any]) -> Config:
    """Build a Config: the recipe, then the profile, then what was given (None means not given).

    Raises:
        NircoreError: an unknown name, profile or recipe, a wrong type, or a value out of range.
    """
    require_known(given)
    given = {name: value for name, value in given.items() if value is not None}
    chosen = Config(**{name: given[name] for name in ("recipe", "profile") if name in given})
    return Config(**(settings(chosen.recipe, chosen.profile) | given))


def settings(recipe: str, profile: str) -> dict[str, Any]:
    """Return what a recipe and a profile say: the recipe, then the profile, then the recipe's `at` that profile.

    `at: {cpu: {batch: 8}}` in a recipe is how it says what it needs where the profile's size does not suit it.
    """
    system = {key: value for key, value in _recipe(recipe).items() if key not in ABOUT}
    at = system.pop("at", {}).get(profile, {})
    require_known([*system, *at], f"setting in {recipe}.yaml:")
    return system | _profile(profile) | at


def _profile(name: str) -> dict[str, Any]:
    return _load(PACKAGE / "profiles" / f"{name}.yaml")


def _recipe(name: str) -> dict[str, Any]:
    return _read(PACKAGE / "recipes" / f"{name}.yaml")


@dataclass(frozen=True)
class Recipe:
    """What a recipe's file says beside its settings.

    Attributes:
        title: its name in tables.
        pairs: whether it is shown true pairs, which no unpaired method ever sees.
        taught_by: the recipe whose generator it imitates, where a run trains both; "" for none.
    """

    title: str
    pairs: bool
    taught_by: str = ""


def recipe(name: str) -> Recipe:
    """Return what `nircore/recipes/<name>.yaml` says of a recipe; its file's name is its title if it states none."""
    stated = _recipe(name)
    return Recipe(stated.get("title", name), stated.get("crops") == "measured", stated.get("taught_by", ""))


def as_recipe(config: Config, recipe: str) -> Config:
    """Return the config with another system in it: the same frames, the same split, trained as `recipe` says.

    Where the run was given another size than its profile's (crop, batch, epochs, ...), it holds for every system.
    """
    stated, own = settings(recipe, config.profile), settings(config.recipe, config.profile)
    values = {name: stated.get(name, FIELDS[name].default) for name in TRAINED}
    sizes = set(_profile(config.profile)) & set(TRAINED)
    given = {name: getattr(config, name) for name in sizes if getattr(config, name) != own[name]}
    return config.replace(recipe=recipe, **(values | given))
