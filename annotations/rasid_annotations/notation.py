"""Notation: annotations written by their own words, a block a paragraph (guidelines, section 6).

::

    # doc 000_dfce59b01cfaae11
    P 1
    T 1 PEOPLE مدنيين
    T 2 LOC دمشق
    E 1 KILL actual مقتل | PATIENT=1 PLACE=2

``@2`` after a type asks for the second place where the words stand in the paragraph.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rasid.document import Argument, Document, Entity, Event
from rasid.errors import DocumentError
from rasid.schema import Schema
from rasid_annotations.words import Paragraph, begins_word, ends_word, paragraphs

_TITLE = "# doc "


class NotationError(DocumentError):
    """A file of written annotations has problems; ``problems`` lists every one, each with its file and line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def parse(text: str, documents: Mapping[str, Document], schema: Schema, name: str) -> Document:
    """Turn one file's annotations into offsets.

    Args:
        text: the content of the file.
        documents: the articles by id. What the named one held before as entities and events is replaced.
        schema: the types, modalities and roles that may be written.
        name: of the file, for the problems.

    Returns:
        The article with its entities (``p1t1``: paragraph 1, T 1) and events (``p1e1``) in the order of the text.
        An argument written twice is one argument.

    Raises:
        NotationError: with every problem of the file.
    """
    reader = _Reader(documents, schema, name)
    for number, line in enumerate(text.split("\n"), 1):
        reader.read(number, line.strip(" \t\r\ufeff"))
    return reader.finish()


def write(document: Document) -> str:
    """The annotations of ``document`` as ``parse`` reads them: the same spans, types and links, under new ids.

    Raises:
        NotationError: a mention cannot be written by its words (it begins or ends inside a word, or in another
            paragraph than it ends, or than an event whose argument it is).
    """
    writer = _Writer(document)
    for number, paragraph in enumerate(paragraphs(document.text), 1):
        writer.paragraph(number, paragraph)
    return writer.finish()


def occurrences(paragraph: str, words: str) -> list[int]:
    """Start offsets in ``paragraph`` where ``words`` stand as whole words, proclitics apart."""
    spans = (match.span() for match in re.finditer(re.escape(words), paragraph))
    return [start for start, end in spans if begins_word(paragraph, start) and ends_word(paragraph, end)]


