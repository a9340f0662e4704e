from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nircore.data.frames import exposure_in, filter_in, list_frames, read_frame, sha256, write_frame
from nircore.errors import NircoreError


def ramp(dtype: str = "uint16", shape: tuple[int, int] = (17, 31)) -> np.ndarray:
    """A frame that touches both ends of an integer type and differs in every pixel it can."""
    kind = np.dtype(dtype)
    low, high = (-3.25, 6e4) if kind.kind == "f" else (np.iinfo(kind).min, np.iinfo(kind).max)
    return np.linspace(low, high, shape[0] * shape[1]).reshape(shape).astype(kind)


def refused(path: Path, *words: str, **options: int) -> None:
    """`read_frame` raises one sentence that names the file and says these words."""
    with pytest.raises(NircoreError) as caught:
        read_frame(path, **options)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("suffix", "dtype"),
    [(".tif", t) for t in ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float16", "float32", "float64")]
    + [(".png", t) for t in ("uint8", "uint16")]
    + [(".npy", t) for t in ("uint8", "uint16", "int32", "float32")],
)
def test_a_frame_comes_back_with_its_size_type_and_scale(tmp_path: Path, suffix: str, dtype: str) -> None:
    path, pixels = tmp_path / f"frame{suffix}", ramp(dtype)
    assert write_frame(path, pixels, dtype) == 0
    frame = read_frame(path)
    assert frame.dtype == np.dtype(dtype) and frame.pixels.dtype == np.float32
    assert frame.pixels.shape == (17, 31)
    np.testing.assert_array_equal(frame.pixels, pixels.astype(np.float32))
    assert frame.source == str(path) and frame.pages == 1
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "options", [{"byteorder": ">"}, {"compression": "zlib"}, {"compression": "lzw"}, {"tile": (16, 16)}]
)
def test_tiff_flavours(tmp_path: Path, options: dict) -> None:
    path = tmp_path / "frame.tiff"
    tifffile.imwrite(path, ramp(), **options)
    frame = read_frame(path)
    assert frame.dtype == np.dtype("uint16") and frame.dtype.isnative
    np.testing.assert_array_equal(frame.pixels, ramp())


def test_ome_tiff_pages(tmp_path: Path) -> None:
    path, stack = tmp_path / "movie.ome.tif", np.stack([ramp(), ramp()[::-1], ramp() // 2])
    tifffile.imwrite(path, stack, ome=True, metadata={"axes": "TYX"})
    for page in range(3):
        frame = read_frame(path, page=page)
        np.testing.assert_array_equal(frame.pixels, stack[page])
        assert frame.pages == 3
    refused(path, "3 page(s)", "page=3", page=3)
    refused(path, "page=-1", page=-1)


def test_stacks_on_disk_and_blank_frames_among_them(tmp_path: Path) -> None:
    path, stack = tmp_path / "movie.npy", np.stack([ramp(), ramp()[::-1], 0 * ramp() + 7]).astype(">u2")
    np.save(path, stack)
    frame = read_frame(path, page=1)
    np.testing.assert_array_equal(frame.pixels, stack[1])
    assert frame.dtype == np.dtype("uint16") and frame.pages == 3 and frame.dtype.isnative
    refused(path, "3 page(s)", page=3)
    refused(path, "frame 2, is blank (every pixel is 7)", "another frame of this movie", page=2)


def test_exposure_and_filter_come_from_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a_BP1150_0020ms.tif"
    write_frame(path, ramp(), "uint16")
    assert (read_frame(path).exposure_s, read_frame(path).filter) == (0.02, "BP1150")
    assert filter_in("LP1250_0001.tif") == "LP1250" and filter_in("XLP1250.tif") is None


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("a_exposure_250us", 250e-6), ("a_2s", 2.0), ("shutter 40 ms every 2s", 0.04), ("a_delay5s_80ms", 0.08),
        ("a_20ms_40ms", None), ("a_interval_500ms", None), ("a_20ms_every_500ms", None), ("a_20ms_20ms", 0.02),
        ("dark_00016ms", 0.016), ("20msec", None), ("a_20msx", None),
    ],
)  # fmt: skip
def test_a_name_states_one_clear_exposure_or_none(name, seconds):
    assert exposure_in(f"{name}.tif") == seconds


