"""The weights that come with the package."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights" / "enhance.safetensors"
CARD = WEIGHTS.with_suffix(".md")
