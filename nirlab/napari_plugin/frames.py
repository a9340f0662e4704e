"""What the widget computes: a layer's frames denoised one by one, and the layers that come of it.

A layer is the tuple (data, attributes, kind) of `napari.layers.Layer.as_layer_data_tuple`, so nothing here needs
napari.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from nircore import __version__
from nircore.data.stack import MIN_SIDE
from nircore.errors import NircoreError
from nircore.inference import conformal, trust
from nircore.inference.enhancer import Enhancer, telling
from nircore.inference.settings import Settings

#: What places a layer in the world: the result lies where its source does.
PLACE = ("scale", "translate", "rotate", "shear", "affine", "units", "axis_labels")
#: What makes equal numbers look equal, so that before and after can be compared by eye.
LOOK = ("colormap", "contrast_limits", "gamma")

Layer = tuple[Any, dict[str, Any], str]


@dataclass(frozen=True, eq=False)
class Result:
    """A layer's frames after the network.

    Attributes:
        image: like the layer's data, same shape and type, in DN.
        half_width: of the interval around each pixel, same shape, float32 in DN; None where it was not wanted.
        facts: of each frame, as `nircore.enhance` returns them.
        about: model, version, pedestal and, with a trust map, what its intervals mean.
    """

    image: np.ndarray
    half_width: np.ndarray | None
    facts: list[dict[str, Any]]
    about: dict[str, Any]

    def __str__(self) -> str:
        """Say what was done, and what the user should know of it."""
        lines = [f"{len(self.facts)} frame{'s' * (len(self.facts) != 1)} denoised with {self.about['model']}."]
        if blank := sum(facts["blank"] for facts in self.facts):
            lines.append(f"{blank} blank, left as they were.")
        if clipped := sum(facts["clipped"] for facts in self.facts):
            lines.append(f"{clipped} pixels were outside the range of {self.image.dtype} and were clipped.")
        if assumed := sorted({facts["assumed"] for facts in self.facts} - {""}):
            lines.append(f"Assumed: {assumed[0]}.")
        return " ".join(lines)


def checked(layer: Layer | None) -> Any:
    """Return a layer's data at full size, (..., H, W), not loaded.

    Raises:
        NircoreError: there is no layer, or it holds no frames: labels, colours, other numbers, too few pixels.
    """
    if layer is None:
        raise NircoreError("No layer is selected: select one image layer in the layer list.")
    data, attributes, kind = layer
    name = attributes["name"]
    if kind != "image":
        raise NircoreError(f"Layer {name!r} holds {kind}: select an image layer, as the camera gave it.")
    if attributes.get("rgb"):
        raise NircoreError(f"Layer {name!r} is in colour: NIR-II frames have one channel, so split it first.")
    data = data[0] if attributes.get("multiscale") else data
    if data.dtype.kind not in "uif":
        raise NircoreError(f"Layer {name!r} holds {data.dtype}: convert it to integers or real numbers.")
    if len(data.shape) < 2 or min(data.shape[-2:]) < MIN_SIDE or 0 in data.shape:
        size = " x ".join(map(str, data.shape))
        raise NircoreError(f"Layer {name!r} is {size}: its last two axes are the frame, {MIN_SIDE} px or more each.")
    return data


def dark_of(layer: Layer | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return a dark layer as one frame (H, W) float32 in DN, the mean of those it holds; None without a layer.

    Raises:
        NircoreError: as `checked`, or it has another size than the frames of `shape` (..., H, W).
    """
    if layer is None:
        return None
    data = checked(layer)
    if data.shape[-2:] != shape[-2:]:
        raise NircoreError(
            f"Dark {layer[1]['name']!r} is {data.shape[-2]} x {data.shape[-1]} px and the frames are "
            f"{shape[-2]} x {shape[-1]}: use those of one camera."
        )
    return np.asarray(data, dtype=np.float32).reshape(-1, *shape[-2:]).mean(axis=0)


