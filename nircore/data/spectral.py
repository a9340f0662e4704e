"""What a frame of a long-wavelength window would look like in a shorter one: the known half of a spectrum shift."""

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.filters import threshold_otsu

from nircore.data.camera import PEAK_RATE, Window, blur, point_spread
from nircore.losses.optics import Spread

SMOOTH_MM = 0.5  # before the body is told from its surroundings
FLAT_MM = 8.0  # depth below the skin from which the body glows as much as anywhere (as in the phantom's anatomy)


def silhouette(frame: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Return how thick the glowing tissue is, (H, W) float64, 0 outside the body and about 1 deep in it.

    The body is where the smoothed frame lies above Otsu's threshold of its logarithm: tissue with a little probe is
    several times as bright as the field around it, however bright the organs are.
    """
    smooth = np.log(np.clip(gaussian_filter(frame.astype(np.float64), SMOOTH_MM / pixel_mm), 1.0, None))
    inner = distance_transform_edt(smooth > threshold_otsu(smooth)) * pixel_mm
    return np.where(inner > 0, 0.5 + 0.5 * np.sqrt(1 - (1 - np.clip(inner / FLAT_MM, 0, 1)) ** 2), 0)


def spread(long: Window, short: Window, depth_mm: float, pixel_mm: float) -> Spread:
    """Return what must be done to a frame of the window `long` to blur it as `short` does, sigmas in px.

    The core widens by the difference of the windows' variances; the halo takes the light that the short window's
    takes more (`nircore.data.camera.point_spread`, with its [assumed] marks).
    """
    _, core, halo, share = point_spread(short, depth_mm)
    _, sharp, _, before = point_spread(long, depth_mm)
    more = max(0.0, (share - before) / (1 - before))
    return Spread(float(np.sqrt(max(0.0, core**2 - sharp**2))) / pixel_mm, halo / pixel_mm, more)


def shorten(rate: np.ndarray, long: Window, short: Window, depth_mm: float, pixel_mm: float) -> np.ndarray:
    """Turn what the sensor gets in the window `long` into what it gets in `short`, (H, W) electrons/s.

    All light is taken to come from one depth (the true ones are unknown: draw several). The core of the point spread
    widens by the difference of the windows' variances, a larger share of the light goes into the halo, transmission
    and the probe's emission change, and the tissue's autofluorescence is added over the `silhouette`.
    Optics: `nircore.data.camera.point_spread`, with its [assumed] marks.
    """
    transmission, before = point_spread(short, depth_mm)[0], point_spread(long, depth_mm)[0]
    core, halo, more = spread(long, short, depth_mm, pixel_mm)
    focused = gaussian_filter(rate, core, mode="nearest")
    veiled = gaussian_filter(rate, halo, mode="nearest", truncate=3.0)
    probe = ((1 - more) * focused + more * veiled) * (short.emission * transmission) / (long.emission * before)
    glow = blur(silhouette(rate, pixel_mm), short, 1.0, pixel_mm)
    return probe + PEAK_RATE * (short.autofluorescence - long.autofluorescence) * glow
