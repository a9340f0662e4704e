"""A training for one process, or for several: `trained_together.py FOLDER EPOCHS PAUSE SYSTEM...`."""

import json
import sys
import time
from pathlib import Path

import torch

from nircore.config import Config
from nircore.recipe import resolve
from nircore.training import distributed
from nircore.training.loop import Training


class Crops:
    """Drawn batches, each after a pause."""

    def __init__(self, pause: float) -> None:
        self.pause = pause

    def at(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = torch.Generator().manual_seed(step)
        time.sleep(self.pause)
        a = torch.rand(4, 1, 32, 32, generator=rng) * 2 - 1
        return a, a**3


def configured(system: str, epochs: int) -> Config:
    size = dict(crop=32, batch=4, epochs=epochs, steps_per_epoch=4, seed=3, device="cpu")
    if system == "cyclegan":
        return Config(ngf=2, ndf=2, blocks=1, pool=3, select="last", **size)
    return resolve({"recipe": "physics"}).replace(ngf=4, levels=2, learning_rate=1e-3, **size)


def train(folder: Path, epochs: int, system: str, pause: float = 0.0) -> dict[str, list[float]]:
    """Train and return each epoch's losses."""
    say = lambda line: print(f"{system} {line}", flush=True)  # noqa: E731
    rows = Training(configured(system, epochs), Crops(pause), folder, lambda _: {}, say).run()
    return rows.drop(columns=["epoch", "selection"], errors="ignore").to_dict("list")


def main(folder: str, epochs: str, pause: str, *systems: str) -> None:
    torch.set_num_threads(1)
    distributed.start()
    for system in systems:
        place = Path(folder) / system
        losses = train(place, int(epochs), system, float(pause))
        if distributed.rank() == 0:
            (place / "losses.json").write_text(json.dumps(losses))
    distributed.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
