"""Several runs on one output folder, a run that is forked, a run that is interrupted."""

import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile

import nircore as package
from nircore.inference.settings import Settings
from nirlab import enhance
from nirlab.enhance import enhance_files
from nirlab.inputs import Pair
from nirlab.partial import lock
from nirlab.result import Order, enhance_file
from tests.lab.held import hold
from tests.lab.made import frames, write

pytestmark = pytest.mark.slow("minutes")

COUNTED = """
import sys
from nirlab.result import Result
make, place = Result.make, sys.argv[1]
def noted(one):
    record = make(one)
    with open(place, "a") as file:
        file.write(one.pair.target.name + "\\n")
    return record
Result.make = noted
sys.argv = ["nircore", *sys.argv[2:]]
from nirlab.cli import main
main()
"""
MISLEADING = ("free some space", "Cannot write", "cannot be read", "damaged", "Traceback", "made otherwise")


def begun(folder: Path, weights: Path, *more: str) -> subprocess.Popen:
    command = (sys.executable, "-c", COUNTED, folder / "finished", "enhance", folder / "in", *more)
    options = ("--out", folder / "out", "--weights", weights)
    return subprocess.Popen(
        [*map(str, (*command, *options))], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


# Five are more than there are files: one at least finds them all in other hands.
@pytest.mark.parametrize("processes, more", [(2, ("--overwrite",)), (5, ())])
def test_runs_on_one_folder_do_every_file_once(weights, tmp_path, processes, more):
    stacks = {f"{name}.tif": frames(5, seed=seed) for seed, name in enumerate("abcd")}
    for name, stack in stacks.items():
        write(tmp_path / "in" / name, stack)
    started = [begun(tmp_path, weights, *more) for _ in range(processes)]
    said = [one.communicate(timeout=400)[0] for one in started]
    assert [one.returncode for one in started] == [0] * processes, said
    assert not [word for word in MISLEADING for text in said if word in text], said
    if not more:  # one that begins after another's end, and is told to overwrite, does
        assert sorted((tmp_path / "finished").read_text().split()) == sorted(stacks)
        assert sum(int(text.rsplit(" enhanced,", 1)[0].split()[-1]) for text in said) == 4
    for name, stack in stacks.items():
        expected = package.enhance(stack, weights=weights)
        np.testing.assert_array_equal(tifffile.imread(tmp_path / "out" / name), expected)
    assert sorted(os.listdir(tmp_path / "out")) == sorted([*stacks, *(f"{name}.json" for name in stacks)])


@pytest.fixture
def other(tmp_path):
    """A process that has a result in hand; call it to begin, then `free` it or kill it."""
    spawn = multiprocessing.get_context("spawn")
    held, free = spawn.Event(), spawn.Event()
    one = spawn.Process(target=hold, args=(tmp_path / "out/a.tif", held, free))
    (tmp_path / "out").mkdir()
    one.start()
    assert held.wait(300)  # a machine that is busy takes its time to import
    one.free = free
    yield one
    if one.is_alive():  # to one that was killed while it waited, `set` would wait for ever
        free.set()
    one.join(60)


def test_a_result_in_hand_is_not_taken_and_its_neighbours_are(tmp_path, other):
    with lock(tmp_path / "out/a.tif") as a, lock(tmp_path / "out/b.tif") as b:
        assert b and not a
    other.free.set()
    other.join(60)
    with lock(tmp_path / "out/a.tif") as a:
        assert a
    assert list((tmp_path / "out").iterdir()) == []


def test_a_run_that_is_killed_holds_nothing(weights, tmp_path, other, monkeypatch):
    """What it had in hand is said, waited for, and done by the one that waits."""
    write(tmp_path / "a.tif", frames(2))
    lines: list[str] = []
    monkeypatch.setattr(enhance.time, "sleep", lambda _: (other.kill(), other.join(60)))
    order = Order(tmp_path / "out", Settings(str(weights)))
    (outcome,) = enhance_files([str(tmp_path / "a.tif")], order, say=lines.append)
    assert outcome.made and not outcome.errors
    assert lines[0].startswith("another run has 1 of the results in hand, which are waited for: ")


@pytest.mark.parametrize("overwrite", [False, True])
def test_what_the_other_run_made_meanwhile_counts_as_there(weights, tmp_path, other, monkeypatch, overwrite):
    source, target = write(tmp_path / "a.tif", frames(2)), tmp_path / "out/a.tif"
    order = Order(tmp_path / "out", Settings(str(weights)), overwrite=overwrite)

    def made(_: float) -> None:
        other.free.set()
        other.join(60)
        assert enhance_file(Pair(source, target), order).made

    monkeypatch.setattr(enhance.time, "sleep", made)
    (outcome,) = enhance_files([str(source)], order, say=lambda _: None)
    assert (outcome.made, outcome.failed) == (False, False)


FORKED = """
import multiprocessing, sys
import numpy as np, torch
torch.set_num_threads(2)
import nircore
from nircore.inference.settings import Settings
weights, engine = sys.argv[1:]
stack = np.load("stack.npy")
def one(frame):
    return nircore.enhance(frame, weights=weights, engine=engine)
if __name__ == "__main__":
    before = [one(frame) for frame in stack]
    with multiprocessing.get_context("fork").Pool(2) as pool:
        after = pool.map_async(one, list(stack)).get(60)
    worst = max(np.abs(x.astype(float) - y).max() for x, y in zip(before, after))
    print("same" if worst <= 1 else f"off by {worst}")
"""


@pytest.mark.parametrize("engine", ["auto", "torch", "onnxruntime", "openvino"])
def test_a_forked_pool_enhances_after_its_parent_did(weights, tmp_path, engine):
    if engine in ("onnxruntime", "openvino"):
        pytest.importorskip(engine)
    np.save(tmp_path / "stack.npy", frames(3, (96, 96)))
    (tmp_path / "script.py").write_text(FORKED)
    environment = os.environ | {"OMP_NUM_THREADS": "2", "PYTHONPATH": str(Path(package.__file__).parents[1])}
    command = [sys.executable, "script.py", str(weights), engine]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=150)
    assert result.stdout.strip() == "same", result.stderr[-600:]
