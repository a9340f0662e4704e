"""The steps of a run, each a function from artefacts to artefacts, made only when something it reads changed."""

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nircore import freshness
from nircore.config import TRAINED, Config
from nircore.data import sets
from nircore.data.frames import sha256
from nircore.paths import PACKAGE
from nircore.run import Run, published


@dataclass(frozen=True)
class Stage:
    """One step: `nircore.stages.<name>.make(run)`.

    Args:
        name: the module in `nircore.stages` that holds `make`.
        keys: the settings it reads itself; what earlier stages read reaches it through their artefacts.
        reads, writes: files of the run, relative to its folder.
        recipes: whether it looks up other recipes than the run's own.
        facts: files of `data/paper/` that it reads.
        looks_at: files of the run that it reads where they are there; nothing is made for their sake.
    """

    name: str
    keys: tuple[str, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    facts: tuple[str, ...] = ()
    recipes: bool = False
    looks_at: tuple[str, ...] = ()

    def module(self) -> Any:
        """Import the stage (late: it may need torch)."""
        return importlib.import_module(f"nircore.stages.{self.name}")

    def inputs(self, config: Config) -> list[Path]:
        """Return the files outside the run that this stage reads."""
        frames = sets.files(config) if self.name == "data_split" else []
        return [*frames, *map(published, self.facts)]

    def sources(self) -> list[str]:
        """Return the package's files whose edit makes its results stale: what its module imports, however far."""
        recipes = PACKAGE.glob("recipes/*.yaml") if self.recipes else ()
        return sorted(map(str, [*freshness.closure(f"nircore.stages.{self.name}"), *recipes]))


DATA_KEYS = ("seed", "dataset", "data_root", "low_light", "target", "test_groups", "skip_bad", "allow_scene_split")
DATA_KEYS += ("train_fraction", "validation_fraction", "animals", "height", "width", "low_light_ms", "target_ms")
MODEL_KEYS = ("generator", "input", "ngf", "ndf", "blocks", "levels")
TRAINING_KEYS = (*TRAINED, "seed", "dataset", "device", "precision", "validation_frames")
FIDELITY = ("linearity", "structures", "faint", "widths", "emptiness", "redegradation", "cycle", "shift")
FIDELITY += ("prevalence",)

STAGES = {
    stage.name: stage
    for stage in (
        Stage(
            "data_split",
            keys=(*DATA_KEYS, "crop"),
            reads=(),
            writes=("tables/split.csv", "tables/split_summary.csv", "figures/data_split.png", "figures/domains.png"),
        ),
        Stage(
            "architecture",
            keys=("height", "width", "crop", *MODEL_KEYS),
            reads=(),
            writes=(
                "tables/generator_layers.csv",
                "tables/discriminator_layers.csv",
                "figures/fig1_block_diagram.png",
                "figures/fig2a_generator.png",
                "figures/fig2b_discriminator.png",
            ),
        ),
        Stage(
            "training",
            keys=TRAINING_KEYS,
            reads=("tables/split.csv",),
            writes=("tables/losses.csv", "models/generator.safetensors", "figures/validation.png"),
        ),
        Stage(
            "stepwise",
            keys=("maps",),
            reads=("tables/split.csv", "models/generator.safetensors", "tables/losses.csv"),
            writes=(
                "tables/enhanced.csv",
                "tables/across_epochs.csv",
                "tables/repeated.csv",
                "figures/fig3a_enhanced.png",
                "figures/fig3b_across_epochs.png",
                "figures/fig3b_repeated.png",
            ),
        ),
        Stage(
            "loss_table",
            keys=("gan",),
            reads=("tables/losses.csv",),
            writes=(
                "tables/table1_losses.csv",
                "figures/fig3c_losses.png",
                "figures/fig3d_generator_terms.png",
            ),
            facts=("table1.csv",),
        ),
        Stage(
            "image_metrics",
            keys=("seed",),
            reads=("tables/split.csv", "tables/enhanced.csv"),
            writes=(
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
        ),
        Stage(
            "benchmark",
            recipes=True,
            keys=("seeds", "recipes", *TRAINING_KEYS),
            reads=("tables/split.csv", "models/generator.safetensors"),
            writes=(
                "tables/benchmark.csv",
                "tables/table4_benchmark.csv",
                "figures/fig6_benchmark.png",
                "figures/fig6_scores.png",
            ),
        ),
        Stage(
            "fidelity",
            recipes=True,
            keys=("height", "width", "low_light_ms", "target_ms", "prevalence_share", *TRAINING_KEYS),
            reads=(
                "tables/split.csv",
                "tables/table3_truth.csv",
                "tables/table4_benchmark.csv",
                "models/generator.safetensors",
            ),
            writes=(
                *(f"tables/fidelity_{name}.csv" for name in FIDELITY),
                "tables/table5_fidelity.csv",
                *(f"figures/fidelity_{name}.png" for name in FIDELITY),
            ),
        ),
        Stage(
            "metric_quality",
            keys=("seed", "dataset", "data_root", "height", "width"),
            reads=("tables/benchmark.csv",),
            writes=(
                "tables/metric_quality.csv",
                "tables/table6_metric_quality.csv",
                "figures/fig8_metric_quality.png",
            ),
        ),
        Stage(
            "real_time",
            recipes=True,
            keys=("timing_s", *MODEL_KEYS),
            reads=("tables/table4_benchmark.csv",),
            writes=(
                "tables/table10_real_time.csv",
                "tables/real_time_machine.csv",
                "tables/quality_speed.csv",
                "figures/fig12_real_time.png",
                "figures/fig12b_engines.png",
            ),
        ),
        Stage(
            "explain",
            keys=("dataset", "data_root", "height", "width", "low_light_ms", "epochs", "device"),
            reads=("tables/split.csv", "models/generator.safetensors"),
            writes=(
                "tables/faithfulness_curves.csv",
                "tables/faithfulness.csv",
                "tables/randomisation.csv",
                "tables/patch_logits.csv",
                "tables/trust.csv",
                "models/generator.trust.json",
                "pages/index.html",
                *(f"figures/{name}.png" for name in ("attribution", "faithfulness", "patch_logits", "trust")),
            ),
        ),
        Stage(
            "claims",
            keys=(),
            reads=(
                "tables/split.csv",
                "tables/generator_layers.csv",
                "tables/discriminator_layers.csv",
                "tables/losses.csv",
                "tables/table1_losses.csv",
                "tables/across_epochs.csv",
                "tables/repeated.csv",
                "tables/metrics.csv",
                "tables/table2_metrics.csv",
                "tables/truth_scores.csv",
                "tables/table3_truth.csv",
                "tables/table4_benchmark.csv",
                "tables/table5_fidelity.csv",
                "tables/table6_metric_quality.csv",
                "tables/faithfulness.csv",
                "tables/table10_real_time.csv",
            ),
            writes=("tables/claims.csv", "tables/errata.csv", "figures/claims.png"),
            facts=("claims.yaml", "errata.yaml"),
            looks_at=("tables/table7_recipes.csv", "tables/table9_spectrum_shift.csv"),
        ),
    )
}
REPORT = Stage(
    "report",
    keys=(),
    reads=tuple(name for stage in STAGES.values() for name in stage.writes),
    writes=("report.md", "report.html"),
)
STAGES["report"] = REPORT

#: Made by their own command (`nircore recipes`), and no part of a run's report.
ASIDE = {
    stage.name: stage
    for stage in (
        Stage(
            "recipes",
            recipes=True,
            keys=("seeds", *TRAINING_KEYS),
            reads=("tables/split.csv", "models/generator.safetensors"),
            writes=(
                "tables/recipes.csv",
                "tables/table7_recipes.csv",
                "tables/table8_ablation.csv",
                "figures/fig9_recipes.png",
                "figures/fig10_ablation.png",
            ),
        ),
        Stage(
            "spectrum_shift",
            recipes=True,
            keys=TRAINING_KEYS,
            reads=("tables/split.csv",),
            writes=(
                "tables/spectrum_shift.csv",
                "tables/table9_spectrum_shift.csv",
                "figures/fig11_spectrum_shift.png",
            ),
        ),
    )
}

#: The notebook that makes each stage; `nircore.reproduce` runs them.
MADE_IN = {
    "data_split": "01_data_split",
    **dict.fromkeys(("architecture", "training"), "02_training"),
    "stepwise": "03_stepwise_enhancement",
    "loss_table": "04_loss_table",
    "image_metrics": "05_metric_figures",
    "explain": "06_explainability",
    **dict.fromkeys(("benchmark", "fidelity", "metric_quality"), "07_benchmark"),
    "real_time": "08_real_time",
    "claims": "09_claims",
    "report": "10_report",
    **dict.fromkeys(("recipes", "spectrum_shift"), "12_recipes"),
}


def _task(stage: Stage, run: Run) -> dict[str, Any]:
    """Describe a stage to the chain."""
    return freshness.task(
        stage.name,
        lambda: _make(stage, run),
        reads=[*stage.sources(), *map(run.path, stage.reads), *stage.inputs(run.config)],
        writes=map(run.path, stage.writes),
        # By their content, not as files that are read: the chain would make them, and that takes hours.
        settings={key: getattr(run.config, key) for key in stage.keys}
        | {name: sha256(run.path(name)) for name in _there(stage, run)},
    )


def _there(stage: Stage, run: Run) -> list[str]:
    """Return which of the files that a stage looks at are there."""
    return [name for name in stage.looks_at if run.path(name).is_file()]


def _make(stage: Stage, run: Run) -> None:
    """Make a stage's artefacts, and record where they come from."""
    from nircore.stages import provenance

    stage.module().make(run)
    settings = {key: getattr(run.config, key) for key in stage.keys}
    reads = (*stage.reads, *_there(stage, run))
    provenance.record(run, stage.name, settings, reads, stage.inputs(run.config), stage.writes)


def make(run: Run, name: str) -> None:
    """Bring a stage of the run up to date, and first every stage it needs; say what was done.

    Raises:
        NircoreError: what a stage had to say; finished stages stay as they are.
    """
    tasks = [_task(stage, run) for stage in (STAGES | ASIDE).values()]
    if not freshness.execute(run.path(".stages.sqlite"), tasks, [name]).done:
        print(f"{name}: nothing changed, made earlier")
