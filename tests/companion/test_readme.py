"""The README and the committed showcase: numbers, links and pictures belong to one run."""

import base64
import re

import nbformat
import pandas as pd
import pytest

import nircore
from companion import quoted
from companion.run import places
from nircore.config import load_file
from nircore.recipe import resolve

README, DOCS = places.REPOSITORY / "README.md", places.REPOSITORY / "docs"
LARGEST = 10_240  # bytes of the README: it sells and starts, the rest is in docs/
BENCHMARK = places.REPOSITORY / "reports" / "benchmark"
SHOWCASE = places.REPOSITORY / "reports" / "showcase"


def test_the_showcase_is_the_default_run():
    assert load_file(SHOWCASE / "config.yaml") == resolve({"profile": "cpu", "run": "phantom-cpu"})


PUBLISHED = sorted((places.REPOSITORY / "reports").glob("*/*.csv"))  # those of runs lie a folder deeper


@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_published_table_was_made_by_this_version(path):
    """A table of another version says so here: `make publish` makes all of them anew."""
    assert set(pd.read_csv(path, dtype=str)["nircore"]) == {nircore.__version__}


def test_the_showcase_was_made_by_this_version():
    made = re.findall(r"nircore (\d+\.\d+\.\d+)", (SHOWCASE / "report.md").read_text())
    assert len(made) > 20 and set(made) == {nircore.__version__}


def test_the_readme_is_short():
    assert len(README.read_bytes()) <= LARGEST


@pytest.mark.parametrize(
    "page", [README, *sorted(DOCS.glob("*.md")), SHOWCASE / "report.md", places.REPOSITORY / "data" / "README.md"]
)
def test_links_and_pictures_exist(page):
    targets = [t for t in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()) if not t.startswith("http")]
    assert [target for target in targets if not (page.parent / target).exists()] == []
    assert targets or page.parent.name in ("data", "docs")


def test_the_showcase_is_small_and_names_no_place():
    files = [path for folder in (SHOWCASE, BENCHMARK) for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 60
    assert {path.suffix for path in files} == {".yaml", ".md", ".csv", ".png", ".ipynb"}
    assert max(path.stat().st_size for path in files if path.suffix != ".ipynb") <= 300_000
    assert sum(path.stat().st_size for path in SHOWCASE.rglob("*") if path.is_file()) <= 10_000_000
    for path in files:
        if path.suffix != ".png":
            assert not re.search(r"(^|[\s,\"'])/(work|home|tmp|root|Users)/", path.read_text()), path


EXECUTED = sorted((SHOWCASE / "notebooks").glob("*.ipynb"))


#: Every numbered notebook but the one for the reader's own frames.
SHOWN = sorted(path.stem for path in places.NOTEBOOKS.glob("[0-9]*.ipynb") if not path.stem.startswith("11"))


def test_every_notebook_is_shown_executed():
    assert [path.stem for path in EXECUTED] == SHOWN
    for path in EXECUTED:
        assert f"(reports/showcase/notebooks/{path.name})" in README.read_text()
        assert f"(../reports/showcase/notebooks/{path.name})" in (places.NOTEBOOKS / path.name).read_text()


@pytest.mark.parametrize("path", EXECUTED, ids=lambda path: path.stem)
def test_an_executed_notebook_shows_small_pictures_with_words_and_the_code_that_is_there(path):
    shown, source = (nbformat.read(place, as_version=4) for place in (path, places.NOTEBOOKS / path.name))
    code = [cell for cell in shown.cells if cell.cell_type == "code"]
    ours = [cell.source for cell in code if "injected-parameters" not in cell.metadata.get("tags", [])]
    assert ours == [cell.source for cell in source.cells if cell.cell_type == "code"]
    pictures = [o for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
    for output in pictures:
        assert len(base64.b64decode(output.data["image/png"])) <= 150_000
        assert output.metadata["image/png"]["alt"]
    assert all(len(o.get("text", "").splitlines()) <= 40 for cell in code for o in cell.outputs)


@pytest.mark.parametrize("page", quoted.pages(), ids=lambda page: page.stem)
def test_what_a_page_quotes_is_what_its_tables_say(page):
    text = page.read_text(encoding="utf-8")
    assert text.count("<!-- quoted: ") == text.count("<!-- end -->")
    assert quoted.renewed(text) == text, f"{page.name}: python -m companion quote renews it"


def test_a_number_that_was_edited_by_hand_is_found():
    page = "x\n<!-- quoted: verdicts -->\n> Of 40 claims, 40 supported.\n<!-- end -->\ny"
    renewed = quoted.renewed(page)
    assert "40 supported" not in renewed and "claims" in renewed
    assert renewed.startswith("x\n<!-- quoted") and renewed.endswith("end -->\ny")


def test_every_block_that_is_made_is_quoted_somewhere():
    text = "".join(page.read_text(encoding="utf-8") for page in quoted.pages())
    assert all(f"<!-- quoted: {name} -->" in text for name in quoted.BLOCKS)
