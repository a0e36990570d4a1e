"""The report of a comparison: its numbers, their JSON form and their readable table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from rasid_annotations.matching import Counts
from rasid_annotations.uncertainty import Calibration, Interval


@dataclass(frozen=True, slots=True)
class Measure:
    """One way of matching over one layer: micro totals, the 95% interval of their F1, and counts per kind.

    ``kinds`` maps an entity type, event type or role to its counts; kinds that neither side has are left out.
    """

    total: Counts
    interval: Interval | None
    kinds: Mapping[str, Counts]

    @property
    def macro_f1(self) -> float:
        """Mean F1 of the kinds, in 0 to 1; 0.0 where there is none."""
        return sum(counts.f1 for counts in self.kinds.values()) / len(self.kinds) if self.kinds else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``interval`` is ``[low, high]`` or null."""
        return {
            **_counts_dict(self.total),
            "interval": None if self.interval is None else [self.interval.low, self.interval.high],
            "macro_f1": self.macro_f1,
            "kinds": {kind: _counts_dict(counts) for kind, counts in self.kinds.items()},
        }


@dataclass(frozen=True, slots=True)
class Layer:
    """Entities, triggers or arguments: exact spans, overlapping spans, and the worth of the predicted scores."""

    strict: Measure
    relaxed: Measure
    calibration: Calibration | None

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``calibration`` is null where no prediction has a score."""
        return {
            "strict": self.strict.to_dict(),
            "relaxed": self.relaxed.to_dict(),
            "calibration": None if self.calibration is None else asdict(self.calibration),
        }


@dataclass(frozen=True, slots=True)
class Modality:
    """Modality of the strictly matched triggers; ``confusion[gold, predicted]`` is how many there are."""

    confusion: Mapping[tuple[str, str], int]

    @property
    def total(self) -> int:
        """How many triggers were matched."""
        return sum(self.confusion.values())

    @property
    def correct(self) -> int:
        """How many of them have the gold's modality."""
        return sum(count for (gold, predicted), count in self.confusion.items() if gold == predicted)

    @property
    def accuracy(self) -> float:
        """Share of the matched triggers with the gold's modality; 0.0 where none matched."""
        return self.correct / self.total if self.total else 0.0

    def to_dict(self) -> dict[str, Any]:
        """The JSON form; ``confusion`` maps gold to predicted to a count."""
        confusion: dict[str, dict[str, int]] = {}
        for (gold, predicted), count in self.confusion.items():
            confusion.setdefault(gold, {})[predicted] = count
        return {"accuracy": self.accuracy, "correct": self.correct, "total": self.total, "confusion": confusion}


@dataclass(frozen=True, slots=True)
class Report:
    """A comparison of two annotations of the same documents.

    ``unread`` counts the predicted documents whose ``error`` says that they could not be read; what gold has in
    them counts as missed.
    """

    documents: int
    unread: int
    resamples: int
    seed: int
    entities: Layer
    triggers: Layer
    arguments: Layer
    modality: Modality

    @property
    def layers(self) -> Mapping[str, Layer]:
        """The three layers by name, in reading order."""
        return {"entities": self.entities, "triggers": self.triggers, "arguments": self.arguments}

    def to_dict(self) -> dict[str, Any]:
        """The JSON form. Shares and F1 lie in 0 to 1."""
        return {
            "documents": self.documents,
            "unread": self.unread,
            "resamples": self.resamples,
            "seed": self.seed,
            **{name: layer.to_dict() for name, layer in self.layers.items()},
            "modality": self.modality.to_dict(),
        }

    def table(self) -> str:
        """Readable text of fixed width: totals with intervals, modality, calibration, then each kind."""
        return "\n".join(line.rstrip() for line in (*self._totals(), *self._details(), *self._kinds()))

    def _totals(self) -> Iterator[str]:
        unread = f", {self.unread} of them unread" if self.unread else ""
        yield f"{self.documents} document(s){unread}; F1 with 95% bootstrap interval over documents"
        yield ""
        yield (
            f"{'':<20}{'P':>8}{'R':>8}{'F1':>8}  {'interval':<15}{'macro F1':>8}"
            f"{'gold':>8}{'predicted':>11}{'matched':>9}"
        )
        for way in ("strict", "relaxed"):
            for name, layer in self.layers.items():
                measure = layer.strict if way == "strict" else layer.relaxed
                total, interval = measure.total, measure.interval
                bounds = "–" if interval is None else f"{interval.low:.3f}–{interval.high:.3f}"
                yield (
                    f"{way + ' ' + name:<20}{_shares(total)}  {bounds:<15}{measure.macro_f1:8.3f}"
                    f"{total.gold:8d}{total.predicted:11d}{total.matched:9d}"
                )

    def _details(self) -> Iterator[str]:
        modality = self.modality
        yield ""
        yield (
            f"modality accuracy {modality.accuracy:.3f} "
            f"({modality.correct} of {modality.total} strictly matched triggers)"
        )
        for name, layer in self.layers.items():
            if layer.calibration is not None:
                worth = layer.calibration
                yield f"calibration of {name}: ECE {worth.ece:.3f}, Brier {worth.brier:.3f} ({worth.scored} scores)"

    def _kinds(self) -> Iterator[str]:
        titles = {"entities": "entities by type", "triggers": "triggers by type", "arguments": "arguments by role"}
        for name, layer in self.layers.items():
            width = max((len(kind) for kind in layer.strict.kinds), default=0)
            width = max(width + 2, 20)
            yield ""
            yield (
                f"{titles[name]:<{width}}{'P':>8}{'R':>8}{'F1':>8}{'relaxed F1':>12}"
                f"{'gold':>8}{'predicted':>11}{'matched':>9}"
            )
            for kind, counts in layer.strict.kinds.items():
                yield (
                    f"{kind:<{width}}{_shares(counts)}{layer.relaxed.kinds[kind].f1:12.3f}"
                    f"{counts.gold:8d}{counts.predicted:11d}{counts.matched:9d}"
                )


def _shares(counts: Counts) -> str:
    return f"{counts.precision:8.3f}{counts.recall:8.3f}{counts.f1:8.3f}"


def _counts_dict(counts: Counts) -> dict[str, Any]:
    return {
        "precision": counts.precision,
        "recall": counts.recall,
        "f1": counts.f1,
        "gold": counts.gold,
        "predicted": counts.predicted,
        "matched": counts.matched,
    }
