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
from companion.study.general import correlated, over_animals
from nircore import files

BLOCK = re.compile(r"(<!-- quoted: (\S+) -->\n).*?(\n<!-- end -->)", re.S)


def table(name: str, query: str = "") -> pd.DataFrame:
    """Read a published table, such as `table("benchmark/plate")`, or those of its rows that answer a query."""
    found = pd.read_csv(places.reports() / f"{name}.csv")
    return found.query(query) if query else found


def rows(name: str, query: str, *columns: str) -> Callable[[], str]:
    """Quote columns (all, where none is named) of some rows of a table."""
    return lambda: markdown(table(name, query)[list(columns) or slice(None)])


def wide(name: str, query: str, index: str, columns: str, values: str | list[str]) -> Callable[[], str]:
    """Quote the mean of a column (or several) of some rows, spread out over the values of two others."""

    def quoted() -> str:
        spread = table(name, query).pivot_table(index=index, columns=columns, values=values, sort=False)
        if not isinstance(values, str):
            spread.columns = [f"{value}, {column:g}" for value, column in spread.columns]
        return markdown(spread.reset_index())

    return quoted


def board(query: str, *lead: str) -> Callable[[], str]:
    """Quote rows of the main table in the order of their scores, each gain with its interval in one cell."""

    def quoted() -> str:
        found = table(BOARD, query).sort_values([*lead, "merged_psnr"])
        known = found["merged_psnr_gain"].notna()
        ends = zip(*(found[f"merged_psnr_gain{end}"] for end in ("", "_low", "_high")), strict=True)
        shown = found[["method"]].assign(**{
            "PSNR, dB": found["merged_psnr"].map("{:.2f}".format), "SSIM": found["merged_ssim"].map("{:.3f}".format),
            "gain, dB": [f"{gain:+.2f} ({low:+.2f} to {high:+.2f})" for gain, low, high in ends],
            "above": found["above"].map("{:.0f} of ".format) + found["scenes"].map(str),
        })  # fmt: skip
        shown.loc[~known, ["gain, dB", "above"]] = ""
        shown[list(lead)] = found[list(lead)]
        return shown[[*lead, *shown.columns.drop([*lead])]].to_markdown(index=False, disable_numparse=True)

    return quoted


BOARD, SHOWN, FIDELITY = "benchmark/table11_real_frames", "showcase/tables/", "showcase/tables/table5_fidelity"
PAPERS = '"paper\'s system"'
MEASURED = "['gain, lesion', 'tumour-to-normal follows', 'vessels inserted', 'vessels erased', 'structures']"
BLOCKS: dict[str, Callable[[], str]] = {
    "real": board(f"part == 'four band-passes' and (merged_psnr_gain > -1 or method == {PAPERS})"),
    "real-all": board("", "part"),
    "animals": lambda: over_animals(table("benchmark/left_out_animals")).to_markdown(
        index=False, disable_numparse=True
    ),
    "trainings": rows("benchmark/trainings", ""),
    "content": lambda: markdown(correlated(table("benchmark/other_content")).reset_index()),
    "tried": rows("benchmark/tried", ""),
    "pace": rows(SHOWN + "movie_pace", ""),
    "steps": rows(SHOWN + "preparation_steps", ""),
    "movies": wide("benchmark/movies", "", "method", "movie", "gain"),
    "movies-worst": wide("benchmark/movies", "", "method", "movie", "worst"),
    "ghosts": wide("benchmark/movies", "movie in ['breathing', 'jump', 'cut']", "method", "movie", "ghost"),
    "movies-real": wide("benchmark/movies_real", "", "method", "movie", "psnr"),
    "delays": wide("benchmark/movie_delays", "", "method", "peak_dn", ["psnr", "lag_ms", "peak"]),
    "plate": rows("benchmark/plate", "", "method", "slope", "rms_dn", "r2", "limit_dn", "faint_kept", "faint_low",
                  "faint_high"),
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
