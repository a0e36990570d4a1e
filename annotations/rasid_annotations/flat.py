"""The flat entity layer: what published NER figures measure, through seqeval in strict IOB2 mode.

Nested and overlapping entities do not fit one tag a word. Of those that overlap the longest is kept, so that the
outermost mention stands for what is inside it; how many gold entities are lost that way is told.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from rasid.document import Document, Entity
from rasid_annotations.scoring import paired
from rasid_annotations.words import words

_NON_SPACE = re.compile(r"\S+")


def outermost(entities: Sequence[Entity]) -> list[Entity]:
    """The entities of the flat layer in the order of the text: longest first, whatever overlaps a kept one dropped.

    Of entities of one length the earlier is kept; on one span, that whose type comes first in the alphabet.
    """
    kept: list[Entity] = []
    for entity in sorted(entities, key=lambda e: (e.start - e.end, e.start, e.type)):
        if all(entity.end <= other.start or other.end <= entity.start for other in kept):
            kept.append(entity)
    return sorted(kept, key=lambda e: e.start)


def tokens(text: str, entities: Sequence[Entity]) -> list[tuple[int, int]]:
    """Spans ``(start, end)`` in code points of the words and marks of ``text``, cut at every edge of ``entities``.

    Given the entities of both sides, no token lies across an edge of either, so a proclitic left outside a mention
    is a token of its own for both, and the tags say exactly what the spans say, white space apart.
    """
    runs = (run.span() for run in _NON_SPACE.finditer(text))
    spans = ((entity.start, entity.end) for entity in entities)
    edges = sorted({edge for span in (*runs, *words(text), *spans) for edge in span})
    return [(start, end) for start, end in pairwise(edges) if _NON_SPACE.match(text, start)]


def tags(spans: Sequence[tuple[int, int]], entities: Sequence[Entity]) -> list[str]:
    """The IOB2 tag of each token; ``entities`` do not overlap and no token lies across their edges."""
    result = ["O"] * len(spans)
    for entity in entities:
        prefix = "B"
        for index, (start, end) in enumerate(spans):
            if entity.start <= start and end <= entity.end:
                result[index] = f"{prefix}-{entity.type}"
                prefix = "I"
    return result


def seqeval_report(gold: Sequence[Document], predicted: Sequence[Document]) -> dict[str, Any]:
    """The flat entity layer scored by seqeval (strict, IOB2), a document a sequence.

    Returns:
        ``micro`` and ``macro``, each with ``precision``, ``recall``, ``f1`` (0 to 1) and ``support``; ``types``, the
        same per entity type; ``gold_entities`` and ``predicted_entities``, how many there are before flattening;
        ``dropped_gold`` and ``dropped_predicted``, how many of them the flat layer leaves out.

    Raises:
        ScoringError: the two sides do not hold the same documents.
    """
    gold_tags: list[list[str]] = []
    predicted_tags: list[list[str]] = []
    counts = {"gold_entities": 0, "predicted_entities": 0, "dropped_gold": 0, "dropped_predicted": 0}
    for ours, theirs in paired(gold, predicted):
        spans = tokens(ours.text, (*ours.entities, *theirs.entities))
        for side, document, sequences in (("gold", ours, gold_tags), ("predicted", theirs, predicted_tags)):
            flat = outermost(document.entities)
            sequences.append(tags(spans, flat))
            counts[f"{side}_entities"] += len(document.entities)
            counts[f"dropped_{side}"] += len(document.entities) - len(flat)
    return _classification(gold_tags, predicted_tags) | counts


def _classification(gold: list[list[str]], predicted: list[list[str]]) -> dict[str, Any]:
    nothing = {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}
    # seqeval divides by the number of types; with none at all it has nothing to average.
    if all(tag == "O" for sequence in (*gold, *predicted) for tag in sequence):
        return {"micro": nothing, "macro": nothing, "types": {}}
    from seqeval.metrics import classification_report  # loads scikit-learn: only where it is used
    from seqeval.scheme import IOB2

    report = classification_report(gold, predicted, mode="strict", scheme=IOB2, output_dict=True, zero_division=0)
    rows = {
        name: {
            "precision": float(row["precision"]),
            "recall": float(row["recall"]),
            "f1": float(row["f1-score"]),
            "support": int(row["support"]),
        }
        for name, row in report.items()
    }
    averages = ("micro avg", "macro avg", "weighted avg")
    types = {name: row for name, row in rows.items() if name not in averages}
    return {"micro": rows["micro avg"], "macro": rows["macro avg"], "types": types}
