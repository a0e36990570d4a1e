"""Checks: what the document contract, the schema and the guidelines ask of an annotated document."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from rasid.document import Argument, Document, Entity, Event
from rasid.schema import Schema
from rasid_annotations.words import begins_word, ends_word, letters_before

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NOT_PUNCTUATION = frozenset("%٪‰@#_")  # Unicode calls them so; in a mention they belong to a number or a name
_DOUBLE_QUOTES = frozenset('"“”„‟«»')  # news mixes them and writes them either way round: one family
_SINGLE_QUOTES = frozenset("'‘’‚‛‹›")
_BRACKETS = ("()", "[]", "{}")
_CLOSING = _DOUBLE_QUOTES | _SINGLE_QUOTES | {pair[1] for pair in _BRACKETS}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with one item of one document.

    ``item`` is the id of an entity or event, or the key of the document (``text``, ``published``, ``id``).
    """

    document: str
    item: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.document}: {self.item}: {self.message}; {self.remedy}"


@dataclass(frozen=True, slots=True)
class _Finding:
    item: str
    message: str
    remedy: str


def check(document: Document, schema: Schema) -> list[Problem]:
    """Every problem of ``document``; an empty list says that it is right.

    The sources of the rules are the document contract, ``schema`` and the guidelines (sections 1, 3 and 4).
    """
    findings = (
        *_head(document),
        *_ids(document),
        *_spans(document),
        *_repeats(document),
        *_types(document, schema),
        *_arguments(document, schema),
    )
    return [Problem(document.id, found.item, found.message, found.remedy) for found in findings]


def _head(document: Document) -> Iterator[_Finding]:
    text = document.text
    if not document.id.strip():
        yield _Finding("id", "the document's id is empty", "give it a name of its own")
    if not text.strip():
        yield _Finding("text", "the text is empty", "leave the document out or put its text back")
    if "\0" in text:
        yield _Finding("text", f"NUL at offset {text.index(chr(0))}", "take the article from its source again")
    surrogate = re.search(r"[\ud800-\udfff]", text)
    if surrogate:
        yield _Finding(
            "text", f"lone surrogate {surrogate.group()!r} at offset {surrogate.start()}", "decode the source again"
        )
    if document.published is not None and not _is_iso_date(document.published):
        yield _Finding(
            "published", f"{document.published!r} is not an ISO 8601 date", "write it as YYYY-MM-DD or leave it out"
        )


def _is_iso_date(value: str) -> bool:
    try:
        return bool(_ISO_DATE.fullmatch(value) and date.fromisoformat(value))
    except ValueError:
        return False


def _items(document: Document) -> tuple[Entity | Event, ...]:
    return (*document.entities, *document.events)


def _ids(document: Document) -> Iterator[_Finding]:
    counts = Counter(item.id for item in _items(document))
    for name, count in counts.items():
        if count > 1:
            yield _Finding(
                name, f"{count} entities or events have this id", "ids are unique in a document: rename all but one"
            )


def _spans(document: Document) -> Iterator[_Finding]:
    for item in _items(document):
        if _is_inside(document, item):
            for message, remedy in _span_problems(document.text, item.start, item.end):
                yield _Finding(item.id, f"{_shown(document, item)} {message}", remedy)
        else:
            yield _Finding(
                item.id,
                f"offsets {item.start}–{item.end} are no span of the text's {len(document.text)} characters",
                "offsets count code points, 0 ≤ start < end ≤ length",
            )


def _is_inside(document: Document, item: Entity | Event) -> bool:
    return 0 <= item.start < item.end <= len(document.text)


def _shown(document: Document, item: Entity | Event) -> str:
    return f"{document.mention(item)!r:.80} ({item.start}–{item.end})"


def _span_problems(text: str, start: int, end: int) -> Iterator[tuple[str, str]]:
    mention = text[start:end]
    if "\n" in mention:
        yield "runs over the end of a paragraph", "a mention stands in one paragraph"
    if _is_blank(mention[0]):
        yield f"starts with white space or an invisible mark {mention[0]!r}", "start the span after it"
    if _is_blank(mention[-1]):
        yield f"ends with white space or an invisible mark {mention[-1]!r}", "end the span before it"
    yield from _punctuation_problems(mention)
    if not begins_word(text, start):
        yield (
            f"cuts a word: {letters_before(text, start)!r} stands before it in the same word",
            "only the proclitics و ف ب ل ك may be left outside",
        )
    if not ends_word(text, end):
        yield (
            f"cuts a word: {text[end]!r} follows in the same word",
            "endings and enclitics are inside: mark it whole",
        )


def _is_blank(char: str) -> bool:
    return char.isspace() or unicodedata.category(char) in ("Cf", "Cc")


def _is_punctuation(char: str) -> bool:
    return unicodedata.category(char).startswith("P") and char not in _NOT_PUNCTUATION


