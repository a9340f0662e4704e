"""The one-generator system: it learns what it is shown, its state is whole, and its generator is tile-proof."""

import pytest
import torch

from nircore.losses import Restoration
from nircore.models import build_generator, checkpoint
from nircore.models.put_back import NOISE_SD
from nircore.recipe import resolve
from nircore.training.loop import Training
from nircore.training.regression import Regression

CPU = torch.device("cpu")


def config(**changes):
    return resolve({"recipe": "physics"}).replace(ngf=4, levels=2, crop=32, **changes)


class Smoothed:
    """Pairs to learn from: noise, of the SD that it has on the network's scale, on a smooth frame, and the frame."""

    def at(self, step: int) -> tuple[torch.Tensor, torch.Tensor]:
        generator = torch.Generator().manual_seed(step)
        clean = torch.rand(4, 1, 4, 4, generator=generator)
        clean = 2 * NOISE_SD * (torch.nn.functional.interpolate(clean, size=32, mode="bicubic") * 2 - 1)
        return clean + NOISE_SD * torch.randn(clean.shape, generator=generator), clean


def test_the_loss_divides_a_crop_s_error_by_what_is_usual_for_its_brightness():
    loss = Restoration(classes=2)
    truth = torch.tensor([0.0, 6.0]).reshape(2, 1, 1, 1).expand(2, 1, 4, 4)  # a dark crop and the brightest
    assert loss.classes(truth).tolist() == [0, 1]
    loss.usual.copy_(torch.tensor([0.01, 0.04]))
    assert loss(truth + torch.tensor([0.1, 0.2]).reshape(2, 1, 1, 1), truth).item() == pytest.approx(1, rel=1e-5)
    assert loss(truth, truth).item() == 0


def test_the_usual_error_follows_the_errors_and_one_odd_crop_moves_it_little():
    loss, dark = Restoration(classes=2), torch.zeros(1, 1, 4, 4)
    for _ in range(600):
        loss.update(dark + 0.1, dark)
    assert loss.usual[0].item() == pytest.approx(0.01, rel=1e-3)
    assert loss.usual[1].item() == pytest.approx(Restoration.FIRST)  # no bright crop was seen
    loss.update(dark + 100, dark)
    assert loss.usual[0].item() < 0.011


def test_it_learns_to_remove_noise():
    system, pairs = Regression(config(learning_rate=3e-3, ema=0.9), CPU), Smoothed()
    for step in range(150):
        system.step(*pairs.at(step), step)
    noisy, clean = pairs.at(10_000)
    before, after = ((image - clean).pow(2).mean().item() for image in (noisy, system.average(noisy)))
    assert after < before / 3


def test_state_and_restore_go_on_bit_for_bit():
    one, pairs = Regression(config(), CPU), Smoothed()
    for step in range(3):
        one.step(*pairs.at(step), step)
    other = Regression(config(seed=5), CPU)
    other.restore({name: value.clone() for name, value in one.state().items()})  # as from a file
    for step in range(3, 6):
        for system in (one, other):
            system.step(*pairs.at(step), step)
    assert one.state().keys() == other.state().keys()
    assert all(torch.equal(value, other.state()[name]) for name, value in one.state().items())


def test_training_keeps_the_last_epoch_where_the_recipe_says_so(tmp_path):
    asked = config(epochs=3, steps_per_epoch=2)
    rows = Training(asked, Smoothed(), tmp_path, lambda _: {"selection": -1.0}, lambda _: None).run()
    assert list(rows["selection"]) == [0.0, 1.0, 2.0]
    assert checkpoint.load(tmp_path / "generator.safetensors")[2]["epoch"] == 2
    assert "discriminator_a" not in rows


def taught(tmp_path, share: float) -> tuple[Regression, torch.nn.Module]:
    """A small system with a larger teacher, kept in a file."""
    large = config().replace(ngf=8)
    teacher = build_generator(large, seed=9)
    checkpoint.save(tmp_path / "teacher.safetensors", teacher.state_dict(), large, {})
    return Regression(config(teacher=str(tmp_path / "teacher.safetensors"), lambda_teacher=share), CPU), teacher


def test_a_teacher_takes_its_share_of_the_loss_and_does_not_learn(tmp_path):
    system, teacher = taught(tmp_path, share=0.25)
    a, b = Smoothed().at(0)
    with torch.no_grad():
        restored = system.g_ab(a)
        expected = 0.75 * system.restoration(restored, b) + 0.25 * system.restoration(restored, teacher.eval()(a))
    assert system.step(a, b, 0)["generator"].item() == pytest.approx(expected.item(), rel=1e-5)
    for before, after in zip(teacher.parameters(), system.teacher.parameters(), strict=True):
        assert torch.equal(before, after)
    assert not any(name.startswith("teacher") for name in system.state())
