"""Where runs, notebooks and the paper's published facts lie, and which commit this is."""

import re
import subprocess
from functools import lru_cache
from pathlib import Path

from nircore.errors import NircoreError
from nircore.paths import folder

NOTEBOOKS = Path(__file__).resolve().parents[2]
REPOSITORY = NOTEBOOKS.parent


@lru_cache(maxsize=1)
def commit() -> str:
    """Return the checkout's commit, shortened, with "+" where files that git knows were changed; "" without one."""
    if not (REPOSITORY / ".git").exists():
        return ""
    try:
        ask = ["git", "-C", str(REPOSITORY), "describe", "--always", "--abbrev=10", "--exclude=*", "--dirty=+"]
        done = subprocess.run(ask, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def reports() -> Path:
    """Return the folder that holds the runs: `NIRCORE_REPORTS`, else `reports/` in the checkout."""
    return folder("NIRCORE_REPORTS", "reports")


def run_folder(run: str) -> Path:
    """Return `reports/<run>`; refuse a name that could leave the reports folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", run):
        raise NircoreError(
            f"run={run!r} cannot name a folder: use up to 100 letters, digits, '.', '_' and '-', "
            "beginning with a letter or digit."
        )
    return reports() / run


def published(name: str) -> Path:
    """Return a file of the paper's published facts, kept in `data/paper/` of the checkout."""
    path = REPOSITORY / "data" / "paper" / name
    if not path.is_file():
        raise NircoreError(f"{path} is missing: it is part of the repository, restore it from there.")
    return path
