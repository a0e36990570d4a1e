"""How fast fine-tuning is, beside the same model and articles padded as the example scripts of ``transformers`` do.

    python -m benchmarks.training [CONFIG] [--windows N] [--batches 2 8] [--runs N] [--output FILE]

CONFIG is like configs/seeds.yaml. Measured are whole steps, the batch put together, forward, backward and AdamW, on N
windows of the training articles:

- ``rasid``: windows of like length together (``train_sampling_strategy`` of the recipe), padded to the longest of a
  batch.
- ``padded``: in random order, every batch padded to the encoder's limit, as ``run_ner.py --pad_to_max_length`` does.

Features are computed once and cached, in both. Words are those of the windows.
"""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch
from benchmarks.predictor import ROOT, machine, repeated
from torch.nn import functional
from transformers import set_seed
from transformers.trainer_pt_utils import LengthGroupedSampler

from rasid.files import write_json
from rasid.windows import WindowSize
from rasid_training import hardware
from rasid_training.articles import read_training
from rasid_training.config import load_config
from rasid_training.encoders import load_encoder
from rasid_training.examples import Collator, dataset
from rasid_training.model import RasidConfig, RasidModel

Row = Mapping[str, Any]
Tensors = dict[str, torch.Tensor]


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", nargs="?", type=Path, default=ROOT / "configs" / "seeds.yaml", metavar="CONFIG")
    parser.add_argument("--windows", type=int, default=64, metavar="N", help="windows of each run (default 64)")
    parser.add_argument("--batches", type=int, nargs="+", default=[2, 8], metavar="N", help="windows of a batch")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument(
        "--runs", type=int, default=3, metavar="N", help="of each figure; the median counts (default 3)"
    )
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "training.json", metavar="FILE"
    )
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    hardware.keep_memory()
    config = load_config(arguments.config)
    schema, documents = read_training(config)
    window = WindowSize(**asdict(config.windows))
    set_seed(0)
    encoder = load_encoder(config.encoder, window)
    model = RasidModel(RasidConfig(encoder=encoder.model.config.to_dict(), schema=schema.to_dict()), encoder.model)
    model.to(hardware.device()).train()  # type: ignore[arg-type]
    with tempfile.TemporaryDirectory() as folder:
        data, _ = dataset(documents, encoder.tokenizer, schema, window, Path(folder))
        rows = [data[n % len(data)] for n in range(arguments.windows)]
    collate = Collator(schema, encoder.begin, encoder.end, encoder.pad, window.longest)

    def padded(part: Sequence[Row]) -> Tensors:
        batch = collate(part)
        room = (0, window.longest - batch["input_ids"].shape[1])
        ids = functional.pad(batch["input_ids"], room, value=encoder.pad)
        return batch | {"input_ids": ids, "attention_mask": functional.pad(batch["attention_mask"], room)}

    bf16 = config.optimization.precision == "bf16" or hardware.device().type == "cuda"
    result: dict[str, Any] = {"precision": "bf16" if bf16 else "fp32"}
    result |= {"machine": machine(), "threads": arguments.threads, "runs": arguments.runs, "rows": []}
    print(f"{machine()}, {arguments.threads} threads, {config.encoder.name}, {arguments.windows} windows\n")
    print("| batch | rasid, words/s | padded, words/s | times |\n| --- | --- | --- | --- |")
    for size in arguments.batches:
        ours = repeated(arguments.runs, _speed(model, rows, partial(_alike, size), collate, bf16))
        theirs = repeated(arguments.runs, _speed(model, rows, partial(_shuffled, size), padded, bf16))
        times = ours["median"] / theirs["median"]
        result["rows"].append({"batch": size, "rasid": ours, "padded": theirs, "times": times})
        print(f"| {size} | {ours['median']:,.0f} | {theirs['median']:,.0f} | {times:.2f} |", flush=True)
    write_json(arguments.output, result)
    print(f"\nresult: {arguments.output}")
    return 0


def _alike(size: int, rows: Sequence[Row]) -> Iterator[list[Row]]:
    order = list(LengthGroupedSampler(size, lengths=[len(row["input_ids"]) for row in rows]))
    return ([rows[n] for n in order[start : start + size]] for start in range(0, len(order), size))


def _shuffled(size: int, rows: Sequence[Row]) -> Iterator[list[Row]]:
    order = random.Random(0).sample(range(len(rows)), len(rows))
    return ([rows[n] for n in order[start : start + size]] for start in range(0, len(order), size))


def _speed(
    model: RasidModel,
    rows: Sequence[Row],
    batches: Callable[[Sequence[Row]], Iterator[list[Row]]],
    collate: Callable[[Sequence[Row]], Tensors],
    bf16: bool,
) -> Callable[[], float]:
    """What measures words a second of training on the rows."""
    device = hardware.device()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)

    def epoch(part: Sequence[Row]) -> None:
        for batch in batches(part):
            inputs = {name: tensor.to(device) for name, tensor in collate(batch).items()}
            with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                (loss,) = model(**inputs)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()

    epoch(rows[:8])  # the first steps size buffers

    def measure() -> float:
        begin = time.perf_counter()
        epoch(rows)
        if device.type == "cuda":
            torch.cuda.synchronize()
        return sum(len(row["first"]) for row in rows) / (time.perf_counter() - begin)

    return measure


if __name__ == "__main__":
    raise SystemExit(main())
