"""What an encoder of each shape is worth for the same work. Prints a table, writes JSON.

    python -m benchmarks.shapes PRETRAIN NER [--pieces N] [--runs DIR] [--output FILE]

PRETRAIN is like configs/pretrain.yaml, NER like configs/anercorp.yaml. The configured shape reads N pieces; every other
one reads as many as take the same number of floating point operations. Each encoder is then fine-tuned with NER (one
seed), scored on its development share, exported to int8 and timed on whole articles. A run that is finished is not made
again, one that was interrupted is continued.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.ner import score_seed
from benchmarks.predictor import machine, repeated, throughput
from benchmarks.pretraining import pretrained

from rasid.files import write_json
from rasid_training import hardware
from rasid_training.config import TrainingConfig, load_config, load_pretraining
from rasid_training.export import copy_thin
from rasid_training.pretraining.loop import prepare_only
from rasid_training.pretraining.settings import Pretraining, Shape

ROOT = Path(__file__).parent.parent
#: Layers, width, pieces of the vocabulary, beside the configured ones.
SHAPES = [(2, 256, 32_000), (6, 256, 32_000), (4, 384, 32_000), (4, 256, 16_000)]
_HEAD = 64  # width of a head of attention, as in BERT


def main() -> int:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("pretrain", type=Path, metavar="PRETRAIN", help="like configs/pretrain.yaml")
    parser.add_argument("ner", type=Path, metavar="NER", help="like configs/anercorp.yaml")
    parser.add_argument("--pieces", type=int, default=2_000_000, help="for the configured shape (default 2,000,000)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "shapes", metavar="DIR")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "shapes.json")
    arguments = parser.parse_args()

    base, ner = load_pretraining(arguments.pretrain), load_config(arguments.ner)
    budget = arguments.pieces * _work(base)
    own = base.encoder
    rows = []
    print("| layers | width | vocabulary | pieces read | loss a word | NER F1, development | words/s |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for layers, width, vocabulary in [(own.layers, own.width, own.vocabulary), *SHAPES]:
        shape = replace(own, layers=layers, width=width, heads=width // _HEAD, vocabulary=vocabulary)
        row = _row(base, shape, budget, ner, arguments.runs)
        rows.append(row)
        print(
            f"| {layers} | {width} | {vocabulary:,} | {row['pieces']:,} | {row['development_loss']['word']:.2f} "
            f"| {100 * row['ner_f1']:.1f} | {row['words_per_second']['median']:,.0f} |",
            flush=True,
        )
    write_json(arguments.output, {"machine": machine(), "recipe": base.recipe(), "ner": ner.recipe(), "shapes": rows})
    print(f"\nresult: {arguments.output}")
    return 0


def _work(settings: Pretraining) -> float:
    """Floating point operations to train on one piece, in the middle of the run."""
    masking = settings.masking
    return hardware.work(settings.encoder, length=settings.stages[0].length, rate=(masking.first + masking.last) / 2)


def _row(base: Pretraining, shape: Shape, budget: float, ner: TrainingConfig, runs: Path) -> dict[str, Any]:
    shaped = replace(base, encoder=shape)
    steps = replace(base.optimization, pieces=int(budget / _work(shaped)))
    text = prepare_only(replace(shaped, output=str(runs / f"text-{shape.vocabulary}"))) / "shards"
    folder = runs / f"{shape.layers}-{shape.width}-{shape.vocabulary}"
    record = pretrained(replace(shaped, optimization=steps, output=str(folder)), text)
    named = replace(ner, encoder=replace(ner.encoder, name=str(folder / "encoder")))
    scores = score_seed(named, folder / "ner", None)
    model = folder / "int8"
    if not model.is_dir():
        copy_thin(folder / "ner" / "model", model, precision="int8")
    return {
        "layers": shape.layers,
        "width": shape.width,
        "vocabulary": shape.vocabulary,
        **{key: record[key] for key in ("pieces", "development_loss", "hours", "precision", "speed")},
        "ner_f1": scores["seqeval"]["micro"]["f1"],
        "words_per_second": repeated(3, throughput(str(model), os.cpu_count() or 1, 20_000)),
    }


if __name__ == "__main__":
    raise SystemExit(main())
