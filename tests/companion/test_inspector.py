"""The inspector's state, caches, numbers and pictures, and that every widget is wired to the state."""

import io

import numpy as np
import pytest
from PIL import Image

from companion.inspector import CHANGE, HALF, OVERLAYS, REPEATED, SUPPORT, Inspector
from companion.inspector_widgets import Panel
from companion.plots import inspect
from nircore.recipe import resolve
from nircore.data.frames import write_frame
from nircore.errors import NircoreError
from nircore.inference import conformal
from nircore.models import build_generator, checkpoint
from nirlab.pixels import bytes_of, thumbnail

CONFIG = resolve({"ngf": 2, "blocks": 1})


def frame(seed=0, shape=(72, 64)):
    rng = np.random.default_rng(seed)
    pixels = rng.normal(20, 5, shape).astype(np.float32)
    pixels[10:60, 30:34] += 120
    return pixels


@pytest.fixture
def inspector(tmp_path):
    weights = {}
    for k, label in enumerate(("epoch 0", "epoch 1", "in use")):
        weights[label] = tmp_path / f"{k}.safetensors"
        checkpoint.save_generator(weights[label], build_generator(CONFIG, k), CONFIG, {})
    return Inspector({"a.tif": frame, "b.tif": lambda: frame(1, (40, 88))}, weights)


def picture(data):
    return np.asarray(Image.open(io.BytesIO(data)))


def test_it_opens_with_everything_in_view(inspector):
    assert inspector.steps == ["epoch 0", "epoch 1", "in use"] and inspector.state.step == 2
    low, high = inspector.state.levels
    assert low < 40 and high > 100
    assert np.isfinite(list(inspector.numbers().values())).sum() >= 6
    assert picture(inspector.picture()).shape[0] == 72 * inspect.magnification((72, 64))


def test_steps_go_through_epochs_or_applications(inspector):
    outputs = []
    for step in range(3):
        inspector.set(step=step)
        outputs.append(inspector.after)
    assert not np.array_equal(outputs[0], outputs[1]) and not np.array_equal(outputs[1], outputs[2])
    inspector.set(mode=REPEATED, step=0)
    assert inspector.steps[:2] == ["0 times", "1 times"]
    np.testing.assert_allclose(inspector.after, inspector.before, atol=1e-3)
    inspector.set(step=1)
    np.testing.assert_allclose(inspector.after, outputs[2], atol=1e-3)
    inspector.set(step=4)
    inspector.set(mode="epochs")
    assert inspector.state.step == 2


def test_outputs_are_remembered_within_bounds(inspector, monkeypatch):
    first = inspector.after
    assert inspector.after is first
    monkeypatch.setattr("companion.inspector.KEPT", 5)
    for name in ("a.tif", "b.tif") * 2:
        inspector.choose(name)
        for step in range(3):
            inspector.set(step=step)
            assert inspector.after.shape == inspector.before.shape
    assert len(inspector._kept) <= 5


