"""The README and the committed showcase: numbers, links and pictures belong to one run."""

import re

import pandas as pd
import pytest

from nircore import claims, paths
from nircore.config import load_file, resolve

README = paths.REPOSITORY / "README.md"
SHOWCASE = paths.REPOSITORY / "reports" / "showcase"


def test_the_showcase_is_the_default_run():
    assert load_file(SHOWCASE / "config.yaml") == resolve({"profile": "cpu", "run": "phantom-cpu"})


def test_the_results_quoted_are_those_of_the_showcase():
    table = pd.read_csv(SHOWCASE / "tables" / "table3_truth.csv")
    rows = [line for line in README.read_text().splitlines() if line.startswith("| ") and " dB" in line]
    assert len(rows) == len(table) == 5
    for line, row in zip(rows, table.itertuples(), strict=True):
        assert row.method in line
        assert f"{row.psnr:.2f} dB" in line and f"{row.ssim:.3f}" in line, line
        if row.psnr_gain:
            assert f"{row.psnr_gain:+.2f} ({row.psnr_gain_low:+.2f} to {row.psnr_gain_high:+.2f})" in line
            assert f"{row.ssim_gain:+.3f} ({row.ssim_gain_low:+.3f} to {row.ssim_gain_high:+.3f})" in line


def test_the_summary_of_the_claims_is_that_of_the_showcase():
    assert claims.summary(pd.read_csv(SHOWCASE / "tables" / "claims.csv")) in README.read_text()


@pytest.mark.parametrize("page", [README, SHOWCASE / "report.md", paths.REPOSITORY / "data" / "README.md"])
def test_links_and_pictures_exist(page):
    targets = [t for t in re.findall(r"\]\(([^)#\s]+)\)", page.read_text()) if not t.startswith("http")]
    assert [target for target in targets if not (page.parent / target).exists()] == []
    assert targets or page.parent.name == "data"


def test_the_showcase_is_small_and_names_no_place():
    files = [path for path in SHOWCASE.rglob("*") if path.is_file()]
    assert len(files) > 30
    assert {path.suffix for path in files} == {".yaml", ".md", ".csv", ".png"}
    assert max(path.stat().st_size for path in files) <= 150_000
    for path in files:
        if path.suffix != ".png":
            assert not re.search(r"(^|[\s,\"'])/(work|home|tmp|root|Users)/", path.read_text()), path
