"""Training: killed at any moment it resumes bit for bit; it stops when it must; it keeps the best weights."""

import json
import math
import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.ndimage import gaussian_filter

from nircore.config import FIELDS, Config
from nircore.data.crops import UnpairedCrops
from nircore.errors import NircoreError
from nircore.inference import translate
from nircore.models import build_generator, checkpoint
from nircore.training.cyclegan import COLUMNS as TERMS
from nircore.training.cyclegan import CycleGAN
from nircore.training.loop import Training, choose_device, same_training

pytestmark = pytest.mark.slow

# Children forked from a server that has imported everything, and done nothing with it yet, start at once.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["nircore.training.loop", "torch._dynamo", "scipy.ndimage", "hypothesis", "pytest"])

RNG = np.random.default_rng(0)
LOW_LIGHT, TARGET = (
    [np.tanh(k * gaussian_filter(RNG.normal(size=(40, 36)), 2)).astype(np.float32) for _ in range(3)] for k in (4, 12)
)


def tiny(**settings) -> Config:
    """A config that trains in a fraction of a second."""
    small = {"crop": 32, "ngf": 2, "ndf": 2, "blocks": 1, "pool": 2, "ema": 0.9, "learning_rate": 0.003}
    return Config(**(small | {"epochs": 3, "steps_per_epoch": 2, "device": "cpu"} | settings))


def validate(generator: torch.nn.Module) -> dict[str, float]:
    """Prefer weights far from the first ones, so that every epoch writes a best generator.

    `distance` is what a real validation measures; `psnr` stands for a number that is not known.
    """
    start = build_generator(tiny(), tiny().seed).parameters()
    moved = [(p.detach() - q).abs().sum().item() for p, q in zip(generator.parameters(), start, strict=True)]
    distance = float(np.abs(translate(generator, LOW_LIGHT[0]) - TARGET[0]).mean())
    return {"psnr": math.nan, "distance": distance, "selection": sum(moved)}


def made(folder: Path, config: Config | None = None, **options) -> Training:
    """A training that says nothing, unless told otherwise."""
    config = config or tiny()
    crops = UnpairedCrops(LOW_LIGHT, TARGET, config.crop, config.batch, config.seed)
    usual = {"crops": crops, "validate": validate, "say": lambda line: None}
    return Training(config, folder=folder, **(usual | options))


def contents(folder: Path) -> dict[str, tuple]:
    """Everything in every weights file of a folder; what a killed writer left under a temporary name is none."""
    return {path.relative_to(folder).as_posix(): checkpoint.load(path) for path in folder.rglob("[!.]*.safetensors")}


def assert_same(one: dict[str, tuple], other: dict[str, tuple]) -> None:
    """The same files, with the same tensors bit for bit, config and facts."""
    assert one.keys() == other.keys()
    for name, (tensors, config, facts) in one.items():
        others, other_config, other_facts = other[name]
        assert tensors.keys() == others.keys()
        assert all(torch.equal(tensors[key], others[key]) for key in tensors), name
        assert config == other_config
        assert json.dumps(facts) == json.dumps(other_facts)  # as text, because NaN is not equal to itself


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory) -> tuple[dict[str, tuple], pd.DataFrame]:
    """What a training leaves that nothing disturbed, and the rows it returns."""
    folder = tmp_path_factory.mktemp("uninterrupted") / "models"
    rows = made(folder).run()
    return contents(folder), rows


def test_a_training_leaves_what_it_promises(uninterrupted):
    files, rows = uninterrupted
    assert set(files) == {"checkpoint.safetensors", "generator.safetensors"} | {
        f"epochs/epoch_00{epoch}.safetensors" for epoch in range(3)
    }
    assert list(rows) == ["epoch", *TERMS, "psnr", "distance", "selection"]
    assert rows["epoch"].tolist() == [0, 1, 2]
    assert all(config == tiny() for _, config, _ in files.values())
    assert files["generator.safetensors"][2]["epoch"] == rows["selection"].idxmax() == 2
    pd.testing.assert_frame_equal(pd.DataFrame(files["checkpoint.safetensors"][2]["rows"]), rows, check_exact=True)


