"""Blocks of README and docs that say what published tables say, from `<!-- quoted: NAME -->` to `<!-- end -->`.

`python -m companion quote` renews them all; a test compares.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from companion.run import places
from companion.study.card import markdown
from companion.study.claims import summary
from nircore import files

BLOCK = re.compile(r"(<!-- quoted: (\S+) -->\n).*?(\n<!-- end -->)", re.S)
GAIN = ["merged_psnr_gain", "merged_psnr_gain_low", "merged_psnr_gain_high", "above", "scenes"]


def table(name: str) -> pd.DataFrame:
    """Read a published table, such as `table("benchmark/plate")`."""
    return pd.read_csv(places.reports() / f"{name}.csv")


def rows(name: str, query: str, *columns: str) -> Callable[[], str]:
    """Quote columns (all, where none is named) of some rows of a table."""
    return lambda: markdown((table(name).query(query) if query else table(name))[list(columns) or slice(None)])


def wide(name: str, query: str, index: str, columns: str, values: str) -> Callable[[], str]:
    """Quote the mean of a column of some rows, spread out over the values of two others."""
    return lambda: markdown(
        (table(name).query(query) if query else table(name))
        .pivot_table(index=index, columns=columns, values=values, sort=False).reset_index()
    )  # fmt: skip


BOARD, SHOWN, FIDELITY = "benchmark/table11_real_frames", "showcase/tables/", "showcase/tables/table5_fidelity"
MEASURED = "['gain, lesion', 'tumour-to-normal follows', 'vessels inserted', 'vessels erased']"
BLOCKS: dict[str, Callable[[], str]] = {
    "real": rows(BOARD, "part == 'four band-passes'", "method", "merged_psnr", "merged_ssim", *GAIN),
    "real-all": rows(BOARD, "", "part", "method", "merged_psnr", "merged_ssim", "single_psnr", "single_ssim", *GAIN),
    "ships": rows(BOARD, "method in ['low-light', 'VST + BM3D', 'realtime', 'best']", "part", "method",
                  "merged_psnr", "merged_ssim", *GAIN),
    "plate": rows("benchmark/plate", ""),
    "camera": rows("benchmark/photon_transfer", ""),
    "phantom": rows(SHOWN + "table4_benchmark", "kind != 'truth'", "method", "kind", "psnr", "ssim", "own_psnr",
                    "own_ssim", "seconds"),
    "fidelity": wide(FIDELITY, f"measure in {MEASURED}", "measure", "denoiser", "number"),
    "faint": wide(FIDELITY, "test == 'faint'", "denoiser", "measure", "number"),
    "attribution": rows(SHOWN + "faithfulness", "kind == 'method'", "map", "score", "wins", "questions",
                        "passes_checks"),
    "doubt": wide(SHOWN + "trust", "", "score", "kind", "auc_wrong"),
    "outside": wide("benchmark/trust_left_out", "", "animal", "model", "outside"),
    "verdicts": lambda: f"> {summary(table(SHOWN + 'claims'))}",
    "recipes": rows("recipes/table7_recipes", "", "method", "kind", "psnr", "psnr_sd", "ssim", "psnr_gain",
                    "psnr_gain_low", "psnr_gain_high", "cl_dice"),
    "ablation": rows("recipes/table8_ablation", "psnr_worth.notna()", "part", "psnr_worth", "psnr_low", "psnr_high"),
    "shift": rows("recipes/table9_spectrum_shift", "", "psnr_over_denoised", "psnr_over_denoised_low",
                  "psnr_over_denoised_high", "psnr_over_unshifted", "psnr_over_ideal_denoiser"),
}  # fmt: skip


def pages() -> list[Path]:
    """Return README and docs of the checkout."""
    return [places.REPOSITORY / "README.md", *sorted((places.REPOSITORY / "docs").glob("*.md"))]


def renewed(text: str) -> str:
    """Return a page with every block as its table is today."""
    return BLOCK.sub(lambda found: found[1] + BLOCKS[found[2]]() + found[3], text)


def renew() -> None:
    """Renew the blocks of every page."""
    for page in pages():
        files.write_text(page, renewed(page.read_text(encoding="utf-8")))
