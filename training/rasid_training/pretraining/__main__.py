"""``python -m rasid_training.pretraining SETTINGS.json``: pretraining on a machine that has torch alone.

``SETTINGS.json`` is what ``rasid pretrain --prepare`` leaves in a run's folder. Where the text is not at hand, the
shards that lie beside it are enough.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path

from rasid.errors import RasidError
from rasid_training.pretraining.loop import START, pretrain
from rasid_training.pretraining.settings import Pretraining


def main() -> int:
    """Returns the exit status: 1 where an error of Rasid was printed."""
    parser = argparse.ArgumentParser(prog="python -m rasid_training.pretraining", description=__doc__)
    parser.add_argument("settings", type=Path, metavar="SETTINGS.json")
    parser.add_argument("--resume", action="store_true", help="continue an interrupted run")
    arguments = parser.parse_args()
    folder = arguments.settings.parent
    settings = Pretraining.from_dict(json.loads(arguments.settings.read_text(encoding="utf-8")))
    start = None if settings.start is None else str(folder / START)
    try:
        print(pretrain(replace(settings, output=str(folder), start=start), resume=arguments.resume))
    except RasidError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
