"""Reconciliation: one gold from several annotators, by majority, and what stays open between them.

Every fact of an article is put to the vote of those who annotated it: an entity (type and span), a trigger (event type
and span) and its modality, an argument. More than half decide, for it or against it; at a tie the fact is open, and so
is its article, until an adjudicator has settled it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from rasid.document import Argument, Document, Entity, Event
from rasid.errors import RasidError
from rasid_annotations.label_studio.interface import OPEN
from rasid_annotations.label_studio.regions import ANNOTATION

_Filler = tuple[str, int, int]
_Trigger = tuple[str, int, int]


class ReconciliationError(RasidError, ValueError):
    """Annotations that are not of the same texts."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One article.

    Attributes:
        document: what the majority says, or the adjudicator; where facts are open, it holds those too, each with the
            share of the annotators who have it as its score, and under ``open`` each open fact in words.
        open: the open facts in words; empty where all is settled.
        annotators: how many annotated it.
        adjudicated: whether an adjudicator decided.
    """

    document: Document
    open: tuple[str, ...]
    annotators: int
    adjudicated: bool = False


def reconcile(
    readings: Mapping[str, Sequence[Document]], *, adjudicator: str | None = None, least: int = 2
) -> list[Reconciled]:
    """One annotation of each article.

    Args:
        readings: the documents of each annotator, by name.
        adjudicator: whose documents stand as they are; all others' are put to the vote.
        least: how many annotators an article needs to be settled without the adjudicator.

    Returns:
        The articles in the order in which they are first met.

    Raises:
        ReconciliationError: one id has two texts, or there is no annotator of the adjudicator's name.
    """
    if adjudicator is not None and adjudicator not in readings:
        raise ReconciliationError(
            f"no annotator is called {adjudicator!r}; the adjudicator is one of {', '.join(sorted(readings))}"
        )
    articles: dict[str, dict[str, Document]] = {}
    for annotator, documents in readings.items():
        for document in documents:
            article = articles.setdefault(document.id, {})
            other = next(iter(article.values()), document)
            if other.text != document.text:
                raise ReconciliationError(
                    f"document {document.id!r}: the text of {annotator} differs from that of "
                    f"{next(iter(article))}; reconcile annotations of the same text"
                )
            article[annotator] = document
    return [_article(by, adjudicator, least) for by in articles.values()]


def _article(by: Mapping[str, Document], adjudicator: str | None, least: int) -> Reconciled:
    if adjudicator in by:
        return Reconciled(by[str(adjudicator)], (), len(by), adjudicated=True)
    return _Vote(by, least).result()


class _Vote:
    """The votes on one article."""

    def __init__(self, by: Mapping[str, Document], least: int) -> None:
        self._names = list(by)
        self._documents = list(by.values())
        self._least = least
        self.open: list[tuple[tuple[int, int], str]] = []

    def result(self) -> Reconciled:
        first = self._documents[0]
        entities = self._decided("entity", [{_mark(e): e for e in d.entities} for d in self._documents])
        triggers = self._decided("trigger", [{_mark(e): e for e in d.events} for d in self._documents])
        arguments = self._decided_arguments()
        # Who has an argument has its ends, so that a majority for it is one for them; only ties are left to look at.
        names = {mark: f"t{number}" for number, mark in enumerate(sorted(entities, key=_place), 1)}
        events = []
        for number, mark in enumerate(sorted(triggers, key=_place), 1):
            kept = tuple(
                Argument(role, names[filler], share)
                for (trigger, role, filler), share in arguments.items()
                if trigger == mark and filler in names
            )
            events.append(Event(f"e{number}", *mark, self._modality(mark), kept, triggers[mark]))
        found = tuple(
            Entity(names[mark], *mark, share) for mark, share in sorted(entities.items(), key=lambda i: _place(i[0]))
        )
        if len(self._documents) < self._least:
            reason = f"annotated by {len(self._documents)}, of {self._least} that are asked for"
            self.open.append(((-1, -1), f"{', '.join(self._names)}: {reason}"))
        told = tuple(line for _, line in sorted(self.open))
        document = replace(first, entities=found, events=tuple(events), error=None, extra=_common(self._documents))
        if told:
            document = replace(document, extra=dict(document.extra) | {OPEN: list(told)})
        else:
            document = _without_scores(document)
        return Reconciled(document, told, len(self._documents))

    def _decided(self, what: str, held: Sequence[Mapping[_Trigger, Entity | Event]]) -> dict[_Trigger, float]:
        """What has not been voted down, with the share of the annotators who have it."""
        votes = Counter(mark for marks in held for mark in marks)
        kept = {}
        for mark, count in votes.items():
            if 2 * count >= len(held):
                kept[mark] = count / len(held)
            if 2 * count == len(held):
                has = [name for name, marks in zip(self._names, held, strict=True) if mark in marks]
                self._tell(mark, f"{what} {mark[0]} «{self._words(mark)}»", has)
        return kept

    def _decided_arguments(self) -> dict[tuple[_Trigger, str, _Filler], float]:
        held = [_arguments(document) for document in self._documents]
        kept = {}
        for key, count in Counter(key for keys in held for key in keys).items():
            trigger, role, filler = key
            if 2 * count >= len(held):
                kept[key] = count / len(held)
            if 2 * count == len(held):
                has = [name for name, keys in zip(self._names, held, strict=True) if key in keys]
                shown = f"argument {role} «{self._words(trigger)}» ← «{self._words(filler)}»"
                self._tell(trigger, shown, has)
        return kept

    def _modality(self, mark: _Trigger) -> str:
        votes = Counter(event.modality for d in self._documents for event in d.events if _mark(event) == mark)
        (best, count), *rest = votes.most_common()
        if rest and rest[0][1] == count:
            shown = " ≠ ".join(sorted(votes))
            self._tell(mark, f"modality of {mark[0]} «{self._words(mark)}»: {shown}", [])
        return best

    def _tell(self, mark: _Trigger, shown: str, has: Sequence[str]) -> None:
        self.open.append(((mark[1], mark[2]), f"{shown}{': only ' + ', '.join(has) if has else ''}"))

    def _words(self, mark: _Trigger) -> str:
        return self._documents[0].text[mark[1] : mark[2]]


def _mark(item: Entity | Event) -> _Trigger:
    return item.type, item.start, item.end


def _place(mark: _Trigger) -> tuple[int, int, str]:
    return mark[1], -mark[2], mark[0]


def _arguments(document: Document) -> list[tuple[_Trigger, str, _Filler]]:
    fillers = {entity.id: _mark(entity) for entity in document.entities}
    found = [
        (_mark(event), argument.role, fillers[argument.entity])
        for event in document.events
        for argument in event.arguments
        if argument.entity in fillers
    ]
    return list(dict.fromkeys(found))


def _common(documents: Sequence[Document]) -> dict[str, object]:
    """The further keys that all have with one value: what is one annotator's own is left out."""
    first, *others = documents
    return {
        key: value
        for key, value in first.extra.items()
        if key not in (OPEN, ANNOTATION) and all(key in other.extra and other.extra[key] == value for other in others)
    }


def _without_scores(document: Document) -> Document:
    entities = tuple(replace(entity, score=None) for entity in document.entities)
    events = tuple(
        replace(event, score=None, arguments=tuple(replace(a, score=None) for a in event.arguments))
        for event in document.events
    )
    return replace(document, entities=entities, events=events)
