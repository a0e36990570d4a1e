"""Regions: documents in the form of Label Studio and back, without losing a character, a span or a link."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest
from annotation_samples import SCHEMA, document, entity, event, sample
from hypothesis import given
from hypothesis import strategies as st
from tests.rasid.strategies import texts

from rasid.document import Argument, Document, Entity, Event
from rasid_annotations.label_studio.regions import (
    ANNOTATION,
    RegionError,
    bare,
    regions,
    task_data,
)
from rasid_annotations.label_studio.results import annotated

HARD = (
    "قُتِلَ\t12 عنصرًا 😀 في  دمشق\u200f، قال <b>الجيش</b> &amp; نفى.\r\n"
    "وقصف «الطيران»\r\n\r\n  حلب ثم 👩🏽\u200d🚀 إدلب\u2067abc\u2069 20%"
)
_extras = st.sampled_from(({}, {}, {"note": "ملاحظة 😀"}, {"x#y": [1, None, {"z": True}], "source": 0.5}))
_scores = st.none() | st.floats(0, 1)
_names = st.text("te12#ب😀 _", max_size=4)


@st.composite
def hard_documents(draw: st.DrawFn) -> Document:
    """Any annotation over hard text: nested, crossing and equal spans, odd ids, roles in any number."""
    text = draw(texts.filter(lambda t: t.strip() and "\0" not in t) | st.just(HARD))
    names = draw(st.lists(_names, unique=True, max_size=6))

    def span() -> tuple[int, int]:
        start = draw(st.integers(0, len(text) - 1))
        return start, draw(st.integers(start + 1, len(text)))

    entities, events = [], []
    for name in names:
        if draw(st.booleans()):
            kind = draw(st.sampled_from(SCHEMA.entity_types))
            entities.append(Entity(name, kind, *span(), draw(_scores), draw(_extras)))
        else:
            kind, modality = draw(st.sampled_from(SCHEMA.event_types)), draw(st.sampled_from(SCHEMA.modalities))
            events.append(Event(name, kind, *span(), modality, (), draw(_scores), draw(_extras)))
    if entities:
        links = st.tuples(st.sampled_from(SCHEMA.role_names), st.sampled_from([item.id for item in entities]))
        for place, item in enumerate(events):
            drawn = draw(st.lists(links, unique=True, max_size=3))
            arguments = tuple(Argument(role, filler, draw(_scores), draw(_extras)) for role, filler in drawn)
            events[place] = replace(item, arguments=arguments)
    published = draw(st.none() | st.just("2018-03-20"))
    return Document(draw(_names), text, published, tuple(entities), tuple(events), None, draw(_extras))


def through(document: Document, *, scores: bool = True) -> Document:
    """There and back, by way of JSON as the server keeps it."""
    data, result = json.loads(json.dumps([task_data(document), regions(document, SCHEMA)]))
    reading = annotated(bare(data), result, SCHEMA, scores=scores)
    assert reading.problems == ()
    return reading.document


@given(hard_documents())
def test_nothing_is_lost_on_the_way(document: Document) -> None:
    assert through(document) == document


@given(hard_documents())
def test_what_a_person_submits_has_no_score(document: Document) -> None:
    found = through(document, scores=False)
    assert all(item.score is None for item in (*found.entities, *found.events))
    assert all(argument.score is None for item in found.events for argument in item.arguments)


@given(hard_documents())
def test_offsets_are_code_points_that_quote_their_words(document: Document) -> None:
    for item in regions(document, SCHEMA):
        if item["type"] != "relation":
            value = item["value"]
            assert document.text[value["start"] : value["end"]] == value["text"]
            assert item["id"]
            assert "#" not in item["id"]  # where the editor would cut it


@given(hard_documents())
def test_offsets_in_utf_16_units_are_understood(document: Document) -> None:
    """Older editors count so; the words that a region quotes tell it, unless the same words stand at both places."""

    def units(offset: int) -> int:
        return len(document.text[:offset].encode("utf-16-le")) // 2

    result = regions(document, SCHEMA)
    for item in result:
        if item["type"] != "relation":
            value = item["value"]
            value["start"], value["end"] = units(value["start"]), units(value["end"])
    found = annotated(bare(task_data(document)), result, SCHEMA, scores=True).document
    assert len(found.entities) == len(document.entities)
    for ours, theirs in zip(document.entities, found.entities, strict=True):
        assert "".join(found.mention(theirs).split()) == "".join(document.mention(ours).split())


def test_the_editor_keeps_one_relation_for_two_roles_of_a_filler() -> None:
    given_twice = document(entity("t1", "LOC", 3, 5), event("e1", "MOVE", 0, 2, ("PLACE", "t1"), ("ORIGIN", "t1")))
    relations = [item for item in regions(given_twice, SCHEMA) if item["type"] == "relation"]
    assert [relation["labels"] for relation in relations] == [["PLACE", "ORIGIN"]]


def drawn(kind: str, label: str, start: int, end: int, name: str) -> dict[str, Any]:
    """A region as the editor makes it."""
    return {
        "value": {"start": start, "end": end, "text": HARD[start:end], "labels": [label]},
        "id": name,
        "from_name": kind,
        "to_name": "text",
        "type": "labels",
        "origin": "manual",
    }


def at(words: str) -> tuple[int, int]:
    return HARD.index(words), HARD.index(words) + len(words)


def test_what_is_drawn_by_hand_goes_on_in_the_numbering() -> None:
    base = Document("hard", HARD, entities=(Entity("t1", "QUANTITY", *at("12")),))
    result = regions(base, SCHEMA)
    result += [drawn("entity", "LOC", *at("إدلب"), "kQ3_x-9aBc"), drawn("trigger", "KILL", *at("قُتِلَ"), "ZZZZZZZZZZ")]
    found = annotated(base, result, SCHEMA).document
    assert [(item.id, found.mention(item)) for item in found.entities] == [("t1", "12"), ("t2", "إدلب")]
    assert [(item.id, item.modality) for item in found.events] == [("e1", "actual")]


@pytest.mark.parametrize("direction", ["left", "right", "bi"])
@pytest.mark.parametrize("backwards", [False, True])
def test_a_relation_may_be_drawn_from_either_end(direction: str, backwards: bool) -> None:
    ends = ("bbbbbbbbbb", "aaaaaaaaaa") if backwards else ("aaaaaaaaaa", "bbbbbbbbbb")
    result = [
        drawn("trigger", "KILL", *at("قُتِلَ"), "aaaaaaaaaa"),
        drawn("entity", "QUANTITY", *at("12"), "bbbbbbbbbb"),
        {"from_id": ends[0], "to_id": ends[1], "type": "relation", "direction": direction, "labels": ["COUNT"]},
    ]
    reading = annotated(Document("hard", HARD), result, SCHEMA)
    assert reading.problems == ()
    assert reading.document.events[0].arguments == (Argument("COUNT", "t1"),)


def test_a_region_with_a_label_of_either_kind_is_both() -> None:
    """The editor gives a region all labels that were chosen when it was drawn."""
    result = [
        drawn("entity", "FAC", *at("قصف"), "aaaaaaaaaa"),
        drawn("trigger", "STRIKE", *at("قصف"), "aaaaaaaaaa"),
        drawn("entity", "ARMED", *at("الطيران"), "bbbbbbbbbb"),
        {"from_id": "bbbbbbbbbb", "to_id": "aaaaaaaaaa", "type": "relation", "labels": ["AGENT"]},
    ]
    reading = annotated(Document("hard", HARD), result, SCHEMA)
    assert reading.problems == ()
    assert [(item.id, item.type) for item in reading.document.entities] == [("t1", "FAC"), ("t2", "ARMED")]
    (strike,) = reading.document.events
    assert (strike.id, strike.type, strike.arguments) == ("e1", "STRIKE", (Argument("AGENT", "t2"),))


def test_a_region_that_was_duplicated_is_another_one() -> None:
    base = Document("hard", HARD, entities=(Entity("t1", "LOC", *at("حلب")),))
    result = regions(base, SCHEMA)
    copied = copy.deepcopy(result[0]) | {"id": "cccccccccc"}
    copied["value"] |= {"labels": ["FAC"]}
    found = annotated(base, [*result, copied], SCHEMA).document
    assert [(item.id, item.type) for item in found.entities] == [("t1", "LOC"), ("t2", "FAC")]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda r: r[0]["value"].update(labels=["TOWN"]), "'TOWN'"),
        (lambda r: r[0]["value"].update(labels=[]), "no type of the schema"),
        (lambda r: r[0].update(from_name="other"), "'other'"),
        (lambda r: r[0]["value"].update(end=10_000), "no span"),
        (lambda r: r[0]["value"].update(labels=["LOC", "FAC"]), "'FAC'"),
        (lambda r: r[2].update(id="t1"), "no trigger"),
        (lambda r: r[2].update(from_name="tone"), "'choices' of 'tone'"),
        (lambda r: r[0]["value"].update(start="0"), "no whole numbers"),
        (lambda r: r[0]["value"].update(start=r[0]["value"]["start"] + 1), "stands at its offsets"),
        (lambda r: r[0].pop("value"), "None of 'entity'"),
        (lambda r: r[2]["value"].update(choices=["maybe"]), "no modality"),
        (lambda r: r[3].update(labels=[]), "it has no role"),
        (lambda r: r[3].update(labels=["FOE"]), "no role 'FOE'"),
        (lambda r: r[3].update(to_id="e1"), "expected a trigger and an entity"),
        (lambda r: r[3].update(to_id="gone"), "nothing"),
        (lambda r: r.append({"type": "rating", "from_name": "stars", "value": {"rating": 3}}), "'rating' of 'stars'"),
        (lambda r: r.append("x"), "no part of the schema"),
    ],
)
def test_what_cannot_be_taken_over_is_told_and_the_rest_is_taken(change: Any, told: str) -> None:
    base = Document("hard", HARD, None, (Entity("t1", "QUANTITY", *at("12")),))
    base = replace(base, events=(Event("e1", "KILL", *at("قُتِلَ"), "negated", (Argument("COUNT", "t1"),)),))
    result = regions(base, SCHEMA)
    change(result)
    reading = annotated(bare(task_data(base)), result, SCHEMA)
    assert any(told in problem for problem in reading.problems), reading.problems
    assert len(reading.document.events) == 1


_anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 200)
    | st.floats(allow_nan=False)
    | st.sampled_from(("", "t1", "labels")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("id", "text")), inner, max_size=2),
    max_leaves=3,
)


@given(st.data())
def test_whatever_stands_in_a_result_the_rest_is_read(data: st.DataObject) -> None:
    base = Document("hard", HARD, None, (Entity("t1", "QUANTITY", *at("12"), 0.5), Entity("t2", "LOC", *at("حلب"))))
    arguments = (Argument("COUNT", "t1", 0.5), Argument("PLACE", "t2"))
    base = replace(base, events=(Event("e1", "KILL", *at("قُتِلَ"), "negated", arguments, 0.9),))
    result: Any = regions(base, SCHEMA)
    place: Any = data.draw(st.sampled_from(result))
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(_anything)
    reading = annotated(Document("hard", HARD), result, SCHEMA, scores=True)
    assert len(reading.document.entities) + len(reading.document.events) >= 2
    assert regions(reading.document, SCHEMA) is not None


def test_a_result_that_is_none() -> None:
    assert annotated(Document("d", "نص"), None, SCHEMA).problems


@pytest.mark.parametrize(
    ("damaged", "told"),
    [
        (document(entity("t1", "TOWN", 0, 2)), "no type 'TOWN'"),
        (document(entity("t1", "LOC", 5, 5)), "no span"),
        (document(entity("t1", "LOC", 0, 101)), "no span"),
        (document(entity("t1", "LOC", 0, 2), event("t1", "KILL", 0, 2)), "2 entities or events have this id"),
        (document(event("e1", "KILL", 0, 2, ("PLACE", "t9"))), "no entity of the document"),
        (document(entity("t1", "LOC", 0, 2), event("e1", "KILL", 0, 2, ("FOE", "t1"))), "no role 'FOE'"),
        (document(entity("t1", "LOC", 0, 2), event("e1", "KILL", 0, 2, *[("PLACE", "t1")] * 2)), "stands 2 times"),
        (document(event("e1", "KILL", 0, 2, modality="maybe")), "no modality 'maybe'"),
        (document(text="نص\0"), "NUL"),
        (document(text="نص\ud800"), "surrogate"),
        (document(text=" \n"), "empty"),
    ],
)
def test_a_document_that_cannot_be_shown(damaged: Document, told: str) -> None:
    with pytest.raises(RegionError, match=told):
        regions(damaged, SCHEMA)


def test_who_annotated_it_is_not_sent_back_as_part_of_the_text() -> None:
    pulled = replace(sample(), extra={"outlet": "tests", ANNOTATION: {"annotator": "a@example.com"}})
    assert bare(task_data(pulled)).extra == {"outlet": "tests"}
