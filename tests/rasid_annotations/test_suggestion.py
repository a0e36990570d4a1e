"""Suggestion: what the model is unsure of, and has not seen the like of, comes first."""

from __future__ import annotations

from dataclasses import replace

import pytest
from annotation_samples import document, entity, event

from rasid.document import Document
from rasid.errors import InputError
from rasid_annotations.suggestion import suggest, uncertainty

ATTACK = "هاجم مسلحون حاجزا للجيش في ريف حماة وقتلوا ستة جنود قبل أن ينسحبوا إلى الجبال القريبة"
TALKS = "اتفقت الحكومة والمعارضة على هدنة تبدأ يوم الجمعة بوساطة من الأمم المتحدة في جنيف"
RAIN = "هطلت أمطار غزيرة على العاصمة وأغلقت المدارس أبوابها وتعطلت حركة السير ساعات طويلة"


def read(name: str, text: str, *scores: float) -> Document:
    items = [entity(f"t{n}", "LOC", n, n + 1, score) for n, score in enumerate(scores)]
    return document(*items, name=name, text=text)


def test_the_unsure_come_first() -> None:
    articles = [read("sure", ATTACK, 0.99, 0.98), read("unsure", TALKS, 0.5, 0.4), read("between", RAIN, 0.9, 0.8)]
    assert [found.id for found in suggest(articles, [], 3)] == ["unsure", "between", "sure"]


def test_a_second_copy_comes_last() -> None:
    articles = [read("a", ATTACK, 0.5, 0.5), read("b", ATTACK + " أيضا", 0.5, 0.5), read("c", TALKS, 0.6)]
    assert [found.id for found in suggest(articles, [], 3)][1] == "c"


def test_what_is_annotated_is_left_out_and_so_is_its_like_for_long() -> None:
    annotated = [replace(read("done", ATTACK), entities=())]
    articles = [
        read("done", ATTACK, 0.5),
        read("renamed", ATTACK, 0.5),
        read("like", ATTACK + " أيضا", 0.5, 0.5),
        read("new", TALKS, 0.7),
    ]
    found = suggest(articles, annotated, 5)
    assert [suggestion.id for suggestion in found] == ["new", "like"]
    assert found[0].novelty > found[1].novelty


def test_length_alone_does_not_make_an_article_worth_more() -> None:
    assert uncertainty(read("short", RAIN, 0.5)) > uncertainty(read("long", f"{RAIN} {RAIN}", 0.5))


def test_arguments_count_too() -> None:
    plain = document(entity("t1", "LOC", 0, 2, 0.9), event("e1", "KILL", 3, 5, score=0.9), text=ATTACK)
    (bare,) = plain.events
    linked = document(*plain.entities, event("e1", "KILL", 3, 5, ("PLACE", "t1"), score=0.9), text=ATTACK)
    argument = replace(linked.events[0].arguments[0], score=0.5)
    assert uncertainty(replace(linked, events=(replace(bare, arguments=(argument,)),))) > uncertainty(plain)


def test_no_article_no_suggestion() -> None:
    assert suggest([], [], 5) == []
    assert suggest([replace(read("bad", ATTACK, 0.5), error="unreadable")], [], 5) == []


def test_gold_tells_nothing_of_a_model() -> None:
    with pytest.raises(InputError, match="a mention without a score"):
        suggest([document(entity("t1", "LOC", 0, 2))], [], 1)
