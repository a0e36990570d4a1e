"""Results: what annotators and models have left in Label Studio, back into documents."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, count
from typing import Any

from rasid.document import Argument, Document, Entity, Event
from rasid.errors import DocumentError
from rasid.schema import Schema
from rasid_annotations.label_studio.interface import ENTITY, MODALITY, TRIGGER
from rasid_annotations.label_studio.regions import META


@dataclass(frozen=True, slots=True)
class Reading:
    """A document as somebody annotated it, and what of it could not be taken over, in words."""

    document: Document
    problems: tuple[str, ...]


def annotated(document: Document, result: Any, schema: Schema, *, scores: bool = False) -> Reading:
    """The document with the annotations of a result, whatever direction its relations were drawn in.

    Args:
        document: without annotations (:func:`bare`).
        result: as the server gave it.
        schema: what may occur.
        scores: keep scores, which are a model's; what a person has submitted is gold, which has none.
    """
    if not isinstance(result, list):
        return Reading(document, (f"its result is {type(result).__name__}, expected a list of regions",))
    reader = _Reader(document, schema, scores=scores)
    items = [item if isinstance(item, dict) else {} for item in result]
    for kind, read in (("labels", reader.mention), ("choices", reader.modality), ("relation", reader.relation)):
        for item in items:
            if item.get("type") == kind:
                try:
                    read(item)
                except _OddError as problem:
                    reader.problems.append(str(problem))
    for item in items:
        if item.get("type") not in ("labels", "choices", "relation"):
            told = f"{item.get('type')!r} of {item.get('from_name')!r}"
            reader.problems.append(f"{told}: no part of the schema; left out")
    return Reading(reader.document(), tuple(reader.problems))


class _OddError(ValueError):
    """Why an item of a result cannot be taken over."""


class _Units:
    """Offsets of a text in code points, whichever of the two units they were counted in."""

    def __init__(self, text: str) -> None:
        self.text = text
        wide = any(char > "\uffff" for char in text)
        self._starts = [0, *accumulate(1 + (char > "\uffff") for char in text)] if wide else None

    def span(self, value: Mapping[str, Any]) -> tuple[int, int]:
        start, end, quoted = value.get("start"), value.get("end"), value.get("text")
        if not isinstance(start, int) or not isinstance(end, int):
            raise _OddError(f"its offsets {start!r}–{end!r} are no whole numbers; draw it again")
        spans = [(start, end)]
        if self._starts is not None:
            spans.append((bisect_left(self._starts, start), bisect_left(self._starts, end)))
        inside = [(a, b) for a, b in spans if 0 <= a < b <= len(self.text)]
        if not inside:
            raise _OddError(
                f"offsets {start}–{end} are no span of the text's {len(self.text)} characters; draw it again"
            )
        if not isinstance(quoted, str):
            return inside[0]
        for a, b in inside:
            if _squeezed(self.text[a:b]) == _squeezed(quoted):
                return a, b
        a, b = inside[0]
        raise _OddError(f"{self.text[a:b]!r} stands at its offsets {start}–{end}; draw it again")


def _squeezed(text: str) -> str:
    """Without white space, of which a browser's selection is no witness, nor the line ends that the editor escapes."""
    return "".join(text.replace("\\n", "").split())


