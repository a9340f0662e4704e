"""Mutated files: each is refused in one sentence or enhanced complete, every frame of it; nothing crashes.

NIRCORE_FUZZ says how many are tried (200 without it; thousands before a release). The originals are real frames where
they are at hand, cut to a corner, and made ones in every container.
"""

import os
import random
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import tifffile

from nircore.data.containers import opened
from nircore.data.frames import read_frame
from nircore.errors import NircoreError
from nircore.inference.settings import Settings
from nircore.lab.run import enhance_files
from tests.lab.made import frames
from tests.lab.test_enhance_command import write

pytestmark = pytest.mark.slow

TRIED = int(os.environ.get("NIRCORE_FUZZ", "200"))
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


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_are_enhanced_or_refused(weights, tmp_path: Path, request) -> None:
    rng, settings = random.Random(int(os.environ.get("NIRCORE_FUZZ_SEED", "0"))), Settings(str(weights))
    made, refused, incomplete, sources = 0, 0, [], originals(tmp_path / "seeds", request)
    for number in range(TRIED):
        source = sources[number % len(sources)]
        bad, out, lines = tmp_path / f"x{source.suffix}", tmp_path / "out", []
        bad.write_bytes(mutated(source.read_bytes(), rng))
        tally = enhance_files([str(bad)], out, settings, say=lines.append)
        assert tally.made + tally.bad == 1 and len(lines) == 1 and "\n" not in lines[0], (number, lines)
        visible = [path for path in out.iterdir()]
        if tally.bad:
            assert visible == [] and str(bad) in lines[0].replace(str(out / bad.name), str(bad)), (number, lines)
            refused += 1
        else:
            with opened(bad) as before, opened(out / bad.name) as after:
                assert (before.stored, before.dtype) == (after.stored, after.dtype), number
                assert np.isfinite(after.read(after.pages - 1).astype(float)).all()
                if before.shape != (40, 48) or before.pages < (1 if source.suffix == ".png" else 2):
                    incomplete.append(number)
            made += 1
        shutil.rmtree(out)
    print(f"{TRIED} mutated files tried: {made} enhanced, {len(incomplete)} of them incomplete, {refused} refused")
    assert incomplete == []
    assert made + refused == TRIED and min(made, refused) > TRIED // 10


def test_mutations_do_mutate() -> None:
    rng, data = random.Random(0), struct.pack("<500I", *range(500))
    assert sum(mutated(data, rng) != data for _ in range(100)) > 90


def test_a_bug_would_be_seen(weights, tmp_path: Path, monkeypatch) -> None:
    """An exception that is not a sentence is no line: it ends the run, and the test above."""
    monkeypatch.setattr("nircore.lab.job.window_mean", lambda *_: 1 / 0)
    source = write(tmp_path / "a.tif", frames())
    with pytest.raises(ZeroDivisionError):
        enhance_files([str(source)], tmp_path / "out", Settings(str(weights)), say=lambda line: None)
    assert issubclass(NircoreError, Exception)
