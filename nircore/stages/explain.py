"""What the generator looks at, whether the maps that say so can be believed, and where not to trust its output."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from nircore.config import Config
from nircore.data import sets
from nircore.data.frames import sha256
from nircore.data.normalise import Normalisation
from nircore.data.unpaired import UnpairedCrops
from nircore.inference import enhance, prepare, translate
from nircore.lab import pages
from nircore.models import checkpoint
from nircore.paths import VERSION
from nircore.plots import explain as draw
from nircore.plots.style import note, save
from nircore.run import Run
from nircore.stages import stepwise
from nircore.study import conformal, explain, trust
from nircore.study.explain import attribution, faithfulness, patches, regions, trusted
from nircore.study.fidelity.animals import Animal
from nircore.training import evaluation
from nircore.training.loop import table_epochs

FIRST_SEED = 30_000  # of the animals asked about here; no dataset, calibration or other test has them
ASKED, TRUSTED = 2, 3  # frames: whose regions are explained, on which the trust map is judged
CALIBRATING = 24  # phantom frames
VIEWS = 4  # of the trust map: each costs a pass, and eight find little more
LESS, WRONG_STEPS, WRONG_CROP = 0.1, 40, 64  # see `_moves`; steps and px of the training on wrong pairs
SNAPSHOTS = 3  # last epochs whose weights are compared


@dataclass(frozen=True, eq=False)
class Subject:
    """A frame with its truth, what is known of its scene without noise, and where its lesion is, (H, W) each."""

    name: str
    frame: np.ndarray
    truth: np.ndarray
    valid: np.ndarray
    clean: list[np.ndarray]
    lesion: np.ndarray | None = None


def make(run: Run) -> None:
    """Write tables and figures of attribution, discriminators and trust; calibrate the trust map; write pages."""
    generator = stepwise.load(run, "generator.safetensors")
    everyone = subjects(run)
    _attribution(run, generator, everyone[:ASKED])
    _patches(run, generator, everyone)
    calibration = _calibrated(run, generator)
    _trust(run, generator, calibration, everyone)
    _pages(run, generator, calibration)


def subjects(run: Run) -> list[Subject]:
    """Return phantom animals with a lesion that are in no dataset, or test frames that have a reference."""
    config = run.config
    if config.dataset == "phantom":
        shape, exposure_s = (config.height, config.width), config.low_light_ms / 1000
        return [_animal(Animal(FIRST_SEED + k, shape, exposure_s)) for k in range(TRUSTED)]
    rows = evaluation.spread([r for r in evaluation.rows(run, "test", "low_light") if r.reference], TRUSTED)
    found = [
        (Path(row.file).stem, sets.load(config, row), *truth) for row, truth in evaluation.references(config, rows)
    ]
    return [Subject(*one, clean=[one[2]]) for one in found] or _unjudged(run)


def _animal(animal: Animal) -> Subject:
    clean = [animal.clean(domain) for domain in ("low_light", "target")]
    everywhere = np.ones(animal.shape, dtype=bool)
    return Subject(f"animal {animal.seed}", animal.noisy(), clean[1], everywhere, clean, animal.anatomy.lesion)


def _unjudged(run: Run) -> list[Subject]:
    """Return test frames without references: they can be explained, and nothing can be judged on them."""
    rows = evaluation.spread(evaluation.rows(run, "test", "low_light"), ASKED)
    frames = [(Path(row.file).stem, sets.load(run.config, row)) for row in rows]
    return [Subject(name, frame, frame, np.zeros(frame.shape, dtype=bool), []) for name, frame in frames]


def _questions(generator: nn.Module, subject: Subject) -> Iterator[explain.Question]:
    """Ask about the regions of a subject, chosen on the truth, or on the output where there is none."""
    clean = subject.truth if subject.clean else enhance(generator, subject.frame)[0]
    for name, (region, kind) in regions.choose(clean, subject.lesion).items():
        yield explain.ask(generator, subject.frame, region, name, kind)


def _attribution(run: Run, generator: nn.Module, asked: list[Subject]) -> None:
    """Explain every region by every method and control, and measure whether to believe it."""
    rows, shown, config = [], [], checkpoint.load(run.made("models/generator.safetensors"))[1]
    others = _others(run, generator, config)
    checks: list[dict[str, Any]] = []
    for subject in asked:
        for question in _questions(generator, subject):
            maps = {name: attribution.attribute(generator, question, name) for name in attribution.METHODS}
            controls = faithfulness.controls(question, config)
            rows += _curves(generator, subject, question, maps | controls)
            if subject is asked[0]:
                shown.append(
                    (
                        question,
                        translate(generator, question.x),
                        maps | {"receptive field": controls["receptive field"]},
                    )
                )
            if question.kind == explain.CONTRAST:  # where there is something to explain: it takes three maps more
                checks += _checks(subject, question, maps, others)
            print(f"explain: {subject.name}, {question.name}", flush=True)
    curves, randomised = pd.DataFrame(rows), pd.DataFrame(checks)
    table = faithfulness.summarise(curves, randomised)
    run.write_table("faithfulness_curves", curves)
    run.write_table("randomisation", randomised)
    run.write_table("faithfulness", table)
    save(draw.maps(shown, asked[0].name), run.figure("attribution"))
    save(draw.faithfulness(curves, table), run.figure("faithfulness"))


def _curves(
    generator: nn.Module, subject: Subject, question: explain.Question, maps: dict[str, np.ndarray]
) -> list[dict]:
    """Return one row per map and share of pixels."""
    moves, error = faithfulness.moves(generator, question), explain.window_error(generator, subject.frame, question)
    rows = []
    for name, importance in maps.items():
        about = {"frame": subject.name, "region": question.name, "target": question.target, "map": name,
                 "kind": "method" if name in attribution.METHODS else "control", "counts": moves.counts,
                 "number": moves.number, "blurred": moves.blurred, "window_error": error,
                 "completeness": faithfulness.completeness(name, importance, moves)}  # fmt: skip
        for sign, ranked in (("signed", importance), ("size", np.abs(importance))):
            for share, out, back in zip(
                faithfulness.SHARES, *faithfulness.curves(generator, question, ranked), strict=True
            ):
                rows.append(about | {"order": sign, "share": share, "deletion": out, "insertion": back})
            if importance.min() >= 0:
                break  # the two orders are one
    return rows


def _others(run: Run, generator: nn.Module, config: Config) -> dict[str, nn.Module]:
    """Return the networks that a map of the trained one must differ from."""
    domains = [
        evaluation.normalised(run.config, evaluation.spread(evaluation.rows(run, "train", domain), 6))
        for domain in ("low_light", "target")
    ]
    side = min(WRONG_CROP, *(side for frames in domains for frame in frames for side in frame.shape))
    crop = UnpairedCrops(*domains, side - side % 16, 2, config.seed)
    wrong = [crop.at(step) for step in range(WRONG_STEPS)]
    return {
        "all weights": faithfulness.randomised(generator, "all"),
        "last layers": faithfulness.randomised(generator, "last"),
        "wrong pairs": faithfulness.trained_on_wrong_pairs(config, wrong),
    }


def _checks(
    subject: Subject, question: explain.Question, maps: dict[str, np.ndarray], others: dict[str, nn.Module]
) -> list[dict]:
    """Return how alike each method's map is to that of each other network."""
    return [
        {"frame": subject.name, "region": question.name, "map": name, "network": network,
         "correlation": faithfulness.alike(one, attribution.attribute(other, question, name))}
        for name, one in maps.items() for network, other in others.items()
    ]  # fmt: skip


