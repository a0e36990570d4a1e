"""What the predictor costs: start-up, first answer, memory, throughput. Prints a table and writes it as JSON.

    python benchmarks/predictor.py [MODEL] [--runs N] [--words N] [--output FILE]

Each start-up figure is taken in a fresh process. Words are what white space separates in the articles of
``annotations/corpus``, repeated to the size asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
ARTICLES = ROOT / "annotations" / "corpus" / "seeds.jsonl"

_IMPORT = "import time; t = time.perf_counter(); import rasid; rasid.Predictor; print(time.perf_counter() - t)"
_FIRST = """
import sys, time
text = sys.argv[2]
t = time.perf_counter()
from rasid import Predictor
Predictor.load(sys.argv[1] or None)(text)
print(time.perf_counter() - t)
"""
_MEMORY = """
import resource, sys
from pathlib import Path
from rasid import Predictor, read_documents
documents = list(read_documents(Path(sys.argv[2]))) * 20
for document in Predictor.load(sys.argv[1] or None).stream_documents(documents):
    pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("model", nargs="?", default="", help="directory or hub name (default: the shipped model)")
    parser.add_argument("--runs", type=int, default=5, help="repetitions of each figure")
    parser.add_argument("--words", type=int, default=50_000, help="words for the throughput")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "predictor.json")
    arguments = parser.parse_args()

    text = json.loads(ARTICLES.read_text(encoding="utf-8").splitlines()[0])["text"].split("\n")[0]
    python = [sys.executable, "-c"]
    rows: dict[str, dict[str, Any]] = {
        "import rasid and name Predictor, s": repeated(arguments.runs, lambda: _process([*python, _IMPORT])),
        "load and first answer, fresh process, s": repeated(
            arguments.runs, lambda: _process([*python, _FIRST, arguments.model, text])
        ),
        "peak memory over 100 articles, MB": repeated(
            arguments.runs, lambda: _process([*python, _MEMORY, arguments.model, str(ARTICLES)])
        ),
    }
    for threads in (1, os.cpu_count() or 1):
        name = f"whole articles, {threads} thread(s), words/s"
        rows[name] = repeated(arguments.runs, throughput(arguments.model, threads, arguments.words))
    rows["one sentence, p50 of 200, ms"] = repeated(arguments.runs, _latency(arguments.model, text))
    result = {"machine": machine(), "model": arguments.model or "shipped", "runs": arguments.runs, "rows": rows}
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    print(f"{machine()}, {result['model']} model, {arguments.runs} runs\n")
    print("| what | median | least | greatest |\n| --- | --- | --- | --- |")
    for name, row in rows.items():
        print(f"| {name} | {row['median']:.4g} | {row['least']:.4g} | {row['greatest']:.4g} |")
    return 0


def machine() -> str:
    """The processor and the number of cores, in words."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    return f"{name}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def repeated(runs: int, measure: Callable[[], float]) -> dict[str, Any]:
    """Median, least and greatest of several measurements, and all of them."""
    values = [measure() for _ in range(runs)]
    return {"median": statistics.median(values), "least": min(values), "greatest": max(values), "values": values}


def _process(command: list[str]) -> float:
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def throughput(model: str, threads: int, words: int) -> Callable[[], float]:
    """What measures words a second of ``model``, the shipped one if it is empty, on whole articles."""
    from rasid import Predictor, read_documents

    predictor = Predictor.load(model or None, threads=threads)
    articles = list(read_documents(ARTICLES))
    documents = articles * max(1, words // sum(len(d.text.split()) for d in articles))
    count = sum(len(d.text.split()) for d in documents)
    list(predictor.stream_documents(articles))  # the first call sizes buffers

    def measure() -> float:
        begin = time.perf_counter()
        for _ in predictor.stream_documents(documents):
            pass
        return count / (time.perf_counter() - begin)

    return measure


def _latency(model: str, text: str) -> Callable[[], float]:
    from rasid import Predictor

    predictor = Predictor.load(model or None)
    predictor(text)

    def measure() -> float:
        times = []
        for _ in range(200):
            begin = time.perf_counter()
            predictor(text)
            times.append(time.perf_counter() - begin)
        return 1000 * statistics.median(times)

    return measure


if __name__ == "__main__":
    sys.exit(main())
