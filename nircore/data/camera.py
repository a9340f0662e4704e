"""From an anatomy to the frame a camera writes: tissue optics, light, and an InGaAs sensor.

Numbers marked [measured] were read off real 640 x 512 InGaAs mouse frames (the SWIR_HDR set), [read] come from
the named source, [assumed] are modelling assumptions of this project, chosen to look and measure like those frames.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from nircore.data.phantom import Anatomy

SKIN_A, SKIN_B = 46.0, 1.421  # per cm, and the exponent: Jacques, Phys. Med. Biol. 58 (2013) R37 [read]
LOST = 0.1  # share of a reduced scattering's light that leaves the camera's view for good [assumed]
GAIN_E_PER_DN = 2.35  # of the SWIR_HDR camera [measured: 2.0-2.7 by `nircore.data.noise`]
CAMERA_SEED = 20  # one camera takes all frames: its fixed pattern never changes


def reduced_scattering(wavelength_nm: float) -> float:
    """Return skin's reduced scattering coefficient in 1/cm: a (lambda / 500 nm)^-b (Jacques 2013).

    >>> [round(reduced_scattering(w), 1) for w in (1000, 1300, 1600)]
    [17.2, 11.8, 8.8]
    """
    return SKIN_A * (wavelength_nm / 500) ** -SKIN_B


@dataclass(frozen=True)
class Window:
    """A spectral window: centre wavelength, what absorbs in it, and how much the animal itself glows.

    Attributes:
        centre_nm: where the scattering is evaluated.
        absorption: mean absorption of wet tissue in 1/cm; water dominates beyond 1400 nm [assumed].
        autofluorescence: glow of the body, as a share of the brightest organ [assumed].
        emission: photons per second of the probe relative to NIR-IIa [assumed].
        scattering: how many times as strong as in skin; other than 1 for those who know the tissue badly.
    """

    centre_nm: float
    absorption: float
    autofluorescence: float
    emission: float
    scattering: float = 1.0

    @property
    def scattering_per_mm(self) -> float:
        """Return the reduced scattering coefficient mu_s' in 1/mm."""
        return self.scattering * reduced_scattering(self.centre_nm) / 10

    @property
    def absorption_per_mm(self) -> float:
        """Return the absorption coefficient mu_a in 1/mm."""
        return self.absorption / 10


WINDOWS = {
    "NIR-IIa": Window(centre_nm=1150.0, absorption=0.8, autofluorescence=0.100, emission=1.0),
    "NIR-IIb": Window(centre_nm=1600.0, absorption=5.0, autofluorescence=0.004, emission=1.3),
}


def transmission(window: Window, depth_mm: float) -> float:
    """Return the share of light from a depth that is neither absorbed nor scattered out of view, 0 to 1.

    [assumed] Lambert and Beer: exp(-(mu_a + LOST mu_s') depth), both coefficients in 1/mm, so that the exponent has
    no unit and grows linearly with depth. LOST is chosen for the depth of organs and deep vessels: at 1.5 to 2 mm
    between 2 % less and 6 % more light comes out than up to version 0.2, whose loss by scattering grew as depth
    squared (0.06 mu_s' depth^2, a number with a unit).
    """
    return float(np.exp(-(window.absorption_per_mm + LOST * window.scattering_per_mm) * depth_mm))


def point_spread(window: Window, depth_mm: float) -> tuple[float, float, float, float]:
    """Return how light from a depth spreads: (share that arrives, core sigma mm, halo sigma mm, halo share).

    [assumed] A sharp core and a wide halo, both growing with the optical depth t = mu_s' x depth; the halo takes
    1 - exp(-0.5 t) of the light, and loses some of it to absorption on its longer way, which is why a window with
    more water absorption has the better contrast (Carr et al., PNAS 115 (2018) 9080; Feng et al. 2021 [read]).
    """
    optical = window.scattering_per_mm * depth_mm
    core, halo = 0.06 + 0.11 * optical, 0.6 + 1.3 * optical
    multiply = (1 - np.exp(-0.5 * optical)) * np.exp(-window.absorption_per_mm * 2.5 * halo)
    single = np.exp(-0.5 * optical)
    arrives = single + multiply
    return float(transmission(window, depth_mm) * arrives), core, halo, float(multiply / arrives)


def blur(emission: np.ndarray, window: Window, depth_mm: float, pixel_mm: float) -> np.ndarray:
    """Spread and attenuate a layer's emission (H, W); away from the borders all but the transmission is conserved.

    Beyond a border the layer is taken to go on as it is there: the animal's head lies outside the field, not nowhere.
    """
    light, core, halo, share = point_spread(window, depth_mm)
    sharp = gaussian_filter(emission, core / pixel_mm, mode="nearest")
    wide = gaussian_filter(emission, halo / pixel_mm, mode="nearest", truncate=3.0)
    return light * ((1 - share) * sharp + share * wide)


