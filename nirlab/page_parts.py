"""What pages are made from: the templates in `nirlab/templates/`, and pictures that a page holds within itself."""

import math
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from nirlab import pixels


@dataclass(frozen=True, eq=False)
class Panel:
    """A frame (H, W), painted between two levels in the colours of a map, with its caption."""

    title: str
    image: np.ndarray
    levels: pixels.Window
    caption: str
    colours: str = "gray"
    unit: str = "DN"

    @cached_property
    def picture(self) -> str:
        """The painted frame as a data URI."""
        grey = pixels.bytes_of(self.image, self.levels)
        return pixels.data_uri(pixels.png(grey if self.colours == "gray" else pixels.table(self.colours)[grey]))

    @property
    def stops(self) -> str:
        """The colour map as the stops of a CSS gradient."""
        return ",".join("rgb({},{},{})".format(*colour) for colour in pixels.table(self.colours)[::17])


def render(template: str, **values: Any) -> str:
    """Return a template of `nirlab/templates/` filled in; in HTML, all text is escaped."""
    return _environment().get_template(template).render(values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=lambda name: str(name).endswith(".html.j2"),
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "address": lambda name: quote(name, errors="surrogateescape")}
    return environment


def _printable(value: Any) -> Any:
    """Show a byte of a file's name that is no text as its number: it could not be written otherwise."""
    return value.encode("utf-8", "backslashreplace").decode("utf-8") if type(value) is str else value


def _number(value: float, digits: int = 4, none: str = "\N{EN DASH}") -> str:
    """Return significant digits, or what stands where there is no number."""
    return f"{value:.{digits}g}" if math.isfinite(value) else none
