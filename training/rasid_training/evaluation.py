"""Evaluation by leaving one article out: what a configuration is worth on articles that it was not trained on."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rasid.decoding import Calibration
from rasid.document import Document, read_documents, write_documents
from rasid.errors import RasidError
from rasid.files import write_json
from rasid.schema import Schema
from rasid_annotations.corpus import fingerprint
from rasid_annotations.flat import seqeval_report
from rasid_annotations.scoring import Report, score
from rasid_training import calibration as calibrating
from rasid_training import run
from rasid_training.config import TrainingConfig
from rasid_training.trainer import Articles, predict_loosely, train

RESULT = "crossvalidation.json"
_KEYS = {"recipe", "corpus", "calibration", "calibration_without", "strict_f1"}


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """What leaving one article out has found.

    Attributes:
        calibration: fitted on the predictions for all articles, each by models that have not seen it.
        without: for each article the calibration fitted on all others.
        predictions: for each seed the articles as predicted; each article's calibration and thresholds were
            chosen on the other articles only.
        reports: for each seed.
        seqeval: for each seed the flat entity layer by seqeval in strict mode.
        curves: for each seed and left-out article the training curve.
        seconds: for each seed the time that its trainings took.
    """

    calibration: Calibration
    without: Mapping[str, Calibration]
    predictions: Mapping[int, Sequence[Document]]
    reports: Mapping[int, Report]
    seqeval: Mapping[int, Mapping[str, Any]]
    curves: Mapping[int, Mapping[str, Any]]
    seconds: Mapping[int, float]

    def f1(self, layer: str) -> list[float]:
        """Strict F1 of ``entities``, ``triggers`` or ``arguments`` for each seed."""
        return [report.layers[layer].strict.total.f1 for report in self.reports.values()]

    def summary(self) -> dict[str, dict[str, float]]:
        """Mean, least and greatest strict F1 over the seeds, by layer."""
        values = {layer: self.f1(layer) for layer in ("entities", "triggers", "arguments")}
        return {k: {"mean": statistics.mean(v), "least": min(v), "greatest": max(v)} for k, v in values.items()}

    def table(self) -> str:
        """The first seed's report in full, and the spread over the seeds."""
        first = next(iter(self.reports))
        flat = self.seqeval[first]
        lines = [
            self.reports[first].table(),
            "",
            f"flat entity layer, seqeval strict IOB2: micro F1 {flat['micro']['f1']:.3f}, "
            f"macro F1 {flat['macro']['f1']:.3f}",
            "",
            f"strict F1 over {len(self.reports)} seed(s), mean (least to greatest)",
        ]
        for layer, value in self.summary().items():
            lines.append(f"{layer:<12}{value['mean']:.3f} ({value['least']:.3f} to {value['greatest']:.3f})")
        return "\n".join(lines)


def crossvalidate(
    config: TrainingConfig,
    schema: Schema,
    documents: Sequence[Document],
    output: Path,
    *,
    seeds: Sequence[int],
    left_out: Sequence[Document] = (),
    resume: bool = False,
) -> CrossValidation:
    """Train once for each article and seed without that article, and predict it.

    Every fold's predictions are kept as they come, so that an interrupted run is continued by ``resume``.

    Args:
        config: everything that decides a training's result.
        schema: the types.
        documents: the annotated articles.
        output: folder for what each fold leaves.
        seeds: of the trainings.
        left_out: those of ``documents`` that are left out in turn; empty: all of them.
        resume: continue an interrupted run.

    Raises:
        TrainingError: fewer than two articles, or ``output`` holds another or an unfinished run.
    """
    if len(documents) < 2:
        raise run.TrainingError(f"leaving one article out needs at least 2 articles, the corpus has {len(documents)}")
    turns = list(left_out) or list(documents)
    identity = {
        "recipe": config.recipe(),
        "encoder": config.encoder.name,
        "schema": schema.to_dict(),
        "corpus": fingerprint(documents),
        "left_out": [document.id for document in turns],
    }
    run.claim(output, identity, begun=True, resume=resume)
    loose: dict[int, list[Document]] = {}
    curves: dict[int, dict[str, Any]] = {}
    seconds: dict[int, float] = {}
    for seed in seeds:
        loose[seed], curves[seed], seconds[seed] = [], {}, 0.0
        for number, document in enumerate(turns):
            print(f"rasid: seed {seed}, without {document.id} ({number + 1} of {len(turns)})", file=sys.stderr)
            others = [other for other in documents if other.id != document.id]
            fold = _fold(config, schema, others, document, seed, output / f"seed-{seed}" / f"{number:03}")
            loose[seed].append(fold.candidates)
            curves[seed][document.id] = fold.curve
            seconds[seed] += fold.seconds
    predictions = {seed: _served(turns, candidates, schema) for seed, candidates in loose.items()}
    pairs = [pair for candidates in loose.values() for pair in zip(turns, candidates, strict=True)]
    return CrossValidation(
        calibration=_fit(pairs, schema),
        without={d.id: _fit([(g, c) for g, c in pairs if g is not d], schema) for d in turns},
        predictions=predictions,
        reports={seed: score(turns, predicted) for seed, predicted in predictions.items()},
        seqeval={seed: seqeval_report(turns, predicted) for seed, predicted in predictions.items()},
        curves=curves,
        seconds=seconds,
    )


