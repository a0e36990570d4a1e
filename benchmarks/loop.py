"""One round of annotation with Label Studio: suggest, correct, pull, retrain; scores before and after.

    python tests/label_studio_server.py -- .venv/bin/python benchmarks/loop.py CONFIG [--start 60] [--count 20]

A model is trained on a few articles of CONFIG, drawn by lot. It picks some of the others and sends them to Label Studio
with what it finds there. The annotator who corrects them is played by the corpus: its gold is submitted for each. What
is pulled is trained on too. Scored on the development articles of CONFIG, on which thresholds are chosen as well.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from rasid.document import Document, read_documents, write_documents
from rasid.files import write_json
from rasid_annotations.label_studio.regions import regions
from rasid_annotations.label_studio.server import Server
from rasid_annotations.scoring import score
from rasid_training.articles import divided, read_training
from rasid_training.config import load_config
from rasid_training.configuration_file import read_yaml

ROOT = Path(__file__).parent.parent
PROJECT = "A round"


def main() -> int:
    """Go once round, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="like configs/compact.yaml")
    parser.add_argument("--start", type=int, default=60, metavar="N", help="articles to start with (default 60)")
    parser.add_argument("--count", type=int, default=20, metavar="N", help="articles to annotate (default 20)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "loop", metavar="DIR")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "loop.json", metavar="FILE")
    arguments = parser.parse_args()

    schema, documents = read_training(load_config(arguments.config))
    documents, development = divided(documents, load_config(arguments.config))
    order = random.Random(0).sample(documents, len(documents))
    gold = {document.id: document for document in order}
    runs: Path = arguments.runs
    write_documents(runs / "start.jsonl", order[: arguments.start])
    bare = (replace(document, entities=(), events=()) for document in order[arguments.start :])
    write_documents(runs / "pool.jsonl", bare)
    write_documents(runs / "development.jsonl", development)

    rounds = {"before": trained(arguments.config, runs, "before", [runs / "start.jsonl"])}
    model = runs / "before" / "model"
    command = ["suggest", runs / "pool.jsonl", "--model", model, "--annotated", runs / "start.jsonl"]
    rasid("annotations", *command, "--count", arguments.count, "--project", PROJECT)
    with Server(os.environ["LABEL_STUDIO_URL"], os.environ["LABEL_STUDIO_API_KEY"]) as server:
        project = server.project(PROJECT)
        assert project is not None
        for task in list(server.tasks(project, server.task_numbers(project), ["data"])):
            server.create_annotation(task["id"], regions(gold[task["data"]["id"]], schema), server.user)
        annotator = server.email
    rasid("annotations", "pull", "--project", PROJECT, "--output", runs / "pulled", "--suggestions")
    corrected = runs / "pulled" / f"{annotator}.jsonl"
    (suggested,) = (runs / "pulled" / "suggestions").glob("*.jsonl")
    right = f1(list(read_documents(corrected)), list(read_documents(suggested)))
    rounds["after"] = trained(arguments.config, runs, "after", [runs / "start.jsonl", corrected])
    for name, row in {"suggestions against corrections": right, **rounds}.items():
        shown = "  ".join(f"{layer} {value:.3f}" for layer, value in row.items())
        print(f"{name:<34}{shown}")
    write_json(
        arguments.output, {"start": arguments.start, "corrected": arguments.count, "suggestions": right, **rounds}
    )
    print(f"result: {arguments.output}")
    return 0


def trained(config: Path, runs: Path, name: str, corpora: list[Path]) -> dict[str, float]:
    """Strict F1 on the development articles of a model trained on these corpora."""
    settings: dict[str, Any] = read_yaml(config)
    here = config.parent.resolve()
    settings["output"] = str((runs / name).resolve())
    settings["encoder"]["name"] = str((here / settings["encoder"]["name"]).resolve())
    settings["data"] = {
        "schema": str((here / settings["data"]["schema"]).resolve()),
        "train": [str(path.resolve()) for path in corpora],
        "development": [str((runs / "development.jsonl").resolve())],
    }
    file = runs / f"{name}.yaml"
    file.write_text(json.dumps(settings), encoding="utf-8")  # JSON is YAML
    rasid("train", file, "--resume")
    predicted = runs / f"{name}.jsonl"
    rasid("predict", "--model", runs / name / "model", "--output", predicted, runs / "development.jsonl")
    return f1(list(read_documents(runs / "development.jsonl")), list(read_documents(predicted)))


def f1(gold: list[Document], predicted: list[Document]) -> dict[str, float]:
    """Strict F1, layer by layer."""
    return {name: layer.strict.total.f1 for name, layer in score(gold, predicted, resamples=0).layers.items()}


def rasid(*arguments: object) -> None:
    """Run ``rasid``."""
    subprocess.run([sys.executable, "-m", "rasid", *map(str, arguments)], check=True)


if __name__ == "__main__":
    raise SystemExit(main())
