"""Attribution against known answers, its faithfulness, and that the checks can fail a method."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.stats import sem, spearmanr, t
from torch import nn

from companion.study import explain
from companion.study.explain import attribution, faithfulness, patches, regions, trust_table
from companion.study.fidelity.animals import Animal
from nircore.errors import NircoreError
from nircore.inference import trust
from nircore.models import PatchDiscriminator, UNetGenerator, build_generator
from nircore.models.generator import Generator
from nircore.recipe import resolve

CONFIG = resolve({"ngf": 4, "blocks": 2})
SHAPE = (64, 64)


class Planted(Generator):
    """A linear generator whose attribution is known: every output pixel is the input, weighted, at a shift."""

    multiple, input = 1, "range"

    def __init__(self, weights, shift=0):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float32))
        self.trunk = nn.Identity()
        self.shift = shift

    def forward(self, x):
        return torch.roll(self.trunk(x * self.weights), self.shift, dims=-1)


def question(kind=explain.CONTRAST, seed=0, size=64):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 0.3, (size, size)).astype(np.float32)
    x[20:44, 28:36] += 1.5
    region = np.zeros((size, size), bool)
    region[28:36, 28:36] = True
    return explain.Question("vessel", x, region, kind, 2.0, (slice(0, size), slice(0, size)))


@cache
def trained(kind="resnet"):
    """A network that does something: some steps towards its blurred input, from a fixed seed."""
    torch.manual_seed(0)
    network = build_generator(CONFIG, 1) if kind == "resnet" else UNetGenerator(4, 2)
    adam = torch.optim.Adam(network.parameters(), 5e-3)
    blur = nn.AvgPool2d(5, 1, 2)
    for _ in range(60):
        x = blur(torch.randn(2, 1, 32, 32)) * 2
        loss = (network(x) - blur(x)).abs().mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
    return network.eval()


@pytest.fixture(scope="module")
def network():
    return trained()


def weight_of(asked):
    """What a pixel of the output adds to the contrast, per unit."""
    return asked.scalar(Planted(np.ones(SHAPE))).weight.numpy() * asked.dn


@pytest.mark.parametrize("method", ["integrated gradients", "LAM", "saliency", "SmoothGrad"])
def test_a_planted_linear_model_gets_its_known_attribution(method):
    asked, rng = question(), np.random.default_rng(1)
    planted = rng.normal(0, 1, SHAPE)
    network = Planted(planted, shift=3)
    gradient = np.roll(weight_of(asked), -3, axis=1) * planted
    found = attribution.attribute(network, asked, method)
    known = (
        np.abs(gradient) if method not in attribution.SIGNED else gradient * (asked.x - attribution.baseline(asked.x))
    )
    np.testing.assert_allclose(found, known, atol=1e-5)


def test_occlusion_of_a_planted_model_is_the_sum_over_its_square():
    asked = question()
    gradient = weight_of(asked) * (asked.x - attribution.baseline(asked.x))
    found = attribution.attribute(Planted(np.ones(SHAPE)), asked, "occlusion")
    side = attribution.PATCH
    expected = gradient.reshape(64 // side, side, 64 // side, side).sum((1, 3)).repeat(side, 0).repeat(side, 1)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_grad_cam_of_a_planted_model_is_where_its_feature_speaks():
    """One feature, the input: its map is the feature times its mean gradient, cut off at 0."""
    asked = question()
    network = Planted(np.ones(SHAPE))
    found = attribution.attribute(network, asked, "Grad-CAM")
    mean = weight_of(asked).mean()
    np.testing.assert_allclose(found, np.maximum(asked.x * mean, 0), atol=1e-5)


@pytest.mark.parametrize("kind", [explain.CONTRAST, explain.TEXTURE])
@pytest.mark.parametrize("make", ["resnet", "unet"])
def test_integrated_gradients_add_up_within_one_percent(make, kind):
    network, asked = trained(make), question(kind)
    number, blurred, _ = faithfulness.moves(network, asked)
    assert abs(number - blurred) > 0.05
    found = attribution.integrated_gradients(asked.scalar(network), asked.x, steps=128)
    assert found.sum() == pytest.approx(number - blurred, rel=0.01)
    assert attribution.lam(asked.scalar(network), asked.x, steps=64).sum() == pytest.approx(
        number - blurred, rel=0.05
    )


def test_randomised_weights_change_a_faithful_map_and_not_an_edge_map(network):
    asked, other = question(), faithfulness.randomised(network, "all")
    maps = [attribution.attribute(g, asked, "integrated gradients") for g in (network, other)]
    assert faithfulness.alike(*maps) < 0.99  # sizes stay more alike than one would like: see SAME
    edges = [faithfulness.controls(asked, CONFIG)["edge map"] for _ in range(2)]
    assert faithfulness.alike(*edges) > 0.99


def test_deletion_and_insertion_of_a_known_order():
    """All of the number is in the region and its ring: naming them first deletes it at once."""
    asked, network = question(), Planted(np.ones(SHAPE))
    known = weight_of(asked) * (asked.x - attribution.baseline(asked.x))
    deletion, insertion = faithfulness.curves(network, asked, known)
    worst, last = faithfulness.curves(network, asked, -known)
    assert deletion[0] == insertion[-1] == pytest.approx(1) and insertion[0] == deletion[-1] == pytest.approx(0)
    assert faithfulness.area(deletion) < 0.3 < 0.9 < faithfulness.area(worst)
    assert faithfulness.area(insertion) > 0.8 > 0.3 > faithfulness.area(last)


def checks(*correlations, networks=("all weights", "last layers")):
    """Correlations per network, one region each."""
    return pd.DataFrame(
        [{"frame": "a", "region": k, "map": "good", "network": network, "correlation": value}
         for network, values in zip(networks, correlations, strict=False) for k, value in enumerate(values)]
    )  # fmt: skip


def test_the_same_pixels_with_other_signs_are_the_same_map():
    """Planted: an edge map times a random sign for each network. Signed ranks call it changed; it must fail."""
    edges = faithfulness.controls(question(), CONFIG)["edge map"]
    signs = np.random.default_rng(0).choice([-1, 1], (8, *SHAPE))
    pairs = [(edges * signs[2 * k], edges * signs[2 * k + 1]) for k in range(4)]
    signed = [spearmanr(one.ravel(), other.ravel()).statistic for one, other in pairs]
    assert np.abs(signed).max() < 0.1  # so the old check let it pass
    assert min(faithfulness.alike(*pair) for pair in pairs) > 0.99
    n = len(faithfulness.SHARES)
    verdicts = [
        faithfulness.summarise(rows([0.9] * n, [0.5] * n), checks(values, values))["passes_checks"][0]
        for values in (signed, [faithfulness.alike(*pair) for pair in pairs])
    ]
    assert verdicts == ["yes", "no"]


@pytest.mark.parametrize(
    "values, said",
    [([0.1, 0.2, 0.1, 0.2], "yes"), ([0.0, 0.9, 0.0, 0.9], "no"), ([0.1], "no"), ([0.6, 0.7, 0.6, 0.7], "no")],
)
def test_the_upper_end_of_the_interval_decides(values, said):
    n = len(faithfulness.SHARES)
    table = faithfulness.summarise(rows([0.9] * n, [0.5] * n), checks([0.0, 0.1, 0.0, 0.1], values))
    good = table.set_index("map").loc["good"]
    assert good["passes_checks"] == said and good["last layers"] == pytest.approx(np.mean(values))
    if len(values) > 1:
        low, high = t.interval(0.95, len(values) - 1, np.mean(values), sem(values))
        assert (good["last layers low"], good["last layers high"]) == pytest.approx((low, high))


def rows(method_curve, control_curve, counts=True):
    table = []
    for name, kind, curve in (("good", "method", method_curve), ("edge map", "control", control_curve)):
        for share, value in zip(faithfulness.SHARES, curve, strict=True):
            about = {"frame": "a", "region": "vessel", "map": name, "kind": kind, "order": "signed", "counts": counts}
            table.append(about | {"share": share, "deletion": 1 - value, "insertion": value, "completeness": np.nan})
    return pd.DataFrame(table)


@pytest.mark.parametrize("better, said", [(0.9, "yes"), (0.1, "no")])
def test_a_method_that_does_not_beat_the_controls_is_said_so(better, said):
    n = len(faithfulness.SHARES)
    table = faithfulness.summarise(rows([better] * n, [0.5] * n), checks([0.1, 0.1], [0.9, 0.9])).set_index("map")
    assert table.loc["good", "beats_controls"] == said and table.loc["edge map", "beats_controls"] == ""
    assert table.loc["good", "wins"] == (said == "yes")
    assert table.loc["good", "passes_checks"] == "no"
    assert table.loc["good", "score"] == pytest.approx(2 * better - 1)


def test_the_window_is_where_the_region_is_and_fits_the_network():
    network = UNetGenerator(4, 2)
    frame = np.random.default_rng(0).normal(100, 10, (90, 150)).astype(np.float32)
    for centre in ((3, 3), (45, 140), (80, 70)):
        region = regions.disc(frame.shape, centre, 3)
        asked = explain.ask(network, frame, region, "spot", side=48)
        assert asked.x.shape == (40, 40) and asked.region.sum() == region.sum()
    with pytest.raises(NircoreError, match="must mark pixels"):
        explain.ask(network, frame, np.zeros(frame.shape, bool), "nothing")
    with pytest.raises(NircoreError, match="unknown"):
        explain.Scalar(network, region, "beauty")


def test_regions_of_a_phantom_are_what_they_are_called():
    animal = Animal(7, (160, 128))
    chosen = regions.choose(animal.clean("target"), animal.anatomy.lesion)
    assert list(chosen) == ["vessel", "lesion", "background"]
    assert (chosen["lesion"][0] == animal.anatomy.lesion).all()
    truth = animal.clean("target")
    assert truth[chosen["vessel"][0]].mean() > 2 * truth[chosen["background"][0]].mean()
    assert list(regions.choose(truth))[1] == "bright spot"


def test_patch_maps_stand_where_their_patches_do():
    judge = PatchDiscriminator(1)
    start, step = patches.geometry(judge)
    assert (start, step) == (11.5, 8)
    for parameter in judge.parameters():
        nn.init.constant_(parameter, 0.02)
    chance = patches.probabilities(judge, np.zeros((96, 80), np.float32))
    assert chance.shape == (96, 80) and 0 < chance.min() <= chance.max() < 1
    x = torch.zeros(1, 1, 128, 128, requires_grad=True)
    logit = judge(x)[0, 0, 6, 6]  # instance normalisation aside, its gradient is centred on the patch
    plain = nn.Sequential(*[layer for layer in judge.body if isinstance(layer, nn.Conv2d)])
    (gradient,) = torch.autograd.grad(plain(x)[0, 0, 6, 6] + 0 * logit, x)
    found = np.nonzero(gradient[0, 0].numpy())
    assert [float(where.min() + where.max()) / 2 for where in found] == [start + 6 * step] * 2


def test_support_finds_the_vessel_that_the_network_drew():
    """A bar that only the output has: no support where it lies; a bar that the frame has: much."""
    rng = np.random.default_rng(0)
    scene = np.zeros((96, 96))
    scene[20:76, 30:34] = 60
    frame = scene + rng.normal(0, 10, scene.shape)
    found = trust.support(frame, 0.0, trust.Noise(2.0, 10.0))
    assert found[30:66, 31:33].min() > 4 and np.abs(found[30:66, 70:74]).max() < 4
    assert found[:, 60:].std() == pytest.approx(1, rel=0.25)  # in SDs of the noise, as it says
    image = scene.copy()
    image[20:76, 70:74] = 60
    made = trust.Trust(image, np.ones(scene.shape), found, trust.Normalisation(0.0, 60.0), {}, None)
    rows = {row["score"]: row for row in trust_table.judge(made, np.abs(image - scene), [scene])}
    assert rows["lack of support"]["auc_inserted"] > 0.95
    assert rows["trust map"]["outside"] == pytest.approx(np.mean(np.abs(image - scene) > 1))
