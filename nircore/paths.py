"""What package this is, and where its own files and the frames it makes or fetches lie."""

import os
from pathlib import Path

VERSION = "0.3.0"
PACKAGE = Path(__file__).resolve().parent


def available(kind: str) -> tuple[str, ...]:
    """Return the names of the `profiles` or `recipes` that ship with the package."""
    return tuple(sorted(path.stem for path in (PACKAGE / kind).glob("*.yaml")))


def root() -> Path:
    """Return the checkout, or the working folder where the package is installed without one."""
    return PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else Path.cwd()


def folder(variable: str, name: str) -> Path:
    """Return the folder that an environment variable names, else `name` in the `root`."""
    named = os.environ.get(variable)
    return Path(named).expanduser().resolve() if named else root() / name


def data() -> Path:
    """Return the folder for made or fetched frames: `NIRCORE_DATA`, else `data/` in the `root`."""
    return folder("NIRCORE_DATA", "data")
