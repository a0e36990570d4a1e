"""Regions: annotations in the form that Label Studio stores, and back.

A mention is a region of ``labels``, a trigger's modality a ``choices`` of the same region, an argument a relation. The
form is told in https://labelstud.io/guide/task_format; three things in it are not:

- Offsets count code points. Only the editor's versions before 1.5, and tools written for them, count UTF-16 units;
  where a text has characters beyond the first plane, the words that a region quotes tell which of the two was meant.
- The editor keeps one relation for a pair of regions: two roles of one filler are two labels of one relation.
- Of a region the editor keeps ``meta``, of a relation nothing. What a document knows beyond labels and offsets lies
  therefore in the region's ``meta``, under :data:`META`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rasid.document import Document, Entity, Event
from rasid.errors import RasidError
from rasid.schema import Schema
from rasid_annotations.label_studio.interface import ENTITY, MODALITY, OPEN, TEXT, TRIGGER

META = "rasid"
"""The key of a region's ``meta``, and of a task's data, under which keys of the document travel."""

ANNOTATION = "annotation"
"""The key of a pulled document under which it says who annotated it and how."""

Result = list[dict[str, Any]]
"""What Label Studio calls the result of an annotation or a prediction: its regions, choices and relations."""


class RegionError(RasidError, ValueError):
    """A document cannot be shown in Label Studio; all that is in the way is told."""

    def __init__(self, document: str, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{document}: {problem}" for problem in problems))


def task_data(document: Document) -> dict[str, Any]:
    """What a task holds of a document besides its annotations."""
    data: dict[str, Any] = {"id": document.id, TEXT: document.text, "published": document.published}
    if OPEN in document.extra:
        data[OPEN] = "\n".join(document.extra[OPEN])
    extra = {key: value for key, value in document.extra.items() if key not in (ANNOTATION, OPEN)}
    return data | ({META: extra} if extra else {})


def bare(data: Mapping[str, Any]) -> Document:
    """The document of a task's data, without annotations.

    Raises:
        KeyError, TypeError: the data is none of :func:`task_data`.
    """
    name, text, published, extra = data["id"], data[TEXT], data.get("published"), data.get(META) or {}
    if not (isinstance(name, str) and isinstance(text, str) and isinstance(extra, dict)):
        raise TypeError("id and text must be strings")
    return Document(name, text, published if isinstance(published, str) else None, extra=extra)


def regions(document: Document, schema: Schema) -> Result:
    """The result that shows the document's annotations; ``results.annotated`` gives the same document back.

    Raises:
        RegionError: the schema, and with it the labelling interface, lacks a type; an offset lies outside the text; an
            id stands twice or is missing; the text has a character that the server cannot store.
    """
    problems = [*_text_problems(document.text), *_problems(document, schema)]
    if problems:
        raise RegionError(document.id, problems)
    result: Result = []
    names = _region_names(document)
    for entity in document.entities:
        result.append(_region(document, entity, names[entity.id], ENTITY, "labels", entity.type, _kept(entity)))
    for event in document.events:
        name = names[event.id]
        kept = [
            {key: value for key, value in argument.to_dict().items() if key != "entity"}
            | {"entity": names[argument.entity]}
            for argument in event.arguments
        ]
        plain = all(argument.score is None and not argument.extra for argument in event.arguments)
        pairs = [(argument.role, argument.entity) for argument in event.arguments]
        meta = _kept(event)
        if not plain or len({filler for _, filler in pairs}) < len(pairs):
            meta["arguments"] = kept
        result.append(_region(document, event, name, TRIGGER, "labels", event.type, meta))
        result.append(_region(document, event, name, MODALITY, "choices", event.modality, meta))
    for event in document.events:
        for filler in dict.fromkeys(argument.entity for argument in event.arguments):
            result.append(
                {
                    "type": "relation",
                    "from_id": names[event.id],
                    "to_id": names[filler],
                    "direction": "right",
                    "labels": [argument.role for argument in event.arguments if argument.entity == filler],
                }
            )
    return result


def _region(
    document: Document, item: Entity | Event, name: str, control: str, kind: str, value: str, meta: Mapping[str, Any]
) -> dict[str, Any]:
    region: dict[str, Any] = {
        "id": name,
        "from_name": control,
        "to_name": TEXT,
        "type": kind,
        "value": {"start": item.start, "end": item.end, "text": document.mention(item), kind: [value]},
    }
    if item.score is not None:
        region["score"] = item.score
    return region | {"meta": {META: dict(meta)}}


def _kept(item: Entity | Event) -> dict[str, Any]:
    # The id stands here too, where the editor does not touch it; a region without one was drawn by hand.
    return {"id": item.id} | ({"extra": dict(item.extra)} if item.extra else {})


def _region_names(document: Document) -> Mapping[str, str]:
    """A region's id for each item: its own, unless the editor, which cuts ids at ``#``, would change it."""
    items: tuple[Entity | Event, ...] = (*document.entities, *document.events)
    names = [item.id for item in items]
    return {name: name if name and "#" not in name else f"item {place}" for place, name in enumerate(names)}


def _text_problems(text: str) -> Iterator[str]:
    if not text.strip():
        yield "the text is empty; leave the document out"
    if "\0" in text:
        yield f"the text has a NUL at offset {text.index(chr(0))}, which no database stores; remove it at its source"
    if any("\ud800" <= char <= "\udfff" for char in text):
        yield "the text has a lone surrogate, which is no Unicode text; decode the source again"


def _problems(document: Document, schema: Schema) -> Iterator[str]:
    items: tuple[Entity | Event, ...] = (*document.entities, *document.events)
    for name, times in Counter(item.id for item in items).items():
        if times > 1:
            yield f"{name}: {times} entities or events have this id; ids are unique in a document"
    names = {entity.id for entity in document.entities}
    for item in items:
        kinds = schema.entity_types if isinstance(item, Entity) else schema.event_types
        if item.type not in kinds:
            yield f"{item.id}: no type {item.type!r} in the schema; expected one of {', '.join(kinds)}"
        if not 0 <= item.start < item.end <= len(document.text):
            yield f"{item.id}: offsets {item.start}–{item.end} are no span of {len(document.text)} characters"
        if isinstance(item, Event):
            if item.modality not in schema.modalities:
                yield f"{item.id}: no modality {item.modality!r}; expected one of {', '.join(schema.modalities)}"
            for (role, filler), times in Counter((a.role, a.entity) for a in item.arguments).items():
                if role not in schema.role_names:
                    yield f"{item.id}: no role {role!r} in the schema; expected one of {', '.join(schema.role_names)}"
                if filler not in names:
                    yield f"{item.id}: {role} points to {filler!r}, which is no entity of the document"
                if times > 1:
                    yield f"{item.id}: argument {role}={filler} stands {times} times; keep one of them"
