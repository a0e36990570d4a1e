"""The training configuration: one YAML file, read into dataclasses."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from rasid.errors import RasidError

_STRICT = ConfigDict(extra="forbid")


class ConfigError(RasidError, ValueError):
    """A configuration file cannot be used; the message names the key and the remedy."""


@dataclass(frozen=True, config=_STRICT)
class Data:
    """Where the annotated articles are.

    Attributes:
        train: JSON Lines files, or folders of them.
        development: likewise; early stopping, calibration and thresholds are chosen there. Empty: none of them.
        schema: the schema file.
    """

    train: list[str]
    schema: str
    development: list[str] = Field(default_factory=list)


@dataclass(frozen=True, config=_STRICT)
class Encoder:
    """What the heads stand on.

    Attributes:
        name: a local directory, or a hub name.
        weights: ``pretrained`` loads the weights; ``fresh`` draws new ones for the configuration found there.
        normalization: what the encoder was pretrained with: ``arabert``, ``compact``, or ``none`` for what its
            own tokenizer does.
    """

    name: str
    weights: Literal["pretrained", "fresh"] = "pretrained"
    normalization: Literal["arabert", "compact", "none"] = "none"


@dataclass(frozen=True, config=_STRICT)
class Heads:
    """The heads: see ``rasid_training.heads`` and ``rasid_training.model``."""

    spans: Literal["table", "tags"] = "table"
    pair_width: int = Field(default=64, gt=0, multiple_of=2)
    dropout: float = Field(default=0.1, ge=0, lt=1)


@dataclass(frozen=True, config=_STRICT)
class Windows:
    """How articles are divided, in pieces: see ``rasid.windows.WindowSize``."""

    longest: int = 512
    target: int = 256
    overlap: int = 128


@dataclass(frozen=True, config=_STRICT)
class Optimization:
    """How the model is trained.

    Attributes:
        epochs: passes over the training articles, at most.
        batch_size: windows for each step and process.
        learning_rate: highest rate, of the encoder's weights.
        head_learning_rate: highest rate, of the heads' weights.
        warmup: share of the steps in which the rates rise; afterwards they fall to 0 in a straight line.
        evaluate_every: epochs between evaluations on the development articles.
        patience: evaluations without a better development F1 after which training stops; 0 never stops early.
        save_every: epochs between checkpoints.
        precision: ``auto`` is bf16 on a GPU that has it and fp32 elsewhere.
    """

    epochs: int = Field(gt=0)
    batch_size: int = Field(gt=0)
    learning_rate: float = Field(gt=0)
    head_learning_rate: float = Field(gt=0)
    warmup: float = Field(default=0.1, ge=0, le=1)
    weight_decay: float = Field(default=0.01, ge=0)
    max_gradient_norm: float = Field(default=1.0, gt=0)
    gradient_accumulation: int = Field(default=1, gt=0)
    evaluate_every: int = Field(default=1, gt=0)
    patience: int = Field(default=0, ge=0)
    save_every: int = Field(default=10, gt=0)
    seed: int = 0
    precision: Literal["auto", "fp32", "bf16"] = "auto"


@dataclass(frozen=True, config=_STRICT)
class TrainingConfig:
    """Everything that decides what a training run gives."""

    data: Data
    encoder: Encoder
    optimization: Optimization
    output: str
    heads: Heads = Field(default_factory=Heads)
    windows: Windows = Field(default_factory=Windows)
    crossvalidation: str | None = None
    """What ``rasid crossvalidate`` found for this configuration: calibration, thresholds, scores. Used where there
    are no development articles."""

    def to_dict(self) -> dict[str, Any]:
        """The form of the YAML file."""
        return asdict(self)

    def recipe(self) -> dict[str, Any]:
        """What decides the result beside the articles, without the paths of one machine."""
        data = self.to_dict()
        encoder = {**data["encoder"], "name": self.encoder.name.rstrip("/").rsplit("/", 1)[-1]}
        return {**{key: data[key] for key in ("heads", "windows", "optimization")}, "encoder": encoder}


class _Loader(yaml.SafeLoader):
    """YAML 1.2 numbers: ``1e-4`` is one, not a string as in YAML 1.1."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?$|^[-+]?\.inf$|^\.nan$"),
    list("-+0123456789."),
)


def load_config(path: Path) -> TrainingConfig:
    """Read a configuration file. Paths in it count from the file's folder.

    Raises:
        ConfigError: the file is missing or no YAML, a key is unknown (the nearest right one is named), missing, or
            holds a wrong value.
    """
    data = read_yaml(path)
    try:
        config = _validated(data)
    except ValidationError as problem:
        raise ConfigError("\n".join(_explained(path, dict(error)) for error in problem.errors())) from None
    return _resolved(config, path.parent)


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


def _validated(data: Any) -> TrainingConfig:
    # By way of JSON: strict validation of Python objects would ask for dataclasses instead of mappings.
    return TypeAdapter(TrainingConfig).validate_json(json.dumps(data, default=str), strict=True)


def _explained(path: Path, error: dict[str, Any]) -> str:
    location = [part for part in error["loc"] if not str(part).startswith("function")]
    key = ".".join(map(str, location))
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        known = _keys_beside(location)
        near = difflib.get_close_matches(str(location[-1]), known, n=1, cutoff=0.0)
        return f"{path}: unknown key {key!r}; did you mean {near[0]!r}? (known here: {', '.join(known)})"
    if error["type"].startswith("missing"):
        return f"{path}: key {key!r} is missing; add it"
    return f"{path}: key {key!r} holds {error['input']!r}: {error['msg'][0].lower()}{error['msg'][1:]}"


def _keys_beside(location: list[Any]) -> list[str]:
    """The keys that may stand where the last part of ``location`` stands."""
    node: Any = TypeAdapter(TrainingConfig).json_schema()
    definitions = node.get("$defs", {})
    for part in location[:-1]:
        node = node["properties"][part]
        reference = node.get("$ref") or next((o["$ref"] for o in node.get("allOf", []) if "$ref" in o), None)
        node = definitions[reference.rsplit("/", 1)[1]] if reference else node
    return list(node.get("properties", {}))


def _resolved(config: TrainingConfig, folder: Path) -> TrainingConfig:
    """The same with paths that count from the working folder."""

    def at(name: str) -> str:
        return str((folder / name).resolve())

    data = config.to_dict()
    data["data"]["train"] = [at(name) for name in config.data.train]
    data["data"]["development"] = [at(name) for name in config.data.development]
    data["data"]["schema"] = at(config.data.schema)
    data["output"] = at(config.output)
    if config.crossvalidation is not None:
        data["crossvalidation"] = at(config.crossvalidation)
    if (folder / config.encoder.name).exists():  # else a hub name, or missing: the loader says so
        data["encoder"]["name"] = at(config.encoder.name)
    return _validated(data)