def _punctuation_problems(mention: str) -> Iterator[tuple[str, str]]:
    first, last = mention[0], mention[-1]
    if _is_punctuation(first):
        yield f"starts with {first!r}", "quote marks and punctuation at the edges are outside the span"
    elif _is_punctuation(last) and not (last in _CLOSING and _is_balanced(mention, last)):
        yield f"ends with {last!r}", "only a mark that closes one opened inside the span may end it"
    elif not _is_balanced(mention, ""):
        yield "opens a quote or bracket without closing it", "take in the closing mark, or start after the opening one"


def _is_balanced(mention: str, last: str) -> bool:
    """Whether quotes and brackets are paired; single quotes only where one ends the mention, for they are apostrophes
    elsewhere."""
    quotes = sum(char in _DOUBLE_QUOTES for char in mention)
    singles = sum(char in _SINGLE_QUOTES for char in mention) if last in _SINGLE_QUOTES else 0
    brackets = all(mention.count(pair[0]) == mention.count(pair[1]) for pair in _BRACKETS)
    return quotes % 2 == 0 and singles % 2 == 0 and brackets


def _repeats(document: Document) -> Iterator[_Finding]:
    groups: Sequence[Sequence[Entity | Event]] = (document.entities, document.events)
    for group in groups:
        first: dict[tuple[str, int, int], str] = {}
        for item in group:
            mark = item.type, item.start, item.end
            if mark in first:
                yield _Finding(
                    item.id,
                    f"marks {_shown(document, item)} as {item.type} again, after {first[mark]!r}",
                    "one span has a type once: remove one and join their arguments",
                )
            first.setdefault(mark, item.id)


def _types(document: Document, schema: Schema) -> Iterator[_Finding]:
    for item in _items(document):
        kinds, what = (
            (schema.entity_types, "entity type") if isinstance(item, Entity) else (schema.event_types, "event type")
        )
        if item.type not in kinds:
            yield _unknown(item.id, what, item.type, kinds)
        if isinstance(item, Event) and item.modality not in schema.modalities:
            yield _unknown(item.id, "modality", item.modality, schema.modalities)
        arguments = item.arguments if isinstance(item, Event) else ()
        for score in (item.score, *(argument.score for argument in arguments)):
            if score is not None and not 0 <= score <= 1:
                yield _Finding(item.id, f"score {score} is no probability", "scores lie in 0 to 1; gold has none")


def _unknown(item: str, what: str, name: str, known: Sequence[str]) -> _Finding:
    return _Finding(item, f"no {what} {name!r} in the schema", f"expected one of {', '.join(known)}")


def _arguments(document: Document, schema: Schema) -> Iterator[_Finding]:
    entities = {entity.id: entity for entity in document.entities}
    for event in document.events:
        counts = Counter((argument.role, argument.entity) for argument in event.arguments)
        for (role, name), count in counts.items():
            if count > 1:
                yield _Finding(event.id, f"argument {role}={name} stands {count} times", "keep one of them")
        for argument in dict.fromkeys(event.arguments):
            filler = entities.get(argument.entity)
            if argument.role not in schema.role_names:
                yield _unknown(event.id, "role", argument.role, schema.role_names)
            if filler is None:
                yield _Finding(
                    event.id,
                    f"argument {argument.role}={argument.entity}: the document has no such entity",
                    "point it to an entity's id or remove it",
                )
                continue
            yield from _filler_problems(event, argument, filler, schema)
            if _is_inside(document, event) and _is_inside(document, filler) and _are_apart(document, event, filler):
                yield _Finding(
                    event.id,
                    f"argument {argument.role}={argument.entity}: {_shown(document, filler)} stands in another "
                    f"paragraph than the trigger {_shown(document, event)}",
                    "an event and its arguments stand in the same paragraph (guidelines, section 4)",
                )


def _filler_problems(event: Event, argument: Argument, filler: Entity, schema: Schema) -> Iterator[_Finding]:
    role = next((role for role in schema.roles if role.name == argument.role), None)
    if role is None or event.type not in schema.event_types or filler.type not in schema.entity_types:
        return  # told already, by its own check
    if event.type not in role.events:
        has = ", ".join(other.name for other in schema.roles if event.type in other.events)
        yield _Finding(event.id, f"{event.type} has no role {role.name}", f"expected one of {has}")
    elif not schema.allows(event.type, role.name, filler.type):
        takes = ", ".join(kind for kind in schema.entity_types if kind in role.fillers)
        yield _Finding(
            event.id, f"argument {role.name}={filler.id}: a {filler.type} cannot fill {role.name}", f"it takes {takes}"
        )


def _are_apart(document: Document, event: Event, filler: Entity) -> bool:
    between = document.text[min(event.start, filler.start) : max(event.end, filler.end)]
    return "\n" in between
