"""Which system, and how big: what the files in `recipes` and `profiles` say, and the config that they make."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nircore.config import FIELDS, TRAINED, Config, read_yaml, require_known
from nircore.paths import PACKAGE

ABOUT = ("title", "taught_by")  # keys of a recipe's file that are no settings: `Recipe`


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
    system = {key: value for key, value in _stated("recipes", recipe).items() if key not in ABOUT}
    at = system.pop("at", {}).get(profile, {})
    sizes = _stated("profiles", profile)
    require_known([*system, *at, *sizes], f"setting in {recipe}.yaml or {profile}.yaml:")
    return system | sizes | at


def _stated(kind: str, name: str) -> dict[str, Any]:
    return read_yaml(PACKAGE / kind / f"{name}.yaml")


def recipe(name: str) -> Recipe:
    """Return what `nircore/recipes/<name>.yaml` says of a recipe; its file's name is its title if it states none."""
    stated = _stated("recipes", name)
    return Recipe(stated.get("title", name), stated.get("crops") == "measured", stated.get("taught_by", ""))


def as_recipe(config: Config, recipe: str) -> Config:
    """Return the config with another system in it: the same frames, the same split, trained as `recipe` says.

    Where the run was given another size than its profile's (crop, batch, epochs, ...), it holds for every system.
    """
    stated, before = settings(recipe, config.profile), settings(config.recipe, config.profile)
    values = {name: stated.get(name, FIELDS[name].default) for name in TRAINED}
    sizes = set(_stated("profiles", config.profile)) & set(TRAINED)
    given = {name: getattr(config, name) for name in sizes if getattr(config, name) != before[name]}
    return config.replace(recipe=recipe, **(values | given))
