"""The fidelity tests on the run's generator, beside the input, tuned non-local means and further generators."""

import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from companion import rivals
from companion.run import Run
from companion.study import stepwise
from companion.study import training as of_run
from companion.study.fidelity import CLEAN, TRUTH, Denoise, faint, linearity, structures, widths
from companion.study.fidelity.animals import Animal
from companion.study.fidelity.cycle import Translate, cycle
from companion.study.fidelity.emptiness import emptiness, frames
from companion.study.fidelity.prevalence import prevalence
from companion.study.fidelity.redegradation import Case, camera_noise, redegradation
from companion.study.fidelity.summary import TESTS, table5
from nircore.config import Config, recipe_names
from nircore.data import made_phantom, sets
from nircore.data.noise import noise_model
from nircore.data.normalise import Normalisation
from nircore.inference import enhance, translate
from nircore.models import checkpoint
from nircore.training import crops, evaluation
from nircore.training.loop import choose_device

FIRST_SEED = 10_000  # of the animals made here; those of the dataset have others
KNOWN, SWEPT, CYCLED = 3, 2, 2  # animals or frames of the tests; of these, for linearity; frames of the cycle
RETRAINED, RETESTED = 12, 4  # animals per domain, and test animals, of the prevalence experiment
SMALLEST_CROP = 64  # px: below it, a crop holds less than one 70 px patch
UNTUNED = 0.6  # strength of non-local means where there is no truth to tune it on
NEED_TRUTH = ("linearity", "structures", "faint", "widths", "prevalence")
NO_TRUTH = "Needs the phantom: this dataset has no known anatomy to turn up, take out or compare with."


def fidelity(run: Run) -> None:
    """Write a table per test, and `table5_fidelity`, one row per number and denoiser."""
    methods, known = denoisers(run), animals(run.config, KNOWN)  # their light is made once, for all tests
    tests: dict[str, Callable[[], pd.DataFrame]] = {
        "linearity": lambda: linearity.sweep(methods, known[:SWEPT]),
        "structures": lambda: structures.count(methods, known),
        "faint": lambda: faint.faint(methods, known),
        "widths": lambda: widths.widths(methods, known),
        "emptiness": lambda: emptiness(methods, frames(*_view(run))),
        "redegradation": lambda: redegradation(methods, _cases(run, known)),
        "cycle": lambda: cycle(*_translators(run), _normalised(run)),
        "prevalence": lambda: _prevalence(run),
    }
    tables = {}
    for name in TESTS:
        reason = _left_out(run, name)
        tables[name] = pd.DataFrame({"reason": [reason]}) if reason else tests[name]()
        run.write_table(f"fidelity_{name}", tables[name])
        print(f"fidelity: {name}{' left out' if reason else ''}", flush=True)
    run.write_table("table5_fidelity", table5(tables))


def _left_out(run: Run, name: str) -> str:
    """Say why a test cannot be done here; "" where it can."""
    if run.config.dataset != "phantom" and name in NEED_TRUTH:
        return NO_TRUTH
    if name == "prevalence" and run.config.crops == "measured":
        return f"The recipe {run.config.recipe} learns from pairs, so none can leak."
    if name == "cycle" and not _translators(run):
        return f"The recipe {run.config.recipe} trains no generator for the way back."
    return ""


def denoisers(run: Run) -> dict[str, Denoise]:
    """Return what is compared, by name: the input, tuned non-local means, and every generator of the run."""
    files = {"enhanced": "generator.safetensors"}
    for recipe in sorted({*recipe_names(run.config.recipes)} - {run.config.recipe}):
        name = f"{recipe}-{run.config.seed}/generator.safetensors"
        if run.path(f"models/{name}").is_file():  # the oracle has no training on real frames
            files[recipe] = name
    nlm = partial(rivals.non_local_means, strength=_strength(run))
    learnt = {name: _enhancer(stepwise.load(run, file)) for name, file in files.items()}
    return {"low-light": lambda frame: frame, "non-local means": nlm, **learnt}


