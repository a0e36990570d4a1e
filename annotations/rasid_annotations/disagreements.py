"""Disagreements: where two annotations of one text differ, each with what kind of difference it is.

One list serves two uses: an annotator's work beside another's, and a model's predictions beside the gold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from rasid.document import Document
from rasid_annotations.facts import LAYERS, Fact, Span, argument_facts, entity_facts, trigger_fact
from rasid_annotations.words import paragraphs

KINDS = {
    "missed": "stands in the first alone",
    "spurious": "stands in the second alone",
    "type": "one span under two types",
    "borders": "one type on two spans that overlap",
    "both": "another type on another span that overlaps",
    "modality": "one trigger under two modalities",
    "role": "one trigger and filler under two roles",
    "trigger": "an argument whose trigger the other side does not have",
    "filler": "an argument whose filler the other side does not have",
}


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One difference between two annotations of a document.

    Attributes:
        document: the article's id.
        paragraph: in which it stands, counted from 1.
        layer: ``entities``, ``triggers`` or ``arguments``.
        kind: one of :data:`KINDS`.
        first, second: what each side claims; None where it claims nothing there.
        modalities: of a trigger under two modalities, those of the first and the second.
    """

    document: str
    paragraph: int
    layer: str
    kind: str
    first: Fact | None
    second: Fact | None
    modalities: tuple[str, str] | None = None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, without words of the article."""
        data: dict[str, Any] = {key: getattr(self, key) for key in ("document", "paragraph", "layer", "kind")}
        for side, fact in (("first", self.first), ("second", self.second)):
            data[side] = None if fact is None else {"label": list(fact.label), "spans": [list(s) for s in fact.spans]}
        if self.modalities:
            data["modalities"] = list(self.modalities)
        return data

    def line(self, text: str) -> str:
        """The same for people, with the words of the article's ``text``."""
        sides = " ≠ ".join(_told(fact, text) for fact in (self.first, self.second))
        modalities = f" ({' ≠ '.join(self.modalities)})" if self.modalities else ""
        return f"{self.document} P {self.paragraph}  {self.layer} {self.kind}: {sides}{modalities}"


def _told(fact: Fact | None, text: str) -> str:
    if fact is None:
        return "–"
    return f"{' '.join(fact.label)} «{'» ← «'.join(text[start:end] for start, end in fact.spans)}»"


def disagreements(first: Document, second: Document) -> list[Disagreement]:
    """Every difference of two annotations of one text, in the order of the text.

    What one side has and the other has not is paired where the spans tell that the same mention was meant; each
    claim stands in one row alone.
    """
    starts = [paragraph.start for paragraph in paragraphs(first.text)]

    def row(layer: str, kind: str, ours: Fact | None, theirs: Fact | None, *modalities: str) -> Disagreement:
        fact = ours or theirs
        assert fact is not None
        place = sum(start <= fact.spans[0][0] for start in starts)
        pair = (modalities[0], modalities[1]) if modalities else None
        return Disagreement(first.id, place, layer, kind, ours, theirs, pair)

    rows = [row(*found) for layer in ("entities", "triggers") for found in _mentions(layer, first, second)]
    rows += [row("triggers", "modality", fact, fact, *pair) for fact, pair in _modalities(first, second)]
    rows += [row("arguments", *found) for found in _arguments(first, second)]
    return sorted(rows, key=lambda r: ((r.first or r.second or Fact((), ((0, 0),))).spans, r.layer))


def _mentions(layer: str, first: Document, second: Document) -> Iterator[tuple[str, str, Fact | None, Fact | None]]:
    ours, theirs = set(LAYERS[layer](first)), set(LAYERS[layer](second))
    alone, free = sorted(ours - theirs, key=_place), sorted(theirs - ours, key=_place)
    # The surest pairs first, so that a mention with another type is not taken for one with other borders.
    for kind in ("type", "borders", "both"):
        for fact in list(alone):
            partner = next((other for other in free if _relation(fact, other) == kind), None)
            if partner is not None:
                alone.remove(fact)
                free.remove(partner)
                yield layer, kind, fact, partner
    yield from ((layer, "missed", fact, None) for fact in alone)
    yield from ((layer, "spurious", None, fact) for fact in free)


def _place(fact: Fact) -> tuple[tuple[Span, ...], tuple[str, ...]]:
    return fact.spans, fact.label


def _relation(fact: Fact, other: Fact) -> str | None:
    ((start, end),), ((begin, stop),) = fact.spans, other.spans
    if (start, end) == (begin, stop):
        return "type"
    if max(start, begin) < min(end, stop):
        return "borders" if fact.label == other.label else "both"
    return None


def _modalities(first: Document, second: Document) -> Iterator[tuple[Fact, tuple[str, str]]]:
    told = {trigger_fact(event): event.modality for event in second.events}
    for event in first.events:
        other = told.get(trigger_fact(event))
        if other not in (None, event.modality):
            yield trigger_fact(event), (event.modality, str(other))


def _arguments(first: Document, second: Document) -> Iterator[tuple[str, Fact | None, Fact | None]]:
    ours, theirs = set(argument_facts(first)), set(argument_facts(second))
    alone, free = sorted(ours - theirs, key=_place), sorted(theirs - ours, key=_place)
    for fact in list(alone):
        partner = next((o for o in free if o.spans == fact.spans and o.label[0] == fact.label[0]), None)
        if partner is not None:
            alone.remove(fact)
            free.remove(partner)
            yield "role", fact, partner
    yield from ((_reason(fact, second) or "missed", fact, None) for fact in alone)
    yield from ((_reason(fact, first) or "spurious", None, fact) for fact in free)


def _reason(fact: Fact, other: Document) -> str | None:
    """Why the other side cannot have the argument, None where it could."""
    trigger, filler = fact.spans
    triggers: Collection[Fact] = {trigger_fact(event) for event in other.events}
    if Fact(fact.label[:1], (trigger,)) not in triggers:
        return "trigger"
    return None if any(found.spans[0] == filler for found in entity_facts(other)) else "filler"
