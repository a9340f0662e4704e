"""Whether the models that ship know more than mice: animals left out, other content, and what each change brought."""

import re
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from torch import nn

from companion import rivals
from companion.rivals import Denoise
from companion.run import Run, places
from companion.study import plate, real_frames, synthetic
from companion.study.comparison import sign_flip
from companion.study.real_methods import LOW_LIGHT, Key, OfFold, classical, enhanced
from companion.study.real_methods import shipped as without_each
from companion.study.shipped import MIXTURE, RECIPES, STEPS_WITHOUT, left_out, train
from nircore.data.degraded import Mixture
from nircore.inference.shipped import MODELS
from nircore.metrics.summary import interval
from nircore.models.checkpoint import load_generator

COMPARED = (LOW_LIGHT, synthetic.BM3D)  # of the classical methods; notebook 14 has them all
LEFT_OUT = "M8-1"  # the animal that what was tried is judged on
SHOWN, PART = ("M8-1_BP1200", "M8-1_LP1250"), np.s_[120:520, 80:432]  # scenes that other cameras see, and where
SHORT = 4  # epochs of what was tried, 1600 steps, each with the whole schedule of learning rates
#: What was tried: in what the mixture of a SHORT training of `realtime` differs from the one that ships.
TRIED: dict[str, Mixture | None] = {
    "realtime, short": MIXTURE,
    "no dead leaves": Mixture(leaves=0.0),
    "70 % dead leaves": Mixture(leaves=0.7),
    "no coloured noise": Mixture(coloured=0.0),
    "nothing mixed in": None,
}


def made_or_published(run: Run, name: str, make: Callable[[], pd.DataFrame] | None) -> pd.DataFrame:
    """Return a table of a run, which is made where it is not there yet; without `make`, the one of the repository."""
    if make is None:
        return pd.read_csv(places.REPOSITORY / "reports" / "benchmark" / f"{name}.csv")
    if not run.path(f"tables/{name}.csv").is_file():  # interrupted, it goes on
        run.write_table(name, make())
    return run.table(name)


def left_out_scores(root: Path) -> pd.DataFrame:
    """Return `real_frames.tuned` of what is compared on animals that are left out; what notebook 14 scored stays."""
    wanted = methods(root)
    table = places.run_folder("real-frames") / "tables" / "real_frames_all.csv"
    scored = real_frames.scores(root, wanted, table, say=lambda line: None)
    return real_frames.tuned(scored[scored["method"].isin([name for name, *_ in wanted])])


def methods(root: Path) -> dict[Key, OfFold]:
    """Return the low-light frame, BM3D of every strength, and the models that ship, each without the animal."""
    return {key: of for key, of in classical().items() if key[0] in COMPARED} | without_each(root)


def by_animal(table: pd.DataFrame) -> pd.DataFrame:
    """Return means over the four band-passes, against the merged reference: a row per animal and method.

    Args:
        table: of `real_frames.tuned`.
    """
    four = table[real_frames.PARTS[real_frames.RANKING](table)]
    found = four.groupby(["fold", "method"], sort=False)[["merged_psnr", "merged_ssim"]].mean()
    wide = four.pivot(index="scene", columns="method", values="merged_psnr").sub(
        four[four["method"] == synthetic.BM3D].set_index("scene")["merged_psnr"], axis=0
    )
    gains = wide.groupby(four.drop_duplicates("scene").set_index("scene")["fold"]).agg(["mean", "min"])
    stacked = gains.stack(0, future_stack=True).rename(columns={"mean": "over_bm3d", "min": "least_over_bm3d"})
    return found.join(stacked).reset_index()


def over_animals(table: pd.DataFrame) -> pd.DataFrame:
    """Return a row per method: PSNR and SSIM over all animals, the gain over BM3D on each, its interval in words, p.

    The interval is Student's, over the animals' means: with three of them it is wide, and says so. `p` is that of
    `sign_flip`, which three animals cannot bring below .25.
    """
    found = by_animal(table)
    gains = found.pivot(index="method", columns="fold", values="over_bm3d")
    means = found.groupby("method", sort=False)[["merged_psnr", "merged_ssim"]].mean()
    shown = pd.DataFrame({"PSNR, dB": means["merged_psnr"].map("{:.2f}".format)})
    shown["SSIM"] = means["merged_ssim"].map("{:.3f}".format)
    shown = shown.join(gains.map("{:+.2f}".format))
    for method, row in gains.iterrows():
        mean, half = interval(row)
        shown.loc[method, f"mean (95 %, n = {len(row)})"] = f"{mean:+.2f} ({mean - half:+.2f} to {mean + half:+.2f})"
        shown.loc[method, "p"] = f"{sign_flip(row, row.index):.2f}"
    shown.loc[synthetic.BM3D, shown.columns[2:]] = ""
    return shown.sort_values("PSNR, dB").reset_index()


