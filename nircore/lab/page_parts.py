"""What the pages of `nircore.lab.pages` are put together from: a style sheet and snippets that fetch nothing."""

import html
import math
from urllib.parse import quote

import numpy as np

from nircore.plots import pixels

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #262626; max-width: 76rem; margin: 1.5rem auto; padding: 0 1rem }
h1 { font-size: 1.4rem; overflow-wrap: anywhere } h2 { font-size: 1.05rem; margin: 1.2rem 0 .4rem }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1.2rem }
figure { margin: 0 } figure h2 { margin-top: 0 } figure img, .wipe { width: 100% } figcaption { font-size: 14px }
img { image-rendering: auto; display: block } .wipe { position: relative } .wipe img { width: 100% }
.wipe img + img { position: absolute; inset: 0; clip-path: inset(0 0 0 calc(var(--at, 50) * 1%)) }
.wipe::after { content: ""; position: absolute; top: 0; bottom: 0; left: calc(var(--at, 50) * 1%); width: 2px;
  background: #de8f05 } input[type=range] { width: 100%; margin: .4rem 0 }
.bar { display: flex; gap: .5rem; align-items: center; font-size: 14px; margin: .35rem 0; white-space: nowrap }
.bar i { flex: 1; height: .7rem; border: 1px solid #8c8c8c }
table { border-collapse: collapse; font-size: 14px } small { color: #6a6a6a }
th, td { padding: .3rem .7rem .3rem 0; border-bottom: 1px solid #e4e4e4; vertical-align: top; text-align: left }
td { overflow-wrap: anywhere; min-width: 4rem } .flag, .warn { color: #9a4a00 }
.warn { border-left: 4px solid #de8f05; padding: .4rem 1rem .4rem 2rem; background: #fff7ea }
"""

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>{style}</style></head><body>
{body}
</body></html>
"""

#: Two pictures on each other; the slider says how far the upper one is cut away.
WIPE = """<figure><h2>Before | after</h2><div class="wipe"><img alt="input" src="{before}"><img alt="output"
src="{after}"></div>{bar}<input type="range" min="0" max="100" value="50" aria-label="wipe between input and output"
oninput="this.parentNode.querySelector('.wipe').style.setProperty('--at', this.value)">
<figcaption>input on the left of the line, output on the right: drag</figcaption></figure>"""


def whole(title: str, body: str) -> str:
    """Return a complete page; `title` is text, `body` is HTML."""
    return PAGE.format(title=safe(title), style=STYLE, body=body)


def safe(text: object) -> str:
    """Return text that no browser takes for markup; a byte of a name that is no text is shown as its number."""
    return html.escape(str(text).encode("utf-8", "backslashreplace").decode("utf-8"))


def link(page: str, text: str) -> str:
    """Return a link to a file in the same folder, whatever characters its name holds."""
    return f'<a href="./{quote(page, errors="surrogateescape")}">{safe(text)}</a>'


def number(value: float) -> str:
    """Return four significant digits, or a dash where there is no number."""
    return f"{value:.4g}" if math.isfinite(value) else "&ndash;"


def uri(image: np.ndarray, levels: pixels.Window, colours: str = "gray") -> str:
    """Return a frame (H, W) between two levels as a picture within the page."""
    picture = pixels.bytes_of(image, levels) if colours == "gray" else pixels.paint(image, levels, colours)
    return pixels.data_uri(pixels.png(picture, level=9))


def panel(title: str, picture: str, colours: str, levels: pixels.Window, text: str, unit: str = "DN") -> str:
    """Return a picture (a data URI) with its colour bar and caption."""
    image = f'<img alt="{safe(title)}" src="{picture}">'
    caption = f"<figcaption>{safe(text)}</figcaption>"
    return f"<figure><h2>{safe(title)}</h2>{image}{bar(colours, levels, unit)}{caption}</figure>"


def bar(colours: str, levels: pixels.Window, unit: str = "DN") -> str:
    """Return a colour bar with its ends in `unit`."""
    stops = ",".join("rgb({},{},{})".format(*colour) for colour in pixels.table(colours)[::17])
    strip = f'<i style="background:linear-gradient(to right,{stops})"></i>'
    return f'<div class="bar"><span>{levels[0]:.4g}</span>{strip}<span>{levels[1]:.4g} {safe(unit)}</span></div>'


def rows(lines: dict[str, str]) -> str:
    """Return a table of names and texts."""
    cells = "".join(f"<tr><td>{safe(name)}</td><td>{safe(text)}</td></tr>" for name, text in lines.items())
    return f"<table>{cells}</table>"
