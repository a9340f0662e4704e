"""Every kind of message says what is so: the reason decides the way out; what is whole is not called damaged."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
import zarr

from nircore import files
from nircore.errors import NircoreError
from nirlab.formats.containers import read_frame
from tests.lab.made import frames, write

pytestmark = pytest.mark.slow

#: What helps, and the reasons for which it does.
WRITING = {
    "free some space": (errno.ENOSPC, errno.EDQUOT),
    "choose a writable place": (errno.EACCES, errno.EPERM, errno.EROFS),
    "close other programs": (errno.EMFILE, errno.ENFILE),
    "choose a shorter name": (errno.ENAMETOOLONG,),
    "check the disk or the share": (errno.EIO, errno.ESTALE, errno.ETIMEDOUT),
    "the disk takes no file of that size": (errno.EFBIG,),
    "its folder was removed meanwhile": (errno.ENOENT,),
    "choose another place": (errno.ENOTDIR, errno.ELOOP),
}
READING = {
    "ask its owner": (errno.EACCES, errno.EPERM),
    "check the disk or the share": (
        errno.EIO, errno.ENOENT, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.ENODEV,
    ),
    "close other programs": (errno.EMFILE, errno.ENFILE),
    "needs more memory than there is": (errno.ENOMEM,),
    "is open in another program": (errno.EAGAIN, errno.EBUSY, errno.ETXTBSY),
    "a link that leads back to itself": (errno.ELOOP,),
    "choose a shorter name": (errno.ENAMETOOLONG,),
}  # fmt: skip


def reasons(helps: dict[str, tuple[int, ...]]) -> pytest.MarkDecorator:
    pairs = [pytest.param(code, words, id=errno.errorcode[code]) for words, codes in helps.items() for code in codes]
    return pytest.mark.parametrize(("code", "words"), pairs)


def of(code: int) -> OSError:
    return OSError(code, os.strerror(code))


@reasons(WRITING)
def test_what_helps_against_a_failed_write_depends_on_the_reason(tmp_path, code, words):
    with pytest.raises(NircoreError) as caught, files.atomic(tmp_path / "a.tif"):
        raise of(code)
    said = str(caught.value)
    assert said.startswith(f"Cannot write {tmp_path / 'a.tif'}: {os.strerror(code)}; ") and words in said
    assert ("free some space" in said) == (code in (errno.ENOSPC, errno.EDQUOT))


@reasons(READING)
def test_what_the_system_refuses_is_not_called_damaged(tmp_path, monkeypatch, code, words):
    def failing(*_, **__):
        raise of(code)

    path = write(tmp_path / "a.npy", frames())
    monkeypatch.setattr(np.lib.format, "open_memmap", failing)
    with pytest.raises(NircoreError) as caught:
        read_frame(path)
    assert str(caught.value).startswith(str(path)) and words in str(caught.value)
    assert "damaged" not in str(caught.value)


def test_pickled_objects_are_named_and_not_loaded(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}, None], object), allow_pickle=True)
    with pytest.raises(NircoreError, match="holds Python objects .pickle., which are not loaded: save plain numbers"):
        read_frame(tmp_path / "a.npy")


def test_a_compression_that_is_not_installed_is_no_damage(tmp_path, monkeypatch):
    hdf5, store = tmp_path / "a.h5", tmp_path / "a.zarr"
    with h5py.File(hdf5, "w") as file:
        made = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        made.set_chunk((1, 40, 48))
        made.set_filter(32999, h5py.h5z.FLAG_OPTIONAL, (0, 2))
        space = h5py.h5s.create_simple((2, 40, 48))
        images = h5py.h5d.create(file.create_group("Cube").id, b"Images", h5py.h5t.NATIVE_UINT16, space, dcpl=made)
        for page in range(2):
            images.write_direct_chunk((page, 0, 0), frames()[0].tobytes()[:99], 0)
    zarr.create_array(str(store), shape=(2, 40, 48), dtype="u2", chunks=(1, 40, 48), zarr_format=2)[:] = frames(2)
    text = (store / ".zarray").read_text()
    (store / ".zarray").write_text(text.replace('"id": "zstd"', '"id": "nobody"'))
    said = {hdf5: "HDF5 filter 32999", store: "in a way that is not installed"}
    for path, words in said.items():
        with pytest.raises(NircoreError, match=words) as caught:
            read_frame(path)
        assert "damaged" not in str(caught.value)
    tiff = tmp_path / "a.tif"
    tifffile.imwrite(tiff, frames(), compression="zstd")

    def failing(*_, **__):
        raise ValueError("<COMPRESSION.ZSTD: 50000> requires the 'imagecodecs' package")

    monkeypatch.setattr(tifffile.TiffPage, "asarray", failing)
    with pytest.raises(NircoreError, match="pip install imagecodecs"):
        read_frame(tiff)


def test_what_is_damaged_is_called_so(tmp_path):
    for suffix in (".tif", ".png", ".h5", ".npy"):
        path = write(tmp_path / f"a{suffix}", frames())
        path.write_bytes(b"\x00\x01" + path.read_bytes()[2:300])
        with pytest.raises(NircoreError, match="damaged|truncated"):
            read_frame(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path):
    path = write(tmp_path / "a.tif", frames())
    path.chmod(0)
    with pytest.raises(NircoreError, match="ask its owner for permission"):
        read_frame(path)


def test_a_file_that_another_program_writes(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path = write(tmp_path / "a.h5", frames())
    with open(path, "r+b") as other:
        fcntl.flock(other, fcntl.LOCK_EX)  # as HDF5 does while it writes
        with pytest.raises(NircoreError, match="is open in another program: close it there"):
            read_frame(path)


def test_frames_too_small_to_train_on_are_named_not_a_setting_that_nobody_gave(nircore, weights, tmp_path):
    for folder in ("low", "high"):
        write(tmp_path / folder / "a.tif", frames(1, (24, 30)))
    command = ("train", "--low-light", tmp_path / "low", "--target", tmp_path / "high", "--from", weights)
    status, _, error = nircore(*command)
    assert status == 2 and "crop=" not in error
    assert f"{tmp_path / 'high/a.tif'} is 24 x 30 pixels: training takes 32 or more on a side" in error


NAMES = ["maus_\udcb5m.tif", "小鼠 µ.tif", "a\nb.tif", "%s {x} [red].tif"]


@pytest.mark.parametrize("kind", ["good", "damaged", "link"])
def test_names_that_the_terminal_cannot_show_stop_nothing(weights, tmp_path, kind):
    tifffile.imwrite(tmp_path / "t.tif", frames(), photometric="minisblack")
    data = (tmp_path / "t.tif").read_bytes()
    write(tmp_path / "in/z.npy", frames())
    for name in NAMES:
        path = tmp_path / "in" / name
        if kind == "link":
            path.symlink_to(Path("nowhere") / name)
        else:
            path.write_bytes(data if kind == "good" else data[:900])
    code = "from nirlab.cli import main; main()"
    command = [sys.executable, "-c", code, "enhance", "in", "--out", "out", "--weights", str(weights)]
    environment = os.environ | {"PYTHONIOENCODING": "ascii:strict", "PYTHONUTF8": "0", "LC_ALL": "C"}
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, timeout=200)
    said = (result.stdout + result.stderr).decode("ascii", "replace")
    assert "Traceback" not in said and result.returncode == (0 if kind == "good" else 1), said
    made = ["z.npy", *(NAMES if kind == "good" else [])]
    assert f"{len(made)} enhanced, 0 already there, {5 - len(made)} could not be used" in said
    assert all((tmp_path / "out" / name).is_file() for name in made)
