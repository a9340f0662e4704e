"""What Python code of ours rests on: the digest of a notebook's cells and of every module that they reach."""

import ast
import hashlib
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from companion.run.places import NOTEBOOKS
from nircore.paths import PACKAGE

#: Where the sources of our packages lie; the versions of all others are pinned in constraints.txt.
ROOTS = {"nircore": PACKAGE.parent, "companion": NOTEBOOKS}


def cells(notebook: Path) -> list[str]:
    """Return the code cells of a notebook as plain Python: prose, outputs and counts are not among them."""
    from IPython.core.inputtransformer2 import TransformerManager

    written = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ("".join(cell["source"]) for cell in written if cell["cell_type"] == "code")
    return [TransformerManager().transform_cell(source) for source in code]


def digest(*sources: str) -> str:
    """Return one SHA-256 of some Python code and of every file that it reaches in our packages."""
    files = sorted({file for source in sources for file in _reached(source)})
    return hashlib.sha256("\0".join([*sources, *map(_text, files)]).encode()).hexdigest()


def _reached(source: str) -> set[Path]:
    """Return the files of our packages that code imports, however far, and the templates that lie beside them."""
    found: set[Path] = set()
    todo = list(_modules(source))
    while todo:
        file = todo.pop()
        if file not in found:
            found.add(file)
            found.update(file.parent.glob("*.j2"))
            todo += _modules(_text(file))
    return found


@cache
def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8")


@cache
def _modules(source: str) -> tuple[Path, ...]:
    """Return the files of our modules that code names in its imports, in functions too; nothing is imported."""
    return tuple(file for name in _imported(source) if (file := _file(name)))


def _imported(source: str) -> Iterator[str]:
    """Yield the names that import statements may mean; code that Python cannot read imports nothing."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path | None:
    """Return the file of one of our modules; None for what is none."""
    package = module.split(".")[0]
    if package not in ROOTS:
        return None
    place = ROOTS[package].joinpath(*module.split("."))
    return next((file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file()), None)
