"""The house: who may import whom, and what a bare machine needs."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import nircore

PACKAGE = Path(nircore.__file__).parent
#: What a machine that only trains or enhances arrays may lack.
WALLED = """pandas matplotlib seaborn IPython ipykernel papermill nbconvert ipywidgets captum dask distributed bm3d
careamics h5py zarr pooch typer tqdm spexread astropy nd2 dcimg""".split()


def run(program: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240)


def bare(module: str, walled: list[str]) -> subprocess.CompletedProcess:
    """Import a module where some packages are missing."""
    return run(f"""
import sys

class Wall:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {walled!r}:
            raise ModuleNotFoundError("a bare machine has no " + name, name=name)

sys.meta_path.insert(0, Wall())
import {module}
""")


def test_a_room_imports_only_the_rooms_below_it():
    """The order of the rooms stands in pyproject.toml; the linter follows imports inside functions too."""
    linter = pytest.importorskip("importlinter.cli", reason="import-linter is not installed: pip install -e .[dev]")
    assert linter.lint_imports(config_filename=str(PACKAGE.parent / "pyproject.toml"), no_cache=True) == 0


@pytest.mark.parametrize(
    "module",
    ["nircore", "nircore.models", "nircore.losses.terms", "nircore.training.loop", "nircore.inference.arrays"],
)
def test_the_core_is_imported_on_a_bare_machine(module):
    done = bare(module, WALLED)
    assert not done.returncode, done.stderr
    assert "a bare machine has no torch" in bare("nircore.models", ["torch"]).stderr  # the wall stands


def test_the_public_names_are_few_typed_and_explained():
    assert 8 < len(nircore.__all__) <= 13
    for name in nircore.__all__:
        found = getattr(nircore, name)
        assert found.__doc__, name
        if inspect.isfunction(found):
            assert {"return", *inspect.signature(found).parameters} <= set(found.__annotations__), name
    with pytest.raises(AttributeError):
        nircore.nothing  # noqa: B018


def test_the_package_itself_loads_nothing_heavy():
    heavy = "{'torch', 'numpy', 'pandas'} & set(sys.modules)"
    done = run(f"import sys, nircore; print(sorted({heavy}), 'enhance' in dir(nircore), callable(nircore.enhance))")
    assert done.stdout.strip() == "[] True True", done.stderr
