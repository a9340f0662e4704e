"""nircore: the core of a reproducible companion to unpaired NIR-II low-light enhancement (Hemadri et al., IJMTST 2026).

The public names stand in `__init__.pyi`. Each is loaded when it is first asked for: `import nircore` does not wait for
torch.
"""

import os

import lazy_loader

from nircore.paths import VERSION as __version__  # noqa: F401

# Before torch loads its OpenMP: waiting threads that spin for long starve whatever shares the cores with them. Two
# trainings side by side on two cores take 2.2 s a step with this and 16 s without; one alone takes 0.53 s either way.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
