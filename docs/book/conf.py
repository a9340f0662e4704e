"""Sphinx's settings for `make book`: README, docs and the executed notebooks as a site in build/book.

Its pages are files of the repository where they lie, so that one link between them holds on a forge and in the book.
"""

import re
from pathlib import Path

from sphinx.application import Sphinx

REPOSITORY = Path(__file__).resolve().parents[2]
EXECUTED = [path.stem for path in (REPOSITORY / "reports" / "showcase" / "notebooks").glob("*.ipynb")]
CONTENTS = """
```{toctree}
:hidden:
:glob:
:titlesonly:
:caption: Notebooks

/reports/showcase/notebooks/*
/notebooks/*
```

```{toctree}
:hidden:
:glob:
:titlesonly:
:caption: Guides

/docs/*
/nircore/weights/*
```

```{toctree}
:hidden:
:glob:
:titlesonly:
:caption: Project

/reports/showcase/report
/C*
```
"""

project = "nircore"
author = "the nircore contributors"
extensions = ["myst_nb", "sphinx_copybutton"]
root_doc = "README"
include_patterns = ["*.md", "docs/*.md", "nircore/weights/*.md"]
include_patterns += ["reports/showcase/*.md", "reports/showcase/notebooks/*.ipynb", "notebooks/[0-9]*.ipynb"]
exclude_patterns = [f"notebooks/{name}.ipynb" for name in EXECUTED]  # a notebook is shown once
nitpicky = True
nb_execution_mode = "off"  # the outputs are committed
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = "nircore"
html_show_sourcelink = False
templates_path = ["."]
html_additional_pages = {"index": "index.html"}  # leads to the README, where a web server looks first


def for_the_book(app: Sphinx, docname: str, source: list[str]) -> None:
    """Offer the source of an executed notebook as a file, and give the first page the list of all others."""
    names = "|".join(map(re.escape, EXECUTED))
    source[0] = re.sub(rf"\]\(((?:\.\./)*notebooks/(?:{names})\.ipynb)\)", r"](path:\1)", source[0])
    if docname == root_doc:
        source[0] += CONTENTS


def setup(app: Sphinx) -> None:
    """Let Sphinx call `for_the_book` on every page that it reads."""
    app.connect("source-read", for_the_book)