def denoise(
    data: Any, model: str = "best", dark: np.ndarray | None = None, with_trust: bool = False, temporal: str = ""
) -> Generator[int, None, Result]:
    """Denoise frames (..., H, W) as `nircore.enhance` does, and yield how many steps of `steps` are done.

    Frame by frame, so that the caller may show how far it is, or stop; frames of `data` are read one at a time.

    Args:
        data: anything with shape, dtype and indices: numpy, dask, zarr.
        model: "best" or "realtime".
        dark: a frame (H, W) in DN to subtract.
        with_trust: whether half-widths are wanted; they take eight passes of the network a frame.
        temporal: as `Settings` has it, for frames (T, H, W).

    Raises:
        NircoreError: a frame holds NaN or infinite values, or `temporal` is asked of what is no movie.
    """
    if temporal and len(data.shape) != 3:
        raise NircoreError(
            f"temporal needs a movie (T, Y, X), and the layer has {len(data.shape)} axes: leave it out."
        )
    enhancer = Enhancer(Settings(model=model, temporal=temporal), dark)
    places = list(np.ndindex(*data.shape[:-2]))
    calibration = conformal.load(enhancer.weights) if with_trust else None

    def signal(place: tuple[int, ...]) -> np.ndarray:
        """Return a frame above its dark."""
        return enhancer.signal(_frame(data, place), None)

    camera = enhancer.camera([signal(places[k]) for k in telling(len(places))])
    engine, network = enhancer.network_for(len(places))
    image, half_width = np.empty(data.shape, data.dtype), np.zeros(data.shape, np.float32)
    facts, dtype = [], np.dtype(data.dtype).newbyteorder("=")
    made = enhancer.movie(lambda index: _frame(data, places[index]), len(places), dtype, camera, network)
    for place, (image[place], found) in zip(places, made, strict=True):
        facts.append(found | {"engine": engine})
        yield len(facts) * (1 + with_trust) - with_trust
        if calibration:
            if not found["blank"]:
                half_width[place] = trust.trust_map(enhancer.generator, signal(place), calibration).half_width
            yield 2 * len(facts)
    return Result(image, half_width if calibration else None, facts, _about(enhancer, calibration))


def _about(enhancer: Enhancer, calibration: conformal.Calibration | None) -> dict[str, Any]:
    """Return what a result says of how it was made."""
    settings = enhancer.settings
    about = {"model": settings.model, "version": __version__, "pedestal_dn": enhancer.pedestal_dn}
    about |= {"temporal": settings.temporal} if settings.temporal else {}
    return about | ({"trust": calibration.sentence()} if calibration else {})


def steps(shape: tuple[int, ...], with_trust: bool) -> int:
    """Return how many steps `denoise` takes for frames of a shape (..., H, W).

    >>> steps((5, 2, 640, 512), with_trust=True)
    20
    """
    return int(np.prod(shape[:-2], dtype=int)) * (1 + with_trust)


def _frame(data: Any, place: tuple[int, ...]) -> np.ndarray:
    pixels = np.asarray(data[place], dtype=np.float32)
    if not np.isfinite(pixels).all():
        where = f"Frame {place}" if place else "The frame"
        raise NircoreError(f"{where} holds NaN or infinite values: repair them, or leave it out.")
    return pixels


def layers_of(layer: Layer, result: Result) -> list[Layer]:
    """Return what is added to the viewer: the denoised frames and, where wanted, the trust map, at their source."""
    _, attributes, _ = layer
    place = {key: attributes[key] for key in PLACE if key in attributes}
    look = {key: attributes[key] for key in LOOK if key in attributes}
    told = {"metadata": {**attributes.get("metadata", {}), "nircore": result.about | {"frames": result.facts}}}
    name = attributes["name"]
    made: list[Layer] = [(result.image, {"name": f"{name} denoised"} | place | look | told, "image")]
    if result.half_width is not None:
        top = float(np.percentile(result.half_width, 99.5)) or 1.0
        shown = {"colormap": "magma", "contrast_limits": (0.0, top), "opacity": 0.6}
        made.append((result.half_width, {"name": f"{name} trust, ± DN"} | place | shown | told, "image"))
    return made