# Electrons/s of emission 1 that loses nothing: 213 DN in 20 ms, so that frames peak at 95-160 DN [measured: 60-200].
PEAK_RATE = 25_000.0
STRAY_SHARE = 0.008  # stray light as a share of the peak, most in the corners: up to ~40 DN at 320 ms [measured]
GLARE = 0.02  # light the lens spreads over the field, the only light of the animal seen outside its skin [assumed]


def radiance(anatomy: Anatomy, window: Window) -> np.ndarray:
    """Return what reaches the sensor: (H, W) float32, electrons per second and pixel.

    Layers are blurred by their depth, autofluorescence is added, illumination falls off towards the edges, light
    leaves through skin alone, the lens veils the field with a little of it, and stray light lies over the corners.
    """
    light = sum(blur(emission, window, depth, anatomy.pixel_mm) for emission, depth in anatomy.layers)
    glow = window.autofluorescence * blur(anatomy.thickness, window, 1.0, anatomy.pixel_mm)
    y, x = (np.linspace(-1, 1, side) for side in light.shape)
    radius2 = y[:, None] ** 2 + x[None, :] ** 2
    field = (window.emission * light + glow) * np.exp(-0.12 * radius2) * anatomy.surface
    veil = GLARE * gaussian_filter(field, 6.0 / anatomy.pixel_mm, truncate=2.5)
    return (PEAK_RATE * (field + veil + STRAY_SHARE * (0.6 + 0.4 * radius2))).astype(np.float32)


@dataclass(frozen=True)
class Sensor:
    """An InGaAs camera: its units are in the field names (dn: digital numbers).

    Gain, read noise, dark current, pedestal and saturation are [measured]; the sizes of the fixed patterns and the
    response non-uniformity are [assumed] within what the dark frames show.
    """

    gain_e_per_dn: float = GAIN_E_PER_DN
    read_noise_dn: float = 11.6  # with dark current, rows and rounding 11.7 DN in the dark at 20 ms
    dark_dn_per_s: float = 185.0
    pedestal_dn: float = 1110.0
    column_dn: float = 2.5
    pixel_dn: float = 5.0
    row_noise_dn: float = 0.8
    response_sd: float = 0.008
    hot_fraction: float = 2e-4
    saturation_dn: float = 4900.0

    def pattern(self, part: int) -> np.random.Generator:
        """Return the generator of one fixed pattern: always the same, for it is always the same camera."""
        return np.random.default_rng([CAMERA_SEED, part])


def dark_level(exposure_s: float, shape: tuple[int, int], sensor: Sensor) -> np.ndarray:
    """Return the expected dark frame in DN, (H, W) float32: what the mean of very many dark frames tends to.

    Pedestal, dark current, and the fixed pattern of columns, pixels and hot pixels.
    """
    columns = sensor.pattern(0).normal(0, sensor.column_dn, shape[1])
    pixels = sensor.pattern(1).normal(0, sensor.pixel_dn, shape)
    current = dark_current(shape, sensor) * exposure_s
    level = sensor.pedestal_dn + columns + pixels + current
    return np.minimum(level, sensor.saturation_dn).astype(np.float32)  # a hot pixel saturates in the dark as well


def dark_current(shape: tuple[int, int], sensor: Sensor) -> np.ndarray:
    """Return the dark current in DN/s, (H, W): uniform but for the hot pixels."""
    hot = sensor.pattern(2).random(shape) < sensor.hot_fraction
    return sensor.dark_dn_per_s * (1 + hot * sensor.pattern(3).exponential(6, shape))


def response(shape: tuple[int, int], sensor: Sensor) -> np.ndarray:
    """Return each pixel's relative sensitivity, (H, W) float32 around 1 (photo-response non-uniformity)."""
    return (1 + sensor.pattern(4).normal(0, sensor.response_sd, shape)).astype(np.float32)


def expected_dn(electrons_per_s: np.ndarray, exposure_s: float, sensor: Sensor | None = None) -> np.ndarray:
    """Return the noise-free signal above the dark, (H, W) float32 in DN: the truth a frame is judged by."""
    return (electrons_per_s * (exposure_s / (sensor or Sensor()).gain_e_per_dn)).astype(np.float32)


def expose(
    electrons_per_s: np.ndarray, exposure_s: float, rng: np.random.Generator, sensor: Sensor | None = None
) -> np.ndarray:
    """Take a raw frame: (H, W) uint16 in DN, pedestal included.

    Photon and dark-current shot noise (Poisson, in electrons), read noise, row noise, the sensor's fixed patterns;
    clipped at saturation, never wrapped.
    """
    sensor = sensor or Sensor()
    shape = electrons_per_s.shape
    signal = electrons_per_s * response(shape, sensor) * exposure_s
    dark = dark_current(shape, sensor) * exposure_s * sensor.gain_e_per_dn
    shot = (rng.poisson(signal + dark) - dark) / sensor.gain_e_per_dn
    rows = rng.normal(0, sensor.row_noise_dn, (shape[0], 1))
    frame = dark_level(exposure_s, shape, sensor) + shot + rng.normal(0, sensor.read_noise_dn, shape) + rows
    return np.clip(np.rint(frame), 0, sensor.saturation_dn).astype(np.uint16)
