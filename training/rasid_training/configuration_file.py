"""Configuration files: YAML read into dataclasses, mistakes named with the key and the remedy."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from rasid.errors import RasidError

Form = TypeVar("Form")


class ConfigError(RasidError, ValueError):
    """A configuration file cannot be used; the message names the key and the remedy."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2 numbers: ``1e-4`` is one, not a string as in YAML 1.1."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^[-+]?\.inf$|^\.nan$"),
    list("-+0123456789."),
)


def load(path: Path, form: type[Form]) -> Form:
    """Read a configuration file into a dataclass.

    Raises:
        ConfigError: the file is missing or no YAML, a key is unknown (the nearest right one is named), missing, or
            holds a wrong value.
    """
    data = read_yaml(path)
    try:
        return validated(data, form)
    except ValidationError as problem:
        raise ConfigError("\n".join(_explained(path, dict(error), form) for error in problem.errors())) from None


def read_yaml(path: Path) -> Any:
    """The content of a YAML file as it is written.

    Raises:
        ConfigError: the file is missing or no YAML.
    """
    if not path.is_file():
        raise ConfigError(f"no configuration at {str(path)!r}; give a YAML file like configs/compact.yaml")
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise ConfigError(f"{path} is not YAML: {' '.join(str(problem).split())}") from None


def validated(data: Any, form: type[Form]) -> Form:
    """Data of a configuration file as a dataclass.

    Raises:
        pydantic.ValidationError: the data is not of this form.
    """
    # By way of JSON: strict validation of Python objects would ask for dataclasses instead of mappings.
    return TypeAdapter(form).validate_json(json.dumps(data, default=str), strict=True)


def _explained(path: Path, error: dict[str, Any], form: type[Any]) -> str:
    location = [part for part in error["loc"] if not str(part).startswith("function")]
    key = ".".join(map(str, location))
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _keys_beside(location, form)
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.0)
        return f"{path}: unknown key {key!r}; did you mean {near[0]!r}? (known here: {', '.join(known)})"
    if error["type"].startswith("missing"):
        return f"{path}: key {key!r} is missing; add it"
    if error["type"] == "value_error":  # the dataclass's own words, which name the key
        return f"{path}: {error['ctx']['error']}"
    return f"{path}: key {key!r} holds {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _keys_beside(location: list[Any], form: type[Any]) -> list[str]:
    """The keys that may stand where the last part of ``location`` stands."""
    node: Any = TypeAdapter(form).json_schema()
    definitions = node.get("$defs", {})
    for part in location[:-1]:
        node = node["items"] if isinstance(part, int) else node["properties"][part]
        reference = node.get("$ref") or next((o["$ref"] for o in node.get("allOf", []) if "$ref" in o), None)
        node = definitions[reference.rsplit("/", 1)[1]] if reference else node
    return list(node.get("properties", {}))
