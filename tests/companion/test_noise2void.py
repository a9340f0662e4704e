"""Noise2Void: true to scale, the same twice, tidy; and, without CAREamics, one sentence that says so."""

import importlib.metadata

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from companion.rivals import noise2void
from companion.rivals.noise2void import available, digest, train
from nircore.errors import NircoreError

pytestmark = pytest.mark.slow

SMALL = {"epochs": 1, "patch": 16, "batch": 4}  # 4 frames of 64 x 64: 14 steps


def noisy(count: int = 4, noise: float = 30.0) -> tuple[np.ndarray, np.ndarray]:
    """Frames of a soft blob 200 DN high on a floor of 50 DN, and the frames without their noise; (count, 64, 64)."""
    rng = np.random.default_rng(5)
    points = np.zeros((count, 64, 64))
    points[range(count), rng.integers(20, 44, count), rng.integers(20, 44, count)] = 1
    blobs = gaussian_filter(points, (0, 9, 9))
    truth = 50 + 200 * blobs / blobs.max((1, 2), keepdims=True)
    return (truth + rng.normal(0, noise, truth.shape)).astype(np.float32), truth


@pytest.fixture
def careamics() -> None:
    if reason := available():
        pytest.skip(reason)


@pytest.fixture
def pretended(monkeypatch) -> None:
    """As if CAREamics were there: what is refused is refused before it is looked for."""
    monkeypatch.setattr(noise2void, "version", lambda name: "0.3.5")


def absent(name: str) -> str:
    raise importlib.metadata.PackageNotFoundError(name)


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (absent, "needs the package careamics"),
        (lambda name: "0.0.1", "0.3.5 or newer, not 0.0.1"),
        (lambda name: "0.3.5rc1", "not 0.3.5rc1"),
    ],
)
def test_what_is_absent_or_too_old_says_so_in_one_sentence(monkeypatch, tmp_path, found, words):
    monkeypatch.setattr(noise2void, "version", found)
    assert words in available() and "pip install 'nircore[noise2void]'" in available()
    assert available().count(". ") == 0 and available().endswith(".")
    with pytest.raises(NircoreError, match=words):
        train(noisy()[0], tmp_path / "n2v")
    assert not (tmp_path / "n2v").exists()


@pytest.mark.parametrize("found", ["0.3.5", "0.3.6rc1", "0.10.0", "1.0"])
def test_versions_that_serve(monkeypatch, found):
    monkeypatch.setattr(noise2void, "version", lambda name: found)
    assert available() == ""


def test_the_digest_tells_trainings_apart():
    frames = list(noisy()[0])
    settings = {"seed": 0, "epochs": 1, "patch": 16, "batch": 4, "careamics": "0.3.5"}
    changed = [
        digest(frames, **settings | {name: other})
        for name, other in zip(settings, (1, 2, 32, 8, "0.3.6"), strict=True)
    ]
    changed += [digest(frames[::-1], **settings), digest(frames[1:], **settings)]
    changed += [digest([frame.reshape(32, 128) for frame in frames], **settings)]
    changed += [digest([frames[0] + np.eye(64, dtype=np.float32), *frames[1:]], **settings)]
    assert len({digest(frames, **settings), *changed}) == 10
    assert digest(frames, **dict(reversed(settings.items()))) == digest(frames, **settings)
    assert digest([frame.astype(np.float64) for frame in frames], **settings) == digest(frames, **settings)


@pytest.mark.parametrize("frames", [[], noisy()[0][:, :8], [np.full((64, 64), np.nan)], [np.ones((64, 64, 3))]])
def test_frames_that_hold_no_patch_are_refused(pretended, tmp_path, frames):
    with pytest.raises(NircoreError):
        train(frames, tmp_path / "n2v", **SMALL)
    assert not (tmp_path / "n2v").exists()


def test_a_training_is_tidy_quiet_repeatable_and_not_done_twice(careamics, tmp_path, monkeypatch, capfd):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    frames, _ = noisy()
    before = np.random.get_state()[1].copy()

    once = train(frames, tmp_path / "once", **SMALL)(frames[0])
    again = train(frames, tmp_path / "again", **SMALL)(frames[0])
    other = train(frames, tmp_path / "again", seed=1, **SMALL)(frames[0])
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).max() > 1e-3
    said = capfd.readouterr()
    assert said.err == "" and len(said.out.splitlines()) <= 3

    monkeypatch.setattr(noise2void, "_fit", lambda *_: pytest.fail("trained again"))
    np.testing.assert_array_equal(train(frames, tmp_path / "once", **SMALL)(frames[0]), once)
    (file,) = (tmp_path / "once").iterdir()
    assert file.suffix == ".safetensors" and len(list((tmp_path / "again").iterdir())) == 2
    assert not any((tmp_path / "elsewhere").iterdir())  # no lightning_logs
    assert {path.name for path in tmp_path.iterdir()} == {"elsewhere", "once", "again"}
    np.testing.assert_array_equal(np.random.get_state()[1], before)

    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(NircoreError, match="damaged: delete it and train again"):
        train(frames, tmp_path / "once", **SMALL)


def test_the_noise_goes_and_the_scale_stays_in_any_unit(careamics, tmp_path):
    frames, truth = noisy()
    longer = SMALL | {"epochs": 12}
    denoise = train(frames, tmp_path, **longer)
    for frame, clean in zip(frames, truth, strict=True):
        done = denoise(frame)
        assert done.shape == frame.shape and done.dtype == np.float32
        assert np.mean((done - clean) ** 2) < 0.5 * np.mean((frame - clean) ** 2)
        assert done.mean() == pytest.approx(clean.mean(), rel=0.1)
    assert denoise(np.tile(frames[0], (2, 2))[:67, :101]).shape == (67, 101)


def test_what_careamics_says_reaches_the_user_as_one_error(careamics, tmp_path, monkeypatch):
    monkeypatch.setattr(noise2void, "HIDDEN", 1e9)
    with pytest.raises(NircoreError, match="CAREamics"):
        train(noisy()[0], tmp_path, **SMALL)
    assert not any(tmp_path.iterdir())
