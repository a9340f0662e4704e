"""The phantom on disk: frames as a camera writes them, darks, truth and labels, made once and whole."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nircore.data import camera, made_phantom, phantom
from nircore.data.frames import exposure_in

SHAPE = (80, 64)
SETTINGS = {"seed": 3, "animals": 6, "height": 80, "width": 64, "low_light_ms": 20.0, "target_ms": 320.0}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "phantom"
    made_phantom.ensure(folder, **SETTINGS)
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _anatomy(animal: int, shape: tuple[int, int] = SHAPE) -> phantom.Anatomy:
    return phantom.anatomy(int(np.random.default_rng([SETTINGS["seed"], animal]).integers(2**31)), shape)


def test_the_catalogue_lists_both_domains_of_every_animal(made: Path) -> None:
    table = made_phantom.catalogue(made)
    names = ["file", "domain", "group", "scene", "exposure_s", "filter", "reference", "reference_s"]
    assert list(table.columns) == names and len(table) == 12
    assert table.groupby("domain")["group"].nunique().to_dict() == {"low_light": 6, "target": 6}
    assert table["file"].is_unique and all(Path(file).is_file() for file in table["file"])
    low_light, target = (table[table["domain"] == domain] for domain in ("low_light", "target"))
    assert set(low_light["exposure_s"]) == {0.02} and set(target["exposure_s"]) == {0.32}
    assert set(low_light["filter"]) == {"NIR-IIa"} and set(target["filter"]) == {"NIR-IIb"}
    assert all(Path(file).is_file() for file in low_light["reference"]) and set(target["reference"]) == {""}
    assert set(low_light["reference_s"]) == {0.02} and target["reference_s"].isna().all()
    assert all(exposure_in(row.file) == row.exposure_s for row in table.itertuples())


def test_frames_are_raw_camera_frames_and_load_takes_the_dark_off(made: Path) -> None:
    for row in made_phantom.catalogue(made).itertuples():
        raw = tifffile.imread(row.file)
        dark = tifffile.imread(made / "dark" / f"{row.domain}.tif")
        assert raw.dtype == np.uint16 and raw.shape == SHAPE
        assert 1000 < np.percentile(raw, 1) and raw.max() <= 4900  # with its pedestal, below saturation
        np.testing.assert_array_equal(dark, camera.dark_level(row.exposure_s, SHAPE, camera.Sensor()))
        signal = made_phantom.load(row.file)
        assert signal.dtype == np.float32
        np.testing.assert_array_equal(signal, raw.astype(np.float32) - dark)
        assert abs(np.percentile(signal, 10)) < 40


def test_the_truth_is_the_noise_free_target_at_the_low_light_exposure(made: Path) -> None:
    table = made_phantom.catalogue(made)
    for animal, row in enumerate(table[table["domain"] == "low_light"].itertuples()):
        rate = camera.radiance(_anatomy(animal), camera.WINDOWS["NIR-IIb"])
        truth = tifffile.imread(row.reference)
        assert truth.dtype == np.float32
        np.testing.assert_array_equal(truth, camera.expected_dn(rate, 0.02))


def _check_labels(labels: np.ndarray, body: phantom.Anatomy) -> set[int]:
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels > 0, body.body)
    np.testing.assert_array_equal(labels == 4, body.lesion)
    np.testing.assert_array_equal(labels == 3, body.centrelines & ~body.lesion)
    np.testing.assert_array_equal(labels == 2, body.vessels & ~body.centrelines & ~body.lesion)
    return set(np.unique(labels).tolist())


def test_labels_name_body_vessels_centrelines_and_lesion(made: Path, tmp_path: Path) -> None:
    files = [made / f"labels/animal_{animal:04d}.tif" for animal in range(6)]
    seen = [_check_labels(tifffile.imread(file), _anatomy(animal)) for animal, file in enumerate(files)]
    assert set.union(*seen) >= {0, 1, 3, 4}  # at 1.25 mm a pixel every vessel is its own centre-line
    made_phantom.ensure(tmp_path, **SETTINGS | {"animals": 1, "height": 320, "width": 256})
    labels = tifffile.imread(tmp_path / "labels/animal_0000.tif")
    assert _check_labels(labels, _anatomy(0, (320, 256))) >= {0, 1, 2, 3}


def test_an_interrupted_making_is_completed_to_the_same_bytes(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    animals = []

    def stop_at_the_third(seed: int, shape: tuple[int, int]) -> phantom.Anatomy:
        animals.append(seed)
        if len(animals) == 3:
            raise KeyboardInterrupt
        return anatomy(seed, shape)

    anatomy = phantom.anatomy
    monkeypatch.setattr(phantom, "anatomy", stop_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        made_phantom.ensure(tmp_path, **SETTINGS)
    assert any(tmp_path.rglob("*.tif")) and not (tmp_path / "catalogue.csv").exists()
    monkeypatch.undo()
    made_phantom.ensure(tmp_path, **SETTINGS)
    again, whole = _contents(tmp_path), _contents(made)
    assert len(whole) == 1 + 2 + 6 * 5
    assert again == whole
