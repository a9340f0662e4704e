"""The settings: what they accept, what they refuse and how they say so, and that files give back what they took."""

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from nircore.fields import choices, kind, limits
from pydantic import ValidationError

from nircore.config import (
    FIELDS,
    LEARNS_FROM,
    PACKAGE,
    Config,
    Recipe,
    _load,
    as_recipe,
    available,
    load_file,
    parse,
    require_known,
    resolve,
)
from nircore.errors import NircoreError
from nircore.recipe import recipe as about

NUMBERS = [name for name, item in FIELDS.items() if limits(item)]
CHOICES = [name for name, item in FIELDS.items() if choices(item)]
#: What else must change for a value at the end of its range to agree with the other settings.
ROOM = {"dataset": "folder"}
PARTNERS = {
    "train_fraction": {"validation_fraction": 0.05},
    "validation_fraction": {"train_fraction": 0.1},
}


def made(name: str, value: object) -> Config:
    """A config with one setting changed and room for it."""
    return Config(**(ROOM | PARTNERS.get(name, {}) | {name: value}))


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Any config that is valid."""
    values = {}
    for name, item in FIELDS.items():
        if choices(item):
            values[name] = draw(st.sampled_from(choices(item)))
        elif kind(item) is int:
            values[name] = draw(st.integers(*limits(item)))
        elif kind(item) is float:
            values[name] = draw(st.floats(*limits(item)))
        else:
            text = st.text(st.characters(exclude_categories=["Cs"]))
            values[name] = draw(st.booleans() if kind(item) is bool else text)
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


def test_every_kind_of_setting_is_covered():
    assert len(NUMBERS) >= 20
    assert len(CHOICES) >= 5
    assert {kind(item) for item in FIELDS.values()} == {int, float, str, bool}
    assert all(item.description for item in FIELDS.values())


@pytest.mark.parametrize("name", NUMBERS)
def test_both_ends_of_a_range_are_accepted_and_nothing_beyond(name):
    number = kind(FIELDS[name])
    low, high = map(number, limits(FIELDS[name]))
    assert getattr(made(name, low), name) == low
    assert getattr(made(name, high), name) == high
    below, above = (low - 1, high + 1) if number is int else (math.nextafter(low, -1), math.nextafter(high, math.inf))
    for value in (below, above):
        with pytest.raises(NircoreError, match=rf"^{name}=.* from .* to "):
            made(name, value)


@pytest.mark.parametrize("name", [name for name in NUMBERS if kind(FIELDS[name]) is float])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_only_finite_numbers_are_accepted(name, value):
    with pytest.raises(NircoreError, match=f"^{name}="):
        made(name, value)


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_of_another_type_is_refused_by_name(name):
    wrong = {int: ["5", True, 5.0, None], float: ["0.5", True, None], str: [3, True, None], bool: [1, "true", None]}
    for value in wrong[kind(FIELDS[name])]:
        with pytest.raises(NircoreError, match=f"^{name}=.* is not accepted: {name} is "):
            made(name, value)


def test_a_whole_number_will_do_where_a_number_is_wanted():
    config = Config(lambda_cycle=3)
    assert type(config.lambda_cycle) is float


@pytest.mark.parametrize("name", CHOICES)
def test_a_choice_is_one_of_those_listed(name):
    with pytest.raises(NircoreError, match=f"{name}='nonsense'.* one of {choices(FIELDS[name])[0]}"):
        made(name, "nonsense")


@pytest.mark.parametrize(
    ("name", "value", "accepts"),
    [
        ("epochs", "five", "a whole number from 1 to 10000 epochs"),
        ("learning_rate", 2.0, r"a number from 1e-08 to 1\.$"),
        ("skip_bad", "yes", "true or false"),
        ("run", 5, "text"),
    ],
)
def test_the_message_says_what_is_accepted(name, value, accepts):
    with pytest.raises(NircoreError, match=accepts):
        made(name, value)


@pytest.mark.parametrize(("train", "validation"), [(0.7, 0.3), (0.9, 0.45), (0.6, 0.4)])
def test_the_test_set_must_keep_a_share(train, validation):
    with pytest.raises(NircoreError, match="train_fraction=.*validation_fraction=.*below 1"):
        Config(train_fraction=train, validation_fraction=validation)


@pytest.mark.parametrize("side", ["height", "width"])
def test_a_crop_must_fit_the_phantom(side):
    sizes = {"height": 96, "width": 96} | {side: 80}
    assert Config(**sizes, crop=80).crop == 80
    with pytest.raises(NircoreError, match=r"crop=84 is larger than the phantom's (80 x 96|96 x 80) px"):
        Config(**sizes, crop=84)
    assert Config(**sizes, crop=84, dataset="folder").crop == 84


@pytest.mark.parametrize("crop", [33, 50, 63])
def test_a_crop_the_generator_would_not_give_back_is_refused(crop):
    with pytest.raises(NircoreError, match=f"crop={crop} is not a multiple of 4.*use crop={crop // 4 * 4}"):
        Config(crop=crop)


def test_a_config_cannot_be_changed():
    config = Config()
    for name in FIELDS:
        with pytest.raises(ValidationError):
            setattr(config, name, getattr(config, name))
    with pytest.raises(TypeError):
        Config("my-run")


def test_a_changed_config_is_checked_anew_and_leaves_the_other_as_it_was():
    config = Config()
    assert config.replace(epochs=3).epochs == 3 and config == Config()
    with pytest.raises(NircoreError, match="^epochs=0 is not accepted"):
        config.replace(epochs=0)
    with pytest.raises(NircoreError, match="crop=66 is not a multiple of 4"):
        config.replace(crop=66)
    with pytest.raises(NircoreError, match="'epcohs': did you mean 'epochs'"):
        config.replace(epcohs=3)


def test_the_name_of_a_run():
    assert Config().name == "phantom-smoke"
    assert Config(recipe="cyclegan", dataset="swir-hdr").name == "swir-hdr-smoke-cyclegan"
    assert Config(run="mine", recipe="cyclegan").name == "mine"


@settings(deadline=None)
@given(configs())
def test_yaml_gives_back_what_it_took(tmp_path_factory, config):
    path = tmp_path_factory.mktemp("run") / "config.yaml"
    path.write_text(config.to_yaml(), encoding="utf-8")
    assert load_file(path) == config


def test_yaml_keeps_the_declared_order():
    assert [line.split(":")[0] for line in Config().to_yaml().splitlines()] == list(FIELDS)


@settings(deadline=None)
@given(configs())
def test_parse_gives_every_setting_its_type(config):
    for name, value in config.model_dump().items():
        parsed = parse(f"{name}={value}")
        assert parsed == (name, value)
        assert type(parsed[1]) is type(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("skip_bad=TRUE", True),
        ("skip_bad=false", False),
        ("learning_rate=2e-4", 2e-4),
        ("lambda_cycle=10", 10.0),
        ("run=a=b", "a=b"),
        ("run=", ""),
    ],
)
def test_parse_reads_what_people_type(text, value):
    assert parse(text)[1] == value


@pytest.mark.parametrize("text", ["epochs=five", "epochs=5.0", "epochs=", "skip_bad=1", "learning_rate=fast"])
def test_what_parse_cannot_read_the_config_refuses(text):
    name, value = parse(text)
    with pytest.raises(NircoreError, match=f"^{name}=.* is not accepted"):
        resolve({name: value})


def test_parse_wants_key_and_value():
    with pytest.raises(NircoreError, match="'epochs' is not of the form key=value"):
        parse("epochs")


@pytest.mark.parametrize(
    "ask",
    [lambda key: parse(f"{key}=1"), lambda key: resolve({key: 1}), lambda key: require_known([key])],
    ids=["parse", "resolve", "require_known"],
)
def test_an_unknown_name_is_refused_with_a_suggestion(ask):
    with pytest.raises(NircoreError, match="'epcohs': did you mean 'epochs'"):
        ask("epcohs")
    with pytest.raises(NircoreError, match="'zzz': the settings are: run, profile, .*device"):
        ask("zzz")


def test_an_unknown_name_counts_even_without_a_value():
    with pytest.raises(NircoreError, match="epcohs"):
        resolve({"epcohs": None})


@pytest.mark.parametrize("profile", available("profiles"))
@pytest.mark.parametrize("recipe", available("recipes"))
def test_profiles_and_recipes_load(profile, recipe):
    config = resolve({"profile": profile, "recipe": recipe})
    said = yaml.safe_load((PACKAGE / "recipes" / f"{recipe}.yaml").read_text())
    at, title = said.pop("at", {}).get(profile, {}), said.pop("title")
    assert about(recipe) == Recipe(title, config.crops == "measured", said.pop("taught_by", ""))
    stated = _load(PACKAGE / "profiles" / f"{profile}.yaml") | said | at
    assert (config.profile, config.recipe) == (profile, recipe)
    assert {key: getattr(config, key) for key in stated} == stated


def test_a_profile_says_how_big_and_a_recipe_which_system():
    sizes, systems = (
        [set(yaml.safe_load((PACKAGE / kind / f"{name}.yaml").read_text())) for name in available(kind)]
        for kind in ("profiles", "recipes")
    )
    assert set(available("profiles")) == {"ablation", "smoke", "cpu", "benchmark", "paper"}
    assert {"ssgan", "cyclegan"} <= set(available("recipes"))
    assert not set.union(*sizes) & set.union(*systems)
    assert all(keys == sizes[0] for keys in sizes)


def test_a_recipe_may_say_what_it_needs_at_a_profile():
    smoke, cpu = (resolve({"profile": profile, "recipe": "physics"}) for profile in ("smoke", "cpu"))
    assert (smoke.ngf, smoke.crop) == (8, 64)
    assert (cpu.ngf, cpu.crop) == (32, 96)
    assert cpu.animals == resolve({"profile": "cpu"}).animals


@pytest.mark.parametrize("recipe", available("recipes"))
@pytest.mark.parametrize("other", available("recipes"))
def test_another_recipe_on_the_same_frames_is_that_recipe(recipe, other):
    asked = resolve({"profile": "cpu", "recipe": recipe, "animals": 7, "run": "mine"})
    alone = resolve({"profile": "cpu", "recipe": other, "animals": 7, "run": "mine"})
    assert as_recipe(asked, other) == alone


@pytest.mark.parametrize("other", available("recipes"))
def test_a_size_that_a_run_is_given_holds_for_every_recipe(other):
    """A rival's crop of 96 px would not fit the small frames that its run was told to make."""
    small = {"profile": "ablation", "height": 64, "width": 64, "crop": 32, "epochs": 2}
    assert as_recipe(resolve(small), other) == resolve(small | {"recipe": other})


