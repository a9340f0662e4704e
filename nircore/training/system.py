"""What every trained system has in common: networks with optimisers, averaged weights, and a state to go on from."""

import copy
import itertools
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nircore import losses
from nircore.config import Config
from nircore.losses.optics import Spread
from nircore.training import distributed


class System:
    """A generator `g_ab` under training, whatever trains beside it, and `average`, its averaged weights.

    A subclass makes its parts, names them in the three lists, and has `step(a, b, index)`, which updates everything
    once and returns the loss terms as scalars.

    With several processes (`nircore.training.distributed`) each is given its part of the batch, and all take the
    same step.

    Args:
        config: architecture, loss weights, optimiser settings and seed.
        device: where the networks live. The forward passes run as `config.precision` says.
    """

    networks: tuple[str, ...] = ("g_ab",)
    optimisers: tuple[str, ...] = ("adam_g",)
    pools: tuple[str, ...] = ()
    #: How the low-light window would spread a target, as the crops know it; for terms that re-degrade.
    optics: tuple[Spread, ...] = (Spread(),)
    g_ab: nn.Module

    def __init__(self, config: Config, device: torch.device) -> None:
        self.config, self.device = config, device
        self._build()
        self.average = copy.deepcopy(self.g_ab).requires_grad_(False).eval()

    def _build(self) -> None:
        """Make networks, optimisers and pools."""
        raise NotImplementedError

    def step(self, a: Tensor, b: Tensor, index: int) -> dict[str, Tensor]:
        """Update all networks once with batches a, b (N, 1, H, W) in about [-1, 1]; return the terms."""
        raise NotImplementedError

    def _adam(self, *networks: nn.Module) -> torch.optim.Adam:
        parameters = list(itertools.chain(*(network.parameters() for network in networks)))
        fused = self.device.type in ("cpu", "cuda")
        return torch.optim.Adam(parameters, self.config.learning_rate, betas=(self.config.beta1, 0.999), fused=fused)

    def _autocast(self) -> torch.autocast:
        chosen = {"auto": self.device.type == "cuda", "float32": False, "bfloat16": True}[self.config.precision]
        return torch.autocast(self.device.type, torch.bfloat16, enabled=chosen)

    @staticmethod
    def _descend(optimiser: torch.optim.Optimizer, loss: Tensor, most: float = 0.0) -> None:
        """Take one step; a gradient whose norm is above `most` (0: any) is cut down to it."""
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        distributed.average_gradients(parameters)
        if most:
            torch.nn.utils.clip_grad_norm_(parameters, most)
        optimiser.step()

    @torch.no_grad()
    def _update_average(self, index: int) -> None:
        # Ramped up (as in TensorFlow's moving average), or a short run would average its initialisation.
        decay = min(self.config.ema, (1 + index) / (10 + index))
        for mean, now in zip(self.average.parameters(), self.g_ab.parameters(), strict=True):
            mean.lerp_(now, 1 - decay)

    def set_learning_rate(self, epoch: int) -> None:
        """Hold the learning rate, then let it fall linearly over the remaining epochs (Zhu 2017).

        The line reaches 0 one epoch after the last, which is trained at 1 / (n + 1) of the rate where n epochs
        remain: 9 % in a profile of ten epochs that all decay.
        """
        constant = round(self.config.decay_from * self.config.epochs)
        share = 1 - max(0, epoch + 1 - constant) / (self.config.epochs - constant + 1)
        for name in self.optimisers:
            for group in getattr(self, name).param_groups:
                group["lr"] = self.config.learning_rate * share

    def _parts(self) -> Iterable[tuple[str, nn.Module]]:
        return ((name, getattr(self, name)) for name in (*self.networks, "average"))

    def state(self) -> dict[str, Tensor]:
        """Return everything a later `restore` needs to go on bit for bit: weights, Adam moments, pools."""
        tensors = {
            f"{part}/{name}": tensor
            for part, network in self._parts()
            for name, tensor in network.state_dict().items()
        }
        for part in self.optimisers:
            for index, moments in getattr(self, part).state_dict()["state"].items():
                tensors |= {f"{part}/{index}/{name}": value for name, value in moments.items()}
        for part in self.pools:
            tensors |= {f"{part}/{index}": image for index, image in enumerate(getattr(self, part).images)}
        return tensors

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Take up the state that `state` returned."""
        parts: dict[str, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            part, name = key.split("/", 1)
            parts.setdefault(part, {})[name] = tensor
        for part, network in self._parts():
            network.load_state_dict(parts[part])
        for part in self.optimisers:
            optimiser, moments = getattr(self, part), {}
            for key, value in parts.get(part, {}).items():
                index, name = key.split("/")
                moments.setdefault(int(index), {})[name] = value
            optimiser.load_state_dict(optimiser.state_dict() | {"state": moments})
        for part in self.pools:
            images = parts.get(part, {})
            pool: losses.ImagePool = getattr(self, part)
            pool.images = [images[str(k)].to(self.device) for k in range(len(images))]
