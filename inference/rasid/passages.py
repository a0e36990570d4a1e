"""Passages: windows as arrays of the model's inputs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Self

import numpy as np

from rasid.tokenizer import Ints, Reading
from rasid.windows import Window, runs


@dataclass(frozen=True, slots=True)
class Passage:
    """One window of ``t`` pieces and ``w`` words as the model is given it.

    Attributes:
        window: where it stands in its reading.
        lines: ``[w]`` the line of each word.
        pieces: ``[t]`` piece ids with the special pieces around.
        first, last: ``[w]`` position in ``pieces`` of each word's first and last piece.
        rows, columns: ``[s]`` first and last word (inclusive) of every span that stands in one line: no other can be a
            mention.
    """

    window: Window
    lines: Ints
    pieces: Ints
    first: Ints
    last: Ints
    rows: Ints
    columns: Ints

    @classmethod
    def of(cls, reading: Reading, window: Window, *, begin: int, end: int, longest: int) -> Self:
        """The passage of a window.

        Args:
            reading: the text.
            window: its window.
            begin, end: ids of the special pieces around it.
            longest: the most pieces that the encoder reads; a single word that is longer is cut off there.
        """
        words = slice(window.start, window.stop)
        low = int(reading.first[window.start])
        count = min(int(reading.last[window.stop - 1]) + 1 - low, longest - 2)
        pieces = np.empty(count + 2, dtype=np.int64)
        pieces[0], pieces[-1] = begin, end
        pieces[1:-1] = reading.pieces[low : low + count]
        lines = reading.paragraphs[words]
        rows, columns = spans(lines)
        return cls(
            window=window,
            lines=lines,
            pieces=pieces,
            first=np.minimum(reading.first[words] - low, count - 1) + 1,
            last=np.minimum(reading.last[words] - low, count - 1) + 1,
            rows=rows,
            columns=columns,
        )


def spans(lines: Ints) -> tuple[Ints, Ints]:
    """First and last word (inclusive) of every span of words that stand in one line.

    Args:
        lines: ``[w]`` the line of each word, ascending.

    Returns:
        Two arrays ``[s]``.
    """
    triangles = [(start, *_triangle(stop - start)) for start, stop in runs(lines)]
    if not triangles:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    rows, columns = (np.concatenate([t[axis] + t[0] for t in triangles]) for axis in (1, 2))
    return rows, columns


@lru_cache(maxsize=128)
def _triangle(size: int) -> tuple[Ints, Ints]:
    rows, columns = np.triu_indices(size)
    return rows.astype(np.int64), columns.astype(np.int64)