def never_saw(root: Path) -> dict[str, nn.Module]:
    """Return the models that ship as they are trained without LEFT_OUT."""
    return {model: left_out(root, model, LEFT_OUT) for model in RECIPES}


def through_cameras(root: Path) -> pd.DataFrame:
    """Score models that never saw an animal on its light through a grid of cameras: `synthetic.scores`."""
    truth = {scene.name: references["merged"][0] for scene, _, references in real_frames.scenes(root)}
    lights = {name: synthetic.scene(truth[name][PART]) for name in SHOWN if name in truth}
    return synthetic.scores(synthetic.methods(never_saw(root)), list(synthetic.cameras()), lights)


@cache
def _plate(root: Path) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return what the plate looks like as it came, after BM3D and by the models that ship, and its reference."""
    frame, reference = plate.load(root)
    images = {LOW_LIGHT: frame}
    if not rivals.available()["vst_bm3d"]:
        images[synthetic.BM3D] = rivals.vst_bm3d(real_frames.cleaned(frame), synthetic.STRENGTH)
    return images | {model: enhanced(load_generator(file)[0], frame) for model, file in MODELS.items()}, reference


def on_the_plate(root: Path) -> pd.DataFrame:
    """Return `plate.compare` of the frame as it came, BM3D and the models that ship."""
    return plate.compare(*_plate(root))


def wells_on_the_plate(root: Path) -> pd.DataFrame:
    """Return `plate.each_well` of the same."""
    return plate.each_well(*_plate(root))


def other_content(generators: dict[str, nn.Module]) -> pd.DataFrame:
    """Score models, BM3D, and the rivals that are told more, on public images; a row per image, camera and method."""
    found = synthetic.methods(generators)
    return synthetic.scores(found, synthetic.coloured_cameras(), synthetic.public(), told=True)


def correlated(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean PSNR over images and brightnesses: a row per method, a column per correlation of the noise."""
    by = table["colour"].map(synthetic.COLOURS).rename("correlation")
    return table.groupby(["method", by], sort=False)["psnr"].mean().unstack()


def tried(root: Path) -> pd.DataFrame:
    """Train models in several ways without an animal, and score each on it and on other content: a row each.

    Below stand the models trained without the animal for longer, and `best` as the mean of eight turned copies.
    """
    rows = []
    for name, mixture in TRIED.items():
        place = f"tried-{re.sub('[^a-z0-9]+', '-', name)}"
        file = train(root, "realtime", LEFT_OUT, place=place, mixture=mixture, epochs=SHORT)
        rows.append({"tried": name} | judged(root, load_generator(file)[0]))
    whole = never_saw(root)
    steps = STEPS_WITHOUT["epochs"] * STEPS_WITHOUT["steps_per_epoch"]
    rows += [{"tried": f"{model}, {steps} steps"} | judged(root, generator) for model, generator in whole.items()]
    rows.append({"tried": "best, eight turned copies"} | judged(root, whole["best"], turned))
    return pd.DataFrame(rows)


def turned(denoise: Denoise) -> Denoise:
    """Return a method that is the mean of what another one makes of a frame turned and mirrored in all eight ways."""

    def mean(frame: np.ndarray) -> np.ndarray:
        copies = [np.rot90(one, k) for one in (frame, frame[:, ::-1]) for k in range(4)]
        made = [
            np.rot90(denoise(np.ascontiguousarray(copy)), -k % 4)
            for k, copy in zip([*range(4)] * 2, copies, strict=True)
        ]
        return np.mean([*made[:4], *(one[:, ::-1] for one in made[4:])], axis=0)

    return mean


def judged(root: Path, generator: nn.Module, way: Callable[[Denoise], Denoise] = lambda one: one) -> dict[str, float]:
    """Return the means of a generator on the four band-passes of LEFT_OUT, and on other content by correlation."""
    scenes = [part for part in real_frames.scenes(root) if part[0].group == LEFT_OUT]
    on_signals, on_frames = way(partial(enhanced, generator)), way(synthetic.methods({"one": generator})["one"])
    rows = [
        real_frames.judge(frame, on_signals(frame), references)
        for scene, frame, references in scenes
        if scene.filter in real_frames.BAND_PASSES
    ]
    table = synthetic.scores({"one": on_frames}, synthetic.coloured_cameras(), synthetic.public())
    found = {key: float(np.mean([row[key] for row in rows])) for key in ("merged_psnr", "merged_ssim")}
    return found | {f"correlated {key:g}": value for key, value in correlated(table).iloc[0].items()}
