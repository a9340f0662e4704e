"""The automatic inference report: one page per enhanced frame that stands alone, and one index for a folder.

The paper names such a report (section IV) without showing one. Here a page says what went in, what came out, what
changed and by how much it may be wrong, by which model, and what its numbers cannot say. Pages fetch nothing.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nircore import paths
from nircore.data.noise import Noise
from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.metrics import no_reference
from nirlab import pixels
from nirlab.page_parts import Panel, panel, render

RANGE = 255.0  # the common scale of the paper's metrics: black to white level of the input
DIM = 1e-3  # share of the input's range below which there is no light to compare
FLUX_OFF, UNSURE, SATURATED = 0.05, 0.25, 1e-4  # shares from which on a page warns
FEW = 4  # pixels that may share the largest value by chance
CALLED = ("mean_intensity", "contrast", "snr", "entropy", "edge_density")

#: What a number can and cannot say, read beside it on every page.
MEANING = {
    "mean_intensity": ("Mean intensity", "share of range", "How bright the frame is. A denoiser should leave it "
                       "alone; a rise is light that was not measured."),
    "contrast": ("Contrast (RMS)", "share of range", "Spread of all grey values. Noise adds to it, and so does real "
                 "structure: it cannot tell the two apart."),
    "snr": ("SNR", "mean / noise SD", "Rises when noise goes. It rises without limit when detail is smoothed away, "
            "too, so a high value is no proof of quality."),
    "entropy": ("Entropy", "bits", "Variety of grey values. Noise raises it; removing noise lowers it. Higher is not "
                "better."),
    "edge_density": ("Edge density (Canny)", "share of pixels", "How much counts as edge. Noise makes edges, so it "
                     "usually falls where denoising works."),
    "noise": ("Noise SD (Immerkaer)", "DN", "What varies from pixel to pixel, fine texture included. After "
              "enhancement it says how smooth the frame is, not how right."),
}  # fmt: skip

DIFFERENCE = (
    "Output minus input: red was added, blue taken away. Where all is well, this is noise and shows no structure."
)
BACKED = (0.0, 8.0)  # SDs of the noise that the picture of the support spans
SUPPORT = (
    "How far the input itself stands out of its surroundings (3 px against 9 px). A structure of the output where "
    "this is below 2 was drawn by the network, not seen by the camera."
)


@dataclass(frozen=True)
class Model:
    """What made the output: as much as somebody needs to find the same weights again."""

    name: str
    sha256: str
    recipe: str
    version: str


@dataclass(frozen=True, eq=False)
class FrameReport:
    """All that a page says about one frame; images are (H, W) in DN, as recorded and on one scale.

    Attributes:
        name: of the input, as the reader knows it.
        low_light, enhanced: what went in (after a dark was taken away, if one was) and what came out.
        normalisation: black level and range of the input.
        model: what made it.
        half_width: of the trust map's interval, or None.
        trust: one sentence on what that was calibrated with and on.
        noise: of the input, or None where it could not be read off.
        facts: anything else worth a line, such as exposure, filter, page, dark, seconds.
        warnings: what the caller noticed, such as pixels clipped to the file's type.
        support: `nircore.inference.trust.support`, or None.
    """

    name: str
    low_light: np.ndarray
    enhanced: np.ndarray
    normalisation: Normalisation
    model: Model
    half_width: np.ndarray | None = None
    trust: str = ""
    noise: Noise | None = None
    facts: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    support: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Check that the images belong together."""
        shapes = {
            np.shape(i) for i in (self.low_light, self.enhanced, self.half_width, self.support) if i is not None
        }
        if len(shapes) != 1 or len(next(iter(shapes))) != 2:
            raise NircoreError(f"The report on {self.name} needs images of one size (H, W): got {sorted(shapes)}.")


@dataclass(frozen=True)
class Entry:
    """A frame's line in the index: small, so that a folder of thousands fits into memory."""

    name: str
    page: str
    before: str
    after: str
    flux: float
    noise_before: float
    noise_after: float
    half_width: float
    warnings: int


def flux_ratio(report: FrameReport) -> float:
    """Return light out over light in: sums above the input's black level; NaN where the input holds next to none."""
    black, scale = report.normalisation.offset, report.normalisation.scale
    before, after = (float(np.mean(i, dtype=np.float64)) - black for i in (report.low_light, report.enhanced))
    return after / before if before > DIM * scale else math.nan


def measured(report: FrameReport) -> dict[str, tuple[float, float]]:
    """Return the paper's metrics and the noise, before and after, on the input's scale from black to white level."""
    values = []
    for image in (report.low_light, report.enhanced):
        common = np.clip(report.normalisation.brightness(image) * RANGE, 0, RANGE)
        found = no_reference.measure(common, data_range=RANGE)
        values.append({key: found[key] for key in CALLED} | {"noise": no_reference.noise_sd(image)})
    return {key: (values[0][key], values[1][key]) for key in MEANING}


