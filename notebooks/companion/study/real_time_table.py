"""The real-time table: every recipe on every engine, beside each other, and what the speed costs in quality."""

import pandas as pd

from nircore.config import available
from nircore.recipe import as_recipe, recipe
from nircore.inference import engines
from nircore.models import build_generator
from companion.run import Run
from companion.study import real_time
from companion.study.processor import machine

LONG_S = 10.0  # seconds a case from which compiling one, and the paper's own size, are worth their time
SLOW_TO_BUILD, LATER = "compile", "left out here (profiles benchmark and paper): compiling takes longer than the rest"
PAPER_CHANNELS = 64
CAMERA_ROWS = 640


def real_time_table(run: Run) -> None:
    """Time the networks, with drawn weights: speed is that of the architecture; and put quality beside it."""
    seconds, full = run.config.timing_s, run.config.timing_s >= LONG_S
    absent = {name: reason for name, reason in engines.available().items() if reason}
    if not full and SLOW_TO_BUILD not in absent:
        absent[SLOW_TO_BUILD] = LATER
    names = [name for name in engines.ENGINES if name not in absent]
    chosen = list(real_time.cases(_generators(run, full), names, lambda line: print(line, flush=True)))
    peaks = real_time.measure(chosen, seconds)
    chosen += _beside_another(chosen, seconds)
    timed = real_time.table(chosen, peaks, absent)
    run.write_table("table10_real_time", timed)
    facts = machine().assign(gemm_gflop_s=peaks.flops / 1e9, copy_gb_s=peaks.bytes_s / 1e9)
    run.write_table("real_time_machine", facts)
    run.write_table("quality_speed", _quality(run, timed))


def _generators(run: Run, full: bool) -> dict[str, tuple[int, object]]:
    recipes = ("ssgan", "physics", "realtime", *(("cyclegan",) if full else ()))
    configs = {name: as_recipe(run.config, name) for name in recipes}
    found = {name: (config.ngf, build_generator(config).eval()) for name, config in configs.items()}
    if full:
        paper = configs["ssgan"].replace(ngf=PAPER_CHANNELS)
        found["ssgan, published size"] = (PAPER_CHANNELS, build_generator(paper).eval())
    return found


def _beside_another(chosen: list[real_time.Case], budget_s: float) -> list[real_time.Case]:
    """Return the fastest cases, measured while another process keeps a core busy; the machine's peaks are not."""
    again = real_time.loaded(chosen)
    with real_time.beside_another():
        real_time.measure(again, budget_s)
    return again


def _quality(run: Run, timed: pd.DataFrame) -> pd.DataFrame:
    """Return one row per method of the benchmark: its scores, and its time for a frame of the camera's size.

    Recipes: the fastest engine here. All else: the benchmark's seconds, taken in another run on this machine.
    """
    scores = run.table("table4_benchmark")
    scores = scores[scores["psnr"].notna() & (scores["kind"] != "input")].drop_duplicates("method")
    camera = timed[(timed["height"] == CAMERA_ROWS) & (timed["busy"] == 0)]
    titles = {name: recipe(name).title for name in available("recipes")}
    rows = []
    for row in scores.itertuples():
        own = camera[camera["recipe"].map(titles) == row.method]
        ms, engine = 1e3 * row.seconds, ""
        if len(own):
            best = own.loc[own["median_ms"].idxmin()]
            ms, engine = best["median_ms"], best["engine"]
        rows.append({"method": row.method, "kind": row.kind, "psnr": row.psnr, "ssim": row.ssim, "ms": ms,
                     "engine": engine})  # fmt: skip
    return pd.DataFrame(rows, columns=["method", "kind", "psnr", "ssim", "ms", "engine"])
