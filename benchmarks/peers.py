"""The predictor beside what one would otherwise take, with the same encoder, on the same articles.

    python -m benchmarks.peers [--shapes arabert compact] [--threads 1 2] [--runs N] [--output FILE]

Each shape is a BERT of that shape with random weights, which take as long as trained ones. Measured side by side, each
run in a fresh process, the readers taking turns:

- ``rasid``: the predictor, entities and events with arguments, in fp32 and in int8. Its random heads are given
  thresholds with which they find as many entities, events and arguments in the articles as gold has.
- ``pipeline``: the token classification pipeline of ``transformers`` (torch, fp32 and bf16), entities alone: texts
  sorted by length, a stride so that nothing is cut off; window, stride and batch size the fastest of those tried.
- ``onnx``: an ONNX Runtime session of that classifier, fp32 and int8 (dynamic): sorted, four at once padded
  to the longest of them, entities alone.
- ``shipped``: the model in the package.

Where there is a GPU, ``rasid cuda`` and ``pipeline cuda`` in bf16 besides. Short messages are the paragraphs of the
seed articles, whole articles are those, the mix is both. Words are what white space separates.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from benchmarks.predictor import ROOT, machine
from benchmarks.readers import ARTICLES, LIMIT, PIECES, kinds
from onnxruntime.quantization import quantize_dynamic
from tokenizers import Tokenizer

from rasid import read_documents
from rasid.artifact import CONFIG, GRAPHS, LINKS, ModelConfig
from rasid.backends import OnnxBackend
from rasid.decoding import Calibration, Decoder, Floats
from rasid.files import write_json
from rasid.passages import Passage
from rasid.tokenizer import read
from rasid.windows import WindowSize, divide
from rasid_annotations.corpus import load_schema
from rasid_training import hardware
from rasid_training.export import Trained, export, quiet
from rasid_training.model import RasidConfig, RasidModel

_COMPACT = ROOT / "training" / "rasid_training" / "encoders" / "conflict"
SHAPES: dict[str, dict[str, Any]] = {
    "arabert": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "compact": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024},
}
READERS = ("rasid int8", "rasid fp32", "pipeline fp32", "pipeline bf16", "onnx fp32", "onnx int8")
_COLUMNS = ("articles", "short", "mix", "p50_ms", "p95_ms", "first_answer_s", "peak_mb")


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shapes", nargs="+", choices=tuple(SHAPES), default=list(SHAPES))
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}), metavar="N")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="of each reader; medians count (default 3)")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "peers.json", metavar="FILE")
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    peaks = {}
    print(f"{machine()}, medians of {arguments.runs} runs; words/s, ms, s, MB\n")
    print(f"| shape | threads | reader | {' | '.join(_COLUMNS)} | share of peak |\n{'| --- ' * 11}|")
    with tempfile.TemporaryDirectory() as folder:
        for shape in arguments.shapes:
            place = Path(folder) / shape
            work = _make(shape, place)
            for threads in arguments.threads:
                peaks[threads] = max(_run("peak", place, threads) for _ in range(3))
                settings = _run("settings", place, threads)
                readers = [*READERS, "shipped"] if shape == arguments.shapes[0] else list(READERS)
                if torch.cuda.is_available():
                    readers += ["rasid cuda", "pipeline cuda"]
                runs: dict[str, list[Any]] = {reader: [] for reader in readers}
                for _ in range(arguments.runs):  # in turns: a machine that slows down slows all down
                    for reader in readers:
                        runs[reader].append(_run(reader, place, threads, settings))
                for reader, values in runs.items():
                    row: dict[str, Any] = {"shape": shape if reader != "shipped" else "", "threads": threads}
                    row |= {"reader": reader} | {c: _spread([v[c] for v in values]) for c in _COLUMNS}
                    if reader.startswith("pipeline"):
                        row["settings"] = settings
                    if reader in ("rasid fp32", "rasid cuda"):
                        row["share_of_peak"] = row["articles"]["median"] * work / _peak(reader, peaks[threads])
                    rows.append(row)
                    _print(row)
    write_json(arguments.output, {"machine": machine(), "runs": arguments.runs, "peak_flops": peaks, "rows": rows})
    print(f"\nresult: {arguments.output}")
    return 0


def _peak(reader: str, cpu: float) -> float:
    return hardware.peak(torch.device("cuda"), torch.bfloat16) if reader.endswith("cuda") else cpu


def _print(row: dict[str, Any]) -> None:
    cells = [f"{row[column]['median']:,.4g}" for column in _COLUMNS]
    share = f"{row['share_of_peak']:.0%}" if "share_of_peak" in row else ""
    print(f"| {row['shape']} | {row['threads']} | {row['reader']} | {' | '.join(cells)} | {share} |", flush=True)


def _run(reader: str, folder: Path, threads: int, settings: Any = None) -> Any:
    command = [
        sys.executable,
        "-m",
        "benchmarks.readers",
        reader,
        str(folder),
        str(threads),
        json.dumps(settings or {}),
    ]
    environment = os.environ | {"OMP_NUM_THREADS": str(threads), "OPENBLAS_NUM_THREADS": str(threads)}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values)}


def _make(shape: str, folder: Path) -> float:
    """One encoder under Rasid's heads and under a token classifier's, as files.

    Returns:
        Floating point operations a word of the articles: 2 for each weight of the layers and each piece that Rasid
        gives to the encoder. Neither attention nor the heads count.
    """
    folder.mkdir()
    torch.manual_seed(0)
    schema = load_schema()
    settings = transformers.BertConfig(vocab_size=64_000, max_position_embeddings=LIMIT, **SHAPES[shape])
    labels = ["O", *(f"{mark}-{kind}" for kind in schema.entity_types for mark in "BI")]
    settings.id2label, settings.label2id = dict(enumerate(labels)), {name: n for n, name in enumerate(labels)}
    classifier = transformers.BertForTokenClassification(settings).eval()
    classifier.save_pretrained(folder / "classifier")
    tokenizer = Tokenizer.from_file(str(_COMPACT / "tokenizer.json"))
    tokenizer.save(str(folder / "tokenizer.json"))
    _export_classifier(classifier, folder)
    begin, end, pad = (int(tokenizer.token_to_id(piece) or 0) for piece in PIECES[:3])
    model = RasidModel(RasidConfig(encoder=classifier.bert.config.to_dict(), schema=schema.to_dict()), classifier.bert)
    config = ModelConfig(
        schema, WindowSize(), Calibration(), begin=begin, end=end, pad=pad, files={}, provenance={"corpus": "none"}
    )
    export(Trained(model, tokenizer, config), folder / "rasid", "# Random weights\n")
    passages = [
        Passage.of(reading, window, begin=begin, end=end, longest=LIMIT)
        for text in kinds()["articles"]
        for reading in [read(text, tokenizer)]
        for window in divide(reading, config.window)
    ]
    _set_thresholds(folder / "rasid", config, passages)
    weights = sum(
        p.numel() for name, p in classifier.bert.named_parameters() if "encoder.layer" in name and p.dim() == 2
    )
    words = sum(len(text.split()) for text in kinds()["articles"])
    return float(2 * weights * sum(len(passage.pieces) for passage in passages) / words)


def _export_classifier(classifier: Any, folder: Path) -> None:
    ids = torch.ones(2, 12, dtype=torch.long)
    free = torch.export.Dim.DYNAMIC
    with quiet():
        torch.onnx.export(
            classifier,
            (ids, torch.ones_like(ids)),
            folder / "classifier.fp32.onnx",
            dynamo=True,
            external_data=False,
            dynamic_shapes=({0: free, 1: free},) * 2,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
        )
        import onnx

        proto = onnx.load(folder / "classifier.fp32.onnx")
        del proto.graph.value_info[:]  # they confuse the quantiser's own inference of shapes
        onnx.save(proto, folder / "classifier.plain.onnx")
        quantize_dynamic(folder / "classifier.plain.onnx", folder / "classifier.int8.onnx", per_channel=True)


def _set_thresholds(model: Path, config: ModelConfig, passages: list[Passage]) -> None:
    """Thresholds with which as much is found as gold has: decoding then has as much to do."""
    gold = list(read_documents(ARTICLES))
    entities, events = sum(len(d.entities) for d in gold), sum(len(d.events) for d in gold)
    arguments = sum(len(e.arguments) for d in gold for e in d.events)
    schema = config.schema
    backend = OnnxBackend(model / GRAPHS["fp32"], model / LINKS)
    scores = backend.scores(passages, alone=False)
    logits = np.concatenate([one.spans for one in scores])
    count = len(schema.entity_types)
    thresholds = dict.fromkeys(schema.entity_types, _cutoff(logits[:, :count], entities))
    thresholds |= dict.fromkeys(schema.event_types, _cutoff(logits[:, count:], events))
    # All links first, to see which of them are the most probable.
    every = Decoder(schema, Calibration(thresholds=thresholds | dict.fromkeys(schema.role_names, 0.0)))
    found = []
    for passage, one in zip(passages, scores, strict=True):
        mentions = every.mentions(passage, one)
        if ends := every.ends(passage, mentions):
            found.append(every.linked(passage, mentions, ends, backend.roles([one], [ends])[0]).link_logits)
    thresholds |= dict.fromkeys(schema.role_names, _cutoff(np.concatenate(found), arguments))
    data = json.loads((model / CONFIG).read_text(encoding="utf-8"))
    calibrated = replace(config, calibration=Calibration(thresholds=thresholds))
    write_json(model / CONFIG, data | {"calibration": calibrated.to_dict()["calibration"]})


def _cutoff(logits: Floats, count: int) -> float:
    """The probability that just ``count`` of the logits reach."""
    least = np.sort(logits, axis=None)[-min(count, logits.size)]
    return float(1 / (1 + np.exp(-least)))


if __name__ == "__main__":
    raise SystemExit(main())
