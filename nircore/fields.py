"""How a setting is declared, and what it says when it is given something it does not accept."""

import dataclasses
from dataclasses import field
from typing import Any

from nircore.errors import NircoreError


def number(default: Any, low: float, high: float, unit: str, help: str) -> Any:
    """Declare a number from `low` to `high`, both included."""
    return field(default=default, metadata={"low": low, "high": high, "unit": unit, "help": help})


def choice(default: str, choices: tuple[str, ...], help: str) -> Any:
    """Declare one of some words."""
    return field(default=default, metadata={"choices": choices, "help": help})


def text(default: Any, help: str) -> Any:
    """Declare a text, or true or false."""
    return field(default=default, metadata={"help": help})


def accepts(item: dataclasses.Field) -> str:
    """Say in words what a field accepts."""
    if "choices" in item.metadata:
        return "one of " + ", ".join(item.metadata["choices"])
    if "low" in item.metadata:
        kind = "a whole number" if item.type is int else "a number"
        unit = f" {item.metadata['unit']}" if item.metadata["unit"] else ""
        return f"{kind} from {item.metadata['low']:g} to {item.metadata['high']:g}{unit}"
    return "true or false" if item.type is bool else "text"


def checked(item: dataclasses.Field, value: Any) -> Any:
    """Return `value` if the field accepts it (an int where a float is wanted becomes one), else raise.

    Raises:
        NircoreError: naming the field, the value, and what it accepts.
    """
    if item.type is float and type(value) is int:
        value = float(value)
    fits = type(value) is item.type
    if fits and "choices" in item.metadata:
        fits = value in item.metadata["choices"]
    if fits and "low" in item.metadata:
        fits = item.metadata["low"] <= value <= item.metadata["high"]
    if not fits:
        raise NircoreError(f"{item.name}={value!r} is not accepted: {item.name} is {accepts(item)}.")
    return value
