from pathlib import Path

import numpy as np
import pytest

from nircore.data.folder import catalogue, require_size
from nircore.data.frames import write_frame
from nircore.errors import NircoreError


def make(path: Path, shape: tuple[int, int] = (20, 24), dtype: str = "uint16") -> Path:
    seed = sum(path.as_posix().encode())
    write_frame(path, np.random.default_rng(seed).integers(0, 255, shape), dtype)
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """A low-light and a target folder with two good frames each."""
    low, target = tmp_path / "low", tmp_path / "long"
    for name in ("mouse1_0001.tif", "mouse2_0001.tif"):
        make(low / name)
        make(target / name)
    return low, target


def test_every_frame_is_listed_with_what_its_name_tells(tmp_path: Path) -> None:
    low, target = tmp_path / "low", tmp_path / "long"
    make(low / "m1_BP1300_0020ms.tif")
    make(low / "m1_BP1300_00040ms.png")
    make(target / "m1_BP1300_0320ms.tif")
    make(target / "plain.npy")
    table, notes = catalogue(low, target)
    assert notes == []
    assert list(table.columns) == ["file", "domain", "group", "scene", "exposure_s", "filter"]
    assert [Path(file).name for file in table["file"]] == [
        "m1_BP1300_00040ms.png",
        "m1_BP1300_0020ms.tif",
        "m1_BP1300_0320ms.tif",
        "plain.npy",
    ]
    assert all(Path(file).is_absolute() for file in table["file"])
    assert table["domain"].tolist() == ["low_light"] * 2 + ["target"] * 2
    assert table["scene"].tolist() == ["m1_BP1300"] * 3 + ["plain"]
    np.testing.assert_array_equal(table["exposure_s"], [0.04, 0.02, 0.32, np.nan])
    assert table["filter"][0] == "BP1300" and table["filter"].isna().tolist() == [False] * 3 + [True]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("mouse3_0007.tif", "mouse3"),
        ("mouse3_0007_BP1150_0020ms.tif", "mouse3"),
        ("mouse3_0007_raw.tif", "mouse3"),
        ("day 2 - 11.tif", "day 2"),
        ("liver.tif", "liver"),
        ("0007.tif", "acquisition"),
        ("mouse4/0007.tif", "mouse4"),
        ("mouse4/day2/0007.tif", "mouse4"),
    ],
)
def test_the_group_is_the_subfolder_or_the_stem_up_to_its_last_number(
    pair: tuple[Path, Path], name: str, group: str
) -> None:
    file = make(pair[0] / name)
    table, _ = catalogue(*pair)
    row = table.set_index("file").loc[str(file)]
    assert row["group"] == group
    assert row["scene"] == name.removesuffix(".tif").removesuffix("_0020ms")


def test_sizes_may_differ_and_crops_are_checked(pair: tuple[Path, Path]) -> None:
    small = make(pair[1] / "small.tif", (16, 40))
    table, _ = catalogue(*pair)
    assert len(table) == 5
    require_size(table, 16)
    with pytest.raises(NircoreError, match="16 x 40 pixels, smaller than crop=17") as caught:
        require_size(table, 17)
    assert str(small) in str(caught.value)


def test_bit_depths_may_differ_between_domains_but_not_within_one(pair: tuple[Path, Path]) -> None:
    for path in pair[1].iterdir():
        make(path, dtype="uint8")
    assert len(catalogue(*pair)[0]) == 4
    odd = make(pair[0] / "odd.tif", dtype="uint8")
    with pytest.raises(NircoreError, match="mixes bit depths") as caught:
        catalogue(*pair)
    assert f"{odd} is uint8" in str(caught.value) and "mouse1_0001.tif is uint16" in str(caught.value)


def test_a_bad_file_is_refused_or_listed_and_left_out_on_request(pair: tuple[Path, Path]) -> None:
    bad = pair[0] / "bad.tif"
    bad.write_bytes(b"damaged" * 9)
    with pytest.raises(NircoreError, match="bad.tif cannot be read"):
        catalogue(*pair)
    table, notes = catalogue(*pair, skip_bad=True)
    assert len(table) == 4 and str(bad) not in set(table["file"])
    assert len(notes) == 1 and str(bad) in notes[0] and "Left out" in notes[0]


def test_the_two_folders_must_be_two(pair: tuple[Path, Path], tmp_path: Path) -> None:
    low, target = pair
    (tmp_path / "empty").mkdir()
    (tmp_path / "link").symlink_to(low)
    for folders, words in [
        ((low, None), "Two folders are needed"),
        ((low, low), "overlap"),
        ((low, low.parent / "." / "long" / ".." / "low"), "overlap"),
        ((low, tmp_path / "link"), "overlap"),
        ((tmp_path, target), "overlap"),
        ((low, tmp_path / "none"), "does not exist"),
        ((tmp_path / "empty", target), "holds no frames"),
        ((low / "mouse1_0001.tif", target), "not a folder"),
    ]:
        with pytest.raises(NircoreError, match=words):
            catalogue(*folders)
