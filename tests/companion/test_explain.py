"""Attribution against known answers, its faithfulness, and that the checks can fail a method."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.ndimage import distance_transform_edt
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
    signed = method in ("integrated gradients", "LAM")
    known = gradient * (asked.x - attribution.baseline(asked.x)) if signed else np.abs(gradient)
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
    maps = [attribution.attribute(g, asked, "saliency") for g in (network, other)]
    assert faithfulness.alike(*maps, asked.region) < 0.7
    edges = [faithfulness.controls(asked, CONFIG)["edge map"] for _ in range(2)]
    assert faithfulness.alike(*edges, asked.region) > 0.99


def enveloped(seed, width, region):
    """A map of random size and sign that fades with the distance from the region."""
    envelope = np.exp(-distance_transform_edt(~region) / width)
    return envelope * np.random.default_rng(seed).normal(size=region.shape)


@pytest.mark.parametrize("width", [6, 10, 15])
def test_two_random_maps_under_one_envelope_are_not_alike(width):
    region = question(size=128).region
    one, other = (enveloped(seed, width, region) for seed in (1, 2))
    plain = spearmanr(np.abs(one).ravel(), np.abs(other).ravel()).statistic
    assert plain > 0.5  # what was compared before: no local map could have passed
    assert abs(faithfulness.alike(one, other, region)) < 0.1
    near = one + 0.1 * other
    assert faithfulness.alike(one, near, region) > 0.9 and faithfulness.alike(one, -3 * one, region) > 0.999


def test_a_map_that_is_flat_at_every_distance_is_like_no_other():
    region = question().region
    assert faithfulness.alike(faithfulness.proximity(region), enveloped(0, 10, region), region) == 0


def planted_checks(make):
    """How alike the maps that `make` draws for a network's seed are, over four regions and three other networks."""
    networks = ("all weights", "last layers", "wrong pairs")
    return checks(*([make(k, seed) for k in range(4)] for seed in range(3)), networks=networks)


def follows_the_network(k, seed):
    """The saliency of a linear network over the whole window, and of the same with its weights drawn anew."""
    asked, network = question(seed=k), Planted(np.random.default_rng(k).normal(0, 1, SHAPE))
    other = faithfulness.randomised(network, "all", seed)
    maps = [attribution.attribute(g, asked, "saliency") for g in (network, other)]
    return faithfulness.alike(*maps, asked.region)


def follows_the_input(k, seed):
    """The input's edges, with a sign for each network: the same map, whatever the network."""
    asked = question(seed=k)
    edges = faithfulness.controls(asked, CONFIG)["edge map"]
    signs = np.random.default_rng(seed).choice([-1, 1], SHAPE)
    return faithfulness.alike(edges, edges * signs, asked.region)


@pytest.mark.parametrize("make, said", [(follows_the_network, "yes"), (follows_the_input, "no")])
def test_a_map_that_follows_the_network_passes_and_one_that_follows_the_input_fails(make, said):
    table = faithfulness.summarise(rows(), planted_checks(make))
    assert table.set_index("map").loc["good", "passes_checks"] == said


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


@pytest.mark.parametrize(
    "values, said",
    [
        ([0.1, 0.2, 0.1, 0.2], "yes"),
        ([0.0, 0.9, 0.0, 0.9], "undecided"),
        ([0.1], "undecided"),
        ([0.6, 0.7, 0.6, 0.7], "no"),
    ],
)
def test_the_interval_decides_and_holding_the_threshold_it_decides_nothing(values, said):
    table = faithfulness.summarise(rows(), checks([0.0, 0.1, 0.0, 0.1], values))
    good = table.set_index("map").loc["good"]
    assert good["passes_checks"] == said and good["last layers"] == pytest.approx(np.mean(values))
    if len(values) > 1:
        low, high = t.interval(0.95, len(values) - 1, np.mean(values), sem(values))
        assert (good["last layers low"], good["last layers high"]) == pytest.approx((low, high))


def rows(counts=True, questions=1, lost=0):
    """Flat curves of a method and a lower control over questions; in the last `lost` they change places."""
    table = []
    for k in range(questions):
        heights = (0.9, 0.5) if k < questions - lost else (0.5, 0.9)
        for name, kind, value in zip(("good", "edge map"), ("method", "control"), heights, strict=True):
            about = {"frame": k, "region": "vessel", "map": name, "kind": kind, "order": "signed", "counts": counts}
            about |= {"deletion": 1 - value, "insertion": value, "completeness": np.nan}
            table += [about | {"share": share} for share in faithfulness.SHARES]
    return pd.DataFrame(table)


@pytest.mark.parametrize(
    "questions, lost, said",
    [
        (5, 0, "yes"),
        (5, 4, "undecided"),  # the median may still be above that of every control
        (5, 5, "no"),
        (4, 0, "undecided"),  # too few to tell
        (10, 1, "yes"),
        (10, 9, "no"),
        (10, 4, "undecided"),
    ],
)
def test_questions_won_decide_whether_a_map_beats_the_controls(questions, lost, said):
    curves = rows(questions=questions, lost=lost)
    table = faithfulness.summarise(curves, checks([0.1, 0.1], [0.9, 0.9])).set_index("map")
    assert table.loc["good", "beats_controls"] == said and table.loc["edge map", "beats_controls"] == ""
    assert table.loc["good", "wins"] == questions - lost and table.loc["good", "questions"] == questions
    assert table.loc["good", "passes_checks"] == "no"
    expected = [0.8] * (questions - lost) + [0.0] * lost
    assert table.loc["good", "score"] == pytest.approx(np.median(expected))


@pytest.mark.parametrize("lost, said", [(0, "yes"), (1, "undecided"), (9, "undecided"), (10, "no")])
def test_the_more_maps_are_tried_the_surer_each_has_to_be(lost, said):
    """Nine of ten questions are won by chance with p = .011: below .05, and above the sixth of it."""
    tried = rows(questions=10, lost=lost)
    others = [tried[tried["map"] == "good"].assign(map=f"other {k}") for k in range(5)]
    table = faithfulness.summarise(pd.concat([tried, *others]), checks([0.1, 0.1], [0.1, 0.1])).set_index("map")
    assert table.loc["good", "beats_controls"] == said


def test_a_question_that_moves_nothing_does_not_count():
    table = faithfulness.summarise(rows(counts=False), checks([0.1, 0.1], [0.1, 0.1]))
    good = table.set_index("map").loc["good"]
    assert good["questions"] == good["wins"] == 0 and good["beats_controls"] == "undecided"


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
