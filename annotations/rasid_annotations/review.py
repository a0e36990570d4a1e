"""Review: probable slips of annotators, found by comparing a corpus with itself.

A row is a suspicion, not a problem (those are found by :mod:`rasid_annotations.checks`): someone has to look at the
place and settle it.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rasid.document import Document, Entity, Event
from rasid.errors import InputError
from rasid_annotations.words import begins_word, ends_word

_SEEN = 3  # times that words must be marked before it is noticed where they are not
_MARKED = 0.6  # share of their places that must be marked for the rest to be suspected
_ODD = 0.15  # share of marks below which a type is odd for its words
_RARE = 2  # times up to which a combination of event, role and filler is rare
_AROUND = 40  # characters of context to each side
_NUMBER = re.compile(r"[0-9\u0660-\u0669\u06f0-\u06f9]+(?:[.,٫٬][0-9\u0660-\u0669\u06f0-\u06f9]+)*")
_BESIDE = 1  # words between a number and the noun that it counts


@dataclass(frozen=True, slots=True)
class Row:
    """A place to look at.

    Attributes:
        kind: what sort of suspicion: a key of :data:`KINDS`.
        document: its id.
        start, end: the place, in code points of the document's text.
        reason: what is suspicious.
        context: the words with some text around them, the place itself in brackets.
    """

    kind: str
    document: str
    start: int
    end: int
    reason: str
    context: str

    @property
    def key(self) -> tuple[str, str, int, int]:
        """What tells a row from others, whatever the corpus around it is."""
        return self.kind, self.document, self.start, self.end

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, without the words of the article."""
        return {"kind": self.kind, "document": self.document, "start": self.start, "end": self.end}

    def __str__(self) -> str:
        return f"{self.document}:{self.start}-{self.end}: {self.kind}: {self.reason}: {self.context}"


_Place = tuple[Document, int, int, str]


def review(documents: Sequence[Document]) -> list[Row]:
    """Every suspicion, in the order of :data:`KINDS` and of the corpus."""
    rows = []
    for kind, find in KINDS.items():
        for document, start, end, reason in find(documents):
            rows.append(Row(kind, document.id, start, end, reason, _context(document.text, start, end)))
    return rows


