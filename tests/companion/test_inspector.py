"""The inspector: what it shows of frames, steps and maps, and that its sliders are wired to it."""

import numpy as np
import pytest

from companion import inspector as module
from companion.inspector import CHANGE, EPOCHS, IN_USE, METHODS, OVERLAYS, REPEATED, TRUST, Inspector, draw, panel
from nircore.data.frames import write_frame
from nircore.errors import NircoreError
from nircore.models import build_generator, checkpoint
from nircore.recipe import resolve

CONFIG = resolve({"ngf": 2, "blocks": 1})


def frame(seed=0, shape=(72, 64)):
    pixels = np.random.default_rng(seed).normal(20, 5, shape).astype(np.float32)
    pixels[10:60, 30:34] += 120
    return pixels


@pytest.fixture
def inspector(tmp_path):
    weights = {}
    for k, label in enumerate(("epoch 0", "epoch 1", IN_USE)):
        weights[label] = tmp_path / f"{k}.safetensors"
        checkpoint.save(weights[label], build_generator(CONFIG, k).state_dict(), CONFIG, {})
    return Inspector({"a.tif": frame, "b.tif": lambda: frame(1, (40, 88))}, weights)


def test_steps_are_epochs_applications_and_methods(inspector):
    assert inspector.steps(EPOCHS) == ["epoch 0", "epoch 1", IN_USE]
    assert inspector.steps(REPEATED)[:2] == ["0 times", "1 times"]
    assert {"gaussian", "wavelet", IN_USE} <= set(inspector.steps(METHODS))
    first, second = (inspector.after("a.tif", EPOCHS, step) for step in ("epoch 0", IN_USE))
    assert not np.array_equal(first, second) and inspector.after("a.tif", EPOCHS, IN_USE) is second
    np.testing.assert_allclose(inspector.after("a.tif", REPEATED, "0 times"), frame(), atol=1e-3)
    np.testing.assert_allclose(inspector.after("a.tif", REPEATED, "1 times"), second, atol=1e-3)
    assert inspector.after("a.tif", METHODS, "gaussian")[:, :20].std() < 0.5 * frame()[:, :20].std()


@pytest.mark.parametrize("shape, row, column", [((72, 64), 0, 0), ((72, 64), 1, 1), ((40, 88), 0.5, 0.9)])
def test_the_region_stays_inside(shape, row, column):
    region = module.square(shape, row, column, 16)
    assert np.zeros(shape)[region].shape == (16, 16)


def test_the_numbers_are_those_of_the_region():
    found = module.numbers(frame(), (slice(10, 60), slice(30, 34)))
    assert found["mean"] == pytest.approx(140, abs=3) and found["SBR"] == pytest.approx(7, rel=0.1)


@pytest.mark.parametrize("overlay", [CHANGE, "saliency"])
def test_a_map_lies_over_the_frame(inspector, overlay):
    region = (slice(20, 36), slice(24, 40))
    found = inspector.overlay("a.tif", EPOCHS, IN_USE, overlay, region)
    assert found.shape == (72, 64) and np.ptp(found) > 0
    if overlay == CHANGE:
        np.testing.assert_allclose(found, inspector.after("a.tif", EPOCHS, IN_USE) - frame())


def test_a_trust_map_needs_its_calibration(inspector):
    with pytest.raises(NircoreError, match="calibration"):
        draw(inspector, "a.tif", overlay=TRUST)


def test_the_figure_shows_input_output_map_and_profile(inspector):
    figure = draw(inspector, "b.tif", REPEATED, "2 times", brightest=0.5)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:3] == ["input", "repeated: 2 times", CHANGE]
    one, two = (figure.axes[k].images[0] for k in (0, 1))
    assert one.get_clim() == two.get_clim() and one.get_array().shape == (40, 88)
    assert len(figure.axes[3].lines) == 2


def test_a_frame_from_a_file_is_added(inspector, tmp_path):
    pixels = np.random.default_rng(2).integers(0, 4000, (48, 52)).astype(np.uint16)
    write_frame(tmp_path / "mine.tif", pixels, np.uint16)
    assert inspector.open(f" {tmp_path / 'mine.tif'} ") == "mine.tif"
    np.testing.assert_array_equal(inspector.before("mine.tif"), pixels)
    with pytest.raises(NircoreError):
        inspector.open(str(tmp_path / "none.tif"))


def test_every_slider_is_wired(inspector, monkeypatch):
    drawn = []
    monkeypatch.setattr(module, "draw", lambda _, **chosen: drawn.append(chosen))
    controls, _ = panel(inspector).children
    *chosen, (path, opened) = [*controls.children[:-1], controls.children[-1].children]
    changes = (1, "b.tif"), (2, REPEATED), (3, "1 times"), (4, "LAM"), (5, 20), (6, 0.5), (7, 0.2), (8, 0.8)
    for (place, value), slider in zip(changes, chosen, strict=True):
        before = len(drawn)
        slider.value = value
        assert len(drawn) > before, place
    assert drawn[-1] == {"frame": "b.tif", "view": REPEATED, "step": "1 times", "overlay": "LAM", "side": 20,
                         "brightest": 0.5, "row": 0.2, "column": 0.8}  # fmt: skip
    path.value = "nowhere.tif"
    opened.click()
    assert "nowhere.tif" in path.value and len(path.value) > 20 and len(OVERLAYS) > 6