def _enhancer(generator: nn.Module) -> Denoise:
    return lambda frame: enhance(generator, frame)[0]


def _strength(run: Run) -> float:
    """Return the strength of non-local means that was tuned on the validation frames."""
    table = run.table("table3_truth")
    tuned = pd.to_numeric(table.loc[table["method"] == "non-local means", "tuned"]).dropna()
    return float(tuned.iloc[0]) if len(tuned) else UNTUNED


def animals(config: Config, count: int) -> list[Animal]:
    """Return animals that are in no dataset, as the run's low-light camera sees them."""
    shape, exposure_s = (config.height, config.width), config.low_light_ms / 1000
    return [Animal(FIRST_SEED + k, shape, exposure_s) for k in range(count)]


def _rows(run: Run, count: int) -> list[Any]:
    return evaluation.spread(run.rows("test", "low_light"), count)


def _normalised(run: Run) -> dict[str, np.ndarray]:
    """Return test frames by name, on their networks' scale."""
    loaded = {Path(row.file).stem: sets.load(run.config, row) for row in _rows(run, CYCLED)}
    return {name: Normalisation.of(frame).apply(frame) for name, frame in loaded.items()}


def _view(run: Run) -> tuple[tuple[int, int], float]:
    """Return size and exposure of the test frames."""
    (row,) = _rows(run, 1)
    exposure_s = row.exposure_s if row.exposure_s > 0 else run.config.low_light_ms / 1000  # a folder's is not known
    return sets.load(run.config, row).shape, exposure_s


def _cases(run: Run, known: list[Animal]) -> list[Case]:
    """Return frames with their camera's noise, and with what is known of their scenes as controls."""
    if run.config.dataset != "phantom":
        return [_real_case(run.config, row) for row in _rows(run, KNOWN)]
    return [
        Case(f"animal {one.seed}", one.noisy(), camera_noise(one.exposure_s),
             {CLEAN: one.clean("low_light"), TRUTH: one.clean("target")})
        for one in known
    ]  # fmt: skip


def _real_case(config: Config, row: Any) -> Case:
    """Return a real frame: the known camera where it is known, else the noise read off the frame itself."""
    frame, reference = sets.load(config, row), sets.reference(config, row)
    noise = camera_noise(row.exposure_s) if config.dataset == "swir-hdr" else noise_model(frame)
    known = ({"long exposure": reference[0]}, reference[1]) if reference else ()
    return Case(Path(row.file).stem, frame, noise, *known)


def _translators(run: Run) -> list[Translate]:
    """Return both generators as they were trained together, at the last epoch; none where there is no way back."""
    file, device = run.path("models/checkpoint.safetensors"), choose_device(run.config.device)
    pair = [checkpoint.load_part(file, part) if file.is_file() else None for part in ("g_ab", "g_ba")]
    return [partial(translate, generator.to(device)) for generator in pair] if all(pair) else []


def _prevalence(run: Run) -> pd.DataFrame:
    """Train the run's system, on crops half as wide and for a share of the epochs, once per prevalence.

    No weights are kept, so none can be taken up again.
    """
    config = run.config
    epochs = max(1, round(config.epochs * config.prevalence_share))
    crop = config.crop // 2 if config.crop >= 2 * SMALLEST_CROP else config.crop
    shorter, target_s = config.replace(epochs=epochs, crop=crop), config.target_ms / 1000
    view = crops.View(*made_phantom.DOMAINS.values(), target_s, config.assumed_scattering, config.assumed_gain)

    def train(low_light: list[np.ndarray], target: list[np.ndarray]) -> Denoise:
        with tempfile.TemporaryDirectory() as folder:
            return _enhancer(of_run.train_frames(shorter, low_light, target, view, Path(folder), "prevalence, "))

    table = prevalence(train, animals(config, 2 * RETRAINED + RETESTED), RETESTED, target_s)
    return table.assign(
        steps=epochs * config.steps_per_epoch, run_steps=config.epochs * config.steps_per_epoch,
        crop=crop, run_crop=config.crop,
    )  # fmt: skip
