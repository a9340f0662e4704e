"""Do only what changed: a thin wrapper over doit, shared by the stages of a run and the chain of notebooks."""

import ast
import re
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from doit.api import run_tasks
from doit.cmd_base import ModuleTaskLoader
from doit.tools import config_changed

from nircore.errors import NircoreError
from nircore.paths import PACKAGE, make_folder

#: How the package's code, or a template, names a template: in quotes.
TEMPLATE = re.compile(r'"(\w[\w.]*\.j2)"')


def _short(name: str) -> str:
    """Return a task's own name, without the group doit puts before it."""
    return name.removeprefix("nircore:")


class Reporter:
    """Remember what was done and what was up to date; doit's own console output is not for our users."""

    desc = "nircore"

    def __init__(self, say: Callable[[str], None], skip: Callable[[str], None]) -> None:
        self.say, self.skip = say, skip
        self.done: list[str] = []
        self.problem: str | None = None

    def skip_uptodate(self, task: Any) -> None:
        """Note a task with nothing to do."""
        self.skip(_short(task.name))

    def add_success(self, task: Any) -> None:
        """Note a task that ran."""
        self.done.append(_short(task.name))
        self.say(f"{_short(task.name)}: done")

    def add_failure(self, task: Any, fail: Any) -> None:
        """Note why a task could not run; what its action raised is kept by `execute`."""
        self.problem = self.problem or f"{_short(task.name)}: {fail.get_msg()}"

    def runtime_error(self, message: str) -> None:
        """Note a complaint of doit itself."""
        self.problem = self.problem or message

    def _ignore(self, *_: Any) -> None:
        """Let doit's other events pass."""

    initialize = get_status = execute_task = skip_ignore = cleanup_error = _ignore
    teardown_task = complete_run = _ignore


@cache
def closure(module: str) -> frozenset[Path]:
    """Return the files of the package that a module such as "nircore.stages.claims" imports, and its own.

    Imports are followed as far as they go, in functions too, and read off the sources: nothing is imported. A
    package's own `__init__` counts where something is imported from it. Templates count where they are named.
    """
    found, new = {}, [module]
    while new:
        name = new.pop()
        if name not in found and (file := _file(name)):
            found[name] = file
            new += _imported(file)
    return frozenset(found.values())


def _file(module: str) -> Path | None:
    """Return the file of a module or template; None for what is none, and for the package itself: its version."""
    if module.endswith(".j2"):
        return PACKAGE / "templates" / module
    place = PACKAGE.joinpath(*module.split(".")[1:])
    files = (place.with_suffix(".py"), place / "__init__.py")
    return None if place == PACKAGE else next((file for file in files if file.is_file()), None)


def _imported(file: Path) -> Iterator[str]:
    """Yield the templates that a file names, the modules of the package that it imports, and what may be some."""
    text = file.read_text(encoding="utf-8")
    yield from TEMPLATE.findall(text)
    for node in ast.walk(ast.parse(text)) if file.suffix == ".py" else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{PACKAGE.name}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if _file(name) else node.module for name in names)


def task(
    name: str,
    action: Callable[[], None],
    reads: Iterable[Path | str],
    writes: Iterable[Path | str],
    settings: dict[str, Any],
) -> dict[str, Any]:
    """Describe a step: it runs again when a file it reads or a setting changed, or a file it writes is gone."""
    return {
        "name": name,
        "actions": [action],
        "file_dep": sorted({str(path) for path in reads}),
        "targets": [str(path) for path in writes],
        "uptodate": [config_changed(settings)],
        "io": {"capture": False},
        "verbosity": 2,
    }


def execute(
    database: Path,
    tasks: list[dict[str, Any]],
    names: Iterable[str],
    say: Callable[[str], None] = print,
    skip: Callable[[str], None] = lambda name: None,
) -> Reporter:
    """Run the named tasks and what they need, remembering in `database` (SQLite) what is up to date.

    `say` receives a line for every task that ran, `skip` the name of every one that had nothing to do.

    Raises:
        Exception: whatever an action raised, unchanged; what was done before it is remembered.
        NircoreError: doit itself could not go on.
    """
    make_folder(database.parent)
    raised: list[Exception] = []
    reporter = Reporter(say, skip)
    loader = ModuleTaskLoader({"task_nircore": lambda: (_guarded(item, raised) for item in tasks)})
    settings = {"dep_file": str(database), "backend": "sqlite3", "reporter": reporter, "verbosity": 2}
    selected = {f"nircore:{name}": {} for name in names}
    try:
        run_tasks(loader, selected, extra_config={"GLOBAL": settings})
    except sqlite3.Error as error:
        raise NircoreError(f"{database} is damaged or in use ({error}): wait, or delete it and run again.") from error
    if raised:
        raise raised[0]
    if reporter.problem:
        raise NircoreError(f"Could not go on: {reporter.problem}")
    return reporter


def _guarded(item: dict[str, Any], raised: list[Exception]) -> dict[str, Any]:
    """Keep an action's own exception: doit would only report its text."""
    (action,) = item["actions"]

    def run() -> bool:
        try:
            action()
        except Exception as error:
            raised.append(error)
            return False
        return True

    return item | {"actions": [run]}
