"""A page for every test frame of a run: what was made of it, and where not to trust it."""

from pathlib import Path

from nircore.data import sets
from nircore.data.frames import sha256
from nircore.inference import prepare
from nirlab import pages
from nircore.paths import VERSION
from companion.run import Run
from companion.run.steps import step
from companion.study import stepwise
from nircore.inference import conformal, trust
from nircore.training import evaluation


@step("pages/index.html")
def frame_pages(run: Run) -> None:
    """Write a page for every test frame, and their index."""
    weights = run.made("models/generator.safetensors")
    run.made("models/generator.trust.json")
    generator, calibration = stepwise.load(run, weights.name), conformal.load(weights)
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
