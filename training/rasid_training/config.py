"""The training configuration: one YAML file, read into dataclasses."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from rasid_training.configuration_file import load, validated
from rasid_training.pretraining.settings import Pretraining

_STRICT = ConfigDict(extra="forbid")


@dataclass(frozen=True, config=_STRICT)
class Data:
    """Where the annotated articles are.

    Attributes:
        train: JSON Lines files, folders of them, or column files of words and tags.
        schema: the schema file; without one the types are those that occur in the data.
        development: like ``train``; early stopping, calibration and thresholds are chosen there. Empty: none of them.
        development_share: share of the training documents, from the end, that is taken for development instead.
        sentences: of column files, how many make a document.
    """

    train: list[str]
    schema: str | None = None
    development: list[str] = Field(default_factory=list)
    development_share: float = Field(default=0.0, ge=0, lt=1)
    sentences: int = Field(default=1, gt=0)


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


def load_config(path: Path) -> TrainingConfig:
    """Read a configuration of fine-tuning. Paths in it count from the file's folder.

    Raises:
        ConfigError: see :func:`rasid_training.configuration_file.load`.
    """
    return _resolved(load(path, TrainingConfig), path.parent)


def load_pretraining(path: Path) -> Pretraining:
    """Read a configuration of pretraining. Paths in it count from the file's folder.

    Raises:
        ConfigError: see :func:`rasid_training.configuration_file.load`.
    """
    data = load(path, Pretraining).to_dict()
    for text in filter(None, (data["text"], data["text"]["domain"])):
        text["files"] = [_at(path.parent, name) for name in text["files"]]
    data["output"] = _at(path.parent, data["output"])
    if data["start"] is not None:
        data["start"] = _at(path.parent, data["start"])
    return Pretraining.from_dict(data)


def _resolved(config: TrainingConfig, folder: Path) -> TrainingConfig:
    """The same with paths that count from the working folder."""
    data = config.to_dict()
    data["data"]["train"] = [_at(folder, name) for name in config.data.train]
    data["data"]["development"] = [_at(folder, name) for name in config.data.development]
    for section, key in ((data["data"], "schema"), (data, "crossvalidation")):
        if section[key] is not None:
            section[key] = _at(folder, section[key])
    data["output"] = _at(folder, config.output)
    if (folder / config.encoder.name).exists():  # else a hub name, or missing: the loader says so
        data["encoder"]["name"] = _at(folder, config.encoder.name)
    return validated(data, TrainingConfig)


def _at(folder: Path, name: str) -> str:
    return str((folder / name).resolve())
