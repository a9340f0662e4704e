"""The steps of a run, each a function from artefacts to artefacts, made only when something it rests on changed."""

import re
from functools import cache
from importlib import import_module
from pathlib import Path

from nircore import freshness, paths
from nircore.errors import NircoreError
from nircore.run import Missing, Run
from nircore.stages import provenance

FIDELITY = ("linearity", "structures", "faint", "widths", "emptiness", "redegradation", "cycle", "shift")
FIDELITY += ("prevalence",)

#: What each step promises to write, in the order of the chain: `nircore.stages.<name>.make(run)` does it. What a step
#: reads and uses is recorded while it runs.
STAGES: dict[str, tuple[str, ...]] = {
    "data_split": ("tables/split.csv", "tables/split_summary.csv", "figures/data_split.png", "figures/domains.png"),
    "architecture": (
        "tables/generator_layers.csv",
        "tables/discriminator_layers.csv",
        "figures/fig1_block_diagram.png",
        "figures/fig2a_generator.png",
        "figures/fig2b_discriminator.png",
    ),
    "training": ("tables/losses.csv", "models/generator.safetensors", "figures/validation.png"),
    "stepwise": (
        "tables/enhanced.csv",
        "tables/across_epochs.csv",
        "tables/repeated.csv",
        "figures/fig3a_enhanced.png",
        "figures/fig3b_across_epochs.png",
        "figures/fig3b_repeated.png",
    ),
    "loss_table": (
        "tables/table1_losses.csv",
        "figures/fig3c_losses.png",
        "figures/fig3d_generator_terms.png",
    ),
    "image_metrics": (
        "tables/metrics.csv",
        "tables/table2_metrics.csv",
        "tables/truth_scores.csv",
        "tables/table3_truth.csv",
        "figures/fig4a_entropy.png",
        "figures/fig4b_edge_density.png",
        "figures/fig4c_snr.png",
        "figures/fig4d_contrast.png",
        "figures/fig4e_mean_intensity.png",
        "figures/fig5_truth.png",
    ),
    "benchmark": (
        "tables/benchmark.csv",
        "tables/table4_benchmark.csv",
        "figures/fig6_benchmark.png",
        "figures/fig6_scores.png",
    ),
    "fidelity": (
        *(f"tables/fidelity_{name}.csv" for name in FIDELITY),
        "tables/table5_fidelity.csv",
        *(f"figures/fidelity_{name}.png" for name in FIDELITY),
    ),
    "metric_quality": (
        "tables/metric_quality.csv",
        "tables/table6_metric_quality.csv",
        "figures/fig8_metric_quality.png",
    ),
    "real_time": (
        "tables/table10_real_time.csv",
        "tables/real_time_machine.csv",
        "tables/quality_speed.csv",
        "figures/fig12_real_time.png",
        "figures/fig12b_engines.png",
    ),
    "explain": (
        "tables/faithfulness_curves.csv",
        "tables/faithfulness.csv",
        "tables/randomisation.csv",
        "tables/patch_logits.csv",
        "tables/trust.csv",
        "models/generator.trust.json",
        "pages/index.html",
        *(f"figures/{name}.png" for name in ("attribution", "faithfulness", "patch_logits", "trust")),
    ),
    "claims": ("tables/claims.csv", "tables/errata.csv", "figures/claims.png"),
    "report": ("report.md", "report.html"),
}

#: Made by their own command (`nircore recipes`), and no part of a run's report.
ASIDE: dict[str, tuple[str, ...]] = {
    "recipes": (
        "tables/recipes.csv",
        "tables/table7_recipes.csv",
        "tables/table8_ablation.csv",
        "figures/fig9_recipes.png",
        "figures/fig10_ablation.png",
    ),
    "spectrum_shift": (
        "tables/spectrum_shift.csv",
        "tables/table9_spectrum_shift.csv",
        "figures/fig11_spectrum_shift.png",
    ),
}

#: How a notebook's cell asks for a step.
ASKED = re.compile(r'^make\(this_run, "(\w+)"\)', re.MULTILINE)
#: The step that makes a promised file.
MAKER = {name: step for step, promised in (STAGES | ASIDE).items() for name in promised}


@cache
def made_in() -> dict[str, str]:
    """Return for each step the numbered notebook whose cells ask for it; nothing where there are no notebooks."""
    books = sorted(paths.notebooks().glob("[0-9][0-9]_*.ipynb"))
    return {step: book.stem for book in books for step in ASKED.findall("\n".join(cells(book)))}


def cells(notebook: Path) -> list[str]:
    """Return the sources of a notebook's code cells: prose, outputs and counts are not changes."""
    import nbformat

    return [cell.source for cell in nbformat.read(notebook, as_version=4).cells if cell.cell_type == "code"]


def make(run: Run, name: str) -> None:
    """Bring a step of the run up to date, and first every step whose files it reads; say what was done.

    Raises:
        NircoreError: what a step had to say; finished steps stay as they are.
    """
    done: dict[str, bool] = {}
    _bring(run, name, done)
    freshness.take_in(provenance.ledger(run, name))
    if not done[name]:
        print(f"{name}: nothing changed, made earlier")


def _bring(run: Run, name: str, done: dict[str, bool]) -> None:
    """Bring a step up to date; note in `done` whether it had to be made.

    What a step reads is known once it ran. Before, it is begun and says which file it misses, or finds an old one.
    """
    done[name], entry = False, provenance.of(run, name)
    _bring_what_is_read(run, entry, done)
    known = 0
    while len(done) > known and not _fresh(run, name, entry):  # once more only after another step was looked at
        known = len(done)
        try:
            entry = _make(run, name)
            done[name] = True
            _bring_what_is_read(run, entry, done)
        except Missing as lack:
            maker = MAKER.get(lack.name)
            if maker not in STAGES or maker in done:
                raise
            _bring(run, maker, done)


def _bring_what_is_read(run: Run, entry: provenance.Record | None, done: dict[str, bool]) -> None:
    """Bring the steps of the chain whose files a step reads; what is made aside takes hours and is only looked at."""
    for maker in dict.fromkeys(MAKER.get(name) for name in (entry.reads if entry else ())):
        if maker in STAGES and maker not in done:
            _bring(run, maker, done)


def _fresh(run: Run, name: str, entry: provenance.Record | None) -> bool:
    return not _lacking(run, name) and provenance.fresh(run, entry)


def _lacking(run: Run, name: str) -> list[str]:
    return [file for file in (STAGES | ASIDE)[name] if not run.path(file).is_file()]


def _make(run: Run, name: str) -> provenance.Record:
    """Make a step's artefacts, and keep what it rests on."""
    with freshness.recording() as ledger:
        module = f"nircore.stages.{name}"
        ledger.modules.add(module)
        import_module(module).make(run)
    if lacking := _lacking(run, name):
        raise NircoreError(f"The step {name} did not write {', '.join(lacking)}, as it promises in nircore/stages.")
    entry = provenance.record(run, name, ledger)
    provenance.keep(run, entry)
    print(f"{name}: done")
    return entry
