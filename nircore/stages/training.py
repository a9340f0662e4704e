"""Train the CycleGAN of the run on its training crops; select on its validation frames."""

from nircore import evaluation
from nircore.data.unpaired import UnpairedCrops
from nircore.figures import losses as draw
from nircore.figures.style import save
from nircore.run import Run
from nircore.training import Training


def make(run: Run) -> None:
    """Write `models/` and one row per epoch of every loss term and validation number."""
    config = run.config
    low_light, target = (
        evaluation.normalised(config, evaluation.rows(run, "train", domain)) for domain in ("low_light", "target")
    )
    crops = UnpairedCrops(low_light, target, config.crop, config.batch, config.seed)
    losses = Training(config, crops, run.path("models"), evaluation.Validator(run), _say).run()
    run.write_table("losses", losses)
    save(draw.validation(losses), run.figure("validation"))


def _say(line: str) -> None:
    print(line, flush=True)
