"""The networks against the published ones: layers, receptive field, parameter counts, initialisation."""

import copy
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from torch import nn

from nircore.config import Config
from nircore.models import (
    MaUNetGenerator,
    PatchDiscriminator,
    ResnetGenerator,
    build_discriminator,
    build_generator,
    parameter_count,
    receptive_field,
)
from nircore.models.blocks import BlockConv2d
from nircore.recipe import resolve

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
BOTH = pytest.mark.parametrize("network", [ResnetGenerator(2, 2), PatchDiscriminator(2)], ids=["G", "D"])


def layers(network: nn.Module) -> list[nn.Module]:
    """The layers without children, in the order they run."""
    return [layer for layer in network.modules() if not list(layer.children())]


def describe(layer: nn.Module) -> tuple:
    """What makes a layer what it is: its kind, then channels, kernel, stride and padding where it has them."""
    kind = "Conv2d" if isinstance(layer, BlockConv2d) else type(layer).__name__
    if isinstance(layer, CONVOLUTIONS):
        return kind, layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0], layer.padding[0]
    if isinstance(layer, nn.ReflectionPad2d):
        return kind, *layer.padding
    if isinstance(layer, nn.LeakyReLU):
        return kind, layer.negative_slope
    if isinstance(layer, nn.InstanceNorm2d):
        return kind, layer.num_features
    return (kind,)


def generator_plan(n: int, blocks: int) -> list[tuple]:
    """Zhu et al. 2017, appendix 7.2: c7s1-n, d2n, d4n, R4n ..., u2n, un, c7s1-1."""

    def then(conv: tuple, channels: int) -> list[tuple]:
        return [conv, ("InstanceNorm2d", channels), ("ReLU",)]

    def reflect(by: int) -> tuple:
        return ("ReflectionPad2d", by, by, by, by)

    block = [reflect(1), *then(("Conv2d", 4 * n, 4 * n, 3, 1, 0), 4 * n)]
    block += [reflect(1), ("Conv2d", 4 * n, 4 * n, 3, 1, 0), ("InstanceNorm2d", 4 * n)]
    return [
        reflect(3),
        *then(("Conv2d", 1, n, 7, 1, 0), n),
        *then(("Conv2d", n, 2 * n, 3, 2, 1), 2 * n),
        *then(("Conv2d", 2 * n, 4 * n, 3, 2, 1), 4 * n),
        *(block * blocks),
        *then(("ConvTranspose2d", 4 * n, 2 * n, 3, 2, 1), 2 * n),
        *then(("ConvTranspose2d", 2 * n, n, 3, 2, 1), n),
        reflect(3),
        ("Conv2d", n, 1, 7, 1, 0),
        ("Tanh",),
    ]


def discriminator_plan(n: int) -> list[tuple]:
    """Zhu et al. 2017, appendix 7.2: C64-C128-C256-C512 and a last convolution to one channel."""
    plan: list[tuple] = [("Conv2d", 1, n, 4, 2, 1), ("LeakyReLU", 0.2)]
    for channels, out, stride in ((n, 2 * n, 2), (2 * n, 4 * n, 2), (4 * n, 8 * n, 1)):
        plan += [("Conv2d", channels, out, 4, stride, 1), ("InstanceNorm2d", out), ("LeakyReLU", 0.2)]
    return [*plan, ("Conv2d", 8 * n, 1, 4, 1, 1)]


@pytest.mark.parametrize(("ngf", "blocks"), [(64, 6), (64, 9), (2, 1)])
def test_the_generator_is_layer_by_layer_the_published_one(ngf, blocks):
    assert [describe(layer) for layer in layers(ResnetGenerator(ngf, blocks))] == generator_plan(ngf, blocks)


@pytest.mark.parametrize("ndf", [64, 3])
def test_the_discriminator_is_layer_by_layer_the_published_one(ndf):
    assert [describe(layer) for layer in layers(PatchDiscriminator(ndf))] == discriminator_plan(ndf)


def test_the_computed_receptive_field_is_70():
    assert receptive_field(PatchDiscriminator(2)) == 70
    assert receptive_field(nn.Conv2d(1, 1, 4)) == 4
    # what the paper writes: stride 2 throughout
    assert receptive_field(nn.Sequential(*(nn.Conv2d(1, 1, 4, stride=2) for _ in range(5)))) == 94


