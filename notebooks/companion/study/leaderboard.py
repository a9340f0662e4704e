"""The main table on real frames: every method, each animal left out in turn, against the best classical method.

Intervals and differences are over scenes grouped by animal (`metrics.summary.paired_effect`): with three animals
they are wide, and say so.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from nircore.metrics.summary import paired_effect
from companion.study.benchmark import CLASSICAL
from companion.study.comparison import sign_flip
from companion.study.unseen import DETAIL, SCORES

BAND_PASSES = ("BP1150", "BP1200", "BP1300", "BP1350")
#: Part of the table -> which of its rows; the dye's two series stand beside the three animals.
PARTS = {
    "four band-passes": lambda table: table["filter"].isin(BAND_PASSES) & ~_dye(table),
    "LP1250": lambda table: (table["filter"] == "LP1250") & ~_dye(table),
    "all fifteen": lambda table: ~_dye(table),
    "ICG": lambda table: _dye(table),
}
RANKING, RANKED = "four band-passes", "merged_psnr"  # the part, and the score, by which methods are ordered
COMPARED = ("merged_psnr", "merged_ssim")


def _dye(table: pd.DataFrame) -> pd.Series:
    """Say which rows are of the ICG series; all others are of animals with quantum dots."""
    return table["group"].str.contains("icg", case=False)


def best_classical(table: pd.DataFrame) -> pd.Series:
    """Return for each scene the name of the classical method that is best on the other folds: it has no say itself.

    Args:
        table: one row per method and scene, as of `unseen.tuned`.

    Returns:
        Indexed by scene; empty where no classical method ran.
    """
    classical = table[table["kind"] == CLASSICAL]
    chosen = {
        fold: classical[classical["fold"] != fold].groupby("method")[RANKED].mean().idxmax()
        for fold in classical["fold"].unique()
    }
    return classical.drop_duplicates("scene").set_index("scene")["fold"].map(chosen)


def leaderboard(table: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return one row per part and method, in the order of the table's methods.

    Columns: part, method, kind, scenes, groups; the means of SCORES, DETAIL and `seconds`; for each of COMPARED
    `_low` and `_high` (95 %, of the mean, over animals), `_gain` over the best classical method scene by scene, with
    `_gain_low`, `_gain_high` and the sign-flip `_p`; `above`, the scenes on which it is above that method in PSNR.
    The best classical method is chosen on the other folds (`best_classical`); its own row has no gain.

    Args:
        table: one row per method and scene, as of `unseen.tuned`.
        seed: of the resampling.
    """
    rivals = best_classical(table)
    rows = []
    for part, of in PARTS.items():
        for method, own in table[of(table)].groupby("method", sort=False):
            row = {"part": part, "method": method, "kind": own["kind"].iloc[0], "scenes": len(own)}
            row |= {"groups": own["group"].nunique()} | own[[*SCORES, *DETAIL, "seconds"]].mean().to_dict()
            rows.append(row | _compared(own.set_index("scene"), table, rivals, seed))
    return pd.DataFrame(rows)


def _compared(own: pd.DataFrame, table: pd.DataFrame, rivals: pd.Series, seed: int) -> dict[str, Any]:
    """Return the intervals of a method's means, and its gains over the rival of each scene."""
    groups, row = list(own["group"]), {}
    scenes = [scene for scene in own.index if scene in rivals.index]
    rival = table.set_index(["method", "scene"])
    pairs = pd.MultiIndex.from_tuples([(rivals[scene], scene) for scene in scenes], names=["method", "scene"])
    is_rival = len(scenes) < len(own) or all(own["method"].iloc[0] == name for name, _ in pairs)
    for key in COMPARED:
        spread = paired_effect(np.zeros(len(own)), own[key], seed, clusters=groups)
        row |= {f"{key}_{end}": spread[end] for end in ("low", "high")}
        if is_rival:
            row |= {f"{key}_{name}": math.nan for name in ("gain", "gain_low", "gain_high", "p")}
            continue
        other = rival.loc[pairs, key].to_numpy()
        gain = paired_effect(other, own[key], seed, clusters=groups)
        row |= {f"{key}_gain": gain["difference"], f"{key}_p": sign_flip(own[key] - other, groups, seed)}
        row |= {f"{key}_gain_{end}": gain[end] for end in ("low", "high")}
    above = math.nan if is_rival else int((own[RANKED] > rival.loc[pairs, RANKED].to_numpy()).sum())
    return row | {"above": above}


def shown(board: pd.DataFrame, order: Iterable[str]) -> pd.DataFrame:
    """Return the leaderboard as a page shows it: scores as text, part by part, methods in their `order`.

    Columns: part, method, scenes; merged and single (PSNR in dB / SSIM); gain (dB, with its interval) and above over
    the best classical method; fine and coarse (share kept / correlation).
    """
    rows, order = [], list(order)
    for name in PARTS:
        own = board[board["part"] == name].set_index("method")
        rows += [_line(name, method, own.loc[method]) for method in order if method in own.index]
    return pd.DataFrame(rows)


def _line(part: str, method: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one line of `shown`."""

    def both(one: str, other: str, digits: int) -> str:
        return "" if np.isnan(row[one]) else f"{row[one]:.{digits}f} / {row[other]:.3f}"

    gain = "" if np.isnan(row[f"{RANKED}_gain"]) else f"{row[f'{RANKED}_gain']:+.2f}"
    if gain and not np.isnan(row[f"{RANKED}_gain_low"]):
        gain += f" ({row[f'{RANKED}_gain_low']:+.2f} to {row[f'{RANKED}_gain_high']:+.2f})"
    above = "" if np.isnan(row["above"]) else f"{row['above']:.0f} of {row['scenes']:.0f}"
    return {
        "part": part,
        "method": method,
        "scenes": row["scenes"],
        "merged": both("merged_psnr", "merged_ssim", 2),
        "single": both("single_psnr", "single_ssim", 2),
        "gain, dB": gain,
        "above": above,
        "fine": both("fine_kept", "fine_real", 3),
        "coarse": both("coarse_kept", "coarse_real", 3),
    }
