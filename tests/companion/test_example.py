"""Notebook 11 on files as labs have them: what it refuses, what it leaves out, and that the others go on."""

from pathlib import Path

import pytest
import tifffile

from companion import example
from nircore.errors import NircoreError
from tests.lab.made import frames


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"folder": "x"}, "Unknown parameter 'folder': notebook 11 has frames_folder"),
        ({"exposure": 0.02}, "Unknown parameter 'exposure'"),
        ({"exposure_s": "20ms"}, "exposure_s='20ms' is not accepted: give float or int"),
        ({"weights": 7}, "weights=7 is not accepted: give str"),
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
        tifffile.imwrite(tmp_path / f"m{k}.tif", frames()[0], photometric="minisblack")
    (tmp_path / "bad.tif").write_bytes(b"nothing")
    said: list[str] = []
    table = example.listing(tmp_path, said.append)
    assert [Path(name).name for name in table["file"]] == ["m0.tif", "m1.tif"]
    assert len(said) == 1 and "bad.tif" in said[0]
