"""Per-frame pages and the index: complete, self-contained, safe against hostile names."""

import base64
import io
import re
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from jinja2 import UndefinedError
from PIL import Image

from nircore.data.noise import Noise
from nircore.data.normalise import Normalisation
from nirlab import page_parts, pages, record

HOSTILE = '<script>alert("x")</script> &amp; \u202eµ_0020ms.tif'


class Reader(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def report(name="m1_0020ms.tif", **changes):
    rng = np.random.default_rng(0)
    truth = np.zeros((48, 40))
    truth[10:30, 10:30] = 200
    low_light = (truth + rng.normal(0, 12, truth.shape)).astype(np.float32)
    fit = Normalisation.of(low_light)
    facts = {"offset_dn": fit.offset, "scale_dn": fit.scale, "flux_ratio": changes.pop("flux", 1.01)}
    identity = {"model": "generator.safetensors", "model_sha256": "ab" * 32, "recipe": "physics", "nircore": "0.1.0"}
    plain = {"frames": 1, "assumed": "", "noise_correlation": 0.0}
    summary = dict.fromkeys(record.COUNTED, 0) | plain | changes.pop("summary", {})
    made = {
        "identity": identity | {"dark_subtracted": False, "pedestal_dn": 0}, "summary": summary, "made": "today",
        "temporal_average_frames": 1, "frames": {name: [value] for name, value in facts.items()},
    }  # fmt: skip
    settings = {
        "low_light": low_light, "enhanced": truth.astype(np.float32), "record": made, "noise": Noise(1.6, 11.0),
        "half_width": np.full(truth.shape, 5, np.float32), "trust": "At most 10 % outside.",
    }  # fmt: skip
    return pages.FrameReport(name, **(settings | changes))


def read(path):
    return Reader(path.read_text(encoding="utf-8"))


def test_a_page_says_everything_and_fetches_nothing(tmp_path):
    one = report()
    entry = pages.write(one, tmp_path, "a.html")
    page = read(tmp_path / entry.page)
    images = [attributes["src"] for tag, attributes in page.tags if tag == "img"]
    assert len(images) == 6  # wipe (2), input, output, difference, trust map
    for source in images:
        picture = Image.open(io.BytesIO(base64.b64decode(source.removeprefix("data:image/png;base64,"))))
        assert picture.size == (40, 48)
    addresses = [value for _, a in page.tags for key, value in a.items() if key in ("src", "href", "action")]
    assert all(value.startswith("data:") for value in addresses)
    assert not re.search(r"https?://|url\(|@import", (tmp_path / entry.page).read_text())
    for said in ("ab" * 32, "physics", "0.1.0", "1.6 e-/DN", "At most 10 % outside.", " DN"):
        assert said in page.text
    assert f"{one.normalisation.offset:.9g}" in page.text and f"{one.normalisation.scale:.9g}" in page.text
    for name in ("Mean intensity", "Contrast (RMS)", "SNR", "Entropy", "Edge density", "Noise SD (Immerkaer)"):
        assert name in page.text


def test_hostile_names_stay_text(tmp_path):
    entry = pages.write(report(HOSTILE), tmp_path, page="a b#?%.html")
    index = pages.write_index([entry], tmp_path)
    for path in (tmp_path / entry.page, index):
        page = read(path)
        assert all(tag != "script" for tag, _ in page.tags)
        assert HOSTILE in page.text
    (address,) = [a["href"] for tag, a in read(index).tags if tag == "a"]
    assert address == "./a%20b%23%3F%25.html"


def test_a_name_that_is_no_text_can_be_written(tmp_path):
    entry = pages.write(report("m\udcff.tif"), tmp_path, page="m.html")
    assert "m\\udcff.tif" in read(tmp_path / entry.page).text
    assert pages.write_index([entry], tmp_path).is_file()


def test_no_template_lets_a_gap_pass():
    with pytest.raises(UndefinedError):
        page_parts.render("index.html.j2", title="no entries")


def test_the_templates_ship():
    package = Path(page_parts.__file__).parent
    project = tomllib.loads((package.parent / "pyproject.toml").read_text(encoding="utf-8"))
    patterns = project["tool"]["setuptools"]["package-data"]["nirlab"]
    templates = list((package / "templates").iterdir())
    assert len(templates) > 3
    for path in templates:
        assert any(path.relative_to(package).match(pattern) for pattern in patterns), path


def test_the_index_lists_every_frame_in_order(tmp_path):
    entries = [pages.write(report(f"m{k}.tif"), tmp_path, f"m{k}.tif.html") for k in range(3)]
    index = read(pages.write_index(entries, tmp_path))
    assert [a["href"] for tag, a in index.tags if tag == "a"] == [f"./m{k}.tif.html" for k in range(3)]
    assert len([1 for tag, _ in index.tags if tag == "img"]) == 6
    assert "3 frames" in index.text
    assert sum(len(value) for value in vars(entries[0]).values() if isinstance(value, str)) < 20_000
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_warnings_are_those_that_are_due():
    assert pages.noticed(report()) == []
    assert any("Light is not conserved" in text for text in pages.noticed(report(flux=1.5)))
    assert any("next to no light" in text for text in pages.noticed(report(flux=None)))
    assert any("could not be read off" in text for text in pages.noticed(report(noise=None)))
    wide = report(half_width=np.full((48, 40), 500, np.float32))
    assert any("wider than the frame's range" in text for text in pages.noticed(wide))
    assert "3 pixels clipped" in pages.noticed(report(summary={"pixels_clipped": 3}))[0]


def test_numbers_are_those_of_the_papers_metrics():
    values = pages.measured(report())
    assert values["noise"][0] == pytest.approx(12, rel=0.3) and values["noise"][1] < 3
    assert values["entropy"][0] > values["entropy"][1]
