"""docs/how_to.md is true: every block, put where the page says, does what it says, in under ten lines."""

import copy
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest
import seaborn
import torch

from companion.plots import palette, style
from companion.run import Run, places
from companion.study import stepwise
from nircore import config, paths, recipe
from nircore.data.frames import write_frame
from nircore.data.stack import of_array
from nircore.inference import engines
from nircore.losses import terms
from nircore.metrics import no_reference
from nircore.models import build_generator
from nircore.training.cyclegan import CycleGAN
from nirlab.formats import containers

PAGE = (places.REPOSITORY / "docs" / "how_to.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"^## Add an? ([\w ]+)\n(.*?)(?=^## |\Z)", PAGE, re.M | re.S))
SETTLED = ("metric", "recipe", "term of the objective", "engine", "file format", "table", "figure")


def block(section: str) -> str:
    (found,) = re.findall(r"```(?:python|yaml)\n(.*?)```", SECTIONS[section], re.S)
    return found


def put(section: str, place: object, monkeypatch: pytest.MonkeyPatch, **more: object) -> dict[str, object]:
    """Execute a block as if it stood at the end of a module; what it adds to its tables is for this test alone."""
    tables = {name: value for name, value in vars(place).items() if name.isupper() and isinstance(value, dict)}
    space = dict(vars(place)) | {name: table.copy() for name, table in tables.items()} | more
    exec(block(section), space)
    for name, table in tables.items():
        for key in space[name].keys() - table.keys():
            monkeypatch.setitem(table, key, space[name][key])
    return space


def test_every_change_has_a_section_and_takes_less_than_ten_lines():
    assert tuple(SECTIONS) == SETTLED
    assert all(len(block(name).strip().splitlines()) < 10 for name in SETTLED)


def test_a_metric(monkeypatch):
    put("metric", no_reference, monkeypatch)
    ramp = np.linspace(0, 255, 10_000).reshape(100, 100)
    assert no_reference.measure(ramp, data_range=255)["dynamic_range"] == pytest.approx(0.98, abs=1e-3)
    assert set(no_reference.METRICS) == set(no_reference.UNITS)


def test_a_recipe(tmp_path):
    """The recipes there are is read when the package is loaded: in a copy of it, by a process of its own."""
    shutil.copytree(paths.PACKAGE, tmp_path / "nircore", ignore=shutil.ignore_patterns("__pycache__", "weights"))
    (tmp_path / "nircore" / "recipes" / "mine.yaml").write_text(block("recipe"))
    asked = "from nircore.config import *; from nircore.recipe import resolve; "
    asked += "made = resolve({'profile': 'smoke', 'recipe': 'mine'}); "
    asked += "print(made.gan, term_weights(made.terms), recipe_names('ssgan mine'))"
    done = subprocess.run([sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, timeout=240)
    assert done.stdout.strip() == "lsgan {'high_frequency': 1.0} ['ssgan', 'mine']", done.stderr


def test_a_term(monkeypatch):
    space = put("term of the objective", terms, monkeypatch)
    monkeypatch.setattr(config, "FURTHER_TERMS", (*config.FURTHER_TERMS, "brightness"))
    monkeypatch.setitem(terms.TERMS, "brightness", space["brightness"])
    system = CycleGAN(recipe.resolve({"profile": "smoke", "terms": "brightness=2"}), torch.device("cpu"))
    a, b = (torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(k)) - 0.5 for k in (0, 1))
    wanted = 2 * abs(system.g_ab(a).mean() - a.mean()).item()
    assert system.step(a, b, 0)["brightness"].item() == pytest.approx(wanted, rel=1e-4)


def test_an_engine(monkeypatch):
    put("engine", engines, monkeypatch)
    generator = build_generator(recipe.resolve({"profile": "smoke"})).eval()
    frame = np.random.default_rng(0).uniform(-1, 1, (50, 70)).astype(np.float32)
    plain, wide = (engines.build(name, copy.deepcopy(generator))(frame) for name in ("torch", "float64"))
    np.testing.assert_allclose(wide, plain, atol=1e-4)


def test_a_file_format(monkeypatch, tmp_path):
    put("file format", containers, monkeypatch, contextmanager=contextmanager, of_array=of_array)
    frame = np.arange(20.0 * 30).reshape(20, 30)
    np.savetxt(tmp_path / "frame.txt", frame)
    np.testing.assert_array_equal(containers.read_frame(tmp_path / "frame.txt").pixels, frame)


def test_a_table(monkeypatch, reports):
    run = Run(recipe.resolve({"run": "made"}))
    write_frame(run.path("enhanced/a.tif"), np.arange(400, dtype=np.float32).reshape(20, 20), np.float32)
    run.write_table("enhanced", pd.DataFrame({"file": ["enhanced/a.tif"]}))
    space = put("table", stepwise, monkeypatch)
    assert space["brightest"](run)["dn"].tolist() == [399.0]


def test_a_figure(monkeypatch, tmp_path):
    space = put("figure", style, monkeypatch, pd=pd, seaborn=seaborn, ENHANCED=palette.ENHANCED)
    figure = space["spread"](pd.DataFrame({"method": ["one", "two"], "psnr": [30.0, 31.5]}))
    assert figure.axes[0].get_xlabel() == "PSNR (dB)"
    assert style.save(figure, tmp_path / "spread.png").stat().st_size > 1000
