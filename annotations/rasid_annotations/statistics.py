"""Statistics: how much of what a corpus holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rasid.document import Document, Entity
from rasid.schema import Schema
from rasid_annotations.words import paragraphs, words


@dataclass(frozen=True, slots=True)
class Statistics:
    """Counts over the documents of a corpus.

    Types and roles stand in the schema's order, those without an example included, then any that the schema does
    not know. ``role_events`` maps a role to event types to a count. ``nested_entities`` lie inside a longer entity.
    """

    documents: int
    paragraphs: int
    words: int
    entities: int
    nested_entities: int
    events: int
    events_without_arguments: int
    arguments: int
    entity_types: Mapping[str, int]
    event_types: Mapping[str, int]
    modalities: Mapping[str, int]
    roles: Mapping[str, int]
    role_events: Mapping[str, Mapping[str, int]]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return asdict(self)

    def table(self) -> str:
        """Readable text of fixed width."""
        totals = {name.replace("_", " "): count for name, count in asdict(self).items() if isinstance(count, int)}
        blocks = [
            _block("corpus", totals),
            _block("entities by type", self.entity_types),
            _block("events by type", self.event_types),
            _block("events by modality", self.modalities),
            self._crossing(),
        ]
        return "\n\n".join(blocks)

    def _crossing(self) -> str:
        """Arguments: a row a role, a column an event type."""
        columns = {name: max(len(name), 5) + 1 for name in self.event_types}
        width = max((len(name) for name in self.roles), default=0)
        width = max(width, len("arguments")) + 2
        lines = [f"{'arguments':<{width}}{'all':>7}" + "".join(f"{name:>{size}}" for name, size in columns.items())]
        for role, count in self.roles.items():
            cells = "".join(f"{self.role_events[role].get(name, 0):{size}d}" for name, size in columns.items())
            lines.append(f"{role:<{width}}{count:7d}{cells}")
        return "\n".join(lines)


def _block(title: str, counts: Mapping[str, int]) -> str:
    width = max(len(name) for name in (title, *counts)) + 2
    return "\n".join([title, *(f"  {name:<{width}}{count:7d}" for name, count in counts.items())])


def statistics(documents: Sequence[Document], schema: Schema) -> Statistics:
    """Count what ``documents`` hold; ``schema`` gives the order and the names without an example."""
    entities = [entity for document in documents for entity in document.entities]
    events = [event for document in documents for event in document.events]
    arguments = [(argument.role, event.type) for event in events for argument in event.arguments]
    crossed = Counter(arguments)
    event_types = _tally(schema.event_types, (event.type for event in events))
    roles = _tally(schema.role_names, (role for role, _ in arguments))
    return Statistics(
        documents=len(documents),
        paragraphs=sum(len(paragraphs(document.text)) for document in documents),
        words=sum(1 for document in documents for _ in words(document.text)),
        entities=len(entities),
        nested_entities=sum(_nested(document.entities) for document in documents),
        events=len(events),
        events_without_arguments=sum(not event.arguments for event in events),
        arguments=len(arguments),
        entity_types=_tally(schema.entity_types, (entity.type for entity in entities)),
        event_types=event_types,
        modalities=_tally(schema.modalities, (event.modality for event in events)),
        roles=roles,
        role_events={
            role: {name: crossed[role, name] for name in event_types if crossed[role, name]} for role in roles
        },
    )


def _tally(known: Iterable[str], found: Iterable[str]) -> dict[str, int]:
    counts = Counter(found)
    return {name: counts.pop(name, 0) for name in known} | dict(sorted(counts.items()))


def _nested(entities: Sequence[Entity]) -> int:
    return sum(
        any(
            outer.start <= inner.start and inner.end <= outer.end and outer.end - outer.start > inner.end - inner.start
            for outer in entities
        )
        for inner in entities
    )
