"""Inputs after public reports: each kind is read rightly, or one sentence says what is wrong."""

import json
import stat
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import nircore
from nircore.errors import NircoreError
from nirlab.formats.containers import opened, read_frame
from nirlab.formats.raw import Raw
from tests.lab.made import frames, pages, write


@pytest.mark.parametrize("top", [1500, 4095, 16383])
def test_the_top_value_that_many_pixels_share_is_a_ceiling(top):
    pixels = np.minimum(frames(1, (64, 80), pedestal=top - 200)[0], top).astype("u2")
    _, facts = nircore.enhance(pixels, model="realtime", details=True)
    assert facts[0]["at_ceiling"] == (pixels == top).sum() > 20
    _, facts = nircore.enhance(frames(1, (64, 80))[0], model="realtime", details=True)
    assert facts[0]["at_ceiling"] == 0


@pytest.mark.parametrize("unit", ["s", "ms", "\u00b5s"])
def test_exposures_of_ome_planes_have_their_unit(tmp_path, unit):
    plane = {"ExposureTime": [20.0, 30.0], "ExposureTimeUnit": [unit] * 2}
    tifffile.imwrite(tmp_path / "a.ome.tif", frames(2), ome=True, metadata={"axes": "TYX", "Plane": plane})
    with opened(tmp_path / "a.ome.tif") as stack:
        scale = {"s": 1, "ms": 1e-3, "\u00b5s": 1e-6}[unit]
        assert stack.exposures_s == pytest.approx((20 * scale, 30 * scale))


def test_the_exposure_of_micro_manager_is_used(tmp_path):
    said = json.dumps({"Exposure-ms": 40.0}).encode()
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for one in frames(2):
            tag = (51123, 2, len(said) + 1, said + b"\0", True)
            writer.write(one, photometric="minisblack", metadata=None, contiguous=False, extratags=[tag])
    with opened(tmp_path / "a.tif") as stack:
        assert stack.exposures_s == (0.04, 0.04)


@pytest.mark.parametrize("name", ["mono10p", "mono12p", "mono10packed", "mono12packed"])
def test_pixels_that_share_bytes_are_unpacked(tmp_path, name):
    bits = 10 if "10" in name else 12
    pixels = np.random.default_rng(0).integers(0, 2**bits, (2, 16, 18)).astype("u2")
    if name.endswith("p"):
        content = np.packbits((pixels[..., None] >> np.arange(bits) & 1).astype("u1"), bitorder="little")
    else:
        one, two = pixels.reshape(-1, 2).T
        low = bits - 8
        content = np.stack([one >> low, (one & (1 << low) - 1) | (two & (1 << low) - 1) << 4, two >> low], 1).astype(
            "u1"
        )
    (tmp_path / "a.raw").write_bytes(content.tobytes())
    np.testing.assert_array_equal(pages(tmp_path / "a.raw", Raw.parsed("16,18", name)), pixels)


def test_packed_frames_do_not_pass_for_fewer_of_uint16(tmp_path):
    pixels = frames(4, (32, 48), pedestal=300)
    bits = np.packbits((pixels[..., None] >> np.arange(12) & 1).astype("u1"), bitorder="little")
    (tmp_path / "a.raw").write_bytes(bits.tobytes())
    with pytest.raises(NircoreError, match="mono12p"):
        pages(tmp_path / "a.raw", Raw.parsed("32,48", "uint16"))


def test_a_png_with_two_megabytes_of_text_is_read(tmp_path):
    info = PngInfo()
    info.add_text("settings", "x" * 2_000_000, zip=True)
    Image.fromarray(frames()[0]).save(tmp_path / "a.png", pnginfo=info)
    np.testing.assert_array_equal(read_frame(tmp_path / "a.png").pixels, frames()[0])


@pytest.mark.parametrize(
    "options",
    [{"align": 8192}, {"align": 1024, "byteorder": ">"}, {"align": 4096, "bigtiff": True}, {"trailer": 9000}],
    ids=str,
)
def test_slack_between_frames_is_lawful_and_a_cut_file_is_refused(tmp_path, options):
    stack, path = frames(5, (32, 48)), tmp_path / "a.tif"
    kinds = {key: options[key] for key in ("byteorder", "bigtiff") if key in options}
    with tifffile.TiffWriter(path, **kinds) as writer:
        for one in stack:
            writer.write(
                one, photometric="minisblack", metadata=None, contiguous=False, align=options.get("align", 16)
            )
    whole = path.read_bytes()
    path.write_bytes(whole + b"INDEX" + bytes(options.get("trailer", 0)))
    np.testing.assert_array_equal(pages(path), stack)
    path.write_bytes(whole[: len(whole) - 2000])
    with pytest.raises(NircoreError, match="a.tif"):
        pages(path)


