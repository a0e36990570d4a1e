"""Errors of a model on annotated articles: a sample to be sorted by cause, and the table of causes. Writes JSON.

    python benchmarks/errors.py sample GOLD PREDICTED [--number N] [--seed N] > FILE   # with words: not to be published
    python benchmarks/errors.py table CAUSES.json

The sample is drawn by lot from all disagreements, each with its paragraph. Somebody gives each a cause; CAUSES.json is
``{"causes": {name: meaning}, "errors": [{"document", "paragraph", "layer", "kind", "cause"}, …]}``.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import Counter
from pathlib import Path

from rasid_annotations.corpus import load_corpus
from rasid_annotations.disagreements import disagreements
from rasid_annotations.scoring import paired
from rasid_annotations.words import paragraphs


def main() -> int:
    """Draw a sample, or print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    commands = parser.add_subparsers(dest="command", required=True)
    drawing = commands.add_parser("sample", help="print errors with their words, numbered")
    drawing.add_argument("gold", type=Path, metavar="GOLD")
    drawing.add_argument("predicted", type=Path, metavar="PREDICTED")
    drawing.add_argument("--number", type=int, default=100, metavar="N", help="how many (default 100)")
    drawing.add_argument("--seed", type=int, default=0, metavar="N")
    telling = commands.add_parser("table", help="print how many errors have each cause")
    telling.add_argument("causes", type=Path, metavar="CAUSES.json")
    arguments = parser.parse_args()
    if arguments.command == "sample":
        sample(arguments.gold, arguments.predicted, arguments.number, arguments.seed)
    else:
        table(arguments.causes)
    return 0


def sample(gold: Path, predicted: Path, number: int, seed: int) -> None:
    """Print some errors: number, place, layer, kind, what gold and model claim, and the paragraph."""
    pairs = paired(load_corpus([gold]), load_corpus([predicted]))
    errors = [(document, row) for document, found in pairs for row in disagreements(document, found)]
    chosen = random.Random(seed).sample(errors, min(number, len(errors)))
    for place, (document, row) in enumerate(chosen, 1):
        text = paragraphs(document.text)[row.paragraph - 1].text
        print(f"{place}\t{row.line(document.text)}\n\t{text}\n")


def table(file: Path) -> None:
    """Print a Markdown table: cause, entities, triggers, arguments, together."""
    data = json.loads(file.read_text(encoding="utf-8"))
    counts = Counter((error["cause"], error["layer"]) for error in data["errors"])
    layers = ("entities", "triggers", "arguments")
    print(f"| cause | {' | '.join(layers)} | together |\n| --- | --- | --- | --- | --- |")
    for cause, meaning in data["causes"].items():
        row = [counts[cause, layer] for layer in layers]
        print(f"| {cause}: {meaning} | {' | '.join(map(str, row))} | {sum(row)} |")


if __name__ == "__main__":
    raise SystemExit(main())
