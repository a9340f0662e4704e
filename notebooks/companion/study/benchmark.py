"""The benchmark: every method on the same test frames, judged against the truth; tables and details."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from timeit import repeat
from typing import Any

import numpy as np
import pandas as pd

from companion import rivals
from companion.rivals import Denoise, noise2void
from companion.run import Run
from companion.study import training as of_run
from companion.study.comparison import CLASSICAL, COLUMNS, INPUT, PAIRED, UNPAIRED, Method, best_classical, comparison
from companion.study.comparison import tuned as tuned_method
from companion.study.judge import METRICS, Judge, vessel_detail
from nircore.config import recipe_names
from nircore.data import sets, swir_hdr
from nircore.inference import enhance
from nircore.models import checkpoint
from nircore.recipe import recipe as described
from nircore.training import evaluation
from nircore.training.loop import choose_device

FRAMES = 9  # test frames at most; the table says out of how many
TUNED_ON = 3  # validation frames of that exposure: BM3D takes 10 to 25 s for one
SHOWN = 2  # frames in the picture grid
TRUTH = "truth"  # not a method: what the no-truth numbers of the truth itself are
NOISE2VOID, NOISE2VOID_EPOCHS = "Noise2Void", 8  # two to three minutes; its loss says nothing about when to stop
FULL, REPEATS = (640, 512), 3  # px and runs: a time is the median of so many on a frame of the camera's size
PART = ("exposure_ms", "filters", "test_frames")
PER_FRAME = ("method", "kind", "seed", "file", "group", "scene", "filter", "exposure_s", *METRICS)
ONLY_PHANTOM = "on the phantom alone: a ceiling needs pairs whose truth has no noise"
Judged = tuple[Any, np.ndarray, Judge]  # a row of the split, its frame, and what judges there


def benchmark(run: Run) -> None:
    """Judge every method on the test frames of the shortest exposure, and compare it with the best classical one."""
    test = tested(run)
    if not test:
        run.write_table("benchmark", pd.DataFrame(columns=PER_FRAME))
        run.write_table("table4_benchmark", pd.DataFrame(columns=(*PART, *COLUMNS)))
        run.write_pictures("benchmark", {})
        return
    pairs, seed = tuning(run, test), run.config.seed
    unchanged = Method("low-light", INPUT, {seed: lambda frame: frame})
    methods = [unchanged, *(tuned_method(key, pairs, seed) for key in rivals.METHODS), *_learnt(run)]
    frames = [judged(run, row) for row in evaluation.spread(test, FRAMES)]
    times = {method.name: seconds(method.first, frames[0][1]) for method in methods if method.runs}
    scores = scores_of(frames, methods)
    run.write_table("benchmark", scores)
    run.write_table("table4_benchmark", pd.concat(_comparisons(scores, test, methods, times, seed)))
    shown = evaluation.spread([one for one in frames if matched(one[0])] or frames, SHOWN)
    run.write_pictures("benchmark", dict(_details(*one, methods) for one in shown))


def tested(run: Run) -> list[Any]:
    """Return the test frames of the shortest exposure that has references: the hardest, and the published one."""
    rows = [row for row in run.rows("test", "low_light") if row.reference]
    shortest = min((row.exposure_s for row in rows), default=0.0)
    return [row for row in rows if row.exposure_s == shortest]


def tuning(run: Run, test: Sequence[Any]) -> list[tuple[np.ndarray, sets.Reference]]:
    """Return the validation frames, with their truth, on which methods are tuned: of the test frames' exposure."""
    rows = [row for row in run.rows("validation", "low_light") if row.exposure_s == test[0].exposure_s]
    rows = [row for row in rows if matched(row)] or rows
    chosen = evaluation.spread([row for row in rows if row.reference], TUNED_ON)
    return [(sets.load(run.config, row), sets.reference(run.config, row)) for row in chosen]


def matched(row: Any) -> bool:
    """Say whether the exposures of a row's filter agree."""
    return row.filter not in swir_hdr.MISMATCHED_FILTERS


