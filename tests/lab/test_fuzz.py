"""Mutated files: each is refused in one sentence or enhanced complete, every frame of it; nothing crashes.

NIRCORE_FUZZ says how many are tried (200 without it; thousands before a release), NIRCORE_FUZZ_FROM the first number
and NIRCORE_FUZZ_SEED the seed: both together name a file. `pytest -s` shows the tally at every thousandth, and what
crashed or was accepted incomplete is kept. The originals are real frames where they are at hand, cut to a corner, and
made ones in every container.
"""

import os
import random
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nircore.data.frames import read_frame
from nircore.inference.settings import Settings
from nirlab.enhance import enhance_files
from nirlab.formats.containers import opened
from nirlab.result import Order
from tests.lab.made import frames, result_of, write

pytestmark = pytest.mark.slow

TRIED, FIRST = int(os.environ.get("NIRCORE_FUZZ", "200")), int(os.environ.get("NIRCORE_FUZZ_FROM", "0"))
SEED = int(os.environ.get("NIRCORE_FUZZ_SEED", "0"))
OUTCOMES = ("enhanced", "refused", "incomplete", "crashed")
EVIL = [0, 1, 2, 3, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**40, 2**63 - 1, 2**64 - 1]


def mutated(data: bytes, rng: random.Random) -> bytes:
    """Cut, flip, overwrite, repeat or splice a file's bytes, mostly where its header is."""
    body = bytearray(data)
    for _ in range(rng.choice([1, 1, 1, 2, 5])):
        near = rng.random() < 0.7
        place = rng.randrange(min(len(body), 400) if near else len(body)) if body else 0
        kind = rng.randrange(6)
        if kind == 0 and body:
            body[place] ^= 1 << rng.randrange(8)
        elif kind == 1:
            size = rng.choice([2, 4, 8])
            value = rng.choice(EVIL) % 2 ** (8 * size)
            body[place : place + size] = value.to_bytes(size, rng.choice(["little", "big"]))
        elif kind == 2:
            del body[rng.randrange(len(body) + 1) :]
        elif kind == 3:
            del body[place : place + rng.randrange(1, 64)]
        elif kind == 4:
            body[place:place] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 64)))
        else:
            other = rng.randrange(len(body) + 1)
            body[place : place + 32] = body[other : other + 32]
    return bytes(body)


def originals(folder: Path, request: pytest.FixtureRequest) -> list[Path]:
    try:
        real = [
            read_frame(path).pixels for path in sorted(request.getfixturevalue("swir_hdr").glob("qd/*/*_0020ms.tif"))
        ]
        stack = np.stack([pixels[200:240, 200:248] for pixels in real[:2]]).astype(np.uint16)
    except pytest.skip.Exception:
        stack = frames(2)
    files = [write(folder / f"a{suffix}", stack) for suffix in (".tif", ".png", ".h5", ".npy")]
    tifffile.imwrite(folder / "b.tif", stack, ome=True, compression="zlib", metadata={"axes": "TYX"})
    tifffile.imwrite(folder / "c.tif", stack, imagej=True, metadata={"axes": "TYX"})
    tifffile.imwrite(
        folder / "d.tif", stack, bigtiff=True, byteorder=">", compression="lzw", photometric="minisblack"
    )
    tifffile.imwrite(folder / "e.tif", stack.astype("float32"), tile=(16, 16), photometric="miniswhite")
    tifffile.imwrite(folder / "f.tif", stack, metadata=None, photometric="minisblack")
    return [*files, *(folder / f"{name}.tif" for name in "bcdef")]


def outcome(number: int, source: Path, folder: Path, settings: Settings) -> str:
    """Mutate an original, enhance it, and say which of `OUTCOMES` came of it; what crashed is printed."""
    rng = random.Random(f"{SEED} {number}")  # each number alone makes its file again
    bad, out, lines = folder / f"x{source.suffix}", folder / "out", []
    bad.write_bytes(mutated(source.read_bytes(), rng))
    shutil.rmtree(out, ignore_errors=True)
    try:
        (came,) = enhance_files([str(bad)], Order(out, settings), say=lines.append)
        target = result_of(bad, out)
        doubted = came.made and "to be doubted" in lines[-1]  # an error beside a result
        assert (came.made != came.failed or doubted) and len(lines) == 1 + doubted and "\n" not in "".join(lines), (
            lines
        )
        if not came.made:
            assert list(out.iterdir()) == [] and str(bad) in lines[0].replace(str(target), str(bad)), lines
            return "refused"
        with opened(bad) as before, opened(target) as after:
            assert (before.pages, before.shape, before.dtype) == (after.pages, after.shape, after.dtype)
            assert np.isfinite(after.read(after.pages - 1).astype(float)).all()
            whole = before.shape == (40, 48) and before.pages >= (1 if source.suffix == ".png" else 2)
            return "enhanced" if whole else "incomplete"
    except Exception as error:
        print(f"number {number}, of {source.name}: {type(error).__name__}: {error}", flush=True)
        return "crashed"


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_are_enhanced_or_refused(weights, tmp_path: Path, request) -> None:
    sources, settings = originals(tmp_path / "seeds", request), Settings(str(weights))
    came, kept = Counter(dict.fromkeys(OUTCOMES, 0)), tmp_path / "kept"
    kept.mkdir()
    for number in range(FIRST, FIRST + TRIED):
        source = sources[number % len(sources)]
        came[one := outcome(number, source, tmp_path, settings)] += 1
        if one in ("incomplete", "crashed"):
            shutil.copy(tmp_path / f"x{source.suffix}", kept / f"{one}_{SEED}_{number}{source.suffix}")
        if (number + 1 - FIRST) % 1000 == 0 or number + 1 == FIRST + TRIED:
            tried = f"{number + 1 - FIRST} of {TRIED} mutated files from number {FIRST}, seed {SEED}"
            print(f"{tried}: {dict(came)}", flush=True)
    assert came["crashed"] == came["incomplete"] == 0, f"see {kept}"
    assert min(came["enhanced"], came["refused"]) > TRIED // 10


def test_a_bug_would_be_seen(weights, tmp_path: Path, monkeypatch) -> None:
    """An exception that is not a sentence is no line: it ends the run, and the test above."""
    monkeypatch.setattr("nirlab.movie.check_pixels", lambda *_: 1 / 0)
    source = write(tmp_path / "a.tif", frames())
    with pytest.raises(ZeroDivisionError):
        enhance_files([str(source)], Order(tmp_path / "out", Settings(str(weights))), say=lambda line: None)
