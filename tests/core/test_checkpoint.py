"""Weights on disk: they say what they are, nothing else is believed, and a failure damages nothing."""

import pickle
import re
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import nircore
from nircore.config import Config
from nircore.errors import NircoreError
from nircore.models import build_generator, checkpoint

ODD = Config(ngf=3, blocks=2, run="odd", learning_rate=1e-5, recipe="cyclegan")
PACKAGE = Path(nircore.__file__).parent


@pytest.fixture
def saved(tmp_path) -> Path:
    """A generator's file, of an architecture that is nobody's default."""
    path = tmp_path / "models" / "generator.safetensors"
    checkpoint.save(path, build_generator(ODD, 7).state_dict(), ODD, {"epoch": 4, "psnr": 31.25})
    return path


@contextmanager
def files_no_longer_than(size: int) -> Iterator[None]:
    """Let the system refuse to write more, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_generator_comes_back_from_its_file_alone(saved):
    generator, config, facts = checkpoint.load_generator(saved)
    original, image = build_generator(ODD, 7), torch.randn(1, 1, 20, 24)
    assert config == ODD != Config()
    assert facts == {"epoch": 4, "psnr": 31.25}
    assert len(generator.trunk) == 2
    assert not generator.training
    assert torch.equal(generator(image), original(image))
    assert not torch.equal(generator(image), build_generator(ODD, 8)(image))


def test_tensors_come_back_bit_for_bit(tmp_path):
    rng = torch.Generator().manual_seed(0)
    tensors = {
        "float": torch.randn(3, 5, generator=rng),
        "turned": torch.randn(4, 6, generator=rng).T,
        "half": torch.randn(7, generator=rng).bfloat16(),
        "scalar": torch.tensor(3.0),
        "odd values": torch.tensor([torch.nan, torch.inf, -0.0, 1e-45]),
        "learnt": torch.randn(2, generator=rng).requires_grad_(),
    }
    checkpoint.save(tmp_path / "c.safetensors", tensors, Config(), {})
    back, _, _ = checkpoint.load(tmp_path / "c.safetensors")
    assert back.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert back[name].dtype == tensor.dtype and back[name].shape == tensor.shape
        assert not back[name].requires_grad
        assert raw(back[name]) == raw(tensor)


def raw(tensor: torch.Tensor) -> bytes:
    """The bytes of a tensor's values."""
    return tensor.detach().reshape(-1).contiguous().view(torch.uint8).numpy().tobytes()


def foreign(path: Path, header: dict[str, str] | None = None) -> None:
    """A safetensors file that somebody else wrote."""
    save_file({"weight": torch.ones(2)}, path, header)


BAD = {
    "pickle": lambda path, _: path.write_bytes(pickle.dumps({"weights": [1, 2, 3]})),
    "torch.save": lambda path, _: torch.save({"weight": torch.ones(2)}, path),
    "empty": lambda path, _: path.write_bytes(b""),
    "text": lambda path, _: path.write_text("weights\n" * 100),
    "foreign": lambda path, _: foreign(path),
    "foreign with a header": lambda path, _: foreign(path, {"format": "pt"}),
    "header not JSON": lambda path, _: foreign(path, {"nircore": "ngf=3"}),
    "cut in the header": lambda path, good: path.write_bytes(good[:40]),
    "cut in half": lambda path, good: path.write_bytes(good[: len(good) // 2]),
    "last byte missing": lambda path, good: path.write_bytes(good[:-1]),
    "something appended": lambda path, good: path.write_bytes(good + b"x"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("load", [checkpoint.load, checkpoint.load_generator])
def test_what_is_no_checkpoint_is_named_and_left_alone(kind, load, saved):
    path = saved.with_name("bad.safetensors")
    BAD[kind](path, saved.read_bytes())
    before = path.read_bytes()
    with pytest.raises(NircoreError, match=re.escape(str(path)) + " is no nircore checkpoint, or damaged"):
        load(path)
    assert path.read_bytes() == before


def test_a_pickle_is_not_run(tmp_path):
    class Bomb:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    (tmp_path / "bad.safetensors").write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(NircoreError):
        checkpoint.load(tmp_path / "bad.safetensors")
    assert not (tmp_path / "ran").exists()


def test_settings_of_another_version_are_named(saved):
    tensors, config, facts = checkpoint.load(saved)
    with safe_open(saved, framework="pt") as file:
        header = {name: text.replace('"ngf"', '"filters"') for name, text in file.metadata().items()}
    save_file(tensors, saved, header)
    with pytest.raises(NircoreError, match=f"{re.escape(str(saved))}: 'filters'"):
        checkpoint.load(saved)


def test_weights_that_do_not_fit_their_config_are_refused(tmp_path, saved):
    path = tmp_path / "other.safetensors"
    checkpoint.save(path, build_generator(Config(ngf=4)).state_dict(), ODD, {})
    with pytest.raises(NircoreError, match=re.escape(str(path)) + " does not hold the generator"):
        checkpoint.load_generator(path)
    checkpoint.save(path, {"g_ab/weight": torch.ones(1)}, ODD, {})
    with pytest.raises(NircoreError, match=re.escape(str(path)) + " does not hold the generator"):
        checkpoint.load_generator(path)


def test_weights_are_as_readable_as_any_other_file(saved):
    (other := saved.with_name("other")).touch()
    assert saved.stat().st_mode == other.stat().st_mode


def test_a_full_disk_leaves_the_former_file(saved):
    before = saved.read_bytes()
    with files_no_longer_than(4000), pytest.raises(NircoreError, match=f"Cannot write {re.escape(str(saved))}"):
        checkpoint.save(saved, build_generator(Config(ngf=8)).state_dict(), Config(), {})
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_nothing_in_the_package_can_load_a_pickle():
    loads = r"torch\.load\b|torch\.hub|read_pickle|allow_pickle=True|^\s*(import|from) (pickle|dill|joblib|shelve)"
    found = [path for path in PACKAGE.rglob("*.py") if re.search(loads, path.read_text(encoding="utf-8"), re.M)]
    assert not found and re.search(loads, "x = torch.load(path)")
