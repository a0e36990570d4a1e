"""The model: one encoder pass for each window, and the heads over its word vectors."""

from __future__ import annotations

from typing import Any

import torch
from huggingface_hub.dataclasses import strict
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel

from rasid.schema import Schema
from rasid.tokenizer import MAX_PROCLITICS
from rasid_training.heads import SPAN_HEADS, Roles, picked


@strict
class RasidConfig(PreTrainedConfig):
    """The model's ``config.json``.

    Attributes:
        encoder: the encoder's own configuration.
        schema: the types, in the form of ``schema.yaml``.
        spans: how spans are scored, ``table`` or ``tags``.
        pair_width: width of the queries and keys of the heads that score pairs of words.
        dropout: share of the word vectors that is dropped in training.
    """

    model_type = "rasid"

    encoder: dict[str, Any] | None = None
    schema: dict[str, Any] | None = None
    spans: str = "table"
    pair_width: int = 64
    dropout: float = 0.1


class RasidModel(PreTrainedModel):
    """Entity spans, triggers, roles, modality and proclitics in one pass.

    With labels, as :class:`rasid_training.examples.Collator` makes them, ``forward`` gives the loss first.
    """

    config_class = RasidConfig
    config: RasidConfig
    base_model_prefix = "rasid"
    _supports_sdpa = True
    _supports_attention_backend = True

    def __init__(self, config: RasidConfig, encoder: PreTrainedModel | None = None) -> None:
        """``encoder`` is taken as it is, weights and all; without it a fresh one is made from ``config.encoder``."""
        super().__init__(config)
        schema = Schema.from_dict(config.schema)
        if encoder is None:
            encoder = AutoModel.from_config(encoder_config(config))
        self.encoder = encoder
        width = int(encoder.config.hidden_size)
        self.first = nn.Linear(width, width)
        self.last = nn.Linear(width, width, bias=False)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(config.dropout)
        spans = SPAN_HEADS[config.spans]  # type: ignore[index]
        self.spans = spans(width, len(schema.entity_types), len(schema.event_types), config.pair_width)
        self.roles = Roles(width, max(len(schema.roles), 1), config.pair_width)
        self.modality = nn.Linear(width, max(len(schema.modalities), 1))
        self.proclitics = nn.Linear(width, MAX_PROCLITICS + 1)
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        # The encoder has initialised or loaded its own; the heads keep torch's defaults and their own biases.
        pass

    def words(self, input_ids: Tensor, attention_mask: Tensor | None, first: Tensor, last: Tensor) -> Tensor:
        """Word vectors ``[b, w, hidden]`` from each word's first and last piece; arguments as in ``Batch``.

        ``attention_mask`` may be None where nothing is padded.
        """
        pieces = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if not torch.is_autocast_enabled(pieces.device.type):
            pieces = pieces.to(self.first.weight.dtype)  # the encoder alone may be in half precision
        number = torch.arange(len(pieces), device=pieces.device).unsqueeze(-1)
        begins, ends = picked(pieces, number, first), picked(pieces, number, last)
        vectors = self.norm(functional.gelu(self.first(begins) + self.last(ends)) + begins)
        return self.dropout(vectors)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, first: Tensor, last: Tensor, **labels: Any
    ) -> tuple[Tensor, ...]:
        """The word vectors ``[b, w, hidden]``, from which the heads score; with ``labels`` only the loss.

        Args:
            input_ids, attention_mask: ``[b, t]``.
            first, last: ``[b, w]`` position of each word's first and last piece.
            labels: see :class:`rasid_training.examples.Collator`.
        """
        words = self.words(input_ids, attention_mask, first, last)
        return (self.loss(words, **labels) if labels else words,)

    def loss(
        self,
        words: Tensor,
        *,
        span_labels: Tensor,
        valid: Tensor,
        proclitic_labels: Tensor,
        modality_labels: Tensor,
        pairs: Tensor,
        role_labels: Tensor,
        role_mask: Tensor,
    ) -> Tensor:
        """The sum of the heads' losses; see :class:`rasid_training.examples.Collator` for the shapes."""
        spans = self.spans.loss(words, span_labels, valid)
        proclitics = _cross_entropy(self.proclitics(words), proclitic_labels)
        modality = _cross_entropy(self.modality(words), modality_labels)
        logits = self.roles.at(words, pairs)
        losses = functional.binary_cross_entropy_with_logits(logits.float(), role_labels.float(), reduction="none")
        # For each pair, the sum over the roles that the schema allows it. Without any pair it is 0 and still connected
        # to the weights, so that processes that train together agree on which gradients there are.
        roles = (losses * role_mask).sum() / max(len(pairs), 1)
        return spans + proclitics + modality + roles


def _cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean over the labelled words; 0 where there is none, still connected to the weights."""
    losses = functional.cross_entropy(
        logits.flatten(0, 1).float(), labels.flatten(), ignore_index=-100, reduction="sum"
    )
    return losses / (labels >= 0).sum().clamp(min=1)


def encoder_config(config: RasidConfig) -> PreTrainedConfig:
    """The configuration of a model's encoder."""
    data = dict(config.encoder or {})
    return AutoConfig.for_model(data.pop("model_type"), **data)


AutoConfig.register("rasid", RasidConfig)
AutoModel.register(RasidConfig, RasidModel)
