"""How a result was made: a JSON file beside it."""

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nircore.inference.enhancer import FACTS
from nircore.inference.settings import Settings


def path_of(target: Path) -> Path:
    """Return the file that says how a result was made: its name and `.json` (shortened where that is too long)."""
    name = target.name
    if len(os.fsencode(name)) > 250:
        name = f"{name[:60]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:20]}"
    return target.with_name(f"{name}.json")


def read(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping, empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def of(identity: dict[str, Any], settings: Settings, parts: Iterable[Path]) -> dict[str, Any]:
    """Return the record of a result: what it depends on, when it was made, and what was measured on its frames."""
    columns: dict[str, list] = {name: [] for name in FACTS}
    for file in parts:
        with np.load(file) as part:
            for name in FACTS:
                columns[name] += part[name].tolist()
    flux = [ratio for ratio in columns["flux_ratio"] if np.isfinite(ratio)]
    summary = {
        "frames": len(columns["blank"]),
        "flux_ratio": float(np.mean(flux)) if flux else None,
        "pixels_clipped": sum(columns["clipped"]),
        "pixels_at_ceiling": sum(columns["at_ceiling"]),
        "blank_frames": sum(columns["blank"]),
        "outliers_replaced": sum(columns["outliers"]),
        "assumed": next((said for said in columns["assumed"] if said), ""),
    }
    each = {name: [_finite(value) for value in values] for name, values in columns.items()}
    return {
        "identity": identity,
        "settings": dataclasses.asdict(settings),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "temporal_average_frames": settings.average,
        "summary": summary,
        "frames": each,
    }


def _finite(value: Any) -> Any:
    """Return a number for JSON, which knows no NaN."""
    return value if not isinstance(value, float) or np.isfinite(value) else None
