"""What the shipped models do to what is dim beside what is bright, to hot pixels, to a plate; and bad ones."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import nircore
from companion.study import plate, probes
from companion.study.fidelity.animals import Animal
from companion.study.exposures import CAMERA
from nircore.inference import enhance
from nircore.inference.shipped import MODELS
from nircore.models.checkpoint import load_generator

pytestmark = pytest.mark.slow

GENERATORS = {name: load_generator(file)[0] for name, file in MODELS.items()}
models = pytest.mark.parametrize("model", MODELS)


def scaled_by_the_brightest(frame: np.ndarray) -> np.ndarray:
    """A denoiser that keeps less of what is dim the brighter the frame is: the fault of the models before."""
    smooth = gaussian_filter(frame, 2)
    return np.where(smooth < 0.1 * smooth.max(), 0.5 * smooth, smooth)


@models
def test_a_bar_keeps_its_contrast_beside_a_disc_of_any_brightness(model):
    table = probes.bar_beside_disc(lambda frame: enhance(GENERATORS[model], frame)[0])
    assert (np.abs(table["contrast_dn"] / table["contrast_dn"][0] - 1) < 0.03).all(), table
    assert table["contrast_dn"][0] > 0.85 * table["input_dn"][0]


def test_a_denoiser_that_scales_by_the_brightest_pixel_is_found_out():
    table = probes.bar_beside_disc(scaled_by_the_brightest, seeds=(0,))
    assert table["contrast_dn"].iloc[-1] < 0.8 * table["contrast_dn"][0]


@models
def test_a_dim_bar_does_not_follow_a_bolus_elsewhere(model):
    movie = probes.bolus(lambda frames: nircore.enhance(frames, model=model, engine="channels_last"))
    effect = np.polyfit(movie["disc_dn"] / movie["disc_dn"].max(), movie["contrast_dn"] - movie["input_dn"], 1)[0]
    assert abs(effect) < 0.03 * probes.BAR_DN + 0.5  # DN from no bolus to its peak, and the noise of twelve frames
    assert movie["disc_dn"].max() > 1900


@models
def test_hot_pixels_change_nothing_away_from_them(model):
    table = probes.hot_pixels(lambda frame: enhance(GENERATORS[model], frame)[0])
    assert (table["error_dn"] < 1.05 * table["error_dn"][0]).all(), table
    assert table["error_dn"][0] < 0.25 * table["input_dn"][0]


def test_a_denoiser_that_keeps_hot_pixels_is_found_out():
    table = probes.hot_pixels(lambda frame: gaussian_filter(frame.astype(np.float64), 6))
    assert table["error_dn"].iloc[-1] > 1.5 * table["error_dn"][0]


@models
def test_a_dim_vessel_beside_a_very_bright_organ_is_kept(model):
    """A phantom's vessels, dimmed to some tens of DN, with and without an organ of 3000 DN far from them."""
    clean = Animal(50_001, (320, 256), 0.02).clean("low_light")
    dim = 60 * clean / clean.max()
    y, x = np.indices(dim.shape)
    organ = (y - 280) ** 2 + (x - 40) ** 2 < 25**2
    far = (y < 200) & (x > 100)
    slopes = []
    for bright in (0.0, 3000.0):
        frame = probes.exposed(dim + bright * organ, 3)
        out, _ = enhance(GENERATORS[model], frame)
        slopes.append(np.polyfit(dim[far], out[far], 1)[0])
    assert slopes[1] == pytest.approx(slopes[0], rel=0.03)
    assert 0.85 < slopes[0] < 1.1


@models
def test_the_plate_stays_linear_beside_its_bright_wells(swir_hdr, model):
    frame, reference = plate.load(swir_hdr)
    table = plate.compare({"input": frame, model: enhance(GENERATORS[model], frame)[0]}, reference).set_index(
        "method"
    )
    assert abs(table.loc[model, "slope"] - table.loc["input", "slope"]) < 0.03
    assert table.loc[model, "rms_dn"] < table.loc["input", "rms_dn"]
    assert 26 < table.loc["input", "truth_dn"] < 28


def test_a_plate_of_exact_wells_has_slope_one_and_no_error():
    y, x = np.indices((640, 512))
    image = np.zeros(y.shape)
    for k, (column, row) in enumerate((c, r) for c in plate.COLUMNS for r in plate.ROWS):
        image += max(1000.0 / 2**k, 0.5 + 0.1 * k) * (np.hypot(y - row, x - column) < 33)
    table = plate.compare({"same": image, "half": image / 2}, image).set_index("method")
    assert table.loc["same", "slope"] == pytest.approx(1) and table.loc["same", "rms_dn"] < 1e-9
    assert table.loc["half", "slope"] == pytest.approx(0.5)


def test_a_faint_well_is_lost_in_the_noise_and_found_without():
    """Planted: wells from 100 DN down by a factor of 1.5 each; a spot of 200 px in noise of 12 DN shows 2 to 3 DN."""
    y, x = np.indices((640, 512))
    image = np.zeros(y.shape)
    truth = 100.0 / 1.5 ** np.arange(24)
    for well, (column, row) in zip(truth, ((c, r) for c in plate.COLUMNS for r in plate.ROWS), strict=True):
        image += well * (np.hypot(y - row, x - column) < 33)
    noisy = image + np.random.default_rng(0).normal(0, 12, image.shape)
    assert plate.limit(image, truth) == pytest.approx(truth[-1])
    assert 1.5 < plate.limit(noisy, truth) < 5
    assert np.isnan(plate.limit(np.zeros_like(image), truth))


def test_the_camera_of_the_probes_is_that_of_the_frames():
    flat = probes.exposed(np.full((400, 400), 500.0), 0)
    assert flat.var() == pytest.approx(500 / CAMERA.gain_e_per_dn + CAMERA.read_noise_dn**2, rel=0.03)
