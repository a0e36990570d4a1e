"""The encoder in training: BERT with its head for hidden pieces, and what its weights start from."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor
from transformers import BertConfig, BertForMaskedLM
from transformers.utils import SAFE_WEIGHTS_NAME

from rasid_training.pretraining.settings import Pretraining, PretrainingError, Shape
from rasid_training.pretraining.shards import Corpus, unigrams
from rasid_training.pretraining.vectors import static_vectors
from rasid_training.vocabulary import SPECIAL_PIECES


def model(shape: Shape, attention: str) -> BertForMaskedLM:
    """A model of the shape with weights drawn at random; ``attention`` is a name that `transformers` knows."""
    config = BertConfig(  # type: ignore[call-arg]
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
        max_position_embeddings=shape.longest,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        attn_implementation=attention,
    )
    return BertForMaskedLM(config)


def weights_of(start: str) -> Path:
    """The file of weights of an encoder to go on from.

    Raises:
        PretrainingError: there is none.
    """
    path = Path(start) / SAFE_WEIGHTS_NAME
    if not path.is_file():
        raise PretrainingError(
            f"start: no {SAFE_WEIGHTS_NAME} in {start!r}; name the directory of a pretrained encoder"
        )
    return path


def go_on_from(start: str, model: BertForMaskedLM, *, scale: float | None = None) -> None:
    """Take over all weights of an encoder, the matrices of its layers scaled to a root mean square of ``scale``.

    Raises:
        PretrainingError: they are missing, or not of the model's shape.
    """
    weights = load_file(weights_of(start))
    wanted = model.state_dict()
    unlike = [
        f"{name} {tuple(weights[name].shape)}" if name in weights else f"no {name}"
        for name, own in wanted.items()
        if not name.startswith("cls.predictions.decoder.")  # tied, written once
        and (name not in weights or weights[name].shape != own.shape)
    ]
    if unlike:
        raise PretrainingError(
            f"start: the weights in {start!r} are not of the shape that `encoder` asks for ({unlike[0]}); give the "
            "shape in its config.json, and a model with its head for hidden pieces"
        )
    model.load_state_dict({name: weights[name].float() for name in weights.keys() & wanted.keys()}, strict=False)
    if scale is not None:
        with torch.no_grad():
            for weight in model.bert.encoder.parameters():
                if weight.ndim == 2:
                    weight.mul_(scale / weight.square().mean().sqrt())


def _waves(positions: int, width: int) -> Tensor:
    """Sines and cosines (Vaswani et al. 2017), root mean square 1: a shift is one rotation wherever it begins."""
    rates = 10_000 ** (-torch.arange(0, width, 2) / width)
    angles = torch.arange(positions)[:, None] * rates[None, :]
    return math.sqrt(2) * torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)[:, :width]


@torch.no_grad()
def initialise(model: BertForMaskedLM, settings: Pretraining, corpus: Corpus) -> None:
    """Start from how often pieces occur, and from static vectors where they are asked for."""
    size = settings.encoder.vocabulary
    frequency = torch.from_numpy(unigrams(corpus, size)).float() + 1
    model.cls.predictions.bias.copy_((frequency / frequency.sum()).log())
    if settings.vectors.positions == "waves":
        positions = model.bert.embeddings.position_embeddings.weight
        positions.copy_(settings.vectors.scale * _waves(*positions.shape))
    if settings.vectors.window:
        print("rasid: finding static vectors", file=sys.stderr)
        vectors = static_vectors(
            corpus.training,
            vocabulary=size,
            width=settings.encoder.width,
            window=settings.vectors.window,
            ignored=[corpus.number(name) for name in SPECIAL_PIECES],
            seed=settings.optimization.seed,
        )
        embeddings = model.bert.embeddings.word_embeddings.weight
        found = vectors.abs().sum(dim=1) > 0
        embeddings[found] = settings.vectors.scale * vectors[found]
