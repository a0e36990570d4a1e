"""Intervals and calibration, by hand."""

from __future__ import annotations

import random

import pytest
from annotation_samples import document, entity

from rasid.document import Document
from rasid_annotations.matching import Counts
from rasid_annotations.scoring import score
from rasid_annotations.uncertainty import Bootstrap, Interval, calibrate


def noisy(number: int) -> tuple[list[Document], list[Document]]:
    """Documents of ten mentions, of which a few are missed: more in some documents than in others."""
    draw = random.Random(7)
    gold, predicted = [], []
    for name in map(str, range(number)):
        mentions = [entity(str(i), "LOC", 10 * i, 10 * i + 5, draw.random()) for i in range(10)]
        gold.append(document(*mentions, name=name))
        predicted.append(document(*draw.sample(mentions, draw.randint(4, 10)), name=name))
    return gold, predicted


def test_the_interval_is_reproducible_and_holds_the_point() -> None:
    gold, predicted = noisy(12)
    report = score(gold, predicted, seed=3)
    assert report == score(gold, predicted, seed=3)
    for measure in (report.entities.strict, report.entities.relaxed):
        assert measure.interval is not None
        assert measure.interval.low < measure.total.f1 < measure.interval.high
        assert measure.interval != score(gold, predicted, seed=4).entities.strict.interval
    assert report.entities.strict.interval == report.entities.relaxed.interval  # the same resampled corpora


def test_more_documents_narrow_the_interval() -> None:
    def width(number: int) -> float:
        interval = score(*noisy(number)).entities.strict.interval
        assert interval is not None
        return interval.high - interval.low

    assert width(80) < width(5) / 2


def test_documents_not_mentions_are_resampled() -> None:
    # Of two documents one is all right, one all wrong: each resample holds 0, 1 or 2 of the right one.
    interval = Bootstrap(2, resamples=2000, seed=0).interval([Counts(50, 50, 50), Counts(0, 50, 50)])
    assert interval == Interval(0.0, 1.0)


def test_resamples_are_drawn_with_replacement_from_all_documents() -> None:
    same = [Counts(1, 2, 2)] * 4
    assert Bootstrap(4, resamples=50, seed=0).interval(same) == Interval(0.5, 0.5)
    assert Bootstrap(4, resamples=50, seed=0).interval([Counts()] * 4) == Interval(0.0, 0.0)


def test_no_interval_for_one_document_or_no_resample() -> None:
    gold, predicted = noisy(3)
    assert score(gold[:1], predicted[:1]).entities.strict.interval is None
    assert score(gold, predicted, resamples=0).entities.strict.interval is None


def test_calibration_by_hand_with_an_item_a_bin() -> None:
    # |0.9 - 1|, |0.6 - 0|, |0.2 - 0|; squares of the same.
    found = calibrate([0.9, 0.6, 0.2], [True, False, False])
    assert found is not None
    assert found.ece == pytest.approx((0.1 + 0.6 + 0.2) / 3)
    assert found.brier == pytest.approx((0.01 + 0.36 + 0.04) / 3)
    assert found.scored == 3


def test_calibration_by_hand_with_two_items_a_bin() -> None:
    scores = [i / 20 for i in range(20)]  # bins {0, .05}, {.1, .15}, …, {.9, .95}
    correct = [i >= 10 for i in range(20)]
    found = calibrate(scores, correct)
    assert found is not None
    low = [0.025 + 0.1 * i for i in range(5)]  # mean scores of the five bins that are all wrong
    high = [1 - (0.525 + 0.1 * i) for i in range(5)]
    assert found.ece == pytest.approx((sum(low) + sum(high)) / 10)


def test_bins_have_equal_mass_not_equal_width() -> None:
    # All scores lie in one tenth; an item a bin, though, tells right from wrong.
    found = calibrate([0.91, 0.95], [False, True])
    assert found is not None
    assert found.ece == pytest.approx((0.91 + 0.05) / 2)


def test_equal_scores_share_their_right_answers_in_any_order() -> None:
    correct = [True] * 15 + [False] * 5
    for order in (correct, correct[::-1]):
        found = calibrate([0.75] * 20, order)
        assert found is not None
        assert found.ece == pytest.approx(0)
        assert found.brier == pytest.approx(0.75 * 0.25)


def test_no_scores_no_calibration() -> None:
    assert calibrate([], []) is None


def test_only_facts_with_scores_count_and_strict_matches_are_right() -> None:
    gold = document(entity("a", "LOC", 0, 5), entity("b", "LOC", 10, 15), entity("c", "LOC", 20, 25))
    predicted = document(entity("a", "LOC", 0, 5, 0.8), entity("b", "LOC", 10, 16, 0.3), entity("c", "LOC", 20, 25))
    found = score([gold], [predicted]).entities.calibration
    assert found is not None
    assert found.scored == 2
    assert found.ece == pytest.approx((0.2 + 0.3) / 2)
    assert found.brier == pytest.approx((0.04 + 0.09) / 2)
    assert score([gold], [predicted]).triggers.calibration is None
