"""What a model finds in articles that it was neither trained nor tuned on. Prints the report, writes or checks it.

    python benchmarks/held_out.py CORPUS [--model DIR] [--output REPORT.json | --check REPORT.json]

``--check`` fails where a strict F1 is further than 0.01 from the one reported: quantised arithmetic differs a little
from processor to processor, and nothing else may.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from rasid.files import write_json
from rasid.predictor import Predictor
from rasid_annotations.corpus import load_corpus
from rasid_annotations.scoring import score

_TOLERANCE = 0.01


def main() -> int:
    """Predict, score, print, write or compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="annotated articles")
    parser.add_argument("--model", metavar="DIR", help="default: the shipped model")
    parser.add_argument("--output", type=Path, metavar="REPORT.json", help="write the report there")
    parser.add_argument("--check", type=Path, metavar="REPORT.json", help="fail if the scores are not those")
    arguments = parser.parse_args()
    gold = load_corpus([arguments.corpus])
    report = score(gold, list(Predictor.load(arguments.model).stream_documents(gold)))
    print(report.table())
    if arguments.output:
        write_json(arguments.output, report.to_dict())
    if not arguments.check:
        return 0
    told = json.loads(arguments.check.read_text(encoding="utf-8"))
    off = 0
    for name, layer in report.layers.items():
        found, expected = layer.strict.total.f1, told[name]["strict"]["f1"]
        if abs(found - expected) > _TOLERANCE:
            off = 1
            print(f"{name}: strict F1 is {found:.3f}, {arguments.check} tells {expected:.3f}; make the report again")
    return off


if __name__ == "__main__":
    raise SystemExit(main())