def test_region_and_line_stay_inside_the_frame(inspector):
    for name in inspector.frames:
        inspector.choose(name)
        height, width = inspector.before.shape
        for row, column, side in ((0, 0, 16), (height - 1, width - 1, 64), (5, width // 2, 4)):
            for angle in (0, 45, 90, 179):
                inspector.set(row=row, column=column, side=side, angle=angle, length=160)
                top, left, h, w = inspector.region
                assert 0 <= top <= height - h and 0 <= left <= width - w and inspector.mask().sum() == h * w
                ends = np.array(inspector.line)
                assert (ends >= 0).all() and (ends <= [height - 1, width - 1]).all()


def test_numbers_across_a_vessel_are_right(inspector):
    inspector.set(row=35, column=32, side=4, angle=0, length=40)
    numbers = inspector.numbers()
    assert numbers["mean (DN)"][0] == pytest.approx(120, rel=0.15)
    assert numbers["FWHM (px)"][0] == pytest.approx(4, abs=1)
    assert numbers["SBR"][0] > 4 and numbers["CNR"][0] > 2  # the ring holds some of the vessel
    inspector.set(angle=90)  # along the vessel: no peak
    line = inspector.profiles()["input"]
    assert line.min() > 80


def test_overlays_wait_until_they_are_asked_for(inspector):
    assert inspector.overlay() is None
    inspector.set(overlay=CHANGE)
    np.testing.assert_allclose(inspector.overlay().values, inspector.after - inspector.before)
    inspector.set(overlay="saliency", row=35, column=32)
    assert inspector.waiting and inspector.overlay() is None
    inspector.compute()
    assert not inspector.waiting and inspector.overlay().values.max() > 0
    inspector.set(wipe=0.1, colours="magma")
    assert not inspector.waiting
    inspector.set(row=20)
    assert inspector.waiting


def test_trust_needs_its_calibration_and_is_shared_by_both_overlays(inspector):
    inspector.set(overlay=HALF)
    with pytest.raises(NircoreError, match="There is no calibration"):
        inspector.compute()
    plan = conformal.Calibration(2.0, {"spread": 1.0}, 0.1, 0.05, 18, 6, 2, "frames")
    conformal.save(plan, inspector.weights["in use"])
    inspector.compute()
    assert inspector.overlay().values.min() > 0
    inspector.set(overlay=SUPPORT)
    assert not inspector.waiting and inspector.overlay().levels == (0.0, 8.0)


def test_a_frame_of_ones_own(inspector, tmp_path):
    write_frame(tmp_path / "mine.tif", frame(3, (50, 40)) + 1100, np.uint16)
    assert inspector.open(str(tmp_path / "mine.tif")) == "mine.tif"
    assert inspector.before.shape == (50, 40) and inspector.state.levels[0] > 1000
    assert inspector.numbers()["mean (DN)"][0] < 500  # above the black level: the pedestal is gone
    with pytest.raises(NircoreError):
        inspector.open(str(tmp_path / "absent.tif"))
    assert inspector.state.frame == "mine.tif"


def test_pictures_wipe_mark_and_scale():
    before, after = np.zeros((40, 60)), np.full((40, 60), 100.0)
    view = inspect.View((0, 100), wipe=0.5)
    shown = inspect.picture(before, after, view)
    times = inspect.magnification(before.shape)
    assert shown.shape == (40 * times, 60 * times + inspect.BAR + inspect.MARGIN, 3) and shown.dtype == np.uint8
    assert shown[20 * times, 10 * times].tolist() == [0, 0, 0]
    assert shown[20 * times, 50 * times].tolist() == [255, 255, 255]
    marked = inspect.picture(before, after, inspect.View((0, 100), region=(5, 5, 8, 8), line=((20, 5), (20, 50))))
    assert (marked != shown).any(2).sum() > 100
    over = inspect.Overlay(np.full((40, 60), 5.0), (0, 5), "magma", "DN")
    laid = inspect.picture(before, after, view, over)
    assert laid.shape[1] == shown.shape[1] + inspect.BAR + inspect.MARGIN
    assert (laid[20 * times, 50 * times] != shown[20 * times, 50 * times]).any()
    np.testing.assert_array_equal(laid[20 * times, 10 * times], shown[20 * times, 10 * times])  # the input stays bare


def test_profiles_differ_where_lines_do():
    flat, peak = np.zeros(30), np.exp(-(np.linspace(-3, 3, 30) ** 2))
    one, two = (inspect.profile({"input": flat, "output": line}) for line in (flat, peak))
    assert one.shape == (inspect.PLOT[1], inspect.PLOT[0], 3) and (one != two).any()


def test_bytes_clip_and_nothing_is_enlarged_by_a_thumbnail():
    assert bytes_of(np.array([[-5, 0, 5, 10, 20, np.nan]]), (0, 10)).tolist() == [[0, 0, 128, 255, 255, 128]]
    assert thumbnail(np.zeros((20, 10), np.uint8)).shape == (20, 10)
    assert max(thumbnail(np.zeros((640, 512), np.uint8)).shape) == 160


def test_every_widget_is_wired(inspector):
    panel = Panel(inspector)
    values = {"step": 0, "wipe": 0.2, "colours": "magma", "row": 30, "column": 20, "side": 10,
              "angle": 60, "length": 30, "overlay": CHANGE, "opacity": 0.9}  # fmt: skip
    assert set(panel.controls) == {"frame", "mode", "levels", *values}
    for name, value in values.items():
        before = panel.image.value
        panel.controls[name].value = value
        assert getattr(inspector.state, name) == value
        assert panel.image.value != before, name
    before = panel.image.value
    panel.controls["levels"].value = (0.25, 0.5)  # of the range of input and output
    low = min(inspector.before.min(), inspector.after.min())
    high = max(inspector.before.max(), inspector.after.max())
    np.testing.assert_allclose(
        inspector.state.levels, [low + share * (high - low) for share in (0.25, 0.5)], rtol=1e-5
    )
    assert panel.image.value != before
    panel.controls["mode"].value = REPEATED
    assert panel.controls["step"].max == 4
    panel.controls["frame"].value = "b.tif"
    assert inspector.before.shape == (40, 88) and panel.controls["column"].max == 87
    assert "SBR" in panel.numbers.value


def test_errors_are_shown_and_not_raised(inspector, tmp_path):
    panel = Panel(inspector)
    panel.path.value = str(tmp_path / "<absent>.tif")
    panel.opened.click()
    assert "absent" in panel.said.value and "<absent>" not in panel.said.value
    panel.controls["overlay"].value = HALF
    panel.computed.click()
    assert "There is no calibration" in panel.said.value
    panel.controls["overlay"].value = OVERLAYS[0]
    assert panel.said.value == "" and panel.computed.disabled
