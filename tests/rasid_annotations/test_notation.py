"""Annotations written by their own words."""

from __future__ import annotations

from pathlib import Path

import pytest
from annotation_samples import ARTICLE, SCHEMA, TEXT, WRITTEN, sample
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Argument, Document, Entity, Event
from rasid_annotations.checks import check
from rasid_annotations.corpus import load_corpus
from rasid_annotations.notation import NotationError, occurrences, parse, write
from rasid_annotations.words import paragraphs

ARTICLES = {ARTICLE.id: ARTICLE}


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(NotationError) as caught:
        parse(text, ARTICLES, SCHEMA, "f.ann")
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def test_the_sample_resolves_to_its_words_and_checks_clean() -> None:
    document = sample()
    assert check(document, SCHEMA) == []
    assert (document.text, document.published, document.extra) == (TEXT, "2021-05-03", {"outlet": "tests"})
    mentions = {item.id: document.mention(item) for item in (*document.entities, *document.events)}
    assert mentions["p1e2"] == "قصف"
    assert mentions["p2t2"] == "فصيل “نسور الجبل”"
    assert mentions["p2t8"] == "140"
    written = [line.split("|")[0].split(maxsplit=3) for line in WRITTEN.splitlines() if line[:2] in ("T ", "E ")]
    assert len(mentions) == len(written) == 25


def test_offsets_types_and_arguments_are_those_written() -> None:
    document = sample()
    strike = next(e for e in document.events if e.id == "p1e2")
    assert (strike.type, strike.modality) == ("STRIKE", "actual")
    assert [(a.role, a.entity) for a in strike.arguments] == [
        ("PATIENT", "p1t3"),
        ("TIME", "p1t5"),
        ("SOURCE", "p1t6"),
    ]
    assert next(e for e in document.events if e.id == "p2e4").modality == "negated"
    valley = document.entity("p2t6")
    assert valley.start == TEXT.index("الوادي", TEXT.index("قرب"))  # @2, not the checkpoint of that name
    besiegers = document.entity("p3t1")
    assert besiegers.start == TEXT.rindex("قوات الحكومة")  # paragraph 3, though the words stand in 2 as well


def test_items_stand_in_the_order_of_the_text_outer_first() -> None:
    document = sample()
    places = [(e.start, -e.end) for e in document.entities]
    assert places == sorted(places)
    assert [e.start for e in document.events] == sorted(e.start for e in document.events)
    text = "# doc zahra\nP 1\nT 1 FAC سوق\nT 2 FAC سوق مدينة الزهراء\n"
    assert [e.id for e in parse(text, ARTICLES, SCHEMA, "f.ann").entities] == ["p1t2", "p1t1"]


def test_what_the_article_held_before_is_replaced() -> None:
    old = Document(ARTICLE.id, TEXT, entities=(Entity("old", "LOC", 0, 4),))
    assert parse("# doc zahra\n", {old.id: old}, SCHEMA, "f.ann").entities == ()


def test_line_ends_of_windows_and_a_byte_order_mark_do_not_matter() -> None:
    assert parse("\ufeff" + WRITTEN.replace("\n", "\r\n"), ARTICLES, SCHEMA, "f.ann") == sample()


def test_an_argument_written_twice_is_one() -> None:
    text = "# doc zahra\nP 1\nT 1 PEOPLE مدنيين\nE 1 KILL actual قُتل | PATIENT=1 PATIENT=1\n"
    assert len(parse(text, ARTICLES, SCHEMA, "f.ann").events[0].arguments) == 1


def test_occurrences_are_whole_words_proclitics_apart() -> None:
    paragraph = "قتل وقتل ومقتل قتلى سيقتل، فقتل"
    assert [paragraph[start - 1 : start + 4] for start in occurrences(paragraph, "قتل")[1:]] == ["وقتل ", "فقتل"]
    assert occurrences("a.b acb", "a.b") == [0]


BLOCK = "# doc zahra\nP 1\nT 1 QUANTITY 7\nT 2 PEOPLE مدنيين\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("T 3 LOC حلب", "'حلب' stands 0 time(s) as whole words"),
        ("T 3 LOC مدني", "stands 0 time(s)"),
        ("T 3 LOC@2 مدينة الزهراء", "stands 1 time(s) as whole words in this paragraph, occurrence 2"),
        ("T 3 LOC@0 مدينة الزهراء", "counts from 1"),
        ("T 3 LOC@ مدينة الزهراء", "counts from 1"),
        ("T 3 LOC@x مدينة الزهراء", "counts from 1"),
        ("T 3 CITY مدينة الزهراء", "no entity type 'CITY'"),
        ("T 3 KILL مدينة الزهراء", "no entity type 'KILL'"),
        ("T 2 LOC مدينة الزهراء", "entity 2 is defined twice"),
        ("T 3 LOC", "an entity is written"),
        ("E 1 KILL actual", "an event is written"),
        ("E 1 MURDER actual قُتل", "no event type 'MURDER'"),
        ("E 1 KILL real قُتل", "no modality 'real'"),
        ("E 1 KILL actual قتل", "'قتل' stands 0 time(s)"),
        ("E 1 KILL actual قُتل | VICTIM=2", "no role 'VICTIM'"),
        ("E 1 KILL actual قُتل | PATIENT=9", "PATIENT=9: no such entity"),
        ("E 1 KILL actual قُتل | PATIENT", "no such entity"),
        ("E 1 KILL actual قُتل | PATIENT=1", "a QUANTITY cannot fill PATIENT"),
        ("X 1", "starts with P, T, E or #, not 'X'"),
        ("P 9", "there is no paragraph '9'; the article has 3"),
        ("P 0", "there is no paragraph '0'"),
        ("P ²", "there is no paragraph '²'"),
        ("P 1", "paragraph 1 has a block already"),
        ("# doc zahra", "a second '# doc' line"),
    ],
)
def test_each_mistake_is_told_with_its_file_and_line(line: str, message: str) -> None:
    (problem,) = problems(BLOCK + line + "\n")
    assert problem.startswith("f.ann:5: ")
    assert message in problem