BAD_ARRAYS = {
    "NaN": (np.where(np.eye(20) > 0, np.nan, ramp("float32", (20, 20))), ["20 NaN or infinite"]),
    "infinite": (np.where(np.eye(20) > 0, np.inf, ramp("float32", (20, 20))), ["20 NaN or infinite"]),
    "beyond float32": (np.where(np.eye(20) > 0, 1e300, 1.0), ["20 NaN or infinite"]),
    "constant": (np.full((20, 20), 7, dtype="uint16"), ["constant", "every pixel is 7"]),
    "small": (ramp(shape=(15, 40)), ["15 x 40", "at least 16"]),
    "complex": (ramp("float32", (20, 20)) * 1j, ["complex"]),
    "colour": (np.zeros((20, 20, 3), dtype="uint8"), ["3 colour channels", "export as grayscale"]),
}


@pytest.mark.parametrize("kind", [".tif", ".npy"])
@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_bad_pixels_are_refused(tmp_path: Path, kind: str, case: str) -> None:
    path, (array, words) = tmp_path / f"bad{kind}", BAD_ARRAYS[case]
    if kind == ".npy":
        np.save(path, array)
    else:
        tifffile.imwrite(path, array, photometric="rgb" if case == "colour" else "minisblack")
    refused(path, *words)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "LA", "1"])
@pytest.mark.parametrize("kind", [".png", ".tif"])
def test_colour_files_are_refused(tmp_path: Path, kind: str, mode: str) -> None:
    from PIL import Image

    path = tmp_path / f"colour{kind}"
    Image.fromarray(ramp("uint8", (20, 20))).convert(mode).save(path)
    words = {
        "RGB": "3 colour channels",
        "RGBA": "4 colour channels",
        "P": "a colour palette",
        "LA": "2 colour channels",
    }
    refused(path, words.get(mode, "pixel"), "export")


def test_files_that_are_not_frames_are_refused(tmp_path: Path) -> None:
    refused(tmp_path / "none.tif", "does not exist")
    (tmp_path / "folder.tif").mkdir()
    refused(tmp_path / "folder.tif", "not a file")
    (tmp_path / "notes.txt").write_text("x")
    refused(tmp_path / "notes.txt", "unknown kind", ".tif")
    for kind in (".tif", ".png", ".npy"):
        (tmp_path / f"empty{kind}").touch()
        refused(tmp_path / f"empty{kind}", "0 bytes")
        (tmp_path / f"noise{kind}").write_bytes(b"not a frame at all, whatever its name" * 9)
        refused(tmp_path / f"noise{kind}", "cannot be read", "damaged")
    np.save(tmp_path / "pickle.npy", np.array([{}], dtype=object), allow_pickle=True)
    refused(tmp_path / "pickle.npy", "Python objects")


@pytest.mark.parametrize("kind", ["none.tif", "zlib.tif", "lzw.tif", "frame.png", "frame.npy"])
@pytest.mark.parametrize("kept", [0.1, 0.5, 0.95])
def test_a_truncated_file_is_refused(tmp_path: Path, kind: str, kept: float) -> None:
    path = tmp_path / kind
    noise = np.random.default_rng(0).integers(0, 4000, (64, 64)).astype("uint16")
    if path.suffix == ".tif":
        tifffile.imwrite(path, noise, compression=None if path.stem == "none" else path.stem, rowsperstrip=8)
    else:
        write_frame(path, noise, "uint16")
    whole = path.read_bytes()
    assert (read_frame(path).pixels == noise).all()
    path.write_bytes(whole[: int(len(whole) * kept)])
    refused(path, "cannot be read", "truncated")


