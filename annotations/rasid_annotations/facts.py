"""Facts: what a document claims, in the form in which two annotations of one text are compared.

A fact is a label and its spans. Two documents that state the same facts are equal for every measure, whatever
ids they use and in whatever order they list things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from rasid.document import Argument, Document, Event
from rasid.errors import DocumentError

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Fact:
    """One claim: an entity, a trigger, or an argument end to end.

    ``label`` is ``(type,)`` of an entity or trigger and ``(event type, role)`` of an argument; ``spans`` are the
    mention, or the trigger and the filler, as ``(start, end)`` in code points.
    """

    label: tuple[str, ...]
    spans: tuple[Span, ...]

    @property
    def kind(self) -> str:
        """Under which name it is counted: the type, or the role of an argument."""
        return self.label[-1]


# A fact stated twice is one fact; its score is the highest of those given, None where none is.
Facts = Mapping[Fact, float | None]


def entity_facts(document: Document) -> Facts:
    """(type, span) of each entity, with its score."""
    facts: dict[Fact, float | None] = {}
    for entity in document.entities:
        _add(facts, Fact((entity.type,), ((entity.start, entity.end),)), entity.score)
    return facts


def trigger_facts(document: Document) -> Facts:
    """(event type, trigger span) of each event, with its score."""
    facts: dict[Fact, float | None] = {}
    for event in document.events:
        _add(facts, trigger_fact(event), event.score)
    return facts


def trigger_fact(event: Event) -> Fact:
    """(event type, trigger span) of one event."""
    return Fact((event.type,), ((event.start, event.end),))


def argument_facts(document: Document) -> Facts:
    """(event type, trigger span, role, filler span) of each argument, with its score.

    The filler is known by its span alone: two entities of different types on one span that fill one role of one
    event are one fact.

    Raises:
        DocumentError: an argument points to an entity that the document does not have.
    """
    facts: dict[Fact, float | None] = {}
    spans = {entity.id: (entity.start, entity.end) for entity in document.entities}
    for event in document.events:
        for argument in event.arguments:
            if argument.entity not in spans:
                raise DocumentError(dangling(document, event, argument))
            trigger = (event.start, event.end)
            _add(facts, Fact((event.type, argument.role), (trigger, spans[argument.entity])), argument.score)
    return facts


def dangling(document: Document, event: Event, argument: Argument) -> str:
    """The message about an argument that points to an entity which the document does not have."""
    return (
        f"document {document.id!r}, event {event.id!r}: {argument.role} points to {argument.entity!r}, "
        "which is no entity of the document; run 'rasid annotations check' on its file"
    )


def _add(facts: dict[Fact, float | None], fact: Fact, score: float | None) -> None:
    before = facts.get(fact)
    facts[fact] = score if before is None or (score is not None and score > before) else before


LAYERS: Mapping[str, Callable[[Document], Facts]] = {
    "entities": entity_facts,
    "triggers": trigger_facts,
    "arguments": argument_facts,
}
