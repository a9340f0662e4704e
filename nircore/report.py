"""Assemble what a run made into one page: Markdown that reads well on a forge, and HTML that stands alone."""

from dataclasses import dataclass
from functools import partial

import pandas as pd

from nircore import paths
from nircore.lab.page_parts import render
from nircore.run import Run, provenance
from nircore.run.steps import step
from nircore.study.fidelity.summary import nothing


@dataclass(frozen=True)
class Section:
    """A heading, what to look for, and the artefacts (figure name: caption; table name: columns, all if empty)."""

    heading: str
    text: str
    figures: dict[str, str]
    tables: dict[str, tuple[str, ...]]


SECTIONS = (
    Section(
        "Data",
        "Split by animal or acquisition group, never by frame. In training the two domains show different "
        "animals or scenes, so no pair can be learned; references serve validation and test alone.",
        {"data_split": "Frames in each split and domain.", "domains": "Training samples of both domains."},
        {"split_summary": ()},
    ),
    Section(
        "Model",
        "Drawn from the modules that were trained. The trunk the paper calls a transformer is six residual blocks; "
        "strides 2, 2, 2, 1, 1 give the discriminator its 70 x 70 px patches.",
        {
            "fig1_block_diagram": "Fig. 1: the system.",
            "fig2a_generator": "Fig. 2a: the residual generator.",
            "fig2b_discriminator": "Fig. 2b: the patch discriminator.",
        },
        {},
    ),
    Section(
        "Training and losses",
        "The published losses carry no unit or definition of a sample; rows are read as ten evenly spaced epochs. "
        "The generator's total includes cycle and identity terms, which the paper does not print but its "
        "starting value needs. A discriminator at chance has loss ln 2 = 0.693 (least squares: 0.25): values near "
        "it mean it is being fooled half of the time, while a loss near zero would mean that the generator has lost.",
        {
            "validation": "The averaged generator on validation frames; the marked epoch is the one kept.",
            "fig3c_losses": "Fig. 3c: losses, ours and published.",
            "fig3d_generator_terms": "The generator's loss taken apart.",
        },
        {"table1_losses": ()},
    ),
    Section(
        "Step-wise enhancement",
        "The paper does not define its steps. Shown here: the same frame through the averaged generators of ten "
        "epochs, and one generator applied again and again to its own output, with the drift that causes.",
        {
            "fig3a_enhanced": "Fig. 3a: test frames, enhanced output and reference on one scale.",
            "fig3b_across_epochs": "Fig. 3b: one test frame across the epochs.",
            "fig3b_repeated": "Fig. 3b, read the other way: repeated application.",
        },
        {"across_epochs": (), "repeated": ()},
    ),
    Section(
        "The paper's image metrics",
        "Black and white level of the input frame serve both images. These numbers need no truth and cannot tell "
        "quality from noise: noise raises edge density and entropy. Intervals resample whole animals.",
        {
            "fig4a_entropy": "Fig. 4a: entropy.",
            "fig4b_edge_density": "Fig. 4b: edge density.",
            "fig4c_snr": "Fig. 4c: signal-to-noise ratio.",
            "fig4d_contrast": "Fig. 4d: contrast.",
            "fig4e_mean_intensity": "Mean intensity, which the paper names but does not plot.",
        },
        {
            "table2_metrics": (
                "metric",
                "unit",
                "mean_before",
                "mean_after",
                "difference",
                "low",
                "high",
                "n",
                "groups",
            )
        },
    ),
    Section(
        "Against the truth",
        "After the best affine fit to the reference, on held-out frames; the rivals' parameters were chosen "
        "on validation frames. Gains are those of the enhanced frame over each row, with 95 % intervals.",
        {"fig5_truth": "PSNR and SSIM of each test frame against its reference."},
        {"table3_truth": ()},
    ),
    Section(
        "Real time",
        "From array to array, batch 1, with all that is done to a frame before and after the network; all cases "
        "take turns in one run: read their ratios. `alone_ms` is the network on a frame that is ready for it, "
        "`prepare_ms` the rest, `gap` array to array over the network alone: its reason is the preparation, and what "
        "is more than that is threads in each other's way. With `busy` 1 another process kept a core busy. The bound "
        "is the larger of operations and bytes over what the machine did at best.",
        {"fig12_real_time": "Quality against speed.", "fig12b_engines": "Every recipe on every engine."},
        {"real_time_machine": (), "table10_real_time": ()},
    ),
    Section(
        "Explainability",
        "Which input pixels a vessel, a lesion and the background of the output rest on, by six methods, each judged "
        "by deletion and insertion against controls that know nothing of the trained network, and by randomisation: "
        "how alike the maps' sizes are when the network is another, with a 95 % interval over regions. "
        "A method with *no* under beats_controls has not been shown to explain anything.",
        {
            "attribution": "Maps of one frame; the number explained stands above.",
            "faithfulness": "Deletion and insertion; grey and dashed: controls.",
            "patch_logits": "The discriminators' verdict on every patch.",
        },
        {"faithfulness": ()},
    ),
    Section(
        "Trust",
        "The half-width of an interval around each pixel, calibrated on phantom frames for at most 10 % outside, "
        "finds wrong values; the support by the input tells inserted vessels. Every test frame has a page of its own "
        "in `pages/`.",
        {"trust": "Input, output, true error and half-width; below, what finds wrong pixels and inserted vessels."},
        {"trust": ()},
    ),
    Section(
        "Benchmark",
        "Every method on the same held-out frames, clipped at 0 DN, judged after the best affine fit to the truth. "
        "Classical methods are tuned on validation frames; gains are over the classical method that was best there, "
        "with 95 % intervals over animals and the p-value of a sign-flip test. SBR and CNR are those of the truth's "
        "vessels against the ring around them: the goal is the value in the row *truth*, not a high one.",
        {
            "fig6_scores": "PSNR and SSIM of every method and frame.",
            "fig6_benchmark": "A detail of some test frames by every method.",
        },
        {
            "table4_benchmark": (
                "exposure_ms",
                "filters",
                "kind",
                "method",
                "tuned",
                "seeds",
                "frames",
                "psnr",
                "psnr_sd",
                "psnr_gain",
                "psnr_gain_low",
                "psnr_gain_high",
                "psnr_p",
                "ssim",
                "ssim_gain",
                "sbr",
                "cnr",
                "dice",
                "cl_dice",
                "seconds",
                "remark",
            )
        },
    ),
    Section(
        "Fidelity",
        "Whether one can still measure on the output: linear in concentration, nothing inserted or erased, empty "
        "where nothing was, consistent with the camera, stable under a shift; and whether the target domain's "
        "prevalence of lesions leaks into the output.",
        {
            "fidelity_linearity": "A lesion's concentration turned up: signal and ratio, in against out.",
            "fidelity_structures": "Vessels and lesions inserted and erased.",
            "fidelity_faint": "What is read at places with a faint lesion, and without.",
            "fidelity_widths": "Vessel width over the truth's, and where it can be measured.",
            "fidelity_prevalence": "Lesions that appear or disappear, by the target domain's prevalence.",
            "fidelity_emptiness": "What becomes of frames with nothing to see.",
            "fidelity_redegradation": "The output through the known camera, against the input.",
            "fidelity_cycle": "Cycle error, and what is left of it after quantisation and noise.",
            "fidelity_shift": "The effect of a shift by one pixel.",
        },
        {"table5_fidelity": ()},
    ),
    Section(
        "Do the paper's metrics track quality?",
        "Rank correlation of each metric with PSNR and SSIM within each scene, over exposures and over methods.",
        {"fig8_metric_quality": "+1: orders images as the truth does; -1: ranks the worse image higher."},
        {"table6_metric_quality": ()},
    ),
    Section(
        "Claims",
        "Every checkable claim of the paper in our own words, judged by a rule on the tables of this run. *Not "
        "supported* means that this run does not show it, not that the opposite holds; where one is *not testable "
        "here*, the remark says what would test it. Below, where the paper is loose or wrong.",
        {"claims": "The verdicts, with the number that decided."},
        {"claims": ("claim", "where", "verdict", "number", "unit", "remark"), "errata": ()},
    ),
)


