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

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, count
from typing import Any

from rasid.document import Argument, Document, Entity, Event
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
    """The result that shows the document's annotations; :func:`annotated` gives the same document back.

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
    problems: list[str] = []
    units = _Units(document.text)
    found: dict[str, Entity | Event] = {}
    metas: dict[str, Mapping[str, Any]] = {}
    for item in result:
        if isinstance(item, dict) and item.get("type") == "labels":
            name = str(item.get("id"))
            try:
                found[name] = _mention(item, units, schema, scores=scores)
                metas[name] = _meta(item)
            except (_OddError, KeyError, TypeError, ValueError) as problem:
                problems.append(
                    f"region {name} {_quoted(item)}: {problem if isinstance(problem, _OddError) else 'damaged'}"
                )
    for item in result:
        kind = item.get("type") if isinstance(item, dict) else None
        if kind == "choices" and item.get("from_name") == MODALITY:
            _choose(item, found, schema, problems)
        elif kind not in ("labels", "relation"):
            problems.append(f"{kind or 'an item'} of {_control(item)}: no part of the schema; left out")
    arguments, untold = _arguments(result, found, schema)
    problems += untold
    for name, (event, metadata) in {
        name: (item, metas[name]) for name, item in found.items() if isinstance(item, Event)
    }.items():
        found[name] = replace(event, arguments=_told(arguments.get(name, []), metadata, scores=scores))
    return Reading(_renamed(document, found, metas), tuple(problems))


class _OddError(ValueError):
    """Why an item of a result cannot be taken over."""


class _Units:
    """Offsets of a text in code points, whichever of the two units they were counted in."""

    def __init__(self, text: str) -> None:
        self.text = text
        wide = any(char > "\uffff" for char in text)
        self._starts = [0, *accumulate(1 + (char > "\uffff") for char in text)] if wide else None

    def span(self, value: Mapping[str, Any]) -> tuple[int, int]:
        start, end, quoted = value["start"], value["end"], value.get("text")
        if not all(isinstance(offset, int) and not isinstance(offset, bool) for offset in (start, end)):
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


def _mention(item: Mapping[str, Any], units: _Units, schema: Schema, *, scores: bool) -> Entity | Event:
    name, control = str(item["id"]), item["from_name"]
    start, end = units.span(item["value"])
    types = schema.entity_types if control == ENTITY else schema.event_types if control == TRIGGER else ()
    labels = [label for label in item["value"]["labels"] if label in types]
    if not labels or len(item["value"]["labels"]) > 1:
        raise _OddError(
            f"{item['value']['labels']} of {control!r} is no type of the schema; relabel it or mend the interface"
        )
    extra = _meta(item).get("extra") or {}
    score = item.get("score") if scores else None
    if control == ENTITY:
        return Entity(name, labels[0], start, end, score, extra)
    return Event(name, labels[0], start, end, schema.modalities[0], (), score, extra)


def _meta(item: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = (item.get("meta") or {}).get(META)
    return meta if isinstance(meta, Mapping) else {}


def _choose(item: Mapping[str, Any], found: dict[str, Entity | Event], schema: Schema, problems: list[str]) -> None:
    event = found.get(str(item.get("id")))
    chosen = (item.get("value") or {}).get("choices") or [None]
    if not isinstance(event, Event):
        problems.append(f"modality {chosen[0]!r} of no trigger: left out")
    elif len(chosen) > 1 or chosen[0] not in schema.modalities:
        problems.append(f"region {item['id']}: no modality {chosen!r} in the schema; taken as {event.modality}")
    else:
        found[str(item["id"])] = replace(event, modality=chosen[0])


def _arguments(
    result: Sequence[Any], found: Mapping[str, Entity | Event], schema: Schema
) -> tuple[dict[str, list[Argument]], list[str]]:
    """The arguments of each trigger by its region, in the order of the relations."""
    arguments: dict[str, list[Argument]] = {}
    problems = []
    for item in result:
        if not isinstance(item, dict) or item.get("type") != "relation":
            continue
        ends = [str(item.get("from_id")), str(item.get("to_id"))]
        sides = [found.get(end) for end in ends]
        shown = " – ".join(
            "nothing" if side is None else f"{side.type} {name}" for name, side in zip(ends, sides, strict=True)
        )
        roles = item.get("labels") or []
        if {type(side) for side in sides} != {Entity, Event}:
            problems.append(f"relation {shown}: expected a trigger and an entity; left out")
            continue
        trigger, filler = ends if isinstance(sides[0], Event) else ends[::-1]
        if not roles:
            problems.append(f"relation {shown}: it has no role; left out")
        for role in roles:
            if role not in schema.role_names:
                problems.append(f"relation {shown}: no role {role!r} in the schema; left out")
            elif all((role, filler) != (a.role, a.entity) for a in arguments.get(trigger, ())):
                arguments.setdefault(trigger, []).append(Argument(role, filler))
    return arguments, problems


def _told(arguments: Sequence[Argument], meta: Mapping[str, Any], *, scores: bool) -> tuple[Argument, ...]:
    """The arguments with what their trigger's ``meta`` knows of them, those it knows first and in its order."""
    known: dict[tuple[str, str], Argument] = {}
    for data in meta.get("arguments") or ():
        argument = Argument.from_dict(data)
        known[argument.role, argument.entity] = argument if scores else replace(argument, score=None)
    drawn = {(argument.role, argument.entity): argument for argument in arguments}
    kept = [argument for key, argument in known.items() if key in drawn]
    return (*kept, *(argument for key, argument in drawn.items() if key not in known))


def _renamed(
    document: Document, found: Mapping[str, Entity | Event], metas: Mapping[str, Mapping[str, Any]]
) -> Document:
    """The document with its items under their own ids; what was drawn by hand goes on in the document's numbering."""
    own: dict[str, str] = {}
    for name in found:
        known = metas[name].get("id")
        if isinstance(known, str) and known not in own.values():  # the editor copies meta when a region is duplicated
            own[name] = known
    taken = set(own.values())
    numbers = {letter: map(f"{letter}{{}}".format, count(1)) for letter in "te"}
    for name in [name for name in found if name not in own]:
        own[name] = next(n for n in numbers["t" if isinstance(found[name], Entity) else "e"] if n not in taken)
    entities = tuple(replace(item, id=own[name]) for name, item in found.items() if isinstance(item, Entity))
    events = tuple(
        replace(item, id=own[name], arguments=tuple(replace(a, entity=own[a.entity]) for a in item.arguments))
        for name, item in found.items()
        if isinstance(item, Event)
    )
    return replace(document, entities=entities, events=events)


def _control(item: Any) -> str:
    return repr(item.get("from_name")) if isinstance(item, dict) else type(item).__name__


def _quoted(item: Mapping[str, Any]) -> str:
    value = item.get("value")
    return f"«{value.get('text')}»" if isinstance(value, dict) else ""
