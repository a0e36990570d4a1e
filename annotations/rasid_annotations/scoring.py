"""Scoring: one measure for the agreement of annotators and for the evaluation of models.

Entities are compared as (type, span), triggers as (event type, span), arguments end to end as (event type, trigger
span, role, filler span). Facts are sets: what a document states twice counts once.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence

from rasid.document import Document
from rasid.errors import RasidError
from rasid_annotations.facts import LAYERS, Facts, trigger_fact
from rasid_annotations.matching import Counts, Matcher, count_by_kind, relaxed_matches, strict_matches
from rasid_annotations.report import Layer, Measure, Modality, Report
from rasid_annotations.uncertainty import Bootstrap, Calibration, calibrate

__all__ = ["Report", "ScoringError", "paired", "score"]

Pair = tuple[Document, Document]


class ScoringError(RasidError, ValueError):
    """Two sets of documents cannot be compared."""


def score(gold: Sequence[Document], predicted: Sequence[Document], *, resamples: int = 1000, seed: int = 0) -> Report:
    """Compare ``predicted`` with ``gold``, or one annotator with another.

    Args:
        gold: the documents taken as right.
        predicted: the same articles, in any order, with other annotations.
        resamples: resampled corpora for the 95% intervals; 0 leaves the intervals out.
        seed: of the resampling.

    Raises:
        ScoringError: there is no document; an id stands twice or on one side only; the texts of an id differ.
        DocumentError: an argument points to an entity that its document does not have.
    """
    if resamples < 0:
        raise ScoringError(f"resamples is {resamples}; expected 0 (no intervals) or more")
    pairs = paired(gold, predicted)
    bootstrap = Bootstrap(len(pairs), resamples=resamples, seed=seed)
    layers = {}
    for name, extract in LAYERS.items():
        facts = [(extract(ours), extract(theirs)) for ours, theirs in pairs]
        layers[name] = Layer(
            strict=_measure(facts, strict_matches, bootstrap),
            relaxed=_measure(facts, relaxed_matches, bootstrap),
            calibration=_calibration(facts),
        )
    return Report(
        documents=len(pairs),
        unread=sum(theirs.error is not None for _, theirs in pairs),
        resamples=resamples,
        seed=seed,
        modality=_modality(pairs),
        **layers,
    )


def paired(gold: Sequence[Document], predicted: Sequence[Document]) -> list[Pair]:
    """The documents of both sides with one id, in the order of ``gold``.

    Raises:
        ScoringError: there is no document; an id stands twice or on one side only; the texts of an id differ.
    """
    ours, theirs = _by_id("gold", gold), _by_id("predicted", predicted)
    if not ours and not theirs:
        raise ScoringError("there is no document to score; name files that hold some")
    _refuse_missing("predicted", ours.keys() - theirs.keys())
    _refuse_missing("gold", theirs.keys() - ours.keys())
    for name, document in ours.items():
        if document.text != theirs[name].text:
            raise ScoringError(
                f"document {name!r}: gold and predicted texts differ from offset "
                f"{_first_difference(document.text, theirs[name].text)}; predict on exactly the gold text"
            )
    return [(document, theirs[name]) for name, document in ours.items()]


def _by_id(side: str, documents: Sequence[Document]) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for document in documents:
        if document.id in found:
            raise ScoringError(f"document {document.id!r} stands twice in the {side} documents; remove one of them")
        found[document.id] = document
    return found


def _refuse_missing(side: str, missing: Collection[str]) -> None:
    if missing:
        names = ", ".join(map(repr, sorted(missing)[:5])) + (", …" if len(missing) > 5 else "")
        raise ScoringError(
            f"{len(missing)} document(s) missing from the {side} documents: {names}; "
            "both sides must hold the same documents: add them, or leave them out of the other side"
        )


def _first_difference(one: str, other: str) -> int:
    pairs = zip(one, other, strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _measure(facts: Sequence[tuple[Facts, Facts]], matcher: Matcher, bootstrap: Bootstrap) -> Measure:
    by_document = [count_by_kind(ours.keys(), theirs.keys(), matcher) for ours, theirs in facts]
    totals = [sum(counts.values(), Counts()) for counts in by_document]
    kinds: dict[str, Counts] = defaultdict(Counts)
    for counts in by_document:
        for kind, count in counts.items():
            kinds[kind] += count
    return Measure(
        total=sum(totals, Counts()),
        interval=bootstrap.interval(totals),
        kinds=dict(sorted(kinds.items())),
    )


def _calibration(facts: Sequence[tuple[Facts, Facts]]) -> Calibration | None:
    scored = [(value, fact in ours) for ours, theirs in facts for fact, value in theirs.items() if value is not None]
    return calibrate([value for value, _ in scored], [correct for _, correct in scored])


def _modality(pairs: Sequence[Pair]) -> Modality:
    """Over triggers matched strictly; of two events with one type on one span the first gives the modality."""
    confusion: Counter[tuple[str, str]] = Counter()
    for ours, theirs in pairs:
        told = {trigger_fact(event): event.modality for event in reversed(theirs.events)}
        for fact, modality in {trigger_fact(event): event.modality for event in reversed(ours.events)}.items():
            if fact in told:
                confusion[modality, told[fact]] += 1
    return Modality(dict(sorted(confusion.items())))
