"""`nircore.enhance`: arrays of frames in detector units in, the same arrays enhanced out."""

from pathlib import Path
from typing import Any

import numpy as np

from nircore.data.stack import MIN_SIDE
from nircore.errors import NircoreError
from nircore.inference.enhancer import Enhancer, enhancer_for, telling
from nircore.inference.settings import Settings
from nircore.inference.threads import one_pool


def enhance(
    frames: np.ndarray,
    *,
    model: str = "best",
    weights: str | Path = "",
    engine: str = "auto",
    dark: np.ndarray | str | Path | None = None,
    exposure: float | None = None,
    pedestal: float | None = None,
    average: int = 1,
    gain: float | None = None,
    read_noise: float | None = None,
    temporal: str = "",
    keep_spots: bool = False,
    details: bool = False,
) -> Any:
    """Enhance frames (H, W) or (..., H, W) in linear detector units; same shape, same dtype, same scale.

    All frames of a call are taken for those of one camera at one setting: its noise is read off a few of them.

    Args:
        frames: integers or real numbers, each frame at least 16 x 16.
        model: "best", or "realtime" for a camera's pace.
        weights: a generator's file, in place of a model that ships with the package.
        engine: what runs the network, of `nircore.inference.engines.ENGINES`; "auto": the fastest that is installed,
            once so many frames were enhanced, in one call or in several, that its start is won back; before, the one
            that starts at once. The engines' results are equal to rounding.
        dark: a dark frame (H, W) of numbers in DN, or the path of one or of a folder of them at several exposures.
        exposure: seconds, to choose the dark in a folder.
        pedestal: DN that the output is raised by where a dark is subtracted; without, the median of the dark.
        average: the mean of so many frames (along the flattened leading axes) comes before the network.
        gain, read_noise: of the camera, e-/DN and DN; without, read off the frames.
        temporal: "causal" lets each frame rest on those before it (along the flattened leading axes) where nothing
            changes, "both" on those after it too; see `nircore.inference.temporal`.
        keep_spots: single bright pixels that are shaped as the optics' spot are signal: beads, speckles.
        details: return (frames, list of facts of each frame) instead; see `Enhancer.__call__`; each also names the
            `engine`.

    Raises:
        NircoreError: frames that are not finite, in colour or too small, a dark that is neither a frame nor a
            path, or as `Settings` and `Enhancer` say.
    """
    frames = np.asarray(frames)
    _check(frames)
    path, given = _dark(dark)
    of_camera = gain, read_noise, temporal, keep_spots
    settings = Settings(str(weights), path, exposure, pedestal, average, model, engine, *of_camera)
    enhancer = enhancer_for(settings) if given is None else Enhancer(settings, given)
    arrays, facts = _movie(enhancer, frames.reshape(-1, *frames.shape[-2:]))
    enhanced = arrays.reshape(frames.shape).astype(frames.dtype)
    return (enhanced, facts) if details else enhanced


def _movie(enhancer: Enhancer, stack: np.ndarray) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Enhance frames (N, H, W) as one movie; return them in native byte order, and the facts of each."""

    def frame(page: int) -> np.ndarray:
        """Return a frame, or the mean around it."""
        return window_mean(stack, page, enhancer.settings.average)

    with one_pool():
        told = telling(len(stack)) if len(stack) > 1 else []  # one frame tells its camera on its way
        camera = enhancer.camera([enhancer.signal(frame(page), None) for page in told])
        name, network = enhancer.network_for_more(len(stack))
        results = list(enhancer.movie(frame, len(stack), stack.dtype.newbyteorder("="), camera, network))
    return np.stack([array for array, _ in results]), [facts | {"engine": name} for _, facts in results]


def _dark(dark: Any) -> tuple[str, np.ndarray | None]:
    """Return a dark's path, or the frame that was handed over."""
    if dark is None or isinstance(dark, (str, Path)):
        return str(dark or ""), None
    try:
        frame = np.asarray(dark, dtype=np.float32)  # lists and tensors of numbers too
    except (TypeError, ValueError) as error:
        raise NircoreError(f"dark is a {type(dark).__name__}: pass a frame (H, W) in DN, or a path.") from error
    if frame.ndim != 2 or not np.isfinite(frame).all():
        raise NircoreError(f"dark has shape {frame.shape}: pass one finite frame (H, W) in DN, or a path.")
    return "", frame


def window_mean(stack: Any, page: int, average: int) -> np.ndarray:
    """Return the mean of the `average` frames around a page, float32 (H, W); fewer at the ends of the stack."""
    if average == 1:
        return np.asarray(stack[page], dtype=np.float32)
    first, last = max(0, page - average // 2), min(len(stack), page + average // 2 + 1)
    with np.errstate(over="ignore"):
        return np.mean([np.asarray(stack[k], dtype=np.float32) for k in range(first, last)], axis=0)


def _check(frames: np.ndarray) -> None:
    if frames.ndim < 2 or min(frames.shape[-2:]) < MIN_SIDE or frames.size == 0:
        raise NircoreError(f"frames has shape {frames.shape}: pass (H, W) or (..., H, W), both {MIN_SIDE} or more.")
    if frames.dtype.kind not in "uif":
        raise NircoreError(f"frames holds {frames.dtype}: pass integers or real numbers.")
    if frames.dtype.kind == "f" and not np.isfinite(frames).all():
        raise NircoreError("frames holds NaN or infinite values: repair them, or leave those frames out.")
