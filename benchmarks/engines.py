"""Whether every engine gives the answer of the plain model, and what int8 costs. Prints tables, writes JSON.

    python -m benchmarks.engines MODEL CORPUS.jsonl … [--output FILE]

MODEL is a whole model directory, as ``rasid train`` makes it. The reference is its fp32 torch model on one window at a
time. Engines in fp32 must give the same entities, events and arguments for every article, scores within 1e-4; the exit
status tells. For int8, which computes with other numbers, the strict F1 of both against the annotations of each corpus.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.predictor import ROOT, machine

from rasid import Document, Predictor, parquet, read_documents
from rasid.document import write_documents
from rasid.files import write_json
from rasid_annotations.scoring import score
from rasid_training.backend import load_torch

TOLERANCE = 1e-4

Answers = list[Document]


def main() -> int:
    """Compare, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("corpora", nargs="+", type=Path, metavar="CORPUS.jsonl")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "engines.json", metavar="FILE")
    arguments = parser.parse_args()
    corpora = {path.stem: list(read_documents(path)) for path in arguments.corpora}
    # Ids of their own, and nothing that an engine could copy.
    bare = [replace(d, entities=(), events=(), extra={}) for documents in corpora.values() for d in documents]
    plain = load_torch(arguments.model, device="cpu", together=1)
    reference = [plain(document.text, id=document.id, published=document.published) for document in bare]
    items = sum(len(d.entities) + len(d.events) for d in reference)
    print(f"{machine()}, {len(bare)} articles, {items:,} mentions\n")
    print("| engine | articles that differ | greatest difference of a score |\n| --- | --- | --- |")
    rows = {}
    for name, answer in _engines(arguments.model).items():
        rows[name] = _compared(reference, answer(bare))
        print(f"| {name} | {rows[name]['differ']} | {rows[name]['score']:.1e} |", flush=True)
    wrong = [name for name, row in rows.items() if row["differ"] or row["score"] > TOLERANCE]
    fp32, int8 = reference, list(Predictor.load(arguments.model, precision="int8").stream_documents(bare))
    print("\n| corpus | layer | fp32 | int8 | loss |\n| --- | --- | --- | --- | --- |")
    costs: dict[str, Any] = {}
    start = 0
    for name, gold in corpora.items():
        stop = start + len(gold)
        costs[name] = {}
        for layer in ("entities", "triggers", "arguments"):
            full, quantised = (
                score(gold, part[start:stop], resamples=0).layers[layer].strict.total.f1 for part in (fp32, int8)
            )
            costs[name][layer] = {"fp32": full, "int8": quantised}
            print(f"| {name} | {layer} | {full:.4f} | {quantised:.4f} | {full - quantised:+.4f} |")
        start = stop
    write_json(arguments.output, {"machine": machine(), "articles": len(bare), "engines": rows, "int8": costs})
    print(f"\nresult: {arguments.output}")
    if wrong:
        print(f"differ from the plain model: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


def _engines(model: Path) -> dict[str, Callable[[Sequence[Document]], Answers]]:
    def torch(documents: Sequence[Document]) -> Answers:
        return list(load_torch(model, device="cpu").stream_documents(documents))

    def onnx(threads: int) -> Callable[[Sequence[Document]], Answers]:
        return lambda documents: list(
            Predictor.load(model, precision="fp32", threads=threads).stream_documents(documents)
        )

    def alone(documents: Sequence[Document]) -> Answers:
        predictor = Predictor.load(model, precision="fp32", threads=2)
        return [predictor(d.text, id=d.id, published=d.published) for d in documents]

    def command(*options: str) -> Callable[[Sequence[Document]], Answers]:
        def answers(documents: Sequence[Document]) -> Answers:
            with tempfile.TemporaryDirectory() as folder:
                given, output = Path(folder) / "in.jsonl", Path(folder) / "out.parquet"
                write_documents(given, documents)
                predict = ["predict", "--model", str(model), "--precision", "fp32", str(given), "--output", str(output)]
                subprocess.run([sys.executable, "-m", "rasid", *predict, *options], check=True)
                return list(_read(output))

        return answers

    return {
        "torch, batches": torch,
        "ONNX Runtime, 1 thread": onnx(1),
        "ONNX Runtime, 2 threads": onnx(2),
        "ONNX Runtime, an article at a time": alone,
        "2 processes, Parquet": command("--processes", "2"),
        "Ray, 2 workers, Parquet": command("--engine", "ray", "--processes", "2"),
    }


def _read(folder: Path) -> Iterator[Document]:
    for part in sorted(folder.iterdir()):
        yield from parquet.read_predicted(part)


def _compared(reference: Answers, answers: Answers) -> dict[str, float]:
    """How many articles have other spans, types, modalities or links, and the greatest difference of a score else."""
    differ, greatest = 0, 0.0
    for one, other in zip(reference, answers, strict=True):
        if _facts(one) != _facts(other):
            differ += 1
        else:
            pairs = zip(_scores(one), _scores(other), strict=True)
            greatest = max([greatest, *(abs(a - b) for a, b in pairs)])
    return {"differ": differ, "score": greatest}


def _facts(document: Document) -> Any:
    return (
        document.id,
        document.text,
        [(e.id, e.type, e.start, e.end) for e in document.entities],
        [
            (e.id, e.type, e.start, e.end, e.modality, [(a.role, a.entity) for a in e.arguments])
            for e in document.events
        ],
    )


def _scores(document: Document) -> list[float]:
    found = [entity.score for entity in document.entities]
    for event in document.events:
        found += [event.score, *(argument.score for argument in event.arguments)]
    return [probability or 0.0 for probability in found]


if __name__ == "__main__":
    raise SystemExit(main())
