"""The recipes beside each other on the run's frames, and what each term of `pssgan` is worth there."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from nircore.config import term_weights
from nircore.recipe import as_recipe
from nircore.data import sets
from companion.run import Run
from companion.study import ablation
from companion.study import benchmark_table as benchmark
from companion.study.benchmark import INPUT, PAIRED, UNPAIRED, Method, tuned
from companion.study.comparison import COLUMNS, comparison
from nircore.training import evaluation

FRAMES = 4  # test frames at most: the trainings differ more than the frames do
COMPARED = (
    "ssgan", "cyclegan", "ma2021", "pix2pix", "pssgan", "physics", "physics_misinformed", "realtime", "oracle",
)  # fmt: skip
SAME = {"xai_pssgan": "pssgan"}  # recipes that train as another does, and write more
ABLATED, NO_TERMS = "pssgan", "ssgan"  # the second is the first without any of its terms
CLASSICAL = "non_local_means"  # the rival that needs no training, tuned on validation frames


def recipes(run: Run) -> None:
    """Train every recipe and every variant of `pssgan`, once per seed, and judge them all on the same test frames."""
    test = [row for row in benchmark.tested(run) if benchmark.matched(row)]
    if not test:
        run.write_table("recipes", pd.DataFrame(columns=benchmark.PER_FRAME))
        run.write_table("table7_recipes", pd.DataFrame(columns=COLUMNS))
        run.write_table("table8_ablation", pd.DataFrame(columns=ablation.COLUMNS))
        return
    variants = ablation.without_each(term_weights(as_recipe(run.config, ABLATED).terms))
    trained, ablated = _recipes(run), _ablated(run, variants)
    unchanged = Method("low-light", INPUT, {run.config.seed: lambda frame: frame})
    methods = [unchanged, _classical(run, test), *trained]
    frames = [benchmark.judged(run, row) for row in evaluation.spread(test, FRAMES)]
    scores = benchmark.scores_of(frames, [*methods, *ablated])
    run.write_table("recipes", scores)
    own = scores[scores["method"].isin([method.name for method in methods])]
    run.write_table("table7_recipes", _with_aliases(comparison(own, methods, {}, run.config.seed)))
    whole, none = (benchmark.named(name)[0] for name in (ABLATED, NO_TERMS))
    parts = {term.replace("_", " "): _without(term) for term in variants} | {"all three": none}
    run.write_table("table8_ablation", ablation.worth(scores, whole, parts))


def _seeds(run: Run) -> range:
    return range(run.config.seed, run.config.seed + run.config.seeds)


def _recipes(run: Run) -> list[Method]:
    methods = []
    for recipe in COMPARED:
        name, kind = benchmark.named(recipe)
        if recipe == "oracle" and run.config.dataset != "phantom":
            methods.append(Method(name, kind, remark=benchmark.ONLY_PHANTOM))
        elif kind == PAIRED and run.config.dataset == "folder":
            methods.append(Method(name, kind, remark="needs pairs, which two folders do not say"))
        else:
            runs = {seed: benchmark.trained(run, recipe, seed, f"{name}, seed {seed}, ") for seed in _seeds(run)}
            methods.append(Method(name, kind, runs))
    return methods


def _ablated(run: Run, variants: Mapping[str, str]) -> list[Method]:
    methods = []
    for term, terms in variants.items():
        before = f"{_without(term)}, seed "
        runs = {s: benchmark.trained(run, ABLATED, s, f"{before}{s}, ", terms=terms) for s in _seeds(run)}
        methods.append(Method(_without(term), UNPAIRED, runs))
    return methods


def _without(term: str) -> str:
    return f"{benchmark.named(ABLATED)[0]} without {term}"


def _classical(run: Run, test: Sequence[Any]) -> Method:
    rows = [row for row in run.rows("validation", "low_light") if row.exposure_s == test[0].exposure_s]
    rows = [row for row in rows if benchmark.matched(row)] or rows
    chosen = evaluation.spread([row for row in rows if row.reference], benchmark.TUNED_ON)
    pairs = [(sets.load(run.config, row), sets.reference(run.config, row)) for row in chosen]
    return tuned(CLASSICAL, pairs, run.config.seed)


def _with_aliases(table: pd.DataFrame) -> pd.DataFrame:
    """Add the rows of recipes whose training is another's."""
    rows = []
    for recipe, original in SAME.items():
        row = table[table["method"] == benchmark.named(original)[0]]
        rows.append(
            row.assign(method=benchmark.named(recipe)[0], remark=f"trains as {original}; writes maps besides")
        )
    return pd.concat([table, *rows], ignore_index=True)
