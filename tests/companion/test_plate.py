"""Plates whose wells are known: an offset that is found, wells that are kept and erased, a well that is no truth."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from companion.study import plate

LEVELS = np.array([400.0, 200, 100, 60, 28, 15, 10, 6, 4.2, *np.linspace(2.9, 1.1, 15)])  # DN, by well
OFFSET = -0.6  # DN: of the raw frame where the wells are, and not in the empty part


def light(levels=LEVELS) -> np.ndarray:
    """The plate without noise, (640, 512) in DN."""
    y, x = np.indices((640, 512))
    wells = zip(levels, plate.PLACES, strict=True)
    return sum(level * (np.hypot(y - row, x - column) < 33) for level, (row, column) in wells)


@pytest.fixture(scope="module")
def planted() -> dict[str, np.ndarray]:
    """The raw frame, a filter that keeps the wells, and one that erases those below FAINT_DN."""
    left = np.indices((640, 512))[1] < plate.EMPTY[1].start
    raw = light() + OFFSET * left + np.random.default_rng(0).normal(0, 11.7, left.shape)
    keeps = gaussian_filter(raw, 2.0)
    faint = light(np.where(LEVELS < plate.FAINT_DN, 1, 0)) > 0
    erases = np.where(faint, keeps[plate.EMPTY].mean(), keeps)
    return {"low-light": raw, "keeps": keeps, "erases": erases}


def test_the_offset_is_found_and_taken_from_every_method_alike(planted):
    known, found = plate.truth(planted["low-light"], light()), plate.compare(planted, light()).set_index("method")
    assert known.offset_dn == pytest.approx(OFFSET, abs=0.2)
    assert found.loc[["low-light", "keeps"], "rms_dn"].max() < 0.4  # with the offset it would be 0.6 at least
    assert found.loc["low-light", "brightest_dn"] == pytest.approx(28, abs=0.8)
    assert found.loc["low-light", "truth_dn"] == pytest.approx(28, abs=1e-6)
    shifted = plate.truth(planted["low-light"] + 50, light())  # of the whole frame: no offset between well and empty
    assert shifted.offset_dn == pytest.approx(known.offset_dn)


def test_who_keeps_the_faint_wells_and_who_erases_them_is_told_apart(planted):
    found = plate.compare(planted, light()).set_index("method")
    assert tuple(found.loc["low-light", ["faint_kept", "faint_low", "faint_high"]]) == pytest.approx((1, 1, 1))
    assert found.loc["keeps", "faint_kept"] == pytest.approx(1, abs=0.1)
    assert found.loc["erases", "faint_kept"] == pytest.approx(0, abs=0.05) and found.loc["erases", "faint_high"] < 0.2
    assert found["slope"].between(0.95, 1.1).all()  # which cannot see it


def test_a_flat_frame_finds_nothing_and_keeps_nothing(planted):
    flat = plate.compare({"low-light": planted["low-light"], "flat": np.zeros((640, 512))}, light()).iloc[1]
    assert np.isnan(flat["limit_dn"]) and flat["faint_kept"] == 0


def test_a_well_that_the_raw_frame_shows_otherwise_is_not_known(planted):
    """Planted: a truth 12 % too low, one 3 % too low, and a reference that is not known in a part of a well."""
    wrong = light(LEVELS * np.where(np.arange(24) == 1, 0.88, np.where(np.arange(24) == 2, 0.97, 1)))
    wrong[plate.PLACES[0]] = np.nan
    known = np.isfinite(plate.truth(planted["low-light"], wrong).dn)
    assert list(np.flatnonzero(~known)) == [0, 1]
    assert set(plate.each_well(planted, wrong)["well"]) == set(range(2, 24))


def test_a_well_s_interval_covers_its_value(planted):
    table = plate.each_well({"low-light": planted["low-light"]}, light())
    inside = (table["low_dn"] < table["truth_dn"]) & (table["truth_dn"] < table["high_dn"])
    assert inside.mean() > 0.8 and (table["high_dn"] - table["low_dn"]).between(0.1, 3).all()
    np.testing.assert_allclose(plate.parts(light()).mean(axis=1), plate.wells(light()), rtol=1e-6)
    assert plate.parts(light()).shape == (24, plate.PARTS) and plate.PARTS >= 6


def test_the_real_plate_knows_all_but_the_first_column_s_bright_wells(swir_hdr):
    frame, reference = plate.load(swir_hdr)
    known = plate.truth(frame, reference)
    assert list(np.flatnonzero(~np.isfinite(known.dn))) == [0, 1, 2, 3, 4]
    assert -0.8 < known.offset_dn < -0.4
