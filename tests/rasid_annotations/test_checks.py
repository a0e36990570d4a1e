"""Each check fires on a document that is otherwise right, and on that alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from annotation_samples import SCHEMA, TEXT, event, sample

from rasid.document import Argument, Document, Entity
from rasid_annotations.checks import Problem, check


def only(document: Document) -> Problem:
    """The single problem of ``document``."""
    problems = check(document, SCHEMA)
    assert len(problems) == 1, problems
    return problems[0]


def with_entity(words: str, kind: str = "ARMED", *, text: str = "", start: int | None = None) -> Document:
    """The sample with one more entity over ``words``, in a paragraph of its own when ``text`` is given."""
    document = sample()
    if text:
        document = replace(document, text=f"{document.text}\n{text}")
        at = len(TEXT) + 1 + text.index(words)
    else:
        at = document.text.index(words) if start is None else start
    return replace(document, entities=(*document.entities, Entity("new", kind, at, at + len(words))))


def with_argument(event_id: str, role: str, target: str) -> Document:
    """The sample with one more argument."""
    document = sample()
    events = tuple(
        replace(e, arguments=(*e.arguments, Argument(role, target))) if e.id == event_id else e for e in document.events
    )
    return replace(document, events=events)


def test_the_sample_is_right() -> None:
    assert check(sample(), SCHEMA) == []


def test_a_problem_is_one_line_that_names_document_item_and_remedy() -> None:
    line = str(only(with_entity(" قصف", text="بعد قصف")))
    assert line.startswith("zahra: new: ")
    assert "\n" not in line
    assert line.endswith("start the span after it")


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (5, 5), (6, 5), (0, len(TEXT) + 1), (len(TEXT), len(TEXT) + 1)])
def test_offsets_outside_the_text(start: int, end: int) -> None:
    document = sample()
    for changed in (
        replace(document, entities=(*document.entities, Entity("new", "LOC", start, end))),
        replace(document, events=(*document.events, event("new", "KILL", start, end))),
    ):
        assert "no span of the text's" in only(changed).message


@pytest.mark.parametrize(
    ("words", "text", "message"),
    [
        (" فصيل", "هاجم فصيل", "starts with white space"),
        ("فصيل ", "فصيل هاجم", "ends with white space"),
        ("\u200fفصيل", "هاجم \u200fفصيل", "invisible mark '\\u200f'"),
        ("فصيل\u200e", "هاجم فصيل\u200e", "ends with white space or an invisible mark"),
        ("“نسور الجبل”", "هاجم “نسور الجبل” موقعا", "starts with '“'"),
        ("نسور الجبل”", "هاجم “نسور الجبل” موقعا", "ends with '”'"),
        ('نسور الجبل"', 'هاجم "نسور الجبل" موقعا', "ends with '\"'"),
        ("فصيل “نسور", "هاجم فصيل “نسور الجبل” موقعا", "opens a quote or bracket"),
        ("فصيل “", "هاجم فصيل “نسور الجبل” موقعا", "ends with '“'"),
        ("نسور الجبل'", "هاجم 'نسور الجبل' موقعا", 'ends with "\'"'),
        ("فصيل.", "هاجم فصيل.", "ends with '.'"),
        ("فصيل،", "هاجم فصيل، ثم", "ends with '،'"),
        ("فصيل؛", "هاجم فصيل؛ ثم", "ends with '؛'"),
        ("فصيل:", "هاجم فصيل: ثم", "ends with ':'"),
        ("، فصيل", "هاجم، فصيل", "starts with '،'"),
        ("(فصيل)", "هاجم (فصيل)", "starts with '('"),
        ("فصيل)", "هاجم (فصيل)", "ends with ')'"),
        ("فصيل (الجبل", "هاجم فصيل (الجبل) موقعا", "opens a quote or bracket"),
        ("صيل", "هاجم فصيلا وفصيل", "cuts a word: 'ا' follows"),
        ("لجبل", "هاجم الجبل", "cuts a word: 'ا' stands before it"),
        ("قوات", "هاجم قواته", "cuts a word: 'ه' follows"),
        ("فصيل\nوهاجم", "كان فصيل\nوهاجم موقعا", "runs over the end of a paragraph"),
    ],
)
def test_edges_of_a_span(words: str, text: str, message: str) -> None:
    assert message in only(with_entity(words, text=text)).message


def test_a_trigger_is_checked_like_an_entity() -> None:
    document = sample()
    start = TEXT.index(" قصف") if " قصف" in TEXT else TEXT.index("بقصف")
    changed = replace(document, events=(event("new", "ATTACK", start - 1, start + 4),))
    assert "starts with white space" in only(changed).message


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("فصيل “نسور الجبل”", "هاجم فصيل “نسور الجبل” موقعا"),
        ('فصيل "نسور الجبل"', 'هاجم فصيل "نسور الجبل" موقعا'),
        ("فصيل ”نسور الجبل“", "هاجم فصيل ”نسور الجبل“ موقعا"),
        ("فصيل 'نسور الجبل'", "هاجم فصيل 'نسور الجبل' موقعا"),
        ("تنظيم (نسور)", "هاجم تنظيم (نسور)"),
        ("نسور الجبل", "هاجم “نسور الجبل” موقعا"),
        ("فصيل", "ولفصيل آخر"),
        ("70%", "على 70% منه"),
        ("140", "على 140جنديا"),
        ("Côte d’Or", "من Côte d’Or"),
        ("@nusur_", "في @nusur_ اليوم"),
    ],
)
def test_what_the_guidelines_allow_is_right(words: str, text: str) -> None:
    assert check(with_entity(words, text=text), SCHEMA) == []


def test_unknown_entity_type() -> None:
    problem = only(with_entity("الأحد", "WEEKDAY"))
    assert "no entity type 'WEEKDAY'" in problem.message
    assert "PERSON" in problem.remedy


def test_an_event_type_is_no_entity_type() -> None:
    assert "no entity type 'KILL'" in only(with_entity("الأحد", "KILL")).message


def test_unknown_event_type_and_modality() -> None:
    document = sample()
    start = TEXT.index("قال")
    odd = event("new", "SPEAK", start, start + 3)
    assert "no event type 'SPEAK'" in only(replace(document, events=(*document.events, odd))).message
    maybe = event("new", "ATTACK", start, start + 3, modality="maybe")
    assert "no modality 'maybe'" in only(replace(document, events=(*document.events, maybe))).message


def test_unknown_role() -> None:
    problem = only(with_argument("p1e1", "VICTIM", "p1t2"))
    assert (problem.item, "no role 'VICTIM'" in problem.message) == ("p1e1", True)


def test_argument_that_points_to_no_entity() -> None:
    assert "AGENT=p9t9: the document has no such entity" in only(with_argument("p1e1", "AGENT", "p9t9")).message
    assert "no such entity" in only(with_argument("p1e1", "AGENT", "p1e2")).message


def test_filler_type_that_the_role_does_not_take() -> None:
    problem = only(with_argument("p1e1", "INSTRUMENT", "p1t2"))
    assert "a PEOPLE cannot fill INSTRUMENT" in problem.message
    assert problem.remedy == "it takes WEAPON"


def test_role_that_the_event_type_does_not_have() -> None:
    problem = only(with_argument("p1e1", "DESTINATION", "p1t4"))
    assert "KILL has no role DESTINATION" in problem.message


def test_one_filler_twice_in_one_role() -> None:
    assert "argument PATIENT=p1t2 stands 2 times" in only(with_argument("p1e1", "PATIENT", "p1t2")).message


def test_one_filler_in_two_roles_is_right() -> None:
    assert check(with_argument("p2e3", "PATIENT", "p2t7"), SCHEMA) == []


def test_argument_in_another_paragraph() -> None:
    problem = only(with_argument("p1e1", "PLACE", "p3t3"))
    assert "stands in another paragraph" in problem.message


@pytest.mark.parametrize("group", ["entities", "events"])
def test_duplicate_ids(group: str) -> None:
    document = sample()
    first, second, *rest = getattr(document, group)
    renamed = replace(document, **{group: (first, replace(second, id=first.id), *rest)})
    assert any(f"{first.id}: 2 entities or events have this id" in str(problem) for problem in check(renamed, SCHEMA))


def test_entities_and_events_share_their_ids() -> None:
    document = sample()
    last = document.events[-1]
    renamed = replace(document, events=(*document.events[:-1], replace(last, id="p1t1")))
    assert only(renamed).item == "p1t1"


def test_one_span_twice_with_one_type() -> None:
    document = sample()
    entity_twin = replace(document.entities[0], id="twin")
    assert "again, after 'p1t1'" in only(replace(document, entities=(*document.entities, entity_twin))).message
    event_twin = replace(document.events[0], id="twin", modality="negated")
    assert "again, after 'p1e1'" in only(replace(document, events=(*document.events, event_twin))).message
    other_type = replace(document.entities[0], id="other", type="DATE")
    assert check(replace(document, entities=(*document.entities, other_type)), SCHEMA) == []


@pytest.mark.parametrize("published", ["3 May 2021", "2021-13-01", "20210503", "2021-05-03T10:00", "٢٠٢١-٠٥-٠٣", ""])
def test_published_is_an_iso_date(published: str) -> None:
    assert only(replace(sample(), published=published)).item == "published"
    assert check(replace(sample(), published=None), SCHEMA) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "empty"), (" \n", "empty"), ("أ\0ب", "NUL at offset 1"), ("أ\ud800", "lone surrogate '\\ud800' at offset 1")],
)
def test_text_that_is_no_article(text: str, message: str) -> None:
    problem = only(Document("d", text))
    assert problem.item == "text"
    assert message in problem.message
    str(problem).encode("utf-8")


def test_document_without_a_name() -> None:
    assert only(replace(sample(), id=" ")).item == "id"


def test_score_that_is_no_probability() -> None:
    document = sample()
    scored = replace(document.entities[0], score=1.5)
    assert "score 1.5" in only(replace(document, entities=(scored, *document.entities[1:]))).message
    first = document.events[0]
    arguments = (replace(first.arguments[0], score=-0.1), *first.arguments[1:])
    changed = replace(document, events=(replace(first, arguments=arguments), *document.events[1:]))
    assert "score -0.1" in only(changed).message
