"""The predictor beside what one would otherwise take, with the same encoder, on the same articles.

    python -m benchmarks.peers [--shapes arabert compact] [--threads 1 2] [--runs N] [--output FILE]

Each shape is a BERT of that shape with random weights, which take as long as trained ones. Measured side by side:

- ``rasid``: the predictor, entities and events with arguments, in fp32 and in int8.
- ``pipeline``: the token classification pipeline of ``transformers`` (torch, fp32), entities alone: texts sorted by
  length, a stride so that nothing is cut off, the batch size that was fastest here of those tried.
- ``onnx``: an ONNX Runtime session of that classifier, padded to the encoder's limit, entities alone.

Short messages are the paragraphs of the seed articles, whole articles are those, the mix is both.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import torch
import transformers
from benchmarks.predictor import ARTICLES, machine
from tokenizers import Tokenizer

from rasid import Predictor, read_documents
from rasid.artifact import TOKENIZER, ModelConfig
from rasid.backends import INPUTS
from rasid.decoding import Calibration
from rasid.files import write_json
from rasid.windows import WindowSize
from rasid_annotations.corpus import load_schema
from rasid_training.export import Trained, export
from rasid_training.hardware import keep_memory
from rasid_training.model import RasidConfig, RasidModel

ROOT = Path(__file__).parent.parent
COMPACT = ROOT / "training" / "rasid_training" / "encoders" / "conflict"
_LIMIT = 512
_STRIDE = 128
_BATCHES = (1, 4, 16)
SHAPES: dict[str, dict[str, Any]] = {
    "arabert": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "compact": {"hidden_size": 256, "num_hidden_layers": 4, "num_attention_heads": 4, "intermediate_size": 1024},
}

Reader = Callable[[Sequence[str]], Any]


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--shapes", nargs="+", choices=tuple(SHAPES), default=list(SHAPES))
    parser.add_argument("--threads", type=int, nargs="+", default=sorted({1, os.cpu_count() or 1}), metavar="N")
    parser.add_argument(
        "--runs", type=int, default=3, metavar="N", help="of each figure; the median counts (default 3)"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "peers.json", metavar="FILE")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")

    rows = []
    print(f"{machine()}, medians of {arguments.runs} runs, words/s\n")
    print("| shape | threads | what | short | articles | mix |\n| --- | --- | --- | --- | --- | --- |")
    for shape in arguments.shapes:
        with tempfile.TemporaryDirectory() as folder:
            made = Models(shape, Path(folder))
            for threads in arguments.threads:
                for name, reader in made.readers(threads).items():
                    row = {"shape": shape, "threads": threads, "what": name, **measured(reader, arguments.runs)}
                    rows.append(row)
                    speeds = (f"{row[kind]['median']:,.0f}" for kind in ("short", "articles", "mix"))
                    print(f"| {shape} | {threads} | {name} | {' | '.join(speeds)} |", flush=True)
    write_json(arguments.output, {"machine": machine(), "runs": arguments.runs, "rows": rows})
    print(f"\nresult: {arguments.output}")
    return 0


def measured(reader: Reader, runs: int) -> dict[str, Any]:
    """Words a second on each kind of text."""
    speeds: dict[str, Any] = {}
    for kind, texts in kinds().items():
        reader(texts[:2])  # the first call sizes buffers
        words = sum(len(text.split()) for text in texts)
        values = []
        for _ in range(runs):
            begin = time.perf_counter()
            reader(texts)
            values.append(words / (time.perf_counter() - begin))
        speeds[kind] = {"median": statistics.median(values), "least": min(values), "greatest": max(values)}
    return speeds


def kinds() -> dict[str, list[str]]:
    """The texts, in an order that has nothing to do with their length."""
    articles = [document.text for document in read_documents(ARTICLES)]
    short = [line for text in articles for line in text.splitlines() if line.strip()]
    mix = articles + short
    random.Random(0).shuffle(mix)
    return {"short": short, "articles": articles, "mix": mix}


def _streaming(predictor: Predictor) -> Reader:
    return lambda texts: list(predictor.stream(texts))


class Models:
    """One encoder's weights under Rasid's heads and under a token classifier's."""

    def __init__(self, shape: str, folder: Path) -> None:
        torch.manual_seed(0)
        self._schema = load_schema()
        settings = transformers.BertConfig(vocab_size=64_000, max_position_embeddings=_LIMIT, **SHAPES[shape])
        labels = ["O", *(f"{mark}-{kind}" for kind in self._schema.entity_types for mark in "BI")]
        settings.id2label, settings.label2id = dict(enumerate(labels)), {name: n for n, name in enumerate(labels)}
        self.classifier = transformers.BertForTokenClassification(settings).eval()
        self.tokenizer = Tokenizer.from_file(str(COMPACT / TOKENIZER))
        self._special = {name: int(self.tokenizer.token_to_id(name) or 0) for name in ("[CLS]", "[SEP]", "[PAD]")}
        self.model = self._export(folder / "rasid")
        self._graph = folder / "classifier.onnx"
        self._export_classifier()

    def _export(self, folder: Path) -> Path:
        encoder = self.classifier.bert
        config = RasidConfig(encoder=encoder.config.to_dict(), schema=self._schema.to_dict())
        model = RasidModel(config, encoder)
        # Random heads would find mentions everywhere; these find about as many as there are.
        served = ModelConfig(
            schema=self._schema,
            window=WindowSize(longest=_LIMIT, target=256, overlap=64),
            calibration=Calibration(thresholds=dict.fromkeys(self._schema.names, 0.05)),
            begin=self._special["[CLS]"],
            end=self._special["[SEP]"],
            pad=self._special["[PAD]"],
            files={},
            provenance={"corpus": "none: random weights"},
        )
        return export(Trained(model, self.tokenizer, served), folder, "# Random weights\n")

    def _export_classifier(self) -> None:
        ids = torch.ones(2, 12, dtype=torch.long)
        free = torch.export.Dim.DYNAMIC
        torch.onnx.export(
            self.classifier,
            (ids, torch.ones_like(ids)),
            self._graph,
            dynamo=True,
            external_data=False,
            dynamic_shapes=({0: free, 1: free},) * 2,
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            verbose=False,
        )

    def readers(self, threads: int) -> dict[str, Reader]:
        """What reads a list of texts, by name."""
        torch.set_num_threads(threads)
        keep_memory()
        found: dict[str, Reader] = {}
        for precision in ("fp32", "int8"):
            predictor = Predictor.load(self.model, precision=precision, threads=threads)
            found[f"rasid {precision}"] = _streaming(predictor)
        best = self._fastest_pipeline()
        found[f"pipeline, batches of {best}"] = self._pipeline(best)
        found["onnx, padded"] = self._session(threads)
        return found

    def _fastest_pipeline(self) -> int:
        texts = kinds()["articles"]
        times = {}
        for size in _BATCHES:
            reader = self._pipeline(size)
            reader(texts[:1])
            begin = time.perf_counter()
            reader(texts)
            times[size] = time.perf_counter() - begin
        return min(times, key=lambda size: times[size])

    def _pipeline(self, batch: int) -> Reader:
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_object=self.tokenizer,
            model_max_length=_LIMIT,
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            unk_token="[UNK]",
        )
        pipeline = transformers.pipeline(
            "token-classification",
            model=self.classifier,
            tokenizer=tokenizer,
            aggregation_strategy="simple",
            stride=_STRIDE,
            batch_size=batch,
            device="cpu",
        )
        return lambda texts: list(pipeline(sorted(texts, key=len)))

    def _session(self, threads: int) -> Reader:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(self._graph, options, providers=["CPUExecutionProvider"])
        begin, end, pad = (self._special[name] for name in ("[CLS]", "[SEP]", "[PAD]"))

        def read(texts: Sequence[str]) -> list[Any]:
            rows: list[list[int]] = []
            for encoding in self.tokenizer.encode_batch(list(texts), add_special_tokens=False):
                step = _LIMIT - 2 - _STRIDE
                starts = range(0, max(len(encoding.ids) - _STRIDE, 1), step)
                rows += [[begin, *encoding.ids[start : start + _LIMIT - 2], end] for start in starts]
            found = []
            for first in range(0, len(rows), 4):
                part = rows[first : first + 4]
                ids = np.array([row + [pad] * (_LIMIT - len(row)) for row in part], dtype=np.int64)
                mask = np.array([[1] * len(row) + [0] * (_LIMIT - len(row)) for row in part], dtype=np.int64)
                (logits,) = session.run(["logits"], dict(zip(INPUTS[:2], (ids, mask), strict=True)))
                found += list(logits.argmax(axis=-1))
            return found

        return read


if __name__ == "__main__":
    raise SystemExit(main())
