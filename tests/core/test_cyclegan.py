"""One optimisation step against the same step written out, and everything that a run of steps must keep."""

import copy

import pytest
import torch
from torch import Tensor

from benchmarks.straightforward import NETWORKS, Straightforward
from nircore.config import Config
from nircore.training.cyclegan import COLUMNS as TERMS
from nircore.training.cyclegan import CycleGAN

CPU = torch.device("cpu")


def tiny(**settings) -> Config:
    """A config whose step takes some milliseconds."""
    return Config(**({"crop": 32, "ngf": 2, "ndf": 2, "blocks": 1, "pool": 2, "ema": 0.9} | settings))


def batches(index: int, count: int = 1) -> tuple[Tensor, Tensor]:
    """The unpaired batches of a step."""
    rng = torch.Generator().manual_seed(index)
    a, b = (torch.rand(count, 1, 32, 32, generator=rng) * 2 - 1 for _ in range(2))
    return a, b**3


def started(steps: int = 0, **settings) -> CycleGAN:
    """A system after some steps."""
    system = CycleGAN(tiny(**settings), CPU)
    for index in range(steps):
        system.step(*batches(index), index)
    return system


def snapshot(system: CycleGAN) -> dict[str, Tensor]:
    """A copy of the state: what `state` returns goes on living."""
    return {name: tensor.detach().clone() for name, tensor in system.state().items()}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether two states agree bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def doubled(**settings) -> CycleGAN:
    """A system in float64, where rounding does not hide a difference; weights large enough to matter."""
    system = CycleGAN(tiny(**settings), CPU)
    for network in (*(getattr(system, name) for name in NETWORKS), system.average):
        network.double()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(10)
    return system


class ByHand:
    """Zhu et al. 2017, section 3, term by term, with the paper's logarithms and a forward pass for each use."""

    def __init__(self, system: CycleGAN) -> None:
        self.config = system.config
        self.nets = {name: copy.deepcopy(getattr(system, name)) for name in NETWORKS}
        make = lambda *names: torch.optim.Adam(  # noqa: E731
            [p for name in names for p in self.nets[name].parameters()],
            lr=self.config.learning_rate,
            betas=(self.config.beta1, 0.999),
            foreach=False,
        )
        self.adam_g, self.adam_d = make("g_ab", "g_ba"), make("d_a", "d_b")

    def real(self, logits: Tensor) -> Tensor:
        """How far patches are from being taken for real."""
        return ((logits - 1) ** 2).mean() if self.config.gan == "lsgan" else -torch.sigmoid(logits).log().mean()

    def fake(self, logits: Tensor) -> Tensor:
        """How far patches are from being taken for generated."""
        return (logits**2).mean() if self.config.gan == "lsgan" else -(1 - torch.sigmoid(logits)).log().mean()

    def step(self, a: Tensor, b: Tensor) -> dict[str, Tensor]:
        """One update of generators, then of discriminators on the frames generated before it."""
        g_ab, g_ba, d_a, d_b = self.nets.values()
        c = self.config
        terms = {
            "adversarial_ab": self.real(d_b(g_ab(a))),
            "adversarial_ba": self.real(d_a(g_ba(b))),
            "cycle_a": c.lambda_cycle * (g_ba(g_ab(a)) - a).abs().mean(),
            "cycle_b": c.lambda_cycle * (g_ab(g_ba(b)) - b).abs().mean(),
            "identity_a": c.lambda_identity * (g_ba(a) - a).abs().mean(),
            "identity_b": c.lambda_identity * (g_ab(b) - b).abs().mean(),
        }
        fake_a, fake_b = g_ba(b).detach(), g_ab(a).detach()
        terms["generator"] = sum(terms.values())
        self.descend(self.adam_g, terms["generator"])
        terms["discriminator_a"] = (self.real(d_a(a)) + self.fake(d_a(fake_a))) / 2
        terms["discriminator_b"] = (self.real(d_b(b)) + self.fake(d_b(fake_b))) / 2
        self.descend(self.adam_d, terms["discriminator_a"] + terms["discriminator_b"])
        return terms | {"output_sd": fake_b.std()}

    def descend(self, adam: torch.optim.Adam, loss: Tensor) -> None:
        """Clear all gradients, so that only this loss moves only these networks."""
        for network in self.nets.values():
            network.zero_grad()
        loss.backward()
        adam.step()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"gan": "lsgan", "beta1": 0.0},
        {"lambda_cycle": 3.0, "lambda_identity": 0.0, "learning_rate": 0.01, "pool": 50},
        {"pool": 0, "learning_rate": 0.001},
    ],
    ids=["default", "lsgan", "other weights", "no pool"],
)
def test_steps_are_those_written_out_by_hand(settings):
    # the pool passes its first images on: two steps of one image each fill the smallest one used here
    system = doubled(**settings)
    by_hand, textbook = ByHand(system), Straightforward(system)
    for index in range(2):
        a, b = (batch.double() for batch in batches(index))
        terms, expected = system.step(a, b, index), by_hand.step(a, b)
        for name, value in textbook.step(a, b, index).items():  # what the benchmark of speed compares with
            assert value.item() == pytest.approx(expected[name].item(), rel=1e-6), name
        assert terms.keys() == expected.keys() == set(TERMS)
        for name in TERMS:
            assert terms[name].item() == pytest.approx(expected[name].item(), rel=1e-6), name
        for name in NETWORKS:
            for now, wanted in zip(getattr(system, name).parameters(), by_hand.nets[name].parameters(), strict=True):
                # biases before an InstanceNorm have no gradient but rounding, which Adam magnifies: hence atol
                torch.testing.assert_close(now, wanted, rtol=1e-7, atol=1e-8)


