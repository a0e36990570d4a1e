"""Duplicates: articles that tell one report, in the same words or rewritten."""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from datetime import date

import numpy as np

_BUCKETS = 2**14  # words are hashed into so many: enough that two words of one article rarely meet
_BLOCK = 512  # articles compared at once
_COPY = 0.5  # cosine from which two articles are one report, whenever they appeared
_REWRITE = 0.3  # the same, for two that appeared within ``_DAYS``
_DAYS = 3
_SPELLINGS = str.maketrans("أإآٱىة", "ااااىه")


def groups(texts: Sequence[str], dates: Sequence[date | None]) -> list[int]:
    """Which report each article tells.

    Two articles tell one where their words are alike by the cosine of tf-idf (0.5, or 0.3 within three days), and so
    do all that are linked by such pairs.

    Args:
        texts: of the articles.
        dates: when they appeared, one a text; None where that is not known.

    Returns:
        For each article the place of the first one of its group.
    """
    parents = list(range(len(texts)))

    def root(place: int) -> int:
        while parents[place] != place:
            parents[place] = place = parents[parents[place]]
        return place

    for first, second, likeness in _alike(texts):
        if likeness >= _COPY or _near(dates[first], dates[second]):
            low, high = sorted((root(first), root(second)))
            parents[high] = low
    return [root(place) for place in range(len(texts))]


def _alike(texts: Sequence[str]) -> Iterator[tuple[int, int, float]]:
    """Pairs of articles whose cosine is at least that of a rewrite, and the cosine."""
    if not texts:
        return
    found = vectors(texts)
    for begin in range(0, len(found), _BLOCK):
        cosines = found[begin : begin + _BLOCK] @ found[begin:].T
        for row, column in np.argwhere(cosines >= _REWRITE):
            if row < column:
                yield begin + int(row), begin + int(column), float(cosines[row, column])


def vectors(texts: Sequence[str]) -> np.ndarray:
    """Unit vectors of tf-idf: float32, shape (articles, buckets)."""
    counts = np.zeros((len(texts), _BUCKETS), dtype=np.float32)
    for row, text in zip(counts, texts, strict=True):
        buckets = [zlib.crc32(word.encode()) % _BUCKETS for word in _words(text)]
        np.add.at(row, buckets, 1)
    present = counts > 0
    rarity = np.log((1 + len(texts)) / (1 + present.sum(axis=0))).astype(np.float32) + 1e-3
    np.log1p(counts, out=counts)
    counts *= rarity
    counts /= np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)
    return counts


def _words(text: str) -> list[str]:
    """Without diacritics, tatweel and the spellings of alif that writers mix; lone surrogates are no word."""
    plain = "".join(c for c in text if unicodedata.category(c) not in ("Mn", "Cs") and c != "ـ")
    return re.findall(r"\w+", plain.translate(_SPELLINGS))


def _near(first: date | None, second: date | None) -> bool:
    return first is not None and second is not None and abs((first - second).days) <= _DAYS
