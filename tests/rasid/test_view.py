"""The terminal view: right to left, marked, aligned, and no control of a text in it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Argument, Document, Entity, Event
from rasid.predictor import Predictor
from rasid.view import render
from tests.rasid.strategies import texts

RLI, PDI = "\u2067", "\u2069"
SGR = re.compile(r"\x1b\[[0-9;]*m")
TEXT = "قتل 12 عنصرًا من قوات النظام في حي القدم.\r\nسطر لا شيء فيه\nTwitter ٢٠\n"


def entity(id: str, type_: str, mention: str, score: float | None = None, text: str = TEXT) -> Entity:
    start = text.index(mention)
    return Entity(id, type_, start, start + len(mention), score)


DOCUMENT = Document(
    "000",
    TEXT,
    "2018-03-20",
    (
        entity("t1", "QUANTITY", "12", 0.9),
        entity("t2", "PEOPLE", "عنصرًا من قوات النظام", 0.8),
        entity("t3", "ORG", "النظام", 0.7),
        entity("t4", "LOC", "حي القدم", 0.6),
        entity("t5", "QUANTITY", "٢٠"),
    ),
    (
        Event("e1", "KILL", 0, 3, "negated", (Argument("PATIENT", "t2", 0.91), Argument("COUNT", "t1")), 0.95),
        Event("e2", "ATTACK", 0, 3, "actual"),
    ),
)


def visible(text: str) -> str:
    """A line without colours and isolates."""
    return SGR.sub("", text).replace(RLI, "").replace(PDI, "")


def columns(text: str) -> int:
    """Columns of a terminal, by the Unicode character database."""
    return sum(
        0 if unicodedata.category(c) in ("Mn", "Me", "Cf") else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )


def test_the_whole_view() -> None:
    assert [visible(line) for line in render(DOCUMENT, colour=False, width=60).splitlines()] == [
        "── 000 · 2018-03-20 ────────────────────────────────────────",
        "{{قتل}} [12] [عنصرًا من قوات [النظام]] في [حي القدم].",
        "  KILL       قتل                   negated   0.95",
        "    PATIENT  عنصرًا من قوات النظام  PEOPLE    0.91",  # the mark takes no column
        "    COUNT    12                    QUANTITY",
        "  ATTACK     قتل",
        "  without a role",
        "    ORG  النظام",
        "    LOC  حي القدم",
        "",
        "Twitter [٢٠]",
        "  without a role",
        "    QUANTITY  ٢٠",
    ]


def test_arabic_stands_in_isolates() -> None:
    lines = render(DOCUMENT, colour=False, width=100).splitlines()
    assert lines[1].startswith(f"{RLI}{{{{قتل")
    assert lines[1].endswith(f".{PDI}")
    assert f"{RLI}عنصرًا من قوات النظام{PDI}" in lines[3]
    assert RLI not in next(line for line in lines if "Twitter" in line)


def test_colour_marks_in_place_of_brackets() -> None:
    view = render(DOCUMENT, colour=True, width=100)
    assert "\x1b[1;31;4mقتل\x1b[0m" in view  # two events on one trigger
    assert "\x1b[36m12\x1b[0m" in view
    assert "\x1b[36mعنصرًا من قوات \x1b[0m\x1b[36;4mالنظام\x1b[0m" in view
    plain = visible(view)
    assert "[" not in plain
    assert "{" not in plain
    assert TEXT.splitlines()[0] in plain


def test_crossing_mentions() -> None:
    text = "واحد اثنان ثلاثة"
    document = Document("a", text, None, (Entity("t1", "LOC", 0, 11), Entity("t2", "ORG", 5, 16)))
    assert "[واحد [اثنان ]ثلاثة]" in render(document, colour=False, width=80)


def test_an_error_and_nothing() -> None:
    failed = Document("a", "", error="a.txt: not UTF-8: byte 0xC7 at position 0")
    assert "  error: a.txt: not UTF-8: byte 0xC7" in render(failed, colour=False, width=80)
    assert "nothing found" not in render(failed, colour=False, width=80)
    assert render(Document("a", "شيء"), colour=False, width=60).endswith("\n  nothing found\n")


def test_a_role_whose_entity_is_missing() -> None:
    document = Document("a", "قتل", None, (), (Event("e1", "KILL", 0, 3, "actual", (Argument("AGENT", "t9"),)),))
    assert "AGENT  ? t9" in render(document, colour=False, width=80)


def test_a_filler_in_another_line_is_no_entity_without_a_role() -> None:
    text = "قتل\nدمشق"
    event = Event("e1", "KILL", 0, 3, "actual", (Argument("PLACE", "t1"),))
    view = render(Document("a", text, None, (Entity("t1", "LOC", 4, 8),), (event,)), colour=False, width=80)
    assert "[دمشق]" in view
    assert "without a role" not in view


@pytest.mark.parametrize("width", [48, 57, 100])
def test_no_line_is_wider_than_the_terminal(predictor: Predictor, articles: Sequence[str], width: int) -> None:
    for text in (*articles, articles[0].replace(" ", "")):
        for line in render(predictor(text), colour=True, width=width).splitlines():
            assert columns(visible(line)) <= width


def test_columns_are_aligned_over_marks_and_wide_characters() -> None:
    text = "قَتَلَ ＡＢ دمشق"
    spans = [(0, 6), (7, 9), (10, 14)]
    events = tuple(Event(f"e{n}", "KILL", *span, "negated", (), 0.5) for n, span in enumerate(spans))
    rows = [
        visible(line) for line in render(Document("a", text, None, (), events), colour=True, width=80).splitlines()[2:]
    ]
    assert {columns(row[: row.index("negated")]) for row in rows} == {columns(rows[0][: rows[0].index("negated")])}
    assert len(rows) == 3


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any text with any spans in it."""
    text = draw(texts.filter(bool))
    span = st.tuples(st.integers(0, len(text) - 1), st.integers(1, len(text))).map(lambda p: (min(p), max(p)))
    spans = draw(st.lists(span.filter(lambda s: s[0] < s[1]), max_size=6))
    entities = tuple(Entity(f"t{n}", "LOC", *s, 0.5) for n, s in enumerate(spans[::2]))
    events = tuple(Event(f"e{n}", "KILL", *s, "actual", (Argument("PLACE", "t0"),)) for n, s in enumerate(spans[1::2]))
    return Document(draw(texts), text, draw(st.none() | texts), entities, events, draw(st.none() | texts))


