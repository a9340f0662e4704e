"""The weights that come with the package."""

from pathlib import Path

WEIGHTS = Path(__file__).parent / "weights" / "enhance.safetensors"
REAL_TIME = WEIGHTS.with_name("realtime.safetensors")  # what keeps a camera's pace: `nircore stream`
CARD = WEIGHTS.with_suffix(".md")