@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
def test_a_movie_that_was_laid_out_first_is_read(tmp_path, dtype):
    stack = (frames(4) // 8).astype(dtype)
    laid = tifffile.memmap(tmp_path / "a.tif", shape=stack.shape, dtype=dtype, photometric="minisblack")
    laid[:] = stack
    laid.flush()
    np.testing.assert_array_equal(pages(tmp_path / "a.tif"), stack)


@pytest.mark.parametrize(
    ("key", "value", "comment", "seconds"),
    [
        ("EXPTIME", 35.0, "exposure time (ms)", 0.035), ("EXPOSURE", 500, "[usec] of the sensor", 500e-6),
        ("EXPTIME", 2.0, "", 2.0), ("EXPOSURE", 0.5, "seconds", 0.5), ("EXPTIME", -1.0, "[s]", None),
    ],
)  # fmt: skip
def test_exposures_of_fits_have_the_unit_of_their_comment(tmp_path, key, value, comment, seconds):
    fits = pytest.importorskip("astropy.io.fits")
    hdu = fits.PrimaryHDU(frames()[0])
    hdu.header[key] = value, comment
    hdu.writeto(tmp_path / "a.fits")
    assert read_frame(tmp_path / "a.fits").exposure_s == seconds


@pytest.mark.parametrize(
    ("order", "said"), [("TOP-DOWN", False), ("top-down", False), ("BOTTOM-UP", True), ("", True)]
)
def test_rows_of_fits_that_count_from_below_are_said(tmp_path, order, said):
    fits = pytest.importorskip("astropy.io.fits")
    hdu = fits.PrimaryHDU(frames(2))
    if order:
        hdu.header["ROWORDER"] = order
    hdu.writeto(tmp_path / "a.fits")
    with opened(tmp_path / "a.fits") as stack:
        assert any("upside down" in one for one in stack.said) == said
        np.testing.assert_array_equal(stack.read(1), frames(2)[1])


@pytest.mark.parametrize(("name", "dtype"), [("DQ", "int16"), ("ERR", "uint16"), ("BPM", "uint16"), ("", "uint8")])
@pytest.mark.parametrize("count", [1, 3])
def test_what_stands_beside_the_frames_of_fits_is_no_frame(tmp_path, name, dtype, count):
    fits = pytest.importorskip("astropy.io.fits")
    beside = fits.ImageHDU(np.ones((40, 48), dtype), name=name)
    fits.HDUList([fits.PrimaryHDU(), *map(fits.ImageHDU, frames(count)), beside]).writeto(tmp_path / "a.fits")
    with opened(tmp_path / "a.fits") as stack:
        assert stack.pages == count and any("is no frame" in one for one in stack.said)
        np.testing.assert_array_equal(stack.read(count - 1), frames(count)[-1])


@pytest.mark.parametrize("inner", ["plate", "well", "series"])
@pytest.mark.parametrize("version", [2, 3])
def test_a_store_of_several_images_names_one_that_opens(tmp_path, version, inner):
    described = {"version": "0.5" if version == 3 else "0.4", "axes": [], "datasets": [{"path": "0"}]}
    said = {
        "plate": {"plate": {"wells": [{"path": "B/3"}, {"path": "B/4"}]}},
        "well": {"well": {"images": [{"path": "0"}, {"path": "1"}]}},
        "series": {"bioformats2raw.layout": 3},
    }[inner]
    home = (lambda one: {"ome": one}) if version == 3 else (lambda one: one)
    root = zarr.create_group(str(tmp_path / "m.zarr"), zarr_format=version, attributes=home(said))
    for place in ("B/3/0", "B/4/0") if inner == "plate" else ("0", "1"):
        group = root.create_group(place, attributes=home({"multiscales": [described]}))
        group.create_array("0", shape=(2, 40, 48), chunks=(1, 40, 48), dtype="u2")[:] = frames(2)
    with pytest.raises(NircoreError, match="name one") as caught:
        pages(tmp_path / "m.zarr")
    np.testing.assert_array_equal(pages(Path(str(caught.value).split(", as ")[1].rstrip("."))), frames(2))


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ([(51123, '{"Exposure-ms": 5}')], "Micro-Manager's summary, index map and comments"),
        ([(51123, '{"Exposure-ms": 5}'), (280, None)], "MinSampleValue"),
        ([(281, None)], "MaxSampleValue"),
        ([(305, "SI.LINE_FORMAT_VERSION = 1")], "ScanImage's blocks of metadata in front of the pages"),
    ],
)
def test_what_a_result_of_tiff_lacks_is_listed(enhance, tmp_path, tags, words):
    extra = [(code, 2, 0, text, True) if text else (code, 3, 1, 7, True) for code, text in tags if code != 305]
    software = next((text for code, text in tags if code == 305), None)
    tifffile.imwrite(
        tmp_path / "a.tif", frames()[0], photometric="minisblack", metadata=None, extratags=extra, software=software
    )
    status, said, _ = enhance(tmp_path / "a.tif")
    assert status == 0 and words in said
    assert words in json.loads((tmp_path / "out/a.tif.json").read_text())["not_kept"]


@pytest.mark.parametrize("dark", ["dark", "old/darks", "dark/d_00020ms.tif", "d_00020ms.tif"])
def test_darks_that_lie_below_the_frames_are_no_frames(enhance, tmp_path, dark):
    folder = tmp_path / "data"
    place = folder / dark / "d_00020ms.tif" if not dark.endswith("tif") else folder / dark
    write(place, frames(seed=3) // 2)
    write(folder / "m_0020ms.tif", frames())
    status, said, error = enhance(folder, "--dark", folder / dark)
    assert status == 0 and "1 enhanced" in said, said + error
    assert [path.name for path in (tmp_path / "out").rglob("*.tif")] == ["m_0020ms.tif"]


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.npy", "v2.zarr", "v3.zarr"])
def test_results_of_read_only_sources_can_be_written_and_removed(enhance, tmp_path, name):
    source, stack = tmp_path / "in" / name, frames()
    source.parent.mkdir()
    if name.endswith("zarr"):
        zarr.create_array(str(source), shape=stack.shape, dtype="u2", zarr_format=int(name[1]))[:] = stack
    else:
        write(source, stack)
    kept = [source, *source.rglob("*"), source.parent]
    for path in kept:
        path.chmod(0o555 if path.is_dir() else 0o444)
    for again in ((), ("--overwrite",)):
        status, said, error = enhance(source, *again)
        assert status == 0, said + error
        assert all(path.stat().st_mode & stat.S_IWUSR for path in (tmp_path / "out").rglob("*"))
    assert {path.stat().st_mode & 0o222 for path in kept} == {0}
    source.parent.chmod(0o755)
