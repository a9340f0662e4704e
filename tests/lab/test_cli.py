"""The command line: what a user can mend is one sentence and exit status 2."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile

from companion import reproduce
from nircore.inference import engines
from companion.study.split_table import data_split

pytestmark = pytest.mark.slow


@pytest.fixture
def nircore(nircore, monkeypatch, tmp_path):
    """Run the command with reports and data in a place of its own."""
    monkeypatch.setenv("NIRCORE_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setenv("NIRCORE_DATA", str(tmp_path / "data"))
    return nircore


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--set", "epcohs=5"], "did you mean 'epochs'"),
        (["--set", "epochs=five"], "epochs is a whole number from 1 to 10000"),
        (["--set", "epochs=0"], "epochs is a whole number"),
        (["--set", "epochs"], "key=value"),
        (["--profile", "huge"], "profile is one of ablation, benchmark, cpu, paper, smoke"),
        (["--recipe", "magic"], "recipe is one of"),
        (["--dataset", "mnist"], "dataset is one of"),
        (["--run", "../escape"], "cannot name a folder"),
        (["--set", "crop=640", "--profile", "smoke"], "crop=640 is larger than"),
    ],
)
def test_a_bad_setting_is_refused_before_any_notebook_starts(nircore, monkeypatch, tmp_path, arguments, words):
    monkeypatch.setattr(reproduce, "execute", lambda *_: pytest.fail("a kernel was started"))
    status, _, error = nircore("reproduce", *arguments)
    assert status == 2 and words in error and error.count("\n") == 1
    assert not (tmp_path / "reports").exists()


def test_paths_and_settings_reach_the_notebooks(nircore, monkeypatch, tmp_path):
    seen = {}
    for folder in ("a", "b"):
        frames(tmp_path / folder, ["m1_0.tif"])
    monkeypatch.setattr(reproduce, "reproduce", lambda config: seen.update(config=config) or tmp_path)
    monkeypatch.chdir(tmp_path)
    status, output, _ = nircore(
        *("reproduce", "--dataset", "folder", "--low-light", "a", "--target", "b"),
        *("--set", "epochs=5", "--set", "skip_bad=true", "--profile", "smoke"),
    )
    assert status == 0 and "Report:" in output
    assert (seen["config"].low_light, seen["config"].target) == (str(tmp_path / "a"), str(tmp_path / "b"))
    assert (seen["config"].epochs, seen["config"].skip_bad, seen["config"].profile) == (5, True, "smoke")


def test_cpu_is_the_default_profile(nircore, monkeypatch, tmp_path):
    seen = []
    monkeypatch.setattr(reproduce, "reproduce", lambda config: seen.append(config) or tmp_path)
    nircore("reproduce")
    assert (seen[0].profile, seen[0].dataset, seen[0].name) == ("cpu", "phantom", "phantom-cpu")


def frames(folder, names, size=48, dtype=np.uint16, seed=0):
    """Write random frames with a pedestal."""
    rng = np.random.default_rng([seed, len(str(folder))])
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        image = 1000 + rng.poisson(50, (size, size)) + 200 * np.linspace(0, 1, size)
        tifffile.imwrite(folder / name, image.astype(dtype))
    return folder


ANIMALS = [f"mouse{k}_{i:03d}.tif" for k in range(4) for i in range(2)]
SMALL = [f"--set={s}" for s in ("crop=32", "ngf=2", "ndf=2", "blocks=1", "epochs=2", "steps_per_epoch=1")]


def folder_run(nircore, low, target, *more):
    return nircore(
        *("reproduce", "--profile", "smoke", "--dataset", "folder", "--run", "mine"),
        *("--low-light", str(low), "--target", str(target), *SMALL, *more),
    )


def test_a_bad_file_in_a_users_folder_ends_the_run_and_stays_as_it_is(nircore, tmp_path):
    """In a kernel, as for a user; what follows where it may be skipped is in tests/notebooks/test_combinations.py."""
    low, target = frames(tmp_path / "low", ANIMALS), frames(tmp_path / "target", ANIMALS, seed=1)
    bad = low / "mouse9_000.tif"
    bad.write_bytes((low / ANIMALS[0]).read_bytes()[:900])
    status, _, error = folder_run(nircore, low, target)
    assert status == 2 and str(bad) in error and "01_data_split" in error
    assert bad.stat().st_size == 900


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda p: (p / "nowhere", frames(p / "t", ANIMALS)), "does not exist"),
        (lambda p: (frames(p / "a", []), frames(p / "t", ANIMALS)), "no frames"),
        (lambda p: (frames(p / "a", ANIMALS), p / "a"), "overlap"),
    ],
    ids=["missing", "empty", "one domain twice"],
)
def test_bad_folders_are_named_before_a_kernel_starts(nircore, monkeypatch, tmp_path, make, words):
    monkeypatch.setattr(reproduce, "execute", lambda *_: pytest.fail("a kernel was started"))
    status, _, error = folder_run(nircore, *make(tmp_path))
    assert status == 2 and words in error and error.count("\n") == 1
    assert not (tmp_path / "reports").exists()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda p: (frames(p / "a", ANIMALS, size=20), frames(p / "t", ANIMALS)), "crop"),
        (
            lambda p: (frames(p / "a", ["m1_0.tif", "m1_1.tif"]), frames(p / "t", ["m1_0.tif"], seed=3)),
            "allow_scene_split",
        ),
    ],
    ids=["smaller than the crop", "one animal"],
)
def test_frames_that_cannot_be_split_are_named_in_one_sentence(nircore, monkeypatch, tmp_path, make, words):
    monkeypatch.setattr(reproduce, "execute", lambda run, *_: run.make(data_split))
    status, _, error = folder_run(nircore, *make(tmp_path))
    assert status == 2
    assert words in error.splitlines()[-1], error


@pytest.mark.parametrize(
    "arguments, words",
    [
        ("--dataset folder", "dataset=folder needs low_light: give its folder with --low-light"),
        ("--dataset folder --low-light .", "needs target: give its folder with --target"),
        ("--dataset folder --low-light nowhere --target .", "nowhere' is no folder, or does not exist"),
        ("--dataset swir-hdr", "needs data_root: give its folder with --data-root"),
    ],
)
def test_a_missing_folder_is_named_before_anything_heavy_is_imported(tmp_path, arguments, words):
    command = [sys.executable, "-c", LIGHT, *arguments.split()]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2 and words in done.stderr and done.stderr.count("\n") == 1
    assert done.stdout == "[]\n"


LIGHT = """
import sys
from nircore import cli
sys.argv[1:1] = ["reproduce"]
try:
    cli.main()
finally:
    print(sorted({"torch", "numpy", "pandas", "papermill"} & set(sys.modules)))
"""


def test_a_stream_needs_no_checkpoint(nircore, tmp_path):
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    tifffile.imwrite(source / "frame_0.tif", np.random.default_rng(0).poisson(90, (40, 48)).astype(np.uint16))
    status, said, error = nircore("stream", str(source), "--output", str(out), "--idle", "0")
    assert status == 0 and "1 frames read, 1 written, 0 dropped" in said, error
    assert f"engine {engines.choose('auto')}, " in said
    assert tifffile.imread(out / "000000_frame_0.tif").shape == (40, 48)  # its number and its source
