"""Agreement of annotators word by word, corrected for chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from rasid.document import Document, Entity, Event
from rasid_annotations.scoring import paired
from rasid_annotations.words import words

_OUTSIDE = ""


def kappas(first: Sequence[Document], second: Sequence[Document]) -> dict[str, float | None]:
    """Cohen's kappa (1960) of the words of all documents, for ``entities`` and ``triggers``.

    A word's category is the set of the types of the mentions that it stands in, none being one as well. So a nested
    mention counts, and chance is what two annotators would share who give each set as often as these do.

    Returns:
        -1 to 1 for each layer; None where both give every word one and the same category, so that there is no chance
        to correct for.

    Raises:
        ScoringError: the two sides do not hold the same documents.
    """
    pairs = paired(first, second)
    return {
        "entities": _kappa((_categories(a, a.entities), _categories(b, b.entities)) for a, b in pairs),
        "triggers": _kappa((_categories(a, a.events), _categories(b, b.events)) for a, b in pairs),
    }


def _categories(document: Document, mentions: Iterable[Entity | Event]) -> list[str]:
    spans = list(words(document.text))
    types: list[set[str]] = [set() for _ in spans]
    for mention in mentions:
        for place, (start, end) in enumerate(spans):
            if max(start, mention.start) < min(end, mention.end):
                types[place].add(mention.type)
    return [" ".join(sorted(found)) or _OUTSIDE for found in types]


def _kappa(pairs: Iterable[tuple[list[str], list[str]]]) -> float | None:
    counts = Counter(pair for ours, theirs in pairs for pair in zip(ours, theirs, strict=True))
    total = sum(counts.values())
    ours: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    for (one, other), count in counts.items():
        ours[one] += count
        theirs[other] += count
    chance = sum(count * theirs[category] for category, count in ours.items()) / max(total, 1) ** 2
    if chance >= 1 or not total:
        return None
    observed = sum(count for (one, other), count in counts.items() if one == other) / total
    return (observed - chance) / (1 - chance)
