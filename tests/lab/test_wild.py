"""Inputs after public reports: each kind is read rightly, or one sentence says what is wrong."""

import json
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import nircore
from nircore.data.frames import exposure_in
from nircore.errors import NircoreError
from nirlab.formats.containers import opened, read_frame
from nirlab.formats.raw import Raw
from tests.lab.made import frames


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("a_exposure_250us", 250e-6), ("a_2s", 2.0), ("shutter 40 ms every 2s", 0.04), ("a_delay5s_80ms", 0.08),
        ("a_20ms_40ms", None), ("a_interval_500ms", None), ("a_20ms_every_500ms", None), ("a_20ms_20ms", 0.02),
    ],
)  # fmt: skip
def test_a_name_states_one_clear_exposure_or_none(name, seconds):
    assert exposure_in(f"{name}.tif") == seconds


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
    with opened(tmp_path / "a.raw", Raw.parsed("16,18", name)) as stack:
        np.testing.assert_array_equal([stack.read(0), stack.read(1)], pixels)


def test_packed_frames_do_not_pass_for_fewer_of_uint16(tmp_path):
    pixels = frames(4, (32, 48), pedestal=300)
    bits = np.packbits((pixels[..., None] >> np.arange(12) & 1).astype("u1"), bitorder="little")
    (tmp_path / "a.raw").write_bytes(bits.tobytes())
    with pytest.raises(NircoreError, match="mono12p"), opened(tmp_path / "a.raw", Raw.parsed("32,48", "uint16")):
        pass


def test_a_run_of_lightfield_that_broke_off_is_called_so(tmp_path):
    pytest.importorskip("spexread")
    header = bytearray(4100)
    struct.pack_into("<f", header, 1992, 3.0)
    (tmp_path / "a.spe").write_bytes(bytes(header) + frames(2).tobytes())
    with pytest.raises(NircoreError, match="has no footer"), opened(tmp_path / "a.spe"):
        pass


def test_a_png_with_two_megabytes_of_text_is_read(tmp_path):
    info = PngInfo()
    info.add_text("settings", "x" * 2_000_000, zip=True)
    Image.fromarray(frames()[0]).save(tmp_path / "a.png", pnginfo=info)
    np.testing.assert_array_equal(read_frame(tmp_path / "a.png").pixels, frames()[0])
