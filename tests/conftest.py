"""What every test needs: one thread, no screen, no file left open, and the real frames where they are at hand."""

import gc
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

torch.set_num_threads(1)
hypothesis.settings.register_profile("untimed", deadline=None)  # a busy machine is no failure of a property
hypothesis.settings.load_profile("untimed")

DESCRIPTORS = Path("/proc/self/fd")  # Linux
ENVIRONMENT = Path(sys.prefix).resolve()  # fonts stay open, and are not ours
WATCHED = tuple(Path(place).resolve() for place in (tempfile.gettempdir(), Path(__file__).parents[1]))


def open_files() -> Counter[Path]:
    """Count the descriptors of each regular file that this process has open in a temporary folder or the checkout."""
    targets = []
    for link in DESCRIPTORS.iterdir():
        try:
            targets.append(link.readlink())
        except OSError:  # closed meanwhile: the listing's own
            continue
    ours = (target for target in targets if any(map(target.is_relative_to, WATCHED)))
    return Counter(target for target in ours if target.is_file() and not target.is_relative_to(ENVIRONMENT))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with modules marked slow("minutes"): begun last, one would keep a process busy. Then the other slow."""
    marks = {item: item.get_closest_marker("slow") for item in items}
    items.sort(key=lambda item: (not marks[item], not (marks[item] and marks[item].args)))


@pytest.fixture(autouse=True)
def no_file_stays_open():
    """A test leaves no file open: what reads a frame or a run closes it, at the latest with the collector."""
    if not DESCRIPTORS.is_dir():
        yield
        return
    before = open_files()
    yield
    if open_files() - before:
        gc.collect()
        assert not (left := open_files() - before), f"left open: {', '.join(map(str, left))}"


@pytest.fixture(autouse=True)
def no_frames_before():
    """What enhances frames begins anew: after many frames `auto` takes a faster engine, equal only to rounding."""
    from nircore.inference.enhancer import enhancer_for

    enhancer_for.cache_clear()


@pytest.fixture(scope="session")
def swir_hdr() -> Path:
    """The published SWIR_HDR frames, or a skip that says how to get them into the tests."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data" / "swir_hdr"
    folder = Path(os.environ.get("NIRCORE_SWIR_HDR", default))
    if not (folder / "metadata.csv").is_file():
        pytest.skip(f"the real frames are not at {folder}: set NIRCORE_SWIR_HDR to their folder")
    return folder


@pytest.fixture
def reports(tmp_path, monkeypatch) -> Path:
    """Where the runs of a test lie, and beside it the phantoms: neither is there yet."""
    for name in ("REPORTS", "DATA"):
        monkeypatch.setenv(f"NIRCORE_{name}", str(tmp_path / name.lower()))
    return tmp_path / "reports"


@pytest.fixture
def nircore(monkeypatch, capsys):
    """Run the command; return exit status, standard output and standard error."""

    from nirlab import cli

    def call(*arguments: object):
        monkeypatch.setattr("sys.argv", ["nircore", *map(str, arguments)])
        try:
            cli.main()
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        return status, *capsys.readouterr()

    return call


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A U-Net that nobody trained: it smooths, and adds a little of its own."""
    from nircore.models import build_generator, checkpoint
    from nircore.recipe import resolve

    config = resolve({"recipe": "physics", "profile": "smoke", "dataset": "swir-hdr", "ngf": 2, "levels": 1})
    generator = build_generator(config)
    with torch.no_grad():
        generator.last[0].weight *= 0.002
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    checkpoint.save(path, generator.state_dict(), config, {})
    return path
