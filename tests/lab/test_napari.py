"""The napari plugin: what it computes, without napari; and in a viewer, where there is one."""

import importlib.util
import os
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import yaml

import nircore
from nircore import paths
from nircore.errors import NircoreError
from nircore.inference.conformal import load
from nircore.inference.shipped import weights_of
from nirlab.napari_plugin import frames, reader
from tests.lab.made_cameras import spe2

FOLDER = Path(frames.__file__).parent
WHY = "needs napari, pytest-qt, a Qt and a screen (pip install 'nircore[napari]' 'napari[all]' pytest-qt; xvfb-run)"
SCREEN = sys.platform != "linux" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))
# Qt's own offscreen platform does not do: it has no OpenGL, in which napari draws.
VIEWER = SCREEN and all(importlib.util.find_spec(name) for name in ("napari", "pytestqt"))


def layer(data, name="mouse", kind="image", **attributes):
    return data, {"name": name, "rgb": False, "multiscale": False} | attributes, kind


def movie(*leading, height=48, width=40, dtype=np.uint16):
    draw = np.random.default_rng(3)
    scene = 1100 + 200 * np.exp(-((np.mgrid[:height, :width] - 20.0) ** 2).sum(0) / 90)
    return draw.normal(scene, 10, (*leading, height, width)).astype(dtype)


def finished(steps):
    """Run a generator to its end; return what it yielded and what it returned."""
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


@pytest.mark.parametrize("leading", [(), (3,), (2, 2)])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32, ">u2"])
def test_frames_come_out_as_nircore_enhance_has_them(leading, dtype):
    data = movie(*leading, dtype=dtype)
    seen, result = finished(frames.denoise(data, "realtime"))
    assert seen == list(range(1, frames.steps(data.shape, False) + 1))
    np.testing.assert_array_equal(result.image, nircore.enhance(data, model="realtime"))
    assert result.image.dtype == data.dtype and result.half_width is None


@pytest.mark.parametrize("temporal", ["causal", "both"])
def test_the_frames_of_a_movie_rest_on_others_as_nircore_enhance_has_them(temporal):
    data = movie(4)
    _, result = finished(frames.denoise(data, "realtime", temporal=temporal))
    np.testing.assert_array_equal(result.image, nircore.enhance(data, model="realtime", temporal=temporal))
    assert result.about["temporal"] == temporal
    with pytest.raises(NircoreError, match="movie"):
        next(frames.denoise(movie(2, 2), "realtime", temporal=temporal))


def test_a_dark_is_subtracted_as_nircore_enhance_does():
    data, dark = movie(2), np.full((48, 40), 1100, np.float32)
    _, result = finished(frames.denoise(data, "realtime", dark))
    np.testing.assert_array_equal(result.image, nircore.enhance(data, model="realtime", dark=dark))
    assert result.about["pedestal_dn"] == 1100


def test_the_trust_map_lies_beside_each_frame_and_a_blank_one_needs_none():
    data = movie(2)
    data[1] = 1100
    seen, result = finished(frames.denoise(data, "realtime", with_trust=True))
    assert seen == [1, 2, 3, 4] and seen[-1] == frames.steps(data.shape, True)
    assert (result.half_width[0] > 0).all() and not result.half_width[1].any()
    assert (result.image[1] == 1100).all() and "1 blank, left as they were" in str(result)
    assert result.about["trust"] == load(weights_of("realtime")).sentence()


def test_only_one_frame_is_asked_for_at_a_time():
    class Lazy:
        def __init__(self, data):
            self.data, self.shape, self.dtype = data, data.shape, data.dtype

        def __getitem__(self, place):
            assert len(place) == len(self.shape) - 2
            return self.data[place]

    data = movie(2, 2)
    _, result = finished(frames.denoise(frames.checked(layer(Lazy(data))), "realtime"))
    np.testing.assert_array_equal(result.image, nircore.enhance(data, model="realtime"))


