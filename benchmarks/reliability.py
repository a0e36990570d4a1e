"""How far scores can be believed, before and after calibration. Prints a table, writes JSON and a plot.

    python benchmarks/reliability.py CORPUS [--model DIR] [--output FILE.json]

CORPUS is annotated articles that the model was neither trained nor tuned on. Judged are all mentions that the model
gives a raw probability of at least 0.02, whatever the thresholds, and all links among the mentions that it serves. The
expected calibration error is the mean gap, over ten bins of equal mass, between the score and the share that is right.
The plot lies beside FILE.json, as SVG.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

from rasid.artifact import GRAPHS, LINKS, TOKENIZER, find
from rasid.backends import OnnxBackend
from rasid.document import Document
from rasid.files import replacing, write_json
from rasid.predictor import Predictor, load_tokenizer
from rasid_annotations.corpus import load_corpus
from rasid_annotations.facts import LAYERS
from rasid_annotations.uncertainty import calibrate
from rasid_training.calibration import apply, loose

mpl.use("svg")
import itertools

from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
_BINS = np.linspace(0.0, 1.0, 11)


def main() -> int:
    """Predict, judge, print, write and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("corpus", type=Path, metavar="CORPUS")
    parser.add_argument("--model", metavar="DIR", help="default: the shipped model")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "reliability.json")
    arguments = parser.parse_args()

    gold = load_corpus([arguments.corpus])
    artifact = find(arguments.model)
    graph = next(name for name in GRAPHS.values() if name in artifact.config.files)
    calibration = loose(artifact.config.schema)
    predictor = Predictor(
        replace(artifact.config, calibration=calibration),
        load_tokenizer(artifact.file(TOKENIZER)),
        OnnxBackend(artifact.file(graph), artifact.file(LINKS)),
        max_characters=sys.maxsize,
    )
    candidates = list(predictor.stream_documents(gold))
    served = artifact.config.calibration
    every = replace(served, thresholds=dict.fromkeys(served.thresholds, 0.0))
    roles = dict.fromkeys(artifact.config.schema.role_names, 0.0)
    links = replace(served, thresholds={**served.thresholds, **roles})
    mentions = {"before": candidates, "after": [apply(document, every) for document in candidates]}
    # Links are judged among the mentions that are served, as they are given.
    arguments_of = {
        "before": [apply(document, served, raw_roles=True) for document in candidates],
        "after": [apply(document, links) for document in candidates],
    }
    result: dict[str, Any] = {"articles": len(gold), "layers": {}}
    print(f"{'':<12}{'candidates':>11}{'ECE before':>12}{'after':>8}{'Brier before':>14}{'after':>8}")
    for layer in LAYERS:
        scored = arguments_of if layer == "arguments" else mentions
        row = {when: judged(layer, gold, documents) for when, documents in scored.items()}
        result["layers"][layer] = row
        before, after = row["before"], row["after"]
        print(
            f"{layer:<12}{before['scored']:11d}{before['ece']:12.3f}{after['ece']:8.3f}"
            f"{before['brier']:14.3f}{after['brier']:8.3f}"
        )
    write_json(arguments.output, result)
    plot(result, arguments.output.with_suffix(".svg"))
    print(f"result: {arguments.output}")
    return 0


def judged(layer: str, gold: list[Document], predicted: list[Document]) -> dict[str, Any]:
    """Calibration error, Brier score, and for each tenth of the scale the mean score and the share that is right."""
    pairs = [(LAYERS[layer](ours), LAYERS[layer](theirs)) for ours, theirs in zip(gold, predicted, strict=True)]
    rows = [(score or 0.0, fact in truth) for truth, found in pairs for fact, score in found.items()]
    scores, right = np.array([score for score, _ in rows]), np.array([is_right for _, is_right in rows])
    worth = calibrate(scores.tolist(), right.tolist())
    assert worth is not None, f"no candidates among the {layer}"
    bins = []
    for low, high in itertools.pairwise(_BINS):
        inside = (scores >= low) & ((scores < high) | (high == 1.0))
        if inside.any():
            bins.append([float(scores[inside].mean()), float(right[inside].mean()), int(inside.sum())])
    return {**asdict(worth), "bins": bins}


def plot(result: dict[str, Any], file: Path) -> None:
    """A panel for each layer: share that is right by mean score, before and after."""
    mpl.rcParams["svg.hashsalt"] = "rasid"  # the same figures give the same file
    figure, panels = plt.subplots(1, len(result["layers"]), figsize=(10, 3.6), sharey=True)
    for panel, (layer, row) in zip(panels, result["layers"].items(), strict=True):
        panel.plot([0, 1], [0, 1], color="0.7", linewidth=1)
        for when, marker in (("before", "o--"), ("after", "s-")):
            told, right, _ = zip(*row[when]["bins"], strict=True)
            panel.plot(told, right, marker, markersize=4, label=f"{when}, ECE {row[when]['ece']:.3f}")
        panel.set(title=layer, xlabel="score", xlim=(0, 1), ylim=(0, 1))
        panel.legend(fontsize=8)
    panels[0].set_ylabel("share that is right")
    figure.tight_layout()
    with replacing(file) as partial:
        figure.savefig(partial, format="svg", metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    raise SystemExit(main())
