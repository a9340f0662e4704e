"""The models that come with the package."""

from pathlib import Path

from nircore.errors import NircoreError
from nircore.paths import PACKAGE

FOLDER = PACKAGE / "weights"
#: `best` is what `nircore enhance` uses, `realtime` what keeps a camera's pace: `nircore stream`.
MODELS = {name: FOLDER / f"{name}.safetensors" for name in ("best", "realtime")}
CARD = FOLDER / "model_card.md"


def weights_of(model: str) -> Path:
    """Return the file of a model that ships.

    Raises:
        NircoreError: there is no such model.
    """
    if model not in MODELS:
        raise NircoreError(f"model={model!r} does not ship with nircore: choose {' or '.join(MODELS)}.")
    return MODELS[model]
