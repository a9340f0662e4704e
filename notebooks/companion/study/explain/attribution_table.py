"""What the generator looks at, and whether the maps that say so can be believed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from companion.run import Run
from companion.study import explain, stepwise
from companion.study.explain import attribution, faithfulness, patches, regions
from companion.study.explain.known_frames import ASKED, KnownFrame, known_frames
from nircore.config import Config
from nircore.data.crops import UnpairedCrops
from nircore.data.normalise import Normalisation
from nircore.inference import enhance, translate
from nircore.models import checkpoint
from nircore.training import evaluation

WRONG_STEPS, WRONG_CROP = 40, 64  # steps and px of the training on wrong pairs


def _questions(generator: nn.Module, subject: KnownFrame) -> Iterator[explain.Question]:
    """Ask about the regions of a subject, chosen on the truth, or on the output where there is none."""
    clean = subject.truth if subject.clean else enhance(generator, subject.frame)[0]
    for name, (region, kind) in regions.choose(clean, subject.lesion).items():
        yield explain.ask(generator, subject.frame, region, name, kind)


def attributions(run: Run) -> None:
    """Explain every region by every method and control, and measure whether to believe it."""
    asked, generator = known_frames(run)[:ASKED], stepwise.load(run, "generator.safetensors")
    rows, shown, config = [], {}, checkpoint.load(run.made("models/generator.safetensors"))[1]
    others = _others(run, generator, config)
    checks: list[dict[str, Any]] = []
    for subject in asked:
        for question in _questions(generator, subject):
            maps = {name: attribution.attribute(generator, question, name) for name in attribution.METHODS}
            controls = faithfulness.controls(question, config)
            rows += _curves(generator, subject, question, maps | controls)
            if subject is asked[0]:
                parts = {"input": question.x, "region": question.region, "output": translate(generator, question.x)}
                parts |= maps | {"receptive field": controls["receptive field"]}
                shown[f"{subject.name}, {question.name}: {question.target}"] = parts
            if question.kind == explain.CONTRAST:  # where there is something to explain: it takes three maps more
                checks += _checks(subject, question, maps, others)
            print(f"explain: {subject.name}, {question.name}", flush=True)
    curves, randomised = pd.DataFrame(rows), pd.DataFrame(checks)
    run.write_table("faithfulness_curves", curves)
    run.write_table("randomisation", randomised)
    run.write_table("faithfulness", faithfulness.summarise(curves, randomised))
    run.write_pictures("attribution", shown)


def _curves(
    generator: nn.Module, subject: KnownFrame, question: explain.Question, maps: dict[str, np.ndarray]
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
        evaluation.normalised(run.config, evaluation.spread(run.rows("train", domain), 6))
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
    subject: KnownFrame, question: explain.Question, maps: dict[str, np.ndarray], others: dict[str, nn.Module]
) -> list[dict]:
    """Return how alike each method's map is to that of each other network."""
    return [
        {"frame": subject.name, "region": question.name, "map": name, "network": network,
         "correlation": faithfulness.alike(one, attribution.attribute(other, question, name))}
        for name, one in maps.items() for network, other in others.items()
    ]  # fmt: skip


def patch_logits(run: Run) -> None:
    """Lay the discriminators' verdicts over what goes in and what comes out."""
    everyone, generator = known_frames(run), stepwise.load(run, "generator.safetensors")
    path = run.path("models/checkpoint.safetensors")
    trained = run.path("models/checkpoint.safetensors").is_file()
    judges = {name: checkpoint.load_part(path, name) for name in ("d_a", "d_b")} if trained else {}
    if not all(judges.get(name) for name in ("d_a", "d_b")):
        reason = f"The recipe {run.config.recipe} trains no discriminator for each domain."
        run.write_table("patch_logits", pd.DataFrame({"reason": [reason]}))
        run.write_pictures("patch_logits", {})
        return
    rows, shown = [], {}
    for subject in everyone:
        x = Normalisation.of(subject.frame).apply(subject.frame)
        for image, what in ((x, "low-light"), (translate(generator, x), "enhanced")):
            for judge, domain in (("d_a", "A, low-light"), ("d_b", "B, target")):
                chance = patches.probabilities(judges[judge], image)
                rows.append({"frame": subject.name, "image": what, "discriminator": domain, "mean": chance.mean(),
                             "lowest": chance.min(), "highest": chance.max()})  # fmt: skip
                if subject is everyone[0]:
                    shown[f"{what}: real {domain[0]}?"] = {"image": image, "chance": chance}
    run.write_table("patch_logits", pd.DataFrame(rows))
    run.write_pictures("patch_logits", shown)
