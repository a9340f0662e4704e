"""Weights and what they belong to, in one safetensors file: no pickle is ever loaded."""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nircore.config import Config, require_known
from nircore.errors import NircoreError
from nircore.files import atomic
from nircore.models import LOW_LIGHT_REACH, build_discriminator, build_generator


def save(path: Path, tensors: dict[str, Tensor], config: Config, facts: dict[str, Any]) -> None:
    """Write tensors with their config and JSON-able facts, atomically: a killed run leaves the previous file."""
    # One entry: safetensors writes several in a random order, and equal weights should be equal bytes.
    header = {"nircore": json.dumps({"config": config.model_dump(), "facts": facts})}
    try:
        with atomic(path) as temporary:
            save_file({name: tensor.detach().contiguous() for name, tensor in tensors.items()}, temporary, header)
    except SafetensorError as error:  # how safetensors reports a full disk
        way_out = "free some space" if "No space" in str(error) else "choose another place"
        raise NircoreError(f"Cannot write {path}: {error}; {way_out}.") from error


def load(path: Path) -> tuple[dict[str, Tensor], Config, dict[str, Any]]:
    """Read back (tensors on the CPU, config, facts).

    Raises:
        NircoreError: the file is missing, damaged, or no nircore checkpoint.
    """
    if not Path(path).is_file():
        raise NircoreError(f"There is no checkpoint at {path}: train first (notebook 02), or give its path.")
    try:
        with safe_open(path, framework="pt") as file:
            header = file.metadata()
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        said = json.loads(header["nircore"])
        settings, facts = said["config"], said["facts"]
        settings.pop("maps", None)  # a setting that older files hold
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise NircoreError(f"{path} is no nircore checkpoint, or damaged ({error}): train again.") from error
    require_known(settings, f"setting in {path}:")
    return tensors, Config(**settings), facts


def load_generator(path: Path) -> tuple[nn.Module, Config, dict[str, Any]]:
    """Rebuild a generator from its file alone, in evaluation mode; the config inside says the architecture.

    Raises:
        NircoreError: as `load`, or the file holds another generator than its config says.
    """
    tensors, config, facts = load(path)
    generator = build_generator(config)
    try:
        generator.load_state_dict(tensors)
    except RuntimeError as error:
        raise NircoreError(f"{path} does not hold the generator its config describes: {error}") from error
    return generator.eval(), config, facts


def load_part(path: Path, part: str) -> nn.Module | None:
    """Rebuild one network of a training's checkpoint, such as "g_ba" or "d_b", in evaluation mode; None if absent."""
    tensors, config, _ = load(path)
    weights = {key.removeprefix(f"{part}/"): value for key, value in tensors.items() if key.startswith(f"{part}/")}
    if not weights:
        return None
    if part.startswith("d_"):  # how many frames it sees at once, beside each other, is its system's business
        network = build_discriminator(config, channels=weights["body.0.weight"].shape[1])
    else:
        network = build_generator(config, reach=LOW_LIGHT_REACH if part == "g_ba" else 1.0)
    network.load_state_dict(weights)
    return network.eval()
