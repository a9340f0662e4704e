"""Faint lesions and vessel widths: planted methods get the number they deserve, and the tests have power."""

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import gaussian_filter

from companion.study.fidelity import faint, widths
from companion.study.fidelity.animals import Animal
from companion.study.fidelity.summary import nothing
from nircore.metrics.vessel_width import crossings, relative_width
from tests.companion.made_animals import Quiet

ANIMALS = [Animal(seed, (160, 128)) for seed in (5, 6)]


def draws_everywhere(frame):
    """An inventor: a lesion at every place, whatever the frame holds; the animal is known by its own brightness."""
    animal = min(ANIMALS, key=lambda one: np.abs(one.clean("low_light", lesion=0) - frame).mean())
    return frame + faint.planted(frame.shape, faint.places(animal), 30.0)


METHODS = {
    "low-light": lambda frame: frame,
    "eraser": lambda frame: gaussian_filter(frame, 12),
    "inventor": draws_everywhere,
}


@pytest.fixture(scope="module")
def rates():
    table = faint.faint(METHODS, ANIMALS)
    return faint.rates(table).set_index(["denoiser", "contrast_dn"])


def test_the_ideal_observer_finds_all_and_the_noisy_frame_some(rates):
    for contrast in faint.CONTRASTS:
        ideal = rates.loc[(faint.CLEAN, contrast)]
        assert ideal["hits"] == 1 and ideal["false_alarms"] == 0 and ideal["with_lesion"] >= 6
    noisy = rates.loc["low-light", "hits"]
    assert 0 < noisy.min() < noisy.max() and 0 < noisy.mean() < 1  # the noise hides part of them: there is power
    assert rates.loc["low-light", "false_alarms"].max() <= 0.4


def test_a_method_that_erases_and_one_that_draws_everywhere_lose_what_the_noisy_frame_shows(rates):
    """Planted: the old test, on strong lesions, scored 0 missed and 0 invented for all."""
    strong = max(faint.CONTRASTS)
    assert rates.loc[("eraser", strong), "hits"] < rates.loc[("low-light", strong), "hits"]
    drawn = faint.faint({"inventor": METHODS["inventor"]}, ANIMALS, [strong])
    empty = drawn[~drawn["lesion"] & (drawn["denoiser"] == "inventor")]
    assert (empty["reads_dn"] > strong / 2).all()  # it shows lesions where none are
    assert rates.loc[("inventor", strong), "hits"] <= rates.loc[("low-light", strong), "hits"] + 0.2


def reads(with_lesion, without, frames=4):
    """What an observer reads in each frame: the same numbers in all, but for the first frame's empty places."""
    return pd.DataFrame(
        [{"animal": k, "contrast_dn": 8.0, "draw": 0, "lesion": there, "denoiser": "m", "reads_dn": value}
         for k in range(frames) for there, values in ((True, with_lesion), (False, without[k])) for value in values]
    )  # fmt: skip


def test_false_alarms_are_measured_on_a_frame_that_did_not_set_the_threshold():
    quiet, loud = [0.0, 1.0, 2.0], [9.0, 9.0, 9.0]
    row = faint.rates(reads([5.0] * 3, [quiet] * 4)).iloc[0]
    assert row["hits"] == 1 and row["false_alarms"] <= 0.34
    row = faint.rates(reads([5.0] * 3, [loud, quiet, quiet, quiet])).iloc[0]
    assert row["false_alarms"] >= 0.25  # all of the loud frame's: no threshold of its own hides them
    assert faint.rates(reads([5.0], [quiet], frames=1)).iloc[0]["hits"] == 0  # nothing to take a threshold from


# --- widths


def flatten_most(image, keep):
    """Hide the peaks of most vessels: what is left is measured well, and is little."""
    out = np.full_like(image, np.median(image))
    out[:keep] = image[:keep]
    return out


def test_widths_that_cannot_be_measured_are_counted():
    """Planted: a frame of which only the top shows vessels has their right width, and says for how few."""
    truth = ANIMALS[0].clean("target")
    places = crossings(truth, ANIMALS[0].anatomy.vessels)
    whole = relative_width(truth, places)
    part = relative_width(flatten_most(truth, 80), places)
    assert whole == (1, 1) and part.width == pytest.approx(1, abs=0.05) and 0 < part.measured < 0.8
    assert relative_width(np.zeros_like(truth), places).measured == 0


def test_blur_kept_is_one_for_the_blurred_light_and_nought_for_the_truth():
    quiet = [Quiet(animal.seed, animal.shape) for animal in ANIMALS]

    def oracle(frame):
        return min(quiet, key=lambda animal: np.abs(animal.noisy() - frame).max()).clean("target")

    methods = {"same": lambda frame: frame, "oracle": oracle, "blurrier": lambda frame: gaussian_filter(frame, 2)}
    found = widths.summary(widths.widths(methods, quiet)).set_index("denoiser")
    assert found.loc[["same", "oracle"], "blur_kept"].tolist() == pytest.approx([1, 0])
    assert found.loc["blurrier", "blur_kept"] > 1 and found.loc["oracle", "relative"] == 1
    assert (found.loc[["same", widths.TRUTH], "measured"] >= 0.5).all()


def test_the_text_says_the_number_that_the_table_holds_of_every_denoiser():
    row = {"test": "emptiness", "measure": "structures", "on": "dark"}
    table = pd.DataFrame(
        [row | {"denoiser": "low-light", "number": 0.0}, row | {"denoiser": "enhanced", "number": 87.0}]
    )
    assert "(dark)" in nothing(table) and "low-light 0, enhanced 87." in nothing(table)
    assert nothing(table.assign(test="shift")) == ""