def alike(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose filter's exposures agree; all where none does."""
    matching = scores[~scores["filter"].isin(swir_hdr.MISMATCHED_FILTERS)]
    return matching if len(matching) else scores


def judged(run: Run, row: Any) -> Judged:
    """Load a row's frame, and make ready to judge what is made of it."""
    frame, truth = sets.load(run.config, row), sets.reference(run.config, row)
    return row, frame, Judge(frame, *truth, noise_free=sets.own_truth(run.config, row))


def _learnt(run: Run) -> list[Method]:
    """Train (or find) what learns: Noise2Void and the recipes, once for each seed, all on the run's one split."""
    recipes = list(dict.fromkeys([*recipe_names(run.config.recipes), run.config.recipe]))
    systems = [system(run, name, f"system {k}/{len(recipes)}, ") for k, name in enumerate(recipes, start=1)]
    return [_noise2void(run, run.config.seed), *systems]


def system(run: Run, recipe: str, before: str = "", without: str = "", **changed: Any) -> Method:
    """Train a recipe, with settings changed, on the run's split, once for each seed.

    `before` begins every line that says how far it is; `without` says in the method's name what the recipe lacks.
    """
    about = described(recipe)
    name, kind = about.title + (f" without {without}" if without else ""), PAIRED if about.pairs else UNPAIRED
    if recipe == "oracle" and run.config.dataset != "phantom":
        return Method(name, kind, remark=ONLY_PHANTOM)
    if kind == PAIRED and run.config.dataset == "folder":
        return Method(name, kind, remark="needs pairs, which two folders do not say")
    seeds = range(run.config.seed, run.config.seed + run.config.seeds)
    runs = {seed: trained(run, recipe, seed, f"{before}{name}, seed {seed}, ", **changed) for seed in seeds}
    return Method(name, kind, runs)


def _noise2void(run: Run, seed: int) -> Method:
    """Train Noise2Void, once, on the training frames, unless its package is absent."""
    if reason := noise2void.available():
        return Method(NOISE2VOID, UNPAIRED, remark=reason)
    frames = [sets.load(run.config, row) for row in run.rows("train", "low_light")]
    return Method(NOISE2VOID, UNPAIRED, {seed: noise2void.train(frames, run.path("models"), seed, NOISE2VOID_EPOCHS)})


def trained(run: Run, recipe: str, seed: int, before: str, **changed: Any) -> Denoise:
    """Train a recipe, with settings changed, or find its training."""
    generator = checkpoint.load_generator(of_run.train(run, recipe, seed, before, **changed))[0]
    generator = generator.to(choose_device(run.config.device))
    return lambda frame: enhance(generator, frame)[0]


def seconds(denoise: Denoise, frame: np.ndarray) -> float:
    """Return the seconds for one 640 x 512 frame here: the median of three; smaller frames are mirrored to size."""
    missing = [(0, max(0, full - side)) for full, side in zip(FULL, frame.shape, strict=True)]
    full = np.pad(frame, missing, mode="symmetric")[: FULL[0], : FULL[1]]
    return median(repeat(lambda: denoise(full), number=1, repeat=REPEATS))


def scores_of(judged: Sequence[Judged], methods: Sequence[Method]) -> pd.DataFrame:
    """Measure every frame by every method and seed."""
    rows = []
    for k, (row, frame, judge) in enumerate(judged, start=1):
        about = {"file": Path(row.file).stem} | {key: getattr(row, key) for key in PER_FRAME[4:8]}
        for method in methods:
            for seed, denoise in method.runs.items():
                found = {"method": method.name, "kind": method.kind, "seed": seed} | about
                rows.append(found | judge(denoise(frame)))
        rows.append({"method": TRUTH, "kind": TRUTH, "seed": None} | about | judge.of_truth())
        print(f"benchmark: {k} of {len(judged)} frames", flush=True)
    return pd.DataFrame(rows, columns=PER_FRAME)


def compared(scores: pd.DataFrame, methods: Sequence[Method], times: dict[str, float], seed: int) -> pd.DataFrame:
    """Compare methods with the classical one that is best on the validation frames."""
    means = {method.name: method.validation_psnr for method in methods if method.kind == CLASSICAL and method.runs}
    return comparison(scores, methods, dict.fromkeys(scores["file"], best_classical(means)), times, seed)


def _comparisons(
    scores: pd.DataFrame, test: list[Any], methods: Sequence[Method], times: dict[str, float], seed: int
) -> Iterator[pd.DataFrame]:
    """Compare the methods on one exposure; filters whose exposures do not match stand apart."""
    for _, part in scores.groupby(scores["filter"].isin(swir_hdr.MISMATCHED_FILTERS)):
        filters = sorted(part["filter"].unique())
        about = (1000 * test[0].exposure_s, " ".join(filters), sum(row.filter in filters for row in test))
        table = compared(part, [*methods, Method(TRUTH, TRUTH)], times, seed)
        yield table.assign(**dict(zip(PART, about, strict=True)))[[*PART, *COLUMNS]]


def _details(
    row: Any, frame: np.ndarray, judge: Judge, methods: Sequence[Method]
) -> tuple[str, dict[str, np.ndarray]]:
    """Return a frame's name, and a detail full of vessels as the truth and each method's first seed show it."""
    square = vessel_detail(judge.truth)
    made = {method.name: judge.view(method.first(frame))[square] for method in methods if method.runs}
    return Path(row.file).stem, {"truth": judge.truth[square]} | made
