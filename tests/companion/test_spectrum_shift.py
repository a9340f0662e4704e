"""The verdict on a spectrum shift against planted artefacts, and frames that are brought to lie on each other."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter, shift

from companion.study import spectrum_shift as s

VALID = np.ones((160, 160), dtype=bool)


def scene(seed: int) -> np.ndarray:
    """A long-window frame in DN: sharp vessels of several widths over a soft body."""
    rng = np.random.default_rng(seed)
    frame = 30 * np.exp(-((np.mgrid[:160, :160] - 80.0) ** 2).sum(0) / (2 * 50**2))
    for k in range(7):
        across = np.cos(k) * (np.mgrid[:160, :160][0] - rng.uniform(30, 130))
        across = across + np.sin(k) * (np.mgrid[:160, :160][1] - rng.uniform(30, 130))
        frame += rng.uniform(40, 120) * np.exp(-(across**2) / (2 * rng.uniform(1.5, 2.5) ** 2))
    return frame + 5


def planted(make) -> pd.DataFrame:
    """Three animals; what the shifted system puts out is made by `make(truth, short, denoised, rng)`."""
    rows = []
    for animal in range(3):
        rng = np.random.default_rng(animal)
        truth = scene(animal)
        short = 0.6 * gaussian_filter(truth, 2.5) + 0.4 * gaussian_filter(truth, 12) + 15
        frame = short + 8 * rng.normal(size=truth.shape)
        denoised = gaussian_filter(frame, 1.5)
        unshifted = gaussian_filter(short + 2 * rng.normal(size=truth.shape), 1.0)
        images = {s.INPUT: frame, s.DENOISED: denoised, s.UNSHIFTED: unshifted, s.IDEAL: short}
        images[s.SHIFTED] = make(truth, short, denoised, rng)
        for row in s.measure(frame, (truth, VALID), images):
            rows.append({"group": f"animal {animal}", "short": "a", "long": "b"} | row)
    return pd.DataFrame(rows)


CASES = {
    "the long window itself, with a little noise": (
        lambda truth, short, denoised, rng: truth + 3 * rng.normal(size=truth.shape),
        s.REAL,
    ),
    "a steeper grey scale": (lambda truth, short, denoised, rng: 1.5 * denoised - 20, s.COLOUR),
    "detail made of noise": (
        lambda truth, short, denoised, rng: (
            denoised - 18 + 60 * np.clip(gaussian_filter(rng.normal(size=truth.shape), 2), 0, None)
        ),
        s.COLOUR,
    ),
    "the contrast of another animal": (lambda truth, short, denoised, rng: denoised + 0.5 * scene(9) - 20, s.LOST),
    "a better denoiser": (
        lambda truth, short, denoised, rng: short + rng.normal(size=truth.shape),
        s.DENOISING,
    ),
    "a blur": (lambda truth, short, denoised, rng: gaussian_filter(denoised, 8), s.LOST),
}


@pytest.mark.parametrize("case", CASES)
def test_the_verdict_on_a_planted_artefact(case):
    make, expected = CASES[case]
    found = s.verdict(planted(make))
    assert found["verdict"] == expected, found
    assert found["rule"] == s.RULES[expected] and found["animals"] == 3


def test_with_one_animal_nothing_is_sure():
    table = planted(CASES["the long window itself, with a little noise"][0])
    assert s.verdict(table[table["group"] == "animal 0"])["verdict"] == s.UNDECIDED


def test_measures_say_what_was_done():
    table = planted(lambda truth, *_: truth).groupby("method").mean(numeric_only=True)
    assert table.loc[s.SHIFTED, "relative_width"] == 1 and table.loc[s.IDEAL, "relative_width"] > 1.3
    assert table.loc[s.SHIFTED, "sbr"] == pytest.approx(table.loc[s.TRUTH, "sbr"])
    assert table.loc[s.IDEAL, "sbr_shown"] < 0.8 * table.loc[s.TRUTH, "sbr_shown"]
    assert np.isnan(table.loc[s.TRUTH, "psnr"])


@pytest.mark.parametrize("by", [(0.0, 0.0), (-0.3, -1.2), (2.0, 1.5)])
def test_frames_of_two_windows_are_brought_to_lie_on_each_other(by):
    fixed = gaussian_filter(scene(1), 1.0)
    moving = shift(0.5 * gaussian_filter(fixed, 1.5) + 20, [-step for step in by], order=3, mode="nearest")
    found = s.offset_between(fixed, moving)
    assert found == pytest.approx(by, abs=0.15)
    truth, valid = s.moved((moving, VALID), found)
    inner = np.s_[12:-12, 12:-12]
    assert np.corrcoef(truth[inner].ravel(), fixed[inner].ravel())[0, 1] > 0.97
    assert not valid[:4].any() and not valid[:, -4:].any() and valid[inner].all()


def test_real_windows_of_one_animal_lie_within_two_pixels(swir_hdr):
    from nircore.data import swir_hdr as reader

    table, darks = reader.catalogue(swir_hdr, animals=("M8-1",)), reader.darks(swir_hdr)
    rows = {row.filter: row for row in table[table["domain"] == "target"].itertuples()}
    short, long = (reader.load(rows[f].file, rows[f].exposure_s, darks) for f in ("BP1200", "BP1350"))
    rows_off, columns_off = s.offset_between(short, long)
    assert abs(rows_off) < 1 and 0.5 < abs(columns_off) < 2
    before = np.corrcoef(short.ravel(), long.ravel())[0, 1]
    truth, valid = s.moved((long, np.ones(long.shape, dtype=bool)), (rows_off, columns_off))
    assert np.corrcoef(short[valid], truth[valid])[0, 1] > before
