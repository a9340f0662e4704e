"""The record of a result: a JSON file beside it that says from what and how it was made."""

import dataclasses
import hashlib
import json
import os
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from nircore import paths
from nircore.data import frames
from nircore.files import write_text
from nircore.inference.enhancer import Enhancer
from nircore.inference.prepared import FACTS
from nirlab.formats.raw import Raw

#: What `temporal` means, in words.
WAYS = {"causal": "its own and those before it", "both": "its own and those before and after it"}

COLOURED = 0.2  # correlation of the noise of neighbouring pixels from which on it is said
#: What a summary counts, in words.
COUNTED = {
    "pixels_clipped": "pixels clipped",
    "pixels_at_ceiling": "input pixels saturated",
    "outliers_replaced": "hot or dead pixels replaced",
    "bad_lines": "bad lines filled",
    "pixels_of_one_value": "pixels of dead areas or bars left as they are",
    "blank_frames": "blank frames passed through",
}


def short(name: str, longest: int) -> str:
    """Return a name, or where it has more bytes than `longest` its beginning and a hash that tells it from others."""
    raw = os.fsencode(name)
    return name if len(raw) <= longest else f"{name[:60]}-{hashlib.sha256(raw).hexdigest()[:20]}"


def path_of(target: Path) -> Path:
    """Return the record's path: the result's name and `.json`, shortened where that is too long."""
    return target.with_name(f"{short(target.name, 250)}.json")


def read(path: Path) -> dict[str, Any]:
    """Return a JSON file's mapping, empty where there is none that can be read."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def sha256(path: Path | str) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal, or of all files of a folder store.

    Raises:
        NircoreError: something cannot be read.
    """
    if not os.path.isdir(path):
        return frames.sha256(path)
    inside = [Path(folder) / name for folder, _, names in os.walk(path, followlinks=True) for name in names]
    named = sorted((file.relative_to(path).as_posix(), file) for file in inside)
    text = b"".join(os.fsencode(name) + b"\0" + frames.sha256(file).encode() + b"\0" for name, file in named)
    return hashlib.sha256(text).hexdigest()


@lru_cache(maxsize=2)
def made_by(enhancer: Enhancer) -> dict[str, Any]:
    """Return what decides a result, apart from the frame: the network, the darks and the settings.

    Equal ones make equal outputs, but for rounding.
    """
    darks, settings = enhancer.darks, enhancer.settings
    return {
        "nircore": paths.VERSION,
        "model": enhancer.weights.name if settings.weights else f"{settings.model} (ships with nircore)",
        "model_sha256": sha256(enhancer.weights),
        "recipe": enhancer.config.recipe,
        "darks": {Path(file).name: sha256(file) for file in darks.files} if darks else {},
        "dark_subtracted": darks is not None,
        "pedestal_dn": enhancer.pedestal_dn,
        "exposure_s": settings.exposure_s,
        "gain_e_per_dn": settings.gain_e_per_dn,
        "read_noise_dn": settings.read_noise_dn,
        "keep_spots": settings.keep_spots,
        "temporal_average_frames": settings.average,
        **({"temporal": settings.temporal} if settings.temporal else {}),
    }


def identity(source: Path, enhancer: Enhancer, raw: Raw | None) -> dict[str, Any]:
    """Return what a result depends on: the source's path and content, the network, the darks and the settings.

    Raises:
        NircoreError: the source cannot be read.
    """
    found = {"source": str(source.absolute()), "source_sha256": sha256(source)} | made_by(enhancer)
    if raw is not None:
        found["raw"] = dataclasses.asdict(raw)
    return json.loads(json.dumps(found))


def difference(before: Any, now: dict[str, Any]) -> str:
    """Say in what the identity of a result that is there differs from the one that is asked for."""
    if not isinstance(before, dict) or "source_sha256" not in before:
        return "was made otherwise"
    if before["source"] != now["source"]:
        return f"was made from {before['source']}, not from {now['source']}"
    if before["source_sha256"] != now["source_sha256"]:
        return f"was made from {now['source']} as it was before"
    return "was made otherwise (other settings, weights or darks)"


def of(identity: dict[str, Any], enhancer: Enhancer, engine: str, facts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the record of a result: what it depends on, when it was made, and what was measured on its frames."""
    record = {
        "identity": identity,
        "settings": dataclasses.asdict(enhancer.settings),
        "made": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "temporal_average_frames": enhancer.settings.average,
        "summary": _summary(facts),
        "frames": {name: [_finite(one[name]) for one in facts] for name in FACTS},
        "engine": engine,
    }
    if (darks := enhancer.darks) is not None:
        record["dark_frames"] = {Path(file).name: n for file, n in zip(darks.files, darks.frames, strict=True)}
    return record


def write(record: dict[str, Any], path: Path) -> Path:
    """Write a record, whole or not at all; return its path."""
    return write_text(path, json.dumps(record, indent=1) + "\n")


def _summary(facts: list[dict[str, Any]]) -> dict[str, Any]:
    flux = [one["flux_ratio"] for one in facts if np.isfinite(one["flux_ratio"])]
    return {
        "frames": len(facts),
        "flux_ratio": float(np.mean(flux)) if flux else None,
        "pixels_clipped": sum(one["clipped"] for one in facts),
        "pixels_at_ceiling": sum(one["at_ceiling"] for one in facts),
        "blank_frames": sum(one["blank"] for one in facts),
        "outliers_replaced": sum(one["outliers"] for one in facts),
        "bad_lines": max((one["bad_lines"] for one in facts), default=0),
        "pixels_of_one_value": max((one["bad_areas"] for one in facts), default=0),
        "doubt": next((f"frame {k}: {one['doubt']}" for k, one in enumerate(facts) if one["doubt"]), ""),
        "frames_used": float(np.mean([one["frames_used"] for one in facts])),
        "noise_correlation": max((one["noise_correlation"] for one in facts), default=0.0),
        "assumed": next((one["assumed"] for one in facts if one["assumed"]), ""),
    }


def _finite(value: Any) -> Any:
    """Return a number for JSON, which knows no NaN."""
    return value if not isinstance(value, float) or np.isfinite(value) else None


def noticed(summary: dict[str, Any]) -> list[str]:
    """Return what a user should know of a result, in words: what was counted, and what was assumed of its noise."""
    counted = [f"{summary[key]} {words}" for key, words in COUNTED.items() if summary[key]]
    if summary["noise_correlation"] > COLOURED:
        counted.append(f"noise of neighbouring pixels correlates by {summary['noise_correlation']:.2f}")
    return counted + ([f"assumed {summary['assumed']}"] if summary["assumed"] else [])


def line(target: Path, record: dict[str, Any]) -> str:
    """Return what the command prints of a result that was made."""
    summary = record["summary"]
    parts = [f"{target}: {summary['frames']} frame{'s' if summary['frames'] > 1 else ''}"]
    if summary["flux_ratio"] is not None:
        parts.append(f"flux x {summary['flux_ratio']:.3f}")
    parts += noticed(summary)
    if record["temporal_average_frames"] > 1:
        parts.append(f"mean of {record['temporal_average_frames']} frames")
    if temporal := record["settings"]["temporal"]:
        parts.append(f"each pixel rests on {summary['frames_used']:.1f} frames, {WAYS[temporal]}")
    parts += record["said"]
    if record["not_kept"]:
        parts.append(f"not kept: {', '.join(record['not_kept'])}")
    return ", ".join([*parts, f"by {record['engine']}"])
