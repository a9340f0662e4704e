"""The recipes beside each other on the run's frames, and what each term of `pssgan` is worth there."""

import math
from collections.abc import Mapping

import pandas as pd

from companion.run import Run
from companion.study import benchmark
from companion.study.comparison import COLUMNS, INPUT, Method, tuned
from nircore.config import term_weights
from nircore.metrics.summary import interval
from nircore.recipe import as_recipe
from nircore.recipe import recipe as described
from nircore.training import evaluation

FRAMES = 4  # test frames at most: the trainings differ more than the frames do
COMPARED = (
    "ssgan", "cyclegan", "ma2021", "pix2pix", "pssgan", "physics", "physics_misinformed", "realtime", "oracle",
)  # fmt: skip
SAME = {"xai_pssgan": "pssgan"}  # recipes that train as another does, and wrote maps besides, once
ABLATED, NO_TERMS = "pssgan", "ssgan"  # the second is the first without any of its terms
CLASSICAL = "non_local_means"  # the rival that needs no training, tuned on validation frames
SCORES = ("psnr", "ssim", "sbr", "cl_dice")
PARTS = ("part", "seeds", "frames", *(f"{key}{end}" for key in SCORES for end in ("", "_worth", "_low", "_high")))


def recipes(run: Run) -> None:
    """Train every recipe and every variant of `pssgan`, once per seed, and judge them all on the same test frames."""
    test = [row for row in benchmark.tested(run) if benchmark.matched(row)]
    if not test:
        run.write_table("recipes", pd.DataFrame(columns=benchmark.PER_FRAME))
        run.write_table("table7_recipes", pd.DataFrame(columns=COLUMNS))
        run.write_table("table8_ablation", pd.DataFrame(columns=PARTS))
        return
    variants = without_each(term_weights(as_recipe(run.config, ABLATED).terms))
    systems = [benchmark.system(run, recipe) for recipe in COMPARED]
    ablated = {term: benchmark.system(run, ABLATED, without=term, terms=terms) for term, terms in variants.items()}
    unchanged = Method("low-light", INPUT, {run.config.seed: lambda frame: frame})
    methods = [unchanged, tuned(CLASSICAL, benchmark.tuning(run, test), run.config.seed), *systems]
    frames = [benchmark.judged(run, row) for row in evaluation.spread(test, FRAMES)]
    scores = benchmark.scores_of(frames, [*methods, *ablated.values()])
    run.write_table("recipes", scores)
    whole, none = (described(name).title for name in (ABLATED, NO_TERMS))
    found = scores[scores["method"].isin([method.name for method in methods])]
    run.write_table("table7_recipes", _with_aliases(benchmark.compared(found, methods, {}, run.config.seed)))
    parts = {term.replace("_", " "): method.name for term, method in ablated.items()} | {"all three": none}
    run.write_table("table8_ablation", worth(scores, whole, parts))


def _with_aliases(table: pd.DataFrame) -> pd.DataFrame:
    """Add the rows of recipes whose training is another's."""
    rows = []
    for recipe, original in SAME.items():
        row = table[table["method"] == described(original).title]
        rows.append(row.assign(method=described(recipe).title, remark=f"trains as {original}"))
    return pd.concat([table, *rows], ignore_index=True)


def without_each(listed: Mapping[str, float]) -> dict[str, str]:
    """Return, for each term, what the setting `terms` says without it.

    >>> without_each({"saliency": 1.0, "high_frequency": 0.5})
    {'saliency': 'high_frequency=0.5', 'high_frequency': 'saliency=1'}
    """
    return {gone: " ".join(f"{name}={listed[name]:g}" for name in listed if name != gone) for gone in listed}


def worth(table: pd.DataFrame, whole: str, parts: Mapping[str, str]) -> pd.DataFrame:
    """Return a row of COLUMNS for the whole system and for each part removed.

    A score's plain column is the mean over frames and seeds of the system in that row. `_worth` is the whole system's
    mean minus that one's, seed by seed, so that both trainings drew the same crops; its 95 % interval is Student's t
    over the seeds, for it is the training that varies: what frames add is common to both. NaN with a single seed.

    Args:
        table: a row per method, seed and frame: method, seed, file, and SCORES.
        whole: the complete system's name in `method`.
        parts: part, in words -> the name in `method` of the system without it.
    """
    rows = [_row(table, whole, "nothing", whole)]
    rows += [_row(table, whole, part, method) for part, method in parts.items()]
    return pd.DataFrame(rows, columns=PARTS)


def _row(table: pd.DataFrame, whole: str, part: str, method: str) -> dict[str, float | str]:
    own = table[table["method"] == method]
    row: dict[str, float | str] = {"part": part, "seeds": own["seed"].nunique(), "frames": own["file"].nunique()}
    for key in SCORES:
        means = own.groupby("seed")[key].mean()
        gain = table[table["method"] == whole].groupby("seed")[key].mean() - means
        middle, half = interval(gain) if method != whole else (math.nan, math.nan)
        row |= {key: means.mean(), f"{key}_worth": middle, f"{key}_low": middle - half, f"{key}_high": middle + half}
    return row
