"""Entity recognition on published column files: strict F1 by seqeval over several seeds. Prints a table, writes JSON.

    python benchmarks/ner.py CONFIG [--test FILE] [--seeds N] [--epochs N] [--least F1] [--runs DIR] [--output FILE]

CONFIG is like configs/anercorp.yaml. Without ``--test`` the figures are of the development share, on which a recipe
is chosen; a test file is scored once, when nothing is left to be chosen. A seed that is finished is not trained again,
one that was interrupted is continued.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from rasid.document import Document, read_documents, write_documents
from rasid.files import write_json
from rasid_annotations.columns import snapped
from rasid_annotations.corpus import fingerprint, load_corpus
from rasid_annotations.flat import seqeval_report
from rasid_training import trainer
from rasid_training.articles import divided, read_training
from rasid_training.config import TrainingConfig, load_config
from rasid_training.export import export

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Train, predict, score, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="like configs/anercorp.yaml")
    parser.add_argument("--test", type=Path, metavar="FILE", help="column file to score on, instead of the development")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="train with N seeds (default 3)")
    parser.add_argument("--epochs", type=int, metavar="N", help="instead of the configuration's number")
    parser.add_argument("--least", type=float, default=0.0, metavar="F1", help="fail if the mean is below (0 to 1)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "ner", metavar="DIR")
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: results/ner-CONFIG.json beside this file")
    arguments = parser.parse_args()

    config = load_config(arguments.config)
    if arguments.epochs is not None:
        config = replace(config, optimization=replace(config.optimization, epochs=arguments.epochs))
    gold = load_corpus([arguments.test], sentences=config.data.sentences) if arguments.test else None
    rows = {}
    for number in range(arguments.seeds):
        seed = config.optimization.seed + number
        folder = arguments.runs / arguments.config.stem / f"seed-{seed}"
        seeded = replace(config, optimization=replace(config.optimization, seed=seed))
        rows[str(seed)] = score_seed(seeded, folder, gold)
        micro = rows[str(seed)]["seqeval"]["micro"]
        print(f"seed {seed}: " + ", ".join(f"{key} {100 * micro[key]:.1f}" for key in ("precision", "recall", "f1")))
    f1 = [row["seqeval"]["micro"]["f1"] for row in rows.values()]
    result = {
        "recipe": config.recipe(),
        "scored_on": arguments.test.name if arguments.test else "the development share",
        "micro_f1": {"mean": statistics.mean(f1), "least": min(f1), "greatest": max(f1)},
        "machine": {"cpu": platform.processor() or platform.machine(), "threads": torch.get_num_threads()},
        "seeds": rows,
    }
    print(f"micro F1 {100 * statistics.mean(f1):.1f} ({100 * min(f1):.1f} to {100 * max(f1):.1f})")
    if arguments.test or arguments.output:
        output = arguments.output or ROOT / "benchmarks" / "results" / f"ner-{arguments.config.stem}.json"
        write_json(output, result)
        print(f"result: {output}")
    return 0 if statistics.mean(f1) >= arguments.least else 1


def score_seed(config: TrainingConfig, folder: Path, gold: list[Document] | None) -> dict[str, Any]:
    """One seed's scores and what they took; the model and its predictions are kept in ``folder``.

    Scored on ``gold``, or on the development share where there is none.
    """
    schema, documents = read_training(config)
    documents, development = divided(documents, config)
    judged = development if gold is None else gold
    notes = folder / f"{fingerprint(judged)[:16]}.json"
    predicted = notes.with_suffix(".jsonl")
    if not notes.is_file():
        begin = time.monotonic()
        trained = trainer.train(config, schema, trainer.Articles(documents, development), folder, resume=True)
        seconds = time.monotonic() - begin
        write_documents(predicted, trainer.predictor(trained).stream_documents(judged))
        export(trained, folder / "model", f"A model that benchmarks/ner.py trained, seed {config.optimization.seed}.\n")
        write_json(notes, {"seconds": round(seconds), "curve": trained.config.provenance["curve"]})
    found = [snapped(document) for document in read_documents(predicted)]
    return {**json.loads(notes.read_text(encoding="utf-8")), "seqeval": seqeval_report(judged, found)}


if __name__ == "__main__":
    raise SystemExit(main())
