"""Two processes take the steps that one takes; a killed one ends the run, and the same command goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import nircore
from nircore.errors import NircoreError
from nircore.training import distributed

pytestmark = pytest.mark.slow

WORKER = """
import json, os, sys, time
from pathlib import Path
import torch
torch.set_num_threads(1)
from nircore.training import distributed
from nircore.config import Config, resolve
from nircore.training.loop import Training

folder, system, epochs, pause = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
size = dict(crop=32, batch=4, epochs=epochs, steps_per_epoch=4, seed=3, device="cpu")
if system == "cyclegan":
    config = Config(ngf=2, ndf=2, blocks=1, pool=3, select="last", **size)
else:
    config = resolve({"recipe": "physics"}).replace(ngf=4, levels=2, learning_rate=1e-3, **size)

class Crops:
    def at(self, step):
        rng = torch.Generator().manual_seed(step)
        time.sleep(pause)
        a = torch.rand(4, 1, 32, 32, generator=rng) * 2 - 1
        return a, a**3

distributed.start()
rows = Training(config, Crops(), folder, lambda _: {}, lambda line: print(line, flush=True)).run()
if distributed.rank() == 0:
    (folder / "rows.json").write_text(json.dumps(rows.to_dict("list")))
distributed.stop()
"""


def launch(tmp_path: Path, folder: str, processes: int, system: str, epochs: int = 3, pause: float = 0.0):
    script = tmp_path / "worker.py"
    script.write_text(WORKER, encoding="utf-8")
    before = [sys.executable]
    if processes > 1:
        before += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(nircore.__file__).parents[1])}
    arguments = [str(script), str(tmp_path / folder), system, str(epochs), str(pause)]
    return subprocess.Popen([*before, *arguments], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, start_new_session=True)  # fmt: skip


def losses(tmp_path: Path, folder: str) -> dict[str, list[float]]:
    rows = json.loads((tmp_path / folder / "rows.json").read_text())
    return {name: values for name, values in rows.items() if name not in ("epoch", "selection")}


@pytest.mark.parametrize("system", ["cyclegan", "regression"])
def test_two_processes_take_the_steps_of_one(system, tmp_path):
    for folder, processes in (("one", 1), ("two", 2)):
        process = launch(tmp_path, folder, processes, system)
        said, _ = process.communicate(timeout=240)
        assert process.returncode == 0, said
        assert said.count("epoch 3/3") == 1
    one, two = losses(tmp_path, "one"), losses(tmp_path, "two")
    assert one.keys() == two.keys() and len(one["generator"]) == 3
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=2e-4, err_msg=name)
    assert len(set(one["generator"])) == 3


def workers(parent: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(status.parent.name))
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds the processes in /proc")
def test_a_killed_process_ends_the_run_and_the_same_command_goes_on(tmp_path):
    process = launch(tmp_path, "run", 2, "regression", epochs=4, pause=0.15)
    checkpoint, deadline = tmp_path / "run" / "checkpoint.safetensors", time.monotonic() + 120
    while not checkpoint.is_file() and time.monotonic() < deadline:
        time.sleep(0.02)
    children = workers(process.pid)
    assert len(children) == 2
    os.kill(max(children), signal.SIGKILL)
    said, _ = process.communicate(timeout=120)
    assert process.returncode != 0
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert not (tmp_path / "run" / "rows.json").exists()

    process = launch(tmp_path, "run", 2, "regression", epochs=4)
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0 and said.count("resuming after epoch") >= 1, said
    process = launch(tmp_path, "whole", 1, "regression", epochs=4)
    process.communicate(timeout=120)
    np.testing.assert_allclose(
        losses(tmp_path, "run")["generator"], losses(tmp_path, "whole")["generator"], rtol=2e-4
    )


def test_alone_everything_is_the_identity():
    batch = torch.randn(3, 1, 4, 4)
    assert torch.equal(distributed.share(batch), batch) and torch.equal(distributed.whole(batch), batch)
    assert distributed.rank() == 0 and distributed.world() == 1
    parameter = torch.nn.Parameter(torch.ones(2))
    parameter.grad = torch.tensor([1.0, 2.0])
    distributed.average_gradients([parameter])
    assert torch.equal(parameter.grad, torch.tensor([1.0, 2.0]))


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "world", lambda: 2)
    with pytest.raises(NircoreError, match="batch=3 cannot be shared by 2 processes"):
        distributed.share(torch.zeros(3, 1, 4, 4))
