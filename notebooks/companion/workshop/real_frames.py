"""What is published of real frames: the main table, the plate and the camera, each a table with its version."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from companion import rivals as baselines
from nircore.inference.shipped import MODELS
from companion.workshop import card, shipping
from companion.workshop.card import keep
from nircore.models.checkpoint import load_generator
from companion.run.places import run_folder
from companion.plots import benchmark as draw_scores
from companion.plots import camera as draw
from companion.plots.style import save
from companion.study import leaderboard, photon_transfer, plate, rivals, unseen
from companion.study.benchmark import CLASSICAL, NAMES
from companion.study.unseen import Key, Method

BOARDS = ("reflectance", "checker")  # the first one for the response as well
PICTURED = "all fifteen"  # part of the leaderboard that the figure shows
PLATE_FOLD = "M8-1"  # whose models look at the plate where none ships: no animal is on it


def publish(data_root: Path, folder: Path, say: Callable[[str], None] = print) -> None:
    """Make every table and figure of real frames, and the card; what is trained or scored already stays.

    Args:
        data_root: folder of the SWIR_HDR set, with its plate and boards.
        folder: for the tables, `reports/benchmark` of the checkout.
        say: receives lines on how far it is.
    """
    by_model = {model: shipping.folds(data_root, model, say) for model in MODELS}
    learnt = rivals.learnt(data_root, run_folder("real-frames"), say)
    methods = rivals.classical() | rivals.coloured(data_root) | learnt | rivals.shipped(by_model)
    table = scored(data_root, methods, folder, say)
    plates(data_root, of_the_plate(table, learnt), folder)
    camera(data_root, folder)
    for model, place in MODELS.items():
        coverage = shipping.coverage(data_root, by_model[model], load_generator(place)[0])
        keep(folder, f"trust_{model}", coverage)
    card.tables(data_root, by_model, folder)
    card.write(folder)


def scored(
    data_root: Path, methods: Mapping[Key, rivals.OfFold], folder: Path, say: Callable[[str], None] = print
) -> pd.DataFrame:
    """Score methods on real frames, beside those that the tables in `folder` hold; return one row a method and scene.

    `real_frames_all.csv` has every candidate, and is gone on from; `real_frames.csv` what is tuned, and
    `table11_real_frames.csv` the leaderboard.
    """
    table = unseen.tuned(unseen.scores(data_root, methods, folder / "real_frames_all.csv", say))
    board = leaderboard.leaderboard(table)
    keep(folder, "real_frames", table.drop(columns="nircore"))
    keep(folder, "table11_real_frames", board)
    dots = table[leaderboard.PARTS[PICTURED](table)]  # as many scenes of each animal
    dots = dots.rename(columns={"scene": "file", "merged_psnr": "psnr", "merged_ssim": "ssim"})
    if (table["kind"] == CLASSICAL).any():
        best = leaderboard.best_classical(table).mode()[0]
        save(draw_scores.scores(dots.assign(scene=dots["file"]), best), folder / "real_frames.png")
    return table


def plates(data_root: Path, methods: Mapping[str, Method], folder: Path) -> None:
    """Show the plate's 20 ms frame to methods; write `plate.csv`, `plate_wells.csv` and the figure."""
    frame, reference = plate.load(data_root)
    images = {name: method(frame) for name, method in methods.items()}
    compared = keep(folder, "plate", plate.compare(images, reference))
    each = keep(folder, "plate_wells", plate.each_well(images, reference))
    save(draw.wells(each, compared), folder / "plate.png")


def of_the_plate(table: pd.DataFrame, learnt: Mapping[Key, rivals.OfFold]) -> dict[str, Method]:
    """Return what looks at the plate, by name: each method with the parameter that most scenes chose.

    Args:
        table: of `scored`.
        learnt: of `rivals.learnt`, trained.
    """
    methods: dict[str, Method] = {rivals.LOW_LIGHT: lambda frame: frame}
    for key, (name, _) in NAMES.items():
        own = table[table["method"] == name]
        if len(own):
            value = own["parameter"].mode()[0]
            methods[name] = partial(_cleaned, baselines.METHODS[key].function, value)
    for (name, _, _), of_fold in learnt.items():
        methods[name] = of_fold(PLATE_FOLD)
    for name, file in MODELS.items():
        methods[name] = partial(rivals.enhanced, load_generator(file)[0])
    return methods


def _cleaned(function: Callable[..., np.ndarray], value: float, frame: np.ndarray) -> np.ndarray:
    return function(unseen.cleaned(frame), value)


def camera(data_root: Path, folder: Path) -> None:
    """Read the camera off its boards; write `photon_transfer.csv`, `response.csv` and the figure."""
    rows = []
    for kind in BOARDS:
        points = photon_transfer.points(photon_transfer.load(data_root, kind))
        for common in (False, True):
            noise = "one for all exposures" if common else "each exposure's own"
            rows.append(
                {"board": kind, "noise of the dark": noise} | photon_transfer.transfer(points, common)._asdict()
            )
    response = photon_transfer.response(photon_transfer.load(data_root, BOARDS[0]))
    table = pd.DataFrame(rows).assign(straight_to_dn=photon_transfer.straight_to(response))
    keep(folder, "photon_transfer", table)
    keep(folder, "response", response)
    points = photon_transfer.points(photon_transfer.load(data_root, BOARDS[0]))
    fit = photon_transfer.transfer(points, common=True)
    figure = draw.photon_transfer(points, response, fit.gain_e_per_dn, fit.read_noise_dn)
    save(figure, folder / "photon_transfer.png")
