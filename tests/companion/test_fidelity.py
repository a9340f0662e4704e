"""Each planted fault is caught with its right number, and a good frame is without fault."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, grey_opening

from companion.study.fidelity import cycle, emptiness, linearity, prevalence, redegradation, shift, structures
from companion.study.fidelity.animals import Animal
from nircore.data import camera, phantom
from nircore.data.camera import GAIN_E_PER_DN
from nircore.errors import NircoreError

pytestmark = pytest.mark.slow

SHAPE = (160, 128)


class Quiet(Animal):
    """An animal without noise: what a method does is then known exactly."""

    def noisy(self, draw=0, lesion=1.0, probe=1.0):
        return self.clean("low_light", lesion, probe)


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


def test_normal_tissue_is_neither_vessel_nor_organ_nor_near_the_lesion():
    animal = ANIMALS[0]
    body = animal.anatomy
    assert animal.normal.sum() > 1000
    assert not (animal.normal & (body.vessels | body.lesion | ~body.body | animal.ring | (body.depth_mm > 1))).any()


def test_frames_are_the_clean_frame_and_noise():
    animal = ANIMALS[0]
    noise = animal.noisy() - animal.clean("low_light")
    assert noise.mean() == pytest.approx(0, abs=0.5) and noise.std() == pytest.approx(11.8, abs=0.8)
    assert not np.array_equal(animal.noisy(0), animal.noisy(1)) and np.array_equal(animal.noisy(1), animal.noisy(1))


# --- linearity


def fits(denoise, animals=QUIET):
    table = linearity.lines(linearity.sweep({"method": denoise}, animals)).set_index(linearity.KEYS)
    return table.xs("method", level="denoiser")


def test_what_leaves_the_frame_alone_is_linear():
    for _, row in fits(same).iterrows():
        assert list(row[["r2", "gain", "sbr_follows", "tnr_follows"]]) == pytest.approx([1, 1, 1, 1])
    noisy = fits(same, ANIMALS)
    assert noisy["r2"].min() > 0.98 and noisy["gain"].between(0.9, 1.1).all()


def test_twice_as_bright_is_as_linear_and_has_the_ratios():
    for _, row in fits(lambda frame: 2 * frame).iterrows():
        assert list(row[["r2", "gain", "sbr_follows", "tnr_follows"]]) == pytest.approx([1, 2, 1, 1])


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


def test_a_ceiling_keeps_the_ratio_from_rising():
    row = fits(lambda frame: np.minimum(frame, 60)).loc[("lesion", "lesion")]
    assert row["r2"] < 0.7 and row["tnr_follows"] < 0.3


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


def test_a_branch_missing_from_a_tree_is_erased_and_a_speck_is_not_counted():
    tree = drawn((10, 5, 60))
    tree[10:50, 30:33] = True
    assert numbers(drawn((10, 5, 60)), tree, tree)[:2] == [0, 1]
    assert numbers(drawn((10, 5, 60)) | drawn((40, 5, 10)), drawn((10, 5, 60)), drawn((10, 5, 60)))[0] == 0


def test_what_one_window_alone_shows_is_neither_inserted_nor_erased():
    both, low, deep = drawn((10, 5, 45)), drawn((30, 5, 45)), drawn((50, 5, 45))
    assert numbers(both | low | deep, both | low, both | deep) == [0, 0, 0, 0]
    assert numbers(both, both | low, both | deep) == [0, 0, 0, 0]


def counted(denoise, animals=QUIET):
    return structures.per_frame(structures.count({"method": denoise}, animals)).iloc[0]


def test_the_clean_frame_is_without_fault():
    row = counted(same)
    assert row["frames"] == 4 and (row.drop(["denoiser", "frames"]) == 0).all()


def test_an_oracle_that_returns_the_truth_is_without_fault():
    animal = QUIET[0]

    def oracle(frame):
        lesion = float(np.abs(frame - animal.noisy(lesion=1)).max() < 1e-3)
        return animal.clean("target", lesion=lesion)

    row = counted(oracle, [animal])
    assert (row.drop(["denoiser", "frames"]) == 0).all()


@pytest.mark.parametrize("sign, column", [(1, "blobs_invented"), (-1, "blobs_erased")])
def test_a_planted_blob_is_found_in_every_frame(sign, column):
    spot = np.zeros(SHAPE)
    spot[100, 64] = 1
    spot = sign * 60 * 2 * np.pi * 16 * gaussian_filter(spot, 4)  # 60 DN high
    row = counted(lambda frame: frame + spot)
    assert row[column] == 1 and row[["blobs_invented", "blobs_erased"]].sum() == 1
    assert counted(lambda frame: frame + spot / 20)[column] == 0


def test_blobs_do_not_depend_on_scale_offset_or_noise():
    for denoise in (lambda frame: 3 * frame + 50, lambda frame: frame + 11):
        row = counted(denoise)
        assert row["blobs_invented"] == row["blobs_erased"] == 0
    row = counted(same, ANIMALS)
    assert row["blobs_invented"] == row["blobs_erased"] == 0


def test_planted_and_removed_vessels_change_the_counts():
    waves = np.zeros(SHAPE)
    waves[20:60, 5:8] = waves[80:120, 118:121] = 150
    assert counted(lambda frame: frame + gaussian_filter(waves, 1))["vessels_inserted"] >= 2
    row = counted(lambda frame: grey_opening(frame, (9, 9)))
    assert row["vessels_erased"] >= 2 and row["length_erased"] > 0.05


def test_noise_draws_a_mesh_that_inserts_most_of_its_length():
    assert counted(same, ANIMALS)["length_inserted"] > 0.4 > counted(same)["length_inserted"]


@pytest.mark.parametrize("shown, missed, invented", [(0.0, 1, 0), (0.4, 1, 0), (0.6, 0, 1), (1.0, 0, 1)])
def test_an_eraser_and_an_inventor_of_lesions(shown, missed, invented):
    animal = QUIET[0]
    table = structures.count({"method": lambda _: animal.clean("low_light", lesion=shown)}, [animal])
    assert list(table["lesion_share"]) == pytest.approx([shown, shown], abs=1e-5)
    row = structures.per_frame(table).iloc[0]
    assert (row["lesions_missed"], row["lesions_invented"]) == (missed, invented)


def test_pieces_have_an_area_and_touch_at_corners():
    mask = EMPTY.copy()
    mask[:4, :5] = True
    assert structures.pieces(mask) == 1 and structures.pieces(mask, area=21) == 0
    mask[4:8, 5:10] = True
    assert structures.pieces(mask, area=40) == 1


# --- prevalence


def test_the_prevalence_experiment_hands_over_what_it_says():
    seen = []

    def train(low_light, target):
        seen.append((low_light, target))
        return same

    table = prevalence.prevalence(train, SHAPE, (0.0, 0.5, 1.0), train_animals=2, test_animals=1, first_seed=20)
    assert list(table.columns[:2]) == ["share", "train_animals"] and len(table) == 3 * 2
    assert set(table["animal"]) == {24} and set(table["train_animals"]) == {2}
    animals = {seed: Animal(seed, SHAPE) for seed in range(20, 24)}
    for low_light, target in seen:
        for seed, frame in zip((20, 21), low_light, strict=True):
            assert np.array_equal(frame, animals[seed].noisy(lesion=0))
        assert len(target) == 2
    for (_, target), bearers in zip(seen, ((), (22,), (22, 23)), strict=True):
        for seed, frame in zip((22, 23), target, strict=True):
            site = animals[seed].anatomy.lesion
            with_, without = (
                camera.expected_dn(animals[seed].rate("target", lesion=x), 0.32)[site].mean() for x in (1, 0)
            )
            assert frame[site].mean() == pytest.approx(with_ if seed in bearers else without, rel=0.05)
            assert with_ > 1.2 * without


def test_a_system_that_leaks_the_prevalence_is_caught():
    animal = Animal(4, SHAPE)  # the one that is tested
    runs = iter((0.0, None, 1.0))

    def train(low_light, target):
        shown = next(runs)
        return same if shown is None else lambda _: animal.clean("low_light", lesion=shown)

    table = prevalence.prevalence(train, SHAPE, train_animals=2, test_animals=1)
    rows = structures.per_frame(table, by="share")
    assert list(rows["share"]) == [0, 0.5, 1]
    assert list(rows["lesions_missed"]) == [1, 0, 0] and list(rows["lesions_invented"]) == [0, 0, 1]
    with pytest.raises(NircoreError, match="between 0 and 1"):
        prevalence.prevalence(train, SHAPE, (0, 50))


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


def test_weakened_and_exaggerated_detail_have_opposite_signs():
    clean = SCENE.clean("low_light").astype(float)
    fine = clean - gaussian_filter(clean, 3)
    assert explained(clean - 0.7 * fine)["detail"] > 0.05
    assert explained(clean + 1.0 * fine)["detail"] < -0.05


def test_pixels_that_are_not_valid_do_not_count():
    spoilt = SCENE.clean("low_light").copy()
    spoilt[:100] = 1000
    valid = np.ones(spoilt.shape, dtype=bool)
    valid[:100] = False
    assert explained(spoilt, valid=valid)["chi2"] == pytest.approx(1, abs=0.03)
    assert explained(spoilt)["chi2"] > 2


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


def test_what_happens_in_between_is_what_it_is_called():
    changes = cycle.between(np.random.default_rng(0))
    assert np.array_equal(changes["as it is"](X), X)
    levels = np.unique(changes["8 bits"](np.linspace(-1.2, 1.2, 100_000)))
    assert len(levels) == 256 and (levels[0], levels[-1]) == (-1, 1)
    for steps in (1, 2, 4):
        added = changes[f"noise {steps}/255"](np.zeros((200, 200)))
        assert added.std() == pytest.approx(steps * STEP, rel=0.02)
    assert changes["smoothed 2 px"](X) == pytest.approx(gaussian_filter(X, 2))


def test_the_noise_is_that_of_the_input():
    noise = RNG.normal(0, 0.1, (256, 256)).astype(np.float32)
    table = cycle.cycle(same, lambda z: np.zeros_like(z), {"noise": noise})
    assert table["noise"].iloc[0] == pytest.approx(np.abs(noise).mean() * 127.5, rel=0.02)
    assert table["error"].iloc[0] == pytest.approx(np.abs(noise).mean() * 127.5, rel=1e-5)


# --- shift


def test_what_moves_with_the_scene_does_not_change():
    frame = ANIMALS[0].noisy()
    for denoise in (same, lambda x: gaussian_filter(x, 2), lambda x: 3 * x + 7):
        table = shift.shift({"method": denoise}, {"a": frame})
        assert list(table["direction"]) == ["down", "up", "right", "left"] and table["largest"].max() < 1e-4


def test_a_pattern_fixed_to_the_columns_is_caught_with_its_size():
    frame = ANIMALS[0].noisy()
    pattern = 10 * (np.arange(SHAPE[1]) % 2)
    table = shift.shift({"method": lambda x: x + pattern}, {"a": frame}).set_index("direction")
    low, high = np.percentile(frame + pattern, [1, 99.9])
    assert table.loc[["right", "left"], "change"].to_numpy() == pytest.approx(1000 / (high - low))
    assert table.loc[["down", "up"], "change"].to_numpy() == pytest.approx(0, abs=1e-4)


def test_normalising_by_tiles_is_caught():
    def tiles(frame, size=16):
        blocks = frame.reshape(SHAPE[0] // size, size, SHAPE[1] // size, size)
        return (blocks - blocks.mean(axis=(1, 3), keepdims=True)).reshape(SHAPE)

    table = shift.shift({"tiles": tiles}, {"a": ANIMALS[0].noisy()})
    assert (table["change"] > 0.3).all() and (table["largest"] > 3).all()
