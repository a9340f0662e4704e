"""The automatic inference report: one page per enhanced frame that stands alone, and one index for a folder.

The paper names such a report (section IV) without showing one. Here a page says what went in, what came out, what
changed and by how much it may be wrong, by which model, and what its numbers cannot say. Pages fetch nothing.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nircore import files
from nircore.data.noise import Noise
from nircore.data.normalise import Normalisation
from nircore.metrics import no_reference
from nirlab import pixels, record
from nirlab.courses import HEIGHT, WIDTH, Course
from nirlab.page_parts import Panel, render

RANGE = 255.0  # the common scale of the paper's metrics: black to white level of the input
FLUX_OFF, UNSURE = 0.05, 0.25  # shares from which on a page warns

DIFFERENCE = (
    "Output minus input: red was added, blue taken away. Where all is well, this is noise and shows no structure."
)
BACKED = (0.0, 8.0)  # SDs of the noise that the picture of the support spans
SUPPORT = (
    "How far the input itself stands out of its surroundings (3 px against 9 px). A structure of the output where "
    "this is below 2 was drawn by the network, not seen by the camera."
)
USED = "On how many frames each pixel rests. Where tissue moves, or light changes, it is the frame itself alone."


@dataclass(frozen=True, eq=False)
class FrameReport:
    """All that a page says about one frame; images are (H, W) in DN, as recorded and on one scale.

    Attributes:
        name: of the result, as the reader knows it.
        low_light, enhanced: what went in (after a dark was taken away, if one was) and what came out.
        record: of the result, as `nirlab.record.of` returns it.
        page: which of the frames in the record this is.
        noise: of the input, or None where it could not be read off.
        half_width: of the trust map's interval, or None.
        trust: one sentence on what that was calibrated with and on.
        support: `nircore.inference.trust.support`, or None.
        courses: of a movie that was enhanced as one: what the spots did whose light changes most.
        used: of such a movie: on how many frames each pixel rests.
    """

    name: str
    low_light: np.ndarray
    enhanced: np.ndarray
    record: dict[str, Any]
    page: int = 0
    noise: Noise | None = None
    half_width: np.ndarray | None = None
    trust: str = ""
    support: np.ndarray | None = None
    courses: Sequence[Course] = ()
    used: np.ndarray | None = None

    def fact(self, name: str) -> Any:
        """Return what the record has on this frame."""
        return self.record["frames"][name][self.page]

    @property
    def normalisation(self) -> Normalisation:
        """Black level and range of the input."""
        return Normalisation(self.fact("offset_dn"), self.fact("scale_dn"))

    @property
    def flux(self) -> float:
        """Light out over light in; NaN where the input holds next to none."""
        return math.nan if self.fact("flux_ratio") is None else self.fact("flux_ratio")


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


def measured(report: FrameReport) -> dict[str, tuple[float, float]]:
    """Return the paper's metrics and the noise, before and after, on the input's scale from black to white level."""
    values = []
    for image in (report.low_light, report.enhanced):
        common = np.clip(report.normalisation.brightness(image) * RANGE, 0, RANGE)
        found = no_reference.measure(common, data_range=RANGE)
        values.append(found | {"noise": no_reference.noise_sd(image)})
    return {key: (values[0][key], values[1][key]) for key in values[0]}


def noticed(report: FrameReport) -> list[str]:
    """Return what the record and the images give reason to warn of."""
    warnings = []
    if math.isnan(report.flux):
        warnings.append("There is next to no light above the black level: read nothing into this frame.")
    elif abs(report.flux - 1) > FLUX_OFF:
        warnings.append(
            f"Light is not conserved: the output holds {report.flux:.2f} times the input's. Do not compare its "
            "brightness with that of other frames."
        )
    if report.noise is None:
        warnings.append("The camera's noise could not be read off this frame.")
    if report.half_width is not None:
        unsure = float(np.mean(report.half_width > report.normalisation.scale / 2))
        if unsure > UNSURE:
            warnings.append(f"For {unsure:.0%} of the pixels the interval is wider than the frame's range.")
    return warnings + [f"{words[0].upper()}{words[1:]}." for words in record.noticed(report.record["summary"])]


def write(report: FrameReport, folder: Path | str, page: str) -> Entry:
    """Write a frame's page into a folder under the name `page`, whole or not at all; return its line in the index."""
    values, warnings = measured(report), noticed(report)
    shown = {"title": f"{report.name}: enhanced", "values": values, "warnings": warnings, "size": (WIDTH, HEIGHT)}
    panels = _panels(report)
    files.write_text(Path(folder) / page, render("frame.html.j2", report=report, panels=panels, **shown))
    small = [pixels.thumbnail(pixels.bytes_of(one.image, one.levels)) for one in panels[:2]]
    before, after = (pixels.data_uri(pixels.png(image)) for image in small)
    half = float(np.median(report.half_width)) if report.half_width is not None else math.nan
    return Entry(report.name, page, before, after, report.flux, *values["noise"], half, len(warnings))


def _panels(report: FrameReport) -> list[Panel]:
    """Return input and output, then difference, trust map and support, each with its scale."""
    levels = pixels.grey_levels([report.low_light, report.enhanced])
    change = report.enhanced.astype(np.float64) - report.low_light
    reach = float(np.percentile(np.abs(change), 99.5)) or 1.0
    panels = [
        Panel("Input", report.low_light, levels, "as the network was given it"),
        Panel("Output", report.enhanced, levels, "on the input's scale"),
        Panel("Difference", change, (-reach, reach), DIFFERENCE, "RdBu_r"),
    ]
    if report.half_width is not None and np.isfinite(report.half_width).any():
        text = f"Half-width of the interval around each pixel of the output. {report.trust}".strip()
        levels = 0.0, pixels.grey_levels([report.half_width])[1]
        panels.append(Panel("Trust map", report.half_width, levels, text, "magma"))
    if report.support is not None:
        panels.append(Panel("Support by the input", report.support, BACKED, SUPPORT, "viridis", "noise SDs"))
    if report.used is not None:
        levels = 1.0, max(2.0, report.used.max())
        panels.append(Panel("Frames used", report.used, levels, USED, "viridis", "frames"))
    return panels


def write_index(entries: Iterable[Entry], folder: Path | str) -> Path:
    """Write `index.html` of a folder's pages, whole or not at all; return its path."""
    text = render("index.html.j2", title="Enhanced frames", entries=list(entries))
    return files.write_text(Path(folder) / "index.html", text)