def test_the_result_lies_where_its_source_does_and_looks_alike():
    place = {"scale": (1.0, 0.25, 0.25), "translate": (0, 3.0, 5.0), "units": ("s", "mm", "mm")}
    source = layer(movie(2), contrast_limits=(1000, 1400), metadata={"animal": 7}, visible=False, **place)
    _, result = finished(frames.denoise(source[0], "realtime", with_trust=True))
    (_, image, kind), (_, trust, _) = frames.layers_of(source, result)
    for attributes in (image, trust):
        assert {key: attributes[key] for key in place} == place
        assert attributes["metadata"]["animal"] == 7
        assert attributes["metadata"]["nircore"]["version"] == nircore.__version__
        assert len(attributes["metadata"]["nircore"]["frames"]) == 2
    assert kind == "image" and image["contrast_limits"] == (1000, 1400) and "visible" not in image
    assert trust["contrast_limits"][0] == 0 and image["name"] == "mouse denoised"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (None, "No layer is selected"),
        (layer(np.zeros((48, 40), int), kind="labels"), "'mouse' holds labels"),
        (layer(np.zeros((48, 40, 3), np.uint8), rgb=True), "'mouse' is in colour"),
        (layer(np.zeros((48, 40), bool)), "'mouse' holds bool"),
        (layer(np.zeros((9, 15, 40), np.uint16)), "'mouse' is 9 x 15 x 40"),
        (layer(np.zeros((0, 48, 40), np.uint16)), "'mouse' is 0 x 48 x 40"),
    ],
)
def test_a_layer_without_frames_is_one_sentence(wrong, words):
    with pytest.raises(NircoreError, match=words) as error:
        frames.checked(wrong)
    assert str(error.value).count(". ") == 0


def test_what_is_wrong_in_a_frame_or_a_dark_is_said():
    data = movie(3, dtype=np.float32)
    data[2, 5, 5] = np.nan
    with pytest.raises(NircoreError, match=r"Frame \(2,\) holds NaN"):
        finished(frames.denoise(data, "realtime"))
    with pytest.raises(NircoreError, match="Dark 'dark' is 20 x 40 px and the frames are 48 x 40"):
        frames.dark_of(layer(np.zeros((20, 40)), "dark"), data.shape)
    darks = np.stack([np.full((48, 40), level, np.uint16) for level in (1100, 1102)])
    assert (frames.dark_of(layer(darks), data.shape) == 1101).all()
    assert frames.checked(layer([data, data[:, ::2, ::2]], multiscale=True)) is data


def test_a_spe_file_is_read_when_looked_at_with_its_exposure(tmp_path):
    pytest.importorskip("spexread", reason="needs spexread: pip install 'nircore[cameras]'")
    data = movie(3)
    path = str(spe2(tmp_path / "movie.SPE", data))
    assert reader.reader([path]) is None
    ((found, attributes, kind),) = reader.reader(path)(path)
    assert (kind, found.shape, found.dtype) == ("image", data.shape, data.dtype)
    np.testing.assert_array_equal(found, data)
    np.testing.assert_array_equal(found[1:, 4:9, ::3], data[1:, 4:9, ::3])
    assert attributes["metadata"]["exposure_s"] == 0.02 and attributes["axis_labels"] == ("t", "y", "x")


def test_of_hdf5_only_the_cameras_own_is_claimed(tmp_path):
    import h5py

    data = movie(2)
    for name, place in (("camera.h5", "Cube/Images"), ("other.h5", "table")):
        with h5py.File(tmp_path / name, "w") as file:
            file[place] = data
            file["Cube/TimeExposure"] = [0.02, 0.04]
    assert reader.reader(str(tmp_path / "other.h5")) is None
    path = str(tmp_path / "camera.h5")
    ((found, attributes, _),) = reader.reader(path)(path)
    np.testing.assert_array_equal(found, data)
    assert attributes["metadata"]["exposure_s"] == [0.02, 0.04]


def test_the_manifest_ships_and_names_what_there_is():
    project = tomllib.loads((paths.root() / "pyproject.toml").read_text(encoding="utf-8"))
    module, file = project["project"]["entry-points"]["napari.manifest"]["nircore"].split(":")
    assert (FOLDER / file).is_file() and module == "nirlab.napari_plugin"
    assert f"napari_plugin/{file}" in project["tool"]["setuptools"]["package-data"]["nirlab"]
    manifest = yaml.safe_load((FOLDER / file).read_text(encoding="utf-8"))["contributions"]
    for command in manifest["commands"]:
        module, name = command["python_name"].split(":")
        assert f"{'class' if name == 'Denoise' else 'def'} {name}" in (
            FOLDER / f"{module.split('.')[-1]}.py"
        ).read_text(encoding="utf-8")
    known = {command["id"] for command in manifest["commands"]}
    assert known == {one["command"] for kind in ("widgets", "readers") for one in manifest[kind]}


