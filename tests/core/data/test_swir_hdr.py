import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from nircore.data import swir_hdr as swir
from nircore.data.frames import read_frame
from nircore.errors import NircoreError

BP1300 = {f"PC_Female_1_2_63min_3_14_{i}.h5": f"F1-2_BP1300_{20 * 2**i:04d}ms.tif" for i in range(6)}


@pytest.fixture
def h5_root(swir_hdr: Path, tmp_path: Path) -> Path:
    """A root that holds the published HDF5 files alone."""
    shutil.copy(swir_hdr / "metadata.csv", tmp_path)
    (tmp_path / "original_h5").symlink_to(swir_hdr / "original_h5")
    return tmp_path


@pytest.fixture
def made_root(tmp_path: Path) -> Path:
    """A small set of our own: two animals, one filter, darks at 10, 20 and 40 ms of level 100, 200 and 250 DN."""
    rows, draw = [], np.random.default_rng(0)
    for exposure, level in ((10, 100), (20, 200), (40, 250)):
        rows.append((f"dark/dark_{exposure:05d}ms.tif", exposure / 1000, level + draw.integers(0, 5, (16, 18))))
    for animal in ("F1", "M2"):
        for exposure in (20, 320):
            name = f"qd/{animal}/{animal}_BP1150_{exposure:04d}ms.tif"
            rows.append((name, exposure / 1000, 300 + draw.integers(0, 99, (16, 18))))
    for name, _, pixels in rows:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(tmp_path / name, pixels.astype("uint16"))
    table = pd.DataFrame([(name, f"published/{i}.h5", s, "none") for i, (name, s, _) in enumerate(rows)])
    table.to_csv(tmp_path / "metadata.csv", header=["file", "source", "exposure_s", "source_sha256"], index=False)
    return tmp_path


def test_the_catalogue_lists_every_scene_at_low_light_and_target_exposures(swir_hdr: Path) -> None:
    table = swir.catalogue(swir_hdr)
    assert list(table.columns) == ["file", "domain", "group", "scene", "exposure_s", "filter"]
    assert table.groupby("domain").size().to_dict() == {"low_light": 30, "target": 15}
    assert table.groupby("group").size().to_dict() == {"F1-2": 15, "F5-2": 15, "M8-1": 15}
    assert set(table["filter"]) == {"LP1250", "BP1150", "BP1200", "BP1300", "BP1350"}
    assert table["scene"].nunique() == 15 and table["file"].is_unique
    assert table.groupby("domain")["exposure_s"].unique().map(set).to_dict() == {
        "low_light": {0.02, 0.04},
        "target": {0.32},
    }
    for row in table.itertuples():
        name = f"{row.group}_{row.filter}_{round(row.exposure_s * 1000):04d}ms.tif"
        assert Path(row.file) == (swir_hdr / "qd" / row.group / name).resolve()
        assert row.scene == f"{row.group}/{row.filter}"


def test_a_longer_target_and_chosen_animals(swir_hdr: Path) -> None:
    table = swir.catalogue(swir_hdr, low_light_s=(0.02,), target_s=(0.32, 0.64), animals=("M8-1",))
    assert set(table["group"]) == {"M8-1"}
    assert table.groupby(["domain", "exposure_s"]).size().to_dict() == {
        ("low_light", 0.02): 5,
        ("target", 0.32): 5,
        ("target", 0.64): 5,
    }


def test_the_published_hdf5_holds_the_same_pixels_as_the_tiff(swir_hdr: Path) -> None:
    for published, tiff in BP1300.items():
        original = read_frame(swir_hdr / "original_h5" / published)
        copy = read_frame(swir_hdr / "qd" / "F1-2" / tiff)
        np.testing.assert_array_equal(original.pixels, copy.pixels)
        assert original.dtype == copy.dtype == np.uint16
        assert original.exposure_s == copy.exposure_s


def test_published_hdf5_files_are_found_by_name(h5_root: Path, swir_hdr: Path) -> None:
    table = swir.catalogue(h5_root)
    assert [Path(file).name for file in table["file"]] == [f"PC_Female_1_2_63min_3_14_{i}.h5" for i in (0, 1, 4)]
    assert set(table["scene"]) == {"F1-2/BP1300"}
    signal = swir.load(table["file"][0], 0.02, swir.darks(h5_root))
    dark = read_frame(swir_hdr / "dark" / "dark_mean100_00016ms.tif").pixels
    raw = read_frame(swir_hdr / "qd" / "F1-2" / "F1-2_BP1300_0020ms.tif").pixels
    np.testing.assert_array_equal(signal, raw - dark)


def test_published_hdf5_files_are_found_by_content_when_renamed(swir_hdr: Path, tmp_path: Path) -> None:
    shutil.copy(swir_hdr / "metadata.csv", tmp_path)
    for name, new in (
        ("PC_Female_1_2_63min_3_14_0.h5", "x/low.h5"),
        ("PC_Female_1_2_63min_3_14_4.h5", "long.h5"),
    ):
        (tmp_path / new).parent.mkdir(exist_ok=True)
        os.symlink(swir_hdr / "original_h5" / name, tmp_path / new)
    table = swir.catalogue(tmp_path)
    assert table["exposure_s"].tolist() == [0.02, 0.32] and set(table["scene"]) == {"F1-2/BP1300"}


