"""Calibration: logits to probabilities and thresholds, chosen on articles that the model was not trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from rasid.decoding import Calibration
from rasid.document import Document
from rasid.schema import Schema
from rasid_annotations.facts import Facts, argument_facts, entity_facts, trigger_facts

LOOSE = 0.02
"""Raw probability from which a candidate is kept for fitting: far below any threshold that is ever chosen."""

_FEWEST = 20  # right and wrong candidates each; below that a fit would be a guess
_PRIOR = 200.0  # mentions of any type that a type's own are added to where its threshold is chosen
_GRID = np.arange(0.10, 0.91, 0.05)


def loose(schema: Schema) -> Calibration:
    """The calibration under which a predictor gives candidates: raw probabilities, nearly no threshold."""
    names = (*schema.entity_types, *schema.event_types, *schema.role_names)
    return Calibration(thresholds=dict.fromkeys(names, LOOSE))


def fit(gold: Sequence[Document], candidates: Sequence[Document], schema: Schema) -> Calibration:
    """Platt scaling (Platt 1999) for entities, triggers and arguments each, and the threshold of best F1 for each type.

    Args:
        gold: annotated articles.
        candidates: the same articles as predicted under :func:`loose` by a model that was not trained on them.
        schema: the model's schema.
    """
    calibration = Calibration()
    for head, names, facts in (
        ("entities", schema.entity_types, entity_facts),
        ("events", schema.event_types, trigger_facts),
        ("roles", schema.role_names, argument_facts),
    ):
        # Arguments are judged among the mentions that are kept, as they are served.
        kept = [apply(document, calibration, raw_roles=head == "roles") for document in candidates]
        shown = kept if head == "roles" else candidates
        pairs = [(facts(g), facts(c)) for g, c in zip(gold, shown, strict=True)]
        scale = _platt(pairs)
        scored = [(truth, {fact: _scaled(score, scale) for fact, score in found.items()}) for truth, found in pairs]
        calibration = Calibration(
            scales={**calibration.scales, head: scale},
            thresholds={**calibration.thresholds, **_thresholds(scored, names)},
        )
    return calibration


def apply(document: Document, calibration: Calibration, *, raw_roles: bool = False) -> Document:
    """A document of candidates as the predictor would have given it under a calibration.

    Args:
        document: predicted under :func:`loose`.
        calibration: what to apply.
        raw_roles: leave the links between kept mentions as they are.
    """

    def threshold(name: str) -> float:
        return calibration.thresholds.get(name, 0.5)

    def score(head: str, raw: float | None) -> float:
        return _scaled(raw, calibration.scales.get(head, (1.0, 0.0)))

    entities = [replace(e, score=score("entities", e.score)) for e in document.entities]
    entities = [e for e in entities if _reaches(e.score, threshold(e.type))]
    kept = {e.id for e in entities}
    events = []
    for event in document.events:
        arguments = [a for a in event.arguments if a.entity in kept]
        if not raw_roles:
            arguments = [replace(a, score=score("roles", a.score)) for a in arguments]
            arguments = [a for a in arguments if _reaches(a.score, threshold(a.role))]
        events.append(replace(event, score=score("events", event.score), arguments=tuple(arguments)))
    events = [e for e in events if _reaches(e.score, threshold(e.type))]
    return replace(document, entities=tuple(entities), events=tuple(events))


def _reaches(score: float | None, threshold: float) -> bool:
    return score is not None and score >= threshold


def _logit(probability: float) -> float:
    clipped = min(max(probability, 1e-7), 1 - 1e-7)
    return math.log(clipped / (1 - clipped))


def _scaled(raw: float | None, scale: tuple[float, float]) -> float:
    return 1 / (1 + math.exp(-(scale[0] * _logit(raw or 0.0) + scale[1])))


def _platt(pairs: Sequence[tuple[Facts, Facts]]) -> tuple[float, float]:
    rows = [(_logit(score or 0.0), fact in truth) for truth, found in pairs for fact, score in found.items()]
    logits, right = np.array([[x] for x, _ in rows]), np.array([y for _, y in rows])
    if min(right.sum(), len(right) - right.sum()) < _FEWEST:
        return 1.0, 0.0
    model = LogisticRegression(C=1.0).fit(logits, right)
    scale, offset = float(model.coef_[0, 0]), float(model.intercept_[0])
    return (scale, offset) if scale > 0 else (1.0, 0.0)


def _thresholds(pairs: Sequence[tuple[Facts, Facts]], names: Sequence[str]) -> dict[str, float]:
    """For each type the threshold of best F1; among equals the one nearest to 0.5.

    The counts of all types together, shrunk to those of ``_PRIOR`` mentions, are added to those of the type: a rare
    type follows the others, and a frequent one itself.
    """
    counts = np.zeros((len(names), len(_GRID), 2))  # right and found, by type and threshold
    gold = np.zeros(len(names))
    places = {name: place for place, name in enumerate(names)}
    for truth, found in pairs:
        for fact in truth:
            gold[places[fact.kind]] += 1
        for fact, score in found.items():
            kept = (score or 0.0) + 1e-9 >= _GRID
            counts[places[fact.kind], :, 0] += kept & (fact in truth)
            counts[places[fact.kind], :, 1] += kept
    share = min(1.0, _PRIOR / max(gold.sum(), 1.0))
    counts += share * counts.sum(axis=0)
    gold += share * gold.sum()
    f1 = 2 * counts[:, :, 0] / np.maximum(counts[:, :, 1] + gold[:, None], 1e-9)
    best = [max(range(len(_GRID)), key=lambda t: (round(row[t], 6), -abs(_GRID[t] - 0.5))) for row in f1]
    return {name: round(float(_GRID[place]), 2) for name, place in zip(names, best, strict=True)}
