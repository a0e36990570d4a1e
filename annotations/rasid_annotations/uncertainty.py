"""Uncertainty: how far a measure would move on other documents, and how far scores can be believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rasid_annotations.matching import Counts

_BINS = 10
_PERCENTILES = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Interval:
    """The bounds of a 95% interval."""

    low: float
    high: float


class Bootstrap:
    """Percentile bootstrap over documents (Efron 1979): resampled with replacement, micro F1 computed anew.

    One instance draws once, so that every measure taken with it sees the same resampled corpora.
    """

    def __init__(self, documents: int, *, resamples: int, seed: int) -> None:
        """
        Args:
            documents: how many documents there are to draw from.
            resamples: how many corpora to draw; with 0, or with a single document, there are no intervals.
            seed: of the random generator; the same seed gives the same intervals.
        """
        self._times: npt.NDArray[np.int64] | None = None  # (resamples, documents): how often each is drawn
        if documents > 1 and resamples > 0:
            shares = np.full(documents, 1 / documents)
            self._times = np.random.default_rng(seed).multinomial(documents, shares, size=resamples)

    def interval(self, counts: Sequence[Counts]) -> Interval | None:
        """The 95% interval of micro F1 given the counts of each document, or None."""
        if self._times is None:
            return None
        columns = np.array([(c.matched, c.gold + c.predicted) for c in counts], dtype=np.int64)
        matched, total = (self._times @ columns).T
        low, high = np.percentile(2 * matched / np.maximum(total, 1), _PERCENTILES)
        return Interval(float(low), float(high))


@dataclass(frozen=True, slots=True)
class Calibration:
    """How well scores tell the chance to be right. Lower is better; ``scored`` facts had a score.

    ``ece``: expected calibration error, the mean gap between score and share of right facts over ten bins of equal
    mass (Naeini et al. 2015; equal mass as in Nguyen and O'Connor 2015). ``brier``: mean squared difference between
    the score and 1 (right) or 0 (wrong) (Brier 1950).
    """

    ece: float
    brier: float
    scored: int


def calibrate(scores: Sequence[float], correct: Sequence[bool]) -> Calibration | None:
    """Calibration of ``scores`` (probabilities in 0 to 1); ``correct[i]`` tells whether item i was right.

    Items of equal score share their right answers evenly, so that their order does not decide which bin gets them.
    None where there is no score.
    """
    if not scores:
        return None
    # Sorted once and for all: sums of floats, too, come out the same in whatever order the items are given.
    confidence, right = np.array(sorted(zip(scores, correct, strict=True)), dtype=float).T
    _, group, size = np.unique(confidence, return_inverse=True, return_counts=True)
    shared = (np.bincount(group, weights=right) / size)[group]
    bins = np.array_split(np.arange(len(scores)), min(_BINS, len(scores)))
    ece = sum(len(b) / len(scores) * abs(confidence[b].mean() - shared[b].mean()) for b in bins)
    return Calibration(float(ece), float(np.mean((confidence - right) ** 2)), len(scores))
