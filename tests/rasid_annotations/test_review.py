"""Probable slips, found by comparing a corpus with itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from annotation_samples import entity, event, sample
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Argument, Document, write_documents
from rasid_annotations.commands import annotations
from rasid_annotations.review import KINDS, Row, review


def article(name: str, text: str, *marks: tuple[str, str], furniture: str = "") -> Document:
    """Each mark is a type and the words that have it, the first place where they stand."""
    entities, events = [], []
    for number, (kind, words) in enumerate(marks):
        start = text.index(words)
        if kind in ("KILL", "STRIKE"):
            events.append(event(f"e{number}", kind, start, start + len(words)))
        else:
            entities.append(entity(f"t{number}", kind, start, start + len(words)))
    return Document(name, text + furniture, entities=tuple(entities), events=tuple(events))


def rows(kind: str, *documents: Document) -> list[Row]:
    return [row for row in review(documents) if row.kind == kind]


MARKED = [article(f"d{n}", f"قصف حي الزهراء يوم {n}", ("STRIKE", "قصف"), ("LOC", "حي الزهراء")) for n in range(3)]


def test_words_that_are_marked_elsewhere() -> None:
    slip = article("slip", "انسحب من حي الزهراء بعد قصفه وقصف غيره", ("KILL", "انسحب"))
    (unmarked,) = rows("unmarked", *MARKED, slip)
    assert slip.text[unmarked.start : unmarked.end] == "حي الزهراء"
    assert unmarked.document == "slip"
    assert unmarked.reason == "LOC in 3 other places, not marked here"
    assert unmarked.context == "…انسحب من [حي الزهراء] بعد قصفه وقصف غيره…"
    (untriggered,) = rows("untriggered", *MARKED, slip)
    assert untriggered.start == slip.text.index("قصف غيره")  # not قصفه, which is another word


def test_words_that_are_mostly_unmarked_or_in_furniture_are_no_suspicion() -> None:
    plain = [article(f"p{n}", "عاد إلى حي الزهراء", ("KILL", "عاد")) for n in range(3)]
    assert rows("unmarked", *MARKED, *plain) == []
    assert rows("unmarked", *MARKED[:2], plain[0]) == []
    assert rows("unmarked", *MARKED, article("f", "عاد", ("KILL", "عاد"), furniture="\nاقرأ: حي الزهراء")) == []
    inside = article("i", "أهالي حي الزهراء", ("PEOPLE", "أهالي حي الزهراء"))
    assert rows("unmarked", *MARKED, inside) == []


def test_a_type_that_the_words_seldom_have() -> None:
    many = [replace(MARKED[0], id=f"m{n}") for n in range(7)]
    odd = article("odd", "قصف حي الزهراء", ("STRIKE", "قصف"), ("ORG", "حي الزهراء"))
    (row,) = rows("type", *many, odd)
    assert (row.document, row.reason) == ("odd", "ORG here, LOC in 7 other places")
    assert rows("type", *many[:2], odd) == []


def test_a_filler_that_is_rare() -> None:
    def linked(name: str, kind: str) -> Document:
        base = article(name, "قصف حي الزهراء", ("STRIKE", "قصف"), (kind, "حي الزهراء"))
        return replace(base, events=(replace(base.events[0], arguments=(Argument("PLACE", "t1"),)),))

    usual = [linked(f"u{n}", "LOC") for n in range(3)]
    (row,) = rows("role", *usual, linked("rare", "FAC"))
    assert row.reason == "PLACE of STRIKE filled by FAC 'حي الزهراء', 1 in the corpus"


def test_events_without_an_argument() -> None:
    assert [(row.document, row.reason) for row in rows("bare", *MARKED)] == [
        (f"d{n}", "STRIKE without any argument") for n in range(3)
    ]
    assert rows("bare", sample()) == []


def test_numbers_beside_people() -> None:
    text = "قتل 12 مدنيا و7 آخرين في 3 مدن"
    found = rows("number", article("n", text, ("KILL", "قتل"), ("PEOPLE", "مدنيا"), ("PEOPLE", "آخرين")))
    assert [text[row.start : row.end] for row in found] == ["12", "7"]
    marked = article("n", text, ("PEOPLE", "مدنيا"), ("PEOPLE", "آخرين"), ("QUANTITY", "12"), ("QUANTITY", "7"))
    assert rows("number", marked) == []


def test_a_number_that_is_not_linked() -> None:
    base = article("c", "قتل 12 مدنيا", ("KILL", "قتل"), ("QUANTITY", "12"), ("PEOPLE", "مدنيا"))
    patient = replace(base, events=(replace(base.events[0], arguments=(Argument("PATIENT", "t2"),)),))
    (row,) = rows("uncounted", patient)
    assert row.reason == "PATIENT 'مدنيا', its number '12' not linked"
    counted = replace(base.events[0], arguments=(Argument("PATIENT", "t2"), Argument("COUNT", "t1")))
    assert rows("uncounted", replace(base, events=(counted,))) == []


def test_an_event_without_the_source_around_it() -> None:
    text = "قال مصدر إن قصف الحي أدى إلى قصف البلدة بعد قصف المدينة"
    starts = [text.index(f"قصف {place}") for place in ("الحي", "البلدة", "المدينة")]
    sourced = (Argument("SOURCE", "t"),)
    events = [event(f"e{n}", "STRIKE", start, start + 3) for n, start in enumerate(starts)]
    given_source = tuple(replace(e, arguments=sourced if n != 1 else ()) for n, e in enumerate(events))
    mention = entity("t", "PEOPLE", 4, 8)
    (row,) = rows("unsourced", Document("s", text, entities=(mention,), events=given_source))
    assert row.start == starts[1]
    other = text.replace("بعد", ".بعد")
    assert rows("unsourced", Document("s", other, entities=(mention,), events=given_source[:2])) == []


@given(st.lists(st.sampled_from(MARKED), max_size=3, unique_by=lambda d: d.id))
def test_rows_point_into_their_documents(documents: list[Document]) -> None:
    texts = {document.id: document.text for document in [*documents, sample()]}
    for row in review([*documents, sample()]):
        assert row.kind in KINDS
        assert 0 <= row.start < row.end <= len(texts[row.document])
        assert f"[{texts[row.document][row.start : row.end]}]".replace("\n", " ¶ ") in row.context


def test_the_command_leaves_out_what_was_settled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus, settled = tmp_path / "corpus.jsonl", tmp_path / "settled.jsonl"
    write_documents(corpus, MARKED)
    assert annotations(["review", str(corpus)]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == "3 document(s) reviewed: 3 place(s) to look at (bare 3), 0 settled before"
    assert annotations(["review", str(corpus), "--json"]) == 0
    listed = capsys.readouterr().out
    assert [json.loads(line)["kind"] for line in listed.splitlines()] == ["bare"] * 3
    settled.write_text("\n".join(listed.splitlines()[:2]) + "\n", encoding="utf-8")
    assert annotations(["review", str(corpus), "--settled", str(settled)]) == 0
    assert "1 place(s) to look at (bare 1), 2 settled before" in capsys.readouterr().out
