"""Choosing articles for annotation."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from rasid.document import Document
from rasid_annotations.selection import Plan, SelectionError, Split, load_plan, select

ROOT = Path(__file__).parent.parent.parent
PLAN = Plan(
    seed=0,
    words=(5, 60),
    splits={
        "test": Split(6, outlets=("held",), months=("2021-09",)),
        "development": Split(4, outlets=("other",), include=("given",)),
        "train": Split(20),
    },
    strata={"country": {"North": ("الشمال",), "South": ("الجنوب",)}, "event": {"KILL": ("قتل",), "MOVE": ("نزح",)}},
    single=("country",),
)


def article(name: str, outlet: str, month: str, text: str) -> Document:
    return Document(name, text, f"{month}-01", extra={"outlet": outlet})


@pytest.fixture(scope="module")
def pool() -> list[Document]:
    """200 articles that have only small words in common; one in ten tells of the South."""
    draw = random.Random(5)
    articles = []
    for number in range(200):
        words = ["".join(draw.choices("بتثجحخدذرزسشصض", k=6)) for _ in range(draw.randint(6, 40))]
        words += ["في الجنوب" if number % 10 == 0 else "في الشمال", "قتل" if number % 3 else "نزح"]
        outlet = ("a", "a", "a", "b", "held", "other")[number % 6]
        articles.append(article(f"{outlet}-{number}", outlet, f"2021-0{1 + number % 9}", " ".join(words)))
    return articles


def test_splits_are_filled_from_what_they_claim(pool: list[Document]) -> None:
    chosen = select([*pool, article("given", "a", "2021-09", " ".join("كلمات" * 3))], PLAN)
    by_id = {a.id: a for a in pool}
    assert Counter(row.split for row in chosen) == {"test": 6, "development": 4, "train": 20}
    assert len({row.id for row in chosen}) == 30
    for row in chosen:
        if row.id == "given":
            assert row.split == "development"
            continue
        outlet, month = by_id[row.id].extra["outlet"], str(by_id[row.id].published)[:7]
        held = {"test": outlet == "held" or month == "2021-09", "development": outlet == "other"}
        assert held.get(row.split, outlet in "ab" and month != "2021-09")


def test_the_order_of_the_pool_does_not_matter_and_the_seed_does(pool: list[Document]) -> None:
    plan = replace(PLAN, splits={"train": Split(20)})
    chosen = select(pool, plan)
    assert select(pool[::-1], plan) == chosen
    assert select(pool, replace(plan, seed=1)) != chosen


def test_rare_values_are_chosen_more_often_than_chance(pool: list[Document]) -> None:
    chosen = select(pool, replace(PLAN, splits={"train": Split(40)}))
    south = sum(row.traits["country"] == ["South"] for row in chosen)
    assert south >= 8  # by the square root a quarter of 40; by chance a tenth


def test_a_report_is_chosen_once(pool: list[Document]) -> None:
    copies = [replace(a, id=f"{a.id}-copy") for a in pool]
    chosen = select(pool + copies, replace(PLAN, splits={"test": Split(30, outlets=("a",)), "train": Split(30)}))
    assert len({row.id.removesuffix("-copy") for row in chosen}) == 60


def test_a_later_split_takes_denser_articles_and_leaves_the_earlier_as_it_is(pool: list[Document]) -> None:
    alone = select(pool, replace(PLAN, splits={"train": Split(20)}))
    both = select(pool, replace(PLAN, splits={"train": Split(20), "dense": Split(20, density=4)}))
    assert both[:20] == alone
    assert len({row.id for row in both}) == 40
    by_id = {a.id: a.text for a in pool}
    for row in both[20:]:
        text = by_id[row.id]
        assert 100 * (text.count("قتل") + text.count("نزح")) / len(text.split()) >= 4


def test_lengths_are_kept(pool: list[Document]) -> None:
    chosen = select(pool, replace(PLAN, words=(12, 20), splits={"train": Split(20)}))
    words = {a.id: len(a.text.split()) for a in pool}
    assert all(12 <= words[row.id] <= 20 for row in chosen)


def test_what_cannot_be_had_is_told(pool: list[Document]) -> None:
    with pytest.raises(SelectionError, match=r"splits\.train: 300 articles are wanted, 200 can be had"):
        select(pool, replace(PLAN, splits={"train": Split(300)}))
    with pytest.raises(SelectionError, match=r"splits\.train\.include: no article 'nowhere'"):
        select(pool, replace(PLAN, splits={"train": Split(3, include=("nowhere",))}))


def test_the_plan_of_the_corpus_is_read() -> None:
    plan = load_plan(ROOT / "annotations" / "selection.yaml")
    assert plan.splits["test"].articles >= 50
    assert plan.single == ("country",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"words": 5}, "expected the keys seed, words"),
        ({"splits": {"train": {"artikles": 3}}}, "artikles"),
        ({"seeds": 1}, "unknown key 'seeds'"),
    ],
)
def test_mistakes_in_a_plan_are_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = tmp_path / "plan.yaml"
    data = {"seed": 0, "words": [1, 2], "splits": {"train": {"articles": 3}}}
    path.write_text(yaml.safe_dump(data | change), encoding="utf-8")
    with pytest.raises(SelectionError, match=message):
        load_plan(path)
