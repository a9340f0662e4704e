"""nircore: the reproducible companion to unpaired NIR-II low-light enhancement (Hemadri et al., IJMTST 2026)."""

import os

__version__ = "0.2.0"

# Before torch loads its OpenMP: waiting threads that spin for long starve whatever shares the cores with them. Two
# trainings side by side on two cores take 2.2 s a step with this and 16 s without; one alone takes 0.53 s either way.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")


def __getattr__(name: str) -> object:
    """Give `nircore.enhance`, loaded when first asked for: it needs torch, and `import nircore` should not wait."""
    if name == "enhance":
        from nircore.inference.enhancer import enhance

        return enhance
    raise AttributeError(f"module 'nircore' has no attribute {name!r}")
