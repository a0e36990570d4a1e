"""The flat entity layer and seqeval."""

from __future__ import annotations

import pytest
from annotation_samples import corpora, document, documents, entity, sample
from hypothesis import given

from rasid.document import Document
from rasid_annotations.flat import outermost, seqeval_report, tags, tokens
from rasid_annotations.matching import Counts
from rasid_annotations.scoring import ScoringError, score


def test_the_longest_mentions_are_kept() -> None:
    outer, inner = entity("a", "ARMED", 0, 12), entity("b", "ORG", 5, 12)
    crossing, apart = entity("c", "LOC", 10, 17), entity("d", "LOC", 12, 15)
    assert outermost([inner, crossing, apart, outer]) == [outer, apart]
    assert outermost([]) == []


def test_ties_do_not_depend_on_order() -> None:
    people, count = entity("a", "PEOPLE", 0, 5), entity("b", "QUANTITY", 0, 5)
    assert outermost([people, count]) == outermost([count, people]) == [people]
    left, right = entity("a", "LOC", 0, 5), entity("b", "LOC", 3, 8)
    assert outermost([right, left]) == [left]


def test_a_proclitic_outside_a_mention_is_a_token_of_its_own() -> None:
    text = "قال لعنب بلدي، أمس."
    mention = entity("a", "MEDIA", 5, 13)
    spans = tokens(text, [mention])
    assert [text[a:b] for a, b in spans] == ["قال", "ل", "عنب", "بلدي", "،", "أمس", "."]
    assert tags(spans, [mention]) == ["O", "O", "B-MEDIA", "I-MEDIA", "O", "O", "O"]


def test_neighbours_of_one_type_stay_two() -> None:
    pair = [entity("a", "LOC", 0, 2), entity("b", "LOC", 3, 5)]
    assert tags(tokens("حي حي", pair), pair) == ["B-LOC", "B-LOC"]


def test_report_by_hand() -> None:
    text = "قوات النظام السوري في دمشق ودرعا"
    gold = document(
        entity("a", "ARMED", 0, 18),
        entity("b", "ORG", 5, 18),
        entity("c", "LOC", 22, 26),
        entity("d", "LOC", 28, 32),
        text=text,
    )
    predicted = document(entity("a", "ARMED", 0, 18), entity("c", "LOC", 22, 26), entity("d", "LOC", 27, 32), text=text)
    report = seqeval_report([gold], [predicted])
    assert report["micro"] == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "support": 3})
    assert report["macro"]["f1"] == pytest.approx((1 + 0.5) / 2)
    assert report["types"]["LOC"]["f1"] == pytest.approx(0.5)
    assert (report["gold_entities"], report["dropped_gold"]) == (4, 1)
    assert (report["predicted_entities"], report["dropped_predicted"]) == (3, 0)


def test_a_prediction_that_cuts_a_word_is_counted_though_gold_has_no_edge_there() -> None:
    gold = document(entity("a", "LOC", 0, 4), entity("b", "LOC", 5, 10), text="دمشق ودرعا")
    predicted = document(entity("a", "LOC", 0, 4), entity("b", "LOC", 6, 10), text="دمشق ودرعا")
    micro = seqeval_report([gold], [predicted])["micro"]
    assert (micro["precision"], micro["recall"]) == (0.5, 0.5)


def test_nothing_on_either_side_is_zero() -> None:
    report = seqeval_report([document()], [document()])
    assert (report["micro"]["f1"], report["macro"]["f1"], report["types"]) == (0.0, 0.0, {})
    assert seqeval_report([sample()], [Document(sample().id, sample().text)])["micro"]["f1"] == 0.0
    assert seqeval_report([Document(sample().id, sample().text)], [sample()])["micro"]["f1"] == 0.0


def test_documents_that_do_not_pair_are_refused() -> None:
    with pytest.raises(ScoringError, match="missing"):
        seqeval_report([document(name="a")], [document(name="b")])


@given(corpora())
def test_tags_say_exactly_what_flat_spans_say(docs: list[Document]) -> None:
    """seqeval over the tags counts what strict scoring counts over the flat entities."""

    def flat(d: Document) -> Document:
        # A span's blank edges belong to no token, and a span of white space alone has none.
        trimmed = []
        for item in outermost(d.entities):
            mention = d.text[item.start : item.end]
            start, end = item.end - len(mention.lstrip()), item.start + len(mention.rstrip())
            if start < end:
                trimmed.append(entity(item.id, item.type, start, end))
        return Document(d.id, d.text, entities=tuple(trimmed))

    first, second = docs[0], Document(docs[0].id, docs[1].text, entities=docs[1].entities)
    ours, theirs = flat(first), flat(second)
    micro = seqeval_report([first], [second])["micro"]
    total: Counts = score([ours], [theirs]).entities.strict.total
    assert micro["precision"] == pytest.approx(total.precision)
    assert micro["recall"] == pytest.approx(total.recall)
    assert micro["f1"] == pytest.approx(total.f1)


@given(documents())
def test_tokens_cover_all_but_white_space_and_cross_no_edge(one: Document) -> None:
    spans = tokens(one.text, one.entities)
    covered = {i for start, end in spans for i in range(start, end)}
    assert covered == {i for i, char in enumerate(one.text) if not char.isspace()}
    assert len(covered) == sum(end - start for start, end in spans)
    for item in one.entities:
        assert not any(start < edge < end for edge in (item.start, item.end) for start, end in spans)
