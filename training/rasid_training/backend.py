"""Prediction by torch: the reference that exported models are compared with, and what evaluates in training."""

from __future__ import annotations

from pathlib import Path

import torch

from rasid.artifact import TOKENIZER, find
from rasid.backends import INPUTS, Batch
from rasid.decoding import Scores
from rasid.predictor import Predictor, load_tokenizer
from rasid_training.model import RasidModel


class TorchBackend:
    """Computes scores by a model where its weights are: a ``rasid.backends.Backend``."""

    batches = True

    def __init__(self, model: RasidModel) -> None:
        self.model = model

    def __call__(self, batch: Batch) -> list[Scores]:
        """The scores of each window of the batch."""
        training = self.model.training
        self.model.train(False)
        device = next(self.model.parameters()).device
        inputs = {name: torch.from_numpy(getattr(batch, name)).to(device) for name in INPUTS}
        with torch.inference_mode():
            outputs = self.model(**inputs)
        self.model.train(training)
        return batch.split([output.float().cpu().numpy() for output in outputs])


def load_torch(model: str | Path) -> Predictor:
    """A predictor that computes with torch instead of ONNX Runtime; ``model`` as in ``Predictor.load``."""
    artifact = find(model)
    artifact.file("model.safetensors")
    tokenizer = load_tokenizer(artifact.file(TOKENIZER))
    return Predictor(artifact.config, tokenizer, TorchBackend(RasidModel.from_pretrained(artifact.path)))
