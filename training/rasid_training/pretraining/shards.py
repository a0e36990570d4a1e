"""Shards: the text as piece numbers, tokenised once into files that are mapped into memory.

A shard holds the pieces of one text file in order, 16 bits each; each document ends with the piece that separates
segments (``[SEP]``). Beside the shards lie the tokenizer that made them and ``shards.json``, which tells from what.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from rasid.artifact import sha256
from rasid.files import replacing, write_json
from rasid_training.normalization import normalized
from rasid_training.pretraining.domain import counts, nearest
from rasid_training.pretraining.settings import Pretraining, PretrainingError
from rasid_training.vocabulary import documents, paragraphs, train_vocabulary

_TOKENIZER = "tokenizer.json"
_RECORD = "shards.json"
_DOMAIN = "domain.json"
_DOCUMENTS = 512  # tokenised together: enough for all cores, little memory


@dataclass(frozen=True, slots=True)
class Corpus:
    """Tokenised text.

    Attributes:
        tokenizer: what made the pieces.
        training: a uint16 array for each shard, mapped into memory, the development part left out; or what is near a
            domain of each.
        development: uint16, the end of the last shard, from the beginning of a document on.
        starts: bool for each piece of the vocabulary: it begins a word.
    """

    tokenizer: Tokenizer
    training: list[np.ndarray]
    development: np.ndarray
    starts: np.ndarray

    @property
    def pieces(self) -> int:
        """How many there are to train on."""
        return sum(len(shard) for shard in self.training)

    def number(self, piece: str) -> int:
        """The number of a piece.

        Raises:
            PretrainingError: the vocabulary lacks it.
        """
        number = self.tokenizer.token_to_id(piece)
        if number is None:
            raise PretrainingError(f"the tokenizer of the shards has no piece {piece}; make them again")
        return int(number)


def prepare(settings: Pretraining, folder: Path) -> Corpus:
    """Tokenise the text into ``folder``, or map what an earlier call left there.

    A call that was interrupted is taken up at the file where it stopped.

    Raises:
        PretrainingError: the folder holds the shards of other text or of another vocabulary, or the text is too short.
        InputError: a file does not exist or is not UTF-8.
    """
    paths = [Path(name) for name in settings.text.files]
    record = folder / _RECORD
    if record.is_file() and not all(path.is_file() for path in paths):
        found = json.loads(record.read_text(encoding="utf-8"))  # shards that were carried to a machine without text
        identity = {**_asked(settings), "text": found["text"]}
    else:
        missing = next((path for path in paths if not path.is_file()), None)
        if missing is not None:
            raise PretrainingError(f"no text file at {str(missing)!r}; name a file that exists in text.files")
        identity = {**_asked(settings), "text": {path.name: sha256(path) for path in paths}}
    if record.is_file() and json.loads(record.read_text(encoding="utf-8")) != identity:
        raise PretrainingError(f"{folder} holds shards of other text or another vocabulary; remove it, or name another")
    write_json(record, identity)
    if not (folder / _TOKENIZER).is_file():
        made = _vocabulary(settings, paths)
        with replacing(folder / _TOKENIZER) as partial:
            made.save(str(partial))
    tokenizer = Tokenizer.from_file(str(folder / _TOKENIZER))
    shards: list[np.ndarray] = []
    for path in paths:
        shard = folder / f"{path.name}.pieces"
        if not shard.is_file():
            print(f"rasid: tokenising {path}", file=sys.stderr)
            _tokenise(path, tokenizer, shard)
        shards.append(np.memmap(shard, dtype=np.uint16, mode="r"))
    corpus = _divided(tokenizer, shards, settings.text.development)
    return _near(corpus, settings, folder / _DOMAIN)


def _near(corpus: Corpus, settings: Pretraining, record: Path) -> Corpus:
    """The documents near the domain that the settings name, if they name one."""
    domain = settings.text.domain
    if domain is None:
        return corpus
    wanted = counts([Path(name) for name in domain.files], corpus.tokenizer, record)
    everywhere = unigrams(corpus, len(wanted))
    end = corpus.number("[SEP]")
    return replace(corpus, training=nearest(corpus.training, everywhere, wanted, end=end, share=domain.share))


def _asked(settings: Pretraining) -> dict[str, object]:
    asked: dict[str, object] = {
        "vocabulary": settings.encoder.vocabulary,
        "normalization": settings.encoder.normalization,
    }
    if settings.start is None:
        return asked
    return {**asked, "start": sha256(_tokenizer_of(settings.start))}


def _vocabulary(settings: Pretraining, paths: list[Path]) -> Tokenizer:
    """Of the encoder to go on from, else a new one."""
    shape = settings.encoder
    if settings.start is not None:
        tokenizer = Tokenizer.from_file(str(_tokenizer_of(settings.start)))
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return normalized(tokenizer, shape.normalization)
    print(f"rasid: training a vocabulary of {shape.vocabulary:,} pieces", file=sys.stderr)
    return train_vocabulary(paragraphs(paths), size=shape.vocabulary, normalization=shape.normalization)


def _tokenizer_of(start: str) -> Path:
    path = Path(start) / _TOKENIZER
    if not path.is_file():
        raise PretrainingError(f"start: no {_TOKENIZER} in {start!r}; name the directory of a pretrained encoder")
    return path


def _tokenise(path: Path, tokenizer: Tokenizer, shard: Path) -> None:
    os.environ["TOKENIZERS_PARALLELISM"] = "true"  # no process is forked here
    end = tokenizer.token_to_id("[SEP]")
    with replacing(shard) as partial, partial.open("wb") as file:
        groups = documents(path)
        while group := list(islice(groups, _DOCUMENTS)):
            encoded = iter(tokenizer.encode_batch_fast(list(chain(*group)), add_special_tokens=False))
            for document in group:
                pieces = [piece for encoding in islice(encoded, len(document)) for piece in encoding.ids]
                np.asarray([*pieces, end], dtype=np.uint16).tofile(file)


def _divided(tokenizer: Tokenizer, shards: list[np.ndarray], development: int) -> Corpus:
    last = shards[-1]
    ends = np.flatnonzero(last == tokenizer.token_to_id("[SEP]"))
    begin = ends[ends < len(last) - development]
    if not len(begin):
        raise PretrainingError(
            f"text.development: {development:,} pieces of whole documents were asked for, the last file has "
            f"{len(last):,}; ask for fewer, or give more text"
        )
    cut = int(begin[-1]) + 1
    starts = np.zeros(2**16, dtype=bool)
    for piece, number in tokenizer.get_vocab().items():
        starts[number] = not piece.startswith("##")
    return Corpus(tokenizer, [*shards[:-1], last[:cut]], last[cut:], starts)


def unigrams(corpus: Corpus, size: int) -> np.ndarray:
    """How often each piece occurs in the training part: int64, shape (size,)."""
    return sum((_counts(shard, size) for shard in corpus.training), start=np.zeros(size, dtype=np.int64))


def _counts(shard: np.ndarray, size: int) -> np.ndarray:
    return sum((np.bincount(block, minlength=size) for block in _blocks(shard)), start=np.zeros(size, dtype=np.int64))


def _blocks(shard: np.ndarray, length: int = 2**22) -> Iterator[np.ndarray]:
    for begin in range(0, len(shard), length):
        yield np.asarray(shard[begin : begin + length])
