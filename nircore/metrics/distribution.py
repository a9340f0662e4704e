"""How far one set of images is from another, without any pairs."""

from collections.abc import Sequence

import numpy as np

PATCH = 7  # px: wide enough for noise texture and a vessel's edge, small enough for a good sample


def _patches(images: Sequence[np.ndarray], count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw `count` patches at random places of random images: (count, PATCH * PATCH) float64."""
    drawn = np.empty((count, PATCH * PATCH))
    for k, image in enumerate(rng.integers(len(images), size=count)):
        row, column = (rng.integers(side - PATCH + 1) for side in images[image].shape)
        drawn[k] = images[image][row : row + PATCH, column : column + PATCH].ravel()
    return drawn


def sliced_wasserstein(
    one: Sequence[np.ndarray],
    other: Sequence[np.ndarray],
    patches: int = 4096,
    directions: int = 64,
    seed: int = 0,
    centred: bool = False,
) -> float:
    """Return the sliced Wasserstein-1 distance between the 7 x 7 patches of two sets of images (H, W).

    Patches are projected on random unit directions; in one dimension the distance is the mean absolute
    difference of the sorted values (Rabin et al. 2012; on image patches, Karras et al. 2018). In the images'
    units, >= 0, and 0 for equal sets only in the limit of many patches: compare values, never read one alone.

    `centred` takes each patch's mean away: what is left is texture, noise and edges, free of how bright the scenes
    of the two sets happen to be.

    >>> noise = np.random.default_rng(0).normal(size=(2, 64, 64))
    >>> bool(sliced_wasserstein(noise, noise) < sliced_wasserstein(noise, 2 * noise))
    True
    """
    rng = np.random.default_rng(seed)
    axes = rng.normal(size=(PATCH * PATCH, directions))
    axes -= centred * axes.mean(axis=0)  # a direction that sums to zero does not see a patch's mean
    axes /= np.linalg.norm(axes, axis=0)
    projected = [np.sort(_patches(images, patches, rng) @ axes, axis=0) for images in (one, other)]
    return float(np.abs(projected[0] - projected[1]).mean())
