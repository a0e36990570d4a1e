"""``rasid predict`` with a tiny model, and what it reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from rasid.cli import main
from rasid.document import Document

Predict = Callable[..., tuple[int, str, str]]


@pytest.fixture
def predict(tiny_model: Path, capsys: pytest.CaptureFixture[str]) -> Predict:
    """``rasid predict`` with the tiny model: status, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        status = main(["predict", "--model", str(tiny_model), *map(str, arguments)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def lines(tmp_path: Path, articles: Sequence[str]) -> Path:
    """A file of JSON Lines with an article a line."""
    path = tmp_path / "articles.jsonl"
    path.write_text(
        "".join(
            json.dumps({"id": f"a{number}", "text": text, "outlet": {"n": number}}, ensure_ascii=False) + "\n"
            for number, text in enumerate(articles)
        ),
        encoding="utf-8",
    )
    return path


def read_lines(output: str) -> list[Document]:
    """Output in JSON Lines; a text may hold separators that str.splitlines would take for line ends."""
    assert not output or output.endswith("\n")
    return [Document.from_dict(json.loads(line)) for line in output.split("\n")[:-1]]


# --- what it reads ---
