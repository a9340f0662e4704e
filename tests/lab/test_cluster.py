"""The same command on a Dask cluster: a worker is killed half way, and every frame arrives, once."""

import os
import signal
from pathlib import Path

import numpy as np
import pytest
import tifffile

import nircore as package
from nirlab import enhance
from tests.lab.made import frames, write

pytestmark = pytest.mark.slow

distributed = pytest.importorskip("distributed")


@pytest.fixture
def cluster(monkeypatch):
    """Two workers, each a process of its own."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with distributed.LocalCluster(2, threads_per_worker=1, processes=True, dashboard_address=None) as made:
        yield made


def test_a_worker_dies_half_way_and_all_frames_arrive_once(cluster, nircore, weights, tmp_path: Path, monkeypatch):
    sources = [write(tmp_path / f"{name}.tif", frames(12, seed=seed)) for seed, name in enumerate("abc")]
    (tmp_path / "bad.tif").write_bytes(b"no frame")
    killed, tell = [], enhance._tell

    def kill_one(outcome, say):
        if not killed and outcome.made:  # the first file is whole, the others are not: half way
            worker = next(iter(cluster.workers.values()))
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)
        tell(outcome, say)

    monkeypatch.setattr(enhance, "_tell", kill_one)
    command = ("enhance", *sources, tmp_path / "bad.tif", "--weights", weights, "--out", tmp_path / "out")
    status, output, _ = nircore(*command, "--scheduler", cluster.scheduler_address)
    assert killed and status == 1 and "3 enhanced, 0 already there, 1 could not be used" in output
    for source in sources:
        expected = package.enhance(tifffile.imread(source), weights=weights)
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / source.name), expected)
    assert not [path for path in (tmp_path / "out").iterdir() if path.name.startswith(".")]
    with pytest.raises(ProcessLookupError):
        os.kill(killed[0], 0)
        os.waitpid(killed[0], os.WNOHANG)
        os.kill(killed[0], 0)
