"""Encoders: any BERT-like checkpoint, from a local directory or a hub name, with its tokenizer.

A trained Rasid model counts as one: what its encoder has learned from one set of types is a start for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedModel
from transformers.utils.hub import cached_file

from rasid.errors import RasidError
from rasid.windows import WindowSize
from rasid_training import config as configuration
from rasid_training.model import RasidConfig, RasidModel, encoder_config
from rasid_training.normalization import normalized


class EncoderError(RasidError):
    """An encoder cannot be loaded, or does not fit the configuration."""


@dataclass(frozen=True, slots=True)
class LoadedEncoder:
    """An encoder and its tokenizer, which holds the normalisation that the encoder was pretrained with.

    ``begin``, ``end``, ``pad`` are the ids of the pieces around and after a window.
    """

    model: PreTrainedModel
    tokenizer: Tokenizer
    begin: int
    end: int
    pad: int


def load_encoder(settings: configuration.Encoder, window: WindowSize) -> LoadedEncoder:
    """Load an encoder; no code that comes with it is executed.

    Weights are read from safetensors, or from a ``pytorch_model.bin`` by torch's loader that accepts tensors only.

    Raises:
        EncoderError: there is no such encoder, its weights are missing or are not of its configuration, or it
            cannot read windows of the size that is asked for.
    """
    try:
        config = AutoConfig.from_pretrained(settings.name, trust_remote_code=False)
        tokenizer = _tokenizer(settings.name)
    except (OSError, ValueError) as problem:
        raise EncoderError(
            f"encoder {settings.name!r} is neither a directory with config.json and a tokenizer nor a hub name that "
            f"can be reached ({_first_line(problem)}); give a local directory, or download it once with the network on"
        ) from None
    if isinstance(config, RasidConfig):
        config = encoder_config(config)
    longest = getattr(config, "max_position_embeddings", window.longest)
    if window.longest > longest:
        raise EncoderError(
            f"encoder {settings.name!r} reads up to {longest} pieces, windows.longest is {window.longest}; lower it"
        )
    model = (
        AutoModel.from_config(config, dtype=torch.float32)
        if settings.weights == "fresh"
        else _pretrained(settings.name)
    )
    tokenizer = normalized(tokenizer, settings.normalization)
    rows = len(cast(Tensor, model.get_input_embeddings().weight))
    if tokenizer.get_vocab_size() > rows:
        raise EncoderError(
            f"encoder {settings.name!r} has {rows} embeddings, its tokenizer {tokenizer.get_vocab_size()} pieces; "
            "they are not of one model"
        )
    begin, end, pad = (
        _piece(tokenizer, settings.name, names) for names in (("[CLS]", "<s>"), ("[SEP]", "</s>"), ("[PAD]", "<pad>"))
    )
    return LoadedEncoder(model, tokenizer, begin, end, pad)


def _tokenizer(name: str) -> Tokenizer:
    """The fast tokenizer: ``tokenizer.json`` as it is, else built from the files of an older layout."""
    path = cached_file(
        name,
        "tokenizer.json",
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    tokenizer = Tokenizer.from_file(path) if path else AutoTokenizer.from_pretrained(name).backend_tokenizer
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _pretrained(name: str) -> PreTrainedModel:
    try:
        # In full precision, whatever the weights are stored in: the small steps of training need it.
        model, report = AutoModel.from_pretrained(
            name, trust_remote_code=False, output_loading_info=True, dtype=torch.float32
        )
    except (OSError, ValueError, RuntimeError) as problem:
        raise EncoderError(
            f"the weights of encoder {name!r} cannot be loaded ({_first_line(problem)}); expected model.safetensors or "
            "pytorch_model.bin beside its config.json; for new weights write `weights: fresh`"
        ) from None
    missing = sorted(key for key in report["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise EncoderError(
            f"the weights of encoder {name!r} lack {len(missing)} tensors of its configuration, {missing[0]!r} among "
            "them; they are not of one model, or the download is incomplete"
        )
    return model.encoder if isinstance(model, RasidModel) else model


def _piece(tokenizer: Tokenizer, name: str, names: tuple[str, ...]) -> int:
    for piece in names:
        number = tokenizer.token_to_id(piece)
        if number is not None:
            return int(number)
    raise EncoderError(f"the tokenizer of encoder {name!r} has none of the special pieces {', '.join(names)}")


def _first_line(problem: Exception) -> str:
    text = str(problem).strip() or type(problem).__name__
    return text.splitlines()[0][:200]
