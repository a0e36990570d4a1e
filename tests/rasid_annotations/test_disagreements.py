"""The list of differences between two annotations of one text."""

from __future__ import annotations

from dataclasses import replace

from annotation_samples import document, entity, event, sample
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Document
from rasid_annotations.disagreements import KINDS, Disagreement, disagreements
from rasid_annotations.facts import LAYERS


def kinds(first: Document, second: Document) -> list[tuple[str, str]]:
    return [(row.layer, row.kind) for row in disagreements(first, second)]


def test_an_annotation_agrees_with_itself() -> None:
    assert disagreements(sample(), sample()) == []


def test_each_difference_has_its_kind() -> None:
    first = document(entity("a", "LOC", 0, 5), entity("b", "ORG", 10, 14), entity("c", "DATE", 20, 24))
    second = document(entity("a", "LOC", 0, 4), entity("b", "ARMED", 10, 14), entity("d", "FAC", 22, 26))
    assert kinds(first, second) == [("entities", "borders"), ("entities", "type"), ("entities", "both")]
    assert kinds(first, document()) == [("entities", "missed")] * 3
    assert kinds(document(), second) == [("entities", "spurious")] * 3


def test_one_span_under_another_type_is_preferred_to_an_overlap() -> None:
    first = document(entity("a", "LOC", 0, 5))
    second = document(entity("a", "LOC", 0, 9), entity("b", "ORG", 0, 5))
    assert kinds(first, second) == [("entities", "type"), ("entities", "spurious")]


def test_arguments_tell_what_the_other_side_lacks() -> None:
    army, town = entity("a", "ARMED", 0, 4), entity("t", "LOC", 10, 14)
    both = event("e", "ATTACK", 5, 9, ("AGENT", "a"), ("PLACE", "t"))
    assert kinds(document(army, town, both), document(army, town)) == [
        ("triggers", "missed"),
        ("arguments", "trigger"),
        ("arguments", "trigger"),
    ]
    without_town = document(army, event("e", "ATTACK", 5, 9, ("AGENT", "a")))
    assert kinds(document(army, town, both), without_town) == [("arguments", "filler"), ("entities", "missed")]
    unlinked = document(army, town, event("e", "ATTACK", 5, 9, ("AGENT", "a")))
    assert kinds(document(army, town, both), unlinked) == [("arguments", "missed")]
    assert kinds(unlinked, document(army, town, both)) == [("arguments", "spurious")]
    other_role = document(army, town, event("e", "ATTACK", 5, 9, ("AGENT", "a"), ("PATIENT", "t")))
    assert kinds(document(army, town, both), other_role) == [("arguments", "role")]


def test_a_modality_is_told_with_both_values_and_the_words() -> None:
    second = replace(sample(), events=tuple(replace(e, modality="actual") for e in sample().events))
    (row,) = disagreements(sample(), second)
    assert (row.layer, row.kind, row.modalities, row.paragraph) == ("triggers", "modality", ("negated", "actual"), 2)
    assert row.line(sample().text) == "zahra P 2  triggers modality: MOVE «ينسحب» ≠ MOVE «ينسحب» (negated ≠ actual)"
    start = sample().text.index("ينسحب")
    assert row.to_dict()["first"] == {"label": ["MOVE"], "spans": [[start, start + 5]]}


spans = st.tuples(st.integers(0, 20), st.integers(1, 5)).map(lambda pair: (pair[0], pair[0] + pair[1]))
documents = st.sets(st.tuples(st.sampled_from(["LOC", "ORG"]), spans), max_size=6).map(
    lambda items: document(*(entity(f"t{n}", kind, *span) for n, (kind, span) in enumerate(sorted(items))))
)


@given(documents, documents)
def test_every_claim_that_is_not_shared_stands_in_one_row(first: Document, second: Document) -> None:
    rows = disagreements(first, second)
    ours, theirs = (set(LAYERS["entities"](side)) for side in (first, second))
    assert sorted(map(repr, filter(None, (r.first for r in rows)))) == sorted(map(repr, ours - theirs))
    assert sorted(map(repr, filter(None, (r.second for r in rows)))) == sorted(map(repr, theirs - ours))
    assert {row.kind for row in rows} <= KINDS.keys()

    def mirrored(row: Disagreement) -> int:
        return (row.first is None) + 2 * (row.second is None)

    assert len(disagreements(second, first)) == len(rows)
    assert sum(mirrored(row) == 0 for row in rows) == sum(mirrored(r) == 0 for r in disagreements(second, first))
