"""Frames of a sensor that is known."""

import numpy as np

from nircore.data.noise import Noise


def exposed(signal_e: np.ndarray | float, noise: Noise, seed: int = 0, shape=(400, 500)) -> np.ndarray:
    """A frame (H, W) in DN: Poisson electrons, gain, Gaussian read noise."""
    rng = np.random.default_rng(seed)
    signal = np.broadcast_to(signal_e, shape)
    return rng.poisson(signal) / noise.gain_e_per_dn + rng.normal(0, noise.read_noise_dn, shape)
