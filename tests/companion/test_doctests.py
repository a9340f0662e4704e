"""The examples in the companion's docstrings: pytest finds them beside packages only, not beside notebooks."""

import doctest
import importlib

import pytest

from companion.run import places

SHOWN = [path for path in (places.NOTEBOOKS / "companion").rglob("*.py") if ">>> " in path.read_text("utf-8")]


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_examples_give_what_they_say(path):
    name = ".".join(path.relative_to(places.NOTEBOOKS).with_suffix("").parts)
    failed, tried = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert tried and not failed