class _Reader:
    """Takes the items of one result, mentions before what belongs to them.

    A region may have a label of either kind, where an annotator has chosen both: it is then an entity and a trigger.
    """

    def __init__(self, document: Document, schema: Schema, *, scores: bool) -> None:
        self.problems: list[str] = []
        self._bare, self._schema, self._scores = document, schema, scores
        self._units = _Units(document.text)
        self._entities: dict[str, Entity] = {}
        self._events: dict[str, Event] = {}
        self._metas: dict[str, Mapping[str, Any]] = {}
        self._arguments: dict[str, dict[tuple[str, str], Argument]] = {}

    def mention(self, item: Mapping[str, Any]) -> None:
        name, control, value = str(item.get("id")), item.get("from_name"), _mapping(item.get("value"))
        kinds = {ENTITY: self._schema.entity_types, TRIGGER: self._schema.event_types}
        types = kinds.get(control, ()) if isinstance(control, str) else ()
        labels = value.get("labels")
        where = f"region {name} «{value.get('text')}»"
        if not isinstance(labels, list) or len(labels) != 1 or labels[0] not in types:
            raise _OddError(f"{where}: {labels} of {control!r} is no type of the schema; relabel it")
        try:
            start, end = self._units.span(value)
        except _OddError as problem:
            raise _OddError(f"{where}: {problem}") from None
        meta = _mapping(_mapping(item.get("meta")).get(META))
        self._metas.setdefault(name, meta)
        extra, score = _mapping(meta.get("extra")), _number(item.get("score")) if self._scores else None
        if control == ENTITY:
            self._entities[name] = Entity(name, labels[0], start, end, score, extra)
        else:
            self._events[name] = Event(name, labels[0], start, end, self._schema.modalities[0], (), score, extra)

    def modality(self, item: Mapping[str, Any]) -> None:
        name, chosen = str(item.get("id")), _mapping(item.get("value")).get("choices")
        event = self._events.get(name)
        if item.get("from_name") != MODALITY:
            raise _OddError(f"'choices' of {item.get('from_name')!r}: no part of the schema; left out")
        if event is None:
            raise _OddError(f"modality {chosen!r} of region {name}, which is no trigger: left out")
        if not isinstance(chosen, list) or len(chosen) != 1 or chosen[0] not in self._schema.modalities:
            raise _OddError(f"region {name}: no modality {chosen!r} in the schema; taken as {event.modality}")
        self._events[name] = replace(event, modality=chosen[0])

    def relation(self, item: Mapping[str, Any]) -> None:
        ends = str(item.get("from_id")), str(item.get("to_id"))
        shown = " – ".join(self._shown(end) for end in ends)
        pairs = [
            pair for pair in (ends, ends[::-1]) if pair[0] in self._events and pair[1] in self._entities
        ]  # drawn from the trigger, or from the filler
        if not pairs:
            raise _OddError(f"relation {shown}: expected a trigger and an entity; left out")
        trigger, filler = pairs[0]
        roles = item.get("labels")
        if not isinstance(roles, list) or not roles:
            raise _OddError(f"relation {shown}: it has no role; left out")
        for role in roles:
            if role in self._schema.role_names:
                self._arguments.setdefault(trigger, {}).setdefault((role, filler), Argument(role, filler))
            else:
                self.problems.append(f"relation {shown}: no role {role!r} in the schema; left out")

    def _shown(self, name: str) -> str:
        item = self._events.get(name) or self._entities.get(name)
        return "nothing" if item is None else f"{item.type} «{self._bare.mention(item)}»"

    def document(self) -> Document:
        """The document with all that was taken, under its own ids."""
        entity_ids, event_ids = self._ids()
        events = []
        for name, event in self._events.items():
            arguments = (replace(argument, entity=entity_ids[argument.entity]) for argument in self._told(name))
            events.append(replace(event, id=event_ids[name], arguments=tuple(arguments)))
        entities = tuple(replace(entity, id=entity_ids[name]) for name, entity in self._entities.items())
        return replace(self._bare, entities=entities, events=tuple(events))

    def _told(self, name: str) -> list[Argument]:
        """An event's arguments with what its ``meta`` knows of them, those it knows first and in its order."""
        drawn = self._arguments.get(name, {})
        listed = self._metas[name].get("arguments")
        known: dict[tuple[str, str], Argument] = {}
        for data in listed if isinstance(listed, list) else ():
            try:
                argument = Argument.from_dict(data)
            except DocumentError:  # somebody has edited it
                continue
            if (argument.role, argument.entity) in drawn:
                kept = argument if self._scores else replace(argument, score=None)
                known[argument.role, argument.entity] = kept
        return [*known.values(), *(argument for key, argument in drawn.items() if key not in known)]

    def _ids(self) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """Ids of entities and of events by their regions: their own, or the next ones for what was drawn by hand."""
        taken: set[str] = set()
        found: list[dict[str, str]] = [{}, {}]
        groups: tuple[Mapping[str, Entity | Event], ...] = (self._entities, self._events)
        for ids, items in zip(found, groups, strict=True):
            for name in items:
                known = self._metas[name].get("id")
                if isinstance(known, str) and known not in taken:  # the editor copies meta to a region's duplicate
                    ids[name] = known
                    taken.add(known)
        for letter, ids, items in zip("te", found, groups, strict=True):
            numbers = map(f"{letter}{{}}".format, count(1))
            for name in items:
                if name not in ids:
                    ids[name] = next(number for number in numbers if number not in taken)
                    taken.add(ids[name])
        return found[0], found[1]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
