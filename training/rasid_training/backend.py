"""Prediction by torch: the reference that exported models are compared with, what evaluates in training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rasid.artifact import TOKENIZER, find
from rasid.decoding import Ends, Floats, Scores
from rasid.passages import Passage
from rasid.predictor import Predictor, load_tokenizer
from rasid_training import hardware
from rasid_training.batches import INPUTS, Batch, padded
from rasid_training.model import RasidModel


class TorchBackend:
    """Computes scores by a model where its weights are: a ``rasid.backends.Backend``."""

    def __init__(self, model: RasidModel, *, pad: int, together: int = 1024) -> None:
        """``pad`` is the id of the piece that fills up, ``together`` how many pieces are computed at once."""
        self.model, self.pad, self.together = model, pad, together

    def scores(self, passages: Sequence[Passage], *, alone: bool = False) -> list[Scores]:  # noqa: ARG002
        """The scores of each passage."""
        batch = Batch.of(passages, pad=self.pad)
        counts = [len(passage.rows) for passage in passages]
        spans = (
            np.repeat(np.arange(len(passages)), counts),
            np.concatenate([passage.rows for passage in passages]),
            np.concatenate([passage.columns for passage in passages]),
        )
        with _Evaluating(self.model) as model:
            (words,) = model(**{name: self._there(getattr(batch, name)) for name in INPUTS})
            number, row, column = (self._there(part) for part in spans)
            logits = _here(model.spans.at(words, (number, row, column)))
            proclitics, modality = _here(model.proclitics(words)), _here(model.modality(words))
        parts = np.split(logits, np.cumsum(counts)[:-1])
        lengths = [len(passage.window) for passage in passages]
        return [
            Scores(part, proclitics[n, :length], modality[n, :length], words[n, :length])
            for n, (part, length) in enumerate(zip(parts, lengths, strict=True))
        ]

    def roles(self, scores: Sequence[Scores], ends: Sequence[Ends]) -> list[Floats]:
        """``[triggers, fillers, roles]`` for each passage."""
        words = pad_sequence([one.words for one in scores], batch_first=True)
        names = [f.name for f in fields(Ends)]
        places = [self._there(padded([getattr(e, name) for e in ends], 0)) for name in names]
        with _Evaluating(self.model) as model:
            logits = _here(model.roles.table(words, *places))
        return [table[: len(e.triggers), : len(e.firsts)] for table, e in zip(logits, ends, strict=True)]

    def _there(self, array: Any) -> Tensor:
        return torch.from_numpy(array).to(next(self.model.parameters()).device)


class _Evaluating:
    """A model without dropout and without gradients, for the time of a ``with``."""

    def __init__(self, model: RasidModel) -> None:
        self.model, self.training, self.inference = model, model.training, torch.inference_mode()

    def __enter__(self) -> RasidModel:
        self.model.train(False)
        self.inference.__enter__()
        return self.model

    def __exit__(self, *problem: Any) -> None:
        self.inference.__exit__(*problem)
        self.model.train(self.training)


def _here(tensor: Tensor) -> Floats:
    return tensor.float().cpu().numpy()


def load_torch(
    model: str | Path,
    *,
    device: str | None = None,
    precision: Literal["fp32", "bf16"] = "fp32",
    together: int | None = None,
) -> Predictor:
    """A predictor that computes with torch instead of ONNX Runtime.

    Args:
        model: as in ``Predictor.load``; its directory must have the weights.
        device: ``cuda``, ``cpu`` or any other of torch's; None takes a GPU where there is one.
        precision: of the encoder; the heads, which add up small numbers, stay in fp32.
        together: how many pieces are computed at once; None takes 1024, on a GPU 32768.
    """
    artifact = find(model)
    artifact.file("model.safetensors")
    tokenizer = load_tokenizer(artifact.file(TOKENIZER))
    place = torch.device(device or hardware.device())
    loaded: RasidModel = RasidModel.from_pretrained(artifact.path)
    loaded.to(place)  # type: ignore[arg-type]
    if precision == "bf16":
        loaded.encoder.to(dtype=torch.bfloat16)  # type: ignore[call-arg]
    together = together or (32_768 if place.type == "cuda" else 1024)
    backend = TorchBackend(loaded, pad=artifact.config.pad, together=together)
    # One thread puts batches together and decodes while the GPU computes for the other.
    return Predictor(artifact.config, tokenizer, backend, threads=2 if place.type == "cuda" else 1)
