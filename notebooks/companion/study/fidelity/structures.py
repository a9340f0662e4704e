"""What is inserted and what is erased: vessels, blobs and lesions of a frame against those of the clean frames.

There are two clean frames of an animal: the truth (target window) and the low-light one without its noise. A method
may show either window's view, so a structure counts as inserted only if *neither* clean frame has it, and as erased
only if *both* have it. The rules are stated in the functions' docstrings, and none is tuned to a method.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt, gaussian_filter, label
from skimage.morphology import skeletonize

from companion.study.fidelity import Denoise, outputs
from companion.study.fidelity.animals import Animal
from nircore.metrics.structure import vessel_mask
from nircore.metrics.with_truth import PEAK_PERCENTILE, affine_fit

TOLERANCE, AREA = 3.0, 20  # px: a vessel may lie so far beside its place; smaller pieces are not counted
SMOOTH, BLOB = 2.0, 0.15  # px; share of the peak by which a blob is too bright or too dark
SEEN = 0.5  # share of the lesion's contrast from which on a frame says "lesion"
COUNTS = ("vessels_inserted", "vessels_erased", "blobs_invented", "blobs_erased")
SHARES = ("length_inserted", "length_erased")


def pieces(mask: np.ndarray, area: int = AREA) -> int:
    """Count the connected pieces (8 neighbours) of a mask (H, W) that have `area` pixels or more."""
    labels, count = label(mask, structure=np.ones((3, 3)))
    return int((np.bincount(labels.ravel(), minlength=count + 1)[1:] >= area).sum())


def near(mask: np.ndarray) -> np.ndarray:
    """Return where a pixel of the mask is at most TOLERANCE px away, (H, W) bool."""
    return distance_transform_edt(~mask) <= TOLERANCE if mask.any() else mask


def vessels(mask: np.ndarray, low_light: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Compare the `vessel_mask` of a frame with those of the two clean frames, all (H, W) bool.

    Inserted: the part of the frame's mask farther than TOLERANCE px from both clean masks. Erased: the part of the
    truth's mask near the clean low-light mask, but farther than that from the frame's. A branch missing from a tree
    counts like a tree that is missing.

    Returns:
        vessels_inserted and vessels_erased: pieces of AREA px or more; length_inserted: share of the frame's
        centre-lines that is inserted; length_erased: share of those in both clean frames that is erased. (Noise
        draws one mesh over everything: few pieces, nothing erased, but most of its length inserted.)
    """
    inserted = mask & ~near(low_light | truth)
    visible = truth & near(low_light)
    erased = visible & ~near(mask)
    line, true_line = skeletonize(mask), skeletonize(truth) & visible
    return {
        "vessels_inserted": pieces(inserted),
        "vessels_erased": pieces(erased),
        "length_inserted": float((line & inserted).sum() / max(line.sum(), 1)),
        "length_erased": float((true_line & erased).sum() / max(true_line.sum(), 1)),
    }


def excess(image: np.ndarray, clean: np.ndarray) -> np.ndarray:
    """Return how much brighter a frame is than a clean one, (H, W), as a share of the clean one's peak.

    Both are smoothed by SMOOTH px, then the frame is brought to the clean one's scale by the protocol's affine fit;
    smoothed first, because noise in the frame makes the fitted slope too small.
    """
    mine, true = (gaussian_filter(frame.astype(np.float64), SMOOTH) for frame in (image, clean))
    a, b = affine_fit(mine, true)
    return (a * mine + b - true) / np.percentile(clean, PEAK_PERCENTILE)


def blobs(image: np.ndarray, low_light: np.ndarray, truth: np.ndarray) -> dict[str, int]:
    """Count places of AREA px or more that are too bright (invented) or too dark (erased) for both clean frames.

    Too bright or dark is a difference of more than BLOB of the peak, see `excess`.
    """
    either = [excess(image, clean) for clean in (low_light, truth)]
    return {
        "blobs_invented": pieces(np.minimum(*either) > BLOB),
        "blobs_erased": pieces(np.maximum(*either) < -BLOB),
    }


def lesion_share(image: np.ndarray, animal: Animal) -> float:
    """Return how much of the lesion a frame in DN shows: 0 none, 1 as much as the clean low-light frame.

    The contrast (mean over the lesion's place minus mean over its ring), between that of the clean low-light frames
    without and with the lesion. No fit: a denoiser's output is in its input's DN.
    """

    def contrast(frame: np.ndarray) -> float:
        return float(frame[animal.anatomy.lesion].mean(dtype=np.float64) - frame[animal.ring].mean(dtype=np.float64))

    without, present = (contrast(animal.clean("low_light", lesion=there)) for there in (0, 1))
    return (contrast(image) - without) / (present - without)


def count(denoisers: Mapping[str, Denoise], animals: Sequence[Animal]) -> pd.DataFrame:
    """Count structures on each animal's low-light frame with its lesion, and on one without.

    Returns:
        animal, lesion (is there one), denoiser; the numbers of `vessels` and `blobs`; lesion_share, and
        says_lesion: whether that share is SEEN or more. A lesion is missed where it is there and the frame does not
        say so, invented where it is not there and the frame does.
    """
    rows = []
    for animal in animals:
        for lesion in (False, True):
            clean = [animal.clean(domain, lesion=lesion) for domain in ("low_light", "target")]
            masks = [vessel_mask(frame) for frame in clean]
            for method, image in outputs(denoisers, animal.noisy(int(lesion), lesion=lesion)).items():
                share = lesion_share(image, animal)
                row = {"animal": animal.seed, "lesion": lesion, "denoiser": method}
                row |= vessels(vessel_mask(image), *masks) | blobs(image, *clean)
                rows.append(row | {"lesion_share": share, "says_lesion": share >= SEEN})
    return pd.DataFrame(rows)


def per_frame(table: pd.DataFrame, by: str = "denoiser") -> pd.DataFrame:
    """Average `count` over frames.

    Returns:
        One row per value of `by`: frames; COUNTS and SHARES per frame; lesions_missed and lesions_invented, as shares
        of the frames with and without one.
    """
    groups, says = table.groupby(by, sort=False), table.groupby([by, "lesion"])["says_lesion"].mean().unstack()
    means = groups[[*COUNTS, *SHARES]].mean().assign(lesions_missed=1 - says[True], lesions_invented=says[False])
    return means.assign(frames=groups.size()).reset_index()
