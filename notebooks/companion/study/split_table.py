"""The table of the split: which frame is in which part and domain, with its SHA-256."""

import pandas as pd

from nircore.config import Config
from nircore.data import folder, sets, split
from companion.run import Run
from companion.run.steps import step
from nircore.training import evaluation


@step("tables/split.csv", "tables/split_summary.csv", "tables/left_out.csv")
def data_split(run: Run) -> None:
    """Write the split of the run's frames, and its summary; a phantom that is missing is made here."""
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
    run.write_table("left_out", pd.DataFrame({"reason": bad}, dtype=str))
    run.write_table("split", evaluation.portable(divided))
    run.write_table("split_summary", split.summary(divided))


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
