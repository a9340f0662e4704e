"""What a module of the package imports, however far: when one of those files changes, what it made is stale."""

import ast
import hashlib
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from nircore.paths import PACKAGE

#: How the package's code, or a template, names a template: in quotes.
TEMPLATE = re.compile(r'"(\w[\w.]*\.j2)"')


def digest(modules: Iterable[str], cells: Iterable[str] = ()) -> str:
    """Return one SHA-256 of all code that modules of the package import, and of a notebook's cells."""
    files = sorted({file for module in modules for file in closure(module)})
    code = [f"{file.relative_to(PACKAGE)}\n{file.read_text(encoding='utf-8')}" for file in files]
    return hashlib.sha256("\0".join([*code, *cells]).encode()).hexdigest()


@cache
def closure(module: str) -> frozenset[Path]:
    """Return the files of the package that a module such as "companion.study.claims" imports, and its own.

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


@cache
def _imported(file: Path) -> tuple[str, ...]:
    """Return the templates that a file names and the modules of the package that it imports."""
    text = file.read_text(encoding="utf-8")
    return (*TEMPLATE.findall(text), *(imported(text) if file.suffix == ".py" else ()))


def imported(source: str) -> Iterator[str]:
    """Yield the modules of the package that Python code imports, and names imported from one that may be some.

    Code that Python cannot read, such as a cell with a slip in it, imports nothing.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith(f"{PACKAGE.name}."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE.name:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if _file(name) else node.module for name in names)
