"""What README and docs quote of the published tables: blocks between two marks, made here, compared by a test.

A block begins with `<!-- quoted: NAME -->` and ends with `<!-- end -->`; `renew` writes what its table says today.
"""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from nircore import files
from companion.run import places
from nircore.inference.shipped import MODELS
from companion.workshop import card
from companion.run import STAMP
from companion.study import claims, leaderboard

BLOCK = re.compile(r"(<!-- quoted: (\S+) -->\n).*?(\n<!-- end -->)", re.S)
#: Start of a line of the table on measuring -> test and measure of `table5_fidelity`, and its number's format.
MEASURED = {
    "gain of a lesion's contrast (1 is right)": ("linearity", "gain, lesion", ".2f"),
    "tumour-to-normal ratio follows the noise-free low-light one, slope": (
        "linearity",
        "tumour-to-normal follows",
        ".2f",
    ),
    "vessels inserted per frame": ("structures", "vessels inserted", ".1f"),
    "vessels erased per frame": ("structures", "vessels erased", ".1f"),
    "change under a one-pixel shift, % of the range": ("shift", "mean change", ".3f"),
}
DENOISERS = {"paper's system": "enhanced", "non-local means": "non-local means", "`physics`": "physics"}


def table(*parts: str) -> pd.DataFrame:
    """Read a published table, such as `table("benchmark", "plate")`."""
    return pd.read_csv(places.run_folder(parts[0]).joinpath(*parts[1:-1], f"{parts[-1]}.csv"))


def leaders() -> pd.DataFrame:
    """Return the leaderboard on real frames as a page shows it, the best method last."""
    board = table("benchmark", "table11_real_frames")
    order = board[board["part"] == leaderboard.RANKING].sort_values("merged_psnr")["method"]
    return leaderboard.shown(board, list(order))


def real() -> str:
    """Return every method's row on the four band-passes, in short."""
    shown = leaders()
    return card.markdown(shown.loc[shown["part"] == leaderboard.RANKING, ["method", "merged", "gain, dB", "above"]])


def ships() -> str:
    """Return the rows of what ships and its nearest rival, as the model card has them."""
    return card.scores(places.run_folder("benchmark"))


def as_it_is(name: str) -> str:
    """Return a table of the benchmark's folder as it is, but for who made it."""
    return card.markdown(table("benchmark", name).drop(columns=[*STAMP]))


def phantom() -> str:
    """Return the default run's methods against both truths: PSNR in dB / SSIM."""
    rows = table("showcase", "tables", "table4_benchmark")
    rows = rows[rows["kind"] != "truth"]
    about = {"method": rows["method"], "kind": rows["kind"]}
    for name, keys in {"target": ("psnr", "ssim"), "own": ("own_psnr", "own_ssim")}.items():
        pairs = zip(rows[keys[0]], rows[keys[1]], strict=True)
        about[name] = ["" if np.isnan(p) else f"{p:.2f} / {s:.3f}" for p, s in pairs]
    about["s a frame"] = rows["seconds"].map("{:.2g}".format).replace("nan", "")
    return card.markdown(pd.DataFrame(about))


def fidelity() -> str:
    """Return what can still be measured on the default run's output, by denoiser."""
    found = table("showcase", "tables", "table5_fidelity").set_index(["test", "measure", "denoiser"])["number"]
    rows = [
        {"test": words} | {name: format(found[test, measure, key], form) for name, key in DENOISERS.items()}
        for words, (test, measure, form) in MEASURED.items()
    ]
    return card.markdown(pd.DataFrame(rows))


def faint() -> str:
    """Return the share of faint lesions found / of false alarms on the default run, by denoiser and contrast."""
    rows = table("showcase", "tables", "table5_fidelity")
    rows = rows[rows["test"] == "faint"]
    wide = rows.pivot(index="denoiser", columns="measure", values="number").reindex(rows["denoiser"].unique())
    shown = {"denoiser": wide.index}
    for found in (measure for measure in wide.columns if measure.endswith(" found")):
        faintly = found.removesuffix(" found")
        pairs = zip(wide[found], wide[f"{faintly}, false alarms"], strict=True)
        shown[faintly] = [f"{hits:.2f} / {alarms:.2f}" for hits, alarms in pairs]
    return card.markdown(pd.DataFrame(shown))


def attribution() -> str:
    """Return how each map of the default run did: its score, its wins, and the randomisation checks."""
    rows = table("showcase", "tables", "faithfulness")
    rows = rows[rows["kind"] == "method"]
    networks = [name.removesuffix(" high") for name in rows.columns if name.endswith(" high")]
    shown = {"map": rows["map"], "insertion - deletion": rows["score"].map("{:.2f}".format)}
    shown["above every control"] = [f"{row.wins} of {row.questions}" for row in rows.itertuples()]
    for name in networks:
        parts = zip(rows[name], rows[f"{name} high"], strict=True)
        shown[f"likeness, {name}"] = [f"{mean:.2f} (up to {high:.2f})" for mean, high in parts]
    return card.markdown(pd.DataFrame(shown | {"changes with the network": rows["passes_checks"]}))


