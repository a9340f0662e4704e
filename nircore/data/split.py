"""Who trains, who validates and who tests: by animal, never by frame, with the two domains kept unpaired.

*By group.* Groups (animals, acquisitions) are shuffled with the seed and assigned whole, so that the fractions of
frames in each domain come as near as they can to those asked for, and every split holds each domain. Groups found in
one domain only are assigned within it.

*Unpaired.* In training no group lends frames to both domains: groups that could are dealt out, each to the domain
that has fewer frames so far, and their frames in the other domain become "unused". With a single training group
(three animals, one for each split) its *scenes* are dealt out in the same way, so that no scene is seen in both
domains. Validation and test keep both, for they are scored in pairs.

*Forced test.* `test_groups` go to test whole. Three groups or more that remain train and validate by group; with one
or two, all of them train and whole scenes of each are held out for validation: frames of one scene are never on both
sides, but validation then knows the animal.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from nircore.data.frames import sha256
from nircore.errors import NircoreError

SPLITS = ("train", "validation", "test")
DOMAINS = ("low_light", "target")
UNUSED = "unused"
_EXACT = 7  # groups whose 3**7 assignments are all compared


#: Gives the frames of one split and domain, such as ("train", "low_light"): rows of the table of a split.
Rows = Callable[[str, str], list[Any]]


def rows_of(table: pd.DataFrame) -> Rows:
    """Return the function that gives the rows of one split and domain of a table that `split` made."""
    return lambda split, domain: list(
        table[(table["split"] == split) & (table["domain"] == domain)].itertuples(index=False)
    )


def split(
    catalogue: pd.DataFrame,
    fractions: tuple[float, float, float] = (0.70, 0.15, 0.15),
    seed: int = 0,
    test_groups: tuple[str, ...] = (),
    allow_scene_split: bool = False,
) -> pd.DataFrame:
    """Assign every frame of a catalogue to "train", "validation" or "test", by the rules of this module.

    Args:
        catalogue: columns `file`, `domain`, `group`, `scene` and any others.
        fractions: of frames, for train, validation and test; positive, summing to 1.
        seed: the same seed gives the same split, whatever the order of the rows.
        test_groups: groups that must be test.
        allow_scene_split: with fewer than three groups, split by scene instead of refusing.

    Returns:
        The catalogue sorted by domain and file, with `split` (also "unused"), `split_by` ("group" or "scene":
        what kept this frame's split apart) and `sha256` of each file.

    Raises:
        NircoreError: too few groups or scenes, an unknown test group, fractions that are none, or two files
            with the same content in different splits or domains.
    """
    _check(catalogue, fractions, test_groups)
    table = catalogue.sort_values(["domain", "file"], ignore_index=True)
    rng = np.random.default_rng(seed)
    if test_groups:
        table = _forced(table, fractions, rng, test_groups)
    else:
        by = "scene" if allow_scene_split and _fewest(table, "group") < 3 else "group"
        table["split"], table["split_by"] = _assign(table, by, SPLITS, fractions, rng), by
    _check_complete(table)
    table["split"] = _unpaired(table, rng)
    table["sha256"] = [sha256(file) for file in table["file"]]
    _refuse_duplicates(table)
    return table


def summary(split_table: pd.DataFrame) -> pd.DataFrame:
    """Count per split and domain; columns split, domain, frames, groups, scenes, zeros included."""
    counts = split_table.groupby(["split", "domain"]).agg(
        frames=("file", "size"), groups=("group", "nunique"), scenes=("scene", "nunique")
    )
    rows = pd.MultiIndex.from_product([(*SPLITS, UNUSED), DOMAINS], names=["split", "domain"])
    return counts.reindex(rows, fill_value=0).reset_index()


def _forced(
    table: pd.DataFrame, fractions: tuple[float, ...], rng: np.random.Generator, test_groups: tuple[str, ...]
) -> pd.DataFrame:
    """Assign `test_groups` to test, the rest to train and validation by group or, failing that, by scene."""
    table["split"], table["split_by"] = "test", "group"
    rest = ~table["group"].isin(test_groups)
    if not rest.any():
        raise NircoreError(f"test_groups={test_groups} names every group: leave one at least to train on.")
    shares = tuple(np.array(fractions[:2]) / sum(fractions[:2]))
    if _fewest(table[rest], "group") >= 3:
        table.loc[rest, "split"] = _assign(table[rest], "group", SPLITS[:2], shares, rng)
        return table
    for _, frames in table[rest].groupby("group"):
        # Group by group, so that every animal both trains and validates.
        table.loc[frames.index, "split"] = _assign(frames, "scene", SPLITS[:2], shares, rng)
    table.loc[rest, "split_by"] = "scene"
    return table


def _fewest(table: pd.DataFrame, by: str) -> int:
    """How many groups (or scenes) the poorer domain has."""
    return int(table.groupby("domain")[by].nunique().min())


def _assign(
    table: pd.DataFrame, by: str, splits: tuple[str, ...], shares: tuple[float, ...], rng: np.random.Generator
) -> pd.Series:
    """Return a split for each row: whole units of column `by`, near `shares` of the frames in each domain."""
    domains = sorted(set(table["domain"]))
    if _fewest(table, by) < len(splits):
        what, instead = ("scenes", "") if by == "scene" else ("groups", ", or pass allow_scene_split=True")
        there = f"{_fewest(table, by)} ({', '.join(sorted(set(table[by])))})"
        need = f"A split by {by} needs {len(splits)} {what} in each domain, and there are {there}"
        raise NircoreError(f"{need}: add others{instead}.")
    frames = pd.crosstab(table[by], table["domain"])[domains]  # (units, domains), sorted by unit
    frames = frames.iloc[rng.permutation(len(frames))]
    goal = np.outer(shares, frames.sum())  # (splits, domains)
    held = np.zeros_like(goal)
    chosen: dict[str, str] = {}
    # Units in both domains first: units in one domain can still fill the gaps they leave.
    kinds = (frames > 0).agg(tuple, axis=1)
    for kind in sorted(set(kinds), reverse=True):
        units = frames[kinds == kind]
        units = units.iloc[np.argsort(-units.sum(axis=1).to_numpy(), kind="stable")]
        for unit, index in zip(units.index, _nearest(units.to_numpy(), goal, held), strict=True):
            chosen[unit] = splits[index]
            held[index] += units.loc[unit]
    return table[by].map(chosen)


def _nearest(units: np.ndarray, goal: np.ndarray, held: np.ndarray) -> list[int]:
    """Choose a split for each unit (row of frame counts, largest first), given what the splits hold already.

    Large units go where most frames are wanting; the last `_EXACT` are placed by comparing all assignments.
    """
    held, total, first = held.copy(), goal.sum(axis=0), []
    for unit in units[:-_EXACT]:
        index = int(np.argmax(((goal - held) / total * (unit > 0)).sum(axis=1)))
        held[index] += unit
        first.append(index)
    last = units[-_EXACT:]
    choices = np.array(list(product(range(len(goal)), repeat=len(last))))  # (assignments, units)
    one_hot = choices[:, :, None] == np.arange(len(goal))
    loads = held + np.einsum("aus,ud->asd", one_hot, last)  # (assignments, splits, domains)
    cost = (((loads - goal) / total) ** 2).sum(axis=(1, 2))
    empty = ((loads == 0) & (last.sum(axis=0) > 0)).sum(axis=(1, 2))  # outweighs any distance
    return first + choices[np.argmin(cost + 10 * empty)].tolist()


def _unpaired(table: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """Return the splits, "unused" where a training frame would show one group or scene in both domains."""
    result, train = table["split"].copy(), table[table["split"] == "train"]
    by = "group" if train["group"].nunique() > 1 else "scene"
    frames = pd.crosstab(train[by], train["domain"])[list(DOMAINS)]
    both = frames[(frames > 0).all(axis=1)]
    if len(frames) < 2:
        only = frames.index[0]
        raise NircoreError(f"The only training scene, {only}, would be in both domains: add another.")
    held = frames.drop(both.index).sum()
    for unit in both.index[rng.permutation(len(both))]:
        kept, dropped = DOMAINS if held["low_light"] <= held["target"] else DOMAINS[::-1]
        held[kept] += both.loc[unit, kept]
        result[train.index[(train[by] == unit) & (train["domain"] == dropped)]] = UNUSED
    return result


def _check(catalogue: pd.DataFrame, fractions: tuple[float, ...], test_groups: tuple[str, ...]) -> None:
    if len(fractions) != 3 or min(fractions) <= 0 or abs(sum(fractions) - 1) > 1e-6:
        raise NircoreError(f"fractions={fractions} must be three positive numbers that sum to 1.")
    for domain in DOMAINS:
        if domain not in set(catalogue["domain"]):
            raise NircoreError(f"There are no {domain} frames to split: training needs both domains.")
    known = sorted(set(catalogue["group"]))
    if unknown := sorted(set(test_groups) - set(known)):
        raise NircoreError(f"test_groups names {', '.join(unknown)}: choose among {', '.join(known)}.")


def _check_complete(table: pd.DataFrame) -> None:
    for split_name, domain in product(SPLITS, DOMAINS):
        if not ((table["split"] == split_name) & (table["domain"] == domain)).any():
            raise NircoreError(f"The {split_name} split has no {domain} frames: name other test_groups.")


def _refuse_duplicates(table: pd.DataFrame) -> None:
    known: dict[str, Any] = {}
    for row in table[table["split"] != UNUSED].itertuples():
        first = known.setdefault(row.sha256, row)
        if (first.split, first.domain) != (row.split, row.domain):
            both = f"{first.file} ({first.split}, {first.domain}) and {row.file} ({row.split}, {row.domain})"
            raise NircoreError(f"{both} are the same file: remove one of them.")
