"""What every test needs: one thread, no screen, and the real frames where they are at hand."""

import os
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")

import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)


@pytest.fixture(scope="session")
def swir_hdr() -> Path:
    """The published SWIR_HDR frames, or a skip that says how to get them into the tests."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "swir_hdr"
    folder = Path(os.environ.get("NIRCORE_SWIR_HDR", default))
    if not (folder / "metadata.csv").is_file():
        pytest.skip(f"the real frames are not at {folder}: set NIRCORE_SWIR_HDR to their folder")
    return folder


@pytest.fixture
def nircore(monkeypatch, capsys):
    """Run the command; return exit status, standard output and standard error."""

    from nircore import cli

    def call(*arguments: object):
        monkeypatch.setattr("sys.argv", ["nircore", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return call