def _patches(run: Run, generator: nn.Module, everyone: list[Subject]) -> None:
    """Lay the discriminators' verdicts over what goes in and what comes out."""
    path = run.path("models/checkpoint.safetensors")
    trained = run.has("models/checkpoint.safetensors")
    judges = {name: checkpoint.load_part(path, name) for name in ("d_a", "d_b")} if trained else {}
    if not all(judges.get(name) for name in ("d_a", "d_b")):
        reason = f"The recipe {run.config.recipe} trains no discriminator for each domain."
        run.write_table("patch_logits", pd.DataFrame({"reason": [reason]}))
        save(note(reason), run.figure("patch_logits"))
        return
    rows, shown = [], []
    for subject in everyone:
        x = Normalisation.of(subject.frame).apply(subject.frame)
        for image, what in ((x, "low-light"), (translate(generator, x), "enhanced")):
            for judge, domain in (("d_a", "A, low-light"), ("d_b", "B, target")):
                chance = patches.probabilities(judges[judge], image)
                rows.append({"frame": subject.name, "image": what, "discriminator": domain, "mean": chance.mean(),
                             "lowest": chance.min(), "highest": chance.max()})  # fmt: skip
                if subject is everyone[0]:
                    shown.append((f"{what}: real {domain[0]}?", image, chance))
    run.write_table("patch_logits", pd.DataFrame(rows))
    save(draw.patch_verdicts(shown), run.figure("patch_logits"))


