"""A small network of its own for what is tested here, and frames to enhance."""

from pathlib import Path

import pytest
import torch

from nircore.config import resolve
from nircore.models import build_generator, checkpoint


@pytest.fixture(scope="session")
def weights(tmp_path_factory) -> Path:
    """A U-Net that nobody trained: it smooths, and adds a little of its own."""
    config = resolve({"recipe": "physics", "profile": "smoke", "ngf": 2, "levels": 1})
    generator = build_generator(config)
    with torch.no_grad():
        generator.last[0].weight *= 0.002
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    checkpoint.save_generator(path, generator, config, {})
    return path