class _Reader:
    """Reads a file line by line and keeps what it has understood and what it could not."""

    def __init__(self, documents: Mapping[str, Document], schema: Schema, name: str) -> None:
        self._documents, self._schema, self._name = documents, schema, name
        self._problems: list[str] = []
        self._number = 0
        self._document: Document | None = None
        self._lost = False  # without an article no line can be understood: one problem says it for all
        self._paragraphs: list[Paragraph] = []
        self._here: Paragraph | None = None
        self._prefix = ""
        self._entities: dict[str, Entity] = {}
        self._events: dict[str, Event] = {}
        self._seen: set[int] = set()

    def read(self, number: int, line: str) -> None:
        """Take in one line."""
        self._number = number
        key, _, rest = line.partition(" ")
        if not line or self._lost:
            return
        if line.startswith(_TITLE):
            self._title(line.removeprefix(_TITLE).strip())
        elif line.startswith("#"):
            return
        elif self._document is None:
            self._lost = True
            self._bad("the first line must be '# doc ID', with the article's id")
        elif key == "P":
            self._paragraph(rest.strip())
        elif key not in ("T", "E"):
            self._bad(f"a line starts with P, T, E or #, not {key!r}")
        elif self._here is None:
            self._bad("it stands in no paragraph; write 'P n' before it, n from 1 to the number of paragraphs")
        elif key == "T":
            self._entity(rest)
        else:
            self._event(rest)

    def finish(self) -> Document:
        """The document, or every problem at once."""
        if self._document is None and not self._problems:
            self._problems.append(f"{self._name}: it is empty; the first line must be '# doc ID'")
        self._check_repeats()
        if self._document is None or self._problems:
            raise NotationError(self._problems)
        document = self._document
        return Document(
            id=document.id,
            text=document.text,
            published=document.published,
            entities=tuple(sorted(self._entities.values(), key=lambda item: (item.start, -item.end))),
            events=tuple(sorted(self._events.values(), key=lambda item: (item.start, -item.end))),
            extra=document.extra,
        )

    def _bad(self, reason: str) -> None:
        self._problems.append(f"{self._name}:{self._number}: {reason}")

    def _title(self, name: str) -> None:
        if self._document is not None:
            self._bad("a second '# doc' line; write one file an article")
        elif name not in self._documents:
            self._lost = True
            self._bad(f"no article has the id {name!r}; write an id of the articles' file")
        else:
            self._document = self._documents[name]
            self._paragraphs = paragraphs(self._document.text)

    def _paragraph(self, written: str) -> None:
        self._here = None
        number = int(written) if re.fullmatch("[0-9]{1,9}", written) else 0
        if not 1 <= number <= len(self._paragraphs):
            self._bad(f"there is no paragraph {written!r}; the article has {len(self._paragraphs)}, numbered from 1")
        elif number in self._seen:
            self._bad(f"paragraph {number} has a block already; join the two")
        else:
            self._seen.add(number)
            self._here, self._prefix = self._paragraphs[number - 1], f"p{number}"

    def _locate(self, label: str, words: str) -> tuple[str, tuple[int, int] | None]:
        """The type of ``TYPE`` or ``TYPE@n`` and the span of ``words`` in the text, None where they are not found."""
        assert self._here is not None
        kind, at, nth = label.partition("@")
        if at and not re.fullmatch("[1-9][0-9]{0,8}", nth):
            self._bad(f"{label!r}: the number after @ counts from 1")
            return kind, None
        starts, index = occurrences(self._here.text, words), int(nth or 1) - 1
        if index >= len(starts):
            self._bad(
                f"{words!r} stands {len(starts)} time(s) as whole words in this paragraph, occurrence {index + 1} was "
                "asked for; copy the words from the paragraph, and count occurrences from 1"
            )
            return kind, None
        start = self._here.start + starts[index]
        return kind, (start, start + len(words))

    def _entity(self, rest: str) -> None:
        fields = rest.split(maxsplit=2)
        if len(fields) != 3:
            self._bad("an entity is written 'T n TYPE words'")
            return
        kind, span = self._locate(fields[1], fields[2])
        name = f"{self._prefix}t{fields[0]}"
        if kind not in self._schema.entity_types:
            self._bad(_unknown("entity type", kind, self._schema.entity_types))
        elif name in self._entities:
            self._bad(f"entity {fields[0]} is defined twice in this paragraph; give one another number")
        elif span:
            self._entities[name] = Entity(id=name, type=kind, start=span[0], end=span[1])

    def _event(self, rest: str) -> None:
        head, _, tail = rest.partition("|")
        fields = head.split(maxsplit=3)
        if len(fields) != 4:
            self._bad("an event is written 'E n TYPE modality words | ROLE=n …'")
            return
        kind, span = self._locate(fields[1], fields[3].strip())
        modality, name = fields[2], f"{self._prefix}e{fields[0]}"
        if kind not in self._schema.event_types:
            self._bad(_unknown("event type", kind, self._schema.event_types))
        if modality not in self._schema.modalities:
            self._bad(_unknown("modality", modality, self._schema.modalities))
        if name in self._events:
            self._bad(f"event {fields[0]} is defined twice in this paragraph; give one another number")
        arguments = [found for pair in tail.split() if (found := self._argument(kind, pair))]
        if span:
            start, end = span
            unique = tuple(dict.fromkeys(arguments))
            self._events.setdefault(name, Event(name, kind, start, end, modality, arguments=unique))

    def _argument(self, event_type: str, written: str) -> Argument | None:
        role, _, target = written.partition("=")
        filler = self._entities.get(f"{self._prefix}t{target}")
        if role not in self._schema.role_names:
            self._bad(_unknown("role", role, self._schema.role_names))
        elif filler is None:
            self._bad(f"{written}: no such entity in this paragraph; define T {target or 'n'} above the event")
        elif event_type in self._schema.event_types and not self._schema.allows(event_type, role, filler.type):
            self._bad(f"{written}: a {filler.type} cannot fill {role} of {event_type}; see the schema's roles")
        else:
            return Argument(role, filler.id)
        return None

    def _check_repeats(self) -> None:
        for items in (self._entities.values(), self._events.values()):
            seen: dict[tuple[int, int, str], str] = {}
            for item in items:
                first = seen.setdefault((item.start, item.end, item.type), item.id)
                if first != item.id and self._document is not None:
                    self._problems.append(
                        f"{self._name}: {item.id} marks {self._document.mention(item)!r} as {item.type} again, after "
                        f"{first}; remove one, or write @2 for the second place where the words stand"
                    )


class _Writer:
    """Writes a document paragraph by paragraph and keeps what cannot be written."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._lines = [f"{_TITLE}{document.id}"]
        self._problems: list[str] = []
        self._left = {entity.id for entity in document.entities} | {event.id for event in document.events}

    def paragraph(self, number: int, here: Paragraph) -> None:
        end = here.start + len(here.text)
        entities = [item for item in self._document.entities if here.start <= item.start < item.end <= end]
        events = [item for item in self._document.events if here.start <= item.start < item.end <= end]
        self._left -= {entity.id for entity in entities} | {event.id for event in events}
        if entities or events:
            self._lines.append(f"P {number}")
        names = {entity.id: place for place, entity in enumerate(entities, 1)}
        for entity in entities:
            self._lines.append(f"T {names[entity.id]} {self._label(here, entity)} {self._document.mention(entity)}")
        for place, event in enumerate(events, 1):
            for argument in event.arguments:
                if argument.entity not in names:
                    self._bad(f"{event.id} has the argument {argument.entity} in another paragraph; remove the link")
            links = "".join(f" {a.role}={names.get(a.entity)}" for a in event.arguments)
            head = f"E {place} {self._label(here, event)} {event.modality} {self._document.mention(event)}"
            self._lines.append(f"{head} |{links}" if links else head)

    def finish(self) -> str:
        """The file, or every problem at once."""
        for name in sorted(self._left):
            self._bad(f"{name} does not stand in one paragraph; end it where its line ends")
        if self._problems:
            raise NotationError(self._problems)
        return "\n".join(self._lines) + "\n"

    def _bad(self, reason: str) -> None:
        self._problems.append(f"{self._document.id}: {reason}")

    def _label(self, here: Paragraph, item: Entity | Event) -> str:
        words, start = self._document.mention(item), item.start - here.start
        starts = occurrences(here.text, words)
        if start not in starts or words != words.strip():
            self._bad(f"{item.id} {words!r} does not stand as whole words; move its ends to those of words")
            return item.type
        nth = starts.index(start)
        return f"{item.type}@{nth + 1}" if nth else item.type


def _unknown(what: str, name: str, known: Sequence[str]) -> str:
    return f"no {what} {name!r} in the schema; expected one of {', '.join(known)}"