def test_role_that_the_event_type_does_not_have() -> None:
    text = "# doc zahra\nP 1\nT 1 LOC مدينة الزهراء\nE 1 KILL actual قُتل | DESTINATION=1\n"
    (problem,) = problems(text)
    assert "a LOC cannot fill DESTINATION of KILL" in problem


def test_event_number_twice() -> None:
    (problem,) = problems(BLOCK + "E 1 KILL actual قُتل\nE 1 STRIKE actual قصف\n")
    assert problem.startswith("f.ann:6: event 1 is defined twice")


@pytest.mark.parametrize("again", ["T 3 PEOPLE مدنيين", "E 1 KILL actual قُتل\nE 2 KILL negated قُتل"])
def test_one_span_twice_with_one_type(again: str) -> None:
    (problem,) = problems(BLOCK + again)
    assert problem.startswith("f.ann: p1")
    assert "again" in problem


def test_numbers_start_anew_in_each_paragraph() -> None:
    (problem,) = problems(BLOCK + "P 3\nE 1 BESIEGE actual تحاصر | AGENT=2\n")
    assert "no such entity in this paragraph" in problem


def test_file_without_an_article() -> None:
    assert "no article has the id 'other'" in problems("# doc other\nP 1\nT 1 LOC x\n")[0]
    assert "the first line must be '# doc ID'" in problems("P 1\nT 1 LOC x\n")[0]
    assert "it is empty" in problems("# a comment\n")[0]


def test_lines_outside_a_paragraph() -> None:
    (problem,) = problems("# doc zahra\nT 1 PEOPLE مدنيين\n")
    assert problem.startswith("f.ann:2: it stands in no paragraph")


def test_all_problems_are_told_at_once() -> None:
    found = problems(BLOCK + "T 3 LOC حلب\nE 1 MURDER real قتل | VICTIM=2\n")
    assert [problem.split(":")[1] for problem in found] == ["5", "6", "6", "6", "6"]


def contents(document: Document) -> tuple[set[tuple[object, ...]], set[tuple[object, ...]]]:
    spans = {e.id: (e.type, e.start, e.end) for e in document.entities}
    return set(spans.values()), {
        (e.type, e.start, e.end, e.modality, frozenset((a.role, spans[a.entity]) for a in e.arguments))
        for e in document.events
    }


def test_what_is_written_is_read_back_the_same() -> None:
    seeds = load_corpus([Path("annotations/corpus/seeds.jsonl")])
    for document in (sample(), *seeds):
        again = parse(write(document), {document.id: document}, SCHEMA, "f.ann")
        assert contents(again) == contents(document)
        assert write(again) == write(document)


@given(st.data())
def test_any_mentions_of_whole_words_are_read_back_the_same(data: st.DataObject) -> None:
    text = data.draw(st.text(st.sampled_from("اب 7“”،و\n"), max_size=40))
    spans = [(p.start + s, p.start + e) for p in paragraphs(text) for s, e in _whole(p.text)]
    chosen = data.draw(st.sets(st.sampled_from(spans), max_size=8)) if spans else set()
    entities = tuple(Entity(f"e{n}", "LOC", start, end) for n, (start, end) in enumerate(sorted(chosen)))
    document = Document("d", text, entities=entities)
    assert contents(parse(write(document), {"d": document}, SCHEMA, "f.ann")) == contents(document)


def _whole(paragraph: str) -> list[tuple[int, int]]:
    """Every span that can be a mention: of whole words, without white space at its ends."""
    ends = range(len(paragraph) + 1)
    spans = [(s, e) for s in ends for e in ends if s < e and paragraph[s:e] == paragraph[s:e].strip()]
    return [(s, e) for s, e in spans if s in occurrences(paragraph, paragraph[s:e])]


def test_what_cannot_be_written_by_its_words_is_told() -> None:
    bad = Document(
        "d",
        "قتل مدنيون\nفي المدينة",
        entities=(Entity("half", "PEOPLE", 5, 8), Entity("two", "LOC", 4, 15), Entity("far", "LOC", 14, 21)),
        events=(Event("kill", "KILL", 0, 3, "actual", arguments=(Argument("PLACE", "far"),)),),
    )
    with pytest.raises(NotationError) as caught:
        write(bad)
    told = sorted(problem.split(";")[0] for problem in caught.value.problems)
    assert [line[:7] for line in told] == ["d: half", "d: kill", "d: two "]
