"""Each planted fault is caught with its right number, and a good frame is without fault."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from companion.study.fidelity import cycle, emptiness, linearity, prevalence, redegradation, structures
from companion.study.fidelity.animals import Animal
from nircore.data import camera, phantom
from nircore.data.camera import GAIN_E_PER_DN
from nircore.errors import NircoreError
from tests.companion.made_animals import Quiet

pytestmark = pytest.mark.slow

SHAPE = (160, 128)


ANIMALS, QUIET = ([kind(seed, SHAPE) for seed in (5, 6)] for kind in (Animal, Quiet))


def same(frame):
    return frame


# --- the animals


@pytest.mark.parametrize("domain, name", [("low_light", "NIR-IIa"), ("target", "NIR-IIb")])
def test_light_adds_up_as_the_phantom_makes_it(domain, name):
    window, animal = camera.WINDOWS[name], ANIMALS[0]
    for lesion in (True, False):
        body = phantom.anatomy(5, SHAPE, lesion=lesion)
        assert animal.rate(domain, lesion=lesion) == pytest.approx(camera.radiance(body, window), rel=1e-5, abs=0.5)
    body = phantom.anatomy(5, SHAPE, lesion=True)
    body = phantom.Anatomy(**(body.__dict__ | {"layers": tuple((3 * e, depth) for e, depth in body.layers)}))
    assert animal.rate(domain, probe=3) == pytest.approx(camera.radiance(body, window), rel=1e-4, abs=1)
    assert animal.rate(domain, lesion=4)[~dilated(animal.anatomy.lesion)] == pytest.approx(
        animal.rate(domain)[~dilated(animal.anatomy.lesion)], rel=0.2
    )


def dilated(mask, size=12):
    return gaussian_filter(mask.astype(float), size) > 1e-3


# --- linearity


def fits(denoise, animals=QUIET):
    table = linearity.lines(linearity.sweep({"method": denoise}, animals)).set_index(linearity.KEYS)
    return table.xs("method", level="denoiser")


def test_what_leaves_the_frame_alone_is_linear():
    for _, row in fits(same).iterrows():
        assert list(row[["r2", "gain", "sbr_follows", "tnr_follows"]]) == pytest.approx([1, 1, 1, 1])
    noisy = fits(same, ANIMALS)
    assert noisy["r2"].min() > 0.98 and noisy["gain"].between(0.9, 1.1).all()


def test_an_added_offset_flattens_the_ratios_and_nothing_else():
    table = fits(lambda frame: frame + 100)
    assert list(table["r2"]) == pytest.approx([1] * 3) and list(table["gain"]) == pytest.approx([1] * 3)
    assert (table["tnr_follows"] < 0.4).all() and table.loc[("lesion", "lesion"), "sbr_follows"] < 0.7


def test_a_gamma_is_caught_with_the_right_r2_and_gain():
    def gamma(frame):
        return 100 * np.clip(frame / 100, 0, None) ** 0.4

    c = np.array(linearity.CONCENTRATIONS)
    r2, gain = [], []
    for animal in QUIET:
        frames = [animal.clean("low_light", lesion=x).astype(float) for x in c]
        bent, straight = (
            [f(x)[animal.anatomy.lesion].mean() - f(x)[animal.ring].mean() for x in frames] for f in (gamma, same)
        )
        r2.append(np.corrcoef(c, bent)[0, 1] ** 2)
        gain.append(np.polyfit(c, bent, 1)[0] / np.polyfit(c, straight, 1)[0])
    row = fits(gamma).loc[("lesion", "lesion")]
    assert row["r2"] == pytest.approx(np.mean(r2)) and row["gain"] == pytest.approx(np.mean(gain))
    assert row["r2"] < 0.99 and row["r2_worst"] == pytest.approx(min(r2))


# --- structures

EMPTY = np.zeros((64, 64), dtype=bool)


def drawn(*lines):
    """A mask with horizontal lines three pixels thick: (row, first column, last column)."""
    mask = EMPTY.copy()
    for row, first, last in lines:
        mask[row - 1 : row + 2, first:last] = True
    return mask


def numbers(mask, low_light, truth):
    return list(structures.vessels(mask, low_light, truth).values())


def test_vessels_that_agree_count_nothing():
    tree = drawn((10, 5, 60), (30, 5, 60))
    assert numbers(tree, tree, tree) == [0, 0, 0, 0]
    assert numbers(np.roll(tree, 3, 0), tree, tree) == [0, 0, 0, 0]  # within the tolerance
    assert numbers(EMPTY, EMPTY, EMPTY) == [0, 0, 0, 0]


def test_inserted_and_erased_vessels_are_counted_with_their_length():
    truth = drawn((10, 5, 45), (30, 5, 45))
    inserted, erased, longer, shorter = numbers(truth | drawn((50, 5, 45)), truth, truth)
    assert (inserted, erased, shorter) == (1, 0, 0) and longer == pytest.approx(1 / 3, abs=0.02)
    inserted, erased, longer, shorter = numbers(drawn((10, 5, 45)), truth, truth)
    assert (inserted, erased, longer) == (0, 1, 0) and shorter == pytest.approx(1 / 2, abs=0.02)
    assert numbers(EMPTY, truth, truth) == [0, 2, 0, 1] and numbers(truth, EMPTY, EMPTY) == [2, 0, 1, 0]


def test_what_one_window_alone_shows_is_neither_inserted_nor_erased():
    both, low, deep = drawn((10, 5, 45)), drawn((30, 5, 45)), drawn((50, 5, 45))
    assert numbers(both | low | deep, both | low, both | deep) == [0, 0, 0, 0]
    assert numbers(both, both | low, both | deep) == [0, 0, 0, 0]


def counted(denoise, animals=QUIET):
    return structures.per_frame(structures.count({"method": denoise}, animals)).iloc[0]


def test_the_clean_frame_is_without_fault():
    row = counted(same)
    assert row["frames"] == 4 and (row.drop(["denoiser", "frames"]) == 0).all()


@pytest.mark.parametrize("sign, column", [(1, "blobs_invented"), (-1, "blobs_erased")])
def test_a_planted_blob_is_found_in_every_frame(sign, column):
    spot = np.zeros(SHAPE)
    spot[100, 64] = 1
    spot = sign * 60 * 2 * np.pi * 16 * gaussian_filter(spot, 4)  # 60 DN high
    row = counted(lambda frame: frame + spot)
    assert row[column] == 1 and row[["blobs_invented", "blobs_erased"]].sum() == 1
    assert counted(lambda frame: frame + spot / 20)[column] == 0


@pytest.mark.parametrize("shown, missed, invented", [(0.0, 1, 0), (0.4, 1, 0), (0.6, 0, 1), (1.0, 0, 1)])
def test_an_eraser_and_an_inventor_of_lesions(shown, missed, invented):
    animal = QUIET[0]
    table = structures.count({"method": lambda _: animal.clean("low_light", lesion=shown)}, [animal])
    assert list(table["lesion_share"]) == pytest.approx([shown, shown], abs=1e-5)
    row = structures.per_frame(table).iloc[0]
    assert (row["lesions_missed"], row["lesions_invented"]) == (missed, invented)


# --- prevalence


def test_a_system_that_leaks_the_prevalence_is_caught():
    """Planted: of three systems the first erases every lesion, the last draws one; what they are given is right."""
    animals, runs, seen = [Animal(seed, SHAPE) for seed in range(20, 25)], iter((0.0, None, 1.0)), []

    def train(low_light, target):
        seen.append(target)
        assert np.array_equal(low_light[0], animals[0].noisy(lesion=0)) and len(low_light) == len(target) == 2
        shown = next(runs)
        return same if shown is None else lambda _: animals[-1].clean("low_light", lesion=shown)

    table = prevalence.prevalence(train, animals, tested=1, target_s=0.32)
    assert list(table.columns[:2]) == ["share", "train_animals"] and set(table["animal"]) == {24} and len(table) == 6
    rows = structures.per_frame(table, by="share")
    assert list(rows["share"]) == [0, 0.5, 1]
    assert list(rows["lesions_missed"]) == [1, 0, 0] and list(rows["lesions_invented"]) == [0, 0, 1]
    sites = [animal.anatomy.lesion for animal in animals[2:4]]
    light = [[frame[site].mean() for frame, site in zip(target, sites, strict=True)] for target in seen]
    assert light[1][0] > 1.2 * light[0][0] and light[1][1] == light[0][1] and light[2][1] > 1.2 * light[1][1]


# --- emptiness

NOTHING = emptiness.frames((128, 128))


def test_noise_left_as_it_is_and_noise_taken_away():
    table = emptiness.emptiness({"input": same, "flat": lambda frame: np.zeros_like(frame)}, NOTHING)
    table = table.set_index(["denoiser", "frame"])
    for frame in ("dark", "blank", "noise"):
        assert table.loc[("input", frame), "sd"] == pytest.approx(1, abs=1e-6)
        assert table.loc[("input", frame), "excursion"] == pytest.approx(3.29, abs=0.15)
        assert list(table.loc[("flat", frame), ["sd", "excursion"]]) == [0, 0]
    assert (table["structures"] == 0).all() and (table["note"] == "").all()
    noise_dn = table.loc["input", "noise_dn"]
    assert noise_dn["dark"] == pytest.approx(redegradation.camera_noise(0.02).read_noise_dn, rel=0.02)
    assert noise_dn["blank"] == pytest.approx((noise_dn["dark"] ** 2 + 50 / GAIN_E_PER_DN) ** 0.5, rel=0.02)
    assert noise_dn["constant"] == 0 and NOTHING["blank"].mean() == pytest.approx(50, abs=1)


@pytest.mark.parametrize("height, found", [(4, 0), (20, 1), (-20, 1)])
def test_a_structure_made_of_nothing_is_counted(height, found):
    rows, columns = np.indices((128, 128))
    spot = height * np.exp(-((rows - 40) ** 2 + (columns - 70) ** 2) / (2 * 6**2))
    table = emptiness.emptiness({"inventor": lambda frame: spot + frame.mean()}, NOTHING)
    assert (table["structures"] == found).all()


def test_a_refusal_is_a_row_of_its_own():
    def refuse(frame):
        if np.ptp(frame) == 0:
            raise NircoreError("A constant frame cannot be normalised: leave it out.")
        return frame

    table = emptiness.emptiness({"refuses": refuse}, NOTHING).set_index("frame")
    assert "cannot be normalised" in table.loc["constant", "note"] and np.isnan(table.loc["constant", "sd"])
    assert (table["note"] == "").sum() == 3


# --- re-degradation

NOISE = redegradation.camera_noise(0.02)
SCENE = Animal(7, (320, 256))


def explained(image, **more):
    return redegradation.measure(image, SCENE.noisy(), NOISE, **more)


def test_the_true_scene_leaves_the_noise_and_nothing_else():
    for scale, offset in ((1, 0), (0.25, 30)):
        row = explained(scale * SCENE.clean("low_light") + offset)
        assert row["chi2"] == pytest.approx(1, abs=0.02)
        assert row["neighbours"] == pytest.approx(0, abs=0.02) and row["detail"] == pytest.approx(0, abs=0.02)
        assert row["a"] == pytest.approx(1 / scale, rel=0.02)


def test_kept_noise_and_lost_signal_stand_on_either_side():
    assert explained(SCENE.noisy())["chi2"] == pytest.approx(0, abs=1e-9)
    half = explained((SCENE.noisy() + SCENE.clean("low_light")) / 2)
    assert half["chi2"] < 0.5
    lost = explained(gaussian_filter(SCENE.clean("low_light"), 25))
    assert lost["chi2"] > 1.2 and lost["neighbours"] > 0.15


def test_the_chi2_is_that_of_the_noise_model():
    frame, image = np.full((20, 20), 36.0), np.full((20, 20), 1.0)
    frame[:, ::2] += 6
    frame[:, 1::2] -= 6
    row = redegradation.measure(image, frame, redegradation.Noise(2.0, 3.0))
    assert row["chi2"] == pytest.approx(36 / (36 / 2 + 9)) and (row["a"], row["b"]) == (0, 36)
    assert row["neighbours"] == pytest.approx(0, abs=0.01)  # -1 along the rows, +1 along the columns
    assert np.isnan(row["detail"])


# --- cycle

RNG = np.random.default_rng(0)
X = np.clip(gaussian_filter(RNG.normal(0, 3, (64, 64)), 3) + RNG.normal(0, 0.1, (64, 64)), -1, 1).astype(np.float32)
STEP = 2 / 255


def rounded(image):
    return np.rint((image + 1) / STEP) * STEP - 1


def ratios(forward, back):
    return cycle.ratios(cycle.cycle(forward, back, {"x": X})).set_index("between")


def test_a_steganographer_returns_the_noise_until_eight_bits_destroy_it():
    hidden = 0.4 * STEP

    def hide(x):
        return rounded(gaussian_filter(x, 3).astype(float)) + hidden * x

    def read(z):
        return (z - rounded(z)) / hidden

    table = ratios(hide, read)
    assert table.loc["as it is", "error"] < 0.05 and table.loc["as it is", "to_noise"] < 0.01
    assert table.loc["8 bits", "error"] == pytest.approx(np.abs(X).mean() * 255 / 2, rel=1e-3)
    assert (table.drop("as it is")["to_untouched"] > 100).all()


def test_an_honest_cycle_loses_the_noise_and_nothing_more_by_rounding():
    table = ratios(lambda x: gaussian_filter(x, 1.5), same)
    assert table.loc["as it is", "error"] == pytest.approx(
        np.abs(gaussian_filter(X, 1.5) - X).mean() * 127.5, rel=1e-5
    )
    assert table.loc["as it is", "to_noise"] == pytest.approx(1, abs=0.1)
    assert table["to_untouched"].drop(["smoothed 1 px", "smoothed 2 px"]).between(0.99, 1.05).all()