def read_settled(path: Path) -> frozenset[tuple[str, str, int, int]]:
    """Keys of rows that were looked at and found right, from JSON Lines in the form of :meth:`Row.to_dict`.

    Raises:
        InputError: the file cannot be read, or a line is no row.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise InputError(f"{path}: cannot be read as UTF-8 JSON Lines ({problem})") from None
    return frozenset(_settled(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip())


def _settled(line: str, item: str) -> tuple[str, str, int, int]:
    try:
        data = json.loads(line)
        return str(data["kind"]), str(data["document"]), int(data["start"]), int(data["end"])
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{item}: expected a row as `rasid annotations review --json` prints it") from None


def _context(text: str, start: int, end: int) -> str:
    before, after = text[max(0, start - _AROUND) : start], text[end : end + _AROUND]
    return f"…{before}[{text[start:end]}]{after}…".replace("\n", " ¶ ")


def _unmarked(documents: Sequence[Document], *, triggers: bool) -> Iterator[_Place]:
    """Words that are mostly marked, where they are not."""
    marks = [[item for item in _marks(document) if isinstance(item, Event) == triggers] for document in documents]
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for document, items in zip(documents, marks, strict=True):
        for item in items:
            words = document.text[item.start : item.end]
            if len(words) > 1 and not _NUMBER.fullmatch(words):
                kinds[words][item.type] += 1
    often = {words for words, types in kinds.items() if types.total() >= _SEEN}
    free: dict[str, list[tuple[Document, int]]] = defaultdict(list)
    for document, items in zip(documents, marks, strict=True):
        covered = _Cover([(item.start, item.end) for item in items])
        furniture = _Cover(_blank_paragraphs(document))
        for words, start in _places(document.text, often):
            span = (start, start + len(words))
            if not covered.meets(*span) and not furniture.meets(*span):
                free[words].append((document, start))
    for words, places in free.items():
        marked = kinds[words].total()
        if marked >= _MARKED * (marked + len(places)):
            (kind, _), *_ = kinds[words].most_common(1)
            for document, start in places:
                yield document, start, start + len(words), f"{kind} in {marked} other places, not marked here"


def _marks(document: Document) -> tuple[Entity | Event, ...]:
    return (*document.entities, *document.events)


def _places(text: str, wanted: set[str]) -> Iterator[tuple[str, int]]:
    """Where ``wanted`` stand as whole words, proclitics apart."""
    lengths = sorted({len(words) for words in wanted})
    starts = [index for index in range(len(text)) if begins_word(text, index)]
    for start in starts:
        for length in lengths:
            words = text[start : start + length]
            if words in wanted and ends_word(text, start + length):
                yield words, start


def _blank_paragraphs(document: Document) -> list[tuple[int, int]]:
    """Paragraphs without a mark: taken for furniture."""
    marks = sorted(item.start for item in _marks(document))
    spans, begin = [], 0
    for line in document.text.split("\n"):
        end = begin + len(line)
        if bisect_left(marks, begin) == bisect_left(marks, end):
            spans.append((begin, end))
        begin = end + 1
    return spans


class _Cover:
    """Spans of a text, asked whether one of them meets another span."""

    def __init__(self, spans: list[tuple[int, int]]) -> None:
        self._spans = sorted(spans)
        self._starts = [start for start, _ in self._spans]
        self._reach: list[int] = []  # the furthest end up to each span
        for _, end in self._spans:
            self._reach.append(max(end, self._reach[-1] if self._reach else 0))

    def meets(self, start: int, end: int) -> bool:
        """Whether a character of ``start`` to ``end`` is covered."""
        before = bisect_left(self._starts, end)
        return before > 0 and self._reach[before - 1] > start


def _odd_types(documents: Sequence[Document]) -> Iterator[_Place]:
    """Words that are marked with a type that they seldom have."""
    kinds: dict[tuple[str, bool], Counter[str]] = defaultdict(Counter)

    def items(document: Document) -> Iterator[tuple[Entity | Event, Counter[str]]]:
        for item in _marks(document):
            yield item, kinds[document.text[item.start : item.end], isinstance(item, Event)]

    for document in documents:
        for item, types in items(document):
            types[item.type] += 1
    for document in documents:
        for item, types in items(document):
            usual, times = types.most_common(1)[0]
            if times >= _SEEN and types[item.type] <= _ODD * types.total():
                yield document, item.start, item.end, f"{item.type} here, {usual} in {times} other places"


def _rare_roles(documents: Sequence[Document]) -> Iterator[_Place]:
    """Fillers of a type that seldom fills the role of such an event."""
    counts: Counter[tuple[str, str, str]] = Counter()
    for document in documents:
        counts.update(combination for _, _, combination in _fillers(document))
    for document in documents:
        for event, filler, combination in _fillers(document):
            if counts[combination] <= _RARE:
                reason = "{1} of {0} filled by {2} {3!r}, {4} in the corpus".format(
                    *combination, document.mention(filler), counts[combination]
                )
                yield document, event.start, event.end, reason


def _fillers(document: Document) -> Iterator[tuple[Event, Entity, tuple[str, str, str]]]:
    by_id = {entity.id: entity for entity in document.entities}
    for event in document.events:
        for argument in event.arguments:
            filler = by_id[argument.entity]
            yield event, filler, (event.type, argument.role, filler.type)


def _bare(documents: Sequence[Document]) -> Iterator[_Place]:
    """Events without an argument."""
    for document in documents:
        for event in document.events:
            if not event.arguments:
                yield document, event.start, event.end, f"{event.type} without any argument"


def _numbers(documents: Sequence[Document]) -> Iterator[_Place]:
    """Numbers in figures beside a PEOPLE mention that are neither QUANTITY nor DATE."""
    for document in documents:
        covered = _Cover([(e.start, e.end) for e in document.entities])
        people = sorted((e.start, e.end) for e in document.entities if e.type == "PEOPLE")
        starts = [start for start, _ in people]
        for number in _NUMBER.finditer(document.text):
            following = bisect_right(starts, number.end())
            if covered.meets(*number.span()) or following == len(people):
                continue
            between = document.text[number.end() : people[following][0]]
            if "\n" not in between and len(between.split()) <= _BESIDE:
                yield document, *number.span(), "a number beside PEOPLE that is no QUANTITY"


def _uncounted(documents: Sequence[Document]) -> Iterator[_Place]:
    """A patient with its number right before it, of which the number is not COUNT or SUBCOUNT."""
    for document in documents:
        by_id = {entity.id: entity for entity in document.entities}
        quantities = {entity.end: entity for entity in document.entities if entity.type == "QUANTITY"}
        for event in document.events:
            linked = {argument.entity for argument in event.arguments}
            for argument in event.arguments:
                filler = by_id[argument.entity]
                number = quantities.get(filler.start - 1)
                if argument.role == "PATIENT" and filler.type == "PEOPLE" and number and number.id not in linked:
                    reason = f"PATIENT {document.mention(filler)!r}, its number {document.mention(number)!r} not linked"
                    yield document, event.start, event.end, reason


def _unsourced(documents: Sequence[Document]) -> Iterator[_Place]:
    """An event without a source between two of the same sentence that have one in common."""
    for document in documents:
        events = sorted(document.events, key=lambda event: event.start)
        sources = [frozenset(a.entity for a in event.arguments if a.role == "SOURCE") for event in events]
        for place in range(1, len(events) - 1):
            shared = sources[place - 1] & sources[place + 1]
            between = document.text[events[place - 1].start : events[place + 1].end]
            if shared and not sources[place] and not re.search(r"[.\n؟!]", between):
                event = events[place]
                yield document, event.start, event.end, f"{event.type} without the SOURCE of the events around it"


#: The sorts of suspicion and what finds them.
KINDS: dict[str, Callable[[Sequence[Document]], Iterator[_Place]]] = {
    "unmarked": partial(_unmarked, triggers=False),
    "untriggered": partial(_unmarked, triggers=True),
    "type": _odd_types,
    "role": _rare_roles,
    "bare": _bare,
    "number": _numbers,
    "uncounted": _uncounted,
    "unsourced": _unsourced,
}
