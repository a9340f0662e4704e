"""The command line: what a user can mend is one sentence and exit status 2; a stream accounts for its frames."""

import json

import numpy as np
import pytest
import tifffile

from nircore.inference import engines
from tests.lab.made import frames, write

pytestmark = pytest.mark.slow


def test_a_bad_setting_is_refused(nircore, tmp_path):
    for seed, name in enumerate(("a/m0.tif", "a/m1.tif", "b/m0.tif", "b/m1.tif")):
        write(tmp_path / name, frames(1, (48, 48), seed))
    command = ("train", "--low-light", tmp_path / "a", "--target", tmp_path / "b", "--run", "cli-test")
    status, _, error = nircore(*command, "--set", "epcohs=5")
    assert status == 2 and "did you mean 'epochs'" in error and error.count("\n") == 1


def test_an_unknown_data_set_is_named(nircore):
    status, _, error = nircore("fetch", "mnist")
    assert status == 2 and "'mnist' is no data set" in error


def test_a_stream_needs_no_checkpoint_and_accounts_for_its_frames(nircore, tmp_path):
    movie = np.random.default_rng(0).poisson(90, (3, 40, 48)).astype(np.uint16)
    movie[1] = 1100
    np.save(tmp_path / "movie.npy", movie)
    status, said, error = nircore("stream", tmp_path / "movie.npy", "--output", tmp_path / "out")
    assert status == 1 and "2 frames read, 2 written, 0 dropped" in said, error  # one frame was passed over
    assert f"engine {engines.choose('auto')}, " in said and "1 frames or files were passed over" in said
    assert tifffile.imread(tmp_path / "out/000000_movie_000000.tif").shape == (40, 48)  # its number and its source
    facts = json.loads((tmp_path / "out/stream.json").read_text())
    assert (facts["read"], facts["written"], facts["dropped"], facts["interrupted"]) == (2, 2, 0, False)
    assert len(facts["latencies_s"]) == 2 and "frame 1, is blank" in facts["passed_over"][0]


def test_a_stream_into_the_folder_that_is_watched_is_refused(nircore, tmp_path):
    status, _, error = nircore("stream", tmp_path, "--output", tmp_path)
    assert status == 2 and "results would be taken for new frames" in error
