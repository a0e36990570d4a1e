"""Documents near a domain: what to read again when there is no time to read all (Moore & Lewis 2010).

A document is as near as its pieces are more frequent in text of the domain than in all of the text: the mean over them
of the logarithm of the ratio of the two frequencies.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from rasid.artifact import sha256
from rasid.files import write_json
from rasid_training.pretraining.settings import PretrainingError
from rasid_training.vocabulary import documents

_PRIOR = 10_000  # pieces that the domain is taken to hold, spread as in all of the text, besides those it holds
_DOCUMENTS = 512  # tokenised together


def counts(paths: list[Path], tokenizer: Tokenizer, record: Path) -> np.ndarray:
    """How often each piece occurs in text of the domain: int64, shape (vocabulary,).

    They are kept in ``record``, which serves where the files do not exist.

    Raises:
        PretrainingError: the record is of other files.
        InputError: a file cannot be read and there is no record.
    """
    size = tokenizer.get_vocab_size()
    identity = {path.name: sha256(path) for path in paths if path.is_file()}
    if record.is_file():
        kept = json.loads(record.read_text(encoding="utf-8"))
        wanted = {path.name for path in paths}
        if set(kept["files"]) != wanted or any(kept["files"][name] != found for name, found in identity.items()):
            raise PretrainingError(f"{record} counts the pieces of another domain; remove it, or name another output")
        return np.asarray(kept["counts"], dtype=np.int64)
    found = np.zeros(size, dtype=np.int64)
    texts = chain.from_iterable(chain.from_iterable(documents(path) for path in paths))
    while group := list(islice(texts, _DOCUMENTS)):
        for encoding in tokenizer.encode_batch_fast(group, add_special_tokens=False):
            found += np.bincount(encoding.ids, minlength=size)
    write_json(record, {"files": identity, "counts": found.tolist()})
    return found


def nearest(
    shards: Iterable[np.ndarray], everywhere: np.ndarray, domain: np.ndarray, *, end: int, share: float
) -> list[np.ndarray]:
    """The documents nearest to a domain.

    Args:
        shards: uint16, shape (pieces,) each, whole documents that each close with ``end``.
        everywhere: int64, shape (vocabulary,): how often each piece occurs in the shards.
        domain: int64, shape (vocabulary,): how often each occurs in text of the domain.
        end: the piece that closes a document; it does not count.
        share: of all pieces, which the chosen documents hold together (over it by less than a document).

    Returns:
        uint16, the pieces of the chosen documents, in the order of the text; a shard without any is left out.
    """
    ratios = _ratios(everywhere, domain)
    ratios[end] = 0.0
    kept = [np.asarray(shard) for shard in shards]
    bounds = [np.concatenate([[0], np.flatnonzero(shard == end) + 1]) for shard in kept]
    lengths = [np.diff(bound) for bound in bounds]
    near = np.concatenate(
        [
            np.add.reduceat(ratios[shard], bound[:-1]) / np.maximum(length - 1, 1)
            for shard, bound, length in zip(kept, bounds, lengths, strict=True)
            if len(length)
        ]
    )
    order = np.argsort(-near, kind="stable")
    read = np.cumsum(np.concatenate(lengths)[order])
    chosen = np.zeros(len(near), dtype=bool)
    chosen[order[: 1 + np.searchsorted(read, share * read[-1])]] = True
    parts = np.split(chosen, np.cumsum([len(length) for length in lengths])[:-1])
    found = [
        shard[: bound[-1]][np.repeat(part, length)]
        for shard, bound, length, part in zip(kept, bounds, lengths, parts, strict=True)
    ]
    return [shard for shard in found if len(shard)]


def _ratios(everywhere: np.ndarray, domain: np.ndarray) -> np.ndarray:
    """Logarithm of each piece's frequency in the domain over that in all text: float32, shape (vocabulary,).

    With Dirichlet smoothing (Zhai & Lafferty 2004): a piece that the domain's text happens to lack speaks against a
    document as little as that text is short.
    """
    background = (everywhere + 1) / (everywhere + 1).sum()
    smoothed = (domain + _PRIOR * background) / (domain.sum() + _PRIOR)
    return np.log(smoothed / background).astype(np.float32)
