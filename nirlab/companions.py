"""What may stand beside a result: its page in `report/`, and its trust map in `trust/`."""

import dataclasses
import hashlib
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nirlab.formats.axes import window
from nirlab.formats.containers import opened
from nircore.data.frames import exposure_in, read_frame
from nircore.data.normalise import Normalisation
from nircore.errors import NircoreError
from nircore.inference import prepare
from nircore.inference.enhancer import enhancer_for
from nircore.inference.settings import Settings
from nirlab import pages
from nirlab.inputs import Pair
from nirlab.locks import Locks
from nirlab.map_file import MapFile
from nircore.inference import conformal
from nircore.inference import trust as maps

LONGEST = 180  # bytes of a name, before what is added to it


class Companions:
    """Makes pages and maps of finished files; call it with each file and its record, and `close` it at the end.

    Args:
        out: the folder of the results; pages go to `out/report`, maps to `out/trust`.
        settings: what was done to the frames.
        report: whether pages are wanted: one a file, of a movie's middle frame.
        trust: whether maps are wanted: half-widths in DN as 32-bit TIFF, one for each frame, at eight passes each.
        locks: of the run, so that of several runs one makes a map.
    """

    def __init__(self, out: Path, settings: Settings, report: bool, trust: bool, locks: Locks | None = None) -> None:
        self.out, self.settings, self.report, self.trust = out.expanduser().resolve(), settings, report, trust
        self.entries: list[pages.Entry] = []
        self.locks = locks or Locks()
        self.enhancer = enhancer_for(settings)
        self.calibration = conformal.load(self.enhancer.weights) if trust else None

    def __call__(self, pair: Pair, record: dict[str, Any]) -> None:
        """Make what is wanted for one file."""
        name = str(pair.target.relative_to(self.out))
        half_width = self._map(pair, name, record) if self.trust else None
        if self.report:
            with self.locks.mine(self.out / "report" / _page_name(name)):
                self.entries.append(self._page(pair, name, record, half_width))

    def close(self) -> None:
        """Write the index of the pages."""
        if self.report:
            pages.write_index(self.entries, self.out / "report")

    def _signals(self, pair: Pair, which: range | None = None) -> Iterator[np.ndarray]:
        """Yield the frames as the network was given them, (H, W) float32 DN above the dark where there is one."""
        with opened(pair.source, self.settings.raw) as stack:
            around = window(pair.source, stack, self.settings.average)
            for page in which or range(stack.pages):
                exposure = stack.exposures_s[page] if stack.exposures_s else exposure_in(pair.source)
                pixels = [np.asarray(stack.read(one), dtype=np.float32) for one in around(page)]
                yield self.enhancer.signal(np.mean(pixels, axis=0), exposure)

    def _map(self, pair: Pair, name: str, record: dict[str, Any]) -> np.ndarray:
        """Have a file's trust maps made, unless they are there; return that of the frame that its page shows."""
        with opened(pair.source, self.settings.raw) as stack:
            shape = (stack.pages, *stack.shape)
        place = self.out / "trust" / f"{_short(name)}.trust.tif"
        maps_of = MapFile(place, shape, {"of": record["identity"], "by": dataclasses.asdict(self.calibration)})
        with self.locks.mine(place):
            maps_of.make(lambda which: map(self._half_width, self._signals(pair, which)))
        return maps_of.read(_shown(record))

    def _half_width(self, signal: np.ndarray) -> np.ndarray:
        if np.ptp(signal) == 0:  # a blank frame passed through: nothing was done that could be wrong
            return np.zeros(signal.shape, np.float32)
        return maps.trust_map(self.enhancer.generator, signal, self.calibration).half_width

    def _page(self, pair: Pair, name: str, record: dict[str, Any], half_width: np.ndarray | None) -> pages.Entry:
        shown = _shown(record)
        if not record["frames"]["scale_dn"][shown]:
            raise NircoreError(f"{pair.source}: all its frames are blank, so there is no page on it.")
        (signal,) = self._signals(pair, range(shown, shown + 1))
        enhanced = read_frame(pair.target, shown).pixels - np.float32(self.enhancer.pedestal_dn)
        offset, scale = record["frames"]["offset_dn"][shown], record["frames"]["scale_dn"][shown]
        fit = Normalisation(offset, scale)
        prepared = prepare(self.enhancer.generator, signal)
        noise = maps.camera(prepared, fit.offset)
        identity, summary = record["identity"], record["summary"]
        report = pages.FrameReport(
            name=name,
            low_light=signal,
            enhanced=enhanced,
            normalisation=fit,
            model=pages.Model(identity["model"], identity["model_sha256"], identity["recipe"], identity["nircore"]),
            half_width=half_width,
            trust=self.calibration.sentence() if self.calibration else "",
            noise=noise,
            support=maps.support(prepared, fit.offset, noise),
            facts=_facts(record, shown),
            warnings=tuple(_warnings(summary)),
        )
        return pages.write(report, self.out / "report", _page_name(name))


def _shown(record: dict[str, Any]) -> int:
    """Return the frame that a page shows: of those that are not blank the one nearest the middle."""
    scales = record["frames"]["scale_dn"]
    middle = len(scales) // 2
    lit = [page for page, scale in enumerate(scales) if scale]
    return min(lit, key=lambda page: abs(page - middle), default=middle)


def _page_name(name: str) -> str:
    return f"{_short(name)}.html"


def _short(name: str) -> str:
    """Return a relative path as one file name, shortened where it would be too long, different for each."""
    flat = name.replace(os.sep, "__")
    if len(os.fsencode(flat)) <= LONGEST:
        return flat
    return f"{flat[:40]}-{hashlib.sha256(os.fsencode(name)).hexdigest()[:20]}"


def _facts(record: dict[str, Any], page: int) -> dict[str, str]:
    identity, frames = record["identity"], record["summary"]["frames"]
    flux, noise = (record["frames"][name][page] for name in ("flux_ratio", "read_noise_dn"))
    facts = {"frame shown": f"{page + 1} of {frames}", "made": record["made"]}
    facts["dark"] = (
        f"subtracted; {identity['pedestal_dn']:g} DN stand in for it in the file, and are taken off here"
        if identity["dark_subtracted"]
        else "not known: the frame's own pedestal is in these numbers"
    )
    if noise is not None:
        gain = record["frames"]["gain_e_per_dn"][page]
        facts["camera"] = f"gain {gain:.3g} e-/DN, noise of the dark {noise:.3g} DN"
    if flux is not None and math.isfinite(flux):
        facts["light out / in, as recorded"] = f"{flux:.4g}"
    if record["temporal_average_frames"] > 1:
        facts["temporal average"] = f"mean of {record['temporal_average_frames']} frames, taken before the network"
    return facts


def _warnings(summary: dict[str, Any]) -> Iterator[str]:
    if summary["pixels_clipped"]:
        yield f"{summary['pixels_clipped']} pixels were outside the range of the file's type and were clipped."
    if summary["pixels_at_ceiling"]:
        yield f"{summary['pixels_at_ceiling']} input pixels stand at the top of the file's type: they are saturated."
    if summary["outliers_replaced"]:
        yield f"{summary['outliers_replaced']} hot or dead pixels were replaced by their neighbours for the network."
    if summary["assumed"]:
        yield f"The camera's noise was partly assumed: {summary['assumed']}; see the model card for what that costs."
    if summary["blank_frames"]:
        yield f"{summary['blank_frames']} blank frames passed through as they were."
