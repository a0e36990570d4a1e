"""One reader of texts, measured in a process of its own; benchmarks/peers.py starts it.

    python -m benchmarks.readers NAME FOLDER THREADS [SETTINGS]

FOLDER holds the models that benchmarks/peers.py made. Prints a JSON object. What a reader needs is imported when it is
made, so that its time to the first answer and its memory are its own.
"""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

ARTICLES = Path(__file__).parent.parent / "annotations" / "corpus" / "seeds.jsonl"
LIMIT = 512
PIECES = ("[CLS]", "[SEP]", "[PAD]", "[UNK]")
#: Longest window, stride, batch of the pipeline, of which the fastest is taken for each kind of text.
SETTINGS = [(*window, batch) for window in ((512, 32), (256, 32)) for batch in (1, 8)]
_LATENCY_SECONDS = 4.0

Reader = Callable[[Sequence[str]], Any]


def main(argv: Sequence[str]) -> int:
    """Measure one reader and print what came of it."""
    warnings.filterwarnings("ignore")
    name, folder, threads = argv[0], Path(argv[1]), int(argv[2])
    if name == "peak":
        result: Any = peak(threads)
    elif name == "settings":
        result = fastest_settings(folder, threads)
    else:
        result = measured(name, folder, threads, json.loads(argv[3]) if len(argv) > 3 else {})
    print(json.dumps(result))
    return 0


def kinds() -> dict[str, list[str]]:
    """The texts, in an order that has nothing to do with their length."""
    lines = ARTICLES.read_text(encoding="utf-8").splitlines()
    articles = [str(json.loads(line)["text"]) for line in lines]
    short = [line for text in articles for line in text.splitlines() if line.strip()]
    mix = articles + short
    random.Random(0).shuffle(mix)
    return {"articles": articles, "short": short, "mix": mix}


def measured(name: str, folder: Path, threads: int, settings: dict[str, Any]) -> dict[str, float]:
    """Words a second of each kind of text, latency of one short text, time to the first answer, peak memory."""
    texts = kinds()
    sentence = texts["short"][0]
    begin = time.perf_counter()
    readers = made(name, folder, threads, settings)
    readers["short"]([sentence])
    result = {"first_answer_s": time.perf_counter() - begin}
    times: list[float] = []
    end = time.perf_counter() + _LATENCY_SECONDS
    while len(times) < 200 and (len(times) < 20 or time.perf_counter() < end):
        begin = time.perf_counter()
        readers["short"]([sentence])
        times.append(1000 * (time.perf_counter() - begin))
    result["p50_ms"] = statistics.median(times)
    result["p95_ms"] = statistics.quantiles(times, n=20)[-1]
    for kind, part in texts.items():
        readers[kind](part[:2])  # the first call sizes buffers
        words, spent, rounds = sum(len(text.split()) for text in part), 0.0, 0
        while spent < 1.0:
            begin = time.perf_counter()
            readers[kind](part)
            spent += time.perf_counter() - begin
            rounds += 1
        result[kind] = words * rounds / spent
    result["peak_mb"] = peak_memory()
    return result


def peak_memory() -> float:
    """The most memory that this process has held, in MB.

    What ``getrusage`` tells begins with that of the process that started this one.
    """
    line = next(line for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines() if "VmHWM" in line)
    return int(line.split()[1]) / 1024


def made(name: str, folder: Path, threads: int, settings: dict[str, Any]) -> dict[str, Reader]:
    """What reads a list of texts, for each kind of text."""
    peer, _, precision = name.partition(" ")
    if peer in ("rasid", "shipped"):
        reader = _rasid(None if peer == "shipped" else folder / "rasid", threads, precision)
    elif peer == "onnx":
        reader = _onnx(folder / f"classifier.{precision}.onnx", folder / "tokenizer.json", threads)
    else:
        return _pipelines(folder, threads, precision, settings)
    return dict.fromkeys(kinds(), reader)