def noticed(report: FrameReport) -> list[str]:
    """Return the caller's warnings and what the images themselves give reason to say."""
    warnings, flux = list(report.warnings), flux_ratio(report)
    if math.isnan(flux):
        warnings.append("There is next to no light above the black level: read nothing into this frame.")
    elif abs(flux - 1) > FLUX_OFF:
        warnings.append(
            f"Light is not conserved: the output holds {flux:.2f} times the input's. Do not compare its brightness "
            "with that of other frames."
        )
    top = float(report.low_light.max())
    if np.sum(report.low_light >= top) > max(FEW, SATURATED * report.low_light.size):
        warnings.append(f"Many pixels share the largest value, {top:.4g} DN: the input is probably saturated there.")
    if report.noise is None:
        warnings.append("The camera's noise could not be read off this frame.")
    if report.half_width is not None:
        unsure = float(np.mean(report.half_width > report.normalisation.scale / 2))
        if unsure > UNSURE:
            warnings.append(f"For {unsure:.0%} of the pixels the interval is wider than the frame's range.")
    return warnings


def write(report: FrameReport, folder: Path | str, page: str = "") -> Entry:
    """Write a frame's page into a folder, whole or not at all; return its line for `write_index`.

    `page` is the file's name; by default the frame's name with `.html`, which is then to be unique in the folder.
    """
    page = page or f"{Path(report.name).name}.html"
    if Path(page).name != page:
        raise NircoreError(f"page={page!r} must be a file name without folders: it goes into the report's folder.")
    values, warnings = measured(report), noticed(report)
    paths.write_text(Path(folder) / page, page_text(report, values, warnings))
    levels = pixels.window([report.low_light, report.enhanced])
    small = [pixels.thumbnail(pixels.bytes_of(image, levels)) for image in (report.low_light, report.enhanced)]
    before, after = (pixels.data_uri(pixels.png(image, level=9)) for image in small)
    half = float(np.median(report.half_width)) if report.half_width is not None else math.nan
    return Entry(report.name, page, before, after, flux_ratio(report), *values["noise"], half, len(warnings))


def page_text(report: FrameReport, values: dict[str, tuple[float, float]], warnings: Sequence[str]) -> str:
    """Return one frame's page as HTML that needs nothing but itself."""
    return render(
        "frame.html.j2",
        title=f"{report.name}: enhanced",
        name=report.name,
        warnings=warnings,
        panels=_panels(report),
        meaning=MEANING,
        values=values,
        facts=_facts(report) | report.facts,
    )


def _panels(report: FrameReport) -> list[Panel]:
    """Return input and output, then difference, trust map and support, each with its scale."""
    levels = pixels.window([report.low_light, report.enhanced])
    change = report.enhanced.astype(np.float64) - report.low_light
    reach = float(np.percentile(np.abs(change), 99.5)) or 1.0
    panels = [
        panel("Input", report.low_light, levels, "as the network was given it"),
        panel("Output", report.enhanced, levels, "on the input's scale"),
        panel("Difference", change, (-reach, reach), DIFFERENCE, "RdBu_r"),
    ]
    if report.half_width is not None and np.isfinite(report.half_width).any():
        text = f"Half-width of the interval around each pixel of the output. {report.trust}".strip()
        panels.append(
            panel("Trust map", report.half_width, (0.0, pixels.window([report.half_width])[1]), text, "magma")
        )
    if report.support is not None:
        panels.append(panel("Support by the input", report.support, BACKED, SUPPORT, "viridis", "noise SDs"))
    return panels


def _facts(report: FrameReport) -> dict[str, str]:
    fit, model, noise = report.normalisation, report.model, report.noise
    height, width = report.low_light.shape
    said = "could not be read off"
    if noise is not None:
        said = f"gain {noise.gain_e_per_dn:.3g} e-/DN, {noise.read_noise_dn:.3g} DN without light; read off the frame"
        said += " (one with little light says little of the gain)"
    flux = flux_ratio(report)
    return {
        "frame": f"{height} x {width} px",
        "brightness": f"black level {fit.offset:.9g} DN; from there to the white level {fit.scale:.9g} DN",
        "light out / in": f"{flux:.4g} above the input's black level of {fit.offset:.4g} DN"
        if math.isfinite(flux)
        else "no light above the black level",
        "noise of the input": said,
        "model": f"{model.name}, recipe {model.recipe}, nircore {model.version}",
        "SHA-256 of the weights": model.sha256,
    }


def write_index(entries: Iterable[Entry], folder: Path | str, title: str = "Enhanced frames") -> Path:
    """Write `index.html` of a folder's pages, whole or not at all; return its path."""
    text = render("index.html.j2", title=title, entries=list(entries))
    return paths.write_text(Path(folder) / "index.html", text)
