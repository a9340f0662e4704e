"""Sliders on an `Inspector`, for a notebook: every change redraws at once, and errors are shown, not raised."""

import html
from typing import Any

import ipywidgets as w

from nircore.errors import NircoreError
from companion.inspector import EPOCHS, OVERLAYS, REPEATED, Inspector
from nirlab.page_parts import render
from nirlab.pixels import MAPS

WIDE = w.Layout(width="auto")
LABEL = {"description_width": "6.2em"}


class Panel:
    """The inspector on the screen: `panel.box` is what a notebook shows."""

    def __init__(self, inspector: Inspector) -> None:
        self.inspector, self._quiet = inspector, False
        self.image = w.Image(format="png", layout=w.Layout(max_width="100%", object_fit="contain"))
        self.plot = w.Image(format="png", layout=w.Layout(max_width="100%"))
        self.numbers, self.said = w.HTML(), w.HTML()
        self.controls = self._controls()
        self.box = self._arranged()
        self._follow()
        self._watch()
        self.redraw()

    def _controls(self) -> dict[str, Any]:
        """Make one widget per part of the state."""

        def slider(kind: Any, name: str, low: float, high: float, value: float, **more: Any) -> Any:
            return kind(value=value, min=low, max=high, description=name, style=LABEL, layout=WIDE, **more)

        def chosen(name: str, options: Any) -> Any:
            return w.Dropdown(options=options, description=name, style=LABEL, layout=WIDE)

        return {
            "frame": chosen("frame", list(self.inspector.frames)),
            "mode": w.ToggleButtons(
                options=[EPOCHS, REPEATED], style={"button_width": "7.5em"}, layout=w.Layout(margin="0 0 0 6.6em")
            ),
            "step": slider(w.IntSlider, "step", 0, 1, 0, readout=False),
            "wipe": slider(w.FloatSlider, "wipe", 0, 1, 0.5, step=0.01, readout=False),
            "levels": slider(w.FloatRangeSlider, "window", 0, 1, (0, 1), step=0.0025, readout=False),
            "colours": chosen("colours", list(MAPS)),
            "row": slider(w.IntSlider, "region row", 0, 1, 0),
            "column": slider(w.IntSlider, "column", 0, 1, 0),
            "side": slider(w.IntSlider, "side (px)", 4, 64, 16),
            "angle": slider(w.IntSlider, "line angle °", 0, 179, 0),
            "length": slider(w.IntSlider, "length (px)", 8, 160, 40),
            "overlay": chosen("overlay", list(OVERLAYS)),
            "opacity": slider(w.FloatSlider, "opacity", 0, 1, 0.6, step=0.05),
        }  # fmt: skip

    def _arranged(self) -> w.Widget:
        c = self.controls
        self.label = w.HTML(layout=w.Layout(margin="0 0 0 6.6em"))
        self.path = w.Text(placeholder="/path/to/frame.tif", description="own frame", style=LABEL, layout=WIDE)
        self.opened = w.Button(description="Open", layout=w.Layout(width="5em", min_width="5em"))
        self.computed = w.Button(button_style="primary", layout=w.Layout(width="11em", margin="2px 2px 2px 6.6em"))
        own = w.HBox([self.path, self.opened])
        above = [c["frame"], own, c["mode"], c["step"], self.label, c["wipe"], c["levels"], c["colours"]]
        left = [*above, c["overlay"], c["opacity"], self.computed, self.said]  # said: where one is looking
        right = [c[name] for name in ("row", "column", "side", "angle", "length")]
        self.path.layout = w.Layout(flex="1 1 0", width="0", min_width="0")
        side = w.Layout(width="25em", min_width="22em")
        return w.VBox([
            w.HBox([w.VBox(left, layout=side), self.image,
                    w.VBox([self.plot, self.numbers, *right], layout=w.Layout(width="29em"))],
                   layout=w.Layout(flex_flow="row wrap", align_items="flex-start")),
        ])  # fmt: skip

    def _watch(self) -> None:
        for name, widget in self.controls.items():
            widget.observe(lambda change, name=name: self._changed(name, change["new"]), names="value")
        self.opened.on_click(lambda _: self._guarded(self._open))
        self.computed.on_click(lambda _: self._guarded(self.inspector.compute))

    def _changed(self, name: str, value: Any) -> None:
        if self._quiet:
            return

        def change() -> None:
            if name == "frame":
                self.inspector.choose(value)
            elif name == "levels":
                self.inspector.set(levels=tuple(self.range[0] + share * self.range[1] for share in value))
            else:
                self.inspector.set(**{name: value})
            if name in ("frame", "mode"):
                self._follow()

        self._guarded(change)

    def _open(self) -> None:
        name = self.inspector.open(self.path.value)
        self._quiet = True
        self.controls["frame"].options = list(self.inspector.frames)
        self.controls["frame"].value = name
        self._quiet = False
        self._follow()

    def _guarded(self, do: Any) -> None:
        """Do something and redraw; what cannot be done is said below the controls."""
        self.said.value = ""
        try:
            do()
            self.redraw()
        except NircoreError as error:
            self.said.value = render("inspector_error.html.j2", error=error)

    def _follow(self) -> None:
        """Bring the widgets to the inspector's state and to the size of its frame, without answering to it."""
        self._quiet = True
        state, c = self.inspector.state, self.controls
        height, width = self.inspector.before.shape
        low = float(min(self.inspector.before.min(), self.inspector.after.min()))
        high = float(max(self.inspector.before.max(), self.inspector.after.max()))
        # In shares of the frame's range: a slider whose ends move with the frame answers with values of its own.
        self.range = low, max(high - low, 1e-9)
        c["levels"].value = tuple((level - low) / self.range[1] for level in state.levels)
        c["step"].max, c["row"].max, c["column"].max = len(self.inspector.steps) - 1, height - 1, width - 1
        for name, widget in c.items():
            if name not in ("levels", "frame"):
                widget.value = getattr(state, name)
        c["frame"].value = state.frame
        self._quiet = False

    def redraw(self) -> None:
        """Draw picture, profile and numbers anew."""
        inspector = self.inspector
        self.image.value, self.plot.value = inspector.picture(), inspector.profile()
        self.numbers.value = render("inspector_numbers.html.j2", numbers=inspector.numbers())
        self.label.value = html.escape(inspector.steps[inspector.state.step])
        self.computed.disabled = not inspector.waiting
        self.computed.description = "Compute overlay" if inspector.waiting else "Overlay is shown"
        if inspector.state.overlay == OVERLAYS[0]:
            self.computed.description = "No overlay"


def show(inspector: Inspector) -> w.Widget:
    """Return the inspector as one widget."""
    return Panel(inspector).box
