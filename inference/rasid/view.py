"""The terminal view of a document: its Arabic right to left, mentions marked, roles under each event.

Each stretch of Arabic stands between Unicode isolates (UAX #9), so that terminals that know bidirectional text
show it right to left and the columns around it stay in order. No control character of a text reaches the terminal.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rasid.document import Document, Entity, Event

_ISOLATE, _POP = "\u2067", "\u2069"
_PARAGRAPH = re.compile(r"[^\n\r\u2029]+")
_BOLD, _DIM, _TRIGGER, _ENTITY, _ERROR = "1", "2", "1;31", "36", "31"
_NESTED = ";4"  # underlined: a mention within a mention
# Of the invisible format characters only these are shown: joiners shape letters, Arabic number signs are visible.
_SHOWN_FORMATS = frozenset("\u200c\u200d\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u0890\u0891\u08e2")


def render(document: Document, *, colour: bool, width: int) -> str:
    """The terminal view of a document.

    Args:
        document: what to show.
        colour: mark triggers and entities by colour; without it triggers stand in ``{}``, entities in ``[]``.
        width: columns of the terminal; fewer than 48 are taken for 48.

    Returns:
        lines, each with its line feed.
    """
    pen = _Pen(colour, max(width, 48))
    lines = [_header(document, pen)]
    if document.error is not None:
        message = textwrap.wrap(f"error: {_shown(document.error)}", pen.width - 2, break_on_hyphens=False)
        lines += [f"  {pen.paint(line, _ERROR)}" for line in message]
    elif not document.entities and not document.events:
        lines.append("  nothing found")
    else:
        columns = _Columns.of(document, pen.width)
        linked = {argument.entity for event in document.events for argument in event.arguments}
        fillers = {entity.id: entity for entity in document.entities if entity.id in linked}
        for paragraph in _paragraphs(document):
            lines += [*_marked(document.text, paragraph, pen), *_found(document, paragraph, fillers, columns, pen), ""]
        lines.pop()
    return "\n".join(lines) + "\n"


@dataclass(frozen=True, slots=True)
class _Pen:
    colour: bool
    width: int

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour and style else text


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """A line of the text with what begins in it."""

    start: int
    end: int
    entities: Sequence[Entity]
    events: Sequence[Event]


@dataclass(frozen=True, slots=True)
class _Columns:
    """Widths that are the same for the whole document: type or role, mention, entity type or modality."""

    name: int
    mention: int
    kind: int

    @classmethod
    def of(cls, document: Document, width: int) -> _Columns:
        spans: list[Entity | Event] = [*document.events, *document.entities]
        names = [f"  {_shown(event.type)}" for event in document.events]
        names += [f"    {_shown(argument.role)}" for event in document.events for argument in event.arguments]
        kinds = [_modality(event) for event in document.events] + [_shown(e.type) for e in document.entities]
        mentions = [_shown(document.mention(span)) for span in spans]
        name, kind, mention = (max(map(_width, texts), default=0) for texts in (names, kinds, mentions))
        return cls(name, min(max(mention, 8), max(width - name - kind - 3 * 2 - 4, 8)), kind)

    def row(self, pen: _Pen, name: str, mention: str, kind: str, score: float | None, styles: tuple[str, str]) -> str:
        mention = _cut(mention, self.mention)
        cells = (
            pen.paint(name, styles[0]) + " " * (self.name - _width(name)),
            pen.paint(_isolated(mention), styles[1]) + " " * (self.mention - _width(mention)),
            kind + " " * (self.kind - _width(kind)),
            "" if score is None else pen.paint(f"{score:.2f}", _DIM),
        )
        return "  ".join(cells).rstrip()


def _header(document: Document, pen: _Pen) -> str:
    title = _isolated(_shown(document.id)) + (f" · {_shown(document.published)}" if document.published else "")
    rule = "─" * max(pen.width - _width(title) - 4, 2)
    return f"── {pen.paint(title, _BOLD)} {rule}"


def _paragraphs(document: Document) -> Iterator[_Paragraph]:
    """The lines of the text in which an entity or an event begins."""
    lines = [match.span() for match in _PARAGRAPH.finditer(document.text)]
    starts = [start for start, _ in lines]
    entities: dict[int, list[Entity]] = {}
    events: dict[int, list[Event]] = {}
    for entity in document.entities:
        entities.setdefault(bisect_right(starts, entity.start) - 1, []).append(entity)
    for event in document.events:
        events.setdefault(bisect_right(starts, event.start) - 1, []).append(event)
    for number, (start, end) in enumerate(lines):
        if number in entities or number in events:
            yield _Paragraph(start, end, entities.get(number, []), events.get(number, []))


def _found(
    document: Document, paragraph: _Paragraph, fillers: Mapping[str, Entity], columns: _Columns, pen: _Pen
) -> Iterator[str]:
    """The events of a paragraph, a line a role; then its entities without a role, a line a type."""
    for event in paragraph.events:
        trigger = _shown(document.mention(event))
        styles = (_BOLD, _TRIGGER)
        yield columns.row(pen, f"  {_shown(event.type)}", trigger, _modality(event), event.score, styles)
        for argument in event.arguments:
            filler = fillers.get(argument.entity)
            mention = _shown(document.mention(filler)) if filler else f"? {_shown(argument.entity)}"
            kind = _shown(filler.type) if filler else ""
            yield columns.row(pen, f"    {_shown(argument.role)}", mention, kind, argument.score, ("", _ENTITY))
    others: dict[str, list[str]] = {}
    for entity in paragraph.entities:
        if entity.id not in fillers:
            others.setdefault(_shown(entity.type), []).append(_shown(document.mention(entity)))
    if others:
        yield f"  {pen.paint('without a role', _DIM)}"
        yield from _listed(others, pen)


def _listed(mentions: Mapping[str, Iterable[str]], pen: _Pen) -> Iterator[str]:
    indent = max(map(_width, mentions)) + 6
    for type_, texts in mentions.items():
        line, used = f"    {type_}" + " " * (indent - 4 - _width(type_)), indent
        for number, text in enumerate(texts):
            text = _cut(text, pen.width - indent)
            if number and used + 3 + _width(text) > pen.width:
                yield line
                line, used = " " * indent, indent
            elif number:
                line, used = f"{line} · ", used + 3
            line, used = line + pen.paint(_isolated(text), _ENTITY), used + _width(text)
        yield line


def _marked(text: str, paragraph: _Paragraph, pen: _Pen) -> Iterator[str]:
    """The text of a paragraph with its mentions marked, wrapped, each line isolated."""
    arabic = _is_arabic(text[paragraph.start : paragraph.end])
    for line in _wrapped(_cells(text, paragraph, pen), pen.width):
        painted, run, style = "", "", ""
        for shown, look in [*line, ("", "end")]:
            if look != style:
                painted += pen.paint(run, style) if run else ""
                run, style = "", look
            run += shown
        yield f"{_ISOLATE}{painted}{_POP}" if arabic else painted


def _cells(text: str, paragraph: _Paragraph, pen: _Pen) -> list[tuple[str, str]]:
    """Each character as it is shown, with its style; where there is no colour, brackets are characters too."""
    spans = [(e.start, -e.end, "[]") for e in paragraph.entities] + [(e.start, -e.end, "{}") for e in paragraph.events]
    opening: dict[int, str] = {}
    closing: dict[int, str] = {}
    for start, minus_end, pair in sorted(spans):  # outer before inner
        end = min(-minus_end, paragraph.end)
        opening[start] = opening.get(start, "") + pair[0]
        closing[end] = pair[1] + closing.get(end, "")
    cells: list[tuple[str, str]] = []
    depth = {"[": 0, "{": 0}
    for position in range(paragraph.start, paragraph.end + 1):
        marks = closing.get(position, "") + opening.get(position, "")
        for mark in marks:
            depth["[" if mark in "[]" else "{"] += 1 if mark in "[{" else -1
        if not pen.colour:
            cells += [(mark, "") for mark in marks]
        if position < paragraph.end:
            style = (_TRIGGER if depth["{"] else _ENTITY if depth["["] else "") if pen.colour else ""
            cells.append((_shown(text[position]), style + _NESTED if sum(depth.values()) > 1 and style else style))
    return cells


def _wrapped(cells: Iterable[tuple[str, str]], width: int) -> Iterator[list[tuple[str, str]]]:
    """Lines of at most ``width`` columns, broken at spaces, or within a word that is longer than a line."""
    line: list[tuple[str, str]] = []
    used = broken = 0  # columns of the line; cells up to and with its last space
    for cell in cells:
        size = _width(cell[0])
        if used + size > width and cell[0] != " ":
            broken = broken or len(line)
            yield _stripped(line[:broken])
            line = line[broken:]
            used, broken = sum(_width(shown) for shown, _ in line), 0
        line.append(cell)
        used += size
        if cell[0] == " ":
            broken = len(line)
    if line:
        yield _stripped(line)


def _stripped(line: list[tuple[str, str]]) -> list[tuple[str, str]]:
    end = len(line)
    while end and line[end - 1][0] == " ":
        end -= 1
    return line[:end]


def _modality(event: Event) -> str:
    return "" if event.modality == "actual" else _shown(event.modality)


def _shown(text: str) -> str:
    """A text without controls: white space as a space, others as pictures, invisible ones left out."""
    return "".join(map(_character, text))


def _character(character: str) -> str:
    category = unicodedata.category(character)
    if character.isspace():
        return " "
    if category == "Cc":
        return chr(0x2400 + ord(character)) if character < " " else "\N{REPLACEMENT CHARACTER}"
    if category == "Cs":
        return "\N{REPLACEMENT CHARACTER}"
    if category == "Cf" and character not in _SHOWN_FORMATS:
        return ""
    return character


def _is_arabic(text: str) -> bool:
    return any(unicodedata.bidirectional(character) in ("R", "AL") for character in text)


def _isolated(text: str) -> str:
    return f"{_ISOLATE}{text}{_POP}" if _is_arabic(text) else text


def _width(text: str) -> int:
    """Columns of a text: none for marks, joiners and isolates, two for wide characters."""
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _cut(text: str, width: int) -> str:
    """At most ``width`` columns of a text; an ellipsis stands for the rest."""
    if _width(text) <= width:
        return text
    used = 0
    for number, character in enumerate(text):
        used += _columns(character)
        if used > width - 1:
            return text[:number] + "…"
    return text