@dataclass(frozen=True, slots=True)
class _Fold:
    candidates: Document
    curve: list[dict[str, float]]
    seconds: float


def _fold(
    config: TrainingConfig, schema: Schema, others: Sequence[Document], left_out: Document, seed: int, folder: Path
) -> _Fold:
    """The left-out article as predicted loosely; read from ``folder`` where it has been predicted before."""
    candidates, notes = folder / "candidates.jsonl", folder / "fold.json"
    if not notes.is_file():
        begin = time.monotonic()
        seeded = replace(config, optimization=replace(config.optimization, seed=seed))
        trained = train(
            seeded, schema, Articles(others), folder / "training", resume=True, cache=folder.parent / "features"
        )
        write_documents(candidates, predict_loosely(trained, [left_out]))
        write_json(notes, {"curve": trained.config.provenance["curve"], "seconds": time.monotonic() - begin})
        shutil.rmtree(folder / "training")
    record = json.loads(notes.read_text(encoding="utf-8"))
    return _Fold(next(read_documents(candidates)), record["curve"], record["seconds"])


def _served(gold: Sequence[Document], candidates: Sequence[Document], schema: Schema) -> list[Document]:
    """The candidates as they would be served, each under what was chosen on the other articles."""
    pairs = list(zip(gold, candidates, strict=True))
    return [
        calibrating.apply(document, _fit([pair for pair in pairs if pair[1] is not document], schema))
        for document in candidates
    ]


def _fit(pairs: Sequence[tuple[Document, Document]], schema: Schema) -> Calibration:
    return calibrating.fit([gold for gold, _ in pairs], [candidates for _, candidates in pairs], schema)


def save(result: CrossValidation, config: TrainingConfig, documents: Sequence[Document], output: Path) -> Path:
    """Write the predictions and the result, which ``crossvalidation:`` in a configuration can name.

    Returns:
        The result's path.
    """
    for seed, predicted in result.predictions.items():
        write_documents(output / f"predictions-seed-{seed}.jsonl", predicted)
    data = {
        "recipe": config.recipe(),
        "corpus": fingerprint(documents),
        "documents": list(result.without),
        "calibration": result.calibration.to_dict(),
        "calibration_without": {name: c.to_dict() for name, c in result.without.items()},
        "strict_f1": result.summary(),
        "seconds": {str(seed): round(value, 1) for seed, value in result.seconds.items()},
        "reports": {str(seed): report.to_dict() for seed, report in result.reports.items()},
        "seqeval": {str(seed): dict(flat) for seed, flat in result.seqeval.items()},
        "curves": {str(seed): dict(curve) for seed, curve in result.curves.items()},
    }
    write_json(output / RESULT, data)
    return output / RESULT


def calibration_of(result: Mapping[str, Any], held_out: Sequence[str]) -> Calibration:
    """The calibration that a result offers a model that is trained without some articles.

    Without one article, the one that was fitted on all others: scores on that article are then of a model that
    nothing was chosen for on it.

    Raises:
        ResultError: several articles are held out, for which there is none.
    """
    if not held_out:
        return Calibration.from_dict(result["calibration"])
    if len(held_out) == 1 and held_out[0] in result["calibration_without"]:
        return Calibration.from_dict(result["calibration_without"][held_out[0]])
    raise ResultError(
        f"crossvalidation: there is no calibration without {', '.join(held_out)}; hold out one article, or take the "
        "key out of the configuration"
    )


class ResultError(RasidError):
    """The result of a cross-validation that a configuration names cannot be used."""


def load_result(path: Path) -> dict[str, Any]:
    """Read what :func:`save` wrote.

    Raises:
        ResultError: the file is missing or is not one.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise ResultError(
            f"crossvalidation: {path} cannot be read ({type(problem).__name__}); make it with `rasid crossvalidate`, "
            "or take the key out of the configuration"
        ) from None
    if not isinstance(data, dict) or not data.keys() >= _KEYS:
        raise ResultError(f"crossvalidation: {path} was not written by `rasid crossvalidate`; make it again")
    return data
