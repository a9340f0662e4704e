"""Which places of a frame to ask about: a vessel, a lesion or the brightest spot, and the background."""

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter, label
from skimage.filters import sato

from companion.study.explain import CONTRAST, TEXTURE
from nircore.metrics.structure import vessel_mask

RADIUS = 8.0  # px: a vessel is a piece of it, a spot and the background are discs so large
EDGE = 24  # px: nothing is asked about so near to the border
SPOT = 6.0  # px: sigma of the spot looked for

Region = tuple[np.ndarray, str]


def disc(shape: tuple[int, int], centre: tuple[int, int], radius: float = RADIUS) -> np.ndarray:
    """Return a disc as (H, W) bool."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 <= radius**2


def choose(clean: np.ndarray, lesion: np.ndarray | None = None) -> dict[str, Region]:
    """Choose regions on a frame (H, W) with as little noise as there is: by name, (H, W) bool and the kind of number.

    - vessel: the stretch of `structure.vessel_mask` that stands out most, away from lesion and spot;
    - lesion, where its mask is known, else "bright spot": the disc that stands out most from what is around it;
    - background: the disc that is darkest.
    """
    inside = np.zeros(clean.shape, dtype=bool)
    edge = min(EDGE, min(clean.shape) // 4)
    inside[edge:-edge, edge:-edge] = True
    clean = clean.astype(np.float64)
    stands_out = gaussian_filter(clean, SPOT) - gaussian_filter(clean, 3 * SPOT)
    if lesion is not None and lesion.any():
        name, spot = "lesion", lesion
    else:
        name, spot = "bright spot", disc(clean.shape, _place(stands_out, inside))
    vessels = vessel_mask(clean)
    # Ridges, not brightness, and summed along the vessel: a lymph node or a bright dot is none.
    ridges = gaussian_filter(sato(clean, sigmas=[2.0], black_ridges=False) * vessels, RADIUS)
    apart = inside & vessels & (distance_transform_edt(~spot) > 2 * RADIUS)
    chosen: dict[str, Region] = {name: (spot, CONTRAST)}
    if apart.any():
        centre = _place(ridges, apart)
        pieces, _ = label(vessels & disc(clean.shape, centre), structure=np.ones((3, 3)))
        chosen = {"vessel": (pieces == pieces[centre], CONTRAST)} | chosen
    dark = _place(-gaussian_filter(clean, RADIUS), inside)
    return chosen | {"background": (disc(clean.shape, dark), TEXTURE)}


def _place(score: np.ndarray, where: np.ndarray) -> tuple[int, int]:
    """Return the pixel of a mask with the highest score."""
    row, column = np.unravel_index(int(np.argmax(np.where(where, score, -np.inf))), score.shape)
    return int(row), int(column)
