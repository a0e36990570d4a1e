"""The model directory: found by path, hub name or default; every fault named with its remedy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rasid.artifact import find, sha256
from rasid.errors import ModelError
from rasid.predictor import Predictor
from rasid.schema import Schema
from tests.rasid.processes import run_python

Damage = Callable[[Path], object]


def edit(path: Path, **changes: Any) -> None:
    config = json.loads((path / "config.json").read_text(encoding="utf-8"))
    (path / "config.json").write_text(json.dumps(config | changes), encoding="utf-8")


def truncate(path: Path, *, hash_too: bool = False) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    if hash_too:
        config = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
        edit(path.parent, files=config["files"] | {path.name: sha256(path)})


def test_a_whole_model(tiny_model: Path, schema: Schema) -> None:
    artifact = find(tiny_model)
    assert artifact.path == tiny_model
    assert artifact.config.schema == schema
    assert artifact.config.window.longest == 64
    assert artifact.config.provenance == {"corpus": "none: random weights"}
    assert find(str(tiny_model)).config == artifact.config


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, r"no model at .*: expected a directory made by `rasid train`, or a hub name"),
        (lambda path: (path / "config.json").unlink(), r"lacks config\.json: the copy is incomplete"),
        (lambda path: (path / "model.onnx").unlink(), r"lacks model\.onnx: the copy is incomplete; copy the directory"),
        (lambda path: (path / "tokenizer.json").unlink(), r"lacks tokenizer\.json: the copy is incomplete"),
        (lambda path: truncate(path / "model.onnx"), r"model\.onnx is damaged or only half copied"),
        (lambda path: truncate(path / "tokenizer.json"), r"tokenizer\.json is damaged or only half copied"),
        (
            lambda path: truncate(path / "model.onnx", hash_too=True),
            r"cannot be loaded by ONNX Runtime .*; copy or exp",
        ),
        (
            lambda path: truncate(path / "tokenizer.json", hash_too=True),
            r"cannot be read as a tokenizer .*; copy or exp",
        ),
        (lambda path: truncate(path / "config.json"), r"config\.json is not JSON .*; copy or export"),
        (lambda path: (path / "config.json").write_bytes(b"\xff\xfe"), r"config\.json is not JSON"),
        (lambda path: (path / "config.json").write_text("[]"), r"not the configuration of a Rasid model"),
        (lambda path: (path / "config.json").write_text('{"model_type": "bert"}'), r"has no 'rasid_format'"),
        (lambda path: edit(path, rasid_format=3), r"model format 3, .* reads 2; upgrade with `pip install"),
        (
            lambda path: edit(path, rasid_format=1),
            r"model format 1, .* reads 2; write its weights in this form with `rasid export",
        ),
        (lambda path: edit(path, rasid_format="2"), r"has model format 2"),
        (lambda path: edit(path, special_pieces={"begin": 1}), r"config\.json is damaged: KeyError 'end'"),
        (lambda path: edit(path, window={"longest": 10, "target": 50}), r"damaged: ValueError window target 50"),
        (lambda path: edit(path, window={"length": 10}), r"config\.json is damaged: TypeError"),
        (lambda path: edit(path, schema={"name": "x"}), r"config\.json is damaged: SchemaError"),
        (lambda path: edit(path, calibration={"scales": 1}), r"calibration .* is damaged"),
        (lambda path: edit(path, files={}), r"was exported without tokenizer\.json \(it lists: none\)"),
    ],
)
def test_faults(model_copy: Path, damage: Damage, message: str) -> None:
    damage(model_copy)
    with pytest.raises(ModelError, match=message) as caught:
        Predictor.load(model_copy)
    assert "calibration" in message or str(model_copy) in str(caught.value)


def test_a_precision_that_the_model_lacks(tiny_model: Path) -> None:
    with pytest.raises(ModelError, match=r"exported without model\.int8\.onnx .*export it with `rasid export`"):
        Predictor.load(tiny_model, precision="int8")
    with pytest.raises(ModelError, match=r"precision 'fp8' is not known; expected one of fp32, int8"):
        Predictor.load(tiny_model, precision="fp8")  # type: ignore[arg-type]


def test_a_hub_name_from_the_local_cache(tiny_model: Path, tmp_path: Path) -> None:
    repository = tmp_path / "hub" / "models--rasid--tiny"
    commit = "0123456789abcdef0123456789abcdef01234567"
    shutil.copytree(tiny_model, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit, encoding="utf-8")
    env = {"HF_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    code = "import sys; from rasid import Predictor; print(len(Predictor.load(sys.argv[1])('قتل 12 عنصرًا').events))"
    assert int(run_python(code, "rasid/tiny", env=env)) >= 0
    fails = """
from rasid import ModelError, Predictor
try:
    Predictor.load("rasid/other")
except ModelError as problem:
    print(problem)
"""
    assert "'rasid/other' is neither a directory nor in the local hub cache" in run_python(fails, env=env)
