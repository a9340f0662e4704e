"""Figures 1, 2a and 2b and their tables, read off the real modules."""

from nircore.metrics.no_reference import METRICS
from nircore.models import build_discriminator, build_generator, parameter_count, receptive_field
from nircore.models.layers import layer_table
from nircore.plots import architecture as draw
from nircore.plots.style import save
from nircore.run import Run


def make(run: Run) -> None:
    """Write the layer tables and the three diagrams of the networks that this run trains."""
    config = run.config
    generator, discriminator = build_generator(config), build_discriminator(config)
    size = (config.crop, config.crop)
    layers = {"generator": layer_table(generator, *size), "discriminator": layer_table(discriminator, *size)}
    for name, table in layers.items():
        run.write_table(f"{name}_layers", table)
    save(draw.generator_diagram(layers["generator"], *size), run.figure("fig2a_generator"))
    field = receptive_field(discriminator)
    save(draw.discriminator_diagram(layers["discriminator"], *size, field), run.figure("fig2b_discriminator"))
    facts = {
        "domain_a": "low-light frames",
        "domain_b": "target frames",
        "metrics": ["SNR", *(name.replace("_", " ") for name in METRICS if not name.startswith("snr"))],
        "generator_parameters": parameter_count(generator),
        "discriminator_parameters": parameter_count(discriminator),
        "receptive_field": field,
        "blocks": config.blocks,
        "gan": config.gan,
        "lambda_cycle": config.lambda_cycle,
        "lambda_identity": config.lambda_identity,
        "train_fraction": config.train_fraction,
        "validation_fraction": config.validation_fraction,
    }
    save(draw.system_diagram(facts), run.figure("fig1_block_diagram"))
