"""Scores against counts made by hand, and properties over generated documents."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace

import pytest
from annotation_samples import corpora, document, documents, entity, event, sample
from hypothesis import given
from hypothesis import strategies as st

from rasid.document import Argument, Document, Entity, Event
from rasid.errors import DocumentError
from rasid_annotations.facts import Fact, argument_facts, entity_facts
from rasid_annotations.matching import Counts, maximum_matching, relaxed_matches, strict_matches
from rasid_annotations.scoring import ScoringError, score


def counts(matched: int, gold: int, predicted: int) -> Counts:
    return Counts(matched, gold, predicted)


def test_shares_and_their_zeros() -> None:
    assert (Counts(2, 4, 5).recall, Counts(2, 4, 5).precision) == (0.5, 0.4)
    assert Counts(2, 4, 5).f1 == pytest.approx(2 * 0.5 * 0.4 / 0.9)
    for empty in (Counts(), Counts(0, 3, 0), Counts(0, 0, 3)):
        assert (empty.precision, empty.recall, empty.f1) == (0.0, 0.0, 0.0)


def test_nested_and_wrong_spans_by_hand() -> None:
    gold = document(
        entity("a", "ARMED", 0, 12),
        entity("b", "ORG", 5, 12),  # nested in a
        entity("c", "LOC", 20, 25),
        entity("d", "LOC", 30, 35),
    )
    predicted = document(
        entity("1", "ARMED", 0, 12),  # right
        entity("2", "ORG", 4, 12),  # overlaps
        entity("3", "PERSON", 20, 25),  # wrong type
        entity("4", "LOC", 35, 40),  # touches d, shares no character
    )
    report = score([gold], [predicted]).entities
    assert report.strict.total == counts(1, 4, 4)
    assert report.strict.total.f1 == 0.25
    assert report.relaxed.total == counts(2, 4, 4)
    assert report.strict.kinds == {
        "ARMED": counts(1, 1, 1),
        "LOC": counts(0, 2, 1),
        "ORG": counts(0, 1, 1),
        "PERSON": counts(0, 0, 1),
    }
    assert report.relaxed.kinds["ORG"] == counts(1, 1, 1)
    assert report.strict.macro_f1 == 0.25


def test_nested_spans_of_one_type_are_two_entities() -> None:
    gold = document(entity("a", "LOC", 0, 10), entity("b", "LOC", 5, 10))
    report = score([gold], [document(entity("1", "LOC", 0, 10))]).entities
    assert report.strict.total == report.relaxed.total == counts(1, 2, 1)


def test_two_events_on_one_trigger() -> None:
    filler = entity("t", "PEOPLE", 10, 14)
    gold = document(filler, event("k", "KILL", 0, 4, ("PATIENT", "t")), event("i", "INJURE", 0, 4, ("PATIENT", "t")))
    predicted = document(filler, event("k", "KILL", 0, 4, ("PATIENT", "t")))
    report = score([gold], [predicted])
    assert report.triggers.strict.total == counts(1, 2, 1)
    assert report.arguments.strict.total == counts(1, 2, 1)
    assert report.arguments.strict.kinds == {"PATIENT": counts(1, 2, 1)}
    assert report.modality.total == 1


def test_an_argument_hangs_on_its_filler_trigger_type_and_role() -> None:
    gold = document(
        entity("t", "LOC", 10, 20), entity("u", "DATE", 30, 34), event("e", "KILL", 0, 4, ("PLACE", "t"), ("TIME", "u"))
    )
    wrong_boundary = replace(gold, entities=(entity("t", "LOC", 12, 20), gold.entities[1]))
    report = score([gold], [wrong_boundary]).arguments
    assert report.strict.kinds == {"PLACE": counts(0, 1, 1), "TIME": counts(1, 1, 1)}
    assert report.relaxed.kinds == {"PLACE": counts(1, 1, 1), "TIME": counts(1, 1, 1)}

    def arguments(changed: Event) -> tuple[int, int]:
        layer = score([gold], [replace(gold, events=(changed,))]).arguments
        return layer.strict.total.matched, layer.relaxed.total.matched

    (told,) = gold.events
    assert arguments(replace(told, end=3)) == (0, 2)
    assert arguments(replace(told, start=5, end=8)) == (0, 0)
    assert arguments(replace(told, type="INJURE")) == (0, 0)
    assert arguments(replace(told, arguments=(Argument("ORIGIN", "t"), told.arguments[1]))) == (1, 1)


def test_relaxed_counts_nothing_twice() -> None:
    mentions = [entity(str(i), "LOC", 10 * i, 10 * i + 8) for i in range(3)]
    long = document(entity("long", "LOC", 0, 30))
    assert score([document(*mentions)], [long]).entities.relaxed.total == counts(1, 3, 1)
    assert score([long], [document(*mentions)]).entities.relaxed.total == counts(1, 1, 3)


def test_relaxed_finds_the_largest_matching() -> None:
    # Greedily a takes 1, and b, which overlaps 1 alone, is left with nothing.
    gold = document(entity("a", "LOC", 0, 20), entity("b", "LOC", 0, 5))
    predicted = document(entity("1", "LOC", 3, 9), entity("2", "LOC", 15, 20))
    assert score([gold], [predicted]).entities.relaxed.total == counts(2, 2, 2)


def test_a_long_augmenting_path_needs_no_recursion() -> None:
    # Row i is given column i; the last row takes column 0 and pushes all the others along by one.
    assert maximum_matching([*([i, i + 1] for i in range(5000)), [0]]) == 5001


_facts = st.lists(
    st.builds(
        lambda label, start, length, other: Fact((label,), ((start, start + length), (other, other + 3))),
        st.sampled_from("AB"),
        st.integers(0, 9),
        st.integers(1, 5),
        st.integers(0, 4),
    ),
    max_size=5,
    unique=True,
)


@given(_facts, _facts)
def test_relaxed_matching_is_what_trying_all_pairings_finds(gold: list[Fact], predicted: list[Fact]) -> None:
    def fits(one: Fact, other: Fact) -> bool:
        pairs = zip(one.spans, other.spans, strict=True)
        return one.label == other.label and all(set(range(*a)) & set(range(*b)) for a, b in pairs)

    small, large = sorted((gold, predicted), key=len)
    best = max(
        sum(fits(one, other) for one, other in zip(small, order, strict=True))
        for order in itertools.permutations(large, len(small))
    )
    assert relaxed_matches(gold, predicted) == best
    assert strict_matches(gold, predicted) <= best


def test_one_fact_stated_twice_counts_once_with_its_higher_score() -> None:
    twice = document(entity("a", "LOC", 0, 5, 0.4), entity("b", "LOC", 0, 5, 0.9), entity("c", "LOC", 0, 5))
    assert list(entity_facts(twice).values()) == [0.9]
    report = score([document(entity("g", "LOC", 0, 5))], [twice]).entities
    assert report.strict.total == counts(1, 1, 1)
    assert report.calibration is not None
    assert report.calibration.brier == pytest.approx(0.01)


def test_fillers_of_two_types_on_one_span_are_one_argument() -> None:
    both = document(
        entity("p", "PEOPLE", 10, 14),
        entity("q", "ARMED", 10, 14),
        event("e", "KILL", 0, 4, ("PATIENT", "p"), ("PATIENT", "q")),
    )
    assert len(argument_facts(both)) == 1


def test_an_argument_that_points_nowhere_is_named() -> None:
    broken = document(event("e1", "KILL", 0, 4, ("PATIENT", "t9")), name="d7")
    with pytest.raises(DocumentError, match="'d7', event 'e1': PATIENT points to 't9'"):
        score([broken], [broken])


def test_modality_over_strictly_matched_triggers() -> None:
    gold = document(
        event("1", "KILL", 0, 4),
        event("2", "STRIKE", 10, 14, modality="negated"),
        event("3", "MOVE", 20, 24, modality="negated"),
        event("4", "HOLD", 30, 34),
    )
    predicted = document(
        event("1", "KILL", 0, 4),
        event("2", "STRIKE", 10, 14),
        event("3", "MOVE", 20, 25, modality="negated"),
        event("4", "HOLD", 30, 34),
    )
    modality = score([gold], [predicted]).modality
    assert (modality.correct, modality.total) == (2, 3)
    assert modality.accuracy == pytest.approx(2 / 3)
    assert modality.to_dict()["confusion"] == {"actual": {"actual": 2}, "negated": {"actual": 1}}


def test_documents_are_matched_by_id_in_any_order() -> None:
    pair = [document(entity("a", "LOC", 0, 5), name="1"), document(entity("a", "ORG", 3, 8), name="2")]
    assert score(pair, pair[::-1]).entities.strict.total == counts(2, 2, 2)


@pytest.mark.parametrize(
    ("gold", "predicted", "message"),
    [
        (["a", "b"], ["a"], r"1 document\(s\) missing from the predicted documents: 'b'"),
        (["a"], ["a", "b"], r"missing from the gold documents: 'b'"),
        (["a", "a"], ["a"], "'a' stands twice in the gold"),
        (["a"], ["a", "a"], "'a' stands twice in the predicted"),
        ([], [], "no document to score"),
    ],
)
def test_documents_that_do_not_pair_are_named(gold: list[str], predicted: list[str], message: str) -> None:
    with pytest.raises(ScoringError, match=message):
        score([document(name=name) for name in gold], [document(name=name) for name in predicted])


def test_another_text_is_refused() -> None:
    with pytest.raises(ScoringError, match="'d': gold and predicted texts differ from offset 3"):
        score([document(text="abcdef")], [document(text="abcXef")])
    with pytest.raises(ScoringError, match="differ from offset 3"):
        score([document(text="abcdef")], [document(text="abc")])


def test_negative_resamples_are_refused() -> None:
    with pytest.raises(ScoringError, match="resamples is -1"):
        score([sample()], [sample()], resamples=-1)


def test_unread_documents_are_told_and_count_as_missed() -> None:
    unread = Document(sample().id, sample().text, error="too long")
    report = score([sample()], [unread])
    assert report.unread == 1
    assert report.entities.strict.total == counts(0, 18, 0)
    assert "1 of them unread" in report.table()


@given(documents())
def test_a_document_against_itself_is_perfect(one: Document) -> None:
    report = score([one], [one])
    for layer in report.layers.values():
        for measure in (layer.strict, layer.relaxed):
            assert measure.total.matched == measure.total.gold == measure.total.predicted
            assert measure.total.f1 == (1.0 if measure.total.gold else 0.0)
            assert all(kind.f1 == 1.0 for kind in measure.kinds.values())
            assert measure.macro_f1 == (1.0 if measure.kinds else 0.0)
    assert report.modality.correct == report.modality.total == report.triggers.strict.total.gold


@given(documents(), documents())
def test_swapping_the_sides_swaps_precision_and_recall(one: Document, other: Document) -> None:
    there, back = score([one], [other]), score([other], [one])
    for name, layer in there.layers.items():
        for way in ("strict", "relaxed"):
            ours, theirs = getattr(layer, way), getattr(back.layers[name], way)
            assert (ours.total.precision, ours.total.recall) == (theirs.total.recall, theirs.total.precision)
            assert ours.total.f1 == theirs.total.f1
            assert ours.kinds.keys() == theirs.kinds.keys()
        assert layer.relaxed.total.matched >= layer.strict.total.matched


@given(corpora())
def test_ids_and_order_do_not_matter(docs: list[Document]) -> None:
    def renamed(item: Entity) -> Entity:
        return replace(item, id=f"other-{item.id}")

    mixed = [
        replace(
            d,
            entities=tuple(map(renamed, reversed(d.entities))),
            events=tuple(
                replace(e, arguments=tuple(replace(a, entity=f"other-{a.entity}") for a in reversed(e.arguments)))
                for e in d.events
            ),
        )
        for d in docs
    ]
    assert score(docs, mixed, resamples=20) == score(docs, docs, resamples=20)


def test_table_and_json_agree() -> None:
    _, second, *rest = sample().entities
    longer = replace(second, end=second.end + 1)  # a wrong boundary; the first entity and event are missed
    gold, predicted = sample(), replace(sample(), entities=(longer, *rest), events=sample().events[1:])
    report = score([gold], [predicted])
    data = json.loads(json.dumps(report.to_dict()))
    assert data["entities"]["strict"]["matched"] == 16
    assert data["entities"]["relaxed"]["matched"] == 17
    assert data["entities"]["strict"]["interval"] is None
    assert data["entities"]["calibration"] is None
    assert data["entities"]["strict"]["kinds"]["QUANTITY"]["recall"] == 0.5
    table = report.table()
    rows = {tuple(line.split()[:2]): line.split() for line in table.splitlines()}
    assert rows["strict", "entities"][2:5] == ["0.941", "0.889", "0.914"]
    assert rows["strict", "entities"][-3:] == ["18", "17", "16"]
    assert rows["relaxed", "entities"][2:5] == ["1.000", "0.944", "0.971"]
    assert "WEAPON" not in table  # neither side has one
    assert "modality accuracy 1.000 (6 of 6" in table
    assert not any(line != line.rstrip() for line in table.splitlines())
