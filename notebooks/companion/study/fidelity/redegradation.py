"""Does the output explain the input: what the known camera would have seen of it, against what it did see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.ndimage import gaussian_filter

from companion.study.fidelity import Denoise, outputs
from nircore.data.camera import Sensor
from nircore.data.noise import Noise
from nircore.metrics.with_truth import affine_fit

DETAIL = 4.0  # px: detail is what a Gaussian so wide takes away


@dataclass(frozen=True, eq=False)
class Case:
    """A noisy frame (H, W) in DN above the dark, its camera's noise, and images whose result is known (controls)."""

    name: str
    frame: np.ndarray
    noise: Noise
    controls: Mapping[str, np.ndarray] = field(default_factory=dict)
    valid: np.ndarray | None = None


def camera_noise(exposure_s: float) -> Noise:
    """Return the noise of the phantom's camera: its gain, and all that is there without light, in DN."""
    sensor = Sensor()
    dark = sensor.dark_dn_per_s * exposure_s / sensor.gain_e_per_dn
    dark_variance = sensor.read_noise_dn**2 + sensor.row_noise_dn**2 + dark + 1 / 12  # the last: whole numbers
    return Noise(sensor.gain_e_per_dn, float(np.sqrt(dark_variance)))


def residual(
    image: np.ndarray, frame: np.ndarray, noise: Noise, valid: np.ndarray | None = None
) -> tuple[np.ndarray, float, float]:
    """Return (frame - expected) / noise SD, (H, W), and the a and b of expected = a image + b.

    The affine fit is the protocol's, because an enhanced frame's scale is its own. The noise is that of the expected
    signal: variance = expected / gain + read noise^2. NaN where not valid.
    """
    a, b = affine_fit(image, frame, valid)
    expected = a * image.astype(np.float64) + b
    gain, read = noise
    z = (frame - expected) / np.sqrt(np.maximum(expected, 0) / gain + read**2)
    return (z if valid is None else np.where(valid, z, np.nan)), a, b


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Return Pearson's correlation over the pixels that both have; NaN where one of them does not vary."""
    both = np.isfinite(one) & np.isfinite(other)
    x, y = (values[both] - values[both].mean() for values in (one, other))
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 1e-9 else np.nan


def measure(image: np.ndarray, frame: np.ndarray, noise: Noise, valid: np.ndarray | None = None) -> dict[str, float]:
    """Measure what the output leaves unexplained.

    Returns:
        a, b: of the fit. chi2: mean squared residual over the noise variance; 1 where all that was taken away is
        noise, towards 0 where the noise was kept, above 1 where signal was taken away or added. neighbours: the
        correlation of the residual with itself one pixel on, both ways; 0 for noise alone. detail: its correlation
        with the output's detail (finer than DETAIL px); above 0 where detail was weakened, below 0 where exaggerated.
    """
    z, a, b = residual(image, frame, noise, valid)
    image = image.astype(np.float64)
    neighbours = correlation(z[:, 1:], z[:, :-1]), correlation(z[1:], z[:-1])
    return {
        "a": a,
        "b": b,
        "chi2": float(np.nanmean(z**2)),
        "neighbours": float(np.mean(neighbours)),
        "detail": correlation(z, image - gaussian_filter(image, DETAIL)),
    }


def redegradation(denoisers: Mapping[str, Denoise], cases: Sequence[Case]) -> pd.DataFrame:
    """Measure every denoiser's output, and every control, on every case.

    What it can say: how much of the input the output does not explain. What it cannot: on the phantom the output is
    of another window, so even the truth leaves a residual (the control says how large); and a structure fainter than
    the noise of its pixels does not show.

    Returns:
        case, denoiser, control (is it one), a, b, chi2, neighbours, detail.
    """
    return pd.DataFrame(
        {"case": case.name, "denoiser": name, "control": name in case.controls}
        | measure(image, case.frame, case.noise, case.valid)
        for case in cases
        for name, image in outputs(denoisers, case.frame, case.controls).items()
    )
