"""Files appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from nircore.errors import NircoreError
from nircore.files import atomic, make_folder, write_text
from tests.conftest import DESCRIPTORS, open_files


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, hidden ones too."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, NircoreError])
@pytest.mark.parametrize("before", [{}, {"table.csv": b"old"}])
def test_a_failure_leaves_what_was_there(tmp_path, error, before):
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match="mine"), atomic(tmp_path / "table.csv") as temporary:
        temporary.write_text("half")
        raise error("mine")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("call", ["os.fsync", "os.replace", "pathlib.Path.touch", "pathlib.Path.write_text"])
def test_a_full_disk_leaves_what_was_there_and_is_said_plainly(tmp_path, monkeypatch, call):
    def full(*_args, **_options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = write_text(tmp_path / "table.csv", "old")
    with monkeypatch.context() as patch:
        patch.setattr(call, full)
        with pytest.raises(NircoreError, match=r"Cannot write .*table\.csv: No space left on device"):
            write_text(target, "new")
    assert contents(tmp_path) == {"table.csv": b"old"}


def test_the_content_reaches_the_disk_before_the_name(tmp_path, monkeypatch):
    order = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (order.append(os.fstat(handle).st_size), fsync(handle))[1])
    monkeypatch.setattr(os, "replace", lambda *names: (order.append("rename"), replace(*names))[1])
    write_text(tmp_path / "table.csv", "12345")
    assert order == [5, "rename"]


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "notes.txt").write_text("a file, not a folder")
    for write in (lambda path: write_text(path, "x"), lambda path: make_folder(path)):
        with pytest.raises(NircoreError, match=r"Cannot create the folder .*notes\.txt"):
            write(tmp_path / "notes.txt" / "run" / "table.csv")
    assert contents(tmp_path) == {"notes.txt": b"a file, not a folder"}


def test_files_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        path = write_text(tmp_path / "table.csv", "new")
        assert os.umask(0o027) == 0o027, "the umask itself must not change"
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o640


@pytest.mark.skipif(not DESCRIPTORS.is_dir(), reason="only Linux lists a process's open files")
def test_a_file_left_open_is_noticed(tmp_path):
    """What watches over every test can see: it does not pass for want of eyes."""
    before = open_files()
    with open(tmp_path / "a.txt", "w"):
        assert open_files() - before == {tmp_path.resolve() / "a.txt": 1}
    assert not open_files() - before
