"""The model inside the package: that it is there, small, and made from what the repository holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from rasid.artifact import SHIPPED, find
from rasid.document import Document
from rasid.predictor import Predictor
from rasid_annotations.corpus import load_corpus, load_schema
from rasid_training.configuration_file import read_yaml

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "compact.yaml"


@pytest.fixture(scope="module")
def corpus() -> Sequence[Document]:
    return load_corpus([ROOT / "annotations" / "corpus" / "seeds.jsonl"])


def test_it_answers() -> None:
    text = "قتل 12 عنصرًا من قوات النظام السوري خلال معارك في حي القدم جنوب دمشق."
    document = Predictor.load()(text)
    assert {document.mention(event) for event in document.events} >= {"قتل", "معارك"}
    assert {(e.type, document.mention(e)) for e in document.entities} >= {("LOC", "حي القدم")}


def test_it_reads_the_corpus_by_heart(corpus: Sequence[Document]) -> None:
    # It was trained on these articles too: what it finds there tells that weights, graph and decoding belong together.
    found = list(Predictor.load().stream_documents(corpus))
    gold = {(d.id, e.type, e.start, e.end) for d in corpus for e in d.entities}
    predicted = {(d.id, e.type, e.start, e.end) for d in found for e in d.entities}
    assert len(gold & predicted) > 0.9 * len(gold)


def test_it_is_small_and_thin() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 40_000_000
    assert {path.name for path in SHIPPED.iterdir()} == {
        "README.md",
        "config.json",
        "links.onnx",
        "model.int8.onnx",
        "tokenizer.json",
    }


def _ids(name: str) -> list[str]:
    lines = (ROOT / "annotations" / "corpus" / name).read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["id"] for line in lines]


def test_it_was_made_from_this_configuration_and_corpus() -> None:
    # The text of most articles is not in the repository: `make evaluate` compares the annotations themselves.
    config = find(None).config
    assert config.provenance["configuration"] == read_yaml(CONFIG)
    assert config.provenance["documents"] == _ids("seeds.jsonl") + _ids("detached/train.jsonl")
    assert config.provenance["development"] == _ids("detached/development.jsonl")
    assert config.schema == load_schema(ROOT / "annotations" / "schema.yaml")


def test_no_test_article_was_seen() -> None:
    record = find(None).config.provenance
    assert not {*record["documents"], *record["development"]} & set(_ids("detached/test.jsonl"))


def test_it_is_calibrated_with_a_threshold_for_each_type() -> None:
    config = find(None).config
    names = {*config.schema.entity_types, *config.schema.event_types, *config.schema.role_names}
    assert config.calibration.thresholds.keys() == names
    assert all(scale != (1.0, 0.0) for scale in config.calibration.scales.values())


@pytest.mark.parametrize("name", ["test", "seeds"])
def test_its_card_shows_what_was_measured(name: str) -> None:
    report = json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    card = (SHIPPED / "README.md").read_text(encoding="utf-8")
    for layer in ("entities", "triggers", "arguments"):
        assert f"{report[layer]['strict']['f1']:.3f}" in card


def test_it_holds_no_path_of_the_machine_it_was_made_on() -> None:
    for path in (*SHIPPED.iterdir(), ROOT / "configs" / "seeds.crossvalidation.json"):
        # The graph too: exporters note where each line of source stands.
        assert b"site-packages" not in path.read_bytes(), path
        assert str(ROOT).encode() not in path.read_bytes(), path
