"""Pretraining: shards, batches, static vectors, the optimizer, and runs of a tiny encoder on the five articles."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModelForMaskedLM, BertConfig, BertForMaskedLM

from rasid.cli import main
from rasid.document import Document
from rasid.windows import WindowSize
from rasid_training import hardware
from rasid_training.config import Encoder, load_pretraining
from rasid_training.configuration_file import ConfigError
from rasid_training.encoders import load_encoder
from rasid_training.pretraining import loop
from rasid_training.pretraining.batches import Batches, ahead
from rasid_training.pretraining.optimizer import Optimizer
from rasid_training.pretraining.settings import (
    Masking,
    Pretraining,
    PretrainingError,
    Shape,
    Stage,
    Steps,
    Text,
    Vectors,
)
from rasid_training.pretraining.shards import Corpus, prepare
from rasid_training.pretraining.vectors import static_vectors
from rasid_training.run import TrainingError

ROOT = Path(__file__).parent.parent.parent
Make = Callable[..., Pretraining]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory, corpus: list[Document]) -> list[Path]:
    """The five articles in two text files, a paragraph a line, a blank line between articles."""
    folder = tmp_path_factory.mktemp("text")
    articles = ["\n".join(line for line in d.text.splitlines() if line.strip()) for d in corpus]
    paths = [folder / "first.txt", folder / "second.txt"]
    for path, part in zip(paths, (articles[:2], articles[2:]), strict=True):
        path.write_text("\n\n".join(part) + "\n", encoding="utf-8")
    return paths


@pytest.fixture(scope="module")
def make(text: list[Path]) -> Make:
    """Settings of a tiny run; keywords change keys of ``optimization`` or whole sections."""

    def build(output: Path, **changes: Any) -> Pretraining:
        base = Pretraining(
            text=Text([str(path) for path in text], development=500),
            encoder=Shape(vocabulary=600, layers=2, width=32, heads=2),
            optimization=Steps(pieces=20_000, batch_pieces=512, device_pieces=256, learning_rate=5e-3, save_every=1),
            output=str(output),
            stages=[Stage(0.5, 32), Stage(1.0, 64)],
        )
        steps = {key: value for key, value in changes.items() if hasattr(base.optimization, key)}
        sections = {key: value for key, value in changes.items() if key not in steps}
        return replace(base, optimization=replace(base.optimization, **steps), **sections)

    return build


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, make: Make) -> tuple[Pretraining, Corpus]:
    """Settings and the tokenised text."""
    folder = tmp_path_factory.mktemp("prepared")
    chosen = make(folder)
    return chosen, prepare(chosen, folder / "shards")


def test_shards_hold_the_text_in_order(prepared: tuple[Pretraining, Corpus], text: list[Path]) -> None:
    _, corpus = prepared
    encode = corpus.tokenizer.encode
    expected = []
    for path in text:
        for document in path.read_text(encoding="utf-8").strip().split("\n\n"):
            for paragraph in document.split("\n"):
                expected += encode(paragraph, add_special_tokens=False).ids
            expected.append(corpus.tokenizer.token_to_id("[SEP]"))
    found = np.concatenate([*corpus.training, corpus.development])
    assert found.tolist() == expected
    assert len(corpus.development) >= 500
    assert corpus.training[-1][-1] == corpus.tokenizer.token_to_id("[SEP]")  # development begins with a document


def test_tokenising_is_taken_up_where_it_stopped(tmp_path: Path, make: Make) -> None:
    chosen = make(tmp_path)
    whole = prepare(chosen, tmp_path / "shards")
    expected = [shard.tolist() for shard in whole.training]
    (tmp_path / "shards" / "second.txt.pieces").unlink()
    untouched = (tmp_path / "shards" / "first.txt.pieces").stat().st_mtime_ns
    again = prepare(chosen, tmp_path / "shards")
    assert [shard.tolist() for shard in again.training] == expected
    assert (tmp_path / "shards" / "first.txt.pieces").stat().st_mtime_ns == untouched


def test_shards_of_another_text_are_refused(tmp_path: Path, make: Make) -> None:
    path = tmp_path / "text.txt"
    path.write_text("كلمة أخرى\n\n" * 300, encoding="utf-8")
    chosen = make(tmp_path, text=Text([str(path)], development=100))
    prepare(chosen, tmp_path / "shards")
    path.write_text("نص آخر\n\n" * 300, encoding="utf-8")
    with pytest.raises(PretrainingError, match="shards of other text"):
        prepare(chosen, tmp_path / "shards")


def test_shards_are_enough_on_a_machine_without_the_text(
    tmp_path: Path, prepared: tuple[Pretraining, Corpus], make: Make
) -> None:
    chosen, corpus = prepared
    elsewhere = replace(
        chosen, text=replace(chosen.text, files=[str(tmp_path / Path(name).name) for name in chosen.text.files])
    )
    found = prepare(elsewhere, Path(chosen.output) / "shards")
    assert found.pieces == corpus.pieces
    with pytest.raises(PretrainingError, match="no text file at"):
        prepare(make(tmp_path, text=elsewhere.text), tmp_path / "shards")


@settings(max_examples=60, deadline=None)
@given(step=st.integers(0, 38), rate=st.floats(0.05, 0.9))
def test_whole_words_are_hidden_and_nothing_else_is_changed(
    prepared: tuple[Pretraining, Corpus], step: int, rate: float
) -> None:
    chosen, corpus = prepared
    masking = Masking(rate, rate)
    batches = Batches(corpus, replace(chosen, masking=masking))
    shards = ["".join(map(chr, shard)) for shard in corpus.training]
    token = corpus.tokenizer.token_to_id
    parts = batches.at(step)
    length = batches.stage(step)[1].length
    assert length == (32 if step < 19 else 64)
    assert sum(len(part.pieces) for part in parts) == 512 // length
    for part in parts:
        original = part.pieces.reshape(-1).copy()
        original[part.hidden] = part.targets
        rows = original.reshape(part.pieces.shape)
        assert (rows[:, 0] == token("[CLS]")).all()
        assert (rows[:, -1] == token("[SEP]")).all()
        for row in rows:
            assert any("".join(map(chr, row[1:-1])) in shard for shard in shards)  # a part of the text as it stands
        hidden = np.zeros(len(original), dtype=bool)
        hidden[part.hidden] = True
        special = np.isin(original, [token("[CLS]"), token("[SEP]"), token("[UNK]"), token("[PAD]")])
        assert not (hidden & special).any()
        # A piece that continues a word shares the fate of the piece before it.
        inside = ~corpus.starts[original] & ~np.roll(special, 1)
        inside[0] = False
        if len(part.hidden) > 1:
            assert (hidden[inside] == np.roll(hidden, 1)[inside]).all()


def test_batches_follow_from_the_step_alone(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    one, other = Batches(corpus, chosen), Batches(corpus, chosen)
    for step, parts in ahead(one, 30):
        again = other.at(step)
        assert all(
            np.array_equal(a.pieces, b.pieces) and np.array_equal(a.hidden, b.hidden)
            for a, b in zip(parts, again, strict=True)
        )
    assert step == one.steps - 1
    assert not np.array_equal(one.at(3)[0].pieces, one.at(4)[0].pieces)


def test_an_epoch_reads_every_sequence_once(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    batches = Batches(corpus, replace(chosen, stages=[Stage(1.0, 32)]))
    sequences = sum(len(shard) // 30 - 1 for shard in corpus.training)
    seen = []
    for step in range(sequences // 16):
        for part in batches.at(step):
            original = part.pieces.reshape(-1).copy()
            original[part.hidden] = part.targets
            seen += [tuple(row) for row in original.reshape(part.pieces.shape)]
    assert len(set(seen)) == len(seen)


def test_masking_falls_and_the_rate_is_kept(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    batches = Batches(corpus, replace(chosen, masking=Masking(0.4, 0.1)))
    assert batches.rate(0) == pytest.approx(0.4)
    assert batches.rate(batches.steps - 1) == pytest.approx(0.1)
    steps = range(12)
    hidden = sum(len(part.hidden) for step in steps for part in batches.at(step))
    asked = sum(512 * batches.rate(step) for step in steps)
    assert hidden == pytest.approx(asked, rel=0.15)


def test_development_text_is_never_trained_on(prepared: tuple[Pretraining, Corpus]) -> None:
    chosen, corpus = prepared
    first = [batch.pieces for batch in Batches(corpus, chosen).development()]
    second = [batch.pieces for batch in Batches(corpus, replace(chosen, masking=Masking(0.5, 0.5))).development()]
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert sum(len(shard) for shard in corpus.training) + len(corpus.development) == sum(
        (Path(chosen.output) / "shards" / f"{name}.txt.pieces").stat().st_size // 2 for name in ("first", "second")
    )


def test_static_vectors_bring_pieces_of_one_setting_together() -> None:
    generator = np.random.default_rng(0)
    topics = [generator.choice(np.arange(10 * t, 10 * t + 10), size=30) for t in generator.integers(0, 4, 800)]
    vectors = static_vectors(
        [np.concatenate(topics).astype(np.uint16)], vocabulary=50, width=8, window=4, ignored=[45], seed=0
    )
    assert vectors.shape == (50, 8)
    assert vectors.square().mean().sqrt() == pytest.approx(1, rel=1e-3)
    assert not vectors[40:].any()  # never seen, or ignored
    unit = nn.functional.normalize(vectors[:40], dim=1)
    nearest = (unit @ unit.T - 2 * torch.eye(40)).argmax(dim=1)
    assert (nearest // 10 == torch.arange(40) // 10).float().mean() > 0.95


@pytest.mark.parametrize("name", ["muon", "adamw"])
def test_steps_too_small_for_half_precision_add_up(name: str) -> None:
    model = nn.Sequential(nn.Linear(16, 16)).bfloat16()
    with torch.no_grad():
        model[0].weight.fill_(1.0)
    before = model[0].weight.detach().clone()
    optimizer = Optimizer(model, Steps(1, learning_rate=1e-4, optimizer=name, weight_decay=0.0))  # type: ignore[arg-type]
    for _ in range(200):
        (model(torch.ones(1, 16, dtype=torch.bfloat16)).sum() - model[0].weight.sum() / 2).backward()
        optimizer.step(1.0)
    assert (model[0].weight - before).abs().max() > 0.005  # bf16 alone would have stayed at 1.0 step by step


def test_the_work_of_a_piece_is_what_torch_counts() -> None:
    shape = Shape(vocabulary=1000, layers=3, width=64, heads=4)
    config = BertConfig(
        vocab_size=1000,
        hidden_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=256,
        attn_implementation="eager",
    )
    model = BertForMaskedLM(config)
    pieces = torch.randint(5, 1000, (4, 32))
    with FlopCounterMode(display=False) as counter:
        states = model.bert(input_ids=pieces).last_hidden_state.flatten(0, 1)[:32]
        model.cls(states).sum().backward()
    assert hardware.work(shape, length=32, rate=0.25) * pieces.numel() == pytest.approx(
        counter.get_total_flops(), rel=0.01
    )


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
    data["text"] = {"files": [str(path) for path in text], "development": 500}
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
