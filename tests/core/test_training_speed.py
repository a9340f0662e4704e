"""The fast step is the straightforward step, to rounding; prefetching changes nothing and hides no error."""

import pytest
import torch

from benchmarks.straightforward import NETWORKS, Straightforward
from nircore.config import Config
from nircore.inference.threads import ahead
from nircore.training.cyclegan import CycleGAN

CPU = torch.device("cpu")


@pytest.mark.parametrize("gan", ["bce", "lsgan"])
def test_our_step_equals_the_straightforward_one(gan):
    ours = CycleGAN(Config(crop=32, ngf=4, ndf=4, blocks=2, pool=2, gan=gan, batch=2), CPU)
    for name in NETWORKS:
        getattr(ours, name).double()
    ours.average.double()
    plain = Straightforward(ours)
    for index in range(4):
        rng = torch.Generator().manual_seed(index)
        a, b = (torch.rand(2, 1, 32, 32, generator=rng, dtype=torch.float64) * 2 - 1 for _ in range(2))
        mine, theirs = ours.step(a, b, index), plain.step(a, b, index)
        for term, value in theirs.items():
            assert mine[term].item() == pytest.approx(value.item(), rel=1e-5), term  # terms come back as float32
    before = CycleGAN(ours.config, CPU)
    for name in NETWORKS:
        pairs = zip(getattr(ours, name).parameters(), getattr(plain, name).parameters(), strict=True)
        moved = [p for p, q in zip(getattr(ours, name).parameters(), getattr(before, name).parameters(), strict=True)
                 if not torch.allclose(p, q.double(), atol=1e-5)]  # fmt: skip
        assert moved
        for one, other in pairs:
            # A bias that InstanceNorm cancels has a gradient of rounding alone, which Adam makes a whole step of.
            if one.dim() > 1:
                torch.testing.assert_close(one, other, rtol=0, atol=1e-8)


def test_batches_made_ahead_are_those_of_the_steps_in_order():
    asked = []

    class Crops:
        def at(self, step):
            asked.append(step)
            return torch.tensor(step), torch.tensor(-step)

    found = [(int(a), int(b)) for a, b in ahead(map(Crops().at, range(3, 9)))]
    assert found == [(k, -k) for k in range(3, 9)] and asked == list(range(3, 9))


def test_an_error_in_the_crops_is_raised_where_they_are_used():
    class Crops:
        def at(self, step):
            raise ValueError(f"step {step}")

    with pytest.raises(ValueError, match="step 3"):
        list(ahead(map(Crops().at, range(3, 9))))
