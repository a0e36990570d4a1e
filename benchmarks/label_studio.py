"""Label Studio in both directions: what is lost, how long it takes, how many requests, how much memory.

    python tests/label_studio_server.py -- .venv/bin/python benchmarks/label_studio.py CORPUS… [--articles 1000 5000]

The server is a real one, on SQLite, on this machine. First every document of CORPUS is pushed as an annotation and as a
suggestion, and pulled: the two must not differ in anything. Then as many articles as are asked for, those of CORPUS
again under other ids, each with its annotations.
"""

from __future__ import annotations

import argparse
import itertools
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rasid.document import Document, read_documents, write_documents
from rasid.files import write_json
from rasid_annotations.corpus import load_corpus
from rasid_annotations.label_studio.regions import ANNOTATION

ROOT = Path(__file__).parent.parent


def main() -> int:
    """Push, pull, compare, measure, print and write. 1 where a document came back otherwise."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path, nargs="+", metavar="CORPUS")
    parser.add_argument("--articles", type=int, nargs="*", default=[1000], metavar="N", help="how many to time")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "benchmarks" / "results" / "label-studio.json", metavar="FILE"
    )
    arguments = parser.parse_args()
    documents = load_corpus(arguments.corpus)
    with tempfile.TemporaryDirectory() as folder:
        lost = differences(documents, Path(folder))
        print(f"{len(documents)} documents as annotations and as suggestions: {lost} differ", flush=True)
        rows = [timed(documents, count, Path(folder)) for count in arguments.articles]
    write_json(arguments.output, {"documents": len(documents), "differences": lost, "rows": rows})
    print(f"result: {arguments.output}")
    return 1 if lost else 0


def differences(documents: Sequence[Document], folder: Path) -> int:
    """How many documents come back otherwise, as annotations or as suggestions."""
    corpus = folder / "corpus.jsonl"
    write_documents(corpus, documents)
    for kind in ("annotations", "suggestions"):
        run("push", corpus, "--project", "round trip", "--as", kind)
    run("pull", "--project", "round trip", "--output", folder / "back", "--suggestions")
    lost = 0
    for file in ((folder / "back").glob("*.jsonl"), (folder / "back" / "suggestions").glob("*.jsonl")):
        (path,) = file
        found = {document.id: document for document in read_documents(path)}
        lost += sum(document != _plain(found.get(document.id)) for document in documents)
        lost += len(found.keys() - {document.id for document in documents})
    return lost


def _plain(document: Document | None) -> Document | None:
    if document is None:
        return None
    return replace(document, extra={key: value for key, value in document.extra.items() if key != ANNOTATION})


def timed(documents: Sequence[Document], count: int, folder: Path) -> dict[str, Any]:
    """Seconds, requests and peak memory of pushing and pulling so many articles."""
    corpus, project = folder / f"{count}.jsonl", f"{count} articles"
    chosen = itertools.islice(itertools.cycle(documents), count)
    write_documents(corpus, (replace(document, id=f"{number}") for number, document in enumerate(chosen)))
    steps = {
        "push with annotations": ("push", corpus, "--project", project, "--as", "annotations"),
        "push again": ("push", corpus, "--project", project, "--as", "annotations"),
        "pull": ("pull", "--project", project, "--output", folder / f"back-{count}"),
    }
    row: dict[str, Any] = {"articles": count}
    for name, command in steps.items():
        row[name] = run(*command)
        told = row[name]
        print(
            f"{count} articles, {name}: {told['seconds']:.1f} s, {told['requests']} requests, peak {told['MB']:.0f} MB",
            flush=True,
        )
    return row


def run(*arguments: object) -> dict[str, Any]:
    """Run a command of ``rasid annotations``; what it took."""
    command = [sys.executable, "-m", "rasid", "annotations", *map(str, arguments)]
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {process.returncode}\n{output}")
    requests = re.search(r"(\d+) requests", output)
    return {
        "seconds": round(time.monotonic() - start, 1),
        "requests": int(requests[1]) if requests else None,
        "MB": round(usage.ru_maxrss / 1024),
    }


if __name__ == "__main__":
    raise SystemExit(main())