def _rasid(model: Path | None, threads: int, precision: str) -> Reader:
    if precision == "cuda":
        from rasid_training.backend import load_torch

        predictor = load_torch(model or "", device="cuda", precision="bf16")
    else:
        from rasid import Predictor

        predictor = Predictor.load(model, precision=precision or None, threads=threads)  # type: ignore[arg-type]

    def read(texts: Sequence[str]) -> Any:
        return [predictor(texts[0])] if len(texts) == 1 else list(predictor.stream(texts))

    return read


def _pipelines(folder: Path, threads: int, precision: str, settings: dict[str, Any]) -> dict[str, Reader]:
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(threads)
    device = "cuda" if precision == "cuda" else "cpu"
    model: Any = transformers.BertForTokenClassification.from_pretrained(folder / "classifier")
    if precision in ("bf16", "cuda"):
        model.to(dtype=torch.bfloat16)
    return {kind: _pipeline(model, folder, device, *settings.get(kind, SETTINGS[0])) for kind in kinds()}


def _pipeline(model: Any, folder: Path, device: str, longest: int, stride: int, batch: int) -> Reader:
    import transformers

    begin, end, pad, unknown = PIECES
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        model_max_length=longest,
        cls_token=begin,
        sep_token=end,
        pad_token=pad,
        unk_token=unknown,
    )
    pipeline = transformers.pipeline(
        "token-classification",
        model=model,
        tokenizer=tokenizer,
        aggregation_strategy="simple",
        stride=stride,
        batch_size=batch,
        device=device,
    )
    return lambda texts: list(pipeline(sorted(texts, key=len)))


def fastest_settings(folder: Path, threads: int) -> dict[str, tuple[int, int, int]]:
    """The pipeline's settings that read each kind of text in the least time."""
    import torch
    import transformers

    transformers.logging.set_verbosity_error()
    torch.set_num_threads(threads)
    model: Any = transformers.BertForTokenClassification.from_pretrained(folder / "classifier")
    best: dict[str, tuple[float, tuple[int, int, int]]] = {}
    for setting in SETTINGS:
        reader = _pipeline(model, folder, "cpu", *setting)
        for kind, texts in kinds().items():
            reader(texts[:2])
            begin = time.perf_counter()
            reader(texts)
            taken = time.perf_counter() - begin
            best[kind] = min(best.get(kind, (taken, setting)), (taken, setting))
    return {kind: setting for kind, (_, setting) in best.items()}


def _onnx(path: Path, tokenizer_file: Path, threads: int, rows_at_once: int = 4) -> Reader:
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    begin, end, pad = (int(tokenizer.token_to_id(piece) or 0) for piece in PIECES[:3])
    stride = 32

    def read(texts: Sequence[str]) -> list[Any]:
        rows: list[list[int]] = []
        for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
            step = LIMIT - 2 - stride
            starts = range(0, max(len(encoding.ids) - stride, 1), step)
            rows += [[begin, *encoding.ids[start : start + LIMIT - 2], end] for start in starts]
        rows.sort(key=len)
        found = []
        for first in range(0, len(rows), rows_at_once):
            part = rows[first : first + rows_at_once]
            longest = len(part[-1])
            ids = np.array([row + [pad] * (longest - len(row)) for row in part], dtype=np.int64)
            mask = np.array([[1] * len(row) + [0] * (longest - len(row)) for row in part], dtype=np.int64)
            (logits,) = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
            found += list(logits.argmax(axis=-1))
        return found

    return read


def peak(threads: int) -> float:
    """Floating point operations a second of fp32 matrix products: the best of numpy, torch and ONNX Runtime."""
    import numpy as np
    import onnxruntime
    import torch
    from onnx import TensorProto, helper

    from rasid_training import hardware

    torch.set_num_threads(threads)
    size = 2048
    shape = [size, size]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "abc"]
    graph = helper.make_graph([helper.make_node("MatMul", ["a", "b"], ["c"])], "product", values[:2], values[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    a, b = (np.random.default_rng(n).normal(size=shape).astype(np.float32) for n in range(2))
    best = hardware.peak(torch.device("cpu"), torch.float32, size=size)
    for product in (lambda: session.run(None, {"a": a, "b": b}), lambda: a @ b):
        for _ in range(8):
            begin = time.perf_counter()
            product()
            best = max(best, 2 * size**3 / (time.perf_counter() - begin))
    return best


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
