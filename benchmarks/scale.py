"""A corpus through ``rasid predict``: throughput by threads and processes, memory, a job that is killed and resumed.

    python -m benchmarks.scale [CORPUS.jsonl …] [--articles N] [--small N] [--folder DIR] [--output FILE]

The articles (by default those of annotations/corpus) are repeated, each under an id of its own, into a Parquet file.

1. Ways to read N of them (``--small``): words a second, from the start of the command to its end, and the most memory
   that all its processes held together. Half as many once more, to see whether memory grows with the input.
2. All (``--articles``) to Parquet; killed (SIGKILL, all processes) when two fifths are done, and resumed. Then every
   row is compared with what ``Predictor`` gives for the same article.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
from benchmarks.predictor import ARTICLES, ROOT, machine

from rasid import Document, Predictor, parquet, read_documents
from rasid.files import write_json

WAYS: dict[str, list[str]] = {
    "1 thread": ["--threads", "1"],
    "2 threads": ["--threads", "2"],
    "1 process": ["--processes", "1"],
    "2 processes": ["--processes", "2"],
    "4 processes": ["--processes", "4"],
    "Ray, 2 workers": ["--engine", "ray", "--processes", "2"],
}


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", nargs="*", type=Path, default=[ARTICLES], metavar="CORPUS.jsonl")
    parser.add_argument("--articles", type=int, default=100_000, metavar="N", help="of the long job (default 100,000)")
    parser.add_argument("--small", type=int, default=4_000, metavar="N", help="to compare the ways (default 4,000)")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "scale", metavar="DIR")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "scale.json", metavar="FILE")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    base = [document for path in arguments.corpus for document in read_documents(path)]
    result: dict[str, Any] = {"machine": machine(), "articles": len(base), "ways": {}}
    print(f"{machine()}, {len(base)} articles, repeated\n")
    print(f"| way | articles | words/s | most memory, MB |\n{'| --- ' * 4}|")
    for size in (arguments.small, arguments.small // 2):
        given, words = _input(base, size, arguments.folder)
        for name, options in WAYS.items():
            row = {"articles": size} | _measured(given, arguments.folder / "out.parquet", options, words)
            result["ways"].setdefault(name, []).append(row)
            print(f"| {name} | {size:,} | {row['words_per_second']:,.0f} | {row['memory_mb']:,.0f} |", flush=True)
    given, words = _input(base, arguments.articles, arguments.folder)
    job = _killed_and_resumed(given, arguments.folder / "found.parquet", arguments.articles, words)
    job |= _compared(base, arguments.folder / "found.parquet")
    result["job"] = {"articles": arguments.articles, "words": words, **job}
    print(f"\n{json.dumps(result['job'])}")
    write_json(arguments.output, result)
    print(f"result: {arguments.output}")
    return 0 if job["rows"] == arguments.articles and not job["other_answers"] else 1


def _input(base: Sequence[Document], count: int, folder: Path) -> tuple[Path, int]:
    """``count`` articles as a Parquet file, and how many words they have."""
    path = folder / f"in-{count}.parquet"
    lengths = [len(document.text.split()) for document in base]
    parquet.write(path, itertools.islice(_repeated(base), count))
    return path, sum(itertools.islice(itertools.cycle(lengths), count))


def _repeated(base: Sequence[Document]) -> Iterator[Document]:
    for number, document in enumerate(itertools.cycle(base)):
        yield replace(document, id=f"{number}", entities=(), events=(), extra={})


def _start(given: Path, output: Path, options: Sequence[str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rasid", "predict", str(given), "--output", str(output), *options]
    return subprocess.Popen(command, start_new_session=True)


def _measured(given: Path, output: Path, options: Sequence[str], words: int) -> dict[str, float]:
    begin = time.perf_counter()
    running = _start(given, output, options)
    memory = 0.0
    while running.poll() is None:
        memory = max(memory, _memory(running.pid))
        time.sleep(0.2)
    if running.returncode:
        raise SystemExit(f"rasid predict {' '.join(options)} ended with {running.returncode}")
    return {"words_per_second": words / (time.perf_counter() - begin), "memory_mb": memory}


def _memory(pid: int) -> float:
    """What a process and its children hold, in MB; memory that they share counts once."""
    total = 0
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                total += one.memory_full_info().pss
    return total / 1e6


def _killed_and_resumed(given: Path, output: Path, articles: int, words: int) -> dict[str, Any]:
    done = output.with_name(f"{output.name}.parts") / "_done.jsonl"
    begin = time.perf_counter()
    running = _start(given, output, ["--processes", "2"])
    before = 0
    while before < 0.4 * articles:
        if running.poll() is not None:
            raise SystemExit("the job ended before it was killed")
        time.sleep(0.05)
        lines = done.read_text(encoding="utf-8").split("\n")[:-1] if done.is_file() else []
        before = sum(json.loads(line)["documents"] for line in lines)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    killed = time.perf_counter() - begin
    begin = time.perf_counter()
    running = _start(given, output, ["--processes", "2", "--resume"])
    memory = 0.0
    while running.poll() is None:
        memory = max(memory, _memory(running.pid))
        time.sleep(1.0)
    rest = time.perf_counter() - begin
    if running.returncode:
        raise SystemExit(f"the resumed job ended with {running.returncode}")
    return {
        "killed_after_s": killed,
        "done_when_killed": before,
        "resumed_s": rest,
        "words_per_second": words / (killed + rest),
        "memory_mb": memory,
    }


def _compared(base: Sequence[Document], found: Path) -> dict[str, int]:
    """How many rows there are, and how many hold another answer than the article's own or stand in another place."""
    answers = [document.to_dict() for document in Predictor.load().stream_documents(base)]
    keys = [json.dumps([a["entities"], a["events"]], sort_keys=True) for a in answers]
    rows = other = 0
    for part in sorted(found.iterdir()):
        for batch in pq.ParquetFile(part).iter_batches(256):
            for row in batch.to_pylist():
                key = json.dumps([row["entities"], row["events"]], sort_keys=True)
                other += key != keys[rows % len(base)] or row["id"] != str(rows)
                rows += 1
    return {"rows": rows, "other_answers": other}


if __name__ == "__main__":
    raise SystemExit(main())
