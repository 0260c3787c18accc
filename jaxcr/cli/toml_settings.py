"""Settings as TOML and as dictionaries, and back, for any dataclass. Imports no JAX."""

import dataclasses
import difflib
import json
import tomllib
import types
import typing
from pathlib import Path
from typing import Any

from jaxcr.untrusted.sizes import read_text, shortened

LARGEST_INTEGER = 2**63 - 1
"""What TOML, seeds and counts have room for."""

_MOST_BYTES = 2**18
_MOST_DOTS = 1000  # a dotted key takes a time of its length cubed


def from_toml(kind: type, path: Path) -> Any:
    """Return a configuration with the settings of a TOML file.

    Raises
    ------
    ValueError
        When it cannot be read, is larger than 256 KiB or no TOML, or a setting is unknown or of
        another type.
    """
    try:
        text = read_text(path, _MOST_BYTES)
        if max(line.count(".") for line in text.split("\n")) > _MOST_DOTS:
            raise ValueError(f"more than {_MOST_DOTS} dots in a line")
        settings = tomllib.loads(text)
    except (OSError, ValueError, RecursionError) as problem:
        raise ValueError(
            f"--config: expected a TOML file, got {path} ({shortened(problem)}). "
            "Start from the output of --show-config."
        ) from problem
    return from_dict(kind, settings, str(path))


def to_toml(config: Any) -> str:
    """Return the settings as TOML, the ones without a value as comments."""
    plain, tables = [], []
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if field.name in ("config", "show_config", "json"):
            continue
        if dataclasses.is_dataclass(value):
            tables.append(f"\n[{field.name}]\n{to_toml(value)}")
        elif value is None:
            plain.append(f"# {field.name} =")
        else:
            plain.append(f"{field.name} = {_toml_value(value)}")
    return "\n".join(plain + tables)


def as_dict(config: Any) -> dict[str, Any]:
    """Return the settings as a dictionary that JSON can hold."""
    return {key: _plain(value) for key, value in dataclasses.asdict(config).items()}


def _plain(value: Any) -> Any:
    """Return a setting with its paths as strings."""
    if isinstance(value, dict):
        return {key: _plain(x) for key, x in value.items()}
    if isinstance(value, tuple):
        return [_plain(x) for x in value]
    return str(value) if isinstance(value, Path) else value


def _toml_value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_toml_value, value)) + "]"
    if isinstance(value, str | Path):
        return json.dumps(str(value), ensure_ascii=False)  # the same escapes as in TOML
    return repr(value)


def from_dict(kind: type, settings: dict[str, Any], where: str) -> Any:
    """Return a configuration with these settings; ``where`` they are from begins each error."""
    hints = typing.get_type_hints(kind)
    values = {}
    for key, value in settings.items():
        if key not in hints:
            near = difflib.get_close_matches(key, hints, n=1)
            raise ValueError(
                f"{where}: unknown key {shortened(repr(key))}. "
                + (f"The nearest is {near[0]!r}." if near else f"Valid are {', '.join(hints)}.")
            )
        values[key] = _convert(hints[key], value, f"{where}: {key}")
    return kind(**values)


def _convert(hint: Any, value: Any, where: str) -> Any:
    """Return a TOML value as the type of its setting."""
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return from_dict(hint, value, where)
    united = typing.get_origin(hint) in (types.UnionType, typing.Union)
    options = typing.get_args(hint) if united else (hint,)
    if type(value) is int and abs(value) > LARGEST_INTEGER:
        raise ValueError(f"{where}: expected at most 2^63 - 1, got {shortened(value)}.")
    for option in options:
        if option is float and isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
        if option is Path and isinstance(value, str):
            return Path(value)
        if typing.get_origin(option) is tuple and isinstance(value, list):
            return tuple(_convert(typing.get_args(option)[0], x, where) for x in value)
        if typing.get_origin(option) is typing.Literal and value in typing.get_args(option):
            return value
        if isinstance(option, type) and type(value) is option:
            return value
    names = " or ".join(_name_of(x) for x in options if x is not type(None))
    found = shortened(repr(value))
    raise ValueError(f"{where}: expected {names}, got {found}. See --show-config.")


def _name_of(hint: Any) -> str:
    """Return a type as its TOML value is described."""
    if typing.get_origin(hint) is typing.Literal:
        return " or ".join(map(repr, typing.get_args(hint)))
    if typing.get_origin(hint) is tuple:
        return "a list of numbers"
    if dataclasses.is_dataclass(hint):
        return "a table"
    return {Path: "a path in quotes", bool: "true or false"}.get(hint, hint.__name__)
