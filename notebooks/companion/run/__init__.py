"""Runs: what a notebook opens, where its results lie, and the chain that brings them up to date."""

import ast
import os
from collections.abc import Mapping
from typing import Any

from companion.run import places
from companion.run.places import published
from companion.run.run import STAMP, Pictures, Run, stamped
from nircore.config import load_file, require_known
from nircore.recipe import resolve

__all__ = ["STAMP", "Pictures", "Run", "open_run", "parameters", "published", "stamped"]
MARK = "# Parameters"  # papermill begins the cell it injects with it, and so do our parameters cells


def parameters(namespace: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values assigned in the notebook's newest parameters cells (or all, outside a notebook)."""
    if "In" not in namespace:
        return dict(namespace)
    cells = list(namespace["In"])[:-1]
    while cells and not cells[-1].startswith(MARK):
        cells.pop()
    names: list[str] = []
    while cells and cells[-1].startswith(MARK):
        for statement in ast.parse(cells.pop()).body:
            targets = getattr(statement, "targets", [getattr(statement, "target", None)])
            names += [target.id for target in targets if isinstance(target, ast.Name)]
    return {name: namespace[name] for name in dict.fromkeys(names)}


def open_run(namespace: Mapping[str, Any], after: str = "", beside: str = "") -> Run:
    """Open the run that a notebook's parameters describe; call it as `open_run(globals(), after="02_training")`.

    A parameter left at None, or not in the notebook's parameters cell, keeps the value the run was made with
    when the run already exists with the same dataset, profile and recipe; otherwise the profile's.

    Args:
        namespace: the notebook's.
        after: the notebook that this one goes on from. A notebook that is opened alone has it run first, and all
            that it goes on from; in the chain they have run already.
        beside: published tables that this notebook reads, by their path in `reports`.

    Raises:
        NircoreError: an unknown parameter, a wrong type, or a value out of range, before anything is done.
    """
    given = {name: value for name, value in parameters(namespace).items() if value is not None}
    require_known(given)
    config = resolve(given)
    saved = places.run_folder(config.name) / "config.yaml"
    if saved.is_file():
        before = load_file(saved)
        if all(getattr(before, key) == getattr(config, key) for key in ("dataset", "profile", "recipe")):
            config = before.replace(**given)
    from companion.run import chain

    run = Run(config)
    run.save_config()
    if after and chain.IN_CHAIN not in os.environ:
        chain.bring(config, after)
    return run
