"""Agreement of annotators, word by word."""

from __future__ import annotations

from pathlib import Path

import pytest
from annotation_samples import document, entity, event, sample
from sklearn.metrics import cohen_kappa_score

from rasid.document import Document
from rasid_annotations.agreement import kappas
from rasid_annotations.corpus import load_corpus
from rasid_annotations.words import words

TEXT = " ".join(["كلمة"] * 20)


def at(word: int, kind: str = "LOC", count: int = 1) -> object:
    return entity(f"{kind}{word}", kind, 5 * word, 5 * (word + count) - 1)


def test_an_annotation_agrees_with_itself_wholly() -> None:
    assert kappas([sample()], [sample()]) == {"entities": 1.0, "triggers": 1.0}


def test_with_no_mention_on_either_side_there_is_no_chance_to_correct_for() -> None:
    assert kappas([document()], [document()]) == {"entities": None, "triggers": None}


def test_kappa_is_that_of_scikit_learn() -> None:
    first = document(at(0), at(3, "ORG", 2), at(4), at(9), text=TEXT)  # type: ignore[arg-type]
    second = document(at(0, "ORG"), at(3, "ORG", 2), at(9), at(12), text=TEXT)  # type: ignore[arg-type]

    def categories(found: Document) -> list[str]:
        return [
            " ".join(sorted(e.type for e in found.entities if e.start < end and start < e.end))
            for start, end in words(found.text)
        ]

    expected = cohen_kappa_score(categories(first), categories(second))
    assert kappas([first], [second])["entities"] == pytest.approx(expected)
    assert 0 < expected < 1


def test_triggers_have_their_own() -> None:
    first, second = (document(at(0), event("e", kind, 5, 9), text=TEXT) for kind in ("KILL", "STRIKE"))  # type: ignore[arg-type]
    found = kappas([first], [second])
    assert found["entities"] == 1.0
    assert found["triggers"] is not None
    assert found["triggers"] < 1


def test_the_two_readings_of_the_seeds() -> None:
    readings = Path(__file__).parents[2] / "annotations" / "readings"
    first, second = (load_corpus([readings / f"seeds-{side}.jsonl"]) for side in ("first", "second"))
    found = kappas(first, second)
    assert all(value is not None and 0.9 < value < 1 for value in found.values())
