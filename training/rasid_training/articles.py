"""The annotated articles that a configuration of fine-tuning names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rasid.document import Document
from rasid.schema import Schema
from rasid_annotations.corpus import load_corpus, load_schema, schema_of
from rasid_training.config import TrainingConfig


def read_training(config: TrainingConfig) -> tuple[Schema, list[Document]]:
    """The schema and the training documents, those that :func:`divided` takes for development included.

    Raises:
        InputError: a file cannot be read.
        SchemaError: the schema cannot be read.
    """
    documents = _read(config.data.train, config)
    if config.data.schema is not None:
        return load_schema(Path(config.data.schema)), documents
    # All that there is takes part, so that no type is met for the first time in development.
    everything = [*documents, *_read(config.data.development, config)]
    return schema_of(everything, Path(config.data.train[0]).name), documents


def divided(documents: list[Document], config: TrainingConfig) -> tuple[list[Document], list[Document]]:
    """The documents to train on, and those to choose on.

    Raises:
        InputError: a file cannot be read.
    """
    kept = len(documents) - round(len(documents) * config.data.development_share)
    return documents[:kept], [*documents[kept:], *_read(config.data.development, config)]


def _read(names: Sequence[str], config: TrainingConfig) -> list[Document]:
    return load_corpus(list(map(Path, names)), sentences=config.data.sentences)
