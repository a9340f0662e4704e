"""What the generator looks at, and whether the maps that say so can be believed."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from companion.run import Run
from companion.study import explain, stepwise
from companion.study.explain import attribution, faithfulness, regions
from companion.study.explain.known_frames import KnownFrame, known_frames
from nircore.config import Config
from nircore.data.crops import UnpairedCrops
from nircore.inference import enhance, seen, translate
from nircore.models import checkpoint
from nircore.training import evaluation

WRONG_STEPS, WRONG_CROP = 40, 64  # steps and px of the training on wrong pairs


def _questions(generator: nn.Module, subject: KnownFrame) -> Iterator[explain.Question]:
    """Ask about the regions of a frame, chosen on the truth, or on the output where there is none."""
    clean = subject.truth if subject.clean else enhance(generator, subject.frame)[0]
    for name, (region, kind) in regions.choose(clean, subject.lesion).items():
        yield explain.ask(generator, subject.frame, region, name, kind)


def attributions(run: Run) -> None:
    """Explain every region by every method and control, and measure whether to believe it."""
    asked, generator = known_frames(run), stepwise.load(run, "generator.safetensors")
    rows, shown, config = [], {}, checkpoint.load(run.made("models/generator.safetensors"))[1]
    others = _others(run, generator, config)
    checks: list[dict[str, Any]] = []
    for subject in asked:
        x, fit = seen(generator, subject.frame)
        whole = translate(generator, x)
        for question in _questions(generator, subject):
            maps = {name: attribution.attribute(generator, question, name) for name in attribution.METHODS}
            controls = faithfulness.controls(question, config)
            error = explain.window_error(generator, whole, fit.scale, question)
            rows += _curves(generator, subject.name, error, question, maps | controls)
            if subject is asked[0]:
                parts = {"input": question.x, "region": question.region, "output": translate(generator, question.x)}
                parts |= maps | {"receptive field": controls["receptive field"]}
                shown[f"{subject.name}, {question.name}: {question.target}"] = parts
            if question.kind == explain.CONTRAST:  # where there is something to explain: it takes three maps more
                checks += [
                    {"frame": subject.name, "region": question.name, "map": name, "network": network,
                     "correlation": faithfulness.alike(
                         one, attribution.attribute(other, question, name), question.region)}
                    for name, one in maps.items() for network, other in others.items()
                ]  # fmt: skip
            print(f"explain: {subject.name}, {question.name}", flush=True)
    curves, randomised = pd.DataFrame(rows), pd.DataFrame(checks)
    run.write_table("faithfulness_curves", curves)
    run.write_table("randomisation", randomised)
    run.write_table("faithfulness", faithfulness.summarise(curves, randomised))
    run.write_pictures("attribution", shown)


def _curves(
    generator: nn.Module, frame: str, error: float, question: explain.Question, maps: dict[str, np.ndarray]
) -> list[dict]:
    """Return one row per map and share of pixels; `error` is the window's (`explain.window_error`)."""
    number, blurred, counts = faithfulness.moves(generator, question)
    rows = []
    for name, importance in maps.items():
        path = counts and name in ("integrated gradients", "LAM")  # whose maps should add up
        about = {"frame": frame, "region": question.name, "target": question.target, "map": name,
                 "kind": "method" if name in attribution.METHODS else "control", "counts": counts,
                 "number": number, "blurred": blurred, "window_error": error,
                 "completeness": importance.sum() / (number - blurred) - 1 if path else np.nan}  # fmt: skip
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
