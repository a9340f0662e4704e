"""The house: who may import whom, and what a bare machine needs."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import nircore

PACKAGE = Path(nircore.__file__).parent
TOP = 10  # modules directly under nircore/: where a newcomer looks first


def test_a_room_imports_only_the_rooms_below_it():
    """The order of the rooms stands in pyproject.toml; the linter follows imports inside functions too."""
    linter = pytest.importorskip("importlinter.cli", reason="import-linter is not installed: pip install -e .[test]")
    assert linter.lint_imports(config_filename=str(PACKAGE.parent / "pyproject.toml"), no_cache=True) == 0


def test_few_modules_lie_at_the_top():
    assert 3 < len(list(PACKAGE.glob("*.py"))) <= TOP


BARE = """
import sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {walled!r}:
            raise ModuleNotFoundError("a bare machine has no " + name, name=name)

sys.meta_path.insert(0, Wall())
import {module}
"""
#: What a machine that only trains or enhances arrays may lack.
WALLED = (
    "pandas",
    "matplotlib",
    "seaborn",
    "IPython",
    "ipykernel",
    "papermill",
    "nbconvert",
    "ipywidgets",
    "captum",
    "dask",
)
WALLED += (
    "distributed",
    "bm3d",
    "careamics",
    "h5py",
    "zarr",
    "tifffile",
    "imageio",
    "pooch",
    "typer",
    "tqdm",
)


@pytest.mark.parametrize(
    "module", ["nircore", "nircore.models", "nircore.losses.terms", "nircore.training.loop", "nircore.inference"]
)
def test_the_core_is_imported_on_a_bare_machine(module):
    program = BARE.format(walled=WALLED, module=module)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
    assert not done.returncode, done.stderr


def test_the_wall_stands():
    """The test above cannot pass for want of a wall."""
    program = BARE.format(walled=("torch",), module="nircore.models")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
    assert "a bare machine has no torch" in done.stderr


def test_the_public_names_are_few_typed_and_explained():
    assert set(nircore.__all__) == {*nircore._PLACES, "__version__"} and len(nircore.__all__) <= 13
    for name in nircore._PLACES:
        found = getattr(nircore, name)
        assert found.__doc__ and found.__module__ == nircore._PLACES[name], name
        if inspect.isfunction(found):
            assert {"return", *inspect.signature(found).parameters} <= set(found.__annotations__), name


def test_the_package_itself_loads_nothing_heavy():
    program = "import sys, nircore; print(sorted({'torch', 'numpy', 'pandas'} & set(sys.modules)), dir(nircore)[5])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)
    assert done.stdout.strip() == "[] enhance", done.stderr
