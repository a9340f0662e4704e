"""Movies through the command: frames that rest on those before them, whatever interrupts them."""

import json
from functools import cache

import numpy as np
import pytest
import tifffile
from scipy import ndimage

import nircore as package
from nircore.data.movies import Movie
from nircore.inference.engines import Pipeline
from nircore.inference.settings import Settings
from nirlab import movie as movies
from nirlab.courses import SMOOTH, SPOTS, courses
from nirlab.darks import enhancer_for
from nirlab.stream import stream

COUNT = 12


def frames(kind: str = "bolus", seed: int = 3) -> np.ndarray:
    made = Movie(kind, seed, COUNT, (96, 80))
    return np.rint([1100 + made.noisy(index) for index in range(COUNT)]).clip(0).astype(np.uint16)


@cache
def expected(temporal: str) -> np.ndarray:
    """What the command has to give of `frames`, however it is interrupted."""
    return package.enhance(frames(), model="realtime", temporal=temporal)


@pytest.fixture
def movie(tmp_path):
    tifffile.imwrite(tmp_path / "movie.tif", frames(), photometric="minisblack", metadata=None)
    return tmp_path / "movie.tif"


@pytest.mark.parametrize("option, temporal", [("--temporal", "causal"), ("--both-ways", "both")])
def test_a_file_is_what_its_array_is_and_the_record_says_how_many_frames_were_used(nircore, movie, option, temporal):
    out = movie.parent / "out"
    status, said, error = nircore("enhance", movie, "--out", out, "--model", "realtime", option)
    assert status == 0 and "each pixel rests on" in said + error
    made = tifffile.imread(out / "movie.tif")
    np.testing.assert_array_equal(made, expected(temporal))
    record = json.loads((out / "movie.tif.json").read_text())
    assert record["identity"]["temporal"] == temporal
    used = record["frames"]["frames_used"]
    assert used[0] == 1 or temporal == "both"
    assert 5 < used[-1] < 17 and len(used) == COUNT


def test_without_the_option_frames_are_alone(nircore, movie):
    nircore("enhance", movie, "--out", movie.parent / "out", "--model", "realtime")
    record = json.loads((movie.parent / "out/movie.tif.json").read_text())
    assert "temporal" not in record["identity"] and set(record["frames"]["frames_used"]) == {1.0}


@pytest.mark.parametrize("temporal", ["causal", "both"])
@pytest.mark.parametrize("after", [1, 5, 11])
def test_a_run_that_is_broken_off_goes_on_to_the_same_bits(nircore, movie, monkeypatch, temporal, after):
    option = {"causal": "--temporal", "both": "--both-ways"}[temporal]
    real, count = movies.Movie.enhanced, [0]

    def breaking(self, page):
        if count[0] == after:
            raise KeyboardInterrupt
        count[0] += 1
        return real(self, page)

    monkeypatch.setattr(movies.Movie, "enhanced", breaking)
    command = ("enhance", movie, "--out", movie.parent / "out", "--model", "realtime", option)
    assert nircore(*command)[0] == 130
    monkeypatch.setattr(movies.Movie, "enhanced", real)
    assert nircore(*command)[0] == 0
    np.testing.assert_array_equal(tifffile.imread(movie.parent / "out/movie.tif"), expected(temporal))


def test_a_frame_of_nan_is_refused_and_named(nircore, tmp_path):
    spoilt = frames().astype(np.float32)
    spoilt[7, 3, 3] = np.nan
    tifffile.imwrite(tmp_path / "movie.tif", spoilt, photometric="minisblack", metadata=None)
    status, said, error = nircore("enhance", tmp_path / "movie.tif", "--out", tmp_path / "out", "--temporal")
    assert status == 1 and "frame 7" in said + error and not (tmp_path / "out/movie.tif").exists()


def test_channels_are_movies_of_their_own(nircore, tmp_path):
    both = np.stack([frames("still", 3), frames("still", 4)], axis=1)  # (T, C, H, W)
    tifffile.imwrite(tmp_path / "movie.tif", both, imagej=True, metadata={"axes": "TCYX"})
    nircore("enhance", tmp_path / "movie.tif", "--out", tmp_path / "out", "--model", "realtime", "--temporal")
    made = tifffile.imread(tmp_path / "out/movie.tif")
    alone = package.enhance(both[:, 0], model="realtime", temporal="causal")
    truth = Movie("still", 3, 1, (96, 80)).clean(0) + 1100
    errors = [np.sqrt(np.mean((image[-1].astype(float) - truth) ** 2)) for image in (made[:, 0], alone)]
    assert errors[0] < 1.3 * errors[1]


