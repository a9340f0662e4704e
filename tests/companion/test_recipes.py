"""All recipes: each trains and is reported on, and says where its values come from."""

import re
from itertools import product

import numpy as np
import pandas as pd
import pytest

from companion.plots import benchmark as draw
from companion.plots.picture import picture
from companion.run import Run
from companion.study import recipes, spectrum_shift
from companion.study import training as of_run
from companion.study.comparison import compared_with
from companion.study.layers import layer_table
from companion.study.split_table import data_split
from companion.study.stepwise import stepwise
from nircore.data.frames import read_frame
from nircore.models import build_generator
from nircore.paths import PACKAGE, available
from nircore.recipe import as_recipe, resolve
from nircore.recipe import recipe as described

pytestmark = pytest.mark.slow("minutes")

TINY = {"animals": 12, "height": 96, "width": 80, "crop": 32, "ngf": 2, "ndf": 2, "epochs": 2, "steps_per_epoch": 1}
SHORT = {name: TINY[name] for name in ("crop", "ngf", "ndf", "epochs", "steps_per_epoch")}
LEADS = ("physics", "physics_misinformed", "oracle", "realtime")  # say their times beside their sizes


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A place of its own for runs and data."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("REPORTS", "DATA"):
            patch.setenv(f"NIRCORE_{name}", str(tmp_path_factory.mktemp(name.lower())))
        yield


@pytest.fixture(scope="module")
def compared(world):
    """The smoke profile's comparison with two seeds; every training is cut to two steps of narrow networks."""
    run = Run(resolve({"profile": "smoke", "run": "compared", "seeds": 2, **TINY}))
    run.save_config()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_run, "as_recipe", lambda *given: as_recipe(*given).replace(**SHORT))
        data_split(run)
        of_run.training(run)
        recipes.recipes(run)
        yield run


@pytest.mark.parametrize("recipe", ["ssgan", "ma2021", "pix2pix", "physics", "oracle"])
def test_every_kind_of_system_trains_and_reports_on_smoke(world, recipe):
    """The others differ from these by numbers, and are trained for the comparison below."""
    run = Run(resolve({"profile": "smoke", "recipe": recipe, "run": f"one-{recipe}", **TINY}))
    run.save_config()
    data_split(run)
    of_run.training(run)
    stepwise(run)
    losses = run.table("losses")
    assert len(losses) == 2 and np.isfinite(losses["generator"]).all() and np.isfinite(losses["psnr"]).all()
    assert layer_table(build_generator(run.config), 32, 32)["parameters"].sum() > 0
    outputs = run.table("enhanced")["file"]
    assert len(outputs) and all(np.isfinite(read_frame(run.path(name)).pixels).all() for name in outputs)


@pytest.mark.parametrize("recipe", sorted(set(available("recipes")) - set(LEADS)))
def test_every_value_says_where_it_comes_from_and_the_recipe_what_it_may_take(recipe):
    lines = (PACKAGE / "recipes" / f"{recipe}.yaml").read_text().splitlines()
    assert re.search(r"Budget of profile cpu: \d+ minutes on 2 cores\.", "\n".join(lines))
    values = [line for line in lines if re.match(r" *\w+: \S", line) and not line.startswith("#")]
    said = {"title", "system", "crops"}  # what the recipe is, which its head says
    bare = [line for line in values if "#" not in line and line.split(":")[0] not in said]
    assert len(values) >= 6 and bare == []


def test_the_table_has_a_row_for_every_recipe_and_every_seed(compared):
    table = compared.table("table7_recipes").set_index("method")
    names = [described(recipe).title for recipe in (*recipes.COMPARED, *recipes.SAME)]
    assert set(names) <= set(table.index) and len(names) == len(available("recipes"))
    assert (table.loc[names, "seeds"] == 2).all() and table.loc[names, ["psnr", "ssim"]].notna().all(axis=None)
    ours, xai = (table.loc[described(name).title] for name in ("pssgan", "xai_pssgan"))
    assert ours["psnr"] == xai["psnr"] and "trains as pssgan" in xai["remark"]
    assert table["remark"].str.contains("best classical").sum() == 1


def test_each_term_is_removed_in_turn(compared):
    table = compared.table("table8_ablation").set_index("part")
    assert list(table.index) == ["nothing", "redegradation", "high frequency", "saliency", "all three"]
    assert table["psnr"].notna().all() and table.loc["saliency":, "psnr_low"].notna().all()
    scores = compared.table("recipes").groupby("method")["psnr"].mean()
    assert scores[described("ssgan").title] == pytest.approx(table.loc["all three", "psnr"], rel=1e-6)
    folders = [path.name for path in compared.path("models").iterdir() if path.name.startswith("pssgan")]
    assert len(folders) == 2 * 4


def test_a_second_time_only_what_is_lost_is_trained(compared, monkeypatch):
    monkeypatch.setattr(of_run, "as_recipe", lambda *given: as_recipe(*given).replace(**SHORT))
    lost = next(compared.path("models").glob("ma2021-0*"))
    kept = {p: p.stat().st_mtime_ns for p in compared.path("models").glob("*/checkpoint.safetensors")}
    for path in (lost / "generator.safetensors", lost / "checkpoint.safetensors"):
        path.unlink()
    compared.path("tables/table7_recipes.csv").unlink()
    recipes.recipes(compared)
    now = {p: p.stat().st_mtime_ns for p in kept}
    assert {path.parent for path in kept if now[path] != kept[path]} == {lost}


def test_without_real_frames_the_shift_says_what_it_needs(compared):
    spectrum_shift.spectrum_shift(compared)
    assert compared.table("spectrum_shift")["reason"].tolist() == [spectrum_shift.ABSENT]


@pytest.mark.parametrize("filters", [["BP1300"] * 4, [None] * 4])
def test_through_one_filter_there_is_no_shift_to_test(compared, monkeypatch, filters):
    before = [compared.path(f"tables/{name}.csv") for name in ("spectrum_shift", "table9_spectrum_shift")]
    kept = {path: path.read_bytes() for path in before if path.is_file()}
    monkeypatch.setattr(spectrum_shift.sets, "catalogue", lambda _: (pd.DataFrame({"filter": filters}), []))
    spectrum_shift.spectrum_shift(compared)
    (row,) = compared.table("table9_spectrum_shift").itertuples()
    assert row.verdict == "no shift to test" and "one filter" in row.rule
    assert "no shift to test" in compared.table("spectrum_shift")["reason"].iloc[0]
    for path, content in kept.items():
        path.write_bytes(content)


def test_the_figures_are_drawn_from_the_tables(compared):
    table, scores = compared.table("table7_recipes"), compared.table("recipes")
    picture(compared.figure("fig9_recipes"), draw.scores, scores, compared_with(table))
    picture(compared.figure("fig10_ablation"), draw.worth, compared.table("table8_ablation"), "pssgan")
    spectrum_shift.spectrum_shift(compared)
    picture(compared.figure("fig11_spectrum_shift"), draw.shift, compared.table("spectrum_shift"))
    assert {path.stem for path in compared.path("figures").iterdir()} >= {"fig9_recipes", "fig10_ablation"}


def test_animals_take_turns_in_the_shift():
    filters = (*spectrum_shift.SHORT, *spectrum_shift.LONG)
    table = pd.DataFrame(product("abc", ("low_light", "target"), filters), columns=["group", "domain", "filter"])
    rounds = spectrum_shift._rounds(table)
    assert [one[0] for one in rounds] == ["a", "b", "c"] and all(len(set(one)) == 3 for one in rounds)
    assert spectrum_shift._rounds(table[table["group"] != "a"]) == []
