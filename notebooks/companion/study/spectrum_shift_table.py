"""Spectrum shift on real frames: short-window low light to long-window long exposures of other animals."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from companion import rivals as baselines
from companion.run import Run
from companion.study import spectrum_shift as measures
from companion.study.judge import clipped
from companion.study.spectrum_shift import (
    AFFINE,
    COLUMNS,
    DENOISED,
    IDEAL,
    INPUT,
    NO_SHIFT,
    ONE_FILTER,
    SHIFTED,
    UNSHIFTED,
)
from companion.study.training import train_frames
from nircore.data import sets
from nircore.data.normalise import Normalisation
from nircore.inference import enhance
from nircore.metrics import with_truth
from nircore.recipe import as_recipe
from nircore.training.crops import View

SHORT, LONG = ("BP1150", "BP1200"), ("BP1300", "BP1350")
SYSTEM = "ssgan"  # the paper's
ABSENT = "The spectrum shift needs frames of three animals through both short and long filters: dataset=swir-hdr."


def spectrum_shift(run: Run) -> None:
    """Let each animal be the test in turn; train with and without a shift on the others, judge, and decide."""
    table = sets.catalogue(run.config)[0]
    rounds = list(_rounds(table)) if run.config.dataset == "swir-hdr" else []
    if not rounds:
        _untested(run, one_filter=table["filter"].nunique(dropna=False) == 1)
        return
    rows = [row for k, animals in enumerate(rounds) for row in _round(run, table, animals, run.config.seed + k)]
    scores = pd.DataFrame(rows, columns=COLUMNS)
    run.write_table("spectrum_shift", scores)
    run.write_table("table9_spectrum_shift", pd.DataFrame([measures.verdict(scores)]))


def _untested(run: Run, one_filter: bool) -> None:
    """Say why there is nothing in the tables: no shift at all, or no frames that could tell."""
    found = [{"verdict": NO_SHIFT, "rule": ONE_FILTER}] if one_filter else []
    reason = f"There is {NO_SHIFT}: {ONE_FILTER}." if one_filter else ABSENT
    run.write_table("spectrum_shift", pd.DataFrame({"reason": [reason]}))
    run.write_table("table9_spectrum_shift", pd.DataFrame(found, columns=["verdict", "rule"]))


def _rounds(table: pd.DataFrame) -> Iterator[tuple[str, str, str]]:
    """Yield (test animal, animal of the low-light domain, animal of the target domain): three different ones."""
    wanted = {(domain, name) for domain in ("low_light", "target") for name in (*SHORT, *LONG)}
    seen = table.groupby("group").apply(lambda own: wanted <= set(zip(own["domain"], own["filter"], strict=True)))
    animals = sorted(seen[seen].index) if len(seen) else []
    for k in range(len(animals) if len(animals) >= 3 else 0):
        yield tuple(animals[(k + step) % len(animals)] for step in range(3))


def _frames(run: Run, table: pd.DataFrame, group: str, domain: str, filters: tuple[str, ...]) -> dict[str, Any]:
    """Return one row of each filter, the one of the shortest exposure."""
    own = table[(table["group"] == group) & (table["domain"] == domain) & table["filter"].isin(filters)]
    first = own.sort_values("exposure_s").drop_duplicates("filter").sort_values("filter")
    return {row.filter: row for row in first.itertuples(index=False)}


def _load(run: Run, rows: dict[str, Any]) -> list[np.ndarray]:
    return [sets.load(run.config, row) for row in rows.values()]


def _round(
    run: Run, table: pd.DataFrame, animals: tuple[str, str, str], seed: int
) -> Iterator[dict[str, float | str]]:
    """Train the two systems for one test animal and measure all pairs of its windows."""
    test, low_light, target = animals
    rows = _frames(run, table, low_light, "low_light", SHORT)
    config = as_recipe(run.config, SYSTEM).replace(recipe=SYSTEM, seed=seed)
    targets = {UNSHIFTED: SHORT, SHIFTED: LONG}
    generators = {}
    for name, filters in targets.items():
        folder = run.path(f"models/shift-{name.split()[-2]}-{test}")
        shown = _load(run, _frames(run, table, target, "target", filters))
        before = f"{test}, {name}, "
        generators[name] = train_frames(config, _load(run, rows), shown, View(), folder, before)
    strength = _strength(run, rows)
    longs = _frames(run, table, test, "target", LONG)
    shown = _load(run, _frames(run, table, target, "target", LONG))
    for short, row in _frames(run, table, test, "low_light", SHORT).items():
        frame, ideal = sets.load(run.config, row), sets.reference(run.config, row)
        images = _images(frame, ideal[0], strength, shown, generators)
        for long, one in longs.items():
            truth = _reference(run, row, one, ideal)
            for measured in measures.measure(frame, truth, images):
                yield {"group": test, "short": short, "long": long} | measured
        print(f"spectrum shift: {test}, {short}", flush=True)


def _strength(run: Run, rows: dict[str, Any]) -> float:
    """Choose how strongly non-local means smooths, on an animal that is not the test's, in its own window."""
    pairs = [(sets.load(run.config, row), sets.reference(run.config, row)) for row in rows.values()]
    return baselines.tune("non_local_means", pairs, lambda x, truth: with_truth.score(clipped(x), *truth)["psnr"])[0]


def _images(
    frame: np.ndarray, ideal: np.ndarray, strength: float, targets: list[np.ndarray], generators: dict[str, Any]
) -> dict[str, np.ndarray]:
    """Return what every method makes of a frame, by name."""
    denoised = baselines.non_local_means(frame, strength)
    affine = measures.affine_to(denoised, Normalisation.of(frame), targets)
    made = {name: enhance(generator, frame)[0] for name, generator in generators.items()}
    return {INPUT: frame, DENOISED: denoised, AFFINE: affine, **made, IDEAL: ideal}


def _reference(run: Run, row: Any, long: Any, ideal: sets.Reference) -> sets.Reference:
    """Return the long-window frame of the test animal at the short exposure's scale, moved onto the short one's."""
    truth, valid = sets.reference(run.config, row._replace(reference=long.file, reference_s=long.exposure_s))
    by = measures.offset_between(ideal[0], truth)
    return measures.moved((truth, valid & ideal[1]), by)
