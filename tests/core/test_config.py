"""The settings: what they accept, what they refuse and how they say so, and that files give back what they took."""

import math
from typing import get_args

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from nircore.config import FIELDS, LEARNS_FROM, Config, load_file, parse, read_yaml, require_known
from nircore.errors import NircoreError
from nircore.paths import PACKAGE, available
from nircore.recipe import Recipe, as_recipe, resolve
from nircore.recipe import recipe as about

LIMITS = {
    name: [getattr(one, "ge", getattr(one, "le", None)) for one in item.metadata] for name, item in FIELDS.items()
}
NUMBERS = [name for name, limits in LIMITS.items() if limits]
CHOICES = {name: get_args(item.annotation) for name, item in FIELDS.items() if get_args(item.annotation)}
KINDS = {name: str if name in CHOICES else item.annotation for name, item in FIELDS.items()}
#: What else must change for a value at the end of its range to agree with the other settings.
PARTNERS = {"train_fraction": {"validation_fraction": 0.05}, "validation_fraction": {"train_fraction": 0.1}}


def made(name: str, value: object) -> Config:
    """A config with one setting changed and room for it."""
    return Config(**({"dataset": "folder"} | PARTNERS.get(name, {}) | {name: value}))


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Any config that is valid."""
    text = st.text(st.characters(exclude_categories=["Cs"]))
    drawn = {
        int: lambda name: st.integers(*LIMITS[name]),
        float: lambda name: st.floats(*LIMITS[name]),
        bool: lambda name: st.booleans(),
        str: lambda name: st.sampled_from(CHOICES[name]) if name in CHOICES else text,
    }
    values = {name: draw(drawn[kind](name)) for name, kind in KINDS.items()}
    values["train_fraction"] = draw(st.floats(0.1, 0.5))
    values["terms"] = draw(st.sampled_from(["", "saliency=0.5", "redegradation=10 high_frequency=1"]))
    values["recipes"] = draw(st.sampled_from(["", "ssgan", "pssgan ma2021"]))
    values["crop"] = 4 * draw(st.integers(8, min(values["height"], values["width"]) // 4))
    if values["crops"] not in LEARNS_FROM[values["system"]]:
        values["crops"] = LEARNS_FROM[values["system"]][-1]
    if values["system"] != "cyclegan":
        values["terms"] = ""
    if values["generator"] != "unet":
        values["input"] = "range"
    if values["generator"] != "resnet":
        values["levels"], values["crop"] = draw(st.integers(1, 4)), values["crop"] // 32 * 32
    return Config(**values)


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_of_a_range_are_accepted_and_nothing_beyond(name):
    low, high = map(KINDS[name], LIMITS[name])
    assert getattr(made(name, low), name) == low and getattr(made(name, high), name) == high
    whole = KINDS[name] is int
    beyond = (low - 1, high + 1) if whole else (math.nextafter(low, -1), math.nextafter(high, math.inf), math.nan)
    for value in beyond:
        with pytest.raises(NircoreError, match=rf"^{name}=.* is not accepted: input should be "):
            made(name, value)


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_type_is_refused_by_name_and_every_setting_is_explained(name):
    assert FIELDS[name].description
    wrong = {int: ["5", True, 5.0, None], float: ["0.5", True, None], str: [3, True, None], bool: [1, "true", None]}
    for value in [*wrong[KINDS[name]], *(["nonsense"] if name in CHOICES else [])]:
        with pytest.raises(NircoreError, match=f"^{name}=.* is not accepted: input should be "):
            made(name, value)


def test_a_whole_number_will_do_where_a_number_is_wanted():
    assert type(Config(lambda_cycle=3).lambda_cycle) is float


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": "five"}, r"epochs='five' is not accepted: input should be a valid integer \(passes"),
        ({"train_fraction": 0.7, "validation_fraction": 0.3}, "train_fraction=.*validation_fraction=.*below 1"),
        ({"height": 80, "width": 96, "crop": 84}, "crop=84 is larger than the phantom's 80 x 96 px"),
        ({"crop": 50}, "crop=50 is not a multiple of 4"),
        ({"generator": "unet", "crop": 40}, "crop=40 is not a multiple of 16.*levels"),
        ({"crops": "degraded"}, "system=cyclegan cannot learn from crops=degraded"),
        (
            {"system": "regression"},
            "system=regression cannot learn from crops=unpaired: it takes degraded or measured",
        ),
        ({"input": "noise"}, "input=noise is for generator=unet"),
        ({"system": "pix2pix", "crops": "measured", "terms": "saliency=1"}, "are for system=cyclegan"),
        ({"recipes": "ssgan nothing"}, "names 'nothing', none of"),
    ],
)
def test_settings_that_do_not_agree_are_refused(given, words):
    with pytest.raises(NircoreError, match=words):
        Config(**given)


def test_a_config_cannot_be_changed_and_a_changed_copy_is_checked_anew():
    config = Config()
    for name in FIELDS:
        with pytest.raises(ValidationError):
            setattr(config, name, getattr(config, name))
    assert config.replace(epochs=3).epochs == 3 and config == Config()
    for wrong, words in (({"epochs": 0}, "^epochs=0"), ({"crop": 66}, "crop=66"), ({"epcohs": 3}, "mean 'epochs'")):
        with pytest.raises(NircoreError, match=words):
            config.replace(**wrong)


def test_the_name_of_a_run():
    assert Config().name == "phantom-smoke"
    assert Config(recipe="cyclegan", dataset="swir-hdr").name == "swir-hdr-smoke-cyclegan"
    assert Config(run="mine", recipe="cyclegan").name == "mine"


@settings(deadline=None)
@given(configs())
def test_yaml_and_a_command_line_give_back_what_they_took(tmp_path_factory, config):
    path = tmp_path_factory.mktemp("run") / "config.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert load_file(path) == config
    assert [line.split(":")[0] for line in Config().to_yaml().splitlines()] == list(FIELDS)
    for name, value in config.model_dump().items():
        parsed = parse(f"{name}={value}")
        assert parsed == (name, value) and type(parsed[1]) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("skip_bad=TRUE", True), ("learning_rate=2e-4", 2e-4), ("lambda_cycle=10", 10.0), ("run=a=b", "a=b")],
)
def test_parse_reads_what_people_type(text, value):
    assert parse(text)[1] == value


@pytest.mark.parametrize("text", ["epochs=five", "epochs=", "skip_bad=maybe", "learning_rate=fast"])
def test_what_parse_cannot_read_the_config_refuses(text):
    with pytest.raises(NircoreError, match=f"^{text.split('=')[0]}=.* is not accepted"):
        resolve(dict([parse(text)]))
    with pytest.raises(NircoreError, match="'epochs' is not of the form key=value"):
        parse("epochs")


@pytest.mark.parametrize(
    "ask", [lambda key: parse(f"{key}=1"), lambda key: resolve({key: None}), lambda key: require_known([key])]
)
def test_an_unknown_name_is_refused_with_a_suggestion(ask):
    with pytest.raises(NircoreError, match="'epcohs': did you mean 'epochs'"):
        ask("epcohs")
    with pytest.raises(NircoreError, match="'zzz': the settings are: run, profile, .*device"):
        ask("zzz")


@pytest.mark.parametrize("profile", available("profiles"))
@pytest.mark.parametrize("recipe", available("recipes"))
def test_profiles_and_recipes_load(profile, recipe):
    config = resolve({"profile": profile, "recipe": recipe})
    said = yaml.safe_load((PACKAGE / "recipes" / f"{recipe}.yaml").read_text())
    at, title = said.pop("at", {}).get(profile, {}), said.pop("title")
    assert about(recipe) == Recipe(title, config.crops == "measured", said.pop("taught_by", ""))
    stated = read_yaml(PACKAGE / "profiles" / f"{profile}.yaml") | said | at
    assert (config.profile, config.recipe) == (profile, recipe)
    assert {key: getattr(config, key) for key in stated} == stated


def test_a_profile_says_how_big_and_a_recipe_which_system():
    sizes, systems = (
        [set(read_yaml(PACKAGE / kind / f"{name}.yaml")) for name in available(kind)]
        for kind in ("profiles", "recipes")
    )
    assert set(available("profiles")) == {"ablation", "smoke", "cpu", "benchmark", "paper"}
    assert not set.union(*sizes) & set.union(*systems) and all(keys == sizes[0] for keys in sizes)


@pytest.mark.parametrize("recipe", ["ssgan", "physics"])
@pytest.mark.parametrize("other", available("recipes"))
def test_another_recipe_on_the_same_frames_is_that_recipe(recipe, other):
    given = {"profile": "cpu", "animals": 7, "run": "mine"}
    assert as_recipe(resolve(given | {"recipe": recipe}), other) == resolve(given | {"recipe": other})
    # a size that a run is given holds for every recipe: a crop of 96 px would not fit these frames
    small = {"profile": "ablation", "height": 64, "width": 64, "crop": 32, "epochs": 2}
    assert as_recipe(resolve(small), other) == resolve(small | {"recipe": other})


def test_the_sizes_the_issue_states():
    paper, zhu = resolve({"profile": "paper"}), resolve({"recipe": "cyclegan"})
    assert (paper.crop, paper.ngf, paper.ndf, paper.blocks, paper.gan) == (256, 64, 64, 6, "bce")
    assert (zhu.blocks, zhu.gan, zhu.lambda_cycle, zhu.lambda_identity, zhu.pool) == (9, "lsgan", 10, 5, 50)
    assert (zhu.learning_rate, zhu.beta1, zhu.decay_from, paper.epochs) == (2e-4, 0.5, 0.5, 200)
    assert resolve({"profile": "cpu", "epochs": 3, "crop": None}) == resolve({"profile": "cpu"}).replace(epochs=3)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"epcohs: 3", "epcohs.*did you mean 'epochs'"),
        (b"5: 3", "Unknown setting .* 5"),
        (b"epochs: five", "epochs='five'"),
        (b"- epochs", "holds no settings"),
        (b"epochs: [", "Cannot read the settings"),
        (b"\xff\xfe\x00", "Cannot read the settings"),
        (None, "Cannot read the settings in .*config.yaml"),
    ],
)
def test_a_bad_file_of_settings_is_refused(tmp_path, content, message):
    path = tmp_path / "config.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NircoreError, match=message):
        load_file(path)