# Killed and resumed


def die(*_args: Any) -> None:
    """End this process as a power cut would: no handler, no clean-up."""
    os.kill(os.getpid(), signal.SIGKILL)


def at_call(owner: Any, name: str, count: int, act: Callable[..., None] = die) -> None:
    """Do something in place of the `count`-th call of a function."""
    real, calls = getattr(owner, name), []

    def function(*args: Any) -> Any:
        calls.append(args)
        return act(*args) if len(calls) == count else real(*args)

    setattr(owner, name, function if not isinstance(owner, type) else staticmethod(function))


def half_a_file(tensors: dict, path: Path, header: dict) -> None:
    """Write the first half of the file, then die."""
    SAVE_FILE(tensors, path, header)
    os.truncate(path, path.stat().st_size // 2)
    die()


def rename_and_die(source: Path, destination: Path) -> None:
    """Die when the name is taken but nobody has been told."""
    REPLACE(source, destination)
    die()


SAVE_FILE, REPLACE = checkpoint.save_file, os.replace

#: Each epoch descends four times (two steps of two halves) and, here, writes three files in this order: the
#: epoch's snapshot, the best generator, the checkpoint (test_the_kill_points_are_what_they_say).
KILLS = {
    "before anything is saved": (CycleGAN, "_descend", 3, die),
    "between generators and discriminators": (CycleGAN, "_descend", 8, die),
    "writing the first checkpoint": (checkpoint, "save_file", 3, half_a_file),
    "writing the best generator": (checkpoint, "save_file", 5, half_a_file),
    "after the generator took its name": (os, "replace", 5, rename_and_die),
    "after the second checkpoint took its name": (os, "replace", 6, rename_and_die),
}


def train_until_killed(folder: Path, kill: str) -> None:
    """In a child: train, and die at the given point."""
    torch.set_num_threads(1)
    at_call(*KILLS[kill])
    made(folder).run()


def started(target: Callable, *args: Any) -> Any:
    """A child process at work."""
    process = PROCESSES.Process(target=target, args=args, daemon=True)
    process.start()
    return process


def assert_resumes(folder: Path, uninterrupted: tuple[dict[str, tuple], pd.DataFrame]) -> None:
    """Go on in this process; the result must not tell that anything happened."""
    files, rows = uninterrupted
    assert contents(folder).keys() <= files.keys()  # and none is half-written, or it would not load
    pd.testing.assert_frame_equal(made(folder).run(), rows, check_exact=True)
    assert_same(contents(folder), files)


def test_the_kill_points_are_what_they_say(tmp_path, monkeypatch):
    written, descents = [], []
    monkeypatch.setattr(os, "replace", lambda a, b: (written.append(Path(b).name[:5]), REPLACE(a, b))[1])
    descend = CycleGAN._descend
    monkeypatch.setattr(CycleGAN, "_descend", staticmethod(lambda *args: (descents.append(args), descend(*args))[1]))
    made(tmp_path / "models").run()
    assert written == ["epoch", "gener", "check"] * 3
    assert len(descents) == 12


@pytest.mark.parametrize("kill", KILLS)
def test_killed_and_resumed_equals_uninterrupted(kill, tmp_path, uninterrupted):
    folder = tmp_path / "models"
    process = started(train_until_killed, folder, kill)
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert_resumes(folder, uninterrupted)


def test_a_finished_training_is_not_repeated(tmp_path, monkeypatch, uninterrupted):
    made(tmp_path / "models").run()
    monkeypatch.setattr(CycleGAN, "step", None)
    pd.testing.assert_frame_equal(made(tmp_path / "models").run(), uninterrupted[1], check_exact=True)


@pytest.mark.parametrize("change", [{"learning_rate": 0.002}, {"epochs": 2}, {"ndf": 3}, {"seed": 1}])
def test_a_checkpoint_of_other_settings_is_not_resumed_from(change, tmp_path):
    config, said = tiny(**change), []
    made(tmp_path / "models").run()
    made(tmp_path / "fresh", config).run()
    made(tmp_path / "models", config, say=said.append).run()
    assert not [line for line in said if "resuming" in line]
    again, fresh = contents(tmp_path / "models"), contents(tmp_path / "fresh")
    for name in ("checkpoint.safetensors", "generator.safetensors"):
        assert_same({name: again[name]}, {name: fresh[name]})


def another(name: str, value: Any) -> Any:
    """A different value of the same setting."""
    if listed := get_args(FIELDS[name].annotation):
        return next(choice for choice in listed if choice != value)
    if name in ("terms", "recipes"):  # texts that must name something
        return {"terms": "saliency=1", "recipes": "ssgan"}[name]
    kinds = {bool: lambda: not value, int: lambda: value + 4, float: lambda: value * 0.9, str: lambda: "other"}
    return kinds[type(value)]()


@pytest.mark.parametrize("name", FIELDS)
def test_only_where_and_how_loud_may_differ_between_a_checkpoint_and_its_resumption(name):
    config = tiny()
    fits = {"system": {"crops": "degraded"}, "crops": {"system": "regression"}, "input": {"generator": "unet"}}
    fits = fits.get(name, {})
    changed = config.replace(**{name: another(name, getattr(config, name))} | fits)
    assert changed != config
    elsewhere = {"run", "profile", "seeds", "recipes", "device", "data_root", "skip_bad", "timing_s"}
    assert same_training(config, changed) == (name in elsewhere)
    assert same_training(config, tiny())


# Stopping


class Poisoned(UnpairedCrops):
    """Crops with one NaN pixel from the third step on, which is the second epoch's first."""

    def at(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        """As usual, and then not."""
        a, b = super().at(step)
        if step >= 2:
            b[0, 0, 5, 7] = math.nan
        return a, b


def test_nan_stops_and_names_the_last_good_checkpoint(tmp_path, uninterrupted):
    bad = made(tmp_path / "models", crops=Poisoned(LOW_LIGHT, TARGET, 32))
    with pytest.raises(NircoreError, match="stopped at epoch 2: the generator term .*learning_rate") as caught:
        bad.run()
    assert f"The last good checkpoint (epoch 1) is {bad.checkpoint_path}." in str(caught.value)
    tensors, _, facts = checkpoint.load(bad.checkpoint_path)
    assert all(tensor.isfinite().all() for tensor in tensors.values())
    assert [row["epoch"] for row in facts["rows"]] == [0]
    assert checkpoint.load_generator(tmp_path / "models" / "generator.safetensors")[2]["epoch"] == 0
    assert_resumes(tmp_path / "models", uninterrupted)  # with good crops, it goes on from there


@pytest.mark.parametrize("network", ["g_ab", "d_a", "average"])
def test_a_last_update_that_spoils_the_weights_is_not_called_good(network, tmp_path, monkeypatch):
    step = CycleGAN.step

    def spoiled(system: CycleGAN, a: torch.Tensor, b: torch.Tensor, index: int) -> dict[str, torch.Tensor]:
        terms = step(system, a, b, index)
        if index == 3:  # the second epoch's last step, so that no term of the epoch shows it
            next(getattr(system, network).parameters()).data.fill_(math.nan)
        return terms

    monkeypatch.setattr(CycleGAN, "step", spoiled)
    with pytest.raises(NircoreError, match=r"stopped at epoch 2: a weight .*last good checkpoint \(epoch 1\)"):
        made(tmp_path / "models").run()
    tensors, _, facts = checkpoint.load(tmp_path / "models" / "checkpoint.safetensors")
    assert len(facts["rows"]) == 1
    assert all(tensor.isfinite().all() for tensor in tensors.values())


def test_a_generator_of_one_grey_level_stops_the_training(tmp_path):
    grey = made(tmp_path / "models", tiny(learning_rate=1e-8))
    torch.nn.init.zeros_(grey.system.g_ab.decoder[-2].weight)
    with pytest.raises(NircoreError, match="collapsed at epoch 1: output standard deviation 0.0000.*no checkpoint"):
        grey.run()


# What is kept


def scripted(values: list[float]) -> Callable[[torch.nn.Module], dict[str, float]]:
    """A validation that finds what it is told, and stops the run where it is told None."""
    left = iter(values)

    def judge(_generator: torch.nn.Module) -> dict[str, float]:
        value = next(left)
        if value is None:
            raise KeyboardInterrupt
        return {"selection": value}

    return judge


@pytest.mark.parametrize(
    ("values", "best"), [([1, 3, 2], 1), ([3, 2, 1], 0), ([1, 2, 3], 2), ([2, 2, 2], 0), ([-3, -1, -2], 1)]
)
def test_the_best_validation_epoch_is_kept_not_the_last(values, best, tmp_path):
    made(tmp_path / "models", validate=scripted(values)).run()
    files = contents(tmp_path / "models")
    assert files["generator.safetensors"][2] == files["checkpoint.safetensors"][2]["rows"][best]
    assert_same({"": files["generator.safetensors"]}, {"": files[f"epochs/epoch_{best:03d}.safetensors"]})
    last = {k.removeprefix("average/"): v for k, v in files["checkpoint.safetensors"][0].items() if "average/" in k}
    kept = files["generator.safetensors"][0]
    assert (best == 2) == all(torch.equal(last[key], kept[key]) for key in kept)


def test_snapshots_are_the_averaged_weights_of_the_tables_epochs(tmp_path):
    averages = []

    def judge(generator: torch.nn.Module) -> dict[str, float]:
        averages.append({name: tensor.clone() for name, tensor in generator.state_dict().items()})
        return {"selection": 0.0}

    made(tmp_path / "models", tiny(epochs=12, steps_per_epoch=1), validate=judge).run()
    files = contents(tmp_path / "models")
    names = [f"epochs/epoch_{epoch:03d}.safetensors" for epoch in (0, 1, 2, 4, 5, 6, 7, 9, 10, 11)]
    assert sorted(name for name in files if name.startswith("epochs/")) == names
    for name in names:
        tensors, _, row = files[name]
        assert name == f"epochs/epoch_{row['epoch']:03d}.safetensors"
        assert all(torch.equal(tensors[key], value) for key, value in averages[row["epoch"]].items())


# Where it runs


@pytest.mark.parametrize(
    ("there", "best"), [((), "cpu"), (("mps",), "mps"), (("cuda",), "cuda"), (("cuda", "mps"), "cuda")]
)
def test_the_best_device_there_is(there, best, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in there)
    assert choose_device("auto") == choose_device() == torch.device(best)
    assert choose_device("cpu") == torch.device("cpu")
    for name in ("cuda", "mps"):
        if name in there:
            assert choose_device(name) == torch.device(name)
        else:
            with pytest.raises(NircoreError, match=f"device='{name}' is not available.*device=auto"):
                choose_device(name)


@pytest.mark.parametrize(
    "change", [lambda frame: frame / 3, lambda frame: frame.clip(-0.5, 0.5), lambda frame: frame + 0.1]
)
def test_frames_that_are_seen_otherwise_are_not_gone_on_with(tmp_path, change):
    """Planted: a version that scales, clips or shifts what the networks see finds a finished training of another."""
    made(tmp_path / "models").run()
    said = []
    crops = UnpairedCrops([change(frame) for frame in LOW_LIGHT], TARGET, tiny().crop, tiny().batch, tiny().seed)
    made(tmp_path / "models", crops=crops, say=said.append).run()
    assert said[0].startswith("the frames, or how they are seen, changed: training anew")
    assert (tmp_path / "models-replaced").is_dir() and said[-1].startswith("epoch 3/3")