def test_systems_and_crops_that_do_not_fit_are_refused():
    with pytest.raises(NircoreError, match="system=cyclegan cannot learn from crops=degraded"):
        Config(crops="degraded")
    with pytest.raises(NircoreError, match="system=regression cannot learn from crops=unpaired"):
        Config(system="regression")
    with pytest.raises(NircoreError, match="crop=40 is not a multiple of 16.*levels"):
        Config(generator="unet", crop=40)


def test_the_sizes_the_issue_states():
    paper, zhu = resolve({"profile": "paper"}), resolve({"recipe": "cyclegan"})
    assert (paper.crop, paper.ngf, paper.ndf, paper.blocks, paper.gan) == (256, 64, 64, 6, "bce")
    assert (zhu.blocks, zhu.gan, zhu.lambda_cycle, zhu.lambda_identity, zhu.pool) == (9, "lsgan", 10, 5, 50)
    assert (zhu.learning_rate, zhu.beta1, zhu.decay_from, paper.epochs) == (2e-4, 0.5, 0.5, 200)


def test_what_is_given_wins_and_none_is_not_given():
    assert resolve({"profile": "cpu", "epochs": 3, "crop": None}) == resolve({"profile": "cpu"}).replace(epochs=3)


@pytest.mark.parametrize(("key", "value"), [("profile", "huge"), ("recipe", "unet"), ("profile", 3)])
def test_an_unknown_profile_or_recipe_is_refused(key, value):
    with pytest.raises(NircoreError, match=f"^{key}=.* one of "):
        resolve({key: value})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"epcohs: 3", "epcohs.*did you mean 'epochs'"),
        (b"5: 3", "Unknown setting .* 5"),
        (b"epochs: five", "epochs='five'"),
        (b"- epochs", "holds no settings"),
        (b"", "holds no settings"),
        (b"epochs: [", "Cannot read the settings"),
        (b"\xff\xfe\x00", "Cannot read the settings"),
    ],
)
def test_a_bad_file_of_settings_is_refused(tmp_path, content, message):
    path = tmp_path / "config.yaml"
    path.write_bytes(content)
    with pytest.raises(NircoreError, match=message):
        load_file(path)


def test_a_missing_file_of_settings_is_named(tmp_path):
    with pytest.raises(NircoreError, match=r"nowhere\.yaml"):
        load_file(tmp_path / "nowhere.yaml")