def test_npe2_takes_the_manifest():
    npe2 = pytest.importorskip("npe2", reason="needs npe2: pip install 'nircore[napari]'")
    manifest = npe2.PluginManifest.from_file(FOLDER / "napari.yaml")
    manifest.validate_imports()
    assert manifest.name == "nircore"


@pytest.fixture
def viewer(qtbot):
    import napari
    from npe2 import PluginManager, PluginManifest

    if "nircore" not in PluginManager.instance():
        PluginManager.instance().register(PluginManifest.from_file(FOLDER / "napari.yaml"))
    viewer = napari.Viewer(show=False)
    yield viewer
    viewer.close()


def denoised(qtbot, widget):
    widget.start.changed.emit(True)
    qtbot.waitUntil(lambda: widget.start.enabled, timeout=120_000)


@pytest.mark.skipif(not VIEWER, reason=WHY)
class TestInAViewer:
    def test_a_frame_and_a_movie_are_denoised_with_their_trust_map(self, qtbot, viewer, tmp_path):
        _, widget = viewer.window.add_plugin_dock_widget("nircore", "Denoise")
        widget.model.value, widget.trust.value = "realtime", True
        place = {"scale": (0.25, 0.25), "translate": (3.0, 5.0), "units": ("mm", "mm")}
        for data in (movie(), movie(3)):
            extra = data.ndim - 2
            more = {"scale": (2.0,) * extra, "translate": (0.0,) * extra, "units": ("pixel",) * extra}
            wanted = {key: more[key] + place[key] for key in place}
            viewer.layers.clear()
            source = viewer.add_image(data, name="mouse", **wanted)
            denoised(qtbot, widget)
            image, trust = viewer.layers["mouse denoised"], viewer.layers["mouse trust, ± DN"]
            np.testing.assert_array_equal(image.data, nircore.enhance(data, model="realtime"))
            assert (trust.data > 0).all() and trust.data.shape == data.shape
            for made in (image, trust):
                assert made.extent.world.tolist() == source.extent.world.tolist()
                assert tuple(map(str, made.units)) == tuple(map(str, source.units))
            assert viewer.layers.selection.active is source
            assert widget.message.value.startswith(f"{data[..., 0, 0].size} frame")
        picture = viewer.screenshot(canvas_only=False, flash=False, path=str(tmp_path / "viewer.png"))
        assert min(picture.shape[:2]) > 200 and picture[..., :3].std() > 5

    def test_the_window_stays_alive_and_stop_adds_nothing(self, qtbot, viewer):
        _, widget = viewer.window.add_plugin_dock_widget("nircore", "Denoise")
        widget.model.value = "realtime"
        viewer.add_image(movie(2000), name="long")
        widget.start.changed.emit(True)
        qtbot.waitUntil(lambda: widget.progress.value > 2, timeout=60_000)
        assert not widget.start.enabled and widget.stop.enabled
        widget.stop.changed.emit(True)
        qtbot.waitUntil(lambda: widget.start.enabled, timeout=60_000)
        assert widget.message.value.startswith("Stopped") and len(viewer.layers) == 1

    def test_what_holds_no_frames_is_one_sentence_in_the_widget(self, qtbot, viewer):
        _, widget = viewer.window.add_plugin_dock_widget("nircore", "Denoise")
        widget.start.changed.emit(True)
        assert widget.message.value.startswith("No layer is selected")
        for add, words in (
            (lambda: viewer.add_labels(np.ones((48, 40), int), name="organs"), "'organs' holds labels"),
            (lambda: viewer.add_image(np.zeros((48, 40, 3), np.uint8), rgb=True), "is in colour"),
            (lambda: viewer.add_image(np.zeros((9, 15), np.uint16)), "is 9 x 15"),
        ):
            viewer.layers.selection.active = add()
            widget.start.changed.emit(True)
            assert words in widget.message.value
        broken = movie(dtype=np.float32)
        broken[0, 0] = np.inf
        viewer.layers.selection.active = viewer.add_image(broken)
        denoised(qtbot, widget)
        assert "holds NaN or infinite values" in widget.message.value

    def test_napari_opens_a_camera_file(self, viewer, tmp_path):
        pytest.importorskip("spexread")
        (opened,) = viewer.open(spe2(tmp_path / "movie.spe", movie(3)), plugin="nircore")
        assert opened.metadata["exposure_s"] == 0.02 and opened.data.shape == (3, 48, 40)
