"""Training, export and prediction with real parts: a small encoder, ONNX sessions, killed processes, torchrun."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tokenizers import Tokenizer

import rasid_training.commands as commands
from rasid.artifact import find
from rasid.cli import main
from rasid.document import Document, read_documents
from rasid.errors import InputError, ModelError, SchemaError
from rasid.predictor import Predictor
from rasid.tokenizer import read
from rasid.windows import WindowSize, divide
from rasid_annotations.scoring import score
from rasid_training.backend import load_torch
from rasid_training.calibration import LOOSE
from rasid_training.card import with_scores
from rasid_training.model import RasidModel
from rasid_training.run import TrainingError

from .conftest import CORPUS, WriteConfig

_ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}


def _train(config: Path, *arguments: str) -> list[str]:
    code = "import sys; from rasid_training.commands import train; sys.exit(train(sys.argv[1:]))"
    return [sys.executable, "-c", code, str(config), *arguments]


def _loosened(model: Path) -> Path:
    """Lower the thresholds, so that a model that has learned little still finds much to compare."""
    path = model / "config.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    schema = data["schema"]
    names = (*schema["entities"], *schema["events"], *schema["roles"])
    data["calibration"]["thresholds"] = dict.fromkeys(names, LOOSE)
    path.write_text(json.dumps(data), encoding="utf-8")
    return model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> Path:
    """A model trained for a few epochs by the command."""
    folder = tmp_path_factory.mktemp("trained")
    config = folder / "config.yaml"
    config.write_text(
        f"""
