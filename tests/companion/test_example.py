"""Notebook 11 on files as labs have them: what it refuses, what it leaves out, and that the others go on."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from companion import example
from nircore.errors import NircoreError


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"folder": "x"}, "folder='x': Extra inputs.*notebook 11 has frames_folder"),
        ({"exposure": 0.02}, "exposure=0.02: Extra inputs"),
        ({"exposure_s": "20ms"}, "exposure_s='20ms': Input should be a valid number"),
        ({"weights": 7}, "weights=7: Input should be a valid string"),
    ],
)
def test_a_parameter_that_it_does_not_have_is_refused(given: dict, words: str) -> None:
    with pytest.raises(NircoreError, match=words):
        example.check(given)


def test_its_own_parameters_are_taken() -> None:
    example.check({"frames_folder": "a b µ", "dark_folder": "", "exposure_s": None, "weights": ""})
    example.check({"exposure_s": 0.02})


def test_a_bad_file_is_named_and_the_others_are_listed(tmp_path: Path) -> None:
    for k in range(2):
        pixels = np.arange(480, dtype=np.uint16).reshape(20, 24)
        tifffile.imwrite(tmp_path / f"m{k}.tif", pixels, photometric="minisblack")
    (tmp_path / "bad.tif").write_bytes(b"nothing")
    said: list[str] = []
    table = example.listing(tmp_path, said.append)
    assert [Path(name).name for name in table["file"]] == ["m0.tif", "m1.tif"]
    assert len(said) == 1 and "bad.tif" in said[0]
