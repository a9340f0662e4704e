"""Figures 1, 2a and 2b and their tables, read off the real modules."""

from nircore.figures import architecture as draw
from nircore.figures.style import save
from nircore.metrics.no_reference import METRICS
from nircore.models import build_discriminator, build_generator, parameter_count, receptive_field
from nircore.run import Run


def make(run: Run) -> None:
    """Write the layer tables and the three diagrams of the networks that this run trains."""
    config = run.config
    generator, discriminator = build_generator(config), build_discriminator(config)
    size = (config.crop, config.crop)
    run.write_table("generator_layers", draw.layer_table(generator, *size))
    run.write_table("discriminator_layers", draw.layer_table(discriminator, *size))
    save(draw.generator_diagram(generator, *size), run.figure("fig2a_generator"))
    field = receptive_field(discriminator)
    save(draw.discriminator_diagram(discriminator, *size, field), run.figure("fig2b_discriminator"))
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