output: run
data: {{schema: {CORPUS.parent.parent / "schema.yaml"}, train: [{CORPUS}]}}
encoder: {{name: {tiny_encoder}, normalization: compact}}
optimization: {{epochs: 12, batch_size: 4, learning_rate: 2e-3, head_learning_rate: 5e-3}}
""",
        encoding="utf-8",
    )
    assert commands.train([str(config)]) == 0
    return _loosened(folder / "run" / "model")


def _spans(document: Document) -> tuple[object, ...]:
    entities = [(e.id, e.type, e.start, e.end) for e in document.entities]
    events = [
        (e.id, e.type, e.start, e.end, e.modality, [(a.role, a.entity) for a in e.arguments]) for e in document.events
    ]
    return entities, events


def _scores(document: Document) -> list[float]:
    scores = [e.score for e in document.entities]
    for event in document.events:
        scores += [event.score, *(a.score for a in event.arguments)]
    return [score for score in scores if score is not None]


def _same(one: Sequence[Document], other: Sequence[Document]) -> None:
    assert [_spans(d) for d in one] == [_spans(d) for d in other]
    for a, b in zip(one, other, strict=True):
        assert _scores(a) == pytest.approx(_scores(b), abs=1e-4)


def test_a_trained_model_is_a_whole_directory(model: Path) -> None:
    names = {path.name for path in model.iterdir()}
    expected = {
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "model.onnx",
        "model.int8.onnx",
        "links.onnx",
        "README.md",
    }
    assert names == expected
    artifact = find(model)
    assert artifact.config.provenance["not_representable"] == 0
    assert len(artifact.config.provenance["documents"]) == 5
    assert {"rasid", "torch", "transformers"} <= artifact.config.provenance["versions"].keys()
    losses = [row["loss"] for row in artifact.config.provenance["curve"] if "loss" in row]
    assert losses[-1] < 0.5 * losses[0]
    card = (model / "README.md").read_text(encoding="utf-8")
    assert "$" not in re.sub(r"`[^`]*`", "", card)
    assert "must not be trusted with" in card
    assert not (model.parent / "checkpoints").exists() or not list((model.parent / "checkpoints").glob("checkpoint-*"))


def test_onnx_and_torch_give_the_same(model: Path, corpus: Sequence[Document]) -> None:
    onnx, torch = Predictor.load(model, precision="fp32"), load_torch(model)
    expected = list(torch.stream_documents(corpus))
    assert sum(len(d.entities) for d in expected) > 100
    assert sum(len(d.events) for d in expected) > 30
    assert sum(len(e.arguments) for d in expected for e in d.events) > 30
    _same(list(onnx.stream_documents(corpus)), expected)
    _same([load_torch(model, together=1)(d.text, id=d.id, published=d.published) for d in corpus], expected)


def test_an_encoder_in_half_precision_finds_nearly_the_same(model: Path, corpus: Sequence[Document]) -> None:
    full, half = (
        {
            (d.id, e.type, e.start, e.end)
            for d in load_torch(model, precision=p).stream_documents(corpus)
            for e in d.entities
        }
        for p in ("fp32", "bf16")
    )  # type: ignore[arg-type]
    assert 2 * len(full & half) / (len(full) + len(half)) > 0.9


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_answer_does_not_depend_on_the_company(model: Path, corpus: Sequence[Document], precision: str) -> None:
    predictor = Predictor.load(model, precision=precision)  # type: ignore[arg-type]
    alone = [predictor(d.text, id=d.id, published=d.published) for d in corpus]
    assert sum(len(d.entities) for d in alone) > 100
    together = list(predictor.stream_documents(corpus))
    _same(together, alone)
    assert [(d.id, d.text, d.published, d.extra) for d in together] == [
        (d.id, d.text, d.published, d.extra) for d in corpus
    ]
    _same(list(predictor.stream_documents(reversed(corpus)))[::-1], alone)
    lines = [line for d in corpus for line in d.text.split("\n") if line.strip()]
    short = list(predictor.stream(lines))
    _same([predictor(line, id=d.id) for line, d in zip(lines, short, strict=True)], short)


def test_the_int8_graph_finds_nearly_the_same(model: Path, corpus: Sequence[Document]) -> None:
    fp32 = Predictor.load(model, precision="fp32")
    int8 = Predictor.load(model, precision="int8")
    found = [
        {(d.id, e.type, e.start, e.end) for d in p.stream_documents(corpus) for e in d.entities if (e.score or 0) > 0.5}
        for p in (fp32, int8)
    ]
    shared = len(found[0] & found[1])
    assert 2 * shared / (len(found[0]) + len(found[1])) > 0.9
    assert (model / "model.int8.onnx").stat().st_size < 0.4 * (model / "model.onnx").stat().st_size


def test_a_model_trained_in_half_precision_is_served_like_any_other(model: Path, write_config: WriteConfig) -> None:
    config = write_config(precision="bf16", epochs=1)
    assert commands.train([str(config)]) == 0
    for graph in ("model.onnx", "model.int8.onnx"):
        size = (config.parent / "run" / "model" / graph).stat().st_size
        assert size == pytest.approx((model / graph).stat().st_size, rel=0.02), graph


def test_the_model_loads_by_the_standard_calls(model: Path, tmp_path: Path) -> None:
    loaded = RasidModel.from_pretrained(model)
    loaded.save_pretrained(tmp_path / "again")
    one = load_file(model / "model.safetensors")
    other = load_file(tmp_path / "again" / "model.safetensors")
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_a_thin_copy_predicts_the_same(model: Path, corpus: Sequence[Document], tmp_path: Path) -> None:
    assert commands.export([str(model), str(tmp_path / "thin")]) == 0
    assert {path.name for path in (tmp_path / "thin").iterdir()} == {
        "config.json",
        "tokenizer.json",
        "model.int8.onnx",
        "links.onnx",
        "README.md",
    }
    thin, whole = Predictor.load(tmp_path / "thin"), Predictor.load(model, precision="int8")
    _same([thin(corpus[0].text)], [whole(corpus[0].text)])
    with pytest.raises(ModelError, match=r"was exported without model\.onnx"):
        Predictor.load(tmp_path / "thin", precision="fp32")


def test_a_model_of_the_older_form_is_exported_again(model: Path, corpus: Sequence[Document], tmp_path: Path) -> None:
    old = tmp_path / "old"
    shutil.copytree(model, old)
    (old / "links.onnx").unlink()
    config = json.loads((old / "config.json").read_text(encoding="utf-8"))
    del config["files"]["links.onnx"]
    (old / "config.json").write_text(json.dumps(config | {"rasid_format": 1}), encoding="utf-8")
    with pytest.raises(ModelError, match=r"has model format 1.*`rasid export MODEL DIR`"):
        Predictor.load(old)
    assert commands.export([str(old), str(tmp_path / "new")]) == 0
    new, before = Predictor.load(tmp_path / "new"), Predictor.load(model, precision="int8")
    _same([new(corpus[0].text)], [before(corpus[0].text)])
    (old / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"has no model\.safetensors to export again; give the directory"):
        commands.export([str(old), str(tmp_path / "newer")])


def test_the_card_of_a_thin_copy_shows_what_was_measured(
    model: Path, corpus: Sequence[Document], tmp_path: Path
) -> None:
    report = score(corpus, corpus, resamples=10).to_dict()
    file = tmp_path / "report.json"
    file.write_text(json.dumps(report), encoding="utf-8")
    assert commands.export([str(model), str(tmp_path / "thin"), "--scores", f"the seed articles={file}"]) == 0
    before, after = ((m / "README.md").read_text(encoding="utf-8") for m in (model, tmp_path / "thin"))
    assert f"On the seed articles ({len(corpus)} articles): strict F1" in after
    assert "| entities | 1.000 | 1.000 | 1.000 | 1.000 to 1.000 | 1.000 |" in after
    assert f"| KILL | {report['triggers']['strict']['kinds']['KILL']['gold']} | 1.000 | 1.000 | 1.000 |" in after
    for text in (before, after):  # only that section differs
        assert text.count("## What it is worth\n") == text.count("Scores are probabilities") == 1
    ends = [text[text.index("Scores are probabilities") :] for text in (before, after)]
    assert ends[0] == ends[1]
    file.write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match="was not written by rasid evaluate"):
        commands.export([str(model), str(tmp_path / "thin"), "--scores", f"x={file}"])
    with pytest.raises(InputError, match=r"write NAME=REPORT\.json"):
        commands.export([str(model), str(tmp_path / "thin"), "--scores", str(file)])
    with pytest.raises(InputError, match="has no section '## What it is worth'"):
        with_scores("a card of another kind", {})


def test_held_out_articles_are_not_trained_on(write_config: WriteConfig, tmp_path: Path) -> None:
    name = "000_dfce59b01cfaae11"
    assert commands.train([str(write_config()), "--hold-out", name, "--output", str(tmp_path / "out")]) == 0
    assert name not in find(tmp_path / "out" / "model").config.provenance["documents"]
    assert [d.id for d in read_documents(tmp_path / "out" / "held-out.jsonl")] == [name]


def test_development_articles_choose_and_calibrate(
    write_config: WriteConfig, tmp_path: Path, corpus: Sequence[Document]
) -> None:
    from rasid.document import write_documents

    write_documents(tmp_path / "train.jsonl", corpus[:3])
    write_documents(tmp_path / "development.jsonl", corpus[3:])
    data = {
        "schema": str(CORPUS.parent.parent / "schema.yaml"),
        "train": ["train.jsonl"],
        "development": ["development.jsonl"],
    }
    config = write_config(data=data, epochs=40, evaluate_every=2, patience=2)
    assert commands.train([str(config)]) == 0
    artifact = find(tmp_path / "run" / "model")
    curve = artifact.config.provenance["curve"]
    scores = [row["eval_f1"] for row in curve if "eval_f1" in row]
    assert scores
    assert artifact.config.provenance["development_f1"] == pytest.approx(max(scores), abs=1e-3)
    assert artifact.config.calibration.thresholds
    assert max(row["epoch"] for row in curve) <= 40


def _logged(folder: Path) -> list[tuple[int, float]]:
    (events,) = {path.parent for path in folder.rglob("events.out.tfevents.*")}
    accumulator = EventAccumulator(str(events))
    accumulator.Reload()
    return [(point.step, point.value) for point in accumulator.Scalars("train/loss")]


def test_a_killed_run_is_continued_to_the_same_weights(write_config: WriteConfig, tmp_path: Path) -> None:
    config = write_config(epochs=6)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(_train(config, "--output", str(whole)), env=_ONE_THREAD, check=True, capture_output=True)
    assert len(_logged(whole)) == 6  # TensorBoard has the loss of each epoch

    process = subprocess.Popen(
        _train(config, "--output", str(killed)), env=_ONE_THREAD, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 120
    while not list(killed.glob("checkpoints/checkpoint-*/trainer_state.json")):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (killed / "model").exists()
    # What a kill in the middle of a checkpoint leaves behind.
    (killed / "checkpoints" / "checkpoint-99999").mkdir()

    refused = subprocess.run(
        _train(config, "--output", str(killed)), env=_ONE_THREAD, capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0
    assert "continue it with --resume" in refused.stderr
    subprocess.run(
        _train(config, "--output", str(killed), "--resume"), env=_ONE_THREAD, check=True, capture_output=True
    )
    one, other = (load_file(path / "model" / "model.safetensors") for path in (whole, killed))
    assert one.keys() == other.keys()
    assert all((one[name] == other[name]).all() for name in one)


def test_another_configuration_does_not_continue_a_run(write_config: WriteConfig, tmp_path: Path) -> None:
    from rasid_annotations.corpus import load_corpus, load_schema
    from rasid_training.config import load_config
    from rasid_training.trainer import Articles, train

    schema, documents = load_schema(CORPUS.parent.parent / "schema.yaml"), load_corpus([CORPUS])
    train(load_config(write_config(epochs=1)), schema, Articles(documents[:1]), tmp_path / "run")
    with pytest.raises(TrainingError, match="another configuration, schema or corpus"):
        train(load_config(write_config(epochs=2)), schema, Articles(documents[:1]), tmp_path / "run", resume=True)


def test_two_processes_train_one_model(
    write_config: WriteConfig, tmp_path: Path, corpus: Sequence[Document], compact_tokenizer: Tokenizer
) -> None:
    config = write_config(epochs=2, batch_size=2)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nfrom rasid_training.commands import train\nsys.exit(train(sys.argv[1:]))\n", encoding="utf-8"
    )
    subprocess.run([*launcher, str(script), str(config)], env=_ONE_THREAD, check=True, timeout=300)
    model = tmp_path / "run" / "model"
    assert Predictor.load(model)("قتل 12 عنصرًا في حي القدم.").error is None
    steps = [step for step, _ in _logged(tmp_path / "run")]
    windows = sum(len(divide(read(document.text, compact_tokenizer), WindowSize())) for document in corpus)
    assert steps[-1] == 2 * math.ceil(windows / 4)  # two epochs; two processes take two windows each


def test_a_corpus_of_another_schema_is_named(write_config: WriteConfig, tmp_path: Path) -> None:
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "name: other\nlanguage: ar\nentities: {PERSON: a person}\nevents: {}\nmodalities: []\nroles: {}\n",
        encoding="utf-8",
    )
    config = write_config(data={"schema": str(schema), "train": [str(CORPUS)]})
    with pytest.raises(SchemaError, match=r"document '000_\w+', entity 't1': schema 'other' has no entity type"):
        commands.train([str(config)])


def test_an_entity_only_schema_trains(write_config: WriteConfig, tmp_path: Path) -> None:
    from rasid.document import Entity, write_documents

    text = "قال أحمد إن دمشق هادئة."
    schema = tmp_path / "schema.yaml"
    schema.write_text(
        "name: names\nlanguage: ar\nentities: {PER: a person, LOC: a place}\nevents: {}\nmodalities: []\nroles: {}\n",
        encoding="utf-8",
    )
    gold = Document("d", text, entities=(Entity("t1", "PER", 4, 8), Entity("t2", "LOC", 12, 16)))
    write_documents(tmp_path / "corpus.jsonl", [gold])
    config = write_config(data={"schema": str(schema), "train": ["corpus.jsonl"]}, epochs=30)
    assert commands.train([str(config)]) == 0
    found = Predictor.load(tmp_path / "run" / "model")(text)
    assert {(e.type, e.start, e.end) for e in found.entities} == {("PER", 4, 8), ("LOC", 12, 16)}
    assert found.events == ()


def test_a_column_file_is_trained_on_and_scored(write_config: WriteConfig, tmp_path: Path) -> None:
    """Types come from the file, development from its end, and the scores are those of whole words."""
    sentence = "زار O\nوفد O\nالأمم B-ORG\nالمتحدة I-ORG\nمدينة O\nحلب B-LOC\n. O\n\n"
    last = "وصل O\nسالم B-PERS\n. O\n\n"
    (tmp_path / "news.conll").write_text(sentence * 19 + last, encoding="utf-8")
    data = {"train": [str(tmp_path / "news.conll")], "development_share": 0.1}
    config = write_config(data=data, epochs=8, head_learning_rate=1e-2)
    assert commands.train([str(config), "--hold-out", "news-00003"]) == 0
    model = find(str(tmp_path / "run" / "model"))
    assert model.config.schema.entity_types == ("LOC", "ORG", "PERS")
    record = model.config.provenance
    assert record["development"] == ["news-00019", "news-00020"]
    assert "news-00003" not in record["documents"]
    assert len(record["documents"]) == 17
    gold = tmp_path / "gold.conll"
    gold.write_text(sentence, encoding="utf-8")
    assert main(["annotations", "convert", str(gold), str(tmp_path / "gold.jsonl")]) == 0
    found = tmp_path / "found.jsonl"
    assert main(["predict", "--model", str(model.path), "--output", str(found), str(tmp_path / "gold.jsonl")]) == 0
    assert main(["evaluate", str(gold), str(found), "--output", str(tmp_path / "report.json")]) == 0
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["snapped"] is True
    assert report["seqeval"]["micro"]["f1"] == pytest.approx(1.0)