def test_a_strip_that_was_never_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sparse.tif"
    tifffile.imwrite(path, ramp(shape=(64, 64)), rowsperstrip=8, compression="zlib")
    with tifffile.TiffFile(path, mode="r+b") as file:
        tag = file.pages[0].tags["StripByteCounts"]
        tag.overwrite([0, *tag.value[1:]])
    refused(path, "part of its pixels is missing")


def absurd_tiff(path: Path) -> None:
    tifffile.imwrite(path, ramp())
    with tifffile.TiffFile(path, mode="r+b") as file:
        for tag in ("ImageWidth", "ImageLength"):
            file.pages[0].tags[tag].overwrite(100_000)


def absurd_npy(path: Path) -> None:
    np.save(path, ramp())
    path.write_bytes(path.read_bytes().replace(b"(17, 31), }        ", b"(100000, 100000), }"))


@pytest.mark.parametrize("make", [absurd_tiff, absurd_npy])
def test_an_absurd_header_is_refused_before_memory_is_asked_for(tmp_path: Path, make, monkeypatch) -> None:
    path = tmp_path / f"bomb.{make.__name__.removeprefix('absurd_')}".replace("tiff", "tif")
    make(path)
    assert path.stat().st_size < 5000
    monkeypatch.setattr(np, "array", lambda *_, **__: pytest.fail("pixels were asked for"))
    refused(path, "cannot be read" if make is absurd_npy else "100000 x 100000")


@settings(max_examples=50, deadline=None)
@given(
    arrays(np.float64, (3, 5), elements=st.floats(-1e12, 1e12)),
    st.sampled_from(["uint8", "int8", "uint16", "int16", "uint32", "int32"]),
)
def test_writing_rounds_and_clips_but_never_wraps(tmp_path_factory, pixels: np.ndarray, dtype: str) -> None:
    path, limits = tmp_path_factory.getbasetemp() / "clipped.tif", np.iinfo(dtype)
    clipped = write_frame(path, pixels, dtype)
    expected = [[min(max(round(float(v)), limits.min), limits.max) for v in row] for row in pixels]
    np.testing.assert_array_equal(tifffile.imread(path).astype(object), expected)
    assert clipped == sum(not limits.min <= round(float(v)) <= limits.max for v in pixels.flat)


def test_what_cannot_be_written_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_frame(path, ramp(), "uint16")
    before = path.read_bytes()
    for name, pixels, dtype, words in [
        ("a.png", ramp(), "float32", "use uint8, uint16 or"),
        ("a.png", ramp() * np.nan, "uint16", "finite"),
        ("a.png", ramp()[None], "uint16", r"\(H, W\)"),
        ("a.jpg", ramp(), "uint8", "use .tif, .png or .npy"),
        ("a.tif", ramp(), "complex64", "complex64"),
    ]:
        with pytest.raises(NircoreError, match=words):
            write_frame(tmp_path / name, pixels, dtype)
    (tmp_path / "file").touch()
    with pytest.raises(NircoreError, match="file"):
        write_frame(tmp_path / "file" / "a.tif", ramp(), "uint16")
    assert path.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.png", "file"]


def test_frames_of_a_folder_are_listed_sorted_without_hidden_ones(tmp_path: Path) -> None:
    names = ["b.TIF", "a.png", "m1/c.npy", ".hidden.tif", ".partial-x.tif", ".trash/d.tif", "notes.txt"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "z").symlink_to(tmp_path / "m1")
    assert list_frames(tmp_path) == [
        tmp_path / "a.png",
        tmp_path / "b.TIF",
        tmp_path / "m1/c.npy",
        tmp_path / "z/c.npy",
    ]
    for folder, words in [
        ("none", "does not exist"),
        ("a.png", "not a folder"),
        ("folder.tif", "holds no frames"),
    ]:
        with pytest.raises(NircoreError, match=words):
            list_frames(tmp_path / folder)


def test_sha256_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(NircoreError, match="cannot be read"):
        sha256(tmp_path / "none")
