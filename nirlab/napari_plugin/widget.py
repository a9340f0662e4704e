"""The widget "Denoise": the selected image layer through the network, in a thread of its own."""

from typing import Any

from magicgui.widgets import CheckBox, ComboBox, Container, Label, ProgressBar, PushButton, create_widget
from napari.layers import Image
from napari.layers import Layer as NapariLayer
from napari.qt.threading import GeneratorWorker, create_worker
from napari.viewer import Viewer

from nircore.errors import NircoreError
from nircore.inference.shipped import MODELS
from nirlab.napari_plugin import frames


class Denoise(Container):
    """Denoise the layer that is selected in the layer list; the last two axes are the frame, the others loop.

    Args:
        napari_viewer: where the layer is, and the result is added.
    """

    def __init__(self, napari_viewer: Viewer) -> None:
        self._viewer, self._worker = napari_viewer, None
        self.model = ComboBox(label="model", choices=list(MODELS), tooltip="realtime: faster, .3 dB less")
        self.dark = create_widget(annotation=Image | None, label="dark (optional)")
        self.trust = CheckBox(text="trust map", tooltip="± DN around each pixel; eight passes more for each frame")
        self.temporal = ComboBox(
            label="movie", tooltip="(T, Y, X): still pixels rest on other frames too",
            choices=[("each frame alone", ""), ("and those before it", "causal"), ("both ways", "both")],
        )  # fmt: skip
        self.start, self.stop = PushButton(text="Denoise selected layer"), PushButton(text="Stop", enabled=False)
        self.progress, self.message = ProgressBar(value=0, visible=False), Label(value="")
        buttons = Container(widgets=[self.start, self.stop], layout="horizontal", labels=False)
        super().__init__(
            widgets=[self.model, self.dark, self.temporal, self.trust, buttons, self.progress, self.message]
        )
        self.message.native.setWordWrap(True)
        self.start.changed.connect(self._begin)
        self.stop.changed.connect(self._halt)

    def _begin(self) -> None:
        source = self._viewer.layers.selection.active
        try:
            layer, trust = _tuple(source), self.trust.value
            data = frames.checked(layer)
            dark = frames.dark_of(_tuple(self.dark.value), data.shape)
        except NircoreError as error:
            self.message.value = str(error)
            return
        given = (data, self.model.value, dark, trust, self.temporal.value)
        worker = create_worker(frames.denoise, *given, _start_thread=False, _ignore_errors=True)
        worker.yielded.connect(lambda done: setattr(self.progress, "value", done))
        worker.returned.connect(lambda result: self._add(source, layer, result))
        worker.errored.connect(self._fail)
        worker.aborted.connect(lambda: self._say("Stopped: nothing was added."))
        worker.finished.connect(self._end)
        self._run(worker, frames.steps(data.shape, trust))

    def _run(self, worker: GeneratorWorker, steps: int) -> None:
        self._worker = worker
        self.progress.max, self.progress.value, self.progress.visible = steps, 0, True
        self.start.enabled, self.stop.enabled = False, True
        self._say("Working ...")
        worker.start()

    def _halt(self) -> None:
        if self._worker is not None:
            self._worker.quit()
            self._say("Stopping after this frame ...")

    def _add(self, source: NapariLayer, layer: frames.Layer, result: frames.Result) -> None:
        for data, attributes, _ in frames.layers_of(layer, result):
            self._viewer.add_image(data, **attributes)
        if source in self._viewer.layers:  # the next click means the source again, not its result
            self._viewer.layers.selection.active = source
        self._say(str(result))

    def _fail(self, error: Exception) -> None:
        if not isinstance(error, NircoreError):
            self._say("This should not have happened: see napari's error message.")
            raise error
        self._say(str(error))

    def _end(self) -> None:
        self._worker = None
        self.progress.visible = False
        self.start.enabled, self.stop.enabled = True, False

    def _say(self, text: str) -> None:
        self.message.value = text


def _tuple(layer: Any) -> frames.Layer | None:
    return None if layer is None else layer.as_layer_data_tuple()
