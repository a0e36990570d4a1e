"""What the recipe of pretraining rests on: short runs that differ in one thing each. Prints a table, writes JSON.

    python benchmarks/pretraining.py CONFIG [--pieces N] [--runs DIR] [--output FILE]

The text is tokenised once for all runs. A run that is finished is not made again, one that was interrupted is
continued.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from rasid.files import write_json
from rasid_training.config import load_pretraining
from rasid_training.pretraining.loop import RECORD, prepare_only, pretrain
from rasid_training.pretraining.settings import Masking, Pretraining

ROOT = Path(__file__).parent.parent


def _steps(**changes: Any) -> Callable[[Pretraining], Pretraining]:
    return lambda settings: replace(settings, optimization=replace(settings.optimization, **changes))


def _vectors(**changes: Any) -> Callable[[Pretraining], Pretraining]:
    return lambda settings: replace(settings, vectors=replace(settings.vectors, **changes))


VARIANTS: dict[str, Callable[[Pretraining], Pretraining]] = {
    "as configured": lambda settings: settings,
    "as configured, seed 1": _steps(seed=1),
    "vectors of pieces drawn at random": _vectors(window=0),
    "vectors of positions drawn at random": _vectors(positions="random"),
    "AdamW 1e-3 for all weights": _steps(optimizer="adamw", learning_rate=1e-3),
    "Muon 2e-3": _steps(muon_learning_rate=2e-3),
    "weight decay 0.05": _steps(weight_decay=0.05),
    "15% hidden throughout": lambda settings: replace(settings, masking=Masking(0.15, 0.15)),
}


def main() -> int:
    """Run, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="like configs/pretrain.yaml")
    parser.add_argument("--pieces", type=int, default=2_500_000, help="read by each run (default 2,500,000)")
    parser.add_argument("--runs", type=Path, default=ROOT / "runs" / "pretraining", metavar="DIR")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks" / "results" / "pretraining.json")
    arguments = parser.parse_args()

    base = _steps(pieces=arguments.pieces)(load_pretraining(arguments.config))
    shared = prepare_only(replace(base, output=str(arguments.runs / "text"))) / "shards"
    rows: dict[str, Any] = {}
    for name, change in VARIANTS.items():
        folder = arguments.runs / name.replace(" ", "-").replace("%", "").replace(",", "")
        found = pretrained(change(replace(base, output=str(folder))), shared)
        rows[name] = {key: found[key] for key in ("development_loss", "speed", "precision", "versions", "curve")}
        loss, speed = found["development_loss"], found["speed"]
        print(f"{name:<40}{loss['word']:.2f} a word, {speed.get('pieces_per_second', 0):,} pieces/s", flush=True)
    write_json(arguments.output, {"pieces": arguments.pieces, "recipe": base.recipe(), "runs": rows})
    print(f"\nresult: {arguments.output}")
    return 0


def pretrained(settings: Pretraining, shards: Path) -> dict[str, Any]:
    """The record of a run over shards that were made before; it is made, continued or found finished."""
    folder = Path(settings.output)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "shards").exists():
        (folder / "shards").symlink_to(shards.resolve())
    record = folder / "encoder" / RECORD
    if not record.is_file():
        pretrain(settings, resume=True)
    found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    raise SystemExit(main())
