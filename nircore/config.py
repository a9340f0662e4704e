"""One frozen description of a run: what the user may set, of which type, within which range."""

import difflib
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from nircore.errors import NircoreError
from nircore.paths import available

#: Terms of a CycleGAN's objective that a recipe may add: functions of the same names in `nircore.losses.terms`.
FURTHER_TERMS = ("redegradation", "high_frequency", "saliency")
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


def _number(default: Any, low: float, high: float, help: str) -> Any:
    """Declare a number from `low` to `high`, both included."""
    return Field(default, ge=low, le=high, description=help)


def _value(default: Any, help: str) -> Any:
    """Declare a text, one of the words that its `Literal` lists, or true or false."""
    return Field(default, description=help)


class Frames(BaseModel):
    """Which run, and which frames it is about."""

    run: str = _value("", "name of the folder under reports/; empty: <dataset>-<profile>")
    profile: Literal[available("profiles")] = _value("smoke", "how much compute")
    recipe: Literal[available("recipes")] = _value("ssgan", "which system")
    seed: int = _number(0, 0, 2**31 - 1, "seed of the phantom, the split and the training")
    seeds: int = _number(1, 1, 100, "the benchmark trains each learnt method so often")
    recipes: str = _value("ssgan physics realtime oracle", "the recipes that the benchmark trains, in its order")
    prevalence_share: float = _number(1.0, 0.01, 1, "share of the epochs, in the prevalence experiment")
    dataset: Literal["phantom", "swir-hdr", "folder"] = _value("phantom", "where the frames come from")
    data_root: str = _value("", "folder of the swir-hdr set")
    low_light: str = _value("", "folder of low-light frames (domain A), for dataset=folder")
    target: str = _value("", "folder of target frames (domain B), for dataset=folder")
    test_groups: str = _value("", "animals kept for the test, separated by commas; empty: drawn by the seed")
    skip_bad: bool = _value(False, "leave unreadable files out and list them, rather than stop")
    allow_scene_split: bool = _value(False, "with fewer than three animals, split by scene rather than refuse")
    train_fraction: float = _number(0.70, 0.1, 0.9, "share of the frames for training")
    validation_fraction: float = _number(0.15, 0.05, 0.45, "share of the frames for validation")
    animals: int = _number(20, 6, 10_000, "how many phantom animals are made")
    height: int = _number(160, 64, 4096, "phantom frame height (px)")
    width: int = _number(128, 64, 4096, "phantom frame width (px)")
    low_light_ms: float = _number(20.0, 0.1, 10_000, "phantom exposure of the low-light domain (ms)")
    target_ms: float = _number(320.0, 0.1, 10_000, "phantom exposure of the target domain (ms)")
    validation_frames: int = _number(2, 1, 10_000, "at most so many of each domain are validated on")


class Learning(BaseModel):
    """What a recipe settles: which networks, which losses, how they are trained."""

    generator: Literal["resnet", "unet", "ma2021"] = _value("resnet", "residual, U-Net without norm, or Ma et al.'s")
    input: Literal["range", "noise"] = _value("range", "unit of the U-Net's input: range of brightness, or noise")
    ngf: int = _number(8, 1, 512, "generator channels at full resolution")
    ndf: int = _number(8, 1, 512, "discriminator channels after its first layer")
    blocks: int = _number(6, 1, 32, "residual blocks in the generator's trunk")
    levels: int = _number(3, 1, 8, "times the U-Net halves its features")
    system: Literal["cyclegan", "regression", "pix2pix"] = _value(
        "cyclegan", "two generators, one or one and a critic"
    )
    crops: Literal["unpaired", "degraded", "measured"] = _value("unpaired", "unpaired, targets degraded, or pairs")
    gan: Literal["bce", "lsgan"] = _value("bce", "adversarial loss on patch logits")
    assumed_scattering: float = _number(1.0, 0.1, 10, "scattering assumed between the windows (times the tissue's)")
    assumed_gain: float = _number(1.0, 0.1, 10, "gain assumed of the low-light camera (times the camera's)")
    lambda_cycle: float = _number(10.0, 0, 1000, "weight of the cycle L1")
    lambda_identity: float = _number(5.0, 0, 1000, "weight of the identity L1")
    lambda_l1: float = _number(10.0, 0, 1000, "weight of the L1 to the true pair, for system=pix2pix")
    terms: str = _value("", "further terms of the objective, each as name=weight: see nircore.losses.terms")
    teacher: str = _value("", "file of a trained generator that a regression imitates beside the truth; empty: none")
    lambda_teacher: float = _number(0.5, 0, 1, "share of the restoration loss that the teacher's output has")
    pool: int = _number(50, 0, 10_000, "generated images remembered for the discriminators")
    epochs: int = _number(10, 1, 10_000, "passes of steps_per_epoch steps")
    steps_per_epoch: int = _number(3, 1, 1_000_000, "optimiser steps in an epoch")
    decay_from: float = _number(0.5, 0, 1, "share of the epochs after which the rate falls linearly")
    batch: int = _number(1, 1, 1024, "crops of each domain in a step")
    augment: Literal["turns", "flips"] = _value("turns", "turn and mirror crops, or mirror them left to right")
    crop: int = _number(64, 32, 4096, "side of the square training crops (px)")
    learning_rate: float = _number(2e-4, 1e-8, 1, "Adam step size before the decay")
    beta1: float = _number(0.5, 0, 0.999, "Adam momentum")
    select: Literal["texture", "last"] = _value("texture", "which epoch's generator is kept")
    ema: float = _number(0.99, 0, 0.99999, "decay of the averaged generator weights, per step")


