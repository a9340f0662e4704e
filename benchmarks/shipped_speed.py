"""How fast the models that ship are on this machine: every engine, the network alone, and a busy process beside.

python benchmarks/shipped_speed.py [--seconds 6] [--threads 2]    # writes reports/real_time/{shipped,machine}.csv
"""

import argparse

import torch

from nircore import paths
from nircore.inference import engines
from nircore.inference.shipped import MODELS
from nircore.models.checkpoint import load_generator
from nircore.publish import machine
from nircore.study import real_time


def main() -> None:
    """Time, write the tables and print what matters of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="budget of each case")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    absent = {name: reason for name, reason in engines.available().items() if reason}
    generators = {}
    for model, file in MODELS.items():
        generator, config, _ = load_generator(file)
        generators[model] = (config.ngf, generator)
    names = [name for name in engines.ENGINES if name not in absent]
    chosen = list(real_time.cases(generators, names, print))
    peaks = real_time.measure(chosen, given.seconds)
    again = real_time.loaded(chosen, tuple(MODELS))
    with real_time.beside_another():
        real_time.measure(again, given.seconds)
    table = real_time.table([*chosen, *again], peaks, absent).assign(nircore=paths.VERSION)
    folder = paths.make_folder(paths.run_folder("real_time"))
    table.round(4).to_csv(folder / "shipped.csv", index=False)
    facts = machine().assign(gemm_gflop_s=peaks.flops / 1e9, copy_gb_s=peaks.bytes_s / 1e9)
    facts.round(2).to_csv(folder / "machine.csv", index=False)
    shown = table[table["height"] == 640].sort_values(["recipe", "busy", "median_ms"])
    columns = ["recipe", "engine", "precision", "threads", "busy"]
    columns += ["median_ms", "alone_ms", "prepare_ms", "gap", "fps", "io_fps"]
    print(shown[columns].round(2).to_string(index=False))


if __name__ == "__main__":
    main()
