"""The vocabulary of an encoder that is trained from scratch: WordPiece over normalised text."""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from tokenizers import Tokenizer, models, trainers
from tokenizers.processors import TemplateProcessing

from rasid.errors import InputError
from rasid_training.normalization import normalized

SPECIAL_PIECES = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def paragraphs(paths: Iterable[Path]) -> Iterator[str]:
    """The non-empty lines of text files, in order; a name that ends in ``.xz`` is decompressed.

    Raises:
        InputError: a file does not exist or is not UTF-8.
    """
    return (line for path in paths for document in documents(path) for line in document)


def documents(path: Path) -> Iterator[list[str]]:
    """The documents of a text file, each as its paragraphs.

    Args:
        path: text, a paragraph a line and a blank line between documents; where its name says ``.jsonl``, a document a
            line with its ``text``. A name that ends in ``.xz`` is decompressed.

    Raises:
        InputError: the file does not exist, is not UTF-8, or holds a line that is no document.
    """
    if not path.is_file():
        raise InputError(f"no text file at {str(path)!r}; give UTF-8 text, a paragraph a line, or its .xz")
    with lzma.open(path, "rt", encoding="utf-8") if path.suffix == ".xz" else path.open(encoding="utf-8") as lines:
        try:
            if ".jsonl" in path.suffixes:
                yield from _texts(path, lines)
                return
            for blank, group in groupby(lines, key=lambda line: not line.strip()):
                if not blank:
                    yield [line.rstrip("\n") for line in group]
        except UnicodeDecodeError as problem:
            raise InputError(f"{path} is not UTF-8 ({problem}); convert it first") from None


def _texts(path: Path, lines: Iterable[str]) -> Iterator[list[str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            text = json.loads(line)["text"]
            found = [paragraph for paragraph in text.splitlines() if paragraph.strip()]
        except (ValueError, TypeError, KeyError, AttributeError):
            raise InputError(
                f'{path}, line {number}: expected a document like {{"text": "…"}}; mend the line'
            ) from None
        if found:
            yield found


def train_vocabulary(texts: Iterable[str], *, size: int, normalization: str) -> Tokenizer:
    """A BERT tokenizer whose WordPiece vocabulary fits the texts (Schuster & Nakajima 2012; Devlin et al. 2019).

    Args:
        texts: paragraphs.
        size: number of pieces, the special ones included.
        normalization: a name in :data:`rasid_training.normalization.NORMALIZATIONS`.
    """
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer = normalized(tokenizer, normalization)
    trainer = trainers.WordPieceTrainer(
        vocab_size=size,
        min_frequency=2,
        limit_alphabet=400,
        special_tokens=list(SPECIAL_PIECES),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    begin, end = ((piece, tokenizer.token_to_id(piece)) for piece in ("[CLS]", "[SEP]"))
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[begin, end]
    )
    return tokenizer