def doubt() -> str:
    """Return how well the trust map and its rivals find wrong and inserted pixels on new phantoms."""
    rows = table("showcase", "tables", "trust")
    rows = rows[rows["kind"] != "term"].groupby("score", sort=False)[["auc_wrong", "auc_inserted", "outside"]].mean()
    return card.markdown(rows.reset_index())


def outside() -> str:
    """Return the share of pixels outside the interval on animals that neither trained nor calibrated, by model."""
    parts = {model: table("benchmark", f"trust_{model}").set_index("animal")["outside"] for model in MODELS}
    return card.markdown(pd.DataFrame(parts).reset_index())


def precision() -> str:
    """Return what bfloat16 passes do to losses and scores: mean and SD over seeds, and the paired difference."""
    rows = table("benchmark", "precision").drop(columns=[*STAMP]).melt(["precision", "seed"], var_name="measure")
    wide = rows.pivot(index=["measure", "seed"], columns="precision", values="value")
    wide["bfloat16 - float32"] = wide["bfloat16"] - wide["float32"]
    by = wide.groupby("measure", sort=False).agg(["mean", "std"])
    shown = {name: [f"{m:.3f} (SD {sd:.3f})" for m, sd in by[name].to_numpy()] for name in wide}
    return card.markdown(pd.DataFrame({"measure": by.index} | shown))


def recipes() -> str:
    """Return every recipe after its short training on the phantom, best first, and the best classical method."""
    rows = table("recipes", "table7_recipes").sort_values("psnr", ascending=False)
    gains = zip(rows["psnr_gain"], rows["psnr_gain_low"], rows["psnr_gain_high"], strict=True)
    shown = {"method": rows["method"], "kind": rows["kind"], "PSNR (SD of 3 seeds)": [
        f"{p:.2f}" + (f" ({sd:.2f})" if sd == sd else "") for p, sd in zip(rows["psnr"], rows["psnr_sd"], strict=True)
    ], "SSIM": rows["ssim"].map("{:.3f}".format), "gain, dB": [
        f"{gain:+.2f} ({low:+.2f} to {high:+.2f})" if gain == gain else "" for gain, low, high in gains
    ], "vessels, clDice": rows["cl_dice"].map("{:.2f}".format)}  # fmt: skip
    return card.markdown(pd.DataFrame(shown))


def ablation() -> str:
    """Return what each further term of `pssgan` is worth: the mean over seeds and its 95 % interval."""
    rows = table("recipes", "table8_ablation")
    rows, shown = rows[rows["psnr_worth"].notna()], {}
    for measure, form in {"psnr": "+.2f", "ssim": "+.3f", "cl_dice": "+.3f"}.items():
        parts = rows[[f"{measure}_{part}" for part in ("worth", "low", "high")]].to_numpy()
        shown[measure] = [f"{worth:{form}} ({low:{form}} to {high:{form}})" for worth, low, high in parts]
    return card.markdown(pd.DataFrame({"term": rows["part"]} | shown))


def shift() -> str:
    """Return by how much the system with a shift is nearer to the long window than others, on real frames."""
    (row,) = table("recipes", "table9_spectrum_shift").to_dict("records")
    parts = {"denoised input": "denoised", "system trained without": "unshifted", "ideal denoiser": "ideal_denoiser"}
    keys = [f"psnr_over_{part}" for part in parts.values()]
    gains = [f"{row[key]:+.1f} ({row[f'{key}_low']:+.1f} to {row[f'{key}_high']:+.1f})" for key in keys]
    return card.markdown(pd.DataFrame({"nearer than the": list(parts), "dB (95 % over animals)": gains}))


def verdicts() -> str:
    """Return the claims' verdicts on the default run, in one line."""
    return f"> {claims.summary(table('showcase', 'tables', 'claims'))}"


BLOCKS: dict[str, Callable[[], str]] = {
    "real": real,
    "real-all": lambda: card.markdown(leaders()),
    "ships": ships,
    "plate": lambda: as_it_is("plate"),
    "camera": lambda: as_it_is("photon_transfer"),
    "phantom": phantom,
    "fidelity": fidelity,
    "faint": faint,
    "attribution": attribution,
    "doubt": doubt,
    "outside": outside,
    "precision": precision,
    "verdicts": verdicts,
    "recipes": recipes,
    "ablation": ablation,
    "shift": shift,
}


def pages() -> list[Path]:
    """Return README and docs of the checkout."""
    return [places.REPOSITORY / "README.md", *sorted((places.REPOSITORY / "docs").glob("*.md"))]


def quotes(text: str) -> dict[str, str]:
    """Return the blocks of a page by name, as they stand there."""
    return {found[2]: found[0][len(found[1]) : -len(found[3])] for found in BLOCK.finditer(text)}


def renewed(text: str) -> str:
    """Return a page with every block as its table is today."""
    return BLOCK.sub(lambda found: found[1] + BLOCKS[found[2]]() + found[3], text)


def renew() -> list[Path]:
    """Renew every page; return those that changed."""
    changed = []
    for page in pages():
        before = page.read_text(encoding="utf-8")
        if (after := renewed(before)) != before:
            changed.append(files.write_text(page, after))
    return changed
