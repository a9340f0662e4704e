"""The published SWIR_HDR set, and darks between the exposures that were measured."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from nircore.data import swir_hdr as swir
from nircore.data.frames import read_frame
from nircore.errors import NircoreError
from tests.lab.made import write


@pytest.fixture
def made_root(tmp_path: Path) -> Path:
    """A small set of our own: two animals, one filter, darks at 10, 20 and 40 ms of level 100, 200 and 250 DN."""
    draw, frames = np.random.default_rng(0), {}
    for exposure, level in ((10, 100), (20, 200), (40, 250)):
        frames[f"dark/dark_{exposure:05d}ms.tif"] = level + draw.integers(0, 5, (16, 18))
    for animal in ("F1", "M2"):
        for exposure in (20, 320):
            frames[f"qd/{animal}/{animal}_BP1150_{exposure:04d}ms.tif"] = 300 + draw.integers(0, 99, (16, 18))
    for name, pixels in frames.items():
        write(tmp_path / name, pixels.astype("uint16"))
    return tmp_path


def test_the_catalogue_lists_every_scene_at_low_light_and_target_exposures(swir_hdr: Path) -> None:
    table = swir.catalogue(swir_hdr)
    assert set(table.columns) == {"file", "domain", "group", "scene", "exposure_s", "filter"}
    assert table.groupby("domain").size().to_dict() == {"low_light": 30, "target": 15}
    assert table.groupby("group").size().to_dict() == {"F1-2": 15, "F5-2": 15, "M8-1": 15}
    assert set(table["filter"]) == {"LP1250", "BP1150", "BP1200", "BP1300", "BP1350"}
    assert table["scene"].nunique() == 15 and table["file"].is_unique
    found = table.groupby("domain")["exposure_s"].unique().map(set).to_dict()
    assert found == {"low_light": {0.02, 0.04}, "target": {0.32}}
    for row in table.itertuples():
        name = f"{row.group}_{row.filter}_{round(row.exposure_s * 1000):04d}ms.tif"
        assert Path(row.file) == (swir_hdr / "qd" / row.group / name).resolve()
        assert row.scene == f"{row.group}/{row.filter}"


def test_a_dark_is_itself_at_its_own_exposure_and_between_its_neighbours_elsewhere(swir_hdr: Path) -> None:
    darks = swir.darks(swir_hdr)
    assert darks.exposures_s == tuple(2**i / 1000 for i in range(13))
    for exposure in darks.exposures_s:
        frame = read_frame(swir_hdr / "dark" / f"dark_mean100_{round(exposure * 1000):05d}ms.tif").pixels
        np.testing.assert_array_equal(darks.at(exposure), frame)
    below, middle, above = (darks.at(s) for s in (0.016, 0.016 * 2**0.5, 0.032))
    assert middle.dtype == np.float32 and middle.shape == (640, 512)
    np.testing.assert_allclose(middle, (below + above) / 2, rtol=1e-6)


def test_made_darks_interpolate_in_log_exposure_and_are_clamped_at_the_ends(made_root: Path) -> None:
    darks = swir.darks(made_root)
    at_10, at_20, at_40 = (read_frame(made_root / f"dark/dark_{ms:05d}ms.tif").pixels for ms in (10, 20, 40))
    for exposure, expected in [
        (0.01, at_10),
        (0.005, at_10),
        (0.08, at_40),
        (0.01 * 2**0.25, 0.75 * at_10 + 0.25 * at_20),
        (0.02 * 2**0.5, 0.5 * at_20 + 0.5 * at_40),
    ]:
        np.testing.assert_allclose(darks.at(exposure), expected, rtol=1e-6)
    for exposure in (0.0049, 0.0801, 0.0, -1.0, float("nan")):
        with pytest.raises(NircoreError, match="No dark frame is near"):
            darks.at(exposure)


def test_load_subtracts_the_dark_without_clipping(made_root: Path) -> None:
    file, darks = made_root / "qd/F1/F1_BP1150_0020ms.tif", swir.darks(made_root)
    raw, dark = tifffile.imread(file).astype(float), tifffile.imread(made_root / "dark/dark_00020ms.tif")
    signal, valid = swir.load_valid(file, 0.02, darks)
    np.testing.assert_array_equal(swir.load(file, 0.02, darks), raw - dark)
    np.testing.assert_array_equal(signal, raw - dark)
    np.testing.assert_array_equal(valid, raw < 4200)
    tifffile.imwrite(file, (raw * 0 + np.arange(18)).astype("uint16"))
    assert swir.load(file, 0.02, darks).min() < -190
    tifffile.imwrite(file, np.arange(400, dtype="uint16").reshape(20, 20))
    with pytest.raises(NircoreError, match="one camera"):
        swir.load(file, 0.02, darks)


@pytest.mark.parametrize(
    ("name", "shape", "words"),
    [
        ("dark_00040ms.tif", (20, 20), "differ in size"),
        ("dark.tif", (16, 18), "dark.tif does not say its exposure"),
        ("again_00040ms.tif", (16, 18), "have one exposure"),
    ],
)
def test_darks_that_do_not_fit_together_are_refused(made_root: Path, name, shape, words) -> None:
    tifffile.imwrite(made_root / "dark" / name, np.arange(np.prod(shape), dtype="uint16").reshape(shape))
    with pytest.raises(NircoreError, match=words):
        swir.darks(made_root)


def test_what_is_missing_is_named(made_root: Path) -> None:
    for options, words in (
        ({"low_light_s": (0.05,)}, "low_light_s: it holds 0.02, 0.32 s"),
        ({"target_s": (0.64,)}, "target_s: it holds 0.02, 0.32 s"),
        ({"low_light_s": (0.02,), "target_s": (0.02, 0.32)}, "only once"),
        ({"root": made_root / "nowhere"}, "no qd/ frames .* nircore fetch"),
    ):
        with pytest.raises(NircoreError, match=words):
            swir.catalogue(**({"root": made_root} | options))
    (made_root / "dark").rename(made_root / "elsewhere")
    with pytest.raises(NircoreError, match="no dark/ frames"):
        swir.darks(made_root)
