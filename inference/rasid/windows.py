"""Windows: a text of any length as stretches that an encoder can read, and which window answers for what.

Whole paragraphs are packed together up to a target size. A paragraph longer than the encoder can read is
read in overlapping stretches, so that each mention stands whole, with context, in at least one of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasid.tokenizer import Ints, Reading


@dataclass(frozen=True, slots=True)
class WindowSize:
    """How a text is divided, in pieces.

    Attributes:
        longest: the most pieces that the encoder reads at once, its two special pieces included.
        target: paragraphs are packed together up to this many pieces.
        overlap: pieces that neighbouring windows share within a paragraph longer than ``longest``.
    """

    longest: int = 512
    target: int = 256
    overlap: int = 128

    def __post_init__(self) -> None:
        if not 2 < self.target <= self.longest:
            raise ValueError(f"window target {self.target} must be more than 2 and at most longest {self.longest}")
        if not 0 <= self.overlap <= (self.longest - 2) // 2:
            raise ValueError(f"window overlap {self.overlap} must be between 0 and half of longest {self.longest}")


@dataclass(frozen=True, slots=True)
class Window:
    """Words ``start`` to ``stop`` (exclusive) of a reading, read in one encoder pass."""

    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start


def divide(reading: Reading, size: WindowSize) -> list[Window]:
    """Divide a reading into windows; together they hold every word, and each holds at least one."""
    windows: list[Window] = []
    start = stop = 0
    for begin, end in runs(reading.paragraphs):
        if _pieces(reading, begin, end) > size.longest - 2:
            if stop > start:
                windows.append(Window(start, stop))
            windows.extend(_stretches(reading, begin, end, size))
            start = stop = end
            continue
        if stop > start and _pieces(reading, start, end) > size.target - 2:
            windows.append(Window(start, stop))
            start = begin
        stop = end
    if stop > start:
        windows.append(Window(start, stop))
    return windows


def owners(windows: Sequence[Window], firsts: Ints, lasts: Ints) -> Ints:
    """The number of the window that answers for each mention of the words ``firsts`` to ``lasts`` (inclusive).

    Of the windows that hold a mention whole, the one in which it stands farthest from the edges: there it has
    most context. -1 where no window holds it whole.
    """
    starts = np.array([w.start for w in windows], dtype=np.int64)
    stops = np.array([w.stop for w in windows], dtype=np.int64)
    space = np.minimum(firsts[:, None] - starts, stops - 1 - lasts[:, None])
    best = space.argmax(axis=1)
    return np.where(space[np.arange(len(best)), best] >= 0, best, -1)


def runs(numbers: Ints) -> list[tuple[int, int]]:
    """Start and end of each run of equal numbers."""
    if not len(numbers):
        return []
    edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    return list(itertools.pairwise(edges))


def _pieces(reading: Reading, start: int, stop: int) -> int:
    return int(reading.last[stop - 1] - reading.first[start] + 1)


def _stretches(reading: Reading, begin: int, end: int, size: WindowSize) -> list[Window]:
    """Overlapping windows over one paragraph that is longer than the encoder can read."""
    windows = []
    room = size.longest - 2
    start = begin
    while True:
        # The last word whose pieces still fit; at least one word, however many pieces it has.
        stop = int(np.searchsorted(reading.last, reading.first[start] + room, side="left"))
        stop = min(max(stop, start + 1), end)
        windows.append(Window(start, stop))
        if stop == end:
            return windows
        back = int(np.searchsorted(reading.first, reading.last[stop - 1] + 1 - size.overlap, side="left"))
        start = min(max(back, start + 1), stop)
