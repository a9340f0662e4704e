"""The model card: what the models that ship do on animals and cameras they never saw; its text is `card.md.j2`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined

from companion.run import STAMP
from companion.study import general, synthetic
from companion.study.shipped import STEPS_WITHOUT
from nircore.inference.shipped import MODELS
from nircore.models.checkpoint import load_generator
from nircore.paths import VERSION

TEMPLATE = Path(__file__).with_name("card.md.j2")


def markdown(table: pd.DataFrame) -> str:
    """Return a table as Markdown, without who made it, numbers to three digits after the point at most."""
    return table.drop(columns=[*STAMP], errors="ignore").to_markdown(index=False, floatfmt=".3f", intfmt="d")


def text(table: Callable[[str], pd.DataFrame]) -> str:
    """Return the card; every number comes from a table, by its name, or from the weights, none from a hand."""
    table = partial(_to_six_digits, table)
    cameras = synthetic.gains(table("synthetic_cameras")).groupby(["method", "peak"])["gain_db"]
    shown = {
        "scores": general.by_animal(table("left_out_animals")),
        "cameras": cameras.agg(["min", "mean", "max"]).reset_index(),
        "plate": table("plate_shipped"),
        "content": general.correlated(table("other_content")).reset_index(),
        "tried": table("tried"),
        "outside": table("trust_left_out").pivot(index="animal", columns="model", values="outside").reset_index(),
    }
    page = Environment(undefined=StrictUndefined, keep_trailing_newline=True).from_string(TEMPLATE.read_text("utf-8"))
    return page.render(version=VERSION, facts=facts(), **{name: markdown(one) for name, one in shown.items()})


def _to_six_digits(table: Callable[[str], pd.DataFrame], name: str) -> pd.DataFrame:
    """Return a table as precise as it is published, so that the card is the same before and after."""
    found = table(name)
    fractions = found.select_dtypes("float")
    return found.assign(**{key: [float(f"{value:.6g}") for value in fractions[key]] for key in fractions})


def facts() -> dict[str, str]:
    """Return in words how large each model that ships is, and how long it was trained, `without` an animal too."""
    without = f"{STEPS_WITHOUT['epochs'] * STEPS_WITHOUT['steps_per_epoch']} steps"
    configs = {model: load_generator(file)[1] for model, file in MODELS.items()}
    return {"without": without} | {
        model: f"{config.ngf} channels at the finest level, {config.epochs * config.steps_per_epoch} steps, "
        f"{MODELS[model].stat().st_size:,} bytes"
        for model, config in configs.items()
    }
