"""How a setting is declared, and what it says when it is given something it does not accept."""

from typing import Any, get_args

from pydantic import Field
from pydantic.fields import FieldInfo


def number(default: Any, low: float, high: float, unit: str, help: str) -> Any:
    """Declare a number from `low` to `high`, both included."""
    return Field(default, ge=low, le=high, description=help, json_schema_extra={"unit": unit})


def text(default: Any, help: str) -> Any:
    """Declare a text, one of the words that its `Literal` lists, or true or false."""
    return Field(default, description=help)


def choices(item: FieldInfo) -> tuple[str, ...]:
    """Return the words that a field accepts, where it does not accept any."""
    return get_args(item.annotation)


def kind(item: FieldInfo) -> Any:
    """Return the type of a field's values: int, float, bool or str."""
    return str if choices(item) else item.annotation


def limits(item: FieldInfo) -> tuple[float, ...]:
    """Return the lowest and the highest number that a field accepts; nothing where it takes no number."""
    return tuple(getattr(one, "ge", getattr(one, "le", None)) for one in item.metadata)


def refusal(name: str, item: FieldInfo, value: Any) -> str:
    """Say that a field does not accept a value, and what it accepts."""
    if item.annotation is float and type(value) is int:
        value = float(value)
    return f"{name}={value!r} is not accepted: {name} is {_accepts(item)}."


def _accepts(item: FieldInfo) -> str:
    if choices(item):
        return "one of " + ", ".join(choices(item))
    if not limits(item):
        return "true or false" if item.annotation is bool else "text"
    low, high = limits(item)
    unit = item.json_schema_extra["unit"]
    return f"{'a whole number' if item.annotation is int else 'a number'} from {low:g} to {high:g} {unit}".rstrip()
