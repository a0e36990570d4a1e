"""A tiny run of pretraining on the five articles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rasid.document import Document
from rasid_training.pretraining.settings import Pretraining, Shape, Stage, Steps, Text

Make = Callable[..., Pretraining]


@pytest.fixture(scope="session")
def text(tmp_path_factory: pytest.TempPathFactory, corpus: list[Document]) -> list[Path]:
    """The five articles in two text files, a paragraph a line, a blank line between articles."""
    folder = tmp_path_factory.mktemp("text")
    articles = ["\n".join(line for line in d.text.splitlines() if line.strip()) for d in corpus]
    paths = [folder / "first.txt", folder / "second.txt"]
    for path, part in zip(paths, (articles[:2], articles[2:]), strict=True):
        path.write_text("\n\n".join(part) + "\n", encoding="utf-8")
    return paths


@pytest.fixture(scope="session")
def make(text: list[Path]) -> Make:
    """Settings of a tiny run; keywords change keys of ``optimization`` or whole sections."""

    def build(output: Path, **changes: Any) -> Pretraining:
        base = Pretraining(
            text=Text([str(path) for path in text], development=600),
            encoder=Shape(vocabulary=600, layers=2, width=32, heads=2),
            optimization=Steps(pieces=20_000, batch_pieces=512, device_pieces=256, learning_rate=5e-3, save_every=1),
            output=str(output),
            stages=[Stage(0.5, 32), Stage(1.0, 64)],
        )
        steps = {key: value for key, value in changes.items() if hasattr(base.optimization, key)}
        sections = {key: value for key, value in changes.items() if key not in steps}
        return replace(base, optimization=replace(base.optimization, **steps), **sections)

    return build
