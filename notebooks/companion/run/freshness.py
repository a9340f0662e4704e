"""What a step rests on: recorded while it runs, compared before it would run again. Nobody lists it by hand."""

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from nircore import config as settings
from nircore.config import FOLDERS, Config
from nircore.paths import PACKAGE, REPOSITORY, write_text

#: Of a run's folder, what is no artefact: nothing rests on it.
BESIDE = ("config.yaml", "provenance/", "notebooks/")
CODE = (".py", ".pyc", ".so")  # whose changes are told by `companion.run.closure`, or come with another environment
RACY_S = 2.0  # a file younger than this may change again without its date telling


@dataclass
class Ledger:
    """What happened while a step ran.

    Attributes:
        modules: of the package, asked for by name.
        reads, writes: paths, as they were opened; one that ends in "/" is a folder whose names were listed.
        used: names of settings.
        alone: hears only what happens while no other ledger was opened after it, such as a step's.
    """

    modules: set[str] = field(default_factory=set)
    reads: set[str] = field(default_factory=set)
    writes: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    alone: bool = False

    def add(self, other: "Ledger") -> None:
        """Take in what another step rests on."""
        for name in ("modules", "reads", "writes", "used"):
            getattr(self, name).update(getattr(other, name))


_ledgers: list[Ledger] = []  # those open now, the newest last


def _hearing() -> list[Ledger]:
    return [ledger for ledger in _ledgers if not ledger.alone or ledger is _ledgers[-1]]


@cache
def _listen() -> None:
    """Ask the interpreter to tell of every file, and the configuration of every setting, once in a process."""
    sys.addaudithook(_heard)
    settings.listeners.append(lambda name: [ledger.used.add(name) for ledger in _hearing()])


def _heard(event: str, given: tuple[Any, ...]) -> None:
    """Note a file that is opened or renamed, and a listing (https://docs.python.org/3/library/audit_events.html)."""
    if not _ledgers:
        return
    if event == "open":
        path, mode, flags = given
        writing = set("wax+") & set(mode) if mode else flags & (os.O_WRONLY | os.O_RDWR)
        _note(path, "writes" if writing else "reads")
    elif event == "os.rename":
        _note(given[1], "writes")
    elif event in ("os.scandir", "os.listdir"):
        _note(given[0], "reads", "/")


def _note(path: Any, kind: str, end: str = "") -> None:
    place = os.fspath(path) if isinstance(path, os.PathLike) else path
    if isinstance(place, str) and not place.endswith(CODE):  # neither bytes nor an open file's number
        for ledger in _hearing():
            getattr(ledger, kind).add(os.path.abspath(place) + end)


def look(path: Path) -> bool:
    """Say whether a file is there, and note that this was asked: a step that found none runs again when it is."""
    _note(path, "reads")
    return path.is_file()


def begin(ledger: Ledger) -> Ledger:
    """Let a ledger note all that happens in this process from now on."""
    _listen()
    _ledgers.append(ledger)
    return ledger


def end(ledger: Ledger) -> None:
    """Let a ledger note no more."""
    _ledgers[:] = [one for one in _ledgers if one is not ledger]


@contextlib.contextmanager
def recording() -> Iterator[Ledger]:
    """Yield a ledger that notes all that happens in this process until the block ends."""
    ledger = begin(Ledger())
    try:
        yield ledger
    finally:
        end(ledger)


def take_in(ledger: Ledger) -> None:
    """Let the ledgers open now rest on what a step rests on that did not have to run."""
    for one in _hearing():
        if not one.alone:
            one.add(ledger)


class Places:
    """Names of files that hold on any machine: in the run's folder, in a folder the user named, in the package."""

    def __init__(self, folder: Path, config: Config) -> None:
        given = {key: vars(config)[key] for key in FOLDERS[vars(config)["dataset"]]}
        self.roots = {key: Path(value).expanduser().absolute() for key, value in given.items() if value}
        self.roots |= {"data/paper": REPOSITORY / "data" / "paper", "nircore": PACKAGE, "": folder}
        self.digests = Digests(folder / ".digests.json")

    def name(self, path: str) -> str | None:
        """Return the name of a path; None for one that is elsewhere, hidden, code, or beside a run's artefacts."""
        for root, folder in self.roots.items():
            if path.startswith(f"{folder}/"):
                inside = path[len(str(folder)) + 1 :]
                name = f"{root}/{inside}" if root else inside
                hidden = any(part.startswith(".") for part in inside.split("/"))
                code = root == "nircore" and name.endswith("/")  # looked through for modules to import
                return None if hidden or code or (not root and f"{inside}/".startswith(BESIDE)) else name
        return None

    def path(self, name: str) -> Path:
        """Return where a named file is on this machine."""
        root = next(root for root in self.roots if not root or name.startswith(f"{root}/"))
        return self.roots[root] / name.removeprefix(root).removeprefix("/")

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a named file, or of the names in a folder ("models/"); "" for what is not there."""
        path = self.path(name)
        if name.endswith("/"):
            names = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
            return hashlib.sha256("\n".join(name for name in names if name[0] != ".").encode()).hexdigest()
        return self.digests.of(path) if path.is_file() else ""


class Digests:
    """SHA-256 of files, remembered with their size and date in a file, so that no frame is hashed twice."""

    def __init__(self, memory: Path) -> None:
        self.memory = memory
        try:
            self.known = json.loads(memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            self.known = {}
        self.before = len(self.known)

    def of(self, path: Path) -> str:
        """Return the digest of a file."""
        about = path.stat()
        key, now = str(path), [about.st_size, about.st_mtime_ns]
        if self.known.get(key, [])[:2] == now:
            return self.known[key][2]
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if time.time() - about.st_mtime > RACY_S:
            self.known[key] = [*now, digest]
        return digest

    def save(self) -> None:
        """Keep what was hashed for the next time."""
        if len(self.known) != self.before:
            write_text(self.memory, json.dumps(self.known))
