"""Two processes take the steps that one takes; a killed one ends the run, and the same command goes on."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import nircore
from nircore.errors import NircoreError
from nircore.training import distributed
from tests.core import trained_together
from tests.core.trained_together import train

pytestmark = pytest.mark.slow("minutes")

SYSTEMS = ("cyclegan", "regression")


def launch(folder: Path, *systems: str, epochs: int = 3, pause: float = 0.0) -> subprocess.Popen:
    """Train in two processes."""
    script = Path(trained_together.__file__)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(script)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(nircore.__file__).parents[1])}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command += [str(folder), str(epochs), str(pause), *systems]
    return subprocess.Popen(command, env=environment, start_new_session=True, **pipes)


def losses(folder: Path) -> dict[str, list[float]]:
    return json.loads((folder / "losses.json").read_text())


def test_two_processes_take_the_steps_of_one(tmp_path):
    process = launch(tmp_path / "two", *SYSTEMS)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    for system in SYSTEMS:
        assert len(re.findall(f"{system} .*epoch 3/3", said)) == 1, said
        one, two = train(tmp_path / "one" / system, 3, system), losses(tmp_path / "two" / system)
        assert one.keys() == two.keys() and len(one["generator"]) == 3
        for name in one:
            np.testing.assert_allclose(two[name], one[name], rtol=2e-4, err_msg=f"{system}, {name}")
        assert len(set(one["generator"])) == 3


def test_a_batch_that_cannot_be_shared_is_refused(monkeypatch):
    monkeypatch.setattr(distributed, "world", lambda: 2)
    with pytest.raises(NircoreError, match="batch=3 cannot be shared by 2 processes"):
        distributed.share(torch.zeros(3, 1, 4, 4))
