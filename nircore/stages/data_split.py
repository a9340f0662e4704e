"""Which frame is in which split and domain, with its SHA-256; the phantom is made here when it is missing."""

import pandas as pd

from nircore.config import Config
from nircore.data import folder, sets, split
from nircore.data.normalise import Normalisation
from nircore.plots import frames as frame_figures
from nircore.plots import split as split_figures
from nircore.plots.style import save
from nircore.run import Run
from nircore.training import evaluation

SHOWN = 4  # frames of each domain in the sample figure


def make(run: Run) -> None:
    """Write the split, its summary, and a figure of each."""
    config = run.config
    table, bad = sets.catalogue(config)
    for line in bad:
        print(f"left out: {line}")
    folder.require_size(table, config.crop)
    test = 1 - config.train_fraction - config.validation_fraction
    divided = split.split(
        table,
        fractions=(config.train_fraction, config.validation_fraction, test),
        seed=config.seed,
        test_groups=_test_groups(config, table),
        allow_scene_split=config.allow_scene_split,
    )
    summary = split.summary(divided)
    run.write_table("left_out", pd.DataFrame({"reason": bad}, dtype=str))
    run.write_table("split", evaluation.portable(divided))
    run.write_table("split_summary", summary)
    save(split_figures.split(summary), run.figure("data_split"))
    shown = [_shown(run, domain) for domain in ("low_light", "target")]
    save(frame_figures.domains(*shown, unit="relative"), run.figure("domains"))


def _test_groups(config: Config, table: pd.DataFrame) -> tuple[str, ...]:
    """Return the animals kept for the test: those named, or one of swir-hdr's three, drawn by the seed.

    With three animals, one for each split, training would see one animal in both domains. Keeping one for the test
    leaves two, which lend low light and target; validation then holds out scenes of theirs.
    """
    named = tuple(filter(None, (name.strip() for name in config.test_groups.split(","))))
    animals = sorted(set(table["group"]))
    if named or config.dataset != "swir-hdr" or len(animals) != 3:
        return named
    return (animals[-1 - config.seed % 3],)


def _shown(run: Run, domain: str) -> list:
    """Load the first training frames of a domain, each on its own [0, 1] scale."""
    frames = [sets.load(run.config, row) for row in evaluation.rows(run, "train", domain)[:SHOWN]]
    return [Normalisation.of(frame).brightness(frame) for frame in frames]
