"""The book of `make book`: every page is in it, and no link between its files is broken."""

import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from companion.run import places

for name in ("sphinx", "myst_nb", "furo", "sphinx_copybutton"):
    pytest.importorskip(name, reason="pip install -e '.[book]', which `make book` does")

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """The links of a page, and the places that links may lead to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.links |= {text for name, text in attributes if name in ("href", "src") and text}
        self.places |= {text for name, text in attributes if name == "id" and text}


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs/book", "-d", folder / "trees"]
    ran = subprocess.run([*command, ".", folder / "html"], cwd=places.REPOSITORY, capture_output=True, text=True)
    assert (ran.returncode, ran.stderr) == (0, "")
    return {path: Page(path) for path in (folder / "html").rglob("*.html")}


def test_every_page_is_in_it(book):
    shown = {path.stem for path in book}
    pages = [*places.REPOSITORY.glob("docs/*.md"), *places.REPOSITORY.glob("notebooks/[0-9]*.ipynb")]
    assert len(pages) > 20 and {path.stem for path in pages} | {"index", "README", "model_card"} <= shown


def test_links_lead_to_files_and_places_that_are_there(book):
    checked, broken = 0, []
    for path, page in book.items():
        for link in map(urlsplit, page.links):
            if link.scheme or link.netloc:
                continue
            target = (path.parent / unquote(link.path)).resolve() if link.path else path
            there = unquote(link.fragment) in book[target].places if target in book else target.is_file()
            checked += 1
            broken += [] if there else [(path.name, link.geturl())]
    assert checked > 500 and broken == []


def test_a_notebook_is_shown_once_and_its_source_is_a_file(book):
    first = next(page for path, page in book.items() if path.stem == "README")
    assert "reports/showcase/notebooks/01_data_split.html" in first.links
    assert any(link.startswith("_downloads/") and link.endswith("/01_data_split.ipynb") for link in first.links)
