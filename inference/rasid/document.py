"""The document: what the corpus holds, the predictor returns and every tool exchanges.

Offsets count Unicode code points of ``text`` exactly as it was given; ``end`` is exclusive. All classes
are immutable. Keys that are not part of the contract are kept in ``extra`` and written back untouched.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Self

from rasid.errors import DocumentError
from rasid.files import replacing


def _take(data: Any, item: str, key: str, kind: type | tuple[type, ...], *, optional: bool = False) -> Any:
    """The value of ``key`` in ``data`` if it has the expected type; ``None`` if optional and absent."""
    if not isinstance(data, Mapping):
        raise DocumentError(f"{item}: expected a JSON object, got {type(data).__name__}")
    value = data.get(key)
    if value is None and optional:
        return None
    kinds = kind if isinstance(kind, tuple) else (kind,)
    if key not in data or not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        found = f"got {type(value).__name__} {value!r:.60}" if key in data else "it is missing"
        names = " or ".join(k.__name__ for k in kinds)
        raise DocumentError(f"{item}: key {key!r} must hold {names}; {found}")
    return value


def _extra(data: Mapping[str, Any], cls: type) -> dict[str, Any]:
    known = {f.name for f in fields(cls)}
    return {key: value for key, value in data.items() if key not in known or key == "extra"}


def _score(data: Mapping[str, Any], item: str) -> float | None:
    value = _take(data, item, "score", (int, float), optional=True)
    return None if value is None else float(value)


@dataclass(frozen=True, slots=True)
class Entity:
    """A mention: ``document.text[start:end]``, of one entity type.

    ``score`` is a calibrated probability in [0, 1]; gold has none.
    """

    id: str
    type: str
    start: int
    end: int
    score: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], item: str = "entity") -> Self:
        """Read the JSON form. ``item`` names the entity in errors."""
        name = _take(data, item, "id", str)
        item = f"{item} {name!r}"
        return cls(
            id=name,
            type=_take(data, item, "type", str),
            start=_take(data, item, "start", int),
            end=_take(data, item, "end", int),
            score=_score(data, item),
            extra=_extra(data, cls),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        data: dict[str, Any] = {"id": self.id, "type": self.type, "start": self.start, "end": self.end}
        if self.score is not None:
            data["score"] = self.score
        return data | dict(self.extra)


@dataclass(frozen=True, slots=True)
class Argument:
    """A link from an event to the entity (by its ``id``) that fills ``role``."""

    role: str
    entity: str
    score: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], item: str = "argument") -> Self:
        """Read the JSON form. ``item`` names the argument in errors."""
        return cls(
            role=_take(data, item, "role", str),
            entity=_take(data, item, "entity", str),
            score=_score(data, item),
            extra=_extra(data, cls),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        data: dict[str, Any] = {"role": self.role, "entity": self.entity}
        if self.score is not None:
            data["score"] = self.score
        return data | dict(self.extra)


@dataclass(frozen=True, slots=True)
class Event:
    """One happening: its trigger ``document.text[start:end]``, type, modality and arguments."""

    id: str
    type: str
    start: int
    end: int
    modality: str
    arguments: tuple[Argument, ...] = ()
    score: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], item: str = "event") -> Self:
        """Read the JSON form. ``item`` names the event in errors."""
        name = _take(data, item, "id", str)
        item = f"{item} {name!r}"
        arguments = _take(data, item, "arguments", list, optional=True) or []
        return cls(
            id=name,
            type=_take(data, item, "type", str),
            start=_take(data, item, "start", int),
            end=_take(data, item, "end", int),
            modality=_take(data, item, "modality", str),
            arguments=tuple(
                Argument.from_dict(argument, f"{item}, argument {number}")
                for number, argument in enumerate(arguments, 1)
            ),
            score=_score(data, item),
            extra=_extra(data, cls),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        data: dict[str, Any] = {
            "id": self.id,
            "type": self.type,
            "start": self.start,
            "end": self.end,
            "modality": self.modality,
        }
        if self.score is not None:
            data["score"] = self.score
        data["arguments"] = [argument.to_dict() for argument in self.arguments]
        return data | dict(self.extra)


@dataclass(frozen=True, slots=True)
class Document:
    """An article with the entities and events found in it.

    ``published`` is an ISO 8601 date or None. ``error`` tells why the article could not be read; such a
    document has no entities and no events, and its absence of events says nothing about the article.
    """

    id: str
    text: str
    published: str | None = None
    entities: tuple[Entity, ...] = ()
    events: tuple[Event, ...] = ()
    error: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], item: str = "document") -> Self:
        """Read the JSON form; check its shape, not the offsets (``rasid annotations check`` does that).

        Raises:
            DocumentError: a key is missing or holds the wrong type; the message names ``item`` and the key.
        """
        name = _take(data, item, "id", str)
        item = f"{item} {name!r}"
        entities = _take(data, item, "entities", list, optional=True) or []
        events = _take(data, item, "events", list, optional=True) or []
        return cls(
            id=name,
            text=_take(data, item, "text", str),
            published=_take(data, item, "published", str, optional=True),
            entities=tuple(Entity.from_dict(e, f"{item}, entity {number}") for number, e in enumerate(entities, 1)),
            events=tuple(Event.from_dict(e, f"{item}, event {number}") for number, e in enumerate(events, 1)),
            error=_take(data, item, "error", str, optional=True),
            extra=_extra(data, cls),
        )

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        data: dict[str, Any] = {"id": self.id, "text": self.text, "published": self.published}
        if self.error is not None:
            data["error"] = self.error
        data["entities"] = [entity.to_dict() for entity in self.entities]
        data["events"] = [event.to_dict() for event in self.events]
        return data | dict(self.extra)

    def mention(self, item: Entity | Event | Argument) -> str:
        """The exact characters of an entity, of an event's trigger, or of an argument's filler."""
        span = self.entity(item.entity) if isinstance(item, Argument) else item
        return self.text[span.start : span.end]

    def entity(self, id: str) -> Entity:
        """The entity with this id.

        Raises:
            KeyError: the document has no such entity.
        """
        for entity in self.entities:
            if entity.id == id:
                return entity
        raise KeyError(f"document {self.id!r} has no entity {id!r}")


def read_documents(path: Path) -> Iterator[Document]:
    """Read JSON Lines, a document a line; blank lines are skipped.

    Raises:
        DocumentError: a line is not JSON or not a document; the message names the file and the line.
    """
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    data = json.loads(line)
                except json.JSONDecodeError as problem:
                    raise DocumentError(
                        f"{path}:{number}: not JSON ({problem}); expected one document a line"
                    ) from None
                yield Document.from_dict(data, f"{path}:{number}: document")


def dumps(document: Document) -> str:
    """One line of JSON Lines, without the line feed.

    Characters stand as themselves; only where a string holds a lone surrogate, which UTF-8 cannot carry, are
    they written as escapes.
    """
    data = document.to_dict()
    line = json.dumps(data, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(data)
    return line


def write_documents(path: Path, documents: Iterable[Document]) -> None:
    """Write JSON Lines: the whole file or, where anything fails, nothing.

    The parent folder is made where it is missing; an existing file is replaced only at the end.
    """
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="\n") as out:
        for document in documents:
            out.write(dumps(document) + "\n")
