"""Where not to trust the output: the trust map calibrated on phantom frames, and judged where the truth is known."""

import numpy as np
import pandas as pd
from torch import nn

from companion.run import Run
from companion.study import stepwise
from companion.study.explain import detection
from companion.study.explain.known_frames import known_frames
from companion.study.fidelity.animals import phantom_cases
from nircore.inference import conformal, trust
from nircore.models import checkpoint
from nircore.training.loop import table_epochs

CALIBRATING = 24  # phantom frames
VIEWS = 4  # of the trust map: each costs a pass, and eight find little more
SNAPSHOTS = 3  # last epochs whose weights are compared
NO_TRUTH = "This dataset has no truth to judge the trust map by."


def trust_table(run: Run) -> None:
    """Calibrate the trust map on phantom frames, keep that beside the weights, and judge it on others."""
    generator = stepwise.load(run, "generator.safetensors")
    _judged(run, generator, _calibrated(run, generator))


def _calibrated(run: Run, generator: nn.Module) -> conformal.Calibration:
    config, phantom = run.config, run.config.dataset == "phantom"
    shape = (config.height, config.width)
    cases = phantom_cases(CALIBRATING, shape, config.low_light_ms / 1000, "target" if phantom else "low_light")
    what = f"phantom frames of {shape[0]} x {shape[1]} px at {config.low_light_ms:g} ms"
    calibration = trust.calibrate(generator, cases, what, views=VIEWS)
    conformal.save(calibration, run.path("models/generator.safetensors"))
    print(f"explain: trust map calibrated on {calibration.frames} frames", flush=True)
    return calibration


def _judged(run: Run, generator: nn.Module, calibration: conformal.Calibration) -> None:
    """Judge the trust map where the truth is known; keep what it says of the first frame."""
    judged = [subject for subject in known_frames(run) if subject.clean]
    if not judged:
        run.write_table("trust", pd.DataFrame({"reason": [NO_TRUTH]}))
        run.write_pictures("trust", {})
        return
    last = table_epochs(run.config.epochs)[-SNAPSHOTS:]
    others = [stepwise.load(run, f"epochs/epoch_{epoch:03d}.safetensors") for epoch in last]
    back = checkpoint.load_part(run.made("models/checkpoint.safetensors"), "g_ba")
    rows, shown = [], {}
    for subject in judged:
        made = trust.trust_map(generator, subject.frame, calibration, others, back)
        wrong = trust.error(made.image, subject.truth, subject.valid)
        rows += [{"frame": subject.name} | row for row in detection.judge(made, wrong, subject.clean)]
        unknown = {"true error": _drawable(wrong, made), "trust map: half-width": _drawable(made.half_width, made)}
        shown = shown or {subject.name: {"low-light": subject.frame, "enhanced": made.image} | unknown}
    run.write_table("trust", pd.DataFrame(rows))
    run.write_pictures("trust", shown)


def _drawable(values: np.ndarray, made: trust.Trust) -> np.ndarray:
    """Return an error or half-width with its ends shown as the frame's range, and 0 where nothing is known."""
    return np.clip(np.nan_to_num(values, nan=0.0, posinf=np.inf), 0, made.normalisation.scale)
