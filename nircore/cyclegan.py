"""The CycleGAN of the paper: two generators, two discriminators, and one optimisation step on one screen."""

import copy
import itertools

import torch
from torch import Tensor, nn

from nircore import losses
from nircore.config import Config
from nircore.models import build_discriminator, build_generator

#: The columns of the loss table. Generator terms carry their weights, so they add up to `generator`.
TERMS = (
    "generator",
    "adversarial_ab",
    "adversarial_ba",
    "cycle_a",
    "cycle_b",
    "identity_a",
    "identity_b",
    "discriminator_a",
    "discriminator_b",
    "output_sd",
)


class CycleGAN:
    """G_ab turns low-light (A) into target (B), G_ba goes back; D_a and D_b judge frames of A and of B.

    Args:
        config: architecture, loss weights, optimiser settings and seed.
        device: where the networks live. On CUDA the forward passes run in bfloat16 (autocast).
    """

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config, self.device = config, device
        first = 4 * config.seed  # no two networks of any two runs begin alike
        self.g_ab = build_generator(config, first).to(device)
        self.g_ba = build_generator(config, first + 1).to(device)
        self.d_a = build_discriminator(config, first + 2).to(device)
        self.d_b = build_discriminator(config, first + 3).to(device)
        self.average = copy.deepcopy(self.g_ab).requires_grad_(False).eval()
        self.pool_a, self.pool_b = losses.ImagePool(config.pool), losses.ImagePool(config.pool)
        self.adam_g = self._adam(self.g_ab, self.g_ba)
        self.adam_d = self._adam(self.d_a, self.d_b)

    def _adam(self, *networks: nn.Module) -> torch.optim.Adam:
        parameters = list(itertools.chain(*(network.parameters() for network in networks)))
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.Adam(parameters, self.config.learning_rate, betas=(self.config.beta1, 0.999), fused=fused)

    def step(self, a: Tensor, b: Tensor, index: int) -> dict[str, Tensor]:
        """Update all four networks once with unpaired batches a, b (N, 1, H, W) in [-1, 1]; return the terms.

        Translation and identity share a forward pass: InstanceNorm looks at one image at a time, so a batch
        of both gives what two passes would.
        """
        c, rng = self.config, torch.Generator().manual_seed(step_seed(self.config.seed, index))
        a, b = a.to(self.device), b.to(self.device)
        for network in (self.d_a, self.d_b):
            network.requires_grad_(False)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            fake_b, same_b = self.g_ab(torch.cat([a, b])).chunk(2)
            fake_a, same_a = self.g_ba(torch.cat([b, a])).chunk(2)
            terms = {
                "adversarial_ab": losses.adversarial(self.d_b(fake_b), True, c.gan),
                "adversarial_ba": losses.adversarial(self.d_a(fake_a), True, c.gan),
                "cycle_a": c.lambda_cycle * losses.cycle(self.g_ba(fake_b), a),
                "cycle_b": c.lambda_cycle * losses.cycle(self.g_ab(fake_a), b),
                "identity_a": c.lambda_identity * losses.identity(same_a, a),
                "identity_b": c.lambda_identity * losses.identity(same_b, b),
            }
            generator = sum(terms.values())
        self._descend(self.adam_g, generator)

        for network in (self.d_a, self.d_b):
            network.requires_grad_(True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            old_a, old_b = self.pool_a.query(fake_a, rng), self.pool_b.query(fake_b, rng)
            d_a = losses.discriminator_loss(self.d_a(a), self.d_a(old_a), c.gan)
            d_b = losses.discriminator_loss(self.d_b(b), self.d_b(old_b), c.gan)
        self._descend(self.adam_d, d_a + d_b)
        self._update_average(index)
        terms |= {"generator": generator, "discriminator_a": d_a, "discriminator_b": d_b, "output_sd": fake_b.std()}
        return {name: terms[name].detach().float() for name in TERMS}

    @staticmethod
    def _descend(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    @torch.no_grad()
    def _update_average(self, index: int) -> None:
        # Ramped up (as in TensorFlow's moving average), or a short run would average its initialisation.
        decay = min(self.config.ema, (1 + index) / (10 + index))
        for mean, now in zip(self.average.parameters(), self.g_ab.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)

    def set_learning_rate(self, epoch: int) -> None:
        """Hold the learning rate, then let it fall linearly towards 0 over the remaining epochs (Zhu 2017)."""
        constant = round(self.config.decay_from * self.config.epochs)
        share = 1 - max(0, epoch + 1 - constant) / (self.config.epochs - constant + 1)
        for group in self.adam_g.param_groups + self.adam_d.param_groups:
            group["lr"] = self.config.learning_rate * share

    def _networks(self) -> dict[str, nn.Module]:
        return {name: getattr(self, name) for name in ("g_ab", "g_ba", "d_a", "d_b", "average")}

    def state(self) -> dict[str, Tensor]:
        """Return everything a later `restore` needs to go on bit for bit: weights, Adam moments, pools."""
        tensors = {
            f"{part}/{name}": tensor
            for part, network in self._networks().items()
            for name, tensor in network.state_dict().items()
        }
        for part in ("adam_g", "adam_d"):
            for index, moments in getattr(self, part).state_dict()["state"].items():
                tensors |= {f"{part}/{index}/{name}": value for name, value in moments.items()}
        for part in ("pool_a", "pool_b"):
            tensors |= {f"{part}/{index}": image for index, image in enumerate(getattr(self, part).images)}
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up the state that `state` returned."""
        parts: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            part, name = key.split("/", 1)
            parts.setdefault(part, {})[name] = tensor
        for part, network in self._networks().items():
            network.load_state_dict(parts[part])
        for part in ("adam_g", "adam_d"):
            optimiser, moments = getattr(self, part), {}
            for key, value in parts.get(part, {}).items():
                index, name = key.split("/")
                moments.setdefault(int(index), {})[name] = value
            optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
        for part in ("pool_a", "pool_b"):
            images = parts.get(part, {})
            getattr(self, part).images = [images[str(k)].to(self.device) for k in range(len(images))]


def step_seed(seed: int, index: int) -> int:
    """Mix the run's seed and a step number into one seed for torch."""
    return (seed * 1_000_003 + index) % 2**63
