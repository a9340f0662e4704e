"""Steps per second of our CycleGAN step against the straightforward one, in turns, in one run.

Run it as `python -m benchmarks.training_speed profile=cpu rounds=20` from the checkout.
"""

import sys
import time

import numpy as np
import torch

from benchmarks.straightforward import Straightforward
from nircore.config import parse
from nircore.recipe import resolve
from nircore.training.cyclegan import CycleGAN
from nircore.training.loop import choose_device


def main(arguments: list[str]) -> None:
    """Print the medians and their ratio for the config that `key=value` arguments describe; `rounds=N` is ours."""
    rounds = int(next((text[7:] for text in arguments if text.startswith("rounds=")), 20))
    config = resolve({"profile": "cpu"} | dict(parse(text) for text in arguments if not text.startswith("rounds=")))
    device = choose_device(config.device)
    ours = CycleGAN(config, device)
    plain = Straightforward(ours)
    a, b = (torch.rand(config.batch, 1, config.crop, config.crop, device=device) * 2 - 1 for _ in range(2))
    seconds: dict[str, list[float]] = {"ours": [], "straightforward": []}
    for index in range(rounds + 2):
        for name, system in (("ours", ours), ("straightforward", plain)):
            began = time.perf_counter()
            float(system.step(a, b, index)["generator"])  # the number has to come off the device
            seconds[name].append(time.perf_counter() - began)
    medians = {name: float(np.median(values[2:])) for name, values in seconds.items()}
    for name, value in medians.items():
        print(f"{name}: {1 / value:.3f} steps/s")
    ratios = np.array(seconds["straightforward"][2:]) / np.array(seconds["ours"][2:])
    low, middle, high = np.percentile(ratios, [25, 50, 75])
    print(f"ratio {middle:.2f} (quartiles {low:.2f} to {high:.2f})")


if __name__ == "__main__":
    main(sys.argv[1:])
