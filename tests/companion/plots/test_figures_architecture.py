"""The layer tables and diagrams say what the modules are."""

import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from companion.plots import architecture
from companion.plots.architecture import discriminator_diagram, generator_diagram, system_diagram
from companion.study.layers import layer_table
from nircore.models import PatchDiscriminator, ResnetGenerator, parameter_count, receptive_field

FACTS = {
    "domain_a": "20 ms", "domain_b": "320 ms", "gan": "bce", "lambda_cycle": 10.0, "lambda_identity": 5.0,
    "train_fraction": 0.7, "validation_fraction": 0.15, "generator_parameters": 7_825_153,
    "discriminator_parameters": 2_762_689, "receptive_field": 70, "metrics": ["SNR", "entropy"],
}  # fmt: skip


def _texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for ax in figure.axes for text in ax.texts)


@pytest.mark.parametrize("blocks", [1, 6])
def test_generator_diagram(blocks):
    network = ResnetGenerator(4, blocks)
    figure = generator_diagram(layer_table(network, 32, 48), 32, 48)
    text = _texts(figure)
    assert f"{parameter_count(network):,} parameters" in text and f"{blocks} residual block" in text
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert len(boxes) == 1 + 3 + blocks + 3


def test_discriminator_diagram():
    network = PatchDiscriminator(4)
    figure = discriminator_diagram(layer_table(network, 256, 128), 256, 128, receptive_field(network))
    text = _texts(figure)
    assert "30 × 14 logits" in text and "70 × 70 px" in text and f"{parameter_count(network):,}" in text
    assert figure.axes[0].patches[-1].get_height() == pytest.approx(architecture.TALL * 70 / 256)


def test_system_diagram():
    text = _texts(system_diagram(FACTS | {"lambda_cycle": 7.5}))
    for fact in ("7,825,153", "2,762,689", "70 × 70", "70/15/15", "SNR,\nentropy", "log-likelihood", "320 ms"):
        assert fact in text
    assert text.count("7.5 × mean") == text.count("5 × mean") - 2 == 2
