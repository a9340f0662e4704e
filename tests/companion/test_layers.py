"""The layer table says what the modules are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from companion.study.layers import layer_table
from nircore.errors import NircoreError
from nircore.models import PatchDiscriminator, ResnetGenerator, parameter_count


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
