"""The inspector: a run's frames, or one's own, looked at from all sides. State and numbers here, widgets below them.

`Inspector` knows nothing of widgets and answers every question about its state from a cache where it can, so that a
slider's step costs a drawing, at most one pass of the generator. What takes longer, a trust map or an attribution, is
asked for with `compute`. `widgets` puts sliders on it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.measure import profile_line
from torch import nn

from companion.run import places
from nircore.data import sets
from nircore.data.frames import read_frame
from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.inference import enhance, prepare, repeat
from nircore.metrics import no_reference, quantitation
from nircore.models import checkpoint
from companion.plots import inspect
from companion.plots.panels import scale, window
from nirlab.pixels import png
from companion.run import Run
from companion.study import explain
from nircore.inference import conformal, trust
from companion.study.explain import attribution
from nircore.training import evaluation

TIMES = 4  # applications at most
NOTHING, CHANGE, HALF, SUPPORT = "none", "difference", "trust: half-width", "trust: support"
OVERLAYS = (NOTHING, CHANGE, HALF, SUPPORT, *attribution.METHODS)
EPOCHS, REPEATED = "epochs", "repeated"
KEPT = 64  # outputs remembered
LINE_WIDTH = 3  # px: a profile is the mean of so many neighbouring lines


@dataclass(frozen=True)
class State:
    """All that a person has set: frame, step, wipe, window, colours, region (centre and side), line, overlay."""

    frame: str
    mode: str = EPOCHS
    step: int = -1
    wipe: float = 0.5
    levels: tuple[float, float] = (0.0, 1.0)
    colours: str = "gray"
    row: int = 0
    column: int = 0
    side: int = 16
    angle: int = 0
    length: int = 40
    overlay: str = NOTHING
    opacity: float = 0.6


@dataclass(eq=False)
class Inspector:
    """Frames by name, generators by label (the last is the one in use), and a `State`.

    Args:
        frames: name -> a function that loads the frame, (H, W) float32 DN.
        weights: label -> file of a generator, in the order of training.
    """

    frames: dict[str, Callable[[], np.ndarray]]
    weights: dict[str, Path]
    state: State = field(init=False)

    def __post_init__(self) -> None:
        """Open the first frame."""
        self._kept: dict[Any, Any] = {}
        self.choose(next(iter(self.frames)))

    @classmethod
    def of(cls, run: Run) -> "Inspector":
        """Open a run: its test frames, and the generators of its epochs, the one in use last.

        Raises:
            NircoreError: the run has no split or no trained generator yet.
        """
        rows = run.rows("test", "low_light")
        frames = {Path(r.file).name: (lambda r=r: sets.load(run.config, r)) for r in rows}
        epochs = sorted(run.path("models/epochs").glob("epoch_*.safetensors"))
        weights = {f"epoch {int(path.stem[6:])}": path for path in epochs}
        return cls(frames, weights | {"in use": run.path("models/generator.safetensors")})

    def open(self, path: str) -> str:
        """Add a frame of one's own, any file that `read_frame` reads, and choose it; return its name."""
        file = Path(path.strip()).expanduser()
        name, pixels = file.name, read_frame(file).pixels
        self._kept = {key: value for key, value in self._kept.items() if name not in key}
        self.frames = self.frames | {name: lambda: pixels}
        self.choose(name)
        return name

    def choose(self, name: str) -> None:
        """Look at another frame: window, region and line start where they make sense for it."""
        before = getattr(self, "state", State(name))
        frame = self._frame(name)
        height, width = frame.shape
        state = replace(before, frame=name, step=before.step if before.step >= 0 else len(self.weights) - 1)
        self.state = replace(state, row=height // 2, column=width // 2)
        row, column = _standing_out(self.after)
        self.state = replace(self.state, levels=window([frame, self.after]), row=row, column=column)

    def set(self, **changes: Any) -> None:
        """Change the state; a new frame goes through `choose`."""
        self.state = replace(self.state, **changes)
        self.state = replace(self.state, step=min(self.state.step, len(self.steps) - 1))

    @property
    def steps(self) -> list[str]:
        """What the step slider goes through: epochs, or numbers of applications."""
        return list(self.weights) if self.state.mode == EPOCHS else [f"{k} times" for k in range(TIMES + 1)]

    def _keep(self, key: tuple, make: Callable[[], Any]) -> Any:
        if key not in self._kept:
            made = make()  # which may keep things of its own
            while len(self._kept) >= KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = made
        return self._kept[key]

    def _frame(self, name: str) -> np.ndarray:
        return self._keep(("frame", name), self.frames[name])

    def _generator(self) -> nn.Module:
        """The generator of this step; repeated application uses the one in use."""
        label = self.steps[self.state.step] if self.state.mode == EPOCHS else "in use"
        return self._keep(("generator", label), lambda: checkpoint.load_generator(self.weights[label])[0])

    @property
    def before(self) -> np.ndarray:
        """The frame, (H, W) DN."""
        return self._frame(self.state.frame)

    @property
    def after(self) -> np.ndarray:
        """The frame at this step, (H, W) DN."""
        state = self.state
        if state.mode == REPEATED:
            make = lambda: repeat(self._generator(), self.before, TIMES)  # noqa: E731
            return self._keep(("repeated", state.frame), make)[state.step]
        key = ("output", state.frame, self.steps[state.step])
        return self._keep(key, lambda: enhance(self._generator(), self.before)[0])

    @property
    def region(self) -> tuple[int, int, int, int]:
        """Top, left, height and width of the region, inside the frame."""
        (height, width), side = self.before.shape, min(self.state.side, *self.before.shape)
        top = int(np.clip(self.state.row - side // 2, 0, height - side))
        return top, int(np.clip(self.state.column - side // 2, 0, width - side)), side, side

    @property
    def line(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """The two ends of the line through the region's centre, inside the frame."""
        top, left, side, _ = self.region
        turn, half = np.deg2rad(self.state.angle), self.state.length / 2
        step = np.array([-np.sin(turn), np.cos(turn)]) * half
        centre = np.array([top + side / 2, left + side / 2])
        most = np.array(self.before.shape) - 1
        first, last = (tuple(float(v) for v in np.clip(centre + sign * step, 0, most)) for sign in (-1, 1))
        return first, last

    def mask(self) -> np.ndarray:
        """Return the region as (H, W) bool."""
        top, left, height, width = self.region
        mask = np.zeros(self.before.shape, dtype=bool)
        mask[top : top + height, left : left + width] = True
        return mask

    # What is slow, and asked for.

    def _overlay_key(self) -> tuple:
        state = self.state
        where = self.region if state.overlay in attribution.METHODS else ()
        # A trust map belongs to the generator in use, and an attribution to the generator of this step.
        label = self.steps[state.step] if state.mode == EPOCHS and where else "in use"
        return ("overlay", state.frame, label, state.overlay.split(":")[0], where)

    @property
    def waiting(self) -> bool:
        """Is an overlay chosen that has not been computed for this frame, step and region?"""
        return self.state.overlay not in (NOTHING, CHANGE) and self._overlay_key() not in self._kept

    def compute(self) -> None:
        """Compute the chosen overlay; a trust map takes a few passes, an attribution some tens.

        Raises:
            NircoreError: the generator in use has no calibration yet, or the region leaves no background.
        """
        if self.waiting:
            make = self._attribution if self.state.overlay in attribution.METHODS else self._trust
            self._keep(self._overlay_key(), make)

    def _trust(self) -> trust.Trust:
        path = self.weights["in use"]
        calibration = conformal.load(path)
        return trust.trust_map(checkpoint.load_generator(path)[0], self.before, calibration)

    def _attribution(self) -> np.ndarray:
        generator = self._generator()
        question = explain.ask(generator, self.before, self.mask(), "region")
        found = np.zeros(self.before.shape)
        found[question.place] = attribution.attribute(generator, question, self.state.overlay)
        return found

    def overlay(self) -> inspect.Overlay | None:
        """Return what is laid over the output, if it is there."""
        chosen = self.state.overlay
        if chosen == NOTHING or self.waiting:
            return None
        if chosen == CHANGE:
            change = self.after - prepare(self._generator(), self.before)
            return inspect.Overlay(change, *scale(change), "out - in, DN")
        found = self._kept[self._overlay_key()]
        if chosen == HALF:
            return inspect.Overlay(found.half_width, *scale(found.half_width), "± DN")
        if chosen == SUPPORT:
            values = np.zeros(self.before.shape) if found.support is None else np.maximum(found.support, 0)
            return inspect.Overlay(values, (0.0, 8.0), "viridis", "noise SDs")
        return inspect.Overlay(found, *scale(found), "DN" if chosen in attribution.SIGNED else "weight")

    # What is drawn, and measured.

    def picture(self) -> bytes:
        """Return the frame as PNG."""
        state = self.state
        view = inspect.View(state.levels, state.colours, state.wipe, self.region, self.line, state.opacity)
        return png(inspect.picture(self.before, self.after, view, self.overlay()))

    def profiles(self) -> dict[str, np.ndarray]:
        """Return the line profiles of input and output, (n,) DN each."""
        ends = self.line
        cut = {"input": self.before, "output": self.after}
        return {name: profile_line(image, *ends, linewidth=LINE_WIDTH, mode="reflect") for name, image in cut.items()}

    def profile(self) -> bytes:
        """Return the line profiles as PNG."""
        return png(inspect.profile(self.profiles()))

    def numbers(self) -> dict[str, tuple[float, float]]:
        """Return mean (DN), SNR, SBR and CNR of the region and the FWHM across it (px), in input and output.

        Above the frame's black level; the background is the ring of `quantitation.background_ring`; NaN where a
        number does not exist.
        """
        mask, black = self.mask(), Normalisation.of(self.before).offset
        ring = quantitation.background_ring(mask)
        top, left, height, width = self.region
        square = np.s_[top : top + height, left : left + width]
        values = []
        for image, line in zip((self.before, self.after), self.profiles().values(), strict=True):
            image = image.astype(np.float64) - black
            values.append((
                float(image[mask].mean()), no_reference.snr(image[square], data_range=1.0),
                quantitation.sbr(image, mask, ring), quantitation.cnr(image, mask, ring), _width(line),
            ))  # fmt: skip
        names = ("mean (DN)", "SNR", "SBR", "CNR", "FWHM (px)")
        return dict(zip(names, zip(*values, strict=True), strict=True))


def _standing_out(image: np.ndarray) -> tuple[int, int]:
    """Return where to start: the pixel that stands out most at the scale of a vessel, away from the border."""
    fine = gaussian_filter(image.astype(np.float32), 1.5) - gaussian_filter(image.astype(np.float32), 6.0)
    edge = min(24, min(image.shape) // 4)
    row, column = np.unravel_index(int(np.argmax(fine[edge:-edge, edge:-edge])), fine[edge:-edge, edge:-edge].shape)
    return int(row) + edge, int(column) + edge


def _width(line: np.ndarray) -> float:
    try:
        return quantitation.fwhm(line)
    except NircoreError:  # no peak that falls to half on both sides
        return float("nan")


def open_folder(folder: str) -> Inspector:
    """Open a run by the path of its folder, such as `reports/phantom-cpu`."""
    from nircore.config import load_file

    path = Path(folder).expanduser().resolve()
    if not (path / "config.yaml").is_file():
        raise NircoreError(f"{path} is no run: it holds no config.yaml. Runs are the folders in {places.reports()}.")
    run = Run(load_file(path / "config.yaml"))
    if run.folder != path:
        raise NircoreError(f"{path} is not in {places.reports()}: set NIRCORE_REPORTS to the folder that holds it.")
    return Inspector.of(run)
