"""The inspector: test frames of a run, or a frame from a file, through epochs, repeated application and methods.

`Inspector` holds frames and what enhances them; `draw` makes one figure from plain values and knows no widget;
`panel` puts sliders on it. What was computed once is kept, so that a slider's step costs a drawing.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from companion import rivals
from companion.plots.palette import ENHANCED, LOW_LIGHT, TARGET
from companion.plots.panels import scale, show, window
from companion.plots.style import canvas, legend, tidy
from companion.run import Run
from companion.study import explain
from companion.study.explain import attribution
from nircore.data import sets
from nircore.data.frames import read_frame
from nircore.errors import NircoreError
from nircore.inference import conformal, enhance, repeat, trust
from nircore.metrics import no_reference, quantitation
from nircore.models import checkpoint

EPOCHS, REPEATED, METHODS = VIEWS = ("epochs", "repeated", "methods")
CHANGE, TRUST = "difference", "trust: half-width"
OVERLAYS = (CHANGE, TRUST, *attribution.METHODS)
TIMES = 4  # applications of the generator, at most
IN_USE = "in use"  # label of the generator that the run has chosen


@dataclass(eq=False)
class Inspector:
    """Frames by name (functions that load (H, W) float32 DN), and files of generators by label, IN_USE the last."""

    frames: dict[str, Callable[[], np.ndarray]]
    weights: dict[str, Path]
    _kept: dict[tuple, Any] = field(init=False, default_factory=dict)

    @classmethod
    def of(cls, run: Run) -> "Inspector":
        """Open a run: its test frames, and the generators of its epochs, the one in use last."""
        rows = run.rows("test", "low_light")
        epochs = sorted(run.path("models/epochs").glob("epoch_*.safetensors"))
        weights = {f"epoch {int(path.stem[6:])}": path for path in epochs}
        frames = {Path(row.file).name: partial(sets.load, run.config, row) for row in rows}
        return cls(frames, weights | {IN_USE: run.made("models/generator.safetensors")})

    def open(self, path: str) -> str:
        """Add a frame from a file that `read_frame` reads; return its name."""
        file = Path(path.strip()).expanduser()
        pixels = read_frame(file).pixels
        self._kept = {key: value for key, value in self._kept.items() if file.name not in key}
        self.frames[file.name] = lambda: pixels
        return file.name

    def steps(self, view: str) -> list[str]:
        """Return what the step slider goes through: epochs, numbers of applications, or methods."""
        classical = [name for name, absent in rivals.available().items() if not absent and name != "vst_bm3d"]
        return {EPOCHS: list(self.weights), REPEATED: [f"{k} times" for k in range(TIMES + 1)],
                METHODS: [*classical, IN_USE]}[view]  # fmt: skip

    def _keep(self, make: Callable[[], Any], *key: Any) -> Any:
        """Return what was made before under the key, or make it."""
        if key not in self._kept:
            self._kept[key] = make()
        return self._kept[key]

    def before(self, frame: str) -> np.ndarray:
        """Return a frame, (H, W) DN."""
        return self._keep(self.frames[frame], "frame", frame)

    def _generator(self, label: str) -> Any:
        return self._keep(lambda: checkpoint.load_generator(self.weights[label])[0], "generator", label)

    def after(self, frame: str, view: str, step: str) -> np.ndarray:
        """Return what a step makes of a frame, (H, W) DN; a classical method takes the middle of its candidates."""
        before = self.before(frame)
        if view == REPEATED:
            series = self._keep(lambda: repeat(self._generator(IN_USE), before, TIMES), REPEATED, frame)
            return series[self.steps(view).index(step)]
        if step in self.weights:
            return self._keep(lambda: enhance(self._generator(step), before)[0], step, frame)
        method = rivals.METHODS[step]
        return self._keep(lambda: method.function(before, method.grid[len(method.grid) // 2]), step, frame)

    def overlay(self, frame: str, view: str, step: str, name: str, region: tuple[slice, slice]) -> np.ndarray:
        """Return a map (H, W) in DN: the change, the trust map of the generator in use, or a region's attribution.

        Raises:
            NircoreError: the generator in use has no calibration yet, or the region leaves no background.
        """
        if name == CHANGE:
            return self.after(frame, view, step) - self.before(frame)
        if name == TRUST:
            return self._keep(lambda: self._trust(frame), TRUST, frame)
        label = step if step in self.weights else IN_USE
        return self._keep(lambda: self._attribution(frame, label, name, region), frame, label, name, str(region))

    def _trust(self, frame: str) -> np.ndarray:
        calibration = conformal.load(self.weights[IN_USE])
        return trust.trust_map(self._generator(IN_USE), self.before(frame), calibration).half_width

    def _attribution(self, frame: str, label: str, name: str, region: tuple[slice, slice]) -> np.ndarray:
        generator, pixels = self._generator(label), self.before(frame)
        mask, found = np.zeros(pixels.shape, dtype=bool), np.zeros(pixels.shape)
        mask[region] = True
        question = explain.ask(generator, pixels, mask, "region")
        found[question.place] = attribution.attribute(generator, question, name)
        return found


def square(shape: tuple[int, int], row: float, column: float, side: int) -> tuple[slice, slice]:
    """Return a square whose middle is at shares of the height and the width of a frame (H, W), inside it."""
    starts = [int(np.clip(share * length - side / 2, 0, length - side))
              for share, length in zip((row, column), shape, strict=True)]  # fmt: skip
    return tuple(slice(start, start + side) for start in starts)


def numbers(image: np.ndarray, region: tuple[slice, slice]) -> dict[str, float]:
    """Return mean (DN), SNR, SBR and CNR of a region; the background is `quantitation.background_ring`."""
    mask = np.zeros(image.shape, dtype=bool)
    mask[region] = True
    ring = quantitation.background_ring(mask)
    return {
        "mean": float(image[region].mean()), "SNR": no_reference.snr(image[region], data_range=1.0),
        "SBR": quantitation.sbr(image, mask, ring), "CNR": quantitation.cnr(image, mask, ring),
    }  # fmt: skip


def draw(
    looked_at: Inspector, frame: str, view: str = EPOCHS, step: str = IN_USE, overlay: str = CHANGE,
    brightest: float = 1.0, row: float = 0.5, column: float = 0.5, side: int = 16,
) -> Figure:  # fmt: skip
    """Draw input and output on one scale, a map over the same frame, and the profile across the region's middle.

    Args:
        looked_at: frames and networks.
        frame: a name of its frames.
        view: one of VIEWS; `step` is one of its steps.
        overlay: one of OVERLAYS.
        brightest: share of the common grey scale that is drawn white.
        row: of the region's middle, as a share of the height; `column` of the width.
        side: of the region, px.
    """
    before, after = looked_at.before(frame), looked_at.after(frame, view, step)
    region = square(before.shape, row, column, min(side, *before.shape))
    found = looked_at.overlay(frame, view, step, overlay, region)
    low, high = window([before, after])
    greys = (low, low + max(brightest, 0.01) * (high - low))
    figure = canvas(5.6, 11)
    *axes, profile = figure.subplot_mosaic("abc;ddd", height_ratios=(2.2, 1)).values()
    shown = ((before, greys, "gray", "input"), (after, greys, "gray", f"{view}: {step}"),
             (found, *scale(found), overlay))  # fmt: skip
    for ax, (image, levels, colours, title) in zip(axes, shown, strict=True):
        figure.colorbar(show(ax, image, levels, colours=colours), ax=ax, shrink=0.8)
        place = (region[1].start - 0.5, region[0].start - 0.5)
        ax.add_patch(Rectangle(place, *(part.stop - part.start for part in region[::-1]), fc="none", ec=TARGET))
        ax.set_title(title, size=9)
    for image, name, colour in ((before, "input", LOW_LIGHT), (after, "output", ENHANCED)):
        said = ", ".join(f"{key} {value:.3g}" for key, value in numbers(image, region).items())
        profile.plot(image[region[0]].mean(axis=0), color=colour, label=f"{name}: {said}")
    tidy(profile, "column, px", "mean of the region's rows, DN")
    legend(profile)
    return figure


def panel(looked_at: Inspector) -> Any:
    """Return the inspector with its sliders as one widget; what cannot be drawn is said in its place."""
    import ipywidgets as w

    wide = {"layout": w.Layout(width="auto"), "style": {"description_width": "6em"}}
    names = list(looked_at.frames)
    chosen = {
        "frame": w.SelectionSlider(options=names, description="sample", continuous_update=False, **wide),
        "view": w.ToggleButtons(options=VIEWS),
        "step": w.SelectionSlider(options=looked_at.steps(EPOCHS), value=IN_USE, description="step", **wide),
        "overlay": w.Dropdown(options=OVERLAYS, description="map", **wide),
        "side": w.IntSlider(16, 4, 64, description="region, px", continuous_update=False, **wide),
    } | {
        key: w.FloatSlider(value, min=0, max=1, step=0.01, description=key, continuous_update=False, **wide)
        for key, value in (("brightest", 1.0), ("row", 0.5), ("column", 0.5))
    }
    path = w.Text(description="own frame", placeholder="TIFF, PNG or npy", **wide)
    opened = w.Button(description="Open")

    def steps(change: dict) -> None:
        options = looked_at.steps(change["new"])
        chosen["step"].options, chosen["step"].value = options, options[-1]

    def add(_: w.Button) -> None:
        try:
            name = looked_at.open(path.value)
        except NircoreError as error:
            path.value = str(error)
        else:
            chosen["frame"].options, chosen["frame"].value = list(looked_at.frames), name

    chosen["view"].observe(steps, "value")
    opened.on_click(add)
    picture = w.interactive_output(partial(_shown, looked_at), chosen)
    return w.VBox([w.VBox([*chosen.values(), w.HBox([path, opened])]), picture])


def _shown(looked_at: Inspector, **chosen: Any) -> None:
    from IPython.display import display

    try:
        if chosen["step"] in looked_at.steps(chosen["view"]):  # while the steps of another view come in
            display(draw(looked_at, **chosen))
    except NircoreError as error:
        print(error)
