"""Reconciliation: the majority, the tie that goes to an adjudicator, and the adjudicator's word."""

from __future__ import annotations

from dataclasses import replace

import pytest
from annotation_samples import SCHEMA, document, documents, entity, event, sample
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Document
from rasid_annotations.facts import LAYERS
from rasid_annotations.label_studio.regions import regions
from rasid_annotations.reconciliation import Reconciled, ReconciliationError, reconcile


def one(*by: Document, **options: object) -> Reconciled:
    (row,) = reconcile({f"annotator{place}": [d] for place, d in enumerate(by)}, **options)  # type: ignore[arg-type]
    return row


def facts(document: Document) -> dict[str, set[object]]:
    return {name: set(extract(document)) for name, extract in LAYERS.items()}


def test_what_all_have_is_settled() -> None:
    row = one(sample(), sample())
    assert row.open == ()
    assert facts(row.document) == facts(sample())
    assert row.document.extra == sample().extra
    assert [event.modality for event in row.document.events].count("negated") == 1


def test_two_of_three_decide_for_and_against() -> None:
    place, other = entity("t1", "LOC", 3, 5), entity("t2", "ARMED", 7, 9)
    attack = event("e1", "ATTACK", 0, 2, ("PLACE", "t1"))
    with_other = event("e1", "ATTACK", 0, 2, ("PLACE", "t1"), ("AGENT", "t2"), modality="negated")
    row = one(document(place, attack), document(place, attack), document(place, other, with_other))
    assert row.open == ()
    assert facts(row.document) == facts(document(place, attack))
    assert row.document.events[0].modality == "actual"
    assert all(item.score is None for item in (*row.document.entities, *row.document.events))


def test_a_tie_is_open_and_tells_who_has_it() -> None:
    place = entity("t1", "LOC", 3, 5)
    row = one(document(place, event("e1", "ATTACK", 0, 2, ("PLACE", "t1"))), document(place))
    assert [line.partition(" ")[0] for line in row.open] == ["argument", "trigger"]
    assert all("only annotator0" in line for line in row.open)
    # what is open goes to the adjudicator as a suggestion, with the share of votes as its score
    assert row.document.entities[0].score == 1.0
    assert row.document.events[0].score == row.document.events[0].arguments[0].score == 0.5


def test_modality_is_put_to_the_vote_too() -> None:
    row = one(document(event("e1", "ATTACK", 0, 2)), document(event("e1", "ATTACK", 0, 2, modality="negated")))
    assert row.open == ("modality of ATTACK «xx»: actual ≠ negated",)


def test_the_adjudicator_decides_alone() -> None:
    mine = document(entity("t7", "FAC", 1, 4))
    row = one(document(entity("t1", "LOC", 3, 5)), document(), mine, adjudicator="annotator2")
    assert row.adjudicated
    assert row.document == mine


def test_an_article_that_one_annotator_read_waits_for_another() -> None:
    assert "of 2 that are asked for" in one(sample()).open[0]
    assert one(sample(), least=1).open == ()


def test_texts_that_differ() -> None:
    with pytest.raises(ReconciliationError, match="text of annotator1 differs from that of annotator0"):
        one(sample(), replace(sample(), text=sample().text + " "))


def test_an_adjudicator_who_is_none_of_them() -> None:
    with pytest.raises(ReconciliationError, match="annotator0"):
        one(sample(), adjudicator="somebody")


@given(st.lists(documents(), min_size=1, max_size=5))
def test_it_is_a_majority_and_can_be_shown(by: list[Document]) -> None:
    row = one(*by, least=1)
    assert regions(row.document, SCHEMA) is not None  # ids are unique and no argument dangles
    for name, extract in LAYERS.items():
        kept = set(extract(row.document))
        for fact in {fact for d in by for fact in extract(d)}:
            votes = sum(fact in extract(d) for d in by)
            if 2 * votes > len(by) and name != "arguments":
                assert fact in kept
            if 2 * votes < len(by) and name != "arguments":
                assert fact not in kept
        if not row.open and name != "arguments":
            assert all(2 * sum(fact in extract(d) for d in by) > len(by) for fact in kept)


@given(documents())
def test_nobody_disagrees_with_themselves(reading: Document) -> None:
    row = one(reading, reading, reading)
    assert facts(row.document)["entities"] == facts(reading)["entities"]
    assert facts(row.document)["triggers"] == facts(reading)["triggers"]
