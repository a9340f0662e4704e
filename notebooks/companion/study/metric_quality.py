"""Do the paper's metrics track quality? Each of them against PSNR and SSIM, over exposure and over methods.

Over exposure, one still scene is seen with more and more light, so that the better frame is known: on the phantom
fresh animals that no run holds, on the real set every animal at hand (nothing is trained here). All frames of a
scene are brought to one exposure and one grey scale, above a pedestal (`above_black`). Left as recorded, a longer
exposure is also the brighter frame, and then even the mean intensity "tracks quality" perfectly [measured]:
brightness would answer, not quality.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from companion.run import Run
from companion.study.fidelity.animals import see
from companion.study.judge import PAPER, RANGE
from nircore.data import camera, made_phantom, phantom, swir_hdr
from nircore.data.normalise import Normalisation
from nircore.metrics import no_reference, with_truth
from nircore.metrics.rank import within_scenes

METRICS = PAPER
TRUTHS = ("psnr", "ssim")
SEPARATION = ("sbr", "cnr")  # what contrast is said to mean; masks of the truth are needed, so over methods only
OVER = ("exposure", "methods")
TRACKS, WEAKLY, UNRELATED, BACKWARDS = "tracks", "tracks weakly", "does not track", "ranks backwards"
OPEN = "too few scenes"
STRONG = 0.5  # a rank correlation surely above it is worth relying on: our threshold, as in data/paper/claims.yaml

SCALE_S = 0.02  # the exposure that all frames of a scene are brought to
PHANTOM_S = (0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
REAL_S, REFERENCE_S = (0.02, 0.04, 0.08, 0.16), 0.32
BLACK, SPAN = 0.5, 0.25  # of the grey scale: where black lies, and how far above it white
PHANTOMS, FRESH = 12, 10_000  # animals, and the number of the first: beyond the last that a run may have

POINT = ("over", "scene", "image", *METRICS, *TRUTHS, *SEPARATION)
CORRELATION = ("metric", "over", "truth_metric", "rho", "low", "high", "scenes", "verdict")


#: A still scene: its name, frames (H, W) in DN by rising exposure in s, the truth on their scale, where it is valid.
Series = tuple[str, dict[float, np.ndarray], np.ndarray, np.ndarray]


def metric_quality(run: Run) -> None:
    """Measure the exposure series, take the methods from the benchmark, and rank the one against the other."""
    config, points = run.config, pd.DataFrame(columns=list(POINT))
    if config.dataset != "folder":  # whose frames have no truth
        shape, phantoms = (config.height, config.width), config.dataset == "phantom"
        series = phantom_series(config.seed, shape, PHANTOMS) if phantoms else real_series(config.data_root)
        parts = [over_exposure(series), over_methods(run.table("benchmark"))]
        points = pd.concat([part for part in parts if len(part)], ignore_index=True)
    run.write_table("metric_quality", points)
    run.write_table("table6_metric_quality", correlate(points, config.seed))


def phantom_series(seed: int, shape: tuple[int, int], animals: int) -> Iterator[Series]:
    """Expose phantom animals of the size (H, W) that no run holds; their truth is the same light without noise.

    It is the light of the low-light window: a longer exposure mends noise, not the window's blur.
    """
    everywhere = np.ones(shape, dtype=bool)
    for animal in range(FRESH, FRESH + animals):
        draw = np.random.default_rng([seed, animal])
        body = phantom.anatomy(int(draw.integers(2**31)), shape)
        rate = camera.radiance(body, camera.WINDOWS[made_phantom.DOMAINS["low_light"]])
        frames = {seconds: see(rate, seconds, draw) * (SCALE_S / seconds) for seconds in PHANTOM_S}
        yield f"animal_{animal}", frames, camera.expected_dn(rate, SCALE_S), everywhere


def real_series(root: Path | str) -> Iterator[Series]:
    """Read the still scenes of the SWIR_HDR set; their truth is the long exposure, valid where not saturated.

    Filters whose exposures do not match are left out: no frame can be judged through them.
    """
    darks = swir_hdr.darks(root)
    table = swir_hdr.catalogue(root, REAL_S, (REFERENCE_S,))
    for scene, rows in table[~table["filter"].isin(swir_hdr.MISMATCHED_FILTERS)].groupby("scene"):
        files = dict(zip(rows["exposure_s"].round(6), rows["file"], strict=True))
        if not {SCALE_S, REFERENCE_S} <= files.keys():
            continue  # a copy of the set may lack a frame, and a scene without these two cannot be judged
        truth, valid = swir_hdr.load_valid(files.pop(REFERENCE_S), REFERENCE_S, darks)
        frames = {s: swir_hdr.load(file, s, darks) * (SCALE_S / s) for s, file in files.items()}
        yield str(scene), frames, truth * (SCALE_S / REFERENCE_S), valid


def over_exposure(series: Iterator[Series]) -> pd.DataFrame:
    """Measure every frame of every series with and without its truth: one row of POINT each."""
    rows: list[dict[str, Any]] = []
    for scene, frames, truth, valid in series:
        scale = Normalisation.of(frames[SCALE_S])
        for seconds, frame in frames.items():
            about = {"over": "exposure", "scene": scene, "image": f"{1000 * seconds:g} ms"}
            values = no_reference.measure(above_black(frame, scale), data_range=RANGE)
            rows.append(about | values | with_truth.score(frame, truth, valid))
    return pd.DataFrame(rows, columns=list(POINT))


def above_black(frame: np.ndarray, scale: Normalisation) -> np.ndarray:
    """Bring a frame (H, W) in DN to [0, RANGE] above a pedestal, as a camera has one, so that no noise is clipped.

    With black at 0, half of the noise in the dark is clipped there: it raises the mean, so that the mean intensity
    of noisier frames is higher, and fills one grey level, so that their entropy is lower [measured: rank correlation
    of mean intensity with PSNR -0.99, and 0 here; of entropy 0.2, and -1 here].
    """
    return np.clip(BLACK + SPAN * scale.brightness(frame), 0, 1) * RANGE


def over_methods(benchmark: pd.DataFrame) -> pd.DataFrame:
    """Turn `tables/benchmark.csv` into one row of POINT per scene and method, at its lowest exposure.

    A method of several seeds is one method: its values are averaged, or it would count several times. Rows without
    a truth, and filters whose exposures do not match, are left out.
    """
    kept = benchmark[benchmark["psnr"].notna() & ~benchmark["filter"].isin(swir_hdr.MISMATCHED_FILTERS)]
    kept = kept[kept["exposure_s"] == kept["exposure_s"].min()]
    means = kept.groupby(["scene", "method"], sort=False)[[*METRICS, *TRUTHS, *SEPARATION]].mean()
    return means.reset_index().assign(over="methods").rename(columns={"method": "image"})[list(POINT)]


def verdict(low: float, high: float) -> str:
    """Say what an interval of rank correlations means: where it lies to 0, and if above, whether above STRONG too.

    >>> verdict(0.6, 0.9), verdict(0.2, 0.9), verdict(-0.1, 0.4), verdict(-0.9, -0.1), verdict(math.nan, math.nan)
    ('tracks', 'tracks weakly', 'does not track', 'ranks backwards', 'too few scenes')
    """
    if math.isnan(low) or math.isnan(high):
        return OPEN
    if low > 0:
        return TRACKS if low > STRONG else WEAKLY
    return BACKWARDS if high < 0 else UNRELATED


def correlate(points: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Rank each metric against each truth within the scenes of POINT rows: one row of CORRELATION for each.

    Contrast is also ranked against signal-to-background and contrast-to-noise ratio, where these were measured.
    """
    rows = []
    for over in [name for name in OVER if name in set(points["over"])]:
        part = points[points["over"] == over]
        pairs = [(metric, truth) for metric in METRICS for truth in TRUTHS]
        pairs += [("contrast", ratio) for ratio in SEPARATION if part[ratio].notna().any()]
        for metric, truth in pairs:
            found = within_scenes(part[metric], part[truth], list(part["scene"]), seed)
            row = {"metric": metric, "over": over, "truth_metric": truth}
            rows.append(row | found | {"verdict": verdict(found["low"], found["high"])})
    return pd.DataFrame(rows, columns=list(CORRELATION))
