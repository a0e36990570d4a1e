"""The learning curve: what a recipe finds when it is trained on shares of the articles. Prints a table, writes JSON.

    python benchmarks/curve.py CONFIG [--shares 0.1 0.25 0.5 1] [--seeds N] [--whole MODEL] [--runs DIR] [--output FILE]

Each smaller share is part of the larger ones; a seed draws its own order. Scored on the development articles of CONFIG,
on which thresholds are chosen too, so that only the differences between the rows tell anything. What is finished is not
trained again, what was interrupted is continued. ``--whole`` is a model that ``rasid train CONFIG`` has made: it stands
for the share of 1 of the first seed.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rasid.document import Document, read_documents, write_documents
from rasid.files import write_json
from rasid.predictor import Predictor
from rasid.schema import Schema
from rasid_annotations.corpus import fingerprint
from rasid_annotations.scoring import score
from rasid_training import trainer
from rasid_training.articles import divided, read_training
from rasid_training.config import TrainingConfig, load_config

ROOT = Path(__file__).parent.parent
NOTES, PREDICTED = "notes.json", "predicted.jsonl"


def main() -> int:
    """Train, predict, score, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="like configs/compact.yaml")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1, 0.25, 0.5, 1.0], metavar="SHARE")
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="train with N seeds (default 1)")
    parser.add_argument("--whole", type=Path, metavar="MODEL", help="a model that CONFIG made from all articles")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "curve", metavar="DIR")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "curve.json", metavar="FILE")
    arguments = parser.parse_args()

    config = load_config(arguments.config)
    schema, documents = read_training(config)
    documents, development = divided(documents, config)
    rows = []
    print(f"{'share':>6}{'articles':>10}{'events':>8}{'entities':>10}{'triggers':>10}{'arguments':>11}")
    for share in arguments.shares:
        runs = []
        for seed in range(config.optimization.seed, config.optimization.seed + arguments.seeds):
            order = random.Random(seed).sample(documents, len(documents))
            seeded = replace(config, optimization=replace(config.optimization, seed=seed))
            part = order[: max(1, round(share * len(order)))]
            folder = arguments.runs / f"{share:g}-seed-{seed}"
            if share == 1 and arguments.whole and seed == config.optimization.seed:
                predict_whole(arguments.whole, documents, development, folder)
            runs.append(measure(seeded, schema, part, development, folder))
        rows.append({"share": share, "runs": runs})
        f1 = [statistics.mean(run["f1"][layer] for run in runs) for layer in ("entities", "triggers", "arguments")]
        print(f"{share:6g}{runs[0]['articles']:10d}{runs[0]['events']:8d}{f1[0]:10.3f}{f1[1]:10.3f}{f1[2]:11.3f}")
    write_json(arguments.output, {"recipe": config.recipe(), "development": len(development), "rows": rows})
    print(f"result: {arguments.output}")
    return 0


def predict_whole(model: Path, documents: list[Document], development: list[Document], folder: Path) -> None:
    """Leave in ``folder`` what :func:`measure` would, from a model that is trained already."""
    predictor = Predictor.load(model, precision="fp32")
    if predictor.config.provenance["corpus"] != fingerprint(documents):
        raise SystemExit(f"{model} was trained on other articles than the configuration names; train it anew")
    write_documents(folder / PREDICTED, predictor.stream_documents(development))
    write_json(folder / NOTES, {"seconds": None})


def measure(
    config: TrainingConfig, schema: Schema, part: list[Document], development: list[Document], folder: Path
) -> dict[str, Any]:
    """Strict F1 on the development articles after training on ``part``."""
    notes, predicted = folder / NOTES, folder / PREDICTED
    if not notes.is_file():
        begin = time.monotonic()
        trained = trainer.train(config, schema, trainer.Articles(part, development), folder, resume=True)
        seconds = time.monotonic() - begin
        write_documents(predicted, trainer.predictor(trained).stream_documents(development))
        write_json(notes, {"seconds": round(seconds)})
    layers = score(development, list(read_documents(predicted)), resamples=0).layers
    return {
        "articles": len(part),
        "events": sum(len(document.events) for document in part),
        "f1": {name: layer.strict.total.f1 for name, layer in layers.items()},
        **json.loads(notes.read_text(encoding="utf-8")),
    }


if __name__ == "__main__":
    raise SystemExit(main())
