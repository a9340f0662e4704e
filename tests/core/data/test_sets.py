"""The datasets under one roof: catalogues, references, the files that matter, and what is missing."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nircore.config import Config
from nircore.data import camera, sets
from nircore.errors import NircoreError
from tests.lab.made import write

SMALL = {"animals": 6, "height": 64, "width": 64, "crop": 32}
COLUMNS = ["file", "domain", "group", "scene", "exposure_s", "filter", "reference", "reference_s"]


@pytest.fixture(autouse=True)
def data(reports: Path) -> Path:
    return reports.with_name("data")


@pytest.fixture
def folders(tmp_path: Path) -> Config:
    """Two folders of a user's frames."""
    draw = np.random.default_rng(0)
    for name, level in (("low", 50), ("high", 900)):
        for animal in ("m1", "m2", "m3"):
            pixels = draw.integers(level, 2 * level, (40, 50)).astype("uint16")
            write(tmp_path / name / animal / f"{animal}_0020ms.tif", pixels)
    return Config(dataset="folder", low_light=str(tmp_path / "low"), target=str(tmp_path / "high"), crop=32)


@pytest.fixture
def hdr(tmp_path: Path) -> Config:
    """A small swir-hdr set of our own: two animals, 20 and 320 ms, darks at 20 and 320 ms, one saturated corner."""
    draw = np.random.default_rng(1)
    frames = {f"dark/dark_{ms:05d}ms.tif": 1100 + ms // 4 + draw.integers(0, 5, (24, 20)) for ms in (20, 320)}
    for animal in ("F1", "M2"):
        scene = draw.uniform(10, 150, (24, 20))
        for ms in (20, 320):
            raw = 1100 + ms // 4 + scene * ms / 20
            raw[:3, :4] = 4200 + 10 * np.arange(4) if ms == 320 else raw[:3, :4]
            frames[f"qd/{animal}/{animal}_BP1300_{ms:04d}ms.tif"] = raw
    for name, pixels in frames.items():
        write(tmp_path / "hdr" / name, pixels.astype("uint16"))
    return Config(dataset="swir-hdr", data_root=str(tmp_path / "hdr"))


def test_other_settings_make_another_phantom(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr(sets.made_phantom, "ensure", lambda place, **_: made.append(place))
    base = Config(**SMALL)
    for change in ({}, {"seed": 1}, {"animals": 7}, {"height": 72}, {"low_light_ms": 10.0}, {"target_ms": 640.0}):
        assert sets.phantom_folder(Config(**SMALL | change)) == made[-1]
    assert len(set(made)) == len(made) == 6
    assert all(place.parent == data.resolve() for place in made)
    for change in ({"epochs": 99}, {"run": "other"}, {"ngf": 16}):  # what does not touch the frames
        assert sets.phantom_folder(Config(**SMALL | change)) == made[0]
    monkeypatch.setattr(sets.made_phantom, "SOURCE", "other code")
    assert sets.phantom_folder(base) not in made[:6]


def test_the_phantom_is_made_where_it_is_missing_and_judged_by_its_truth(data: Path) -> None:
    config = Config(**SMALL)
    table, bad = sets.catalogue(config)
    assert set(table.columns) == set(COLUMNS) and len(table) == 12 and bad == []
    assert all(Path(file).is_relative_to(data.resolve()) for file in table["file"])
    found = 0
    for row in table.itertuples():
        signal, judged = sets.load(config, row), sets.reference(config, row)
        assert signal.shape == (64, 64) and signal.dtype == np.float32
        if row.domain == "target":
            assert judged is None
            continue
        truth, valid = judged
        np.testing.assert_array_equal(truth, tifffile.imread(row.reference))
        assert valid.dtype == bool and valid.all() and valid.shape == truth.shape
        assert np.corrcoef(signal.ravel(), truth.ravel())[0, 1] > 0.5  # of the same animal
        found += 1
    assert found == 6
    assert camera.Sensor().pedestal_dn > 1000 > truth.max()  # above the dark


def test_swir_hdr_references_are_the_long_exposure_on_the_short_ones_scale(hdr: Config) -> None:
    table, bad = sets.catalogue(hdr)
    assert set(table.columns) == set(COLUMNS) and len(table) == 4 and bad == []
    root, found = Path(hdr.data_root), 0
    for row in table.itertuples():
        judged = sets.reference(hdr, row)
        if row.domain == "target":
            assert row.reference == "" and judged is None
            continue
        raw = tifffile.imread(root / f"qd/{row.group}/{row.group}_BP1300_0320ms.tif").astype(float)
        dark = tifffile.imread(root / "dark/dark_00320ms.tif")
        truth, valid = judged
        np.testing.assert_allclose(truth, (raw - dark) / 16, rtol=1e-6)
        np.testing.assert_array_equal(valid, raw < 4200)
        assert (~valid).sum() == 12
        low = tifffile.imread(row.file).astype(float) - tifffile.imread(root / "dark/dark_00020ms.tif")
        np.testing.assert_array_equal(sets.load(hdr, row), low)
        assert np.abs(truth - low)[valid].max() < 6  # the same scene on the same scale
        found += 1
    assert found == 2


@pytest.mark.parametrize(
    ("given", "option"),
    [
        ({"dataset": "swir-hdr"}, "data_root"),
        ({"dataset": "folder", "target": "x"}, "low_light"),
        ({"dataset": "folder", "low_light": "x"}, "target"),
    ],
)
def test_a_missing_folder_is_asked_for_in_both_spellings(given: dict, option: str) -> None:
    with pytest.raises(NircoreError) as caught:
        sets.catalogue(Config(**given))
    assert f"--{option.replace('_', '-')}" in str(caught.value) and f"-p {option}" in str(caught.value)
    assert f"dataset={given['dataset']}" in str(caught.value)
