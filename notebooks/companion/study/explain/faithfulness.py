"""Can a map be believed: what happens to the number when the pixels it names go, and when the network is another.

Deletion and insertion (Petsiuk et al., BMVC 2018) with blurred pixels instead of black ones, so that no image on the
way is one that a camera could not give; the checks of Adebayo et al. (NeurIPS 2018): a map that hardly changes when
the weights are drawn anew, or when the network has learned from wrong pairs, does not explain the network.
"""

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import distance_transform_edt, gaussian_filter
from scipy.stats import binomtest
from skimage.filters import sobel
from torch import Tensor, nn

from companion.study.explain import Question
from companion.study.explain.attribution import baseline, saliency
from nircore.config import Config
from nircore.metrics.summary import interval
from nircore.models import build_generator

#: Shares of the window's pixels that are replaced. Most of a number hangs on few pixels, so the steps grow.
SHARES = (0.0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
EDGES = 2.0  # px: smoothing before edges are looked for; below it they are noise
LEAST = 0.25  # see `moves`
#: `alike`: two independent maps have 0, equal ones 1. A map passes a check whose interval lies below this, fails one
#: whose interval lies above, and is undecided where the interval holds it.
SAME = 0.5
SURE = 0.05  # p of a one-sided sign test from which on a map wins, or loses, against the controls; maps share it


def curves(generator: nn.Module, question: Question, importance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return deletion and insertion, (len(SHARES),) each: the number, 1 at the window and 0 at the blurred one.

    Deletion replaces the most important pixels by blurred ones; insertion starts blurred and puts them back.
    """
    x, blurred = question.x, baseline(question.x)
    order = np.argsort(-importance.ravel(), kind="stable")
    images = []
    for share in SHARES:
        chosen = np.zeros(x.size, dtype=bool)
        chosen[order[: round(share * x.size)]] = True
        chosen = chosen.reshape(x.shape)
        images += [np.where(chosen, blurred, x), np.where(chosen, x, blurred)]
    numbers = _numbers(generator, question, images)
    first, last = numbers[0], numbers[1]  # nothing deleted, nothing inserted
    share = (numbers - last) / (first - last) if first != last else np.full(len(numbers), np.nan)
    return share[0::2], share[1::2]


@torch.no_grad()
def _numbers(generator: nn.Module, question: Question, images: Sequence[np.ndarray], batch: int = 4) -> np.ndarray:
    scalar = question.scalar(generator)
    stack = torch.from_numpy(np.stack(images)[:, None].astype(np.float32)).to(scalar.weight.device)
    return torch.cat([scalar(part) for part in stack.split(batch)]).double().cpu().numpy()


def area(curve: Sequence[float]) -> float:
    """Return the mean height of a curve over SHARES, each step counting alike (trapezoids).

    >>> area([0.0, 1.0])
    0.5
    """
    return float(np.trapezoid(np.asarray(curve, dtype=np.float64), dx=1 / (len(curve) - 1)))


def controls(question: Question, config: Config, seed: int = 1) -> dict[str, np.ndarray]:
    """Return the maps that know nothing of the trained network, (H, W) each: what a method has to beat.

    - edge map: Sobel's gradient of the smoothed input;
    - input intensity: the smoothed input;
    - receptive field: the nearer to the region, the more important;
    - random weights: the saliency of a generator that was never trained.
    """
    smooth = gaussian_filter(question.x.astype(np.float64), EDGES)
    untrained = build_generator(config, seed).eval()
    return {
        "edge map": sobel(smooth),
        "input intensity": smooth - smooth.min(),
        "receptive field": proximity(question.region),
        "random weights": saliency(question.scalar(untrained), question.x),
    }


def proximity(region: np.ndarray) -> np.ndarray:
    """Return 1 in the region, falling with the distance from it: what the architecture alone would say."""
    distance = distance_transform_edt(~region)
    return 1 - distance / (distance.max() + 1)


def randomised(generator: nn.Module, part: str, seed: int = 1) -> nn.Module:
    """Return a copy with the weights of `part` ("all", or "last": from the last layer back to the trunk) drawn anew.

    Every parameter is permuted, so its distribution, and the scale of the signal, stay as trained.
    """
    other = copy.deepcopy(generator)
    rng = torch.Generator().manual_seed(seed)
    for name, parameter in other.named_parameters():
        if part == "all" or name.startswith(("decoder", "merge", "last")):
            shuffled = parameter.detach().flatten()[torch.randperm(parameter.numel(), generator=rng)]
            parameter.data = shuffled.reshape(parameter.shape)
    return other


def trained_on_wrong_pairs(config: Config, batches: Sequence[tuple[Tensor, Tensor]]) -> nn.Module:
    """Return the same architecture, fitted by L1 to pairs that do not belong together: it can learn no scene.

    Adebayo et al. permute labels; unpaired low-light and target crops, each (N, 1, H, W), are permuted pairs.
    """
    network = build_generator(config, seed=config.seed + 7).train()
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    for low_light, target in batches:
        loss = (network(low_light) - target).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return network.eval()


def alike(one: np.ndarray, other: np.ndarray, region: np.ndarray) -> float:
    """Return how alike the *sizes* of two maps (H, W) are at equal distance from a region (H, W) bool, in [-1, 1].

    Sizes, as Adebayo et al. (2018, section 3) take them: two maps that mark the same pixels look alike, and the sign
    of each pixel, which hangs on next to nothing, would bring their correlation to 0. At equal distance, because
    every map of a number that is read in one place fades away from it, whatever the weights: over the whole window
    two random maps under one envelope of 6 to 15 px correlate by .6 to .9. So sizes are ranked within the ring of
    pixels at one distance, and the ranks, less each ring's mean, are correlated over all rings: Spearman's
    coefficient with a blocking variable (J. M. G. Taylor, Biometrics 43 (1987) 409). A partial correlation would
    take out only what is straight in the ranks of the distance. 0 where a map is flat in every ring.
    """
    rings = distance_transform_edt(~region).ravel()
    ranks = pd.DataFrame({"one": np.abs(one).ravel(), "other": np.abs(other).ravel()}).groupby(rings).rank(pct=True)
    x, y = (ranks - ranks.groupby(rings).transform("mean")).to_numpy().T
    size = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / size) if size > 0 else 0.0


def checked(randomised: pd.DataFrame) -> pd.DataFrame:
    """Return how alike each map is to that of each randomised network: by map, three columns per network.

    Args:
        randomised: map, network, correlation (`alike`), a row for each region of each frame.

    Returns:
        "<network>": the mean; "<network> low" and "<network> high": its 95 % interval by Student's t over regions,
        NaN for a single one. Regions of a frame share the frame, so the interval is too narrow rather than too wide.
    """
    found = {}
    for (name, network), rows in randomised.groupby(["map", "network"], sort=False):
        mean, half = interval(rows["correlation"])
        ends = {network: mean, f"{network} low": mean - half, f"{network} high": mean + half}
        found.setdefault(name, {}).update(ends)
    return pd.DataFrame.from_dict(found, orient="index")


def moves(generator: nn.Module, question: Question) -> tuple[float, float, bool]:
    """Return the number of a question at its window and at the blurred one, in DN, and whether the two differ enough.

    Where blurring changes the number by less than LEAST of itself, deletion and insertion have nothing to follow: the
    question is shown and does not count.
    """
    first, last = _numbers(generator, question, [question.x, baseline(question.x)])
    return float(first), float(last), bool(abs(first - last) > LEAST * max(abs(first), abs(last)))


def summarise(curves: pd.DataFrame, randomised: pd.DataFrame) -> pd.DataFrame:
    """Return one row per map: its areas and score, whether it beats every control, and the randomisation checks.

    Columns: map, kind; deletion (lower is better), insertion (higher is better) and score = insertion - deletion,
    medians over the questions that count; wins, of how many questions it has a higher score than every control;
    score_size: the same with pixels ordered by the size of the map alone, for part of a signed map's advantage is
    that it knows which pixels speak against the number; completeness, the largest; the columns of `checked` for each
    randomised network; beats_controls (`beats`) and passes_checks (`passes`): "yes", "no" or "undecided", "" for a
    control.
    """
    table = curves[["map", "kind"]].drop_duplicates(ignore_index=True).merge(_scored(curves), how="left", on="map")
    table[["questions", "wins"]] = table[["questions", "wins"]].fillna(0).astype(int)
    largest = curves.assign(size=curves["completeness"].abs()).groupby("map")["size"].max()
    table["completeness"] = table["map"].map(largest)
    table = table.join(checked(randomised), on="map")
    networks, method = list(randomised["network"].unique()), table["kind"] == "method"
    sure = SURE / max(method.sum(), 1)  # one map of them all is looked for, so that they share the risk (Bonferroni)
    beaten = [beats(wins, asked, sure) for wins, asked in zip(table["wins"], table["questions"], strict=True)]
    table["beats_controls"] = np.where(method, beaten, "")
    table["passes_checks"] = np.where(method, [passes(row, networks) for _, row in table.iterrows()], "")
    return table


def _scored(curves: pd.DataFrame) -> pd.DataFrame:
    """Return medians over the questions that count, and the questions won against the best control of each."""
    keys = ["frame", "region", "map", "kind", "order"]
    asked = curves[curves["counts"]].groupby(keys, sort=False)[["deletion", "insertion"]].agg(area).reset_index()
    asked["score"] = asked["insertion"] - asked["deletion"]
    by_size = asked.sort_values("order").groupby(keys[:-1], sort=False).last()["score"]
    signed = asked[asked["order"] == "signed"]
    best = signed[signed["kind"] == "control"].groupby(["frame", "region"])["score"].max().rename("rival")
    signed = signed.merge(best.reset_index(), on=["frame", "region"])
    signed["won"] = signed["score"] > signed["rival"]
    found = signed.groupby("map", sort=False).agg(
        questions=("score", "size"), deletion=("deletion", "median"), insertion=("insertion", "median"),
        score=("score", "median"), wins=("won", "sum"),
    )  # fmt: skip
    return found.assign(score_size=by_size.groupby("map").median()).reset_index()


def beats(wins: int, questions: int, sure: float = SURE) -> str:
    """Say whether a map wins against the best control: a sign test over the questions, one-sided at `sure`.

    The same test the other way round says that it loses. At 5 %, five questions are the fewest that can tell, and
    only if all are won or all are lost; at a sixth of that, seven. Those of one frame share it, and are worth less.

    >>> beats(5, 5), beats(1, 5), beats(0, 5), beats(4, 4), beats(9, 10), beats(9, 10, SURE / 6)
    ('yes', 'undecided', 'no', 'undecided', 'yes', 'undecided')
    """
    for said, side in (("yes", "greater"), ("no", "less")):
        if questions and binomtest(wins, questions, 0.5, side).pvalue <= sure:
            return said
    return "undecided"


def passes(row: pd.Series, networks: Sequence[str]) -> str:
    """Say whether a map changes with every network: its intervals (`checked`) against SAME; one too alike decides."""
    if any(row[f"{network} low"] >= SAME for network in networks):
        return "no"
    return "yes" if all(row[f"{network} high"] < SAME for network in networks) else "undecided"
