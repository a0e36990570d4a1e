"""The model card: what a model was made from, what was measured, and what it must not be trusted with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from string import Template
from typing import Any

from rasid.errors import InputError
from rasid.schema import Schema

_FEW = 50
_LAYERS = ("entities", "triggers", "arguments")

_LIMITS = """\
- Text that is not Arabic news about armed conflict: it was trained on nothing else, and finds events where none are.
- Facts: it returns what an article says, not what happened. Who reports it is the role SOURCE, where it is found.
- Absence: what it does not return may well stand in the article; see the recall behind the F1 above.
- Arguments in another paragraph than their trigger: none are given, by definition.
- Decisions about persons. Names in conflict news are often of victims and of the accused."""

_FEW_ARTICLES = """\
- It was trained on {count} article(s) only. It is a proof that the whole way works; for use, train it on more."""

_FRESH = """\
- Its encoder was not pretrained: all it knows of Arabic it has from the articles above. Words that they lack are
  nearly unknown to it."""


def model_card(
    *,
    name: str,
    recipe: Mapping[str, Any],
    provenance: Mapping[str, Any],
    schema: Schema,
    parameters: int,
    result: Mapping[str, Any] | None,
) -> str:
    """The text of the card.

    Args:
        name: of the model's directory.
        recipe: ``TrainingConfig.recipe()``.
        provenance: the model's record, as ``rasid_training.trainer.train`` makes it.
        schema: the types.
        parameters: number of weights.
        result: what ``rasid crossvalidate`` found for the recipe, if it was named.
    """
    template = files("rasid_training").joinpath("card.md.template").read_text(encoding="utf-8")
    documents = provenance["documents"]
    fresh = recipe["encoder"]["weights"] == "fresh"
    few = _FEW_ARTICLES.format(count=len(documents)) if len(documents) < _FEW else ""
    return Template(template).substitute(
        name=name,
        encoder=recipe["encoder"]["name"],
        weights=recipe["encoder"]["weights"],
        parameters=f"{parameters:,}",
        documents=_listed(documents),
        development=_listed(provenance["development"]) if provenance["development"] else "none",
        corpus=provenance["corpus"][:16],
        schema=schema.name,
        entity_types=len(schema.entity_types),
        event_types=len(schema.event_types),
        roles=len(schema.roles),
        seed=recipe["optimization"]["seed"],
        epochs=recipe["optimization"]["epochs"],
        versions=", ".join(f"{key} {value}" for key, value in provenance["versions"].items()),
        worth=_worth(provenance, result),
        calibration=_calibration(provenance, result),
        limits="\n".join(part for part in (few, _FRESH if fresh else "", _LIMITS) if part),
    )


def _listed(names: Sequence[str]) -> str:
    return f"{len(names)}: {', '.join(names)}" if len(names) <= 10 else str(len(names))


def _calibration(provenance: Mapping[str, Any], result: Mapping[str, Any] | None) -> str:
    if provenance["development"]:
        return "fitted on the articles to choose on, and so are the thresholds"
    if result is not None:
        return "fitted on articles left out of training, and so are the thresholds"
    return "not fitted, since there were no articles to choose on"


def _worth(provenance: Mapping[str, Any], result: Mapping[str, Any] | None) -> str:
    if result is not None:
        return _crossvalidated(provenance, result)
    if provenance["development"]:
        return (
            f"Mean strict F1 of entities, triggers and arguments on the articles to choose on: "
            f"{provenance['development_f1']:.3f}. That is an upper bound: the model was chosen there."
        )
    return "Not measured. Run `rasid crossvalidate`, or `rasid evaluate` on articles that it was not trained on."


def with_scores(card: str, reports: Mapping[str, Mapping[str, Any]]) -> str:
    """A card whose section of what the model is worth shows reports instead.

    Args:
        card: of a model, as :func:`model_card` writes it.
        reports: by the name of the articles, each as ``rasid evaluate --output`` writes it.

    Raises:
        InputError: the card does not have the section.
    """
    before, heading, rest = card.partition(_WORTH)
    _, next_heading, after = rest.partition(_SCORES)
    if not heading or not next_heading:
        raise InputError(f"the model's card has no section {_WORTH.strip()!r} as rasid train writes it; train it anew")
    tables = [line for name, report in reports.items() for line in ("", *_measured(name, report))]
    return before + heading + "\n".join(tables) + "\n\n" + next_heading + after


_WORTH = "## What it is worth\n"
_SCORES = "Scores are probabilities"


def _measured(name: str, report: Mapping[str, Any]) -> list[str]:
    """The tables of a report: totals with intervals, then by type."""
    return [
        f"On {name} ({report['documents']} articles): strict F1 with the 95% bootstrap interval over articles.",
        "",
        "| layer | P | R | F1 | interval | relaxed F1 |",
        "| --- | --- | --- | --- | --- | --- |",
        *(f"| {layer} | {_total(report[layer])} |" for layer in _LAYERS),
        "",
        *_by_type(report),
    ]


def _crossvalidated(provenance: Mapping[str, Any], result: Mapping[str, Any]) -> str:
    """The tables of a cross-validation: totals with intervals, then by type, of the first seed."""
    seeds = list(result["reports"])
    report = result["reports"][seeds[0]]
    lines = [
        f"Leaving one article out ({len(result['documents'])} articles, {len(seeds)} seed(s)), by models made like "
        "this one: strict F1 with the 95% bootstrap interval over articles (first seed), and the range over seeds.",
        "",
        "| layer | P | R | F1 | interval | relaxed F1 | F1 over seeds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for layer in _LAYERS:
        spread = result["strict_f1"][layer]
        lines.append(f"| {layer} | {_total(report[layer])} | {spread['least']:.3f} to {spread['greatest']:.3f} |")
    lines += ["", *_by_type(report)]
    if result["corpus"] != provenance["corpus"]:
        lines += ["", "The articles trained on differ from those of this measurement."]
    return "\n".join(lines)


def _total(layer: Mapping[str, Any]) -> str:
    strict, interval = layer["strict"], layer["strict"]["interval"]
    bounds = f"{interval[0]:.3f} to {interval[1]:.3f}" if interval else "–"
    shares = " | ".join(f"{strict[key]:.3f}" for key in ("precision", "recall", "f1"))
    return f"{shares} | {bounds} | {layer['relaxed']['f1']:.3f}"


def _by_type(report: Mapping[str, Any]) -> list[str]:
    lines = ["| type or role | gold | P | R | F1 |", "| --- | --- | --- | --- | --- |"]
    for layer in _LAYERS:
        for kind, counts in report[layer]["strict"]["kinds"].items():
            shares = " | ".join(f"{counts[key]:.3f}" for key in ("precision", "recall", "f1"))
            lines.append(f"| {kind} | {counts['gold']} | {shares} |")
    return lines
