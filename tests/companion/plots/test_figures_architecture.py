"""The layer tables and diagrams say what the modules are."""

import re

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from torch import nn

from companion.plots import architecture
from companion.plots.architecture import discriminator_diagram, generator_diagram, system_diagram
from nircore.errors import NircoreError
from nircore.models import PatchDiscriminator, ResnetGenerator, parameter_count, receptive_field
from companion.study.layers import layer_table

FACTS = {
    "domain_a": "20 ms", "domain_b": "320 ms", "gan": "bce", "lambda_cycle": 10.0, "lambda_identity": 5.0,
    "train_fraction": 0.7, "validation_fraction": 0.15, "generator_parameters": 7_825_153,
    "discriminator_parameters": 2_762_689, "receptive_field": 70, "metrics": ["SNR", "entropy"],
}  # fmt: skip


def _texts(figure: Figure) -> str:
    return "\n".join(text.get_text() for ax in figure.axes for text in ax.texts)


def test_the_papers_generator():
    table = layer_table(ResnetGenerator(64, 6), 256, 256)
    assert table["parameters"].sum() == 7_825_153
    assert table["output_shape"].iloc[-1] == "1 x 256 x 256"
    assert list(table["layer"]) == [
        "conv 7x7", "conv 3x3", "conv 3x3", *(f"residual block {k}" for k in range(1, 7)),
        "up-conv 3x3", "up-conv 3x3", "conv 7x7",
    ]  # fmt: skip
    assert list(table["stride"]) == [1, 2, 2, 1, 1, 1, 1, 1, 1, 2, 2, 1]
    assert list(table["output_shape"][[0, 1, 2, 8, 9, 10]]) == [
        "64 x 256 x 256", "128 x 128 x 128", "256 x 64 x 64", "256 x 64 x 64", "128 x 128 x 128", "64 x 256 x 256",
    ]  # fmt: skip
    assert table.loc[0, "padding"] == "reflect 3" and table.loc[1, "padding"] == "zero 1"
    assert table.loc[11, "then"] == "Tanh" and table.loc[0, "then"] == "InstanceNorm, ReLU"
    assert table.loc[3, "kernel"] == "3 x 3, 2 times"


def test_the_papers_discriminator():
    table = layer_table(PatchDiscriminator(64), 256, 256)
    assert table["parameters"].sum() == 2_762_689
    assert table["output_shape"].iloc[-1] == "1 x 30 x 30"
    assert list(table["stride"]) == [2, 2, 2, 1, 1]
    assert list(table["parameters"]) == [1088, 131200, 524544, 2097664, 8193]


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 6), st.integers(1, 4), st.integers(4, 12), st.integers(4, 12))
def test_the_table_is_what_a_real_pass_gives(ngf, blocks, high, wide):
    network = ResnetGenerator(ngf, blocks)
    table = layer_table(network, 4 * high, 4 * wide)
    assert table["parameters"].sum() == parameter_count(network)
    with torch.inference_mode():
        inner = network.trunk(network.encoder(torch.zeros(1, 1, 4 * high, 4 * wide)))
    trunk = table[table["layer"].str.startswith("residual")]
    assert len(trunk) == blocks
    assert set(trunk["output_shape"]) == {" x ".join(map(str, inner.shape[1:]))}


def test_parameters_of_normalisation_are_counted():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
    table = layer_table(network, 8, 9)
    assert table.loc[0, "parameters"] == parameter_count(network)
    assert table.loc[0, "then"] == "BatchNorm, ReLU" and table.loc[0, "output_shape"] == "4 x 8 x 9"


def test_the_network_is_left_alone():
    network = ResnetGenerator(2, 1)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    layer_table(network, 16, 16)
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_refusals():
    with pytest.raises(NircoreError, match="PatchDiscriminator cannot take a frame of 8 x 8 px"):
        layer_table(PatchDiscriminator(2), 8, 8)
    with pytest.raises(NircoreError, match="Linear has no convolution"):
        layer_table(nn.Linear(2, 2), 8, 8)


@pytest.mark.parametrize("blocks", [1, 6, 7, 32])
def test_generator_diagram(blocks):
    network = ResnetGenerator(4, blocks)
    figure = generator_diagram(layer_table(network, 32, 48), 32, 48)
    text = _texts(figure)
    assert f"{parameter_count(network):,} parameters" in text
    assert f"{blocks} residual block" in text and ("…" in text) == (blocks > architecture.MOST_BLOCKS)
    shown = blocks if blocks <= 6 else 5
    assert len(re.findall(r"block\n\d+", text)) == shown
    assert f"block\n{blocks}" in text
    arrows = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    boxes = 1 + 3 + shown + (blocks > 6) + 3
    assert len(arrows) == shown + boxes - 1  # a skip for each block, a step between boxes
    parts = [int(number.replace(",", "")) for number in re.findall(r"(?:coder|blocks)\n([\d,]+)", text)]
    assert sum(parts) == parameter_count(network)


def test_boxes_follow_the_feature_maps():
    rows = layer_table(ResnetGenerator(16, 2), 64, 32)["output_shape"].map(lambda s: tuple(map(int, s.split(" x "))))
    boxes = architecture._boxes(list(rows), 0.01)
    assert [box.tall for box in boxes] == pytest.approx([0.01 * h for _, h, _ in rows])
    assert [box.deep for box in boxes] == pytest.approx([0.01 * w for _, _, w in rows])
    assert boxes[2].thick / boxes[0].thick == pytest.approx(2)  # 64 channels against 16
    assert all(one.right < two.left for one, two in zip(boxes, boxes[1:], strict=False))
    assert boxes[0].left > 0 and boxes[-1].right < 8


def test_discriminator_diagram():
    network = PatchDiscriminator(4)
    figure = discriminator_diagram(layer_table(network, 256, 128), 256, 128, receptive_field(network))
    text = _texts(figure)
    assert "30 × 14 logits" in text and "70 × 70 px" in text and f"{parameter_count(network):,}" in text
    assert len(figure.axes[0].lines) == 4  # from the corners of the patch to its logit


def test_the_patch_has_the_share_of_the_receptive_field():
    box = architecture.Box(0, 0.1, 2.0, 1.0)
    patch, face = box.patch(0.25, 0.5), box.patch(1, 1)
    assert patch[3, 1] - patch[0, 1] == pytest.approx(0.25 * 2.0)
    assert patch[1, 0] - patch[0, 0] == pytest.approx(0.5 * (face[1, 0] - face[0, 0]))
    assert patch.mean(axis=0) == pytest.approx(face.mean(axis=0))


def test_system_diagram():
    text = _texts(system_diagram(FACTS | {"lambda_cycle": 7.5}))
    for fact in ("7,825,153", "2,762,689", "70 × 70", "70/15/15", "SNR, entropy", "log-likelihood", "320 ms"):
        assert fact in text
    assert text.count("7.5 × mean") == text.count("5 × mean") - 2 == 2
    with pytest.raises(NircoreError, match="gan, metrics"):
        system_diagram({key: value for key, value in FACTS.items() if key not in ("gan", "metrics")})