@step("report.md", "report.html")
def report(run: Run) -> None:
    """Write `report.md` and `report.html` from the run's tables and figures."""
    for name in (name for section in SECTIONS for name in section.figures):
        run.made(f"figures/{name}.png")
    markdown = render(
        "report.md.j2",
        config=run.config,
        sections=SECTIONS,
        nothing=nothing(run.table("table5_fidelity")),
        table=partial(_table, run),
        origins=provenance.by_artefact(run),
    )
    paths.write_text(run.path("report.md"), markdown)
    paths.write_text(run.path("report.html"), _html(run, markdown))


def contents() -> pd.DataFrame:
    """Return what the report holds: one row per section."""
    rows = [{"section": s.heading, "figures": len(s.figures), "tables": len(s.tables)} for s in SECTIONS]
    return pd.DataFrame(rows)


def _table(run: Run, name: str, columns: tuple[str, ...]) -> str:
    """Render a table as Markdown with four significant digits; what is missing stays empty."""
    table = run.table(name)[list(columns) or slice(None)]
    cells = table.astype(object).where(table.notna(), None)
    return cells.to_markdown(index=False, floatfmt=".4g", missingval="") if len(table) else "(no rows)"


def _html(run: Run, markdown: str) -> str:
    """Render Markdown through nbconvert into one page that stands alone: figures inside, nothing fetched."""
    import nbformat
    from nbconvert import HTMLExporter

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(markdown)])
    exporter = HTMLExporter(template_name="basic", embed_images=True)
    body, _ = exporter.from_notebook_node(book, resources={"metadata": {"path": str(run.folder)}})
    return render("report.html.j2", title=f"nircore report: {run.config.name}", rendered=body)
