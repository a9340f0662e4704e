"""Files as cameras write them: every frame at its place, the exposure where it is stated, cut ones refused."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tifffile

import nircore as package
from nircore.errors import NircoreError
from nirlab.formats.containers import opened, read_frame
from nirlab.formats.raw import Raw
from tests.lab import made_cameras as made
from tests.lab.made import frames, pages


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "float32"])
def test_spe_2(tmp_path, dtype):
    pytest.importorskip("spexread")
    stack = frames(5).astype(dtype)
    path = made.spe2(tmp_path / "a.SPE", stack)
    np.testing.assert_array_equal(pages(path), stack)
    assert read_frame(path, 4).exposure_s == 0.02 and read_frame(path).dtype == dtype


@pytest.mark.parametrize("dtype", ["uint16", "uint32", "float32"])
@pytest.mark.parametrize("stamps", [0, 8, 24])
def test_spe_3_whose_stamps_after_each_frame_shift_nothing(tmp_path, dtype, stamps):
    pytest.importorskip("spexread")
    stack = frames(5).astype(dtype)
    path = made.spe3(tmp_path / "a.spe", stack, stamps=stamps)
    np.testing.assert_array_equal(pages(path), stack)
    assert read_frame(path, 4).exposure_s == 0.02
    assert read_frame(made.spe3(tmp_path / "b.spe", stack, None)).exposure_s is None


def test_spe_that_is_cut_left_open_or_in_regions_is_refused(tmp_path):
    pytest.importorskip("spexread")
    stack = frames(4)
    cut = made.spe2(tmp_path / "cut.spe", stack)
    cut.write_bytes(cut.read_bytes()[:-5000])
    longer = made.spe2(tmp_path / "open.spe", stack)
    longer.write_bytes(longer.read_bytes() + stack[0].tobytes())
    new = made.spe3(tmp_path / "new.spe", stack)
    new.write_bytes(new.read_bytes()[:-5000])
    short = made.spe2(tmp_path / "short.spe", stack)
    short.write_bytes(short.read_bytes()[:3000])
    broken = made.spe3(tmp_path / "broken.spe", stack)
    broken.write_bytes(broken.read_bytes()[:678] + bytes(8) + broken.read_bytes()[686:])
    for path, words in (
        (cut, "5000 bytes of its 4 frames are not there"),
        (longer, "counts 4 frames and holds 5"),
        (new, "damaged or truncated"),
        (short, "its header is cut"),
        (broken, "has no footer"),
        (made.spe2(tmp_path / "two.spe", stack, regions=2), "2 regions of the sensor"),
        (made.spe3(tmp_path / "three.spe", stack, regions=3), "3 regions of the sensor"),
    ):
        with pytest.raises(NircoreError, match=words) as caught:
            read_frame(path)
        assert str(path) in str(caught.value)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "int32", "float32", "float64", "uint8"])
@pytest.mark.parametrize("shape", [(40, 48), (3, 40, 48), (2, 3, 40, 48)])
def test_fits(tmp_path, dtype, shape):
    fits = pytest.importorskip("astropy.io.fits")
    stack = frames(6, pedestal=100)[: int(np.prod(shape[:-2]))].reshape(shape).astype(dtype)
    hdu = fits.PrimaryHDU(stack)
    hdu.header["EXPTIME"] = 0.05
    hdu.writeto(tmp_path / "a.fits")
    np.testing.assert_array_equal(pages(tmp_path / "a.fits").reshape(shape), stack)
    frame = read_frame(tmp_path / "a.fits")
    assert frame.exposure_s == 0.05 and frame.dtype == dtype


def test_fits_of_a_frame_in_each_extension_compressed_or_not(tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    stack = frames(3)
    for name, kind in (("a.fit", fits.ImageHDU), ("b.fts", fits.CompImageHDU)):
        hdus = [kind(pixels) for pixels in stack]
        for hdu, exposure in zip(hdus, (0.01, 0.02, 0.04), strict=True):
            hdu.header["EXPOSURE"] = exposure
        fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(tmp_path / name)
        np.testing.assert_array_equal(pages(tmp_path / name), stack)
        assert read_frame(tmp_path / name, 2).exposure_s == 0.04


def test_fits_that_is_cut_mixed_or_empty_is_refused(tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    fits.PrimaryHDU(frames(3)).writeto(tmp_path / "cut.fits")
    (tmp_path / "cut.fits").write_bytes((tmp_path / "cut.fits").read_bytes()[:9000])
    two = [fits.PrimaryHDU(frames()[0]), fits.ImageHDU(frames(1, (30, 30))[0])]
    fits.HDUList(two).writeto(tmp_path / "mixed.fits")
    fits.PrimaryHDU().writeto(tmp_path / "none.fits")
    (tmp_path / "text.fits").write_text("no such thing" * 999)
    words = {"cut": "bytes of its frames are not there", "mixed": "2 images of different kinds", "none": "0 images"}
    for name, said in (words | {"text": "damaged"}).items():
        with pytest.raises(NircoreError, match=said):
            read_frame(tmp_path / f"{name}.fits")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # sif_parser leaves a bad file open
def test_sif(tmp_path):
    pytest.importorskip("sif_parser")
    stack = frames(3)
    path = made.sif(tmp_path / "a.sif", stack)
    np.testing.assert_array_equal(pages(path), stack)
    assert read_frame(path).exposure_s == 0.02
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(NircoreError, match="damaged or truncated"):
        read_frame(path)


@pytest.mark.parametrize("shape", [(40, 48), (1040, 32)])  # the latter holds the row whose pixels stand elsewhere
def test_dcimg(tmp_path, shape):
    pytest.importorskip("dcimg")
    stack = frames(3, shape)
    path = made.dcimg(tmp_path / "a.dcimg", stack)
    after = pages(path)
    if shape[0] > 1023:
        np.testing.assert_array_equal(after[:, 1023, :4], stack[:, 0, :4])
        after[:, 1023, :4] = stack[:, 1023, :4]
    np.testing.assert_array_equal(after, stack)
    path.write_bytes(path.read_bytes()[:-4000])
    with pytest.raises(NircoreError, match="damaged or truncated"):
        read_frame(path)


class MadeND2:
    """What the package nd2 says of a file of two times, two channels and three depths (no such file is at hand)."""

    sizes, dtype, is_rgb = {"T": 2, "Z": 3, "C": 2, "Y": 40, "X": 48}, np.dtype("uint16"), False
    stack = frames(12).reshape(6, 2, 40, 48)

    def __init__(self, path: Path) -> None:
        assert path.is_file()

    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        pass

    def read_frame(self, index: int) -> np.ndarray:
        return self.stack[index]

    def events(self, orient: str) -> list[dict]:
        return [{"Exposure Time [ms]": 20.0}] * 6


def test_nd2_runs_over_channels_within_depths_within_times(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "nd2", SimpleNamespace(ND2File=MadeND2))
    (tmp_path / "a.nd2").write_bytes(b"x")
    with opened(tmp_path / "a.nd2") as stack:
        assert stack.layout() == (("t", "z", "c"), (2, 3, 2)) and stack.exposures_s == (0.02,) * 12
    np.testing.assert_array_equal(pages(tmp_path / "a.nd2"), MadeND2.stack.reshape(12, 40, 48))
    monkeypatch.setattr(MadeND2, "is_rgb", True)
    with pytest.raises(NircoreError, match="3 colour channels"):
        read_frame(tmp_path / "a.nd2")


def test_what_is_no_nd2_is_refused_by_the_package_itself(tmp_path):
    pytest.importorskip("nd2")
    (tmp_path / "a.nd2").write_bytes(b"x" * 99)
    with pytest.raises(NircoreError, match="a.nd2 cannot be read"):
        read_frame(tmp_path / "a.nd2")


@pytest.mark.parametrize("suffix", ["spe", "fits", "sif", "nd2", "dcimg"])
def test_a_package_that_is_not_installed_is_named_with_the_extra(tmp_path, monkeypatch, suffix):
    for name in ("spexread", "spexread.structdef", "astropy", "astropy.io", "sif_parser", "nd2", "dcimg"):
        monkeypatch.setitem(sys.modules, name, None)
    (tmp_path / f"a.{suffix}").write_bytes(b"x" * 5000)
    with pytest.raises(NircoreError, match=r"without the package \w+.*pip install 'nircore\[cameras\]'"):
        read_frame(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("dtype", ["uint8", "uint16", ">u2", "float32"])
@pytest.mark.parametrize("offset", [0, 7, 4096])
@pytest.mark.parametrize("shape", [(3, 40, 48), (40, 48)])
def test_raw_pixels_are_what_is_said_of_them(tmp_path, dtype, offset, shape):
    stack = frames(3, pedestal=100).astype(dtype)
    (tmp_path / "a.raw").write_bytes(b"\xff" * offset + stack.tobytes())
    after = pages(tmp_path / "a.raw", Raw(shape, dtype, offset))
    np.testing.assert_array_equal(after, stack)
    assert after.dtype.isnative
    for wrong in (Raw((4, 40, 48), dtype, offset), Raw((2, 40, 48), dtype, offset), Raw(shape, dtype, offset + 1)):
        with pytest.raises(NircoreError, match="check --shape, --dtype and --offset"):
            pages(tmp_path / "a.raw", wrong)


@pytest.mark.parametrize(
    "said, words",
    [
        (("40,48", ""), "both"),
        (("", "uint16"), "both"),
        (("", "", 9), "both"),
        (("40", "uint16"), "H,W or N,H,W"),
        (("1,2,40,48", "uint16"), "H,W or N,H,W"),
        (("40,48", "uint15"), "dtype uint15 means nothing"),
        (("40,48", "complex64"), "dtype complex64 means nothing"),
        (("40,48", "uint16", -1), "offset -1 means nothing"),
    ],
)
def test_what_is_said_of_raw_pixels_must_mean_something(said, words):
    with pytest.raises(NircoreError, match=words):
        Raw.parsed(*said)
    assert Raw.parsed("", "") is None and Raw.parsed("40x48", ">u2") == Raw((40, 48), ">u2")


def test_enhanced_results_are_ome_tiffs_and_say_so(enhance, weights, tmp_path):
    fits = pytest.importorskip("astropy.io.fits")
    pytest.importorskip("spexread")
    stack = frames(4)
    (tmp_path / "in").mkdir()
    made.spe3(tmp_path / "in/b.spe", stack)
    fits.PrimaryHDU(stack).writeto(tmp_path / "in/a.fits")
    out = tmp_path / "out"
    status, output, _ = enhance(tmp_path / "in", "--report")
    assert status == 0 and output.count("so the result is an OME-TIFF") == 2
    expected = package.enhance(stack, weights=weights)
    for name in ("a", "b"):
        np.testing.assert_array_equal(tifffile.imread(out / f"{name}.ome.tif"), expected)
        with tifffile.TiffFile(out / f"{name}.ome.tif") as file:
            assert file.is_ome and file.series[0].axes == "TYX"
    with tifffile.TiffFile(out / "b.ome.tif") as file:
        assert file.ome_metadata.count('ExposureTime="0.02"') == 4
    record = json.loads((out / "b.ome.tif.json").read_text())
    assert record["said"] == [".spe is only read, so the result is an OME-TIFF"] and record["not_kept"]
    assert "2 already there" in enhance(tmp_path / "in", "--report")[1]
    assert enhance(tmp_path / "in", "--average", 3)[0] == 0 and (out / "b_average3.ome.tif").is_file()


def test_raw_files_are_enhanced_where_it_is_said_what_they_are(enhance, weights, tmp_path):
    stack = frames(4)
    (tmp_path / "in").mkdir()
    for name in ("a.raw", "b.bin", "notes.txt"):
        (tmp_path / "in" / name).write_bytes(b"head" + stack.tobytes())
    np.save(tmp_path / "in/c.npy", stack)
    assert "passed over, of kinds that are not read (.bin, .raw)" in enhance(tmp_path / "in")[1]
    said = ("--shape", "40,48", "--dtype", "uint16", "--offset", 4, "--report")
    status, output, error = enhance(tmp_path / "in", *said)
    assert status == 0 and "2 enhanced, 1 already there" in output, output + error
    expected = package.enhance(stack, weights=weights)
    for name in ("a", "b"):
        np.testing.assert_array_equal(tifffile.imread(tmp_path / f"out/{name}.ome.tif"), expected)
    record = json.loads((tmp_path / "out/a.ome.tif.json").read_text())
    assert record["identity"]["raw"] == {"shape": [40, 48], "dtype": "uint16", "offset": 4}
    other = ("--shape", "4,40,48", "--dtype", ">u2", "--offset", 4)
    assert "made otherwise" in enhance(tmp_path / "in", *other)[1]
