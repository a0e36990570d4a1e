"""Whether `rasid annotations suggest` saves work: what is learned from the articles that it picks, and from others.

    python -m benchmarks.suggestion CONFIG [--start 60] [--seeds N] [--runs DIR] [--output FILE]

A model is trained on a few of the articles of CONFIG, drawn by lot. It then picks as many further words as those have,
and as many are drawn by lot; a model trained with the one and with the other is scored on the development articles of
CONFIG, on which thresholds are chosen too. What is finished is not trained again, what was interrupted is continued.
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.curve import NOTES, PREDICTED, measure

from rasid.document import Document, read_documents, write_documents
from rasid.files import write_json
from rasid.schema import Schema
from rasid_annotations.suggestion import FLOOR, suggest
from rasid_training import trainer
from rasid_training.articles import divided, read_training
from rasid_training.config import TrainingConfig, load_config

ROOT = Path(__file__).parent.parent
WIDE = "wide.jsonl"
LAYERS = ("entities", "triggers", "arguments")


def main() -> int:
    """Train, pick, train again, score, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="like configs/compact.yaml")
    parser.add_argument("--start", type=int, default=60, metavar="N", help="articles to start with (default 60)")
    parser.add_argument("--seeds", type=int, default=3, metavar="N", help="draw and train N times (default 3)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "suggestion", metavar="DIR")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "suggestion.json", metavar="F")
    arguments = parser.parse_args()

    config = load_config(arguments.config)
    schema, documents = read_training(config)
    documents, development = divided(documents, config)
    rows: list[dict[str, Any]] = []
    for seed in range(config.optimization.seed, config.optimization.seed + arguments.seeds):
        order = random.Random(seed).sample(documents, len(documents))
        start, rest = order[: arguments.start], order[arguments.start :]
        budget = sum(words(document) for document in start)
        seeded = replace(config, optimization=replace(config.optimization, seed=seed))
        folder = arguments.runs / f"seed-{seed}"
        if not (folder / "start" / WIDE).is_file():
            read_widely(seeded, schema, start, development, rest, folder / "start")
        runs = {"start": measure(seeded, schema, start, development, folder / "start")}
        by_name = {document.id: document for document in rest}
        wide = list(read_documents(folder / "start" / WIDE))
        picked = [by_name[found.id] for found in suggest(wide, start, len(rest))]
        for arm, ranked in (("suggested", picked), ("by lot", rest)):
            part = start + list(within(ranked, budget))
            runs[arm] = measure(seeded, schema, part, development, folder / arm.replace(" ", "-"))
        rows.append({"seed": seed, "words": budget, "runs": runs})
        for arm, run in runs.items():
            shown = "  ".join(f"{layer} {run['f1'][layer]:.3f}" for layer in LAYERS)
            print(
                f"seed {seed}  {arm:<10}{run['articles']:>4} articles, {run['events']:>5} events  {shown}", flush=True
            )
    for layer in LAYERS:
        gains = [row["runs"]["suggested"]["f1"][layer] - row["runs"]["by lot"]["f1"][layer] for row in rows]
        print(f"{layer}: suggested less by lot {statistics.mean(gains):+.3f} ({min(gains):+.3f} to {max(gains):+.3f})")
    write_json(arguments.output, {"recipe": config.recipe(), "development": len(development), "rows": rows})
    print(f"result: {arguments.output}")
    return 0


def read_widely(
    config: TrainingConfig,
    schema: Schema,
    start: list[Document],
    development: list[Document],
    rest: list[Document],
    folder: Path,
) -> None:
    """Train on ``start``; leave what ``measure`` would, and ``rest`` with all that the model thinks possible."""
    trained = trainer.train(config, schema, trainer.Articles(start, development), folder, resume=True)
    write_documents(folder / PREDICTED, trainer.predictor(trained).stream_documents(development))
    write_json(folder / NOTES, {"seconds": None})
    calibration = trained.config.calibration.at(FLOOR, schema.names)
    write_documents(folder / WIDE, trainer.predictor(trained, calibration).stream_documents(rest))


def within(documents: Iterable[Document], budget: int) -> Iterable[Document]:
    """The first documents, until they have this many words."""
    total = 0
    for document in documents:
        if total >= budget:
            return
        total += words(document)
        yield document


def words(document: Document) -> int:
    """Words as white space separates them."""
    return len(document.text.split())


if __name__ == "__main__":
    raise SystemExit(main())
