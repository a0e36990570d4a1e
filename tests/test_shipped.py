"""The model inside the package: that it is there, small, and made from what the repository holds."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from rasid.artifact import SHIPPED, find
from rasid.document import Document
from rasid.predictor import Predictor
from rasid_annotations.corpus import fingerprint, load_corpus, load_schema
from rasid_training.config import load_config
from rasid_training.configuration_file import read_yaml
from rasid_training.evaluation import load_result

ROOT = Path(__file__).parent.parent
CONFIG = ROOT / "configs" / "compact.yaml"


@pytest.fixture(scope="module")
def corpus() -> Sequence[Document]:
    return load_corpus([ROOT / "annotations" / "corpus"])


def test_it_answers() -> None:
    text = "قتل 12 عنصرًا من قوات النظام السوري خلال معارك في حي القدم جنوب دمشق."
    document = Predictor.load()(text)
    assert {document.mention(event) for event in document.events} >= {"قتل", "معارك"}
    assert {(e.type, document.mention(e)) for e in document.entities} >= {("LOC", "حي القدم")}


def test_it_reads_the_corpus_by_heart(corpus: Sequence[Document]) -> None:
    # It was trained on these articles: what it finds there tells that weights, graph and decoding belong together.
    found = list(Predictor.load().stream_documents(corpus))
    gold = {(d.id, e.type, e.start, e.end) for d in corpus for e in d.entities}
    predicted = {(d.id, e.type, e.start, e.end) for d in found for e in d.entities}
    assert len(gold & predicted) > 0.9 * len(gold)


def test_it_is_small_and_thin() -> None:
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 40_000_000
    assert {path.name for path in SHIPPED.iterdir()} == {
        "README.md",
        "config.json",
        "model.int8.onnx",
        "tokenizer.json",
    }


def test_it_was_made_from_this_configuration_and_corpus(corpus: Sequence[Document]) -> None:
    config = find(None).config
    assert config.provenance["configuration"] == read_yaml(CONFIG)
    assert config.provenance["corpus"] == fingerprint(corpus)
    assert config.schema == load_schema(ROOT / "annotations" / "schema.yaml")


def test_its_calibration_was_measured_on_this_recipe_and_corpus(corpus: Sequence[Document]) -> None:
    config = load_config(CONFIG)
    assert config.crossvalidation is not None
    result = load_result(Path(config.crossvalidation))
    assert result["recipe"] == json.loads(json.dumps(config.recipe()))
    assert result["corpus"] == fingerprint(corpus)
    assert find(None).config.calibration.to_dict() == result["calibration"]


def test_its_card_shows_what_was_measured() -> None:
    result = load_result(ROOT / "configs" / "compact.crossvalidation.json")
    card = (SHIPPED / "README.md").read_text(encoding="utf-8")
    first = next(iter(result["reports"].values()))
    for layer in ("entities", "triggers", "arguments"):
        assert f"{first[layer]['strict']['f1']:.3f}" in card


def test_it_holds_no_path_of_the_machine_it_was_made_on() -> None:
    for path in (*SHIPPED.iterdir(), ROOT / "configs" / "compact.crossvalidation.json"):
        # The graph too: exporters note where each line of source stands.
        assert b"site-packages" not in path.read_bytes(), path
        assert str(ROOT).encode() not in path.read_bytes(), path
