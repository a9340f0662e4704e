"""How fast the models that ship are here: every engine, the network alone, and a busy process beside."""

from pathlib import Path

import pandas as pd
import torch

from nircore.inference import engines
from nircore.inference.shipped import MODELS
from nircore.models.checkpoint import load_generator
from nircore.files import write_text
from companion.run import stamped
from companion.study import processor, real_time


def shipped(folder: Path, seconds: float = 6.0, threads: int = 2) -> pd.DataFrame:
    """Time the models that ship; write `shipped.csv` and `machine.csv`, and return the former.

    Args:
        folder: for the tables, `reports/real_time` of the checkout.
        seconds: budget of each case.
        threads: of torch.
    """
    torch.set_num_threads(threads)
    absent = {name: reason for name, reason in engines.available().items() if reason}
    generators = {}
    for model, file in MODELS.items():
        generator, config, _ = load_generator(file)
        generators[model] = (config.ngf, generator)
    chosen = list(real_time.cases(generators, [name for name in engines.ENGINES if name not in absent], print))
    peaks = real_time.measure(chosen, seconds)
    again = real_time.loaded(chosen, tuple(MODELS))
    with real_time.beside_another():
        real_time.measure(again, seconds)
    table = real_time.table([*chosen, *again], peaks, absent)
    facts = processor.machine().assign(gemm_gflop_s=peaks.flops / 1e9, copy_gb_s=peaks.bytes_s / 1e9)
    for name, made, digits in (("shipped", table, 4), ("machine", facts, 2)):
        write_text(folder / f"{name}.csv", stamped(made.round(digits)).to_csv(index=False))
    return table
