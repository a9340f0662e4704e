"""The weights that ship: what the command promises on the animal that never trained, and how they are made."""

import re

import numpy as np
import pytest
import torch

from nircore import checkpoint, shipping, trust
from nircore.config import resolve
from nircore.models import build_generator
from nircore.shipped import CARD, REAL_TIME, WEIGHTS


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    config = resolve({"recipe": "physics", "profile": "smoke", "ngf": 2, "levels": 1, "data_root": "/home/somebody"})
    path = tmp_path_factory.mktemp("made") / "generator.safetensors"
    checkpoint.save_generator(path, build_generator(config), config, {"epoch": 3})
    return path


@pytest.mark.parametrize(("weights", "most"), [(WEIGHTS, 4_000_000), (REAL_TIME, 600_000)])
def test_the_shipped_weights_are_small_and_name_no_folder(weights, most):
    assert weights.stat().st_size <= most
    generator, config, _ = checkpoint.load_generator(weights)
    assert generator.halo
    assert (config.data_root, config.low_light, config.target, config.teacher) == ("", "", "", "")


def test_the_trust_map_that_ships_promises_nine_pixels_in_ten():
    assert trust.load(WEIGHTS).alpha == 0.1


def test_export_halves_the_size_and_keeps_the_numbers(small, tmp_path):
    place = tmp_path / "enhance.safetensors"
    config = shipping.export(small, place)
    assert config.data_root == "" and b"somebody" not in place.read_bytes()
    x = torch.randn(1, 1, 64, 64)
    before, after = (checkpoint.load_generator(path)[0] for path in (small, place))
    with torch.inference_mode():
        assert float((before(x) - after(x)).abs().max()) < 1e-2
    assert all(tensor.dtype == torch.float16 for tensor in checkpoint.load(place)[0].values())


def test_the_command_improves_the_animal_that_never_trained(swir_hdr):
    """Over the input, and over a Gaussian of the dark-subtracted input, in every filter; and the card says so."""
    table = shipping.scores(swir_hdr)
    assert len(table) == 5
    for metric in ("psnr", "ssim"):
        best = np.maximum(table[f"input_{metric}"], table[f"gaussian_{metric}"])
        assert (table[f"enhanced_{metric}"] > best).all()
    means = shipping.mean(table)
    assert means["enhanced_psnr"] > means["gaussian_psnr"] + 1 and means["input_psnr"] == pytest.approx(
        18.28, abs=0.01
    )
    row = re.search(r"mean without LP1250 \|.*\| (\S+) / (\S+) \|", CARD.read_text())
    assert float(row[1]) == pytest.approx(means["enhanced_psnr"], abs=0.02)
    assert float(row[2]) == pytest.approx(means["enhanced_ssim"], abs=0.002)


def test_the_small_generator_does_what_its_card_says(swir_hdr):
    means = shipping.mean(shipping.scores(swir_hdr, str(REAL_TIME)))
    row = re.search(r"as above:\s(\S+) / (\S+)\.\n", CARD.read_text())
    assert float(row[1]) == pytest.approx(means["enhanced_psnr"], abs=0.02)
    assert float(row[2]) == pytest.approx(means["enhanced_ssim"], abs=0.002)
    assert means["enhanced_psnr"] > means["gaussian_psnr"] + 1
