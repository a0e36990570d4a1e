"""What a model finds in articles that it was neither trained nor tuned on. Prints the report, writes or checks it.

    python benchmarks/held_out.py CORPUS [--model DIR] [--output REPORT.json] [--check REPORT.json] [--trained-on FILE…]

``--check`` fails where a strict F1 is further than 0.01 from the one reported: quantised arithmetic differs a little
from processor to processor, and nothing else may. ``--trained-on`` fails where the model's record does not tell exactly
these articles, or one of them is judged here.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rasid.files import write_json
from rasid.predictor import Predictor
from rasid_annotations.corpus import fingerprint, load_corpus
from rasid_annotations.scoring import score

_TOLERANCE = 0.01


def main() -> int:
    """Predict, score, print, write or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="annotated articles")
    parser.add_argument("--model", metavar="DIR", help="default: the shipped model")
    parser.add_argument("--output", type=Path, metavar="REPORT.json", help="write the report there")
    parser.add_argument("--check", type=Path, metavar="REPORT.json", help="fail if the scores are not those")
    parser.add_argument("--trained-on", type=Path, nargs="+", default=[], metavar="FILE", help="what it was trained on")
    arguments = parser.parse_args()
    gold = load_corpus([arguments.corpus])
    predictor = Predictor.load(arguments.model)
    off = 0
    if arguments.trained_on:
        documents, record = load_corpus(arguments.trained_on), predictor.config.provenance
        if fingerprint(documents) != record["corpus"]:
            off = 1
            print("the model was trained on other annotations than these; train it anew")
        seen = {document.id for document in documents} | set(record["documents"]) | set(record["development"])
        if seen & {document.id for document in gold}:
            off = 1
            print(f"{arguments.corpus} holds articles that the model was made from; judge it by others")
    report = score(gold, list(predictor.stream_documents(gold)))
    print(report.table())
    if arguments.output:
        write_json(arguments.output, report.to_dict())
    if not arguments.check:
        return off
    told = json.loads(arguments.check.read_text(encoding="utf-8"))
    for name, layer in report.layers.items():
        found, expected = layer.strict.total.f1, told[name]["strict"]["f1"]
        if abs(found - expected) > _TOLERANCE:
            off = 1
            print(f"{name}: strict F1 is {found:.3f}, {arguments.check} tells {expected:.3f}; make the report again")
    return off


if __name__ == "__main__":
    raise SystemExit(main())
