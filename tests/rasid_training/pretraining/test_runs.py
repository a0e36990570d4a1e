"""Runs of a tiny encoder: what they write, how they are continued, what they are asked."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForMaskedLM

from rasid.cli import main
from rasid.windows import WindowSize
from rasid_training.config import Encoder, load_pretraining
from rasid_training.configuration_file import ConfigError
from rasid_training.encoders import load_encoder
from rasid_training.pretraining import loop
from rasid_training.pretraining.settings import PretrainingError, Vectors
from rasid_training.run import TrainingError

from .conftest import Make

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, make: Make) -> Path:
    """The folder of a finished run."""
    folder = tmp_path_factory.mktemp("run")
    loop.pretrain(make(folder, pieces=60_000))
    return folder


def _curve(folder: Path) -> list[dict[str, float]]:
    return json.loads((folder / "encoder" / loop.RECORD).read_text(encoding="utf-8"))["curve"]


def test_a_run_learns_and_tells_of_itself(run: Path) -> None:
    record = json.loads((run / "encoder" / loop.RECORD).read_text(encoding="utf-8"))
    assert record["curve"][-1]["loss"] < record["curve"][0]["loss"] - 0.1
    assert record["development_loss"]["word"] > record["development_loss"]["piece"] > 0
    assert record["recipe"]["optimization"]["seed"] == 0
    assert record["recipe"]["text"]["files"] == ["first.txt", "second.txt"]
    assert record["speed"]["pieces_per_second"] > 0
    assert set(record["speed"]["share_of_peak"]) == {"fp32", "bf16"}
    assert str(run) not in json.dumps(record)
    assert list((run / "logs").glob("events.*"))


def test_the_encoder_is_a_checkpoint_like_any_other(run: Path) -> None:
    path = str(run / "encoder")
    loaded = load_encoder(Encoder(name=path, normalization="compact"), WindowSize())
    assert loaded.model.config.hidden_dropout_prob == 0.1
    fresh = load_encoder(Encoder(name=path, weights="fresh", normalization="compact"), WindowSize())
    for encoder in (loaded, fresh):
        assert {p.dtype for p in encoder.model.parameters()} == {torch.float32}  # stored in half of it
    model = AutoModelForMaskedLM.from_pretrained(path, dtype=torch.float32).eval()
    tokenizer = Tokenizer.from_file(f"{path}/tokenizer.json")
    ids = torch.tensor([tokenizer.encode("قال المصدر إن الجيش").ids])
    with torch.no_grad():
        guess = model(ids).logits
        states = loaded.model.eval()(ids).last_hidden_state
        assert torch.allclose(model.bert(ids).last_hidden_state, states, atol=1e-6)
    assert guess.shape == (1, ids.shape[1], 600)
    text = (run / "encoder" / "config.json").read_text(encoding="utf-8")
    assert "_name_or_path" not in text or '"_name_or_path": ""' in text


def test_a_run_that_was_killed_goes_on_to_the_same_curve(tmp_path: Path, make: Make, run: Path) -> None:
    chosen = make(tmp_path, pieces=60_000)
    shutil.copytree(run / "shards", tmp_path / "shards")
    loop.prepare_only(chosen)
    command = [sys.executable, "-m", "rasid_training.pretraining", str(tmp_path / "settings.json")]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while not (tmp_path / loop.NEWEST).is_file() and process.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (tmp_path / loop.NEWEST).is_file()
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 1
    assert "continue it with --resume" in again.stderr
    subprocess.run([*command, "--resume"], check=True, capture_output=True)
    assert _curve(tmp_path) == _curve(run)
    weights = [(folder / "encoder" / "model.safetensors").read_bytes() for folder in (tmp_path, run)]
    assert weights[0] == weights[1]


def test_a_finished_run_goes_on_with_more_pieces(tmp_path: Path, make: Make) -> None:
    loop.pretrain(make(tmp_path))
    loop.pretrain(make(tmp_path, pieces=30_000), resume=True)
    record = json.loads((tmp_path / "encoder" / loop.RECORD).read_text(encoding="utf-8"))
    assert record["pieces"] == 30_000 // 512 * 512
    with pytest.raises(PretrainingError, match="ask for more pieces"):
        loop.pretrain(make(tmp_path, pieces=2_000), resume=True)
    # What the learning rate has fallen for is no place to go on from, however many steps would be left.
    (tmp_path / loop.STABLE).unlink()
    with pytest.raises(PretrainingError, match="ask for more pieces"):
        loop.pretrain(make(tmp_path, pieces=60_000), resume=True)
    with pytest.raises(TrainingError, match="holds a run with another configuration"):
        loop.pretrain(make(tmp_path, vectors=Vectors(window=0)), resume=True)


@pytest.mark.parametrize("shifted", [True, False])
def test_positions_that_no_short_sequence_reaches_are_learned_if_shifted(
    tmp_path: Path, make: Make, shifted: bool
) -> None:
    found = []
    for pieces in (5_120, 10_240):
        loop.pretrain(make(tmp_path / str(pieces), pieces=pieces, shifted=shifted))
        weights = load_file(tmp_path / str(pieces) / "encoder" / "model.safetensors")
        found.append(weights["bert.embeddings.position_embeddings.weight"][64:])
    moved = (found[0] != found[1]).any(dim=1).float().mean()
    assert moved > 0.95 if shifted else moved == 0


def test_an_encoder_is_gone_on_from(tmp_path: Path, make: Make, run: Path) -> None:
    start = run / "encoder"
    chosen = make(tmp_path / "more", start=str(start), pieces=512, learning_rate=1e-9, muon_learning_rate=1e-9)
    loop.prepare_only(chosen)
    elsewhere = tmp_path / "elsewhere"
    (tmp_path / "more").rename(elsewhere)  # with the start and the shards in it, nothing else is needed
    command = [sys.executable, "-m", "rasid_training.pretraining", str(elsewhere / "settings.json")]
    subprocess.run(command, check=True, capture_output=True)
    assert (elsewhere / "encoder" / "tokenizer.json").read_text() == (start / "tokenizer.json").read_text()
    before, after = (load_file(folder / "model.safetensors") for folder in (start, elsewhere / "encoder"))
    assert before.keys() == after.keys()
    for name, weight in before.items():
        assert torch.allclose(weight.float(), after[name].float(), rtol=1e-3, atol=1e-5), name
    losses = [json.loads((f / loop.RECORD).read_text())["development_loss"] for f in (start, elsewhere / "encoder")]
    assert losses[1]["word"] == pytest.approx(losses[0]["word"], abs=0.02)
    first, record = (json.loads((f / loop.RECORD).read_text()) for f in (start, elsewhere / "encoder"))
    assert record["recipe"]["start"] == "start"
    assert record["start"] == {key: value for key, value in first.items() if key != "curve"}


def test_the_matrices_of_its_layers_are_scaled(tmp_path: Path, make: Make, run: Path) -> None:
    still = {"pieces": 512, "learning_rate": 1e-9, "muon_learning_rate": 1e-9}
    loop.pretrain(make(tmp_path, start=str(run / "encoder"), start_scale=0.3, **still))
    before, after = (load_file(folder / "encoder" / "model.safetensors") for folder in (run, tmp_path))
    for name, weight in before.items():
        scale = 1.0
        if ".layer." in name and weight.ndim == 2:
            scale = 0.3 / float(weight.float().square().mean().sqrt())
            assert scale > 1.5, "nothing to be seen"
        assert torch.allclose(scale * weight.float(), after[name].float(), rtol=1e-3, atol=1e-5), name


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda start: (start / "model.safetensors").unlink(), "start: no model.safetensors in"),
        (lambda start: (start / "tokenizer.json").unlink(), "start: no tokenizer.json in"),
        (lambda start: _save_without(start, "cls.predictions.bias"), "no cls.predictions.bias"),
        (lambda start: _save_without(start, "bert.encoder.layer.1.output.dense.bias"), "no bert.encoder.layer.1"),
    ],
)
def test_an_encoder_that_cannot_be_gone_on_from_is_refused(
    tmp_path: Path, make: Make, run: Path, spoil: Callable[[Path], None], message: str
) -> None:
    start = tmp_path / "start"
    shutil.copytree(run / "encoder", start)
    spoil(start)
    with pytest.raises(PretrainingError, match=message):
        loop.pretrain(make(tmp_path / "more", start=str(start)))
    assert not (tmp_path / "more" / "encoder").exists()


def _save_without(start: Path, name: str) -> None:
    weights = load_file(start / "model.safetensors")
    save_file({key: value.clone() for key, value in weights.items() if key != name}, start / "model.safetensors")


def test_the_command(tmp_path: Path, text: list[Path], capsys: pytest.CaptureFixture[str]) -> None:
    data = yaml.safe_load((ROOT / "configs" / "pretrain.yaml").read_text(encoding="utf-8"))
    data["text"] = {"files": [str(path) for path in text], "development": 600}
    data["encoder"] |= {"vocabulary": 600, "layers": 1, "width": 32, "heads": 2}
    data["optimization"] |= {"batch_pieces": 2048, "device_pieces": 1024}
    path = tmp_path / "pretrain.yaml"
    path.write_text(yaml.safe_dump(data | {"output": "run"}), encoding="utf-8")
    assert main(["pretrain", str(path), "--pieces", "8192"]) == 0
    assert str(tmp_path / "run" / "encoder") in capsys.readouterr().out
    assert main(["pretrain", str(path), "--pieces", "8192"]) == 2
    assert "--resume" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"optimisation": {}}, "unknown key 'optimisation'; did you mean 'optimization'?"),
        ({"stages": [{"until": 1.0, "lenght": 128}]}, "unknown key 'stages.0.lenght'; did you mean 'length'?"),
        ({"stages": [{"until": 0.5, "length": 128}]}, "stages.until: expected shares that rise"),
        ({"vectors": {"window": -1}}, "vectors.window: expected 0 or more pieces, found -1"),
        ({"encoder": {"vocabulary": 600, "layers": 1, "width": 30, "heads": 4}}, "encoder.heads: expected a divisor"),
        ({"text": {"files": ["a"], "development": 511}}, "text.development: expected at least the longest window, 512"),
        ({"start_scale": 0.02}, "start_scale: expected an encoder to go on from in start"),
        ({"start": "encoder", "start_scale": 0}, "start_scale: expected more than 0, found 0"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    data = yaml.safe_load((ROOT / "configs" / "pretrain.yaml").read_text(encoding="utf-8"))
    path = tmp_path / "pretrain.yaml"
    path.write_text(yaml.safe_dump(data | change), encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        load_pretraining(path)
    assert message in str(error.value)
    assert str(path) in str(error.value)