def touched(system: CycleGAN) -> set[str]:
    """The networks in which any gradient is not zero."""
    gradients = {name: [p.grad for p in getattr(system, name).parameters()] for name in (*NETWORKS, "average")}
    return {name for name, values in gradients.items() if any(g is not None and g.any() for g in values)}


def test_each_half_of_the_step_reaches_only_its_own_networks():
    system, seen = started(), []

    def descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        for name in NETWORKS:
            getattr(system, name).zero_grad(set_to_none=True)
        loss.backward()
        seen.append((optimiser, touched(system)))
        optimiser.step()

    system._descend = descend
    for index in range(4):  # also once the pools are full
        system.step(*batches(index), index)
    assert seen == [(system.adam_g, {"g_ab", "g_ba"}), (system.adam_d, {"d_a", "d_b"})] * 4


def test_the_discriminators_see_the_pool_and_not_only_the_newest_frame():
    system, returned = started(pool=1), []
    for pool in (system.pool_a, system.pool_b):
        query = pool.query
        pool.query = lambda images, rng, query=query: returned.append((images, query(images, rng))) or returned[-1][1]
    for index in range(24):
        system.step(*batches(index), index)
    assert len(returned) == 48
    exchanged = [not torch.equal(given, out) for given, out in returned]
    assert 10 < sum(exchanged) < 38
    assert exchanged[0::2] != exchanged[1::2], "the two pools draw for themselves"


@pytest.mark.parametrize("ema", [0.0, 0.3, 0.9])
def test_the_average_is_the_ramped_moving_average(ema):
    system = started(ema=ema, learning_rate=0.01)
    expected = [p.detach().double() for p in system.g_ab.parameters()]
    for index in range(12):
        system.step(*batches(index), index)
        decay = min(ema, (1 + index) / (10 + index))
        now = [p.detach().double() for p in system.g_ab.parameters()]
        expected = [decay * mean + (1 - decay) * p for mean, p in zip(expected, now, strict=True)]
    for mean, wanted in zip(system.average.parameters(), expected, strict=True):
        torch.testing.assert_close(mean.double(), wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("epochs", "decay_from"), [(200, 0.5), (10, 0.5), (7, 0.3), (12, 0.0), (5, 1.0), (1, 0.5)])
def test_the_learning_rate_holds_and_then_falls_in_equal_steps(epochs, decay_from):
    system, rates = CycleGAN(tiny(epochs=epochs, decay_from=decay_from, learning_rate=0.004), CPU), []
    for epoch in range(epochs):
        system.set_learning_rate(epoch)
        groups = system.adam_g.param_groups + system.adam_d.param_groups
        assert len({group["lr"] for group in groups}) == 1
        rates.append(groups[0]["lr"] / 0.004)
    constant = round(decay_from * epochs)
    assert rates[:constant] == [1] * constant
    falls = [before - after for before, after in zip(rates[constant:], rates[constant + 1 :], strict=False)]
    assert falls == pytest.approx([1 / (epochs - constant + 1)] * len(falls))
    assert 0 < rates[-1] <= 1
    if decay_from < 1 and epochs > 1:
        assert rates[-1] <= 2 / (epochs - constant + 1) + 1e-12


@pytest.mark.parametrize("used", [0, 3], ids=["fresh", "used"])
@pytest.mark.parametrize("steps", [0, 1, 5])
def test_a_restored_state_goes_on_bit_for_bit(steps, used):
    system = started(steps)
    saved = snapshot(system)
    assert len(system.pool_a.images) == min(steps, 2)
    other = started(used)
    if used:  # another past must leave no trace
        other.step(*batches(77, count=3), 77)
    other.restore({name: tensor.clone() for name, tensor in saved.items()})
    assert same(other.state(), saved)
    for index in range(steps, steps + 4):
        terms, again = (one.step(*batches(index), index) for one in (system, other))
        assert {name: value.item() for name, value in terms.items()} == {n: v.item() for n, v in again.items()}
    assert same(system.state(), other.state())
    assert not same(system.state(), saved)


def test_a_run_follows_from_its_seed_alone():
    states = []
    for state, seed in ((1, 0), (2, 0), (1, 1)):
        torch.manual_seed(state)
        states.append(snapshot(started(4, seed=seed)))
    assert same(states[0], states[1])
    assert not same(states[0], states[2])
