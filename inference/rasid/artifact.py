"""The model directory: what it must hold, how it is found, and what its ``config.json`` says.

Nothing in it is executed and nothing is unpickled: JSON, ONNX and safetensors only.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self

from rasid.decoding import Calibration
from rasid.errors import ModelError, SchemaError
from rasid.schema import Schema
from rasid.windows import WindowSize

FORMAT = 2
"""The form of a model directory that this version reads. Form 1 had no graph of its own for links."""

CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
Precision = Literal["fp32", "int8"]
GRAPHS: Mapping[Precision, str] = {"fp32": "model.onnx", "int8": "model.int8.onnx"}
LINKS = "links.onnx"
"""The graph that scores links, the same beside each of ``GRAPHS``."""
SHIPPED = Path(__file__).parent / "model"


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """What prediction needs of a model's ``config.json``.

    Attributes:
        schema: the types that the model was trained on.
        window: how texts are divided.
        calibration: logits to probabilities, and thresholds.
        begin, end, pad: ids of the encoder's special pieces around and after a window.
        files: SHA-256 of the directory's files, by name.
        provenance: where the model comes from: corpus, configuration, versions.
    """

    schema: Schema
    window: WindowSize
    calibration: Calibration
    begin: int
    end: int
    pad: int
    files: Mapping[str, str]
    provenance: Mapping[str, Any]

    @classmethod
    def from_dict(cls, data: Any, item: str) -> Self:
        """Read the form of ``config.json``.

        Raises:
            ModelError: the form is another than this version's, or a key is missing or damaged.
        """
        if not isinstance(data, Mapping) or "rasid_format" not in data:
            raise ModelError(
                f"{item} is not the configuration of a Rasid model: it has no 'rasid_format'; "
                "give a directory made by `rasid train` or `rasid export`"
            )
        form = data["rasid_format"]
        if form != FORMAT:
            newer = not isinstance(form, int) or form > FORMAT
            remedy = (
                "upgrade with `pip install --upgrade rasid`"
                if newer
                else "write its weights in this form with `rasid export MODEL DIR`"
            )
            raise ModelError(f"{item} has model format {form}, this version of rasid reads {FORMAT}; {remedy}")
        try:
            special = data["special_pieces"]
            return cls(
                schema=Schema.from_dict(data["schema"], f"{item}, schema"),
                window=WindowSize(**data["window"]),
                calibration=Calibration.from_dict(data["calibration"]),
                begin=int(special["begin"]),
                end=int(special["end"]),
                pad=int(special["pad"]),
                files=dict(data["files"]),
                provenance=dict(data["provenance"]),
            )
        except (KeyError, TypeError, ValueError, SchemaError) as problem:
            raise ModelError(
                f"{item} is damaged: {type(problem).__name__} {problem}; copy or export the model again"
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """The form of ``config.json``; ``from_dict`` gives the same back."""
        return {
            "rasid_format": FORMAT,
            "schema": self.schema.to_dict(),
            "window": asdict(self.window),
            "calibration": self.calibration.to_dict(),
            "special_pieces": {"begin": self.begin, "end": self.end, "pad": self.pad},
            "provenance": dict(self.provenance),
            "files": dict(self.files),
        }


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model directory that was found whole."""

    path: Path
    config: ModelConfig

    def file(self, name: str) -> Path:
        """The path of one of the model's files, checked against the hash in ``config.json``.

        Raises:
            ModelError: the model has no such file, or it is not the one that was exported.
        """
        expected = self.config.files.get(name)
        if expected is None:
            known = ", ".join(sorted(self.config.files)) or "none"
            raise ModelError(
                f"model {self.path} was exported without {name} (it lists: {known}); export it with `rasid export`"
            )
        path = self.path / name
        if not path.is_file():
            raise ModelError(f"model {self.path} lacks {name}: the copy is incomplete; copy the directory again")
        if sha256(path) != expected:
            raise ModelError(
                f"{path} is damaged or only half copied: its SHA-256 is not the one in {CONFIG}; copy the model again"
            )
        return path


def find(model: str | Path | None) -> Artifact:
    """Find a model by directory or hub name; None is the one that is shipped with the package.

    Raises:
        ModelError: there is no such model, or its configuration is missing, damaged, too new or too old.
    """
    path = locate(model)
    config = path / CONFIG
    if not config.is_file():
        raise ModelError(f"model directory {path} lacks {CONFIG}: the copy is incomplete, or it holds no Rasid model")
    try:
        data = json.loads(config.read_text(encoding="utf-8"))
    except ValueError as problem:
        raise ModelError(f"{config} is not JSON ({problem}); copy or export the model again") from None
    return Artifact(path, ModelConfig.from_dict(data, str(config)))


def locate(model: str | Path | None) -> Path:
    """The directory of a model, whatever it holds; ``model`` as in :func:`find`.

    A hub name (``owner/name``) is looked up in the local cache of ``huggingface_hub`` and downloaded only if
    it is not there.

    Raises:
        ModelError: there is no such directory, and no such model on the hub.
    """
    path = SHIPPED if model is None else Path(model)
    if not path.exists() and isinstance(model, str) and model.count("/") == 1 and not model.startswith((".", "/")):
        path = _from_hub(model)
    if not path.is_dir():
        raise ModelError(
            f"no model at {str(model or path)!r}: expected a directory made by `rasid train`, "
            "or a hub name like owner/name"
        )
    return path


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download  # comes with tokenizers; slow to import

    wanted = [CONFIG, TOKENIZER, *GRAPHS.values(), LINKS, "README.md"]
    try:
        try:
            return Path(snapshot_download(name, allow_patterns=wanted, local_files_only=True))
        except Exception:
            return Path(snapshot_download(name, allow_patterns=wanted))
    except Exception as problem:
        raise ModelError(
            f"model {name!r} is neither a directory nor in the local hub cache, and could not be downloaded "
            f"({type(problem).__name__}); check the name and the network, or give a local directory"
        ) from None
