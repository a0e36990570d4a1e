"""The house: rasid_training → rasid_annotations → rasid, and what each may import."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FORBIDDEN = {
    "inference/rasid": {
        "rasid_annotations",
        "rasid_training",
        "torch",
        "transformers",
        "datasets",
        "accelerate",
        "safetensors",
        "onnx",
        "yaml",
        "pydantic",
        "pickle",
    },
    "annotations/rasid_annotations": {"rasid_training", "torch", "transformers", "datasets", "accelerate", "pickle"},
    "training/rasid_training": {"pickle"},
}


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """The top-level packages that a module imports anywhere, functions included, and the lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: import by full name"
            yield (node.module or "").partition(".")[0], node.lineno


@pytest.mark.parametrize("package", FORBIDDEN)
def test_import_direction(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path in modules
        for name, line in imported(path)
        if name in FORBIDDEN[package]
    ]
    assert wrong == []


@pytest.mark.parametrize("package", FORBIDDEN)
def test_a_module_is_one_noun(package: str) -> None:
    long = [path.name for path in (ROOT / package).rglob("*.py") if len(path.read_text("utf-8").splitlines()) > 350]
    assert long == []
