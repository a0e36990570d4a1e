"""What int8 costs by which layers stay in fp32. Prints a table, writes JSON.

    python -m benchmarks.quantization MODEL DEVELOPMENT.jsonl [--runs N] [--output FILE]

MODEL is a whole model directory, as ``rasid train`` makes it. For each variant the strict F1 on the development
articles, less that of the fp32 graph, and words a second on one thread on the articles of annotations/corpus.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx
from benchmarks.predictor import ROOT, machine, repeated, throughput

from rasid import Document, Predictor, read_documents
from rasid.artifact import CONFIG, GRAPHS, sha256
from rasid.files import write_json
from rasid_annotations.scoring import score
from rasid_training.export import quantize

LAYERS = ("entities", "triggers", "arguments")


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("development", type=Path, metavar="DEVELOPMENT.jsonl")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of the speed; the median counts (default 3)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "quantization.json")
    arguments = parser.parse_args()
    gold = list(read_documents(arguments.development))
    full = _f1(Predictor.load(arguments.model, precision="fp32"), gold)
    rows = {}
    print(f"{machine()}\n\n| variant | loss of F1: {' | '.join(LAYERS)} | words/s | MB |\n{'| --- ' * 6}|")
    with tempfile.TemporaryDirectory() as folder:
        for name, settings in _variants(arguments.model / GRAPHS["fp32"]).items():
            model = Path(folder) / "model"
            shutil.copytree(arguments.model, model)
            graph = model / GRAPHS["int8"]
            quantize(arguments.model / GRAPHS["fp32"], graph, **settings)
            config = json.loads((model / CONFIG).read_text(encoding="utf-8"))
            # The one graph that is left is the one that is measured.
            config["files"] = {key: value for key, value in config["files"].items() if key != GRAPHS["fp32"]}
            config["files"][GRAPHS["int8"]] = sha256(graph)
            write_json(model / CONFIG, config)
            lost = {layer: full[layer] - f1 for layer, f1 in _f1(Predictor.load(model), gold).items()}
            speed = repeated(arguments.runs, throughput(str(model), 1, 20_000))
            rows[name] = {"lost": lost, "words_per_second": speed, "bytes": graph.stat().st_size}
            costs = " | ".join(f"{lost[layer]:+.4f}" for layer in LAYERS)
            size = graph.stat().st_size / 1e6
            print(f"| {name} | {costs} | {speed['median']:,.0f} | {size:.0f} |", flush=True)
            shutil.rmtree(model)
    write_json(arguments.output, {"machine": machine(), "fp32": full, "variants": rows})
    print(f"\nresult: {arguments.output}")
    return 0


def _f1(predictor: Predictor, gold: Sequence[Document]) -> Mapping[str, float]:
    report = score(gold, list(predictor.stream_documents(gold)), resamples=0)
    return {layer: report.layers[layer].strict.total.f1 for layer in LAYERS}


def _variants(path: Path) -> dict[str, dict[str, Any]]:
    """Which products stay in fp32: an encoder's layer has four square ones, one that widens and one that narrows."""
    graph = onnx.load(path).graph
    shapes = {item.name: tuple(item.dims) for item in graph.initializer}
    products = {n.name: shapes[n.input[1]] for n in graph.node if n.op_type == "MatMul" and n.input[1] in shapes}
    width = max(rows for rows, columns in products.values() if rows == columns)
    narrowing = [name for name, (rows, columns) in products.items() if columns == width < rows]
    end = max(list(products).index(name) for name in narrowing) + 1  # of the encoder: the heads follow
    encoder, heads = list(products)[:end], list(products)[end:]
    attention = [name for name in encoder if products[name] == (width, width)]
    return {
        "as exported: 7 bits": {},
        "heads in fp32": {"kept": heads},
        "attention in fp32": {"kept": attention},
        "narrowing products in fp32": {"kept": narrowing},
        "embeddings in fp32": {"embeddings": False},
        "8 bits, which processors without VNNI saturate": {"bits": 8},
    }


if __name__ == "__main__":
    raise SystemExit(main())
