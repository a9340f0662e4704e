"""The tables of the full benchmark, a run per dataset, gathered for publication: no picture of a real animal."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from nircore import paths
from nircore.run import Run
from nircore.study import processor

TABLES = ("benchmark", "table4_benchmark", "table5_fidelity", "table6_metric_quality", "claims", "losses")
PLOTS = ("fig6_scores", "fig8_metric_quality", "fidelity_emptiness", "fidelity_redegradation", "fidelity_prevalence")
#: Figures with pixels in them: published for the phantom alone.
PICTURES = ("fig6_benchmark",)
RECIPE_TABLES = ("recipes", "table7_recipes", "table8_ablation", "spectrum_shift", "table9_spectrum_shift")
RECIPE_PLOTS = ("fig9_recipes", "fig10_ablation", "fig11_spectrum_shift")


def benchmark(runs: Sequence[Run], folder: Path) -> Path:
    """Gather the full benchmark's tables, plots and pictures, as `_published` says."""
    return _published(runs, folder, TABLES, PLOTS, PICTURES)


def recipes(runs: Sequence[Run], folder: Path) -> Path:
    """Gather the comparison of recipes, the ablation and the spectrum shift, as `_published` says; no pictures."""
    return _published(runs, folder, RECIPE_TABLES, RECIPE_PLOTS, ())


def _published(
    runs: Sequence[Run],
    folder: Path,
    tables: Sequence[str],
    plots: Sequence[str],
    pictures: Sequence[str],
) -> Path:
    """Write `folder/<table>.csv` with a column `dataset` in front, the plots, the settings, and the machine.

    What was there of earlier runs is replaced, table by table; every file is written whole or not at all.
    """
    for name in tables:
        parts = []
        for run in runs:
            part = run.table(name)
            part.insert(0, "dataset", run.config.dataset)
            parts.append(part)
        text = pd.concat(parts).to_csv(index=False, float_format="%.6g", lineterminator="\n")
        paths.write_text(folder / f"{name}.csv", text)
    for run in runs:
        _copy(run, folder, (*plots, *(pictures if run.config.dataset == "phantom" else ())))
    paths.write_text(folder / "machine.csv", processor.machine().to_csv(index=False, lineterminator="\n"))
    return folder


def real_time(run: Run, folder: Path) -> Path:
    """Write a run's times, what they were taken on, and the plots: none holds a picture."""
    for name in ("table10_real_time", "quality_speed", "real_time_machine"):
        text = run.table(name).to_csv(index=False, float_format="%.6g", lineterminator="\n")
        paths.write_text(folder / f"{name}.csv", text)
    for name in ("fig12_real_time", "fig12b_engines"):
        with paths.atomic(folder / f"{name}.png") as temporary:
            shutil.copyfile(run.figure(name), temporary)
    return folder


def _copy(run: Run, folder: Path, figures: Sequence[str]) -> None:
    """Copy a run's figures, and the settings that are not about this machine."""
    dataset = run.config.dataset
    settings = "".join(line for line in run.config.to_yaml().splitlines(True) if not line.startswith("data_root"))
    paths.write_text(folder / f"{dataset}.yaml", settings)
    for name in figures:
        with paths.atomic(folder / f"{dataset}_{name}.png") as temporary:
            shutil.copyfile(run.figure(name), temporary)
