"""Suggestion: which articles to annotate next, so that a model learns most from them.

Articles are taken one by one, each time the one with the largest product of two things: how unsure the model is (the
entropy of its calibrated probabilities, over all mentions and arguments that it thinks possible, for each word that an
annotator has to read), and how new the article is (one less its cosine to the nearest article that is annotated or
taken already). Uncertainty alone would pick one report five times over; novelty alone what is no news at all. A greedy
choice of this kind is maximal marginal relevance (Carbonell and Goldstein 1998) with uncertainty sampling (Lewis and
Gale 1994) as the relevance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rasid.document import Document, Entity, Event
from rasid.errors import InputError
from rasid_annotations.duplicates import vectors

FLOOR = 0.1
"""The probability from which the model is taken to think something possible: what lies below would add noise."""

_WORDS = 50  # added to the words of every article, so that three unsure words do not outweigh a whole report


@dataclass(frozen=True, slots=True)
class Suggestion:
    """An article to annotate.

    Attributes:
        id: of the article.
        uncertainty: bits of entropy for each word, smoothed.
        novelty: in 0 to 1; 0 is the same words as an article that is annotated or was taken before.
    """

    id: str
    uncertainty: float
    novelty: float


def suggest(articles: Sequence[Document], annotated: Sequence[Document], count: int) -> list[Suggestion]:
    """The ``count`` articles from which a model would learn most, the best first.

    Args:
        articles: as the model reads them with the threshold :data:`FLOOR`. Those whose id or text is annotated are left
            out, and so are those that could not be read.
        annotated: what the model has learned from.
        count: how many to suggest; fewer where there are not as many.

    Raises:
        InputError: an article has a mention without a score, so that nothing tells how sure the model is.
    """
    known = {document.id for document in annotated} | {document.text for document in annotated}
    free = [d for d in articles if d.error is None and d.id not in known and d.text not in known]
    unsure = np.array([uncertainty(document) for document in free])
    found = vectors([document.text for document in (*annotated, *free)])
    old, new = found[: len(annotated)], found[len(annotated) :]
    nearest = (new @ old.T).max(axis=1) if len(old) and len(new) else np.zeros(len(new), dtype=np.float32)
    chosen: list[Suggestion] = []
    left = np.ones(len(free), dtype=bool)
    while left.any() and len(chosen) < count:
        worth = np.where(left, unsure * np.clip(1 - nearest, 0, 1), -1)
        best = int(worth.argmax())
        chosen.append(Suggestion(free[best].id, float(unsure[best]), float(np.clip(1 - nearest[best], 0, 1))))
        left[best] = False
        nearest = np.maximum(nearest, new @ new[best])
    return chosen


def uncertainty(document: Document) -> float:
    """Bits of entropy of what the model finds in a document, for each word.

    Raises:
        InputError: a mention or an argument has no score.
    """
    items: tuple[Entity | Event, ...] = (*document.entities, *document.events)
    scores = [item.score for item in items]
    scores += [argument.score for event in document.events for argument in event.arguments]
    if None in scores:
        raise InputError(
            f"document {document.id!r}: a mention without a score; give articles as `rasid predict` reads them"
        )
    p = np.clip(np.array(scores, dtype=float), 1e-6, 1 - 1e-6)
    bits = -(p * np.log2(p) + (1 - p) * np.log2(1 - p)).sum()
    return float(bits / (len(document.text.split()) + _WORDS))
