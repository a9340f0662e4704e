"""Fetching from a server of our own: right files, each once; wrong ones never take their name."""

import functools
import http.server
import shutil
import threading
from pathlib import Path

import pytest

from nircore.data import swir_hdr as reader
from nircore.data.frames import read_frame
from nircore.errors import NircoreError
from nirlab import fetch

ONLY = "qd/F1-2/F1-2_BP1300"  # the six files at hand as published


@pytest.fixture
def server(swir_hdr, tmp_path: Path):
    """A server of the published files; yields its address, where they are and what it was asked for."""
    folder, asked = tmp_path / "served", []
    there = {path.name: path for path in (swir_hdr / "original_h5").iterdir()}
    sources = [folder / name for name in fetch.registry(ONLY)["source"]]
    for path in sources:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(there[path.name], path)

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            asked.append(str(arguments[1]))

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{made.server_port}", sources[0].parent, asked
        made.shutdown()


def test_the_registry_is_that_of_the_published_set(swir_hdr: Path) -> None:
    table = fetch.registry()
    assert len(table) == 157 and list(table) == ["file", "source", "source_sha256"]
    assert table["source_sha256"].str.fullmatch("[0-9a-f]{64}").all() and table["source"].is_unique
    from pandas import read_csv
    from pandas.testing import assert_frame_equal

    assert_frame_equal(table, read_csv(swir_hdr / "metadata.csv")[list(table)])
    with pytest.raises(NircoreError, match="choose one of dark, icg"):
        fetch.registry("nothing")


def test_files_are_fetched_once_and_the_folder_is_a_data_root(server, swir_hdr, tmp_path: Path) -> None:
    address, _, asked = server
    place = tmp_path / "set"
    assert fetch.fetch(place, address, ONLY, say=lambda line: None) == (6, [])
    assert len([line for line in asked if ".h5" in line]) >= 6
    table = reader.catalogue(place, (0.02,), (0.32,))
    assert list(table["scene"]) == ["F1-2/BP1300"] * 2
    for file in table["file"]:  # pixel by pixel the copies that were made before
        same = read_frame(swir_hdr / Path(file).relative_to(place.resolve()))
        assert same.dtype == read_frame(file).dtype and (same.pixels == read_frame(file).pixels).all()
    asked.clear()
    gone = next(place.rglob("*_0.h5"))
    gone.unlink()
    assert fetch.fetch(place, address, ONLY, say=lambda line: None) == (6, [])
    assert gone.is_file() and len({line for line in asked if ".h5" in line}) == 1


def test_a_wrong_or_missing_file_is_named_and_takes_no_name(server, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fetch, "TRIES", 1)
    address, folder, _ = server
    first, second, *_ = sorted(folder.glob("PC*.h5"))
    first.write_bytes(first.read_bytes()[:-1] + b"x")
    second.unlink()
    there, errors = fetch.fetch(tmp_path / "set", address, ONLY, say=lambda line: None)
    assert there == 4 and len(errors) == 2 and all("\n" not in str(error) for error in errors)
    assert first.name in str(errors[0]) and second.name in str(errors[1])
    assert len([path for path in (tmp_path / "set").rglob("*") if path.is_file()]) == 4 + 4


def test_no_network_is_one_line_for_each_file(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(fetch, "TRIES", 1)
    there, errors = fetch.fetch(tmp_path, "http://127.0.0.1:9", "dark/dark_mean100_00016ms", say=lambda line: None)
    assert there == 0 and len(errors) == 1 and "could not be fetched" in str(errors[0])