def test_the_measured_receptive_field_is_70():
    network = PatchDiscriminator(2).double()
    for index, layer in enumerate(network.body):
        if isinstance(layer, nn.InstanceNorm2d):
            network.body[index] = nn.Identity()  # its mean and variance see the whole image
    for parameter in network.parameters():
        nn.init.constant_(parameter, 0.1)  # all positive: nothing cancels
    image = torch.rand(1, 1, 256, 256, dtype=torch.float64, requires_grad=True)
    logits = network(image)
    logits[0, 0, 15, 15].backward()
    rows, columns = image.grad[0, 0].nonzero(as_tuple=True)
    assert (rows.max() - rows.min() + 1, columns.max() - columns.min() + 1) == (70, 70)
    assert len(rows) == 70 * 70


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 24), st.integers(4, 24), st.integers(1, 3), st.integers(1, 2))
def test_the_generator_gives_back_the_size_and_stays_in_range(rows, columns, batch, blocks):
    image = 100 * torch.randn(batch, 1, 4 * rows, 4 * columns)
    out = ResnetGenerator(2, blocks)(image)
    assert out.shape == image.shape
    assert out.abs().max() <= 1


@BOTH
def test_each_image_of_a_batch_is_seen_alone_in_training_as_in_use(network):
    batch = torch.randn(3, 1, 48, 32, dtype=torch.float64)
    network = copy.deepcopy(network).double()
    alone = torch.cat([network.eval()(image[None]) for image in batch])
    torch.testing.assert_close(network.train()(batch), alone, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("build", [build_generator, build_discriminator])
def test_weights_start_as_published(build):
    network = build(Config(ngf=16, ndf=16, blocks=2), seed=3)
    convolutions = [layer for layer in network.modules() if isinstance(layer, CONVOLUTIONS)]
    assert len(convolutions) == (10 if build is build_generator else 5)
    for layer in convolutions:
        assert kstest(layer.weight.detach().flatten().numpy(), "norm", (0, 0.02)).pvalue > 1e-4
        assert not layer.bias.any()
    weights = [layer.weight.flatten()[:200] for layer in convolutions]
    assert all(not torch.equal(one, other) for one, other in itertools.combinations(weights, 2))


@pytest.mark.parametrize(
    ("recipe", "count"), [("ssgan", 7_825_153), ("cyclegan", 11_365_633), ("ma2021", 31_031_105)]
)
def test_a_config_builds_what_it_describes(recipe, count):
    config = resolve({"profile": "paper", "recipe": recipe})
    assert parameter_count(build_generator(config)) == count
    assert parameter_count(build_discriminator(config)) == 2_762_689


def ma_plan(n: int) -> list[tuple]:
    """`U_net` of the code of Ma et al. 2021 (networks.py at 1255fa0), in the order of our modules."""

    def twice(channels: int, out: int) -> list[tuple]:
        one = [("Conv2d", channels, out, 3, 1, 1), ("InstanceNorm2d", out), ("ReLU",)]
        return [*one, ("Conv2d", out, out, 3, 1, 1), *one[1:]]

    widths = [n, 2 * n, 4 * n, 8 * n]
    down = [layer for width in widths for layer in twice(width, 2 * width)]
    up = [("ConvTranspose2d", 2 * width, width, 2, 2, 0) for width in widths[::-1]]
    merge = [layer for width in widths[::-1] for layer in twice(2 * width, width)]
    return [*twice(1, n), ("MaxPool2d",), *down, *up, *merge, ("Conv2d", n, 1, 3, 1, 1), ("Tanh",)]


@pytest.mark.parametrize("n", [64, 3])
def test_the_unet_of_ma_is_layer_by_layer_the_published_one(n):
    assert [describe(layer) for layer in layers(MaUNetGenerator(n))] == ma_plan(n)


@pytest.mark.parametrize(("height", "width"), [(8, 12), (9, 12), (8, 13)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_convolution_by_blocks_is_the_convolution(height, width, bias):
    blocks = BlockConv2d(3, 2, 7, bias=bias).double()
    plain = nn.Conv2d(3, 2, 7, bias=bias).double()
    plain.load_state_dict(blocks.state_dict())
    x = torch.randn(2, 3, height + 6, width + 6, dtype=torch.float64, requires_grad=True)
    ours, theirs = blocks(x), plain(x)
    torch.testing.assert_close(ours, theirs)
    weights = torch.randn_like(theirs)
    for mine, reference in zip(
        torch.autograd.grad((ours * weights).sum(), [x, *blocks.parameters()]),
        torch.autograd.grad((theirs * weights).sum(), [x, *plain.parameters()]),
        strict=True,
    ):
        torch.testing.assert_close(mine, reference)
