"""What bfloat16 passes do to the paper's system: last losses and test scores over three seeds, beside float32."""

from pathlib import Path

import pandas as pd

from nircore.recipe import resolve
from nircore.inference import enhance
from companion.workshop.card import keep
from nircore.models import checkpoint
from companion.run import Run
from companion.study import benchmark_table as benchmark
from companion.study import training as of_run
from companion.study.split_table import data_split

PRECISIONS, RECIPE = ("float32", "bfloat16"), "ssgan"
LOSSES = ("generator", "discriminator_a", "discriminator_b")
SETTINGS = {"profile": "smoke", "seeds": 3, "run": "precision"}
#: Four times the steps of profile `smoke`, on its networks: a quarter of an hour where bfloat16 is not at home.
TRAINED = {"steps_per_epoch": 12}


def publish(folder: Path) -> pd.DataFrame:
    """Train with each precision and seed, or find the trainings; write and return `precision.csv`, a row each.

    A processor without bfloat16 computes the same numbers slowly: the effect can be seen anywhere, the time only
    where it is at home.
    """
    run = Run(resolve(SETTINGS))
    run.save_config()
    run.make(data_split)
    frames = [benchmark.judged(run, one) for one in benchmark.tested(run)]
    seeds = range(run.config.seed, run.config.seed + run.config.seeds)
    rows = [_row(run, frames, seed, precision) for seed in seeds for precision in PRECISIONS]
    return keep(folder, "precision", pd.DataFrame(rows))


def _row(run: Run, frames: list[benchmark.Judged], seed: int, precision: str) -> dict[str, object]:
    """Train one system, or find it, and score it on the run's test frames."""
    file = of_run.train(run, RECIPE, seed, f"{precision}, seed {seed}, ", precision=precision, **TRAINED)
    losses = checkpoint.load(file.with_name("checkpoint.safetensors"))[2]["rows"][-1]
    generator = checkpoint.load_generator(file)[0]
    scores = pd.DataFrame([judge(enhance(generator, frame)[0]) for _, frame, judge in frames])
    means = scores[["psnr", "ssim"]].mean().to_dict()
    return {"precision": precision, "seed": seed} | {name: losses[name] for name in LOSSES} | means
