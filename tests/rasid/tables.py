"""Scores as tables over all pairs of words, and what the decoder makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasid.decoding import Decoder, Mentions, Scores
from rasid.passages import Passage
from rasid.tokenizer import Reading
from rasid.windows import Window


@dataclass(frozen=True)
class Tables:
    """Logits: ``spans`` ``[types, w, w]``, ``proclitics`` ``[w, 3]``, ``modality`` ``[w, modalities]``, and two tables
    ``[roles, w, w]`` of the trigger's first word by the filler's first and by its last, which add up.
    """

    spans: np.ndarray
    proclitics: np.ndarray
    modality: np.ndarray
    roles_first: np.ndarray
    roles_last: np.ndarray


def mentions(decoder: Decoder, reading: Reading, windows: Sequence[Window], tables: Sequence[Tables]) -> list[Mentions]:
    """What the decoder finds in each window, as the predictor goes about it."""
    found = []
    for window, table in zip(windows, tables, strict=True):
        passage = Passage.of(reading, window, begin=0, end=0, longest=10_000)
        spans = table.spans[:, passage.rows, passage.columns].T
        given = decoder.mentions(passage, Scores(spans, table.proclitics, table.modality, None))
        if ends := decoder.ends(passage, given):
            first = table.roles_first[:, ends.triggers][:, :, ends.firsts]
            last = table.roles_last[:, ends.triggers][:, :, ends.lasts]
            given = decoder.linked(passage, given, ends, (first + last).transpose(1, 2, 0))
        found.append(given)
    return found