@given(documents(), st.booleans(), st.integers(20, 120))
def test_no_control_reaches_the_terminal(document: Document, colour: bool, width: int) -> None:
    view = render(document, colour=colour, width=width)
    assert view.endswith("\n")
    if colour:
        view = SGR.sub("", view)
    for line in view.removesuffix("\n").split("\n"):
        depth = 0
        for character in line:
            assert unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
            assert character not in "\u202a\u202b\u202c\u202d\u202e\u2066\u2068\u200e\u200f\u061c"
            depth += {RLI: 1, PDI: -1}.get(character, 0)
            assert depth in (0, 1)
        assert depth == 0


@given(documents(), st.integers(20, 120))
def test_colours_are_closed(document: Document, width: int) -> None:
    for line in render(document, colour=True, width=width).splitlines():
        codes = SGR.findall(line)
        assert codes[1::2] == ["\x1b[0m"] * (len(codes) // 2)
        assert len(codes) % 2 == 0


def test_escape_sequences_in_a_text_are_harmless() -> None:
    document = Document("a\x1b[2J", "\x1b]0;title\x07قتل\x9b31m", "2018\n", (), (Event("e", "K\x1b", 10, 13, "no\r"),))
    view = render(document, colour=False, width=80)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", view)
    assert "␛]0;title␇{قتل}" in view


def test_a_large_document_is_quick(predictor: Predictor, articles: Sequence[str]) -> None:
    document = predictor("\n".join(articles * 100))
    assert len(render(document, colour=True, width=100).splitlines()) > 3000
