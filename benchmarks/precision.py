"""What bfloat16 passes do to the paper's system: last losses and test scores over three seeds, beside float32.

Run it as `python -m benchmarks.precision [key=value ...]` from the checkout; interrupted, it goes on. A processor
without bfloat16 computes the same numbers slowly: the effect can be seen anywhere, the time only where it is at home.
"""

import sys
from pathlib import Path

import pandas as pd

from nircore import stages
from nircore.config import parse, resolve
from nircore.models import checkpoint
from nircore.run import Run, stamped
from nircore.stages import benchmark, training

PRECISIONS, RECIPE = ("float32", "bfloat16"), "ssgan"
LOSSES = ("generator", "discriminator_a", "discriminator_b")


def row(run: Run, frames: list[benchmark.Judged], seed: int, precision: str) -> dict[str, object]:
    """Train one system, or find it, and score it on the run's test frames."""
    file: Path = training.train(run, RECIPE, seed, f"{precision}, seed {seed}, ", precision=precision)
    losses = checkpoint.load(file.with_name("checkpoint.safetensors"))[2]["rows"][-1]
    generator = checkpoint.load_generator(file)[0]
    scores = pd.DataFrame([judge(benchmark.enhance(generator, frame)[0]) for _, frame, judge in frames])
    means = scores[["psnr", "ssim"]].mean().to_dict()
    return {"precision": precision, "seed": seed} | {name: losses[name] for name in LOSSES} | means


def main(arguments: list[str]) -> None:
    """Write `reports/<run>/tables/precision.csv`, a row a precision and seed, and print the means and spreads."""
    run = Run(resolve({"profile": "ablation", "run": "precision"} | dict(map(parse, arguments))))
    run.save_config()
    stages.make(run, "data_split")
    frames = [benchmark.judged(run, one) for one in benchmark.tested(run)]
    seeds = range(run.config.seed, run.config.seed + run.config.seeds)
    table = pd.DataFrame([row(run, frames, seed, precision) for seed in seeds for precision in PRECISIONS])
    run.write_table("precision", stamped(table))
    print(table.groupby("precision", sort=False)[[*LOSSES, "psnr", "ssim"]].agg(["mean", "std"]).T.to_string())
    paired = table.pivot(index="seed", columns="precision")
    print("bfloat16 - float32:", {name: list((paired[name]["bfloat16"] - paired[name]["float32"]).round(4))
                                  for name in (*LOSSES, "psnr", "ssim")})  # fmt: skip


if __name__ == "__main__":
    main(sys.argv[1:])