class Config(Learning, Frames):
    """Every setting of a run. A profile says how big, a recipe says which system; both are YAML files.

    Raises:
        NircoreError: a value has the wrong type or lies outside its range.
    """

    timing_s: float = _number(0.7, 0.01, 600, "how long each engine is timed, after it is built (s)")
    device: Literal["auto", "cpu", "cuda", "mps"] = _value("auto", "where to train")
    precision: Literal["auto", "float32", "bfloat16"] = _value(
        "auto", "of the passes in training (autocast); auto: bfloat16 on CUDA alone"
    )

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, **values: Any) -> None:
        require_known(values)
        try:
            super().__init__(**values)
        except ValidationError as error:
            first = error.errors()[0]
            name, words = first["loc"][0], first["msg"][0].lower() + first["msg"][1:]
            raise NircoreError(
                f"{name}={first['input']!r} is not accepted: {words} ({FIELDS[name].description})."
            ) from error

    @model_validator(mode="after")
    def _agreeing(self) -> Self:
        """Check what only holds between fields."""
        for sentence, agrees in AGREEMENTS.items():
            if not agrees(self):
                raise NircoreError(sentence.format(c=self, accepted=" or ".join(LEARNS_FROM[self.system])))
        term_weights(self.terms)
        recipe_names(self.recipes)
        return self

    @property
    def crop_multiple(self) -> int:
        """What the side of a crop must be a multiple of, in px: the generator halves it so often."""
        return {"resnet": 4, "ma2021": 16, "unet": 2 ** (self.levels + 1)}[self.generator]

    @property
    def same_light(self) -> bool:
        """Whether targets show the light of low-light frames, so that what a network takes out is noise.

        Those of the phantom are of another window, in which tissue scatters less.
        """
        return self.dataset != "phantom"

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


#: What holds between settings, and what is said where it does not.
AGREEMENTS: dict[str, Callable[[Config], bool]] = {
    "train_fraction={c.train_fraction:g} and validation_fraction={c.validation_fraction:g} must sum to below 1, or "
    "nothing is left for the test.": lambda c: c.train_fraction + c.validation_fraction < 1,
    "system={c.system} cannot learn from crops={c.crops}: it takes {accepted} ones.": lambda c: (
        c.crops in LEARNS_FROM[c.system]
    ),
    "input=noise is for generator=unet, not generator={c.generator}: use input=range.": lambda c: (
        c.input == "range" or c.generator == "unet"
    ),
    "terms={c.terms!r} are for system=cyclegan, not system={c.system}.": lambda c: (
        not c.terms or c.system == "cyclegan"
    ),
    "crop={c.crop} is not a multiple of {c.crop_multiple}, as generator={c.generator} needs it: use another crop, or "
    "lower levels of a U-Net.": lambda c: c.crop % c.crop_multiple == 0,
    "crop={c.crop} is larger than the phantom's {c.height} x {c.width} px frames: lower crop, or raise height and "
    "width.": lambda c: c.dataset != "phantom" or c.crop <= min(c.height, c.width),
}
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
    if missing := next((key for key, value in given.items() if not value), ""):
        option = f"--{missing.replace('_', '-')}"
        raise NircoreError(f"dataset={config.dataset} needs {missing}: give a folder by {option} or -p {missing}.")
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
    try:
        return name, TypeAdapter(FIELDS[name].annotation).validate_python(value)
    except ValidationError:
        return name, value  # of the wrong type: Config says what the field accepts


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        NircoreError: the file cannot be read, or holds something else.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise NircoreError(f"Cannot read the settings in {path}: {error}.") from error
    if not isinstance(values, dict):
        raise NircoreError(f"{path} holds no settings: it must be a YAML mapping of name: value.")
    return values


def load_file(path: Path) -> Config:
    """Read a `config.yaml` written by a run."""
    values = read_yaml(path)
    require_known(values, f"setting in {path}:")
    return Config(**values)
