"""A run's folder: of what it is the run, and from where it can be continued."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rasid.errors import RasidError
from rasid.files import write_json

CHECKPOINTS = "checkpoints"
_RECORD = "run.json"


class TrainingError(RasidError):
    """A training run cannot be started or continued."""


def claim(folder: Path, identity: Mapping[str, Any], *, begun: bool, resume: bool) -> None:
    """Write down of what ``folder`` is the run, so that two runs cannot be mixed up.

    Args:
        folder: of the run.
        identity: everything that decides the result, as JSON.
        begun: whether what lies there would be lost or mixed up by a new start.
        resume: whether to go on with it.

    Raises:
        TrainingError: the folder is of another run, or of one that ``resume`` was not asked to continue.
    """
    record = folder / _RECORD
    if record.is_file():
        if json.loads(record.read_text(encoding="utf-8")) != identity:
            raise TrainingError(
                f"{folder} holds a run with another configuration, schema or corpus; give another --output, or remove "
                "the folder"
            )
        if begun and not resume:
            raise TrainingError(f"{folder} holds a run already; continue it with --resume, or remove the folder")
    write_json(record, identity)


def newest_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written whole: the trainer's state is what it writes last."""
    whole = []
    for path in (folder / CHECKPOINTS).glob("checkpoint-*"):
        try:
            state = json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        whole.append((int(state["global_step"]), path))
    return max(whole)[1] if whole else None


def finish(folder: Path) -> None:
    """Remove what only an unfinished run needs; its logs stay."""
    for checkpoint in (folder / CHECKPOINTS).glob("checkpoint-*"):
        shutil.rmtree(checkpoint)
    (folder / _RECORD).unlink(missing_ok=True)
