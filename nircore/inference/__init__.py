"""A frame in, the same frame enhanced out: same size, same linear scale.

`frame` takes a generator and a frame above the dark; `arrays` is `nircore.enhance`, with the shipped models, darks
and engines; `trust` says where not to trust the result.
"""

from nircore.inference.frame import NOISE, RANGE, Fit, enhance, fitted, prepare, repeat, seen, translate

__all__ = ["NOISE", "RANGE", "Fit", "enhance", "fitted", "prepare", "repeat", "seen", "translate"]
