"""Batches: passages as arrays of one shape, padded to the longest, for torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from rasid.passages import Passage
from rasid.tokenizer import Ints

INPUTS = ("input_ids", "attention_mask", "first", "last")


@dataclass(frozen=True, slots=True)
class Batch:
    """Passages as the inputs of :class:`rasid_training.model.RasidModel`.

    Attributes:
        input_ids: ``[b, t]`` piece ids with the special pieces around.
        attention_mask: ``[b, t]`` 1 for a piece, 0 for padding.
        first, last: ``[b, w]`` position in ``t`` of each word's first and last piece; 0 for padding.
    """

    input_ids: Ints
    attention_mask: Ints
    first: Ints
    last: Ints

    @classmethod
    def of(cls, passages: Sequence[Passage], *, pad: int) -> Self:
        """Put passages together; ``pad`` is the id of the piece that fills up."""
        return cls(
            input_ids=padded([passage.pieces for passage in passages], pad),
            attention_mask=padded([np.ones_like(passage.pieces) for passage in passages], 0),
            first=padded([passage.first for passage in passages], 0),
            last=padded([passage.last for passage in passages], 0),
        )


def padded(rows: Sequence[Ints], fill: int) -> Ints:
    """Rows of different length as one array ``[rows, longest]``, the rest filled up."""
    table = np.full((len(rows), max(map(len, rows))), fill, dtype=np.int64)
    for number, row in enumerate(rows):
        table[number, : len(row)] = row
    return table
