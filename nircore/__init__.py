"""nircore: the reproducible companion to unpaired NIR-II low-light enhancement (Hemadri et al., IJMTST 2026)."""

import importlib
import os
from typing import TYPE_CHECKING

from nircore.paths import VERSION as __version__

if TYPE_CHECKING:
    from companion.run import open_run
    from nircore.config import Config, resolve
    from nircore.data.frames import read_frame, write_frame
    from nircore.errors import NircoreError
    from nircore.inference.enhancer import enhance
    from nircore.metrics.no_reference import measure
    from nircore.metrics.with_truth import score
    from nircore.models import build_discriminator, build_generator
    from nircore.models.checkpoint import load_generator

#: Where each public name lives. It is loaded when first asked for: `import nircore` does not wait for torch.
_PLACES = {
    "Config": "nircore.config",
    "NircoreError": "nircore.errors",
    "build_discriminator": "nircore.models",
    "build_generator": "nircore.models",
    "enhance": "nircore.inference.enhancer",
    "load_generator": "nircore.models.checkpoint",
    "measure": "nircore.metrics.no_reference",
    "open_run": "companion.run",
    "read_frame": "nircore.data.frames",
    "resolve": "nircore.config",
    "score": "nircore.metrics.with_truth",
    "write_frame": "nircore.data.frames",
}
__all__ = [
    "Config",
    "NircoreError",
    "__version__",
    "build_discriminator",
    "build_generator",
    "enhance",
    "load_generator",
    "measure",
    "open_run",
    "read_frame",
    "resolve",
    "score",
    "write_frame",
]

# Before torch loads its OpenMP: waiting threads that spin for long starve whatever shares the cores with them. Two
# trainings side by side on two cores take 2.2 s a step with this and 16 s without; one alone takes 0.53 s either way.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def __getattr__(name: str) -> object:
    """Give a public name."""
    if name in _PLACES:
        return getattr(importlib.import_module(_PLACES[name]), name)
    raise AttributeError(f"module 'nircore' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
