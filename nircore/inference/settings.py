"""What to do to a lab's own frames, as plain values."""

import math
from dataclasses import dataclass

from nircore.errors import NircoreError
from nircore.inference import engines
from nircore.inference.shipped import weights_of


@dataclass(frozen=True)
class Settings:
    """What to do to every frame; plain values, so that it travels to other machines and into the record.

    Attributes:
        weights: a generator's file; "" for a model that ships with the package.
        model: which of those, "best" or "realtime".
        engine: what runs the network, of `nircore.inference.engines`; "auto" for the fastest that is worth its start.
        dark: a dark frame or a folder of them; "" for none.
        exposure_s: of the frames, in seconds; None: as their metadata or names say.
        pedestal_dn: the level that the output is raised by where a dark is subtracted; None: the median of
            the shortest dark.
        average: each frame becomes the mean of so many around it before it is enhanced; 1: not.
        gain_e_per_dn, read_noise_dn: of the camera, in e-/DN and DN; None: read off the frames.
        temporal: "causal": each frame rests on those before it as well; "both": on those after it too; "": on none.
        keep_spots: whether single bright pixels that are shaped as the optics' spot are signal, and not defects.

    Raises:
        NircoreError: a value out of range.
    """

    weights: str = ""
    dark: str = ""
    exposure_s: float | None = None
    pedestal_dn: float | None = None
    average: int = 1
    model: str = "best"
    engine: str = "auto"
    gain_e_per_dn: float | None = None
    read_noise_dn: float | None = None
    temporal: str = ""
    keep_spots: bool = False

    def __post_init__(self) -> None:
        """Check what can be checked without a file."""
        if self.average < 1 or self.average % 2 == 0:
            raise NircoreError(f"average={self.average}: give an odd number of frames, which has a middle one.")
        if self.temporal not in ("", "causal", "both"):
            raise NircoreError(f"temporal={self.temporal!r}: give causal or both, or leave it out.")
        if self.temporal and self.average > 1:
            raise NircoreError("Choose temporal or average: each takes frames around a frame into account.")
        if self.pedestal_dn is not None and not math.isfinite(self.pedestal_dn):
            raise NircoreError(f"pedestal={self.pedestal_dn:g}: give a finite number of DN.")
        for name, unit in (("exposure_s", "seconds"), ("gain_e_per_dn", "e-/DN"), ("read_noise_dn", "DN")):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise NircoreError(f"{name}={value:g}: give a number of {unit} above 0, or leave it out.")
        engines.choose(self.engine)
        weights_of(self.model)