def _calibrated(run: Run, generator: nn.Module) -> conformal.Calibration:
    """Calibrate the trust map on phantom frames; keep the calibration beside the weights."""
    config, phantom = run.config, run.config.dataset == "phantom"
    shape = (config.height, config.width)
    cases = trust.phantom_cases(CALIBRATING, shape, config.low_light_ms / 1000, "target" if phantom else "low_light")
    what = f"phantom frames of {shape[0]} x {shape[1]} px at {config.low_light_ms:g} ms"
    calibration = trust.calibrate(generator, cases, what, views=VIEWS)
    conformal.save(calibration, run.path("models/generator.safetensors"))
    print(f"explain: trust map calibrated on {calibration.frames} frames", flush=True)
    return calibration


def _trust(run: Run, generator: nn.Module, calibration: conformal.Calibration, everyone: list[Subject]) -> None:
    """Judge the trust map where the truth is known."""
    judged = [subject for subject in everyone if subject.clean]
    if not judged:
        run.write_table("trust", pd.DataFrame({"reason": ["This dataset has no truth to judge the trust map by."]}))
        save(note("This dataset has no truth to judge the trust map by."), run.figure("trust"))
        return
    last = table_epochs(run.config.epochs)[-SNAPSHOTS:]
    others = [stepwise.load(run, f"epochs/epoch_{epoch:03d}.safetensors") for epoch in last]
    back = checkpoint.load_part(run.made("models/checkpoint.safetensors"), "g_ba")
    rows, shown = [], None
    for subject in judged:
        made = trust.trust_map(generator, subject.frame, calibration, others, back)
        wrong = trust.error(made.image, subject.truth, subject.valid)
        rows += [{"frame": subject.name} | row for row in trusted.judge(made, wrong, subject.clean)]
        shown = shown or (subject.frame, made.image, *(_drawable(x, made) for x in (wrong, made.half_width)))
    table = pd.DataFrame(rows)
    run.write_table("trust", table)
    save(draw.trust(*shown, table), run.figure("trust"))


def _drawable(values: np.ndarray, made: trust.Trust) -> np.ndarray:
    """Return an error or half-width with its ends shown as the frame's range, and 0 where nothing is known."""
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=np.inf), 0, made.normalisation.scale)


def _pages(run: Run, generator: nn.Module, calibration: conformal.Calibration) -> None:
    """Write a page for every test frame, and their index."""
    weights = run.made("models/generator.safetensors")
    model = pages.Model(weights.name, sha256(weights), run.config.recipe, VERSION)
    entries = []
    for k, row in enumerate(evaluation.rows(run, "test", "low_light")):
        frame = sets.load(run.config, row)
        made = trust.trust_map(generator, frame, calibration)
        facts = {"exposure": f"{1000 * row.exposure_s:g} ms", "filter": str(row.filter or "not known")}
        report = pages.FrameReport(
            Path(row.file).name, prepare(generator, frame), made.image, made.normalisation, model,
            made.half_width, calibration.sentence(), made.noise, facts, support=made.support,
        )  # fmt: skip
        entries.append(pages.write(report, run.path("pages"), f"{k:03d}_{Path(row.file).stem}.html"))
    pages.write_index(entries, run.path("pages"), f"{run.config.name}: test frames")