def test_blank_frames_pass_through_and_one_frame_is_a_movie_too():
    movie = frames()
    movie[4] = 1100
    made, facts = package.enhance(movie, model="realtime", temporal="causal", details=True)
    assert (made[4] == 1100).all() and facts[4]["blank"]
    one = package.enhance(movie[:1], model="realtime", temporal="both")
    np.testing.assert_array_equal(one, package.enhance(movie[:1], model="realtime"))


def test_an_exposure_that_changes_in_the_middle_is_followed():
    dim, bright = (Movie("still", 3, COUNT, (96, 80), light) for light in (1.0, 4.0))
    shown = np.array([(dim if k < 6 else bright).noisy(k) for k in range(COUNT)])
    made = package.enhance(shown, model="realtime", temporal="causal")
    alone = package.enhance(shown, model="realtime")
    for index in range(6, COUNT):
        error = [np.sqrt(np.mean((image[index] - bright.clean(index)) ** 2)) for image in (made, alone)]
        assert error[0] < 1.15 * error[1], index


@pytest.mark.parametrize("temporal", ["causal", "both"])
@pytest.mark.parametrize("switched", [6, 3])
def test_where_the_gain_is_switched_a_new_run_begins(temporal, switched):
    shown = np.array([Movie("still", 3, COUNT, (96, 80)).noisy(k) for k in range(COUNT)]) + 300
    shown[switched:] = 300 + (shown[switched:] - 300) * 4
    made, facts = package.enhance(shown, model="realtime", temporal=temporal, details=True)
    for run in (slice(None, switched), slice(switched, None)):
        alone, told = package.enhance(shown[run], model="realtime", temporal=temporal, details=True)
        noise = np.std(shown[run] - shown[run].mean(0))
        assert np.sqrt(np.mean((made[run] - alone) ** 2)) < noise / 20
        assert [one["frames_used"] for one in facts[run]] == pytest.approx(
            [one["frames_used"] for one in told], rel=0.1
        )


def test_a_stream_rests_on_what_came_before(tmp_path):
    generator = enhancer_for(Settings(model="realtime")).generator
    shown, results = frames("still").astype(np.float32), {}
    for temporal in (False, True):
        made = results.setdefault(temporal, [])
        stream(shown, Pipeline("torch", generator, temporal), lambda index, image, made=made: made.append(image))
    np.testing.assert_array_equal(results[True][0], results[False][0])
    truth = Movie("still", 3, 1, (96, 80)).clean(0) + 1100
    late = [np.sqrt(np.mean((results[temporal][-1] - truth) ** 2)) for temporal in (True, False)]
    assert late[0] < 0.8 * late[1]


def test_the_page_on_a_movie_draws_what_its_spots_did(nircore, movie):
    out = movie.parent / "out"
    status, _, error = nircore("enhance", movie, "--out", out, "--model", "realtime", "--temporal", "--report")
    assert status == 0, error
    (page,) = (path for path in out.rglob("*.html") if path.name != "index.html")
    text = page.read_text()
    assert text.count("<polyline") == 2 * SPOTS and "frames used" in text and "Frames used" in text
    before, after = frames().astype(float), tifffile.imread(out / "movie.tif").astype(float)
    found = courses(COUNT, before.__getitem__, after.__getitem__)
    for course in found:
        row, column = course.place
        padded = np.pad(after, ((0, 0), (1, 1), (1, 1)), "symmetric")
        spot = padded[:, row : row + 3, column : column + 3].mean((1, 2))
        np.testing.assert_allclose(course.after, spot, rtol=1e-6)
        assert f"row {row}, column {column}:" in text
    changes = np.stack([ndimage.gaussian_filter(frame, SMOOTH) for frame in after]).var(0)
    assert changes[found[0].place] == pytest.approx(changes.max())


@pytest.mark.parametrize("temporal", [False, True])
def test_a_stream_whose_gain_is_switched_goes_on_as_one_that_begins_there(temporal):
    generator = enhancer_for(Settings(model="realtime")).generator
    shown = frames("still").astype(np.float32)
    shown[6:] *= 3
    whole, later = (Pipeline("torch", generator, temporal) for _ in range(2))
    made = [whole(frame) for frame in shown]
    np.testing.assert_array_equal(made[6:], [later(frame) for frame in shown[6:]])
