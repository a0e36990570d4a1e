"""What the corpus holds, by type and split: the tables and the plot of the data card.

    python benchmarks/distribution.py [--output FILE.svg]

Reads the published files, with text or without: types need none.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import matplotlib as mpl

from rasid.files import replacing

mpl.use("svg")
from matplotlib import pyplot as plt

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "annotations" / "corpus"
FILES = {
    "train": CORPUS / "detached" / "train.jsonl",
    "development": CORPUS / "detached" / "development.jsonl",
    "test": CORPUS / "detached" / "test.jsonl",
    "seeds": CORPUS / "seeds.jsonl",
}


def main() -> int:
    """Count and plot."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--output", type=Path, default=ROOT / "annotations" / "distribution.svg", metavar="FILE.svg")
    arguments = parser.parse_args()
    counts = {split: counted(file) for split, file in FILES.items()}
    for layer in ("all", "entities", "triggers", "arguments", "modality"):
        print(table(layer, counts))
    mpl.rcParams["svg.hashsalt"] = "rasid"  # the same figures give the same file
    figure, panels = plt.subplots(1, 3, figsize=(11, 4.2))
    for panel, layer in zip(panels, ("entities", "triggers", "arguments"), strict=True):
        total = sum((split[layer] for split in counts.values()), Counter())
        kinds = [kind for kind, _ in total.most_common()][::-1]
        left = [0] * len(kinds)
        for name, split in counts.items():
            values = [split[layer][kind] for kind in kinds]
            panel.barh(kinds, values, left=left, label=name)
            left = [a + b for a, b in zip(left, values, strict=True)]
        panel.set_title(f"{layer}: {total.total():,}")
        panel.tick_params(labelsize=8)
    panels[0].legend(fontsize=8, loc="lower right")
    figure.tight_layout()
    with replacing(arguments.output) as partial:
        figure.savefig(partial, format="svg", metadata={"Date": None})
    print(f"plot: {arguments.output}")
    return 0


def table(layer: str, counts: dict[str, dict[str, Counter[str]]]) -> str:
    """A Markdown table of one layer, a column a split."""
    total = sum((split[layer] for split in counts.values()), Counter())
    lines = [f"| {layer} | {' | '.join(counts)} | together |", "| --- |" + " --- |" * (len(counts) + 1)]
    kinds = total if layer == "all" else [kind for kind, _ in total.most_common()]
    for kind in kinds:
        row = [f"{split[layer][kind]:,}" for split in counts.values()]
        lines.append(f"| {kind} | {' | '.join(row)} | {total[kind]:,} |")
    return "\n".join(lines) + "\n"


def counted(file: Path) -> dict[str, Counter[str]]:
    """How many there are of everything: in all, and by entity type, event type, role and modality."""
    layers = ("all", "entities", "triggers", "arguments", "modality")
    counts: dict[str, Counter[str]] = {layer: Counter() for layer in layers}
    for line in file.read_text(encoding="utf-8").splitlines():
        document = json.loads(line)
        counts["all"]["articles"] += 1
        counts["all"]["entities"] += len(document["entities"])
        counts["all"]["events"] += len(document["events"])
        counts["all"]["arguments"] += sum(len(event["arguments"]) for event in document["events"])
        counts["entities"].update(entity["type"] for entity in document["entities"])
        for event in document["events"]:
            counts["triggers"][event["type"]] += 1
            counts["modality"][event["modality"]] += 1
            counts["arguments"].update(argument["role"] for argument in event["arguments"])
    return counts


if __name__ == "__main__":
    raise SystemExit(main())