def test_the_tiff_is_preferred_and_no_frame_is_listed_twice(h5_root: Path, swir_hdr: Path) -> None:
    (h5_root / "qd" / "F1-2").mkdir(parents=True)
    os.symlink(swir_hdr / "qd/F1-2/F1-2_BP1300_0020ms.tif", h5_root / "qd/F1-2/F1-2_BP1300_0020ms.tif")
    table = swir.catalogue(h5_root)
    assert [Path(file).suffix for file in table["file"]] == [".tif", ".h5", ".h5"]


def test_a_dark_is_itself_at_its_own_exposure_and_between_its_neighbours_elsewhere(swir_hdr: Path) -> None:
    darks = swir.darks(swir_hdr)
    assert darks.exposures_s == tuple(2**i / 1000 for i in range(13))
    levels = []
    for exposure in darks.exposures_s:
        frame = read_frame(swir_hdr / "dark" / f"dark_mean100_{round(exposure * 1000):05d}ms.tif").pixels
        np.testing.assert_array_equal(darks.at(exposure), frame)
        levels.append(np.median(frame))
    assert levels == sorted(levels)
    below, middle, above = (darks.at(s) for s in (0.016, 0.016 * 2**0.5, 0.032))
    assert middle.dtype == np.float32 and middle.shape == (640, 512)
    np.testing.assert_allclose(middle, (below + above) / 2, rtol=1e-6)
    path = np.stack([darks.at(s) for s in np.geomspace(0.016, 0.032, 6)])
    steps = np.diff(path, axis=0) * np.sign(above - below)
    assert (steps >= -1e-3).all()


def test_dark_subtracted_frames_have_no_pedestal(swir_hdr: Path) -> None:
    table, darks = swir.catalogue(swir_hdr), swir.darks(swir_hdr)
    medians = [np.median(swir.load(row.file, row.exposure_s, darks)) for row in table.itertuples()]
    assert len(medians) == 45 and 0 < min(medians) and max(medians) < 90
    bandpass = np.array(medians)[~table["filter"].isin(swir.MISMATCHED_FILTERS)]
    assert bandpass.max() < 70


def test_made_darks_interpolate_in_log_exposure_and_are_clamped_at_the_ends(made_root: Path) -> None:
    darks = swir.darks(made_root)
    at_10, at_20, at_40 = (read_frame(made_root / f"dark/dark_{ms:05d}ms.tif").pixels for ms in (10, 20, 40))
    for exposure, expected in [
        (0.01, at_10),
        (0.005, at_10),
        (0.04, at_40),
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
    np.testing.assert_array_equal(swir.load(file, 0.02, darks), raw - dark)
    tifffile.imwrite(file, (raw * 0 + np.arange(18)).astype("uint16"))
    assert swir.load(file, 0.02, darks).min() < -190
    tifffile.imwrite(file, np.arange(400, dtype="uint16").reshape(20, 20))
    with pytest.raises(NircoreError, match="one camera"):
        swir.load(file, 0.02, darks)


def test_darks_of_two_sizes_are_refused(made_root: Path) -> None:
    tifffile.imwrite(made_root / "dark/dark_00040ms.tif", np.arange(400, dtype="uint16").reshape(20, 20))
    with pytest.raises(NircoreError, match="differ in size"):
        swir.darks(made_root).at(0.02)


def test_valid_is_below_saturation() -> None:
    np.testing.assert_array_equal(swir.valid(np.array([0, 4199.9, 4200, 5300])), [True, True, False, False])


def test_what_is_missing_is_named(made_root: Path) -> None:
    with pytest.raises(NircoreError, match="metadata.csv does not exist"):
        swir.catalogue(made_root / "nowhere")
    with pytest.raises(NircoreError, match="animal M9: it holds F1, M2"):
        swir.catalogue(made_root, low_light_s=(0.02,), animals=("M9", "F1"))
    with pytest.raises(NircoreError, match="low_light_s: it holds 0.02, 0.32 s"):
        swir.catalogue(made_root, low_light_s=(0.05,))
    with pytest.raises(NircoreError, match="target_s: it holds 0.02, 0.32 s"):
        swir.catalogue(made_root, target_s=(0.64,))
    with pytest.raises(NircoreError, match="only once"):
        swir.catalogue(made_root, low_light_s=(0.02,), target_s=(0.02, 0.32))
    for folder in ("qd", "dark"):
        (made_root / folder).rename(made_root / "elsewhere")
        with pytest.raises(NircoreError, match=f"no {folder}/ frames"):
            swir.catalogue(made_root) if folder == "qd" else swir.darks(made_root)
        (made_root / "elsewhere").rename(made_root / folder)


@pytest.mark.parametrize(
    "text", ["", "a,b\n1,2\n", "file,source,exposure_s,source_sha256\nx,y,long,z\n", "a\n1,2\n3,4,5\n"]
)
def test_a_foreign_metadata_file_is_refused(made_root: Path, text: str) -> None:
    (made_root / "metadata.csv").write_text(text)
    with pytest.raises(NircoreError, match="not the SWIR_HDR metadata") as caught:
        swir.catalogue(made_root)
    assert "\n" not in str(caught.value)
