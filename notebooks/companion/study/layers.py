"""The layers of a network as they are, read off the module by forward hooks."""

import copy

import pandas as pd
import torch
from torch import Tensor, nn

from nircore.errors import NircoreError
from nircore.models.resnet import ResidualBlock

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
NAMES = {"InstanceNorm2d": "InstanceNorm", "ReflectionPad2d": "reflect"}


def layer_table(network: nn.Module, height: int, width: int) -> pd.DataFrame:
    """Return one row per convolution or residual block, in the order a frame of height x width px meets them.

    Columns: layer ("conv 7x7", "residual block 1", "up-conv 3x3"), kernel ("7 x 7" px), stride (px; of an up-conv,
    by how much it enlarges), padding ("reflect 3", "zero 1", "" for none), then (what follows the convolution),
    output_shape ("C x H x W") and parameters, which add up to the network's. Nothing is computed: the network
    is copied to torch's meta device and a frame without numbers is sent through.

    Raises:
        NircoreError: the network has no convolution, or cannot take a frame of that size.
    """
    network = copy.deepcopy(network).to("meta")
    calls: list[tuple[nn.Module, Tensor]] = []
    for part in _parts(network):
        part.register_forward_hook(lambda module, _, output: calls.append((module, output)))
    first = next((layer for layer in network.modules() if isinstance(layer, CONVOLUTIONS)), None)
    if first is None:
        raise NircoreError(f"{type(network).__name__} has no convolution: pass a generator or a discriminator.")
    try:
        network(torch.zeros(1, first.in_channels, height, width, device="meta"))
    except (RuntimeError, ValueError) as error:
        raise NircoreError(
            f"{type(network).__name__} cannot take a frame of {height} x {width} px: pass a larger one."
        ) from error
    return pd.DataFrame(_rows(calls))


def _parts(module: nn.Module) -> list[nn.Module]:
    """Return the residual blocks and, outside of them, the modules that have no children."""
    children = list(module.children())
    if isinstance(module, ResidualBlock) or not children:
        return [module]
    return [part for child in children for part in _parts(child)]


def _rows(calls: list[tuple[nn.Module, Tensor]]) -> list[dict[str, object]]:
    """Fold pads into the convolution after them, normalisation and activation into the one before."""
    rows: list[dict[str, object]] = []
    padding = ""
    for module, output in calls:
        name = NAMES.get(type(module).__name__, type(module).__name__)
        if isinstance(module, nn.ReflectionPad2d):
            padding = f"{name} {module.padding[0]}"
            continue
        if isinstance(module, (*CONVOLUTIONS, ResidualBlock)):
            blocks = sum(str(row["layer"]).startswith("residual") for row in rows)
            rows.append(_describe(module, blocks + 1) | {"then": "", "output_shape": "", "parameters": 0})
            rows[-1]["padding"] = padding or rows[-1]["padding"]
            padding = ""
        else:
            rows[-1]["then"] = f"{rows[-1]['then']}, {name}".strip(", ")
        rows[-1]["output_shape"] = " x ".join(map(str, output.shape[1:]))
        rows[-1]["parameters"] += sum(parameter.numel() for parameter in module.parameters())
    return rows


def _describe(module: nn.Module, block: int) -> dict[str, object]:
    """Return layer, kernel, stride and padding of a convolution or a residual block."""
    inner = [layer for layer in module.modules() if isinstance(layer, CONVOLUTIONS)]
    (high, wide), stride, zeros = inner[0].kernel_size, inner[0].stride[0], inner[0].padding[0]
    padding = f"zero {zeros}" if zeros else ""
    if isinstance(module, ResidualBlock):
        pads = [layer.padding[0] for layer in module.modules() if isinstance(layer, nn.ReflectionPad2d)]
        name, padding = f"residual block {block}", f"reflect {pads[0]}" if pads else padding
    else:
        name = f"{'up-conv' if isinstance(module, nn.ConvTranspose2d) else 'conv'} {high}x{wide}"
    kernel = f"{high} x {wide}" + (f", {len(inner)} times" if len(inner) > 1 else "")
    return {"layer": name, "kernel": kernel, "stride": stride, "padding": padding}
